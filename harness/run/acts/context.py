"""What an act is given.

The plan, the target, the run's records, and the traffic that is under way.
"""

from __future__ import annotations

import threading
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from harness import clock
from harness.errors import DriverError

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Collection, Iterator, Mapping

    from harness.drivers.chaos import ForkServer
    from harness.drivers.load import Load
    from harness.drivers.watch import LiveView, Watch
    from harness.evidence import History, RunDirectory
    from harness.model import Act, Observation, Phase, Plan, Sink, TrafficPlan
    from harness.run.acts.driver import Driver
    from harness.run.condition import Condition
    from harness.run.finalreads import LedgerReads
    from harness.run.presence import Presence
    from harness.run.progress import Progress
    from harness.run.room import Room
    from harness.run.users import UsersServed
    from harness.run.windows import WindowLog
    from harness.targets import Platform, Target

_WAIT_POLL_S: Final = 0.5
_AGAIN: Final = "run again; the evidence so far is kept, and is not enough"


@dataclass(kw_only=True, slots=True)
class Underway:
    """One traffic while it runs.

    Attributes:
        plan: its size.
        load: its processes.
        windows: what its time is cut into.
        condition: how the target is under it.
        users: whether its requests are served.
        watch: the watching process.
        sent_ns: when each fault was sent.
    """

    plan: TrafficPlan
    load: Load
    windows: WindowLog
    condition: Condition
    users: UsersServed
    watch: Watch
    sent_ns: list[int] = field(default_factory=list)

    def begin(self, at_ns: int) -> None:
        """The first window begins.

        The health path is asked often while no fault is in: the uptime is made of these probes.
        """
        self.windows.begin(at_ns)
        self.watch.health_window(is_open=True)

    def fault_sent(self, experiment: str, attempt: int, at_ns: int) -> None:
        """A fault was sent at that time."""
        self._disturbed(at_ns)
        self.windows.fault_sent(experiment, attempt, at_ns)
        self.sent_ns.append(at_ns)
        self.watch.health_window(is_open=False)

    def rollout_reached(self, rollout: str, part: str, phase: Phase, at_ns: int) -> None:
        """A rollout came to another part of it."""
        self._disturbed(at_ns)
        self.windows.rollout_reached(rollout, part, phase, at_ns)
        self.watch.health_window(is_open=False)

    def _disturbed(self, at_ns: int) -> None:
        """What was before the first fault or rollout is what `as before` means from now on."""
        if not (self.windows.faulty or self.windows.after_a_fault):
            self.condition.quiet(self.windows.since_ns, at_ns)
            self.users.quiet(self.windows.since_ns, at_ns)

    def restored(self, at_ns: int) -> None:
        """The target is as it was before the fault, or the rollout."""
        self.windows.restored(at_ns)
        self.watch.health_window(is_open=True)


@dataclass(kw_only=True, slots=True)
class Context:
    """What an act is given.

    Attributes:
        plan, target, directory: of the run.
        allow_target: name typed in full for a target that is not disposable.
        progress: what a person sees.
        history: the run's own.
        watch, view: the watching process, and what it recorded so far.
        reads: reads of the whole ledger.
        attempts: how often each experiment was begun.
        drivers: by kind.
        sinks: histories by name.
        platform: whose undo log is written.
        forks: which starts the child processes of experiments.
        room: whether the machine can carry the run.
        presence: whether the target is still there; asked while a fault may be in.
        spawned: loads by traffic whose processes run already and have not begun.
        underway: the traffic that runs; None: none does.
        unrestored: parts that are not as they were before a fault of the run, with the reason.
        read_backs: one for each traffic that ended and wrote; what it wrote is read before the next traffic, or beside the end of the watch.
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
    read_backs: list[Callable[[], None]] = field(default_factory=list)

    def read_back(self) -> None:
        """Read back what journeys wrote, of each traffic that ended since the last time."""
        while self.read_backs:
            self.read_backs.pop(0)()

    def sink(self, source: str) -> Sink:
        """The history of that name; acts that run side by side may share it."""
        return self.sinks.of(source)

    @property
    def traffic(self) -> Underway:
        """The traffic that runs.

        Raises:
            DriverError: none does.
        """
        if self.underway is None:
            raise DriverError("no traffic runs", hint="this step of the run must name its traffic")
        return self.underway

    def alive(self) -> None:
        """Check that watch and load run.

        Raises:
            DriverError: one of them died: nothing of what follows would be recorded; or the machine was starved for too long.
        """
        if not self.watch.alive():
            log = str(self.directory.path / "watch" / "watch.log")
            raise DriverError("the watching process died", where=log, hint=_AGAIN)
        if self.underway is not None and not self.underway.load.alive():
            where = str(self.directory.path / "load")
            raise DriverError(self.underway.load.problems[0], where=where, hint=self.underway.load.hint or _AGAIN)
        self.room.check()

    def blocked(self, touches: Collection[str]) -> str:
        """Why these parts must not be broken now: the damage of an earlier fault of this run is still there.

        Empty when it is not.
        """
        return next((why for part, why in self.unrestored.items() if part in touches), "")

    def present(self) -> None:
        """Check that watch and load run, and that there is a target.

        For as long as a fault may be in.

        Raises:
            DriverError: as `alive`.
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
        """The acts that share the time of this one go on meanwhile."""
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
        """The history of that name."""
        with self._lock:
            if source not in self._open:
                self._open[source] = _Shared(self._directory.history(source))
            return self._open[source]

    def close(self) -> None:
        """Close them all."""
        for sink in self._open.values():
            sink.close()


class _Shared:
    """A history that several threads may write to."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._lock = threading.Lock()

    def put(self, kind: str, subject: str, /, **fields: Any) -> Observation:
        """Record that it happened now."""
        with self._lock:
            return self._history.put(kind, subject, **fields)

    def close(self) -> None:
        """Close it."""
        self._history.close()
