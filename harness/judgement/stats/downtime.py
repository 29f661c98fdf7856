"""Uptime by seconds: the share of time without outages, instead of the share of successful probes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from harness.judgement.recovery.requests import GAP_NS
from harness.judgement.stats.clusters import Floats, Timeline, episodes_of, kish
from harness.judgement.stats.effective import ENOUGH, NEXT_LARGER, sum_at_least, sum_at_most
from harness.judgement.stats.statistics import FAIL_CONFIDENCE, Bounds
from harness.model.records.table import Bools, Ints
from harness.words import counted

LONE: Final = 1.5
"""Maximum length of an outage of one failed probe, in probe spacings."""
RARE: Final = 3
"""Expected number of events of which none occurs in 5 % of windows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Downtime:
    """Outages of an entry within the time that it was probed.

    Attributes:
        seconds: length of each outage in s, in order; short interruptions of one episode are one outage.
        watched_s: probed time in s; gaps of more than 250 ms between probes are neither up nor down.
        spacing_s: median time between probes in s; the assumed length of an unobserved outage.
        probes: number of probes.
    """

    seconds: Floats
    watched_s: float
    spacing_s: float
    probes: int

    @property
    def long(self) -> bool:
        """Whether an outage was longer than one failed probe."""
        return bool(self.seconds.max(initial=0.0) > LONE * self.spacing_s)

    @property
    def next_s(self) -> float:
        """Assumed length of the next outage in s; at least one probe spacing."""
        worst = max(float(self.seconds.max(initial=0.0)), self.spacing_s)
        return NEXT_LARGER * worst if self.long else worst

    @property
    def effective(self) -> float:
        """Effective number of outages (Kish); 0.0 without outages."""
        return kish(self.seconds[self.seconds > 0])  # an outage of length 0 is no evidence


def joined(windows: Sequence[Downtime]) -> Downtime:
    """The downtime of several windows; no outage extends across two windows."""
    return Downtime(
        seconds=np.concatenate([np.zeros(0), *(down.seconds for down in windows)]),
        watched_s=math.fsum(down.watched_s for down in windows),
        spacing_s=max((down.spacing_s for down in windows), default=0.0),
        probes=sum(down.probes for down in windows),
    )


def downtime_of(sent_ns: Ints, failed: Bools, span: tuple[int, int]) -> Downtime:
    """Outages in [start, end): each from its first failed probe to the next successful one.

    A failed probe before a gap of more than 250 ms counts as one spacing.

    Args:
        sent_ns: send time of each probe in ns, in any order.
        failed: whether each probe failed.
        span: start and end of the window, in ns.
    """
    order = np.lexsort((failed, sent_ns))
    sent, bad = sent_ns[order], failed[order]
    until_next = np.diff(np.append(sent, max(span[1], int(sent.max(initial=0)))))
    near = until_next <= GAP_NS
    spacing = float(np.median(until_next[near])) if near.any() else 0.0
    costs = np.where(near, until_next, spacing) / 1e9
    begins = bad & ~np.concatenate([[False], bad[:-1]])
    run = np.cumsum(begins)[bad] - 1  # the run of failures of each failed probe
    outage = _outage_of_runs(begins, bad, Timeline.of(sent, span))
    return Downtime(
        seconds=np.bincount(outage[run], weights=costs[bad]).astype(np.float64),
        watched_s=float(costs.sum()),
        spacing_s=spacing / 1e9,
        probes=len(sent),
    )


def _outage_of_runs(begins: Bools, bad: Bools, timeline: Timeline) -> Ints:
    """The number of the outage of each run of failures; runs that begin in one episode are one outage."""
    episodes, first = episodes_of(timeline.slots(bad)), timeline.slot[begins]
    episode = np.searchsorted(episodes.starts, first, side="right") - 1
    inside = (episode >= 0) & (first < np.append(episodes.ends, 0)[episode])
    alone = ~inside | (np.diff(episode, prepend=-2) != 0)
    return np.asarray(np.cumsum(alone) - 1, dtype=np.int64)


def uptime_by_seconds(down: Downtime, confidence: float) -> Bounds:
    """The share of the watched time without outage, with bounds at `confidence` and FAIL_CONFIDENCE.

    The bounds assume one more outage than was observed (Fay and Feuer). Fewer than 15 outages do not show how often outages occur, and `claim` says
    this.
    """
    return _uptime(down, confidence, 1.0)


def _uptime(down: Downtime, confidence: float, times: float) -> Bounds:
    """The bounds if the same outages went on for `times` as long."""
    (least, most), (fail_least, fail_most) = (_share_down(down, sure, times) for sure in (confidence, FAIL_CONFIDENCE))
    few = down.effective < ENOUGH
    return Bounds(
        value=1 - min(float(down.seconds.sum()) / down.watched_s, 1.0) if down.watched_s else math.nan,
        low=1 - most,
        high=1 - least,
        fail_low=1 - fail_most,
        fail_high=1 - fail_least,
        confidence=confidence,
        n=round(down.probes * times),
        longer=lambda more: _uptime(down, confidence, more),
        method=f"seconds down of seconds watched, {outages_of(down)}: {_way(down)}",
        clustered=True,
        why=f"{outages_of(down)} in {down.watched_s:.4g} s do not show how often outages occur"
        if down.long and few
        else "",
        claim=f"observed in {down.watched_s:.4g} s (outages that occur fewer than {RARE} times in this time may be missed)"
        if few
        else "",
    )


def _share_down(down: Downtime, confidence: float, times: float) -> tuple[float, float]:
    if not down.watched_s:
        return 0.0, 1.0
    total, squares = times * float(down.seconds.sum()), times * float((down.seconds**2).sum())
    most, watched_s = sum_at_most(total, squares, down.next_s, confidence), times * down.watched_s
    return sum_at_least(total, squares, confidence) / watched_s, min(most / watched_s, 1.0)


def outages_of(down: Downtime) -> str:
    """Number of outages and the longest one, in words: `2 outages, the longest 0.12 s`."""
    count = len(down.seconds)
    return f"{counted(count, 'outage') if count else 'no outages'}" + (
        f", the longest {down.seconds.max():.3g} s" if count else ""
    )


def _way(down: Downtime) -> str:
    each = f"{NEXT_LARGER:g} times the longest" if down.long else "one probe spacing"
    return f"sum of outages plus one assumed outage of {each} (Fay-Feuer)"


def probes_needed(down: Downtime, share: float, confidence: float) -> int | None:
    """Minimum number of probes that prove a downtime below this share; None if impossible.

    The outages are assumed to stay as observed.
    """
    if share <= 0 or not down.spacing_s:
        return None
    total, squares = float(down.seconds.sum()), float((down.seconds**2).sum())
    return math.ceil(sum_at_most(total, squares, down.next_s, confidence) / share / down.spacing_s)
