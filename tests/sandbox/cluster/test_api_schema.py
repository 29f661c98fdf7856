"""The stored schema is what the official client demands, and every default keeps it."""

from __future__ import annotations

from importlib import import_module
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pytest

from readiness_sandbox.cluster import admission, kinds, schema
from readiness_sandbox.cluster.statuses import StatusError

if TYPE_CHECKING:
    from collections.abc import Sequence

CONTAINER = {
    "name": "c",
    "image": "i:1",
    "ports": [{"containerPort": 80}],
    "resources": {"limits": {"cpu": 2, "memory": "1Gi"}},
    "env": [{"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
    "readinessProbe": {"httpGet": {"port": 80}},
}
POD_SPEC = {"containers": [CONTAINER]}
TEMPLATE = {"metadata": {"labels": {"a": "b"}}, "spec": POD_SPEC}
WORKLOAD = {"spec": {"selector": {"matchLabels": {"a": "b"}}, "template": TEMPLATE}}
JOB = {"spec": {"template": {"spec": {**POD_SPEC, "restartPolicy": "Never"}}}}
RBAC = "rbac.authorization.k8s.io"
WIDGETS = {"kind": "Widget", "plural": "widgets"}
VERSION = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}
BODIES: dict[str, dict[str, Any]] = {
    "Pod": {"spec": POD_SPEC},
    "Deployment": WORKLOAD,
    "ReplicaSet": WORKLOAD,
    "StatefulSet": WORKLOAD,
    "Ingress": {"spec": {"defaultBackend": {"service": {"name": "a", "port": {"number": 80}}}}},
    "Service": {"spec": {"ports": [{"port": 80}]}},
    "Endpoints": {"subsets": [{"addresses": [{"ip": "127.91.0.1"}], "ports": [{"port": 80}]}]},
    "EndpointSlice": {"addressType": "IPv4", "endpoints": [{"addresses": ["127.91.0.1"]}], "ports": [{"port": 80}]},
    "Event": {"involvedObject": {"kind": "Pod"}, "regarding": {"kind": "Pod"}, "eventTime": "2026-01-01T00:00:00Z"},
    "NetworkPolicy": {"spec": {"egress": [{"ports": [{"port": 53}]}]}},
    "Job": JOB,
    "CronJob": {"spec": {"schedule": "@hourly", "jobTemplate": JOB}},
    "Secret": {"stringData": {"a": "b"}},
    "RoleBinding": {"roleRef": {"apiGroup": RBAC, "kind": "Role", "name": "a"}},
    "ClusterRoleBinding": {"roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": "a"}},
    "HorizontalPodAutoscaler": {
        "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "a"}, "maxReplicas": 2, "behavior": {"scaleUp": {}}}
    },
    "CustomResourceDefinition": {
        "metadata": {"name": "widgets.example.com"},
        "spec": {"group": "example.com", "scope": "Cluster", "names": WIDGETS, "versions": [VERSION]},
    },
}


def refuse(paths: Sequence[str]) -> None:
    """There must be no field that nobody knows."""
    raise AssertionError(paths)


def test_the_stored_schema_is_that_of_the_client() -> None:
    """When this fails after an update of the client, run `schema_from_client.py` and read the difference."""
    stored = (files("readiness_sandbox.cluster") / "schemas.json").read_text(encoding="utf-8")
    assert stored == import_module("schema_from_client").text()


def test_a_filled_object_has_the_shape_of_its_kind(subtests: pytest.Subtests) -> None:
    """Defaults neither leave out what the client requires nor add what it does not know; filling again changes nothing."""
    for kind in [kind for kind in kinds.KINDS if not (kind.view_of or kind.measured)]:
        with subtests.test(kind.kind):
            body = {"metadata": {"name": "a"}, **BODIES.get(kind.kind, {})}
            if kind.kind == "Event":
                del body["regarding"]
            made = admission.created(kind, "default" if kind.namespaced else None, body, refuse)
            found = schema.inspect(schema.definition_of(kind), made)
            assert (found.mistyped, found.unknown, found.missing) == ([], [], [])
            assert admission.changed(kind, made, made, refuse)["metadata"] == made["metadata"]
            assert admission.changed(kind, made, made).get("spec") == made.get("spec")


def test_fields_that_nobody_knows_are_told_and_left_out() -> None:
    """At any depth, in their order; the rest is stored."""
    told: list[str] = []
    body = {"metadata": {"name": "a", "colour": 1}, "data": {"a": "b"}, "dta": {}}
    made = admission.created(kinds.by_name("ConfigMap"), "default", body, told.extend)
    assert told == ["metadata.colour", "dta"]
    assert (made["data"], "dta" in made, "colour" in made["metadata"]) == ({"a": "b"}, False, False)


def autoscaled(written: Any) -> dict[str, Any]:
    """An autoscaler whose target is that average value, as it is stored."""
    target = {"type": "AverageValue", "averageValue": written}
    metrics = [{"type": "Pods", "pods": {"metric": {"name": "gpu"}, "target": target}}]
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    spec = {"scaleTargetRef": reference, "maxReplicas": 5, "metrics": metrics}
    body = {"metadata": {"name": "web"}, "spec": spec}
    return admission.created(kinds.by_name("HorizontalPodAutoscaler"), "default", body, refuse)


@pytest.mark.parametrize(
    ("written", "stored"), [(20, "20"), (3000, "3k"), (0.5, "500m"), (1.25, "1250m"), ("20", "20"), ("1Mi", "1Mi")]
)
def test_a_quantity_may_be_a_number_and_is_answered_as_a_text(written: float | str, stored: str) -> None:
    """Wherever the API has a Quantity: the target of an autoscaler and the resources of a container."""
    assert autoscaled(written)["spec"]["metrics"][0]["pods"]["target"]["averageValue"] == stored
    container = {"name": "a", "image": "a", "resources": {"limits": {"memory": written}}}
    pod = {"metadata": {"name": "a"}, "spec": {"containers": [container]}}
    held = admission.created(kinds.by_name("Pod"), "default", pod, refuse)
    assert held["spec"]["containers"][0]["resources"]["limits"] == {"memory": stored}


@pytest.mark.parametrize("written", ["twenty", True, [1]])
def test_what_is_no_quantity_is_refused(written: Any) -> None:
    """400, as the decoder of a Quantity answers."""
    with pytest.raises(StatusError) as refused:
        autoscaled(written)
    assert refused.value.code == 400
