"""Deployments, Rollouts and StatefulSets as one thing: what keeps pods running."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from harness.errors import AccessDenied
from harness.targets.cluster.workloads import (
    autoscaled,
    controllers,
    http_port,
    is_complete,
    of_one_template,
    owner_of,
    port_named,
    ready_of,
    replicas_of,
    replicated,
    restarts_of,
    running_containers,
)

if TYPE_CHECKING:
    from harness.targets.kubernetes import Cluster

TEMPLATE: dict[str, Any] = {"spec": {"containers": []}}


def _object(name: str, ready: int = 2, generation: int = 3, observed: object = 3, **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"namespace": "eu", "name": name, "generation": generation},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": name}}, "template": TEMPLATE, **spec},
        "status": {"readyReplicas": ready, "observedGeneration": observed},
    }


def _referring(name: str, workload: str) -> dict[str, Any]:
    made = _object(name, workloadRef={"apiVersion": "apps/v1", "kind": "Deployment", "name": workload})
    made["spec"] = {key: value for key, value in made["spec"].items() if key not in ("selector", "template")}
    return made


class Answers:
    """What a cluster answers."""

    def __init__(self, deployments: list[dict[str, Any]], rollouts: list[dict[str, Any]]) -> None:
        self._deployments, self._rollouts = deployments, rollouts

    def deployments(self, namespace: str = "") -> list[dict[str, Any]]:
        """Of any namespace."""
        del namespace
        return self._deployments

    def customs(self, version: str, plural: str, namespace: str = "") -> list[dict[str, Any]]:
        """Rollouts of Argo Rollouts only."""
        del namespace
        return self._rollouts if (version, plural) == ("argoproj.io/v1alpha1", "rollouts") else []

    def stateful_sets(self, namespace: str = "") -> list[dict[str, Any]]:
        """One."""
        del namespace
        return [_object("postgres")]

    def daemon_sets(self, namespace: str) -> list[dict[str, Any]]:
        """None."""
        del namespace
        return []


def _cluster(deployments: list[dict[str, Any]], rollouts: list[dict[str, Any]]) -> Cluster:
    return cast("Cluster", Answers(deployments, rollouts))


def test_a_rollout_stands_where_a_deployment_stood() -> None:
    """Each with its kind, StatefulSets after them."""
    cluster = _cluster([_object("web")], [_object("cart")])
    named = [(kind, one["metadata"]["name"]) for kind, one in controllers(cluster, "eu")]
    assert named == [("Deployment", "web"), ("Rollout", "cart"), ("StatefulSet", "postgres")]


def test_a_rollout_stands_for_the_deployment_that_it_refers_to() -> None:
    """With its pod template and selector; the Deployment itself, which it has scaled down, is no workload any more. If it is gone, nothing is known of the pods."""
    assert replicated(_cluster([], [_referring("cart", "cart")])) == []
    (one,) = replicated(_cluster([_object("cart", replicas=0)], [_referring("cart", "cart")]))
    assert (one["kind"], one["spec"]["template"], one["spec"]["selector"]) == (
        "Rollout",
        TEMPLATE,
        {"matchLabels": {"app": "cart"}},
    )
    assert replicas_of(one) == 2


def test_who_may_not_list_rollouts_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Roles are asked before it is known whether the cluster serves such a kind."""

    def refused(*_words: Any) -> Any:
        raise AccessDenied("the API server answered 403")

    monkeypatch.setattr(Answers, "customs", refused)
    (one,) = replicated(_cluster([_object("web")], []))
    assert one["kind"] == "Deployment"


@pytest.mark.parametrize(
    ("observed", "ready", "complete"), [("3", 2, True), (3, 2, True), ("2", 2, False), ("", 2, False), ("3", 1, False)]
)
def test_complete_is_what_was_observed_and_is_ready(observed: object, ready: int, *, complete: bool) -> None:
    """A Rollout writes the generation as a text."""
    workload = _object("cart", ready=ready, observed=observed)
    assert (is_complete(workload), ready_of(workload)) == (complete, ready)


@pytest.mark.parametrize(
    ("status", "one"),
    [
        ({"replicas": 3, "updatedReplicas": 3}, True),
        ({"replicas": 4, "updatedReplicas": 3}, False),
        ({"replicas": 3}, False),
        ({}, True),
    ],
)
def test_a_workload_is_of_one_template_once_no_pod_of_another_is_left(status: dict[str, int], *, one: bool) -> None:
    """All of its pods may be ready before; the API leaves out a count of 0."""
    assert of_one_template({"metadata": {}, "spec": {}, "status": status}) is one


@pytest.mark.parametrize(
    ("ports", "port"),
    [([], 80), ([{"containerPort": 9}], 9), ([{"containerPort": 9}, {"name": "http", "containerPort": 8080}], 8080)],
)
def test_a_pod_is_asked_at_its_port_for_http(ports: list[dict[str, object]], port: int) -> None:
    """The one of that name, else the first, else 80; a proxy that is put in front is not asked where an annotation names another container."""
    own = {"name": "own", "ports": ports}
    assert http_port({"metadata": {}, "spec": {"containers": [{"name": "beside"}, own]}}) == port
    proxy = {"name": "proxy", "ports": [{"containerPort": 15090, "name": "http-envoy-prom"}]}
    named = {"annotations": {"kubectl.kubernetes.io/default-container": "own"}}
    asked = http_port({"metadata": named, "spec": {"containers": [proxy, own]}})
    assert asked == port


def test_restarts_are_those_of_containers_and_sidecars() -> None:
    """An init container that runs on is a sidecar; one that ends may be done again before the pod has begun."""
    pod: dict[str, Any] = {
        "spec": {"initContainers": [{"name": "proxy", "restartPolicy": "Always"}, {"name": "migrate"}]},
        "status": {
            "containerStatuses": [{"name": "web", "restartCount": 2}],
            "initContainerStatuses": [{"name": "proxy", "restartCount": 5}, {"name": "migrate", "restartCount": 9}],
        },
    }
    assert (restarts_of(pod), restarts_of({})) == (7, 0)
    assert [one["name"] for one in running_containers({"containers": [{"name": "web"}], **pod["spec"]})] == [
        "web",
        "proxy",
    ]


@pytest.mark.parametrize(
    ("owner", "labels", "name"),
    [
        ({"kind": "ReplicaSet", "name": "cart-api-7d9f"}, {"app": "cart", "pod-template-hash": "7d9f"}, "cart-api"),
        ({"kind": "ReplicaSet", "name": "cart-7d9f"}, {"rollouts-pod-template-hash": "7d9f"}, "cart"),
        ({"kind": "ReplicaSet", "name": "cart-7d9f"}, {}, "cart-7d9f"),
        ({"kind": "StatefulSet", "name": "cart-db"}, {"app": "cart"}, "cart-db"),
        (None, {"app": "cart"}, ""),
    ],
)
def test_a_pod_is_of_the_workload_that_made_it_whatever_its_label_says(
    owner: dict[str, Any] | None, labels: dict[str, str], name: str
) -> None:
    """The hash of its template is behind the name of a Deployment or a Rollout, and not of a ReplicaSet by itself."""
    owners = [{"kind": "Thing", "name": "other"}, *([{**owner, "controller": True}] if owner else [])]
    assert owner_of({"metadata": {"name": "p", "labels": labels, "ownerReferences": owners}}) == name


def test_an_autoscaler_may_go_down_to_no_replica() -> None:
    """Without `minReplicas` it keeps one."""
    of = {"kind": "Deployment", "name": "web"}
    found = [{"spec": {"scaleTargetRef": of, "minReplicas": 0, "maxReplicas": 5}}]
    assert autoscaled(_autoscaling(found), "eu") == {("Deployment", "web"): range(6)}
    del found[0]["spec"]["minReplicas"]
    assert autoscaled(_autoscaling(found), "eu") == {("Deployment", "web"): range(1, 6)}


def _autoscaling(found: list[dict[str, Any]]) -> Cluster:
    class Autoscaling(Answers):
        def customs(self, version: str, plural: str, namespace: str = "") -> list[dict[str, Any]]:
            del version, namespace
            return found if plural == "horizontalpodautoscalers" else []

    return cast("Cluster", Autoscaling([], []))


def test_the_port_of_a_name_is_found() -> None:
    """Of the main container, where one is annotated; 0 where there is none of this name."""
    own, beside = (
        {"name": one, "ports": [{"name": "https", "containerPort": port}]}
        for one, port in (("own", 8443), ("beside", 9443))
    )
    annotated = {"kubectl.kubernetes.io/default-container": "own"}
    assert port_named({"metadata": {"annotations": annotated}, "spec": {"containers": [beside, own]}}, "https") == 8443
    assert port_named({"metadata": {}, "spec": {"containers": [{"name": "none"}, beside, own]}}, "https") == 9443
    assert port_named({"metadata": {}, "spec": {"containers": [own]}}, "http") == 0
