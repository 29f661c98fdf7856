"""Finds the moments of a run at which the clocks of its machine diverged: it slept, or its wall clock was set.

CLOCK_MONOTONIC does not count sleep. The wall clock and CLOCK_BOOTTIME do; the machine's history has CLOCK_BOOTTIME
each second, and every line of a history has the two other clocks. Linux slews CLOCK_MONOTONIC and the wall clock alike,
so only sleep or a set clock changes their difference. A smaller step than the limit proves nothing, since two clocks
cannot be read at the same time. No machine sleeps for less than a second. NTP sets a clock that is off by 0.1 to 1 s;
this moves joined data by less than the distance of their samples.
"""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from harness import clock
from harness.model import ClockStep
from harness.model.observations import MachineSeen, every
from harness.units import NS_PER_S

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harness.model import Observation

STEP_NS: Final = NS_PER_S
"""Minimum change in ns of the difference of two clocks between two records that counts as a step."""
SLEW: Final = 500e-6
"""Maximum slew of a clock by NTP, as a share of the time between two records; a change within it is not a step."""

Reading = tuple[int, int]
"""A reading: CLOCK_MONOTONIC, and the offset of another clock, in ns."""


def clock_steps(observations: Sequence[Observation]) -> tuple[ClockStep, ...]:
    """Every step, ordered by time; records from clocks of other machines are left out."""
    own = next((o.clock for o in observations if o.source == "run"), None)
    mine = [o for o in observations if o.clock == own]
    asleep = [(one.recorded_ns, one.asleep_ns) for one in every(MachineSeen, mine) if one.asleep_ns is not None]
    sleeps = [_step(*pair, slept=True) for pair in steps(asleep)]
    sampled = (min(asleep)[0], max(asleep)[0]) if asleep else (0, 0)
    found = list(sleeps)
    for before, after in steps(_walls(mine)):
        if not any(sleep.from_ns < after[0] and before[0] < sleep.until_ns for sleep in sleeps):
            known = sampled[0] <= before[0] and after[0] <= sampled[1]
            found.append(_step(before, after, slept=False if known else None))
    return tuple(sorted(found, key=lambda step: step.from_ns))


def steps(readings: Iterable[Reading]) -> Iterable[tuple[Reading, Reading]]:
    """Pairs of successive readings between which one clock advanced more than the other."""
    for before, after in pairwise(sorted(readings)):
        if abs(after[1] - before[1]) > STEP_NS + SLEW * (after[0] - before[0]):
            yield before, after


def _walls(observations: Iterable[Observation]) -> Iterable[Reading]:
    for o in observations:
        try:
            wall = datetime.fromisoformat(o.wall)
        except ValueError:
            continue
        if wall.tzinfo is not None:
            yield o.mono_ns, clock.wall_ns(wall) - o.mono_ns


def _step(before: Reading, after: Reading, *, slept: bool | None) -> ClockStep:
    return ClockStep(from_ns=before[0], until_ns=after[0], ahead_s=(after[1] - before[1]) / NS_PER_S, slept=slept)
