"""Jobs of a GitHub workflow run, as its API or `gh run view --json` writes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import AliasChoices, Field

from harness.drivers.ingest.formats.moments import Moment, earliest
from harness.drivers.ingest.formats.plain import ReportSection, json_of, section_of, shown
from harness.drivers.ingest.formats.provenance import Provenance, same_commit


class _Job(ReportSection):
    name: str = Field(min_length=1)
    status: str = "completed"
    conclusion: str | None = None
    attempt: int | None = Field(default=None, validation_alias=AliasChoices("run_attempt", "runAttempt"))
    head_sha: str = Field(default="", validation_alias=AliasChoices("head_sha", "headSha"))
    completed_at: str | None = Field(default="", validation_alias=AliasChoices("completed_at", "completedAt"))
    workflow: str | None = Field(default="", validation_alias=AliasChoices("workflow_name", "workflowName"))


class _WorkflowRun(ReportSection):
    total_count: int | None = None
    name: str | None = Field(default="", validation_alias=AliasChoices("workflowName", "workflow_name", "name"))
    head_sha: str = Field(default="", validation_alias=AliasChoices("head_sha", "headSha"))
    status: str = "completed"
    conclusion: str | None = None
    updated_at: str = Field(default="", validation_alias=AliasChoices("updated_at", "updatedAt"))
    jobs: tuple[_Job, ...] = Field(strict=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class PipelineRun:
    """One run of a workflow.

    Attributes:
        workflow: its name; empty where it is not given.
        jobs: name → conclusion; a job that has not ended has its status.
        undecided: names of jobs that are there more than once, and succeeded only once: whether all attempts are there is not known.
        ended: whether the run and every job of it has ended.
        origin: commit of the run and of its jobs, the end of its last job.
        contradictions: where counts or commits differ, or two jobs have one name.
    """

    workflow: str
    jobs: dict[str, str]
    undecided: tuple[str, ...]
    ended: bool
    origin: Provenance
    contradictions: tuple[str, ...]


def pipeline_run(body: bytes, where: str) -> PipelineRun:
    """Read the jobs of a run.

    Raises:
        DriverError: the document has no list of jobs.
    """
    run = section_of(_WorkflowRun, json_of(body, where), where, kind="a workflow run with its jobs")
    named: dict[str, list[_Job]] = {}
    for job in run.jobs:
        named.setdefault(job.name, []).append(job)
    commits = list(dict.fromkeys(sha for sha in (run.head_sha, *(job.head_sha for job in run.jobs)) if sha))
    said = run.head_sha or all(job.head_sha for job in run.jobs)
    differ = []
    if run.total_count is not None and run.total_count != len(run.jobs):
        differ.append(f"{where}: total_count={run.total_count} declared, {len(run.jobs)} jobs counted")
    differ += [f"{where}: {_again(name, jobs)}" for name, jobs in named.items() if len(jobs) > 1][:1]
    if any(not same_commit(commits[0], other) for other in commits[1:]):
        differ.append(f"{where}: its jobs ran for different commits, {', '.join(map(shown, commits[:3]))}")
    if run.conclusion not in (None, "", "success") and all(job.conclusion == "success" for job in run.jobs):
        differ.append(f"{where}: conclusion={shown(run.conclusion)} declared, and every job that it lists succeeded")
    ends = [Moment.of(job.completed_at, f"{where}: {shown(job.name)}") for job in run.jobs if job.completed_at]
    made = max(ends, key=lambda moment: moment.last, default=None)
    if made is None and run.updated_at:
        made = earliest([Moment.of(run.updated_at, f"{where}: updated_at")])
    results = {name: _results(jobs) for name, jobs in named.items()}
    return PipelineRun(
        workflow=shown(run.name or next((job.workflow for job in run.jobs if job.workflow), "") or ""),
        jobs={name: ended.pop() for name, ended in results.items() if len(ended) == 1},
        undecided=tuple(name for name, ended in results.items() if len(ended) > 1),
        ended=run.status == "completed" and all(job.status == "completed" for job in run.jobs),
        origin=Provenance(commit=commits[0] if commits and said else "", made=made),
        contradictions=tuple(differ),
    )


def _results(jobs: Sequence[_Job]) -> set[str]:
    """How the jobs of one name ended: two results where one of them succeeded and another did not, else one."""
    ended = {shown(job.conclusion or job.status) for job in jobs}
    return ended if "success" in ended else {min(ended)}


def _again(name: str, jobs: Sequence[_Job]) -> str:
    attempts = sorted({job.attempt for job in jobs if job.attempt is not None})
    what = f"{'two' if len(jobs) == 2 else len(jobs)} jobs are named `{shown(name)}`"
    if len(attempts) < 2:
        return what
    of = ", ".join(map(str, attempts))
    return f"{what}, of attempts {of}: ask for the jobs of the last attempt (`filter=latest`)"
