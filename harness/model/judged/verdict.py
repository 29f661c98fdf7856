"""The results of the judge: measures with bounds and receipts, verdicts, one decision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.model.judged.harm import UnjudgedHarm
from harness.model.judged.outcome import DecisionOutcome, Outcome
from harness.model.judged.overview import (
    DoorResult,
    JourneyResult,
    MachineResult,
    ReleaseResult,
    Unjudged,
    WindowResult,
)
from harness.model.judged.reason import LONGEST, Reason, shortened
from harness.model.judged.results import ExperimentResult, LedgerResult, PipelineResult, TrafficResult, WatcherResult
from harness.model.planned.quantity import Length
from harness.model.planned.scenario import Scenario
from harness.model.planned.statement import Waiver
from harness.model.records.evidence import Steady
from harness.model.records.facts import FactAmount


class Explained:
    """Base of results that have a reason: its sentence and its hint."""

    __slots__ = ()
    because: Reason

    @property
    def reason(self) -> str:
        """The sentence of its reason."""
        return self.because.sentence

    @property
    def hint(self) -> str:
        """What to do next."""
        return self.because.hint


@dataclass(frozen=True, kw_only=True, slots=True)
class Receipt:
    """Evidence that a condition of a verdict was met, such as that the fault took effect.

    Attributes:
        ok: True, False, or None for unknown.
        why: one sentence; bounded (`shortened`).
        files: the evidence, relative to the run directory.
        hint: what to do if it is not ok; empty: the usual hint for receipts of its name.
    """

    ok: bool | None
    why: str
    files: tuple[str, ...] = ()
    hint: str = ""

    def __post_init__(self) -> None:
        """Shorten the sentence: reasons repeat it."""
        if len(self.why) > LONGEST:
            object.__setattr__(self, "why", shortened(self.why))


@dataclass(frozen=True, kw_only=True, slots=True)
class Measure(Explained):
    """One figure of one objective.

    Attributes:
        name: `response time p95`.
        scope: `route`, `region`, `replica`, `experiment`, `operation`, `phase`…: the words that apply.
        sentence, at: the objective's.
        value: as measured in `unit`; None when nothing could be.
        unit: of value, limit, low and high: ms, s, ratio, or empty.
        op: the objective's.
        limit: as written in the document, `200 ms`. scaled_limit: the limit that was applied, in `unit`; None for checks.
        tolerance: half the width of `limit ± tolerance`, in `unit`; None if there is none.
        times: every length of time in the sentence: as written, whether it is scaled, and the value that was used.
        low, high: one-sided bounds at `confidence` each; None if the figure is exact or descriptive.
        confidence: of each bound; None if there is none.
        n, n_needed: number of samples that there were, and that the claim needs; None if their number does not matter.
        resolution: of the value in `unit`; None if exact.
        method: how value and bounds were made.
        receipts: `fault`, `load`, `watch`, `restore`: those that apply.
        outcome: PASS, FAIL, INCONCLUSIVE or NOT ASSESSED of this figure.
        because: why it has this outcome; without a hint on PASS.
        files: the evidence, relative to the run directory.
        excess: of a FAIL, the bound that proves it as a multiple of the limit; None: computed from the other fields.
        fail_low, fail_high: one-sided bounds at 99.75 % each, which decide on a FAIL and on a difference between two runs.
        amount: of a fact that is a count or a share; None for other facts.
    """

    name: str
    scope: Mapping[str, str]
    sentence: str
    at: str
    value: float | None
    unit: str
    op: str
    limit: str
    scaled_limit: float | None = None
    tolerance: float | None = None
    times: tuple[Length, ...] = ()
    low: float | None = None
    high: float | None = None
    confidence: float | None = None
    n: int | None = None
    n_needed: int | None = None
    resolution: float | None = None
    method: str = ""
    receipts: Mapping[str, Receipt] = field(default_factory=dict)
    outcome: Outcome
    because: Reason
    files: tuple[str, ...] = ()
    excess: float | None = None
    fail_low: float | None = None
    fail_high: float | None = None
    amount: FactAmount | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ClaimVerdict(Explained):
    """The result of one scenario: the measures of each of its Then sentences, in order."""

    scenario: Scenario
    requirement: str
    outcome: Outcome
    because: Reason
    measures: tuple[tuple[Measure, ...], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict(Explained):
    """The result of one requirement: the worst of its claims. `waiver`: the waiver for it, whether or not it covers the result."""

    requirement: str
    outcome: Outcome
    because: Reason
    claims: tuple[ClaimVerdict, ...]
    attempts: int = 1
    waiver: Waiver | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class DecisionReason:
    """One reason of the decision: a requirement that did not pass, or a fact about the run (`requirement` empty, `outcome` None)."""

    because: Reason
    requirement: str = ""
    outcome: Outcome | None = None

    @property
    def sentence(self) -> str:
        """`ND-KPI-P95 FAIL: response time …`."""
        head = f"{self.requirement} {self.outcome.value}: " if self.outcome else ""
        return head + self.because.sentence


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """The decision on the release.

    Attributes:
        headline: `GO for sandbox · profile core · 1.0.0 · 25 passed · 0 not assessed`.
        because: the reasons of the decision, worst first.
        score: share of gating requirements that passed, for trend only.
    """

    outcome: DecisionOutcome
    headline: str
    because: tuple[DecisionReason, ...]
    score: float

    @property
    def reasons(self) -> tuple[str, ...]:
        """The sentences of the reasons."""
        return tuple(reason.sentence for reason in self.because)


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """Everything the judge reports of a run.

    Attributes:
        missing: files that are gone, cut short or edited, as `file: why`.
        windows: every window, in order of time. unjudged: stretches of time that no rule judges.
        journeys: users with a failed or slow request. doors: uptime of each region's own entry. release: the release receipt.
        steady_end: whether the target was steady at the end.
        machine: the machine that the target shared with the harness; None: the target has its own.
        unjudged_harm: data that was lost, duplicated, changed or stale, and that no claim judges.
        for_people: records on which no rule decides, with the reason.
    """

    decision: Decision
    verdicts: tuple[Verdict, ...]
    experiments: tuple[ExperimentResult, ...]
    traffic: tuple[TrafficResult, ...]
    missing: tuple[str, ...]
    watchers: tuple[WatcherResult, ...] = ()
    ledger: LedgerResult | None = None
    pipeline: PipelineResult | None = None
    windows: tuple[WindowResult, ...] = ()
    unjudged: tuple[Unjudged, ...] = ()
    journeys: tuple[JourneyResult, ...] = ()
    doors: tuple[DoorResult, ...] = ()
    release: ReleaseResult | None = None
    steady_end: Steady | None = None
    unjudged_harm: tuple[UnjudgedHarm, ...] = ()
    machine: MachineResult | None = None
    for_people: tuple[str, ...] = ()
