"""Uptime by seconds: how long it was down, not how many looks failed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from harness.judgement.receipts.watch import GAP_NS
from harness.judgement.stats.clusters import Floats, Timeline, episodes_of, kish
from harness.judgement.stats.effective import ENOUGH, NEXT_LARGER, sum_at_least, sum_at_most
from harness.judgement.stats.statistics import FAIL_CONFIDENCE, Bounds
from harness.model.table import Bools, Ints

LONE: Final = 1.5
"""An outage of one failed probe lasts at most so many times the usual time from probe to probe."""
RARE: Final = 3
"""Of what is to be expected so often, none is seen in 5 % of windows."""


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
    def long(self) -> bool:
        """Whether an outage lasted longer than a lone probe can show."""
        return bool(self.seconds.max(initial=0.0) > LONE * self.spacing_s)

    @property
    def next_s(self) -> float:
        """How long the next outage may last: of no outage longer than a lone probe shows, as long as probes are apart."""
        worst = max(float(self.seconds.max(initial=0.0)), self.spacing_s)
        return NEXT_LARGER * worst if self.long else worst

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
    """The share of the watched time that was up.

    The bounds are those of the outages that were observed, with one more to come (Fay and Feuer). They are no bounds of what was not:
    fewer than 15 outages do not tell how often outages come, and `claim` says so.
    """
    (least, most), (fail_least, fail_most) = (_share_down(down, sure) for sure in (confidence, FAIL_CONFIDENCE))
    few = down.effective < ENOUGH
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
        why=f"{outages_of(down)} in {down.watched_s:.4g} s are too few to know how often they come"
        if down.long and few
        else "",
        claim=f"observed in {down.watched_s:.4g} s; outages that come fewer than {RARE} times in that time may be missed"
        if few
        else "",
    )


def _share_down(down: Downtime, confidence: float) -> tuple[float, float]:
    if not down.watched_s:
        return 0.0, 1.0
    total, squares = float(down.seconds.sum()), float((down.seconds**2).sum())
    most = sum_at_most(total, squares, down.next_s, confidence)
    return sum_at_least(total, squares, confidence) / down.watched_s, min(most / down.watched_s, 1.0)


def outages_of(down: Downtime) -> str:
    """How many outages, and how long the longest was: `2 outages, the longest 0.12 s`."""
    count = len(down.seconds)
    return f"{count or 'no'} outage{'' if count == 1 else 's'}" + (
        f", the longest {down.seconds.max():.3g} s" if count else ""
    )


def _way(down: Downtime) -> str:
    each = f"{NEXT_LARGER:g} times the longest" if down.long else "the time from probe to probe"
    return f"sum of outages with one to come of {each} (Fay-Feuer)"


def looks_needed(down: Downtime, share: float, confidence: float) -> int | None:
    """Minimum number of probes that prove less than this share of the time down, with the outages observed; None if no number does."""
    if share <= 0 or not down.spacing_s:
        return None
    total, squares = float(down.seconds.sum()), float((down.seconds**2).sum())
    return math.ceil(sum_at_most(total, squares, down.next_s, confidence) / share / down.spacing_s)
