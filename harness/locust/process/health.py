"""Measures the health of the load generator: a late generator would measure itself and not the target."""

from __future__ import annotations

import gc
import resource
from typing import Any, Final

import gevent

from harness import clock
from harness.locust.process.ending import lasting
from harness.units import NS_PER_MS, NS_PER_S

TICK_S: Final = 0.02
"""Time in s between two measurements of the event loop."""


class Health:
    """CPU, garbage collection and event-loop figures since the last reading."""

    def __init__(self) -> None:
        self._gc_began_ns = 0
        self._gc_ns = 0
        self._loop_ns = 0
        self._cpu_s = _cpu_s()
        self._at_ns = clock.now_ns()

    def watch(self) -> None:
        """Start the measurements."""
        gc.callbacks.append(self._collected)
        lasting(self._tick)

    def read(self) -> dict[str, float]:
        """CPU share of one core (`cpu`), longest GC pause (`gc_ms`), event-loop lag (`loop_ms`)."""
        cpu_s, at_ns = _cpu_s(), clock.now_ns()
        seconds = max((at_ns - self._at_ns) / NS_PER_S, 1e-9)
        seen = {
            "cpu": round((cpu_s - self._cpu_s) / seconds, 4),
            "gc_ms": round(self._gc_ns / NS_PER_MS, 3),
            "loop_ms": round(self._loop_ns / NS_PER_MS, 3),
        }
        self._cpu_s, self._at_ns, self._gc_ns, self._loop_ns = cpu_s, at_ns, 0, 0
        return seen

    def _collected(self, phase: str, _: dict[str, Any]) -> None:
        if phase == "start":
            self._gc_began_ns = clock.now_ns()
        else:
            self._gc_ns = max(self._gc_ns, clock.now_ns() - self._gc_began_ns)

    def _tick(self) -> None:
        while True:
            due_ns = clock.now_ns() + round(TICK_S * NS_PER_S)
            gevent.sleep(TICK_S)
            self._loop_ns = max(self._loop_ns, clock.now_ns() - due_ns)


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
