"""Deployments, ReplicaSets and StatefulSets over the public API, with real pods."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tests.sandbox.pocket import server_container

if TYPE_CHECKING:
    from tests.sandbox.pocket import PocketCluster

pytestmark = pytest.mark.sandbox
IMAGE = {"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "test/web:2"}]}}}}
"""A patch to another image."""


def deployment(name: str = "web", replicas: int = 3, **spec: Any) -> dict[str, Any]:
    """A Deployment of test servers."""
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [server_container()]}}
    told = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template, **spec}
    return {"metadata": {"name": name}, "spec": told}


def statefulset(replicas: int = 2, **spec: Any) -> dict[str, Any]:
    """A StatefulSet of test servers, each with a claim."""
    labels = {"app": "db"}
    container = server_container(volumeMounts=[{"name": "data", "mountPath": "/data"}])
    container["env"].append({"name": "DATA", "value": "/data"})
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    claims = [{"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"]}}]
    pods = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return {"metadata": {"name": "db"}, "spec": {"serviceName": "db", **pods, "volumeClaimTemplates": claims, **spec}}


def settled(cluster: PocketCluster, name: str = "web") -> bool:
    """Whether a Deployment is all new, ready and available."""
    found = cluster.apps.read_namespaced_deployment(name, "default")
    status, desired = found.status, found.spec.replicas
    there = [status.replicas, status.updated_replicas, status.ready_replicas, status.available_replicas]
    counts = [*there, status.unavailable_replicas] == [desired or None] * 4 + [None]
    return counts and bool(status.observed_generation == found.metadata.generation)


def deployed(cluster: PocketCluster, **spec: Any) -> None:
    """Create such a Deployment, and wait until it is all there."""
    cluster.apps.create_namespaced_deployment("default", deployment(**spec))
    cluster.until(lambda: settled(cluster))


def test_a_deployment_comes_up_and_scales_both_ways_with_zeros_left_out(cluster: PocketCluster) -> None:
    """3 → 5 → 0: a count that is 0 is not there, of its ReplicaSet too, which must have `replicas`."""
    deployed(cluster)
    cluster.apps.patch_namespaced_deployment_scale("web", "default", {"spec": {"replicas": 5}})
    cluster.until(lambda: settled(cluster) and len(cluster.ready_pods("app=web")) == 5)
    cluster.apps.patch_namespaced_deployment_scale("web", "default", {"spec": {"replicas": 0}})
    assert settled(cluster)
    (replica_set,) = cluster.apps.list_namespaced_replica_set("default", label_selector="app=web").items
    status = replica_set.status
    assert (status.replicas, status.ready_replicas, status.fully_labeled_replicas) == (0, None, None)
    cluster.until(lambda: not cluster.pods("app=web"))


def test_a_deployment_deleted_in_the_foreground_goes_after_its_pods(cluster: PocketCluster) -> None:
    """None of them is brought back meanwhile."""
    deployed(cluster)
    before = {pod.metadata.name for pod in cluster.pods("app=web")}
    cluster.apps.delete_namespaced_deployment("web", "default", propagation_policy="Foreground")
    seen: set[str] = set()

    def gone() -> bool:
        there = cluster.apps.list_namespaced_deployment("default").items
        seen.update(pod.metadata.name for pod in cluster.pods("app=web"))
        return not there

    cluster.until(gone)
    assert (cluster.pods("app=web"), cluster.apps.list_namespaced_replica_set("default").items) == ([], [])
    assert seen <= before


def test_a_namespace_goes_when_its_pods_have_ended(cluster: PocketCluster) -> None:
    """They have their time, and their Deployment brings no others."""
    cluster.core.create_namespace({"metadata": {"name": "short"}})
    cluster.apps.create_namespaced_deployment("short", deployment(replicas=1))
    cluster.until(lambda: bool(cluster.core.list_namespaced_pod("short").items))
    cluster.core.delete_namespace("short")

    def phases() -> list[str]:
        found = cluster.core.list_namespace(field_selector="metadata.name=short").items
        return [each.status.phase for each in found]

    assert phases() in (["Terminating"], [])
    cluster.until(lambda: not phases())
    assert cluster.core.list_pod_for_all_namespaces(field_selector="metadata.namespace=short").items == []


def test_a_killed_pod_is_replaced_by_another_one_at_once(cluster: PocketCluster) -> None:
    """Its status says so before the DELETE is answered; the goal is 1.5 s to Ready, a busy machine gets 30."""
    deployed(cluster)
    victim = cluster.pods("app=web")[0].metadata.name
    with cluster.cordoned():
        cluster.core.delete_namespaced_pod(victim, "default", grace_period_seconds=0)
        assert cluster.apps.read_namespaced_deployment("web", "default").status.ready_replicas == 2
        assert victim not in [pod.metadata.name for pod in cluster.pods()]
    assert cluster.until(lambda: settled(cluster)) < 30


def test_pods_are_owned_by_their_replica_set_and_that_by_its_deployment(cluster: PocketCluster) -> None:
    """Names, hashes, revision and owners are Kubernetes'; deleting the Deployment takes all with it."""
    cluster.apps.create_namespaced_deployment("default", deployment(replicas=1))
    replicaset = cluster.apps.list_namespaced_replica_set("default").items[0]
    pod = cluster.pods()[0]
    template_hash = replicaset.metadata.labels["pod-template-hash"]
    assert replicaset.metadata.name == f"web-{template_hash}"
    assert replicaset.metadata.annotations["deployment.kubernetes.io/revision"] == "1"
    assert pod.metadata.name.startswith(f"web-{template_hash}-")
    assert pod.metadata.owner_references[0].uid == replicaset.metadata.uid
    cluster.apps.delete_namespaced_deployment("web", "default")
    assert cluster.apps.list_namespaced_replica_set("default").items == []
    cluster.until(lambda: not cluster.pods())


def test_a_deleted_replica_set_is_made_again(cluster: PocketCluster) -> None:
    """The Deployment wants it."""
    cluster.apps.create_namespaced_deployment("default", deployment(replicas=1))
    before = cluster.apps.list_namespaced_replica_set("default").items[0].metadata
    cluster.apps.delete_namespaced_replica_set(before.name, "default")
    after = cluster.apps.list_namespaced_replica_set("default").items[0].metadata
    assert (after.name, after.uid != before.uid) == (before.name, True)
    cluster.until(lambda: settled(cluster))


def test_a_rolling_update_never_goes_below_its_floor(cluster: PocketCluster) -> None:
    """MaxUnavailable 0, maxSurge 1: always 3 ready, never more than 4; the old template can come back as revision 3."""
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
    deployed(cluster, strategy=strategy)
    old = cluster.apps.read_namespaced_deployment("web", "default").spec.template
    seen: list[tuple[int, int]] = []

    def rolled() -> bool:
        pods = [pod for pod in cluster.pods("app=web") if pod.metadata.deletion_timestamp is None]
        seen.append((len(cluster.ready_pods("app=web")), len(pods)))
        return settled(cluster)

    cluster.apps.patch_namespaced_deployment("web", "default", IMAGE)
    cluster.until(rolled, 120)
    assert min(number for number, _ in seen) >= 3
    assert max(number for _, number in seen) <= 4
    assert {pod.spec.containers[0].image for pod in cluster.ready_pods("app=web")} == {"test/web:2"}
    revisions = [each.metadata.annotations for each in cluster.apps.list_namespaced_replica_set("default").items]
    assert sorted(each["deployment.kubernetes.io/revision"] for each in revisions) == ["1", "2"]

    undo = [{"op": "replace", "path": "/spec/template", "value": old}]
    cluster.apps.patch_namespaced_deployment("web", "default", undo)
    cluster.until(lambda: settled(cluster), 120)
    found = cluster.apps.read_namespaced_deployment("web", "default")
    assert found.metadata.annotations["deployment.kubernetes.io/revision"] == "3"
    assert len(cluster.apps.list_namespaced_replica_set("default").items) == 2


def test_a_stateful_pod_keeps_name_address_and_claim(cluster: PocketCluster) -> None:
    """In order up; after a kill the same name, address and files under another uid."""
    cluster.apps.create_namespaced_stateful_set("default", statefulset())
    assert [pod.metadata.name for pod in cluster.pods("app=db")] == ["db-0"]
    cluster.until(lambda: len(cluster.ready_pods("app=db")) == 2)
    before = cluster.core.read_namespaced_pod("db-0", "default")
    kept = cluster.directory / "claims" / "default" / "data-db-0" / "kept"
    kept.write_text("still here")
    cluster.core.delete_namespaced_pod("db-0", "default", grace_period_seconds=0)
    cluster.until(lambda: len(cluster.ready_pods("app=db")) == 2)
    after = cluster.core.read_namespaced_pod("db-0", "default")
    assert after.metadata.uid != before.metadata.uid
    assert after.status.pod_ip == before.status.pod_ip
    assert kept.read_text() == "still here"
    cluster.apps.patch_namespaced_stateful_set_scale("db", "default", {"spec": {"replicas": 1}})
    cluster.until(lambda: [pod.metadata.name for pod in cluster.pods("app=db")] == ["db-0"])


def test_a_claim_that_is_deleted_goes_with_its_volume_when_its_pod_is_gone(cluster: PocketCluster) -> None:
    """Held while the pod uses it; afterwards the pod of the same name has a new claim, and a volume without the old files."""
    cluster.apps.create_namespaced_stateful_set("default", statefulset(replicas=1))
    cluster.until(lambda: len(cluster.ready_pods("app=db")) == 1)
    read = partial(cluster.core.read_namespaced_persistent_volume_claim, "data-db-0", "default")
    before = read()
    assert (before.status.phase, before.metadata.labels) == ("Bound", {"app": "db"})
    lost = cluster.directory / "claims" / "default" / "data-db-0" / "lost"
    lost.write_text("gone with its volume")
    cluster.core.delete_namespaced_persistent_volume_claim("data-db-0", "default")
    assert read().metadata.deletion_timestamp is not None
    assert lost.exists()
    cluster.core.delete_namespaced_pod("db-0", "default", grace_period_seconds=0)
    cluster.until(lambda: len(cluster.ready_pods("app=db")) == 1)
    assert read().metadata.uid != before.metadata.uid
    assert lost.parent.is_dir()
    assert not lost.exists()


def test_a_parallel_stateful_set_starts_all_at_once_and_updates_from_the_top(cluster: PocketCluster) -> None:
    """Both pods at the first look; the update replaces db-1 before db-0."""
    cluster.apps.create_namespaced_stateful_set("default", statefulset(podManagementPolicy="Parallel"))
    assert [pod.metadata.name for pod in cluster.pods("app=db")] == ["db-0", "db-1"]
    cluster.until(lambda: len(cluster.ready_pods("app=db")) == 2)
    cluster.apps.patch_namespaced_stateful_set("db", "default", IMAGE)
    seen: list[tuple[str, ...]] = []

    def updated() -> bool:
        seen.append(tuple(pod.spec.containers[0].image[-1] for pod in cluster.ready_pods("app=db")))
        status = cluster.apps.read_namespaced_stateful_set("db", "default").status
        return bool(status.updated_replicas == 2 and status.ready_replicas == 2)

    cluster.until(updated, 120)
    assert ("2", "1") not in seen
    status = cluster.apps.read_namespaced_stateful_set("db", "default").status
    assert status.current_revision == status.update_revision
