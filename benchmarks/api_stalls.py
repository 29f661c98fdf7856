"""How long one request to the sandbox's API server keeps everybody else waiting: a second process reads all the while."""

from __future__ import annotations

import json
import multiprocessing
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any, Final

import click
from kubernetes import client, config

from harness import clock
from readiness_sandbox.cluster.rules import MOST_REPLICAS

GOAL_S: Final = 0.1
OBJECTS: Final = 1000
LARGEST: Final = 1 << 20
"""Bytes of a ConfigMap's data, as Kubernetes allows them."""
PAUSE_S: Final = 0.002
IDLE_S: Final = 2.0
SETTLED_WITHIN_S: Final = 120.0
NAMESPACE: Final = "default"
NAME: Final = "many"
CROWD: Final = "crowd"


@dataclass(frozen=True, kw_only=True)
class Waited:
    """What reads took from the moment a request was sent until everything that followed from it was done.

    Attributes:
        request: what it was. took_s: that time. reads_s: of each read that was under way in it.
    """

    request: str
    took_s: float
    reads_s: list[float]

    @property
    def longest_s(self) -> float:
        """The longest of them; 0 where none was under way."""
        return max(self.reads_s, default=0.0)

    def __str__(self) -> str:
        over = sum(one > GOAL_S for one in self.reads_s)
        reads = f"reads: median {1e3 * statistics.median(self.reads_s or [0.0]):.1f} ms, longest {1e3 * self.longest_s:.0f} ms"
        return (
            f"{self.request:36} {self.took_s:6.2f} s  {reads}; {over} of {len(self.reads_s)} over {1e3 * GOAL_S:.0f} ms"
        )


@click.command()
@click.option("--json", "as_json", is_flag=True, help="The longest read beside each request, in ms, for machines.")
@click.option("--platform", is_flag=True, help="On a sandbox with the platform on it, as in a run.")
def main(*, as_json: bool, platform: bool) -> None:
    """Print what reads took beside each request; the goal is 100 ms."""
    with tempfile.TemporaryDirectory() as directory, cluster(Path(directory) / "sandbox", platform=platform) as file:
        waited = tried(file)
    if as_json:
        print(json.dumps({one.request: 1e3 * one.longest_s for one in waited}))
    else:
        print("\n".join(map(str, waited)))


@contextmanager
def cluster(directory: Path, *, platform: bool) -> Iterator[str]:
    """The kubeconfig of a sandbox that is up from `with` to its end."""
    words = [sys.executable, "-m", "readiness_sandbox", str(directory), "--hold"]
    words += ["--release", "1.0.0"] if platform else []
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        try:
            said = ""
            for said in child.stdout or ():
                if "ready" in json.loads(said):
                    break
            else:
                raise click.ClickException(f"the sandbox did not come up: {said}")
            yield str(directory / "kubeconfig")
        finally:
            if child.stdin is not None:
                child.stdin.close()
            child.wait(30)


def tried(kubeconfig: str) -> list[Waited]:
    """Each request in its turn, while another process reads."""
    context = multiprocessing.get_context("spawn")
    over, reads = context.Event(), context.Queue()
    reader = context.Process(target=read_on, args=(kubeconfig, over, reads))
    reader.start()
    try:
        spans = [(name, *_span(act)) for name, act in requests(kubeconfig)]
    finally:
        over.set()
        seen: list[tuple[float, float]] = reads.get(timeout=30)
        reader.join(30)
    return [
        Waited(
            request=name,
            took_s=end - begin,
            reads_s=[done - sent for sent, done in seen if sent < end and done > begin],
        )
        for name, begin, end in spans
    ]


def _span(act: Callable[[], object]) -> tuple[float, float]:
    began = clock.now_s()
    act()
    return began, clock.now_s()


def requests(kubeconfig: str) -> Iterator[tuple[str, Callable[[], object]]]:
    """What is asked, from nothing to as much as one request may ask for."""
    api = _api(kubeconfig)
    core: Any = client.CoreV1Api(api)
    apps: Any = client.AppsV1Api(api)
    yield "nothing", lambda: clock.sleep(IDLE_S)
    core.create_namespaced_service(NAMESPACE, _service())
    apps.create_namespaced_deployment(NAMESPACE, _deployment())
    yield (
        f"scale to {MOST_REPLICAS} replicas",
        lambda: _scaled(apps, core, MOST_REPLICAS),
    )
    yield "scale to none", lambda: _scaled(apps, core, 0)
    yield f"{OBJECTS} objects, one by one", lambda: _crowded(core)
    yield f"list of {OBJECTS} objects", lambda: core.list_namespaced_config_map(NAMESPACE, _preload_content=False)
    yield "ConfigMap of the largest size", lambda: core.create_namespaced_config_map(NAMESPACE, _large())
    delete = core.delete_collection_namespaced_config_map
    yield f"delete {OBJECTS} objects at once", lambda: delete(NAMESPACE, label_selector=f"app={CROWD}")


def read_on(kubeconfig: str, over: Event, reads: Any) -> None:
    """Read a small object again and again, with a pause, and hand on when each read was sent and done."""
    core, seen = client.CoreV1Api(_api(kubeconfig)), list[tuple[float, float]]()
    while not over.is_set():
        sent = clock.now_s()
        core.read_namespace("kube-system")
        seen.append((sent, clock.now_s()))
        clock.sleep(PAUSE_S)
    reads.put(seen)


def _api(kubeconfig: str) -> Any:
    return config.new_client_from_config(kubeconfig, persist_config=False)  # type: ignore[no-untyped-call]


def _service() -> dict[str, Any]:
    return {"metadata": {"name": NAME}, "spec": {"selector": {"app": NAME}, "ports": [{"port": 80}]}}


def _deployment() -> dict[str, Any]:
    container = {"name": "c", "image": "i", "command": ["sleep", "600"], "ports": [{"containerPort": 80}]}
    template = {
        "metadata": {"labels": {"app": NAME}},
        "spec": {"containers": [container], "terminationGracePeriodSeconds": 0},
    }
    spec = {"replicas": 0, "selector": {"matchLabels": {"app": NAME}}, "template": template}
    return {"metadata": {"name": NAME}, "spec": spec}


def _scaled(apps: Any, core: Any, count: int) -> None:
    """Scale, and wait until as many pods are ready, and there are no others."""
    apps.patch_namespaced_deployment_scale(NAME, NAMESPACE, {"spec": {"replicas": count}})

    def settled() -> bool:
        ready = apps.read_namespaced_deployment(NAME, NAMESPACE).status.ready_replicas or 0
        pods = core.list_namespaced_pod(NAMESPACE, label_selector=f"app={NAME}", limit=count + 1)
        return bool(ready == count and len(pods.items) == count)

    _until(settled)


def _until(holds: Callable[[], bool]) -> None:
    for _ in clock.Deadline.after(SETTLED_WITHIN_S).ticks(0.25):
        if holds():
            return
    raise click.ClickException(f"it took longer than {SETTLED_WITHIN_S:g} s")


def _crowded(core: Any) -> None:
    def create(number: int) -> None:
        meta = {"name": f"{CROWD}-{number}", "labels": {"app": CROWD}}
        core.create_namespaced_config_map(NAMESPACE, {"metadata": meta, "data": {"text": "x" * 2000}})

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(create, range(OBJECTS)))


def _large() -> dict[str, Any]:
    """As much as a ConfigMap may hold."""
    return {"metadata": {"name": "large"}, "data": {"text": "x" * (LARGEST - len("text"))}}


if __name__ == "__main__":
    main()
