"""Jobs of a GitHub workflow as it is written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from harness.errors import ConfigurationError
from harness.yamlfile import YamlDocument

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

_FORGES: Final = (
    "only workflows of GitHub and pipelines of GitLab are read: take files of other forges out of `files.workflows`"
)
_OF_MATRIX: Final = re.compile(r"\$\{\{\s*matrix\.(?P<key>[\w-]+)\s*\}\}")
_NEVER: Final = re.compile(r"(?:false|null|0|'')\s*(?:&&[^|]*)?", re.IGNORECASE)
"""A condition that is true in no run."""
_OF_ONE_RUN: Final = re.compile(
    r"\$\{\{\s*(?:github\.(?:head_ref|event\.pull_request\.number)\s*\|\|\s*)?github\.(?:run_id|sha)\s*\}\}"
)
"""A part of the name of a group that no two pushes have in common."""
_STATUS: Final = re.compile(r"\b(?:always|failure|cancelled|success)\s*\(", re.IGNORECASE)


def github_jobs(document: YamlDocument, file: str) -> dict[str, CiJob]:
    """The jobs of a file; raises ConfigurationError if it is not a workflow."""
    data, jobs = document.data, document.data["jobs"]
    if not isinstance(jobs, dict) or not jobs or not all(isinstance(job, dict) for job in jobs.values()):
        hint = f"each job is a mapping with `steps`; {_FORGES}"
        raise ConfigurationError("has no jobs", where=document.where(("jobs",)), hint=hint)
    if "on" not in data:
        raise ConfigurationError(
            "does not say when the workflow starts", where=document.where(()), hint=f"add `on: …`; {_FORGES}"
        )
    return {name: _job(document, file, name, job) for name, job in jobs.items()}


def action_job(document: YamlDocument, file: str) -> dict[str, CiJob]:
    """The one job, `runs`, of the file of an action: its steps, or the program or image that it is."""
    runs, place = mapping_of(document.data["runs"]), f"{file}:{document.line(('runs',))}"
    steps = runs.get("steps")
    read = [
        _step(document, f"{file}:{document.line(('runs', 'steps', at))}", {}, mapping_of(step))
        for at, step in enumerate(steps if isinstance(steps, list) else ())
    ]
    program = str(runs.get("main") or runs.get("image") or "")
    read += [CiStep(place=place, lines=(program,))] if program else []
    return {"runs": CiJob(id="runs", place=place, steps=tuple(read))}


def _job(document: YamlDocument, file: str, name: str, job: Mapping[str, Any]) -> CiJob:
    condition = _condition(job)
    begins = _begins(condition)
    steps = job.get("steps", [])
    if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
        raise ConfigurationError("the job's steps are not a list", where=document.where(("jobs", name, "steps")))
    place = f"{file}:{document.line(('jobs', name))}"
    read = [
        _step(document, f"{file}:{document.line(('jobs', name, 'steps', at))}", job, step)
        for at, step in enumerate(steps)
    ]
    if "uses" in job:
        read = [CiStep(place=place, uses=str(job["uses"]), options=_options(job))]
    image = job.get("container")
    image = image.get("image") if isinstance(image, dict) else image
    node = [*node_of_image(str(image or ""))]
    setups = [step for step in steps if str(step.get("uses") or "").startswith("actions/setup-node")]
    node += [
        str(mapping_of(one.get("with")).get("node-version", "")) or "not written in the workflow" for one in setups
    ]
    return CiJob(
        id=name,
        place=place,
        steps=tuple(read),
        fails=_fails(job),
        starts=f"the job runs only if {condition}" if condition else "",
        waits=dict.fromkeys(texts_of(job.get("needs")), begins),
        node=tuple(node),
        environment=bool(job.get("environment")),
        never=_is_never(condition),
        superseded=_superseded(document.data.get("concurrency")) or _superseded(job.get("concurrency")),
    )


def _condition(owner: Mapping[str, Any]) -> str:
    return "" if owner.get("if") is None else _plain(owner["if"])


def _is_never(condition: str) -> bool:
    inner = re.sub(r"^\$\{\{(.*)\}\}$", r"\1", condition.strip())
    return _NEVER.fullmatch(inner.strip()) is not None


def _superseded(concurrency: Any) -> str:
    """Why a newer push may cancel a run: of one group at most one run waits, unless the file lets all of them wait."""
    written = mapping_of(concurrency)
    waits = written.get("queue") == "max" and written.get("cancel-in-progress") in (None, False, "false")
    if not concurrency or waits or _OF_ONE_RUN.search(str(written.get("group") or concurrency)):
        return ""
    return "`concurrency` lets a newer push cancel the run of an earlier one"


def _fails(job: Mapping[str, Any]) -> Held:
    """Whether a failure of the job stops the jobs that wait for it; for a matrix, whether a failure of one combination does."""
    written = job.get("continue-on-error")
    matrix = mapping_of(mapping_of(job.get("strategy")).get("matrix"))
    key = _OF_MATRIX.fullmatch(str(written))
    values = matrix.get(key["key"]) if key else None
    if isinstance(values, list) and False in values and "exclude" not in matrix:
        return Held()
    return lenient(written, "continue-on-error")


def _begins(condition: str) -> Held:
    """Whether a failure before it keeps the step or job from starting: a condition without a status function requires success."""
    if not _STATUS.search(condition):
        return Held()
    return Held(ok=None, why=f"the file does not show whether `if: {condition[:80]}` lets it start after a failure")


def _step(document: YamlDocument, place: str, job: Mapping[str, Any], step: Mapping[str, Any]) -> CiStep:
    shell = step.get("shell")
    for owner in (job, document.data):
        shell = shell or mapping_of(mapping_of(owner.get("defaults")).get("run")).get("shell")
    machine = str(job.get("runs-on", ""))
    if not shell and ("windows" in machine.lower() or "${{" in machine):
        shell = f"of {machine}"
    condition = _condition(step)
    skips = Held(ok=None, why=f"the step runs only if {condition[:80]}") if condition else Held()
    return CiStep(
        place=place,
        lines=script_lines(str(step.get("run", ""))),
        shell=str(shell or ""),
        uses=str(step.get("uses", "")),
        options=_options(step),
        variables=variables_of(document.data.get("env"), job.get("env"), step.get("env")),
        fails=weakest(lenient(step.get("continue-on-error"), "continue-on-error"), skips),
        begins=_begins(condition),
        never=_is_never(condition),
    )


def _options(owner: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(f"{key}={_plain(value)}" for key, value in mapping_of(owner.get("with")).items())


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
