"""A node that was not heard of for a while, and is again: its pods are as their containers are."""

from __future__ import annotations

from typing import Any

import pytest

from readiness_sandbox.cluster import kinds
from readiness_sandbox.cluster.controllers.nodes import EVICT_S, NOT_READY_S, NodeLifecycle
from readiness_sandbox.cluster.controllers.view import NODE, POD
from readiness_sandbox.cluster.kubelet.nodes import beat, with_kubelet_status
from readiness_sandbox.cluster.kubelet.status import condition
from readiness_sandbox.cluster.store import Store
from tests.fake_clock import FakeClock


class Terminator:
    """Ends no pod."""

    def begin_delete(self, namespace: str, name: str, grace_s: int | None) -> dict[str, Any]:
        """An eviction is none of this test's."""
        raise AssertionError(name)


def pod(name: str, containers_ready: str) -> dict[str, Any]:
    """On the node, ready as far as its kubelet says."""
    since = "2026-01-31T00:00:00Z"
    kinds_of = ("ContainersReady", "Ready")
    conditions = [{"type": kind, "status": containers_ready, "lastTransitionTime": since} for kind in kinds_of]
    return {
        "metadata": {"name": name, "namespace": "north"},
        "spec": {"nodeName": "north-1", "containers": []},
        "status": {"phase": "Running", "conditions": conditions},
    }


def test_pods_are_ready_again_once_their_node_is_heard_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those whose containers are; a stall of all heartbeats must not leave a cluster without a ready pod."""
    clock = FakeClock.installed(monkeypatch)
    store = Store()
    for namespace in ("north", "kube-node-lease"):
        if namespace not in {one["metadata"]["name"] for one in store.list(kinds.by_name("Namespace"))}:
            store.create(kinds.by_name("Namespace"), {"metadata": {"name": namespace}})
    node = store.create(NODE, {"metadata": {"name": "north-1"}, "spec": {}, "status": {}})
    with_kubelet_status(store, node)
    for name, containers in (("well", "True"), ("ill", "False")):
        store.create(POD, pod(name, containers))
    nodes = NodeLifecycle(store, Terminator(), lambda *_: None)

    def ready() -> dict[str, str]:
        return {one["metadata"]["name"]: condition(one, "Ready")["status"] for one in store.list(POD)}

    beat(store, "north-1")
    nodes.check()
    assert ready() == {"well": "True", "ill": "False"}
    clock.now_ns += round((NOT_READY_S + EVICT_S / 2) * 1e9)
    nodes.check()
    assert ready() == {"well": "False", "ill": "False"}
    beat(store, "north-1")
    nodes.check()
    assert ready() == {"well": "True", "ill": "False"}
    assert condition(store.get(kinds.by_name("Node"), None, "north-1"), "Ready")["status"] == "True"
