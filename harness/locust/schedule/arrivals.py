"""Due times of journeys: an absolute schedule from a seed, which no answer can delay."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import count
from random import Random
from typing import Final

from harness.model import ArrivalTrace, RateCurve
from harness.units import NS_PER_S

ARRIVALS: Final = ("poisson", "constant")


def random_of(*parts: int | str) -> Random:
    """A separate random generator for each combination of seed, worker, user and journey.

    It gives equal numbers on every machine.
    """
    return Random("/".join(str(part) for part in parts))


def due_times(
    *, begin_ns: int, curve: RateCurve, arrivals: str, random: Random, part: float = 0, parts: int = 1
) -> Iterator[int]:
    """Yield the due time of each journey, in nanoseconds of CLOCK_MONOTONIC.

    The iterator ends when no further journey is due. Arrivals of rate 1 pass through the inverse of the integrated
    rate, so each curve is followed exactly and in continuous time (Çinlar, Introduction to Stochastic Processes, 1975,
    chapter 4, section 7).

    Args:
        begin_ns: time 0 of the curve.
        curve: journeys per second of all parts together.
        arrivals: `poisson` draws exponential gaps, and the sum of the parts is a Poisson stream again. With `constant`
            journey k is due when k + 1/2 journeys have been offered, and the parts take turns.
        random: random generator of the gaps.
        part: number of this part, from 0.
        parts: number of parts that share the curve.
    """
    offered = 0.0
    for number in count():
        if arrivals == "poisson":
            offered += random.expovariate(1.0) * parts
        else:
            offered = number * parts + part + 0.5
        at_ns = curve.when(offered) * NS_PER_S
        if math.isinf(at_ns):
            return
        yield begin_ns + round(at_ns)


def trace_times(*, begin_ns: int, trace: ArrivalTrace, part: int = 0, parts: int = 1) -> Iterator[int]:
    """Yield the due time of each journey of a trace, without end; the parts take turns."""
    for number in count(part, parts):
        yield begin_ns + trace.due_ns(number)
