"""The API through stock chaosk8s, where no machinery is needed. In a child process: `kubernetes.config` freezes KUBECONFIG at import."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from readiness_sandbox.cluster import kinds

if TYPE_CHECKING:
    from tests.sandbox.cluster.conftest import PocketApi

CHILD = """
import json, sys
import chaosk8s.actions, chaosk8s.deployment.actions, chaosk8s.deployment.probes, chaosk8s.event.probes, chaosk8s.namespace.probes
import chaosk8s.networking.actions, chaosk8s.networking.probes, chaosk8s.node.actions, chaosk8s.node.probes
import chaosk8s.pod.actions, chaosk8s.pod.probes, chaosk8s.secret.probes, chaosk8s.service.probes, chaosk8s.service.actions
import chaosk8s.statefulset.actions
from importlib import import_module
results = []
for module, function, arguments in json.load(sys.stdin):
    try:
        outcome = getattr(import_module("chaosk8s." + module), function)(**arguments)
        results.append(outcome if isinstance(outcome, (bool, int, str, list, type(None))) else str(type(outcome).__name__))
    except Exception as error:
        results.append(type(error).__name__ + ": " + str(error)[:300])
json.dump(results, sys.stdout, default=str)
"""

Step = tuple[str, str, dict[str, Any]]

TEMPLATE: dict[str, Any] = {
    "metadata": {"labels": {"app": "web"}},
    "spec": {"containers": [{"name": "c", "image": "web:1"}]},
}
SPEC = {"replicas": 3, "selector": {"matchLabels": {"app": "web"}}, "template": TEMPLATE}


def chaos(api: PocketApi, *steps: Step) -> list[Any]:
    """Run chaosk8s functions one after the other and tell what each returned or raised."""
    env = {**os.environ, "KUBECONFIG": str(api.kubeconfig), "KUBERNETES_CONTEXT": "pocket", "NO_PROXY": "127.0.0.1"}
    argv, told = [sys.executable, "-c", CHILD], json.dumps(steps)
    done = subprocess.run(argv, env=env, input=told, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    found: list[Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module", autouse=True)
def _platform(pocket_api: PocketApi) -> None:
    create = pocket_api.store.create
    meta: dict[str, Any] = {"name": "web", "namespace": "default", "labels": {"app": "web"}}
    ready = {"replicas": 3, "readyReplicas": 3, "availableReplicas": 3}
    pocket_api.call(create, kinds.by_name("Deployment"), {"metadata": meta, "spec": SPEC, "status": ready})
    pocket_api.call(create, kinds.by_name("StatefulSet"), {"metadata": meta, "spec": {**SPEC, "serviceName": "web"}})
    pocket_api.call(create, kinds.by_name("Service"), {"metadata": meta, "spec": {"ports": [{"port": 80}]}})
    pocket_api.call(create, kinds.by_name("Secret"), {"metadata": meta})
    node = {"metadata": {"name": "n1", "labels": {"topology.kubernetes.io/region": "eu-west-1"}}}
    pocket_api.call(
        create, kinds.by_name("Node"), {**node, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    )
    event = {"metadata": {"name": "e", "namespace": "default"}, "involvedObject": {"kind": "Pod", "name": "web-0"}}
    pocket_api.call(create, kinds.by_name("Event"), {**event, "message": "m"})
    for i in range(3):
        owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": "u", "controller": True}
        pod: dict[str, Any] = {
            "metadata": {**meta, "name": f"web-{i}", "ownerReferences": [owner]},
            "spec": {"nodeName": "n1", "volumes": [], **TEMPLATE["spec"]},
        }
        pocket_api.call(create, kinds.by_name("Pod"), {**pod, "status": {"phase": "Running"}})


def test_a_deployment_is_ready_then_scaled_to_zero(pocket_api: PocketApi) -> None:
    """The probes watch and list; the action patches the Deployment itself."""
    steps: list[Step] = [
        ("deployment.probes", "deployment_fully_available", {"name": "web", "timeout": 5}),
        ("deployment.probes", "deployment_available_and_healthy", {"name": "web"}),
        ("deployment.actions", "scale_deployment", {"name": "web", "replicas": 0}),
        ("statefulset.actions", "scale_statefulset", {"name": "web", "replicas": 1}),
        ("deployment.actions", "rollout_deployment", {"name": "web"}),
    ]
    assert chaos(pocket_api, *steps)[:2] == [True, True]
    deployment = pocket_api.store.get(kinds.by_name("Deployment"), "default", "web")
    assert deployment["spec"]["replicas"] == 0
    assert "kubectl.kubernetes.io/restartedAt" in deployment["spec"]["template"]["metadata"]["annotations"]
    assert pocket_api.store.get(kinds.by_name("StatefulSet"), "default", "web")["spec"]["replicas"] == 1


def test_a_region_is_cordoned_and_drained(pocket_api: PocketApi) -> None:
    """Nodes by label, evictions with a body that lacks its kind; no ten-second poll, because an eviction is done when it is answered."""
    region = {"label_selector": "topology.kubernetes.io/region=eu-west-1"}
    steps: list[Step] = [
        ("node.probes", "nodes_must_be_healthy", region),
        ("node.actions", "cordon_node", region),
        ("pod.probes", "count_pods", {"label_selector": "app=web"}),
        ("pod.actions", "terminate_pods", {"label_selector": "app=web", "qty": 1, "grace_period": 0}),
        ("pod.probes", "count_pods", {"label_selector": "app in (web)"}),
        ("node.actions", "drain_nodes", {**region, "timeout": 8}),
        ("pod.probes", "count_pods", {"label_selector": "app=web"}),
        ("node.actions", "uncordon_node", region),
    ]
    healthy, _, three, _, two, drained, none, _ = chaos(pocket_api, *steps)
    assert (healthy, three, two, drained, none) == (True, 3, 2, ["n1"], 0)
    assert pocket_api.store.get(kinds.by_name("Node"), None, "n1")["spec"] == {}


def test_what_exists_is_found(pocket_api: PocketApi) -> None:
    """Existence probes list by name; events come in their new shape."""
    steps: list[Step] = [
        ("secret.probes", "secret_exists", {"name": "web"}),
        ("secret.probes", "secret_exists", {"name": "nope"}),
        ("namespace.probes", "namespace_exists", {"name": "default"}),
        ("service.probes", "service_is_initialized", {"name": "web"}),
        ("event.probes", "get_events", {"limit": 10}),
        ("service.actions", "delete_service", {"name": "web"}),
    ]
    secret, missing, namespace, service, events, deleted = chaos(pocket_api, *steps)
    assert secret is True
    assert missing is False or "not" in str(missing)
    assert (namespace, service) == (True, True)
    assert "rror" not in str(events)
    assert deleted is None
