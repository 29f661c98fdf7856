"""CPU limits that are held, of real processes."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness import clock
from harness.clock import Deadline
from harness.units import NS_PER_S
from readiness_sandbox.cluster.kubelet.throttle import ENFORCED, CpuLimits, limit_of
from readiness_sandbox.cluster.kubelet.usage import ContainerStart, own_cpu_ns
from readiness_sandbox.scales import CPU_SCALE

if TYPE_CHECKING:
    from collections.abc import Iterator

START = ContainerStart(pod="uid", container="main", restarts=0)
SPIN = "while True: pass"


@contextmanager
def process(code: str) -> Iterator[int]:
    """The pid of a process that runs that code, once it does: the start of Python takes more than a small limit."""
    told = ["-c", f"print(flush=True)\n{code}"]
    with subprocess.Popen([sys.executable, "-I", "-S", *told], stdout=subprocess.PIPE) as running:
        try:
            assert running.stdout is not None
            running.stdout.readline()
            yield running.pid
        finally:
            running.kill()


@pytest.fixture
def limits() -> Iterator[CpuLimits]:
    """That hold nothing any more in the end."""
    made = CpuLimits()
    yield made
    made.close()


def state_of(pid: int) -> str:
    """`T` is stopped."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]


@pytest.mark.parametrize("cores", [0.5, 1.0])
def test_a_container_uses_no_more_than_its_limit(limits: CpuLimits, cores: float) -> None:
    """Under the CPU scale: half a core is a twentieth of one. What was used ahead is taken from what comes; a busy machine may give it less."""
    with process(SPIN) as pid:
        limits.hold({START: (cores, [pid])})
        began_ns, began_s, share = own_cpu_ns(pid), clock.now_s(), 1.0
        for _ in Deadline.after(60).ticks(0.05):
            share = (own_cpu_ns(pid) - began_ns) / (clock.now_s() - began_s) / NS_PER_S
            if limits.throttled(START)[1] >= 10 and share <= 1.35 * cores / CPU_SCALE:
                break
        assert 0 < share <= 1.35 * cores / CPU_SCALE
        periods, throttled = limits.throttled(START)
        assert 10 <= throttled <= periods


def test_a_container_that_uses_little_is_never_stopped(limits: CpuLimits) -> None:
    """Nor is one that is not held any more."""
    with process("import time\nwhile True: time.sleep(0.05)") as idle, process(SPIN) as busy:
        limits.hold({START: (0.5, [idle])})
        for _ in Deadline.after(0.5).ticks(0.05):
            assert state_of(idle) != "T"
        assert limits.throttled(START)[1] == 0
        limits.hold({START: (0.01, [busy])})
        assert any(state_of(busy) == "T" for _ in Deadline.after(60).ticks(0.005))
        limits.close()
        assert any(state_of(busy) != "T" for _ in Deadline.after(60).ticks(0.005))
        assert limits.throttled(START) == (0, 0)


def test_only_pods_that_say_so_are_held_to_their_limits() -> None:
    """By the annotation of the pod, and the container's own limit."""
    container = {"name": "web", "resources": {"limits": {"cpu": "250m"}}}
    pod = {"metadata": {"annotations": {ENFORCED: "enforced"}}, "spec": {"containers": [container, {"name": "beside"}]}}
    assert limit_of(pod, "web") == 0.25
    assert limit_of(pod, "beside") is None
    assert limit_of({**pod, "metadata": {}}, "web") is None
