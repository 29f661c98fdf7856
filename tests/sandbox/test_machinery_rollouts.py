"""Rollouts of Deployments: history, undo, pause, restart, and what `kubectl rollout` says of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readiness_sandbox.cluster.controllers import rollout_conditions
from readiness_sandbox.cluster.controllers.rolling import DESIRED, MOST, REVISION, limits, scaled, was_scaled
from tests.sandbox.pocket import needs_kubectl
from tests.sandbox.test_machinery_workloads import deployed, deployment, settled

if TYPE_CHECKING:
    from tests.sandbox.pocket import PocketCluster

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
TEN = {"replicas": 10, "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 3, "maxUnavailable": 2}}}


def part(name: str, replicas: int, most: int, revision: int = 1) -> dict[str, Any]:
    """A ReplicaSet of so many replicas, last written when the Deployment could have `most`."""
    annotations = {DESIRED: "10", MOST: str(most), REVISION: str(revision)}
    return {"metadata": {"name": name, "uid": name, "annotations": annotations}, "spec": {"replicas": replicas}}


def sizes(spec: dict[str, Any], new: dict[str, Any] | None, old: list[dict[str, Any]]) -> dict[str, int]:
    """Names and sizes after a scaling."""
    return {replicaset["metadata"]["name"]: size for replicaset, size in scaled(spec, new, old)}


def test_a_scaling_in_the_middle_of_a_rollout_is_shared_in_proportion() -> None:
    """The example of Kubernetes' documentation: 8 old and 5 new of 10, scaled to 15: 3 more old ones, 2 more new ones."""
    assert sizes({**TEN, "replicas": 15}, part("new", 5, 13, 2), [part("old", 8, 13)]) == {"old": 11, "new": 7}
    assert sizes({**TEN, "replicas": 5}, part("new", 5, 13, 2), [part("old", 8, 13)]) == {"old": 5, "new": 3}
    assert sizes({**TEN, "replicas": 0}, part("new", 5, 13, 2), [part("old", 8, 13)]) == {"old": 0, "new": 0}
    assert sizes(TEN, part("new", 0, 13, 2), [part("old", 8, 13)]) == {"old": 10}, "the only active one gets all"
    assert was_scaled({**TEN, "replicas": 15}, [part("old", 8, 13)])
    assert not was_scaled(TEN, [part("old", 8, 13)])


@given(
    old=st.integers(0, 12),
    new=st.integers(0, 12),
    wanted=st.integers(0, 20),
    surge=st.integers(0, 5),
    spare=st.integers(0, 5),
)
def test_a_scaling_ends_at_the_number_that_is_asked_for(
    old: int, new: int, wanted: int, surge: int, spare: int
) -> None:
    """Whatever was before: together they are the replicas with surge when they share, the replicas alone when one has all."""
    spec = {"replicas": wanted, "strategy": {"rollingUpdate": {"maxSurge": surge, "maxUnavailable": 1}}}
    most = old + new + spare
    found = sizes(spec, part("new", new, most, 2), [part("old", old, most)])
    both = wanted + limits(spec)[0] if wanted else 0
    assert all(size >= 0 for size in found.values())
    assert sum(found.values()) == (both if old and new else wanted)


def progressing(age_s: float, **counts: int) -> dict[str, Any]:
    """Progressing of a rollout whose last progress was so long ago, after counts that did not move but for those given."""
    before = {"replicas": 4, "updatedReplicas": 1, "readyReplicas": 3, "availableReplicas": 3}
    at = (NOW - timedelta(seconds=age_s)).isoformat()
    condition = {"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated"}
    status = {**before, "conditions": [{**condition, "lastUpdateTime": at, "lastTransitionTime": at}]}
    spec = {"replicas": 3, "progressDeadlineSeconds": 600}
    stored = {"metadata": {"name": "web"}, "spec": spec, "status": status}
    new = {"metadata": {"name": "web-2"}}
    found = rollout_conditions.written(stored, new, {**before, **counts}, NOW)
    return next(each for each in found if each["type"] == "Progressing")


def test_the_progress_deadline_is_exact() -> None:
    """At 600 s it still holds, after that it is exceeded; any progress begins it anew; completion ends it."""
    assert progressing(600)["reason"] == "ReplicaSetUpdated"
    late = progressing(600.1)
    assert (late["status"], late["reason"]) == ("False", "ProgressDeadlineExceeded")
    assert late["message"] == 'ReplicaSet "web-2" has timed out progressing.'
    moved = progressing(900, readyReplicas=4)
    assert (moved["reason"], moved["lastUpdateTime"]) == ("ReplicaSetUpdated", "2026-11-21T12:00:00.000000Z")
    done = progressing(900, replicas=3, updatedReplicas=3)
    assert (done["status"], done["reason"]) == ("True", "NewReplicaSetAvailable")
    assert done["message"] == 'ReplicaSet "web-2" has successfully progressed.'


def image(tag: str) -> dict[str, Any]:
    """A patch to another image."""
    return {"spec": {"template": {"spec": {"containers": [{"name": "web", "image": f"test/web:{tag}"}]}}}}


def progress_of(cluster: PocketCluster) -> tuple[str, str]:
    """Status and reason of the Deployment's Progressing."""
    conditions = cluster.apps.read_namespaced_deployment("web", "default").status.conditions or ()
    return next(((each.status, each.reason) for each in conditions if each.type == "Progressing"), ("", ""))


def revisions(cluster: PocketCluster) -> dict[str, str]:
    """Image to the revision of its ReplicaSet."""
    found = cluster.apps.list_namespaced_replica_set("default").items
    return {each.spec.template.spec.containers[0].image: each.metadata.annotations[REVISION] for each in found}


@pytest.mark.sandbox
@needs_kubectl
def test_kubectl_shows_the_history_and_goes_back_in_it(cluster: PocketCluster) -> None:
    """Three revisions with their causes; undo makes the one before a fourth, and notes what it was."""
    deployed(cluster, replicas=1)
    for tag in ("2", "3"):
        cause = {"metadata": {"annotations": {"kubernetes.io/change-cause": f"to {tag}"}}}
        cluster.apps.patch_namespaced_deployment("web", "default", {**image(tag), **cause})
        assert "successfully rolled out" in cluster.kubectl("rollout", "status", "deploy/web", "--timeout=40s")
    history = [
        line.split(maxsplit=1) for line in cluster.kubectl("rollout", "history", "deploy/web").strip().split("\n")[2:]
    ]
    assert history == [["1", "<none>"], ["2", "to 2"], ["3", "to 3"]]
    assert "test/web:2" in cluster.kubectl("rollout", "history", "deploy/web", "--revision=2")
    assert "rolled back" in cluster.kubectl("rollout", "undo", "deploy/web")
    cluster.kubectl("rollout", "status", "deploy/web", "--timeout=40s")
    found = cluster.apps.read_namespaced_deployment("web", "default")
    assert found.spec.template.spec.containers[0].image == "test/web:2"
    assert found.metadata.annotations["kubernetes.io/change-cause"] == "to 2"
    assert revisions(cluster) == {"test/web:1": "1", "test/web:2": "4", "test/web:3": "3"}
    assert found.metadata.annotations[REVISION] == "4"
    replicasets = cluster.apps.list_namespaced_replica_set("default").items
    (again,) = [each for each in replicasets if each.metadata.annotations[REVISION] == "4"]
    assert again.metadata.annotations["deployment.kubernetes.io/revision-history"] == "2"
    assert "unable to find specified revision 2" in cluster.kubectl(
        "rollout", "undo", "deploy/web", "--to-revision=2", check=False
    )
    cluster.kubectl("rollout", "undo", "deploy/web", "--to-revision=1")
    cluster.until(lambda: settled(cluster))
    assert revisions(cluster)["test/web:1"] == "5"
    assert progress_of(cluster) == ("True", "NewReplicaSetAvailable")


@pytest.mark.sandbox
@needs_kubectl
def test_a_paused_deployment_keeps_its_pods_and_goes_on_when_resumed(cluster: PocketCluster) -> None:
    """Paused: a new template makes no ReplicaSet, a scaling is carried out, undo is refused; resumed: it rolls out."""
    deployed(cluster, replicas=1)
    cluster.kubectl("rollout", "pause", "deploy/web")
    assert progress_of(cluster) == ("Unknown", "DeploymentPaused")
    cluster.apps.patch_namespaced_deployment("web", "default", image("2"))
    cluster.apps.patch_namespaced_deployment_scale("web", "default", {"spec": {"replicas": 2}})
    cluster.until(lambda: len(cluster.ready_pods("app=web")) == 2)
    assert revisions(cluster) == {"test/web:1": "1"}
    assert "paused" in cluster.kubectl("rollout", "undo", "deploy/web", "--to-revision=1", check=False)
    cluster.kubectl("rollout", "resume", "deploy/web")
    cluster.until(lambda: settled(cluster))
    assert {pod.spec.containers[0].image for pod in cluster.ready_pods("app=web")} == {"test/web:2"}
    before = {pod.metadata.name for pod in cluster.pods("app=web")}
    cluster.kubectl("rollout", "restart", "deploy/web")
    cluster.kubectl("rollout", "status", "deploy/web", "--timeout=40s")
    assert not before & {pod.metadata.name for pod in cluster.ready_pods("app=web")}


@pytest.mark.sandbox
@needs_kubectl
def test_a_rollout_that_does_not_progress_is_reported_and_not_taken_back(cluster: PocketCluster) -> None:
    """An image that never gets ready: ProgressDeadlineExceeded, exit code 1, the old pods stay; no history: no undo."""
    deployed(cluster, replicas=1, progressDeadlineSeconds=2, revisionHistoryLimit=0)
    broken = {"spec": {"template": {"spec": {"containers": [{"name": "web", "command": ["python", "-c", "0"]}]}}}}
    cluster.apps.patch_namespaced_deployment("web", "default", broken)
    said = cluster.kubectl("rollout", "status", "deploy/web", "--timeout=40s", check=False)
    assert 'deployment "web" exceeded its progress deadline' in said
    assert progress_of(cluster) == ("False", "ProgressDeadlineExceeded")
    assert [pod.spec.containers[0].image for pod in cluster.ready_pods("app=web")] == ["test/web:1"]
    cluster.apps.patch_namespaced_deployment("web", "default", deployment(replicas=1))
    cluster.until(lambda: settled(cluster) and len(cluster.apps.list_namespaced_replica_set("default").items) == 1)
    said = cluster.kubectl("rollout", "undo", "deploy/web", check=False)
    assert "no rollout history found" in said
