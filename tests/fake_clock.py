"""Clocks that only move when the code under test sleeps, with events that happen on the way."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness import clock

S = 1_000_000_000
BEGUN_S = 1_769_817_600
"""2026-01-31T00:00:00Z, when every fake wall clock begins, in seconds since 1970."""


class FakeClock:
    """Stands where `harness.clock` reads time and sleeps: the module `time`, and no other place.

    Attributes:
        now_ns: the monotonic time, from `begin_s` on.
        apart_ns: how far the wall clock is ahead of it, and `slept_ns`: how far CLOCK_BOOTTIME is.
    """

    CLOCK_BOOTTIME = 7

    def __init__(self, begin_s: float = 1000.0) -> None:
        self.now_ns = round(begin_s * S)
        self.apart_ns = BEGUN_S * S - self.now_ns
        self.slept_ns = 0
        self._events: list[tuple[int, Callable[[], None]]] = []

    @classmethod
    def installed(cls, monkeypatch: pytest.MonkeyPatch) -> FakeClock:
        """A fake clock in place of the real one until the test ends."""
        fake = cls()
        monkeypatch.setattr(clock, "time", fake)
        return fake

    def at(self, seconds: float, happens: Callable[[], None]) -> None:
        """Let something happen when this clock says so, counted from now."""
        self._events.append((self.now_ns + round(seconds * S), happens))

    def suspend(self, seconds: float) -> None:
        """Let the machine sleep: the wall clock goes on, and the monotonic one does not."""
        self.slept_ns += round(seconds * S)
        self.set_wall(seconds)

    def set_wall(self, ahead_s: float) -> None:
        """Set the wall clock ahead, or back."""
        self.apart_ns += round(ahead_s * S)

    def time_ns(self) -> int:
        """As `time.time_ns`."""
        return self.now_ns + self.apart_ns

    def clock_gettime_ns(self, which: int) -> int:
        """As `time.clock_gettime_ns` of the one clock that is asked for this way."""
        assert which == self.CLOCK_BOOTTIME
        return self.now_ns + self.slept_ns

    def monotonic_ns(self) -> int:
        """As `time.monotonic_ns`."""
        return self.now_ns

    def monotonic(self) -> float:
        """As `time.monotonic`."""
        return self.now_ns / S

    def sleep(self, seconds: float) -> None:
        """Let time pass; what is due meanwhile happens at its own time."""
        until_ns = self.now_ns + round(seconds * S)
        while due := sorted((event for event in self._events if event[0] <= until_ns), key=lambda event: event[0]):
            self._events.remove(due[0])
            self.now_ns = max(self.now_ns, due[0][0])
            due[0][1]()
        self.now_ns = until_ns
