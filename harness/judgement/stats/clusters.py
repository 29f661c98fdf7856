"""Failures in time: counted in slots, tested for clustering, and gathered into episodes.

Requests that fail or are slow together are one piece of evidence, not many. All functions work on counts per slot, in any order of the samples.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import accumulate, pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from harness.judgement.special import bdtrc, chdtrc, pdtrc
from harness.judgement.stats.shared import Ids, Shared
from harness.model.records.table import Bools, Ints
from harness.units import NS_PER_S

SLOT_NS: Final = 50_000_000
"""A slot is at least this long: shorter stalls are noise of the machine."""
SLOT_PROBES: Final = 10
"""Minimum mean number of samples in a slot. Slots are shorter than both minima if fewer than BATCHES would be left."""
BATCHES: Final = 20
"""Minimum number of parts of a window for comparing them."""
HOT: Final = 0.01
"""Chance of a false episode in a window without clusters (Bonferroni over all slots and lengths)."""
CLUSTERED: Final = 0.05
"""Chance that the variance test calls a window without clusters clustered."""
SUSPECT: Final = 2.0
"""Standard deviations over the background below which no slot can be hot: its tail need not be computed."""
GAP: Final = 2
"""Hot slots with at most this many others between them are one episode."""
ROUNDS: Final = 10
"""Maximum number of estimates of the background without the hot slots; two or three usually suffice."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Slots:
    """Counts of requests or probes in each slot of a window.

    Attributes:
        width_s: length of a slot in s.
        n: number of requests per slot.
        bad: number of bad requests per slot.
        parts: index of the first slot of each joined window; no cluster extends across the boundary of two windows.
        shared: counts of the same requests by journey, connection and account.
        outside: returns `shared` for the requests outside of the slots where a mask is true; None: unknown.
        lasting: returns the seconds between the last good request before, and the first after, the bad requests of the slots [start, end); None: unknown.
    """

    width_s: float
    n: Ints
    bad: Ints
    parts: tuple[int, ...] = (0,)
    shared: tuple[Shared, ...] = ()
    outside: Callable[[Bools], tuple[Shared, ...]] | None = None
    lasting: Callable[[int, int], float] | None = None

    @property
    def seconds(self) -> float:
        """Length of the window."""
        return self.width_s * len(self.n)

    def mirrored(self) -> Slots:
        """The slots with good and bad requests exchanged, for bounds of the share of good requests."""
        outside = None if self.outside is None else partial(_mirrored_outside, self.outside)
        return replace(self, bad=self.n - self.bad, shared=_mirrored(self.shared), outside=outside, lasting=None)

    def without(self, taken: Bools) -> Slots:
        """The slots with zero counts where `taken` is true."""
        return replace(self, n=np.where(taken, 0, self.n), bad=np.where(taken, 0, self.bad))

    def after(self, start: int) -> Slots:
        """The slots from index `start` on, without `shared`."""
        parts = (0, *(part - start for part in self.parts if part > start))
        return Slots(width_s=self.width_s, n=self.n[start:], bad=self.bad[start:], parts=parts)

    @property
    def pairs(self) -> Ints:
        """Index of the first slot of each pair of neighbours; the last slot of a joined window may have no neighbour."""
        edges = [*self.parts, len(self.n)]
        return np.concatenate([np.arange(first, last, 2) for first, last in pairwise(edges)])

    def doubled(self) -> Slots:
        """Slots twice as long; the last of each joined window may be shorter."""
        starts = self.pairs
        parts = tuple(int(part) for part in np.searchsorted(starts, self.parts))
        n, bad = (np.add.reduceat(counts, starts) if len(counts) else counts for counts in (self.n, self.bad))
        return Slots(width_s=2 * self.width_s, n=n, bad=bad, parts=parts)

    def batches(self) -> Slots:
        """Twenty equal parts of the window, rounded to slots; a window boundary next to an edge replaces the edge."""
        starts = np.arange(BATCHES) * len(self.n) // BATCHES
        for seam in self.parts[1:]:
            nearest = int(np.abs(starts - seam).argmin())
            if nearest and starts[nearest - 1] < seam < np.append(starts, len(self.n))[nearest + 1]:
                starts[nearest] = seam
        n, bad = np.add.reduceat(self.n, starts), np.add.reduceat(self.bad, starts)
        return Slots(width_s=self.seconds / BATCHES, n=n, bad=bad)

    def divided(self, count: int) -> tuple[Ints, Ints]:
        """Numbers of requests and of bad requests in each of `count` equal parts, rounded to slots."""
        starts = np.arange(count) * len(self.n) // count
        return np.add.reduceat(self.n, starts), np.add.reduceat(self.bad, starts)

    def lengths(self) -> Iterator[Slots]:
        """The slots, repeatedly doubled in length, as long as at least twenty remain."""
        slots = self
        while len(slots.n) >= BATCHES:
            yield slots
            slots = slots.doubled()


@dataclass(frozen=True, kw_only=True, slots=True)
class Timeline:
    """The slot of each request or probe of one window, or of several windows joined end to end.

    Attributes:
        width_s: length of a slot in s.
        slot: index of each request's slot.
        n: number of requests per slot.
        times: times of each window's requests, and the number to add for the time since the first slot, in ns.
        parts: index of the first slot of each window.
        ids: the journey, connection and account of each request.
    """

    width_s: float
    slot: Ints
    n: Ints
    times: tuple[tuple[Ints, int], ...]
    parts: tuple[int, ...] = (0,)
    ids: tuple[Ids, ...] = ()

    @classmethod
    def of(cls, at_ns: Ints, span: tuple[int, int], ids: tuple[Ids, ...] = ()) -> Timeline:
        """Assign requests to slots of [start, end); a request outside belongs to the nearest slot."""
        return cls.joined([(at_ns, span)], ids)

    @classmethod
    def joined(cls, windows: Sequence[tuple[Ints, tuple[int, int]]], ids: tuple[Ids, ...] = ()) -> Timeline:
        """Join windows, given by their times and their spans [start, end), end to end in this order.

        Ids, and the values of later calls, must be in the order of the times. No slot extends across two windows. Empty windows are left out.
        """
        kept = [(at_ns, span) for at_ns, span in windows if len(at_ns) or span[1] > span[0]] or list(windows[:1])
        lengths = [max(end_ns - start_ns, 1) for _, (start_ns, end_ns) in kept]
        total, count = sum(lengths), sum(len(at_ns) for at_ns, _ in kept)
        width = max(min(max(SLOT_NS, math.ceil(SLOT_PROBES * total / max(count, 1))), total // BATCHES), 1)
        counts = [math.ceil(length / width) for length in lengths]
        firsts = [0, *accumulate(counts)]
        slots = []
        for (at_ns, (start_ns, _)), first, own in zip(kept, firsts, counts, strict=False):
            slot = at_ns - start_ns
            slot //= width
            np.clip(slot, 0, own - 1, out=slot)
            slot += first
            slots.append(slot)
        slot = slots[0] if len(slots) == 1 else np.concatenate(slots)
        return cls(
            width_s=width / 1e9,
            slot=slot,
            n=np.bincount(slot, minlength=firsts[-1]),
            times=tuple((at_ns, first * width - span[0]) for (at_ns, span), first in zip(kept, firsts, strict=False)),
            parts=tuple(firsts[: len(kept)]),
            ids=ids,
        )

    def slots(self, bad: Bools) -> Slots:
        """Count the bad requests per slot; `bad` is in the order of the times."""
        counted = np.bincount(self.slot[bad], minlength=len(self.n))
        shared = tuple(ids.shared(bad) for ids in self.ids) if counted.sum() > 1 else ()

        def outside(taken: Bools) -> tuple[Shared, ...]:
            rows = np.flatnonzero(~taken[self.slot])
            return tuple(ids.at(rows).shared(bad[rows]) for ids in self.ids)

        return Slots(
            width_s=self.width_s,
            n=self.n,
            bad=counted,
            parts=self.parts,
            shared=shared,
            outside=outside if shared else None,
            lasting=partial(self._lasting, bad),
        )

    def _lasting(self, bad: Bools, start: int, end: int) -> float:
        edges, width = [*self.parts, len(self.n)], round(self.width_s * NS_PER_S)
        first = max(start - 1, *(edge for edge in edges if edge <= start))
        last = min(end + 1, *(edge for edge in edges if edge > start))
        rows = np.flatnonzero((self.slot >= first) & (self.slot < last))
        at = np.clip(np.concatenate([at_ns + since for at_ns, since in self.times])[rows], first * width, last * width)
        worse = at[bad[rows] & (self.slot[rows] >= start) & (self.slot[rows] < end)]
        if not len(worse):
            return 0.0
        good = at[~bad[rows]]
        after = good[good >= worse.max()].min(initial=last * width)
        return float(after - good[good <= worse.min()].max(initial=first * width)) / NS_PER_S


def _mirrored(groups: tuple[Shared, ...]) -> tuple[Shared, ...]:
    return tuple(replace(one, bad=one.n - one.bad) for one in groups)


def _mirrored_outside(outside: Callable[[Bools], tuple[Shared, ...]], taken: Bools) -> tuple[Shared, ...]:
    return _mirrored(outside(taken))


def is_shared(shared: Shared) -> bool:
    """Whether bad requests are clustered by journey or connection, by the test of `is_spread`."""
    k, n = int(shared.bad.sum()), int(shared.n.sum())
    return 1 < k < n and _chance(shared, k, n) < CLUSTERED


def variance_over_chance(shared: Shared) -> float:
    """The design effect of journeys, connections or accounts; at least 1. Source: see `design_effect`."""
    k, n = int(shared.bad.sum()), int(shared.n.sum())
    return max(squares_over_chance(shared, k / n) / k, 1.0) if 0 < k < n else 1.0


def squares_over_chance(shared: Shared, share: float) -> float:
    """The sum of the squared numbers of bad requests of journeys, connections or accounts, less the number by chance at this share."""
    return float(((shared.bad - share * shared.n) ** 2).sum()) / (1 - share)


def is_spread(slots: Slots) -> bool:
    """Whether the number of bad requests varies more between slots than chance explains, at any slot length.

    The variance test for a binomial share, at lengths that double from one slot to a twentieth of the window (Bonferroni). Where
    bad requests are rare its chi-square rejects too often, so the number of pairs within a slot must be improbable too (Poisson).
    A runs test (Wald and Wolfowitz 1940) would need the samples in order; this one needs counts only.
    Source: W. G. Cochran, "Some methods for strengthening the common chi-square tests", Biometrics 10 (1954), section 4.
    """
    k, n = int(slots.bad.sum()), int(slots.n.sum())
    rare = slots if 2 * k <= n else slots.mirrored()
    k = min(k, n - k)
    chances = [_chance(part, k, n) for part in rare.lengths()] if k > 1 else []
    return min(chances, default=1.0) * len(chances) < CLUSTERED if chances else False


def _chance(slots: Slots | Shared, k: int, n: int) -> float:
    pairs = int((slots.bad * (slots.bad - 1)).sum()) // 2
    if not pairs:
        return 1.0
    by_chance = float((slots.n * (slots.n - 1.0)).sum()) / 2 * (k / n) * (k - 1) / (n - 1)
    excess, df = _excess(slots, k / n)
    return max(chdtrc(df, excess), pdtrc(pairs - 1, by_chance))


def _excess(slots: Slots | Shared, share: float) -> tuple[float, int]:
    """The chi-square of the counts against one share, and its degrees of freedom."""
    seen = slots.n > 0
    expected = slots.n[seen] * share
    return float(((slots.bad[seen] - expected) ** 2 / expected).sum()) / (1 - share), len(expected) - 1


def design_effect(slots: Slots) -> float:
    """The design effect: variance of the counts divided by the variance for independent samples; at least 1.

    The maximum over all slot lengths. Source: L. Kish, "Survey Sampling" (1965), section 8.2: n samples with this effect are worth
    n / effect independent ones.
    """
    k, n = int(slots.bad.sum()), int(slots.n.sum())
    if not 0 < k < n:
        return 1.0
    found = (_excess(part, k / n) for part in slots.lengths())
    return max([1.0, *(excess / df for excess, df in found if df > 0)])


def kish(sizes: Floats) -> float:
    """Effective number of clusters (Kish, section 11.2): (Σs)² / Σs², to nine digits; 0.0 without clusters."""
    return round(float(sizes.sum() ** 2 / (sizes**2).sum()), 9) if len(sizes) else 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Episodes:
    """Episodes of bad requests, and the other time of the window.

    Attributes:
        starts: index of the first slot of each episode, in order of time.
        ends: index of the slot after each episode.
        sizes: number of bad requests of each episode in excess of the background.
        rest: the slots, with zero counts in episodes.
        background: share of bad requests outside of episodes.
        longest_s: length of the longest episode in s.
    """

    starts: Ints
    ends: Ints
    sizes: Floats
    rest: Slots
    background: float
    longest_s: float

    def __len__(self) -> int:
        return len(self.sizes)

    @property
    def taken(self) -> int:
        """Number of slots in episodes."""
        return int((self.ends - self.starts).sum())

    @property
    def effective(self) -> float:
        """Effective number of episodes (Kish); 0.0 without episodes."""
        return kish(self.sizes)

    @property
    def worst(self) -> float:
        """The size of the worst episode; at least 1."""
        return float(self.sizes.max(initial=1.0))


def episodes_of(slots: Slots) -> Episodes:
    """Find the stretches with more bad requests than the background explains.

    A slot is hot when its count is improbable under the background (binomial tail, Bonferroni), at lengths that double from one
    slot to a twentieth of the window, short ones first. The background is the share without the hot slots, so both are found by
    iteration. Hot slots at most GAP apart are one episode.
    """
    hot = np.zeros(len(slots.n), dtype=np.bool_)
    for _ in range(ROUNDS):
        more = _hotter(slots, hot)
        if more.sum() == hot.sum():
            break
        hot = more
    starts, ends = _stretches(hot, slots.parts)
    rest = slots.without(hot)
    background = float(rest.bad.sum() / max(rest.n.sum(), 1))
    excess = np.concatenate([[0.0], np.cumsum(slots.bad - background * slots.n)])
    return Episodes(
        starts=starts,
        ends=ends,
        sizes=excess[ends] - excess[starts],
        rest=rest,
        background=background,
        longest_s=float((ends - starts).max(initial=0)) * slots.width_s,
    )


def _hotter(slots: Slots, known: Bools) -> Bools:
    """Hot slots by the background without the known ones, which are included, with short gaps closed."""
    hot, count = known.copy(), len(known)
    part = slots.without(known)
    share = float(part.bad.sum() / max(part.n.sum(), 1))
    longer, own = np.arange(count), _part_of(slots)  # the longer slot, and the window, that each slot lies in
    while len(part.n) >= BATCHES:
        at = _improbable(part, share, HOT / (2 * count))
        if at.size:
            found = np.zeros(len(part.n), dtype=np.bool_)
            found[at] = True
            if len(part.n) == count:  # a stall begins and ends within a slot
                for beside in (np.maximum(at - 1, 0), np.minimum(at + 1, count - 1)):
                    found[beside[own[beside] == own[at]]] = True
            hot |= found[longer]
            part = part.without(found)
        starts = part.pairs
        longer = np.searchsorted(starts, np.arange(len(part.n)), side="right")[longer] - 1
        part = part.doubled()
    return _bridged(hot, own)


def _part_of(slots: Slots) -> Ints:
    return np.searchsorted(slots.parts, np.arange(len(slots.n)), side="right")


def _improbable(slots: Slots, share: float, chance: float) -> Ints:
    """A mask of slots whose count of bad requests is less probable than `chance` under this share."""
    some = np.flatnonzero(slots.bad)
    expected = slots.n[some] * share
    suspects = some[slots.bad[some] - expected > SUSPECT * np.sqrt(expected * (1 - share))]
    counts = zip(slots.bad[suspects].tolist(), slots.n[suspects].tolist(), strict=True)
    improbable = [bdtrc(bad - 1, n, share) < chance for bad, n in counts]
    return np.asarray(suspects[improbable], dtype=np.int64)


def _stretches(hot: Bools, parts: tuple[int, ...] = (0,)) -> tuple[Ints, Ints]:
    """First slot of each run of hot slots, and the slot after it; runs end with their window."""
    padded = np.concatenate([[False], hot, [False]])
    begins, ends = padded[1:] & ~padded[:-1], padded[:-1] & ~padded[1:]
    seams = [seam for seam in parts[1:] if padded[seam] and padded[seam + 1]]
    begins[seams] = ends[seams] = True
    return np.flatnonzero(begins), np.flatnonzero(ends)


def _bridged(hot: Bools, own: Ints) -> Bools:
    """The hot slots, with short gaps within one window closed."""
    starts, ends = _stretches(hot)
    near = np.flatnonzero((starts[1:] - ends[:-1] <= GAP) & (own[starts[1:]] == own[ends[:-1] - 1]))
    step = np.zeros(len(hot) + 1, dtype=np.int64)
    step[ends[near]] += 1
    step[starts[near + 1]] -= 1
    return hot | (np.cumsum(step)[:-1] > 0)
