"""Stress beside containers: processes that use CPU and memory on a container's account, as many and as much as was asked for, within bounds.

Several at once add up.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Final

from readiness_sandbox.cluster.quantities import amount
from readiness_sandbox.cluster.statuses import bad_request
from readiness_sandbox.scales import CPU_SCALE

if TYPE_CHECKING:
    from readiness_sandbox.cluster.kubelet.usage import ContainerStart
    from readiness_sandbox.cluster.store import Object

LONGEST_S: Final = 3600
"""Stress that is not ended ends itself."""
_SCRIPT: Final = """
import os, sys, time
pid, seconds, cpu_workers, load, memory_workers, size = map(float, sys.argv[1:])
end, alive = time.monotonic() + seconds, lambda: time.monotonic() < end and os.path.exists(f"/proc/{int(pid)}")
def burn():
    began = time.monotonic()
    while alive():
        period = time.monotonic() + 0.05
        # what was used so far is held against the time so far: neither waking up nor a wait for a processor changes the share
        while time.process_time() < (period - began) * load / 100 and time.monotonic() < period:
            pass
        time.sleep(max(0.0, period - time.monotonic()))
def hold():
    kept = bytearray(b"x") * int(size)
    while alive():
        time.sleep(0.05)
works = [burn] * int(cpu_workers) + [hold] * int(memory_workers)
mine = next((each for each in works[1:] if os.fork() == 0), works[0])
mine()
"""
"""What runs: one process a worker. Each ends with the container's first process, or when its time is over."""
_SIZE: Final = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<unit>B|KB|MB|GB|%)?")
_UNITS: Final = {None: 1, "B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}
_PART: Final = 0.5
"""Of the memory that the machine has left, one container may be stressed with."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Stress:
    """One stress that runs beside a container; `fills`: it only holds memory."""

    pod: str
    container: str
    process: subprocess.Popen[bytes]
    fills: bool


class StressProcesses:
    """The stress that runs, by its number."""

    def __init__(self) -> None:
        self._running: dict[int, _Stress] = {}
        self._numbers = count(1)

    def begin(self, start: ContainerStart, pid: int, container: Object, stressors: Object) -> int:
        """Stress a container whose first process is `pid`, and return the number of the stress; it ends with that process.

        Raises:
            StatusError: 400, for too much.
        """
        cpu, memory = stressors.get("cpu") or {}, stressors.get("memory") or {}
        size = _size(memory["size"], container) if memory.get("size") else 0
        if memory and not size:
            raise bad_request("stressors.memory.size: Required value: the sandbox has no size of its own")
        if memory and size * memory["workers"] > (left := _available()) * _PART:
            raise bad_request(
                f"stressors.memory: {size * memory['workers']} bytes are over half of the {left} that the machine has left"
            )
        # The load is of a core as the kubelet reports it: under the CPU scale.
        words = (
            pid,
            LONGEST_S,
            cpu.get("workers", 0),
            cpu.get("load", 100) / CPU_SCALE,
            memory.get("workers", 0),
            size,
        )
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _SCRIPT, *map(str, words)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        number = next(self._numbers)
        self._running[number] = _Stress(pod=start.pod, container=start.container, process=process, fills=not cpu)
        return number

    def end(self, number: int) -> None:
        """Kill it with all its workers; nothing when it was ended before."""
        if (stress := self._running.pop(number, None)) is not None:
            with suppress(ProcessLookupError):
                os.killpg(stress.process.pid, signal.SIGKILL)
            stress.process.wait()

    def end_all(self, pod: str, container: str) -> None:
        """End every stress beside a container."""
        for number in [n for n, one in self._running.items() if (one.pod, one.container) == (pod, container)]:
            self.end(number)

    @property
    def uncharged(self) -> list[int]:
        """The first process of each stress that only holds memory: filling it takes CPU that was not asked for."""
        return [one.process.pid for one in self._running.values() if one.fills]

    def pids_of(self, start: ContainerStart) -> list[int]:
        """The first process of each stress beside a container that has not ended."""
        beside = [one for one in self._running.values() if (one.pod, one.container) == (start.pod, start.container)]
        return [one.process.pid for one in beside if one.process.poll() is None]


def _size(text: str, container: Object) -> int:
    found = _SIZE.fullmatch(text)
    if not found:
        raise bad_request(f"stressors.memory.size: Invalid value: {text!r}: must be like 256MB or 50%")
    if found["unit"] != "%":
        return int(float(found["number"]) * _UNITS[found["unit"]])
    limit = ((container.get("resources") or {}).get("limits") or {}).get("memory")
    if limit is None:
        raise bad_request(
            f"stressors.memory.size: {text} is of the memory limit, and container {container['name']} has none"
        )
    return int(amount(limit) * int(float(found["number"])) / 100)


def _available() -> int:
    """Bytes of memory that the machine has left."""
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
