"""The watcher of the users' portal: it records which frontend pod answers."""

from __future__ import annotations

from typing import ClassVar, Final
from urllib.parse import urlsplit

from harness.drivers.watch.entry.probers import WAIT_S, wrong
from harness.drivers.watch.recorder import WatchRecorder
from harness.drivers.watch.schedule import ProbeSchedule
from harness.drivers.watch.settings import Rates
from harness.drivers.watch.watching import Pace, Watcher, Watching
from harness.model.records.table import PORTAL
from harness.targets.files.target import Target

QUIET_PER_S: Final = 1.0
"""Requests per second while no fault may be active, at most: in the 20 s before a fault every pod of a few answers one."""


class PortalWatcher(Watcher):
    """Requests the first page of the portal on a new connection each time, so that the Service chooses a pod."""

    name: ClassVar[str] = "portal"
    file: ClassVar[str] = "watch/portal.rows"

    _visits: ProbeSchedule
    _recorder: WatchRecorder
    _rates: Rates

    def needs(self, target: Target) -> bool:
        """Whether the target has the key `portal`."""
        return bool(target.portal)

    def per_s(self, rates: Rates) -> float:
        """Planned requests per second."""
        return rates.portal

    def begin(self, here: Watching) -> None:
        """Start one schedule."""
        rows, parts = here.recorder.rows(self.name, PORTAL), urlsplit(here.target.portal)
        wires = here.wires_to(f"{parts.scheme}://{parts.netloc}")

        async def probe(due_ns: int) -> None:
            answer = await wires.ask("GET", parts.path or "/", within_s=WAIT_S, fresh=True)
            times = (due_ns, answer.sent_ns, answer.done_ns, answer.status)
            rows.put(times, (answer.served_pod or None, wrong(answer, {})))

        self._recorder, self._rates = here.recorder, here.settings.rates
        self._visits = here.schedule(self.name, self._rates.portal, probe)

    def pace(self, pace: Pace) -> None:
        """Request as often as figures need while a fault may be active only."""
        per_s = self._rates.portal if pace.fault_in else min(self._rates.portal, QUIET_PER_S)
        self.respace(self._recorder, per_s, [self._visits])
