"""Compares one objective with the evidence: builds the case, the outcome and the measure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from harness.errors import UsageError
from harness.judgement.stats.statistics import Bounds, least_n
from harness.judgement.wording import about, between_bounds, deciding_bound, fail_bound, formatted, limit_text
from harness.model import (
    NOT_DECIDED,
    Claim,
    Evidence,
    Measure,
    Objective,
    Op,
    Outcome,
    Phase,
    Plan,
    Quantity,
    Reason,
    ReasonKind,
    Receipt,
    Verdict,
    Window,
    fault_free_name,
)

HINTS: Final[Mapping[str, str]] = {
    "load": "raise `workers` in loadtests/*.yaml, or run again on a machine with nothing else to do",
    "watch": "run again on a machine with nothing else to do, so that the watchers are not delayed",
    "fault": "correct the cause that the experiment's chaos.log in the run directory shows, then run again",
    "restore": "restore the target with `readiness recover --target FILE`, then run again",
    "report": "let the load tool write the report again, for this release and this target, then run again",
}
"""Hints for receipts that are not ok and have no own hint."""

_KINDS: Final[Mapping[Outcome, ReasonKind]] = {
    Outcome.PASS: ReasonKind.AS_EXPECTED,
    Outcome.FAIL: ReasonKind.NOT_AS_EXPECTED,
    Outcome.INCONCLUSIVE: ReasonKind.TOO_FEW,
    Outcome.NOT_ASSESSED: ReasonKind.NOT_FALSIFIABLE,
    Outcome.WAIVED: ReasonKind.WAIVED,
}
"""The default kind of a reason by outcome."""

_CLOSED: Final = "closed"
"""The load model whose users wait for their answers."""
VAGUE: Final = 0.5
"""If the bounds of a share are further apart than this, a message does not show them."""
TOGETHER: Final = "find the cause of the bad samples on the run's page (`readiness.html`), correct it, then run again"
"""The hint if the bad samples are clustered."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One objective of one claim, with the plan and the evidence; `verdicts`: of the requirements that are already judged."""

    plan: Plan
    evidence: Evidence
    claim: Claim
    objective: Objective
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)

    @property
    def scaled(self) -> Quantity:
        """The limit; a scaled limit is divided by the target's time scale."""
        return self.objective.limit.at_scale(self.plan.time_scale)

    @property
    def quantile(self) -> float:
        """The quantile of the objective; the median if it names none."""
        return 0.5 if self.objective.quantile is None else self.objective.quantile

    @property
    def window(self) -> Window | None:
        """The window before the first fault of the objective's traffic, or of the longest traffic."""
        name = self.objective.scope.traffic
        fault_free = [w for w in self.evidence.fault_free(name) if w.name == fault_free_name(w.traffic)]
        return max(fault_free, key=lambda w: (w.seconds, w.traffic), default=None)

    @property
    def experiments(self) -> tuple[str, ...]:
        """The experiments that the objective names; if it names none, all experiments of its fault domains."""
        scope = self.objective.scope
        return scope.experiments or tuple(
            sorted(name for name, planned in self.plan.experiments.items() if planned.domain in scope.domains)
        )

    @property
    def expected(self) -> str:
        """The limit in words: `below 4 h (240 s at scale 60)`."""
        objective = self.objective
        compared = objective.op in (Op.BELOW, Op.AT_MOST, Op.AT_LEAST)
        text = f"{objective.op.removeprefix('is ')} {objective.limit}" if compared else limit_text(objective)
        scaled = self.scaled
        return text if scaled == objective.limit else f"{text} ({scaled} at scale {self.plan.time_scale:g})"

    @property
    def hint(self) -> str:
        """What to do when the target missed the limit."""
        return f"`readiness why {self.claim.requirement}` shows the evidence; fix the platform, then run again"


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """The numbers of a measure; each is the field of Measure of the same name."""

    value: float | None = None
    low: float | None = None
    high: float | None = None
    scaled_limit: float | None = None
    confidence: float | None = None
    n: int | None = None
    n_needed: int | None = None
    resolution: float | None = None
    unit: str = ""
    method: str = ""
    receipts: Mapping[str, Receipt] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    excess: float | None = None
    fail_low: float | None = None
    fail_high: float | None = None


def held(op: Op, bounds: Bounds, limit: float, tolerance: float | None = None) -> Outcome:
    """PASS if the bad-side bound is inside the limit, FAIL if the good-side bound is outside.

    Anything else is INCONCLUSIVE.

    Raises:
        UsageError: figures cannot be compared by this operator.
    """
    if bounds.n == 0:
        return Outcome.INCONCLUSIVE
    if op is Op.BELOW:
        inside, outside = bounds.high < limit, bounds.fail_low >= limit
    elif op is Op.AT_MOST:
        inside, outside = bounds.high <= limit, bounds.fail_low > limit
    elif op is Op.AT_LEAST:
        inside, outside = bounds.low >= limit, bounds.fail_high < limit
    elif op is Op.WITHIN and tolerance is not None:
        least, most = limit - tolerance, limit + tolerance
        inside = least <= bounds.low and bounds.high <= most
        outside = bounds.fail_low > most or bounds.fail_high < least
    else:
        raise UsageError(f"a figure with bounds cannot be judged by {op.value!r}")
    if inside:
        return Outcome.PASS
    return Outcome.FAIL if outside else Outcome.INCONCLUSIVE


def because(outcome: Outcome, text: str, hint: str = "", *, kind: ReasonKind | None = None) -> Reason:
    """A reason; by default the outcome determines its kind."""
    return Reason(kind=kind or _KINDS[outcome], text=text, hint=hint)


def settled(
    outcome: Outcome,
    own: Reason,
    receipts: Mapping[str, Receipt],
    fail_needs: tuple[str, ...] = (),
    *,
    prefix: str = "",
) -> tuple[Outcome, Reason]:
    """An outcome after its receipts, with its reason.

    A PASS becomes INCONCLUSIVE if a receipt is not ok, a FAIL if a receipt of `fail_needs` is not ok; an unknown load changes no FAIL. If the
    outcome already is INCONCLUSIVE, the receipt becomes the reason instead of too few samples, as more samples would not decide.

    Args:
        outcome: outcome by the figures alone.
        own: the reason if the receipts do not change the outcome.
        receipts: receipts by name.
        fail_needs: names of the receipts that a FAIL needs.
        prefix: beginning of a receipt's reason; by default the text of `own`.
    """
    failed = outcome is Outcome.FAIL
    voids = {
        key for key, one in receipts.items() if one.ok is False or (one.ok is None and not (failed and key == "load"))
    }
    name = next((key for key in (fail_needs if failed else receipts) if key in voids), "")
    if not name:
        return outcome, own
    receipt = receipts[name]
    text, hint = f"{prefix or own.text}{NOT_DECIDED}{receipt.why}", receipt.hint or HINTS[_of_receipt(name).value]
    return Outcome.INCONCLUSIVE, Reason(kind=_of_receipt(name), text=text, hint=hint)


def _of_receipt(name: str) -> ReasonKind:
    """The kind of reason for a receipt; a receipt that is not in HINTS belongs to a watch."""
    return ReasonKind(name) if name in HINTS else ReasonKind.WATCH


def measure(
    case: Case,
    name: str,
    outcome: Outcome,
    reason: Reason,
    *,
    scope: Mapping[str, str] | None = None,
    figures: Figures | None = None,
    limit: str = "",
    op: Op | None = None,
) -> Measure:
    """Build a measure of the case's objective."""
    objective, figures = case.objective, figures or Figures()
    return Measure(
        name=name,
        scope={**(scope or {}), **case.plan.size_of(objective.scope.traffic)},
        sentence=objective.sentence,
        at=objective.at,
        value=figures.value,
        unit=figures.unit,
        op=(op or objective.op).value,
        limit=limit or limit_text(objective),
        scaled_limit=figures.scaled_limit,
        tolerance=objective.tolerance.in_unit(figures.unit) if objective.tolerance and figures.unit else None,
        low=figures.low,
        high=figures.high,
        times=objective.lengths(case.plan.time_scale),
        confidence=figures.confidence,
        n=figures.n,
        n_needed=None if outcome is Outcome.FAIL else figures.n_needed,  # a FAIL has all it needs
        resolution=figures.resolution,
        method=_of_its_model(case, figures),
        receipts=figures.receipts,
        outcome=outcome,
        because=replace(reason, hint="" if outcome is Outcome.PASS else reason.hint or case.hint),
        files=figures.files,
        excess=figures.excess,
        fail_low=figures.fail_low,
        fail_high=figures.fail_high,
    )


def _of_its_model(case: Case, figures: Figures) -> str:
    """The method of a figure; names a closed model, whose users send a slow target fewer requests."""
    planned = case.plan.traffic.get(case.objective.scope.traffic or "")
    if planned is None or planned.model != _CLOSED or figures.value is None or _CLOSED in figures.method:
        return figures.method
    return "; ".join(filter(None, (figures.method, f"{_CLOSED} model")))


def inconclusive(
    case: Case,
    name: str,
    why: str,
    hint: str,
    *,
    kind: ReasonKind = ReasonKind.NO_RECORD,
    scope: Mapping[str, str] | None = None,
) -> Measure:
    """An INCONCLUSIVE measure without a figure, as there is no data."""
    return measure(case, name, Outcome.INCONCLUSIVE, Reason(kind=kind, text=why, hint=hint), scope=scope)


def not_falsifiable(case: Case, name: str, why: str, *, scope: Mapping[str, str] | None = None) -> Measure:
    """A NOT ASSESSED measure (rule 10): this run could not have failed the objective."""
    text, hint = (
        f"this run could not have failed the sentence: {why}",
        "lengthen the observation to at least the limit, then run again",
    )
    return measure(case, name, Outcome.NOT_ASSESSED, because(Outcome.NOT_ASSESSED, text, hint), scope=scope)


def bounded(
    case: Case,
    name: str,
    bounds: Bounds,
    *,
    unit: str,
    subject: str,
    unsure: bool = False,
    n_needed: int | None = None,
    scope: Mapping[str, str],
    receipts: Mapping[str, Receipt],
    fail_needs: tuple[str, ...] = (),
    detail: str = "",
    files: tuple[str, ...] = (),
    counted: str = "requests",
) -> Measure:
    """A measure of a figure with bounds, after its receipts; `subject` names the figure in the reason.

    A decided measure has `n_needed`, an undecided measure the number of samples that would decide at the measured rate. `counted` names the samples.
    If it is unknown which samples count (`unsure`), the measure is INCONCLUSIVE for any bounds.
    """
    tolerance = case.objective.tolerance.in_unit(unit) if case.objective.tolerance else None
    outcome = Outcome.INCONCLUSIVE if unsure else held(case.objective.op, bounds, case.scaled.in_unit(unit), tolerance)
    head = f"{subject} is {formatted(bounds.value, unit)}"
    ahead = _ahead(case, bounds, unit, counted) if outcome is Outcome.INCONCLUSIVE and bounds.n else None
    absent = f"{subject} was not measured, expected {case.expected}"
    own = _by_bounds(
        case, bounds, outcome, head, f"{absent}{NOT_DECIDED}no {counted} were recorded", unit=unit, ahead=ahead
    )
    measured = f"{head}, expected {case.expected}" if bounds.n else absent
    outcome, reason = settled(outcome, own, receipts, fail_needs, prefix=measured)
    return measure(
        case,
        name,
        outcome,
        replace(reason, text=_detailed(reason.text, detail)) if detail else reason,
        scope=scope,
        figures=Figures(
            value=bounds.value,
            low=bounds.low,
            high=bounds.high,
            scaled_limit=case.scaled.in_unit(unit),
            confidence=None if bounds.claim and outcome is not Outcome.FAIL else bounds.confidence,
            n=bounds.n,
            n_needed=ahead.n if ahead else n_needed,
            unit=unit,
            method=bounds.method,
            receipts=receipts,
            files=files,
            fail_low=bounds.fail_low,
            fail_high=bounds.fail_high,
            excess=bounds.over if outcome is Outcome.FAIL and case.objective.op in (Op.BELOW, Op.AT_MOST) else None,
        ),
    )


def _detailed(text: str, detail: str) -> str:
    """The text of a reason with a detail of the figure, before the cause for which it is not decided."""
    measured, words, cause = text.partition(NOT_DECIDED)
    return f"{measured}; {detail}{words}{cause}"


def _by_bounds(
    case: Case, bounds: Bounds, outcome: Outcome, head: str, absent: str, *, unit: str, ahead: _Ahead | None
) -> Reason:
    """The reason of an outcome by the bounds alone."""
    if not bounds.n or (ahead is None and outcome is Outcome.INCONCLUSIVE):
        hint = (
            "read in load/*/locust.log or watch/*.log of the run why nothing was recorded, correct it, then run again"
        )
        return Reason(kind=ReasonKind.NO_RECORD, text=absent, hint=hint)
    if ahead is None:
        bound = deciding_bound(outcome, case.objective.op, bounds, unit)
        return because(outcome, f"{head} ({bound}), expected {case.expected}")
    between = between_bounds(bounds.low, bounds.high, unit)
    if unit == "ratio" and bounds.high - bounds.low > VAGUE and bounds.low < case.scaled.in_unit(unit) < bounds.high:
        between = f" in this window (its bounds are over {100 * VAGUE:g} points apart)"
    few = f"{bounds.why}. {ahead.why[0].upper()}{ahead.why[1:]}" if bounds.why else ahead.why
    kind = ReasonKind.CLUSTERED if bounds.clustered and bounds.why else ReasonKind.TOO_FEW
    return Reason(kind=kind, text=f"{head}{between}, expected {case.expected}{NOT_DECIDED}{few}", hint=ahead.hint)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Ahead:
    """The evidence that would decide an undecided figure at the measured rate.

    Attributes:
        n: number of samples that would decide; None: no number decides, or the number is unknown.
        why: why the present evidence is not enough.
        hint: what to do next.
    """

    n: int | None
    why: str
    hint: str


def _ahead(case: Case, bounds: Bounds, unit: str, counted: str) -> _Ahead:
    """Compute with the judge's own bounds whether more samples at the same rate would pass, fail, or decide nothing."""
    op, limit = case.objective.op, case.scaled.in_unit(unit)
    tolerance = case.objective.tolerance.in_unit(unit) if case.objective.tolerance else None

    def decided(outcome: Outcome) -> int | None:
        return least_n(bounds, lambda longer: held(op, longer, limit, tolerance) is outcome)

    if bounds.longer is None:
        why = f"{bounds.n} {counted} are too few to decide"
        return _Ahead(n=None, why=why, hint=TOGETHER if bounds.why else f"{_longer(case)}, then run again")
    if n := decided(Outcome.PASS):
        why = f"{bounds.n} {counted} are too few to decide, about {about(n)} at this rate would prove PASS"
        longer = f"{_longer(case)} until about {about(n)} {counted} are recorded, then run again"
        return _Ahead(n=n, why=why, hint=TOGETHER if bounds.why else longer)
    if n := decided(Outcome.FAIL):
        why = f"about {about(n)} {counted} at this rate would prove FAIL{fail_bound(op, bounds, unit)}"
        return _Ahead(n=n, why=why, hint=case.hint)
    why = f"no number of {counted} at this rate would decide"
    if (op in (Op.BELOW, Op.AT_MOST) and bounds.value > limit) or (op is Op.AT_LEAST and bounds.value < limit):
        why = "the figure is beyond the limit in this window, and a longer window would not show how often that happens"
    return _Ahead(n=None, why=why, hint=TOGETHER)


def _longer(case: Case) -> str:
    """How to record more samples."""
    if case.objective.scope.phase is not Phase.STEADY:
        return "lengthen this phase of the run"
    return f"lengthen the load (`for` in loadtests/{case.objective.scope.traffic or '*'}.yaml)"
