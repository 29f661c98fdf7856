"""Autoscalers as objects: defaults, refusals, and the table that kubectl prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from kubernetes import client

from tests.sandbox.cluster.conftest import refusal
from tests.sandbox.pocket import needs_kubectl

if TYPE_CHECKING:
    from tests.sandbox.cluster.conftest import PocketApi


WINDOW = "stabilizationWindowSeconds"


def autoscaler(name: str, **spec: Any) -> dict[str, Any]:
    """An autoscaler with at most ten replicas."""
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    return {"metadata": {"name": name}, "spec": {"scaleTargetRef": reference, "maxReplicas": 10, **spec}}


def create(pocket_api: PocketApi, body: dict[str, Any]) -> Any:
    """Create it with the official client."""
    api: Any = client.AutoscalingV2Api(pocket_api.client())
    return api.create_namespaced_horizontal_pod_autoscaler("default", body)


def resource(name: str = "cpu", **target: Any) -> dict[str, Any]:
    """A metric of a resource."""
    return {"type": "Resource", "resource": {"name": name, "target": {"type": "Utilization", **target}}}


def test_what_is_left_out_is_as_in_kubernetes(pocket_api: PocketApi) -> None:
    """One replica at least, 80 % CPU; rules for a direction only where it is named."""
    spec = create(pocket_api, autoscaler("plain", behavior={"scaleUp": {WINDOW: 180}})).spec
    assert spec.min_replicas == 1
    assert spec.metrics[0].resource.target.average_utilization == 80
    up = spec.behavior.scale_up
    assert (up.stabilization_window_seconds, up.select_policy) == (180, "Max")
    assert [(each.type, each.value) for each in up.policies] == [("Percent", 100), ("Pods", 4)]
    assert spec.behavior.scale_down is None


def test_what_cannot_be_is_refused_with_its_path(pocket_api: PocketApi, subtests: pytest.Subtests) -> None:
    """422, as Kubernetes' own validation answers."""
    policy = {"type": "Pods", "value": 1, "periodSeconds": 1801}
    cases: list[tuple[dict[str, Any], str]] = [
        ({"maxReplicas": 0}, "spec.maxReplicas"),
        ({"minReplicas": 0}, "spec.minReplicas"),
        ({"minReplicas": 11}, "spec.maxReplicas"),
        ({"metrics": [resource("disk", averageUtilization=1)]}, "spec.metrics[0].resource.name"),
        ({"metrics": [resource()]}, "spec.metrics[0].resource.target"),
        ({"metrics": [resource(averageUtilization=1, averageValue="1")]}, "spec.metrics[0].resource.target"),
        ({"metrics": [resource(averageUtilization=0)]}, "spec.metrics[0].resource.target.averageUtilization"),
        ({"metrics": [resource(averageValue="0")]}, "spec.metrics[0].resource.target.averageValue"),
        ({"metrics": [{"type": "Resource"}]}, "spec.metrics[0].resource"),
        ({"metrics": [{"type": "Magic"}]}, "spec.metrics[0].type"),
        ({"behavior": {"scaleDown": {WINDOW: 3601}}}, f"spec.behavior.scaleDown.{WINDOW}"),
        ({"behavior": {"scaleUp": {"selectPolicy": "All"}}}, "spec.behavior.scaleUp.selectPolicy"),
        ({"behavior": {"scaleUp": {"policies": [policy]}}}, "spec.behavior.scaleUp.policies[0].periodSeconds"),
    ]
    for spec, path in cases:
        with subtests.test(spec=spec):
            status = refusal(create, pocket_api, autoscaler("refused", **spec))
            assert (status["code"], path in [each["field"] for each in status["details"]["causes"]]) == (422, True)


@needs_kubectl
def test_kubectl_prints_current_and_target(pocket_api: PocketApi) -> None:
    """`<unknown>` until a metric was read."""
    create(pocket_api, autoscaler("shown", metrics=[resource(averageUtilization=70)]))
    cells = pocket_api.kubectl("get", "hpa", "shown", "--no-headers").split()
    assert cells[:6] == ["shown", "Deployment/web", "cpu:", "<unknown>/70%", "1", "10"]
