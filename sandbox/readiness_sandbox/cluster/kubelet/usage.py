"""What containers use: CPU time, memory and disk of all their processes, from /proc, every container in one pass.

CPU time is exact to the nanosecond: a process's own comes from its CPU clock (clock_getcpuclockid(3)), that of its children
that have ended from /proc/PID/stat. Memory is the proportional set size, in which pages that processes share are counted once
among them; it is read for a few processes each pass and follows the resident set in between, since reading it takes 0.5 ms. The resident set
of a process that was just forked is that of what forked it: until its proportional set size has been read for the first time, nothing is known.
"""

from __future__ import annotations

import os
import time
from collections import defaultdict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from harness import clock
from harness.units import NS_PER_S
from readiness_sandbox.scales import CPU_SCALE

if TYPE_CHECKING:
    from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

WINDOW_S: Final = 3.0
"""Of a rate: that long, or as long as the container has been measured."""
_KEPT: Final = 8
"""Samples of a container."""
_EXACT_AT_ONCE: Final = 2
"""Processes whose proportional set size is read again in one pass."""
_FIRST_AT_ONCE: Final = 24
"""Processes whose proportional set size is read for the first time in one pass."""
_WHOLE_EACH: Final = 2
"""Storage, resident memory and the processes of no container are read in each second pass only: the first two are scraped each few seconds."""
_TICK_NS: Final = NS_PER_S // os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_SCHED_CLOCK: Final = 2
"""CPUCLOCK_SCHED of the kernel: the clock counts what the scheduler has granted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ContainerStart:
    """One start of a container: the pod's uid, the container's name, and how often it had been started before."""

    pod: str
    container: str
    restarts: int


@dataclass(frozen=True, kw_only=True, slots=True)
class UsageSample:
    """What a container had used at a moment, since its start.

    Attributes:
        at_ns: on the harness's clock.
        wall: the same moment for people.
        cpu_ns: CPU time, under the sandbox's CPU scale.
        memory_bytes: proportional set size.
        resident_bytes: anonymous memory that is resident, of each process in full: pages that it still shares with the one it was forked from count.
        read_bytes, written_bytes: from and to storage.
    """

    at_ns: int
    wall: datetime
    cpu_ns: int
    memory_bytes: int
    resident_bytes: int
    read_bytes: int
    written_bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ContainerRate:
    """What a container uses: CPU over the window that ends with `last`, in cores under the CPU scale; memory at its end."""

    container: str
    first: UsageSample
    last: UsageSample

    @property
    def window_s(self) -> float:
        """The length of the window."""
        return (self.last.at_ns - self.first.at_ns) / NS_PER_S

    @property
    def cores(self) -> float:
        """CPU in cores."""
        return (self.last.cpu_ns - self.first.cpu_ns) / (self.last.at_ns - self.first.at_ns)

    @property
    def memory_bytes(self) -> int:
        """Memory in bytes."""
        return self.last.memory_bytes


@dataclass(frozen=True, slots=True)
class _Process:
    """A line of /proc/PID/stat, the part that is used."""

    pid: int
    parent: int
    session: int
    ended_children_ns: int
    born: int
    resident: int

    @property
    def key(self) -> tuple[int, int]:
        """What names it for good."""
        return self.pid, self.born


@dataclass(frozen=True, slots=True)
class _Counters:
    """What the processes of a container that are there now have used together: less than before when one of them has ended."""

    cpu_ns: int = 0
    read_bytes: int = 0
    written_bytes: int = 0


class Meter:
    """Samples of all containers that run.

    Attributes:
        members: the processes of each container that was measured last, without stress beside it.
    """

    def __init__(self) -> None:
        self.members: Mapping[ContainerStart, frozenset[int]] = {}
        self._samples: dict[ContainerStart, deque[UsageSample]] = {}
        self._counters: dict[ContainerStart, _Counters] = {}
        self._exact: dict[tuple[int, int], tuple[int, int]] = {}
        self._turn: list[tuple[int, int]] = []
        self._passes = 0
        self._foreign: frozenset[int] = frozenset()

    def sample(self, running: Mapping[ContainerStart, Sequence[int]], uncharged: Collection[int] = ()) -> None:
        """Measure every container that runs; those not named are forgotten.

        Args:
            running: the first process of each, and that of stress beside it.
            uncharged: processes whose CPU time, and that of their children, is not the container's.
        """
        firsts = {pid for roots in running.values() for pid in roots}
        whole = self._passes % _WHOLE_EACH == 0
        self._passes += 1
        if whole or not self._foreign.isdisjoint(firsts):
            self._foreign = frozenset()
        table = {process.pid: process for process in _processes(but=self._foreign)}
        followers: dict[int, list[int]] = defaultdict(list)
        for process in table.values():
            followers[process.parent].append(process.pid)
            followers[process.session].append(process.pid)
        self.members = {start: frozenset(_tree(roots[:1], followers, table)) for start, roots in running.items()}
        charged = {
            start: _tree(roots, followers, table) if roots[1:] else self.members[start]
            for start, roots in running.items()
        }
        members = {
            start: [table[pid] for pid in pids] if running[start][0] in table else [] for start, pids in charged.items()
        }
        self._read_exactly([process for each in members.values() for process in each])
        now_ns, wall = clock.now_ns(), clock.wall()
        self._samples = {
            start: self._samples.get(start, deque(maxlen=_KEPT))
            for start, each in members.items()
            if any(process.key in self._exact for process in each)
        }
        free = _tree(uncharged, followers, table)
        self._foreign |= table.keys() - free.union(*charged.values())
        counters: dict[ContainerStart, _Counters] = {}
        for start, samples in self._samples.items():
            last, before = samples[-1] if samples else None, self._counters.get(start, _Counters())
            kept = None if whole or last is None else last
            now = counters[start] = _counted(members[start], free, None if kept is None else before)
            samples.append(
                UsageSample(
                    at_ns=now_ns,
                    wall=wall,
                    cpu_ns=_grown(last.cpu_ns if last else 0, before.cpu_ns, now.cpu_ns),
                    memory_bytes=self._memory(members[start]),
                    resident_bytes=kept.resident_bytes
                    if kept
                    else sum(_anonymous(each.pid) for each in members[start]),
                    read_bytes=_grown(last.read_bytes if last else 0, before.read_bytes, now.read_bytes),
                    written_bytes=_grown(last.written_bytes if last else 0, before.written_bytes, now.written_bytes),
                )
            )
        self._counters = counters

    def last(self, start: ContainerStart) -> UsageSample | None:
        """The newest sample of a container that runs."""
        samples = self._samples.get(start)
        return samples[-1] if samples else None

    def rate(self, start: ContainerStart) -> ContainerRate | None:
        """What a container uses now; None before there are two samples."""
        samples = list(self._samples.get(start, ()))
        if len(samples) < 2:
            return None
        last = samples[-1]
        within = [each for each in samples if last.at_ns - each.at_ns <= WINDOW_S * 1.1 * NS_PER_S]
        first = within[0] if len(within) > 1 else samples[-2]
        return ContainerRate(container=start.container, first=first, last=last)

    def _memory(self, members: Iterable[_Process]) -> int:
        """Of those that have been read."""
        found = 0
        for process in members:
            if process.key in self._exact:
                exact, resident = self._exact[process.key]
                found += max(0, exact + process.resident - resident)
        return found

    def _read_exactly(self, processes: Iterable[_Process]) -> None:
        """Read the proportional set size of those never read, and of those read longest ago."""
        living = {process.key: process for process in processes}
        self._exact = {key: each for key, each in self._exact.items() if key in living}
        again = [key for key in self._turn if key in living]
        first = [key for key in living if key not in self._exact]
        due = first[:_FIRST_AT_ONCE] + again[:_EXACT_AT_ONCE]
        for key in due:
            resident = living[key].resident
            self._exact[key] = (_proportional(key[0]) or resident, resident)
        self._turn = again[_EXACT_AT_ONCE:] + due


def _counted(members: Sequence[_Process], free: Container[int], before: _Counters | None) -> _Counters:
    """What they have used together; those in `free` no CPU time. Storage is that of `before`, where that is given."""
    used = (own_cpu_ns(each.pid) + each.ended_children_ns for each in members if each.pid not in free)
    cpu_ns = sum(used) * CPU_SCALE
    if before is not None:
        return _Counters(cpu_ns, before.read_bytes, before.written_bytes)
    storage = [_storage(each.pid) for each in members]
    return _Counters(cpu_ns, sum(each[0] for each in storage), sum(each[1] for each in storage))


def _grown(counter: int, before: int, now: int) -> int:
    """The counter after a further reading; it never falls.

    The sum over the processes (`before`, `now`) falls where one ends and no other inherits its use: a process of a stress test, or a
    child that another process reaps. What an ended child had used is also rounded down to a tick.
    """
    return counter + max(0, now - before)


def _tree(roots: Iterable[int], followers: Mapping[int, list[int]], table: Mapping[int, _Process]) -> set[int]:
    """Processes, their children, those of the sessions that they lead wherever they were adopted, and so on."""
    found, waiting = set[int](), [each for each in roots if each in table]
    while waiting:
        pid = waiting.pop()
        if pid not in found:
            found.add(pid)
            waiting += followers.get(pid, ())
    return found


def _processes(but: Container[int]) -> Iterator[_Process]:
    for name in os.listdir("/proc"):  # noqa: PTH208 - names, and as cheap as can be
        if name.isdecimal() and int(name) not in but and (process := _process(int(name))) is not None:
            yield process


def _process(pid: int) -> _Process | None:
    text = _text(pid, "stat")
    if not text:
        return None
    fields = text.rpartition(b")")[2].split()
    ended_children = (int(fields[13]) + int(fields[14])) * _TICK_NS
    return _Process(pid, int(fields[1]), int(fields[3]), ended_children, int(fields[19]), int(fields[21]) * _PAGE)


def own_cpu_ns(pid: int) -> int:
    """CPU time of a process with all its threads, those that have ended too; 0 when it is gone."""
    try:
        return time.clock_gettime_ns(~pid << 3 | _SCHED_CLOCK)
    except OSError:
        return 0


def _proportional(pid: int) -> int | None:
    """The proportional set size in bytes; None when it may not be read."""
    for line in _text(pid, "smaps_rollup").splitlines():
        if line.startswith(b"Pss:"):
            return int(line.split()[1]) * 1024
    return None


def _anonymous(pid: int) -> int:
    """Resident memory in bytes without the pages of files and of shared memory; 0 when it is gone."""
    fields = _text(pid, "statm").split()
    return (int(fields[1]) - int(fields[2])) * _PAGE if len(fields) > 2 else 0


def _storage(pid: int) -> tuple[int, int]:
    """Bytes that a process and its ended children have read from and written to storage; 0 where that may not be read."""
    values = dict(line.split(b": ") for line in _text(pid, "io").splitlines())
    return int(values.get(b"read_bytes", 0)), int(values.get(b"write_bytes", 0))


def _text(pid: int, name: str) -> bytes:
    try:
        descriptor = os.open(f"/proc/{pid}/{name}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(descriptor, 1 << 14)
    except OSError:
        return b""
    finally:
        os.close(descriptor)
