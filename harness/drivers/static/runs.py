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
    """Whether a command line is the expected one, variables before it, options of its program and options behind it aside."""
    first = expected.split()
    return plain(command).split()[: len(first)] == first


def plain(command: str) -> str:
    """A command line without the variables before it, and without its program's own options: `kubectl -n shop apply` is `kubectl apply`."""
    program, *words = re.sub(r"^(?:\w+=\S*\s+|sudo\s+|time\s+)+", "", command).split() or [""]
    valued, kept, waiting = nouns.GLOBAL_OPTIONS.get(program, frozenset()), [program], iter(words)
    for word in waiting if valued else ():
        option, has_value, _ = word.partition("=")
        if word == "--":
            kept.append(word)
            break
        if option in valued and not has_value:
            next(waiting, "")
        elif option not in valued and (len(kept) > 1 or not word.startswith("-")):
            kept.append(word)
    return " ".join([*kept, *waiting])


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
