"""When journeys are due: an absolute schedule, drawn from a seed, that no answer can delay."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Final

from harness.clock import NS_PER_S

ARRIVALS: Final = ("poisson", "constant")


def random_of(*parts: int | str) -> Random:
    """A generator of its own for each combination of seed, worker, user and journey; the same on every machine."""
    return Random("/".join(str(part) for part in parts))


def due_times(*, start_ns: int, per_s: float, arrivals: str, random: Random) -> Iterator[int]:
    """Yield without end when the next journey is due, in nanoseconds of CLOCK_MONOTONIC.

    `poisson` draws the gaps from an exponential distribution, so that streams add up to a Poisson stream again;
    `constant` keeps one gap, and begins at a random point of it so that streams do not march in step.

    Args:
        start_ns: nobody is due before.
        per_s: journeys per second on average, above 0.
        arrivals: one of ARRIVALS.
        random: where gaps come from.
    """
    gap_ns = NS_PER_S / per_s
    due = float(start_ns)
    if arrivals == "constant":
        due += random.random() * gap_ns
    while True:
        if arrivals == "poisson":
            due += random.expovariate(1.0) * gap_ns
        yield round(due)
        if arrivals == "constant":
            due += gap_ns
