"""How many journeys are due when: a rate that changes over time, or a recorded trace. Time counts from the load's beginning."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from itertools import pairwise

from harness.errors import UsageError


@dataclass(frozen=True, kw_only=True, slots=True)
class RateCurve:
    """Journeys per second over time: straight lines between points; the first and the last rate hold outside of them.

    Attributes:
        points: (seconds, journeys per second), in order of time; two points at one time are a jump.
    """

    points: tuple[tuple[float, float], ...]
    _offered: tuple[float, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse what is no rate over time.

        Raises:
            UsageError: no points, a time or a rate that is negative or no number, times out of order, no arrival ever due.
        """
        if not self.points:
            raise UsageError("a rate over time has no points", hint="give it one like `0:25`")
        for at_s, per_s in self.points:
            if not (0 <= at_s < math.inf and 0 <= per_s < math.inf):
                raise UsageError(f"{at_s:g}:{per_s:g} is not a rate at a time", hint="both are numbers of 0 and more")
        if any(after[0] < before[0] for before, after in pairwise(self.points)):
            raise UsageError("the times of a rate are out of order", hint="put them in order")
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
        """One rate all the time; raises UsageError as the constructor does."""
        return cls(points=((0.0, per_s),))

    def rate_at(self, at_s: float) -> float:
        """Journeys per second at a time; at a jump those after it."""
        index = bisect_right([t for t, _ in self.points], at_s)
        if index in (0, len(self.points)):
            return self.points[max(index - 1, 0)][1]
        (t0, r0), (t1, r1) = self.points[index - 1], self.points[index]
        return r0 + (r1 - r0) * (at_s - t0) / (t1 - t0)

    @property
    def peak_per_s(self) -> float:
        """The highest rate of all."""
        return max(per_s for _, per_s in self.points)

    def offered(self, until_s: float) -> float:
        """Journeys due from the beginning up to a time: the integral of the rate."""
        first_s, first = self.points[0]
        if until_s <= first_s:
            return max(until_s, 0.0) * first
        index = bisect_right([t for t, _ in self.points], until_s) - 1
        at_s, per_s = self.points[index]
        return self._offered[index] + (until_s - at_s) * (per_s + self.rate_at(until_s)) / 2

    def when(self, journeys: float) -> float:
        """The time at which so many journeys have been due: the inverse of `offered`; infinite when that never comes."""
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
    """Recorded arrivals, in nanoseconds from the load's beginning; it starts over a mean gap after its last arrival."""

    offsets_ns: tuple[int, ...]

    def __post_init__(self) -> None:
        """Refuse what is no trace.

        Raises:
            UsageError: fewer than two different times, one of them negative, or out of order.
        """
        if not self.offsets_ns:
            raise UsageError("the trace is empty", hint="write one arrival a line, in seconds")
        if self.offsets_ns[0] < 0 or any(b < a for a, b in pairwise(self.offsets_ns)):
            raise UsageError("the times of a trace are negative or out of order", hint="put them in order, from 0")
        if self.offsets_ns[0] == self.offsets_ns[-1]:
            raise UsageError("the trace has no two different times", hint="record for longer")

    @property
    def period_ns(self) -> int:
        """After so long it starts over."""
        first, last = self.offsets_ns[0], self.offsets_ns[-1]
        return last + max(1, round((last - first) / (len(self.offsets_ns) - 1)))

    def due_ns(self, number: int) -> int:
        """When journey `number` is due, counted from 0."""
        rounds, index = divmod(number, len(self.offsets_ns))
        return rounds * self.period_ns + self.offsets_ns[index]

    def offered(self, until_ns: int) -> int:
        """Journeys due before a time."""
        if until_ns <= 0:
            return 0
        rounds, rest_ns = divmod(until_ns, self.period_ns)
        return rounds * len(self.offsets_ns) + bisect_left(self.offsets_ns, rest_ns)
