"""Rules of GitLab: in which pipelines a job is, as far as the words of `rules`, `only` and `except` decide it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<operator>&&|\|\||==|!=|=~|!~|\(|\)|!)|\$\{?(?P<variable>\w+)\}?|"(?P<double>[^"]*)"|'(?P<single>[^']*)'"""
    r"""|/(?P<pattern>(?:\\.|[^/\\])*)/(?P<flags>[a-z]*)|(?P<null>null\b))"""
)
_MOST: Final = 64
"""Alternatives of a condition; one with more is not taken apart."""
_MERGE: Final = "merge_request_event"
_SOURCE, _BRANCH, _TAG = "CI_PIPELINE_SOURCE", "CI_COMMIT_BRANCH", "CI_COMMIT_TAG"
_OF_MERGES: Final = ("CI_MERGE_REQUEST_IID", "CI_MERGE_REQUEST_ID", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME")
_KEYWORDS: Final[Mapping[str, str]] = {
    "branches": "$CI_COMMIT_BRANCH",
    "tags": "$CI_COMMIT_TAG",
    "merge_requests": f'$CI_PIPELINE_SOURCE == "{_MERGE}"',
    "pushes": '$CI_PIPELINE_SOURCE == "push"',
    "schedules": '$CI_PIPELINE_SOURCE == "schedule"',
    "web": '$CI_PIPELINE_SOURCE == "web"',
    "api": '$CI_PIPELINE_SOURCE == "api"',
    "triggers": '$CI_PIPELINE_SOURCE == "trigger"',
    "pipelines": '$CI_PIPELINE_SOURCE == "pipeline"',
    "chat": '$CI_PIPELINE_SOURCE == "chat"',
    "external": '$CI_PIPELINE_SOURCE == "external"',
    "external_pull_requests": '$CI_PIPELINE_SOURCE == "external_pull_request_event"',
}
"""What `only` and `except` call a kind of pipeline."""
_ORDINARY: Final = "$CI_COMMIT_BRANCH || $CI_COMMIT_TAG"
"""Pipelines that a job without rules is in."""


@dataclass(frozen=True, kw_only=True, slots=True)
class JobRule:
    """One rule of a job or of a workflow: where its condition holds, the job is in the pipeline or (`never`) is not.

    Attributes:
        condition: in GitLab's words; empty: always. also: what else it depends on, such as files that changed, as it is written.
        when: `on_success` and the like.
    """

    condition: str = ""
    also: str = ""
    when: str = "on_success"


@dataclass(frozen=True, slots=True)
class _Expression:
    """`$A == "b" && ($C || $D)` as a tree; `kind` is and, or, not, set, compare, or unread."""

    kind: str
    parts: tuple[_Expression, ...] = ()
    variable: str = ""
    operator: str = ""
    value: str | None = None


_UNREAD: Final = _Expression("unread")


@dataclass(frozen=True, kw_only=True, slots=True)
class PipelineKind:
    """What is known of the variables of some pipelines.

    Attributes:
        known: a variable's value; None: it is not set; `""`: it is set, to what is not known.
        differs: values that a variable does not have. alike: variables of which a pattern is known.
    """

    known: Mapping[str, str | None] = field(default_factory=dict)
    differs: Mapping[str, frozenset[str]] = field(default_factory=dict)
    alike: frozenset[str] = frozenset()

    def given(self, variable: str, value: str | None) -> PipelineKind | None:
        """The same, where the variable has this value too; None where no pipeline is so."""
        if variable in self.known:
            before = self.known[variable]
            if before is None or value is None:
                return self if before == value else None
            if before and value and before != value:
                return None if not (before.startswith("$") or value.startswith("$")) else self
            value = before or value
        if value is not None and value in self.differs.get(variable, ()):
            return None
        return _complete(replace(self, known={**self.known, variable: value}), variable)


def _complete(kind: PipelineKind, variable: str) -> PipelineKind | None:
    """What follows from a variable: a merge request's pipeline has no branch of its own, a branch's is of no tag."""
    value = kind.known[variable]
    found: PipelineKind | None = kind
    follows: list[tuple[str, str | None]] = []
    if variable == _SOURCE and value:
        merge = value == _MERGE
        follows += [(name, "" if merge else None) for name in _OF_MERGES]
        follows += [(_BRANCH, None), (_TAG, None)] if merge else []
    if variable in (_BRANCH, _TAG) and value is not None:
        follows += [(_TAG if variable == _BRANCH else _BRANCH, None), *((name, None) for name in _OF_MERGES)]
        follows += [("CI_COMMIT_REF_NAME", value)] if value else []
        if kind.known.get(_SOURCE) == _MERGE:
            return None
        differs = {**kind.differs, _SOURCE: kind.differs.get(_SOURCE, frozenset()) | {_MERGE}}
        found = replace(kind, differs=differs)
    if variable in _OF_MERGES and value is not None:
        follows.append((_SOURCE, _MERGE))
    for name, implied in follows:
        if found is not None and (name not in found.known or found.known[name] != implied):
            found = found.given(name, implied)
    return found


def in_pipeline(rules: Sequence[JobRule] | None, kind: PipelineKind, *, by_itself: bool = False) -> bool | None:
    """Whether a job with these rules is in pipelines of a kind; None where that is not decided by what is known of them.

    Args:
        rules: of the job; None where it has none.
        kind: what is known of the pipelines.
        by_itself: count only where it starts without a hand.
    """
    out = ("never", "on_failure", "manual") if by_itself else ("never", "on_failure")
    found: set[bool] = set()
    for rule in rules if rules is not None else [JobRule(condition=_ORDINARY)]:
        holds = True if not rule.condition else _holds(_read(rule.condition), kind)
        if rule.also and holds:
            holds = None
        if holds is not False:
            found.add(rule.when not in out)
        if holds:
            break
    else:
        found |= {False}
    return found.pop() if len(found) == 1 else None


def kinds_with(rules: Sequence[JobRule] | None, among: Sequence[PipelineKind]) -> list[PipelineKind]:
    """The kinds of pipelines that a job with these rules may be in, each no narrower than it is."""
    found = []
    for rule in rules if rules is not None else [JobRule(condition=_ORDINARY)]:
        if rule.when != "never":
            found += [one for kind in among for one in _assumed(_read(rule.condition), kind)]
    return found


def always_with(
    job: Sequence[JobRule] | None, other: Sequence[JobRule] | None, among: Sequence[PipelineKind]
) -> bool | None:
    """Whether a job is in every pipeline that another is in; None where the rules do not decide it."""
    if job == other and not any(rule.when == "on_failure" for rule in job or ()):
        return True
    seen = [in_pipeline(job, kind) for kind in kinds_with(other, among)]
    return False if False in seen else None if None in seen or not seen else True


def branch_pushes() -> list[PipelineKind]:
    """Pipelines of a push to a branch: without an open merge request, and with one."""
    found = []
    for requests in (None, ""):
        kind: PipelineKind | None = PipelineKind()
        for name, value in ((_SOURCE, "push"), (_BRANCH, ""), ("CI_OPEN_MERGE_REQUESTS", requests)):
            kind = kind and kind.given(name, value)
        found += [kind] if kind else []
    return found


def merge_pipelines(pushes: PipelineKind) -> list[PipelineKind]:
    """The pipelines of a merge request that such a push makes too; none where no request is open."""
    made = PipelineKind().given(_SOURCE, _MERGE) if pushes.known.get("CI_OPEN_MERGE_REQUESTS") is not None else None
    return [made] if made else []


def rules_of(job: Mapping[str, Any], listed: Sequence[Any] | None) -> tuple[JobRule, ...] | None:
    """The rules of a job: its `rules` (`listed`, references resolved), or what `only` and `except` amount to; None where it has none of them."""
    if listed is not None:
        return tuple(map(_rule, listed))
    if "only" not in job and "except" not in job:
        return None
    rules = []
    if job.get("except") is not None:
        rules += [replace(one, when="never") for one in _listed(job["except"], any_part=True)]
    only = job.get("only")
    return (*rules, *_listed(only if only is not None else ["branches", "tags"], any_part=False))


def _rule(written: Any) -> JobRule:
    if not isinstance(written, dict):
        return JobRule(also=repr(written))
    known = {"if", "when", "allow_failure", "variables", "needs", "start_in", "interruptible", "auto_cancel"}
    return JobRule(
        condition=str(written.get("if", "")),
        also=_rest(written, known),
        when=str(written.get("when", "on_success")),
    )


def _rest(written: Mapping[str, Any], known: set[str]) -> str:
    """What a mapping says beside the known keys, as text."""
    more = {key: value for key, value in written.items() if key not in known}
    return repr(more) if more else ""


def _listed(value: Any, *, any_part: bool) -> list[JobRule]:
    """`only` and `except`: names of branches and kinds of pipelines, or a mapping with `refs`, `variables`, `changes`."""
    if not isinstance(value, dict):
        return [JobRule(condition=_ref(one)) for one in _texts(value)] or [JobRule(also=repr(value))]
    refs = [f"({_ref(one)})" for one in _texts(value.get("refs"))]
    variables = [f"({one})" for one in _texts(value.get("variables"))]
    both = [f"({' || '.join(group)})" for group in (refs, variables) if group]
    more = _rest(value, {"refs", "variables"})
    if any_part:
        return [JobRule(condition=one) for one in both] + ([JobRule(also=more)] if more else [])
    if not refs:
        both.append(f"({_ORDINARY})")
    return [JobRule(condition=" && ".join(both), also=more)]


def _ref(name: str) -> str:
    """A branch, a pattern of branches and tags, or a kind of pipelines as a condition."""
    if name in _KEYWORDS:
        return _KEYWORDS[name]
    of = name.partition("@")[0]
    if not of.startswith("/"):
        return f'$CI_COMMIT_BRANCH == "{of}"'
    return f"$CI_COMMIT_BRANCH =~ {of} || $CI_COMMIT_TAG =~ {of}"


def _texts(value: Any) -> list[str]:
    listed = value if isinstance(value, list) else [value]
    return [str(one) for one in listed if isinstance(one, (str, int, float))]


def _read(text: str) -> _Expression:
    """A condition as a tree; what is not understood is unread, and neither holds nor fails."""
    if not text.strip():
        return _Expression("and")
    tokens, at = [], 0
    while at < len(text.rstrip()):
        found = _TOKEN.match(text, at)
        if found is None:
            return _UNREAD
        tokens.append(found)
        at = found.end()
    try:
        parser = _ConditionParser(tokens)
        tree = parser.either()
    except (LookupError, RecursionError):
        return _UNREAD
    return tree if parser.at == len(tokens) else _UNREAD


class _ConditionParser:
    """Reads `||` over `&&` over comparisons."""

    def __init__(self, tokens: Sequence[re.Match[str]]) -> None:
        self.tokens = tokens
        self.at = 0

    def either(self) -> _Expression:
        """One of several; raises LookupError where the text is no condition."""
        parts = [self._both()]
        while self._operator() == "||":
            self.at += 1
            parts.append(self._both())
        return _Expression("or", tuple(parts)) if len(parts) > 1 else parts[0]

    def _both(self) -> _Expression:
        parts = [self._one()]
        while self._operator() == "&&":
            self.at += 1
            parts.append(self._one())
        return _Expression("and", tuple(parts)) if len(parts) > 1 else parts[0]

    def _operator(self) -> str:
        return self.tokens[self.at]["operator"] or "" if self.at < len(self.tokens) else ""

    def _one(self) -> _Expression:
        token = self.tokens[self.at]
        self.at += 1
        if token["operator"] == "!":
            return _Expression("not", (self._one(),))
        if token["operator"] == "(":
            found = self.either()
            self.at += 1
            return found if self.tokens[self.at - 1]["operator"] == ")" else _UNREAD
        if token["variable"] is None:
            return _UNREAD
        operator = self._operator()
        if operator not in ("==", "!=", "=~", "!~"):
            return _Expression("set", variable=token["variable"])
        self.at += 2
        value = _value(self.tokens[self.at - 1], pattern="~" in operator)
        compared = _Expression("compare", variable=token["variable"], operator=operator[-1], value=value)
        return _Expression("not", (compared,)) if operator[0] == "!" else compared


def _value(token: re.Match[str], *, pattern: bool) -> str | None:
    """What is compared with: a text, `$NAME` of another variable, None for null, a pattern; raises LookupError where it is something else."""
    if pattern and token["pattern"] is not None:
        return ("(?i)" if token["flags"] == "i" else "") + token["pattern"]
    if token["null"] and not pattern:
        return None
    if token["variable"] and not pattern:
        return f"${token['variable']}"
    text: str | None = token["double"] if token["double"] is not None else token["single"]
    if pattern or not text:
        raise LookupError  # an empty text is neither set nor not
    return text


def _holds(tree: _Expression, kind: PipelineKind) -> bool | None:
    """Whether a condition holds for pipelines of a kind; None where it does for some, or is unread."""
    if tree.kind in ("and", "or"):
        seen, decides = [_holds(part, kind) for part in tree.parts], tree.kind == "or"
        return decides if decides in seen else None if None in seen else not decides
    if tree.kind == "not":
        inner = _holds(tree.parts[0], kind)
        return None if inner is None else not inner
    if tree.kind == "unread":
        return None
    known = tree.variable in kind.known
    value = kind.known.get(tree.variable)
    if known and value is None:
        return tree.kind == "compare" and tree.operator == "=" and tree.value is None
    if tree.kind == "set" or (tree.value is None and tree.operator == "="):
        return (tree.kind == "set") if known else None
    return _compared(tree, value or "", kind)


def _compared(tree: _Expression, value: str, kind: PipelineKind) -> bool | None:
    """A variable that is set against a text or a pattern; `value` is empty where it is not known."""
    expected = tree.value or ""
    if tree.operator == "~":
        try:
            return None if not value or value.startswith("$") else re.search(expected, value) is not None
        except re.error:
            return None
    if value == expected and value:
        return True
    if expected in kind.differs.get(tree.variable, ()):
        return False
    return None if not value or "$" in (value[:1], expected[:1]) else False


def _assumed(tree: _Expression, kind: PipelineKind) -> list[PipelineKind]:
    """The kinds of pipelines of which a condition holds; the kind itself where it cannot be taken apart."""
    if tree.kind == "and":
        found = [kind]
        for part in tree.parts:
            found = [one for before in found for one in _assumed(part, before)]
            if len(found) > _MOST:
                return [kind]
        return found
    if tree.kind == "or":
        found = [one for part in tree.parts for one in _assumed(part, kind)]
        return found if len(found) <= _MOST else [kind]
    if _holds(tree, kind) is False:
        return []
    made: PipelineKind | None = kind
    if tree.kind == "set":
        made = kind.given(tree.variable, "")
    elif tree.kind == "compare" and tree.operator == "=":
        made = kind.given(tree.variable, tree.value)
    elif tree.kind == "compare":
        literal = re.fullmatch(r"\^([\w/.-]+)\$", tree.value or "")
        made = kind.given(tree.variable, literal[1].replace("\\", "") if literal else "")
        made = made and replace(made, alike=made.alike | {tree.variable})
    elif tree.kind == "not":
        made = _refuted(tree.parts[0], kind)
    return [made] if made is not None else []


def _refuted(tree: _Expression, kind: PipelineKind) -> PipelineKind | None:
    """The kind of which a comparison does not hold."""
    if tree.kind == "set" or (tree.kind == "compare" and tree.operator == "=" and tree.value is None):
        return kind.given(tree.variable, None if tree.kind == "set" else "")
    if tree.kind == "compare" and tree.operator == "=":
        other = kind.differs.get(tree.variable, frozenset()) | {str(tree.value)}
        return replace(kind, differs={**kind.differs, tree.variable: other})
    return kind
