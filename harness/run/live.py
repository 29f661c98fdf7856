"""A live run, from the target to the decision.

Its steps: check the permission, lock the target, undo leftovers, write the plan, gather evidence, close the evidence, decide.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from harness import clock
from harness.drivers.chaos import sweep_scratch
from harness.errors import HarnessError, Interrupted, TargetGone
from harness.evidence import RunDirectory
from harness.evidence.seal import seal
from harness.model import DemandKind
from harness.run.baseline import check_baseline, copy_baseline
from harness.run.deciding import Decided, decide, write_verdict
from harness.run.gathering import Ground, gather, gather_files
from harness.run.github import report_files
from harness.run.inputs import keep_inputs
from harness.run.plan.planning import Compiled, library_of, make_plan
from harness.run.plan.refusals import refusals
from harness.run.progress import Progress
from harness.run.start.preflight import preflight, refuse_other_release
from harness.run.start.provision import started
from harness.run.stopping import Stopping
from harness.run.uploads import bucket_of, uploaded
from harness.targets import ClusterLease, TargetLock, load_target, platform_of
from harness.targets.undo import RECOVER_S, Recovered, recover, recover_command

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.evidence.bucket.store import Bucket
    from harness.model import ExperimentPlan, Plan, Requirement
    from harness.run.settings import Settings
    from harness.targets import Target

ORDERLY_S: Final = 2.0
"""Seconds for which a run that ended without an error waits for pending undos.

The time is short, since its experiments have already waited for them.
"""


_CHANGES_NOTHING: Final = {DemandKind.TRAFFIC, DemandKind.STATIC, DemandKind.INGEST, DemandKind.EXPOSE}
"""Kinds of acts that need no undo."""


def run_live(
    settings: Settings,
    compiled: Compiled,
    *,
    requirements: Sequence[Requirement],
    experiments: Mapping[str, ExperimentPlan],
) -> Decided:
    """Gather evidence on the target, judge it and write the reports.

    Raises:
        HarnessError: nothing was started: the target cannot be read, started or reached, is in use, or must not be broken.
        Interrupted: a stop was requested; the faults are undone, and the evidence so far is kept.
    """
    with ExitStack() as stack:
        progress = stack.enter_context(Progress())
        stopping = stack.enter_context(Stopping(progress.say))
        if settings.target is None:
            target = stack.enter_context(started(settings, requirements, compiled.claims, progress.say))
        else:
            target = load_target(settings.target)
        release = target.release.version or settings.release.rstrip("/").rpartition("/")[2]
        run = f"{clock.wall():%Y%m%dT%H%M%S}Z-{target.name}-{release}"
        library = library_of(settings, target, compiled, experiments)
        plan = make_plan(
            run, settings=settings, target=target, requirements=requirements, compiled=compiled, library=library
        )
        for name in plan.shadowed:
            progress.say(f"the project's own {name} is used instead of the package's {name}")
        if settings.baseline is not None:
            progress.say(check_baseline(settings.baseline, plan))
        for refused in refusals(plan, target, settings.allow_target):
            raise refused
        bucket = bucket_of(settings.upload, target, run)
        if bucket is not None:
            bucket.require_new()
        if not plan.live:
            return _on_paper(plan, target, bucket, settings=settings, progress=progress)
        platform = platform_of(target)
        stack.enter_context(TargetLock(platform, run))
        lease = ClusterLease(target, platform, run, lost=stopping.need, say=progress.say)
        stack.enter_context(lease)
        sweep_scratch()
        recovered = recover(target, platform)
        for line in recovered.undone:
            progress.say(f"recovered: {line}")
        recovered.require_all(platform, target)
        preflight(target, progress.say, acts=plan.acts)
        refuse_other_release(target, plan)
        if any(act.kind not in _CHANGES_NOTHING for act in plan.acts):
            lease.will_change()
        directory = RunDirectory.create(settings.out, run)
        plan = keep_inputs(plan, settings.project, target, directory)
        directory.write_plan(plan)
        if settings.baseline is not None:
            copy_baseline(settings.baseline, plan, directory)
        stack.enter_context(uploaded(directory, bucket, progress.say))
        ground = Ground(target, platform, lease)
        return _gathered(plan, ground, directory, settings=settings, progress=progress, stopping=stopping)


def _on_paper(plan: Plan, target: Target, bucket: Bucket | None, *, settings: Settings, progress: Progress) -> Decided:
    """Judge a plan that needs files and statements only: no target is requested, watched or locked."""
    directory = RunDirectory.create(settings.out, plan.run)
    plan = keep_inputs(plan, settings.project, target, directory)
    directory.write_plan(plan)
    with uploaded(directory, bucket, progress.say):
        gather_files(plan, target, directory, progress)
        seal(directory, plan)
        _ended(directory, progress)
        return _concluded(directory, progress)


def _ended(directory: RunDirectory, progress: Progress) -> None:
    """Mark the run as ended; if the link `latest` cannot be updated, the run goes on."""
    try:
        directory.end()
    except HarnessError as error:
        progress.say(str(error))


def _concluded(directory: RunDirectory, progress: Progress) -> Decided:
    """Judge, write the reports, and report to the CI job, if there is one."""
    decided = decide(directory)
    write_verdict(decided)
    for problem in report_files(directory.path, decided.judgement):
        progress.say(problem)
    return decided


def _gathered(
    plan: Plan,
    ground: Ground,
    directory: RunDirectory,
    *,
    settings: Settings,
    progress: Progress,
    stopping: Stopping,
) -> Decided:
    """Gather the evidence, restore the target, close the evidence, and decide.

    Faults are undone in any case. After a HarnessError, and after Ctrl-C, the evidence so far is closed and judged.
    """
    within_s = RECOVER_S
    recovered = Recovered()
    try:
        gather(plan, ground, directory, progress, settings.allow_target, stopped=lambda: stopping.stopped)
        within_s = ORDERLY_S
    except KeyboardInterrupt:
        progress.say("interrupted: undoing the faults, keeping the evidence")
    except TargetGone as error:
        within_s = 0.0
        progress.say(f"the run cannot go on: {error}")
    except HarnessError as error:
        progress.say(f"the run cannot go on: {error}")
    finally:
        stopping.shield()
        recovered = recover(ground.target, ground.platform, within_s=within_s)
        _say(recovered, progress)
    _record(recovered, directory)
    progress.now("closing the evidence")
    seal(directory, plan)
    _ended(directory, progress)
    decided = _concluded(directory, progress)
    if stopping.asked:
        what, hint = ended(recovered, ground.target, ends_with_run=settings.target is None and not settings.keep)
        raise Interrupted(f"the run was interrupted; {what}", where=str(directory.path), hint=hint)
    return decided


def ended(recovered: Recovered, target: Target, *, ends_with_run: bool) -> tuple[str, str]:
    """The state of the target at the end of a run in words, and a hint what a person has to do.

    The target is called restored only if that was verified. A provided target that ends with the run needs no recovery.
    """
    if not recovered.left:
        verified = "the target is restored (verified)" if recovered.undone else "no undo is pending"
        return verified, ""
    left = "; ".join(map(str, recovered.left))
    if ends_with_run:
        return f"the target, which ends with the run, was NOT verified as restored: {left}", ""
    hint = f"then run `{recover_command(target)}`, which checks the target again"
    return f"the target is NOT verified as restored: {left}", hint


def _say(recovered: Recovered, progress: Progress) -> None:
    for line in recovered.undone:
        progress.say(f"restored: {line}")
    for left in recovered.left:
        progress.say(f"not verified as restored: {left}")


def _record(recovered: Recovered, directory: RunDirectory) -> None:
    """Record, for each attempt whose undo was not verified, what a person has to do."""
    history = directory.history("run")
    try:
        for left in recovered.left:
            if left.attempt:
                history.put("restore", left.experiment, attempt=left.attempt, ok=None, why=left.reason)
    finally:
        history.close()
