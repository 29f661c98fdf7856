"""How probes ask: again and again, until it is so or their time is over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from harness.clock import Deadline
from harness.errors import FaultNotInjected, TargetUnreachable

POLL_S: Final = 0.1


def until(within_s: float, condition: Callable[[], bool], every_s: float = POLL_S) -> bool:
    """Ask until it is so; a missing answer is not a yes."""
    for _tick in Deadline.after(float(within_s)).ticks(every_s):
        try:
            if condition():
                return True
        except TargetUnreachable:
            continue
    return False


def none_left(within_s: float, left: Callable[[], list[str]], what: str) -> bool:
    """Ask until nothing is left.

    Raises:
        FaultNotInjected: something was until the time was over: the fault is not in.
    """
    last = ["what was hit"]

    def is_empty() -> bool:
        last[:] = left()
        return not last

    if not until(within_s, is_empty):
        raise FaultNotInjected(f"{', '.join(last)} {what} after {float(within_s):g} s")
    return True
