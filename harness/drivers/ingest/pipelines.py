"""What pipelines report: jobs of workflow runs, and what Terraform would change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from harness.drivers.claim import claim
from harness.drivers.facts import FactReading
from harness.drivers.ingest.formats.plain import LARGEST_TEXT, shown, words
from harness.drivers.ingest.formats.redacted import redacted_plan
from harness.drivers.ingest.formats.terraform import infrastructure_plan
from harness.drivers.ingest.formats.workflow import PipelineRun, pipeline_run
from harness.drivers.ingest.reports import (
    EVERY,
    NONE,
    ReportPart,
    counts,
    origins,
    parts_of,
    provenance,
    register_of,
    share_of,
)
from harness.drivers.paper import Asked
from harness.model import FactAmount
from harness.words import some


@claim(
    EVERY,
    'job concluded with success[ in the last run of every name of the register "<register:name>"]',
    needs=("evidence.workflow-run.<report>", "files.registers.<register>"),
    example="every job concluded with success",
)
def jobs_succeeded(asked: Asked) -> Sequence[FactReading]:
    """The fact that every job of the workflow run succeeded; with a register, of the last run for each name in it."""
    parts = parts_of(asked, "workflow-run", pipeline_run, lambda report: report.origin, LARGEST_TEXT)
    if name := asked.params.get("register"):
        return _of_register(asked, name, parts)
    return [*provenance(asked, origins(parts)), *_jobs(parts)]


def _jobs(parts: Sequence[ReportPart[PipelineRun]]) -> list[FactReading]:
    jobs = [(name, conclusion) for part in parts for name, conclusion in part.report.jobs.items()]
    other = [f"{shown(name)}: {conclusion}" for name, conclusion in jobs if conclusion != "success"]
    undecided = [shown(name) for part in parts for name in part.report.undecided]
    running = [part.path.name for part in parts if not part.report.ended]
    subject, expected = "jobs that concluded with success", f"all {len(jobs) + len(undecided)}"
    contradictions = counts(text for part in parts for text in part.report.contradictions)
    if not jobs and not undecided:
        return [
            *contradictions,
            FactReading(subject=subject, expected="at least 1", observed="the run has no jobs", ok=None),
        ]
    if running:
        return [
            *contradictions,
            FactReading(subject=subject, expected=expected, observed=f"not ended: {some(running)}", ok=None),
        ]
    seen = f"{len(jobs) - len(other)}{f', other: {some(other)}' if other else ''}"
    if undecided:
        seen += f"; succeeded and did not: {some(undecided)}"
    ok = False if other else None if undecided else True
    good = share_of(len(jobs) - len(other), len(jobs) + len(undecided))
    return [
        *contradictions,
        FactReading(subject=subject, expected=expected, observed=seen, ok=ok, amount=good),
    ]


def _of_register(asked: Asked, name: str, parts: Sequence[ReportPart[PipelineRun]]) -> list[FactReading]:
    """Each name of the register has a run, and its last run is as expected."""
    facts = []
    for component in register_of(asked, name):
        runs = [part for part in parts if _is_of(component, part)]
        if not runs:
            seen = "no run of a workflow of this name is among the reports"
            facts.append(FactReading(subject=component, expected="a run", observed=seen, ok=None))
            continue
        last, others = _last_of(runs)
        known = provenance(asked, [(last.path, last.origin)])
        found = (*known, *_jobs([last]), *_unordered(last, others))
        facts += [replace(fact, subject=f"{shown(component)}: {fact.subject}") for fact in found]
    return facts


def _last_of(
    runs: Sequence[ReportPart[PipelineRun]],
) -> tuple[ReportPart[PipelineRun], list[ReportPart[PipelineRun]]]:
    """The last run, and the runs that may be later: their dates leave it open, or they have none."""
    last = max(runs, key=lambda part: part.origin.made.last.timestamp() if part.origin.made else 0)
    made = last.origin.made
    before = [part for part in runs if part.origin.made and made and part.origin.made.before(made)]
    return last, [part for part in runs if part is not last and part not in before]


def _unordered(last: ReportPart[PipelineRun], others: Sequence[ReportPart[PipelineRun]]) -> list[FactReading]:
    """An unknown fact if it cannot be told which run was the last; nothing if all candidates had the same result."""
    alike = [fact.ok for fact in _jobs([last])]
    unlike = [part for part in others if [fact.ok for fact in _jobs([part])] != alike]
    if not unlike:
        return []
    dates = [
        f"{part.path.name} {shown(part.origin.made.text) if part.origin.made else 'without a date'}" for part in unlike
    ]
    seen = f"it may be {last.path.name}, or {some(dates)}, and the results of their jobs differ"
    return [FactReading(subject="the last run", expected="one that is later than all others", observed=seen, ok=None)]


def _is_of(component: str, part: ReportPart[PipelineRun]) -> bool:
    """Whether a run belongs to a name of the register: by the name of its workflow, or of the file if the report has none."""
    return words(component) == words(part.report.workflow or part.path.stem)


@claim(
    NONE,
    "change would be made by the plan",
    needs=("evidence.terraform-plan.<report>",),
    example="no change would be made by the plan, younger than 7 d",
)
def plan_unchanged(asked: Asked) -> Sequence[FactReading]:
    """The fact that the Terraform plan would create, update or delete no resource and no output."""
    plan = infrastructure_plan
    parts = parts_of(asked, "terraform-plan", plan, lambda report: report.origin, LARGEST_TEXT, redact=redacted_plan)
    changes = [change for part in parts for change in part.report.changes]
    drifted = sum(part.report.drifted for part in parts)
    aside = f" ({drifted} changed outside of Terraform in what its files leave open)" if drifted else ""
    facts = [
        *provenance(asked, origins(parts)),
        FactReading(
            subject="changes that the plan would make",
            expected="0",
            observed=f"{len(changes)}{f': {some(changes)}' if changes else ''}{aside}",
            ok=not changes,
            amount=FactAmount(value=len(changes)),
        ),
    ]
    for part in parts:
        if why := part.report.incomplete:
            facts.append(FactReading(subject="plan", expected="complete", observed=f"{part.path}: {why}", ok=None))
        elif not part.report.resources:
            seen = f"{part.path} contains no resource"
            facts.append(FactReading(subject="resources in the plan", expected="at least 1", observed=seen, ok=None))
    return facts
