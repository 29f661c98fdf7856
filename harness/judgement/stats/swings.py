"""What is too slow for slots and episodes: shares that swing, and a share that changes for good.

The tests of `clusters` look for bad ones that came together within a twentieth of the window at most. What hangs together for longer, or
only a little (a failed request fails again a second later, a cache warms, load comes and goes), is looked for here, in parts of the window.
Both functions only ever widen bounds, so that a test that errs costs evidence and no verdict. Constants by simulation (`benchmarks/coverage.py`).
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

import numpy as np
from scipy.special import chdtrc, ndtri, stdtrit

from harness.judgement.stats.clusters import BATCHES, Slots
from harness.judgement.stats.statistics import FAIL_CONFIDENCE, Bounds, Floats, share_at_least, share_at_most

WAVES: Final = 6
"""Slowest cosines that the counts are taken apart into: down to periods of a third of the window. So few bad ones say nothing of them."""
SUSPICIOUS: Final = 0.25
"""Chance that independent looks are taken to swing: a test at 5 % misses most of what makes a bound err twice as often; this one widens a bound by an eighth."""
PARTS: Final = 60
"""Into so many parts at most a window is cut to find a change."""
CHANGED: Final = 0.05
"""Chance that a change is found where there is none."""
LEAST_SURE: Final = 0.6
"""Below it t / z is taken as it is there, as z is nothing at a half; it hardly changes there."""

BY_SWINGS: Final = "exact bounds of as many looks as slow swings leave (Korn-Graubard)"
CHANGED_FOR_GOOD: Final = "the share changed within the window, and for good"

_COSINES: Final[Floats] = np.cos(np.pi * np.outer(np.arange(1, WAVES + 1), (np.arange(BATCHES) + 0.5) / BATCHES))


def swing_effect(slots: Slots, suspicious: float = SUSPICIOUS) -> float:
    """How many times as much the slowest waves vary as those of independent looks would; at least 1, and 1.0 where that may well be chance.

    Source: E. Lazarus, D. J. Lewis, J. H. Stock and M. W. Watson, "HAR inference: recommendations for practice", Journal of Business &
    Economic Statistics 36 (2018), the equal-weighted cosine estimator of the long-run variance, here over that of a binomial share.
    """
    k, n = int(slots.bad.sum()), int(slots.n.sum())
    if min(k, n - k) <= WAVES or len(slots.n) < BATCHES:
        return 1.0
    batches, share = slots.batches(), k / n
    waves = _COSINES @ (batches.bad - share * batches.n)
    squares = 2 * float((waves**2).sum()) / (n * share * (1 - share))
    return max(squares / WAVES, 1.0) if chdtrc(WAVES, squares) < suspicious else 1.0


def swing_interval(slots: Slots, effect: float, confidence: float) -> tuple[float, float]:
    """Exact bounds of the share in as many independent looks as slow swings of this effect leave.

    Source: E. L. Korn and B. I. Graubard, "Confidence intervals for proportions with small expected number of positive counts estimated
    from survey data", Survey Methodology 24 (1998): n over the design effect, and over (t / z)² as the effect rests on WAVES squares.
    """
    sure = max(confidence, LEAST_SURE)
    times = effect * (float(stdtrit(WAVES, sure)) / float(ndtri(sure))) ** 2
    k, n = int(slots.bad.sum()) / times, int(slots.n.sum()) / times
    return share_at_least(k, n, confidence), share_at_most(k, n, confidence)


def widened_for_swings(bounds: Bounds, slots: Slots) -> Bounds:
    """The same, no narrower than slow swings make it."""
    effect = swing_effect(slots)
    if effect <= 1:
        return bounds
    usual, fail = (swing_interval(slots, effect, sure) for sure in (bounds.confidence, FAIL_CONFIDENCE))
    return _widened(bounds, usual, fail, f"share with {BY_SWINGS}, design effect {effect:.3g}")


def _widened(bounds: Bounds, usual: tuple[float, float], fail: tuple[float, float], method: str) -> Bounds:
    return replace(
        bounds,
        low=min(bounds.low, usual[0]),
        high=max(bounds.high, usual[1]),
        fail_low=min(bounds.fail_low, fail[0]),
        fail_high=max(bounds.fail_high, fail[1]),
        method=method,
        clustered=True,
    )


def change_at(slots: Slots, lasting: float) -> int | None:
    """The first slot of what the share is since it changed for good, for at least so much of the window; None: nothing speaks for a change.

    Source: A. N. Pettitt, "A non-parametric approach to the change-point problem", Applied Statistics 28 (1979). It goes by the ranks of
    the parts, so that one stall, however bad, is no change.
    """
    count = min(PARTS, len(slots.n))
    starts = np.arange(count) * len(slots.n) // max(count, 1)
    if count < BATCHES:
        return None
    n, bad = np.add.reduceat(slots.n, starts), np.add.reduceat(slots.bad, starts)
    starts, share = starts[n > 0], bad[n > 0] / n[n > 0]
    m = len(share)
    alike = np.unique(share, return_counts=True)[1]
    varying = m**3 - m - int((alike**3 - alike).sum())  # Kendall's correction for ties: most parts have no failure
    if m < BATCHES or not varying:
        return None
    apart = np.abs(np.cumsum(np.sign(share[:, np.newaxis] - share).sum(axis=1)))
    split = int(apart[: math.floor((1 - lasting) * m)].argmax())  # a later change lasts too short
    chance = 2 * math.exp(-6 * float(apart[split]) ** 2 / (m**3 + m**2) * (m**3 - m) / varying)
    return int(starts[split + 1]) if chance < CHANGED else None


def widened_for_change(bounds: Bounds, slots: Slots, lasting: float) -> Bounds:
    """The same, no narrower than for a share that stays as it is since it changed for good."""
    start = change_at(slots, lasting)
    if start is None:
        return bounds
    k, n = int(slots.bad[start:].sum()), int(slots.n[start:].sum())
    usual, fail = (
        (share_at_least(k, n, sure), share_at_most(k, n, sure)) for sure in (bounds.confidence, FAIL_CONFIDENCE)
    )
    if bounds.low <= usual[0] and usual[1] <= bounds.high:
        return bounds
    at_s = start * slots.width_s
    method = f"{bounds.method}, or exact bounds since it changed {at_s:.3g} s into the window where those are wider (Pettitt)"
    return replace(_widened(bounds, usual, fail, method), why=bounds.why or CHANGED_FOR_GOOD)
