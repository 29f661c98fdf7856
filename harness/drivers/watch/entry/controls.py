"""The watcher of the control services, which only answer: they show trouble that the release did not cause.

A control runs beside the target's services, and its requests take the same network path.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urlsplit

from harness.drivers.watch.entry.probers import WAIT_S, wrong
from harness.drivers.watch.settings import Rates
from harness.drivers.watch.watching import Watcher, Watching
from harness.model.records.table import CONTROL
from harness.targets.files.target import Target

if TYPE_CHECKING:
    from harness.drivers.watch.entry.wires import Wires
    from harness.drivers.watch.schedule import Probe
    from harness.evidence.rows import RowWriter

_NEW_EACH = 10


class ControlWatcher(Watcher):
    """Probes each control service in the same way as the entry."""

    name: ClassVar[str] = "control"
    file: ClassVar[str] = "watch/control.rows"

    def needs(self, target: Target) -> bool:
        """Whether the target has the key `control`."""
        return bool(target.control)

    def per_s(self, rates: Rates) -> float:
        """Planned probes per second of each control."""
        return rates.control

    def begin(self, here: Watching) -> None:
        """Start one schedule per control service, spread evenly in time."""
        rows, controls = here.recorder.rows(self.name, CONTROL), here.target.control
        for number, (name, url) in enumerate(controls.items()):
            parts = urlsplit(url)
            wires = here.wires_to(f"{parts.scheme}://{parts.netloc}")
            probe = _prober(name, parts.path or "/", wires, rows)
            phase = number / len(controls)
            here.schedule(self.name, here.settings.rates.control, probe, of=name, phase=phase)


def _prober(name: str, path: str, wires: Wires, rows: RowWriter) -> Probe:
    count = 0

    async def probe(due_ns: int) -> None:
        nonlocal count
        fresh = count % _NEW_EACH == 0
        count += 1
        answer = await wires.ask("GET", path, within_s=WAIT_S, fresh=fresh)
        times = (due_ns, answer.sent_ns, answer.done_ns, answer.status)
        rows.put(times, (name, wrong(answer, {}, silent=True)))

    return probe
