"""What is slower than any episode: a share that swings over minutes, and a share that changes for good.

`clusters` finds bad ones that come together within a twentieth of the window at most. What lasts longer, or shows only a little at a time (a
failed request fails again a second later, a cache warms, load comes and goes), is looked for here. Both functions only ever widen bounds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import betainc, chdtrc

from harness.judgement.stats.clusters import BATCHES, Slots
from harness.judgement.stats.effective import Clustering
from harness.judgement.stats.statistics import Floats

WAVES: Final = 6
"""Slowest cosines that the counts are taken apart into: down to periods of a third of the window. So few bad ones say nothing of them."""
SLOWEST: Final = 2
"""Of these, waves that the window shows once at most."""
SUSPICIOUS: Final = 0.25
"""Chance that independent requests are taken to swing: a stricter test misses most of what makes a bound err twice as often."""
SLOW: Final = 0.02
"""Chance that independent requests are taken to swing as slowly as the slowest two waves."""
THIRDS: Final = 3
AGAIN: Final = 2.5
"""Of a share that swings so slowly, the next window may be so many times as bad, in odds, as the worst third of this one."""
CHANGED: Final = 0.2
"""Chance that independent requests are taken to change: with 0.15 a change from 0.1 to 0.4 % for the last quarter of 12 000 is missed in 8 %, with 0.25 in 5 %."""
IMPROVED: Final = 0.01
"""The same for the better: a platform that is proven over its limit fails all the same where it may only be chance."""
CHANGED_WHY: Final = "the share may have changed within the window"
SLOW_WHY: Final = "the share may swing more slowly than the window can show"
SPLITS: Final = (0.25, 0.5, 0.75)
"""Where a change for good is looked for."""
TELLING: Final = 3
"""Fewer clusters than this on one side of a change tell no change."""

_COSINES: Final[Floats] = np.cos(np.pi * np.outer(np.arange(1, WAVES + 1), (np.arange(BATCHES) + 0.5) / BATCHES))


@dataclass(frozen=True, kw_only=True, slots=True)
class Slow(Clustering):
    """A share that swings more slowly than the window can show; the smallest and the largest share of a third of it bound it as well."""

    best: float
    worst: float

    def at_least(self, confidence: float) -> float:
        """Lower bound: the odds of the best third, divided by AGAIN, or that of the clusters."""
        return min(Clustering.at_least(self, confidence), _times(self.best, 1 / AGAIN))

    def at_most(self, confidence: float) -> float:
        """Upper bound: AGAIN times the odds of the worst third, or that of the clusters."""
        return max(Clustering.at_most(self, confidence), _times(self.worst, AGAIN))


def _times(share: float, times: float) -> float:
    """The share whose odds are so many times as large."""
    return times * share / (times * share + 1 - share)


def slow_swings(slots: Slots) -> Iterator[Clustering]:
    """The bad ones in as many clusters as slow swings leave: by the slowest six waves, and by the slowest two; none where these may well be chance.

    Source: E. Lazarus, D. J. Lewis, J. H. Stock and M. W. Watson, "HAR inference: recommendations for practice", Journal of Business &
    Economic Statistics 36 (2018), the equal-weighted cosine estimator of the long-run variance, here over that of a binomial share.
    """
    k, n = int(slots.bad.sum()), int(slots.n.sum())
    if min(k, n - k) <= WAVES or len(slots.n) < BATCHES:
        return
    batches, share = slots.batches(), k / n
    waves = _COSINES @ (batches.bad - share * batches.n)
    squares = 2 * waves**2 / (n * share * (1 - share))
    starts = np.arange(THIRDS) * BATCHES // THIRDS
    thirds = np.add.reduceat(batches.bad, starts) / np.maximum(np.add.reduceat(batches.n, starts), 1)
    for count, suspicious in ((WAVES, SUSPICIOUS), (SLOWEST, SLOW)):
        effect = float(squares[:count].mean())
        if effect <= 1 or chdtrc(count, effect * count) >= suspicious:
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
                best=float(thirds.min()),
                worst=float(thirds.max()),
            )


def changes(slots: Slots, size: float) -> Iterator[Clustering]:
    """The last three quarters, half and quarter of the window, each where its share may well be another than before.

    The test is the binomial one, given all bad ones; `size` is the size of their clusters.
    """
    count, n, bad = len(slots.n), int(slots.n.sum()), int(slots.bad.sum())
    for split in SPLITS:
        start = round(split * count)
        own_n, own = int(slots.n[start:].sum()), int(slots.bad[start:].sum())
        if not 0 < own_n < n or max(own, bad - own) < TELLING * size:
            continue
        more, fewer = _chances(own / size, (bad - own) / size, own_n / n)
        if more < CHANGED or fewer < IMPROVED:
            rule = f"a change at {start * slots.width_s:.3g} s"
            yield Clustering(rule=rule, n=own_n, bad=own, squares=own * size, next_size=size, note=CHANGED_WHY)


def _chances(after: float, before: float, share: float) -> tuple[float, float]:
    """How probable at least so many after the split are, and at most so many."""
    more = float(betainc(after, before + 1, share)) if after else 1.0
    fewer = float(betainc(before, after + 1, 1 - share)) if before else 1.0
    return more, fewer
