"""One objective against the evidence: the case, the three-way comparison, the measure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from harness.errors import UsageError
from harness.judgement.stats.statistics import FAIL_CONFIDENCE, Bounds, least_n
from harness.judgement.wording import about, between_bounds, formatted, limit_text
from harness.model import (
    Claim,
    Evidence,
    Measure,
    Objective,
    Op,
    Outcome,
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
    "load": "use more workers or a quieter machine, then run again",
    "watch": "let the watchers run undisturbed on a quieter machine, then run again",
    "fault": "read the experiment's chaos.log, fix what kept the fault from going in, then run again",
    "restore": "find out what is not as before, bring it back with `readiness recover --target FILE`, then run again",
}
"""Hints for receipts that are not ok and have no hint of their own."""

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
TOGETHER: Final = "find out what happened at those moments, or let the traffic run longer, then run again"
"""The hint if too few episodes were observed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One objective of one claim, with the plan and the evidence to judge it by; `verdicts` are those of requirements that were judged before."""

    plan: Plan
    evidence: Evidence
    claim: Claim
    objective: Objective
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)

    @property
    def scaled(self) -> Quantity:
        """The limit divided by the target's time scale, where it applies."""
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
        """The experiments of the objective: as named, else those of its fault domains."""
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
        """What to examine when the target missed the limit."""
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
        UsageError: the comparison is not one of figures.
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
    """A reason; its kind defaults to that of the outcome."""
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

    A PASS becomes INCONCLUSIVE if one of its receipts is not ok, and a FAIL if one of `fail_needs` is not ok, except for a load that is unknown. If the
    outcome already is INCONCLUSIVE, the receipt becomes the reason instead of too few samples, as more samples would not decide.

    Args:
        outcome: by the figures alone.
        own: the reason if the receipts do not change the outcome.
        receipts: by name.
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
    text, hint = f"{prefix or own.text}, but {receipt.why}", receipt.hint or HINTS[_of_receipt(name).value]
    return Outcome.INCONCLUSIVE, Reason(kind=_of_receipt(name), text=text, hint=hint)


def _of_receipt(name: str) -> ReasonKind:
    """The kind of the reason that a receipt gives; a receipt of any other name belongs to a watch."""
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
    """The method of a figure; for a closed model it says so, as users who wait for answers send a slow target fewer requests."""
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
    """A measure without a figure, as there is no data for one."""
    return measure(case, name, Outcome.INCONCLUSIVE, Reason(kind=kind, text=why, hint=hint), scope=scope)


def not_falsifiable(case: Case, name: str, why: str, *, scope: Mapping[str, str] | None = None) -> Measure:
    """Rule 10: this run could not have failed the objective."""
    text, hint = (
        f"the sentence could not fail in this run: {why}",
        "let the run watch for at least as long as the limit",
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

    The measure has `n_needed` if it is decided; if not, the number of samples that would decide if the rate stays. `counted` is what n counts.
    If it is `unsure` which samples count, the measure is INCONCLUSIVE whatever its bounds are.
    """
    tolerance = case.objective.tolerance.in_unit(unit) if case.objective.tolerance else None
    outcome = Outcome.INCONCLUSIVE if unsure else held(case.objective.op, bounds, case.scaled.in_unit(unit), tolerance)
    head = f"{subject} is {formatted(bounds.value, unit)}"
    ahead = _ahead(case, bounds, unit, counted) if outcome is Outcome.INCONCLUSIVE and bounds.n else None
    absent = f"there is no {subject}, expected {case.expected}"
    own = _by_bounds(case, bounds, outcome, head, f"{absent}: no {counted} were recorded", unit=unit, ahead=ahead)
    measured = f"{head}, expected {case.expected}" if bounds.n else absent
    outcome, reason = settled(outcome, own, receipts, fail_needs, prefix=measured)
    return measure(
        case,
        name,
        outcome,
        replace(reason, text=f"{reason.text}; {detail}") if detail else reason,
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


def _by_bounds(
    case: Case, bounds: Bounds, outcome: Outcome, head: str, absent: str, *, unit: str, ahead: _Ahead | None
) -> Reason:
    """The reason of an outcome by the bounds alone."""
    if not bounds.n or (ahead is None and outcome is Outcome.INCONCLUSIVE):
        hint = "find out the reason from the log of the program that sends them, then run again"
        return Reason(kind=ReasonKind.NO_RECORD, text=absent, hint=hint)
    if ahead is None:
        bound = _bound(outcome, case.objective.op, bounds, unit)
        return because(outcome, f"{head} ({bound}), expected {case.expected}")
    between = between_bounds(bounds.low, bounds.high, unit)
    if unit == "ratio" and bounds.high - bounds.low > VAGUE and bounds.low < case.scaled.in_unit(unit) < bounds.high:
        between = ", but this window does not show what it is at other times"
    few = "; ".join(filter(None, [bounds.why, ahead.why]))
    kind = ReasonKind.CLUSTERED if bounds.clustered and bounds.why else ReasonKind.TOO_FEW
    return Reason(kind=kind, text=f"{head}{between}, expected {case.expected}: {few}", hint=ahead.hint)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Ahead:
    """What would decide a figure that is not decided, if its rate stays.

    Attributes:
        n: number of samples that would decide; None: no number decides, or the number is unknown.
        why: which evidence is not enough. hint: what to do next.
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
        why = f"{bounds.n} {counted} are too few to decide, more would be needed"
        return _Ahead(n=None, why=why, hint=TOGETHER if bounds.why else "let the traffic run longer, then run again")
    if n := decided(Outcome.PASS):
        why = f"{bounds.n} {counted} are too few to decide, about {about(n)} would prove PASS if the rate stays"
        longer = f"let the traffic run longer (about {about(n)} {counted}), then run again"
        return _Ahead(n=n, why=why, hint=TOGETHER if bounds.why else longer)
    never = "no length gives a PASS if the rate stays"
    if n := decided(Outcome.FAIL):
        why = f"{_fail_bound(op, bounds, unit)}{never}; about {about(n)} {counted} would prove FAIL"
        return _Ahead(n=n, why=why, hint=f"{case.hint}; about {about(n)} {counted} would prove FAIL")
    why = f"no number of {counted} at this rate would decide"
    if (op in (Op.BELOW, Op.AT_MOST) and bounds.value > limit) or (op is Op.AT_LEAST and bounds.value < limit):
        why = "the figure is beyond the limit in this window, and a longer window would not show how often that happens"
    return _Ahead(n=None, why=why, hint=TOGETHER)


def _fail_bound(op: Op, bounds: Bounds, unit: str) -> str:
    """The bound that decides a FAIL, which is still on the good side of the limit, in words."""
    sure = f"{100 * FAIL_CONFIDENCE:g} % confidence"
    if op in (Op.BELOW, Op.AT_MOST):
        return f"FAIL is decided by the lower bound with {sure}, {formatted(bounds.fail_low, unit)}; "
    if op is Op.AT_LEAST:
        return f"FAIL is decided by the upper bound with {sure}, {formatted(bounds.fail_high, unit)}; "
    return ""


def _bound(outcome: Outcome, op: Op, bounds: Bounds, unit: str) -> str:
    """The deciding bound in words: the bad-side bound of a PASS, the good-side bound of a FAIL."""
    passed = outcome is Outcome.PASS
    sure = f"{100 * (bounds.confidence if passed else FAIL_CONFIDENCE):g}"
    low, high = (bounds.low, bounds.high) if passed else (bounds.fail_low, bounds.fail_high)
    if op is Op.WITHIN:
        text = f"between {formatted(low, unit)} and {formatted(high, unit)}"
    else:
        text = (
            f"at most {formatted(high, unit)}"
            if passed is (op in (Op.BELOW, Op.AT_MOST))
            else f"at least {formatted(low, unit)}"
        )
    return f"{text} {bounds.claim if passed and bounds.claim else f'with {sure} % confidence'}, n {bounds.n}"
