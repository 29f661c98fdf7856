"""How fast a figure grows: the Theil-Sen slope with its interval, for leaks and drift.

Built for a few dozen values of time batches, not for raw samples: it looks at every pair. Two things that real series do
are taken into account. Neighbours are alike, so the interval is widened to the number of independent values that the
series is worth. And a figure may jump once (a cache fills, a pod moves), which is no growth: the slope is also taken
within the two sides of every jump that the values leave plausible, and the widest of all intervals counts.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from harness.judgement.stats.statistics import FAIL_CONFIDENCE, Bounds, Floats

FEWEST_VALUES: Final = 3
"""Fewer values have no slope with an interval."""

EDGE: Final = 0.15
"""A jump is looked for where at least this share of the values, and four of them, lies on each side; nearer to an edge it is an outlier."""

FEWEST_ON_A_SIDE: Final = 4

PLAUSIBLE: Final = 4.0
"""A jump's place is plausible while n · ln(misfit / least misfit) is at most this, times the widening for likeness.

Of a likelihood with Laplace residuals, twice that logarithm is about chi-squared; 4 was chosen by simulation
(`benchmarks/coverage_trends.py`): 3 held 93 % of the time where neighbours are very alike, 10 only widens.
"""

LINE: Final = 8.0
"""The same for the line without a jump, which competes with the best of many places: below this a jump is not said to have been seen."""

CAUTION: Final = 0.25
"""Standard errors (1 / √n) that are added to the measured likeness of neighbours; by simulation."""

MOST_ALIKE: Final = 0.9
"""More likeness than this cannot be told from growth by so few values."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Slope:
    """A slope and how it was come by.

    Attributes:
        bounds: the slope in units of value per unit of time; `n` counts the values.
        jump: index of the first value after the likeliest jump; None where a line without a jump fits as well.
        alike: correlation of a value with the next one that was assumed, from 0 to MOST_ALIKE.
    """

    bounds: Bounds
    jump: int | None
    alike: float


@dataclass(frozen=True, kw_only=True, slots=True)
class _Fit:
    """The values with one slope and a jump before index `jump` (0: none). slopes: of the pairs on one side, ascending."""

    jump: int
    slopes: Floats
    residuals: Floats

    @property
    def slope(self) -> float:
        return _middle(self.slopes)

    @property
    def misfit(self) -> float:
        return float(np.abs(self.residuals).sum())


def slope_bounds(at: Floats, values: Floats, confidence: float) -> Slope:
    """The slope of finite values over their times, with one-sided bounds at `confidence` and at FAIL_CONFIDENCE.

    Sources: P. K. Sen, "Estimates of the regression coefficient based on Kendall's tau", JASA 63 (1968), for slope and interval;
    R. M. Hirsch, J. R. Slack and R. A. Smith, "Techniques of trend analysis for monthly water quality data", Water Resources
    Research 18 (1982), for pooling the pairs within groups, here the sides of a jump; K. H. Hamed and A. R. Rao, "A modified
    Mann-Kendall trend test for autocorrelated data", Journal of Hydrology 204 (1998), for widening by the correlation of the
    residuals' ranks, here of a first-order autoregression.

    Assumes that the values, freed of slope and of at most one jump, are of one distribution, whatever it is, and that a value is
    like the next one and like others only through it. `at` must ascend.
    """
    if len(values) < FEWEST_VALUES or not np.isfinite(values).all():
        return Slope(bounds=_unbounded(len(values), confidence), jump=None, alike=0.0)
    fits = list(_fits(at, values))
    best = min(fits, key=lambda fit: (fit.misfit, fit.jump))
    alike = _alike(best.residuals, parameters=4 if best.jump else 2)
    widening = (1 + alike) / (1 - alike)
    plausible = [fit for fit in fits if fit.misfit <= best.misfit * _times_worse(fit, widening)]
    told = plausible[0] if plausible[0].jump == 0 else best
    intervals = {
        sure: [_interval(fit, len(values), sure, widening) for fit in plausible]
        for sure in (confidence, FAIL_CONFIDENCE)
    }
    return Slope(
        bounds=Bounds(
            value=told.slope,
            low=min(low for low, _ in intervals[confidence]),
            high=max(high for _, high in intervals[confidence]),
            fail_low=min(low for low, _ in intervals[FAIL_CONFIDENCE]),
            fail_high=max(high for _, high in intervals[FAIL_CONFIDENCE]),
            confidence=confidence,
            n=len(values),
            method=_method(len(values), told.jump, alike),
        ),
        jump=told.jump or None,
        alike=alike,
    )


def _unbounded(n: int, confidence: float) -> Bounds:
    return Bounds(
        value=math.nan,
        low=-math.inf,
        high=math.inf,
        fail_low=-math.inf,
        fail_high=math.inf,
        confidence=confidence,
        n=n,
        method="Theil-Sen slope of time batches",
    )


def _method(n: int, jump: int, alike: float) -> str:
    words = f"Theil-Sen slope of {n} time batches, worth {n * (1 - alike) / (1 + alike):.3g} independent ones"
    return f"{words}, within the sides of a jump" if jump else words


def _fits(at: Floats, values: Floats) -> Iterator[_Fit]:
    """The line, then the line with a jump at each place where one is looked for."""
    n = len(values)
    first, second = np.triu_indices(n, 1)
    slopes = (values[second] - values[first]) / (at[second] - at[first])
    order = np.argsort(slopes)
    slopes, first, second = slopes[order], first[order], second[order]
    negligible = 1e-9 * np.abs(values).max()  # what arithmetic leaves is no misfit
    edge = max(math.ceil(EDGE * n), FEWEST_ON_A_SIDE)
    for jump in (0, *range(edge, n - edge + 1)):
        own = slopes[(first >= jump) | (second < jump)] if jump else slopes
        residuals = values - _middle(own) * at
        for side in (slice(0, jump), slice(jump, n)) if jump else (slice(0, n),):
            residuals[side] -= _middle(np.sort(residuals[side]))
        residuals[np.abs(residuals) <= negligible] = 0.0
        yield _Fit(jump=jump, slopes=own, residuals=residuals)


def _middle(ordered: Floats) -> float:
    """The median of ascending values."""
    n = len(ordered)
    return float(ordered[(n - 1) // 2] + ordered[n // 2]) / 2


def _times_worse(fit: _Fit, widening: float) -> float:
    """How many times the least misfit a fit may have and still be plausible."""
    return math.exp((PLAUSIBLE if fit.jump else LINE) * widening / len(fit.residuals))


def _alike(residuals: Floats, *, parameters: int) -> float:
    """Correlation of the ranks of neighbours, freed of its bias towards less, with CAUTION, from 0 to MOST_ALIKE.

    The bias of about (1 + (3 + parameters) · correlation) / n: F. H. C. Marriott and J. A. Pope, "Bias in the estimation of
    autocorrelations", Biometrika 41 (1954), carried on to residuals of more parameters; held against simulation.
    """
    n = len(residuals)
    ranks = _ranks(residuals) - (n - 1) / 2
    spread = float((ranks * ranks).sum())
    if spread == 0:
        return 0.0
    seen = float((ranks[1:] * ranks[:-1]).sum()) / spread
    return min(max(seen + (1 + (3 + parameters) * seen) / n + CAUTION / math.sqrt(n), 0.0), MOST_ALIKE)


def _ranks(values: Floats) -> npt.NDArray[np.float64]:
    """Ranks from 0, equal values sharing the middle of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts + 1) / 2)[inverse], dtype=np.float64)


def _interval(fit: _Fit, n: int, sure: float, widening: float) -> tuple[float, float]:
    """Sen's one-sided bounds: the slopes as many ranks from the middle as Kendall's S varies; infinite where there are not so many."""
    sides = (n - fit.jump, fit.jump)
    variance = sum(m * (m - 1) * (2 * m + 5) for m in sides) / 18
    reach = float(ndtri(sure)) * math.sqrt(variance * widening)
    pairs = len(fit.slopes)
    below, above = math.floor((pairs - reach) / 2), math.ceil((pairs + reach) / 2)
    low = float(fit.slopes[below - 1]) if below >= 1 else -math.inf
    high = float(fit.slopes[above]) if above < pairs else math.inf
    return low, high
