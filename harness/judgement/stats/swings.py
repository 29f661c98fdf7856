"""Slow swings and lasting changes of a share, which are longer than any episode.

Module `clusters` finds episodes of at most a twentieth of the window. This module detects longer effects and effects that are weak at any one time, such
as retries that fail again, a warming cache, or varying load. Both can only widen bounds.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from harness.judgement.special import betainc, chdtrc
from harness.judgement.stats.clusters import BATCHES, Slots
from harness.judgement.stats.effective import Clustering
from harness.judgement.stats.statistics import Bounds, Floats

WAVES: Final = 6
"""Number of the slowest cosines in the estimate: periods down to a third of the window.

Fewer bad requests than this give no estimate.
"""
SLOWEST: Final = 2
"""Number of these cosines with at most one period in the window."""
SUSPICIOUS: Final = 0.25
"""Chance of a false swing with independent requests; a stricter test misses swings that double a bound's error."""
SLOW: Final = 0.02
"""Chance of a false swing by the slowest two cosines with independent requests."""
SURELY_SLOW: Final = 0.002
"""As SLOW, for a PASS: each of four routes has to pass, and a platform at half of what a p95 allows would be undecided by chance in one run of twelve."""
THIRDS: Final = 3
AGAIN: Final = 2.5
"""Assumed odds of the next window, as a multiple of the worst third of this one, for a slow swing."""
MARGIN: Final = 1.5
"""Assumed odds of the next window, as a multiple of the worst third of this one, in any case. Of platforms at their limit whose share changes after each
third of the window, 13 % would pass with a factor of 1; with this factor 8 % do."""
LEAST_MARGIN: Final = 1.27
"""As MARGIN, for a third with many bad requests: chance varies these less, and with 1.5 half of what a p95 allows would pass on four routes in 63 % of runs."""
MARGIN_TO: Final = 20
"""With so many bad requests in the worst third MARGIN applies; beyond, it falls to LEAST_MARGIN, so that more bad requests always count for more."""
CHANGED: Final = 0.2
"""Chance of a false change with independent requests.

With 0.15 a change from 0.1 to 0.4 % for the last quarter of 12 000 is missed in 8 %, with 0.25 in 5 %.
"""
CHANGED_TO: Final = 25
"""With so many bad requests in the window CHANGED applies to a PASS. With more, a change that matters is surer: its chance falls with their fourth power."""
IMPROVED: Final = 0.01
"""As CHANGED, for an improvement: stricter, so that a platform proven over its limit still fails."""
CHANGED_WHY: Final = "the share of bad samples may have changed during the window, which widens its bounds"
SLOW_WHY: Final = "the share of bad samples may vary more slowly than this window can show"
MARGIN_WHY: Final = (
    f"one window does not show slow changes of the share: a PASS needs its worst third within the limit at {MARGIN:g} times the odds "
    f"({LEAST_MARGIN:g} times with many bad samples), a FAIL its best third beyond the limit at the odds divided by {MARGIN:g}"
)
SPLITS: Final = (0.25, 0.5, 0.75)
"""Candidate places of a lasting change, as shares of the window."""
TELLING: Final = 3
"""Minimum number of clusters on one side of a change."""
FEWEST: Final = 5
"""Minimum number of bad requests on one side of a change, whatever their clusters: of three, all are in the last half of one window in eight."""

_COSINES: Final[Floats] = np.cos(np.pi * np.outer(np.arange(1, WAVES + 1), (np.arange(BATCHES) + 0.5) / BATCHES))


@dataclass(frozen=True, kw_only=True, slots=True)
class Slow(Clustering):
    """A share with swings slower than the window; the extreme thirds of the window bound it too."""

    best: float
    worst: float

    def at_least(self, confidence: float) -> float:
        """Lower bound: the bound of the clusters, or the best third with its odds divided by AGAIN, whichever is lower."""
        return min(Clustering.at_least(self, confidence), odds_times(self.best, 1 / AGAIN))

    def at_most(self, confidence: float) -> float:
        """Upper bound: the bound of the clusters, or the worst third with its odds times AGAIN, whichever is higher."""
        return max(Clustering.at_most(self, confidence), odds_times(self.worst, AGAIN))


@dataclass(frozen=True, kw_only=True, slots=True)
class Thirds(Clustering):
    """The worst and the best third of a window: a share that swings slowly may stay as bad, or as good, as in one third.

    Attributes:
        best: smallest share of a third.
        worst: largest share of a third.
    """

    best: float
    worst: float

    @property
    def method(self) -> str:
        """The method of the bounds, in words."""
        times = margin(self.worst * self.n / THIRDS)
        return f"share by thirds of the window, the worst at {times:.3g} times its odds and the best at its odds divided by {MARGIN:g}"

    def at_least(self, confidence: float) -> float:  # noqa: ARG002 - the same at each
        """Lower bound: the best third with its odds divided by MARGIN."""
        return odds_times(self.best, 1 / MARGIN)

    def at_most(self, confidence: float) -> float:  # noqa: ARG002 - the same at each
        """Upper bound: the worst third with its odds times `margin`."""
        return odds_times(self.worst, margin(self.worst * self.n / THIRDS))


def margin(bad: float) -> float:
    """The factor on the odds of the worst third for a PASS, if the third has this many bad requests."""
    return max(LEAST_MARGIN, 1 + (MARGIN - 1) * min(1.0, MARGIN_TO / bad)) if bad else MARGIN


def odds_times(share: float, times: float) -> float:
    """The share whose odds are `times` the odds of the given share."""
    return times * share / (times * share + 1 - share)


def slow_swings(slots: Slots) -> Iterator[Clustering]:
    """Clusters by slow swings, from the slowest six cosines and from the slowest two; none if chance explains the swings.

    Source: E. Lazarus, D. J. Lewis, J. H. Stock and M. W. Watson, "HAR inference: recommendations for practice", Journal of Business &
    Economic Statistics 36 (2018), the equal-weighted cosine estimator of the long-run variance, here over that of a binomial share.
    """
    k, n = int(slots.bad.sum()), int(slots.n.sum())
    if min(k, n - k) <= WAVES or len(slots.n) < BATCHES:
        return
    batches, share = slots.batches(), k / n
    waves = _COSINES @ (batches.bad - share * batches.n)
    squares = 2 * waves**2 / (n * share * (1 - share))
    shares = _thirds(batches)
    for count, suspicious in ((WAVES, SUSPICIOUS), (SLOWEST, SLOW)):
        effect = float(squares[:count].mean())
        chance = chdtrc(count, effect * count)
        if effect <= 1 or chance >= suspicious:
            continue
        rule, found = f"slow swings (design effect {effect:.3g})", k * effect
        if count == WAVES:
            yield Clustering(rule=rule, n=n, bad=k, squares=found, next_size=effect, degrees=count)
        else:
            yield Slow(
                rule=rule,
                n=n,
                bad=k,
                squares=found,
                next_size=effect,
                degrees=count,
                note=SLOW_WHY,
                telling=chance < SURELY_SLOW,
                best=float(shares.min()),
                worst=float(shares.max()),
            )


def thirds(slots: Slots, exact: Bounds) -> Iterator[Thirds]:
    """The clustering by the worst and the best third of the window, if its bounds are wider than the exact ones.

    With WAVES or fewer bad requests there is none: by chance, three of four bad requests are in one third.
    """
    bad = int(slots.bad.sum())
    if bad <= WAVES:
        return
    shares = _thirds(slots.batches())
    best, worst = float(shares.min()), float(shares.max())
    found = Thirds(
        rule="thirds", n=exact.n, bad=bad, squares=float(bad), next_size=1.0, note=MARGIN_WHY, best=best, worst=worst
    )
    if found.at_most(exact.confidence) > exact.high or found.at_least(exact.confidence) < exact.fail_low:
        yield found


def _thirds(batches: Slots) -> Floats:
    """The share of bad requests in each third; 0 for a third without requests."""
    n, bad = batches.divided(THIRDS)
    return np.asarray(bad / np.maximum(n, 1), dtype=np.float64)


def most_in_third(n: int, share: float) -> int:
    """Maximum number of bad requests in one third of a window of n for a PASS, if the window has more than WAVES; -1: no PASS is possible."""
    third = n / THIRDS
    return bisect_left(range(math.ceil(third)), share, key=lambda bad: odds_times(bad / third, margin(bad))) - 1


def changes(slots: Slots, size: float, cluster: float = 1.0) -> Iterator[Clustering]:
    """Clusters by a change of the share, tested before the last three quarters, the last half and the last quarter of the window.

    Args:
        slots: bad requests in time, for the binomial test.
        size: size of clusters, with slow swings.
        cluster: size of clusters without slow swings, because a window with a change also seems to swing slowly.
    """
    count, n, bad = len(slots.n), int(slots.n.sum()), int(slots.bad.sum())
    for split in SPLITS:
        start = round(split * count)
        own_n, own = int(slots.n[start:].sum()), int(slots.bad[start:].sum())
        if not 0 < own_n < n or max(own, bad - own) < max(TELLING * size, FEWEST):
            continue
        more, fewer = _chances(own / size, (bad - own) / size, own_n / n)
        if more < CHANGED or fewer < IMPROVED:
            yield Clustering(
                rule=f"a change at {start * slots.width_s:.3g} s",
                n=own_n,
                bad=own,
                squares=own * size,
                next_size=size,
                note=CHANGED_WHY,
                telling=more < CHANGED * min(1.0, (CHANGED_TO * cluster / bad) ** 4),
            )


def _chances(after: float, before: float, share: float) -> tuple[float, float]:
    """Probabilities of at least, and of at most, this many after the split."""
    more = betainc(after, before + 1, share) if after else 1.0
    fewer = betainc(before, after + 1, 1 - share) if before else 1.0
    return more, fewer
