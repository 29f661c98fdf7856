"""Figures that other people measure, compared with a limit, their baseline or their target."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Final

from harness.drivers.claim import claim
from harness.drivers.facts import FactReading
from harness.drivers.ingest.formats.figures import OutsideFigure, outside_figures
from harness.drivers.ingest.formats.plain import LARGEST_TEXT, shown
from harness.drivers.ingest.formats.provenance import Provenance
from harness.drivers.ingest.reports import YOUNGER, age_of, key_of, parts_of, provenance
from harness.drivers.paper import Asked
from harness.errors import DriverError, UsageError
from harness.model import FactAmount, Quantity

_OUT_OF: Final = re.compile(r"of ([0-9]+(?:\.[0-9]+)?)")
"""The unit of a figure on a scale: `of 5`."""
_PERCENT: Final = 100.0
_SAVED: Final = " below its baseline"


@claim(
    'the figure "<figure:name>" is <bound>[, measured within <within:duration> of the release]'
    "[, from at least <answers:count> answers]" + YOUNGER,
    needs=("evidence.figures.<report>",),
    example='the figure "user_adoption" is at least 90 %, measured within 30 d of the release',
)
def figure_limit(asked: Asked) -> Sequence[FactReading]:
    """A figure against a limit in its unit, or against the baseline or target that its file gives beside it."""
    figure, facts = _figure(asked)
    facts.append(_against(figure, asked.params["bound"]))
    if "within" in asked.params:
        facts.append(_within(asked, figure))
    if "answers" in asked.params:
        facts.append(_answers(int(asked.params["answers"]), figure))
    return facts


def _against(figure: OutsideFigure, bound: str) -> FactReading:
    """The fact that a figure keeps to its bound; one in another unit is not compared."""
    if bound.endswith(_SAVED):
        return _saving(figure, Quantity.parse(bound.removesuffix(_SAVED).removeprefix("at least ")))
    relation, _, name = bound.partition(" its ")
    if name:
        return _beside(figure, relation, name)
    found = re.fullmatch(r"(at least|at most) ([0-9.]+) ?(.*)", bound)
    relation, limit, unit = (found[1], float(found[2]), found[3]) if found else ("", math.nan, "")
    if unit != figure.unit:
        seen = f"{_in_words(figure, figure.value)}: {figure.where} has the unit `{shown(figure.unit)}`, not `{unit}`"
        return FactReading(subject=figure.name, expected=bound, observed=seen, ok=None)
    _on_its_scale(figure, {"value": figure.value}, beyond=limit)
    return _held(figure, relation, "limit", limit, bound)


def _beside(figure: OutsideFigure, relation: str, name: str) -> FactReading:
    """A figure against the baseline or the target that its file gives beside it."""
    limit, expected = figure.baseline if name == "baseline" else figure.target, f"{relation} its {name}"
    if limit is None:
        observed = f"{figure.where} gives no `{name}`"
        return FactReading(subject=figure.name, expected=expected, observed=observed, ok=None)
    _on_its_scale(figure, {"value": figure.value, name: limit})
    return _held(figure, relation, name, limit, f"{expected} {_in_words(figure, limit)}")


def _saving(figure: OutsideFigure, least: Quantity) -> FactReading:
    """How much lower a figure is than the baseline that its file gives beside it."""
    expected = f"at least {least}{_SAVED}"
    if figure.baseline is None or figure.baseline <= 0:
        seen = f"{figure.where} gives no `baseline` above 0"
        return FactReading(subject=figure.name, expected=expected, observed=seen, ok=None)
    _on_its_scale(figure, {"value": figure.value, "baseline": figure.baseline})
    _not_below_zero(figure, "value", figure.value)
    limit = figure.baseline * (1 - least.base)
    below = 100 * (1 - figure.value / figure.baseline)
    seen = f"{_in_words(figure, figure.value)}, {below:.4g} % below {_in_words(figure, figure.baseline)}"
    ok = figure.value < limit or math.isclose(figure.value, limit)
    amount = FactAmount(value=below / 100, unit="ratio", at_least=True)
    return FactReading(subject=figure.name, expected=expected, observed=seen, ok=ok, amount=amount)


def _figure(asked: Asked) -> tuple[OutsideFigure, list[FactReading]]:
    """The figure that the sentence names, and facts about the origin of its file."""
    name = asked.params["figure"]
    parts = parts_of(asked, "figures", outside_figures, lambda _report: Provenance(), LARGEST_TEXT)
    found = [(part, part.report[name]) for part in parts if name in part.report]
    if not found:
        known = sorted({figure for part in parts for figure in part.report})
        hint = f"known are {', '.join(shown(one) for one in known[:20])}"
        raise DriverError(f"has no figure `{shown(name)}`", where=key_of(asked), hint=hint)
    if len(found) > 1:
        files = " and ".join(str(part.path) for part, _figure in found[:2])
        raise DriverError(f"two files give the figure `{shown(name)}`: {files}", where=key_of(asked), hint="keep one")
    part, figure = found[0]
    origin = Provenance(release=figure.release, made=figure.at).completed(part.origin, figure.where)
    return figure, provenance(asked, [(part.path, origin)])


def _on_its_scale(figure: OutsideFigure, numbers: Mapping[str, float], *, beyond: float = 0.0) -> None:
    """Raises DriverError where a number does not fit its unit: `of 5` is from 0 to 5, `%` from 0 to 100.

    What is a growth or a ratio in `%` has no such end; nor has what the file gives no kind of where the sentence asks for more than 100 (`beyond`).
    """
    least, most = _ends(figure, beyond)
    for name, number in numbers.items():
        if not least <= number <= most:
            ends = f"from {least:g} to {most:g}" if most < math.inf else f"{least:g} or more"
            hint = "check its decimal point, or correct the unit if the figure has another scale"
            if figure.unit == "%" and number > most:
                hint = "check its decimal point; a figure that may exceed 100 % needs the `kind` growth or ratio"
            raise DriverError(f"{_in_words(figure, number)} is not {ends}", where=f"{figure.where}: {name}", hint=hint)


def _ends(figure: OutsideFigure, beyond: float) -> tuple[float, float]:
    if scale := _OUT_OF.fullmatch(figure.unit):
        return 0, float(scale[1])
    if figure.unit != "%" or figure.kind == "growth":
        return -math.inf, math.inf
    is_share = figure.kind == "share" or (not figure.kind and beyond <= _PERCENT)
    return 0, _PERCENT if is_share else math.inf


def _not_below_zero(figure: OutsideFigure, name: str, number: float) -> None:
    """Raises DriverError where a number is below 0, in the direction in which nearly any figure holds then."""
    if number < 0:
        hint = "see whether its sign is right: compared this way, a number below 0 decides nothing"
        raise DriverError(f"{_in_words(figure, number)} is below 0", where=f"{figure.where}: {name}", hint=hint)


def _held(figure: OutsideFigure, relation: str, name: str, limit: float, expected: str) -> FactReading:
    at_least = relation == "at least"
    if figure.kind != "growth":
        _not_below_zero(figure, *((name, limit) if at_least else ("value", figure.value)))
    beyond = figure.value > limit if at_least else figure.value < limit
    return FactReading(
        subject=figure.name,
        expected=expected,
        observed=_in_words(figure, figure.value),
        ok=beyond or math.isclose(figure.value, limit),
        amount=_amount(figure, at_least=at_least),
    )


def _amount(figure: OutsideFigure, *, at_least: bool) -> FactAmount:
    """The figure as an amount; for a unit that is not a physical quantity, such as EUR, the bare number."""
    try:
        unit = Quantity(value=figure.value, unit=figure.unit).unit
    except UsageError:
        unit = ""
    return FactAmount(value=figure.value, unit=unit, at_least=at_least)


def _in_words(figure: OutsideFigure, value: float) -> str:
    return f"{value:g} {shown(figure.unit)}".strip()


def _within(asked: Asked, figure: OutsideFigure) -> FactReading:
    """The fact that the figure was measured after the release, within the time of the sentence."""
    subject = f"measured after the release: {figure.name}"
    fact = partial(FactReading, subject=subject, expected=f"within {asked.params['within']}")
    if figure.released is None:
        return fact(observed=f"{figure.where} gives no `released`", ok=None)
    seen = f"measured {shown(figure.at.text)}, released {shown(figure.released.text)}"
    least, most = figure.released.until(figure.at)
    within = timedelta(0) <= least and most <= age_of(asked.params["within"])
    return fact(observed=seen, ok=within or None)


def _answers(least: int, figure: OutsideFigure) -> FactReading:
    fact = partial(FactReading, subject=f"answers: {figure.name}", expected=f"at least {least}")
    if figure.answers is None:
        return fact(observed=f"{figure.where} gives no `answers`", ok=None)
    return fact(observed=str(figure.answers), ok=True if figure.answers >= least else None)
