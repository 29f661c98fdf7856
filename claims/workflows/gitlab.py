"""Jobs of a GitLab file as it is written; `include`, `extends` and `!reference` are not followed, so name the merged file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from harness.errors import ConfigurationError
from harness.yamlfile import TaggedList, YamlDocument

from .jobs import (
    CiJob,
    CiStep,
    Held,
    lenient,
    mapping_of,
    node_of_image,
    texts_of,
    variables_of,
    weakest,
)
from .script import script_lines

_KEYWORDS: Final = frozenset(
    [
        "default",
        "include",
        "stages",
        "workflow",
        "variables",
        "image",
        "services",
        "before_script",
        "after_script",
        "cache",
        "spec",
    ]
)
_DEFAULTS: Final = ("before_script", "after_script", "hooks", "image", "interruptible")
"""Keys of a job that `default`, or the file, may have for it, as far as they are read."""
_OF_A_RULE: Final = frozenset(
    ["if", "changes", "exists", "when", "start_in", "allow_failure", "variables", "interruptible"]
)
_OF_A_NEED: Final = frozenset(["job", "artifacts", "optional"])
_MERGED: Final = "hint: name the merged file, which GitLab shows as Full configuration"
_EQUAL: Final = re.compile(r"""\$(?P<variable>\w+)\s*==\s*(?P<quote>["'])(?P<value>[^"']+)(?P=quote)""")


def gitlab_jobs(document: YamlDocument, file: str) -> tuple[dict[str, CiJob], str]:
    """The jobs of a file, and why further jobs may be missing (empty: none are); raises ConfigurationError if it has no jobs."""
    data: Mapping[str, Any] = document.data
    jobs = {
        name: job
        for name, job in data.items()
        if name not in _KEYWORDS
        and not name.startswith(".")
        and isinstance(job, dict)
        and any(key in job for key in ("script", "trigger", "run", "extends"))
    }
    if not jobs:
        raise ConfigurationError("is not a workflow of GitHub or GitLab: it has no jobs", where=document.where(()))
    order = [".pre", *(texts_of(data.get("stages")) or ["build", "test", "deploy"]), ".post"]
    for name, job in jobs.items():
        if str(job.get("stage", "test")) not in order and not _unread(data, job):
            what = f"the job's stage `{job.get('stage', 'test')}` is not among `stages`"
            raise ConfigurationError(what, where=document.where((name,)))
    found = {}
    for name, job in jobs.items():
        stages = [one for one in order if one == str(job.get("stage", "test"))]
        before = {other for other in jobs if stages and _is_before(jobs[other], job, order)}
        found[name] = _job(document, file, name, {other: jobs[other] for other in before})
    included = f"`include` ({file}:{document.line(('include',))})" if data.get("include") else ""
    return found, f"the files of {included} are not read; {_MERGED}" if included else ""


def _is_before(one: Mapping[str, Any], other: Mapping[str, Any], order: Sequence[str]) -> bool:
    stages = [str(job.get("stage", "test")) for job in (one, other)]
    return all(stage in order for stage in stages) and order.index(stages[0]) < order.index(stages[1])


def _unread(data: Mapping[str, Any], job: Mapping[str, Any]) -> str:
    """Why the keys of a job do not describe it completely; empty if they do."""
    if data.get("include"):
        return f"the files that `include` names are not read and may change the job; {_MERGED}"
    if "extends" in job or "trigger" in job or "run" in job:
        key = next(key for key in ("extends", "trigger", "run") if key in job)
        return f"`{key}` of the job is not followed; {_MERGED}"
    if any(_has_reference(value) for value in job.values()) or _has_reference(data.get("default")):
        return f"`!reference` in the job is not followed; {_MERGED}"
    inherit = job.get("inherit", {})
    kept = [mapping_of(inherit).get(part, True) for part in ("default", "variables")]
    if not isinstance(inherit, dict) or not all(isinstance(one, (bool, list)) for one in kept):
        return f"`inherit: {str(inherit)[:60]}` of the job is not understood"
    return ""


def _inherited(job: Mapping[str, Any], part: str, values: Any) -> dict[str, Any]:
    """The values of the file that a job takes over by its `inherit`: all of them, none, or those that it lists."""
    kept = mapping_of(job.get("inherit")).get(part, True)
    return {key: value for key, value in mapping_of(values).items() if key in texts_of(kept) or kept is True}


def _has_reference(value: Any) -> bool:
    if isinstance(value, TaggedList):
        return True
    parts = value if isinstance(value, list) else value.values() if isinstance(value, dict) else ()
    return any(_has_reference(part) for part in parts)


def _job(document: YamlDocument, file: str, name: str, before: Mapping[str, Mapping[str, Any]]) -> CiJob:
    data, job = document.data, document.data[name]
    globally = {key: data[key] for key in _DEFAULTS if key in data and key in _KEYWORDS}
    default = _inherited(job, "default", {**globally, **mapping_of(data.get("default"))})
    own = {key: job.get(key, default.get(key)) for key in _DEFAULTS}
    image = own["image"].get("name") if isinstance(own["image"], dict) else own["image"]
    why = _unread(data, job)
    listed = [*_texts(own["before_script"]), *_texts(job.get("script"))]
    place = f"{file}:{document.line((name, 'script'))}"
    variables = variables_of(_inherited(job, "variables", data.get("variables")), job.get("variables"))
    fails = lenient(job.get("allow_failure"), "allow_failure")
    soft = [key for key in ("when", "rules", "only", "except") if key in job]
    return CiJob(
        id=name,
        stage=str(job.get("stage", "test")),
        place=f"{file}:{document.line((name,))}",
        steps=(
            CiStep(place=place, lines=script_lines("\n".join(listed)), variables=variables),
            *_beside(document, file, name, own),
        ),
        fails=Held(ok=None, why=why) if why else _soft(job) if fails.ok else fails,
        starts=f"the job may be left out of a pipeline by its `{'` and `'.join(soft)}`" if soft else why,
        waits=_waits(job, before, why),
        node=() if why else tuple(node_of_image(str(image or ""))),
        environment=bool(job.get("environment")),
        never=_is_never(job.get("rules")) or _is_never(mapping_of(data.get("workflow")).get("rules")),
        superseded=_superseded(data, own["interruptible"]),
        unread=why,
    )


def _superseded(data: Mapping[str, Any], interruptible: Any) -> str:
    """Why a newer push may cancel a job, as far as the file says so; the project's own setting is in no file."""
    cancels = mapping_of(mapping_of(data.get("workflow")).get("auto_cancel")).get("on_new_commit")
    if cancels == "none" or (cancels in (None, "interruptible") and interruptible in (None, False)):
        return ""
    return f"`{'auto_cancel' if cancels else 'interruptible'}` lets a newer push cancel the job of an earlier one"


def _is_never(rules: Any) -> bool:
    """Whether the rules leave a job out of every pipeline: each that may be the first to fit says `never`."""
    for rule in rules if isinstance(rules, list) else ():
        if mapping_of(rule).get("when") != "never":
            return False
        if not {"if", "changes", "exists"} & {*rule}:
            return True
    return isinstance(rules, list)


def _beside(document: YamlDocument, file: str, name: str, own: Mapping[str, Any]) -> Iterator[CiStep]:
    """The scripts of a job whose failure does not fail it, as steps of their own."""
    hooks = mapping_of(own["hooks"]).get("pre_get_sources_script")
    for key, script in (("pre_get_sources_script", hooks), ("after_script", own["after_script"])):
        fails = Held(ok=False, why=f"a failure in `{key}` does not fail the job")
        begins = Held(ok=None, why=f"`{key}` may run although the script of the job fails")
        if lines := script_lines("\n".join(_texts(script))):
            place = f"{file}:{document.line((name, key))}"
            yield CiStep(place=place, lines=lines, fails=fails, begins=begins)


def _texts(value: Any) -> list[str]:
    """The lines of a script, with nested lists flattened."""
    if isinstance(value, (list, TaggedList)):
        return [text for one in value for text in _texts(one)]
    return [str(value)] if value is not None else []


def _rules(job: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The rules of a job: each may have the keys `when` and `allow_failure`, as the job itself."""
    listed = job.get("rules")
    return [one for one in (listed if isinstance(listed, list) else ()) if isinstance(one, dict)]


def _soft(job: Mapping[str, Any]) -> Held:
    """Whether a failure of the job stops the jobs that wait for it; unknown if the job or one of its rules has `when` or `allow_failure`."""
    if any(rule.get("when", "on_success") != "on_success" or rule.get("allow_failure") for rule in (job, *_rules(job))):
        return Held(ok=None, why="`when` or `allow_failure` of the job may change what a failure does to the pipeline")
    odd = [key for rule in _rules(job) for key in rule if key not in _OF_A_RULE and key != "needs"]
    return Held(ok=None, why=f"`{odd[0]}` of a rule is not understood") if odd else Held()


def _waits(job: Mapping[str, Any], before: Mapping[str, Mapping[str, Any]], why: str) -> dict[str, Held]:
    """The jobs that a job waits for: its `needs`, else every job of an earlier stage; unknown where a rule may replace them."""
    rules = _rules(job)
    after = [str(one["when"]) for one in (job, *rules) if one.get("when") in ("always", "on_failure")]
    odd = [key for rule in rules for key in rule if key not in _OF_A_RULE]
    begins = Held(ok=None, why=why) if why else Held()
    if after and not why:
        begins = Held(ok=None, why=f"the job has `when: {after[0]}`, so it may run after a failure")
    elif odd and not why:
        begins = Held(ok=None, why=f"`{odd[0]}` of a rule may change what the job waits for")
    found = {name: begins if begins.ok is not True else _is_always_with(one, job) for name, one in before.items()}
    if "needs" in job:
        found = {name: weakest(begins, held) for name, held in _needed(job["needs"])}
    if odd:
        other = [*before, *(name for rule in rules for name, _ in _needed(rule.get("needs")))]
        found = {**dict.fromkeys(other, begins), **found}
    return found


def _needed(needs: Any) -> Iterator[tuple[str, Held]]:
    """The jobs of this pipeline that a list of `needs` names; those of another pipeline or project are no jobs of the file."""
    for need in needs if isinstance(needs, list) else ():
        written = need if isinstance(need, dict) else {"job": need}
        name, odd = str(written.get("job", "")), [key for key in written if key not in _OF_A_NEED]
        if "project" in odd or "pipeline" in odd:
            continue
        if odd:
            yield name, Held(ok=None, why=f"the job may not wait for all of {name}: `{odd[0]}` of its entry in `needs`")
        elif written.get("optional"):
            yield name, Held(ok=None, why=f"the job may run without {name}: its entry in `needs` is optional")
        else:
            yield name, Held()


def _is_always_with(earlier: Mapping[str, Any], job: Mapping[str, Any]) -> Held:
    """Whether an earlier job is in every pipeline that has `job`: both have the same rules, or it has none and those of `job` require a branch."""
    keys = ("rules", "only", "except")
    if all(earlier.get(key) == job.get(key) for key in keys):
        return Held()
    equal = conditions_of(job.get("rules"))
    if not any(key in earlier for key in keys) and equal and all("CI_COMMIT_BRANCH" in one for one in equal):
        return Held()
    return Held(
        ok=None, why="the `rules` of the two jobs differ, so it is unknown whether both are in the same pipelines"
    )


def conditions_of(rules: Any) -> list[dict[str, str]] | None:
    """The condition of each rule as variable → value; None without rules, or if one is not made of `$A == "b"` and `&&` only."""
    found = []
    if not isinstance(rules, list) or not rules:
        return None
    for rule in rules:
        if not isinstance(rule, dict) or not {*rule} <= {"if", "when", "allow_failure", "variables"}:
            return None
        parts = [_EQUAL.fullmatch(part.strip()) for part in str(rule.get("if", "")).split("&&")]
        if not all(parts):
            return None
        if rule.get("when") != "never":
            found.append({part["variable"]: part["value"] for part in parts if part})
    return found
