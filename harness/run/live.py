"""A live run from target to decision: guard, lock, recover leftovers, plan on disk, gather, seal, decide."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from harness import clock
from harness.drivers.chaos import recover
from harness.drivers.load import load_traffic
from harness.errors import HarnessError, Interrupted
from harness.evidence import RunDirectory, seal
from harness.run.acts.driver import Library
from harness.run.baseline import check_baseline, copy_baseline
from harness.run.deciding import Decided, decide, write_verdict
from harness.run.gathering import gather
from harness.run.inputs import keep_inputs
from harness.run.planning import Compiled, make_plan
from harness.run.progress import Progress
from harness.run.reaching import reach
from harness.run.sandbox import started_sandbox
from harness.run.stopping import Stopping
from harness.steps import traffic_of
from harness.targets import TargetLock, guard_experiment, guard_target, load_target

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.model import ExperimentPlan, Plan, Requirement, TrafficPlan
    from harness.run.settings import Settings
    from harness.targets import Target


def run_live(
    settings: Settings,
    compiled: Compiled,
    *,
    requirements: Sequence[Requirement],
    experiments: Mapping[str, ExperimentPlan],
) -> Decided:
    """Gather evidence on the target, judge it and write the reports.

    Raises:
        HarnessError: nothing was begun: the target cannot be read, started or reached, is in use, or may not be broken.
        Interrupted: somebody said stop; what was broken is restored, and the evidence so far is kept.
    """
    with ExitStack() as stack:
        progress = stack.enter_context(Progress())
        stopping = stack.enter_context(Stopping(progress.say))
        target = _target(settings, progress, stack)
        run = f"{clock.wall():%Y%m%dT%H%M%S}Z-{target.name}-{settings.release.rstrip('/').rpartition('/')[2]}"
        library = Library(traffic=sizes_of(settings, target, compiled), experiments=experiments)
        plan = make_plan(
            run, settings=settings, target=target, requirements=requirements, compiled=compiled, library=library
        )
        for name in plan.shadowed:
            progress.say(f"the project's own {name} is used, not the one that came with the package")
        if settings.baseline is not None:
            progress.say(check_baseline(settings.baseline, plan))
        guard_target(target, settings.allow_target)
        for experiment in plan.experiments.values():
            guard_experiment(target, experiment)
        stack.enter_context(TargetLock(target.name, run))
        for line in recover(target):
            progress.say(f"recovered: {line}")
        reach(target)
        directory = RunDirectory.create(settings.out, run)
        directory.write_plan(plan)
        keep_inputs(plan, settings.project, directory)
        if settings.baseline is not None:
            copy_baseline(settings.baseline, plan, directory)
        return _gathered(plan, target, directory, settings=settings, progress=progress, stopping=stopping)


def sizes_of(settings: Settings, target: Target, compiled: Compiled) -> dict[str, TrafficPlan]:
    """The sizes of the traffic that is asked for."""
    paths = settings.project.search("loadtests")
    return {name: load_traffic(name, paths, target.traffic) for name in traffic_of(compiled.demands)}


def _target(settings: Settings, progress: Progress, stack: ExitStack) -> Target:
    if settings.target is not None:
        return load_target(settings.target)
    progress.say(f"starting the sandbox with release {settings.release}")
    target_file = stack.enter_context(started_sandbox(settings.release, progress.say, keep=settings.keep))
    progress.say("the sandbox is ready")
    return load_target(target_file)


def _gathered(
    plan: Plan,
    target: Target,
    directory: RunDirectory,
    *,
    settings: Settings,
    progress: Progress,
    stopping: Stopping,
) -> Decided:
    """Gather, restore, seal, decide.

    The target is restored whatever happens. After an error that has a name, and after a Ctrl-C, the evidence so far is
    sealed and judged.
    """
    try:
        gather(plan, target, directory, progress, settings.allow_target)
    except KeyboardInterrupt:
        progress.say("interrupted: restoring the target, keeping the evidence")
    except HarnessError as error:
        progress.say(f"the run cannot go on: {error}")
    finally:
        stopping.shield()
        for line in recover(target):
            progress.say(f"restored: {line}")
    progress.now("sealing the evidence")
    seal(directory, plan)
    try:
        directory.end()
    except HarnessError as error:  # a pointer that stays where it was costs no verdict
        progress.say(str(error))
    decided = decide(directory)
    write_verdict(decided)
    if stopping.asked:
        raise Interrupted("the run was interrupted; the target is restored", where=str(directory.path))
    return decided
