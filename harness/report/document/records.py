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
    attempt: Annotated[Count, Field(description="Number of the attempt, from 1; 0: no attempt was recorded.")]
    verdict: Annotated[
        Literal["PASS", "INCONCLUSIVE"],
        Field(
            description="PASS when its receipts are complete, else INCONCLUSIVE: an experiment never fails by itself."
        ),
    ]
    reason: Annotated[str, Field(description="The first receipt that is missing, or that all are there.")]
    fault: Annotated[Fault, Field(description="What the experiment did.")]
    restore: Annotated[RestoreRecord, Field(description="The state of the target after the experiment.")]
    recovery_s: Annotated[Operations, Field(description="Recovery of reads and writes.")]
    writes_acknowledged: Annotated[Count, Field(description="Writes that were acknowledged while it was observed.")]
    writes_lost: Annotated[
        Count | None, Field(description="Acknowledged writes that are missing at the end; null: not verified.")
    ]
    writes_unsure: Annotated[
        Count | None,
        Field(
            description="Writes of unknown outcome that are missing at the end; they count neither as lost nor as kept. null: not verified."
        ),
    ]
    writes_why: Annotated[
        str, Field(description="Why the writes were not verified; empty if a complete final read covered them.")
    ]
    loss_window_s: Annotated[
        Seconds | None,
        Field(description="Age of the oldest lost write at the moment of the fault, s; null: no write was lost."),
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
            description="Writes that were read back with another value; those that were acknowledged also count as lost. null: not verified."
        ),
    ]
    writes_recovered: Annotated[
        Count | None, Field(description="Writes of unknown outcome that exist at the end; null: not verified.")
    ]
    writes_twice: Annotated[
        Count | None, Field(description="Writes for which one read found more than one row; null: not verified.")
    ]
    writes_unexpected: Annotated[
        Count | None, Field(description="Writes that were refused but exist at the end; null: not verified.")
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
            description="Failed probes under the fault and in the run without a fault (null run); only the difference is attributed to the fault."
        ),
    ]
    regions: Annotated[
        Mapping[str, Recovery],
        Field(
            description="Recovery of each region that the fault hit, measured at the region's own entry, by name; it is not the recovery of the service."
        ),
    ]
    users: Annotated[
        Mapping[str, Recovery],
        Field(description="Recovery of the users' own requests, by `route NAME` and `region NAME`."),
    ]
    users_thin: Annotated[
        Mapping[str, Number],
        Field(
            description="Routes and regions with too few requests for the usual rule, judged by consecutive failures instead: their requests per second."
        ),
    ]


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerRecord(Record):
    """One load generator in one window."""

    id: Annotated[int, Field(description="Number of the generator.")]
    rows: Annotated[Count, Field(description="Rows in its file.")]
    closed: Annotated[bool, Field(description="Whether it ended normally.")]
    why: Annotated[str, Field(description="What is wrong with its file; empty if nothing is wrong.")]
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

    name: Annotated[str, Field(description="Name of the traffic.")]
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
            description="95th percentile of the `n` requests, as the page shows it; null where unknown: a request without an answer counts as slower than every limit."
        ),
    ]
    p99_ms: Annotated[Number | None, Field(description="99th percentile; null where it is unknown.")]
    lag_ms_p99: Annotated[
        Number | None, Field(description="99th percentile of how late the generator sent; null of no request.")
    ]
    valid: Annotated[bool, Field(description="Whether its latencies count: the generator kept its schedule.")]
    why: Annotated[str, Field(description="Why the latencies do not count; empty when valid.")]
    lag_limit_ms: Annotated[Number | None, Field(description="Limit of `lag_ms_p99`; null: no limit.")]
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
    """One window of a traffic. Windows cover every second from the first window to the end of the load."""

    name: Annotated[str, Field(description="`everyday/fault-free`, `experiment:pod-loss/fault`, `…/after`.")]
    traffic: Annotated[str, Field(description="Name of the traffic.")]
    phase: Annotated[str, Field(description="`in the steady state` (fault-free), `during the fault`…")]
    experiment: Annotated[
        str | None, Field(description="The experiment that it lies under or directly follows; null: none.")
    ]
    start_s: Annotated[Number, Field(description="Time since the run's first window opened, s.")]
    end_s: Annotated[Number, Field(description="Time since the run's first window opened, s.")]
    n: Annotated[Count, Field(description="Requests that were due in the window.")]
    errors: Annotated[Count, Field(description="Failed requests that were due in the window.")]


@dataclass(frozen=True, kw_only=True, slots=True)
class UnjudgedRecord(Record):
    """A part of the load that no claim judges."""

    traffic: Annotated[str, Field(description="Name of the traffic.")]
    start_s: Annotated[Number, Field(description="Time since the run's first window opened, s.")]
    end_s: Annotated[Number, Field(description="Time since the run's first window opened, s.")]
    why: Annotated[str, Field(description="Why this part is not judged.")]


@dataclass(frozen=True, kw_only=True, slots=True)
class Journeys(Record):
    """Users' journeys in all fault-free windows of one traffic."""

    traffic: Annotated[str, Field(description="Name of the traffic.")]
    n: Annotated[Count, Field(description="Journeys.")]
    troubled: Annotated[Count, Field(description="Journeys with a failed request or a request slower than `limit_ms`.")]
    share: Annotated[Number | None, Field(description="`troubled` of `n`, 0 to 1; null of no journey.")]
    limit_ms: Annotated[
        Number | None,
        Field(description="The highest response-time limit among the claims of the run; null: only failures count."),
    ]


@dataclass(frozen=True, kw_only=True, slots=True)
class DoorRecord(Record):
    """Health probes of one region's own entry in all fault-free windows."""

    region: Annotated[str, Field(description="Name of the region.")]
    n: Annotated[Count, Field(description="Probes.")]
    failed: Annotated[Count, Field(description="Probes that were not answered.")]
    share: Annotated[Number | None, Field(description="Share of them that were answered, 0 to 1; null of no probe.")]
    down_s: Annotated[Seconds, Field(description="In outages, from the first failed probe to the next good one, s.")]
    watched_s: Annotated[Seconds, Field(description="Total time that was probed without a gap of more than 250 ms, s.")]
    longest_s: Annotated[Seconds, Field(description="Length of the longest outage, s; 0: no outage.")]
    worst: Annotated[str, Field(description="The window with the largest share of failed probes; empty: none failed.")]


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseRecord(Record):
    """The release receipt: whether the planned release served the requests."""

    planned: Annotated[str, Field(description="The release under test, as in `release`.")]
    verified: Annotated[
        bool | None,
        Field(
            description="true: every observation shows the planned release; false: another release served; null: unknown."
        ),
    ]
    why: Annotated[str, Field(description="One sentence.")]
    observed: Annotated[Mapping[str, int], Field(description="Answers to users by the release that they named.")]
    unnamed: Annotated[Count, Field(description="Number of answers that named no release.")]
    before: Annotated[
        Mapping[str, tuple[str, ...]],
        Field(description="Images or digests before the load, by workload (`namespace/Kind/name`)."),
    ]
    after: Annotated[Mapping[str, tuple[str, ...]], Field(description="Images or digests after the load, by workload.")]
    version_before: Annotated[str, Field(description="Answer of the version path before the load; empty: no answer.")]
    version_after: Annotated[str, Field(description="Answer of the version path after the load; empty: no answer.")]


@dataclass(frozen=True, kw_only=True, slots=True)
class SteadyEnd(Record):
    """Whether the target was steady when the load ended."""

    ok: Annotated[bool, Field(description="Whether the target was steady.")]
    why: Annotated[str, Field(description="The last measurement.")]


@dataclass(frozen=True, kw_only=True, slots=True)
class MachineRecord(Record):
    """The machine that the harness shares with its target."""

    ok: Annotated[
        bool,
        Field(
            description="false: the machine lacked processor time, so latencies, recoveries and errors of a sandbox cannot prove a FAIL; or it slept, was paused or its wall clock was set, so those of that time prove neither PASS nor FAIL."
        ),
    ]
    why: Annotated[str, Field(description="One sentence.")]
    late_share: Annotated[
        Number | None,
        Field(
            description="Share of the seconds in which the control service was slow or failed or, without a control service, the watch sent a probe late; null: not watched."
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
    """Harm that was measured but that no claim judges."""

    harm: Annotated[str, Field(description="`writes lost`, `writes there twice`, `events with another value`…")]
    count: Annotated[Count, Field(description="Number of writes or events.", ge=1)]


@dataclass(frozen=True, kw_only=True, slots=True)
class LedgerRecord(Record):
    """Counts of the writes of the whole run, compared with its final reads. null: not verified; `why` gives the reason."""

    attempted: Annotated[Count, Field(description="Writes.")]
    acknowledged: Annotated[Count, Field(description="Writes that were acknowledged.")]
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
    unexpected: Annotated[Count | None, Field(description="Refused writes that exist at the end; null: not verified.")]
    twice: Annotated[Count | None, Field(description="More than one row in one read; null: not verified.")]
    reads: Annotated[Count, Field(description="Reads right after an acknowledgement that were answered.")]
    stale: Annotated[
        Count | None, Field(description="Those of them that did not find the complete write; null: none was made.")
    ]
    why: Annotated[str, Field(description="Why the ledger is not complete; empty if it is complete.")]


@dataclass(frozen=True, kw_only=True, slots=True)
class PipelineRecord(Record):
    """Counts of events: an accepted event must become visible once and complete. null: not verified; `why` gives the reason."""

    sent: Annotated[Count, Field(description="Events.")]
    accepted: Annotated[Count, Field(description="Events that were accepted.")]
    lost: Annotated[
        Count | None,
        Field(
            description="Accepted events that were not visible at the end, although the time allowed for an event had passed; null: not verified."
        ),
    ]
    twice: Annotated[Count | None, Field(description="Events that were visible more than once; null: not verified.")]
    wrong: Annotated[Count | None, Field(description="Visible with another value; null: not verified.")]
    unsure: Annotated[
        Count | None,
        Field(
            description="Events that were not visible at the end and whose outcome is unknown or that were accepted shortly before it; or events that could not be read, because no query was recorded. null: not verified."
        ),
    ]
    visible_p50_s: Annotated[
        Number | None,
        Field(description="Median from accepted to visible, s; an event that never became visible counts as infinite."),
    ]
    visible_p95_s: Annotated[Number | None, Field(description="95th percentile, likewise.")]
    why: Annotated[str, Field(description="Why the record of events is not complete; empty if it is complete.")]


@dataclass(frozen=True, kw_only=True, slots=True)
class WatcherRecord(Record):
    """One watcher of one part of the platform."""

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
    closed: Annotated[bool, Field(description="Whether it ended normally.")]
    why: Annotated[str, Field(description="What is wrong; empty if nothing is wrong.")]
