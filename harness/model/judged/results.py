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
        operation: `reads` or `writes`.
        seconds: time in s from the action to the first success of 5 s that are as good as before the fault. 0: no
            client was affected; None: no recovery.
        resolution_s: resolution of `seconds`, in s.
        observed_s: length of the observation, in s.
        on_heal: whether the recovery came only after the undo was sent.
        outages: (start, end) of each period of failures, in seconds from the action.
        stalls: (start, end) of each period with late answers within their timeout, which is no outage.
        why: further facts as text.
        way_back: (start, end) of each outage between undo and restore, in seconds from the action; an earlier outage is
            cut at the undo.
        way_back_s: time in s from the undo to the restore; 0 without an undo.
        way_back_resolution_s: resolution in s of the length of each outage in `way_back`.
        way_back_ended: False if the last outage in `way_back` had not ended at the last request.
        since_s: earliest possible recovery in seconds from the action, if later failures may be due to chance. Without
            a recovery, the observation ended before the 5 s. None: not earlier than `seconds`.
        latest_s: latest possible recovery in seconds from the action, if requests are missing or a later outage hides
            it. 0: not later than `seconds`; None: the outage may have lasted to the end.
        way_longest_s: longest possible outage in `way_back`, in s, for the same reasons. 0: not longer than the outages
            in `way_back`.
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
    """Shares of failed probes of one operation without and with a fault, and their difference, attributed to the fault.

    Attributes:
        operation: `reads` or `writes`.
        null_run: share in the fault-free windows and the experiment without a fault; None: no probe was sent.
        under_fault: share from the action to the end of the observation; None: no probe was sent.
        difference: `under_fault` minus `null_run`; None if one of them is None.
    """

    operation: str
    null_run: float | None
    under_fault: float | None
    difference: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ExperimentResult:
    """The figures of one experiment, for the reports.

    Attributes:
        name: name of the experiment.
        domain: fault domain.
        attempt: number of the attempt.
        verdict: PASS if the receipts are ok, else INCONCLUSIVE; an experiment alone never fails.
        reason: reason for the verdict.
        hit: names of the hit objects.
        sent: whether the fault was sent.
        confirmed_after_s: seconds from the action to the confirmation; None: not confirmed.
        seen_by_client_after_s: seconds from the action to the first effect on a client; None: no effect.
        restore_ok: whether the target was restored; None: unknown.
        restored_after_s: seconds from the action to the restore; None: not restored.
        reads: recovery of reads.
        writes: recovery of writes.
        writes_acknowledged: number of acknowledged writes in the observation.
        writes_lost: number of lost acknowledged writes in the observation; None: not verified.
        writes_unsure: number of writes of unknown outcome in the observation that were not found; None: not verified.
        loss_window_s: age in s of the oldest lost acknowledged write at the time of the fault.
        share: share of answers by region, before and during the fault, for the page.
        errors: number of failed requests in the load window by kind; they count for no KPI.
        writes_wrong: number of writes that were read back with another value; acknowledged ones are also lost.
        writes_recovered: number of writes of unknown outcome that were found.
        writes_twice: number of writes that were found twice.
        writes_unexpected: number of refused writes that were found.
        writes_why: reason why writes were not verified.
        reads_checked: number of reads directly after an acknowledgement.
        reads_stale: number of these reads that did not find the write unchanged.
        failed_probes: shares of failed reads and writes, compared with the experiment without a fault.
        regions: recovery at the entry of each hit region, for information; it is no recovery of the service.
        users: recovery of the users' requests, by `route NAME` and `region NAME`.
        users_thin: requests per second of routes and regions with few requests, where successive failures are judged.
        unmet: whether no request met the active fault, so that the recovery shows no failover.
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
    """The figures of one window of a traffic, for the reports; times in ms count from the intended send time.

    Attributes:
        name: name of the traffic.
        experiment: name of the experiment; empty for a fault-free window.
        route: name of the route; empty for all routes together.
        offered_rps: planned requests per second.
        achieved_rps: sent requests per second.
        n: number of requests.
        errors: number of failed requests.
        p50_ms: median of the response times in ms.
        p95_ms: 95 % quantile of the response times in ms.
        p99_ms: 99 % quantile of the response times in ms.
        lag_ms_p99: 99 % quantile of the generator's lag in ms.
        valid: whether the latencies count, because the generator kept its schedule.
        why: reason if `valid` is False.
        lag_limit_ms: limit of `lag_ms_p99` in ms; None: no limit was applied.
        warm_up_s: length of the warm-up in s, which is cut off; None: the start of the schedule was not recorded.
        workers: load generators, for all routes together; empty for one route.
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
        name: name of the watcher, such as `entry`, `regions us-east-1`, `ledger` or `replicas pg-0`.
        spacing_ms: planned time between two probes, in ms.
        n: number of probes.
        first_ns: due time of the first probe in ns of CLOCK_MONOTONIC; None: no probe was sent.
        last_ns: due time of the last probe in ns of CLOCK_MONOTONIC; None: no probe was sent.
        longest_gap_ms: longest time between two probes in ms; None for streams and for fewer than two probes.
        blind_s: seconds in gaps of over 250 ms without a probe, which count neither as up nor as down.
        closed: whether the watcher ended normally.
        why: problem of the watcher; empty if there is none.
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
    """The ledger of the complete run after its final reads, computed with the set arithmetic of Jepsen.

    Attributes:
        attempted: number of writes sent.
        acknowledged: number of acknowledged writes.
        lost: number of acknowledged writes that are missing or wrong, in the database or a region; None: not verified.
        wrong: number of writes with another value; acknowledged ones are also lost.
        missing: number of lost writes by source, `database` or a region.
        recovered: number of writes of unknown outcome that were found.
        unsure: number of writes of unknown outcome that were not found; they count neither as lost nor as kept.
        unexpected: number of refused writes that were found.
        twice: number of writes with more than one row in one read.
        reads: number of reads directly after an acknowledgement.
        stale: number of these reads that did not find the write unchanged.
        why: reason why the ledger is not verified or not complete; empty if there is none.
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
    """The events of the complete run: accepted, and then visible once and unchanged.

    Attributes:
        sent: number of events sent.
        accepted: number of accepted events.
        lost: number of accepted events that were not visible at the end; None: not verified.
        twice: number of events that were visible more than once.
        wrong: number of events that were visible with another value.
        unsure: number of events that were not visible at the end and had an unknown outcome, were accepted shortly
            before the end, or could not be read.
        visible_p50_s: median of the time in s from accepted to visible; None if that event never became visible.
        visible_p95_s: 95 % quantile of the time in s from accepted to visible; None if that event never became visible.
        why: reason why the events are not verified or not complete; empty if there is none.
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
