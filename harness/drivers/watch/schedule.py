"""When looks are due: absolute times that no slow answer moves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from harness import clock
from harness.drivers.watch.attendance import Attendance

Look = Callable[[int], Coroutine[Any, Any, None]]
"""One look, given the time it was due (ns)."""

Trouble = Callable[[str], None]
"""Takes one sentence about what keeps the watch from watching."""


class Schedule:
    """Starts a look every 1/`per_s` seconds, each as a task of its own, so that none waits for another.

    Looks that this process was too late for (over one spacing) are left out, never sent in a burst: the gap stays
    visible in the due times, is told as trouble, and stands in the attendance.
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
        """`phase`: 0 to 1, part of a spacing by which the first look waits, so that schedules do not beat together."""
        self._name = name
        self._look = look
        self._trouble = trouble
        self._attendance = attendance
        self._phase = phase
        self._open: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None
        self._due_ns = 0
        self.per_s = per_s

    @property
    def spacing_ns(self) -> int:
        """Planned time between two looks."""
        return round(clock.NS_PER_S / self.per_s)

    def set_rate(self, per_s: float) -> None:
        """Look that often from the next look on, which stays due when it was."""
        self.per_s = per_s

    async def run(self) -> None:
        """Start looks until cancelled; looks already started go on (see `finish`). A look that raised ends it: looks do not raise."""
        self._due_ns = clock.now_ns() + round(self._phase * self.spacing_ns)
        while True:
            await clock.asleep((self._due_ns - clock.now_ns()) / clock.NS_PER_S)
            if self._failure is not None:
                raise self._failure
            self._attendance.looked(clock.now_ns(), self.spacing_ns)
            task = asyncio.create_task(self._look(self._due_ns))
            self._open.add(task)
            task.add_done_callback(self._ended)
            self._due_ns += self.spacing_ns
            self._leave_out_missed()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._open.discard(task)
        if not task.cancelled():
            self._failure = task.exception() or self._failure

    def _leave_out_missed(self) -> None:
        missed = (clock.now_ns() - self._due_ns) // self.spacing_ns
        if missed > 0:
            self._due_ns += missed * self.spacing_ns
            self._trouble(f"{self._name}: {missed} looks left out, this process was late")

    async def finish(self, within_s: float) -> None:
        """Wait for the looks that are open; those still open after `within_s` are cancelled."""
        if not self._open:
            return
        _, late = await asyncio.wait(self._open, timeout=within_s)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
