"""Windows: named periods by which a run is judged, with the requests that were due in them."""

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
        id: number of the worker.
        rows: number of rows in its file.
        closed: whether the file has its end row, because the worker ended normally.
        why: error of the file; empty if there is none.
        hint: what to do about the error; empty if unknown.
        cpu: share of one core that it used at most in 95 % of the window's seconds; None: not reported.
        gc_ms: longest pause for garbage collection in ms, in 95 % of the seconds; None: not reported.
        loop_ms: lag of the event loop in ms, in 95 % of the seconds; None: not reported.
        users: minimum number of Locust's users in any second; in a closed model the users who travel.
        shaped: whether a `LoadTestShape` sets the number of users.
        silent: minimum number, in any second, of users who had sent no request since their start.
        offset_ns: maximum offset of its clock to the run's clock in ns; its rows were shifted by it.
        residual_ns: maximum error of the shift in ns.
        died: time and reason of an end during the load: `at 41 s (exit -9): …`; empty otherwise.
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
    """The time in which the machine lacked processor time or was still affected, and its effect on requests.

    Attributes:
        spans_ns: half-open, separate periods.
        patience_ns: time in ns outside of the periods after which a request counts as late in any case.
        failed_too: whether the periods also explain failed requests, and not only late requests.
    """

    spans_ns: tuple[tuple[int, int], ...]
    patience_ns: int
    failed_too: bool

    def excuses(self, due_ns: Ints, done_ns: Ints, failed: Bools) -> Bools:
        """A mask of requests that were due or open in a period, and less than `patience_ns` outside of it."""
        met, inside_ns = np.zeros(len(due_ns), dtype=np.bool_), np.zeros(len(due_ns), dtype=np.int64)
        for start_ns, end_ns in self.spans_ns:
            met |= (due_ns < end_ns) & (done_ns >= start_ns)
            inside_ns += np.maximum(np.minimum(done_ns, end_ns) - np.maximum(due_ns, start_ns), 0)
        if not self.failed_too:
            met &= ~failed
        return np.asarray(met & (done_ns - due_ns - inside_ns < self.patience_ns), dtype=np.bool_)


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """A period of one traffic, with the samples that were due in it.

    The windows of one traffic are contiguous: from the start of the first window to the end of the load every moment is
    in one window.

    Attributes:
        name: unique name in a run: `everyday/fault-free`, `experiment:pod-loss/fault`, `experiment:pod-loss/after#2`,
            `rollout:canary/step-25`, `everyday/after-faults`.
        phase: FAULT from the fault to the restore; STEP, SWITCHED and BACK from the candidate's start until the old
            release runs everywhere.
        traffic: name of the traffic.
        experiment: experiment during or directly before the window; empty: none.
        start_ns: start by due time in ns, inclusive.
        end_ns: end by due time in ns, exclusive.
        journeys_per_s: planned journeys per second.
        requests_per_journey: planned requests per journey.
        samples: rows of the requests.
        workers: load generators.
        files: files with the rows, relative to the run directory.
        begin_ns: time 0 of the schedule in ns; None: not recorded.
        stopped_ns: time at which the stop of the load was requested in ns; None: not recorded.
        counted: number of requests when the run was closed; None: not counted.
        broken_off: number of requests and journeys of this window without a record, by their numbers and by `counted`.
        spared_ns: time in ns before a fault or a candidate at the end of the window; a request that was due earlier
            counts for this window even if it failed after the fault. 0: there was none.
        starved: time in which the machine lacked processor time, if the delayed requests are left out; None: none is
            left out.
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
        """A mask of failed requests that were open when a fault or a candidate was sent, which caused their failure.

        A request that had been open for longer than `spared_ns` was affected earlier, and an answered request belongs
        to the time before.
        """
        on_their_way = (due_ns >= self.end_ns - self.spared_ns) & (done_ns > self.end_ns)
        return failed & on_their_way & (self.spared_ns > 0)

    @property
    def fault_free(self) -> bool:
        """Whether no fault was active and no rollout in progress; KPIs are judged on all such windows."""
        return self.phase is Phase.STEADY

    @property
    def rollout(self) -> str:
        """The rollout during or directly before the window; empty: none."""
        owner = self.name.rpartition("/")[0]
        return owner.removeprefix(_ROLLOUT) if owner.startswith(_ROLLOUT) else ""

    @property
    def part(self) -> str:
        """The part of its traffic, experiment or rollout: `fault-free`, `step-25`, `after-switch`, `back`."""
        return self.name.rpartition("/")[2]

    @property
    def span(self) -> tuple[int, int]:
        """Start and end in ns, half open."""
        return self.start_ns, self.end_ns

    @property
    def seconds(self) -> float:
        """Length in s."""
        return (self.end_ns - self.start_ns) / NS_PER_S


def fault_free_name(traffic: str) -> str:
    """The name of the window before the first fault: `everyday/fault-free`."""
    return f"{traffic}/fault-free"


def after_faults_name(traffic: str) -> str:
    """The name of the window after the last restore: `everyday/after-faults`."""
    return f"{traffic}/after-faults"


def fault_name(experiment: str, attempt: int = 1) -> str:
    """The name of the window from a fault to its restore: `experiment:pod-loss/fault`, second attempt `…/fault#2`."""
    return f"experiment:{experiment}/fault{_attempt(attempt)}"


def after_name(experiment: str, attempt: int = 1) -> str:
    """The name of the window between a restore and the next fault: `experiment:pod-loss/after`."""
    return f"experiment:{experiment}/after{_attempt(attempt)}"


def rollout_window_name(rollout: str, part: str) -> str:
    """The name of a window of a rollout: `rollout:canary/start`, or with `/step-25`, `/back` or `/after`."""
    return f"{_ROLLOUT}{rollout}/{part}"


def samples_directory(name: str) -> str:
    """The directory with the samples of a window, relative to the run directory.

    It is `load/T` (fault-free), `load/T/after-faults`, `chaos/X/load`, `chaos/X/after` or `rollouts/R/step-25`. A
    second attempt has `chaos/X/load-2` and `chaos/X/after-2`.
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
