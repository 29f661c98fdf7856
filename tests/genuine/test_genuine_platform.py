"""The platform's manifests, checks, faults and their undo on a genuine control plane."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from harness import clock
from harness.chaos import actions, probes
from harness.chaos.confirmation import stock
from harness.chaos.session import session
from harness.drivers.check.registry import run_check
from harness.errors import AccessDenied, FaultNotInjected
from harness.evidence import History
from harness.model import Check, Demand, DemandKind
from harness.targets import Target, platform_of
from harness.targets.safety.intents import pending_intents
from harness.targets.undo import recover
from tests.builders.stock_actions import perform, use

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

SETTLED_S = 120


def checked(target: Target, directory: Path, name: str, **params: str) -> Check:
    """Run a check."""
    history = History(directory / "history" / "checks.ndjson", "checks")
    try:
        return run_check(Demand(kind=DemandKind.CHECK, name=name, params=params), target, history)
    finally:
        history.close()


def test_every_manifest_applies_strictly(applied: list[tuple[str, httpx.Response]]) -> None:
    """No unknown field, no wrong value, not even a warning."""
    answers = {name: (one.status_code, one.headers.get("warning", "")) for name, one in applied}
    assert {name: answer for name, answer in answers.items() if answer != (201, "")} == {}
    assert len(answers) > 30


def test_the_platform_comes_up(target: Target) -> None:
    """Every workload has its replicas, by the controllers' status and by the pods themselves."""
    assert probes.workloads_ready(within_s=SETTLED_S)
    assert probes.members_streaming(within_s=0)  # the target names no database


def test_checks_read_a_genuine_cluster(target: Target, tmp_path: Path) -> None:
    """Sizes, health through the API server's proxy, and its version."""
    assert probes.workloads_ready(within_s=SETTLED_S)
    api = checked(target, tmp_path, "api-version", at_least="1.33")
    assert [(fact.ok, fact.observed) for fact in api.facts] == [(True, "v1.36.3")] * 3
    size = checked(
        target, tmp_path, "deployment-size", deployment="track-service", replicas="5", cpu="500m", memory="1Gi"
    )
    assert {fact.subject: fact.ok for fact in size.facts}["us-east-1/track-service replicas"] is True
    health = checked(target, tmp_path, "health-of-pods", within="5 s")
    assert not health.why
    assert len(health.facts) > 15
    assert [fact for fact in health.facts if not fact.ok] == []


def test_an_evicted_pod_fails_no_check(target: Target, tmp_path: Path) -> None:
    """Its object stays, with the phase Failed and without an address; the controller brings another."""
    assert probes.workloads_ready(within_s=SETTLED_S)
    cluster = session().cluster
    pod = cluster.pods("us-east-1", "app=track-service")[0]
    core = cluster._core
    gone: Any = {"status": {"phase": "Failed", "reason": "Evicted", "podIP": None, "podIPs": None}}
    core.patch_namespaced_pod_status(pod["metadata"]["name"], "us-east-1", gone)
    assert probes.workloads_ready(within_s=SETTLED_S)
    assert len(cluster.pods("us-east-1", "app=track-service", over=True)) == 6
    health = checked(target, tmp_path, "health-of-pods", within="5 s")
    assert [fact for fact in health.facts if not fact.ok] == []
    cluster.delete_pod("us-east-1", pod["metadata"]["name"], grace_s=0)


def test_killed_pods_are_gone_then_replaced(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """The replacement counts when as many Ready pods are there that were not hit."""
    assert probes.workloads_ready(within_s=SETTLED_S)
    use(target, monkeypatch)
    two: dict[str, Any] = {"label_selector": "app=track-service", "ns": "us-east-1", "qty": 2, "grace_period": 0}
    hits, less = perform("pod.actions.terminate_pods", **two)
    assert (len(hits), less) == (2, "")
    assert probes.hit_pods_gone(within_s=30)
    assert probes.workloads_ready(within_s=SETTLED_S)
    left = {pod["metadata"]["uid"] for pod in session().cluster.pods("us-east-1", "app=track-service")}
    assert left.isdisjoint(hit.uid for hit in hits)


def test_a_service_that_was_taken_comes_back_by_recovery(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the intents on disk alone."""
    assert probes.workloads_ready(within_s=SETTLED_S)
    use(target, monkeypatch)
    for namespace in ("us-east-1", "eu-west-1", "ap-southeast-1"):
        perform("deployment.actions.scale_deployment", name="user-service", ns=namespace, replicas=0)
    assert probes.hit_pods_gone(within_s=30)
    recovered = recover(target, platform_of(target), within_s=30)
    assert recovered.left == ()
    assert len(recovered.undone) == 3
    assert probes.workloads_ready(within_s=SETTLED_S)


def test_a_node_that_is_cordoned_and_uncordoned_is_as_before(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """`uncordon_node` sends `false`, which the API server leaves out; the taint of the cordon is a controller's own."""
    use(target, monkeypatch)
    home: dict[str, Any] = {"label_selector": "topology.kubernetes.io/region=us-east-1"}
    perform("node.actions.cordon_node", **home)
    assert len(pending_intents(platform_of(target))) == 3
    perform("node.actions.uncordon_node", **home, breaks=False)
    assert pending_intents(platform_of(target)) == []
    assert not any("unschedulable" in node["spec"] for node in session().cluster.nodes(home["label_selector"]))


def test_what_is_deleted_and_left_so_is_created_again(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Service has its address as before; a Deployment has its pods again."""
    assert probes.workloads_ready(within_s=SETTLED_S)
    use(target, monkeypatch)
    before = {one["metadata"]["name"]: one["spec"] for one in session().cluster.services("us-east-1")}
    perform("service.actions.delete_service", name="track-service", ns="us-east-1")
    hits, less = perform("deployment.actions.delete_deployment", name="track-service", ns="us-east-1")
    assert (len(hits), less) == (5, "")
    perform("networking.actions.deny_all_egress", ns="us-east-1")
    stock.put_back()
    assert pending_intents(platform_of(target)) == []
    assert {one["metadata"]["name"]: one["spec"] for one in session().cluster.services("us-east-1")} == before
    assert probes.workloads_ready(within_s=SETTLED_S)


def test_power_that_no_node_obeys_is_no_fault(target: Target) -> None:
    """The sandbox's annotation means nothing to a genuine node: the probe says so, and the undo takes it back."""
    assert probes.workloads_ready(within_s=SETTLED_S)
    hits = actions.power_off_node("topology.kubernetes.io/region=us-east-1")
    [node] = [hit["name"] for hit in hits["hit"] if hit["kind"] == "node"]
    with pytest.raises(FaultNotInjected, match=f"{node} was still Ready after 3 s"):
        probes.hit_nodes_not_ready(within_s=3)
    assert actions.power_on_nodes() == [node]


def test_a_user_without_rights_is_told_at_once(reader: Target) -> None:
    """With the server's own message, not after the probe's time."""
    began = clock.now_s()
    with pytest.raises(AccessDenied, match=r'answered 403 [a-z.]+ is forbidden: User "reader" cannot list'):
        probes.workloads_ready(within_s=60)
    assert clock.now_s() - began < 30
