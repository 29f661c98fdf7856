"""CPU limits that are held: containers that have used their quota of a period are stopped until the next one.

As the kernel's CFS bandwidth control does it for a cgroup, with signals in place of a cgroup, so that it needs no privilege: of every 100 ms a
container may run for its limit, under the sandbox's CPU scale. What it used too much, since it is read every few milliseconds only, is
taken from the periods that follow, so that its mean is exact. The periods of containers begin at different moments, as those of cgroups do, so
that all of them do not go on at once. It is on for pods with the annotation `ENFORCED`, whose limits are then those
of the processes that were there when containers were last measured; stress beside a container is not held to it.
https://docs.kernel.org/scheduler/sched-bwc.html
"""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from harness import clock
from harness.units import NS_PER_S
from readiness_sandbox.cluster.kubelet.usage import own_cpu_ns
from readiness_sandbox.cluster.quantities import amount
from readiness_sandbox.scales import CPU_SCALE

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from readiness_sandbox.cluster.kubelet.usage import ContainerStart
    from readiness_sandbox.cluster.store import Object

ENFORCED: Final = "sandbox.readiness/cpu-limits"
"""The annotation of a pod whose CPU limits are held while it says `enforced`."""
PERIOD_S: Final = 0.1
"""As Kubernetes has it."""
_GOLDEN: Final = (5**0.5 - 1) / 2
POLL_S: Final = 0.005
"""Between two readings of what was used."""


@dataclass(slots=True)
class _HeldLimit:
    """A container whose limit is held.

    Attributes:
        per_ns: CPU time that it may use in a nanosecond. due_ns: when its next period begins. left_ns: of its quota; below 0: used ahead.
        members: by pid, a descriptor of each process. used_ns: what they had used together at the last reading.
        periods, throttled: how many there were, and in how many it was stopped.
    """

    per_ns: float
    due_ns: int
    left_ns: float = 0.0
    members: dict[int, int] = field(default_factory=dict)
    used_ns: int = 0
    stopped: bool = False
    periods: int = 0
    throttled: int = 0


class CpuLimits:
    """Holds the CPU limits of containers, in a thread that ends when there are none."""

    def __init__(self) -> None:
        self._held: dict[ContainerStart, _HeldLimit] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._count = 0

    def hold(self, limits: Mapping[ContainerStart, tuple[float, Collection[int]]]) -> None:
        """From now on hold these containers, and no others.

        Args:
            limits: cores, as the container asks for them, and its processes.
        """
        with self._lock:
            for gone in self._held.keys() - limits.keys():
                _release(self._held.pop(gone))
            for start, (cores, pids) in limits.items():
                if start not in self._held:
                    self._held[start] = self._begun(cores / CPU_SCALE)
                held = self._held[start]
                held.per_ns = cores / CPU_SCALE
                _renew(held, pids)
            if self._held and (self._thread is None or not self._thread.is_alive()):
                self._thread = threading.Thread(target=self._watch, name="cpu-limits", daemon=True)
                self._thread.start()

    def throttled(self, start: ContainerStart) -> tuple[int, int]:
        """Periods of a container that is held, and those in which it was stopped; 0 of one that is not."""
        with self._lock:
            held = self._held.get(start)
            return (held.periods, held.throttled) if held is not None else (0, 0)

    def close(self) -> None:
        """Let all go."""
        self.hold({})

    def _begun(self, per_ns: float) -> _HeldLimit:
        """A container with the quota of what is left of its period; its periods begin as far from those of the others as may be."""
        self._count += 1
        phase = (self._count * _GOLDEN) % 1
        due_ns = clock.now_ns() + round(phase * PERIOD_S * NS_PER_S)
        return _HeldLimit(per_ns, due_ns, left_ns=phase * _quota_ns(per_ns))

    def _watch(self) -> None:
        while True:
            now_ns = clock.now_ns()
            with self._lock:
                if not self._held:
                    self._thread = None
                    return
                for held in self._held.values():
                    _examine(held, now_ns)
            clock.sleep(POLL_S)


def limit_of(pod: Object, container: str) -> float | None:
    """The cores that a container may use where its pod's limits are held; None where they are not, or it has none."""
    if (pod["metadata"].get("annotations") or {}).get(ENFORCED) != "enforced":
        return None
    spec: Object = next((each for each in pod["spec"]["containers"] if each["name"] == container), {})
    limit = ((spec.get("resources") or {}).get("limits") or {}).get("cpu")
    return None if limit is None else float(amount(limit))


def _examine(held: _HeldLimit, now_ns: int) -> None:
    """Take what was used from the quota, add that of a new period, and stop or continue."""
    period_ns = round(PERIOD_S * NS_PER_S)
    passed_ns = now_ns - held.due_ns + period_ns if now_ns >= held.due_ns else 0
    used_ns = sum(own_cpu_ns(pid) for pid in held.members)
    held.left_ns -= max(0, used_ns - held.used_ns)
    held.used_ns = used_ns
    if passed_ns:
        held.due_ns = now_ns + period_ns
        held.periods += 1
        held.throttled += held.stopped
        held.left_ns = min(held.left_ns + held.per_ns * passed_ns, _quota_ns(held.per_ns))
    if held.left_ns <= 0 and not held.stopped:
        held.stopped = True
        _signal(held, signal.SIGSTOP)
    elif passed_ns and held.left_ns > 0 and held.stopped:
        held.stopped = False
        _signal(held, signal.SIGCONT)


def _quota_ns(per_ns: float) -> float:
    return per_ns * PERIOD_S * NS_PER_S


def _renew(held: _HeldLimit, pids: Collection[int]) -> None:
    """Hold the processes that are there now; a descriptor names one for good, also when its pid is another's."""
    for gone in held.members.keys() - set(pids):
        os.close(held.members.pop(gone))
    for pid in set(pids) - held.members.keys():
        with suppress(OSError):
            held.members[pid] = os.pidfd_open(pid)
            if held.stopped:
                signal.pidfd_send_signal(held.members[pid], signal.SIGSTOP)
    held.used_ns = sum(own_cpu_ns(pid) for pid in held.members)


def _release(held: _HeldLimit) -> None:
    _signal(held, signal.SIGCONT)
    for descriptor in held.members.values():
        os.close(descriptor)


def _signal(held: _HeldLimit, number: signal.Signals) -> None:
    for descriptor in held.members.values():
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(descriptor, number)
