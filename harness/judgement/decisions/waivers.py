"""Waivers: a verdict becomes WAIVED if a waiver covers every cause for which it is not PASS."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from harness.errors import UsageError
from harness.judgement.wording import formatted
from harness.model import (
    IN_ORDER,
    FactAmount,
    Measure,
    Op,
    Outcome,
    Plan,
    Quantity,
    Reason,
    ReasonKind,
    Verdict,
    Waiver,
)
from harness.model.judged.harm import UnjudgedHarm

_OF_THE_FIGURE: Final = frozenset({ReasonKind.NOT_AS_EXPECTED, ReasonKind.TOO_FEW, ReasonKind.CLUSTERED})
_ROUNDING: Final = 1e-9
_WHERE: Final = ("route", "region", "replica", "experiment", "operation", "group", "guard", "subject")
_BOTH: Final = 2


def waived(verdict: Verdict, plan: Plan) -> Verdict:
    """The verdict, changed to WAIVED if a waiver covers it; if not, its reason also says why the waiver does not cover it."""
    waiver = next((w for w in plan.waivers if w.waives == verdict.requirement), None)
    if waiver is None or verdict.outcome in IN_ORDER:
        return verdict
    why = waiver.void or _uncovered(waiver, verdict, plan)
    if why:
        text = f"{verdict.because.text}. The waiver {waiver.file} does not cover this verdict: {why}"
        return replace(verdict, because=replace(verdict.because, text=text), waiver=waiver)
    text = f"{waiver.by} accepts {waiver.accepts}{accepted_figures(verdict, waiver)} until {waiver.expires} ({waiver.reason}). Without the waiver: {verdict.because.text}"
    hint = f"correct the cause before the waiver expires on {waiver.expires}; then the verdict counts again"
    because = Reason(kind=ReasonKind.WAIVED, text=text, hint=hint)
    return replace(verdict, outcome=Outcome.WAIVED, because=because, waiver=waiver)


def accepted_harm(harm: Sequence[UnjudgedHarm], plan: Plan) -> dict[UnjudgedHarm, Waiver]:
    """The harm that a valid waiver accepts, with that waiver."""
    found = {}
    for one in harm:
        name = one.harm.value.replace(" ", "-")
        waiver = next((w for w in plan.waivers if w.waives == name and not w.void), None)
        if waiver is not None and one.count <= waiver.count:
            found[one] = waiver
    return found


def _uncovered(waiver: Waiver, verdict: Verdict, plan: Plan) -> str:
    """Why the waiver does not cover the verdict; empty if it does."""
    if waiver.outcome and verdict.outcome != waiver.outcome:
        return f"the verdict is {verdict.outcome.value}, and the waiver accepts {waiver.outcome}"
    lack = plan.lack_of(verdict.requirement)
    if lack is not None and waiver.outcome != Outcome.NOT_ASSESSED:
        return f"a part of the requirement was not assessed: {lack.because.text}"
    measures = [m for claim in verdict.claims for found in claim.measures for m in found]
    if waiver.outcome:
        return next(_not_undecided(waiver, measures), "")
    if not all(claim.measures and all(claim.measures) for claim in verdict.claims):
        return "a sentence of the scenario has no measured figure"  # what was not measured is in no list of figures that fell short
    short = [m for m in measures if m.outcome is not Outcome.PASS]
    if not short:
        return "the verdict has no figure that the waiver could cover"
    return next(_reasons(waiver, short, plan), "")


def accepted_figures(verdict: Verdict, waiver: Waiver) -> str:
    """The undecided figures that a waiver of INCONCLUSIVE accepts, with their bounds, in words; empty for other waivers."""
    if waiver.outcome != Outcome.INCONCLUSIVE:
        return ""
    measures = (m for claim in verdict.claims for found in claim.measures for m in found)
    named = dict.fromkeys(_figure(m) for m in measures if m.outcome is Outcome.INCONCLUSIVE and m.value is not None)
    return f": {'; '.join(named)}" if named else ""


def _figure(measure: Measure) -> str:
    """`error rate 0.08 % (from 0 % to 1.27 %, is below 0.1 %)`."""
    where = " ".join(measure.scope[key] for key in _WHERE if key in measure.scope)
    value = "unknown" if measure.value is None else formatted(measure.value, measure.unit)
    bounds = [formatted(one, measure.unit) for one in (measure.low, measure.high) if one is not None]
    interval = f"from {bounds[0]} to {bounds[1]}, " if len(bounds) == _BOTH else ""
    return f"{' '.join(filter(None, [measure.name, where]))} {value} ({interval}{measure.op} {measure.limit})"


def _not_undecided(waiver: Waiver, measures: Sequence[Measure]) -> Iterator[str]:
    """Why a waiver of an undecided verdict does not cover it: a measure has another outcome, or was measured beyond its limit."""
    for one in measures:
        if one.outcome not in {*IN_ORDER, waiver.outcome}:
            yield f"{one.name} is {one.outcome.value}: {one.because.text}"
        elif one.outcome is Outcome.INCONCLUSIVE and _is_beyond(one):
            yield f"{_figure(one)} was measured beyond its limit, which only a waiver with a bound can accept"


def _is_beyond(measure: Measure) -> bool:
    """Whether the measured figure is beyond its limit, however uncertain it is; without a measured value its lower bound counts."""
    limit, value = measure.scaled_limit, measure.low if measure.value is None else measure.value
    if limit is None or value is None:
        return False
    if measure.op == Op.WITHIN.value:
        return abs(value - limit) > (measure.tolerance or 0.0) + _ROUNDING
    if measure.op == Op.AT_LEAST.value:
        return value < limit
    return value > limit or (value == limit and measure.op == Op.BELOW.value)


def _reasons(waiver: Waiver, short: Iterable[Measure], plan: Plan) -> Iterator[str]:
    for one in short:
        if why := _not_accepted(waiver, one) if waiver.subjects else _beyond(waiver, one, plan):
            yield why


def _not_accepted(waiver: Waiver, measure: Measure) -> str:
    """Why the subjects of a waiver do not cover a measure; empty where it is a fact of one of them.

    A figure has a size, which a subject does not limit: it may be far worse than what was agreed on.
    So has a fact that is a count or a share, such as `tests that failed`: for such a fact the waiver needs a bound beside the subject.
    """
    if measure.value is not None or measure.op != Op.HOLDS.value or "subject" not in measure.scope:
        return f"{measure.name} is {measure.outcome.value} because of a figure, which a waiver accepts with `--bound`, not with `--subject`"
    subject = measure.scope["subject"]
    if subject not in waiver.subjects or measure.outcome is not Outcome.FAIL:
        return f"{subject} is {measure.outcome.value}"
    return "" if measure.amount is None else _beyond_amount(waiver, subject, measure.amount)


def _beyond_amount(waiver: Waiver, subject: str, amount: FactAmount) -> str:
    """Why a fact that is a count or a share is not within the bound of the waiver; empty where it is."""
    if not waiver.bound:
        return f"{subject} is a number, for which the waiver needs a bound: {_accepting(subject, amount)}"
    try:
        limit = Quantity.parse(waiver.bound).in_unit(amount.unit)
    except UsageError as error:
        return f"{subject} has another unit: {error.what}"
    within = amount.value >= limit if amount.at_least else amount.value <= limit
    if within or math.isclose(amount.value, limit, rel_tol=_ROUNDING):
        return ""
    return f"{subject} is {_as_bound(amount)}, and the waiver accepts {'at least' if amount.at_least else 'at most'} {waiver.bound}"


def _accepting(subject: str, amount: FactAmount) -> str:
    """The command options of a waiver that accepts as much as was found."""
    return f'`--subject "{subject}" --bound "{_as_bound(amount)}"` accepts the measured number'


def _as_bound(amount: FactAmount) -> str:
    """The bound that accepts as much as was found, and hardly more: `3`, `89.21 %`."""
    share = amount.unit == "ratio"
    hundredths = round(amount.value * (100 if share else 1) * 100, 6)
    number = (math.floor(hundredths) if amount.at_least else math.ceil(hundredths)) / 100
    return f"{number:.15g} {'%' if share else amount.unit}".rstrip()


def _beyond(waiver: Waiver, measure: Measure, plan: Plan) -> str:
    """Why a figure is not within the bound of the waiver; empty if the figure's own bound on the bad side is within it.

    A waiver with a bound excuses a figure, never incomplete evidence.
    """
    if measure.because.kind not in _OF_THE_FIGURE:
        return f"{measure.name} is {measure.outcome.value} for another reason: {measure.because.text}"
    if measure.amount is not None:
        subject = measure.scope.get("subject", "")
        return f"{subject} is a fact, for which the waiver needs a subject: {_accepting(subject, measure.amount)}"
    broken = next((receipt for receipt in measure.receipts.values() if receipt.ok is not True), None)
    if broken is not None:  # of a FAIL, too: what was found may be a part of what there was
        return f"{measure.name} was not recorded as planned: {broken.why}"
    try:
        accepted = Quantity.parse(waiver.bound, scaled=any(t.scaled for t in measure.times if t.name == "limit"))
        limit = accepted.at_scale(plan.time_scale).in_unit(measure.unit)
    except UsageError as error:
        return f"{measure.name} has another unit: {error.what}"
    if measure.op == Op.WITHIN.value:
        within = _both_sides(measure, limit)
    else:
        above = measure.op == Op.AT_LEAST.value
        worst = _bad_side(measure, measure.low if above else measure.high)
        within = None if worst is None else worst >= limit if above else worst <= limit
    if within is None:
        return f"{measure.name} has no bound to compare with the bound of the waiver"
    return "" if within else f"{measure.name} is not proven within {waiver.bound}"


def _bad_side(measure: Measure, bound: float | None) -> float | None:
    """The bound on the bad side; for an exact figure, which has no bounds at all, the measured value. None: the figure is not limited.

    A figure with one bound only is not limited on the other side, such as an outage that did not end.
    """
    exact = measure.low is None and measure.high is None and measure.confidence is None
    return measure.value if exact else bound


def _both_sides(measure: Measure, accepted: float) -> bool | None:
    """Whether a figure of `limit ± tolerance` is as near to its limit as the accepted value, on both sides; None: a side has no bound."""
    low, high = _bad_side(measure, measure.low), _bad_side(measure, measure.high)
    if low is None or high is None or measure.scaled_limit is None:
        return None
    away = abs(accepted - measure.scaled_limit)
    return measure.scaled_limit - away - _ROUNDING <= low and high <= measure.scaled_limit + away + _ROUNDING
