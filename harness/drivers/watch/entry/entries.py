"""The watchers of the entry of the platform and of each region's own entry."""

from __future__ import annotations

from typing import ClassVar

from harness.drivers.watch.entry.probers import Prober
from harness.drivers.watch.recorder import WatchRecorder
from harness.drivers.watch.schedule import ProbeSchedule
from harness.drivers.watch.settings import Rates
from harness.drivers.watch.watching import Pace, Watcher, Watching
from harness.model.records.table import PROBES
from harness.targets.files.parts import ReadProbe
from harness.targets.files.target import Target


class EntryWatcher(Watcher):
    """Probes the entry of the platform: reads of a stored record, and the health path."""

    name: ClassVar[str] = "entry"
    file: ClassVar[str] = "watch/entry.rows"

    _recorder: WatchRecorder
    _rates: Rates
    _reads: ProbeSchedule
    _health: ProbeSchedule

    def needs(self, target: Target) -> bool:  # noqa: ARG002 - every target has an entry
        """True, since every target has an entry."""
        return True

    def per_s(self, rates: Rates) -> float:
        """Planned reads per second."""
        return rates.read

    def begin(self, here: Watching) -> None:
        """Start two schedules: reads and health."""
        self._recorder, self._rates = here.recorder, here.settings.rates
        target, rows = here.target, here.recorder.rows(self.name, PROBES)
        asked = {"read": target.probes.read, "health": ReadProbe(path=target.probes.health)}
        probers = {
            kind: Prober(subject="entry", kind=kind, read=read, wires=here.wires_to(target.entry), rows=rows)
            for kind, read in asked.items()
        }
        self._reads = here.schedule(self.name, self._rates.read, probers["read"].probe, of="read")
        self._health = here.schedule(self.name, self._rates.health, probers["health"].probe, of="health", phase=0.3)

    def pace(self, pace: Pace) -> None:
        """Probe health more often in a window, and reads more often while a fault may be active."""
        rates = self._rates
        self._health.set_rate(rates.health_in_window if pace.window_open else rates.health)
        per_s = rates.read_in_fault if pace.fault_in else rates.read
        self.respace(self._recorder, per_s, [self._reads])


class DoorsWatcher(Watcher):
    """Probes reads and the health path at the entry of each region."""

    name: ClassVar[str] = "regions"
    file: ClassVar[str] = "watch/regions.rows"

    def __init__(self) -> None:
        self._reads: list[ProbeSchedule] = []
        self._health: list[ProbeSchedule] = []

    _recorder: WatchRecorder
    _rates: Rates

    def needs(self, target: Target) -> bool:
        """Whether the target has a region with its own entry."""
        return bool(target.doors)

    def per_s(self, rates: Rates) -> float:
        """Planned reads per second of each region."""
        return rates.region

    def begin(self, here: Watching) -> None:
        """Start two schedules per region: reads and health."""
        self._recorder, self._rates = here.recorder, here.settings.rates
        rows, probes = here.recorder.rows(self.name, PROBES), here.target.probes
        asked = {"read": probes.read, "health": ReadProbe(path=probes.health)}
        doors = here.target.doors
        for number, (region, entry) in enumerate(doors.items()):
            probers = {
                kind: Prober(subject=region, kind=kind, read=read, wires=here.wires_to(entry), rows=rows)
                for kind, read in asked.items()
            }
            self._reads.append(here.schedule(self.name, self._rates.region, probers["read"].probe, of=region))
            self._health.append(
                here.schedule(
                    self.name,
                    self._rates.region_health,
                    probers["health"].probe,
                    of=f"{region} health",
                    phase=number / len(doors),
                )
            )

    def pace(self, pace: Pace) -> None:
        """Probe health more often in a window, and both more often while a fault may be active."""
        rates = self._rates
        for schedule in self._health:
            judged = pace.window_open or pace.fault_in
            schedule.set_rate(rates.region_health_judged if judged else rates.region_health)
        per_s = rates.region_in_fault if pace.fault_in else rates.region
        self.respace(self._recorder, per_s, self._reads)
