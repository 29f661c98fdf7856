"""When journeys are due: an absolute schedule, drawn from a seed, that no answer can delay."""

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
    """A random generator of its own for each combination of seed, worker, user and journey.

    The same on every machine.
    """
    return Random("/".join(str(part) for part in parts))


def due_times(
    *, begin_ns: int, curve: RateCurve, arrivals: str, random: Random, part: float = 0, parts: int = 1
) -> Iterator[int]:
    """Yield when the next journey is due, in nanoseconds of CLOCK_MONOTONIC.

    Ends when no further journey is due.
    Arrivals of rate 1 are put through the inverse of the integrated rate, so any curve is met exactly and in continuous
    time (Çinlar, Introduction to Stochastic Processes, 1975, chapter 4, section 7).

    Args:
        begin_ns: the curve's time 0.
        curve: journeys per second of all parts together.
        arrivals: `poisson` draws exponential gaps, and the parts add up to a Poisson stream again; of `constant` ones
            journey k is due when k + 1/2 have been offered, and the parts take turns.
        random: where gaps come from.
        part: which of the parts this is, from 0.
        parts: how many share the curve.
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
    """Yield without end when the next journey of a trace is due; the parts take turns."""
    for number in count(part, parts):
        yield begin_ns + trace.due_ns(number)
