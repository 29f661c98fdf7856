"""The API through the official client, over TLS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from kubernetes import client, watch

from tests.sandbox.cluster.conftest import refusal

if TYPE_CHECKING:
    from tests.sandbox.cluster.conftest import PocketApi


def watching() -> Any:
    """The client's own Watch, which is untyped."""
    return watch.Watch()  # type: ignore[no-untyped-call]


def web(name: str = "web", **labels: str) -> dict[str, Any]:
    """A deployment as people write it."""
    labels = {"app": name, **labels}
    container = {
        "name": "main",
        "image": "web:1",
        "ports": [{"containerPort": 80}],
        "env": [{"name": "A", "value": "1"}],
        "resources": {"limits": {"cpu": "2", "memory": "1Gi"}},
    }
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"replicas": 2, "selector": {"matchLabels": {"app": name}}, "template": template}
    return {"metadata": {"name": name, "labels": labels}, "spec": spec}


def bare_pod(name: str, **labels: str) -> dict[str, Any]:
    """A pod that nobody owns."""
    spec = {"containers": [{"name": "main", "image": "busybox:1"}]}
    return {"metadata": {"name": name, "labels": labels}, "spec": spec}


@pytest.fixture(scope="module")
def apps(pocket_api: PocketApi) -> Any:
    """Apps/v1."""
    return client.AppsV1Api(pocket_api.client())


def test_a_deployment_is_defaulted_scaled_and_deleted(apps: Any, pocket_api: PocketApi) -> None:
    """Create, read, patch, scale, delete: each answer parses in the client's strict models."""
    made = apps.create_namespaced_deployment("default", web())
    assert made.spec.strategy.rolling_update.max_surge == "25%"
    assert made.spec.template.spec.containers[0].resources.limits["cpu"] == "2"
    assert made.metadata.generation == 1
    before = pocket_api.machinery.reconciled
    patched = apps.patch_namespaced_deployment("web", "default", {"spec": {"replicas": 0}})
    assert (patched.spec.replicas, patched.metadata.generation) == (0, 2)
    assert pocket_api.machinery.reconciled > before
    scale = apps.read_namespaced_deployment_scale("web", "default")
    assert (scale.spec.replicas, scale.status.selector) == (0, "app=web")
    assert apps.patch_namespaced_deployment_scale("web", "default", {"spec": {"replicas": 3}}).spec.replicas == 3
    assert apps.read_namespaced_deployment("web", "default").spec.replicas == 3
    apps.delete_namespaced_deployment("web", "default")
    assert refusal(apps.read_namespaced_deployment, "web", "default")["code"] == 404


def test_labels_and_fields_select(core: Any) -> None:
    """Equality, sets, existence and field paths, in list and deletecollection."""
    for name, tier in (("a", "front"), ("b", "back"), ("c", "back")):
        core.create_namespaced_pod("default", bare_pod(name, tier=tier, suite="select"))

    def names(**options: str) -> list[str]:
        return [pod.metadata.name for pod in core.list_namespaced_pod("default", **options).items]

    assert names(label_selector="tier in (front, back),suite=select,!old") == ["a", "b", "c"]
    assert names(label_selector="tier!=back,suite") == ["a"]
    assert names(label_selector="suite=select", field_selector="metadata.name=b") == ["b"]
    assert names(label_selector="suite=select", field_selector="spec.nodeName=nowhere") == []
    assert refusal(names, field_selector="spec.color=red")["code"] == 400
    core.delete_collection_namespaced_pod("default", label_selector="tier=back")
    assert names(label_selector="suite=select") == ["a"]


def test_the_second_writer_of_an_old_version_is_refused(core: Any) -> None:
    """Patroni's leader race: of two patches with the same resourceVersion one wins, the other gets 409."""
    made = core.create_namespaced_endpoints("default", {"metadata": {"name": "main", "annotations": {"leader": "a"}}})
    version = made.metadata.resource_version
    again = refusal(core.create_namespaced_endpoints, "default", {"metadata": {"name": "main"}})
    assert (again["code"], again["reason"]) == (409, "AlreadyExists")

    def race(leader: str | None) -> Any:
        meta = {"annotations": {"leader": leader}, "resourceVersion": version}
        subsets = [{"addresses": [{"ip": "127.91.0.1"}], "ports": [{"name": "pg", "port": 5432}]}] if leader else []
        return core.patch_namespaced_endpoints("main", "default", {"metadata": meta, "subsets": subsets})

    won = race("b")
    assert won.subsets[0].addresses[0].ip == "127.91.0.1"
    lost = refusal(race, "c")
    assert (lost["code"], lost["reason"]) == (409, "Conflict")
    version = won.metadata.resource_version
    same = race("b")
    assert same.metadata.resource_version == version, "a patch that changes nothing keeps the version"
    released = race(None)
    assert "leader" not in (released.metadata.annotations or {})
    assert not released.subsets


def test_a_watch_tells_what_was_there_what_comes_and_what_leaves(core: Any) -> None:
    """ADDED for the present, then live changes; an object that leaves the selector is DELETED."""
    core.create_namespaced_config_map("default", {"metadata": {"name": "first", "labels": {"w": "1"}}})
    seen: list[tuple[str, str]] = []
    watcher = watching()
    for event in watcher.stream(core.list_namespaced_config_map, "default", label_selector="w=1", timeout_seconds=20):
        seen.append((event["type"], event["object"].metadata.name))
        if len(seen) == 1:
            core.create_namespaced_config_map("default", {"metadata": {"name": "other", "labels": {"w": "2"}}})
            core.patch_namespaced_config_map("first", "default", {"data": {"k": "v"}})
        if len(seen) == 2:
            core.patch_namespaced_config_map("other", "default", {"metadata": {"labels": {"w": "1"}}})
            core.patch_namespaced_config_map("first", "default", {"metadata": {"labels": {"w": "2"}}})
        if len(seen) == 4:
            core.delete_namespaced_config_map("other", "default")
        if len(seen) == 5:
            watcher.stop()
    told = [("ADDED", "first"), ("MODIFIED", "first"), ("ADDED", "other"), ("DELETED", "first"), ("DELETED", "other")]
    assert seen == told


def test_secrets_are_encoded(core: Any) -> None:
    """What stands in stringData becomes data."""
    made = core.create_namespaced_secret("default", {"metadata": {"name": "s"}, "stringData": {"a": "b"}})
    assert made.data == {"a": "Yg=="}
    assert made.string_data is None


def test_logs_are_text(core: Any) -> None:
    """An empty container name means the only one; an unknown one is refused."""
    core.create_namespaced_pod("default", bare_pod("talks"))
    assert core.read_namespaced_pod_log("talks", "default", container="", tail_lines=1) == "main line 2\n"
    assert refusal(core.read_namespaced_pod_log, "talks", "default", container="nobody")["code"] == 400


def test_events_have_two_shapes(core: Any, pocket_api: PocketApi) -> None:
    """An event made as core/v1 is read as events.k8s.io/v1, by its fields too."""
    about = {"kind": "Pod", "namespace": "default", "name": "web-0"}
    body = {
        "metadata": {"generateName": "e-"},
        "involvedObject": about,
        "reason": "Killing",
        "message": "it ends",
        "firstTimestamp": "2026-01-01T00:00:00Z",
    }
    core.create_namespaced_event("default", body)
    events: Any = client.EventsV1Api(pocket_api.client())
    found = events.list_event_for_all_namespaces(field_selector="regarding.name=web-0")
    assert [(event.note, event.regarding.kind) for event in found.items] == [("it ends", "Pod")]


def test_nothing_happens_on_a_dry_run(core: Any) -> None:
    """dryRun=All answers as if, and stores nothing."""
    made = core.create_namespaced_config_map("default", {"metadata": {"name": "dry"}}, dry_run="All")
    assert made.metadata.name == "dry"
    core.create_namespaced_pod("default", bare_pod("wet"))
    core.delete_namespaced_pod("wet", "default", dry_run="All")
    core.patch_namespaced_pod("wet", "default", {"metadata": {"labels": {"a": "b"}}}, dry_run="All")
    assert core.read_namespaced_pod("wet", "default").metadata.labels == {}
    assert refusal(core.read_namespaced_config_map, "dry", "default")["code"] == 404


def test_a_precondition_protects_the_successor(core: Any) -> None:
    """DELETE with the uid of another object is 409."""
    core.create_namespaced_pod("default", bare_pod("mine"))
    other = {"preconditions": {"uid": "somebody-else"}}
    assert refusal(core.delete_namespaced_pod, "mine", "default", body=other)["code"] == 409


def test_a_count_of_zero_is_left_out_whoever_writes_it(apps: Any) -> None:
    """Except those that a status must have."""
    apps.create_namespaced_stateful_set("default", {**web("none"), "spec": {**web("none")["spec"], "serviceName": "s"}})
    counts = {"replicas": 0, "readyReplicas": 0, "availableReplicas": 0, "updatedReplicas": 0, "collisionCount": 0}
    written = apps.patch_namespaced_stateful_set_status("none", "default", {"status": counts}).status
    assert (written.replicas, written.available_replicas, written.collision_count) == (0, 0, 0)
    assert (written.ready_replicas, written.updated_replicas) == (None, None)
