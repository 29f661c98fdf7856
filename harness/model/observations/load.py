"""Observations recorded by the load and its workers."""

from __future__ import annotations

from dataclasses import dataclass

from harness.model.observations.kinds import Count, Recorded, Size, Whole, Word, YesOrNo, written
from harness.model.observations.readers import LOADED, SAID, always


@written("worker.started", by=["load"], read=always("workers", LOADED))
@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerStarted(Recorded):
    """A load worker of a traffic (the subject) was started."""

    worker: Whole
    pid: Whole = 0
    rows: Word = ""


@written("worker.ended", by=["load"], read=always("workers", LOADED))
@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerEnded(Recorded):
    """A load worker ended; with a hint if it ended unexpectedly."""

    worker: Whole
    exit: Whole | None = None
    why: Word = ""
    hint: Word = ""


@written("load.begun", by=["load"], read=always("workers", LOADED))
@dataclass(frozen=True, kw_only=True, slots=True)
class LoadBegun(Recorded):
    """Time 0 of a traffic's schedule."""

    begin_ns: Whole
    model: Word = ""


@written("load.stopping", by=["load"], read=always("workers", LOADED))
@dataclass(frozen=True, kw_only=True, slots=True)
class LoadStopping(Recorded):
    """A stop of the load was requested."""

    at_ns: Whole


@written("load.health", by=["load-health-*"], read=always("workers", LOADED))
@dataclass(frozen=True, kw_only=True, slots=True)
class LoadHealth(Recorded):
    """One second of a load worker: CPU, garbage collection, lag of its event loop, users, those of them who have sent no request yet, journeys that broke; whether a `LoadTestShape` says how many users there are."""

    worker: Whole
    at_ns: Whole
    cpu: Size
    gc_ms: Size
    loop_ms: Size
    users: Count | None = None
    broken: Count = 0
    broken_why: Word = ""
    shaped: YesOrNo = False
    silent: Count = 0


@written("load.users", by=["load-users-*"], read=always("load.users", "figures.traffic.response_time:SPEC"))
@dataclass(frozen=True, kw_only=True, slots=True)
class LoadUsers(Recorded):
    """Journeys in progress on one load worker."""

    at_ns: Whole
    users: Count


@written("clock.aligned", by=["load-clock-*"], read=always("workers", LOADED))
@dataclass(frozen=True, kw_only=True, slots=True)
class ClockAligned(Recorded):
    """How far the clock of a worker on another machine was behind the clock of the run."""

    worker: Whole
    at_ns: Whole
    offset_ns: Whole
    residual_ns: Count


@written("journeys.read", by=["load"], read=always("history", SAID))
@dataclass(frozen=True, kw_only=True, slots=True)
class JourneysRead(Recorded):
    """The items that journeys wrote under one account were read back: number of items read, and of all items."""

    account: Word
    items: Count
    read: Count
