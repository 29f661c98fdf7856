"""Attendance of a watcher for its receipt: when it probed, and when its data had gaps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from harness.units import NS_PER_MS, NS_PER_S

BLIND_NS: Final = NS_PER_S // 4
"""Time without a probe after which the time counts as blind: neither up nor down."""

Blind = Callable[[int, int], None]
"""Called with the begin and the end of each blind time (ns)."""


class Attendance:
    """The attendance of one probe schedule or event stream of a watcher.

    Attributes:
        probes: number of probes started, or of events received.
        first_ns: time of the first probe or event; 0 if there is none.
        last_ns: time of the last probe or event; 0 if there is none.
        blind_times: number of blind times.
        longest_gap_ns: longest time between two probes of a schedule, or longest interruption of a stream.
        first_answer_ns: time of the first request with a valid answer; None if no answers are counted.
        last_answer_ns: time at which the last valid answer was complete; None if no answers are counted.
    """

    def __init__(self, blind: Blind) -> None:
        self._tell_blind = blind
        self.blind_times = 0
        self.probes = 0
        self.first_ns = self.last_ns = 0
        self.longest_gap_ns = 0
        self.first_answer_ns: int | None = None
        self.last_answer_ns: int | None = None

    def probed(self, at_ns: int, spacing_ns: int) -> None:
        """Count a started probe; a time between two probes over 250 ms and over 1.5 planned spacings is blind time."""
        gap_ns = at_ns - self.last_ns if self.probes else 0
        if gap_ns > max(BLIND_NS, spacing_ns + spacing_ns // 2):
            self._blind(self.last_ns, at_ns)
        self.longest_gap_ns = max(self.longest_gap_ns, gap_ns)
        self._came(at_ns)

    def heard(self, at_ns: int) -> None:
        """Count an event of a stream; the time without events before it is no gap."""
        self._came(at_ns)

    def answered(self, sent_ns: int, done_ns: int) -> None:
        """Count a valid answer of a watcher whose probes may get no answer."""
        if self.first_answer_ns is None:
            self.first_answer_ns = sent_ns
        self.last_answer_ns = done_ns

    def interrupted(self, from_ns: int, until_ns: int) -> None:
        """Record that a stream was interrupted, so that changes may be missing."""
        self.longest_gap_ns = max(self.longest_gap_ns, until_ns - from_ns)
        self._blind(from_ns, until_ns)

    def _blind(self, from_ns: int, until_ns: int) -> None:
        self.blind_times += 1
        self._tell_blind(from_ns, until_ns)

    def _came(self, at_ns: int) -> None:
        self.probes += 1
        self.first_ns = self.first_ns or at_ns
        self.last_ns = at_ns


def receipt(attendances: Sequence[Attendance]) -> dict[str, Any]:
    """Merge the attendances of a watcher.

    The result has the number of probes, the first and last time, the longest gap (ms), the number of blind times, and
    the first and last valid answer if answers are counted.
    """
    present = [one for one in attendances if one.probes]
    answered = [
        (one.first_answer_ns, one.last_answer_ns)
        for one in attendances
        if one.first_answer_ns is not None and one.last_answer_ns is not None
    ]
    answers = (
        {"first_answer_ns": min(first for first, _ in answered), "last_answer_ns": max(last for _, last in answered)}
        if answered
        else {}
    )
    return {
        "blind": sum(one.blind_times for one in attendances),
        "probes": sum(one.probes for one in present),
        "first_ns": min((one.first_ns for one in present), default=0),
        "last_ns": max((one.last_ns for one in present), default=0),
        "longest_gap_ms": max((one.longest_gap_ns for one in present), default=0) / NS_PER_MS,
        **answers,
    }
