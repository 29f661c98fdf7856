"""Kubelets that start nothing but HTTP stubs: `python -m tests.genuine.kubelets KUBECONFIG NODES.yaml CERTIFICATE KEY`.

They register the nodes of the file and keep them alive as a kubelet does: conditions, addresses, a lease. A pod that the scheduler put there is
Running and Ready, with an address of its own in 10.80.0.0/16 and a stub on each of its TCP ports that answers 200 to every request, and names
the pod and the release in its label `version`; a release called `…-failing` answers 500 to all but its health path. `/metrics` has their
counts, by status. When it is deleted, the stub is closed and the object removed. Each node serves `/metrics/resource`,
in which a pod uses what its annotations `genuine/cpu` and `genuine/memory` say.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import ssl
import sys
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import yaml
from aiohttp import web

from harness import clock
from harness.targets.cluster.amounts import amount
from readiness_sandbox.cluster.timestamps import micro_timestamp, now_text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator, Mapping

Object = dict[str, Any]

BEAT_S: Final = 2.0
LEASE_S: Final = 40
LEASES: Final = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
STRATEGIC: Final = "application/strategic-merge-patch+json"
MERGE: Final = "application/merge-patch+json"
FIRST_PORT: Final = 10250
USED: Final = {"genuine/cpu": "1m", "genuine/memory": "8Mi"}
"""What a pod uses without these annotations."""


class Api:
    """Requests to the API server with the token of a kubeconfig."""

    def __init__(self, kubeconfig: Path) -> None:
        content = yaml.safe_load(kubeconfig.read_text())
        cluster, user = content["clusters"][0]["cluster"], content["users"][0]["user"]
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        self.server = str(cluster["server"])
        self.http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=ssl.create_default_context(cadata=authority), limit=0),
            headers={"Authorization": f"Bearer {user['token']}"},
            read_bufsize=1 << 24,
        )

    async def call(self, method: str, path: str, body: Any = None, kind: str = "application/json") -> tuple[int, Any]:
        """Status and JSON of an answer."""
        data = None if body is None else json.dumps(body)
        async with self.http.request(method, self.server + path, data=data, headers={"Content-Type": kind}) as answer:
            return answer.status, await answer.json()

    async def pods(self) -> AsyncIterator[tuple[str, Object]]:
        """Every pod, then every change of one, for ever."""
        while True:
            _, found = await self.call("GET", "/api/v1/pods")
            for pod in found["items"]:
                yield "ADDED", pod
            query = f"watch=1&resourceVersion={found['metadata']['resourceVersion']}"
            timeout = aiohttp.ClientTimeout(total=None)
            async with self.http.get(f"{self.server}/api/v1/pods?{query}", timeout=timeout) as answer:
                async for line in answer.content:
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        break
                    yield event["type"], event["object"]


async def keep_node(api: Api, manifest: Object, port: int) -> None:
    """Register a node, and keep it Ready; its kubelet serves on that port."""
    name = manifest["metadata"]["name"]
    node = {"apiVersion": "v1", "kind": "Node", "metadata": manifest["metadata"], "spec": {}}
    lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": name}}
    await api.call("POST", "/api/v1/nodes", node)
    await api.call("POST", LEASES, lease)
    while True:
        await api.call("PATCH", f"/api/v1/nodes/{name}/status", {"status": node_status(manifest, port)}, STRATEGIC)
        spec = {"holderIdentity": name, "leaseDurationSeconds": LEASE_S, "renewTime": micro_timestamp(clock.wall())}
        await api.call("PATCH", f"{LEASES}/{name}", {"spec": spec}, MERGE)
        await clock.asleep(BEAT_S)


def node_status(manifest: Object, port: int) -> Object:
    """What a kubelet reports of its node."""
    now, words = now_text(), ("machineID", "systemUUID", "bootID", "kernelVersion", "osImage", "kubeProxyVersion")
    info = {"containerRuntimeVersion": "stub://1", "kubeletVersion": "v1.0.0-stub"}
    ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "stub"}
    return {
        "capacity": manifest["status"]["capacity"],
        "allocatable": manifest["status"]["allocatable"],
        "conditions": [ready | {"lastHeartbeatTime": now}],
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
        "nodeInfo": dict.fromkeys(words, "stub") | info | {"operatingSystem": "linux", "architecture": "amd64"},
    }


@dataclass
class StubPod:
    """One pod of these nodes: its address, and its ports while they are open."""

    api: Api
    obj: Object
    address: str
    ports: list[web.AppRunner] = field(default_factory=list)
    ending: bool = False
    answered: Counter[int] = field(default_factory=Counter)
    began_s: float = field(default_factory=lambda: clock.wall().timestamp())
    _cpu_s: float = 0.0
    _counted_s: float = field(default_factory=clock.now_s)

    @property
    def node(self) -> str:
        """That it is on."""
        return str(self.obj["spec"]["nodeName"])

    @property
    def path(self) -> str:
        """Of its object."""
        meta = self.obj["metadata"]
        return f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}"

    async def start(self) -> None:
        """Open its ports, and report it Running and Ready."""
        declared = [port for one in self.obj["spec"]["containers"] for port in one.get("ports") or []]
        for port in {one["containerPort"] for one in declared if one.get("protocol", "TCP") == "TCP"}:
            app = web.Application()
            app.router.add_get("/metrics", self._metrics)
            app.router.add_route("*", "/{path:.*}", self._answer)
            runner = web.AppRunner(app, access_log=None)
            await runner.setup()
            with suppress(OSError):
                await web.TCPSite(runner, self.address, port).start()
            self.ports.append(runner)
        status = {"metadata": {"uid": self.obj["metadata"]["uid"]}, "status": self._running()}
        await self.api.call("PATCH", f"{self.path}/status", status, STRATEGIC)

    async def end(self) -> None:
        """Close its ports, and remove its object."""
        self.ending = True
        await self.close()
        only = {"gracePeriodSeconds": 0, "preconditions": {"uid": self.obj["metadata"]["uid"]}}
        await self.api.call("DELETE", self.path, only)

    async def close(self) -> None:
        """Close its ports."""
        while self.ports:
            await self.ports.pop().cleanup()

    def _running(self) -> Object:
        now = now_text()
        kinds = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
        containers = [
            {
                "name": one["name"],
                "image": one["image"],
                "imageID": "",
                "ready": True,
                "started": True,
                "restartCount": 0,
                "state": {"running": {"startedAt": now}},
            }
            for one in self.obj["spec"]["containers"]
        ]
        return {
            "phase": "Running",
            "conditions": [{"type": kind, "status": "True", "lastTransitionTime": now} for kind in kinds],
            "startTime": now,
            "podIP": self.address,
            "podIPs": [{"ip": self.address}],
            "hostIP": "127.0.0.1",
            "containerStatuses": containers,
        }

    async def _answer(self, request: web.Request) -> web.Response:
        meta = self.obj["metadata"]
        release = (meta.get("labels") or {}).get("version", "")
        status = 500 if release.endswith("-failing") and request.path != "/health" else 200
        self.answered[status] += request.path != "/health"
        return web.Response(text="ok\n", status=status, headers={"x-served-pod": meta["name"], "x-release": release})

    async def _metrics(self, _: web.Request) -> web.Response:
        lines = [f'http_requests_total{{status="{status}"}} {self.answered[status]}' for status in (200, 500)]
        return web.Response(text="\n".join(["# TYPE http_requests_total counter", *lines, ""]))

    def _used(self, resource: str) -> float:
        return float(amount({**USED, **(self.obj["metadata"].get("annotations") or {})}[resource]))

    def changed(self, obj: Object) -> None:
        """Its object has changed: from now on it uses what that says."""
        self._count()
        self.obj = obj

    def _count(self) -> None:
        now_s = clock.now_s()
        self._cpu_s += (now_s - self._counted_s) * self._used("genuine/cpu")
        self._counted_s = now_s

    def usage(self) -> Iterator[str]:
        """Lines of `/metrics/resource`; the first container uses all that the pod does."""
        self._count()
        meta, (first, *others) = self.obj["metadata"], self.obj["spec"]["containers"]
        at_ms = round(1000 * clock.wall().timestamp())
        for container, share in ((first, 1), *((each, 0) for each in others)):
            of = f'{{container="{container["name"]}",namespace="{meta["namespace"]}",pod="{meta["name"]}"}}'
            yield f"container_cpu_usage_seconds_total{of} {share * self._cpu_s:.6f} {at_ms}"
            yield f"container_memory_working_set_bytes{of} {share * self._used('genuine/memory'):.0f} {at_ms}"
            yield f"container_start_time_seconds{of} {self.began_s:.3f} {at_ms}"


@dataclass
class StubKubelet:
    """What the kubelet of one node serves."""

    node: str
    pods: Mapping[str, StubPod]

    async def serve(self, port: int, keys: ssl.SSLContext) -> None:
        """Serve `/metrics/resource` until the process ends."""
        app = web.Application()
        app.router.add_get("/metrics/resource", self._usage)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port, ssl_context=keys).start()

    async def _usage(self, _: web.Request) -> web.Response:
        at_ms, here = (
            round(1000 * clock.wall().timestamp()),
            [pod for pod in self.pods.values() if pod.node == self.node],
        )
        lines = [
            f"node_cpu_usage_seconds_total {clock.now_s():.6f} {at_ms}",
            f"node_memory_working_set_bytes 1 {at_ms}",
        ]
        return web.Response(text="\n".join([*lines, *(line for pod in here for line in pod.usage()), ""]))


async def run_pods(api: Api, nodes: set[str], known: dict[str, StubPod]) -> None:
    """Follow the pods of these nodes, and keep them known by their uid."""
    addresses = (f"10.80.{number // 250}.{number % 250 + 1}" for number in itertools.count())
    tasks = set[asyncio.Task[None]]()
    async for event, obj in api.pods():
        uid = obj["metadata"]["uid"]
        if obj["spec"].get("nodeName") not in nodes:
            continue
        pod = known.get(uid)
        if event == "DELETED":
            if pod is not None:
                await known.pop(uid).close()
            continue
        if pod is None:
            pod = known[uid] = StubPod(api, obj, next(addresses))
            tasks.add(asyncio.create_task(pod.start()))
        pod.changed(obj)
        if obj["metadata"].get("deletionTimestamp") and not pod.ending:
            pod.ending = True
            tasks.add(asyncio.create_task(pod.end()))
        tasks = {task for task in tasks if not task.done()}


async def main(kubeconfig: Path, manifests: Iterable[Object], keys: ssl.SSLContext) -> None:
    """Keep these nodes until the process ends."""
    nodes = [one for one in manifests if one and one["kind"] == "Node"]
    api, pods = Api(kubeconfig), dict[str, StubPod]()
    async with asyncio.TaskGroup() as group:
        for port, one in enumerate(nodes, FIRST_PORT):
            await StubKubelet(one["metadata"]["name"], pods).serve(port, keys)
            group.create_task(keep_node(api, one, port))
        group.create_task(run_pods(api, {one["metadata"]["name"] for one in nodes}, pods))


if __name__ == "__main__":
    _, given, file, *pair = sys.argv
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*pair)
    asyncio.run(main(Path(given), list(yaml.safe_load_all(Path(file).read_text())), context))
