"""Observations recorded by the load and its workers, and of load reports of other tools."""

from __future__ import annotations

from dataclasses import dataclass

from harness.model.observations.kinds import Count, ManyFields, Names, Recorded, Size, Whole, Word, YesOrNo, written
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
    """A load worker ended; `hint` is set if the end was unexpected."""

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
    """The stop of the load was requested."""

    at_ns: Whole


@written("load.exceeded", by=["load"], read=always("LoadExceeded", "figures.traffic.stopped:stop_of"))
@dataclass(frozen=True, kw_only=True, slots=True)
class LoadExceeded(Recorded):
    """A threshold of `stop_when` was exceeded, which stopped the load of the traffic (the subject).

    Attributes:
        figure: `error rate`, or a quantile of the response time like `p95`.
        value: measured share, or seconds.
        limit: share or seconds of the size file.
        n: number of requests that ended in the span.
        from_ns, until_ns: begin and end of the span, in ns.
        begin_ns: when the thresholds began to count, in ns.
        comparisons: number of times at which the thresholds were compared, this one included.
    """

    figure: Word
    value: Size
    limit: Size
    n: Count
    from_ns: Whole
    until_ns: Whole
    begin_ns: Whole
    comparisons: Count


@written("load.health", by=["load-health-*"], read=always("workers", LOADED))
@dataclass(frozen=True, kw_only=True, slots=True)
class LoadHealth(Recorded):
    """One second of a load worker.

    Attributes:
        worker: number of the worker.
        at_ns: end of the second, in ns.
        cpu: CPU use as a share of one core.
        gc_ms: longest pause for garbage collection in ms.
        loop_ms: lag of the event loop in ms.
        users: number of users; None: not recorded.
        broken: number of journeys that ended with an error in the locustfile.
        broken_why: first such error.
        shaped: whether a `LoadTestShape` sets the number of users.
        silent: number of users that have sent no request yet.
    """

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
    """Number of journeys in progress on one load worker."""

    at_ns: Whole
    users: Count


@written("load.traced", by=["load-health-*"], read=always("OwnTraces", "worst:worst_requests"))
@dataclass(frozen=True, kw_only=True, slots=True)
class OwnTraces(Recorded):
    """A route of which journeys of a traffic (the subject) set the header `traceparent`, so that its trace ids are not known."""

    worker: Whole
    at_ns: Whole
    route: Word


@written(
    "load.described", by=["load", "load-health-*"], read=always("AnswerCompared", "figures.traffic.described:SPEC")
)
@dataclass(frozen=True, kw_only=True, slots=True)
class AnswerCompared(Recorded):
    """An answer of a traffic (the subject) that is not as the API description says, or cannot be compared: the first of its kind.

    Attributes:
        worker: number of the worker.
        at_ns: when it was compared, in ns.
        code: code of the column `described` of samples.
        operation: operation of the request.
        what: what was observed.
    """

    worker: Whole
    at_ns: Whole
    code: Whole
    operation: Word
    what: Word


@written("clock.aligned", by=["load-clock-*"], read=always("workers", LOADED))
@dataclass(frozen=True, kw_only=True, slots=True)
class ClockAligned(Recorded):
    """Offset of a worker's clock on another machine to the clock of the run."""

    worker: Whole
    at_ns: Whole
    offset_ns: Whole
    residual_ns: Count


@written("journeys.read", by=["load"], read=always("history", SAID))
@dataclass(frozen=True, kw_only=True, slots=True)
class JourneysRead(Recorded):
    """The items of one account were read back: `items` is the number of all items, `read` of the read items."""

    account: Word
    items: Count
    read: Count


@written("load.reported", by=["checks"], read=always("LoadReported", "figures.reported.response_time:SPEC"))
@dataclass(frozen=True, kw_only=True, slots=True)
class LoadReported(Recorded):
    """What a load report of another tool says; the subject is the key of the demand that read it.

    `rows` requests are recorded one by one, from `from_ns` to `until_ns` since 1970; without rows the report is a summary
    of `seconds`, and `routes` has its figures, of all requests together under an empty name. Requests of the first
    `warm_up_s` are not judged.
    """

    tool: Word
    rows: Count
    file: Word = ""
    from_ns: Whole = 0
    until_ns: Whole = 0
    warm_up_s: Size = 0.0
    seconds: Size | None = None
    routes: ManyFields = ()
    notes: Names = ()
