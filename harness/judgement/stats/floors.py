"""Lower bounds of a share that hold however its bad requests are clustered, so that no outage more makes a verdict milder.

Bounds of clusters are wide: a window that fails by ten lone failures would be undecided if a minute without one answer came on top, as that
is one cluster. What is here leaves the worse part of the window out instead.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from harness.judgement.stats.clusters import (
    BATCHES,
    Episodes,
    Slots,
    design_effect,
    episodes_of,
    is_shared,
    is_spread,
)
from harness.judgement.stats.statistics import FAIL_CONFIDENCE, share_at_least
from harness.judgement.stats.swings import AGAIN, THIRDS, WAVES, odds_times

PARTS: Final = 5
"""What is bad in each of so many equal parts of a window is no episode."""
APART: Final = 3
"""Twentieths so far from each other are not of one short outage: 2 s in a window of 12 s are, which any platform may have once."""
PART_CONFIDENCE: Final = 0.95
ONCE_IN: Final = 200
"""A platform at its limit has a window with so many times as many bad requests in at most 1 of so many windows."""


def least_share(slots: Slots, confidence: float = FAIL_CONFIDENCE, chance: float = 1 / ONCE_IN) -> float:
    """The greatest of the lower bounds.

    * In every fifth: Clopper and Pearson's bound of the best fifth of the window, of its odds divided by AGAIN.
    * Without episodes: what is bad beside them, and in them as much as beside them; of that the level of the best third, in the whole window.
    * Apart: the greatest number of twentieths of the window that have a bad request and are APART from each other, each taken for one bad
      request (Clopper and Pearson): an outage that lasts for a few of them is hardly more than one.
    * One outage, however long: the share times `chance`, as by Markov's inequality a window has a share of x or more with a probability of
      at most p / x, where p is the share of all windows. Source: W. Feller, "An Introduction to Probability Theory and Its Applications" II
      (1971), section V.7.

    Args:
        slots: bad requests in time.
        confidence: of the bounds that are those of independent requests.
        chance: at which a platform at this bound has as bad a window.
    """
    n, bad = int(slots.n.sum()), int(slots.bad.sum())
    if not bad or len(slots.n) < PARTS:
        return 0.0
    found = [_in_every_part(slots), bad / n * chance]
    if not any(map(is_shared, slots.shared)):
        found += [_without(slots, episodes_of(slots), confidence), _apart(slots, confidence)]
    return max(found)


def _in_every_part(slots: Slots) -> float:
    n, bad = slots.divided(PARTS)
    shares = [share_at_least(k, of, PART_CONFIDENCE) for k, of in zip(bad, n, strict=True)]
    return odds_times(min(shares), 1 / AGAIN)


def _apart(slots: Slots, confidence: float) -> float:
    if len(slots.n) < BATCHES:
        return 0.0
    taken, last = 0, -APART
    for each in np.flatnonzero(slots.batches().bad).tolist():
        if each - last >= APART:
            taken, last = taken + 1, each
    return share_at_least(taken, int(slots.n.sum()), confidence)


def beside(slots: Slots) -> Slots | None:
    """The window in which as much is bad in its episodes as beside them; None without episodes, or where bad requests share more than time."""
    if any(map(is_shared, slots.shared)):
        return None
    episodes = episodes_of(slots)
    return _lowered(slots, episodes) if len(episodes) else None


def _lowered(slots: Slots, episodes: Episodes) -> Slots:
    taken = np.zeros(len(slots.n) + 1, dtype=np.int64)
    taken[episodes.starts] += 1
    taken[episodes.ends] -= 1
    inside = np.cumsum(taken)[:-1] > 0
    usual = np.diff(np.floor(np.cumsum(np.where(inside, episodes.background * slots.n, 0.0))), prepend=0.0)
    return Slots(
        width_s=slots.width_s,
        n=slots.n,
        bad=np.where(inside, np.minimum(usual, slots.bad), slots.bad).astype(np.int64),
        parts=slots.parts,
    )


def _without(slots: Slots, episodes: Episodes, confidence: float) -> float:
    rest = _lowered(slots, episodes)
    n, bad = rest.divided(THIRDS)
    total, k = int(rest.n.sum()), THIRDS * float(bad.min())
    if rest.bad.sum() <= WAVES or not k:
        return 0.0
    level = float((bad / np.maximum(n, 1)).min())
    effect = design_effect(rest) if is_spread(rest) else 1.0
    return min(odds_times(level, 1 / AGAIN), share_at_least(level * total / effect, total / effect, confidence))
