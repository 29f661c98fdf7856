"""Scans of every push: which workflow runs one, when it starts, and whether what it finds stops it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.drivers.facts import FactReading
from harness.drivers.paper import Asked
from harness.drivers.static import nouns
from harness.drivers.static.conditions import PipelineKind, branch_pushes, in_pipeline, merge_pipelines
from harness.drivers.static.github import may_be_left_out
from harness.drivers.static.jobs import Held, Job, Workflow, texts_of
from harness.drivers.static.runs import StepRun, lenient, scans_of, text_of_run, workflow_conditions
from harness.drivers.static.workflows import workflows


def scans_every_push(asked: Asked) -> Sequence[FactReading]:
    """`workflow-scan`: a workflow runs a vulnerability scan on every push, and stops on what it finds; one fact a scan."""
    read = workflows(asked)
    scans = [
        (workflow, job, run, scanner)
        for workflow in read
        for job in workflow.jobs.values()
        for run, scanner in scans_of(job)
        if not scanner.never
    ]
    found = [
        (_every_push(workflow, job), _settled(workflow, run, _stops(run, scanner)), run)
        for workflow, job, run, scanner in [one for one in scans if not one[3].secrets] or scans
    ]
    if not found:
        where = f"{asked.target.file}: files.workflows"
        unread = next((one.unread for one in read if one.unread), "")
        seen, ok = unread or "no workflow runs one", None if unread else False
        return [FactReading(subject=where, expected="a vulnerability scan on every push", observed=seen, ok=ok)]
    expected = "on every push, stopping on findings"
    on_push = [(pushed, stopped, run) for pushed, stopped, run in found if not pushed] or found
    return [
        FactReading(
            subject=f"{run.step.place} {run.step.name or text_of_run(run)}",
            expected=expected,
            observed="; ".join(filter(None, (pushed, stopped.why)))
            or "on every push, and its findings stop the workflow",
            ok=False if pushed or stopped.ok is False else stopped.ok,
        )
        for pushed, stopped, run in on_push
    ]


def _every_push(workflow: Workflow, job: Job) -> str:
    """Why a job does not run on every push; empty where it does."""
    if workflow.forge == "gitlab":
        return _every_push_of_gitlab(workflow, job)
    push = workflow.triggers.get("push", "absent")
    if push == "absent":
        return f"it starts on {' and '.join(workflow.triggers)}, not on a push"
    filters = [key for key in push if push[key]] if isinstance(push, dict) else []
    every: Any = push.get("branches") if isinstance(push, dict) else None
    if filters and not (filters == ["branches"] and _is_every(every)):
        return f"its pushes are filtered by {', '.join(filters)}"
    behind = [job, *(workflow.jobs[one] for one in workflow.held(job.id))]
    return next(
        (f"job {one.id.rstrip('/')} runs only if {one.starts}" for one in behind if may_be_left_out(one.starts)), ""
    )


def _is_every(branches: Any) -> bool:
    """Whether a filter of branches leaves none out."""
    listed = texts_of(branches)
    return "**" in listed and not any(one.startswith("!") for one in listed)


def _every_push_of_gitlab(workflow: Workflow, job: Job) -> str:
    """Whether every push to a branch makes a pipeline that has the job; while a merge request is open, one of the request does too."""
    for pushes in branch_pushes():
        there = [_has_job(workflow, job, kind) for kind in (pushes, *merge_pipelines(pushes))]
        if True not in there:
            own = " or ".join(filter(None, (" or ".join(workflow_conditions(workflow)), job.starts)))
            return f"it starts when {own or 'its rules allow it'}"
    return ""


def _has_job(workflow: Workflow, job: Job, kind: PipelineKind) -> bool:
    """Whether pipelines of a kind are made, and have the job without a hand."""
    made = workflow.rules is None or in_pipeline(workflow.rules, kind) is True
    return made and in_pipeline(job.rules, kind, by_itself=True) is True


def _settled(workflow: Workflow, run: StepRun, found: Held) -> Held:
    """The same, unknown where it is so only as long as files that are not read change nothing."""
    why = workflow.unsettled(run.job.id, ("allow_failure", "rules", "when", "before_script", "script"))
    why = why or workflow.unsettled("workflow", ("rules",))
    return Held(ok=None, why=why) if found.ok and why else found


def _stops(run: StepRun, scanner: nouns.Scanner) -> Held:
    """Whether its findings stop the workflow."""
    failing, text = lenient(run), text_of_run(run)
    if not failing.ok:
        return Held(ok=failing.ok, why=f"it may fail: {failing.why}")
    options = [f"{key}={value}" for key, value in run.step.inputs.items()] if run.command is None else []
    has = [
        option for option in (*scanner.stops_by, *scanner.unless) if option in options or f" {option} " in f" {text} "
    ]
    if bad := [option for option in has if option in scanner.unless]:
        return Held(ok=False, why=f"`{bad[0]}` lets it succeed with findings")
    if scanner.secrets:
        return Held(ok=None, why="it searches for secrets, and no step that is known searches for vulnerabilities")
    if scanner.stops_by and not has:
        return Held(ok=False, why=f"it succeeds with findings: it lacks `{scanner.stops_by[0]}`")
    return Held(ok=True)
