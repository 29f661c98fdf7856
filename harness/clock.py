"""The one clock: the only module of the harness that reads time or sleeps.

Everything that is compared is measured on `CLOCK_MONOTONIC` in integer nanoseconds, which all processes of one
machine share. The wall clock is for people: it names runs and is recorded beside observations. No length of time is computed from it; where the
two clocks part, the monotonic one did not count the time of a machine that slept, or the wall clock was set (`harness.evidence.histories.clock_steps`).
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
    """Seconds that the processor has worked for this thread: what it takes does not grow on a machine that is busy with others."""
    return time.thread_time()


def wall() -> datetime:
    """The wall clock in UTC, aware."""
    return _EPOCH + timedelta(microseconds=time.time_ns() // 1000)


def wall_text(at: datetime | None = None) -> str:
    """The wall clock (or `at`) as RFC 3339 in UTC with microseconds: `2026-01-31T12:00:00.000000Z`."""
    return (at or wall()).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def wall_ns(at: datetime) -> int:
    """A moment of the wall clock as nanoseconds since 1970, to the microsecond."""
    return (at - _EPOCH) // timedelta(microseconds=1) * 1000


def both() -> tuple[int, datetime]:
    """CLOCK_MONOTONIC and the wall clock at one moment.

    A process that is stopped between two readings would let the clocks seem to part: it reads them again.
    """
    for _ in range(_TRIES):
        before_ns, at, after_ns = now_ns(), wall(), now_ns()
        if after_ns - before_ns < _TOGETHER_NS:
            break
    return after_ns, at


def asleep_ns() -> int | None:
    """Nanoseconds for which this machine has slept since it booted; None where the system does not count them.

    CLOCK_BOOTTIME counts them, CLOCK_MONOTONIC does not. A pause between the two readings adds to the difference: the least of three.
    Source: Linux, clock_gettime(2).
    """
    if not hasattr(time, "CLOCK_BOOTTIME"):
        return None
    readings = ((now_ns(), time.clock_gettime_ns(time.CLOCK_BOOTTIME)) for _ in range(3))
    return max(min(boot_ns - mono_ns for mono_ns, boot_ns in readings), 0)


def sleep(seconds: float) -> None:
    """Sleep that long; a negative length is no sleep."""
    time.sleep(max(0.0, seconds))


async def asleep(seconds: float) -> None:
    """Like `sleep`, in an event loop."""
    await asyncio.sleep(max(0.0, seconds))


async def ends_within(seconds: float, task: asyncio.Task[_T]) -> bool:
    """Whether a task ends within that time, in which this process ran.

    It is waited for in steps. A process that was stopped loses one of them, and reads what came meanwhile before it gives up;
    `asyncio.timeout` and `asyncio.wait_for` would give up first.
    """
    for _ in range(_STEPS):
        await asyncio.wait({task}, timeout=seconds / _STEPS)
        if task.done():
            return True
    return False


async def within(seconds: float, awaited: Coroutine[Any, Any, _T]) -> _T:
    """What it returns, where it ends within that time (see `ends_within`); else it is cancelled.

    Raises:
        TimeoutError: it did not end in that time.
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
    """A moment by which something must have happened."""

    at_ns: int

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """The moment `seconds` from now."""
        return cls(now_ns() + round(seconds * NS_PER_S))

    @property
    def left_s(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, (self.at_ns - now_ns()) / NS_PER_S)

    @property
    def over(self) -> bool:
        """Whether the moment has come."""
        return now_ns() >= self.at_ns

    def ticks(self, every_s: float) -> Iterator[None]:
        """Yield at once and then each `every_s` seconds until the deadline: a bounded polling loop.

        The last time is at the deadline or after it: a process that was stopped meanwhile, or whose request took long, asks once more.
        """
        while True:
            last = self.over
            yield
            if last:
                return
            sleep(min(every_s, self.left_s))
