"""The state of containers and workloads, against a real API server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
import yaml
from kubernetes import client

import readiness_sandbox.cluster.custom
from claims.workloads.containers import container_environment
from claims.workloads.service import service_endpoints
from harness.drivers.check.registry import kind_of
from harness.drivers.check.state.fields import WORKLOAD_FIELDS, bypass_switches, image_tag
from harness.drivers.check.state.objects import WorkloadState
from harness.drivers.check.state.versions import api_version, version_fact
from harness.errors import AccessDenied, ConfigurationError, DriverError
from harness.targets.cluster.kubeconfig import api_client
from harness.targets.kubernetes import Cluster
from readiness_sandbox.cluster.kinds import by_name
from tests.together import objects
from tests.together.objects import deployment, stored

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from harness.drivers.facts import FactProbe, FactReading
    from harness.targets import Target
    from tests.together.conftest import PocketCluster


def check(name: str) -> Callable[[Target, Mapping[str, str]], FactProbe]:
    """The check of a noun."""
    return lambda target, params: cast("FactProbe", kind_of(name).read(target, params))


state_of_containers, container_user, container_probes = map(
    check, ("state-of-containers", "container-user", "container-probes")
)
state_of_workloads, annotation_of_account = map(check, ("state-of-workloads", "annotation-of-account"))
store_of_secret = check("store-of-secret")
CUSTOM = Path(readiness_sandbox.cluster.custom.__file__).parent / "manifests"
SAFE: dict[str, Any] = {"runAsNonRoot": True, "runAsUser": 1000}
AMOUNTS = {"cpu": "1", "memory": "1Gi"}
PROBE = {"httpGet": {"path": "/health", "port": 8080}, "periodSeconds": 5}


def container(name: str = "main", **more: Any) -> dict[str, Any]:
    """A container with an image of a release, probes and resources."""
    return {
        "name": name,
        "image": "shop/backend:1.0.0",
        "resources": {"requests": AMOUNTS, "limits": AMOUNTS},
        "livenessProbe": PROBE,
        "readinessProbe": PROBE,
        **more,
    }


def pod(name: str, app: str, namespace: str, node: str, *, ready: bool = True) -> dict[str, Any]:
    """A pod of a workload on a node."""
    status = {"conditions": [{"type": "Ready", "status": "True" if ready else "False"}]}
    return {**objects.pod(name, app, namespace, nodeName=node, containers=[container()]), "status": status}


def told(seen: list[FactReading] | Any) -> dict[str, tuple[bool | None, str]]:
    """Each fact: whether it is as expected, and what was seen."""
    return {one.subject: (one.ok, one.observed) for one in seen}


def test_every_container_is_looked_at_and_the_root_one_is_named(cluster: PocketCluster, target: Target) -> None:
    """The pod's own user counts where the container names none; a container that states none fails, init containers too."""
    root = {"name": "setup", "image": "shop/setup"}
    cluster.create("Deployment", deployment("good", "north", container(), securityContext=SAFE))
    cluster.create(
        "Deployment",
        deployment("bad", "south", container(securityContext={**SAFE, "runAsUser": 0}), initContainers=[root]),
    )
    probe = state_of_containers(target, {"has": "run-as-non-root equal to true and user id other than 0"})
    assert told(probe()) == {
        "north/Deployment/good, container main: run-as-non-root": (True, "true"),
        "north/Deployment/good, container main: user id": (True, "1000"),
        "south/Deployment/bad, container main: run-as-non-root": (True, "true"),
        "south/Deployment/bad, container main: user id": (False, "0"),
        "south/Deployment/bad, init container setup: run-as-non-root": (False, "not stated"),
        "south/Deployment/bad, init container setup: user id": (False, "not stated"),
    }


def test_a_pod_without_a_controller_is_looked_at_as_well_and_the_harness_s_own_is_not(
    cluster: PocketCluster, target: Target
) -> None:
    """One that somebody made by hand runs `latest`."""
    for name, labels in (("by-hand", {"app": "x"}), ("ours", {"app.kubernetes.io/managed-by": "readiness"})):
        spec = {"containers": [container(image="shop/tool:latest")]}
        cluster.create("Pod", {"metadata": {"name": name, "namespace": "north", "labels": labels}, "spec": spec})
    cluster.create("Deployment", deployment("x", "north", container()))
    cluster.create("Pod", pod("kept", "x", "north", "a"))
    probe = state_of_containers(target, {"has": "image tag other than latest"})
    assert told(probe()) == {
        "north/Deployment/x, container main: image tag": (True, "1.0.0"),
        "north/Pod/by-hand, container main: image tag": (False, "latest"),
    }


def test_pods_whose_controller_is_not_read_are_not_passed_over(cluster: PocketCluster, target: Target) -> None:
    """Their containers are read from the pods; what their workload declares is not known."""
    stray = pod("stray", "x", "north", "a")
    stray["spec"]["containers"] = [container(image="shop/tool:latest")]
    cluster.create("Pod", stray)
    seen = told(state_of_containers(target, {"has": "image tag other than latest"})())
    assert seen == {"north/Pod/stray, container main: image tag": (False, "latest")}
    for region in ({}, {"region": "north"}):
        seen = told(state_of_workloads(target, {"has": "ready replicas at least 1", **region})())
        assert seen == {"north/ReplicaSet/set": (None, "its pods are there, their controller was not read")}
    assert told(state_of_workloads(target, {"has": "ready replicas at least 1", "region": "south"})()) == {}


def test_an_ephemeral_container_that_runs_is_a_container(cluster: PocketCluster, target: Target) -> None:
    """One that has ended is none."""
    body = pod("web-1", "web", "north", "a")
    body["spec"] |= {"securityContext": SAFE}
    body["spec"]["ephemeralContainers"] = [
        {"name": name, "image": "shop/tool:1.0.0", "securityContext": {"runAsUser": 0}} for name in ("shell", "trace")
    ]
    body["status"]["ephemeralContainerStatuses"] = [{"name": "trace", "state": {"terminated": {"exitCode": 0}}}]
    web = deployment("web", "north", container(), securityContext=SAFE)
    cluster.create("Deployment", web)
    cluster.create("Pod", body)
    assert told(state_of_containers(target, {"has": "user id other than 0"})()) == {
        "north/Deployment/web, container main: user id": (True, "1000"),
        "north/Pod/web-1, ephemeral container shell: user id": (False, "0"),
    }


def job(kind: str, name: str, *containers: dict[str, Any]) -> dict[str, Any]:
    """A Job, or a CronJob that makes such ones."""
    spec: dict[str, Any] = {"template": {"spec": {"restartPolicy": "Never", "containers": list(containers)}}}
    if kind == "CronJob":
        spec = {"schedule": "0 4 * * *", "jobTemplate": {"spec": spec}}
    return {"metadata": {"name": name, "namespace": "north"}, "spec": spec}


def test_the_containers_of_a_schedule_are_read_before_it_runs(cluster: PocketCluster, target: Target) -> None:
    """And those of a Job that has no pod now; one that has ended starts no more."""
    root = container(image="shop/tool:latest")
    for kind, name in (("CronJob", "nightly"), ("Job", "waiting"), ("Job", "ended")):
        body = job(kind, name, root)
        ended = {"status": {"conditions": [{"type": "Complete", "status": "True"}]}} if name == "ended" else {}
        cluster.create(kind, {**body, **ended})
    has = "image tag other than latest and run-as-non-root equal to true"
    assert told(state_of_containers(target, {"has": has})()) == {
        "north/CronJob/nightly, container main: image tag": (False, "latest"),
        "north/CronJob/nightly, container main: run-as-non-root": (False, "not stated"),
        "north/Job/waiting, container main: image tag": (False, "latest"),
        "north/Job/waiting, container main: run-as-non-root": (False, "not stated"),
    }


def test_the_tag_of_an_image() -> None:
    """A port is no tag; a digest is as good as one."""
    tags = {
        "backend": None,
        "backend:latest": "latest",
        "registry.example.test:5000/backend": None,
        "registry.example.test:5000/backend:1.2": "1.2",
        "backend@sha256:00ff": "sha256:00ff",
        "backend:1.2@sha256:00ff": "1.2",
    }
    assert {image: image_tag(image) for image in tags} == tags


def test_a_workload_needs_two_ready_pods_on_two_nodes_and_its_resources(cluster: PocketCluster, target: Target) -> None:
    """Both pods of `crowded` are on one node, and its second container has no memory limit."""
    cluster.create("Deployment", deployment("spread", "north", container()))
    cluster.create("Pod", pod("spread-1", "spread", "north", "a"))
    cluster.create("Pod", pod("spread-2", "spread", "north", "b"))
    unbounded = container("second", resources={"requests": AMOUNTS, "limits": {"cpu": "1"}})
    cluster.create("Deployment", deployment("crowded", "north", container(), unbounded))
    for name in ("crowded-1", "crowded-2"):
        cluster.create("Pod", pod(name, "crowded", "north", "a"))
    cluster.create("Pod", pod("crowded-3", "crowded", "north", "b", ready=False))
    facts = told(
        state_of_workloads(target, {"has": "ready replicas at least 2, nodes at least 2 and resources stated"})()
    )
    assert {subject: ok for subject, (ok, _) in facts.items()} == {
        "north/spread: ready replicas": True,
        "north/spread: nodes": True,
        "north/spread: resources": True,
        "north/crowded: ready replicas": True,
        "north/crowded: nodes": False,
        "north/crowded: resources": False,
    }
    assert facts["north/crowded: nodes"] == (False, "1")


def component(name: str, namespace: str, label: str = "app.kubernetes.io/component") -> dict[str, Any]:
    """A deployment of one replica that is a component of the application `shop`."""
    body = deployment(f"shop-{name}", namespace, container(), replicas=1)
    labels = {"app.kubernetes.io/name": "shop", label: name}
    body["spec"] |= {"selector": {"matchLabels": labels}}
    body["spec"]["template"]["metadata"]["labels"] = labels
    return body


def pod_of(workload: dict[str, Any], node: str) -> dict[str, Any]:
    """A ready pod of a deployment."""
    one = pod(f"{workload['metadata']['name']}-1", "", workload["metadata"]["namespace"], node)
    one["metadata"]["labels"] = workload["spec"]["template"]["metadata"]["labels"]
    return one


@pytest.mark.parametrize("label", ["app.kubernetes.io/component", "component"])
def test_the_components_of_one_chart_do_not_make_up_for_each_other(
    cluster: PocketCluster, target: Target, label: str
) -> None:
    """One replica each, on two nodes: each is a single point of failure."""
    for name, node in (("web", "a"), ("worker", "b")):
        cluster.create("Deployment", component(name, "north", label))
        cluster.create("Pod", pod_of(component(name, "north", label), node))
    assert told(state_of_workloads(target, {"has": "ready replicas at least 2 and nodes at least 2"})()) == {
        "north/shop/web: ready replicas": (False, "1"),
        "north/shop/web: nodes": (False, "1"),
        "north/shop/worker: ready replicas": (False, "1"),
        "north/shop/worker: nodes": (False, "1"),
    }


def test_a_sidecar_is_a_container_of_its_workload(cluster: PocketCluster, target: Target) -> None:
    """An init container that runs on needs resources; its user, and that of one that runs first, are the workload's."""
    sidecar = {"name": "proxy", "image": "x:1", "restartPolicy": "Always", "securityContext": {"runAsUser": 0}}
    first = {"name": "chown", "image": "x:1", "securityContext": {"runAsUser": 0}}
    body = deployment("web", "north", container(), securityContext=SAFE, initContainers=[sidecar])
    cluster.create("Deployment", body)
    cluster.create("Deployment", deployment("late", "north", container(), securityContext=SAFE, initContainers=[first]))
    assert told(state_of_workloads(target, {"has": "resources stated"})()) == {
        "north/late: resources": (True, "1/1Gi/1/1Gi"),
        "north/web: resources": (False, "not stated"),
    }
    for name, beside in (("web", "proxy"), ("late", "chown")):
        assert told(container_user(target, {"deployment": name, "has": "user id equal to 1000"})()) == {
            f"north/{name}, container main: user id": (True, "1000"),
            f"north/{name}, init container {beside}: user id": (False, "0"),
        }


def test_a_workload_without_a_liveness_probe_fails_and_a_side_car_without_one_does_not(
    cluster: PocketCluster, target: Target
) -> None:
    """The container that is probed most often counts; a probe without a period has Kubernetes' own, 10 s."""
    unprobed = {"name": "main", "image": "x:1", "readinessProbe": {"httpGet": {"path": "/", "port": 80}}}
    cluster.create("Deployment", deployment("good", "north", container(), {"name": "side", "image": "x:1"}))
    cluster.create("Deployment", deployment("bad", "north", unprobed))
    has = "liveness period at most 10 s and readiness period at most 10 s"
    assert told(state_of_workloads(target, {"has": has})()) == {
        "north/good: liveness period": (True, "5 s"),
        "north/good: readiness period": (True, "5 s"),
        "north/bad: liveness period": (False, "not stated"),
        "north/bad: readiness period": (True, "10 s"),
    }


def test_a_workload_that_only_another_region_has_is_missed(cluster: PocketCluster, target: Target) -> None:
    """The worker and a component of the shop run in the south alone; what runs in the north alone is nothing to the north."""
    for name, namespace in (("web", "north"), ("web", "south"), ("worker", "south"), ("extra", "north")):
        cluster.create("Deployment", deployment(name, namespace, container(), replicas=2 if name == "extra" else 1))
        cluster.create("Pod", pod(f"{name}-1", name, namespace, "a"))
    cluster.create("Pod", pod("extra-2", "extra", "north", "a", ready=False))
    for name, namespace in (("belt", "north"), ("belt", "south"), ("till", "south")):
        cluster.create("Deployment", component(name, namespace))
        cluster.create("Pod", pod_of(component(name, namespace), "a"))
    probe = state_of_workloads(target, {"has": "ready share at least 100 %", "region": "north"})
    assert told(probe()) == {
        "north/extra: ready share": (False, "50 %"),
        "north/web: ready share": (True, "100 %"),
        "north/shop/belt: ready share": (True, "100 %"),
        "north: worker": (False, "none"),
        "north: shop/till": (False, "none"),
    }
    with pytest.raises(ConfigurationError, match="no region `west`"):
        state_of_workloads(target, {"has": "ready share at least 100 %", "region": "west"})()


def test_all_of_no_replicas_are_ready(cluster: PocketCluster, target: Target) -> None:
    """`asleep` declares none anywhere; of `parked` another region declares one: the north lacks it."""
    for name, namespace, replicas in (("asleep", "north", 0), ("asleep", "south", 0), ("parked", "north", 0)):
        cluster.create("Deployment", deployment(name, namespace, container(), replicas=replicas))
    cluster.create("Deployment", deployment("parked", "south", container(), replicas=1))
    probe = state_of_workloads(target, {"has": "ready share at least 100 %", "region": "north"})
    assert told(probe()) == {
        "north/asleep: ready share": (True, "100 %"),
        "north/parked: ready share": (True, "100 %"),
        "north: parked": (False, "0 replicas declared"),
    }


def test_a_daemon_set_declares_a_pod_for_each_node_that_it_is_scheduled_on() -> None:
    """Where no node is for it, no pod is missing."""
    body = {**deployment("gpu", "north", container()), "kind": "DaemonSet"}
    del body["spec"]["replicas"]
    shares = []
    for nodes in (0, 2):
        one = {**body, "status": {"desiredNumberScheduled": nodes}}
        pods = (pod("gpu-1", "gpu", "north", "a"),)
        state = WorkloadState(subject="north/gpu", region="north", name="gpu", controllers=(one,), pods=pods)
        shares.append(WORKLOAD_FIELDS["ready share"](state))
    assert shares == ["100 %", "50 %"]


def test_a_switch_that_leaves_authentication_out_is_found(subtests: pytest.Subtests) -> None:
    """By its name, unless its value switches the switch off; words that only look alike are none."""
    secret = {"valueFrom": {"secretKeyRef": {"name": "keys", "key": "k"}}}
    cases: list[tuple[dict[str, str | None], list[str], list[str]]] = [
        ({"SKIP_AUTH": "true"}, [], ["SKIP_AUTH"]),
        ({"SKIP_AUTH": "false"}, [], []),
        ({"AUTH_BYPASS": None}, [], ["AUTH_BYPASS"]),
        ({"DISABLE_TOKEN_AUTH": "1"}, [], ["DISABLE_TOKEN_AUTH"]),
        ({"AUTH_ENABLED": "false"}, [], ["AUTH_ENABLED"]),
        ({"AUTH_ENABLED": "true"}, [], []),
        ({"REQUIRE_AUTH": "no"}, [], ["REQUIRE_AUTH"]),
        ({"ALLOW_ANONYMOUS": "yes"}, [], ["ALLOW_ANONYMOUS"]),
        ({"AUTHOR": "no", "AUTHORITY": "off", "OAUTH_CLIENT": "x", "NO_PROXY": "x"}, [], []),
        ({}, ["--no-auth"], ["no-auth"]),
        ({}, ["--auth=off", "--port=80"], ["auth"]),
        ({}, ["serve", "--insecure-skip-auth=false"], []),
    ]
    for env, args, found in cases:
        with subtests.test(env=env, args=args):
            given = [{"name": name, **(secret if value is None else {"value": value})} for name, value in env.items()]
            spec = {"containers": [{"name": "c", "image": "x:1", "env": given, "args": args}]}
            assert bypass_switches(spec) == found


def switches(target: Target) -> dict[str, tuple[bool | None, str]]:
    """How many each workload and Job has."""
    found = told(state_of_workloads(target, {"has": "bypass switches at most 0"})())
    return {name.removesuffix(": bypass switches"): fact for name, fact in found.items()}


def test_a_switch_in_a_config_map_or_a_secret_is_found(cluster: PocketCluster, target: Target) -> None:
    """By `envFrom` with its prefix, by a key of a map; `env` goes before; a map that is not there leaves it open.

    Without a value it is empty; of a key that may be missing, and is, it is not set.
    """
    cluster.create("ConfigMap", stored("modes", AUTH="true", MODE="x", CHECK="off"))
    cluster.create("Secret", stored("keys", AUTH_BYPASS="MQ=="))
    modes, off = {"configMapRef": {"name": "modes"}}, {"name": "SKIP_AUTH", "value": "false"}
    by_key = {"valueFrom": {"configMapKeyRef": {"name": "modes", "key": "CHECK"}}}
    gone = {"configMapRef": {"name": "gone"}}
    missing = {"valueFrom": {"configMapKeyRef": {"name": "gone", "key": "k", "optional": True}}}
    every: dict[str, dict[str, Any]] = {
        "plain": {"envFrom": [modes]},
        "prefixed": {"envFrom": [{**modes, "prefix": "SKIP_"}]},
        "over": {"envFrom": [{**modes, "prefix": "SKIP_"}], "env": [off]},
        "secret": {"envFrom": [{"secretRef": {"name": "keys"}}]},
        "keyed": {"env": [{"name": "AUTH_ENABLED", **by_key}]},
        "gone": {"envFrom": [gone]},
        "optional": {"envFrom": [{"configMapRef": {"name": "gone", "optional": True}}]},
        "empty": {"env": [{"name": "SKIP_AUTH"}]},
        "missing": {"env": [{"name": "SKIP_AUTH", **missing}]},
    }
    for name, settings in every.items():
        cluster.create("Deployment", deployment(name, "north", container(**settings)))
    assert switches(target) == {
        "north/empty": (True, "0"),
        "north/missing": (True, "0"),
        "north/gone": (None, "ConfigMap gone of envFrom does not exist"),
        "north/keyed": (False, "1 (AUTH_ENABLED)"),
        "north/optional": (True, "0"),
        "north/over": (True, "0"),
        "north/plain": (True, "0"),
        "north/prefixed": (False, "1 (SKIP_AUTH)"),
        "north/secret": (False, "1 (AUTH_BYPASS)"),
    }


def test_a_switch_of_a_job_or_a_cron_job_is_found(cluster: PocketCluster, target: Target) -> None:
    """And a Job says nothing of fields that are of workloads."""
    for kind in ("Job", "CronJob"):
        cluster.create(kind, job(kind, "nightly", container(env=[{"name": "SKIP_AUTH", "value": "true"}])))
    assert switches(target) == {
        "north/Job/nightly": (False, "1 (SKIP_AUTH)"),
        "north/CronJob/nightly": (False, "1 (SKIP_AUTH)"),
    }
    assert state_of_workloads(target, {"has": "ready replicas at least 1"})() == []


def test_an_annotation_is_compared_by_its_form(cluster: PocketCluster, target: Target) -> None:
    """Twelve digits fit; a word in their place does not; neither does an account that is not there."""
    role = "eks.amazonaws.com/role-arn"
    params = {
        "account": "autoscaler",
        "namespace": "north",
        "annotation": role,
        "has": "value like arn:aws:iam::############:role/*",
    }
    probe = annotation_of_account(target, params)
    assert [(one.ok, one.observed) for one in probe()] == [(False, "no such service account")]
    for name, account in (("autoscaler", "ACCOUNT-ID"), ("right", "123456789012")):
        annotations = {role: f"arn:aws:iam::{account}:role/scaler"}
        metadata = {"name": name, "namespace": "north", "annotations": annotations}
        cluster.create("ServiceAccount", {"metadata": metadata})
    assert [(one.ok, one.observed) for one in probe()] == [(False, "arn:aws:iam::ACCOUNT-ID:role/scaler")]
    assert [one.ok for one in annotation_of_account(target, {**params, "account": "right"})()] == [True]


def test_the_api_server_s_version_is_compared_by_number(cluster: PocketCluster, target: Target) -> None:
    """The small API server is 1.33; 1.9 is older than 1.28, and what has no number is not known."""
    assert [one.ok for one in api_version(target, {"at_least": "1.28"})()] == [True, True]
    assert [one.ok for one in api_version(target, {"at_least": "1.34"})()] == [False, False]
    assert [version_fact("x", version, "1.28").ok for version in ("v1.9.1", "v1.28.0-eks", "")] == [False, True, None]


def test_namespaces_that_the_target_adds_are_looked_at(cluster: PocketCluster, target: Target, tmp_path: Path) -> None:
    """The edge is in no region."""
    cluster.create("Namespace", {"metadata": {"name": "edge"}})
    cluster.create("Deployment", deployment("door", "edge", container()))
    assert target.kubernetes is not None
    wider = target.model_copy(update={"kubernetes": target.kubernetes.model_copy(update={"namespaces": ("edge",)})})
    probe = {"has": "resources stated"}
    assert told(state_of_workloads(target, probe)()) == {}
    assert list(told(state_of_workloads(wider, probe)())) == ["edge/door: resources"]


def test_containers_of_a_stateful_set_are_read_by_the_name_of_their_workload(
    cluster: PocketCluster, target: Target
) -> None:
    """A sentence speaks of one workload; what keeps its pods running is not part of it."""
    cluster.create("StatefulSet", deployment("store", "north", container(), securityContext=SAFE))
    assert told(container_user(target, {"deployment": "store", "has": "user id equal to 1000"})()) == {
        "north/store, container main: user id": (True, "1000")
    }
    assert told(container_user(target, {"deployment": "gone", "has": "user id equal to 1000"})()) == {
        "north/gone": (False, "none of that name")
    }


def test_the_group_of_a_container_is_its_own_or_the_pods(cluster: PocketCluster, target: Target) -> None:
    """As its user is; a container whose group nobody states fails."""
    mine = container("own", securityContext={"runAsGroup": 1001})
    other = container("other", securityContext={"runAsGroup": 1000})
    body = deployment("web", "north", mine, other, container("of-the-pod"), securityContext={"runAsGroup": 1001})
    cluster.create("Deployment", body)
    cluster.create("Deployment", deployment("bare", "north", container(securityContext=SAFE)))
    assert told(container_user(target, {"deployment": "web", "has": "group id equal to 1001"})()) == {
        "north/web, container own: group id": (True, "1001"),
        "north/web, container other: group id": (False, "1000"),
        "north/web, container of-the-pod: group id": (True, "1001"),
    }
    assert told(container_user(target, {"deployment": "bare", "has": "group id equal to 1001"})()) == {
        "north/bare, container main: group id": (False, "not stated")
    }


def secret_from(cluster: PocketCluster, target: Target, namespace: str, ready: str = "True", **spec: Any) -> None:
    """An ExternalSecret `shop` of the store `vault`, with the definition of the sandbox's operator."""
    definitions = yaml.safe_load_all((CUSTOM / "externalsecrets.yaml").read_text(encoding="utf-8"))
    kinds_of = client.ApiextensionsV1Api(api_client(target)).list_custom_resource_definition().items
    if not kinds_of:
        for one in definitions:
            cluster.create("CustomResourceDefinition", one)
    body = {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": {"name": "shop"},
        "spec": {"secretStoreRef": {"name": "vault"}, "target": {"name": "shop"}, **spec},
    }
    where = ("external-secrets.io", "v1", namespace, "externalsecrets")
    api = client.CustomObjectsApi(api_client(target))
    api.create_namespaced_custom_object(*where, body)
    status = {"status": {"conditions": [{"type": "Ready", "status": ready}]}}
    api.patch_namespaced_custom_object_status(*where, "shop", status)


def test_the_store_and_the_keys_of_an_external_secret_are_read_in_every_region(
    cluster: PocketCluster, target: Target
) -> None:
    """Another key, or one of two that is another, fails; so does a store that was not read. A region without one is unknown, a name that none has fails."""

    def keys(*names: str) -> list[dict[str, Any]]:
        return [{"secretKey": str(at), "remoteRef": {"key": name}} for at, name in enumerate(names)]

    has = "store equal to vault, remote key equal to prod/shop and ready equal to True"
    of_shop = {"name": "shop", "has": has}
    with pytest.raises(DriverError, match="does not serve ExternalSecret"):
        store_of_secret(target, of_shop)()
    secret_from(cluster, target, "north", data=keys("prod/shop", "prod/shop"))
    found = {
        "north/ExternalSecret/shop: store": (True, "vault"),
        "north/ExternalSecret/shop: remote key": (True, "prod/shop, prod/shop"),
        "north/ExternalSecret/shop: ready": (True, "True"),
    }
    assert told(store_of_secret(target, of_shop)()) == {
        **found,
        "south/ExternalSecret/shop": (None, "none of that name"),
    }
    secret_from(cluster, target, "south", ready="False", data=keys("prod/shop", "shop"))
    assert told(store_of_secret(target, of_shop)()) == {
        **found,
        "south/ExternalSecret/shop: store": (True, "vault"),
        "south/ExternalSecret/shop: remote key": (False, "prod/shop, shop"),
        "south/ExternalSecret/shop: ready": (False, "False"),
    }
    other = {**of_shop, "has": "store equal to aws-secretsmanager"}
    assert {ok for ok, _ in told(store_of_secret(target, other)()).values()} == {False}
    assert {ok for ok, _ in told(store_of_secret(target, {**of_shop, "name": "gone"})()).values()} == {False}


def of_key(config_map: str, key: str, *, optional: bool = False) -> dict[str, Any]:
    """NODE_ENV of a key of a ConfigMap."""
    reference = {"name": config_map, "key": key, **({"optional": True} if optional else {})}
    return {"name": "NODE_ENV", "valueFrom": {"configMapKeyRef": reference}}


def fields(facts: list[FactReading] | Any) -> dict[str, tuple[bool | None, str]]:
    """Each fact by the container and the field that it is of."""
    return {name.partition("container ")[2]: fact for name, fact in told(facts).items()}


def test_a_variable_is_found_where_it_comes_from(
    cluster: PocketCluster, target: Target, subtests: pytest.Subtests
) -> None:
    """In the container, or in a ConfigMap that it takes all or one key of; of a Secret the value is not known."""
    cluster.create("ConfigMap", stored("modes", NODE_ENV="production", MODE="staging"))
    modes = [{"configMapRef": {"name": "modes"}}]
    of_secret = {"name": "NODE_ENV", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "MODE"}}}
    unread = "its value comes from a Secret or the pod, which the check does not read"
    cases: list[tuple[dict[str, Any], bool | None, str]] = [
        ({"env": [{"name": "NODE_ENV", "value": "test"}]}, False, "test"),
        ({}, False, "not stated"),
        ({"envFrom": modes}, True, "production"),
        ({"env": [of_key("modes", "MODE")]}, False, "staging"),
        ({"env": [of_secret]}, None, unread),
        ({"envFrom": [{"configMapRef": {"name": "gone"}}]}, None, "ConfigMap gone of envFrom does not exist"),
        ({"env": [{"name": "NODE_ENV"}]}, False, "an empty text"),
        ({"env": [of_key("gone", "MODE", optional=True)]}, False, "not stated"),
        ({"env": [of_key("modes", "NONE", optional=True)], "envFrom": modes}, True, "production"),
        ({"env": [of_key("modes", "NONE")]}, None, "ConfigMap modes has no key NONE"),
    ]
    params = {"variable": "NODE_ENV", "value": "production", "port": "3000"}
    for number, (settings, ok, observed) in enumerate(cases):
        with subtests.test(settings=settings):
            name, main = f"web-{number}", container(ports=[{"containerPort": 3000}], **settings)
            cluster.create("Deployment", deployment(name, "north", main))
            found = fields(container_environment(target, {**params, "deployment": name})())
            assert found == {"main: NODE_ENV": (ok, observed), "main: port": (True, "3000")}


def test_a_variable_of_the_container_itself_needs_nothing_else(
    cluster: PocketCluster, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a row of `env` has is known although `envFrom` names a Secret that may not be read; what it lacks is not."""

    def refused(_cluster: Cluster, _version: str, kind: str, name: str, _namespace: str = "") -> None:
        raise AccessDenied(f"403: {kind} {name}")

    monkeypatch.setattr(Cluster, "read", refused)
    rows = [{"name": "NODE_ENV", "value": "production"}, {"name": "PORT", "value": "8080"}, of_key("modes", "MODE")]
    params = {"deployment": "web", "variable": "NODE_ENV", "value": "production", "port": "3000"}
    cases: list[tuple[list[dict[str, Any]], dict[str, Any]]] = [
        (rows[:1], {"NODE_ENV": (True, "production")}),
        (rows[:2], {"NODE_ENV": (True, "production"), "PORT": (False, "8080")}),
        (rows[1:2], {"NODE_ENV": (None, "403: Secret app"), "PORT": (False, "8080")}),
        (rows[2:], {"NODE_ENV": (None, "403: ConfigMap modes")}),
        ([*rows[:1], {**rows[2], "name": "OTHER"}], {"NODE_ENV": (True, "production")}),
        (
            [*rows[:1], {**rows[2], "name": "PORT"}],
            {"NODE_ENV": (True, "production"), "PORT": (None, "403: ConfigMap modes")},
        ),
    ]
    for number, (env, found) in enumerate(cases):
        main = container(ports=[{"containerPort": 3000}], env=env, envFrom=[{"secretRef": {"name": "app"}}])
        cluster.create("Deployment", deployment(f"web-{number}", "north", main))
        facts = fields(container_environment(target, {**params, "deployment": f"web-{number}"})())
        expected = {**found, "port": (True, "3000")}
        assert {name.removeprefix("main: "): fact for name, fact in facts.items()} == expected


def test_a_port_may_have_others_beside_it(cluster: PocketCluster, target: Target) -> None:
    """One for metrics; a variable PORT names the same as the sentence."""
    ports = [{"containerPort": 9090}, {"containerPort": 3000}]
    env = [{"name": "NODE_ENV", "value": "production"}, {"name": "PORT", "value": "8080"}]
    cluster.create("Deployment", deployment("web", "north", container(ports=ports, env=env)))
    params = {"deployment": "web", "variable": "NODE_ENV", "value": "production"}
    found = fields(container_environment(target, {**params, "port": "3000"})())
    assert (found["main: port"], found["main: PORT"]) == ((True, "3000, 9090"), (False, "8080"))
    assert fields(container_environment(target, {**params, "port": "80"})())["main: port"] == (False, "3000, 9090")


LIVE = {"httpGet": {"path": "/api/health", "port": 3000}, "initialDelaySeconds": 30, "periodSeconds": 10}
READY = {**LIVE, "initialDelaySeconds": 5, "periodSeconds": 5}
RIGHT = container("web", livenessProbe=LIVE, readinessProbe=READY)
PLAIN: dict[str, Any] = {"name": "exporter", "image": "x:1"}
PROBES = {
    "has": "liveness path equal to /api/health, liveness delay equal to 30 s, liveness period equal to 10 s, readiness delay equal to 5 s and readiness period equal to 5 s",
}


def test_the_probes_are_those_of_the_container_that_serves(
    cluster: PocketCluster, target: Target, subtests: pytest.Subtests
) -> None:
    """An exporter needs none and may have others; where no container has a liveness probe it fails.

    Of those that an annotation names, also where it has none and a container beside it has the right ones.
    """
    bare: dict[str, Any] = {"name": "web", "image": "x:1"}
    beside = {**RIGHT, "name": "beside"}
    cases: list[tuple[list[dict[str, Any]], str, str, bool]] = [
        ([RIGHT], "", "web", True),
        ([PLAIN, RIGHT], "", "web", True),
        ([RIGHT, container("exporter")], "", "web", True),
        ([container("web"), beside], "", "web", False),
        ([bare, container("exporter")], "", "exporter", False),
        ([PLAIN], "", "exporter", False),
        ([bare, beside], "web", "web", False),
        ([bare, beside], "beside", "beside", True),
    ]
    for number, (containers, annotated, probed, ok) in enumerate(cases):
        with subtests.test(containers=containers, annotated=annotated):
            body = deployment(f"web-{number}", "north", *containers)
            if annotated:
                own = {"kubectl.kubernetes.io/default-container": annotated}
                body["spec"]["template"]["metadata"]["annotations"] = own
            cluster.create("Deployment", body)
            found = fields(container_probes(target, {**PROBES, "deployment": f"web-{number}"})())
            assert {name.partition(":")[0] for name in found} == {probed}
            assert all(one for one, _ in found.values()) is ok


def _endpoints(cluster: PocketCluster, target: Target) -> dict[str, tuple[bool | None, str]]:
    params = {"service": "shop", "type": "LoadBalancer", "port": "80", "target_port": "3000", "at_least": "2"}
    return {name.rpartition(": ")[2]: fact for name, fact in told(service_endpoints(target, params)()).items()}


def test_a_service_has_its_type_its_ports_and_endpoints(cluster: PocketCluster, target: Target) -> None:
    """A port by name is that of the endpoints; addresses that are not ready, or at another port, do not count."""
    assert _endpoints(cluster, target) == {"north/shop": (False, "none of that name")}
    ports = [{"name": "http", "port": 80, "targetPort": "web"}]
    spec = {"type": "LoadBalancer", "selector": {"app": "shop"}, "ports": ports}
    meta = {"name": "shop", "namespace": "north"}
    made = cluster.create("Service", {"metadata": meta, "spec": spec})
    assert _endpoints(cluster, target) == {
        "type": (True, "LoadBalancer"),
        "port": (False, "none"),
        "ready endpoints": (False, "0"),
    }
    subset = {
        "addresses": [{"ip": "127.9.0.1"}, {"ip": "127.9.0.2"}],
        "notReadyAddresses": [{"ip": "127.9.0.3"}],
        "ports": [{"name": "http", "port": 3000}],
    }
    there = cluster.create("Endpoints", {"metadata": meta, "subsets": [subset]})
    assert _endpoints(cluster, target)["port"] == (True, "80 to 3000")
    assert _endpoints(cluster, target)["ready endpoints"] == (True, "2")
    other = {**subset, "ports": [{"name": "http", "port": 8080}]}
    cluster.do(lambda store: store.update(by_name("Endpoints"), {**there, "subsets": [other]}))
    assert _endpoints(cluster, target)["port"] == (False, "80 to 8080")
    assert _endpoints(cluster, target)["ready endpoints"] == (False, "0")
    plain = {**made["spec"], "type": "ClusterIP"}
    cluster.do(lambda store: store.update(by_name("Service"), {**made, "spec": plain}))
    assert _endpoints(cluster, target)["type"] == (False, "ClusterIP")
