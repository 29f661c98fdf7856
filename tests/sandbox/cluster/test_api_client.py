"""The API through the official client, over TLS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from kubernetes import client, watch
from kubernetes.client.exceptions import ApiException

if TYPE_CHECKING:
    from tests.sandbox.cluster.conftest import PocketApi


def watching() -> Any:
    """The client's own Watch, which is untyped."""
    return watch.Watch()  # type: ignore[no-untyped-call]


def web(name: str = "web", **labels: str) -> dict[str, Any]:
    """A deployment as people write it."""
    labels = {"app": name, **labels}
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "containers": [
                        {
                            "name": "main",
                            "image": "web:1",
                            "ports": [{"containerPort": 80}],
                            "env": [{"name": "A", "value": "1"}],
                            "resources": {"limits": {"cpu": "2", "memory": "1Gi"}},
                        }
                    ]
                },
            },
        },
    }


def bare_pod(name: str, **labels: str) -> dict[str, Any]:
    """A pod that nobody owns."""
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": {"containers": [{"name": "main", "image": "busybox:1"}]},
    }


@pytest.fixture(scope="module")
def core(pocket_api: PocketApi) -> Any:
    """Core/v1."""
    return client.CoreV1Api(pocket_api.client())


@pytest.fixture(scope="module")
def apps(pocket_api: PocketApi) -> Any:
    """Apps/v1."""
    return client.AppsV1Api(pocket_api.client())


def test_the_first_namespaces_are_there(core: Any) -> None:
    """default, kube-system and kube-node-lease exist before anybody creates anything."""
    names = {item.metadata.name for item in core.list_namespace().items}
    assert {"default", "kube-system", "kube-node-lease"} <= names


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
    with pytest.raises(ApiException) as refused:
        apps.read_namespaced_deployment("web", "default")
    assert refused.value.status == 404


def test_pods_answer_a_delete_with_themselves(core: Any, pocket_api: PocketApi) -> None:
    """The client parses the answer as a Pod, and the grace period reaches the machinery."""
    core.create_namespaced_pod("default", bare_pod("gone", app="x"))
    answered = core.delete_namespaced_pod("gone", "default", grace_period_seconds=0)
    assert answered.metadata.name == "gone"
    assert pocket_api.machinery.graces[-1] == 0


def test_an_eviction_ends_the_pod(core: Any, pocket_api: PocketApi) -> None:
    """The body of chaosk8s, which lacks kind and apiVersion, is understood."""
    core.create_namespaced_pod("default", bare_pod("evicted"))
    body = client.V1Eviction(
        metadata=client.V1ObjectMeta(name="evicted", namespace="default"), delete_options=client.V1DeleteOptions()
    )
    core.create_namespaced_pod_eviction("evicted", "default", body)
    assert "evicted" not in [pod.metadata.name for pod in core.list_namespaced_pod("default").items]


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
    with pytest.raises(ApiException) as refused:
        names(field_selector="spec.color=red")
    assert refused.value.status == 400
    core.delete_collection_namespaced_pod("default", label_selector="tier=back")
    assert names(label_selector="suite=select") == ["a"]


def test_the_second_writer_of_an_old_version_is_refused(core: Any) -> None:
    """Patroni's leader race: of two patches with the same resourceVersion one wins, the other gets 409."""
    made = core.create_namespaced_endpoints("default", {"metadata": {"name": "main", "annotations": {"leader": "a"}}})
    version = made.metadata.resource_version
    with pytest.raises(ApiException) as refused:
        core.create_namespaced_endpoints("default", {"metadata": {"name": "main"}})
    assert refused.value.status == 409

    def race(leader: str | None) -> Any:
        meta = {"annotations": {"leader": leader}, "resourceVersion": version}
        subsets = [{"addresses": [{"ip": "127.91.0.1"}], "ports": [{"name": "pg", "port": 5432}]}] if leader else []
        return core.patch_namespaced_endpoints("main", "default", {"metadata": meta, "subsets": subsets})

    won = race("b")
    assert won.subsets[0].addresses[0].ip == "127.91.0.1"
    with pytest.raises(ApiException) as refused:
        race("c")
    assert refused.value.status == 409
    assert refused.value.reason == "Conflict"
    version = won.metadata.resource_version
    again = race("b")
    assert again.metadata.resource_version == version, "a patch that changes nothing keeps the version"
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
    assert seen == [
        ("ADDED", "first"),
        ("MODIFIED", "first"),
        ("ADDED", "other"),
        ("DELETED", "first"),
        ("DELETED", "other"),
    ]


def test_a_watch_from_too_old_a_version_expires(core: Any) -> None:
    """The ring of this server holds 200 changes; a watch from before them is answered 410."""
    for i in range(210):
        core.patch_namespace("default", {"metadata": {"annotations": {"count": str(i)}}})
    with pytest.raises(ApiException) as refused:
        next(iter(watching().stream(core.list_namespace, resource_version="1", timeout_seconds=5)))
    assert refused.value.status == 410


def test_a_watch_ends_on_its_timeout(core: Any) -> None:
    """The parameter timeoutSeconds is obeyed and nothing but objects is sent."""
    stream = watching().stream(
        core.list_node, resource_version=core.list_node().metadata.resource_version, timeout_seconds=1
    )
    assert list(stream) == []


def test_secrets_are_encoded(core: Any) -> None:
    """What stands in stringData becomes data."""
    made = core.create_namespaced_secret("default", {"metadata": {"name": "s"}, "stringData": {"a": "b"}})
    assert made.data == {"a": "Yg=="}
    assert made.string_data is None


def test_logs_are_text(core: Any) -> None:
    """An empty container name means the only one; an unknown one is refused."""
    core.create_namespaced_pod("default", bare_pod("talks"))
    assert core.read_namespaced_pod_log("talks", "default", container="", tail_lines=1) == "main line 2\n"
    with pytest.raises(ApiException) as refused:
        core.read_namespaced_pod_log("talks", "default", container="nobody")
    assert refused.value.status == 400


def test_status_is_written_apart(core: Any) -> None:
    """A patch of the pod leaves the status alone, a patch of the status leaves the pod alone."""
    core.create_namespaced_pod("default", bare_pod("two-sided"))
    core.patch_namespaced_pod_status(
        "two-sided", "default", {"status": {"phase": "Running"}, "spec": {"nodeName": "n"}}
    )
    core.patch_namespaced_pod(
        "two-sided", "default", {"metadata": {"labels": {"role": "primary"}}, "status": {"phase": "Failed"}}
    )
    pod = core.read_namespaced_pod("two-sided", "default")
    assert (pod.status.phase, pod.spec.node_name, pod.metadata.labels) == ("Running", None, {"role": "primary"})


def test_a_deleted_namespace_takes_all_it_holds(core: Any, apps: Any) -> None:
    """Unknown namespaces refuse new objects, immortal ones refuse to go."""
    core.create_namespace({"metadata": {"name": "short-lived"}})
    apps.create_namespaced_deployment("short-lived", web())
    core.create_namespaced_pod("short-lived", bare_pod("a"))
    core.delete_namespace("short-lived")
    assert core.list_namespaced_pod("short-lived").items == []
    with pytest.raises(ApiException) as refused:
        core.create_namespaced_pod("short-lived", bare_pod("a"))
    assert refused.value.status == 404
    with pytest.raises(ApiException) as refused:
        core.delete_namespace("default")
    assert refused.value.status == 403


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
    assert (
        core.create_namespaced_config_map("default", {"metadata": {"name": "dry"}}, dry_run="All").metadata.name
        == "dry"
    )
    core.create_namespaced_pod("default", bare_pod("wet"))
    core.delete_namespaced_pod("wet", "default", dry_run="All")
    core.patch_namespaced_pod("wet", "default", {"metadata": {"labels": {"a": "b"}}}, dry_run="All")
    assert core.read_namespaced_pod("wet", "default").metadata.labels == {}
    with pytest.raises(ApiException):
        core.read_namespaced_config_map("dry", "default")


def test_a_precondition_protects_the_successor(core: Any) -> None:
    """DELETE with the uid of another object is 409."""
    core.create_namespaced_pod("default", bare_pod("mine"))
    with pytest.raises(ApiException) as refused:
        core.delete_namespaced_pod("mine", "default", body={"preconditions": {"uid": "somebody-else"}})
    assert refused.value.status == 409


def test_a_count_of_zero_is_left_out_whoever_writes_it(apps: Any) -> None:
    """Except those that a status must have."""
    apps.create_namespaced_stateful_set("default", {**web("none"), "spec": {**web("none")["spec"], "serviceName": "s"}})
    counts = {"replicas": 0, "readyReplicas": 0, "availableReplicas": 0, "updatedReplicas": 0, "collisionCount": 0}
    written = apps.patch_namespaced_stateful_set_status("none", "default", {"status": counts}).status
    assert (written.replicas, written.available_replicas, written.collision_count) == (0, 0, 0)
    assert (written.ready_replicas, written.updated_replicas) == (None, None)
