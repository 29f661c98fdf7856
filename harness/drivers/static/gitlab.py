"""Workflows of GitLab: jobs with what they extend and refer to, their stages, and which must have succeeded before one begins."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from harness.drivers.static.conditions import PipelineKind, always_with, kinds_with, rules_of
from harness.drivers.static.includes import KEYWORDS, MergedDocument, UnreadInclude, deep_merged
from harness.drivers.static.jobs import Held, Job, Workflow, WorkflowStep, mapping_of, name_of, node_of_image, texts_of
from harness.drivers.static.shell import GITLAB_SHELL, commands_of
from harness.errors import ConfigurationError
from harness.yamlfile import Location, TaggedList

_DEEPEST: Final = 10
"""Jobs that extend each other, and scripts in scripts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _File:
    """A GitLab file while its jobs are read: their mappings by name, and the order of their stages."""

    document: MergedDocument
    runs: Mapping[str, Mapping[str, Any]]
    order: Sequence[str]

    def stage(self, name: str) -> str:
        """The stage of a job."""
        return str(self.runs[name].get("stage", "test"))

    def setting(self, name: str, key: str) -> tuple[Any, Location]:
        """A key of a job, of `default`, or of the file, with its location."""
        if key in self.runs[name]:
            return self.runs[name][key], (self.origin(name, key), key)
        inherit = self.runs[name].get("inherit")
        inherited = inherit.get("default", True) if isinstance(inherit, dict) else True
        if not (key in inherited if isinstance(inherited, list) else inherited):
            return None, (name,)
        default = self.document.data.get("default")
        if isinstance(default, dict) and default.get(key):
            return default[key], ("default", key)
        return self.document.data.get(key), (key,)

    def origin(self, name: str, key: str) -> str:
        """The job, itself or one that it extends, that writes a key of it."""
        return next((one for one in _chain(self.document, name) if key in self.document.data[one]), name)

    def listed(self, name: str, key: str) -> list[Any] | None:
        """A key of a job that is a list, references resolved; None where the job has none."""
        value = self.runs[name].get(key)
        return _items(self.document, value) if isinstance(value, (list, TaggedList)) else None


def gitlab_workflow(document: MergedDocument, file: str) -> Workflow:
    """A workflow of GitLab; raises ConfigurationError where it is not one."""
    data = document.data
    known = {
        name: _extended(document, name)
        for name, job in data.items()
        if name not in KEYWORDS and not name.startswith(".") and isinstance(job, dict)
    }
    runs = {name: job for name, job in known.items() if any(key in job for key in ("script", "trigger", "run"))}
    if not runs:
        raise ConfigurationError("is not a workflow of GitHub or GitLab: it has no jobs", where=document.where(()))
    stages = texts_of(data.get("stages")) or ["build", "test", "deploy"]
    read = _File(document=document, runs=runs, order=(".pre", *stages, ".post"))
    workflow = data.get("workflow")
    written = workflow.get("rules") if isinstance(workflow, dict) else None
    rules = _items(document, written) if isinstance(written, (list, TaggedList)) else None
    jobs = {name: _job(read, name) for name in runs}
    own = rules_of({}, rules) if rules is not None else None
    among = kinds_with(own, [PipelineKind()]) if own is not None else [PipelineKind()]
    return Workflow(
        file=file,
        forge="gitlab",
        place=document.place(("workflow",) if rules else ()),
        triggers={"rules": rules},
        jobs=jobs,
        held=lambda job: _Waiting(read, jobs, among).of(job),
        rules=own,
        elsewhere=_elsewhere(read),
        called=document.files,
        unsettled=lambda name, keys: _unsettled(document, name, keys),
    )


def _elsewhere(read: _File) -> str:
    """What brings jobs of other files: `include`, or a job that starts another pipeline."""
    found = [one.words for one in read.document.unread]
    found += [
        f"`trigger` ({read.document.place((name, 'trigger'))})" for name, job in read.runs.items() if job.get("trigger")
    ]
    return found[0] if found else ""


def _unsettled(document: MergedDocument, name: str, keys: Collection[str]) -> str:
    """Why it is not known what some keys of a job come to, as an include may set them that is not merged; empty where it is."""
    chain = _chain(document, name)
    asked = list(keys)
    if "rules" in keys and not any("rules" in mapping_of(document.data.get(one)) for one in chain):
        asked += ["only", "except"]
    for one in document.unread:
        if name in one.jobs and "rules" in keys:
            return f"job {name} of {one.words} {one.why}"
        found = [key for key in asked if _is_open(document, one, chain, key)]
        if found:
            what = f"job {name}" if name not in KEYWORDS else f"`{name}`"
            return f"what {one.words} brings {one.why}, and may set {', '.join(f'`{key}`' for key in found)} of {what}"
    return ""


def _is_open(document: MergedDocument, include: UnreadInclude, chain: Sequence[str], key: str) -> bool:
    """Whether an include may set a key of a job: where that one writes it itself it does not, as that wins."""
    for link in chain:
        if key in mapping_of(document.data.get(link)):
            return False
        if include.touches(link, key):
            return True
    if key not in ("before_script", "image") or key in document.data or key in mapping_of(document.data.get("default")):
        return False
    return include.touches("default", key) or include.touches(key, "")


def _order_unsettled(document: MergedDocument) -> str:
    """Why the order of the stages is not known; empty where it is."""
    found = next((one for one in document.unread if one.touches("stages", "")), None)
    if found is None or "stages" in document.data:
        return ""
    return f"what {found.words} brings {found.why}, and may set `stages`"


def _chain(document: MergedDocument, name: str) -> tuple[str, ...]:
    """A job and those that it extends, of which the earlier one wins; raises ConfigurationError where one is not there."""
    found: dict[str, None] = {}
    if name in KEYWORDS:
        return (name,)

    def add(one: str, below: tuple[str, ...]) -> None:
        at = (one, "extends")
        if one in below or len(below) > _DEEPEST:
            raise ConfigurationError("the jobs extend each other without end", where=document.where(at))
        if one in found:
            return
        found[one] = None
        for other in reversed(texts_of(mapping_of(document.data.get(one)).get("extends"))):
            if not isinstance(document.data.get(other), dict):
                raise _not_there(document, other, at)
            add(other, (*below, one))

    add(name, ())
    return tuple(found)


def _not_there(document: MergedDocument, name: str, at: Location) -> ConfigurationError:
    unread = ", ".join(one.words for one in document.unread)
    hint = "name the merged file, as GitLab shows it" if unread else "write the job, or include its file"
    what = f"extends `{name}`, which is not in this file or one that was read"
    return ConfigurationError(f"{what}; not read: {unread}" if unread else what, where=document.where(at), hint=hint)


def _extended(document: MergedDocument, name: str) -> dict[str, Any]:
    """A job with what it takes from the jobs that it extends."""
    found: dict[str, Any] = {}
    for one in reversed(_chain(document, name)):
        found = deep_merged(found, document.data[one])
    return found


def _job(read: _File, name: str) -> Job:
    job, stage, document = read.runs[name], read.stage(name), read.document
    if stage not in read.order:
        unread = _order_unsettled(document)
        what = f"the stage `{stage}` is not among `stages`{'; ' * bool(unread)}{unread}"
        hint = "name the merged file, as GitLab shows it" if unread else "add it there"
        raise ConfigurationError(what, where=document.where((name, "stage")), hint=hint)
    when = str(job.get("when", "on_success"))
    listed = read.listed(name, "rules")
    if listed is not None:
        listed = [{"when": when, **one} if isinstance(one, dict) else one for one in listed]
    rules = rules_of(job, listed)
    ways = [str(one.get("when")) for one in listed or () if isinstance(one, dict)] or [when]
    late = next((one for one in ways if one in ("always", "on_failure")), "")
    return Job(
        id=name,
        stage=stage,
        needs=tuple(_waits(read, name)),
        steps=tuple(_steps(read, name)),
        node=tuple(node_of_image(name_of(read.setting(name, "image")[0]))),
        environment=name_of(job.get("environment")),
        place=document.place((name,)),
        may_fail=_allowed(job, listed, when),
        regardless=f"`when: {late}`" if late else "",
        starts=_conditions(listed) or " or ".join(texts_of(job.get("only"))),
        rules=rules,
    )


def _allowed(job: Mapping[str, Any], listed: Sequence[Any] | None, when: str) -> str:
    """Why a failure of a job stops nothing, or why it runs only after one; empty where neither is so."""
    rules = [one for one in listed or () if isinstance(one, dict) and one.get("when") != "never"]
    if job.get("allow_failure", when == "manual") not in (False, None):
        return "`allow_failure`"
    if any(one.get("allow_failure") not in (False, None) for one in rules):
        return "`allow_failure` of a rule"
    if any(one.get("when") == "on_failure" for one in rules):
        return "`when: on_failure` of a rule"
    return f"`when: {when}`" if listed is None and when in ("on_failure", "never") else ""


def _needs(read: _File, name: str) -> dict[str, bool] | None:
    """The jobs that one names under `needs`, and whether the pipeline must have them; None where it waits for the stages before."""
    written = read.listed(name, "needs")
    found = None if written is None else _named(written)
    for rule in read.listed(name, "rules") or ():
        if isinstance(rule, dict) and "needs" in rule and rule.get("when") != "never":
            other = _named(_items(read.document, rule["needs"]))
            found = (
                other if found is None else {one: sure and found[one] for one, sure in other.items() if one in found}
            )
    return found


def _named(needs: Sequence[Any]) -> dict[str, bool]:
    """Names of `needs`; a job of another pipeline or project, and one of several that run beside each other, is left out."""
    return {
        name_of(one): not (isinstance(one, dict) and one.get("optional") is True)
        for one in needs
        if not (isinstance(one, dict) and {"pipeline", "project", "parallel"} & set(one))
    }


def _waits(read: _File, name: str) -> list[str]:
    """The jobs that one waits for: those that it needs, else those of the stages before."""
    needs = _needs(read, name)
    if needs is not None:
        return list(needs)
    begins = read.order.index(read.stage(name))
    return [one for one in read.runs if read.stage(one) in read.order and read.order.index(read.stage(one)) < begins]


class _Waiting:
    """Finds, for each job behind another, whether it holds that one back in every pipeline."""

    def __init__(self, read: _File, jobs: Mapping[str, Job], among: Sequence[PipelineKind]) -> None:
        self.read, self.jobs, self.among = read, jobs, among

    def of(self, name: str) -> Mapping[str, Held]:
        """The jobs behind one, each by the surest of the ways to it."""
        best: dict[str, Held] = {}
        waiting = [(name, Held(ok=True))]
        while waiting:
            before, way = waiting.pop(0)
            for other in self.jobs[before].needs:
                if other not in self.jobs or other == name:
                    continue
                found = _weaker(way, self._edge(before, other))
                if other not in best or _RANK[found.ok] > _RANK[best[other].ok]:
                    best[other] = found
                    waiting.append((other, found))
        if not self.jobs[name].regardless:
            why = next(filter(None, (self._order(one) for one in (name, *best))), "")
            staged = any(_needs(self.read, one) is None for one in (name, *best))
            for other in self.jobs.keys() - best.keys() - {name}:
                if words := why or (self._open(other, ("stage",)) if staged else ""):
                    best[other] = Held(ok=None, why=words)
        return best

    def _open(self, name: str, keys: Collection[str]) -> str:
        return _unsettled(self.read.document, name, keys)

    def _order(self, name: str) -> str:
        """Why it is not known for which jobs one waits."""
        if _needs(self.read, name) is not None:
            return self._open(name, ("needs",))
        return self._open(name, ("needs", "stage")) or _order_unsettled(self.read.document)

    def _edge(self, name: str, other: str) -> Held:
        """Whether a job begins only where one that it waits for has succeeded."""
        job, before = self.jobs[name], self.jobs[other]
        if job.regardless:
            return Held(ok=False, why=f"job {name} runs after a failure too: {job.regardless}")
        needs = _needs(self.read, name)
        sure = bool(needs and needs.get(other))
        why = self._order(name) or self._open(name, ("rules", "when"))
        if not why and not sure:
            why = self._open(other, ("rules", "when", "stage") if needs is None else ("rules", "when"))
        if why:
            return Held(ok=None, why=why)
        if sure:
            return Held(ok=True)
        always = always_with(before.rules, job.rules, self.among)
        if always:
            return Held(ok=True)
        when = f"it is there when {_when(before)}, job {name} when {_when(job)}"
        if always is None:
            return Held(ok=None, why=f"whether job {other} is in every pipeline with job {name} is not decided: {when}")
        return Held(ok=False, why=f"job {other} is not in every pipeline with job {name}: {when}")


_RANK: Final[Mapping[bool | None, int]] = {False: 0, None: 1, True: 2}


def _weaker(one: Held, other: Held) -> Held:
    return one if _RANK[one.ok] < _RANK[other.ok] else other


def _when(job: Job) -> str:
    return job.starts or "a branch or a tag is built"


def _steps(read: _File, name: str) -> Iterator[WorkflowStep]:
    """A step a command. What comes before the script is one script with it; what comes after it runs whatever it did."""
    lines: list[str] = []
    places: list[str] = []
    for key in ("before_script", "script"):
        _append(read, name, key, lines, places)
    for command in commands_of("\n".join(lines), GITLAB_SHELL):
        yield WorkflowStep(name=name, commands=(command,), place=places[command.line], words=command.text)
    lines, places = [], []
    _append(read, name, "after_script", lines, places)
    for command in commands_of("\n".join(lines), GITLAB_SHELL):
        why = "`after_script`"
        yield WorkflowStep(
            name=name, commands=(command,), place=places[command.line], words=command.text, may_fail=why, regardless=why
        )


def _append(read: _File, name: str, key: str, lines: list[str], places: list[str]) -> None:
    """The lines of one script of a job, and the place of each."""
    script, at = (
        (read.runs[name].get(key), (read.origin(name, key), key)) if key == "script" else read.setting(name, key)
    )
    for text, location in _located(read.document, script, at):
        place = read.document.place(location)
        for line in str(text).splitlines():
            lines.append(line)
            places.append(place)


def _referred(document: MergedDocument, reference: TaggedList) -> Any:
    """What `!reference [job, key]` stands for; None where no file that was read has it."""
    part: Any = document.data
    for key in reference:
        part = part.get(key) if isinstance(part, dict) else None
    return part


def _located(document: MergedDocument, value: Any, at: Location, depth: int = 0) -> Iterator[tuple[Any, Location]]:
    """The items of a list at any depth, each with its location; a reference is what it stands for, or a text that no rule is."""
    if depth > _DEEPEST:
        raise ConfigurationError("a list refers to itself", where=document.where(at))
    if isinstance(value, TaggedList):
        found = _referred(document, value)
        if found is None:
            yield f"!reference {list(value)}", at
        else:
            yield from _located(document, found, tuple(str(key) for key in value), depth + 1)
    elif isinstance(value, list):
        for index, one in enumerate(value):
            yield from _located(document, one, (*at, index), depth + 1)
    elif value is not None:
        yield value, at


def _items(document: MergedDocument, value: Any) -> list[Any]:
    """A list with what its references stand for."""
    return [one for one, _ in _located(document, value, ())]


def _conditions(rules: Sequence[Any] | None) -> str:
    listed = [one for one in rules or () if isinstance(one, dict)]
    return " or ".join(str(one.get("if", "always")) for one in listed if one.get("when") != "never")
