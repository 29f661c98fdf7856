"""Uptime by seconds: how long it was down, not how many looks failed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaincinv

from harness.judgement.receipts.watch import GAP_NS
from harness.judgement.stats.clustered import ENOUGH, UNSEEN, Interval, episodes_at_most, sum_at_least, sum_at_most
from harness.judgement.stats.clusters import Floats, Timeline, episodes_of, kish
from harness.judgement.stats.statistics import FAIL_CONFIDENCE, Bounds
from harness.model.table import Bools, Ints


@dataclass(frozen=True, kw_only=True, slots=True)
class Downtime:
    """The seconds that were down among those that were watched.

    Attributes:
        seconds: of each outage, in order; flaps that came together in time are one.
        watched_s: how long was watched; gaps of more than 250 ms between looks are neither up nor down.
        spacing_s: the usual time from look to look; an outage that nobody saw is taken to last so long.
        looks: how many there were.
    """

    seconds: Floats
    watched_s: float
    spacing_s: float
    looks: int

    @property
    def worst_s(self) -> float:
        """The longest outage; never less than the spacing of the looks."""
        return max(float(self.seconds.max(initial=0.0)), self.spacing_s)

    @property
    def effective(self) -> float:
        """How many equal outages bear as much evidence (Kish); 0.0 of none."""
        return kish(self.seconds[self.seconds > 0])  # one of no length, seen by a lone probe, bears nothing


def joined(windows: Sequence[Downtime]) -> Downtime:
    """The downtime of several windows together: no outage lasts from one into the next."""
    return Downtime(
        seconds=np.concatenate([np.zeros(0), *(down.seconds for down in windows)]),
        watched_s=math.fsum(down.watched_s for down in windows),
        spacing_s=max((down.spacing_s for down in windows), default=0.0),
        looks=sum(down.looks for down in windows),
    )


def downtime_of(sent_ns: Ints, failed: Bools, span: tuple[int, int]) -> Downtime:
    """Outages in [start, end): each from the first failed look that was sent to the first good one sent after it.

    A failed look before a gap of more than 250 ms costs the usual spacing, as nobody knows more.
    """
    order = np.lexsort((failed, sent_ns))
    sent, bad = sent_ns[order], failed[order]
    until_next = np.diff(np.append(sent, max(span[1], int(sent.max(initial=0)))))
    near = until_next <= GAP_NS
    spacing = float(np.median(until_next[near])) if near.any() else 0.0
    costs = np.where(near, until_next, spacing) / 1e9
    begins = bad & ~np.concatenate([[False], bad[:-1]])
    run = np.cumsum(begins)[bad] - 1  # which run of failures a failed look lies in
    outage = _outage_of_runs(begins, bad, Timeline.of(sent, span))
    return Downtime(
        seconds=np.bincount(outage[run], weights=costs[bad]).astype(np.float64),
        watched_s=float(costs.sum()),
        spacing_s=spacing / 1e9,
        looks=len(sent),
    )


def _outage_of_runs(begins: Bools, bad: Bools, timeline: Timeline) -> Ints:
    """The number of the outage that each run of failures belongs to: those that begin in one episode are one."""
    episodes, first = episodes_of(timeline.slots(bad)), timeline.slot[begins]
    episode = np.searchsorted(episodes.starts, first, side="right") - 1
    inside = (episode >= 0) & (first < np.append(episodes.ends, 0)[episode])
    alone = ~inside | (np.diff(episode, prepend=-2) != 0)
    return np.asarray(np.cumsum(alone) - 1, dtype=np.int64)


def uptime_by_seconds(down: Downtime, confidence: float) -> Bounds:
    """Share of the watched seconds that were up, with bounds over outages, however long each was.

    From 15 effective outages on by the interval of a sum (Fay and Feuer); below, as many outages as may be expected (Garwood),
    each as long as the longest. Nothing else about an outage is assumed than that outages come independently.
    """
    (least, most), (fail_least, fail_most) = (_share_down(down, sure) for sure in (confidence, FAIL_CONFIDENCE))
    few = 0 < down.effective < ENOUGH
    return Bounds(
        value=1 - min(float(down.seconds.sum()) / down.watched_s, 1.0) if down.watched_s else math.nan,
        low=1 - most,
        high=1 - least,
        fail_low=1 - fail_most,
        fail_high=1 - fail_least,
        confidence=confidence,
        n=down.looks,
        method=f"seconds down of seconds watched, {outages_of(down)}: {_way(down)}",
        clustered=True,
        why=f"{outages_of(down)} in {down.watched_s:.4g} s are too few to tell how often they come" if few else "",
    )


def _share_down(down: Downtime, confidence: float) -> Interval:
    total, squares = float(down.seconds.sum()), float((down.seconds**2).sum())
    if not down.watched_s:
        return 0.0, 1.0
    if down.effective >= ENOUGH:
        least = sum_at_least(total, squares, confidence)
        most = sum_at_most(total, squares, UNSEEN * down.worst_s, confidence)
    else:
        least = down.worst_s * float(gammaincinv(total / down.worst_s, 1 - confidence)) if total else 0.0
        most = down.worst_s * episodes_at_most(len(down.seconds), confidence)
    return least / down.watched_s, min(most / down.watched_s, 1.0)


def outages_of(down: Downtime) -> str:
    """How many outages, and how long the longest was: `2 outages, the longest 0.12 s`."""
    count = len(down.seconds)
    return f"{count or 'no'} outage{'' if count == 1 else 's'}" + (
        f", the longest {down.worst_s:.3g} s" if count else ""
    )


def _way(down: Downtime) -> str:
    if down.effective >= ENOUGH:
        return "interval of a sum of outages (Fay-Feuer)"
    each = "the longest" if len(down.seconds) else "looks are apart"
    return f"as many as may be expected, each as long as {each} (Poisson)"


def looks_needed(down: Downtime, share: float, confidence: float) -> int | None:
    """Fewest looks that bear the claim that less than this share of the time is down, with the outages that were seen; None: no number does."""
    if share <= 0 or not down.spacing_s:
        return None
    seconds = down.worst_s * episodes_at_most(len(down.seconds), confidence) / share
    return math.ceil(seconds / down.spacing_s)
