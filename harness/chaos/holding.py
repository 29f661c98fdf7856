"""Keeps a fault active for a time."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from harness import clock
from harness.clock import Deadline
from harness.targets.access import accesses
from harness.targets.child import ChildSettings

HOLD_POLL_S: Final = 0.05


@accesses()
def hold(at_least_s: float, at_most_s: float) -> float:
    """Keep the fault active; returns the number of seconds.

    In a run, until the file that `READINESS_HOLD` names exists, when the target has recovered or was observed for long enough.
    Without a run, for `at_least_s` seconds.

    Args:
        at_least_s: shortest hold, in seconds.
        at_most_s: longest hold, in seconds.
    """
    started = clock.now_s()
    clock.sleep(float(at_least_s))
    released = ChildSettings.from_env().hold
    if released:
        for _tick in Deadline.after(float(at_most_s) - float(at_least_s)).ticks(HOLD_POLL_S):
            if Path(released).exists():
                break
    return round(clock.now_s() - started, 3)
