"""The results of the judge: measures with bounds and receipts, verdicts, and one decision."""

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
    """Base class of results with a reason and a hint."""

    __slots__ = ()
    because: Reason

    @property
    def reason(self) -> str:
        """The sentence of the reason."""
        return self.because.sentence

    @property
    def hint(self) -> str:
        """What to do next."""
        return self.because.hint


@dataclass(frozen=True, kw_only=True, slots=True)
class Receipt:
    """Evidence that a condition of a verdict was met, such as that the fault took effect.

    Attributes:
        ok: whether the condition was met; None: unknown.
        why: reason in one sentence of at most `LONGEST` characters (`shortened`).
        files: files with the evidence, relative to the run directory.
        hint: what to do if the receipt is not ok; empty: the usual hint for this receipt.
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
class WorstRequest:
    """One of the requests for which a figure failed.

    Attributes:
        trace_id: trace id that the request carried, 32 hexadecimal digits; None: its journey set the trace id itself.
        window: name of the window in which it was due.
        route: name of the route.
        at_s: due time in seconds since the first window opened.
        took_ms: time from the due time to the answer or the failure, in ms.
        status: HTTP status; 0 without an answer.
        error: kind of failure; None: answered as expected.
    """

    trace_id: str | None
    window: str
    route: str
    at_s: float
    took_ms: float
    status: int
    error: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Measure(Explained):
    """One figure of one objective.

    Attributes:
        name: name of the figure, such as `response time p95`.
        scope: scope of the figure by word, such as `route`, `region`, `experiment` or `phase`.
        sentence: sentence of the objective.
        at: `file:line` of the sentence.
        value: measured value in `unit`; None without a measurement.
        unit: unit of value, limit, low and high: ms, s, ratio, or empty.
        op: comparison with the limit.
        limit: limit as written in the document, such as `200 ms`.
        scaled_limit: applied limit in `unit`; None for checks.
        tolerance: half the width of `limit ± tolerance` in `unit`; None without a tolerance.
        times: lengths of time in the sentence, each as written and as used.
        low: one-sided lower bound at `confidence`; None for an exact or descriptive figure.
        high: one-sided upper bound at `confidence`; None for an exact or descriptive figure.
        confidence: confidence of each bound; None without bounds.
        n: number of samples; None if it does not matter.
        n_needed: number of samples that the claim needs; None if it does not matter.
        resolution: resolution of the value in `unit`; None for an exact value.
        method: method of value and bounds.
        receipts: receipts that apply, by name: `fault`, `load`, `watch`, `restore`.
        outcome: PASS, FAIL, INCONCLUSIVE or NOT ASSESSED.
        because: reason for the outcome; without a hint for PASS.
        files: files with the evidence, relative to the run directory.
        excess: proving bound of a FAIL as a multiple of the limit; None: computed from the other fields.
        fail_low: one-sided lower bound at 99.75 %, which decides on a FAIL and on a difference between runs.
        fail_high: one-sided upper bound at 99.75 %, which decides on a FAIL and on a difference between runs.
        amount: size of a fact that is a count or a share; None for other facts.
        worst_requests: of a FAIL, the requests that took longest among those for which it failed; empty: no request carried a trace id.
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
    worst_requests: tuple[WorstRequest, ...] = ()


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
    """The result of one requirement, which is the result of its worst claim.

    `waiver` is the waiver for the requirement, also if it does not cover the result.
    """

    requirement: str
    outcome: Outcome
    because: Reason
    claims: tuple[ClaimVerdict, ...]
    attempts: int = 1
    waiver: Waiver | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class DecisionReason:
    """One reason of the decision.

    It is about a requirement that did not pass, or about the run (`requirement` empty, `outcome` None).
    """

    because: Reason
    requirement: str = ""
    outcome: Outcome | None = None

    @property
    def sentence(self) -> str:
        """The reason as text: `ND-KPI-P95 FAIL: response time …`."""
        head = f"{self.requirement} {self.outcome.value}: " if self.outcome else ""
        return head + self.because.sentence


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """The decision on the release.

    Attributes:
        outcome: outcome of the decision.
        headline: decision line, such as `GO for sandbox · profile core · 1.0.0 · 25 passed · 0 not assessed`.
        because: reasons of the decision, worst first.
        score: share of gating requirements that passed, for trends only.
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
    """All results of the judge for one run.

    Attributes:
        decision: decision on the release.
        verdicts: results of the requirements.
        experiments: results of the experiments.
        traffic: results of the windows of traffic.
        missing: files that are missing, truncated or edited, as `file: why`.
        watchers: results of the watchers.
        ledger: result of the ledger.
        pipeline: result of the events.
        windows: windows, ordered by time.
        unjudged: periods that no rule judges.
        journeys: results of users' journeys.
        doors: uptime of each region's own entry.
        release: release that served.
        steady_end: whether the target was steady at the end.
        unjudged_harm: lost, duplicated, changed or stale data that no claim judges.
        machine: state of the machine that harness and target share; None: they share none.
        for_people: records that no rule uses, with the reason.
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
