"""The API through kubectl, where it is on PATH."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from readiness_sandbox.cluster import kinds
from tests.sandbox.pocket import needs_kubectl

if TYPE_CHECKING:
    from tests.sandbox.cluster.conftest import PocketApi

pytestmark = needs_kubectl

MANIFEST = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: main
          image: web:1
          ports: [{containerPort: 8080, name: http}]
          env: [{name: A, value: "1"}, {name: B, value: "2"}]
          resources: {requests: {cpu: 1, memory: 64Mi}}
          readinessProbe: {httpGet: {path: /ready, port: http}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: http}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: web}
data: {a: "1"}
"""

POD = """
apiVersion: v1
kind: Pod
metadata: {name: POD, labels: {app: bare}}
spec: {containers: [{name: main, image: "busybox:1"}]}
"""


@pytest.fixture(scope="module", autouse=True)
def _applied(pocket_api: PocketApi) -> None:
    pocket_api.kubectl("apply", "-f", "-", stdin=MANIFEST)


def test_apply_creates_then_changes_only_what_changed(pocket_api: PocketApi) -> None:
    """A second apply changes no version (`cpu: 1` is stored as text, so kubectl patches in vain); a third one does."""
    before = pocket_api.store.resource_version
    again = pocket_api.kubectl("apply", "-f", "-", stdin=MANIFEST)
    assert again.split("\n")[1:3] == ["service/web unchanged", "configmap/web unchanged"]
    assert pocket_api.store.resource_version == before
    other = MANIFEST.replace("web:1", "web:2").replace(', {name: B, value: "2"}', "")
    assert "deployment.apps/web configured" in pocket_api.kubectl("apply", "-f", "-", stdin=other)
    spec = json.loads(pocket_api.kubectl("get", "deploy", "web", "-o", "json"))["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    assert (container["image"], container["env"]) == ("web:2", [{"name": "A", "value": "1"}])
    assert container["resources"]["requests"]["cpu"] == "1"


def test_get_prints_the_tables_of_kubernetes(pocket_api: PocketApi) -> None:
    """Columns of deployments, services and pods, narrow and wide."""
    pocket_api.kubectl("apply", "-f", "-", stdin=POD.replace("POD", "shown"))
    deployments = pocket_api.kubectl("get", "deploy", "-o", "wide").split("\n")
    assert deployments[0].split()[:6] == ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE", "CONTAINERS"]
    assert deployments[1].split()[:4] == ["web", "0/2", "0", "0"]
    assert "80/TCP" in pocket_api.kubectl("get", "svc")
    pods = pocket_api.kubectl("get", "pods", "-o", "wide", "-l", "app=bare").split("\n")
    assert pods[0].split()[:7] == ["NAME", "READY", "STATUS", "RESTARTS", "AGE", "IP", "NODE"]
    assert pods[1].split()[:4] == ["shown", "0/1", "Pending", "0"]
    assert "pod/shown" in pocket_api.kubectl("get", "all")
    assert "shown" in pocket_api.kubectl("get", "pods", "--sort-by=.metadata.name", "-A")
    for kind in (each for each in kinds.KINDS if "list" in each.verbs):
        pocket_api.kubectl("get", f"{kind.plural}.{kind.group}".rstrip("."), "-A")


def test_scale_label_annotate_and_patch(pocket_api: PocketApi) -> None:
    """The scale subresource by merge patch, labels by merge patch, and all three types of patch."""
    pocket_api.kubectl("scale", "deploy/web", "--replicas=5")
    pocket_api.kubectl("label", "deploy/web", "color=red")
    pocket_api.kubectl("annotate", "deploy/web", "note=x")
    for kind, patch in (
        ("strategic", '{"spec":{"minReadySeconds":1}}'),
        ("merge", '{"spec":{"revisionHistoryLimit":3}}'),
        ("json", '[{"op":"replace","path":"/spec/progressDeadlineSeconds","value":9}]'),
    ):
        pocket_api.kubectl("patch", "deploy/web", f"--type={kind}", "-p", patch)
    deployment = json.loads(pocket_api.kubectl("get", "deploy", "web", "-o", "json"))
    spec, meta = deployment["spec"], deployment["metadata"]
    changed = ("replicas", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds")
    assert [spec[field] for field in changed] == [5, 1, 3, 9]
    assert (meta["labels"]["color"], meta["annotations"]["note"]) == ("red", "x")


def test_wait_sees_a_condition_that_comes_later(pocket_api: PocketApi) -> None:
    """`kubectl wait` lists, then watches."""
    pocket_api.kubectl("apply", "-f", "-", stdin=POD.replace("POD", "awaited"))
    pod = kinds.by_name("Pod")
    ready = {"conditions": [{"type": "Ready", "status": "True"}], "phase": "Running"}

    def become_ready() -> None:
        obj = pocket_api.store.get(pod, "default", "awaited")
        pocket_api.store.update(pod, {**obj, "status": ready}, subresource="status")

    pocket_api.loop.call_soon_threadsafe(pocket_api.loop.call_later, 2.0, become_ready)
    out = pocket_api.kubectl("wait", "pod/awaited", "--for=condition=Ready", "--timeout=60s")
    assert out == "pod/awaited condition met\n"


def test_cordon_and_drain(pocket_api: PocketApi) -> None:
    """Cordon patches the node; drain finds eviction in the discovery document and evicts the pods of that node."""
    pocket_api.kubectl("apply", "-f", "-", stdin="apiVersion: v1\nkind: Node\nmetadata: {name: n1}\n")
    bound = POD.replace("POD", "on-n1").replace("spec: {", "spec: {nodeName: n1, ")
    pocket_api.kubectl("apply", "-f", "-", stdin=bound)
    pocket_api.kubectl("cordon", "n1")
    assert "SchedulingDisabled" in pocket_api.kubectl("get", "nodes")
    assert "pod/on-n1 evicted" in pocket_api.kubectl("drain", "n1", "--force", "--timeout=30s")
    pocket_api.kubectl("uncordon", "n1")
    assert "SchedulingDisabled" not in pocket_api.kubectl("get", "nodes")


def test_delete_waits_until_it_is_gone(pocket_api: PocketApi) -> None:
    """Delete by name and by label; the second look finds nothing."""
    pocket_api.kubectl("apply", "-f", "-", stdin=POD.replace("POD", "doomed").replace("app: bare", "app: doomed"))
    assert 'pod "doomed" deleted' in pocket_api.kubectl("delete", "pod", "-l", "app=doomed", "--timeout=30s")
    assert "NotFound" in pocket_api.kubectl("get", "pod", "doomed", check=False)


def test_what_is_not_served_is_explained(pocket_api: PocketApi) -> None:
    """Protobuf bodies and server-side apply are refused with the way out; a mistyped field is named."""
    assert "apply -f" in pocket_api.kubectl("create", "ns", "made-by-protobuf", check=False)
    applied = pocket_api.kubectl("apply", "--server-side", "-f", "-", stdin=POD.replace("POD", "ssa"), check=False)
    assert "without --server-side" in applied
    wrong = pocket_api.kubectl(
        "apply", "-f", "-", stdin=POD.replace("image:", "imagee:").replace("POD", "x"), check=False
    )
    assert 'unknown field "spec.containers[0].imagee"' in wrong


def test_describe_logs_and_events(pocket_api: PocketApi) -> None:
    """Typed clients get JSON where they prefer protobuf."""
    pocket_api.kubectl("apply", "-f", "-", stdin=POD.replace("POD", "described"))
    assert "busybox:1" in pocket_api.kubectl("describe", "pod", "described")
    assert "Replicas:" in pocket_api.kubectl("describe", "deploy", "web")
    assert "main line 2" in pocket_api.kubectl("logs", "described")
    pocket_api.kubectl("get", "events")
