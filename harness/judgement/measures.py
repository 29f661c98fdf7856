"""One objective against the evidence: the case, the three-way comparison, and the measure that says it to people."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from harness.errors import UsageError
from harness.judgement.stats.statistics import FAIL_CONFIDENCE, Bounds
from harness.model import (
    Claim,
    Evidence,
    Measure,
    Objective,
    Op,
    Outcome,
    Plan,
    Quantity,
    Receipt,
    Window,
    fault_free_name,
)

HINTS: Final[Mapping[str, str]] = {
    "load": "use more workers or a quieter machine, then run again",
    "watch": "let the watchers run undisturbed on a quieter machine, then run again",
    "fault": "read the experiment's chaos.log, fix what kept the fault from going in, then run again",
    "restore": "find out what is not as before, bring it back with `readiness recover`, then run again",
}
"""What to do next where a receipt does not hold."""

TOGETHER: Final = "find out what came at those moments, or let the traffic run longer, then run again"
"""What to do next where too few episodes were seen."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One objective of one claim, with the plan and the evidence to judge it by."""

    plan: Plan
    evidence: Evidence
    claim: Claim
    objective: Objective

    @property
    def scaled(self) -> Quantity:
        """The limit under the target's time scale."""
        return self.objective.limit.scaled(self.plan.time_scale)

    @property
    def quantile(self) -> float:
        """The quantile of the objective; the median where it names none."""
        return 0.5 if self.objective.quantile is None else self.objective.quantile

    @property
    def window(self) -> Window | None:
        """The window before the first fault of the objective's traffic; of the longest one where it names none."""
        name = self.objective.scope.traffic
        fault_free = [w for w in self.evidence.fault_free(name) if w.name == fault_free_name(w.traffic)]
        return max(fault_free, key=lambda w: (w.seconds, w.traffic), default=None)

    @property
    def experiments(self) -> tuple[str, ...]:
        """The experiments that the objective speaks of: as named, else those of its fault domains."""
        scope = self.objective.scope
        return scope.experiments or tuple(
            sorted(name for name, planned in self.plan.experiments.items() if planned.domain in scope.domains)
        )

    @property
    def wanted(self) -> str:
        """The limit in words: `below 4 h (240 s at scale 60)`."""
        objective = self.objective
        words = {Op.BELOW: f"below {objective.limit}", Op.AT_LEAST: f"at least {objective.limit}"}
        text = words.get(objective.op, limit_text(objective))
        scaled = self.scaled
        return text if scaled == objective.limit else f"{text} ({scaled} at scale {self.plan.time_scale:g})"

    @property
    def hint(self) -> str:
        """Where to look when the target fell short."""
        return f"`readiness why {self.claim.requirement}` shows the evidence; fix the platform, then run again"


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """The numbers of a measure, unrounded; each as the field of Measure with the same name."""

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


def six(value: float | None) -> float | None:
    """Six significant digits, the same on every machine; None for what is not a finite number. The one place that rounds."""
    return None if value is None or not math.isfinite(value) else float(f"{value:.6g}")


def said(value: float, unit: str) -> str:
    """A figure for people: `41.2 ms`, `0.097 %`, `22.4 s`."""
    if not math.isfinite(value):
        return "unknown" if math.isnan(value) else "without bound"
    return f"{value * 100:.4g} %" if unit == "ratio" else f"{value:.4g} {unit}".rstrip()


def limit_text(objective: Objective) -> str:
    """The limit as the document says it, with its tolerance."""
    return f"{objective.limit} ± {objective.tolerance}" if objective.tolerance else str(objective.limit)


def held(op: Op, bounds: Bounds, limit: float, tolerance: float | None = None) -> Outcome:
    """PASS when the bound on the bad side is inside the limit, FAIL when the bound on the good side is outside, else INCONCLUSIVE.

    Raises:
        UsageError: the comparison is not one of figures.
    """
    if bounds.n == 0:
        return Outcome.INCONCLUSIVE
    if op is Op.BELOW:
        inside, outside = bounds.high < limit, bounds.fail_low >= limit
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


def unmet(outcome: Outcome, receipts: Mapping[str, Receipt], fail_needs: tuple[str, ...] = ()) -> str:
    """The first receipt without which this outcome cannot stand: PASS needs all, FAIL those in `fail_needs`; empty: it stands."""
    needs = {Outcome.PASS: tuple(receipts), Outcome.FAIL: fail_needs}.get(outcome, ())
    return next((key for key in needs if key in receipts and receipts[key].ok is not True), "")


def measure(
    case: Case,
    name: str,
    outcome: Outcome,
    reason: str,
    *,
    scope: Mapping[str, str] | None = None,
    hint: str = "",
    figures: Figures | None = None,
    limit: str = "",
    op: Op | None = None,
) -> Measure:
    """Put a measure together and round its figures."""
    objective, figures = case.objective, figures or Figures()
    return Measure(
        name=name,
        scope=dict(scope or {}),
        sentence=objective.sentence,
        at=objective.at,
        value=six(figures.value),
        unit=figures.unit,
        op=(op or objective.op).value,
        limit=limit or limit_text(objective),
        scaled_limit=six(figures.scaled_limit),
        low=six(figures.low),
        high=six(figures.high),
        confidence=figures.confidence,
        n=figures.n,
        n_needed=None if outcome is Outcome.FAIL else figures.n_needed,  # a FAIL has all it needs
        resolution=six(figures.resolution),
        method=figures.method,
        receipts=figures.receipts,
        outcome=outcome,
        reason=reason,
        hint="" if outcome is Outcome.PASS else hint or case.hint,
        files=figures.files,
    )


def inconclusive(case: Case, name: str, reason: str, hint: str, *, scope: Mapping[str, str] | None = None) -> Measure:
    """A measure without a figure, because there is nothing to make one of."""
    return measure(case, name, Outcome.INCONCLUSIVE, reason, hint=hint, scope=scope)


def not_falsifiable(case: Case, name: str, why: str, *, scope: Mapping[str, str] | None = None) -> Measure:
    """Rule 10: this run could not have failed the objective."""
    hint = "let the run watch for as long as the limit says"
    return measure(case, name, Outcome.NOT_ASSESSED, f"not falsifiable here: {why}", hint=hint, scope=scope)


def bounded(
    case: Case,
    name: str,
    bounds: Bounds,
    outcome: Outcome,
    *,
    unit: str,
    subject: str,
    n_needed: int | None,
    scope: Mapping[str, str],
    receipts: Mapping[str, Receipt],
    fail_needs: tuple[str, ...] = (),
    detail: str = "",
    files: tuple[str, ...] = (),
) -> Measure:
    """A measure of a figure with bounds, after its receipts were looked at; `subject` is what it is of, for people."""
    receipt = unmet(outcome, receipts, fail_needs)
    head = f"{subject} is {said(bounds.value, unit)}"
    if receipt:
        outcome, hint = Outcome.INCONCLUSIVE, HINTS[receipt]
        reason = f"{head}, expected {case.wanted}, but {receipts[receipt].why}"
    elif not bounds.n:
        outcome, reason = Outcome.INCONCLUSIVE, f"no probe of {subject} was recorded, expected {case.wanted}"
        hint = "find out from its log why it was not probed, then run again"
    elif outcome is Outcome.INCONCLUSIVE:
        more = f"at least {n_needed}" if n_needed and n_needed > bounds.n else "more"
        few = bounds.why or f"{bounds.n} looks are too few to tell, {more} would be needed"
        reason = (
            f"{head}, between {said(bounds.low, unit)} and {said(bounds.high, unit)}, expected {case.wanted}: {few}"
        )
        hint = TOGETHER if bounds.why else f"let the traffic run longer ({more} looks), then run again"
    else:
        reason, hint = f"{head} ({_bound(outcome, case.objective.op, bounds, unit)}), expected {case.wanted}", ""
    return measure(
        case,
        name,
        outcome,
        reason + (f"; {detail}" if detail else ""),
        scope=scope,
        hint=hint,
        figures=Figures(
            value=bounds.value,
            low=bounds.low,
            high=bounds.high,
            scaled_limit=case.scaled.in_unit(unit),
            confidence=None if bounds.claim and outcome is not Outcome.FAIL else bounds.confidence,
            n=bounds.n,
            n_needed=n_needed,
            unit=unit,
            method=bounds.method,
            receipts=receipts,
            files=files,
        ),
    )


def _bound(outcome: Outcome, op: Op, bounds: Bounds, unit: str) -> str:
    """The bound that decided, in words: of a PASS that on the bad side, of a FAIL that on the good side."""
    passed = outcome is Outcome.PASS
    sure = f"{100 * (bounds.confidence if passed else FAIL_CONFIDENCE):g}"
    low, high = (bounds.low, bounds.high) if passed else (bounds.fail_low, bounds.fail_high)
    if op is Op.WITHIN:
        text = f"between {said(low, unit)} and {said(high, unit)}"
    else:
        text = f"at most {said(high, unit)}" if passed is (op is Op.BELOW) else f"at least {said(low, unit)}"
    return f"{text} {bounds.claim if passed and bounds.claim else f'with {sure} % confidence'}, n {bounds.n}"
