"""Workflows of GitLab: jobs with what they extend and refer to, their stages, and which must have succeeded before one begins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from harness.drivers.static.conditions import PipelineKind, always_with, kinds_with, rules_of
from harness.drivers.static.jobs import Held, Job, Workflow, WorkflowStep, name_of, node_of_image, texts_of
from harness.drivers.static.shell import GITLAB_SHELL, commands_of
from harness.errors import ConfigurationError
from harness.yamlfile import TaggedList, YamlDocument

_WORDS: Final = frozenset(
    [
        "default",
        "image",
        "services",
        "stages",
        "variables",
        "workflow",
        "include",
        "before_script",
        "after_script",
        "cache",
        "pages",
        "spec",
    ]
)
"""Keys of a GitLab file that are not jobs."""
_DEEPEST: Final = 10
"""Jobs that extend each other, and scripts in scripts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _File:
    """A GitLab file while its jobs are read: their mappings by name, and the order of their stages."""

    document: YamlDocument
    file: str
    runs: Mapping[str, Mapping[str, Any]]
    order: Sequence[str]

    def stage(self, name: str) -> str:
        """The stage of a job."""
        return str(self.runs[name].get("stage", "test"))

    def setting(self, name: str, key: str) -> Any:
        """A key of a job, of `default`, or of the file."""
        data = self.document.data
        default = data.get("default")
        if key in self.runs[name]:
            return self.runs[name][key]
        return (default.get(key) if isinstance(default, dict) else None) or data.get(key)

    def listed(self, name: str, key: str) -> list[Any] | None:
        """A key of a job that is a list, references resolved; None where the job has none."""
        value = self.runs[name].get(key)
        return _items(self.document, value) if isinstance(value, (list, TaggedList)) else None


def gitlab_workflow(document: YamlDocument, file: str) -> Workflow:
    """A workflow of GitLab; raises ConfigurationError where it is not one."""
    data = document.data
    known = {
        name: _extended(document, name, job)
        for name, job in data.items()
        if name not in _WORDS and not name.startswith(".") and isinstance(job, dict)
    }
    runs = {name: job for name, job in known.items() if any(key in job for key in ("script", "trigger", "run"))}
    if not runs:
        raise ConfigurationError("is not a workflow of GitHub or GitLab: it has no jobs", where=document.where(()))
    stages = texts_of(data.get("stages")) or ["build", "test", "deploy"]
    read = _File(document=document, file=file, runs=runs, order=(".pre", *stages, ".post"))
    workflow = data.get("workflow")
    written = workflow.get("rules") if isinstance(workflow, dict) else None
    rules = _items(document, written) if isinstance(written, (list, TaggedList)) else None
    jobs = {name: _job(read, name) for name in runs}
    own = rules_of({}, rules) if rules is not None else None
    among = kinds_with(own, [PipelineKind()]) if own is not None else [PipelineKind()]
    return Workflow(
        file=file,
        forge="gitlab",
        place=f"{file}:{document.line(('workflow',) if rules else ())}",
        triggers={"rules": rules},
        jobs=jobs,
        held=lambda job: _Waiting(read, jobs, among).of(job),
        rules=own,
        elsewhere=_elsewhere(read),
    )


def _elsewhere(read: _File) -> str:
    """What brings jobs of other files: `include`, or a job that starts another pipeline."""
    places: list[tuple[str, ...]] = [("include",)] if read.document.data.get("include") else []
    places += [(name, "trigger") for name, job in read.runs.items() if job.get("trigger")]
    return f"`{places[0][-1]}` ({read.file}:{read.document.line(places[0])})" if places else ""


def _extended(document: YamlDocument, name: str, job: Mapping[str, Any], depth: int = 0) -> dict[str, Any]:
    """A job with what it takes from the jobs that it extends."""
    at = (name, "extends")
    if depth > _DEEPEST:
        raise ConfigurationError("the jobs extend each other without end", where=document.where(at))
    found: dict[str, Any] = {}
    for other in texts_of(job.get("extends")):
        base = document.data.get(other)
        if not isinstance(base, dict):
            hint = "only what is in this file is read; include the other file's text"
            raise ConfigurationError(
                f"extends `{other}`, which is not in this file", where=document.where(at), hint=hint
            )
        found.update(_extended(document, other, base, depth + 1))
    return {**found, **job}


def _job(read: _File, name: str) -> Job:
    job, stage, document = read.runs[name], read.stage(name), read.document
    if stage not in read.order:
        raise ConfigurationError(f"the stage `{stage}` is not among `stages`", where=document.where((name, "stage")))
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
        node=tuple(node_of_image(name_of(read.setting(name, "image")))),
        environment=name_of(job.get("environment")),
        place=f"{read.file}:{document.line((name,))}",
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
        return best

    def _edge(self, name: str, other: str) -> Held:
        """Whether a job begins only where one that it waits for has succeeded."""
        job, before = self.jobs[name], self.jobs[other]
        if job.regardless:
            return Held(ok=False, why=f"job {name} runs after a failure too: {job.regardless}")
        needs = _needs(self.read, name)
        if needs is not None and needs.get(other):
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
    script = read.runs[name].get(key) if key == "script" else read.setting(name, key)
    for index, text in enumerate(_flat(read.document, script)):
        at = (name, key, index) if isinstance(script, list) else (name, key)
        place = f"{read.file}:{read.document.line(at)}"
        for line in text.splitlines():
            lines.append(line)
            places.append(place)


def _referred(document: YamlDocument, reference: TaggedList) -> Any:
    """What `!reference [job, key]` stands for; None where this file does not have it."""
    part: Any = document.data
    for key in reference:
        part = part.get(key) if isinstance(part, dict) else None
    return part


def _items(document: YamlDocument, value: Any, depth: int = 0) -> list[Any]:
    """A list with what its references stand for; one that this file does not have stays a text that no rule is."""
    if depth > _DEEPEST:
        raise ConfigurationError("a list refers to itself", where=document.where(()))
    if isinstance(value, TaggedList):
        found = _referred(document, value)
        return [f"!reference {list(value)}"] if found is None else _items(document, found, depth + 1)
    if isinstance(value, list):
        return [
            item
            for one in value
            for item in (_items(document, one, depth + 1) if isinstance(one, (list, TaggedList)) else [one])
        ]
    return [value] if value is not None else []


def _flat(document: YamlDocument, script: Any) -> list[str]:
    """The lines of a script: a text, a list of them at any depth, or `!reference [job, script]`."""
    return [str(one) for one in _items(document, script)]


def _conditions(rules: Sequence[Any] | None) -> str:
    listed = [one for one in rules or () if isinstance(one, dict)]
    return " or ".join(str(one.get("if", "always")) for one in listed if one.get("when") != "never")
