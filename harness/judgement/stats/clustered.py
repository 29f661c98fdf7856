"""Bounds of a share of bad requests that need not be independent.

Bad requests are clustered by every rule that the data support: by time, journey, connection, slow swings of the share, or a change.
Each rule gives bounds, and the widest bounds count. The constants were chosen by simulation (`benchmarks/coverage.py`); see
`docs/statistics-clustered-bounds.md`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from harness.judgement.stats.clusters import (
    Episodes,
    Slots,
    design_effect,
    episodes_of,
    is_shared,
    is_spread,
    squares_over_chance,
)
from harness.judgement.stats.effective import ENOUGH, NEXT_LARGER, Clustering
from harness.judgement.stats.floors import beside, least_share
from harness.judgement.stats.shared import Shared
from harness.judgement.stats.statistics import FAIL_CONFIDENCE, Bounds, share_bounds
from harness.judgement.stats.swings import changes, slow_swings, thirds
from harness.words import counted

PAIR: Final = 2
"""If a complete window has only this many bad requests, the next cluster is assumed to be no larger than this."""
LASTING: Final = 0.25
"""Longest episode at an edge of the window, as a share of it; a longer one is a change of the platform."""


def share_in_time(slots: Slots, confidence: float, *, claim: bool = False) -> Bounds:
    """The share of bad requests, with bounds that are also valid for clustered requests.

    Args:
        slots: the bad requests in time.
        confidence: confidence of each bound.
        claim: whether a PASS or FAIL of the platform is based on these bounds. Then bad requests that last until the end of the window are an episode too,
            `thirds` of the window count, and the bounds of a FAIL are at least `least_share`.
    """
    found = _share_in_time(slots, confidence, claim=claim)
    if not (claim and found.clustered):
        return found
    least, most = (
        max(least_share(one), without_episodes(one, confidence, claim=True).fail_low)
        for one in (slots, slots.mirrored())
    )
    return replace(found, fail_low=max(found.fail_low, least), fail_high=min(found.fail_high, 1 - most))


def without_episodes(slots: Slots, confidence: float, *, claim: bool = False) -> Bounds:
    """The bounds of a window if its episodes had the share of bad requests of the other time.

    So a further outage does not weaken the evidence of the other time. For a window without episodes the lower bounds are 0.
    """
    rest = beside(slots)
    if rest is None:
        return replace(share_bounds(0, int(slots.n.sum()), confidence), low=0.0, fail_low=0.0)
    return _share_in_time(rest, confidence, claim=claim)


def _share_in_time(slots: Slots, confidence: float, *, claim: bool) -> Bounds:
    n, bad = int(slots.n.sum()), int(slots.bad.sum())
    if 2 * bad > n:
        return _complement(_share_in_time(slots.mirrored(), confidence, claim=claim))
    exact = share_bounds(bad, n, confidence)
    if not bad:
        return exact
    episodes = episodes_of(slots)
    rules: list[Clustering] = [_by_shared(slots, shared) for shared in slots.shared if is_shared(shared)]
    by_time = [_by_time(slots, episodes)] if len(episodes) or is_spread(slots) else []
    changed = _changed(episodes, len(slots.n))
    rules += [] if changed else by_time
    cluster = max([1.0, *(one.size for one in rules)])
    rules += [] if changed else slow_swings(slots)
    rules += changes(slots, max([1.0, *(one.size for one in rules)]), cluster)
    if claim:
        rules += [*(by_time if changed else []), *thirds(slots, exact)]
    if bad == PAIR:
        rules = [replace(one, next_size=min(one.next_size, float(PAIR)), few=False) for one in rules]
    return _widest(exact, rules) if rules else exact


def _widest(exact: Bounds, rules: list[Clustering]) -> Bounds:
    """The widest bounds, with the method of the rule that has the highest."""
    telling = [one for one in rules if one.telling]
    widest = max(telling or rules, key=lambda one: one.at_most(exact.confidence))
    return replace(
        exact,
        low=min(exact.low, *(one.at_least(exact.confidence) for one in rules)),
        high=max([exact.high, *(one.at_most(exact.confidence) for one in telling)]),
        fail_low=min(exact.fail_low, *(one.at_least(FAIL_CONFIDENCE) for one in rules)),
        fail_high=max(exact.fail_high, *(one.at_most(FAIL_CONFIDENCE) for one in rules)),
        method=widest.method,
        clustered=True,
        why=widest.why,
        longer=lambda times: _widest(
            share_bounds(exact.value * exact.n * times, exact.n * times, exact.confidence),
            [one.longer(times) for one in rules],
        ),
    )


def _changed(episodes: Episodes, count: int) -> bool:
    """Whether an episode is a change: too long, and at the begin or end of the window."""
    edge = (episodes.starts == 0) | (episodes.ends == count)
    return bool((edge & (episodes.ends - episodes.starts > LASTING * count)).any())


def _by_time(slots: Slots, episodes: Episodes) -> Clustering:
    """Clusters by time: the episodes, and the rest in clusters of the size of their design effect."""
    n, bad = int(slots.n.sum()), int(slots.bad.sum())
    effect = design_effect(episodes.rest)
    found = len(episodes)
    seen = f"{counted(found, 'episode')}, the longest {episodes.longest_s:.3g} s"
    return Clustering(
        rule=f"time ({seen if found else f'design effect {effect:.3g}'})",
        n=n,
        bad=bad,
        squares=float((episodes.sizes**2).sum()) + effect * max(bad - float(episodes.sizes.sum()), 0.0),
        next_size=max(NEXT_LARGER * _worst(slots, episodes) if found else 1.0, effect),
        few=bool(found),
    )


def _worst(slots: Slots, episodes: Episodes) -> float:
    """The size of the worst episode, as many requests as are usual in its time.

    How many of a route an episode meets varies by chance, which is in the bounds already. Half of the observed size at least:
    where more requests come because of the episode, as repeated ones, that is no chance.
    """
    if slots.lasting is None or len(episodes) >= ENOUGH:
        return episodes.worst
    per_s = float(slots.n.sum()) / slots.seconds
    spans = zip(episodes.starts.tolist(), episodes.ends.tolist(), strict=True)
    usual = [per_s * slots.lasting(start, end) for start, end in spans]
    return float(np.clip(usual, episodes.sizes / 2, episodes.sizes).max(initial=1.0))


def _by_shared(slots: Slots, shared: Shared) -> Clustering:
    """Clusters by journey or connection, beyond what each has by chance.

    The next cluster is assumed to be at most as large as the largest journey or connection.
    """
    n, bad = int(slots.n.sum()), int(slots.bad.sum())
    share = bad / n
    unknown = bad - int(shared.bad.sum())
    several = int((shared.bad > 1).sum())
    return Clustering(
        rule=f"{shared.what} ({several} with several)",
        n=n,
        bad=bad,
        squares=max(squares_over_chance(shared, share) + unknown, float(bad)),
        next_size=max(min(NEXT_LARGER * float((shared.bad - share * shared.n).max()), float(shared.n.max())), 1.0),
        few=True,
    )


def _complement(bounds: Bounds) -> Bounds:
    longer = bounds.longer
    return replace(
        bounds,
        longer=None if longer is None else lambda times: _complement(longer(times)),
        value=1 - bounds.value,
        low=1 - bounds.high,
        high=1 - bounds.low,
        fail_low=1 - bounds.fail_high,
        fail_high=1 - bounds.fail_low,
    )
