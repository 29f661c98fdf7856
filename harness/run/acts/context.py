"""The context that each act gets.

It has the plan, the target, the run's records, and the traffic in progress.
"""

from __future__ import annotations

import threading
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from harness import clock
from harness.errors import DriverError
from harness.model.planned.domain import common

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Collection, Iterator, Mapping

    from harness.drivers.chaos import ForkServer
    from harness.drivers.load import Load
    from harness.drivers.watch import LiveView, Watch
    from harness.evidence import History, RunDirectory
    from harness.model import Act, Observation, Phase, Plan, Sink, TrafficPlan
    from harness.run.acts.driver import Driver
    from harness.run.health.condition import Condition
    from harness.run.health.presence import Presence
    from harness.run.health.users import UsersServed
    from harness.run.load.exceeded import ThresholdWatch
    from harness.run.load.finalreads import LedgerReads
    from harness.run.load.windows import WindowLog
    from harness.run.progress import Progress
    from harness.run.start.room import Room
    from harness.targets import Platform, Target

_WAIT_POLL_S: Final = 0.5
_AGAIN: Final = "run again; the evidence so far is kept, but is not sufficient for a decision"


@dataclass(kw_only=True, slots=True)
class Underway:
    """One traffic while it runs.

    Attributes:
        plan: planned size of the traffic.
        load: processes of the load generator.
        windows: windows into which the time of the traffic is divided.
        condition: state of the target under this traffic.
        users: check whether the requests of this traffic are served.
        watch: the watching process.
        stop_when: thresholds that end the load.
        gives_uptime: whether a sentence asks for the uptime in the fault-free windows of this traffic.
        sent_ns: times at which the faults were sent.
    """

    plan: TrafficPlan
    load: Load
    windows: WindowLog
    condition: Condition
    users: UsersServed
    watch: Watch
    stop_when: ThresholdWatch
    gives_uptime: bool
    sent_ns: list[int] = field(default_factory=list)

    def begin(self, at_ns: int) -> None:
        """Begin the first window.

        While no fault is active the health path is probed often if an uptime is computed from these probes.
        """
        self.windows.begin(at_ns)
        self.stop_when.begin(at_ns)
        self.watch.health_window(is_open=self.gives_uptime)

    def fault_sent(self, experiment: str, attempt: int, at_ns: int) -> None:
        """Note that a fault was sent: its window begins, and the health path is probed less often."""
        self._disturbed(at_ns)
        self.windows.fault_sent(experiment, attempt, at_ns)
        self.sent_ns.append(at_ns)
        self.watch.health_window(is_open=False)

    def rollout_reached(self, rollout: str, part: str, phase: Phase, at_ns: int) -> None:
        """Note that a rollout reached its next part: a new window begins."""
        self._disturbed(at_ns)
        self.windows.rollout_reached(rollout, part, phase, at_ns)
        self.watch.health_window(is_open=False)

    def _disturbed(self, at_ns: int) -> None:
        """Record the state before the first fault or rollout as the reference for the restore."""
        if not (self.windows.faulty or self.windows.after_a_fault):
            self.condition.quiet(self.windows.since_ns, at_ns)
            self.users.quiet(self.windows.since_ns, at_ns)

    def restored(self, at_ns: int) -> None:
        """Note that the target is restored after a fault or rollout: the health path is probed as often as before."""
        self.windows.restored(at_ns)
        self.watch.health_window(is_open=self.gives_uptime)


@dataclass(kw_only=True, slots=True)
class Context:
    """The context that each act gets.

    Attributes:
        plan: plan of the run.
        target: target of the run.
        directory: directory of the run.
        allow_target: name typed in full for a target that is not disposable.
        progress: prints the steps of the run.
        history: the run's own history file.
        watch: the watching process.
        view: records of the watching process so far.
        reads: reads of the complete ledger.
        attempts: number of attempts of each experiment so far.
        drivers: drivers by kind.
        sinks: histories by name.
        platform: the platform with the undo log.
        forks: starts the child processes of experiments.
        room: whether the machine is fast enough for the run.
        presence: whether the target still exists; checked while a fault may be active.
        spawned: loads by traffic whose processes are started and have not begun to send.
        underway: the traffic in progress; None if there is none.
        unrestored: parts that are not restored after a fault of the run, with the reason.
        ending: set once an error or a stop ends the run while several steps run; these end before their time.
        read_backs: functions that read writes back, one for each ended traffic that wrote; called before the next traffic or at the end.
    """

    plan: Plan
    target: Target
    directory: RunDirectory
    allow_target: str
    progress: Progress
    history: History
    watch: Watch
    view: LiveView
    reads: LedgerReads
    attempts: Counter[str]
    drivers: Mapping[str, Driver]
    sinks: Sinks
    platform: Platform
    forks: ForkServer
    presence: Presence
    room: Room
    spawned: dict[str, Load] = field(default_factory=dict)
    underway: Underway | None = None
    unrestored: dict[str, str] = field(default_factory=dict)
    ending: threading.Event = field(default_factory=threading.Event)
    read_backs: list[Callable[[], None]] = field(default_factory=list)

    def read_back(self) -> None:
        """Read back the writes of journeys, for each traffic that ended since the last call."""
        while self.read_backs:
            self.read_backs.pop(0)()

    def sink(self, source: str) -> Sink:
        """The history of this name; acts that run at the same time may share it."""
        return self.sinks.of(source)

    @property
    def traffic(self) -> Underway:
        """The traffic in progress.

        Raises:
            DriverError: no traffic is in progress.
        """
        if self.underway is None:
            raise DriverError(
                "no traffic is in progress, and this step of the run needs one",
                hint="name a traffic in the acts that the driver plans",
            )
        return self.underway

    def alive(self) -> None:
        """Check that watch and load run.

        Raises:
            DriverError: a process died, so nothing more would be recorded, a threshold of `stop_when` is exceeded, or the
                machine was too slow for too long; or another step that ran at the same time has ended the run.
        """
        if self.ending.is_set():
            raise DriverError("this step did not complete: the run has ended", hint=_AGAIN)
        if not self.watch.alive():
            log = str(self.directory.path / "watch" / "watch.log")
            raise DriverError("the watching process died", where=log, hint=_AGAIN)
        if self.underway is not None and not self.underway.load.alive():
            where = str(self.directory.path / "load")
            raise DriverError(self.underway.load.problems[0], where=where, hint=self.underway.load.hint or _AGAIN)
        if self.underway is not None:
            self.underway.stop_when.check()
        self.room.check()

    def blocked(self, touches: Collection[str]) -> str:
        """Why these parts must not be broken now: an earlier fault of this run is not restored.

        Empty if they may be broken.
        """
        return next((why for part, why in self.unrestored.items() if common([part], touches)), "")

    def present(self) -> None:
        """Check that watch and load run, and that the target still exists.

        It is called while a fault may be active.

        Raises:
            DriverError: as for `alive`.
            TargetGone: nothing of the target has answered for some seconds.
        """
        self.alive()
        self.presence.check()

    def pass_time(self, seconds: float, what: str) -> None:
        """Let time pass while load and watch are alive."""
        deadline = clock.Deadline.after(seconds)
        for _ in deadline.ticks(_WAIT_POLL_S):
            self.view.poll()
            self.progress.now(f"{what}: {deadline.left_s:.0f} s left")
            self.alive()

    @contextmanager
    def beside(self, act: Act) -> Iterator[None]:
        """A context in which the acts that share the time of this act run too."""
        with ExitStack() as stack:
            for other in self.plan.acts:
                if other.beside == act.name:
                    stack.enter_context(self.drivers[other.kind].beside(other, self))
            yield


class Sinks:
    """The histories that acts write to, each opened once and closed together."""

    def __init__(self, directory: RunDirectory) -> None:
        self._directory = directory
        self._open: dict[str, _Shared] = {}
        self._lock = threading.Lock()

    def of(self, source: str) -> Sink:
        """The history of this name."""
        with self._lock:
            if source not in self._open:
                self._open[source] = _Shared(self._directory.history(source))
            return self._open[source]

    def close(self) -> None:
        """Close all histories."""
        for sink in self._open.values():
            sink.close()


class _Shared:
    """A history that several threads may write to."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._lock = threading.Lock()

    def put(self, kind: str, subject: str, /, **fields: Any) -> Observation:
        """Record an observation with the present time."""
        with self._lock:
            return self._history.put(kind, subject, **fields)

    def close(self) -> None:
        """Close the history."""
        self._history.close()
