"""Bounds of a share from looks that need not be independent.

Where nothing speaks against independence the bounds are the exact ones. Else the widest of three counts: the exact ones, a t interval
over twenty batches of time, and the interval over episodes. Which methods and constants was decided by simulation
(`benchmarks/coverage.py`), and is told to people in `docs/statistics.md`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from scipy.special import gammaincinv, stdtrit

from harness.judgement.stats.clusters import BATCHES, Episodes, Slots, design_effect, episodes_of, is_spread
from harness.judgement.stats.statistics import FAIL_CONFIDENCE, Bounds, share_at_least, share_at_most, share_bounds
from harness.judgement.stats.swings import (
    BY_SWINGS,
    CHANGED_FOR_GOOD,
    WAVES,
    swing_effect,
    swing_interval,
    widened_for_change,
    widened_for_swings,
)

ENOUGH: Final = 15
"""Effective episodes from which on their sizes are taken to be known; of fewer, each counts as much as the worst, and batches bear no interval."""
UNSEEN: Final = 2.0
"""The next episode may be this many times as bad as the worst seen: with heavy tails (log-normal, sigma 1.5) 1 covers 86 % and 2 covers 95 %."""
LASTING: Final = 0.25
"""What lasts longer than this share of the window, and to its end, is no episode: the platform has changed."""
SWINGING: Final = 1.645 / math.sqrt(BATCHES)
"""Correlation of neighbouring batches that chance exceeds once in twenty."""

Interval = tuple[float, float]


def episodes_at_most(count: int, confidence: float) -> float:
    """Upper bound of the expected number of episodes of which so many were seen: 3.0 of none, 4.7 of one, 6.3 of two at 95 %.

    Source: F. Garwood, "Fiducial limits for the Poisson distribution", Biometrika 28 (1936).
    """
    return float(gammaincinv(count + 1, confidence))


def sum_at_most(total: float, squares: float, unseen: float, confidence: float) -> float:
    """Upper bound of a sum of episodes whose number is Poisson; `squares` is the sum of their squares, `unseen` the size of the next.

    Source: M. P. Fay and E. J. Feuer, "Confidence intervals for directly standardized rates: a method based on the gamma
    distribution", Statistics in Medicine 16 (1997), equation 2: weights are the sizes of the episodes. With equal sizes it is Garwood's.
    """
    scale = (squares + unseen**2) / (total + unseen)
    return scale * float(gammaincinv((total + unseen) / scale, confidence))


def sum_at_least(total: float, squares: float, confidence: float) -> float:
    """Lower bound of a sum of episodes; 0.0 of none. Source as `sum_at_most`, equation 3."""
    if total <= 0 or squares <= 0:
        return max(total, 0.0)
    return squares / total * float(gammaincinv(total**2 / squares, 1 - confidence))


@dataclass(frozen=True, kw_only=True, slots=True)
class Pattern:
    """How the bad ones of a window lie in time.

    Attributes:
        slots: the counts; of good ones where `mirrored`: what is rare in time is the episode.
        mirrored: whether good and bad are exchanged.
        episodes: of `slots`.
        effect: design effect of what is outside of episodes.
    """

    slots: Slots
    mirrored: bool
    episodes: Episodes
    effect: float

    @property
    def changed(self) -> bool:
        """Whether the last episode is a change for good."""
        ends, count = self.episodes.ends, len(self.slots.n)
        return bool(len(ends) and ends[-1] == count and count - self.episodes.starts[-1] > LASTING * count)

    @property
    def batch_s(self) -> float | None:
        """Length of a batch; None where twenty batches would not be longer than the longest episode, or would be empty."""
        length = self.slots.seconds / BATCHES
        whole = len(self.slots.n) >= BATCHES and bool(self.slots.batches().n.all())
        return length if whole and length > self.episodes.longest_s else None


def pattern_of(slots: Slots) -> Pattern | None:
    """The clusters among these looks; None where they look independent.

    Stretches with few bad ones are found among the good ones; what takes less of the time is the episode, and the rest the background.
    """
    bad = Pattern(slots=slots, mirrored=False, episodes=episodes_of(slots), effect=1.0)
    found = bad
    if not 0 < 2 * bad.episodes.taken < len(slots.n):
        mirror = slots.mirrored()
        good = Pattern(slots=mirror, mirrored=True, episodes=episodes_of(mirror), effect=1.0)
        if 0 < good.episodes.taken < (bad.episodes.taken or math.inf):
            found = good
    if len(found.episodes) or is_spread(slots):
        return replace(found, effect=design_effect(found.episodes.rest))
    return None


def by_episodes(pattern: Pattern, confidence: float) -> Interval:
    """Bounds of the share from the episodes and the background.

    From 15 effective episodes on the interval of a sum (Fay and Feuer) in which each look of the background is an episode of its own
    size, the design effect. Below, as many episodes as may be expected at most (Garwood), each as bad as the worst; the lower
    bound takes the bad ones as coming in episodes as bad as the worst, too.
    """
    episodes, n = pattern.episodes, int(pattern.slots.n.sum())
    rest_n, rest_bad = int(episodes.rest.n.sum()), int(episodes.rest.bad.sum())
    if episodes.effective >= ENOUGH:
        expected = episodes.background * n
        alone = pattern.effect * (1 - episodes.background) * n / max(rest_n, 1)
        squares = float((episodes.sizes**2).sum()) + expected * alone
        total, unseen = float(pattern.slots.bad.sum()), UNSEEN * max(episodes.worst, pattern.effect)
        return sum_at_least(total, squares, confidence) / n, sum_at_most(total, squares, unseen, confidence) / n
    least = share_at_least(rest_bad / pattern.effect, rest_n / pattern.effect, confidence)
    most = share_at_most(rest_bad / pattern.effect, rest_n / pattern.effect, confidence)
    if len(episodes):
        worst = episodes.worst
        least += worst * float(gammaincinv(episodes.sizes.sum() / worst, 1 - confidence)) / n
        most += worst * episodes_at_most(len(episodes), confidence) / n
    return least, min(most, 1.0)


def by_batches(pattern: Pattern, confidence: float) -> Interval:
    """Bounds of the share from the spread of twenty batches of time: ratio estimator and t interval.

    Where neighbouring batches go together, twenty are worth fewer: 20 (1 - r) / (1 + r).
    Source: W. G. Cochran, "Sampling Techniques", 3rd ed. (1977), sections 6.3 and 8.3.
    """
    batches = pattern.slots.batches()
    share = float(batches.bad.sum() / batches.n.sum())
    off = batches.bad - share * batches.n
    squares = float((off**2).sum())
    together = float((off[1:] * off[:-1]).sum()) / squares if squares else 0.0
    worth = BATCHES * (1 - together) / (1 + together) if together > SWINGING else float(BATCHES)
    error = math.sqrt(BATCHES / worth * BATCHES / (BATCHES - 1) * squares) / float(batches.n.sum())
    reach = float(stdtrit(max(worth - 1, 1.0), confidence)) * error
    return max(share - reach, 0.0), min(share + reach, 1.0)


def after_change(pattern: Pattern, confidence: float) -> Interval:
    """Exact bounds, of the whole window and of what came after the change: what lasts to the end is how it is now."""
    start = int(pattern.episodes.starts[-1])
    parts = [(int(s.bad.sum()), int(s.n.sum())) for s in (pattern.slots, pattern.slots.after(start))]
    lows = [share_at_least(k, n, confidence) for k, n in parts]
    return min(lows), max(share_at_most(k, n, confidence) for k, n in parts)


def share_in_time(slots: Slots, confidence: float) -> Bounds:
    """The share of bad ones with bounds that hold for clustered looks as well; its method says which, and why."""
    exact = share_bounds(int(slots.bad.sum()), int(slots.n.sum()), confidence)
    pattern = pattern_of(slots)
    if pattern is None:
        return widened_for_change(widened_for_swings(exact, slots), slots, LASTING)
    (low, high), method = _widest(pattern, confidence)
    (fail_low, fail_high), _ = _widest(pattern, FAIL_CONFIDENCE)
    bounds = replace(
        exact,
        low=low,
        high=high,
        fail_low=fail_low,
        fail_high=fail_high,
        method=f"share, clustered in time ({_seen(pattern)}): {method}",
        clustered=True,
        why=_why(pattern),
    )
    return bounds if pattern.changed else widened_for_change(bounds, slots, LASTING)


def _widest(pattern: Pattern, confidence: float) -> tuple[Interval, str]:
    """The bounds that are furthest out of all that apply, and the name of the widest interval."""
    found = {name: interval(pattern, confidence) for name, interval in _ways(pattern)}
    low, high = min(low for low, _ in found.values()), max(high for _, high in found.values())
    widest = max(found, key=lambda name: found[name][1] - found[name][0])
    return (1 - high, 1 - low) if pattern.mirrored else (low, high), widest


def _ways(pattern: Pattern) -> Iterator[tuple[str, Callable[[Pattern, float], Interval]]]:
    episodes = pattern.episodes
    if pattern.changed:
        yield "exact bounds of the whole window and of what came after the change", after_change
        return
    yield "exact binomial bounds", _exact
    if episodes.effective >= ENOUGH:
        yield "interval of a sum of episodes (Fay-Feuer)", by_episodes
    elif len(episodes):
        yield "as many episodes as may be expected, each as bad as the worst (Poisson)", by_episodes
    else:
        yield "exact binomial bounds of as many independent looks as these are worth", by_episodes
    effect = swing_effect(pattern.slots, suspicious=1.0)  # that looks hang together is known
    if effect > 1 and not 0 < episodes.effective <= WAVES:  # so few episodes say nothing of waves
        yield BY_SWINGS, lambda of, confidence: swing_interval(of.slots, effect, confidence)
    if pattern.batch_s is not None:
        yield f"t interval over {BATCHES} batches of {pattern.batch_s:.3g} s", by_batches


def _exact(pattern: Pattern, confidence: float) -> Interval:
    k, n = int(pattern.slots.bad.sum()), int(pattern.slots.n.sum())
    return share_at_least(k, n, confidence), share_at_most(k, n, confidence)


def _seen(pattern: Pattern) -> str:
    episodes = pattern.episodes
    if not len(episodes):
        return f"design effect {pattern.effect:.3g}"
    return f"{len(episodes)} episode{'s' if len(episodes) > 1 else ''}, the longest {episodes.longest_s:.3g} s"


def _why(pattern: Pattern) -> str:
    """Why these looks bear less than so many independent ones; empty where more looks are all that lacks."""
    if pattern.changed:
        return CHANGED_FOR_GOOD
    if len(pattern.episodes) and pattern.episodes.effective < ENOUGH:
        return f"they came in time together ({_seen(pattern)}), and fewer than {ENOUGH} episodes bear no bound of their own"
    return ""
