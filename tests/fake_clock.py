"""A clock that only moves when somebody sleeps, with events that happen on the way."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from harness import clock

S = 1_000_000_000


class FakeClock:
    """Stands where `harness.clock` reads time and sleeps: the module `time`, and no other place.

    Attributes:
        now_ns: the time, from `begin_s` on.
    """

    def __init__(self, begin_s: float = 1000.0) -> None:
        self.now_ns = round(begin_s * S)
        self._events: list[tuple[int, Callable[[], None]]] = []

    @classmethod
    def installed(cls, monkeypatch: pytest.MonkeyPatch) -> FakeClock:
        """A fake clock in place of the real one until the test ends."""
        fake = cls()
        monkeypatch.setattr(clock, "time", fake)
        monkeypatch.setattr(clock, "wall", lambda: datetime(2026, 1, 31, tzinfo=UTC))
        return fake

    def at(self, seconds: float, happens: Callable[[], None]) -> None:
        """Let something happen when this clock says so, counted from now."""
        self._events.append((self.now_ns + round(seconds * S), happens))

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
