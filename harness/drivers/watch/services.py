"""The watcher of the services' own health addresses."""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import urlsplit

from harness.drivers.watch.probers import Prober
from harness.drivers.watch.settings import Rates
from harness.drivers.watch.watching import Watcher, Watching
from harness.model.recorded import SERVICE
from harness.model.table import PROBES
from harness.targets.parts import ReadProbe
from harness.targets.target import Target


class ServicesWatcher(Watcher):
    """The own health address of every service that the target names."""

    name: ClassVar[str] = "services"
    file: ClassVar[str] = "watch/services.rows"

    def needs(self, target: Target) -> bool:
        """Services with an address of their own."""
        return bool(target.services)

    def per_s(self, rates: Rates) -> float:
        """Probes of one service."""
        return rates.service

    def begin(self, here: Watching) -> None:
        """One schedule a service, evenly spread."""
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
