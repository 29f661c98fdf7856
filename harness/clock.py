"""The one clock: the only module of the harness that reads time or sleeps.

Times that are compared are integer nanoseconds of `CLOCK_MONOTONIC`, which all processes of a machine share. The wall clock names runs
and is recorded with observations for people; no length of time is computed from it. The two clocks deviate if the machine slept, since
the monotonic clock then stops, or if the wall clock was set (`harness.evidence.histories.clock_steps`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

from harness.units import NS_PER_MS, NS_PER_S

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TOGETHER_NS: Final = 10 * NS_PER_MS
_TRIES: Final = 5
_STEPS: Final = 10
_T = TypeVar("_T")


def now_ns() -> int:
    """Nanoseconds of CLOCK_MONOTONIC; comparable between processes of one machine, not between machines."""
    return time.monotonic_ns()


def now_s() -> float:
    """Seconds of CLOCK_MONOTONIC."""
    return time.monotonic()


def worked_s() -> float:
    """CPU seconds of this thread, which do not depend on other programs on the machine."""
    return time.thread_time()


def wall() -> datetime:
    """The wall clock as an aware datetime in UTC."""
    return _EPOCH + timedelta(microseconds=time.time_ns() // 1000)


def wall_text(at: datetime | None = None) -> str:
    """The wall clock (or `at`) as RFC 3339 in UTC with microseconds: `2026-01-31T12:00:00.000000Z`."""
    return (at or wall()).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def wall_ns(at: datetime) -> int:
    """A time of the wall clock as nanoseconds since 1970, with microsecond resolution."""
    return (at - _EPOCH) // timedelta(microseconds=1) * 1000


def both() -> tuple[int, datetime]:
    """CLOCK_MONOTONIC and the wall clock, read at the same time.

    If the process was stopped between the two readings, they are repeated.
    """
    for _ in range(_TRIES):
        before_ns, at, after_ns = now_ns(), wall(), now_ns()
        if after_ns - before_ns < _TOGETHER_NS:
            break
    return after_ns, at


def asleep_ns() -> int | None:
    """Nanoseconds for which this machine has slept since it booted; None if the system does not count them.

    CLOCK_BOOTTIME counts sleep, CLOCK_MONOTONIC does not. The smallest of three differences is used, since a pause between two readings
    increases a difference.
    Source: Linux, clock_gettime(2).
    """
    if not hasattr(time, "CLOCK_BOOTTIME"):
        return None
    readings = ((now_ns(), time.clock_gettime_ns(time.CLOCK_BOOTTIME)) for _ in range(3))
    return max(min(boot_ns - mono_ns for mono_ns, boot_ns in readings), 0)


def sleep(seconds: float) -> None:
    """Sleep for a number of seconds; a negative number returns immediately."""
    time.sleep(max(0.0, seconds))


async def asleep(seconds: float) -> None:
    """Like `sleep`, in an event loop."""
    await asyncio.sleep(max(0.0, seconds))


async def ends_within(seconds: float, task: asyncio.Task[_T]) -> bool:
    """Whether a task ends within a time in which this process ran.

    The time is divided into steps. A process that was stopped loses one step, and reads data that arrived meanwhile before the timeout;
    `asyncio.timeout` and `asyncio.wait_for` would time out first.
    """
    for _ in range(_STEPS):
        await asyncio.wait({task}, timeout=seconds / _STEPS)
        if task.done():
            return True
    return False


async def within(seconds: float, awaited: Coroutine[Any, Any, _T]) -> _T:
    """The result of a coroutine that ends in time (see `ends_within`); otherwise the coroutine is cancelled.

    Raises:
        TimeoutError: the coroutine did not end in time.
    """
    task = asyncio.create_task(awaited)
    try:
        if not await ends_within(seconds, task):
            raise TimeoutError
        return task.result()
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
        if not task.cancelled():
            task.exception()  # read: what failed too late has timed out


@dataclass(frozen=True, slots=True)
class Deadline:
    """A time by which something must have happened."""

    at_ns: int

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """A deadline `seconds` from now."""
        return cls(now_ns() + round(seconds * NS_PER_S))

    @property
    def left_s(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, (self.at_ns - now_ns()) / NS_PER_S)

    @property
    def over(self) -> bool:
        """Whether the deadline has passed."""
        return now_ns() >= self.at_ns

    def ticks(self, every_s: float) -> Iterator[None]:
        """Yield immediately and then every `every_s` seconds until the deadline: a bounded polling loop.

        The last yield is at or after the deadline, so a process that was stopped, or whose request took long, polls once more.
        """
        while True:
            last = self.over
            yield
            if last:
                return
            sleep(min(every_s, self.left_s))
