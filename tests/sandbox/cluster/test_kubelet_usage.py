"""What a container has used, of real processes."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from harness.clock import Deadline
from readiness_sandbox.cluster.kubelet.usage import ContainerStart, Meter
from readiness_sandbox.scales import CPU_SCALE

if TYPE_CHECKING:
    from collections.abc import Iterator

START = ContainerStart(pod="uid", container="main", restarts=0)
SOME_NS = 50_000_000
"""Of a processor."""


@contextmanager
def process(code: str) -> Iterator[int]:
    """The pid of a process that runs that code."""
    with subprocess.Popen([sys.executable, "-I", "-S", "-c", code]) as running:
        try:
            yield running.pid
        finally:
            running.kill()


def used_ns(meter: Meter, *roots: int) -> int:
    """What the container has used, measured now."""
    meter.sample({START: roots})
    last = meter.last(START)
    assert last is not None
    return last.cpu_ns


def granted_ns(pid: int) -> int:
    """What the scheduler has given a process."""
    return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[0])


def test_stress_is_charged_at_once_also_after_earlier_stress() -> None:
    """What the first stress used stays counted when it has ended, and what the second uses comes on top of it."""
    meter = Meter()
    with process("import time; time.sleep(600)") as pid:
        counter = used_ns(meter, pid)
        for _ in range(2):
            with process("while True: pass") as stress:
                for _ in Deadline.after(60).ticks(0.01):
                    if granted_ns(stress) >= SOME_NS:
                        break
                granted = granted_ns(stress)
                charged = used_ns(meter, pid, stress) - counter
                assert charged >= granted * CPU_SCALE >= SOME_NS * CPU_SCALE
            counter += charged
            assert counter <= used_ns(meter, pid) < counter + SOME_NS * CPU_SCALE, "it goes on from there"


def test_what_only_holds_memory_is_charged_no_cpu() -> None:
    """Filling memory takes CPU, and an autoscaler that looks at CPU must not rise for it."""
    meter = Meter()
    with process("import time; time.sleep(600)") as pid, process("while True: pass") as filling:
        before = used_ns(meter, pid)
        for _ in Deadline.after(60).ticks(0.01):
            if granted_ns(filling) >= SOME_NS:
                break
        meter.sample({START: [pid, filling]}, [filling])
        last = meter.last(START)
        assert last is not None
        assert last.cpu_ns - before < SOME_NS * CPU_SCALE
        assert used_ns(meter, pid, filling) - before >= SOME_NS * CPU_SCALE


FORKS = """
import os, time
held = b"x" * 100_000_000
ends_with_its_parent, kept = os.pipe()
for _ in range(40):
    if not os.fork():
        os.close(kept)
        os.read(ends_with_its_parent, 1)
        os._exit(0)
time.sleep(60)
"""


def test_many_processes_that_were_just_forked_use_no_more_than_their_share_of_what_forked_them() -> None:
    """Forty containers at once, from one process that has 100 MB: a limit of 50 MB must kill none of them."""
    meter = Meter()
    with process(FORKS) as pid:
        children = Path(f"/proc/{pid}/task/{pid}/children")
        for _ in Deadline.after(30).ticks(0.05):
            if len(children.read_text(encoding="ascii").split()) == 40:
                break
        forked = {
            ContainerStart(pod=one, container="main", restarts=0): [int(one)]
            for one in children.read_text(encoding="ascii").split()
        }
        assert len(forked) == 40
        for measured in (24, 40):
            meter.sample(forked)
            used = [last.memory_bytes for start in forked if (last := meter.last(start)) is not None]
            assert len(used) == measured
            assert max(used) < 50_000_000
