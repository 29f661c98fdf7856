"""All watchers of one target; the keys of the target file decide which watchers start."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

from harness.drivers.watch.entry.probers import WAIT_S
from harness.drivers.watch.recorder import WatchRecorder
from harness.drivers.watch.registry import watchers
from harness.drivers.watch.schedule import keep
from harness.drivers.watch.settings import FOLLOW_S, WatchSettings
from harness.drivers.watch.watching import Pace, Watching
from harness.drivers.watch.writes.ledger import DEADLINE_S, READ_S
from harness.drivers.watch.writes.pipeline import POLL_TIMEOUT_S
from harness.targets.files.target import Target


def finish_s(follow_s: float) -> float:
    """Seconds to wait at the end for open probes: their longest deadline, and a small reserve."""
    return max(DEADLINE_S + READ_S, follow_s + 2 * POLL_TIMEOUT_S) + 0.5


class Watchers:
    """Starts, paces and stops the watchers whose needs the target fulfils."""

    def __init__(self, target: Target, settings: WatchSettings, recorder: WatchRecorder) -> None:
        self._here = Watching(target, settings, recorder)
        self._pace = Pace()
        self._all = [watcher for watcher in watchers() if watcher.needs(target)]
        for watcher in self._all:
            per_s = watcher.per_s(settings.rates)
            watcher.begin(self._here)
            recorder.started(watcher.name, 1000 / per_s if per_s else 0.0, watcher.file)
        self._repace(self._pace)

    def jobs(self) -> list[Coroutine[Any, Any, None]]:
        """The jobs that run until cancelled."""
        return [keep(self._here.schedules), *self._here.streams]

    async def warm_up(self) -> None:
        """Send one unrecorded request per connection, so that connecting does not delay the first probes."""
        health = self._here.target.probes.health
        await asyncio.gather(*(wires.ask("GET", health, within_s=WAIT_S) for wires in self._here.wires))

    def set_window(self, *, is_open: bool) -> None:
        """Adapt the rates to the begin or end of a fault-free window."""
        self._repace(replace(self._pace, window_open=is_open))

    def set_fault(self, *, is_in: bool) -> None:
        """Adapt the rates to the time from before a fault until its restore, or to the time after."""
        self._repace(replace(self._pace, fault_in=is_in))

    def _repace(self, pace: Pace) -> None:
        self._pace = pace
        for watcher in self._all:
            watcher.pace(pace)

    async def finish(self, *, at_once: bool) -> None:
        """Wait for open probes, then close their connections; with `at_once` do not follow open events."""
        for watcher in self._all:
            watcher.ending(at_once=at_once)
        within_s = finish_s(FOLLOW_S if at_once else self._here.settings.follow_s)
        await asyncio.gather(*(schedule.finish(within_s) for schedule in self._here.schedules))
        for watcher in self._all:
            watcher.ended()
        await self._here.close()
