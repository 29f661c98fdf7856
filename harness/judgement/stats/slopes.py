"""Theil-Sen slope with its interval: how fast a figure grows, for leaks and drift.

The method compares every pair of values, so it is for a few dozen time batches, not for raw samples. Two properties of real series are considered:

* Neighbours are correlated, so the interval is widened to the effective number of independent values.
* A figure may jump once (a cache fills, a pod moves), which is no growth. So the slope is also computed within the two sides of every plausible jump,
  and the widest interval counts.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from harness.judgement.special import ndtri
from harness.judgement.stats.statistics import FAIL_CONFIDENCE, Bounds, Floats

FEWEST_VALUES: Final = 3
"""Minimum number of values of a slope with an interval."""

EDGE: Final = 0.15
"""Minimum share of the values on each side of a jump, besides four values; nearer to an edge it is an outlier."""

FEWEST_ON_A_SIDE: Final = 4

PLAUSIBLE: Final = 4.0
"""Maximum of n · ln(misfit / least misfit), times the widening for correlation, at which a jump's place is plausible.

For a likelihood with Laplace residuals, twice that logarithm is about chi-squared; 4 was chosen by simulation
(`benchmarks/coverage_trends.py`): the coverage of 3 is 93 % if neighbours are strongly correlated, 10 only widens.
"""

LINE: Final = 8.0
"""As PLAUSIBLE, for the line without a jump, which competes with the best of many places."""

CAUTION: Final = 0.25
"""Standard errors (1 / √n) added to the measured correlation of neighbours; by simulation."""

MOST_ALIKE: Final = 0.9
"""Maximum correlation that so few values can distinguish from growth."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Slope:
    """A slope with its bounds and its model.

    Attributes:
        bounds: the slope in units of value per unit of time; `n` is the number of values.
        jump: index of the first value after the likeliest jump; None if a line without a jump fits equally well.
        alike: assumed correlation of neighbouring values, from 0 to MOST_ALIKE.
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
    """The slope of finite values by time, with one-sided bounds at `confidence` and at FAIL_CONFIDENCE.

    Sources: P. K. Sen, "Estimates of the regression coefficient based on Kendall's tau", JASA 63 (1968), for slope and interval;
    R. M. Hirsch, J. R. Slack and R. A. Smith, "Techniques of trend analysis for monthly water quality data", Water Resources
    Research 18 (1982), for pooling the pairs within groups, here the sides of a jump; K. H. Hamed and A. R. Rao, "A modified
    Mann-Kendall trend test for autocorrelated data", Journal of Hydrology 204 (1998), for widening by the correlation of the
    residuals' ranks, here of a first-order autoregression.

    Assumes that the values without slope and at most one jump have one distribution of any form, and that their correlation is that of
    a first-order process. `at` must ascend.
    """
    if len(values) < FEWEST_VALUES or not np.isfinite(values).all():
        return Slope(bounds=_unbounded(len(values), confidence), jump=None, alike=0.0)
    fits = list(_fits(at, values))
    best = min(fits, key=lambda fit: (fit.misfit, fit.jump))
    alike = _alike(best.residuals, parameters=4 if best.jump else 2)
    widening = (1 + alike) / (1 - alike)
    plausible = [fit for fit in fits if fit.misfit <= best.misfit * _times_worse(fit, widening)]
    chosen = plausible[0] if plausible[0].jump == 0 else best
    intervals = {
        sure: [_interval(fit, len(values), sure, widening) for fit in plausible]
        for sure in (confidence, FAIL_CONFIDENCE)
    }
    return Slope(
        bounds=Bounds(
            value=chosen.slope,
            low=min(low for low, _ in intervals[confidence]),
            high=max(high for _, high in intervals[confidence]),
            fail_low=min(low for low, _ in intervals[FAIL_CONFIDENCE]),
            fail_high=max(high for _, high in intervals[FAIL_CONFIDENCE]),
            confidence=confidence,
            n=len(values),
            method=_method(len(values), chosen.jump, alike),
        ),
        jump=chosen.jump or None,
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
    """The line without a jump, then the line with a jump at each candidate place."""
    n = len(values)
    first, second = np.triu_indices(n, 1)
    slopes = (values[second] - values[first]) / (at[second] - at[first])
    order = np.argsort(slopes)
    slopes, first, second = slopes[order], first[order], second[order]
    negligible = 1e-9 * np.abs(values).max()  # rounding errors are not a misfit
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
    """Maximum misfit of a plausible fit, as a multiple of the least misfit."""
    return math.exp((PLAUSIBLE if fit.jump else LINE) * widening / len(fit.residuals))


def _alike(residuals: Floats, *, parameters: int) -> float:
    """Rank correlation of neighbours, corrected for bias, plus CAUTION; from 0 to MOST_ALIKE.

    The bias of about (1 + (3 + parameters) · correlation) / n: F. H. C. Marriott and J. A. Pope, "Bias in the estimation of
    autocorrelations", Biometrika 41 (1954), extended to residuals of more parameters; verified by simulation.
    """
    n = len(residuals)
    ranks = _ranks(residuals) - (n - 1) / 2
    spread = float((ranks * ranks).sum())
    if spread == 0:
        return 0.0
    seen = float((ranks[1:] * ranks[:-1]).sum()) / spread
    return min(max(seen + (1 + (3 + parameters) * seen) / n + CAUTION / math.sqrt(n), 0.0), MOST_ALIKE)


def _ranks(values: Floats) -> npt.NDArray[np.float64]:
    """Ranks from 0; equal values have their mean rank."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts + 1) / 2)[inverse], dtype=np.float64)


def _interval(fit: _Fit, n: int, sure: float, widening: float) -> tuple[float, float]:
    """Sen's one-sided bounds, by the variance of Kendall's S; infinite with too few slopes."""
    sides = (n - fit.jump, fit.jump)
    variance = sum(m * (m - 1) * (2 * m + 5) for m in sides) / 18
    reach = ndtri(sure) * math.sqrt(variance * widening)
    pairs = len(fit.slopes)
    below, above = math.floor((pairs - reach) / 2), math.ceil((pairs + reach) / 2)
    low = float(fit.slopes[below - 1]) if below >= 1 else -math.inf
    high = float(fit.slopes[above]) if above < pairs else math.inf
    return low, high
