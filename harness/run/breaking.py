"""One experiment at a time: only on a steady target, held until reads and writes are back, restored, and put on record."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Protocol

from harness import clock
from harness.drivers.chaos import ChaosRun

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from harness.drivers.chaos import Restorer
    from harness.evidence import History, RunDirectory
    from harness.model import ExperimentPlan, Plan, TrafficPlan
    from harness.run.progress import Progress
    from harness.run.shares import Shares
    from harness.run.steady import Steadiness
    from harness.targets import Target

_POLL_S: Final = 0.1
_ATTEMPTS: Final = 2
_WATCH_LEAST_S: Final = 10.0
"""Five good seconds, and the time until they are known."""
_RESTORE_WITHIN_S: Final = 90.0
_CHILD_GRACE_S: Final = 120.0


class FaultWindowCommand(Protocol):
    """Tells the watch that a fault may be in from now on, or is over."""

    def __call__(self, *, is_open: bool) -> None:
        """Look closely, or as rarely as before."""
        ...


class Breaking:
    """Runs experiments and writes down what a judge will need; whether it went well is not decided here.

    `alive` raises when load or watch have died: then there is nobody left to see a recovery. `fault_window` makes the watch
    look closely while a fault may be in.
    """

    def __init__(
        self,
        plan: Plan,
        target: Target,
        directory: RunDirectory,
        *,
        progress: Progress,
        steadiness: Steadiness,
        history: History,
        allow_target: str,
        shares: Shares,
        alive: Callable[[], None],
        fault_window: FaultWindowCommand,
    ) -> None:
        self._plan = plan
        self._target = target
        self._directory = directory
        self._progress = progress
        self._steadiness = steadiness
        self._history = history
        self._allow_target = allow_target
        self._shares = shares
        self._alive = alive
        self._fault_window = fault_window

    def run(self, experiment: ExperimentPlan, traffic: TrafficPlan, restorer: Restorer | None) -> None:
        """Run it; once more when its fault was not seen to go in. Not run at all while the target is not steady."""
        for attempt in range(1, _ATTEMPTS + 1):
            steady, why, waited_s = self._steadiness.wait()
            self._history.put("steady", experiment.name, ok=steady, why=why, waited_s=waited_s)
            if not steady:
                self._progress.say(f"{experiment.name}: not run, the target is not steady: {why}")
                self._history.put(
                    "experiment.skipped",
                    experiment.name,
                    attempt=attempt,
                    domain=experiment.domain,
                    why=f"the target was not steady: {why}",
                )
                return
            if self._attempt(experiment, attempt, traffic, restorer):
                return
            self._progress.say(f"{experiment.name}: the fault was not seen to go in; once more")

    def _attempt(
        self, experiment: ExperimentPlan, attempt: int, traffic: TrafficPlan, restorer: Restorer | None
    ) -> bool:
        """One attempt; whether the fault was confirmed."""
        name = experiment.name
        if restorer is not None:
            restorer.baseline()
        started_ns = clock.now_ns()
        self._progress.say(f"{name}: breaking ({experiment.domain}), watched for at most {experiment.observe_s:g} s")
        self._history.put(
            "experiment.started", name, attempt=attempt, domain=experiment.domain, observed_from_ns=started_ns
        )
        self._history.put(
            "window.opened",
            f"experiment:{name}",
            traffic=traffic.name,
            start_ns=started_ns,
            journeys_per_s=traffic.journeys_per_s,
            requests_per_journey=traffic.requests_per_journey,
        )
        child = self._child(experiment, attempt)
        self._fault_window(is_open=True)
        try:
            child.start()
            self._hold(child, experiment)
            self._watch_on(child, experiment)
        finally:
            result = child.finish()
        self._restored(experiment, attempt, restorer)
        self._fault_window(is_open=False)
        ended_ns = clock.now_ns()
        self._history.put("window.closed", f"experiment:{name}", end_ns=ended_ns)
        self._history.put(
            "experiment.ended",
            name,
            attempt=attempt,
            observed_until_ns=ended_ns,
            exit=result.exit_code,
            journal=dict(result.journal),
            why=result.why,
        )
        return result.confirmed

    def _child(self, experiment: ExperimentPlan, attempt: int) -> ChaosRun:
        return ChaosRun(
            experiment, self._target, self._directory.path, attempt=attempt, allow_target=self._allow_target
        )

    def _hold(self, child: ChaosRun, experiment: ExperimentPlan) -> None:
        """Let a held fault go when reads and writes are back, or when the longest limit has been observed."""
        released = False
        deadline = clock.Deadline.after(experiment.within_s + experiment.observe_s + _CHILD_GRACE_S)
        for _ in deadline.ticks(_POLL_S):
            if not child.alive():
                return
            self._alive()
            sent_ns = child.sent_ns()
            if sent_ns is None or released:
                continue
            seconds = (clock.now_ns() - sent_ns) / clock.NS_PER_S
            self._progress.now(f"{experiment.name}: the fault is in for {seconds:.0f} s")
            back = seconds >= experiment.hold_s and self._steadiness.back_since(sent_ns)
            if back or seconds >= experiment.observe_s:
                why = "reads and writes are back" if back else f"not back in {experiment.observe_s:g} s"
                self._history.put("hold.released", experiment.name, why=why)
                self._progress.say(f"{experiment.name}: {why}, after {seconds:.1f} s")
                child.release()
                released = True
        child.interrupt()

    def _watch_on(self, child: ChaosRun, experiment: ExperimentPlan) -> None:
        """After the child's method: watch until reads and writes are back, or the limit has been observed."""
        sent_ns = child.sent_ns()
        if sent_ns is None:
            return
        least_ns = (child.confirmed_ns() or sent_ns) + round(experiment.watch_s * clock.NS_PER_S)
        left_s = experiment.observe_s - (clock.now_ns() - sent_ns) / clock.NS_PER_S
        for _ in clock.Deadline.after(max(left_s, experiment.watch_s, _WATCH_LEAST_S)).ticks(_POLL_S):
            self._alive()
            if clock.now_ns() >= least_ns and self._steadiness.back_since(sent_ns):
                return

    def _restored(self, experiment: ExperimentPlan, attempt: int, restorer: Restorer | None) -> None:
        if restorer is None:
            return
        self._progress.now(f"{experiment.name}: restoring")
        ok, why = False, ""
        for _ in clock.Deadline.after(_RESTORE_WITHIN_S).ticks(_POLL_S):
            for as_before in (restorer.restored, self._shares.now, self._steadiness.now):
                ok, why = as_before()
                if not ok:
                    break
            else:
                break
        self._history.put("restore", experiment.name, attempt=attempt, ok=ok, at_ns=clock.now_ns(), why=why)
        self._progress.say(f"{experiment.name}: {'restored' if ok else f'not restored: {why}'}")

    @contextmanager
    def null_runs(self, experiments: Sequence[ExperimentPlan], start_ns: int, traffic: TrafficPlan) -> Iterator[None]:
        """The same watch without a fault, beside the fault-free window."""
        children: list[ChaosRun] = []
        try:
            for experiment in experiments:
                self._history.put(
                    "experiment.started",
                    experiment.name,
                    attempt=1,
                    domain=experiment.domain,
                    observed_from_ns=start_ns,
                )
                child = self._child(experiment, attempt=1)
                child.start()
                children.append(child)
            yield
        finally:
            for child in children:
                child.release()
                result = child.finish()
                self._history.put(
                    "experiment.ended",
                    child.experiment.name,
                    attempt=1,
                    observed_until_ns=start_ns + round(traffic.window_s * clock.NS_PER_S),
                    exit=result.exit_code,
                    journal=dict(result.journal),
                    why=result.why,
                )
