"""A real API server with TLS, a small world in it, and a machinery that does the least that breaking and undoing needs."""

from __future__ import annotations

import asyncio
import json
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from harness.chaos.session import session
from harness.drivers.chaos import ForkServer
from harness.targets import Target, load_target
from readiness_sandbox.cluster import kinds, kubeconfig
from readiness_sandbox.cluster.api import build_app
from readiness_sandbox.cluster.custom.definitions import DEFINITION, Definitions, shipped
from readiness_sandbox.cluster.kubelet.commands import RunningCommand
from readiness_sandbox.cluster.store import Store, WatchEvent
from readiness_sandbox.cluster.tls import Authority
from tests.builders.stock_actions import use
from tests.together.conftest import served
from tests.together.objects import deployment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence
    from pathlib import Path

    from starlette.applications import Starlette

Object = dict[str, Any]

REGION = "topology.kubernetes.io/region"
NODES = {"us-east-1a": "us-east-1", "us-east-1b": "us-east-1", "eu-west-1a": "eu-west-1"}
MEMBERS = {"postgres-us-east-1-0": "us-east-1b", "postgres-eu-west-1-0": "eu-west-1a"}
TRACKS = {"track-service-1": "us-east-1a", "track-service-2": "us-east-1a", "track-service-3": "us-east-1b"}


def condition(*, ready: bool) -> Object:
    return {"conditions": [{"type": "Ready", "status": "True" if ready else "False"}]}


@dataclass
class World:
    """What is in the store, and what follows when it is broken: the part of controllers, kubelets and Patroni."""

    store: Store
    loop: asyncio.AbstractEventLoop
    lingers: bool = False

    def __post_init__(self) -> None:
        for namespace in ("us-east-1", "database"):
            self.create("Namespace", {"metadata": {"name": namespace}})
        for node, region in NODES.items():
            meta = {"name": node, "labels": {REGION: region}}
            self.create("Node", {"metadata": meta, "spec": {}, "status": condition(ready=True)})
        for pod, node in TRACKS.items():
            self.create("Pod", self.pod(pod, "us-east-1", node, {"app": "track-service"}))
        leader, of_main = "postgres-us-east-1-0", {"cluster-name": "main"}
        for pod, node in MEMBERS.items():
            role = "primary" if pod == leader else "replica"
            self.create("Pod", self.pod(pod, "database", node, {"app": "postgres", **of_main, "role": role}))
        main = {"name": "main", "namespace": "database", "labels": of_main, "annotations": {"leader": leader}}
        self.create("Endpoints", {"metadata": main})
        tracks = deployment("track-service", "us-east-1", {"name": "c", "image": "i"}, replicas=3)
        self.create("Deployment", {**tracks, "status": {"readyReplicas": 3, "observedGeneration": 1}})
        self.store.subscribe(self.heard)

    def pod(self, name: str, namespace: str, node: str, labels: dict[str, str]) -> Object:
        status = {"state": "running", "role": "replica", "replication_state": "streaming"}
        annotations = {"status": json.dumps(status)}
        spec = {"nodeName": node, "nodeSelector": {REGION: NODES[node]}, "volumes": []}
        return {
            "metadata": {"name": name, "namespace": namespace, "labels": labels, "annotations": annotations},
            "spec": {**spec, "containers": [{"name": "c", "image": "i"}]},
            "status": {"podIP": "127.96.1.1", "phase": "Running", **condition(ready=True)},
        }

    def create(self, kind: str, obj: Object) -> None:
        self.store.create(kinds.by_name(kind), obj)

    def change(self, kind: str, namespace: str, name: str, **parts: Any) -> None:
        known = kinds.by_name(kind)
        obj = {**self.store.get(known, namespace, name), **parts}
        self.store.update(known, obj)
        if "status" in parts:
            self.store.update(
                known, {**self.store.get(known, namespace, name), "status": parts["status"]}, subresource="status"
            )

    def heard(self, event: WatchEvent) -> None:
        """A subscriber must not write, so what follows comes after."""
        self.loop.call_soon(self.follow, event)

    def follow(self, event: WatchEvent) -> None:
        """One change; what the machinery would do next."""
        meta = event.object["metadata"]
        if event.kind.kind == "Node" and event.type == "MODIFIED":
            off = (meta.get("annotations") or {}).get("sandbox.readiness/power") == "off"
            self.change("Node", "", meta["name"], status=condition(ready=not off))
            for pod in self.store.list(kinds.by_name("Pod")):
                if pod["spec"]["nodeName"] == meta["name"]:
                    up = not off and not event.object["spec"].get("unschedulable")
                    self.change(
                        "Pod",
                        pod["metadata"]["namespace"],
                        pod["metadata"]["name"],
                        status={**pod["status"], **condition(ready=up)},
                    )
        if event.kind.kind == "NetworkChaos":
            self.part(event)
        if (
            event.kind.kind == "Endpoints"
            and meta["name"] == "main-failover"
            and (meta.get("annotations") or {}).get("member")
        ):
            self.lead(meta["annotations"]["member"])
            self.change(
                "Endpoints", "database", "main-failover", metadata={**meta, "annotations": {}, "resourceVersion": None}
            )

    def part(self, event: WatchEvent) -> None:
        """A NetworkChaos is injected at once; what it selects does not stream until it is deleted."""
        chaos, gone = event.object, event.type == "DELETED"
        if event.type == "ADDED":
            injected = {"conditions": [{"type": "AllInjected", "status": "True"}]}
            self.store.update(event.kind, {**chaos, "status": injected})
        for namespace, names in chaos["spec"]["selector"]["pods"].items():
            for name in names:
                pod = self.store.get(kinds.by_name("Pod"), namespace, name)
                status = {"state": "running", "role": "replica"} | ({"replication_state": "streaming"} if gone else {})
                annotations = {"status": json.dumps(status)}
                self.change("Pod", namespace, name, metadata={**pod["metadata"], "annotations": annotations})

    async def delete_pod(self, namespace: str, name: str, grace_seconds: int | None) -> Object:
        """Gone at once; another comes under the same name, not ready while its node is cordoned; the lock passes on.

        Where pods linger, as with a long `preStop` or a finalizer, it stays as it is and terminates; another comes under a new name.
        """
        if self.lingers:
            pod = self.store.get(kinds.by_name("Pod"), namespace, name)
            if pod["metadata"].get("deletionTimestamp"):
                return pod
            self.create("Pod", self.pod(f"{name}-next", namespace, pod["spec"]["nodeName"], pod["metadata"]["labels"]))
            ends = {"deletionTimestamp": "2026-01-01T00:00:15Z", "deletionGracePeriodSeconds": 15}
            return self.store.update(kinds.by_name("Pod"), {**pod, "metadata": {**pod["metadata"], **ends}})
        gone = self.store.delete(kinds.by_name("Pod"), namespace, name)
        node = self.store.get(kinds.by_name("Node"), "", gone["spec"]["nodeName"])
        again = self.pod(name, namespace, gone["spec"]["nodeName"], gone["metadata"]["labels"])
        again["status"] |= condition(ready=not node["spec"].get("unschedulable"))
        self.create("Pod", again)
        main = self.store.get(kinds.by_name("Endpoints"), "database", "main")
        if main["metadata"]["annotations"]["leader"] == name:
            self.lead("postgres-eu-west-1-0")
        return gone

    def lead(self, member: str) -> None:
        """A member takes the lock, and the label of each says its role."""
        main = self.store.get(kinds.by_name("Endpoints"), "database", "main")
        self.change("Endpoints", "database", "main", metadata={**main["metadata"], "annotations": {"leader": member}})
        for name in MEMBERS:
            meta = self.store.get(kinds.by_name("Pod"), "database", name)["metadata"]
            role = "primary" if name == member else "replica"
            self.change("Pod", "database", name, metadata={**meta, "labels": {**meta["labels"], "role": role}})

    async def logs(self, namespace: str, name: str, **options: Any) -> AsyncIterator[bytes]:
        yield b""

    async def settle(self) -> None:
        """Nothing is left to reconcile: `follow` has done it."""


@dataclass
class LeastCommands:
    """Runs commands as processes of this machine, each pod's in a directory of its own."""

    directory: Path

    def execute(self, pod: Object, _container: str, argv: Sequence[str]) -> RunningCommand:
        """Start it."""
        place = self.directory / str(pod["metadata"]["name"])
        place.mkdir(exist_ok=True)
        pipe = subprocess.PIPE
        return RunningCommand(subprocess.Popen(argv, cwd=place, stdout=pipe, stderr=pipe, start_new_session=True))


@dataclass
class Pocket:
    """The server, its world, and the target file that leads there."""

    world: World
    target: Target
    asked: list[Object]
    forks: ForkServer

    def do(self, act: Callable[[World], Any]) -> Any:
        """Read or change the world in the server's loop, as the machinery does."""

        async def done() -> Any:
            return act(self.world)

        return asyncio.run_coroutine_threadsafe(done(), self.world.loop).result(60)

    def get(self, kind: str, namespace: str, name: str) -> Object:
        found: Object = self.do(lambda world: world.store.get(kinds.by_name(kind), namespace, name))
        return found

    def change(self, kind: str, namespace: str, name: str, **parts: Any) -> None:
        self.do(lambda world: world.change(kind, namespace, name, **parts))

    def create(self, kind: str, obj: Object) -> None:
        self.do(lambda world: world.create(kind, obj))

    def define(self) -> None:
        """Let the server have the custom kinds that every sandbox has."""

        def defined(world: World) -> None:
            Definitions(world.store)
            for each in shipped():
                world.store.create(DEFINITION, each)

        self.do(defined)

    @property
    def leader(self) -> str:
        return str(self.get("Endpoints", "database", "main")["metadata"]["annotations"]["leader"])


def target_yaml(kubeconfig_path: Path) -> Object:
    return {
        "name": "pocket",
        "environment": "sandbox",
        "entry": "http://127.96.0.9:1",
        "regions": {"us-east-1": {}, "eu-west-1": {}},
        "primary_region": "us-east-1",
        "kubernetes": {"kubeconfig": str(kubeconfig_path), "context": "pocket", "namespace": "us-east-1"},
        "database": {
            "dsn": {"env": "NOWHERE"},
            "members": {pod: {"dsn": {"env": "NOWHERE"}, "region": NODES[node]} for pod, node in MEMBERS.items()},
            "leader": {"namespace": "database", "endpoints": "main"},
        },
        "power": {"annotation": "sandbox.readiness/power"},
        "disposable": True,
    }


@pytest.fixture(scope="session")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkServer]:
    """The process that imports Chaos Toolkit, once: each experiment is a fork of it, with an environment of its own."""
    file = tmp_path_factory.mktemp("forks") / "target.yaml"
    config, certificate = file.with_name("kubeconfig"), Authority().certificate
    kubeconfig.write(config, server="https://127.96.0.1:1", authority=certificate, token="t", context="pocket")
    file.write_text(yaml.safe_dump(target_yaml(config)))
    with ForkServer(load_target(file)) as server:
        yield server


@pytest.fixture
def pocket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forks: ForkServer) -> Iterator[Pocket]:
    """A server of its own for each test; `READINESS_TARGET` and `READINESS_STATE` lead to it."""
    world: list[World] = []
    asked: list[Object] = []

    def application(loop: asyncio.AbstractEventLoop) -> Starlette:
        world.append(World(Store(), loop))
        return build_app(world[0].store, world[0], "t", audit=asked.append, commands=LeastCommands(tmp_path))

    with served(tmp_path, "127.96.0.1", "t", application):
        file = tmp_path / "target.yaml"
        file.write_text(yaml.safe_dump(target_yaml(tmp_path / "kubeconfig")))
        monkeypatch.setenv("READINESS_TARGET", str(file))
        monkeypatch.setenv("READINESS_STATE", str(tmp_path / "state"))
        for name in ("RUN", "HOLD", "EXPERIMENT", "API_SERVER"):
            monkeypatch.delenv(f"READINESS_{name}", raising=False)
        session.cache_clear()
        use(load_target(file), monkeypatch)
        yield Pocket(world[0], load_target(file), asked, forks)
        session.cache_clear()
