"""Repeats the checks of probes until they are true or their time has passed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from harness.clock import Deadline
from harness.errors import FaultNotInjected, TargetUnreachable

POLL_S: Final = 0.1


def until(within_s: float, condition: Callable[[], bool], every_s: float = POLL_S) -> bool:
    """Repeat a check until it is true; a missing answer counts as not true."""
    for _tick in Deadline.after(float(within_s)).ticks(every_s):
        try:
            if condition():
                return True
        except TargetUnreachable:
            continue
    return False


def none_left(within_s: float, left: Callable[[], list[str]], what: str) -> bool:
    """Repeat a check until no object is left.

    Raises:
        FaultNotInjected: an object was left at the end, so the fault is not active.
    """
    last = ["the object that was hit"]

    def is_empty() -> bool:
        last[:] = left()
        return not last

    if not until(within_s, is_empty):
        raise FaultNotInjected(f"{', '.join(last)} {what} after {float(within_s):g} s")
    return True
