"""Bounds of a share from requests that need not be independent.

The bad ones are clustered by every rule that the data support: by time, by journey, by connection, by slow swings of the share, by a change.
Each has its bounds, and the widest count. Constants were chosen by simulation (`benchmarks/coverage.py`); `docs/statistics.md` tells
people about them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from harness.judgement.stats.clusters import Episodes, Slots, design_effect, episodes_of, is_shared, is_spread
from harness.judgement.stats.effective import NEXT_LARGER, Clustering
from harness.judgement.stats.shared import Shared
from harness.judgement.stats.statistics import FAIL_CONFIDENCE, Bounds, share_bounds
from harness.judgement.stats.swings import changes, slow_swings

LASTING: Final = 0.25
"""What lasts longer than this share of the window, from its begin or to its end, is no episode: the platform has changed."""


def share_in_time(slots: Slots, confidence: float) -> Bounds:
    """The share of bad ones, with bounds that hold for clustered requests as well; its method says which, and why."""
    n, bad = int(slots.n.sum()), int(slots.bad.sum())
    if 2 * bad > n:
        return _complement(share_in_time(slots.mirrored(), confidence))
    exact = share_bounds(bad, n, confidence)
    if not bad:
        return exact
    episodes = episodes_of(slots)
    rules: list[Clustering] = [_by_shared(slots, shared) for shared in slots.shared if is_shared(shared)]
    if not _changed(episodes, len(slots.n)):
        rules += [_by_time(slots, episodes)] if len(episodes) or is_spread(slots) else []
        rules += slow_swings(slots)
    size = max([1.0, *(one.size for one in rules)])
    rules += changes(slots, size)
    return _widest(exact, rules) if rules else exact


def _widest(exact: Bounds, rules: list[Clustering]) -> Bounds:
    """The bounds that are furthest out, with the words of the rule that has the highest."""
    widest = max(rules, key=lambda one: one.at_most(exact.confidence))
    return replace(
        exact,
        low=min(exact.low, *(one.at_least(exact.confidence) for one in rules)),
        high=max(exact.high, *(one.at_most(exact.confidence) for one in rules)),
        fail_low=min(exact.fail_low, *(one.at_least(FAIL_CONFIDENCE) for one in rules)),
        fail_high=max(exact.fail_high, *(one.at_most(FAIL_CONFIDENCE) for one in rules)),
        method=f"share, clustered by {widest.rule}: exact binomial bounds (Clopper-Pearson) for an effective count of {widest.effective:.3g}",
        clustered=True,
        why=widest.why,
    )


def _changed(episodes: Episodes, count: int) -> bool:
    """Whether an episode is none: it is too long, and lies at the window's begin or end."""
    edge = (episodes.starts == 0) | (episodes.ends == count)
    return bool((edge & (episodes.ends - episodes.starts > LASTING * count)).any())


def _by_time(slots: Slots, episodes: Episodes) -> Clustering:
    """The episodes, and the other bad ones in clusters of the size that their design effect says."""
    n, bad = int(slots.n.sum()), int(slots.bad.sum())
    effect = design_effect(episodes.rest)
    found = len(episodes)
    seen = f"{found} episode{'s' if found > 1 else ''}, the longest {episodes.longest_s:.3g} s"
    return Clustering(
        rule=f"time ({seen if found else f'design effect {effect:.3g}'})",
        n=n,
        bad=bad,
        squares=float((episodes.sizes**2).sum()) + effect * max(bad - float(episodes.sizes.sum()), 0.0),
        next_size=max(NEXT_LARGER * episodes.worst if found else 1.0, effect),
        few=bool(found),
    )


def _by_shared(slots: Slots, shared: Shared) -> Clustering:
    """The bad ones by journey or connection, beyond what each has by chance; the next is no worse than the largest is large."""
    n, bad = int(slots.n.sum()), int(slots.bad.sum())
    share = bad / n
    excess = shared.bad - share * shared.n
    unknown = bad - int(shared.bad.sum())
    several = int((shared.bad > 1).sum())
    return Clustering(
        rule=f"{shared.what} ({several} with several)",
        n=n,
        bad=bad,
        squares=max(float((excess**2).sum()) / (1 - share) + unknown, float(bad)),
        next_size=max(min(NEXT_LARGER * float(excess.max()), float(shared.n.max())), 1.0),
        few=True,
    )


def _complement(bounds: Bounds) -> Bounds:
    return replace(
        bounds,
        value=1 - bounds.value,
        low=1 - bounds.high,
        high=1 - bounds.low,
        fail_low=1 - bounds.fail_high,
        fail_high=1 - bounds.fail_low,
    )
