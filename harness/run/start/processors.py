"""Measures how the processors are shared between the target, the harness, and everything else on the machine."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from harness.provided import TargetProcesses
from harness.run.start.listeners import listeners

PROC: Final = Path("/proc")
CPU: Final = re.compile(r"^cpu +([0-9 ]+)$", re.MULTILINE)
_AUTOGROUP: Final = Path("sys", "kernel", "sched_autogroup_enabled")
"""If this file contains 1, sessions share the processors equally, and `nice` applies within a session only. Source: sched(7)."""
_SEARCH_EACH: Final = 10
"""Number of readings from one search for the target's processes to the next."""


class _Used(NamedTuple):
    """The ticks that a process used, the ticks of its ended children that it waited for, and its parent."""

    own: int
    inherited: int
    parent: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class _KernelFigures:
    """The kernel's figures at one moment: the ticks of all processors, and each process by its pid."""

    every: int
    busy: int
    niced: int
    processes: Mapping[int, _Used]

    def ticks(self, target: int, harness: int) -> ProcessorTicks:
        """The ticks of all processors, together with the ticks of the target and of the harness."""
        return ProcessorTicks(every=self.every, busy=self.busy, niced=self.niced, target=target, harness=harness)

    def below(self, roots: Iterable[int]) -> set[int]:
        """These processes and their descendants."""
        return set(_tree(self.processes.keys() & set(roots), _children(self.processes)))

    def used(self, pids: Iterable[int]) -> _Used:
        """The ticks that these processes have used."""
        found = [self.processes[pid] for pid in pids]
        return _Used(own=sum(each.own for each in found), inherited=sum(each.inherited for each in found))

    def grown(self, now: _KernelFigures, pids: AbstractSet[int], pids_now: AbstractSet[int]) -> tuple[int, int]:
        """The ticks that a group of processes has used until `now`, and the ticks of ended processes that no process of the group inherited.

        Args:
            now: figures at the later moment.
            pids: processes of the group at this moment.
            pids_now: processes of the group at the later moment.
        """
        there = self.processes.keys() & pids_now
        used, before, ended = now.used(pids_now), self.used(there), self.used(pids - there)
        inherited = used.inherited - before.inherited - (ended.own + ended.inherited)
        return used.own - before.own + max(0, inherited), max(0, -inherited)


@dataclass(frozen=True, kw_only=True, slots=True)
class ProcessorTicks:
    """Clock ticks since the machine booted; the ticks of a process include those of its ended children.

    Attributes:
        every: ticks of all processors, idle or not.
        busy: ticks in which a program ran, or another machine of the host had the processor. Interrupts are not included.
        niced: busy ticks of programs with a positive nice value.
        target: ticks of the target's processes.
        harness: ticks of this process, of the program that runs a provided target, and of their descendants, without the target's.
    """

    every: int
    busy: int
    niced: int
    target: int
    harness: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ProcessorShares:
    """Shares of all processors between two readings, 0 to 1.

    Attributes:
        target: share of the target's processes.
        harness: share of the harness.
        others: share of all other programs, and of other machines of the host.
        yielding: part of `others` that programs with a positive nice value used.
    """

    target: float
    harness: float
    others: float
    yielding: float


class ProcessorLog:
    """Reads the shares of the processors.

    Args:
        doors: addresses at which the target listens, if it is on this machine.
        processes: processes that a provided target declares.
        proc: directory of the kernel's figures, `/proc`.
    """

    def __init__(
        self,
        doors: Iterable[str] = (),
        processes: Callable[[], TargetProcesses] = TargetProcesses,
        proc: Path = PROC,
    ) -> None:
        self._doors = tuple(doors)
        self._processes = processes
        self._roots = frozenset({os.getpid()})
        self._proc = proc
        self._target: frozenset[int] = frozenset()
        self._readings = 1
        self._equals = os.getpriority(os.PRIO_PROCESS, 0) > 0 or _text(proc / _AUTOGROUP).strip() == "1"
        self._search()
        self._before = self._read()

    def shares(self) -> ProcessorShares | None:
        """The shares since the last call; None if the kernel does not report them."""
        before, now = self._before, self._read()
        ended = self._target - (now.processes.keys() if now else set())
        if self._readings % _SEARCH_EACH == 0:
            self._search()
        self._readings += 1
        self._before = now
        if before is None or now is None or now.every <= before.every:
            return None
        return shares(*self._ticks(before, now, ended), equals=self._equals)

    def _ticks(
        self, before: _KernelFigures, now: _KernelFigures, ended: frozenset[int]
    ) -> tuple[ProcessorTicks, ProcessorTicks]:
        """The ticks of the target and of the harness from one reading to the next; both are 0 at the first reading.

        The ticks of a killed process are unknown if no process of the target waited for it; then all remaining ticks may be the target's.
        """
        there = self._target & now.processes.keys()
        target, target_before = now.below(there), before.below(there)
        both, both_before = target | now.below(self._roots), target_before | before.below(self._roots | ended)
        used, _ = before.grown(now, target_before, target)
        used_by_both, unknown = before.grown(now, both_before, both)  # what runs the target waits for its processes
        left = max(0, now.busy - before.busy - used_by_both)
        return before.ticks(0, 0), now.ticks(used + min(left, unknown), max(0, used_by_both - used))

    def _read(self) -> _KernelFigures | None:
        counts = CPU.search(_text(self._proc / "stat"))
        ticks = [int(word) for word in counts[1].split()][:8] if counts else []
        if len(ticks) < 8:
            return None
        user, niced, system, _, _, _, _, stolen = ticks
        return _KernelFigures(
            every=sum(ticks), busy=user + niced + system + stolen, niced=niced, processes=dict(_processes(self._proc))
        )

    def _search(self) -> None:
        """Find the target's processes: those that it declares, else those that listen at its addresses."""
        declared = self._processes()
        self._roots = frozenset({os.getpid(), *declared.own})
        self._target = declared.target or listeners(self._doors, self._proc) - {os.getpid()}


def shares(before: ProcessorTicks, now: ProcessorTicks, *, equals: bool) -> ProcessorShares:
    """The shares of all processors between two readings; `equals`: whether `nice` has no effect on the harness's share."""
    every = now.every - before.every
    target, harness = max(now.target - before.target, 0), max(now.harness - before.harness, 0)
    others = max(now.busy - before.busy - target - harness, 0)
    niced = 0 if equals else max(now.niced - before.niced, 0)
    return ProcessorShares(
        target=target / every, harness=harness / every, others=others / every, yielding=min(niced, others) / every
    )


def _processes(proc: Path) -> Iterator[tuple[int, _Used]]:
    """Every process with its parent, and the ticks that it and its ended children have used. Source: proc(5), /proc/pid/stat."""
    for name in os.listdir(proc):  # noqa: PTH208 - names, and as cheap as can be
        if name.isdecimal() and (text := _bytes(f"{proc}/{name}/stat")):
            fields = text.rpartition(b")")[2].split()
            own, inherited = sum(map(int, fields[11:13])), sum(map(int, fields[13:15]))
            yield int(name), _Used(own, inherited, int(fields[1]))


def _children(table: Mapping[int, _Used]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for pid, process in table.items():
        found.setdefault(process.parent, []).append(pid)
    return found


def _tree(roots: Iterable[int], children: Mapping[int, list[int]]) -> Iterator[int]:
    """These processes and all their descendants."""
    waiting, seen = list(roots), set[int]()
    while waiting:
        pid = waiting.pop()
        if pid not in seen:
            seen.add(pid)
            yield pid
            waiting += children.get(pid, ())


def _bytes(file: Path | str) -> bytes:
    try:
        with open(file, "rb", buffering=0) as opened:  # noqa: PTH123 - hundreds each second: half of the time of a `Path`
            return opened.read()
    except OSError:  # it has ended, or is another user's
        return b""


def _text(file: Path) -> str:
    return _bytes(file).decode("ascii", "replace")
