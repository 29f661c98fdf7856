"""Judges the healthy release on machines as people have them: quiet, beside a compiler, idle loops, a burst, a browser, on a slower machine.

A gate is worth what it says on a laptop with a browser open: a healthy release is never refused, whatever else the machine does, and is GO
where there was room.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import click

from harness import clock

SLICE_S: Final = 0.01
"""A disturber works for its share of this time and pauses for the rest."""
LONGEST_S: Final = 1200.0
"""A disturber ends after so long, whatever happens to the run."""
BURST_S: Final = 20.0
BURST_BEGINS_S: Final = (40.0, 250.0)
"""A burst begins at a random moment between these, in seconds of the run."""
LEAST_PRIORITY: Final = 19
MOST_PRIORITY: Final = -20
READ_EACH_S: Final = 5.0
STAT: Final = Path("/proc/stat")


@dataclass(frozen=True, kw_only=True)
class Disturber:
    """A process that takes processor time.

    Attributes:
        share: of a core while it works. core: the one it is pinned to; None: any. nice: its niceness, as far as the user may.
        begins_s: when it begins. lasts_s: for how long it works.
    """

    share: float
    core: int | None = None
    nice: int = 0
    begins_s: float = 0.0
    lasts_s: float = LONGEST_S

    def work(self, parent: int) -> None:
        """Work until the time is over or the parent is gone."""
        if self.core is not None:
            os.sched_setaffinity(0, {self.core})
        with suppress(PermissionError):
            os.nice(self.nice)
        clock.sleep(self.begins_s)
        end = clock.Deadline.after(self.lasts_s)
        while not end.over and os.getppid() == parent:
            slice_ = clock.Deadline.after(SLICE_S)
            busy = clock.Deadline.after(SLICE_S * self.share)
            while not busy.over:
                pass
            if self.share < 1:
                clock.sleep(max(slice_.left_s, 0.0))


def quiet(_: random.Random) -> list[Disturber]:
    """Nothing else runs."""
    return []


def compiler(_: random.Random) -> list[Disturber]:
    """One busy process of ordinary priority on one core."""
    return [Disturber(share=1.0, core=_cores()[0])]


def loops(_: random.Random) -> list[Disturber]:
    """Two busy loops of the lowest priority."""
    return [Disturber(share=1.0, nice=LEAST_PRIORITY)] * 2


def burst(moment: random.Random) -> list[Disturber]:
    """Four busy processes of ordinary priority for 20 s, at a random moment."""
    return [Disturber(share=1.0, begins_s=moment.uniform(*BURST_BEGINS_S), lasts_s=BURST_S)] * 4


def browser(_: random.Random) -> list[Disturber]:
    """A process that uses 30 % of a core."""
    return [Disturber(share=0.3)]


def slower(_: random.Random) -> list[Disturber]:
    """A machine of six tenths the speed: a process of the highest priority takes 40 % of each core in slices of 10 ms."""
    return [Disturber(share=0.4, core=core, nice=MOST_PRIORITY) for core in _cores()]


MACHINES: Final[dict[str, Callable[[random.Random], list[Disturber]]]] = {
    one.__name__: one for one in (quiet, compiler, loops, burst, browser, slower)
}
MAY_BE: Final = {"quiet": ("GO",), "slower": ("GO",)}
"""Decisions that are right on a machine; on the others INCONCLUSIVE is right as well, where the receipt of the machine says so."""


def _cores() -> list[int]:
    return sorted(os.sched_getaffinity(0))


@contextmanager
def disturbed(by: Sequence[Disturber]) -> Iterator[None]:
    """A context in which these processes run."""
    fork = multiprocessing.get_context("fork")
    working = [fork.Process(target=one.work, args=(os.getpid(),), daemon=True) for one in by]
    for process in working:
        process.start()
    try:
        yield
    finally:
        for process in working:
            process.terminate()
            process.join()


class Busy:
    """A context that reads every 5 s how busy the processors are."""

    def __init__(self) -> None:
        self.shares: list[float] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        before = _ticks()
        while not self._ended.wait(READ_EACH_S):
            now = _ticks()
            self.shares.append(1 - (now[1] - before[1]) / max(now[0] - before[0], 1))
            before = now


def _ticks() -> tuple[int, int]:
    """All ticks of the processors, and the idle ones. Source: proc(5), /proc/stat."""
    counts = [int(word) for word in STAT.read_text(encoding="ascii").splitlines()[0].split()[1:9]]
    return sum(counts), counts[3] + counts[4]


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One run: on which machine, what it decided, how long it took, and how busy the processors were."""

    machine: str
    number: int
    decision: str
    headline: str
    seconds: float
    busy: float

    @property
    def is_right(self) -> bool:
        """Whether a healthy release may be judged so on that machine."""
        return self.decision in MAY_BE.get(self.machine, ("GO", "INCONCLUSIVE"))

    def __str__(self) -> str:
        mark = "" if self.is_right else "   WRONG"
        return f"{self.machine:9} {self.number:3} {self.seconds:5.0f} s  busy {100 * self.busy:3.0f} %  {self.headline}{mark}"


def judged(machine: str, number: int, seed: int, options: Sequence[str], keep: Path | None) -> Judged:
    """Run the healthy release once, in a directory of its own; what it recorded is kept below `keep` unless the run is GO."""
    by = MACHINES[machine](random.Random(f"{seed}:{machine}:{number}"))
    with tempfile.TemporaryDirectory() as out:
        began_ns = clock.now_ns()
        with disturbed(by), Busy() as busy:
            command = [sys.executable, "-m", "harness", "run", "--out", out, *options]
            ended = subprocess.run(command, capture_output=True, text=True, check=False)
        seconds = (clock.now_ns() - began_ns) / 1e9
        found = sorted(Path(out).glob("*/verdict.json"))
        verdict = json.loads(found[0].read_text(encoding="utf-8")) if found else {}
        if keep is not None and found and verdict["decision"] != "GO":
            run = found[0].parent.resolve()
            shutil.copytree(run, keep / f"{machine}-{number}-{run.name}")
    return Judged(
        machine=machine,
        number=number,
        decision=verdict.get("decision", ""),
        headline=verdict.get("headline", f"exit code {ended.returncode}: {ended.stderr.strip()[-200:]}"),
        seconds=seconds,
        busy=statistics.median(busy.shares or [0.0]),
    )


@click.command(context_settings={"ignore_unknown_options": True})
@click.option("--times", default=10, show_default=True, help="Runs on each machine.")
@click.option("--machine", "machines", multiple=True, type=click.Choice(list(MACHINES)), help="Only these machines.")
@click.option("--seed", default=1, show_default=True, help="Of the moments of bursts.")
@click.option("--keep", type=click.Path(path_type=Path), help="Where the runs that are not GO are kept.")
@click.argument("options", nargs=-1)
def main(times: int, machines: Sequence[str], seed: int, keep: Path | None, options: Sequence[str]) -> None:
    """Judge release 1.0.0 on each machine, a line a run; OPTIONS go to `readiness run`. Exit code 1 when a run is WRONG."""
    wrong = 0
    for machine in machines or MACHINES:
        for number in range(1, times + 1):
            run = judged(machine, number, seed, options, keep)
            wrong += not run.is_right
            print(run, flush=True)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
