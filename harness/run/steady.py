"""Is the target steady, and is it back? Asked live, by the judge's own rule 8."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harness import clock
from harness.judgement.recovery import is_steady, recovered_at

if TYPE_CHECKING:
    from harness.drivers.watch import LiveView

STEADY_WITHIN_S: Final = 20.0
"""So long an experiment waits for a steady target before it is not run."""
_READ_KNOWN_NS: Final = 1_300_000_000
"""A read that is due now is known within its time-out of 1 s and a flush of 0.25 s."""
_WRITE_KNOWN_NS: Final = 2_300_000_000
"""The same of a write, whose time-out is 2 s."""
_POLL_S: Final = 0.25


class Steadiness:
    """Reads and, where the target has a ledger, writes at the entry."""

    def __init__(self, view: LiveView, *, writes: bool) -> None:
        self._view = view
        self._writes = writes

    def now(self) -> tuple[bool, str]:
        """Whether the last five known seconds were steady, and what was seen."""
        self._view.poll()
        now = clock.now_ns()
        steady, why = is_steady(*self._view.reads(), now - _READ_KNOWN_NS)
        if not steady or not self._writes:
            return steady, f"reads: {why}"
        written, why_written = is_steady(*self._view.writes(), now - _WRITE_KNOWN_NS)
        return written, f"reads: {why}; writes: {why_written}"

    def wait(self, within_s: float = STEADY_WITHIN_S) -> tuple[bool, str, float]:
        """Wait for a steady target: whether it came, what was seen last, and the seconds it took."""
        began = clock.now_s()
        steady, why = False, ""
        for _ in clock.Deadline.after(within_s).ticks(_POLL_S):
            steady, why = self.now()
            if steady:
                break
        return steady, why, clock.now_s() - began

    def back_since(self, since_ns: int) -> bool:
        """Whether reads and writes are back, for five known seconds, after an action sent at `since_ns`."""
        self._view.poll()
        now = clock.now_ns()
        if recovered_at(*self._view.reads(), since_ns, now - _READ_KNOWN_NS) is None:
            return False
        return not self._writes or recovered_at(*self._view.writes(), since_ns, now - _WRITE_KNOWN_NS) is not None
