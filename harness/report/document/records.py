"""More parts of `verdict.json`: experiments, windows and traffic, ledger, events, watchers, the release."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from harness.report.document.parts import (
    Count,
    FailedProbes,
    Fault,
    Number,
    Operations,
    Record,
    Recovery,
    RestoreRecord,
    Seconds,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ExperimentRecord(Record):
    """One attempt at one experiment. Every attempt that was sent is listed; the last one of a name is the one that counts."""

    name: Annotated[str, Field(description="File name without `.yaml`.")]
    domain: Annotated[
        str,
        Field(
            description="What kind of fault: pod, node, zone, database, region, service, external, network, or none for the null run; "
            "empty where unknown."
        ),
    ]
    attempt: Annotated[Count, Field(description="Which attempt it is, from 1; 0: none was recorded.")]
    verdict: Annotated[
        Literal["PASS", "INCONCLUSIVE"],
        Field(
            description="PASS when its receipts are complete, else INCONCLUSIVE: an experiment never fails by itself."
        ),
    ]
    reason: Annotated[str, Field(description="The first receipt that is missing, or that all are there.")]
    fault: Annotated[Fault, Field(description="What the experiment did.")]
    restore: Annotated[RestoreRecord, Field(description="How the target was left.")]
    recovery_s: Annotated[Operations, Field(description="How reads and writes came back.")]
    writes_acknowledged: Annotated[Count, Field(description="Writes that were acknowledged while it was observed.")]
    writes_lost: Annotated[
        Count | None, Field(description="Those of them that are not there at the end; null: not verified.")
    ]
    writes_unsure: Annotated[
        Count | None,
        Field(
            description="Writes of unknown outcome that are not there at the end: neither lost nor kept; null: not verified."
        ),
    ]
    writes_why: Annotated[
        str, Field(description="Why writes were not verified; empty if a complete final read covered them.")
    ]
    loss_window_s: Annotated[
        Seconds | None,
        Field(description="Age of the oldest lost write at the moment of the fault, s; null: none is lost."),
    ]
    share: Annotated[
        Mapping[str, Number], Field(description="Share of answers (0 to 1) by `REGION before` and `REGION during`.")
    ]
    errors: Annotated[
        Mapping[str, int], Field(description="Failed requests of its load window by kind; not counted in a KPI.")
    ]
    writes_wrong: Annotated[
        Count | None,
        Field(
            description="Writes that were read back with another value, acknowledged (and so lost) or not; null: not verified."
        ),
    ]
    writes_recovered: Annotated[
        Count | None, Field(description="Writes of unknown outcome that are there at the end; null: not verified.")
    ]
    writes_twice: Annotated[
        Count | None, Field(description="Writes of which one read found more than one row; null: not verified.")
    ]
    writes_unexpected: Annotated[
        Count | None, Field(description="Writes that were refused and are there all the same; null: not verified.")
    ]
    reads_checked: Annotated[
        Count, Field(description="Reads right after an acknowledgement that were answered, while it was observed.")
    ]
    reads_stale: Annotated[
        Count | None, Field(description="Those of them that did not find the complete write; null: none was made.")
    ]
    failed_probes: Annotated[
        tuple[FailedProbes, ...],
        Field(
            description="Failed probes under the fault and in the null run; only the difference counts as the fault's."
        ),
    ]
    regions: Annotated[
        Mapping[str, Recovery],
        Field(
            description="Recovery of each region that was hit, at its own entry, by name; not a recovery of the service."
        ),
    ]
    users: Annotated[
        Mapping[str, Recovery],
        Field(description="Recovery of the users' own requests, by `route NAME` and `region NAME`."),
    ]
    users_thin: Annotated[
        Mapping[str, Number],
        Field(
            description="Routes and regions with so few requests that failures in succession are judged: requests per second."
        ),
    ]


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerRecord(Record):
    """One load generator in one window."""

    id: Annotated[int, Field(description="Its number.")]
    rows: Annotated[Count, Field(description="Rows in its file.")]
    closed: Annotated[bool, Field(description="Whether it ended in order.")]
    why: Annotated[str, Field(description="What is wrong with its file; empty when nothing is.")]
    cpu: Annotated[
        Number | None,
        Field(description="95 % of the window's seconds it used at most this share of one core; null: not reported."),
    ]
    gc_ms: Annotated[
        Number | None,
        Field(
            description="In 95 % of the seconds its longest garbage collection took at most this; null: not reported."
        ),
    ]
    loop_ms: Annotated[
        Number | None,
        Field(description="In 95 % of the seconds its event loop lagged at most this; null: not reported."),
    ]
    users: Annotated[Count | None, Field(description="Locust's users, the fewest of any second; null: not reported.")]
    offset_ns: Annotated[int, Field(description="Its clock was behind the run's by this; its rows were shifted by it.")]
    residual_ns: Annotated[Count, Field(description="Largest possible error of the shift.")]


@dataclass(frozen=True, kw_only=True, slots=True)
class TrafficRecord(Record):
    """One window of one traffic, of one route or of all together: every request that was due in it, failed ones included.

    Milliseconds count from the moment a request was due. A requirement's response time is of other requests: of all fault-free windows
    together, and without quick failures.
    """

    name: Annotated[str, Field(description="Of the traffic.")]
    window: Annotated[str, Field(description="Name of the window, as in `windows`.")]
    experiment: Annotated[
        str | None, Field(description="The experiment that it lies under or directly follows; null: none.")
    ]
    route: Annotated[str | None, Field(description="null: all routes together.")]
    offered_rps: Annotated[Seconds, Field(description="Requests per second as planned.")]
    achieved_rps: Annotated[Seconds, Field(description="Requests per second as sent.")]
    n: Annotated[Count, Field(description="Requests.")]
    errors: Annotated[Count, Field(description="Failed requests.")]
    p50_ms: Annotated[Number | None, Field(description="Median; null where it is unknown.")]
    p95_ms: Annotated[
        Number | None,
        Field(
            description="95th percentile of those `n` requests, as the page shows it; null where it is unknown: a request without an answer is over every limit."
        ),
    ]
    p99_ms: Annotated[Number | None, Field(description="99th percentile; null where it is unknown.")]
    lag_ms_p99: Annotated[
        Number | None, Field(description="99th percentile of how late the generator sent; null of no request.")
    ]
    valid: Annotated[bool, Field(description="Whether its latencies count: the generator kept its schedule.")]
    why: Annotated[str, Field(description="What was wrong; empty when valid.")]
    lag_limit_ms: Annotated[Number | None, Field(description="Limit of `lag_ms_p99`; null: none.")]
    model: Annotated[
        Literal["open", "closed"] | None,
        Field(
            description="`open`: arrivals wait for no answer, latency counts from the moment a request was due. `closed`: each "
            "user waits for the answer, latency counts from the moment it was sent. null: the plan has no such traffic."
        ),
    ]
    arrivals: Annotated[
        Literal["poisson", "constant", "trace"] | None, Field(description="Of an open model; null otherwise.")
    ]
    warm_up_s: Annotated[
        Number | None,
        Field(description="Cut from the front, s since the schedule began; null: its beginning is unknown."),
    ]
    workers: Annotated[tuple[WorkerRecord, ...], Field(description="The load generators; empty for one route.")]


@dataclass(frozen=True, kw_only=True, slots=True)
class WindowRecord(Record):
    """One window: every second of a traffic from its first window to the end of the load belongs to one."""

    name: Annotated[str, Field(description="`everyday/fault-free`, `experiment:pod-loss/fault`, `…/after`.")]
    traffic: Annotated[str, Field(description="Of which traffic.")]
    phase: Annotated[str, Field(description="`in the steady state` (fault-free), `during the fault`…")]
    experiment: Annotated[
        str | None, Field(description="The experiment that it lies under or directly follows; null: none.")
    ]
    start_s: Annotated[Number, Field(description="s since the run's first window opened.")]
    end_s: Annotated[Number, Field(description="s since the run's first window opened.")]
    n: Annotated[Count, Field(description="Requests due in it.")]
    errors: Annotated[Count, Field(description="Failed ones.")]


@dataclass(frozen=True, kw_only=True, slots=True)
class UnjudgedRecord(Record):
    """A stretch of the load that is judged by nothing."""

    traffic: Annotated[str, Field(description="Of which traffic.")]
    start_s: Annotated[Number, Field(description="s since the run's first window opened.")]
    end_s: Annotated[Number, Field(description="s since the run's first window opened.")]
    why: Annotated[str, Field(description="Why nothing is judged there.")]


@dataclass(frozen=True, kw_only=True, slots=True)
class Journeys(Record):
    """Users' journeys in all fault-free windows of one traffic."""

    traffic: Annotated[str, Field(description="Of which traffic.")]
    n: Annotated[Count, Field(description="Journeys.")]
    troubled: Annotated[Count, Field(description="Those with a failed request or one slower than `limit_ms`.")]
    share: Annotated[Number | None, Field(description="`troubled` of `n`, 0 to 1; null of no journey.")]
    limit_ms: Annotated[
        Number | None,
        Field(description="The loosest response-time limit that the run claims; null: only failures count."),
    ]


@dataclass(frozen=True, kw_only=True, slots=True)
class DoorRecord(Record):
    """Health probes of one region's own entry in all fault-free windows."""

    region: Annotated[str, Field(description="Its name.")]
    n: Annotated[Count, Field(description="Probes.")]
    failed: Annotated[Count, Field(description="Those that were not answered.")]
    share: Annotated[Number | None, Field(description="Share of them that were answered, 0 to 1; null of no probe.")]
    down_s: Annotated[Seconds, Field(description="In outages, from the first failed probe to the next good one, s.")]
    watched_s: Annotated[Seconds, Field(description="Probed without a gap of more than 250 ms, s.")]
    longest_s: Annotated[Seconds, Field(description="The longest outage, s; 0: none.")]
    worst: Annotated[str, Field(description="The window with the largest share of failed probes; empty: none failed.")]


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseRecord(Record):
    """The release receipt: whether what served is what was planned."""

    planned: Annotated[str, Field(description="The release under test, as in `release`.")]
    verified: Annotated[
        bool | None,
        Field(
            description="true: everything observed is the planned release; false: something else served; null: unknown."
        ),
    ]
    why: Annotated[str, Field(description="One sentence.")]
    observed: Annotated[Mapping[str, int], Field(description="Answers to users by the release that they named.")]
    unnamed: Annotated[Count, Field(description="Answers that named no release.")]
    before: Annotated[
        Mapping[str, tuple[str, ...]],
        Field(description="Images or digests by workload (`namespace/Kind/name`), before the load."),
    ]
    after: Annotated[Mapping[str, tuple[str, ...]], Field(description="The same, after the load.")]
    version_before: Annotated[str, Field(description="Answer of the version path before the load; empty: none.")]
    version_after: Annotated[str, Field(description="Answer of the version path after the load; empty: none.")]


@dataclass(frozen=True, kw_only=True, slots=True)
class SteadyEnd(Record):
    """Whether the target was steady when the load ended."""

    ok: Annotated[bool, Field(description="Whether it was.")]
    why: Annotated[str, Field(description="What was measured last.")]


@dataclass(frozen=True, kw_only=True, slots=True)
class MachineRecord(Record):
    """The machine that the harness shares with its target."""

    ok: Annotated[
        bool,
        Field(
            description="false: it was starved: latencies, recoveries and errors of a sandbox prove no FAIL there; or it slept or was paused, or its wall clock was set: they prove neither at that time."
        ),
    ]
    why: Annotated[str, Field(description="One sentence.")]
    late_share: Annotated[
        Number | None,
        Field(
            description="Share of the seconds in which the control suffered, or the watch sent a probe late where no control was watched; null: none was watched."
        ),
    ]
    waited_share: Annotated[
        Number | None, Field(description="Share of the time in which work waited for a processor; null: unknown.")
    ]
    stolen_share: Annotated[
        Number | None, Field(description="Share of the processor time that other machines took; null: unknown.")
    ]
    target_share: Annotated[
        Number | None, Field(description="Share of all processors that the target had; null: unknown.")
    ]
    harness_share: Annotated[
        Number | None, Field(description="The same of the harness with the rest of a sandbox; null: unknown.")
    ]
    others_share: Annotated[
        Number | None, Field(description="The same of everything else, other machines of the host too; null: unknown.")
    ]


@dataclass(frozen=True, kw_only=True, slots=True)
class HarmRecord(Record):
    """Harm that was measured and that no claim judges."""

    harm: Annotated[str, Field(description="`writes lost`, `writes there twice`, `events with another value`…")]
    count: Annotated[Count, Field(description="How many.", ge=1)]


@dataclass(frozen=True, kw_only=True, slots=True)
class LedgerRecord(Record):
    """Set arithmetic on the writes of the whole run, after its final reads. null: not verified, `why` has the reason."""

    attempted: Annotated[Count, Field(description="Writes.")]
    acknowledged: Annotated[Count, Field(description="Of them.")]
    lost: Annotated[
        Count | None,
        Field(
            description="Acknowledged, and gone or with another value, in the database, at the entry or in a region that was "
            "read; null: not verified."
        ),
    ]
    wrong: Annotated[
        Count | None,
        Field(description="Read with another value, acknowledged (and so lost) or not; null: not verified."),
    ]
    missing: Annotated[
        Mapping[str, int], Field(description="The lost ones by what was read: `database`, `entry` or a region.")
    ]
    recovered: Annotated[Count | None, Field(description="Of unknown outcome, but there; null: not verified.")]
    unsure: Annotated[
        Count | None,
        Field(description="Of unknown outcome, and not there: neither lost nor kept; null: not verified."),
    ]
    unexpected: Annotated[Count | None, Field(description="Refused, and there; null: not verified.")]
    twice: Annotated[Count | None, Field(description="More than one row in one read; null: not verified.")]
    reads: Annotated[Count, Field(description="Reads right after an acknowledgement that were answered.")]
    stale: Annotated[
        Count | None, Field(description="Those of them that did not find the complete write; null: none was made.")
    ]
    why: Annotated[str, Field(description="What keeps the ledger from being complete; empty when nothing does.")]


@dataclass(frozen=True, kw_only=True, slots=True)
class PipelineRecord(Record):
    """Events: accepted, and then visible once and complete. null: not verified, `why` has the reason."""

    sent: Annotated[Count, Field(description="Events.")]
    accepted: Annotated[Count, Field(description="Of them.")]
    lost: Annotated[
        Count | None,
        Field(
            description="Accepted, and not visible at the end after as long as an event may take; null: not verified."
        ),
    ]
    twice: Annotated[Count | None, Field(description="Visible more than once; null: not verified.")]
    wrong: Annotated[Count | None, Field(description="Visible with another value; null: not verified.")]
    unsure: Annotated[
        Count | None,
        Field(
            description="Not visible at the end and of unknown outcome or accepted shortly before it, or no query was recorded; null: not verified."
        ),
    ]
    visible_p50_s: Annotated[
        Number | None,
        Field(description="Median from accepted to visible, s; an event that never became visible counts as infinite."),
    ]
    visible_p95_s: Annotated[Number | None, Field(description="95th percentile, likewise.")]
    why: Annotated[str, Field(description="What keeps the record from being complete; empty when nothing does.")]


@dataclass(frozen=True, kw_only=True, slots=True)
class WatcherRecord(Record):
    """One watcher, of one thing."""

    name: Annotated[
        str,
        Field(description="`entry`, `regions us-east-1`, `ledger`, `replicas pg-0`, `pods`, `pipeline`, `alerts`."),
    ]
    spacing_ms: Annotated[Seconds, Field(description="Planned spacing of its probes.")]
    n: Annotated[Count, Field(description="Probes.")]
    first_ns: Annotated[
        int | None,
        Field(description="When its first probe was due, by the run's monotonic clock; null: no probe was recorded."),
    ]
    last_ns: Annotated[int | None, Field(description="When its last probe was due; null: no probe was recorded.")]
    longest_gap_ms: Annotated[
        Number | None, Field(description="Between two probes; null of fewer than two, or where they have no schedule.")
    ]
    blind_s: Annotated[Seconds, Field(description="In gaps over 250 ms, and over its spacing: neither up nor down.")]
    closed: Annotated[bool, Field(description="Whether it ended in order.")]
    why: Annotated[str, Field(description="What is wrong; empty when nothing is.")]
