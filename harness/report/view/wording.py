"""Figures, bounds and limits as people read them; the same words in every report."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from harness.model import DecisionOutcome, Measure, Op, OperationRecovery, Outcome

NOTHING: Final = "–"  # noqa: RUF001 - a dash, not a minus
"""Written where there is no figure."""

NOT_VERIFIED: Final = "not verified"
"""Shown in place of a count that was not verified."""

MARKS: Final = {
    Outcome.FAIL: "✕",
    Outcome.INCONCLUSIVE: "?",
    Outcome.NOT_ASSESSED: "○",
    Outcome.WAIVED: "~",
    Outcome.PASS: "✓",
}
"""A mark beside the colour, so that neither is needed alone. In the order in which outcomes are shown, worst first."""

DECISION_MARKS: Final = {
    DecisionOutcome.GO: "✓",
    DecisionOutcome.NO_GO: "✕",
    DecisionOutcome.INCONCLUSIVE: "?",
    DecisionOutcome.PARTIAL: "○",
}

_UNFIT: Final = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd\U00010000-\U0010ffff]|[\u202a-\u202e\u2066-\u2069]"
)
"""What no format can carry, and the marks that turn the direction of the text around them: a name must not reorder a verdict."""


def clean(text: str) -> str:
    """Text that XML 1.0, HTML and UTF-8 can all carry: control characters, lone surrogates and marks of direction are left out."""
    return _UNFIT.sub("", text)


def figure(value: float | None, unit: str = "") -> str:
    """A figure with its unit: `41.2 ms`, `99.988 %`, `22.4 s`."""
    return NOTHING if value is None else f"{_number(value, unit)} {_unit(unit)}".rstrip()


def give_or_take(resolution: float | None, unit: str) -> str:
    """How exactly a figure can be told: `± 0.033 s`; `± unknown` where no finite number says it, as of a spacing without bound."""
    return "± unknown" if resolution is None else f"± {figure(float(f'{resolution:.2g}'), unit)}"


def said(measure: Measure) -> str:
    """A measure's figure; one without a unit says what it counts: `0 lost writes`."""
    return figure(measure.value, measure.unit) if measure.unit else f"{figure(measure.value)} {measure.name}"


def is_fact(measure: Measure) -> bool:
    """Whether it is no figure but something that is as expected, or is not."""
    return measure.value is None and measure.op == Op.HOLDS


def span(low: float | None, high: float | None, unit: str) -> str:
    """Two bounds: `38.9 to 44.1 ms`; one: `at least 240 s`; none: a dash."""
    if low is None and high is None:
        return NOTHING
    if high is None:
        return f"at least {figure(low, unit)}"
    if low is None:
        return f"at most {figure(high, unit)}"
    return f"{_number(low, unit)} to {figure(high, unit)}"


def confidence(measure: Measure) -> str:
    """How sure each bound is: `95 % each`, `95 %` of a lone one; empty where there is none."""
    bounds = [bound for bound in (measure.low, measure.high) if bound is not None]
    if measure.confidence is None or not bounds:
        return ""
    return f"{figure(measure.confidence, 'ratio')}{' each' if len(bounds) > 1 else ''}"


def _unit(unit: str) -> str:
    return "%" if unit == "ratio" else unit


def _number(value: float, unit: str) -> str:
    if unit != "ratio":
        return f"{value:.4g}" if abs(value) < 10_000 else f"{value:.0f}"
    percent = value * 100
    if 99 < percent < 100:  # an uptime is shown by what is missing
        return f"{percent:.4f}".rstrip("0")
    return f"{percent:.3g}" if percent < 1 else f"{percent:.4g}"


def is_scaled(measure: Measure) -> bool:
    """Whether a length of time in the sentence was divided by the target's time scale."""
    return any(length.factor != 1 for length in measure.times)


def at_scale(measure: Measure, time_scale: float) -> str:
    """The limit in the document's words and, where it was scaled, as it was held: `4 h (240 s at scale 60)`."""
    if any(length.factor != 1 and length.said == measure.limit for length in measure.times):
        return f"{measure.limit} ({figure(measure.scaled_limit, measure.unit)} at scale {time_scale:g})"
    return measure.limit


def expected(measure: Measure, time_scale: float) -> str:
    """What the figure was compared with: `below 4 h (240 s at scale 60)`."""
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
    """Of what a figure is, in a few words: `read-track`, `pod-loss, reads`; the phase is shown elsewhere."""
    shown = (value for key, value in measure.scope.items() if key not in ("traffic", "phase") and value)
    return ", ".join(dict.fromkeys(shown))


def counted(n: float, noun: str, many: str = "") -> str:
    """`1 requirement`, `3 requirements`; `many` where it takes more than an s."""
    return f"{n:.10g} {noun}" if n == 1 else f"{n:.10g} {many or f'{noun}s'}"


def found(n: int | None) -> str:
    """A verified count: `0`, `34`; else `not verified`."""
    return NOT_VERIFIED if n is None else str(n)


def some(names: Sequence[str], most: int = 4, *, between: str = ", ") -> str:
    """The first few of many: `a, b, c and 10 more`."""
    shown = between.join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def recovered(seen: OperationRecovery | None) -> str:
    """How long an operation was away: `20.71 s ± 0.05 s`, `no outage (± 0.05 s)`, `not back in 240 s`."""
    if seen is None:
        return NOTHING
    if seen.seconds is None:
        return came_back(seen)
    if not seen.seconds:
        return f"{came_back(seen)} ({give_or_take(seen.resolution_s, 's')})"
    return f"{came_back(seen)} {give_or_take(seen.resolution_s, 's')}"


def came_back(seen: OperationRecovery) -> str:
    """The same without how exactly it can be told: `20.71 s`, `no outage`, `not back in 240 s, back only after the undo`."""
    if seen.seconds is None:
        return f"not back in {figure(seen.observed_s, 's')}{', back only after the undo' if seen.on_heal else ''}"
    return figure(seen.seconds, "s") if seen.seconds else "no outage"


def anchor(id_: str) -> str:
    """Where a requirement is on the page: its id, as links from elsewhere write it."""
    return "".join(letter if letter.isalnum() else "-" for letter in id_)
