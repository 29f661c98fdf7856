"""PodDisruptionBudgets over the public API: counts in status, evictions that are allowed and refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from kubernetes import client
from kubernetes.client.exceptions import ApiException

from tests.sandbox.pocket import needs_kubectl, server_container
from tests.sandbox.test_machinery_workloads import deployed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.sandbox.pocket import PocketCluster

pytestmark = pytest.mark.sandbox
VIOLATES = "Cannot evict pod as it would violate the pod's disruption budget."


def budget(name: str = "web", **spec: Any) -> dict[str, Any]:
    """A budget of the pods of `app=web`."""
    return {"metadata": {"name": name}, "spec": {"selector": {"matchLabels": {"app": "web"}}, **spec}}


@pytest.fixture
def policy(cluster: PocketCluster) -> Iterator[Any]:
    """policy/v1, without budgets before and after."""
    api: Any = client.PolicyV1Api(cluster.core.api_client)
    yield api
    api.delete_collection_namespaced_pod_disruption_budget("default")


def figures(policy: Any) -> tuple[int, int, int, int]:
    """(expected, desired, healthy, allowed)."""
    status = policy.read_namespaced_pod_disruption_budget("web", "default").status
    return status.expected_pods, status.desired_healthy, status.current_healthy, status.disruptions_allowed


def evict(cluster: PocketCluster, pod: str, **options: Any) -> tuple[int, dict[str, Any]]:
    """The code and the Status of an eviction."""
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": "default"}}
    try:
        cluster.core.create_namespaced_pod_eviction(pod, "default", {**body, "deleteOptions": options})
    except ApiException as refused:
        return int(refused.status), json.loads(refused.body or "")
    return 201, {}


def names(cluster: PocketCluster) -> list[str]:
    """Pods that are ready and stay."""
    return [pod.metadata.name for pod in cluster.ready_pods("app=web")]


def test_a_budget_counts_its_pods(cluster: PocketCluster, policy: Any, subtests: pytest.Subtests) -> None:
    """Numbers and percentages (rounded up) of three replicas; the status is right when the creation is answered."""
    deployed(cluster)
    cases: list[tuple[dict[str, Any], tuple[int, ...]]] = [
        ({"minAvailable": 2}, (3, 2, 3, 1)),
        ({"minAvailable": "50%"}, (3, 2, 3, 1)),
        ({"minAvailable": 4}, (3, 4, 3, 0)),
        ({"maxUnavailable": 1}, (3, 2, 3, 1)),
        ({"maxUnavailable": "34%"}, (3, 1, 3, 2)),
        ({"maxUnavailable": 0}, (3, 3, 3, 0)),
    ]
    for spec, expected in cases:
        with subtests.test(spec=spec):
            policy.delete_collection_namespaced_pod_disruption_budget("default")
            policy.create_namespaced_pod_disruption_budget("default", budget(**spec))
            assert figures(policy) == expected
            (condition,) = policy.read_namespaced_pod_disruption_budget("web", "default").status.conditions
            assert condition.reason == ("SufficientPods" if expected[-1] else "InsufficientPods")


def test_a_second_eviction_waits_for_the_replacement(cluster: PocketCluster, policy: Any) -> None:
    """One may go; the next is refused with the budget's figures until the new pod is ready; a dry run charges nothing.

    The new one has no node until the second eviction was refused.
    """
    deployed(cluster)
    policy.create_namespaced_pod_disruption_budget("default", budget(maxUnavailable=1))
    first, second, _ = names(cluster)
    assert evict(cluster, first, dryRun=["All"])[0] == 201
    assert figures(policy) == (3, 2, 3, 1)
    with cluster.cordoned():
        assert evict(cluster, first, gracePeriodSeconds=0)[0] == 201
        code, status = evict(cluster, second)
    assert (code, status["reason"], status["message"]) == (429, "TooManyRequests", VIOLATES)
    why = "The disruption budget web needs 2 healthy pods and has 2 currently"
    assert status["details"]["causes"] == [{"reason": "DisruptionBudget", "message": why}]
    assert second in names(cluster)
    cluster.until(lambda: figures(policy) == (3, 2, 3, 1))
    assert evict(cluster, second, gracePeriodSeconds=0)[0] == 201


def test_two_budgets_of_one_pod_are_an_error(cluster: PocketCluster, policy: Any) -> None:
    """500, as a real API server answers."""
    deployed(cluster, replicas=1)
    for name in ("web", "other"):
        policy.create_namespaced_pod_disruption_budget("default", budget(name, minAvailable=0))
    code, status = evict(cluster, names(cluster)[0])
    assert code == 500
    assert "This pod has more than one PodDisruptionBudget" in status["message"]


def test_an_unready_pod_goes_only_while_the_others_suffice(cluster: PocketCluster, policy: Any) -> None:
    """A budget that is violated already protects unready pods too, unless it always allows them to go."""
    never_ready = server_container(readinessProbe={"exec": {"command": ["false"]}, "periodSeconds": 1})
    pod = {"metadata": {"name": "ill", "labels": {"app": "web"}}, "spec": {"containers": [never_ready]}}
    cluster.core.create_namespaced_pod("default", pod)
    cluster.until(lambda: cluster.pods("app=web")[0].status.phase == "Running")
    policy.create_namespaced_pod_disruption_budget("default", budget(minAvailable=1))
    assert evict(cluster, "ill")[0] == 429
    always = {"spec": {"unhealthyPodEvictionPolicy": "AlwaysAllow"}}
    policy.patch_namespaced_pod_disruption_budget("web", "default", always)
    assert evict(cluster, "ill", gracePeriodSeconds=0)[0] == 201


@pytest.mark.parametrize(
    ("spec", "field", "message"),
    [
        ({"minAvailable": 1, "maxUnavailable": 1}, "spec", "minAvailable and maxUnavailable cannot be both set"),
        ({"minAvailable": -1}, "spec.minAvailable", "Invalid value: -1: must be greater than or equal to 0"),
        ({"maxUnavailable": "one"}, "spec.maxUnavailable", "a valid percent string must be a numeric string"),
        ({"maxUnavailable": "101%"}, "spec.maxUnavailable", "must not be greater than 100%"),
        ({"unhealthyPodEvictionPolicy": "Never"}, "spec.unhealthyPodEvictionPolicy", 'Unsupported value: "Never"'),
    ],
)
def test_a_wrong_budget_is_refused(policy: Any, spec: dict[str, Any], field: str, message: str) -> None:
    """422 with the field."""
    with pytest.raises(ApiException) as refused:
        policy.create_namespaced_pod_disruption_budget("default", budget(**spec))
    causes = json.loads(refused.value.body or "")["details"]["causes"]
    assert (refused.value.status, [each["field"] for each in causes]) == (422, [field])
    assert message in causes[0]["message"]


@needs_kubectl
def test_kubectl_drain_waits_for_the_budget(cluster: PocketCluster, policy: Any) -> None:
    """A budget that allows nothing holds the drain up; kubectl says why and gives up at its timeout."""
    deployed(cluster, replicas=1)
    policy.create_namespaced_pod_disruption_budget("default", budget(maxUnavailable=0))
    assert cluster.kubectl("get", "pdb").split("\n")[1].split()[:4] == ["web", "N/A", "0", "0"]
    (node,) = {pod.spec.node_name for pod in cluster.ready_pods("app=web")}
    try:
        said = cluster.kubectl(
            "drain", node, "--ignore-daemonsets", "--pod-selector=app=web", "--timeout=2s", check=False
        )
    finally:
        cluster.kubectl("uncordon", node)
    assert VIOLATES in said
    assert len(names(cluster)) == 1
