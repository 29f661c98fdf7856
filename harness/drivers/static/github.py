"""Workflows of GitHub: jobs and steps, the shell of each, and which jobs must have succeeded before one begins."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from harness.drivers.static.called import WorkflowCall, begin_of, called_jobs, written
from harness.drivers.static.composite import ActionReader
from harness.drivers.static.jobs import Held, Job, Workflow, WorkflowStep, mapping_of, name_of, node_of_image, texts_of
from harness.drivers.static.shell import Shell, commands_of, github_shell
from harness.errors import ConfigurationError
from harness.yamlfile import YamlDocument

_STATUS: Final = re.compile(r"\b(?:always|failure|cancelled|success)\s*\(")
_NONE_FAILED: Final = re.compile(r"!\s*contains\(\s*needs\.\*\.result\s*,\s*'failure'\s*\)", re.IGNORECASE)
_SUCCEEDED: Final = re.compile(
    r"needs(?:\.(?P<job>[\w-]+)|\[\s*'(?P<quoted>[^']+)'\s*\])\.result\s*==\s*'success'", re.IGNORECASE
)


_DEEPEST: Final = 10
"""Composite actions in each other; GitHub allows so many."""


def github_workflow(document: YamlDocument, file: str, call: WorkflowCall, action: ActionReader) -> Workflow:
    """A workflow of GitHub; raises ConfigurationError where it is not one.

    Args:
        document: its file.
        file: from where the target file is.
        call: reads a workflow that a job calls; its jobs are among those of this one.
        action: reads a composite action that a step uses; its steps are among those of the job.
    """
    data = document.data
    jobs = data["jobs"]
    if not isinstance(jobs, dict) or not jobs or not all(isinstance(job, dict) for job in jobs.values()):
        raise ConfigurationError(
            "has no jobs", where=document.where(("jobs",)), hint="each job is a mapping with `steps`"
        )
    if "on" not in data:
        raise ConfigurationError("says nothing of when it starts", where=document.where(()), hint="add `on: …`")
    if odd := next((name for name in jobs if "/" in name), ""):
        hint = "an id has letters, digits, `-` and `_`"
        raise ConfigurationError(f"`{odd}` is not the id of a job", where=document.where(("jobs", odd)), hint=hint)
    on = data["on"]
    triggers = on if isinstance(on, dict) else dict.fromkeys(texts_of(on))
    known: dict[str, Job] = {}
    brought = ""
    for name, job in jobs.items():
        read = _job(document, file, name, job, action)
        called = call(str(job["uses"]), _inputs(job)) if "uses" in job else None
        known.update({name: read} if called is None else called_jobs(read, called))
        brought = brought or (called.elsewhere if called else "")
    return Workflow(
        file=file,
        forge="github",
        place=f"{file}:{document.line(('on',))}",
        triggers=triggers,
        jobs=known,
        held=lambda job: _held(known, job),
        elsewhere=_elsewhere(jobs, known) or brought,
    )


def _elsewhere(jobs: Mapping[str, Any], known: Mapping[str, Job]) -> str:
    """What brings commands of files that are not read: a workflow that a job calls, or an action of the repository."""
    for name, job in known.items():
        for step in job.steps:
            if "uses" in jobs.get(name, {}) or step.uses.startswith("./"):
                return f"`uses: {step.uses}` ({step.place})"
    return ""


class _PlacedStep(NamedTuple):
    """A step as it is written, in a workflow or an action, and the steps that use that action, the outermost first."""

    document: YamlDocument
    file: str
    at: tuple[str | int, ...]
    written: Mapping[str, Any]
    outer: tuple[WorkflowStep, ...] = ()


def _placed(
    document: YamlDocument, file: str, at: tuple[str | int, ...], action: ActionReader, depth: int = 0
) -> Iterator[_PlacedStep]:
    """The steps of a list, those of composite actions in place of the steps that use them."""
    steps: Any = document.data
    for key in at:
        steps = steps.get(key) or []
    for index, step in enumerate(steps):
        place, uses = (*at, index), str(step.get("uses") or "")
        found = action(uses, _inputs(step)) if uses.startswith("./") and depth < _DEEPEST else None
        if found is None:
            yield _PlacedStep(document, file, place, step)
            continue
        user = _step(document, file, place, github_shell("", windows=False))
        for inner in _placed(found.document, found.file, ("runs", "steps"), action, depth + 1):
            yield inner._replace(outer=(user, *inner.outer))


def _read(placed: _PlacedStep, shell: str, *, windows: bool) -> WorkflowStep:
    """A step; one of an action also fails, and runs, as the step that uses it."""
    named = str(placed.written.get("shell") or ("" if placed.outer else shell))
    step = _step(placed.document, placed.file, placed.at, github_shell(named, windows=windows))
    for user in reversed(placed.outer):
        step = replace(
            step,
            name=" / ".join(filter(None, (user.name, step.name))),
            may_fail=step.may_fail or user.may_fail,
            regardless=step.regardless or user.regardless,
        )
    return step


def _job(document: YamlDocument, file: str, name: str, job: Mapping[str, Any], action: ActionReader) -> Job:
    at = ("jobs", name)
    steps = job.get("steps") or []
    if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
        raise ConfigurationError("the steps are not a list of mappings", where=document.where((*at, "steps")))
    condition = str(job.get("if", ""))
    shell = _shell_of(job) or _shell_of(document.data)
    windows = _on_windows(job)
    placed = list(_placed(document, file, (*at, "steps"), action))
    read = tuple(_read(one, shell, windows=windows) for one in placed)
    if "uses" in job:  # a workflow of another file
        read = (WorkflowStep(name="", uses=str(job["uses"]), place=f"{file}:{document.line((*at, 'uses'))}"),)
    return Job(
        id=name,
        needs=tuple(texts_of(job.get("needs"))),
        steps=read,
        node=_node(job, [one.written for one in placed]),
        environment=name_of(job.get("environment")),
        place=f"{file}:{document.line(at)}",
        may_fail=_continues(job),
        regardless=after_failure(condition),
        starts=condition,
    )


def _shell_of(part: Mapping[str, Any]) -> str:
    return str(mapping_of(mapping_of(part.get("defaults")).get("run")).get("shell") or "")


def _on_windows(job: Mapping[str, Any]) -> bool:
    """Whether a job runs on Windows, perhaps among others of its matrix."""
    runner = job.get("runs-on")
    if isinstance(runner, dict):
        runner = runner.get("labels")
    words = texts_of(runner)
    matrix = mapping_of(mapping_of(job.get("strategy")).get("matrix"))
    for key in re.findall(r"matrix\.([\w-]+)", " ".join(words)):
        words += [*texts_of(matrix.get(key)), *_included(matrix, key)]
    return any("windows" in word.lower() for word in words)


def _step(document: YamlDocument, file: str, at: tuple[str | int, ...], shell: Shell) -> WorkflowStep:
    step: Any = document.data
    for key in at:
        step = step[key]
    commands = commands_of(str(step.get("run") or ""), shell)
    given = _inputs(step)
    condition = str(step.get("if", ""))
    return WorkflowStep(
        name=str(step.get("name") or step.get("id") or ""),
        commands=commands,
        uses=str(step.get("uses") or "").partition("@")[0],
        inputs=given,
        place=f"{file}:{document.line(at)}",
        may_fail=_continues(step) or (f"`if: {condition}`" if may_be_left_out(condition) else ""),
        regardless=after_failure(condition),
        words=" ".join(
            [*(one.text for one in commands), *given.values(), *map(str, mapping_of(step.get("env")).values())]
        ),
    )


def _inputs(part: Mapping[str, Any]) -> dict[str, str]:
    """What a step gives its action, or a job the workflow that it calls."""
    return {key: written(value) for key, value in mapping_of(part.get("with")).items()}


def _continues(part: Mapping[str, Any]) -> str:
    value = part.get("continue-on-error", False)
    return "" if value in (False, "false") else f"`continue-on-error: {str(value).lower()}`"


def may_be_left_out(condition: str) -> bool:
    """Whether a job or step with this condition may not run, though nothing before it has failed."""
    return _bare(condition).lower() not in ("", "true", "success()", "always()", "!cancelled()")


def _bare(condition: str) -> str:
    return condition.strip().removeprefix("${{").removesuffix("}}").strip()


def _all_of(condition: str) -> list[str]:
    """The parts of a condition that must all hold, as far as `&&` joins them at the top; in one piece where `||` does."""
    text, depth, quoted, parts = _bare(condition), 0, False, [""]
    for index, char in enumerate(text):
        quoted ^= char == "'"
        depth += 0 if quoted else (char in "([") - (char in ")]")
        if not quoted and not depth and text.startswith("||", index):
            return [text]
        if not quoted and not depth and text.startswith("&&", index):
            parts.append("")
        elif char != "&" or quoted or depth:
            parts[-1] += char
    found = [part.strip() for part in parts]
    while len(found) == 1 and found[0].startswith("(") and found[0].endswith(")") and _closes_last(found[0]):
        found = _all_of(found[0][1:-1])
    return found


def _closes_last(text: str) -> bool:
    """Whether the first parenthesis is closed by the last one."""
    depth = 0
    for index, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if not depth:
            return index == len(text) - 1
    return False


def after_failure(condition: str) -> str:
    """Why a job or step also runs after a failure; empty where it does not."""
    bare = re.sub(r"'[^']*'", "''", _bare(condition))
    if not _STATUS.search(bare.lower()):
        return ""
    required = {re.sub(r"\s", "", part).lower() for part in _all_of(condition)}
    return "" if "success()" in required else f"`if: {condition.strip()}`"


def _held(jobs: Mapping[str, Job], name: str) -> Mapping[str, Held]:
    """The jobs that one waits for, directly or through others, and whether it begins only where they have succeeded."""
    return {
        other: _passed_over(jobs, name, other) or _holds_back(jobs, jobs[name], other)
        for other in _waited_for(jobs, [name])
    }


def _passed_over(jobs: Mapping[str, Job], name: str, other: str) -> Held | None:
    """That a job of a called workflow may be skipped, with which that workflow succeeds; None where it may not, or a job is in it too."""
    while (begin := begin_of(other)) and not name.startswith(begin):
        if _left_out(jobs, other):
            why = f"job {other.rstrip('/')} may be skipped, and the workflow that is called succeeds without it"
            return Held(ok=False, why=why)
        other = begin
    return None


def _waited_for(jobs: Mapping[str, Job], names: Sequence[str]) -> list[str]:
    """The jobs behind `needs`, through others, nearest first."""
    found: dict[str, None] = {}
    waiting = [need for name in names for need in jobs[name].needs]
    while waiting:
        name = waiting.pop(0)
        if name in jobs and name not in found:
            found[name] = None
            waiting += jobs[name].needs
    return list(found)


def _holds_back(jobs: Mapping[str, Job], job: Job, other: str, above: frozenset[str] = frozenset()) -> Held:
    """Whether a job does not begin unless another has succeeded.

    Without a status function in its condition it needs the success of all that are behind it. With one, only of those that the
    condition names, of those whose failure it excludes and that cannot be left out, and of what these need. A job of a called workflow
    begins where that does.
    """
    scope = begin_of(job.id)
    begin = f"{job.id}/" if f"{job.id}/" in jobs else scope
    if begin and not other.startswith(begin):
        return _holds_back(jobs, jobs[begin], other, above)
    if not job.regardless:
        return Held(ok=True)
    parts = _all_of(job.starts)
    named = [found["job"] or found["quoted"] for part in parts if (found := _SUCCEEDED.fullmatch(part)) is not None]
    strict = {f"{scope}{one}" for one in named}
    if "!failure()" in {re.sub(r"\s", "", part).lower() for part in parts}:
        strict |= {one for one in _waited_for(jobs, [job.id]) if not _left_out(jobs, one)}
    elif any(_NONE_FAILED.fullmatch(part) for part in parts):
        strict |= {one for one in job.needs if one in jobs and _always_begins(jobs, one)}
    for one in (strict & set(jobs)) - above:
        behind = other in _waited_for(jobs, [one])
        if one == other or (behind and _holds_back(jobs, jobs[one], other, above | {job.id}).ok):
            return Held(ok=True)
    return Held(ok=False, why=f"job {job.id.rstrip('/')} runs after a failure too: {job.regardless}")


def _always_begins(jobs: Mapping[str, Job], name: str) -> bool:
    """Whether a job begins whenever its workflow does, so that it is never skipped; one that calls a workflow, as its begin does."""
    begin = f"{name}/" if f"{name}/" in jobs else name
    return {*jobs[begin].needs} <= {begin_of(begin)} and not _left_out(jobs, begin)


def _left_out(jobs: Mapping[str, Job], name: str) -> bool:
    """Whether a job may be skipped though nothing failed: by its own condition, or by that of one behind it in its workflow."""
    scope = begin_of(name)
    behind = [one for one in _waited_for(jobs, [name]) if one.startswith(scope) and one != scope]
    return any(may_be_left_out(jobs[one].starts) for one in (name, *behind))


def _included(matrix: Mapping[str, Any], key: str) -> list[str]:
    """What the rows that a matrix includes say under a key."""
    included = matrix.get("include")
    rows = [one for one in included if isinstance(one, dict)] if isinstance(included, list) else []
    return [text for row in rows for text in texts_of(row.get(key))]


def _node(job: Mapping[str, Any], steps: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    matrix = mapping_of(mapping_of(job.get("strategy")).get("matrix"))
    container = job.get("container")
    image = container.get("image") if isinstance(container, dict) else container
    found = list(node_of_image(str(image or "")))
    for step in steps:
        if str(step.get("uses") or "").startswith("actions/setup-node"):
            version = str(mapping_of(step.get("with")).get("node-version", "")) or "not written in the workflow"
            key = re.fullmatch(r"\$\{\{\s*matrix\.([\w-]+)\s*\}\}", version)
            listed = [*texts_of(matrix.get(key[1])), *_included(matrix, key[1])] if key else []
            found = listed or [version]
    return tuple(found)
