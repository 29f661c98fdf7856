"""A run without processes: children, watch, load and target are scripted on a fake clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from harness.judgement.recovery import Promise
from harness.model import ExperimentPlan, Plan
from harness.model.planned.domain import PartsState
from harness.run.acts.context import Context, Underway
from harness.run.acts.driver import Driver
from harness.run.health.presence import Presence
from harness.run.health.users import UsersServed
from harness.run.load.exceeded import ThresholdWatch
from harness.run.load.windows import WindowLog
from harness.targets import Platform
from tests.builders.plans import traffic
from tests.builders.records import Records
from tests.fake_clock import FakeClock, S

OK = PartsState(ok=True, why="")


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """How a child ended."""

    exit_code: int = 0
    journal: Mapping[str, str] = field(default_factory=dict)
    confirmed: bool = True
    acted: bool = True
    rolled_back: bool = True
    why: str = ""


@dataclass(kw_only=True, slots=True)
class Child:
    """A chaos child: its fault is sent, confirmed, and after its release, or by itself, it ends; seconds from its start.

    Attributes:
        clock: that it lives by.
        sent_s: when the fault is sent; None: never.
        takes_s: how long it lives by itself; None: until it is released.
        after_release_s: how long it lives after that.
        result: how it ends.
        did: what was done to it, with the time since the clock's beginning in seconds.
        why: it was interrupted.
    """

    clock: FakeClock
    sent_s: float | None = 1.0
    takes_s: float | None = None
    after_release_s: float = 2.0
    result: Result = field(default_factory=Result)
    did: list[tuple[str, float]] = field(default_factory=list)
    why: str = ""
    started_ns: int = 0
    ends_ns: int | None = None
    grace_s: float = 0.0

    def start(self) -> None:
        """Begin."""
        self.started_ns = self.clock.now_ns
        self.ends_ns = None if self.takes_s is None else self._after(self.takes_s)
        self._do("start")

    def alive(self) -> bool:
        """Whether it has not ended."""
        return self.ends_ns is None or self.clock.now_ns < self.ends_ns

    def sent_ns(self) -> int | None:
        """When its fault was sent."""
        at_ns = None if self.sent_s is None else self._after(self.sent_s)
        return at_ns if at_ns is not None and at_ns <= self.clock.now_ns else None

    def confirmed_ns(self) -> int | None:
        """As soon as it is sent."""
        return self.sent_ns()

    def release(self) -> None:
        """It goes on to its end."""
        self._do("release")
        self.ends_ns = self.clock.now_ns + round(self.after_release_s * S)

    def interrupt(self, why: str = "") -> None:
        """It ends at once."""
        self.why = why
        self._do("interrupt")
        self.ends_ns = self.clock.now_ns

    def finish(self, grace_s: float = 120.0) -> Result:
        """Wait for its end."""
        self.grace_s = grace_s
        if self.ends_ns is None:
            self.interrupt()
        elif self.ends_ns > self.clock.now_ns:
            self.clock.sleep((self.ends_ns - self.clock.now_ns) / S)
        self._do("finish")
        return self.result

    def _after(self, seconds: float) -> int:
        return self.started_ns + round(seconds * S)

    def _do(self, what: str) -> None:
        self.did.append((what, self.clock.now_ns / S - 1000.0))


@dataclass(kw_only=True, slots=True)
class Ground:
    """The target's condition by the clock; times are seconds since its beginning.

    Attributes:
        back_s: reads and writes are back from then on; None: never.
        away: (from, until, state) while the target is not as before.
        struck: the nodes that were hit.
        calm: the spans of which it was said that no fault was in, in s since the beginning.
    """

    clock: FakeClock
    back_s: float | None = 0.0
    away: list[tuple[float, float, PartsState]] = field(default_factory=list)
    asked: list[tuple[str, ...]] = field(default_factory=list)
    struck: list[str] = field(default_factory=list)
    calm: list[tuple[float, float]] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """Since the clock's beginning."""
        return self.clock.now_ns / S - 1000.0

    def baseline(self) -> None:
        """There is no cluster."""

    def hit(self, nodes: Iterable[str]) -> None:
        """Keep them."""
        self.struck += nodes

    def now(self, touches: Collection[str]) -> PartsState:
        """What the script says of this time."""
        self.asked.append(tuple(touches))
        return next((state for start, end, state in self.away if start <= self.seconds < end), OK)

    def wait(
        self, touches: Collection[str], within_s: float = 20.0, alive: Callable[[], None] = lambda: None
    ) -> tuple[PartsState, float]:
        """Ask until it is as before."""
        began = self.seconds
        while not (state := self.now(touches)).ok and self.seconds - began < within_s:
            alive()
            self.clock.sleep(0.1)
        return state, self.seconds - began

    def in_full(self, touches: Collection[str]) -> PartsState:
        """As `now`."""
        return self.now(touches)

    def quiet(self, start_ns: int, end_ns: int) -> None:
        """Keep it."""
        self.calm.append((start_ns / S - 1000.0, end_ns / S - 1000.0))

    def back_since(self, since_ns: int) -> bool:
        """Whether reads and writes are back."""
        return self.back_s is not None and self.seconds >= self.back_s

    def as_before(self, parts: Collection[str]) -> PartsState:
        """Whether nothing that is asked for is away."""
        return self.now(tuple(parts)) if parts else OK

    def entry_steady(self, within_s: float) -> tuple[PartsState, float]:
        """As `wait`, for the entry."""
        return self.wait(("entry",), within_s)


@dataclass(kw_only=True, slots=True)
class Told:
    """Takes any call of watch, load, progress and reads, and keeps it.

    Attributes:
        calls: as text.
        died_ns: from then on it is not alive.
    """

    clock: FakeClock
    calls: list[str] = field(default_factory=list)
    died_ns: int | None = None
    problems: tuple[str, ...] = ("worker 1: exit code 1",)
    hint: str = ""

    def alive(self) -> bool:
        """Whether it lives."""
        return self.died_ns is None or self.clock.now_ns < self.died_ns

    def __getattr__(self, name: str) -> Callable[..., None]:
        def call(*args: object, **fields: object) -> None:
            said = [*map(str, args), *(f"{key}={value}" for key, value in fields.items())]
            self.calls.append(f"{name} {', '.join(said)}".strip())

        return call


@dataclass(kw_only=True, slots=True)
class Stage:
    """One run: the context that its acts are given, and what they leave behind."""

    clock: FakeClock
    context: Context
    records: Records
    ground: Ground
    watch: Told
    load: Told
    reads: Told

    @property
    def windows(self) -> list[tuple[str, float, float]]:
        """Each window by name with start and end in seconds, after the load has ended."""
        self.context.traffic.windows.end(self.clock.now_ns)
        ends = {closed["subject"]: closed["end_ns"] for closed in self.records.of("window.closed")}
        return [
            (o["subject"], round(o["start_ns"] / S - 1000, 1), round(ends[o["subject"]] / S - 1000, 1))
            for o in self.records.of("window.opened")
        ]


def stage(
    clock: FakeClock,
    plan: Plan,
    *,
    drivers: Mapping[str, Driver] | None = None,
    ground: Ground | None = None,
    gone_s: float | None = None,
) -> Stage:
    """A run of this plan under everyday traffic, whose first window begins now; the target is gone from `gone_s` on."""
    records, told = Records(), [Told(clock=clock) for _ in range(4)]
    watch, load, reads, progress = told
    here = ground or Ground(clock=clock)
    windows = WindowLog(traffic(), records)
    underway = Underway(
        plan=traffic(),
        load=cast("Any", load),
        windows=windows,
        condition=cast("Any", here),
        users=UsersServed([], {}, Promise()),
        watch=cast("Any", watch),
        stop_when=ThresholdWatch(traffic(), [], records),
        gives_uptime=True,
    )
    underway.begin(clock.now_ns)
    context = Context(
        plan=plan,
        target=cast("Any", None),
        directory=cast("Any", Directory()),
        allow_target="",
        progress=cast("Any", progress),
        history=cast("Any", records),
        watch=cast("Any", watch),
        view=cast("Any", Told(clock=clock)),
        reads=cast("Any", reads),
        attempts=Counter(),
        drivers=drivers or {},
        sinks=cast("Any", None),
        forks=cast("Any", None),
        platform=Platform(name="scripted", api="", entry="http://127.0.0.1:80"),
        presence=Presence(
            {"the entry": lambda: gone_s is None or here.seconds < gone_s}, has_api_server=True, recover=""
        ),
        room=cast("Any", Told(clock=clock)),
        underway=underway,
    )
    return Stage(clock=clock, context=context, records=records, ground=here, watch=watch, load=load, reads=reads)


@dataclass(frozen=True, slots=True)
class Directory:
    """A run directory that nothing is written to."""

    path: Path = Path("run")


def children(*scripted: Child) -> Callable[[ExperimentPlan, int, Context], Child]:
    """What stands in for `chaos_child`: one scripted child after the other."""
    left: Iterable[Child] = iter(scripted)

    def child(_experiment: ExperimentPlan, _attempt: int, _context: Context) -> Child:
        return next(iter(left))

    return child
