"""What controllers delete is held by its finalizers, and what is held in a namespace that is ending holds up nobody else."""

from __future__ import annotations

from typing import Any, cast

import pytest

from readiness_sandbox.cluster import admission, deletion
from readiness_sandbox.cluster.controllers import cronjobs, deployment, endpoints, namespaces
from readiness_sandbox.cluster.controllers.jobs import Jobs
from readiness_sandbox.cluster.controllers.rollouts.controller import Rollouts
from readiness_sandbox.cluster.controllers.view import (
    CRONJOB,
    DEPLOYMENT,
    ENDPOINTS,
    JOB,
    NAMESPACE,
    REPLICASET,
    SERVICE,
    reference,
)
from readiness_sandbox.cluster.kubelet.nodes import LEASES, beat
from readiness_sandbox.cluster.statuses import StatusError
from readiness_sandbox.cluster.store import SYSTEM_NAMESPACES, Object, Store

KEEP = "shop.test/keep"
BEFORE = "2026-01-31T00:00:00Z"
POD = {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i:1"}]}


@pytest.fixture
def store() -> Store:
    """An empty cluster."""
    return Store()


def unheard(about: Object, kind: str, reason: str, message: str) -> None:
    """Events are none of these tests'."""


def job(store: Store, name: str, *owners: Object, done: bool = True, **spec: Any) -> Object:
    """A Job that its finalizer holds."""
    meta = {"name": name, "namespace": "default", "finalizers": [KEEP], "ownerReferences": list(owners)}
    made = store.create(
        JOB, admission.created(JOB, "default", {"metadata": meta, "spec": {"template": {"spec": POD}, **spec}})
    )
    complete = {"type": "Complete", "status": "True", "lastTransitionTime": BEFORE}
    status = {"startTime": BEFORE, "completionTime": BEFORE, "conditions": [complete]} if done else {}
    return store.update(JOB, {**made, "status": status}, subresource="status")


def finalizers(store: Store, kind: Any, name: str) -> list[str] | None:
    """Those of an object that is ending, None while it is not."""
    obj = store.get(kind, "default", name)
    return obj["metadata"]["finalizers"] if deletion.is_ending(obj) else None


def test_a_job_whose_time_is_over_goes_in_the_foreground(store: Store) -> None:
    """Held by its own finalizer and until its pods are gone."""
    job(store, "old", ttlSecondsAfterFinished=1)
    Jobs(store, cast("Any", None), unheard).reconcile()
    assert finalizers(store, JOB, "old") == [KEEP, "foregroundDeletion"]


def test_a_cron_job_deletes_what_its_history_has_no_room_for(store: Store) -> None:
    """The finalizer holds it."""
    spec = {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": {"template": {"spec": POD}}}}
    body = {"metadata": {"name": "tick"}, "spec": {**spec, "successfulJobsHistoryLimit": 0}}
    owner = store.create(CRONJOB, admission.created(CRONJOB, "default", body))
    job(store, "tick-1", reference(owner))
    cronjobs.reconcile(store, unheard)
    assert finalizers(store, JOB, "tick-1") == [KEEP]


def test_a_cron_job_replaces_a_job_that_is_held(store: Store) -> None:
    """The old one is marked, and the new one started beside it."""
    spec = {"schedule": "* * * * *", "concurrencyPolicy": "Replace", "startingDeadlineSeconds": 200}
    template = {"jobTemplate": {"spec": {"template": {"spec": POD}}}}
    body = {"metadata": {"name": "tick"}, "spec": {**spec, **template}}
    owner = store.create(CRONJOB, admission.created(CRONJOB, "default", body))
    job(store, "tick-1", reference(owner), done=False)
    reasons: list[str] = []
    store.update(CRONJOB, {**owner, "status": {"lastScheduleTime": BEFORE}}, subresource="status")
    cronjobs.reconcile(store, lambda _about, _kind, reason, _message: reasons.append(reason))
    assert finalizers(store, JOB, "tick-1") == [KEEP]
    assert (reasons, len(store.list(JOB))) == (["SuccessfulDelete", "SuccessfulCreate"], 2)


def replicaset(store: Store, name: str, revision: int, owner: Object) -> Object:
    """A ReplicaSet without replicas that its finalizer holds."""
    labels = {"app": name, "rollouts-pod-template-hash": name}
    meta = {
        "name": name,
        "namespace": "default",
        "labels": labels,
        "finalizers": [KEEP],
        "annotations": {
            "deployment.kubernetes.io/revision": str(revision),
            "rollout.argoproj.io/revision": str(revision),
        },
        "ownerReferences": [reference(owner)],
    }
    template = {"metadata": {"labels": labels}, "spec": {"containers": POD["containers"]}}
    body = {"metadata": meta, "spec": {"replicas": 0, "selector": {"matchLabels": labels}, "template": template}}
    return store.create(REPLICASET, admission.created(REPLICASET, "default", body))


def test_old_replica_sets_of_a_deployment_are_held(store: Store) -> None:
    """One that is ending counts no more: the history keeps as many others as it may."""
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": POD["containers"]}}
    spec = {"revisionHistoryLimit": 1, "replicas": 0, "selector": {"matchLabels": labels}, "template": template}
    owner = store.create(
        DEPLOYMENT, admission.created(DEPLOYMENT, "default", {"metadata": {"name": "web"}, "spec": spec})
    )
    for revision, name in enumerate(("a", "b"), start=1):
        replicaset(store, name, revision, owner)
    for _ in range(6):
        deployment.reconcile(store, unheard)
        for each in store.list(REPLICASET):
            seen = {"replicas": 0, "observedGeneration": each["metadata"]["generation"]}
            store.update(REPLICASET, {**each, "status": seen}, subresource="status")
    assert (finalizers(store, REPLICASET, "a"), finalizers(store, REPLICASET, "b")) == ([KEEP], None)


def test_old_replica_sets_of_a_rollout_are_held(store: Store) -> None:
    """As those of a Deployment."""
    meta = {"name": "web", "namespace": "default", "uid": "u"}
    rollout = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": meta}
    for revision, name in enumerate(("a", "b", "c"), start=1):
        replicaset(store, name, revision, rollout)
    for _ in range(2):
        Rollouts(store, unheard, cast("Any", None))._clean_up(
            rollout, cast("Any", type("Spec", (), {"history_limit": 1}))
        )
    assert [finalizers(store, REPLICASET, name) for name in "abc"] == [[KEEP], None, None]


def service(store: Store, namespace: str, *held_by: str) -> None:
    """A Service with a selector."""
    meta = {"name": "web", "namespace": namespace, "finalizers": list(held_by)}
    spec = {"selector": {"app": "web"}, "ports": [{"port": 80}]}
    store.create(SERVICE, admission.created(SERVICE, namespace, {"metadata": meta, "spec": spec}))


class Terminator:
    """There are no pods."""

    def begin_delete(self, namespace: str, name: str, grace_s: int | None) -> Object:
        """None is there to be ended."""
        raise AssertionError(name)


def test_a_held_service_of_an_ending_namespace_keeps_no_other_from_its_endpoints(store: Store) -> None:
    """Its own Endpoints are gone and cannot be made again."""
    for name, held_by in (("a", KEEP), ("b", "")):
        store.create(NAMESPACE, admission.created(NAMESPACE, None, {"metadata": {"name": name}}))
        service(store, name, *filter(None, [held_by]))
    deletion.begin(store, NAMESPACE, store.get(NAMESPACE, None, "a"))
    namespaces.reconcile(store, Terminator())
    endpoints.reconcile(store)
    assert [each["metadata"]["namespace"] for each in store.list(ENDPOINTS)] == ["b"]


def test_nodes_beat_on_when_the_namespace_of_their_leases_was_deleted(store: Store) -> None:
    """Nothing is said while it is ending or gone; it comes back, and so do the Leases."""
    beat(store, "a")
    lease = store.get(LEASES, "kube-node-lease", "a")
    deletion.begin(store, NAMESPACE, store.get(NAMESPACE, None, "kube-node-lease"))
    store.delete(LEASES, "kube-node-lease", "a")
    beat(store, "a")
    ended = store.delete(NAMESPACE, None, "kube-node-lease")
    beat(store, "a")
    with pytest.raises(StatusError, match="not found"):
        store.get(LEASES, "kube-node-lease", "a")
    namespaces.reconcile(store, Terminator())
    beat(store, "a")
    assert {each["metadata"]["name"] for each in store.list(NAMESPACE)} == set(SYSTEM_NAMESPACES)
    assert store.get(NAMESPACE, None, "kube-node-lease")["metadata"]["uid"] != ended["metadata"]["uid"]
    assert store.get(LEASES, "kube-node-lease", "a")["metadata"]["uid"] != lease["metadata"]["uid"]
