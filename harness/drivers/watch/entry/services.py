"""Watcher of the services: it probes the health address of each service."""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import urlsplit

from harness.drivers.watch.entry.probers import Prober
from harness.drivers.watch.settings import Rates
from harness.drivers.watch.watching import Watcher, Watching
from harness.model.records.recorded import SERVICE
from harness.model.records.table import PROBES
from harness.targets.files.parts import ReadProbe
from harness.targets.files.target import Target


class ServicesWatcher(Watcher):
    """Probes the health address of every service that the target file names."""

    name: ClassVar[str] = "services"
    file: ClassVar[str] = "watch/services.rows"

    def needs(self, target: Target) -> bool:
        """Whether the target file names a service with an address."""
        return bool(target.services)

    def per_s(self, rates: Rates) -> float:
        """Planned probes per second of each service."""
        return rates.service

    def begin(self, here: Watching) -> None:
        """Start one schedule per service, spread evenly in time."""
        rows, services = here.recorder.rows(self.name, PROBES), here.target.services
        for number, (service, url) in enumerate(services.items()):
            parts = urlsplit(url)
            wires = here.wires_to(f"{parts.scheme}://{parts.netloc}")
            prober = Prober(
                subject=service, kind=SERVICE, read=ReadProbe(path=parts.path or "/"), wires=wires, rows=rows
            )
            here.schedule(
                self.name, here.settings.rates.service, prober.probe, of=service, phase=number / len(services)
            )
