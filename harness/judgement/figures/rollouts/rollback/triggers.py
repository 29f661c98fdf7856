"""When a rollback trigger must fire: the judge itself computes it from the records of the new release.

A series of readings gives the signal over spans of time, each between a low and a high bound. The bounds differ if a failure may belong to either
release, or if nothing was read. So there are two answers. The trigger *may* fire after the high bounds were above the limit for the complete
window. It *must* have fired after the low bounds were. In a gap the signal is unknown.
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
"""Each half of a window must have at least this part of the least share that is required of the complete window."""
STALE: Final = 2
"""Number of intervals after a reading for which a value of a gauge is valid."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SignalReading:
    """Value of a signal over a span of time, between two bounds.

    The bounds are infinite if nothing is known.

    Attributes:
        start_ns, end_ns: span of time; the end is not included.
        low, high: bounds of the value, both included.
    """

    start_ns: int
    end_ns: int
    low: float
    high: float

    @property
    def empty(self) -> bool:
        """Whether the value is completely unknown."""
        return self.low == -math.inf and self.high == math.inf

    @classmethod
    def of(cls, start_ns: int, end_ns: int, value: float | None) -> SignalReading:
        """The reading of one value; a missing or invalid value (None, NaN) is unknown."""
        if value is None or math.isnan(value):
            return cls(start_ns=start_ns, end_ns=end_ns, low=-math.inf, high=math.inf)
        return cls(start_ns=start_ns, end_ns=end_ns, low=value, high=value)


@dataclass(frozen=True, kw_only=True, slots=True)
class Firing:
    """When a trigger fires.

    Attributes:
        may_ns: earliest time at which it may fire; None: it must not fire.
        must_ns: latest time at which it must have fired; None: it need not fire.
        full_ns: latest time at which its condition was met for its complete window, if it fired; None: equal to `must_ns`.
        unseen: whether it may have fired only because data is missing, as its condition was hardly observed.
    """

    may_ns: int | None
    must_ns: int | None
    full_ns: int | None = None
    unseen: bool = False

    @property
    def known(self) -> bool:
        """Whether the time at which the trigger fires is known exactly."""
        return self.may_ns == self.must_ns


def firing(readings: Sequence[SignalReading], limit: float, window_ns: int, seen_ns: int = 0) -> Firing:
    """When the signal was above the limit for a complete window, for the first time.

    Args:
        readings: readings in order of time, without overlaps; nothing is assumed before the first and after the last.
        limit: limit of the signal; a value equal to the limit is not above it.
        window_ns: length of the window.
        seen_ns: least time between two certain values above the limit, without which a span does not count.
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
    """The earliest firing of several signals, such as the signals of all pods."""
    every = list(firings)
    return Firing(
        may_ns=min((one.may_ns for one in every if one.may_ns is not None), default=None),
        must_ns=min((one.must_ns for one in every if one.must_ns is not None), default=None),
        full_ns=min((at for one in every if (at := one.full_ns or one.must_ns) is not None), default=None),
        unseen=any(one.unseen for one in every) and all(one.may_ns is None for one in every),
    )


def longest_above(readings: Sequence[SignalReading], limit: float) -> tuple[int, int]:
    """The longest unbroken time for which the signal was above the limit, in ns: the certain and the possible length."""
    certain = _stretches(readings, lambda one: one.low > limit)
    possible = _stretches(readings, lambda one: one.high > limit)
    return max((end - start for start, end in certain), default=0), max(
        (end - start for start, end in possible), default=0
    )


def longest_seen(readings: Sequence[SignalReading], limit: float) -> int:
    """The longest unbroken time in ns for which the signal may have been above the limit, between two readings with an observation.

    A platform that reads requests cannot observe a signal above the limit before the first reading that may be above it, nor after the last. The
    time between two such readings may have been above the limit too.
    """
    longest = 0
    for may_be, run in groupby(_without_gaps(readings), key=lambda one: one.high > limit):
        seen = [one for one in run if may_be and not one.empty]
        longest = max(longest, seen[-1].end_ns - seen[0].start_ns) if seen else longest
    return longest


def longest_between(readings: Sequence[SignalReading], least: float, most: float) -> int:
    """The longest unbroken time in ns for which the signal was certainly between `least` and `most`, both included."""
    inside = _stretches(readings, lambda one: one.low >= least and one.high <= most)
    return max((end - start for start, end in inside), default=0)


def share_between(served: Table, window_ns: int, least: float, most: float) -> bool:
    """Whether the share of failed requests in any window of that length was between `least` and `most`.

    Slices cannot show a low share, as each has only a few requests. Neither half of the window may be above `most`, nor far below `least`, so a short
    burst does not count as a low share. A window begins with a request, and ends at the latest with the last one.
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
    """The slices of a span of time, each a twentieth of the window.

    A shorter remainder at the end is left out.
    """
    length = max(window_ns // SLICES, 1)
    return [(start, start + length) for start in range(since_ns, until_ns - length + 1, length)]


def response_times(
    served: Table, nameless: Table, spans: Sequence[tuple[int, int]], quantile: float = 0.95
) -> list[SignalReading]:
    """The quantile of the response times in ms, slice by slice, of all requests that the new release served.

    A request counts in the slice in which it ended, as its duration is unknown before.

    Args:
        served: answers of the new release; a slice without an answer is unknown.
        nameless: failures that name no release, such as failures of a dead pod; any number of them may belong to the new release.
        spans: the slices.
        quantile: the quantile, 0.95 for a p95.
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
    """The share of failed requests, slice by slice; the arguments are described in `response_times`."""
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
    """The readings of a gauge, such as the memory of one pod: each value is valid until the next, at most for two intervals.

    Args:
        points: time and value of each reading, in order of time.
        every_ns: planned interval.
        stale_ns: longest validity of a value, if that is longer than two intervals.
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
    """The unbroken spans in which the signal may have been above the limit, each with the time between its first and last certain reading."""
    for may_be, run in groupby(_without_gaps(readings), key=lambda one: one.high > limit):
        if may_be:
            pieces = list(run)
            certain = [one for one in pieces if one.low > limit]
            seen_ns = certain[-1].end_ns - certain[0].start_ns if certain else 0
            yield pieces[0].start_ns, pieces[-1].end_ns, seen_ns


def _without_gaps(readings: Iterable[SignalReading]) -> Iterator[SignalReading]:
    """The readings, with an unknown reading in every gap between two of them."""
    end_ns: int | None = None
    for one in readings:
        if end_ns is not None and one.start_ns > end_ns:
            yield SignalReading.of(end_ns, one.start_ns, None)
        yield one
        end_ns = one.end_ns


def _first_full(stretches: Iterable[tuple[int, int]], window_ns: int) -> int | None:
    return next((start + window_ns for start, end in stretches if end - start >= window_ns), None)
