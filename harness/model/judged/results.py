"""Results of experiments, traffic, watchers, ledger and events, for the reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.model.judged.outcome import Outcome
from harness.model.records.window import Worker


@dataclass(frozen=True, kw_only=True, slots=True)
class OperationRecovery:
    """The recovery of reads or writes.

    Attributes:
        seconds: from the action sent to the first success of 5 s that are as before; 0 when no client felt the fault; None: not back.
        resolution_s: of `seconds`.
        observed_s: how long was watched.
        on_heal: it came back only after the undo was sent.
        outages: (start, end) of each stretch of failures, seconds from the action sent.
        stalls: (start, end) of each time in which probes hung and were answered late, within their timeout: not outages.
        why: what else is known of it.
        way_back: (start, end) of each outage that began after the undo and before the restore, seconds from the action sent. Of one that
            lasted from before the undo, the part after it.
        way_back_s: how long the way back was watched: from the undo to the restore; 0 where nothing had to be undone.
        way_back_resolution_s: of the length of each outage on the way back.
        way_back_ended: False: the last of them had not ended when the requests ended.
        since_s: the earliest moment, in seconds from the action sent, since which it may have been back: what failed since is no more than
            chance explains. Where it was not back, the end of the observation cut it off before 5 s. None: no earlier than `seconds`.
        latest_s: until when, in seconds from the action sent, it may have been out for all that was recorded: no request was, or a later
            outage hides whether it stayed as before. 0: no later than `seconds`; None: to the end.
        way_longest_s: as long it may have been out on the way back, likewise. 0: no longer than each of `way_back`.
    """

    operation: str
    seconds: float | None
    resolution_s: float
    observed_s: float
    on_heal: bool = False
    outages: tuple[tuple[float, float], ...] = ()
    stalls: tuple[tuple[float, float], ...] = ()
    why: str = ""
    way_back: tuple[tuple[float, float], ...] = ()
    way_back_s: float = 0.0
    way_back_resolution_s: float = 0.0
    way_back_ended: bool = True
    since_s: float | None = None
    latest_s: float | None = 0.0
    way_longest_s: float | None = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class FailedProbeShares:
    """Share of one operation's probes that failed without and under the fault, and the difference, attributed to the fault.

    Attributes:
        operation: `reads` or `writes`.
        null_run: in the fault-free windows and the null run; None: no probe was sent.
        under_fault: from the action sent to the end of the observation; None: no probe was sent.
        difference: `under_fault` less `null_run`; None where one of them is.
    """

    operation: str
    null_run: float | None
    under_fault: float | None
    difference: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ExperimentResult:
    """One experiment in figures, for the reports.

    Attributes:
        verdict: PASS when its receipts are ok, else INCONCLUSIVE; an experiment never fails by itself.
        hit: what was hit, by name.
        confirmed_after_s, seen_by_client_after_s, restored_after_s: seconds from the action sent; None: not.
        reads, writes: recovery.
        writes_acknowledged, writes_lost, writes_unsure: within its observation; None: not verified. writes_why: why not.
        loss_window_s: age of the oldest acknowledged write that is gone, at the moment of the fault.
        share: of answers by region before and during, for the page.
        errors: failed requests in its load window, by kind: printed, never charged to a KPI.
        writes_wrong: those that were read back with another value, acknowledged (and so lost) or not.
        writes_recovered, writes_twice, writes_unexpected: of its observation: unknown and there, there twice, refused and there.
        reads_checked, reads_stale: reads right after an acknowledgement in its observation, and those that did not find the write intact.
        failed_probes: reads and writes against the null run.
        regions: recovery as observed at the door of each region that the fault hit: descriptive, never a recovery of the service.
        users: recovery of the users' own requests, by `route NAME` and `region NAME`.
        users_thin: the routes and regions with so few requests that failures in succession are judged, and how many a second they had.
        unmet: whether its fault was in and no request met it, so that its recovery shows no failover.
    """

    name: str
    domain: str
    attempt: int
    verdict: Outcome
    reason: str
    hit: tuple[str, ...]
    sent: bool
    confirmed_after_s: float | None
    seen_by_client_after_s: float | None
    restore_ok: bool | None
    restored_after_s: float | None
    reads: OperationRecovery | None
    writes: OperationRecovery | None
    writes_acknowledged: int
    writes_lost: int | None
    writes_unsure: int | None
    loss_window_s: float | None
    share: Mapping[str, float] = field(default_factory=dict)
    errors: Mapping[str, int] = field(default_factory=dict)
    writes_wrong: int | None = None
    writes_recovered: int | None = None
    writes_twice: int | None = None
    writes_unexpected: int | None = None
    writes_why: str = ""
    reads_checked: int = 0
    reads_stale: int | None = None
    failed_probes: tuple[FailedProbeShares, ...] = ()
    regions: Mapping[str, OperationRecovery] = field(default_factory=dict)
    users: Mapping[str, OperationRecovery] = field(default_factory=dict)
    users_thin: Mapping[str, float] = field(default_factory=dict)
    unmet: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class TrafficResult:
    """One window of traffic in figures, for the reports. Milliseconds from the intended send time.

    Attributes:
        route: empty for all routes together.
        experiment: empty for the fault-free window.
        valid: whether its latencies count (the generator kept up); why: what was wrong.
        lag_limit_ms: what `lag_ms_p99` was held against; None: it was not.
        warm_up_s: cut from the front, since the schedule began; None: its start was not recorded.
        workers: the generators, of all routes together; empty for one route.
        window: name of the window.
    """

    name: str
    experiment: str
    route: str
    offered_rps: float
    achieved_rps: float
    n: int
    errors: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    lag_ms_p99: float | None
    valid: bool
    why: str
    lag_limit_ms: float | None = None
    warm_up_s: float | None = None
    workers: tuple[Worker, ...] = ()
    window: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class WatcherResult:
    """Summary of one watcher, from its rows or, if it has no row per probe, from its receipt.

    Attributes:
        name: `entry`, `regions us-east-1`, `ledger`, `replicas pg-0`, `pods`, `pipeline`, `alerts`.
        spacing_ms: planned spacing of its probes, in ms.
        n: number of probes.
        first_ns, last_ns: CLOCK_MONOTONIC, of its first and last probe as due; None: it sent no probe.
        longest_gap_ms: the longest time between two probes; None for fewer than two, and for streams of changes.
        blind_s: in gaps over 250 ms without a probe: neither up nor down.
        closed: whether it ended in order.
        why: what is wrong; empty when nothing is.
    """

    name: str
    spacing_ms: float = 0.0
    n: int = 0
    first_ns: int | None = None
    last_ns: int | None = None
    longest_gap_ms: float | None = None
    blind_s: float = 0.0
    closed: bool = False
    why: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class LedgerResult:
    """The ledger of the whole run after its final reads, by Jepsen's set arithmetic. None: not verified, `why` has the cause.

    Attributes:
        attempted, acknowledged: writes.
        lost: acknowledged and gone, or with another value, from the database or from a region.
        wrong: with another value, acknowledged (and so lost) or not.
        missing: of the lost ones, by source: `database` or a region.
        recovered: of unknown outcome, and there. unsure: of unknown outcome, and not there with any value: neither lost nor kept.
        unexpected: refused, and there. twice: more than one row in one read.
        reads, stale: reads right after an acknowledgement, and those that did not find the write intact.
        why: what keeps the ledger from being whole; empty when nothing does.
    """

    attempted: int = 0
    acknowledged: int = 0
    lost: int | None = None
    wrong: int | None = None
    missing: Mapping[str, int] = field(default_factory=dict)
    recovered: int | None = None
    unsure: int | None = None
    unexpected: int | None = None
    twice: int | None = None
    reads: int = 0
    stale: int | None = None
    why: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class PipelineResult:
    """Events of the whole run: accepted, and then visible once and complete. None: not verified, `why` has the cause.

    Attributes:
        sent, accepted: events.
        lost: accepted and not visible at the end, however long events may take. twice: visible more than once. wrong: visible with another value.
        unsure: not visible at the end and of unknown outcome or accepted shortly before it, or not readable.
        visible_p50_s, visible_p95_s: from accepted to visible; one never seen took for ever; None where that is the quantile.
        why: what keeps the record from being whole; empty when nothing does.
    """

    sent: int = 0
    accepted: int = 0
    lost: int | None = None
    twice: int | None = None
    wrong: int | None = None
    unsure: int | None = None
    visible_p50_s: float | None = None
    visible_p95_s: float | None = None
    why: str = ""
