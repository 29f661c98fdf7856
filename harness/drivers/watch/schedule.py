"""When looks are due: absolute times that no slow answer moves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final

from harness import clock
from harness.drivers.watch.attendance import Attendance

Look = Callable[[int], Coroutine[Any, Any, None]]
"""One look, given the time it was due (ns)."""

Trouble = Callable[[str], None]
"""Takes one sentence about what keeps the watch from watching."""

TICK_NS: Final = 20 * clock.NS_PER_MS
"""The spacing of the closest looks: what falls on the same ticks shares a wake-up, and waking a sleeping process costs most of a look."""


class Schedule:
    """Starts a look every 1/`per_s` seconds, each as a task of its own, so that none waits for another.

    Looks that this process was too late for (over one spacing) are left out, never sent in a burst: the gap stays
    visible in the due times, is reported as trouble, and is part of the attendance.
    """

    def __init__(
        self,
        name: str,
        per_s: float,
        look: Look,
        trouble: Trouble,
        attendance: Attendance,
        *,
        phase: float = 0.0,
    ) -> None:
        """`phase`: 0 to 1, part of a spacing by which the first look waits, to the nearest tick."""
        self._name = name
        self._look = look
        self._trouble = trouble
        self._attendance = attendance
        self._phase = phase
        self._open: set[asyncio.Task[None]] = set()
        self._origin_ns = 0
        self.due_ns = 0
        self.per_s = per_s

    @property
    def spacing_ns(self) -> int:
        """Planned time between two looks."""
        return round(clock.NS_PER_S / self.per_s)

    def set_rate(self, per_s: float) -> None:
        """Look that often from the next look on, which stays due when it was."""
        self.per_s = per_s

    def begin(self, origin_ns: int) -> None:
        """Looks are due from here on."""
        self._origin_ns = origin_ns + round(self._phase * self.spacing_ns / TICK_NS) * TICK_NS
        self.due_ns = self._origin_ns

    def start_look(self) -> None:
        """Start the look that is due. A look that raised is raised again here: looks do not raise."""
        self._reap()
        self._attendance.looked(clock.now_ns(), self.spacing_ns)
        self._open.add(asyncio.create_task(self._look(self.due_ns)))
        ended = (self.due_ns - self._origin_ns) // self.spacing_ns + 1
        self.due_ns = self._origin_ns + ended * self.spacing_ns  # also after a new rate on the ticks of others
        self._leave_out_missed()

    def _reap(self) -> None:
        """Take out the looks that have ended: here, because a callback each would be one more turn of the loop a look."""
        for task in [task for task in self._open if task.done()]:
            self._open.discard(task)
            if not task.cancelled():
                task.result()

    def _leave_out_missed(self) -> None:
        missed = (clock.now_ns() - self.due_ns) // self.spacing_ns
        if missed > 0:
            self.due_ns += missed * self.spacing_ns
            self._trouble(f"{self._name}: {missed} probes left out, this process was late")

    async def finish(self, within_s: float) -> None:
        """Wait for the looks that are open; those still open after `within_s` are cancelled and reported as trouble.

        A look that raised is raised again here, too.
        """
        if self._open:
            _, late = await asyncio.wait(self._open, timeout=within_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
            if late:
                self._trouble(
                    f"{self._name}: {len(late)} probes did not complete within {within_s:g} s and were cancelled"
                )
        self._reap()


async def keep(schedules: Sequence[Schedule]) -> None:
    """Start the looks of all schedules when they are due, until cancelled; looks already started go on (see `finish`).

    One task for all: looks that are due at the same time cost one wake-up. A look that raised ends it.
    """
    origin_ns = clock.now_ns()
    for schedule in schedules:
        schedule.begin(origin_ns)
    while True:
        next_ns = min(schedule.due_ns for schedule in schedules)
        await clock.asleep((next_ns - clock.now_ns()) / clock.NS_PER_S)
        reached_ns = max(next_ns, clock.now_ns())  # a timer may fire a nanosecond early
        for schedule in schedules:
            if schedule.due_ns <= reached_ns:
                schedule.start_look()
