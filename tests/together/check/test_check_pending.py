"""A pod that is pending for lack of CPU: it runs on a node that is added, or it does not."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from claims.workloads import pending
from harness import clock
from harness.targets import platform_of
from harness.targets.kubernetes import Cluster, Object
from harness.targets.safety.intents import pending_intents
from readiness_sandbox.cluster import kinds
from readiness_sandbox.cluster.store import Store
from tests.together.check.test_check_live import found, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.targets import Target
    from tests.together.conftest import PocketCluster

POD, NODE = kinds.by_name("Pod"), kinds.by_name("Node")
SLOW = 10
"""Turns that a node takes to come."""
LACK = "0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate"


def node(name: str, cpu: str = "2") -> dict[str, Any]:
    """A ready node with so much CPU."""
    ready = [{"type": "Ready", "status": "True", "reason": "KubeletReady", "lastTransitionTime": clock.wall_text()}]
    amounts = {"cpu": cpu, "memory": "8Gi", "pods": "110"}
    status = {"conditions": ready, "capacity": amounts, "allocatable": amounts}
    return {"metadata": {"name": name}, "spec": {}, "status": status}


def schedule(store: Store, turns: list[None], *, accounts: bool, adds: bool, frees: bool) -> None:
    """Place each new pod on a node without one of them; where there is none, say so, and some turns later free one, or add one."""
    taken = {pod["spec"].get("nodeName") for pod in store.list(POD)}
    for pod in store.list(POD):
        if pod["spec"].get("nodeName") or not pod["metadata"]["name"].startswith("readiness-pending"):
            continue
        free = [each["metadata"]["name"] for each in store.list(NODE) if each["metadata"]["name"] not in taken]
        if not free and not accounts:
            free = [each["metadata"]["name"] for each in store.list(NODE)]
        if free:
            taken.add(free[0])
            bound = store.update(POD, {**pod, "spec": {**pod["spec"], "nodeName": free[0]}})
            store.update(POD, {**bound, "status": {"phase": "Running"}}, subresource="status")
        elif adds and len(turns) > SLOW:
            store.create(NODE, node(f"added-{len(taken)}"))
        elif frees and len(turns) > SLOW:
            bound = store.update(POD, {**pod, "spec": {**pod["spec"], "nodeName": "second"}})
            store.update(POD, {**bound, "status": {"phase": "Running"}}, subresource="status")
        else:
            turns.append(None)
            lacking = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": LACK}
            store.update(POD, {**pod, "status": {"phase": "Pending", "conditions": [lacking]}}, subresource="status")


@contextmanager
def scheduling(
    cluster: PocketCluster, *, accounts: bool = True, adds: bool = True, frees: bool = False
) -> Iterator[None]:
    """A scheduler, and an autoscaler of nodes where it adds some, beside the test."""
    over, turns = threading.Event(), list[None]()

    def turn() -> None:
        while not over.wait(0.05):
            cluster.do(lambda store: schedule(store, turns, accounts=accounts, adds=adds, frees=frees))

    thread = threading.Thread(target=turn)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.fixture
def nodes(cluster: PocketCluster) -> PocketCluster:
    """Two nodes with two CPU each, on one of which a pod and its sidecar have requested one."""
    for name in ("first", "second"):
        cluster.create("Node", node(name))

    def with_cpu(name: str, cpu: str) -> dict[str, Any]:
        return {"name": name, "image": "c:1", "resources": {"requests": {"cpu": cpu}, "limits": {"cpu": cpu}}}

    sidecar = {**with_cpu("sidecar", "600m"), "restartPolicy": "Always"}
    spec = {"nodeName": "first", "containers": [with_cpu("c", "400m")], "initContainers": [sidecar]}
    meta = {"name": "busy", "namespace": "north", "labels": {"app": "busy"}}
    cluster.create("Pod", {"metadata": meta, "spec": spec})
    return cluster


def test_what_a_sidecar_requests_is_not_free(nodes: PocketCluster, target: Target) -> None:
    """The pod of the first node has 400m for itself and 600m for an init container that runs on."""
    assert pending._free(Cluster.of(target)) == {"first": pytest.approx(1.0), "second": 2.0}


def pods(cluster: PocketCluster) -> list[str]:
    """Those that are left."""
    return [str(one["metadata"]["name"]) for one in cluster.do(lambda store: store.list(POD))]


def test_a_pod_that_lacks_cpu_runs_on_a_node_that_is_added(
    nodes: PocketCluster, target: Target, tmp_path: Path
) -> None:
    """The second node has room for one of 1.2 CPU, the first for none: of two pods one is pending. Nothing is left of them.

    They outlive the wait: ten minutes, the scheduler's half, and one more, as long as they sleep, and until their deadline.
    """
    made: list[dict[str, Any]] = []
    nodes.do(lambda store: store.subscribe(lambda event: made.append(event.object)))
    with scheduling(nodes):
        check = run(target, tmp_path, "pending-pod-runs", within="10 min")
    [(subject, (ok, observed))] = found(check).items()
    assert (ok, subject.startswith("north/readiness-pending-")) == (True, True)
    assert "on added-" in observed
    assert pods(nodes) == ["busy"]
    assert not pending_intents(platform_of(target))
    specs = [one["spec"] for one in made if one["metadata"]["name"].startswith("readiness-pending")]
    assert {spec["activeDeadlineSeconds"] for spec in specs} == {690}
    assert {spec["containers"][0]["command"][-1] for spec in specs} == {"import time; time.sleep(690)"}


def test_a_node_that_comes_at_once_is_not_missed(
    nodes: PocketCluster, target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lack of CPU is over before anyone looks: the pod is on a node that was not there, and its time counts from when it was made."""
    looks = Cluster.pods

    def late(self: Cluster, namespace: str = "", label_selector: str = "", **more: Any) -> list[Object]:
        for _ in clock.Deadline.after(60).ticks(0.05):
            own = [one for one in looks(self, namespace) if one["metadata"]["name"].startswith("readiness-pending")]
            if not namespace or all(one["spec"].get("nodeName") for one in own):
                break
        return looks(self, namespace, label_selector, **more)

    monkeypatch.setattr(Cluster, "pods", late)
    with scheduling(nodes):
        check = run(target, tmp_path, "pending-pod-runs", within="10 min")
    [(ok, observed)] = found(check).values()
    assert (ok, "on added-" in observed) == (True, True), observed


def test_one_that_stays_pending_fails(nodes: PocketCluster, target: Target, tmp_path: Path) -> None:
    """Nobody adds a node: the scheduler's own words are reported."""
    with scheduling(nodes, adds=False):
        check = run(target, tmp_path, "pending-pod-runs", within="300 ms")
    [(ok, observed)] = found(check).values()
    assert (ok, observed) == (False, f"was pending for 0.3 s: {LACK}")
    assert pods(nodes) == ["busy"]


def test_one_that_runs_on_a_node_that_was_there_shows_nothing(
    nodes: PocketCluster, target: Target, tmp_path: Path
) -> None:
    """A pod that held its CPU went: no node was added, and nobody knows whether one would be."""
    with scheduling(nodes, adds=False, frees=True):
        check = run(target, tmp_path, "pending-pod-runs", within="10 min")
    [(ok, observed)] = found(check).values()
    assert (ok, observed.endswith(" on second, which was there before")) == (None, True), observed


def test_nodes_that_turn_out_to_have_more_room_are_filled_too(
    nodes: PocketCluster, target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What another check ran when the room was measured has ended since."""
    monkeypatch.setattr(pending, "_free", lambda _cluster: {})
    with scheduling(nodes):
        check = run(target, tmp_path, "pending-pod-runs", within="10 min")
    [(ok, observed)] = found(check).values()
    assert (ok, "on added-" in observed) == (True, True), observed
    assert pods(nodes) == ["busy"]


def test_where_no_pod_lacks_cpu_nothing_is_known(nodes: PocketCluster, target: Target, tmp_path: Path) -> None:
    """A scheduler that places more than there is room for."""
    with scheduling(nodes, accounts=False):
        check = run(target, tmp_path, "pending-pod-runs", within="10 min")
    assert found(check) == {"north": (None, "12 of 12 pods were placed, and none was reported to lack CPU")}


def test_nodes_with_too_much_room_are_not_filled(nodes: PocketCluster, target: Target, tmp_path: Path) -> None:
    """Thirty pods at most, and none is made where they are too few."""
    for number in range(40):
        nodes.create("Node", node(f"empty-{number}"))
    many = run(target, tmp_path, "pending-pod-runs", within="10 min")
    assert "the nodes have room for 41 pods of 1.2 CPU, but the check creates at most 29 to fill them" in many.why
