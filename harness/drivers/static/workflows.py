"""Workflows of GitHub and GitLab as one shape: jobs with steps, what each needs, and what may fail without stopping it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from harness.drivers.paper import Asked
from harness.drivers.static.files import files_of, named, shown
from harness.errors import ConfigurationError
from harness.yamlfile import TaggedList, YamlDocument, read_documents

_GITLAB_WORDS: Final = frozenset(
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
_SILENT: Final = re.compile(r"\|\|\s*(?:true|:|exit\s+0|echo\b.*)\s*$")
_ALWAYS: Final = re.compile(r"\b(?:always|failure|cancelled)\s*\(\s*\)")


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkflowStep:
    """One step of a job.

    Attributes:
        name: for people. commands: its command lines, in order. uses: an action, without its version. inputs: of the action.
        place: `file:line`.
        may_fail: why its failure does not stop the job, or why it may not run at all; empty where neither is so.
        words: all its text, for what it speaks of.
    """

    name: str
    commands: tuple[str, ...] = ()
    uses: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)
    place: str
    may_fail: str = ""
    words: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One job.

    Attributes:
        id: in its file. stage: of a GitLab job. needs: ids of the jobs that must have succeeded.
        node: versions of Node.js that it runs on, as they are written; empty where it says none.
        environment: that it deploys to, where it says so. place: `file:line`.
        may_fail: why its failure stops nothing; empty where it does.
        regardless: why it also runs after a failure; empty where it does not.
        starts: when it runs, in its own words; empty: whenever the workflow does.
    """

    id: str
    stage: str = ""
    needs: tuple[str, ...] = ()
    steps: tuple[WorkflowStep, ...] = ()
    node: tuple[str, ...] = ()
    environment: str = ""
    place: str
    may_fail: str = ""
    regardless: str = ""
    starts: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Workflow:
    """One workflow file.

    Attributes:
        file: from where the target file is. forge: `github` or `gitlab`. place: of what starts it.
        triggers: events of GitHub with their filters; for GitLab the conditions of `workflow: rules`, under `rules`.
        jobs: by id.
    """

    file: str
    forge: str
    place: str
    triggers: Mapping[str, Any]
    jobs: Mapping[str, Job]

    def needed_by(self, job: str) -> list[str]:
        """The jobs that must have succeeded before a job begins, through others, nearest first."""
        found: dict[str, None] = {}
        waiting = list(self.jobs[job].needs)
        while waiting:
            name = waiting.pop(0)
            if name in self.jobs and name not in found:
                found[name] = None
                waiting += self.jobs[name].needs
        return list(found)


def workflows(asked: Asked) -> list[Workflow]:
    """The workflows that the target file names.

    Raises:
        ConfigurationError: there are none, or one is not a workflow.
    """
    found = []
    for path in files_of(named(asked, "workflows"), lambda path: path.suffix in (".yml", ".yaml")):
        asked.keep(path)
        found.append(read_workflow(path, shown(path, asked)))
    if not found:
        raise ConfigurationError("there is no workflow", where=f"{asked.target.file}: files.workflows")
    return found


def read_workflow(path: Path, file: str) -> Workflow:
    """One workflow file; raises ConfigurationError where it is neither GitHub's nor GitLab's."""
    documents = [one for one in read_documents(path) if one.data is not None]
    if not documents or not isinstance(documents[-1].data, dict):
        raise ConfigurationError("is not a workflow", where=f"{path}:1", hint="name files with jobs")
    document = documents[-1]  # a GitLab file may begin with its `spec`
    return _github(document, file) if "jobs" in document.data else _gitlab(document, file)


def _github(document: YamlDocument, file: str) -> Workflow:
    data = document.data
    jobs = data["jobs"]
    if not isinstance(jobs, dict) or not jobs or not all(isinstance(job, dict) for job in jobs.values()):
        raise ConfigurationError(
            "has no jobs", where=document.where(("jobs",)), hint="each job is a mapping with `steps`"
        )
    if "on" not in data:
        raise ConfigurationError("says nothing of when it starts", where=document.where(()), hint="add `on: …`")
    on = data["on"]
    triggers = on if isinstance(on, dict) else dict.fromkeys(on if isinstance(on, list) else [on])
    known = {name: _github_job(document, file, name, job) for name, job in jobs.items()}
    return Workflow(file=file, forge="github", place=f"{file}:{document.line(('on',))}", triggers=triggers, jobs=known)


def _github_job(document: YamlDocument, file: str, name: str, job: Mapping[str, Any]) -> Job:
    at = ("jobs", name)
    steps = job.get("steps") or []
    if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
        raise ConfigurationError("the steps are not a list of mappings", where=document.where((*at, "steps")))
    condition = str(job.get("if", ""))
    read = tuple(_github_step(document, file, (*at, "steps", index), step) for index, step in enumerate(steps))
    if "uses" in job:  # a workflow of another file
        read = (WorkflowStep(name="", uses=str(job["uses"]), place=f"{file}:{document.line((*at, 'uses'))}"),)
    return Job(
        id=name,
        needs=tuple(_texts(job.get("needs"))),
        steps=read,
        node=_github_node(job, steps),
        environment=_name_of(job.get("environment")),
        place=f"{file}:{document.line(at)}",
        may_fail=_continues(job),
        regardless=f"`if: {condition}`" if _ALWAYS.search(condition) else "",
        starts=condition,
    )


def _github_step(document: YamlDocument, file: str, at: tuple[str | int, ...], step: Mapping[str, Any]) -> WorkflowStep:
    commands = command_lines(str(step.get("run") or ""))
    inputs = step.get("with")
    given = {key: _input(value) for key, value in inputs.items()} if isinstance(inputs, dict) else {}
    return WorkflowStep(
        name=str(step.get("name") or step.get("id") or ""),
        commands=commands,
        uses=str(step.get("uses") or "").partition("@")[0],
        inputs=given,
        place=f"{file}:{document.line(at)}",
        may_fail=_continues(step) or _conditional(step),
        words=" ".join([*commands, *given.values(), *map(str, _mapping(step.get("env")).values())]),
    )


def _input(value: Any) -> str:
    """An input as the action gets it: `false` for False."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _continues(part: Mapping[str, Any]) -> str:
    value = part.get("continue-on-error", False)
    return "" if value in (False, "false") else f"`continue-on-error: {str(value).lower()}`"


def _conditional(step: Mapping[str, Any]) -> str:
    """The condition under which a step is left out, though nothing before it has failed."""
    condition = str(step.get("if", "")).strip().removeprefix("${{").removesuffix("}}").strip()
    return "" if condition in ("", "success()", "always()", "!cancelled()") else f"`if: {condition}`"


def _github_node(job: Mapping[str, Any], steps: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    matrix = _mapping(_mapping(job.get("strategy")).get("matrix"))
    container = job.get("container")
    image = container.get("image") if isinstance(container, dict) else container
    found = list(_node_of_image(str(image or "")))
    for step in steps:
        if str(step.get("uses") or "").startswith("actions/setup-node"):
            version = str(_mapping(step.get("with")).get("node-version", "")) or "not written in the workflow"
            key = re.fullmatch(r"\$\{\{\s*matrix\.([\w-]+)\s*\}\}", version)
            listed = matrix.get(key[1]) if key else None
            found = [str(one) for one in listed] if isinstance(listed, list) else [version]
    return tuple(found)


def _node_of_image(image: str) -> Iterator[str]:
    repository, _, tag = image.rpartition("/")[2].partition(":")
    if repository == "node":
        yield tag.partition("-")[0] or "latest"


@dataclass(frozen=True, kw_only=True, slots=True)
class _GitlabFile:
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
        return self.runs[name].get(key) or (default.get(key) if isinstance(default, dict) else None) or data.get(key)


def _gitlab(document: YamlDocument, file: str) -> Workflow:
    data = document.data
    known = {
        name: _extended(document, name, job)
        for name, job in data.items()
        if name not in _GITLAB_WORDS and not name.startswith(".") and isinstance(job, dict)
    }
    runs = {name: job for name, job in known.items() if any(key in job for key in ("script", "trigger", "run"))}
    if not runs:
        raise ConfigurationError("is not a workflow of GitHub or GitLab: it has no jobs", where=document.where(()))
    stages = _texts(data.get("stages")) or ["build", "test", "deploy"]
    read = _GitlabFile(document=document, file=file, runs=runs, order=(".pre", *stages, ".post"))
    workflow = data.get("workflow")
    rules = workflow.get("rules") if isinstance(workflow, dict) else None
    return Workflow(
        file=file,
        forge="gitlab",
        place=f"{file}:{document.line(('workflow',) if rules else ())}",
        triggers={"rules": rules if isinstance(rules, list) else None},
        jobs={name: _gitlab_job(read, name) for name in runs},
    )


def _extended(document: YamlDocument, name: str, job: Mapping[str, Any], depth: int = 0) -> dict[str, Any]:
    """A job with what it takes from the jobs that it extends."""
    at = (name, "extends")
    if depth > _DEEPEST:
        raise ConfigurationError("the jobs extend each other without end", where=document.where(at))
    found: dict[str, Any] = {}
    for other in _texts(job.get("extends")):
        base = document.data.get(other)
        if not isinstance(base, dict):
            hint = "only what is in this file is read; include the other file's text"
            raise ConfigurationError(
                f"extends `{other}`, which is not in this file", where=document.where(at), hint=hint
            )
        found.update(_extended(document, other, base, depth + 1))
    return {**found, **job}


def _gitlab_job(read: _GitlabFile, name: str) -> Job:
    job, stage, document = read.runs[name], read.stage(name), read.document
    if stage not in read.order:
        raise ConfigurationError(f"the stage `{stage}` is not among `stages`", where=document.where((name, "stage")))
    begins = read.order.index(stage)
    earlier = [one for one in read.runs if read.stage(one) in read.order and read.order.index(read.stage(one)) < begins]
    needs = [_name_of(one) for one in job["needs"]] if isinstance(job.get("needs"), list) else earlier
    when = str(job.get("when", ""))
    allowed = job.get("allow_failure", when == "manual")
    return Job(
        id=name,
        stage=stage,
        needs=tuple(needs),
        steps=tuple(_gitlab_steps(read, name)),
        node=tuple(_node_of_image(_name_of(read.setting(name, "image")))),
        environment=_name_of(job.get("environment")),
        place=f"{read.file}:{document.line((name,))}",
        may_fail="" if allowed in (False, None) else "`allow_failure`",
        regardless=f"`when: {when}`" if when in ("always", "on_failure") else "",
        starts=_conditions(job.get("rules")) or " or ".join(_texts(job.get("only"))),
    )


def _gitlab_steps(read: _GitlabFile, name: str) -> Iterator[WorkflowStep]:
    """A step a line of the script: the first that fails ends the job."""
    for key in ("before_script", "script"):
        script = read.setting(name, key) if key == "before_script" else read.runs[name].get(key)
        for index, line in enumerate(_flat(read.document, script)):
            at = (name, key, index) if isinstance(script, list) else (name, key)
            place = f"{read.file}:{read.document.line(at)}"
            for command in command_lines(line):
                yield WorkflowStep(name=name, commands=(command,), place=place, words=command)


def _flat(document: YamlDocument, script: Any, depth: int = 0) -> list[str]:
    """The lines of a script: a text, a list of them at any depth, or `!reference [job, script]`."""
    if depth > _DEEPEST:
        raise ConfigurationError("a script refers to itself", where=document.where(()))
    if isinstance(script, TaggedList):
        part: Any = document.data
        for key in script:
            part = part.get(key) if isinstance(part, dict) else None
        return _flat(document, part, depth + 1)
    if isinstance(script, list):
        return [line for one in script for line in _flat(document, one, depth + 1)]
    return [str(script)] if script is not None else []


def _conditions(rules: Any) -> str:
    listed = [one for one in rules if isinstance(one, dict)] if isinstance(rules, list) else []
    return " or ".join(str(one.get("if", "always")) for one in listed if one.get("when") != "never")


def _texts(value: Any) -> list[str]:
    listed = value if isinstance(value, list) else [value]
    return [str(one) for one in listed if isinstance(one, (str, int, float))]


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _name_of(value: Any) -> str:
    """A value that is a name, or a mapping with a name."""
    found = next((value[key] for key in ("name", "job") if key in value), "") if isinstance(value, dict) else value
    return str(found or "")


def command_lines(script: str) -> tuple[str, ...]:
    """The command lines of a script: continued lines joined, comments left out, `a && b` taken apart, spaces made single."""
    joined = re.sub(r"\\\r?\n", " ", script)
    lines = (line.strip() for line in joined.splitlines())
    parts = (part for line in lines if line and not line.startswith("#") for part in re.split(r"\s&&\s|\s;\s|;$", line))
    return tuple(" ".join(part.split()) for part in parts if part.strip())


def is_silent(command: str) -> bool:
    """Whether a command line hides its failure, as `npm audit || true` does."""
    return _SILENT.search(command) is not None
