"""What takes the place of what: controllers on a store, and kubelets that only mark a pod as ending."""

from __future__ import annotations

from typing import Any

import pytest

from harness import clock
from readiness_sandbox.cluster import admission
from readiness_sandbox.cluster.controllers import deployment, replicaset
from readiness_sandbox.cluster.controllers.nodes import NodeLifecycle
from readiness_sandbox.cluster.controllers.statefulset import StatefulSets
from readiness_sandbox.cluster.controllers.view import DEPLOYMENT, NODE, POD, STATEFULSET
from readiness_sandbox.cluster.kubelet.nodes import beat
from readiness_sandbox.cluster.store import Object, Store

LABELS = {"app": "web"}


def unheard(about: Object, kind: str, reason: str, message: str) -> None:
    """Events are none of these tests'."""


class Kubelets:
    """Marks pods as ending; they go when a test deletes them."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def begin_delete(self, namespace: str, name: str, grace_s: int | None) -> Object:
        """As a kubelet does at first."""
        pod = self.store.get(POD, namespace, name)
        marks = {"deletionTimestamp": "2026-01-31T00:00:00Z", "deletionGracePeriodSeconds": grace_s or 30}
        return self.store.update(POD, {**pod, "metadata": {**pod["metadata"], **marks}})


@pytest.fixture
def store() -> Store:
    """An empty cluster."""
    return Store()


def template(image: str) -> dict[str, Any]:
    """Of pods with that image."""
    return {"metadata": {"labels": LABELS}, "spec": {"containers": [{"name": "c", "image": image}]}}


def images(store: Store) -> list[str]:
    """Of all pods, those that are ending included."""
    return sorted(pod["spec"]["containers"][0]["image"] for pod in store.list(POD))


def test_recreate_starts_nothing_while_an_old_pod_is_there_that_is_not_over(store: Store) -> None:
    """One that is ending still runs; one that has failed does not."""
    kubelets = Kubelets(store)
    spec = {"replicas": 2, "strategy": {"type": "Recreate"}, "selector": {"matchLabels": LABELS}}
    body = {"metadata": {"name": "web"}, "spec": {**spec, "template": template("web:1")}}
    store.create(DEPLOYMENT, admission.created(DEPLOYMENT, "default", body))

    def run() -> list[str]:
        for _ in range(5):
            deployment.reconcile(store, unheard)
            replicaset.reconcile(store, kubelets, unheard)
        return images(store)

    assert run() == ["web:1", "web:1"]
    there = store.get(DEPLOYMENT, "default", "web")
    store.update(DEPLOYMENT, {**there, "spec": {**there["spec"], "template": template("web:2")}})
    assert run() == ["web:1", "web:1"]
    first, second = store.list(POD)
    store.delete(POD, "default", first["metadata"]["name"])
    assert run() == ["web:1"]
    store.update(POD, {**second, "status": {"phase": "Failed"}}, subresource="status")
    assert run() == ["web:1", "web:2", "web:2"]


def test_a_pod_below_the_partition_comes_back_on_the_current_revision(store: Store) -> None:
    """Those from the partition on have the new template; all have it when the partition is 0."""
    sets = StatefulSets(store, Kubelets(store), unheard)
    strategy: dict[str, Any] = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}
    spec = {"serviceName": "db", "replicas": 2, "podManagementPolicy": "Parallel", "selector": {"matchLabels": LABELS}}
    body = {"metadata": {"name": "db"}, "spec": {**spec, "updateStrategy": strategy, "template": template("db:1")}}
    store.create(STATEFULSET, admission.created(STATEFULSET, "default", body))

    def run() -> list[str]:
        for _ in range(5):
            sets.reconcile()
            for pod in store.list(POD):
                if pod["metadata"].get("deletionTimestamp"):
                    store.delete(POD, "default", pod["metadata"]["name"])
                else:
                    ready = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-31T00:00:00Z"}
                    status = {"phase": "Running", "conditions": [ready]}
                    store.update(POD, {**pod, "status": status}, subresource="status")
        return [pod["spec"]["containers"][0]["image"] for pod in store.list(POD)]

    def changed(**fields: Any) -> None:
        there = store.get(STATEFULSET, "default", "db")
        store.update(STATEFULSET, {**there, "spec": {**there["spec"], **fields}})

    assert run() == ["db:1", "db:1"]
    changed(template=template("db:2"))
    assert run() == ["db:1", "db:2"]
    store.delete(POD, "default", "db-0")
    assert run() == ["db:1", "db:2"]
    status = store.get(STATEFULSET, "default", "db")["status"]
    revision = store.get(POD, "default", "db-0")["metadata"]["labels"]["controller-revision-hash"]
    assert (revision, status["currentRevision"] != status["updateRevision"]) == (status["currentRevision"], True)
    changed(template=template("db:3"))
    store.delete(POD, "default", "db-0")
    assert run() == ["db:1", "db:3"]
    changed(updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 0}})
    assert run() == ["db:3", "db:3"]


@pytest.mark.parametrize(
    ("effect", "tolerations", "after_s", "expected"),
    [
        ("NoExecute", [], 0.0, True),
        ("NoSchedule", [], 0.0, False),
        ("NoExecute", [{"key": "k", "operator": "Exists"}], 1000.0, False),
        ("NoExecute", [{"key": "k", "value": "other"}], 0.0, True),
        ("NoExecute", [{"key": "k", "operator": "Exists", "tolerationSeconds": 30}], 29.0, False),
        ("NoExecute", [{"key": "k", "operator": "Exists", "tolerationSeconds": 30}], 31.0, True),
    ],
)
def test_a_taint_ends_the_pods_that_do_not_tolerate_it(
    monkeypatch: pytest.MonkeyPatch,
    effect: str,
    tolerations: list[dict[str, Any]],
    after_s: float,
    expected: bool,  # noqa: FBT001
) -> None:
    """`NoExecute`, with the pod's own grace period; after `tolerationSeconds` where it has some."""
    store, now_s = Store(), 100.0
    monkeypatch.setattr(clock, "now_s", lambda: now_s)
    nodes = NodeLifecycle(store, Kubelets(store), unheard)
    ready = {"conditions": [{"type": "Ready", "status": "True"}]}
    store.create(NODE, {"metadata": {"name": "n"}, "spec": {}, "status": ready})
    spec = {**template("web:1")["spec"], "nodeName": "n", "tolerations": tolerations}
    store.create(POD, {"metadata": {"name": "p", "namespace": "default"}, "spec": spec})
    nodes.check()
    assert "deletionTimestamp" not in store.get(POD, "default", "p")["metadata"]
    node = store.get(NODE, None, "n")
    store.update(NODE, {**node, "spec": {"taints": [{"key": "k", "value": "v", "effect": effect}]}})
    nodes.check()
    now_s += after_s
    beat(store, "n")
    nodes.check()
    assert ("deletionTimestamp" in store.get(POD, "default", "p")["metadata"]) is expected
