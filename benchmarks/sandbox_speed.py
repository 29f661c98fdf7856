"""How long the sandbox takes to be ready, and a killed pod to be replaced: medians over a few tries."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import click

from harness import clock
from harness.targets import load_target
from harness.targets.kubernetes import Cluster, has_condition

SELECTOR = "app=track-service"
NAMESPACE = "us-east-1"


@click.command()
@click.option("--starts", default=3, show_default=True, help="How often the sandbox is started.")
@click.option("--kills", default=10, show_default=True, help="How many pods are killed on the last one.")
def main(starts: int, kills: int) -> None:
    """Print seconds to ready and seconds to a Ready replacement."""
    with tempfile.TemporaryDirectory() as state:
        os.environ["READINESS_STATE"] = state
        ready = [_start(kills if number == starts else 0) for number in range(1, starts + 1)]
    print(f"sandbox ready: {_said([seconds for seconds, _ in ready])}, goal 10 s")
    print(f"pod killed to replacement Ready: {_said(ready[-1][1])}, goal 1.5 s")


def _said(seconds: list[float]) -> str:
    return f"median {statistics.median(seconds):.2f} s ({min(seconds):.2f} to {max(seconds):.2f}, n {len(seconds)})"


def _start(kills: int) -> tuple[float, list[float]]:
    began = clock.now_s()
    command = [sys.executable, "-m", "harness", "sandbox", "up", "--hold"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        target = next((line.split()[1] for line in child.stdout or () if line.startswith("ready ")), "")
        seconds = clock.now_s() - began
        cluster = Cluster.of(load_target(Path(target)))
        replaced = [_kill(cluster) for _ in range(kills)]
        if child.stdin is not None:
            child.stdin.close()
    return seconds, replaced


def _kill(cluster: Cluster) -> float:
    """Kill one pod; seconds until as many are Ready as before."""
    pods = cluster.pods(NAMESPACE, SELECTOR)
    expected, victim = len(pods), pods[0]["metadata"]
    began = clock.now_s()
    cluster.delete_pod(NAMESPACE, victim["name"], grace_s=0)
    for _ in clock.Deadline.after(30.0).ticks(0.02):
        ready = [p for p in cluster.pods(NAMESPACE, SELECTOR) if has_condition(p, "Ready")]
        if len(ready) == expected and all(p["metadata"]["uid"] != victim["uid"] for p in ready):
            break
    return clock.now_s() - began


if __name__ == "__main__":
    main()
