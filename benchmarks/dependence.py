"""Ways in which failures hang together without coming in episodes, for `coverage.py`: which of the requests at these times fail."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Rng = np.random.Generator
Bad = Callable[[Rng, Floats], Bools]


def in_runs(share: float) -> Bad:
    """Runs of 2 to 5 requests that fail, and pauses of any length."""

    def bad(rng: Rng, at: Floats) -> Bools:
        ahead = 20_000  # so that the first request is one like any other
        count = math.ceil(2 * (len(at) + ahead) * share / 3.5) + 50
        lengths = rng.integers(2, 6, count)
        ends = np.cumsum(rng.geometric(share / (3.5 * (1 - share)), count) + lengths) - ahead
        number = np.arange(len(at))
        last = np.minimum(np.searchsorted(ends, number, side="right"), count - 1)
        return np.asarray(number >= ends[last] - lengths[last], dtype=np.bool_)

    return bad


def again(share: float, after_s: float) -> Bad:
    """Each failure is followed by another one, as of a retry."""

    def bad(rng: Rng, at: Floats) -> Bools:
        first = rng.random(len(at)) < 1 - math.sqrt(1 - share)
        before = np.searchsorted(at, at - after_s) - 1  # the request after_s before this one
        early = rng.random(len(at)) < 1 - math.sqrt(1 - share)
        return np.asarray(first | np.where(before >= 0, first[before], early), dtype=np.bool_)

    return bad


def turns(every: int) -> Bad:
    """One of so many, in turn."""
    return lambda rng, at: (np.arange(len(at)) + rng.integers(every)) % every == 0


def by_connection(rng: Rng, at: Floats) -> Bools:
    """Connections live for 5 s on average; one in a hundred fails for as long as it lives."""
    bad = np.zeros(len(at), dtype=np.bool_)
    through = rng.integers(200, size=len(at))
    for connection in range(200):
        own = np.flatnonzero(through == connection)
        ends = np.cumsum(rng.exponential(5.0, 300))
        bad[own] = (rng.random(301) < 0.01)[np.searchsorted(ends, at[own])]
    return bad


def beats(every_s: float) -> Bad:
    """For 0.2 s at each beat half of the requests fail."""
    return lambda rng, at: ((at + rng.random() * every_s) % every_s < 0.2) & (rng.random(len(at)) < 0.5)


def changing(before: float, after: float, where: float | None) -> Bad:
    """A share that rises steadily, or at one moment and for good."""
    return lambda rng, at: (
        rng.random(len(at))
        < (before + (after - before) * (at / at[-1] if where is None else (at >= where * 60).astype(float)))
    )
