"""Gathers the evidence of a plan on a target.

It runs the watch, the acts in the plan's order, and the last reads of the ledger.
"""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, NamedTuple

from harness.drivers.chaos import ForkServer
from harness.drivers.check.release import read_release
from harness.drivers.load import Load
from harness.drivers.watch import (
    FinalReads,
    LiveView,
    Rates,
    Watch,
    WatchSettings,
    ledger_clients,
    watch_settings,
)
from harness.errors import HarnessError
from harness.figures import spec_of
from harness.judgement.figures.ledger.pipelines import limits_s
from harness.judgement.receipts.machine import is_sandbox
from harness.judgement.recovery import Promise
from harness.run.acts.context import Context, Sinks
from harness.run.acts.paper import Paper, PaperDriver
from harness.run.acts.registry import drivers
from harness.run.health.presence import presence_of
from harness.run.health.steady import Steadiness
from harness.run.load.finalreads import LedgerReads
from harness.run.load.pace import rates_of
from harness.run.load.underway import load_settings
from harness.run.plan.outlook import health_per_s, seconds
from harness.run.scheduler import Scheduler
from harness.run.start.machine import MachineLog
from harness.run.start.provision import declared_processes
from harness.run.start.room import Room

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.evidence import History, RunDirectory
    from harness.model import Plan
    from harness.run.progress import Progress
    from harness.targets import ClusterLease, Platform, Target


class Ground(NamedTuple):
    """A target, the platform that its target file describes, and the Lease that keeps other runs away."""

    target: Target
    platform: Platform
    lease: ClusterLease


def gather(
    plan: Plan,
    ground: Ground,
    directory: RunDirectory,
    progress: Progress,
    allow_target: str = "",
    *,
    stopped: Callable[[], bool] = bool,
) -> None:
    """Run the complete plan; evidence goes to the run directory, and nothing is judged.

    On any exception, Ctrl-C included, every child process is ended and every file closed.

    Args:
        plan: what to do, in order.
        ground: the target and its platform.
        directory: directory of the run, with the plan in it.
        progress: prints the steps of the run.
        allow_target: name typed in full for a target that is not disposable.
        stopped: whether a person or a supervisor has requested a stop.

    Raises:
        HarnessError: the run cannot go on.
    """
    target = ground.target
    with ExitStack() as stack:
        history = directory.history("run")
        stack.callback(history.close)
        _record_start(history, plan)
        stack.push(lambda kind, error, _: _record_end(history, plan, kind, error))
        stack.enter_context(ground.lease.stops())
        settings = _watch_settings(plan, target, directory)
        machine = stack.enter_context(MachineLog(target, directory, processes=declared_processes(target)))
        sinks = Sinks(directory)
        stack.callback(sinks.close)
        spawned = stack.enter_context(_spawned(plan, target, directory, sinks, progress))
        progress.say(f"watching {target.name}")
        watch = stack.enter_context(Watch(settings))
        final_reads = FinalReads(target, settings)
        stack.callback(final_reads.close)
        reads = LedgerReads(target, final_reads, history)
        forks = stack.enter_context(ForkServer(target))
        if plan.experiments:
            forks.start()
        context = Context(
            plan=plan,
            target=target,
            directory=directory,
            allow_target=allow_target,
            progress=progress,
            history=history,
            watch=watch,
            view=LiveView(directory.path),
            reads=reads,
            attempts=Counter(),
            drivers=drivers(),
            sinks=sinks,
            platform=ground.platform,
            forks=forks,
            presence=presence_of(target),
            room=Room(machine, directory.path, decides=is_sandbox(plan), planned_s=seconds(plan)[0]),
            spawned=spawned,
        )
        steadiness = Steadiness(context.view, writes=target.ledger is not None, promise=Promise.of(plan))
        _record_release("before", target, history)
        Scheduler(context, steadiness, stopped).run()
        _record_release("after", target, history)
        _end_watch(context, settings.follow_s, given_up=stopped())
        progress.say("reading the ledger")
        reads.end()  # after the watch: no write of the ledger comes after the reads of all of them


@contextmanager
def _spawned(
    plan: Plan, target: Target, directory: RunDirectory, sinks: Sinks, progress: Progress
) -> Iterator[dict[str, Load]]:
    """The load of the first traffic, by name. Its processes take seconds to start, so they start while the watch starts.

    Workers on other machines are not started early.
    """
    first = next((plan.traffic[act.traffic] for act in plan.acts if act.traffic and not act.beside), None)
    if first is None or first.remote_workers:
        yield {}
        return
    settings = load_settings(first, target, directory.path, plan)
    load = Load(settings, sinks.of("load"), say=progress.say)
    try:
        load.spawn()
        yield {first.name: load}
    finally:
        load.stop()


def _end_watch(context: Context, follow_s: float, *, given_up: bool) -> None:
    """Stop the watch, which waits for open events first; meanwhile read back what journeys of the last traffic wrote."""
    if context.target.pipeline is not None and not given_up:
        context.progress.say(
            f"stopping the watch; waiting at most {follow_s:.3g} s for accepted events that are not visible yet"
        )
    if context.read_backs:
        context.progress.say("reading back what journeys wrote")
    with ThreadPoolExecutor(1) as beside:
        reading = beside.submit(context.read_back)
        context.watch.stop(at_once=given_up)
        reading.result()


def _watch_settings(plan: Plan, target: Target, directory: RunDirectory) -> WatchSettings:
    """The settings of the watch: the probes that the plan's figures need, and the times that its sentences allow an event."""
    return watch_settings(
        target.file,
        directory.path,
        clients=ledger_clients(plan.run, plan.seed),
        rates=rates_for(plan),
        limits_s=limits_s(plan),
    )


def gather_files(plan: Plan, target: Target, directory: RunDirectory, progress: Progress) -> None:
    """Run a plan that needs no live target: read files.

    Raises:
        EvidenceError: the run directory cannot be written.
    """
    with ExitStack() as stack:
        history = directory.history("run")
        stack.callback(history.close)
        _record_start(history, plan)
        stack.push(lambda kind, error, _: _record_end(history, plan, kind, error))
        sinks = Sinks(directory)
        stack.callback(sinks.close)
        place = Paper(plan=plan, target=target, directory=directory.path)
        progress.say(f"reading the files that the target file of {target.name} names")
        for act in plan.acts:
            driver = drivers()[act.kind]
            if isinstance(driver, PaperDriver):
                history.put("act.started", act.name)
                driver.find(act, place, sinks.of("checks"))


def rates_for(plan: Plan) -> Rates:
    """The probes per second of a run.

    A rate is higher than the default if a figure of the plan needs more probes, or a traffic file asks for more.
    """
    usual = rates_of(plan.claims, scale=plan.time_scale, broken=bool(plan.experiments))
    needed = {"health_in_window": health_per_s(plan)}
    for figure in {objective.figure for claim in plan.claims for objective in claim.objectives}:
        for probe, per_s in spec_of(figure).rates.items():
            needed[probe] = max(needed.get(probe, getattr(usual, probe)), per_s)
    return usual.model_copy(update=needed)


def _record_start(history: History, plan: Plan) -> None:
    history.put(
        "run.started",
        plan.run,
        target=plan.target,
        release=plan.release,
        environment=plan.environment,
        time_scale=plan.time_scale,
        seed=plan.seed,
    )


def _record_release(when: str, target: Target, history: History) -> None:
    """Record which release the target reports."""
    found = read_release(target)
    history.put(
        "release.read",
        when,
        at_ns=found.at_ns,
        workloads={name: list(images) for name, images in found.workloads.items()},
        version=found.version,
        why=found.why,
    )


def _record_end(history: History, plan: Plan, kind: type[BaseException] | None, error: BaseException | None) -> None:
    """Record how the run ended: in order, or with what went wrong."""
    if kind is None:
        history.put("run.ended", plan.run, ok=True, why="", hint="")
        return
    if isinstance(error, HarnessError):
        why, hint = f"{error.where}: {error.what}" if error.where else error.what, error.hint
    elif issubclass(kind, KeyboardInterrupt):
        why, hint = "interrupted", "let it run until it completes"
    else:
        why, hint = str(error) or kind.__name__, ""
    history.put("run.ended", plan.run, ok=False, why=why, hint=hint)
