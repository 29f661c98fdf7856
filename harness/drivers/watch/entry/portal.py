"""The watcher of the users' portal: it records which frontend pod answers."""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import urlsplit

from harness.drivers.watch.entry.probers import WAIT_S, wrong
from harness.drivers.watch.settings import Rates
from harness.drivers.watch.watching import Watcher, Watching
from harness.model.records.table import PORTAL
from harness.targets.files.target import Target


class PortalWatcher(Watcher):
    """Requests the first page of the portal on a new connection each time, so that the Service chooses a pod."""

    name: ClassVar[str] = "portal"
    file: ClassVar[str] = "watch/portal.rows"

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

        here.schedule(self.name, here.settings.rates.portal, probe)
