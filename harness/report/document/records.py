"""Parts of `verdict.json`: experiments, ledger, events, watchers, the release, the machine."""

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
    """One attempt at one experiment. Every attempt whose fault was sent is listed; the last attempt of a name counts."""

    name: Annotated[str, Field(description="File name without `.yaml`.")]
    domain: Annotated[
        str,
        Field(
            description="Kind of fault: pod, node, zone, database, region, members, service, cache, external, network, or none for the null run; "
            "empty if unknown."
        ),
    ]
    attempt: Annotated[Count, Field(description="Number of the attempt, from 1; 0: no attempt was recorded.")]
    verdict: Annotated[
        Literal["PASS", "INCONCLUSIVE"],
        Field(
            description="PASS if its receipts are complete, else INCONCLUSIVE. An experiment never has the verdict FAIL; requirements have."
        ),
    ]
    reason: Annotated[str, Field(description="The first receipt that is not ok, or that all receipts are ok.")]
    fault: Annotated[Fault, Field(description="What the experiment did.")]
    restore: Annotated[RestoreRecord, Field(description="The state of the target after the experiment.")]
    recovery_s: Annotated[Operations, Field(description="Recovery of reads and writes.")]
    writes_acknowledged: Annotated[Count, Field(description="Number of writes acknowledged during the observation.")]
    writes_lost: Annotated[
        Count | None, Field(description="Acknowledged writes that are missing at the end; null: not verified.")
    ]
    writes_unsure: Annotated[
        Count | None,
        Field(
            description="Number of writes of unknown outcome that are missing at the end; they count neither as lost nor as kept. null: not verified."
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
        Count, Field(description="Number of answered reads right after an acknowledgement, during the observation.")
    ]
    reads_stale: Annotated[
        Count | None,
        Field(description="Number of these reads that did not find the complete write; null: no read was made."),
    ]
    failed_probes: Annotated[
        tuple[FailedProbes, ...],
        Field(
            description="Failed probes under the fault and in the null run (traffic without a fault); only the difference is attributed to the fault."
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
            description="Requests per second of the routes and regions with too few requests for the usual rule; they are judged by consecutive failures."
        ),
    ]


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseRecord(Record):
    """The release receipt: whether the planned release served the requests."""

    planned: Annotated[str, Field(description="The release under test, as in `release`.")]
    verified: Annotated[
        bool | None,
        Field(
            description="true: every observation shows the planned release; false: another release answered or ran; null: unknown."
        ),
    ]
    why: Annotated[str, Field(description="The reason, in one sentence.")]
    observed: Annotated[
        Mapping[str, int], Field(description="Number of answers to users, by the release that they named.")
    ]
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
    why: Annotated[str, Field(description="The last measurement, in words.")]


@dataclass(frozen=True, kw_only=True, slots=True)
class MachineRecord(Record):
    """The machine that the harness shares with its target."""

    ok: Annotated[
        bool,
        Field(
            description="false: the machine lacked processor time, so latencies, recoveries and errors of a sandbox cannot prove a FAIL; or it slept, was paused or its wall clock was set, so figures of that time prove neither PASS nor FAIL."
        ),
    ]
    why: Annotated[str, Field(description="The reason, in one sentence.")]
    late_share: Annotated[
        Number | None,
        Field(
            description="Share of the seconds in which the control service, which only answers, was slow or failed; without a control service in which the watch sent a probe late; null: not watched."
        ),
    ]
    waited_share: Annotated[
        Number | None, Field(description="Share of the time in which work waited for a processor; null: unknown.")
    ]
    stolen_share: Annotated[
        Number | None, Field(description="Share of the processor time that other machines took; null: unknown.")
    ]
    target_share: Annotated[
        Number | None, Field(description="Share of all processors that the target used; null: unknown.")
    ]
    harness_share: Annotated[
        Number | None,
        Field(
            description="Share of all processors that the harness and the other parts of a sandbox used; null: unknown."
        ),
    ]
    others_share: Annotated[
        Number | None,
        Field(
            description="Share of all processors that other programs and other machines of the host used; null: unknown."
        ),
    ]


@dataclass(frozen=True, kw_only=True, slots=True)
class HarmRecord(Record):
    """Measured harm that no claim judges."""

    harm: Annotated[str, Field(description="`writes lost`, `writes there twice`, `events with another value`…")]
    count: Annotated[Count, Field(description="Number of cases, such as writes or events.", ge=1)]


@dataclass(frozen=True, kw_only=True, slots=True)
class LedgerRecord(Record):
    """Counts of the writes of the run, compared with its final reads. null: not verified; `why` gives the reason."""

    attempted: Annotated[Count, Field(description="Number of writes.")]
    acknowledged: Annotated[Count, Field(description="Number of acknowledged writes.")]
    lost: Annotated[
        Count | None,
        Field(
            description="Number of acknowledged writes that are missing or have another value in the database, at the entry or in a region that was "
            "read; null: not verified."
        ),
    ]
    wrong: Annotated[
        Count | None,
        Field(
            description="Number of writes read with another value; acknowledged writes among them are also lost; null: not verified."
        ),
    ]
    missing: Annotated[
        Mapping[str, int], Field(description="Number of lost writes by source: `database`, `entry` or a region.")
    ]
    recovered: Annotated[
        Count | None,
        Field(description="Number of writes of unknown outcome that exist at the end; null: not verified."),
    ]
    unsure: Annotated[
        Count | None,
        Field(
            description="Number of writes of unknown outcome that are missing at the end; they count neither as lost nor as kept; null: not verified."
        ),
    ]
    unexpected: Annotated[
        Count | None, Field(description="Number of refused writes that exist at the end; null: not verified.")
    ]
    twice: Annotated[
        Count | None, Field(description="Number of writes with more than one row in one read; null: not verified.")
    ]
    reads: Annotated[Count, Field(description="Number of answered reads right after an acknowledgement.")]
    stale: Annotated[
        Count | None,
        Field(description="Number of these reads that did not find the complete write; null: no read was made."),
    ]
    why: Annotated[str, Field(description="Why the ledger is not complete; empty if it is complete.")]


@dataclass(frozen=True, kw_only=True, slots=True)
class PipelineRecord(Record):
    """Counts of events: an accepted event must become visible once and complete. null: not verified; `why` gives the reason."""

    sent: Annotated[Count, Field(description="Number of events.")]
    accepted: Annotated[Count, Field(description="Number of accepted events.")]
    lost: Annotated[
        Count | None,
        Field(
            description="Number of accepted events that were not visible at the end, after the time allowed for an event; null: not verified."
        ),
    ]
    twice: Annotated[Count | None, Field(description="Events that were visible more than once; null: not verified.")]
    wrong: Annotated[
        Count | None, Field(description="Events that were visible with another value; null: not verified.")
    ]
    unsure: Annotated[
        Count | None,
        Field(
            description="Number of events that were not visible at the end and had an unknown outcome or were accepted shortly before the end, or that could not be read because no query was recorded. null: not verified."
        ),
    ]
    visible_p50_s: Annotated[
        Number | None,
        Field(description="Median from accepted to visible, s; an event that never became visible counts as infinite."),
    ]
    visible_p95_s: Annotated[
        Number | None, Field(description="95th percentile of the time from accepted to visible, s.")
    ]
    why: Annotated[str, Field(description="Why the record of events is not complete; empty if it is complete.")]


@dataclass(frozen=True, kw_only=True, slots=True)
class WatcherRecord(Record):
    """One watcher of one part of the platform."""

    name: Annotated[
        str,
        Field(description="`entry`, `regions us-east-1`, `ledger`, `replicas pg-0`, `pods`, `pipeline`, `alerts`."),
    ]
    spacing_ms: Annotated[Seconds, Field(description="Planned spacing of its probes.")]
    n: Annotated[Count, Field(description="Number of probes.")]
    first_ns: Annotated[
        int | None,
        Field(description="Due time of its first probe, by the run's monotonic clock; null: no probe was recorded."),
    ]
    last_ns: Annotated[int | None, Field(description="Due time of its last probe; null: no probe was recorded.")]
    longest_gap_ms: Annotated[
        Number | None,
        Field(description="Longest time between two probes; null: fewer than two probes, or no schedule."),
    ]
    blind_s: Annotated[
        Seconds,
        Field(
            description="Total length of gaps over 250 ms and over its spacing, which count neither as up nor as down, in s."
        ),
    ]
    closed: Annotated[bool, Field(description="Whether it ended normally.")]
    why: Annotated[str, Field(description="The defect of its record; empty: no defect.")]
