"""Keeps a fault active for a time."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from harness import clock
from harness.clock import Deadline
from harness.targets.access import accesses
from harness.targets.child import ChildSettings

HOLD_POLL_S: Final = 0.05
LONGEST_S: Final = 3600.0
"""Maximum time in s for which a fault is kept."""


@accesses()
def hold(at_least_s: float, at_most_s: float | None = None) -> float:
    """Keep the fault active; returns the number of seconds.

    In a run the fault stays until the file in `READINESS_HOLD` exists, which is when the target has recovered or was
    observed for the longest limit of its sentences. Without a run the fault stays for `at_least_s` seconds.

    Args:
        at_least_s: minimum time in s.
        at_most_s: maximum time in s; None: an hour.
    """
    started = clock.now_s()
    clock.sleep(float(at_least_s))
    released = ChildSettings.from_env().hold
    if released:
        most_s = LONGEST_S if at_most_s is None else float(at_most_s)
        for _tick in Deadline.after(most_s - float(at_least_s)).ticks(HOLD_POLL_S):
            if Path(released).exists():
                break
    return round(clock.now_s() - started, 3)
