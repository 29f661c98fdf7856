"""Lower bounds of a share that are valid for any clustering of bad requests, so that a further outage never improves a verdict.

Bounds for clusters are wide: a window that fails because of ten single failures would become undecided with an additional minute without answers, since
that minute is one cluster. These bounds leave out the worse part of the window instead.
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
    variance_over_chance,
)
from harness.judgement.stats.statistics import FAIL_CONFIDENCE, share_at_least
from harness.judgement.stats.swings import AGAIN, THIRDS, WAVES, odds_times

PARTS: Final = 5
"""Number of equal parts of a window: if requests are bad in each part, that is not an episode."""
APART: Final = 3
"""Twentieths of a window at least this far apart do not belong to one short outage, such as 2 s in a window of 12 s, which any platform may have once."""
PART_CONFIDENCE: Final = 0.95
ONCE_IN: Final = 200
"""A platform at its limit has a window with this many times as many bad requests in at most one of this many windows."""


def least_share(slots: Slots, confidence: float = FAIL_CONFIDENCE, chance: float = 1 / ONCE_IN) -> float:
    """The greatest of four lower bounds of the share.

    * Every fifth: Clopper and Pearson's bound of the best fifth of the window, with its odds divided by AGAIN. If bad requests are clustered by
      journey, connection or account, n is divided by their design effect.
    * Without episodes: the share of the best third of the window, with episodes lowered to the share outside of them. It is not used if the
      bad requests outside of episodes are clustered by journey, connection or account.
    * Apart: the greatest number of twentieths of the window with a bad request that are APART from each other, each counted as one bad request
      (Clopper and Pearson), so that an outage of a few twentieths counts little more than once. It has the same condition.
    * One outage of any length: the share times `chance`. By Markov's inequality the probability of a window with a share of x or more is at most p / x,
      where p is the share of all windows. Source: W. Feller, "An Introduction to Probability Theory and Its Applications" II (1971), section V.7.

    Args:
        slots: bad requests in time.
        confidence: confidence of the bounds for independent requests.
        chance: probability with which a platform at this bound has such a bad window.
    """
    n, bad = int(slots.n.sum()), int(slots.bad.sum())
    if not bad or len(slots.n) < PARTS:
        return 0.0
    rest = _lowered(slots, episodes_of(slots))
    together = [one for one in rest.shared if is_shared(one)]
    found = [_in_every_part(slots, max([1.0, *map(variance_over_chance, together)])), bad / n * chance]
    if not together:
        found += [_without(rest, confidence), _apart(slots, confidence)]
    return max(found)


def _in_every_part(slots: Slots, effect: float) -> float:
    n, bad = slots.divided(PARTS)
    shares = [share_at_least(k / effect, of / effect, PART_CONFIDENCE) for k, of in zip(bad, n, strict=True)]
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
    """The window with its episodes lowered to the share outside of them; None without episodes."""
    episodes = episodes_of(slots)
    return _lowered(slots, episodes) if len(episodes) else None


def _lowered(slots: Slots, episodes: Episodes) -> Slots:
    if not len(episodes):
        return slots
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
        shared=slots.shared if slots.outside is None else slots.outside(inside),
    )


def _without(rest: Slots, confidence: float) -> float:
    n, bad = rest.divided(THIRDS)
    total, k = int(rest.n.sum()), THIRDS * float(bad.min())
    if rest.bad.sum() <= WAVES or not k:
        return 0.0
    level = float((bad / np.maximum(n, 1)).min())
    effect = design_effect(rest) if is_spread(rest) else 1.0
    return min(odds_times(level, 1 / AGAIN), share_at_least(level * total / effect, total / effect, confidence))
