"""Runs experiments as acts: sends the fault, keeps it active, undoes it, and restores the target.

The fault stays active until reads, writes and users are served again. Nothing is judged here.
"""

from __future__ import annotations

from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final

from harness import clock
from harness.drivers.chaos import open_attempt, open_rollbacks
from harness.drivers.chaos.chaos_run import JOURNAL_GRACE_S
from harness.drivers.chaos.restore import RESTORED
from harness.errors import TargetGone
from harness.model import NO_FAULT, Act, DemandKind, Phase, domain_of
from harness.model.planned.domain import ENTRY, PartsState
from harness.model.records.window import fault_free_name
from harness.run.acts.driver import Driver, Library, RequiredKey
from harness.run.health.condition import STEADY_WITHIN_S
from harness.targets.safety.intents import VERIFY, pending_intents, strike_intent
from harness.units import NS_PER_S

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.drivers.chaos import ChaosResult, ChaosRun
    from harness.model import Demand, ExperimentPlan, Intent
    from harness.run.acts.context import Context
    from harness.targets import Target
    from harness.targets.access import Access

_CHILD_POLL_S: Final = 0.1
_ATTEMPTS: Final = 2
_WATCH_LEAST_S: Final = 10.0
"""Seconds to watch after the method: five good seconds, and the time until they are recorded."""
RESTORE_LEAST_S: Final = 30.0
"""Shortest time for the restore after an experiment, in seconds.

The rest of the experiment's longest limit is added.
"""
GONE_GRACE_S: Final = 2.0
"""Seconds in which a child process must end if its target is gone, since it cannot undo anything."""


def longest_s(experiment: ExperimentPlan) -> float:
    """Longest duration of one attempt, in seconds, if nothing recovers by itself."""
    watched_s = max(experiment.watch_s, _WATCH_LEAST_S)
    return STEADY_WITHIN_S + _interrupted_after_s(experiment) + watched_s + RESTORE_LEAST_S + experiment.after_s


def _interrupted_after_s(experiment: ExperimentPlan) -> float:
    """Seconds from the start of the child until it is interrupted.

    It is the longer of two times: `takes` of its file, and the time until the fault is confirmed plus the longest limit. The time in which
    the child undoes the fault is added.
    """
    return max(experiment.seconds, experiment.within_s + experiment.observe_s) + JOURNAL_GRACE_S


class ExperimentDriver(Driver):
    """Runs experiment files, one at a time.

    The null run shares the time of the fault-free window.
    """

    kind = DemandKind.EXPERIMENT.value

    def needs(self, demand: Demand, library: Library) -> Sequence[RequiredKey]:
        """The keys of the target file that the activities need, such as `kubernetes`."""
        experiment = library.experiments.get(demand.name)
        keys = [key for key in experiment.needs if "." not in key] if experiment else ()
        return [RequiredKey(key, f"activities of {demand.name} use {key.capitalize()}") for key in keys]

    def accesses(self, demand: Demand, library: Library, target: Target) -> Sequence[Access]:
        """The Kubernetes permissions of the activities, and of the check whether the target is restored."""
        from harness.chaos.session import PRESENT
        from harness.drivers.chaos.rights import access_of_file
        from harness.targets.access import accesses_of

        if target.kubernetes is None:
            return ()
        file = access_of_file(Path(library.experiments[demand.name].file))
        own = [getattr(import_module(module), function) for module, function in file.own]
        asked = [one for function in own for one in accesses_of(function, target) or ()]
        return (*asked, *file.known, *PRESENT, *RESTORED)

    def undeclared(self, demand: Demand, library: Library) -> Sequence[str]:
        """The activities whose Kubernetes permissions are not declared."""
        from harness.drivers.chaos.rights import access_of_file

        unknown = access_of_file(Path(library.experiments[demand.name].file)).unknown
        return [f"{demand.name}: {name}" for name in unknown]

    def plan(self, demand: Demand, library: Library) -> Sequence[Act]:
        """One act: after the fault-free window and after every experiment with a smaller reach."""
        experiment, traffic = library.experiments[demand.name], demand.params.get("traffic", "")
        window = fault_free_name(traffic)
        name, domain = f"experiment:{experiment.name}", experiment.domain
        if domain == NO_FAULT.name:
            return [Act(name=name, kind=self.kind, demand=demand.key, seconds=0.0, traffic=traffic, beside=window)]
        lesser = [one.name for one in library.experiments.values() if _reach(one) < _reach(experiment)]
        return [
            Act(
                name=name,
                kind=self.kind,
                demand=demand.key,
                phase=Phase.FAULT,
                seconds=experiment.seconds + experiment.after_s,
                touches=domain_of(domain).touches,
                needs_steady=True,
                traffic=traffic,
                after=(window, *(f"experiment:{one}" for one in lesser)),
            )
        ]

    def run(self, act: Act, context: Context) -> None:
        """Run the experiment; repeat it once if its fault was not confirmed and the target is restored."""
        experiment = _experiment(act, context)
        for last in (False, True):
            with context.beside(act):
                confirmed = _Attempt(act, experiment, context).run()
            if confirmed or last or context.blocked(act.touches):
                return
            context.progress.say(f"{experiment.name}: the fault was not confirmed; the experiment is repeated once")
            state, waited_s = context.traffic.condition.wait(act.touches)
            context.history.put("steady", experiment.name, ok=state.ok, why=state.why, waited_s=waited_s)
            if not state.ok:
                self.skip(act, f"the target was not steady: {state.why}", context)
                return

    def skip(self, act: Act, why: str, context: Context) -> None:
        """Record that the experiment was skipped, with the reason."""
        experiment = _experiment(act, context)
        context.attempts[experiment.name] += 1
        context.progress.say(f"{experiment.name}: skipped, {why}")
        context.history.put(
            "experiment.skipped",
            experiment.name,
            attempt=context.attempts[experiment.name],
            domain=experiment.domain,
            why=why,
        )

    @contextmanager
    def beside(self, act: Act, context: Context) -> Iterator[None]:
        """Run the null run during the fault-free window: the probes of the experiments without a fault, for comparison."""
        experiment, start_ns = _experiment(act, context), clock.now_ns()
        _put_started(experiment, 1, start_ns, context)
        child = chaos_child(experiment, 1, context)
        child.start()
        try:
            yield
        finally:
            child.release()
            _put_ended(experiment, 1, child.finish(), context)


class _Attempt:
    """One attempt at one experiment."""

    def __init__(self, act: Act, experiment: ExperimentPlan, context: Context) -> None:
        context.attempts[experiment.name] += 1
        self._act = act
        self._experiment = experiment
        self._context = context
        self._number = context.attempts[experiment.name]
        self._child = chaos_child(experiment, self._number, context)
        self._sent_ns: int | None = None
        self._users_served = False

    def run(self) -> bool:
        """Run the attempt; returns whether the fault was confirmed."""
        name, history, context = self._experiment.name, self._context.history, self._context
        before = context.traffic.condition.baseline()
        self._users_served = context.traffic.users.before_fault(context.present)
        context.progress.say(
            f"{name}: a fault of domain {self._experiment.domain}, observed for at most {self._experiment.observe_s:g} s"
        )
        _put_started(self._experiment, self._number, clock.now_ns(), context)
        context.watch.fault_window(is_open=True)
        # from here on it is on disk, and said at the end of the run, unless it is verified that the target is as before
        opened = open_attempt(context.platform, self._experiment, self._number, before)
        rollbacks = open_rollbacks(context.platform, self._experiment)
        context.presence.begin(self._experiment.observe_s + RESTORE_LEAST_S)
        grace_s = JOURNAL_GRACE_S
        try:
            self._child.start()
            self._hold()
            self._watch_on()
        except TargetGone:
            grace_s = GONE_GRACE_S
            raise
        finally:
            result = self._child.finish(grace_s)
            if rollbacks is not None and (result.rolled_back or not result.acted):
                strike_intent(rollbacks)
            self._see_sent()
        pending = pending_intents(context.platform)
        # the child adds to the entry which nodes it hits
        context.traffic.condition.hit(
            node for one in pending if one.id == opened.id for node in one.undo.get("hit", ())
        )
        left = [intent for intent in pending if intent.experiment == name and intent.undo.get("do") != VERIFY]
        restored = self._restore(left)
        if restored:
            strike_intent(opened)
        history.put("manual-steps.watched", name, attempt=self._number, count=len(left))
        context.watch.fault_window(is_open=False)
        _put_ended(self._experiment, self._number, result, context)
        if restored and self._experiment.after_s:
            context.pass_time(self._experiment.after_s, f"{name}: traffic after the restore")
        return result.confirmed

    def _see_sent(self) -> int | None:
        """The time at which the fault was sent, as the child recorded it (None: not yet); a new window begins there."""
        if self._sent_ns is None and (sent_ns := self._child.sent_ns()) is not None:
            self._sent_ns = sent_ns
            self._context.traffic.fault_sent(self._experiment.name, self._number, sent_ns)
        return self._sent_ns

    def _hold(self) -> None:
        """Undo a fault that is kept active once reads, writes and users are served again, as long as is asked for, or the longest limit has passed.

        A child process that takes much longer than planned is interrupted.
        """
        experiment, context = self._experiment, self._context
        released = False
        served_ns: int | None = None
        most_s = _interrupted_after_s(experiment)
        for _ in clock.Deadline.after(most_s).ticks(_CHILD_POLL_S):
            if not self._child.alive():
                return
            context.present()
            sent_ns = self._see_sent()
            if sent_ns is None or released:
                continue
            seconds = (clock.now_ns() - sent_ns) / NS_PER_S
            context.progress.now(f"{experiment.name}: the fault was sent {seconds:.0f} s ago")
            if seconds < min(experiment.hold_s, experiment.observe_s):
                continue
            out = self._still_out(sent_ns)
            served_ns = None if out else served_ns or clock.now_ns()
            served_s = (clock.now_ns() - served_ns) / NS_PER_S if served_ns else -1.0
            if served_s >= experiment.served_s or seconds >= experiment.observe_s:
                why = f"not recovered within {experiment.observe_s:g} s ({out})" if out else "requests are served again"
                context.history.put("hold.released", experiment.name, why=why)
                ends = "; the longest limit of its sentences ends the hold" if out and experiment.hold_s else ""
                context.progress.say(f"{experiment.name}: {why}; the fault was active for {seconds:.1f} s{ends}")
                self._child.release()
                released = True
        why = (
            f"it was interrupted because it had not ended after {most_s:g} s (the longer of `takes` and of `within` plus the "
            f"longest limit, plus {JOURNAL_GRACE_S:g} s). If its method needs longer, increase `takes` in the experiment file"
        )
        self._child.interrupt(why)

    def _still_out(self, sent_ns: int) -> str:
        """Why reads, writes, users or an awaited part of the cluster have not recovered; empty if all have.

        Users who were not served before the fault are not waited for.
        """
        condition, users = self._context.traffic.condition, self._context.traffic.users
        if not condition.back_since(sent_ns):
            return "reads and writes are not served yet"
        if not (state := condition.as_before(self._experiment.awaits)).ok:
            return state.why
        return users.now().why if self._users_served else ""

    def _watch_on(self) -> None:
        """Watch after the child's method until reads and writes are served again, or the limit has passed.

        Returns at once if no fault was sent.
        """
        sent_ns = self._see_sent()
        if sent_ns is None:
            return
        experiment, context = self._experiment, self._context
        least_ns = (self._child.confirmed_ns() or sent_ns) + round(experiment.watch_s * NS_PER_S)
        left_s = experiment.observe_s - (clock.now_ns() - sent_ns) / NS_PER_S
        for _ in clock.Deadline.after(max(left_s, experiment.watch_s, _WATCH_LEAST_S)).ticks(_CHILD_POLL_S):
            context.present()
            if clock.now_ns() >= least_ns and context.traffic.condition.back_since(sent_ns):
                return

    def _restore(self, left: Sequence[Intent]) -> bool:
        """Wait until the parts that the fault disturbed are restored.

        It waits for the rest of the longest limit, and at least 30 s. Returns whether the target is restored and no undo is pending.
        """
        name, traffic = self._experiment.name, self._context.traffic
        self._context.progress.now(f"{name}: restoring")
        since_s = (clock.now_ns() - (self._sent_ns or clock.now_ns())) / NS_PER_S
        condition, within_s = traffic.condition, max(self._experiment.observe_s - since_s, RESTORE_LEAST_S)
        state, _ = condition.wait(self._act.touches, within_s, self._context.present)
        if not state.ok:
            state = condition.in_full(self._act.touches)
        elif ENTRY in self._act.touches:
            traffic.users.wait(
                self._context.present
            )  # some are out longer than the probes, and the record of them is not cut off
        if state.ok and left:
            state = PartsState(ok=False, why=f"not undone: {left[0].action}")
        at_ns = clock.now_ns()
        if state.ok:
            traffic.restored(at_ns)
        else:
            why = f"the target was not restored after {name}: {state.why}"
            self._context.unrestored.update(dict.fromkeys(self._act.touches, why))
        self._context.history.put(
            "restore",
            name,
            attempt=self._number,
            ok=state.ok,
            at_ns=at_ns,
            why=state.why,
            missing=list(state.missing),
        )
        self._context.progress.say(f"{name}: {'restored' if state.ok else f'not restored: {state.why}'}")
        self._context.reads.restored(name)
        return state.ok


def chaos_child(experiment: ExperimentPlan, attempt: int, context: Context) -> ChaosRun:
    """Create the child process that runs an experiment."""
    from harness.drivers.chaos import ChaosRun

    return ChaosRun(
        experiment,
        context.target,
        context.directory.path,
        context.forks,
        attempt=attempt,
        allow_target=context.allow_target,
    )


def _put_started(experiment: ExperimentPlan, attempt: int, from_ns: int, context: Context) -> None:
    """Record that an attempt began, from when on it is observed."""
    context.history.put(
        "experiment.started", experiment.name, attempt=attempt, domain=experiment.domain, observed_from_ns=from_ns
    )


def _put_ended(experiment: ExperimentPlan, attempt: int, result: ChaosResult, context: Context) -> None:
    """Record that an attempt ended, until when it was observed."""
    context.history.put(
        "experiment.ended",
        experiment.name,
        attempt=attempt,
        observed_until_ns=clock.now_ns(),
        exit=result.exit_code,
        journal=dict(result.journal),
        why=result.why,
    )


def _experiment(act: Act, context: Context) -> ExperimentPlan:
    return context.plan.experiments[context.plan.demand[act.demand].name]


def _reach(experiment: ExperimentPlan) -> int:
    return domain_of(experiment.domain).order
