"""Targets from Kubernetes: pods and nodes, with the labels that Prometheus gives them.

They are listed once and then watched.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final

import aiohttp

_PATHS: Final = {"pod": "/api/v1/pods", "node": "/api/v1/nodes"}
_KUBELET_PORT: Final = 10250
_AGAIN_S: Final = 1.0
Discovered = dict[str, str]
"""The labels of one target before relabelling: `__address__` and `__meta_kubernetes_…`."""


class FollowedObjects:
    """The objects of one kind, followed.

    Args:
        session: whose requests carry what the API server asks for.
        server: its URL.
        role: `pod` or `node`.
    """

    def __init__(self, session: aiohttp.ClientSession, server: str, role: str) -> None:
        self._session = session
        self._url = server + _PATHS[role]
        self._labels = pod_targets if role == "pod" else node_targets
        self._targets: dict[str, list[Discovered]] = {}

    @property
    def targets(self) -> list[Discovered]:
        """As of now."""
        return [target for targets in self._targets.values() for target in targets]

    async def follow(self) -> None:
        """List and watch for ever; after an error again, with the objects known so far kept."""
        while True:
            try:
                await self._watch(await self._list())
            except (aiohttp.ClientError, TimeoutError, ValueError) as error:
                sys.stderr.write(f"discovery: {type(error).__name__}: {error}\n")
            await asyncio.sleep(_AGAIN_S)

    async def _list(self) -> str:
        async with self._session.get(self._url, timeout=aiohttp.ClientTimeout(total=10)) as response:
            response.raise_for_status()
            content = await response.json()
        self._targets = {one["metadata"]["uid"]: list(self._labels(one)) for one in content["items"]}
        return str(content["metadata"]["resourceVersion"])

    async def _watch(self, version: str) -> None:
        params = {"watch": "1", "resourceVersion": version}
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=5)
        async with self._session.get(self._url, params=params, timeout=timeout) as response:
            response.raise_for_status()
            async for line in response.content:
                event = json.loads(line)
                if event["type"] == "ERROR":
                    return
                one = event["object"]
                if event["type"] == "DELETED":
                    self._targets.pop(one["metadata"]["uid"], None)
                else:
                    self._targets[one["metadata"]["uid"]] = list(self._labels(one))


def pod_targets(pod: Mapping[str, Any]) -> Iterator[Discovered]:
    """One target for each port of each container of a pod that has an address.

    A container without a port is one target without a port.
    """
    status, meta = pod.get("status") or {}, pod["metadata"]
    if not status.get("podIP") or status.get("phase") in ("Succeeded", "Failed"):
        return
    conditions = {one["type"]: one["status"] for one in status.get("conditions") or ()}
    common = {
        "__meta_kubernetes_namespace": meta["namespace"],
        "__meta_kubernetes_pod_name": meta["name"],
        "__meta_kubernetes_pod_ip": status["podIP"],
        "__meta_kubernetes_pod_node_name": pod["spec"].get("nodeName", ""),
        "__meta_kubernetes_pod_phase": status.get("phase", ""),
        "__meta_kubernetes_pod_ready": conditions.get("Ready", "unknown").lower(),
        **_mapped("__meta_kubernetes_pod_", meta),
    }
    for container in pod["spec"]["containers"]:
        named = {**common, "__meta_kubernetes_pod_container_name": container["name"]}
        ports: list[Mapping[str, Any]] = container.get("ports") or [{}]
        for port in ports:
            number = str(port.get("containerPort", ""))
            yield {
                **named,
                "__address__": f"{status['podIP']}:{number}" if number else status["podIP"],
                "__meta_kubernetes_pod_container_port_number": number,
                "__meta_kubernetes_pod_container_port_name": port.get("name", ""),
            }


def node_targets(node: Mapping[str, Any]) -> Iterator[Discovered]:
    """A node's kubelet."""
    meta = node["metadata"]
    addresses = {one["type"]: one["address"] for one in (node.get("status") or {}).get("addresses") or ()}
    address = addresses.get("InternalIP", meta["name"])
    yield {
        "__address__": f"{address}:{_KUBELET_PORT}",
        "instance": meta["name"],
        "__meta_kubernetes_node_name": meta["name"],
        **_mapped("__meta_kubernetes_node_", meta),
    }


def _mapped(prefix: str, meta: Mapping[str, Any]) -> dict[str, str]:
    """Labels and annotations, with names that labels may have."""
    found = {}
    for kind in ("label", "annotation"):
        for name, value in (meta.get(f"{kind}s") or {}).items():
            clean = re.sub(r"[^a-zA-Z0-9_]", "_", name)
            found[f"{prefix}{kind}_{clean}"] = str(value)
            found[f"{prefix}{kind}present_{clean}"] = "true"
    return found
