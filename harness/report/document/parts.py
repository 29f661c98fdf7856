"""The parts of `verdict.json` as types, which define name, meaning and allowed values of each field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from harness.model import ReasonKind

Count = Annotated[int, Field(ge=0)]
Number = float
Seconds = Annotated[Number, Field(ge=0)]
Span = tuple[Number, Number]
Verdict = Literal["PASS", "FAIL", "INCONCLUSIVE", "WAIVED", "NOT_ASSESSED"]


class Record:
    """Base of the JSON objects; unknown keys are not allowed."""

    __slots__ = ()
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")


@dataclass(frozen=True, kw_only=True, slots=True)
class ReceiptRecord(Record):
    """One receipt: a proof that a part of the run was as planned."""

    ok: Annotated[bool | None, Field(description="true: proven; false: disproven; null: unknown.")]
    why: Annotated[str, Field(description="The reason, in one sentence.")]
    files: Annotated[tuple[str, ...], Field(description="Where the evidence is, relative to the run directory.")]


@dataclass(frozen=True, kw_only=True, slots=True)
class MeasureReceipts(Record):
    """The proofs that load, watch, fault and restore were as planned; null: the proof does not apply."""

    fault: Annotated[ReceiptRecord | None, Field(description="The fault was read back from the target.")]
    load: Annotated[ReceiptRecord | None, Field(description="The generators offered the planned load on time.")]
    watch: Annotated[ReceiptRecord | None, Field(description="The watchers probed without a gap.")]
    restore: Annotated[
        ReceiptRecord | None, Field(description="The target was restored to its earlier state afterwards.")
    ]


@dataclass(frozen=True, kw_only=True, slots=True)
class LengthRecord(Record):
    """One length of time in a sentence. Its kind, not its length, decides whether it is scaled."""

    name: Annotated[str, Field(description="Its role in the sentence: `limit`, `window`, `older than`.")]
    said: Annotated[str, Field(description="As written in the sentence: `4 h`.")]
    scaled: Annotated[
        bool,
        Field(description="Whether it is divided by the target's time scale, as every RTO, RPO, window and schedule."),
    ]
    used_s: Annotated[Number, Field(description="The length that the judge used, in seconds.")]


@dataclass(frozen=True, kw_only=True, slots=True)
class WorstRequestRecord(Record):
    """One of the ten requests that took longest among those for which a figure failed."""

    trace_id: Annotated[
        str | None,
        Field(
            description="Trace id that the request carried in the header `traceparent`; null: the journey set the header itself.",
            pattern="^[0-9a-f]{32}$",
        ),
    ]
    window: Annotated[str, Field(description="The window in which it was due, as in `windows`.")]
    route: Annotated[str, Field(description="Name of its route.")]
    at_s: Annotated[Number, Field(description="Due time, in s since the first window opened.")]
    took_ms: Annotated[Seconds, Field(description="Time from its due time to its answer or failure, in ms.")]
    status: Annotated[Count, Field(description="HTTP status; 0: no answer.")]
    error: Annotated[str | None, Field(description="Kind of failure; null: answered as expected.")]


@dataclass(frozen=True, kw_only=True, slots=True)
class MeasureRecord(Record):
    """One measured figure, or one fact, of one Then sentence."""

    name: Annotated[
        str,
        Field(
            description="What is measured: `response time p95`, `recovery of writes`, `lost writes`, or the name of a check."
        ),
    ]
    scope: Annotated[
        Mapping[str, str],
        Field(
            description="What the figure covers and when: traffic, phase, route, region, replica, experiment, operation, pod, subject…"
        ),
    ]
    sentence: Annotated[str, Field(description="The Then sentence as written.")]
    at: Annotated[str, Field(description="`file:line` of the sentence.")]
    verdict: Annotated[Verdict, Field(description="Verdict of this figure alone.")]
    reason: Annotated[str, Field(description="What was observed and what was expected.")]
    reason_kind: Annotated[ReasonKind, Field(description="Kind of the reason that decided.")]
    hint: Annotated[str, Field(description="What to do next; empty if nothing has to be done.")]
    value: Annotated[
        Number | None,
        Field(description="The measured value, in `unit`; null if nothing could be measured, and for facts."),
    ]
    unit: Annotated[
        str,
        Field(
            description="Unit of value, low, high, scaled_limit and resolution: `ms`, `s`, `ratio` (0 to 1), or empty for a count."
        ),
    ]
    op: Annotated[
        Literal["is below", "is at least", "is within", "holds"],
        Field(description="How the value is compared with the limit."),
    ]
    limit: Annotated[
        str,
        Field(
            description="The limit as the document states it, unscaled: `200 ms`, `4 h`, `60 % ± 5 points`; for a fact, what was expected."
        ),
    ]
    scaled_limit: Annotated[
        Number | None,
        Field(
            description="The limit of the comparison in `unit`; a scaled limit is divided by the target's time scale; null for facts."
        ),
    ]
    tolerance: Annotated[
        Number | None, Field(description="Half the width of `limit ± tolerance`, in `unit`; null: no tolerance.")
    ]
    times: Annotated[
        tuple[LengthRecord, ...],
        Field(description="Every length of time in the sentence, with the length that the judge used."),
    ]
    low: Annotated[Number | None, Field(description="One-sided lower bound at `confidence`; null: no bound.")]
    high: Annotated[Number | None, Field(description="One-sided upper bound at `confidence`; null: no bound.")]
    confidence: Annotated[
        Annotated[Number, Field(gt=0, lt=1)] | None,
        Field(description="Confidence of each bound; null: no bound."),
    ]
    fail_low: Annotated[
        Number | None,
        Field(description="One-sided lower bound at 99.75 %, the confidence that a FAIL needs; null: no bound."),
    ]
    fail_high: Annotated[
        Number | None,
        Field(description="One-sided upper bound at 99.75 %, the confidence that a FAIL needs; null: no bound."),
    ]
    n: Annotated[
        Count | None,
        Field(description="Number of samples, such as requests, probes or writes; null: the number does not matter."),
    ]
    n_needed: Annotated[
        Count | None, Field(description="Number of samples that the claim needs; null: the number does not matter.")
    ]
    resolution: Annotated[
        Number | None,
        Field(description="Measurement uncertainty of the value, ±, in `unit`; null: the value is exact."),
    ]
    method: Annotated[str, Field(description="Method by which value and bounds were computed.")]
    receipts: Annotated[MeasureReceipts, Field(description="The proofs that this figure needs.")]
    files: Annotated[tuple[str, ...], Field(description="Where the evidence is, relative to the run directory.")]
    worst_requests: Annotated[
        tuple[WorstRequestRecord, ...],
        Field(
            description="Of a FAIL by requests that carried trace ids: the ten that took longest, the longest first. Not there for every other figure.",
            max_length=10,
        ),
    ] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class RequirementRecord(Record):
    """One requirement of the chosen profiles, in catalogue order."""

    id: Annotated[str, Field(description="Id in the catalogue: `ND-KPI-P95`.")]
    profile: Annotated[str, Field(description="The catalogue file that defines it.")]
    title: Annotated[str, Field(description="The requirement in a few words.")]
    criterion: Annotated[str, Field(description="What is required, as one sentence.")]
    gate: Annotated[
        Literal["critical", "major", "record"],
        Field(description="Whether a FAIL stops the release: critical and major do, record never does."),
    ]
    form: Annotated[
        Literal["measured", "derived", "ingested", "attested"],
        Field(
            description="Origin of its verdict: measured on the target, derived from other requirements, read from reports of other tools, or attested by a person."
        ),
    ]
    verdict: Annotated[Verdict, Field(description="The worst verdict of its scenarios, or WAIVED.")]
    reason: Annotated[str, Field(description="What was observed and what was expected, or why nothing was observed.")]
    reason_kind: Annotated[
        ReasonKind,
        Field(description="Kind of the reason that decided; of several reasons the kind closest to the cause."),
    ]
    hint: Annotated[str, Field(description="What to do next; empty if nothing has to be done.")]
    kinds: Annotated[
        tuple[Literal["L", "X", "C", "I", "S", "A", "D"], ...],
        Field(
            description="Possible sources of its evidence, preferred first: L load, X experiment, C check of the live target, "
            "I ingested report, S static files, A attested, D derived."
        ),
    ]
    scenarios: Annotated[tuple[str, ...], Field(description="The scenarios that test it, as `file:line: name`.")]
    not_tried: Annotated[
        tuple[str, ...],
        Field(
            description="Kinds of experiments in the criterion that the run did not try and on which the profile does not gate; a PASS does not cover them. Empty: every kind was tried."
        ),
    ]
    attempts: Annotated[Count, Field(description="Number of times its evidence was gathered.")]
    measures: Annotated[tuple[MeasureRecord, ...], Field(description="The figures of all its scenarios, in order.")]


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts(Record):
    """Requirements by verdict."""

    PASS: Annotated[Count, Field(description="The criterion is met.")]
    FAIL: Annotated[Count, Field(description="The criterion is not met.")]
    INCONCLUSIVE: Annotated[Count, Field(description="The evidence is not sufficient to decide.")]
    WAIVED: Annotated[Count, Field(description="A named person accepts the result until a date.")]
    NOT_ASSESSED: Annotated[
        Count,
        Field(description="The criterion cannot be measured on this target, or could not have failed in this run."),
    ]


@dataclass(frozen=True, kw_only=True, slots=True)
class Recovery(Record):
    """How reads, writes or one group of users' requests recovered from a fault."""

    seconds: Annotated[
        Seconds | None,
        Field(
            description="Time from the fault to the recovery, the first success of 5 s in which the service is as good as usual: the error rate is not above the "
            "larger of the promised rate and the rate before the fault, and 95 % of the answers are within the promised response time; deviations by "
            "chance are allowed. 0: no client was affected; null: not recovered."
        ),
    ]
    resolution: Annotated[
        Seconds | None, Field(description="Measurement uncertainty of `seconds`, ±, in s; null: unbounded.")
    ]
    observed: Annotated[Seconds, Field(description="Length of the observation, s.")]
    on_heal: Annotated[
        bool,
        Field(
            description="true: the service recovered only after the fault was undone, which does not count as a recovery."
        ),
    ]
    outages: Annotated[tuple[Span, ...], Field(description="Periods of failures, as [start, end] in s from the fault.")]
    stalls: Annotated[
        tuple[Span, ...],
        Field(description="Periods in which probes were answered late and before their timeout; they are no outages."),
    ]
    way_back: Annotated[
        tuple[Span, ...],
        Field(
            description="Outages after the undo and before the restore, in the form of `outages`; the limit of the recovery applies to each."
        ),
    ]
    way_back_observed: Annotated[
        Seconds, Field(description="Length of the observation after the undo, s; 0: nothing was undone.")
    ]
    way_back_ended: Annotated[
        bool, Field(description="false: the last outage after the undo had not ended when the requests ended.")
    ]
    why: Annotated[str, Field(description="Further remarks on the recovery; may be empty.")]


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault(Record):
    """The fault of an experiment: the affected objects, and when it was visible."""

    targets: Annotated[tuple[str, ...], Field(description="Names of the objects that the fault hit.")]
    sent: Annotated[bool, Field(description="Whether the first action was sent.")]
    confirmed_after_s: Annotated[
        Number | None,
        Field(
            description="Time at which the target showed the fault, in s after the fault was sent; null: the fault was not confirmed."
        ),
    ]
    seen_by_client_after_s: Annotated[
        Number | None,
        Field(description="Time of the first failed read or write, in s after the fault was sent; null: none failed."),
    ]


@dataclass(frozen=True, kw_only=True, slots=True)
class RestoreRecord(Record):
    """Whether the target was restored to its earlier state after the fault."""

    ok: Annotated[bool | None, Field(description="null: not verified.")]
    after_s: Annotated[
        Number | None,
        Field(description="Time of the restore, in s after the fault was sent; null: not measured."),
    ]


@dataclass(frozen=True, kw_only=True, slots=True)
class Operations(Record):
    """Recovery of reads and of writes."""

    reads: Annotated[
        Recovery | None,
        Field(description="Recovery of reads, measured by the prober of the entry; null: not observed."),
    ]
    writes: Annotated[
        Recovery | None, Field(description="Recovery of writes, measured by the write ledger; null: not observed.")
    ]


@dataclass(frozen=True, kw_only=True, slots=True)
class FailedProbes(Record):
    """Share (0 to 1) of one operation's probes that failed."""

    operation: Annotated[Literal["reads", "writes"], Field(description="The operation.")]
    null_run: Annotated[
        Number | None,
        Field(
            description="Share of failed probes in the fault-free windows and in the null run (traffic without a fault); null: no probe was recorded."
        ),
    ]
    under_fault: Annotated[
        Number | None,
        Field(
            description="Share of failed probes from the fault to the end of the observation; null: no probe was recorded."
        ),
    ]
    difference: Annotated[
        Number | None, Field(description="`under_fault` minus `null_run`; null if one of them is null.")
    ]
