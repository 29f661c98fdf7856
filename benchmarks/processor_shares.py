"""What each part of a run takes of a processor in the fault-free window of profile `core`: pods, balancers, database, forwarder, API server, watch, load.

    python benchmarks/processor_shares.py            # runs for about a minute and a half, ends the run, prints the table

Goals, on two cores: both of them at most half busy; watch at most 15 %, forwarder 12 %, API server 5 % of one.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from harness import clock
from harness.run.start.processors import ProcessorLog

SETTLE_S: Final = 10.0
SAMPLE_S: Final = 30.0
BEGINS: Final = "fault-free window"
PARTS: Final = (
    ("forwarder", b"readiness_sandbox.network.forwarder"),
    ("API server, controllers, kubelets", b"readiness_sandbox.control_plane"),
    ("watch", b"harness.drivers.watch"),
    ("load", b"harness.locust"),
    ("balancers", b"caddy"),
    ("database", b"postgres"),
    ("database", b"patroni"),
    ("pods of services", b"readiness_sandbox.cluster.kubelet.zygote"),
    ("the run", b"harness\0run"),
)
"""By a word of the command line; the first that fits."""
GOALS: Final = {"watch": 0.15, "forwarder": 0.12, "API server, controllers, kubelets": 0.05}
BUSY: Final = 0.5
_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")


def _ticks() -> Iterator[tuple[str, int, int]]:
    """Part, process and ticks of each process that is one of the run's."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            command = (entry / "cmdline").read_bytes()
            fields = (entry / "stat").read_text(encoding="ascii").rpartition(")")[2].split()
        except OSError:
            continue
        part = next((name for name, word in PARTS if word in command), None)
        if part is not None:
            yield part, int(entry.name), int(fields[11]) + int(fields[12])


def _passed(seconds: float) -> float:
    began_s = clock.now_s()
    clock.sleep(seconds)
    return clock.now_s() - began_s


def measured() -> tuple[Counter[str], float]:
    """Share of one processor by part, and the share of all of them that everything together took."""
    before, log = {pid: ticks for _, pid, ticks in _ticks()}, ProcessorLog()
    passed_s = _passed(SAMPLE_S)
    taken: Counter[str] = Counter()
    for part, pid, ticks in _ticks():
        taken[part] += ticks - before.get(pid, 0)
    had = log.shares()
    busy = 0.0 if had is None else had.target + had.harness + had.others
    return Counter({part: ticks / _TICKS_PER_S / passed_s for part, ticks in taken.items()}), busy


def main() -> int:
    """Run, measure in the window, end the run; 1 where a goal is missed."""
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-m", "harness", "run", "--profile", "core", "--out", out]
        with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as run:
            if run.stderr is None or not any(BEGINS in line for line in run.stderr):
                print("the run ended before its first window", file=sys.stderr)
                return 1
            _passed(SETTLE_S)
            shares, busy = measured()
            run.send_signal(signal.SIGINT)
            run.communicate()
    missed = [part for part, goal in GOALS.items() if shares[part] > goal] + (["all"] if busy > BUSY else [])
    for part, share in shares.most_common():
        goal = f"goal {100 * GOALS[part]:g} %" if part in GOALS else ""
        print(f"{part:34} {100 * share:5.1f} % of a core   {goal}")
    print(f"{'all processors':34} {100 * busy:5.1f} % busy      goal {100 * BUSY:g} %")
    print(f"missed: {', '.join(missed)}" if missed else "every goal is met")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
