"""What the sandbox's monitor costs: seconds until a sandbox with it is ready, and the share of a core that its pods take then.

The usage is what the cluster itself measures (`kubectl top pods -n monitoring`), by its CPU scale, read once a second while nobody sends requests.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import click

from harness import clock
from harness.targets import Target, load_target
from harness.targets.cluster.amounts import amount
from harness.targets.cluster.usage import METRICS
from harness.targets.kubernetes import Cluster

GOAL_READY_S: Final = 12.0
GOAL_CORES: Final = 0.15
NAMESPACE: Final = "monitoring"
SETTLED_S: Final = 10.0
"""So long after the start nothing is counted."""


@click.command()
@click.option("--part", "parts", multiple=True, default=("monitor",), show_default=True, help="Parts of the platform.")
@click.option("--seconds", default=60, show_default=True, help="How long its usage is read.")
def main(parts: tuple[str, ...], seconds: int) -> None:
    """Print the seconds to ready, and the cores of each pod of the monitor and of all together."""
    with tempfile.TemporaryDirectory() as state:
        os.environ["READINESS_STATE"] = state
        began = clock.now_s()
        command = [sys.executable, "-m", "harness", "sandbox", "up", "--hold"]
        command += [word for part in parts for word in ("--part", part)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
            file = next((line.split()[1] for line in child.stdout or () if line.startswith("ready ")), "")
            print(f"sandbox with {', '.join(parts)} ready: {clock.now_s() - began:.1f} s, goal {GOAL_READY_S:g} s")
            used = cores(load_target(Path(file)), seconds)
            if child.stdin is not None:
                child.stdin.close()
    for pod, of_pod in sorted(used.items()):
        print(f"  {pod}: {statistics.mean(of_pod):.3f} cores, n {len(of_pod)}")
    together = sum(map(statistics.mean, used.values()))
    print(f"monitor: {together:.3f} cores, goal {GOAL_CORES:g}")


def cores(target: Target, seconds: int) -> dict[str, list[float]]:
    """What each pod of the monitor used, once a second, in cores."""
    cluster, used = Cluster.of(target), dict[str, list[float]]()
    for number, _ in enumerate(clock.Deadline.after(SETTLED_S + seconds).ticks(1.0)):
        if number < SETTLED_S:
            continue
        for one in cluster.customs(METRICS, "pods", NAMESPACE):
            of_pod = sum(float(amount(container["usage"]["cpu"])) for container in one["containers"])
            used.setdefault(str(one["metadata"]["name"]), []).append(of_pod / target.cpu_scale)
    return used


if __name__ == "__main__":
    main()
