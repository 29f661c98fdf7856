"""Windows: stretches of time that a run is judged by, each with the requests that were due in it, and their names."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from harness.model.planned.objective import Phase
from harness.model.records.table import SAMPLES, Bools, Ints, Table
from harness.units import NS_PER_S

_ROLLOUT: Final = "rollout:"


@dataclass(frozen=True, kw_only=True, slots=True)
class Worker:
    """One load generator process.

    Attributes:
        id: worker number.
        rows: rows in its file.
        closed: whether the file has its end row, that is: the worker ended in order.
        why: what is wrong with the file; empty when nothing is. hint: what to do about it; empty where nothing is known.
        cpu: in 95 % of the window's seconds it used at most this share of one core; None: not reported.
        gc_ms, loop_ms: in 95 % of the seconds its longest pause for garbage, and lag of its event loop, was at most this.
        users: Locust's users, the fewest of any second; of a closed model those who travel.
        shaped: whether a `LoadTestShape` said how many users there are. silent: users who had sent no request since they came, the fewest of any second.
        offset_ns: its clock was behind the run's by so much, at most; its rows were shifted by it.
        residual_ns: so far the shift may be wrong.
        died: when and how it ended while the load went on: `at 41 s (exit -9): …`; empty where it did not.
    """

    id: int
    rows: int
    closed: bool
    why: str = ""
    cpu: float | None = None
    gc_ms: float | None = None
    loop_ms: float | None = None
    users: int | None = None
    shaped: bool = False
    silent: int = 0
    offset_ns: int = 0
    residual_ns: int = 0
    hint: str = ""
    died: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class StarvedTime:
    """The time in which the machine was starved or still felt it, and how much of it a request may blame.

    Attributes:
        spans_ns: half open, apart from each other.
        patience_ns: a request that was on its way for so long outside of them was late without them.
        failed_too: whether they explain that a request failed; else only that it was late.
    """

    spans_ns: tuple[tuple[int, int], ...]
    patience_ns: int
    failed_too: bool

    def excuses(self, due_ns: Ints, done_ns: Ints, failed: Bools) -> Bools:
        """A mask of requests that were due or on their way in a span, and for less than `patience_ns` outside of them."""
        met, inside_ns = np.zeros(len(due_ns), dtype=np.bool_), np.zeros(len(due_ns), dtype=np.int64)
        for start_ns, end_ns in self.spans_ns:
            met |= (due_ns < end_ns) & (done_ns >= start_ns)
            inside_ns += np.maximum(np.minimum(done_ns, end_ns) - np.maximum(due_ns, start_ns), 0)
        if not self.failed_too:
            met &= ~failed
        return np.asarray(met & (done_ns - due_ns - inside_ns < self.patience_ns), dtype=np.bool_)


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """A stretch of one traffic, with the samples due in it.

    The windows of one traffic are contiguous: from the first one's start to the end of the load every nanosecond belongs to exactly one.

    Attributes:
        name: unique in a run: `everyday/fault-free`, `experiment:pod-loss/fault`, `experiment:pod-loss/after#2`, `rollout:canary/step-25`,
            `everyday/after-faults`.
        phase: FAULT from the fault sent to the target restored; STEP, SWITCHED and BACK from a candidate's start to the old release everywhere.
        traffic: by name.
        experiment: the experiment that it lies under or directly follows; empty where there is none.
        start_ns, end_ns: half open, by intended time.
        journeys_per_s: planned arrivals.
        requests_per_journey: planned.
        samples: the rows.
        workers: the generators.
        files: where the rows are, relative to the run directory.
        begin_ns: time 0 of the schedule. stopped_ns: when the load's stop was requested. None: not recorded.
        counted: how many requests it had when the run was closed; None: they were not counted.
        broken_off: requests and journeys of this window that are not recorded, by their numbers and by `counted`; the judge counts them.
        spared_ns: where a fault or a candidate was sent at the end: as long before it a request that failed after it must have been due to tell of
            this window. 0: none was sent.
        starved: the time in which the machine was starved, where the requests that it delayed are left out; None: none is.
    """

    name: str
    phase: Phase
    traffic: str
    experiment: str
    start_ns: int
    end_ns: int
    journeys_per_s: float
    requests_per_journey: float
    samples: Table = field(default_factory=lambda: Table.empty(SAMPLES))
    workers: tuple[Worker, ...] = ()
    files: tuple[str, ...] = ()
    begin_ns: int | None = None
    stopped_ns: int | None = None
    counted: int | None = None
    broken_off: int = 0
    spared_ns: int = 0
    starved: StarvedTime | None = None

    def spares(self, due_ns: Ints, done_ns: Ints, failed: Bools) -> Bools:
        """A mask of requests that failed and were on their way when a fault or a candidate was sent: that they failed is its doing.

        One that had waited for longer than `spared_ns` by then was in trouble before, and one that was answered tells of the time before.
        """
        on_their_way = (due_ns >= self.end_ns - self.spared_ns) & (done_ns > self.end_ns)
        return failed & on_their_way & (self.spared_ns > 0)

    @property
    def fault_free(self) -> bool:
        """Whether no fault was in and no rollout under way: KPIs are judged on all such windows."""
        return self.phase is Phase.STEADY

    @property
    def rollout(self) -> str:
        """The rollout that it lies under or directly follows; empty where there is none."""
        owner = self.name.rpartition("/")[0]
        return owner.removeprefix(_ROLLOUT) if owner.startswith(_ROLLOUT) else ""

    @property
    def part(self) -> str:
        """What of its owner it is: `fault-free`, `step-25`, `after-switch`, `back`."""
        return self.name.rpartition("/")[2]

    @property
    def span(self) -> tuple[int, int]:
        """From when until when, half open."""
        return self.start_ns, self.end_ns

    @property
    def seconds(self) -> float:
        """How long it is."""
        return (self.end_ns - self.start_ns) / NS_PER_S


def fault_free_name(traffic: str) -> str:
    """The window before the first fault: `everyday/fault-free`."""
    return f"{traffic}/fault-free"


def after_faults_name(traffic: str) -> str:
    """The window after the last restore: `everyday/after-faults`."""
    return f"{traffic}/after-faults"


def fault_name(experiment: str, attempt: int = 1) -> str:
    """The window of a fault, from sent to restored: `experiment:pod-loss/fault`, of a second attempt `experiment:pod-loss/fault#2`."""
    return f"experiment:{experiment}/fault{_attempt(attempt)}"


def after_name(experiment: str, attempt: int = 1) -> str:
    """The window between a restore and the next fault: `experiment:pod-loss/after`."""
    return f"experiment:{experiment}/after{_attempt(attempt)}"


def rollout_window_name(rollout: str, part: str) -> str:
    """A window of a rollout: `rollout:canary/start`, `/step-25`, `/after-switch`, `/back`, and `/after` between its end and what is done next."""
    return f"{_ROLLOUT}{rollout}/{part}"


def samples_directory(name: str) -> str:
    """Where the samples of a window are, relative to the run directory.

    `load/T` (fault-free), `load/T/after-faults`, `chaos/X/load`, `chaos/X/after`, `rollouts/R/step-25`; of a second attempt `chaos/X/load-2`,
    `chaos/X/after-2`.
    """
    owner, _, part = name.rpartition("/")
    if owner.startswith(_ROLLOUT):
        return f"rollouts/{owner.removeprefix(_ROLLOUT)}/{part}"
    if not owner.startswith("experiment:"):
        return f"load/{owner}" if part == "fault-free" else f"load/{owner}/{part}"
    what, _, attempt = part.partition("#")
    folder = "load" if what == "fault" else what
    return f"chaos/{owner.removeprefix('experiment:')}/{folder}{attempt and f'-{attempt}'}"


def _attempt(number: int) -> str:
    return f"#{number}" if number > 1 else ""
