"""What workflows run, in which order, and whether a failure stops them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from harness.drivers.facts import FactReading
from harness.drivers.paper import Asked
from harness.drivers.static import nouns
from harness.drivers.static.conditions import PipelineKind, kinds_with
from harness.drivers.static.files import named, shown
from harness.drivers.static.jobs import Held, Job, Workflow, WorkflowStep, texts_of
from harness.drivers.static.registers import entries, is_blank
from harness.drivers.static.runs import (
    StepRun,
    commands_run,
    is_command,
    lenient,
    plain,
    scans_of,
    text_of_run,
    workflow_conditions,
)
from harness.drivers.static.workflows import read_workflow, workflows
from harness.errors import ConfigurationError

_NOTHING: Final = re.compile(r"(?:echo|printf|true|:|exit|set|cd|pwd|sleep)\b.*|:")
"""What a command line does that only fills a place."""
_RANK: Final = {False: 0, None: 1, True: 2}


def _deploying(asked: Asked) -> list[tuple[Workflow, list[Job]]]:
    """The workflows that deploy, with the jobs that do."""
    found = [(one, [job for job in one.jobs.values() if any(_deployments(job))]) for one in workflows(asked)]
    found = [(workflow, jobs) for workflow, jobs in found if jobs]
    if not found:
        hint = f"a workflow deploys that runs one of: {', '.join(nouns.DEPLOYERS)}"
        raise ConfigurationError("no workflow deploys", where=f"{asked.target.file}: files.workflows", hint=hint)
    return found


def _deployments(job: Job) -> Iterator[StepRun]:
    """What a job runs that changes an environment; a rehearsal and what takes a release back are none of it."""
    for run in commands_run(job):
        text = plain(run.command.text) if run.command else ""
        harmless = any(re.search(rf"(?<!\S){one}(?!\S)", text) for one in nouns.REHEARSALS)
        if not harmless and any(is_command(text, deployer) for deployer in nouns.DEPLOYERS):
            yield run


def starts_on(asked: Asked) -> Sequence[FactReading]:
    """`workflow-trigger`: each deploying workflow starts on a push to `branch` and on nothing else."""
    branch = asked.params["branch"]
    expected = f"a push to {branch} and nothing else"
    return [
        FactReading(subject=workflow.place, expected=expected, observed=seen, ok=ok)
        for workflow, jobs in _deploying(asked)
        for seen, ok in [
            _github_trigger(workflow, branch) if workflow.forge == "github" else _gitlab_trigger(workflow, jobs, branch)
        ]
    ]


def _github_trigger(workflow: Workflow, branch: str) -> tuple[str, bool]:
    push = workflow.triggers.get("push")
    branches = texts_of(push["branches"]) if isinstance(push, dict) and "branches" in push else None
    others = [name for name in workflow.triggers if name != "push"]
    extra = [key for key in push if key not in ("branches", "paths", "paths-ignore")] if isinstance(push, dict) else []
    if "push" not in workflow.triggers:
        return f"{' and '.join(others)}, no push", False
    pushed = (
        "a push to any branch" if branches is None else f"a push to {', '.join(branches) or 'no branch that is named'}"
    )
    return " and ".join([pushed, *extra, *others]), branches == [branch] and not others and not extra


def _gitlab_trigger(workflow: Workflow, jobs: Sequence[Job], branch: str) -> tuple[str, bool | None]:
    """By the rules of the workflow and of every job that deploys: the pipelines that have one of these."""
    pipeline = workflow_conditions(workflow)
    own = [condition for job in jobs for condition in job.starts.split(" or ")]
    read = [_is_push_to(kind, branch) for job in jobs for kind in kinds_with(job.rules, _pipelines(workflow))]
    words = " and ".join(filter(None, (" or ".join(pipeline), " or ".join(filter(None, own))))) or "always"
    if read and all(read):
        return words, True
    why = next(
        filter(None, (workflow.unsettled(one, ("rules",)) for one in ("workflow", *(job.id for job in jobs)))), ""
    )
    if why:
        return f"{words}; {why}", None
    return words, False if not read or False in read else None


def _pipelines(workflow: Workflow) -> list[PipelineKind]:
    """The kinds of pipelines that the rules of a GitLab workflow allow."""
    return [PipelineKind()] if workflow.rules is None else kinds_with(workflow.rules, [PipelineKind()])


def _is_push_to(kind: PipelineKind, branch: str) -> bool | None:
    """Whether pipelines of a kind are of a push to the branch alone; None where only GitLab knows the branch."""
    found = kind.known.get("CI_COMMIT_BRANCH")
    source = kind.known.get("CI_PIPELINE_SOURCE")
    if found == branch and source == "push":
        return True
    only_gitlab = bool(found) and found.startswith("$") if found else "CI_COMMIT_BRANCH" in kind.alike
    return None if only_gitlab else False


def runs_before_deploy(asked: Asked) -> Sequence[FactReading]:
    """`workflow-runs`: each deploying workflow runs each of `commands`, on Node.js `node` where that is given, and its deploying jobs need them."""
    expected = [part for part in re.split(r", | and ", asked.params["commands"]) if part]
    return [
        seen
        for workflow, jobs in _deploying(asked)
        for job in jobs
        for command in expected
        for seen in _run_and_needed(workflow, job, command, asked.params.get("node", ""))
    ]


def _run_and_needed(workflow: Workflow, deploy: Job, command: str, node: str) -> Iterator[FactReading]:
    subject, expected = f"{deploy.place} job {deploy.id}: {command}", "runs before it and stops it"
    deployments = list(_deployments(deploy))
    judged = [
        (run, min((_stopped_by(workflow, run, one) for one in deployments), key=lambda held: _RANK[held.ok]))
        for run in _runs_of(workflow, command)
    ]
    best = max(judged, key=lambda one: _RANK[one[1].ok], default=None)
    if best is None:
        seen = workflow.unread or "no job runs it"
        yield FactReading(subject=subject, expected=expected, observed=seen, ok=None if workflow.unread else False)
        return
    run, held = best
    yield FactReading(subject=subject, expected=expected, observed=held.why or run.step.place, ok=held.ok)
    if node and held.ok is not False:
        versions = ", ".join(run.job.node) or "no version written"
        known = [version for version in run.job.node if re.match(r"v?\d", version)]
        ok = (
            all(re.match(rf"v?{node}(?:\D|$)", version) for version in known)
            if known and len(known) == len(run.job.node)
            else None
        )
        if why := workflow.unsettled(run.job.id, ("image",)):
            versions, ok = f"{versions}; {why}", None
        place = f"{run.job.place} job {run.job.id} of {deploy.id}: {command}"
        yield FactReading(subject=place, expected=f"Node.js {node}", observed=versions, ok=ok)


def _runs_of(workflow: Workflow, command: str) -> Iterator[StepRun]:
    for job in workflow.jobs.values():
        if command == nouns.SECURITY_SCAN:
            yield from (run for run, scanner in scans_of(job) if not text_of_run(run).startswith("npm audit"))
        else:
            yield from (run for run in commands_run(job) if _is_one_of(run, command))


def _is_one_of(run: StepRun, command: str) -> bool:
    return any(is_command(text_of_run(run), form) for form in nouns.COMMANDS[command])


def _fails(workflow: Workflow, run: StepRun, *, alone: bool = True) -> Held:
    """Whether a failure of it stops what comes after, in other jobs too unless it is not `alone` in its own."""
    failing = lenient(run)
    deciding = ("script", "before_script", *(("allow_failure", "when") if alone else ()))
    why = workflow.unsettled(run.job.id, deciding) if failing.ok else ""
    return Held(ok=None, why=why) if why else failing


def _stopped_by(workflow: Workflow, run: StepRun, later: StepRun) -> Held:
    """Whether what comes later does not run unless this has run and succeeded."""
    failing = _fails(workflow, run, alone=run.job.id != later.job.id)
    if failing.ok is False:
        return Held(ok=False, why=f"it may fail: {failing.why} ({run.step.place})")
    before = _is_before(workflow, run, later)
    if before.ok is False or failing.ok:
        return before
    return Held(ok=None, why=f"{failing.why} ({run.step.place})")


def _is_before(workflow: Workflow, run: StepRun, later: StepRun) -> Held:
    """Whether it comes before: in a job that the later one waits for, or earlier in the same job."""
    if run.job.id != later.job.id:
        why = f"job {run.job.id} runs it ({run.step.place}), which job {later.job.id} does not need"
        return workflow.held(later.job.id).get(run.job.id, Held(ok=False, why=why))
    if run.at >= later.at:
        return Held(ok=False, why=f"{later.step.place} runs first")
    if why := later.step.regardless:
        return Held(ok=False, why=f"{later.step.place} runs after a failure too: {why}")
    return Held(ok=True)


def in_order(asked: Asked) -> Sequence[FactReading]:
    """`workflow-order`: each deploying workflow runs `steps` in their order, and a failure of one stops those after it."""
    expected = asked.params["steps"].split(", then ")
    found = [seen for workflow, _ in _deploying(asked) for seen in _order_of(workflow, expected)]
    if not found:
        raise ConfigurationError(
            "no workflow deploys to the environments of the sentence", where=f"{asked.target.file}: files.workflows"
        )
    return found


def _order_of(workflow: Workflow, expected: Sequence[str]) -> Iterator[FactReading]:
    runs = {part: list(_runs_of_part(workflow, part)) for part in expected}
    if not any(runs[part] for part in expected if part in nouns.ENVIRONMENTS):
        return  # it deploys to other environments
    for part in expected:
        judged = [(run, _fails(workflow, run)) for run in runs[part]]
        best = max(judged, key=lambda one: _RANK[one[1].ok], default=None)
        missing = None if workflow.unread else False
        yield FactReading(
            subject=f"{workflow.file}: {part}",
            expected="a step whose failure stops the workflow",
            observed=workflow.unread or "no step runs it" if best is None else best[1].why or best[0].step.place,
            ok=missing if best is None else best[1].ok,
        )
    for before, after in pairwise(expected):
        if runs[before] and runs[after]:
            yield _follows(workflow, (before, runs[before]), (after, runs[after]))


def _follows(workflow: Workflow, one: tuple[str, list[StepRun]], other: tuple[str, list[StepRun]]) -> FactReading:
    """Whether one part comes after another: every deployment to an environment, or any run of a command."""
    (before, earlier), (after, later) = one, other
    seen = []
    for run in later:
        ways = [(first, _stopped_by(workflow, first, run)) for first in earlier]
        first, held = max(ways, key=lambda way: _RANK[way[1].ok])
        seen.append((held.ok, held.why or f"{first.step.place}, then {run.step.place}"))
    choose = min if after in nouns.ENVIRONMENTS else max
    ok, words = choose(seen, key=lambda one: _RANK[one[0]])
    return FactReading(
        subject=f"{workflow.file}: {before}, then {after}", expected="in this order", observed=words, ok=ok
    )


def _runs_of_part(workflow: Workflow, part: str) -> Iterator[StepRun]:
    """What is a part of the order: a command, or a deployment to an environment."""
    for job in workflow.jobs.values():
        if part in nouns.COMMANDS:
            yield from (run for run in commands_run(job) if _is_one_of(run, part))
        elif part in nouns.ENVIRONMENTS:
            yield from (run for run in _deployments(job) if _environment_of(job, run.step) == part)


def _environment_of(job: Job, step: WorkflowStep) -> str:
    """Where a step deploys to: the one environment of its commands, else of its name, else of its job."""
    for text in (step.words, step.name, job.environment):
        spoken = [
            name for name in nouns.ENVIRONMENTS if re.search(rf"(?<![A-Za-z]){name}(?![A-Za-z])", text, re.IGNORECASE)
        ]
        if len(spoken) == 1:
            return spoken[0]
    return ""


def stages_of_components(asked: Asked) -> Sequence[FactReading]:
    """`pipeline-stages`: the pipeline file of every component has each of `stages`, with something to run in it."""
    expected = [part for part in re.split(r", | and ", asked.params["stages"]) if part]
    roots = named(asked, "registers")
    found = []
    for component in entries(asked, "components", "components"):
        file = component.values.get("pipeline")
        place = f"{component.place} {component.name}"
        if is_blank(file) or not isinstance(file, str):
            found.append(FactReading(subject=place, expected="a pipeline file", observed="no `pipeline`", ok=False))
            continue
        path = next((root / file for root in (roots[0], *named(asked, "workflows")) if (root / file).is_file()), None)
        if path is None:
            found.append(
                FactReading(subject=place, expected="a pipeline file", observed=f"`{file}` is not there", ok=False)
            )
            continue
        asked.keep(path)
        workflow = read_workflow(path, shown(path, asked), asked.keep)
        found += [_stage(workflow, component.name, stage) for stage in expected]
    return found


def _stage(workflow: Workflow, component: str, stage: str) -> FactReading:
    forms = nouns.STAGES[stage]
    jobs = [
        job
        for job in workflow.jobs.values()
        if any(name.lower().replace("_", "-") in forms for name in (*job.id.split("/"), job.stage))
    ]
    working = [job for job in jobs if _works(workflow, job)]
    seen = working[0].place if working else "its job runs nothing" if jobs else workflow.unread or "missing"
    return FactReading(
        subject=f"{workflow.file} of {component}: {stage}",
        expected="a stage that runs something",
        observed=seen,
        ok=None if not jobs and workflow.unread else bool(working),
    )


def _works(workflow: Workflow, job: Job) -> bool:
    """Whether a job runs something, ever."""
    behind = (one for one in workflow.jobs.values() if one.id.endswith("/") and job.id.startswith(one.id))
    conditions = [one.starts.strip().removeprefix("${{").removesuffix("}}").strip().lower() for one in (job, *behind)]
    doing = (one for step in job.steps for one in step.commands if not _NOTHING.fullmatch(one.text))
    return "false" not in conditions and (any(step.uses for step in job.steps) or any(doing))
