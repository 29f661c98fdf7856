"""The parts of `verdict.json` as types: what a field is called, what it means and what it may hold is written here and nowhere else."""

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
    """A JSON object with exactly its own keys."""

    __slots__ = ()
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")


@dataclass(frozen=True, kw_only=True, slots=True)
class ReceiptRecord(Record):
    """One proof."""

    ok: Annotated[bool | None, Field(description="true: proven; false: disproven; null: unknown.")]
    why: Annotated[str, Field(description="One sentence.")]
    files: Annotated[tuple[str, ...], Field(description="Where the evidence is, relative to the run directory.")]


@dataclass(frozen=True, kw_only=True, slots=True)
class MeasureReceipts(Record):
    """The proofs that load, watch, fault and restore really were what the plan says; null where one does not apply."""

    fault: Annotated[ReceiptRecord | None, Field(description="The fault was read back from the target.")]
    load: Annotated[ReceiptRecord | None, Field(description="The generators offered what the plan says, on time.")]
    watch: Annotated[ReceiptRecord | None, Field(description="The watchers probed without a gap.")]
    restore: Annotated[ReceiptRecord | None, Field(description="The target was as before afterwards.")]


@dataclass(frozen=True, kw_only=True, slots=True)
class LengthRecord(Record):
    """One length of time of a sentence. Its kind decides whether it is scaled, never how long it is."""

    name: Annotated[str, Field(description="What it is in the sentence: `limit`, `window`, `older than`.")]
    said: Annotated[str, Field(description="As the sentence says it: `4 h`.")]
    scaled: Annotated[
        bool,
        Field(
            description="Whether it is of a kind that is divided by the target's time scale: an RTO, an RPO, a window or a schedule."
        ),
    ]
    used_s: Annotated[Number, Field(description="What was used, in seconds.")]


@dataclass(frozen=True, kw_only=True, slots=True)
class MeasureRecord(Record):
    """One figure of one Then sentence."""

    name: Annotated[
        str,
        Field(
            description="What is measured: `response time p95`, `recovery of writes`, `lost writes`, or the name of a check."
        ),
    ]
    scope: Annotated[
        Mapping[str, str],
        Field(
            description="Of what and when: traffic, phase, route, region, replica, experiment, operation, pod, subject…"
        ),
    ]
    sentence: Annotated[str, Field(description="The Then sentence as written.")]
    at: Annotated[str, Field(description="`file:line` of the sentence.")]
    verdict: Annotated[Verdict, Field(description="Of this figure alone.")]
    reason: Annotated[str, Field(description="What was observed and what was expected.")]
    reason_kind: Annotated[ReasonKind, Field(description="What decided.")]
    hint: Annotated[str, Field(description="What to do next; empty where nothing has to be done.")]
    value: Annotated[
        Number | None,
        Field(description="As measured, in `unit`; null where nothing could be measured, and for facts."),
    ]
    unit: Annotated[
        str,
        Field(
            description="Of value, low, high, scaled_limit and resolution: `ms`, `s`, `ratio` (0 to 1), or empty for a count."
        ),
    ]
    op: Annotated[
        Literal["is below", "is at least", "is within", "holds"],
        Field(description="How the value is compared with the limit."),
    ]
    limit: Annotated[
        str,
        Field(
            description="As the document states it, unscaled: `200 ms`, `4 h`, `60 % ± 5 points`; for a fact, what was expected."
        ),
    ]
    scaled_limit: Annotated[
        Number | None,
        Field(
            description="What the value was compared with, in `unit`, after the target's time scale; null for facts."
        ),
    ]
    tolerance: Annotated[
        Number | None, Field(description="Half the width of `limit ± tolerance`, in `unit`; null where there is none.")
    ]
    times: Annotated[
        tuple[LengthRecord, ...], Field(description="Every length of time in the sentence, and what was made of it.")
    ]
    low: Annotated[Number | None, Field(description="One-sided lower bound at `confidence`; null where there is none.")]
    high: Annotated[
        Number | None, Field(description="One-sided upper bound at `confidence`; null where there is none.")
    ]
    confidence: Annotated[
        Annotated[Number, Field(gt=0, lt=1)] | None, Field(description="Of each bound; null where there is none.")
    ]
    fail_low: Annotated[
        Number | None,
        Field(description="One-sided lower bound at 99.75 %, as a FAIL takes; null where there is none."),
    ]
    fail_high: Annotated[
        Number | None,
        Field(description="One-sided upper bound at 99.75 %, as a FAIL takes; null where there is none."),
    ]
    n: Annotated[
        Count | None,
        Field(description="Number of samples: requests, probes, writes; null where it does not matter."),
    ]
    n_needed: Annotated[
        Count | None, Field(description="Number of samples that the claim needs; null where it does not matter.")
    ]
    resolution: Annotated[
        Number | None, Field(description="How exactly the value is known, in `unit`; null where it is exact.")
    ]
    method: Annotated[str, Field(description="How value and bounds were computed.")]
    receipts: Annotated[MeasureReceipts, Field(description="The proofs that this figure needs.")]
    files: Annotated[tuple[str, ...], Field(description="Where the evidence is, relative to the run directory.")]


@dataclass(frozen=True, kw_only=True, slots=True)
class RequirementRecord(Record):
    """One requirement of the chosen profiles, in catalogue order."""

    id: Annotated[str, Field(description="As in the catalogue: `ND-KPI-P95`.")]
    profile: Annotated[str, Field(description="The catalogue file that defines it.")]
    title: Annotated[str, Field(description="A few words.")]
    criterion: Annotated[str, Field(description="What must hold, as one sentence.")]
    gate: Annotated[
        Literal["critical", "major", "record"],
        Field(description="Whether it stops a release: critical and major do, record never."),
    ]
    form: Annotated[
        Literal["measured", "derived", "ingested", "attested"],
        Field(
            description="How its verdict is formed: measured on the target, derived from other requirements, read from other tools' reports, or vouched for by a person."
        ),
    ]
    verdict: Annotated[Verdict, Field(description="The worst of its scenarios, or WAIVED.")]
    reason: Annotated[str, Field(description="What was observed and what was expected, or why nothing was.")]
    reason_kind: Annotated[
        ReasonKind, Field(description="What decided; of several reasons the one closest to the cause.")
    ]
    hint: Annotated[str, Field(description="What to do next; empty where nothing has to be done.")]
    kinds: Annotated[
        tuple[Literal["L", "X", "C", "I", "S", "A", "D"], ...],
        Field(
            description="Where its evidence may come from, preferred first: L load, X experiment, C check of the live target, "
            "I ingested report, S static files, A attested, D derived."
        ),
    ]
    scenarios: Annotated[tuple[str, ...], Field(description="The scenarios that claim it, as `file:line: name`.")]
    not_tried: Annotated[
        tuple[str, ...],
        Field(
            description="Kinds of experiments that the criterion names, that the run did not try and on which the profile does not gate: a PASS is one in part. Empty: it was tried whole."
        ),
    ]
    attempts: Annotated[Count, Field(description="How often its evidence was gathered.")]
    measures: Annotated[tuple[MeasureRecord, ...], Field(description="The figures of all its scenarios, in order.")]


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts(Record):
    """Requirements by verdict."""

    PASS: Annotated[Count, Field(description="The criterion is met.")]
    FAIL: Annotated[Count, Field(description="The criterion is not met.")]
    INCONCLUSIVE: Annotated[Count, Field(description="The evidence is not sufficient.")]
    WAIVED: Annotated[Count, Field(description="Excused by a person, by name and with an expiry.")]
    NOT_ASSESSED: Annotated[Count, Field(description="No means here, or it could not have failed here.")]


@dataclass(frozen=True, kw_only=True, slots=True)
class Recovery(Record):
    """How reads, writes or one group of the users' requests came back."""

    seconds: Annotated[
        Seconds | None,
        Field(
            description="From the fault sent to the first success of 5 s in which no more fail than before the fault, or than the run "
            "promises, and no more than 1 in 20 is later than the latency that it promises, each as chance explains it, and as it stays to "
            "the end of the observation; 0: no client was affected; null: not back."
        ),
    ]
    resolution: Annotated[Seconds | None, Field(description="Of `seconds`, in s; null: without bound.")]
    observed: Annotated[Seconds, Field(description="How long was observed, s.")]
    on_heal: Annotated[
        bool, Field(description="It came back only after the fault was undone, which does not count as a recovery.")
    ]
    outages: Annotated[
        tuple[Span, ...], Field(description="Stretches of failures, as [start, end] in s from the fault sent.")
    ]
    stalls: Annotated[
        tuple[Span, ...],
        Field(description="Stretches in which probes were answered late, but before their timeout: no outages."),
    ]
    way_back: Annotated[
        tuple[Span, ...],
        Field(
            description="Outages after the undo and before the restore, as `outages`; each has the recovery's limit."
        ),
    ]
    way_back_observed: Annotated[
        Seconds, Field(description="How long it was observed after the undo, s; 0: nothing was undone.")
    ]
    way_back_ended: Annotated[
        bool, Field(description="false: the last outage after the undo had not ended when the requests ended.")
    ]
    why: Annotated[str, Field(description="What else is known of it; may be empty.")]


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault(Record):
    """What was done to the target."""

    targets: Annotated[tuple[str, ...], Field(description="What was hit, by name.")]
    sent: Annotated[bool, Field(description="Whether the first action was sent.")]
    confirmed_after_s: Annotated[
        Number | None,
        Field(description="Until the fault was read back from the target, s from sent; null: it was not."),
    ]
    seen_by_client_after_s: Annotated[
        Number | None, Field(description="Until the first read or write failed, s from sent; null: none did.")
    ]


@dataclass(frozen=True, kw_only=True, slots=True)
class RestoreRecord(Record):
    """Whether the target was as before afterwards."""

    ok: Annotated[bool | None, Field(description="null: not verified.")]
    after_s: Annotated[Number | None, Field(description="s from sent; null: not measured.")]


@dataclass(frozen=True, kw_only=True, slots=True)
class Operations(Record):
    """Recovery of reads and of writes."""

    reads: Annotated[Recovery | None, Field(description="At the entry's prober; null: not observed.")]
    writes: Annotated[Recovery | None, Field(description="At the write ledger; null: not observed.")]


@dataclass(frozen=True, kw_only=True, slots=True)
class FailedProbes(Record):
    """Share (0 to 1) of one operation's probes that failed."""

    operation: Annotated[Literal["reads", "writes"], Field(description="Of what.")]
    null_run: Annotated[
        Number | None, Field(description="In the fault-free windows and the null run; null: no probe was recorded.")
    ]
    under_fault: Annotated[
        Number | None,
        Field(description="From the action sent to the end of the observation; null: no probe was recorded."),
    ]
    difference: Annotated[Number | None, Field(description="`under_fault` less `null_run`; null where one of them is.")]
