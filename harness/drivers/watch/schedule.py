"""Probe schedules with absolute due times, which slow answers do not delay."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final

from harness import clock
from harness.drivers.watch.attendance import Attendance
from harness.units import NS_PER_MS, NS_PER_S

Probe = Callable[[int], Coroutine[Any, Any, None]]
"""A probe, called with its due time (ns)."""

Trouble = Callable[[str], None]
"""Called with one sentence that says why the watch cannot watch."""

TICK_NS: Final = 20 * NS_PER_MS
"""Minimum spacing of probes: probes on the same tick share a wake-up, which is most of the cost of a probe."""


class ProbeSchedule:
    """Starts a probe every 1/`per_s` seconds; each probe is a separate task, so that no probe waits for another.

    Probes that are late by over one spacing are left out, and never sent in a burst. The gap is visible in the due
    times, is reported as trouble, and is part of the attendance.
    """

    def __init__(
        self,
        name: str,
        per_s: float,
        probe: Probe,
        trouble: Trouble,
        attendance: Attendance,
        *,
        phase: float = 0.0,
    ) -> None:
        """Delay the first probe by the part `phase` (0 to 1) of a spacing, rounded to the next tick."""
        self._name = name
        self._probe = probe
        self._trouble = trouble
        self._attendance = attendance
        self._phase = phase
        self._open: set[asyncio.Task[None]] = set()
        self._origin_ns = 0
        self.due_ns = 0
        self.per_s = per_s

    @property
    def spacing_ns(self) -> int:
        """Planned time between two probes."""
        return round(NS_PER_S / self.per_s)

    def set_rate(self, per_s: float) -> None:
        """Change the rate after the next probe; the due time of the next probe does not change."""
        self.per_s = per_s

    def begin(self, origin_ns: int) -> None:
        """Start the schedule; probes are due from now on."""
        self._origin_ns = origin_ns + round(self._phase * self.spacing_ns / TICK_NS) * TICK_NS
        self.due_ns = self._origin_ns

    def start_probe(self) -> None:
        """Start the probe that is due; raise the error of an earlier probe, since no probe may raise."""
        self._reap()
        self._attendance.probed(clock.now_ns(), self.spacing_ns)
        self._open.add(asyncio.create_task(self._probe(self.due_ns)))
        ended = (self.due_ns - self._origin_ns) // self.spacing_ns + 1
        self.due_ns = self._origin_ns + ended * self.spacing_ns  # also after a new rate on the ticks of others
        self._leave_out_missed()

    def _reap(self) -> None:
        """Remove completed probes: here, as a callback per probe would cost one more loop turn each."""
        for task in [task for task in self._open if task.done()]:
            self._open.discard(task)
            if not task.cancelled():
                task.result()

    def _leave_out_missed(self) -> None:
        missed = (clock.now_ns() - self.due_ns) // self.spacing_ns
        if missed > 0:
            self.due_ns += missed * self.spacing_ns
            self._trouble(f"{self._name}: {missed} probes were left out because the watch process was late")

    async def finish(self, within_s: float) -> None:
        """Wait for open probes for `within_s` seconds, then cancel them and report trouble.

        Raises the error of a probe, like `start_probe`.
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


async def keep(schedules: Sequence[ProbeSchedule]) -> None:
    """Start the probes of all schedules when they are due, until cancelled.

    Started probes continue (see `finish`). All schedules share one task, so that probes with equal due times cost one
    wake-up. A probe that raises an error ends the task.
    """
    origin_ns = clock.now_ns()
    for schedule in schedules:
        schedule.begin(origin_ns)
    while True:
        next_ns = min(schedule.due_ns for schedule in schedules)
        await clock.asleep((next_ns - clock.now_ns()) / NS_PER_S)
        reached_ns = max(next_ns, clock.now_ns())  # a timer may fire a nanosecond early
        for schedule in schedules:
            if schedule.due_ns <= reached_ns:
                schedule.start_probe()
