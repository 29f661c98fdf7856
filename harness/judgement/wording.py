"""Figures, bounds and limits in words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from harness.judgement.stats.statistics import FAIL_CONFIDENCE
from harness.model import Op, Outcome
from harness.model.rounding import plain

if TYPE_CHECKING:
    from harness.judgement.stats.statistics import Bounds
    from harness.model import Objective

LEAST_SHOWN: Final = 1e-6
"""A smaller share is shown as `under 0.0001 %`: no run has a million requests of one kind."""


def formatted(value: float, unit: str) -> str:
    """Format a figure: `41.2 ms`, `0.097 %`, `22.4 s`."""
    if not math.isfinite(value):
        return "unknown" if math.isnan(value) else "infinite"
    if unit != "ratio":
        return f"{plain(value, 4)} {unit}".rstrip()
    return f"{value * 100:.4g} %" if value == 0 or abs(value) >= LEAST_SHOWN else f"under {LEAST_SHOWN * 100:g} %"


def between_bounds(low: float, high: float, unit: str) -> str:
    """` (between 20 ms and 40 ms)`, ` (at most 40 ms)` or ` (no bounds)`, after a figure; empty for an infinite figure."""
    if low == math.inf:
        return ""
    known = {"at least": low, "at most": high}
    bounds = [f"{word} {formatted(bound, unit)}" for word, bound in known.items() if math.isfinite(bound)]
    both = f"between {formatted(low, unit)} and {formatted(high, unit)}"
    return f" ({both if len(bounds) > 1 else bounds[0] if bounds else 'no bounds'})"


def about(n: int) -> str:
    """A number of samples, rounded up to two digits: `900`, `4300`."""
    step = 10 ** max(len(str(n)) - 2, 0)
    return str(-(-n // step) * step)


def limit_text(objective: Objective) -> str:
    """The limit as written in the source document, with its tolerance."""
    return f"{objective.limit} ± {objective.tolerance}" if objective.tolerance else str(objective.limit)


def fail_bound(op: Op, bounds: Bounds, unit: str) -> str:
    """` (lower bound with 99.75 % confidence: 0.08 %)`: the bound that decides a FAIL, still on the good side of the limit."""
    sure = f"bound with {100 * FAIL_CONFIDENCE:g} % confidence"
    if op in (Op.BELOW, Op.AT_MOST):
        return f" (lower {sure}: {formatted(bounds.fail_low, unit)})"
    return f" (upper {sure}: {formatted(bounds.fail_high, unit)})" if op is Op.AT_LEAST else ""


def deciding_bound(outcome: Outcome, op: Op, bounds: Bounds, unit: str) -> str:
    """The deciding bound in words: for a PASS the bound on the bad side, for a FAIL the bound on the good side."""
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
