"""What the jobs of a workflow run: each command and action with its place, and whether its failure stops what comes after."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from harness.drivers.static import nouns
from harness.drivers.static.jobs import Held, Job, Workflow, WorkflowStep
from harness.drivers.static.shell import ShellCommand


class StepRun(NamedTuple):
    """What runs something: its job, its place among the steps and their commands, the step, and its command; None: an action."""

    job: Job
    at: tuple[int, int]
    step: WorkflowStep
    command: ShellCommand | None


def commands_run(job: Job) -> Iterator[StepRun]:
    """The commands of a job, in order."""
    for index, step in enumerate(job.steps):
        for number, command in enumerate(step.commands):
            yield StepRun(job, (index, number), step, command)


def text_of_run(run: StepRun) -> str:
    """The command, else the action."""
    return run.command.text if run.command else run.step.uses


def is_command(command: str, expected: str) -> bool:
    """Whether a command line is the expected one, variables before it and options behind it aside."""
    bare = re.sub(r"^(?:\w+=\S*\s+|sudo\s+|time\s+)+", "", command)
    words, first = bare.split(), expected.split()
    return words[: len(first)] == first


def lenient(run: StepRun) -> Held:
    """Whether a failure of it stops what comes after; None where its script or its shell is not read."""
    if why := run.step.may_fail or run.job.may_fail:
        return Held(ok=False, why=why)
    if run.command is None or not run.command.may_fail:
        return Held(ok=True)
    return Held(ok=None if run.command.unclear else False, why=run.command.may_fail)


def scans_of(job: Job) -> Iterator[tuple[StepRun, nouns.Scanner]]:
    """The scanners that a job runs; what only prints a version or a help is left out."""
    for index, step in enumerate(job.steps):
        for action, scanner in nouns.SCAN_ACTIONS.items():
            if step.uses == action or step.uses.startswith(f"{action}/"):
                yield StepRun(job, (index, 0), step, None), scanner
    for run in commands_run(job):
        for words, scanner in nouns.SCAN_COMMANDS.items():
            if is_command(text_of_run(run), words) and not nouns.NO_SCAN.search(text_of_run(run)):
                yield run, scanner
                break


def workflow_conditions(workflow: Workflow) -> list[str]:
    """The conditions of GitLab's `workflow: rules`, those that keep it from starting left out."""
    rules = [one for one in workflow.triggers["rules"] or [] if isinstance(one, dict)]
    return [str(one.get("if", "always")) for one in rules if one.get("when") != "never"]
