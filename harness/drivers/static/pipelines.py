"""What workflows run, in which order, and whether a failure stops them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple

from harness.drivers.facts import FactReading
from harness.drivers.paper import Asked
from harness.drivers.static import nouns
from harness.drivers.static.files import named, shown
from harness.drivers.static.registers import entries, is_blank
from harness.drivers.static.workflows import Job, Workflow, WorkflowStep, is_silent, read_workflow, workflows
from harness.errors import ConfigurationError

_RULE: Final = re.compile(
    r"""\$(?P<variable>CI_COMMIT_BRANCH|CI_PIPELINE_SOURCE)\s*==\s*(?P<quote>["'])(?P<value>[^"']+)(?P=quote)"""
)


_PUSHES: Final = re.compile(r"""always|\$CI_COMMIT_BRANCH|\$CI_PIPELINE_SOURCE\s*==\s*["']push["']""")


class _StepRun(NamedTuple):
    """A step that runs something: its job, its place among the steps, and itself."""

    job: Job
    at: int
    step: WorkflowStep


def _deploying(asked: Asked) -> list[tuple[Workflow, list[Job]]]:
    """The workflows that deploy, with the jobs that do."""
    found = [(one, [job for job in one.jobs.values() if any(map(_deploys, job.steps))]) for one in workflows(asked)]
    found = [(workflow, jobs) for workflow, jobs in found if jobs]
    if not found:
        hint = f"a workflow deploys that runs one of: {', '.join(nouns.DEPLOYERS)}"
        raise ConfigurationError("no workflow deploys", where=f"{asked.target.file}: files.workflows", hint=hint)
    return found


def _deploys(step: WorkflowStep) -> bool:
    return any(_is_command(command, deployer) for command in step.commands for deployer in nouns.DEPLOYERS)


def _is_command(command: str, expected: str) -> bool:
    """Whether a command line is the expected one, variables before it and options behind it aside."""
    bare = re.sub(r"^(?:\w+=\S*\s+|sudo\s+|time\s+)+", "", command)
    words, first = bare.split(), expected.split()
    return words[: len(first)] == first


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
    branches = push.get("branches") if isinstance(push, dict) else None
    others = [name for name in workflow.triggers if name != "push"]
    extra = [key for key in push if key not in ("branches", "paths", "paths-ignore")] if isinstance(push, dict) else []
    if "push" not in workflow.triggers:
        return f"{' and '.join(others)}, no push", False
    pushed = f"a push to {', '.join(map(str, branches))}" if isinstance(branches, list) else "a push to any branch"
    return " and ".join([pushed, *extra, *others]), branches == [branch] and not others and not extra


def _gitlab_trigger(workflow: Workflow, jobs: Sequence[Job], branch: str) -> tuple[str, bool | None]:
    """By the rules of the workflow, or by those of every job that deploys: either keeps it from deploying otherwise."""
    pipeline = workflow_conditions(workflow)
    own = [condition for job in jobs for condition in job.starts.split(" or ")]
    words = " or ".join(condition or "always" for condition in pipeline or own)
    read = [
        [_is_push_to(condition, branch) for condition in conditions] for conditions in (pipeline, own) if conditions
    ]
    if any(all(fits) for fits in read):
        return words if all(map(bool, read[0])) else " or ".join(own), True
    return (" or ".join(own) if any(own) else words), None if any(None in fits for fits in read) else False


def workflow_conditions(workflow: Workflow) -> list[str]:
    """The conditions of GitLab's `workflow: rules`, those that keep it from starting left out."""
    rules = [one for one in workflow.triggers["rules"] or [] if isinstance(one, dict)]
    return [str(one.get("if", "always")) for one in rules if one.get("when") != "never"]


def _is_push_to(condition: str, branch: str) -> bool | None:
    """Whether a rule of GitLab allows a push to the branch alone; None for words that only GitLab can read."""
    parts = [part.strip() for part in condition.split("&&")]
    read = [_RULE.fullmatch(part) for part in parts]
    said = {one["variable"]: one["value"] for one in read if one}
    if said.get("CI_COMMIT_BRANCH") == branch and said.get("CI_PIPELINE_SOURCE") == "push":
        return True
    unread = [part for part, one in zip(parts, read, strict=True) if one is None]
    return None if any("CI_DEFAULT_BRANCH" in part or "=~" in part for part in unread) else False


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
    subject = f"{deploy.place} job {deploy.id}: {command}"
    runs = list(_runs_of(workflow, command))
    before = [run for run in runs if _is_before(workflow, run, deploy)]
    strict = [run for run in before if not _lenient(run)]
    if strict and not deploy.regardless:
        yield FactReading(
            subject=subject, expected="runs before it and stops it", observed=f"{strict[0].step.place}", ok=True
        )
    else:
        yield FactReading(
            subject=subject, expected="runs before it and stops it", observed=_why_not(runs, before, deploy), ok=False
        )
    if node:
        for run in strict[:1]:
            versions = ", ".join(run.job.node) or "no version written"
            known = [version for version in run.job.node if re.match(r"v?\d", version)]
            ok = (
                all(re.match(rf"v?{node}(?:\D|$)", version) for version in known)
                if known and len(known) == len(run.job.node)
                else None
            )
            place = f"{run.job.place} job {run.job.id} of {deploy.id}: {command}"
            yield FactReading(subject=place, expected=f"Node.js {node}", observed=versions, ok=ok)


def _runs_of(workflow: Workflow, command: str) -> Iterator[_StepRun]:
    for job in workflow.jobs.values():
        for index, step in enumerate(job.steps):
            if _scans(step) if command == nouns.SECURITY_SCAN else _has_command(step, command):
                yield _StepRun(job, index, step)


def _has_command(step: WorkflowStep, command: str) -> bool:
    return any(_is_command(line, form) for line in step.commands for form in nouns.COMMANDS[command])


def _is_before(workflow: Workflow, run: _StepRun, deploy: Job) -> bool:
    """Whether the step comes before the first that deploys: in a job that the deploying one needs, or in the same job."""
    if run.job.id != deploy.id:
        return run.job.id in workflow.needed_by(deploy.id)
    return run.at < next(index for index, step in enumerate(deploy.steps) if _deploys(step))


def _lenient(run: _StepRun) -> str:
    """Why a failure of the step does not stop what comes after; empty where it does."""
    silent = next((f"`{command}`" for command in run.step.commands if is_silent(command)), "")
    return run.step.may_fail or run.job.may_fail or silent


def _why_not(runs: Sequence[_StepRun], before: Sequence[_StepRun], deploy: Job) -> str:
    if not runs:
        return "no job runs it"
    if not before:
        return f"job {runs[0].job.id} runs it ({runs[0].step.place}), which this job does not need"
    return deploy.regardless or f"it may fail: {_lenient(before[0])} ({before[0].step.place})"


def _scans(step: WorkflowStep) -> bool:
    found = _scanner(step)
    return found is not None and not found[1].startswith("npm audit")


def _scanner(step: WorkflowStep) -> tuple[nouns.Scanner, str] | None:
    """The scanner that a step runs, and its command line or action."""
    for action, scanner in nouns.SCAN_ACTIONS.items():
        if step.uses == action or step.uses.startswith(f"{action}/"):
            return scanner, step.uses
    for command in step.commands:
        for words, scanner in nouns.SCAN_COMMANDS.items():
            if _is_command(command, words):
                return scanner, command
    return None


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
    runs = {part: _run_of_part(workflow, part) for part in expected}
    if not any(runs[part] for part in expected if part in nouns.ENVIRONMENTS):
        return  # it deploys to other environments
    for part in expected:
        run = runs[part]
        yield FactReading(
            subject=f"{workflow.file}: {part}",
            expected="a step whose failure stops the workflow",
            observed="no step runs it" if run is None else _lenient(run) or run.step.place,
            ok=run is not None and not _lenient(run),
        )
    for before, after in pairwise(expected):
        first, second = runs[before], runs[after]
        if first is not None and second is not None:
            yield _follows(workflow, first, second, f"{before}, then {after}")


def _follows(workflow: Workflow, first: _StepRun, second: _StepRun, words: str) -> FactReading:
    same = first.job.id == second.job.id
    ok = first.at < second.at if same else first.job.id in workflow.needed_by(second.job.id)
    seen = f"{first.step.place}, then {second.step.place}"
    if not ok:
        seen = f"{second.step.place} runs first" if same else f"job {second.job.id} does not need job {first.job.id}"
    if ok and not same and second.job.regardless:
        ok, seen = False, f"job {second.job.id} runs after a failure too: {second.job.regardless}"
    return FactReading(subject=f"{workflow.file}: {words}", expected="in this order", observed=seen, ok=ok)


def _run_of_part(workflow: Workflow, part: str) -> _StepRun | None:
    """The step that is a part of the order: a command, or a deployment to an environment."""
    for job in workflow.jobs.values():
        for index, step in enumerate(job.steps):
            if part in nouns.COMMANDS and _has_command(step, part):
                return _StepRun(job, index, step)
            if part in nouns.ENVIRONMENTS and _deploys(step) and _environment_of(job, step) == part:
                return _StepRun(job, index, step)
    return None


def _environment_of(job: Job, step: WorkflowStep) -> str:
    """Where a step deploys to: the one environment of its commands, else of its name, else of its job."""
    for text in (step.words, step.name, job.environment):
        spoken = [
            name for name in nouns.ENVIRONMENTS if re.search(rf"(?<![A-Za-z]){name}(?![A-Za-z])", text, re.IGNORECASE)
        ]
        if len(spoken) == 1:
            return spoken[0]
    return ""


def scans_every_push(asked: Asked) -> Sequence[FactReading]:
    """`workflow-scan`: a workflow runs a vulnerability scan on every push, and stops on what it finds; one fact a scan."""
    found = []
    for workflow in workflows(asked):
        for job in workflow.jobs.values():
            for index, step in enumerate(job.steps):
                scanner = _scanner(step)
                if scanner is not None and not scanner[0].never:
                    found.append((_every_push(workflow, job), _stops(_StepRun(job, index, step), *scanner), step))
    if not found:
        where = f"{asked.target.file}: files.workflows"
        return [
            FactReading(
                subject=where, expected="a vulnerability scan on every push", observed="no workflow runs one", ok=False
            )
        ]
    expected = "on every push, stopping on findings"
    on_push = [(pushed, stopped, step) for pushed, stopped, step in found if not pushed] or found
    return [
        FactReading(
            subject=f"{step.place} {step.name or step.uses or (step.commands or ('',))[0]}",
            expected=expected,
            observed="; ".join(filter(None, (pushed, stopped))) or "on every push, and its findings stop the workflow",
            ok=not pushed and not stopped,
        )
        for pushed, stopped, step in on_push
    ]


def _every_push(workflow: Workflow, job: Job) -> str:
    """Why a job does not run on every push; empty where it does."""
    if workflow.forge == "gitlab":
        for conditions in (workflow_conditions(workflow), job.starts.split(" or ") if job.starts else []):
            if conditions and not any(_PUSHES.fullmatch(one) for one in conditions):
                return f"it starts when {' or '.join(conditions)}"
        return ""
    push = workflow.triggers.get("push", "absent")
    if push == "absent":
        return f"it starts on {' and '.join(workflow.triggers)}, not on a push"
    filters = [key for key in push if push[key]] if isinstance(push, dict) else []
    every: Any = push.get("branches") if isinstance(push, dict) else None
    if filters and not (filters == ["branches"] and isinstance(every, list) and "**" in every):
        return f"its pushes are filtered by {', '.join(filters)}"
    return f"its job runs only if {job.starts}" if job.starts else ""


def _stops(run: _StepRun, scanner: nouns.Scanner, words: str) -> str:
    """Why its findings do not stop the workflow; empty where they do."""
    if lenient := _lenient(run):
        return f"it may fail: {lenient}"
    options = [f"{key}={value}" for key, value in run.step.inputs.items()] if run.step.uses else []
    has = [
        option for option in (*scanner.stops_by, *scanner.unless) if option in options or f" {option}" in f" {words}"
    ]
    if bad := [option for option in has if option in scanner.unless]:
        return f"`{bad[0]}` lets it succeed with findings"
    if scanner.stops_by and not has:
        return f"it succeeds with findings: it lacks `{scanner.stops_by[0]}`"
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
        workflow = read_workflow(path, shown(path, asked))
        found += [_stage(workflow, component.name, stage) for stage in expected]
    return found


def _stage(workflow: Workflow, component: str, stage: str) -> FactReading:
    forms = nouns.STAGES[stage]
    jobs = [
        job
        for job in workflow.jobs.values()
        if job.id.lower().replace("_", "-") in forms or job.stage.lower().replace("_", "-") in forms
    ]
    working = [job for job in jobs if any(step.commands or step.uses for step in job.steps)]
    seen = working[0].place if working else "its job runs nothing" if jobs else "missing"
    return FactReading(
        subject=f"{workflow.file} of {component}: {stage}",
        expected="a stage that runs something",
        observed=seen,
        ok=bool(working),
    )
