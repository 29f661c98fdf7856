"""The machine of the run: whether it slept, and whether it is fast enough for the harness and a sandbox."""

from __future__ import annotations

import re
import threading
from contextlib import closing
from dataclasses import asdict, dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import urlsplit

from harness import clock
from harness.provided import TargetProcesses
from harness.run.start.processors import CPU, ProcessorLog

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.evidence import History, RunDirectory
    from harness.model.observations import MachineSeen
    from harness.targets import Target

PRESSURE: Final = Path("/proc/pressure/cpu")
BUSY: Final = 0.25
"""Share of time with waiting tasks above which a machine counts as busy; an idle machine is below 0.05."""

STAT: Final = Path("/proc/stat")
EACH_S: Final = 1.0
STALLS: Final = ("io", "memory")
"""Resources besides processors for which all tasks may wait at the same time: files of `/proc/pressure`."""
_FULL: Final = re.compile(r"^full .* total=([0-9]+)$", re.MULTILINE)
_TOTAL: Final = re.compile(r"^some .* total=([0-9]+)$", re.MULTILINE)
_SOME: Final = re.compile(r"^some avg10=([0-9.]+) ", re.MULTILINE)


def waited_share(pressure: Path = PRESSURE) -> float | None:
    """The share of the last 10 s in which some task waited for a processor; None if the kernel does not report it.

    Source: Linux, Documentation/accounting/psi.rst.
    """
    try:
        some = _SOME.search(pressure.read_text(encoding="ascii"))
    except OSError:  # an older kernel, or one that was built or started without it
        return None
    return float(some[1]) / 100 if some else None


class MachineLog:
    """A context that records every second how long the machine slept, CPU pressure, and the CPU share of other programs.

    CPU shares and pressure are recorded only for a target on this machine, whose entry is a loopback address. Processes of the target are
    the processes that it declares, else the processes that listen at its entry.

    Attributes:
        seen: readings so far.
    """

    def __init__(
        self,
        target: Target,
        directory: RunDirectory,
        *,
        processes: Callable[[], TargetProcesses] = TargetProcesses,
        pressure: Path = PRESSURE,
        stat: Path = STAT,
    ) -> None:
        self._beside = is_beside(target.entry)
        self._doors = (target.entry, *target.doors.values())
        self._directory = directory
        self._processes = processes
        self.seen: list[MachineSeen] = []
        self._files = (pressure, stat)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="machine", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        with closing(self._directory.history("machine")) as history:
            self._put(history, clock.now_ns())
            if self._beside:
                self._follow(history)
            while not self._ended.wait(EACH_S):
                self._put(history, clock.now_ns())
            self._put(history, clock.now_ns())

    def _put(self, history: History, at_ns: int, **told: float | None) -> None:
        history.put("machine.seen", "machine", at_ns=at_ns, asleep_ns=clock.asleep_ns(), **told)

    def _follow(self, history: History) -> None:
        from harness.model.observations import MachineSeen  # `readiness --help` loads this module

        processors = ProcessorLog(self._doors, self._processes)
        before, at_ns = readings(*self._files), clock.now_ns()
        while not self._ended.wait(EACH_S):
            now, now_ns, had = readings(*self._files), clock.now_ns(), processors.shares()
            told = {**shares(before, now, now_ns - at_ns), **({} if had is None else asdict(had))}
            self._put(history, now_ns, **told)
            self.seen.append(MachineSeen(subject="machine", at_ns=now_ns, **told))
            before, at_ns = now, now_ns


@dataclass(frozen=True, kw_only=True, slots=True)
class Readings:
    """Counters of the kernel since boot; None for a value that the kernel does not count.

    Attributes:
        waited_us: microseconds in which some task waited for a processor.
        ticks: clock ticks of all processors.
        stolen: ticks of these that other machines of the host took.
        stalled_us: microseconds in which no task could run, because all waited for disks or for memory.
    """

    waited_us: int | None = None
    ticks: int | None = None
    stolen: int | None = None
    stalled_us: int | None = None


def readings(pressure: Path = PRESSURE, stat: Path = STAT) -> Readings:
    """Read the counters of the kernel.

    Sources: Linux, Documentation/accounting/psi.rst and proc(5), /proc/stat.
    """
    waited, counts = _TOTAL.search(_text(pressure)), CPU.search(_text(stat))
    stalls = [found for name in STALLS if (found := _FULL.search(_text(pressure.with_name(name))))]
    ticks = [int(word) for word in counts[1].split()] if counts else []
    return Readings(
        waited_us=int(waited[1]) if waited else None,
        ticks=sum(ticks[:8]) if len(ticks) >= 8 else None,
        stolen=ticks[7] if len(ticks) >= 8 else None,
        stalled_us=sum(int(found[1]) for found in stalls) if stalls else None,
    )


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii")
    except OSError:  # an older kernel, or one that was built or started without it
        return ""


def shares(before: Readings, now: Readings, passed_ns: int) -> dict[str, float | None]:
    """The shares of waited, stolen and stalled time between two readings."""
    waited = stolen = stalled = None
    if before.stalled_us is not None and now.stalled_us is not None and passed_ns > 0:
        stalled = min(max((now.stalled_us - before.stalled_us) * 1000 / passed_ns, 0.0), 1.0)
    if before.waited_us is not None and now.waited_us is not None and passed_ns > 0:
        waited = max((now.waited_us - before.waited_us) * 1000 / passed_ns, 0.0)
    if None not in (before.ticks, now.ticks, before.stolen, now.stolen) and (now.ticks or 0) > (before.ticks or 0):
        stolen = max(((now.stolen or 0) - (before.stolen or 0)) / ((now.ticks or 0) - (before.ticks or 0)), 0.0)
    return {"waited": waited, "stolen": stolen, "stalled": stalled}


def is_beside(entry: str) -> bool:
    """Whether an address belongs to this machine: a loopback address, or `localhost`."""
    host = urlsplit(entry).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def company(share: float | None) -> str:
    """The warning before a sandbox is started on a busy machine; empty if the machine is not busy."""
    if share is None or share <= BUSY:
        return ""
    return f"this machine is busy: programs waited for a processor in {100 * share:.0f} % of the last 10 s"
