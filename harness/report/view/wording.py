"""Texts for figures, bounds and limits, shared by all reports."""

from __future__ import annotations

import re
from typing import Final

from harness.model import DecisionOutcome, Measure, Op, OperationRecovery, Outcome
from harness.model.rounding import plain

NOTHING: Final = "–"  # noqa: RUF001 - a dash, not a minus
"""Shown in place of a missing figure."""

NOT_VERIFIED: Final = "not verified"
"""Shown in place of a count that was not verified."""

MARKS: Final = {
    Outcome.FAIL: "✕",
    Outcome.INCONCLUSIVE: "?",
    Outcome.NOT_ASSESSED: "○",
    Outcome.WAIVED: "~",
    Outcome.PASS: "✓",
}
"""A symbol for each outcome, shown beside its colour, in display order, worst first."""

DECISION_MARKS: Final = {
    DecisionOutcome.GO: "✓",
    DecisionOutcome.NO_GO: "✕",
    DecisionOutcome.INCONCLUSIVE: "?",
    DecisionOutcome.PARTIAL: "○",
}

_UNFIT: Final = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd\U00010000-\U0010ffff]|[\u202a-\u202e\u2066-\u2069]"
)
"""Characters that a report format cannot contain, and marks of text direction: a name must not reorder a verdict."""


def clean(text: str) -> str:
    """A text without the characters that XML 1.0, HTML and UTF-8 cannot contain, and without direction marks."""
    return _UNFIT.sub("", text)


def figure(value: float | None, unit: str = "") -> str:
    """A figure with its unit: `41.2 ms`, `99.988 %`, `22.4 s`."""
    return NOTHING if value is None else f"{_number(value, unit)} {_unit(unit)}".rstrip()


def give_or_take(resolution: float | None, unit: str) -> str:
    """The measurement uncertainty of a figure: `± 0.033 s`, or `± unknown` if it is not finite."""
    return "± unknown" if resolution is None else f"± {figure(float(f'{resolution:.2g}'), unit)}"


def said(measure: Measure) -> str:
    """The figure of a measure; a figure without a unit has the name of the measure: `0 lost writes`."""
    return figure(measure.value, measure.unit) if measure.unit else f"{figure(measure.value)} {measure.name}"


def is_fact(measure: Measure) -> bool:
    """Whether a measure is a fact, which is as expected or not, and no figure."""
    return measure.value is None and measure.op == Op.HOLDS


def span(low: float | None, high: float | None, unit: str) -> str:
    """The bounds of a figure as text: `38.9 to 44.1 ms`, or `at least 240 s` for one bound; a dash without bounds."""
    if low is None and high is None:
        return NOTHING
    if high is None:
        return f"at least {figure(low, unit)}"
    if low is None:
        return f"at most {figure(high, unit)}"
    return f"{_number(low, unit)} to {figure(high, unit)}"


def confidence(measure: Measure) -> str:
    """The confidence of the bounds: `95 % each`, or `95 %` for a single bound; empty without bounds."""
    bounds = [bound for bound in (measure.low, measure.high) if bound is not None]
    if measure.confidence is None or not bounds:
        return ""
    return f"{figure(measure.confidence, 'ratio')}{' each' if len(bounds) > 1 else ''}"


def _unit(unit: str) -> str:
    return "%" if unit == "ratio" else unit


def _number(value: float, unit: str) -> str:
    if unit != "ratio":
        return plain(value, 4)
    percent = value * 100
    if 99 < percent < 100:  # an uptime is shown by what is missing
        return f"{percent:.4f}".rstrip("0")
    return f"{percent:.3g}" if percent < 1 else f"{percent:.4g}"


def is_scaled(measure: Measure) -> bool:
    """Whether a length of time in the sentence was divided by the target's time scale."""
    return any(length.factor != 1 for length in measure.times)


def at_scale(measure: Measure, time_scale: float) -> str:
    """The limit as the document states it and, if it was scaled, the scaled limit: `4 h (240 s at scale 60)`."""
    if any(length.factor != 1 and length.said == measure.limit for length in measure.times):
        return f"{measure.limit} ({figure(measure.scaled_limit, measure.unit)} at scale {time_scale:g})"
    return measure.limit


def expected(measure: Measure, time_scale: float) -> str:
    """The limit of a measure with its comparison: `below 4 h (240 s at scale 60)`."""
    limit = at_scale(measure, time_scale)
    if measure.op in (Op.BELOW, Op.AT_MOST, Op.AT_LEAST):
        return f"{measure.op.removeprefix('is ')} {limit}"
    if measure.op == Op.HOLDS and measure.value is not None:
        return "none" if measure.limit == "0" else limit
    return NOTHING if measure.op == Op.HOLDS and measure.limit in ("0", "1") else limit


def duration(seconds: float) -> str:
    """A time span in two units at most: `6 min 12 s`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    if minutes:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    return f"{seconds:.3g} s"


def scope_text(measure: Measure) -> str:
    """The scope of a figure in a few words: `read-track`, `pod-loss, reads`; without the phase, which is shown separately."""
    shown = (value for key, value in measure.scope.items() if key not in ("traffic", "phase") and value)
    return ", ".join(dict.fromkeys(shown))


def found(n: int | None) -> str:
    """A count as text; `not verified` if it is None."""
    return NOT_VERIFIED if n is None else str(n)


def recovered(seen: OperationRecovery | None) -> str:
    """The recovery time of an operation: `20.71 s ± 0.05 s`, `no outage (resolution 0.05 s)`, `not recovered in 240 s`."""
    if seen is None:
        return NOTHING
    if seen.seconds is None:
        return came_back(seen)
    if not seen.seconds:
        return f"{came_back(seen)} ({give_or_take(seen.resolution_s, 's').replace('±', 'resolution')})"
    return f"{came_back(seen)} {give_or_take(seen.resolution_s, 's')}"


def came_back(seen: OperationRecovery) -> str:
    """The recovery time without its uncertainty: `20.71 s`, `no outage`, `not recovered in 240 s, only after the undo`."""
    if seen.seconds is None:
        return f"not recovered in {figure(seen.observed_s, 's')}{', only after the undo' if seen.on_heal else ''}"
    return figure(seen.seconds, "s") if seen.seconds else "no outage"


def anchor(id_: str) -> str:
    """The HTML anchor of a requirement on the page, made from its id."""
    return "".join(letter if letter.isalnum() else "-" for letter in id_)
