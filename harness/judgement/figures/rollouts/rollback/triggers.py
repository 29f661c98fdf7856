"""When a rollback trigger must fire: computed by the judge itself from what was recorded of the new release.

A series of readings gives the signal over spans of time, each between a low and a high bound. They differ if it is unknown to which release a
failure belongs, and if nothing was read at all. So there are two answers. The trigger *may* fire once the high bounds were above the limit for
the window, and *must* have fired once the low bounds were. In a gap the signal is unknown: it may be above the limit or below it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

import numpy as np

from harness.judgement.figures.indicators import failed, timed, waited_ms
from harness.judgement.stats.statistics import Floats, quantile_of
from harness.model import Table
from harness.model.records.table import Ints

SLICES: Final = 20
"""Number of equal slices of a window; each of them must be above the limit."""
_HALF: Final = 0.75
"""Each half of a window must have at least this much of the least share that is required of all of it."""
STALE: Final = 2
"""A value of a gauge is valid for this many intervals after it was read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SignalReading:
    """The value of a signal over a span of time; both bounds are included, and infinite if nothing is known.

    Attributes:
        start_ns, end_ns: half open.
        low, high: bounds of the value.
    """

    start_ns: int
    end_ns: int
    low: float
    high: float

    @property
    def empty(self) -> bool:
        """Whether nothing at all is known."""
        return self.low == -math.inf and self.high == math.inf

    @classmethod
    def of(cls, start_ns: int, end_ns: int, value: float | None) -> SignalReading:
        """One value; None, or not a number: unknown."""
        if value is None or math.isnan(value):
            return cls(start_ns=start_ns, end_ns=end_ns, low=-math.inf, high=math.inf)
        return cls(start_ns=start_ns, end_ns=end_ns, low=value, high=value)


@dataclass(frozen=True, kw_only=True, slots=True)
class Firing:
    """When a trigger fires.

    Attributes:
        may_ns: before this time it must not fire; None: it must not fire at all.
        must_ns: from this time on it must have fired; None: it need not fire.
        full_ns: if it did fire, the latest time by which its condition was met in full; None: same as `must_ns`.
        unseen: whether it may have fired only because data is missing, with its condition hardly or never observed.
    """

    may_ns: int | None
    must_ns: int | None
    full_ns: int | None = None
    unseen: bool = False

    @property
    def known(self) -> bool:
        """Whether it is known exactly when the trigger fires."""
        return self.may_ns == self.must_ns


def firing(readings: Sequence[SignalReading], limit: float, window_ns: int, seen_ns: int = 0) -> Firing:
    """When the signal was above the limit for the whole window, for the first time.

    Args:
        readings: in order of time, not overlapping. Before the first and after the last nothing is claimed.
        limit: exactly at the limit is not above it.
        window_ns: how long.
        seen_ns: a span that may have been above the limit counts only if it certainly was at two moments at least this far apart.
    """
    possible = list(_possible(readings, limit))
    may_ns = _first_full(((start, end) for start, end, seen in possible if seen >= seen_ns), window_ns)
    unseen = may_ns is None and any(end - start >= window_ns for start, end, _ in possible)
    return Firing(
        may_ns=may_ns,
        unseen=unseen,
        must_ns=_first_full(_stretches(readings, lambda one: one.low > limit), window_ns),
    )


def earliest(firings: Iterable[Firing]) -> Firing:
    """Of several signals, such as that of each pod, the one that fires first."""
    every = list(firings)
    return Firing(
        may_ns=min((one.may_ns for one in every if one.may_ns is not None), default=None),
        must_ns=min((one.must_ns for one in every if one.must_ns is not None), default=None),
        full_ns=min((at for one in every if (at := one.full_ns or one.must_ns) is not None), default=None),
        unseen=any(one.unseen for one in every) and all(one.may_ns is None for one in every),
    )


def longest_above(readings: Sequence[SignalReading], limit: float) -> tuple[int, int]:
    """The longest unbroken time for which the signal was above the limit, in ns: certainly, and at most."""
    certain = _stretches(readings, lambda one: one.low > limit)
    possible = _stretches(readings, lambda one: one.high > limit)
    return max((end - start for start, end in certain), default=0), max(
        (end - start for start, end in possible), default=0
    )


def longest_seen(readings: Sequence[SignalReading], limit: float) -> int:
    """The longest unbroken time for which the signal may have been above the limit, in ns, between two readings in which something was observed.

    A platform that reads requests cannot see them above the limit before the first reading that may be above it, nor after the last; the time
    between two such readings may have been above the limit as well.
    """
    longest = 0
    for may_be, run in groupby(_without_gaps(readings), key=lambda one: one.high > limit):
        seen = [one for one in run if may_be and not one.empty]
        longest = max(longest, seen[-1].end_ns - seen[0].start_ns) if seen else longest
    return longest


def longest_between(readings: Sequence[SignalReading], least: float, most: float) -> int:
    """The longest unbroken time for which the signal was certainly between `least` and `most`, both included, in ns."""
    inside = _stretches(readings, lambda one: one.low >= least and one.high <= most)
    return max((end - start for start, end in inside), default=0)


def share_between(served: Table, window_ns: int, least: float, most: float) -> bool:
    """Whether in any window of that length the share of failed requests, counted over the complete window, was between `least` and `most`.

    Slices cannot show a low share, since each has only a few requests. Neither half of the window may be above `most`, nor far below `least`, so
    that a short burst does not count as a low share. A window begins with a request, and ends no later than the last one.
    """
    if not len(served):
        return False
    order = np.argsort(served.ints["done_ns"], kind="stable")
    done_ns, bad = served.ints["done_ns"][order], np.concatenate([[0], np.cumsum(failed(served)[order])])
    begins = np.flatnonzero(done_ns + window_ns <= done_ns[-1])
    middles, ends = (np.searchsorted(done_ns, done_ns[begins] + part) for part in (window_ns // 2, window_ns))

    def share(first: Ints, last: Ints) -> Floats:
        return np.asarray((bad[last] - bad[first]) / np.maximum(last - first, 1), dtype=np.float64)

    halves = [share(begins, middles), share(middles, ends)]
    inside = (share(begins, ends) >= least) & (share(begins, ends) <= most)
    for half in halves:
        inside &= (half >= _HALF * least) & (half <= most)
    return bool(inside.any())


def slices(since_ns: int, until_ns: int, window_ns: int) -> list[tuple[int, int]]:
    """The slices of a span of time, each a twentieth of the window; a shorter rest at the end is left out."""
    length = max(window_ns // SLICES, 1)
    return [(start, start + length) for start in range(since_ns, until_ns - length + 1, length)]


def response_times(
    served: Table, nameless: Table, spans: Sequence[tuple[int, int]], quantile: float = 0.95
) -> list[SignalReading]:
    """The quantile of the response times in ms, slice by slice, of all requests that the new release served.

    A request counts in the slice in which it ended: before that its duration is unknown.

    Args:
        served: what the new release answered; a slice without an answer is unknown.
        nameless: failures that name no release, such as those of a dead pod: none or all of them may belong to the new release.
        spans: the slices.
        quantile: 0.95 for a p95.
    """
    found = []
    served = timed(served)
    ms, cuts = waited_ms(served), [_by_end(table, spans) for table in (served, nameless)]
    for span, own, others in zip(spans, *cuts, strict=True):
        low = np.sort(ms[own])
        high = np.append(low, np.full(len(others), math.inf))
        nothing = [0.0 if len(others) else -math.inf, math.inf]
        bounds = [quantile_of(values, quantile) for values in (low, high)] if len(low) else nothing
        found.append(SignalReading(start_ns=span[0], end_ns=span[1], low=bounds[0], high=bounds[1]))
    return found


def error_rates(served: Table, nameless: Table, spans: Sequence[tuple[int, int]]) -> list[SignalReading]:
    """The share of failed requests, slice by slice; the arguments are those of `response_times`."""
    found = []
    bad, cuts = failed(served), [_by_end(table, spans) for table in (served, nameless)]
    for span, own, others in zip(spans, *cuts, strict=True):
        failures = int(bad[own].sum())
        low, high = -math.inf, 1.0 if len(others) else math.inf
        if n := len(own):
            low, high = failures / n, (failures + len(others)) / (n + len(others))
        found.append(SignalReading(start_ns=span[0], end_ns=span[1], low=low, high=high))
    return found


def _by_end(table: Table, spans: Sequence[tuple[int, int]]) -> list[Ints]:
    """The rows that ended in each span."""
    done_ns = table.ints["done_ns"]
    order = np.argsort(done_ns, kind="stable")
    return [order[slice(*np.searchsorted(done_ns, span, sorter=order))] for span in spans]


def gauge(points: Sequence[tuple[int, float]], every_ns: int, *, stale_ns: int = 0) -> list[SignalReading]:
    """A gauge that is read at intervals, such as the memory of one pod: each value is valid until the next one, at most for two intervals.

    Args:
        points: when, and the value; in order of time.
        every_ns: planned interval.
        stale_ns: a value is valid for this long at most, if that is longer than two intervals.
    """
    known_ns = max(STALE * every_ns, stale_ns)
    ends = [at_ns for at_ns, _ in points[1:]] + [points[-1][0] + every_ns] if points else []
    return [
        SignalReading.of(at_ns, min(end_ns, at_ns + known_ns), value)
        for (at_ns, value), end_ns in zip(points, ends, strict=True)
        if end_ns > at_ns
    ]


def reported(at_ns: Iterable[int]) -> Firing:
    """When a trigger on critical reports fires: at the first of the given times of critical reports on the new release."""
    first = min(at_ns, default=None)
    return Firing(may_ns=first, must_ns=first)


def _stretches(readings: Iterable[SignalReading], over: Callable[[SignalReading], bool]) -> Iterator[tuple[int, int]]:
    """The unbroken spans in which `over` is true, as start and end in ns."""
    for is_over, run in groupby(_without_gaps(readings), key=over):
        if is_over:
            pieces = list(run)
            yield pieces[0].start_ns, pieces[-1].end_ns


def _possible(readings: Iterable[SignalReading], limit: float) -> Iterator[tuple[int, int, int]]:
    """The unbroken spans in which the signal may have been above the limit, and the time between the first and the last reading in it that certainly was."""
    for may_be, run in groupby(_without_gaps(readings), key=lambda one: one.high > limit):
        if may_be:
            pieces = list(run)
            certain = [one for one in pieces if one.low > limit]
            seen_ns = certain[-1].end_ns - certain[0].start_ns if certain else 0
            yield pieces[0].start_ns, pieces[-1].end_ns, seen_ns


def _without_gaps(readings: Iterable[SignalReading]) -> Iterator[SignalReading]:
    """The readings, with an unknown reading inserted wherever nothing was read between two of them."""
    end_ns: int | None = None
    for one in readings:
        if end_ns is not None and one.start_ns > end_ns:
            yield SignalReading.of(end_ns, one.start_ns, None)
        yield one
        end_ns = one.end_ns


def _first_full(stretches: Iterable[tuple[int, int]], window_ns: int) -> int | None:
    return next((start + window_ns for start, end in stretches if end - start >= window_ns), None)
