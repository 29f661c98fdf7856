"""Journeys due over time, from a changing rate or a recorded trace, and the thresholds that end a load; time counts from the begin of the load."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from harness.errors import UsageError

FEWEST_TO_STOP: Final = 20
"""Least number of requests of which a threshold ends a load; of fewer one failure would be a large share."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StopRule:
    """A threshold that ends a load early.

    Attributes:
        quantile: quantile of the response time that is compared, such as 0.95; None: the error rate.
        over: the load ends when the figure is above this: a share, or seconds.
        for_s: length in s of the latest span of which the figure is computed.
    """

    quantile: float | None = None
    over: float
    for_s: float

    @property
    def figure(self) -> str:
        """`error rate`, or the quantile like `p95`."""
        return "error rate" if self.quantile is None else f"p{100 * self.quantile:g}"

    @property
    def unit(self) -> str:
        """`ratio`, or `s` of a quantile."""
        return "ratio" if self.quantile is None else "s"


@dataclass(frozen=True, kw_only=True, slots=True)
class RateCurve:
    """Journeys per second over time: linear between points, and constant before the first and after the last point.

    Attributes:
        points: (seconds, journeys per second), ordered by time; two points with equal times are a jump.
    """

    points: tuple[tuple[float, float], ...]
    _offered: tuple[float, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse what is no rate over time.

        Raises:
            UsageError: no points, a time or a rate that is negative or no number, times out of order, no arrival ever due.
        """
        if not self.points:
            raise UsageError("the rate over time has no points", hint="write a point like `0:25`")
        for at_s, per_s in self.points:
            if not (0 <= at_s < math.inf and 0 <= per_s < math.inf):
                raise UsageError(f"{at_s:g}:{per_s:g} is not a rate at a time", hint="write two numbers of at least 0")
        if any(after[0] < before[0] for before, after in pairwise(self.points)):
            raise UsageError("the times of the rate are not in order", hint="sort the points by time")
        if not any(per_s for _, per_s in self.points):
            raise UsageError("the rate is 0 throughout", hint="set a rate above 0")
        # area of the trapezes, begun with the first rate held from 0
        total = self.points[0][0] * self.points[0][1]
        offered = [total]
        for (t0, r0), (t1, r1) in pairwise(self.points):
            total += (t1 - t0) * (r0 + r1) / 2
            offered.append(total)
        object.__setattr__(self, "_offered", tuple(offered))

    @classmethod
    def flat(cls, per_s: float) -> RateCurve:
        """A constant rate; raises the UsageError of the constructor."""
        return cls(points=((0.0, per_s),))

    def rate_at(self, at_s: float) -> float:
        """Journeys per second at a time; at a jump the rate after it."""
        index = bisect_right([t for t, _ in self.points], at_s)
        if index in (0, len(self.points)):
            return self.points[max(index - 1, 0)][1]
        (t0, r0), (t1, r1) = self.points[index - 1], self.points[index]
        return r0 + (r1 - r0) * (at_s - t0) / (t1 - t0)

    @property
    def peak_per_s(self) -> float:
        """The maximum rate."""
        return max(per_s for _, per_s in self.points)

    def offered(self, until_s: float) -> float:
        """Number of journeys due from the begin to a time, which is the integral of the rate."""
        first_s, first = self.points[0]
        if until_s <= first_s:
            return max(until_s, 0.0) * first
        index = bisect_right([t for t, _ in self.points], until_s) - 1
        at_s, per_s = self.points[index]
        return self._offered[index] + (until_s - at_s) * (per_s + self.rate_at(until_s)) / 2

    def when(self, journeys: float) -> float:
        """The time at which a number of journeys has been due; infinite if this never happens."""
        index = bisect_left(self._offered, journeys) - 1
        if index < 0:
            return journeys / self.points[0][1] if self.points[0][1] else self.points[0][0]
        at_s, r0 = self.points[index]
        left = journeys - self._offered[index]
        if index == len(self.points) - 1:
            return at_s + left / r0 if r0 else math.inf
        next_s, r1 = self.points[index + 1]
        slope = (r1 - r0) / (next_s - at_s)
        # the root of slope/2 x^2 + r0 x = left, in the form that loses no digits where the slope is small
        root = math.sqrt(max(r0 * r0 + 2 * slope * left, 0.0))
        return at_s + 2 * left / (r0 + root)


@dataclass(frozen=True, kw_only=True, slots=True)
class ArrivalTrace:
    """Recorded arrivals in ns from the begin of the load; they repeat one mean gap after the last arrival."""

    offsets_ns: tuple[int, ...]

    def __post_init__(self) -> None:
        """Refuse what is no trace.

        Raises:
            UsageError: fewer than two different times, one of them negative, or out of order.
        """
        if not self.offsets_ns:
            raise UsageError("the trace is empty", hint="write one arrival per line, in seconds")
        if self.offsets_ns[0] < 0 or any(b < a for a, b in pairwise(self.offsets_ns)):
            raise UsageError(
                "the times of the trace are negative or not in order", hint="sort the times, and begin at 0 or later"
            )
        if self.offsets_ns[0] == self.offsets_ns[-1]:
            raise UsageError("the trace has no two different times", hint="record a longer trace")

    @property
    def period_ns(self) -> int:
        """Length of the trace in ns, after which it repeats."""
        first, last = self.offsets_ns[0], self.offsets_ns[-1]
        return last + max(1, round((last - first) / (len(self.offsets_ns) - 1)))

    def due_ns(self, number: int) -> int:
        """Due time of journey `number` in ns; numbers count from 0."""
        rounds, index = divmod(number, len(self.offsets_ns))
        return rounds * self.period_ns + self.offsets_ns[index]

    def offered(self, until_ns: int) -> int:
        """Number of journeys due before a time."""
        if until_ns <= 0:
            return 0
        rounds, rest_ns = divmod(until_ns, self.period_ns)
        return rounds * len(self.offsets_ns) + bisect_left(self.offsets_ns, rest_ns)
