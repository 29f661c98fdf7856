"""When a watcher probed, and when it was blind: its receipt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from harness import clock

BLIND_NS: Final = clock.NS_PER_S // 4
"""No probe for longer than this is blind time: neither up nor down."""

Blind = Callable[[int, int], None]
"""Takes a stretch of blind time: from, until (ns)."""


class Attendance:
    """Of one schedule or stream of a watcher.

    Attributes:
        looks: how many looks began, or events came.
        first_ns, last_ns: the first and the last of them; 0 of none.
        longest_gap_ns: between two looks of a schedule; of a stream, while it was interrupted.
    """

    def __init__(self, blind: Blind) -> None:
        self._blind = blind
        self.looks = 0
        self.first_ns = self.last_ns = 0
        self.longest_gap_ns = 0

    def looked(self, at_ns: int, spacing_ns: int) -> None:
        """A look began that was planned so long after the one before; a gap over 250 ms, and over half as much again as planned, is blind."""
        gap_ns = at_ns - self.last_ns if self.looks else 0
        if gap_ns > max(BLIND_NS, spacing_ns + spacing_ns // 2):
            self._blind(self.last_ns, at_ns)
        self.longest_gap_ns = max(self.longest_gap_ns, gap_ns)
        self._came(at_ns)

    def heard(self, at_ns: int) -> None:
        """An event of a stream; how long it had been silent before means nothing."""
        self._came(at_ns)

    def interrupted(self, from_ns: int, until_ns: int) -> None:
        """A stream was interrupted: changes may be missing."""
        self.longest_gap_ns = max(self.longest_gap_ns, until_ns - from_ns)
        self._blind(from_ns, until_ns)

    def _came(self, at_ns: int) -> None:
        self.looks += 1
        self.first_ns = self.first_ns or at_ns
        self.last_ns = at_ns


def receipt(attendances: Sequence[Attendance]) -> dict[str, Any]:
    """One watcher's receipt from those of its schedules: all looks, the outermost times, the longest gap of any (ms)."""
    present = [one for one in attendances if one.looks]
    return {
        "looks": sum(one.looks for one in present),
        "first_ns": min((one.first_ns for one in present), default=0),
        "last_ns": max((one.last_ns for one in present), default=0),
        "longest_gap_ms": max((one.longest_gap_ns for one in present), default=0) / clock.NS_PER_MS,
    }
