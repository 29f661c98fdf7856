"""The scheduler counts what pods request: no node gets more than it has, and a pod that no node takes is told why."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readiness_sandbox.cluster.controllers import scheduler
from readiness_sandbox.cluster.controllers.room import free, lacking, requested
from readiness_sandbox.cluster.controllers.view import NODE, POD
from readiness_sandbox.cluster.kubelet.status import condition
from readiness_sandbox.cluster.store import Store


def container(**amounts: str) -> dict[str, Any]:
    """One that requests these."""
    return {"name": "c", "resources": {"requests": amounts}}


def pod(name: str, cpu: str = "3", **spec: Any) -> dict[str, Any]:
    """A pod that requests so much CPU."""
    metadata, spec = {"name": name, "namespace": "default"}, {"containers": [container(cpu=cpu)], **spec}
    return {"metadata": metadata, "spec": spec, "status": {"phase": "Pending"}}


def node(name: str, cpu: str = "4", pods: str = "110", ready: str = "True", **spec: Any) -> dict[str, Any]:
    """A node whose kubelet has reported."""
    condition = {"type": "Ready", "status": ready, "lastTransitionTime": "2026-01-31T00:00:00Z"}
    status = {"allocatable": {"cpu": cpu, "memory": "8Gi", "pods": pods}, "conditions": [condition]}
    return {"metadata": {"name": name, "labels": {"zone": name}}, "spec": spec, "status": status}


def scheduled(*objects: dict[str, Any]) -> tuple[Store, dict[str, str]]:
    """A store of these nodes and pods after the scheduler's round, and the node of each pod or why it has none."""
    store = Store()
    store.create_system_namespaces()
    for each in objects:
        store.create(NODE if "namespace" not in each["metadata"] else POD, each)
    return store, turn(store)


def turn(store: Store) -> dict[str, str]:
    """One more round."""
    scheduler.reconcile(store, lambda *_: None)
    return {
        each["metadata"]["name"]: each["spec"].get("nodeName") or condition(each, "PodScheduled")["message"]
        for each in store.list(POD)
    }


def test_a_pod_that_no_node_has_room_for_waits_until_another_is_gone() -> None:
    """Two nodes of four CPU take one pod of three each; the third is pending, in the scheduler's words."""
    store, where = scheduled(node("a"), node("b"), pod("first"), pod("second"), pod("third"))
    assert where == {"first": "a", "second": "b", "third": "0/2 nodes are available: 2 Insufficient cpu."}
    store.delete(POD, "default", "second")
    assert turn(store) == {"first": "a", "third": "b"}


def test_the_message_sums_up_what_each_node_lacks() -> None:
    """One reason for each node, counted and sorted; of resources all that are short."""
    selective = pod("p", nodeSelector={"zone": "far"})
    selective["spec"]["containers"].append(container(memory="9Gi", cpu="2"))
    taint = {"key": "own", "effect": "NoSchedule"}
    nodes = [node("a"), node("far"), node("c", unschedulable=True), node("d", taints=[taint]), node("e", ready="False")]
    _, where = scheduled(*nodes, selective)
    assert where["p"] == (
        "0/5 nodes are available: 1 Insufficient cpu, 1 Insufficient memory, 1 node(s) didn't match Pod's node affinity/selector, "
        "1 node(s) had untolerated taint(s), 1 node(s) were not ready, 1 node(s) were unschedulable."
    )


def test_without_a_node_there_is_nothing_to_count() -> None:
    """As a genuine scheduler says it."""
    assert scheduled(pod("p"))[1] == {"p": "no nodes available to schedule pods"}


def test_a_node_takes_as_many_pods_as_it_says() -> None:
    """However little they request."""
    where = scheduled(node("a", pods="1"), pod("first", "0"), pod("second", "0"))[1]
    assert where == {"first": "a", "second": "0/1 nodes are available: 1 Too many pods."}


def test_a_pod_that_is_over_holds_nothing_and_one_that_is_ending_still_does() -> None:
    """Succeeded gives back what it had; a pod within its grace period has it until it is gone."""
    over = {**pod("over", nodeName="a"), "status": {"phase": "Succeeded"}}
    assert scheduled(node("a"), over, pod("new"))[1]["new"] == "a"
    ending = pod("ending", nodeName="a")
    ending["metadata"] |= {"deletionTimestamp": "2026-01-31T00:00:00Z"}
    assert scheduled(node("a"), ending, pod("new"))[1]["new"] == "0/1 nodes are available: 1 Insufficient cpu."


def test_what_a_pod_requests(subtests: pytest.Subtests) -> None:
    """Init containers run one after another, sidecars beside all that follow them."""

    def of(cpu: str, *init: dict[str, Any]) -> dict[str, Any]:
        return {"containers": [container(cpu=cpu)], "initContainers": [*init]}

    one, two, three = (container(cpu=cpu) for cpu in "123")
    sidecar = {**one, "restartPolicy": "Always"}
    cases: list[tuple[str, dict[str, Any], Fraction]] = [
        ("all together", {"containers": [one, container(cpu="500m")]}, Fraction(3, 2)),
        ("the largest init container", of("1", two, three), Fraction(3)),
        ("an init container beside a sidecar", of("1", sidecar, two), Fraction(3)),
        ("a sidecar beside containers", of("3", two, sidecar), Fraction(4)),
        ("overhead", {"containers": [{"name": "c"}], "overhead": {"cpu": "250m"}}, Fraction(1, 4)),
    ]
    for name, spec, cpu in cases:
        with subtests.test(name):
            found = requested({"spec": spec})
            assert (found["cpu"], found["pods"]) == (cpu, Fraction(1))


def test_nothing_is_lacking_where_nothing_is_requested() -> None:
    """A node that is overcommitted, as by pods that named it themselves, still takes a pod without requests."""
    left = free(node("a", cpu="1"), [pod("p", "3")])
    assert left["cpu"] == -2
    assert lacking({"cpu": Fraction(0), "pods": Fraction(1)}, left) == []
    assert lacking({"example.com/gpu": Fraction(1)}, left) == ["Insufficient example.com/gpu"]


@given(st.lists(st.integers(1, 40), max_size=8), st.lists(st.integers(1, 60), min_size=1, max_size=3))
def test_no_node_gets_more_than_it_has(requests: list[int], sizes: list[int]) -> None:
    """And no pod waits that a node has room for."""
    nodes = [node(f"n{index}", cpu=f"{size}00m") for index, size in enumerate(sizes)]
    store, where = scheduled(*nodes, *(pod(f"p{index}", f"{each}00m") for index, each in enumerate(requests)))
    bound = {name: [one for one in store.list(POD) if one["spec"].get("nodeName") == name] for name in where.values()}
    left = {each["metadata"]["name"]: free(each, bound.get(each["metadata"]["name"], [])) for each in nodes}
    assert all(amounts["cpu"] >= 0 for amounts in left.values())
    waiting = [each for each in store.list(POD) if not each["spec"].get("nodeName")]
    assert all(lacking(requested(each), amounts) for each in waiting for amounts in left.values())
