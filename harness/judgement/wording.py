"""Figures in words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from harness.model import Objective

LEAST_SHOWN: Final = 1e-6
"""A share is not shown to be smaller than this: no run has a million requests of one kind."""


def formatted(value: float, unit: str) -> str:
    """Format a figure: `41.2 ms`, `0.097 %`, `22.4 s`."""
    if not math.isfinite(value):
        return "unknown" if math.isnan(value) else "without bound"
    if unit != "ratio":
        return f"{value:.4g} {unit}".rstrip()
    return f"{value * 100:.4g} %" if value == 0 or abs(value) >= LEAST_SHOWN else f"under {LEAST_SHOWN * 100:g} %"


def between_bounds(low: float, high: float, unit: str) -> str:
    """`, between 20 ms and 40 ms`, after a figure; empty for a figure that is without bound itself."""
    return "" if low == math.inf else f", between {formatted(low, unit)} and {formatted(high, unit)}"


def about(n: int) -> str:
    """A number of samples for people, rounded up to two digits: `900`, `4300`."""
    step = 10 ** max(len(str(n)) - 2, 0)
    return str(-(-n // step) * step)


def limit_text(objective: Objective) -> str:
    """The limit as in the source document, with its tolerance."""
    return f"{objective.limit} ± {objective.tolerance}" if objective.tolerance else str(objective.limit)
