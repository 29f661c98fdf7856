"""The one clock: the only module of the harness that reads time or sleeps.

Everything that is compared is measured on `CLOCK_MONOTONIC` in integer nanoseconds, which all processes of one
machine share. The wall clock is for people: it names runs and is recorded beside observations, and nothing is computed from it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from harness.units import NS_PER_S


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
    return datetime.now(UTC)


def wall_text() -> str:
    """The wall clock as RFC 3339 in UTC with microseconds: `2026-01-31T12:00:00.000000Z`."""
    return wall().strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def sleep(seconds: float) -> None:
    """Sleep that long; a negative length is no sleep."""
    time.sleep(max(0.0, seconds))


async def asleep(seconds: float) -> None:
    """Like `sleep`, in an event loop."""
    await asyncio.sleep(max(0.0, seconds))


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
        """Yield at once and then each `every_s` seconds until the deadline: a bounded polling loop."""
        while True:
            yield
            if self.over:
                return
            sleep(min(every_s, self.left_s))
