"""Argo Rollouts over the public API, with real pods, the exact patches of its kubectl plugin, and a Prometheus that a test scripts."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

import pytest
from kubernetes import client, config

from harness import clock
from tests.builders.http_servers import Quiet, serving
from tests.sandbox.pocket import server_container

if TYPE_CHECKING:
    from tests.sandbox.pocket import PocketCluster

pytestmark = pytest.mark.sandbox
ARGO = ("argoproj.io", "v1alpha1", "default")
GATEWAY = ("gateway.networking.k8s.io", "v1", "default")
HASH = "rollouts-pod-template-hash"
PLUGIN = shutil.which("kubectl-argo-rollouts")
"""Of Argo Rollouts, as `scripts/genuine build` makes it."""


class Cluster:
    """The custom objects of a pocket cluster, and one rollout named `web`."""

    def __init__(self, pocket: PocketCluster) -> None:
        self.pocket = pocket
        api: Any = config.new_client_from_config(str(pocket.kubeconfig), persist_config=False)  # type: ignore[no-untyped-call]
        self.api: Any = client.CustomObjectsApi(api)

    def rollout(self) -> dict[str, Any]:
        """The rollout as it is."""
        found: dict[str, Any] = self.api.get_namespaced_custom_object(*ARGO, "rollouts", "web")
        return found

    def status(self, patch: dict[str, Any]) -> None:
        """What the plugin sends to the status subresource."""
        self.api.patch_namespaced_custom_object_status(*ARGO, "rollouts", "web", patch)

    def deploy(self, release: str) -> None:
        """A template of another release."""
        self.change({"spec": {"template": _template(release)}})

    def change(self, patch: Any, **options: Any) -> None:
        """Patch the rollout."""
        self.api.patch_namespaced_custom_object(*ARGO, "rollouts", "web", patch, **options)

    def templated(self, name: str, **spec: Any) -> None:
        """Create a template of analyses."""
        body = {"apiVersion": "argoproj.io/v1alpha1", "kind": "AnalysisTemplate", "metadata": {"name": name}}
        self.api.create_namespaced_custom_object(*ARGO, "analysistemplates", {**body, "spec": spec})

    def weights(self) -> list[int]:
        """Of the route: stable, canary."""
        route = self.api.get_namespaced_custom_object(*GATEWAY, "httproutes", "web")
        return [each["weight"] for each in route["spec"]["rules"][0]["backendRefs"]]

    def selected(self, service: str) -> str:
        """The release that a Service selects."""
        found = self.pocket.core.read_namespaced_service(service, "default")
        chosen = (found.spec.selector or {}).get(HASH, "")
        pods = self.pocket.pods(f"{HASH}={chosen}") if chosen else []
        return pods[0].metadata.labels["release"] if pods else ""

    def until(self, phase: str, **more: Any) -> dict[str, Any]:
        """Wait for a phase and for what else the status must say."""

        def holds() -> bool:
            status = self.rollout().get("status") or {}
            observed = status.get("observedGeneration") == str(self.rollout()["metadata"]["generation"])
            return observed and status.get("phase") == phase and all(status.get(key) == more[key] for key in more)

        self.pocket.until(holds)
        status: dict[str, Any] = self.rollout()["status"]
        return status


def _template(release: str) -> dict[str, Any]:
    return {"metadata": {"labels": {"app": "web", "release": release}}, "spec": {"containers": [server_container()]}}


def _service(name: str) -> dict[str, Any]:
    spec = {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}
    return {"metadata": {"name": name}, "spec": spec}


@contextmanager
def _applied(pocket: PocketCluster, strategy: dict[str, Any], services: tuple[str, str]) -> Iterator[Cluster]:
    """The rollout `web` with two Services and a route between them, healthy; gone afterwards."""
    cluster = Cluster(pocket)
    for name in services:
        pocket.core.create_namespaced_service("default", _service(name))
    refs = [{"name": name, "port": 80, "weight": weight} for name, weight in zip(services, (100, 0), strict=True)]
    route = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": "web"}}
    cluster.api.create_namespaced_custom_object(
        *GATEWAY, "httproutes", {**route, "spec": {"rules": [{"backendRefs": refs}]}}
    )
    selector = {"matchLabels": {"app": "web"}}
    spec = {"replicas": 2, "selector": selector, "template": _template("one"), "strategy": strategy}
    rollout = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": {"name": "web"}, "spec": spec}
    cluster.api.create_namespaced_custom_object(*ARGO, "rollouts", rollout)
    try:
        cluster.until("Healthy")
        yield cluster
    finally:
        cluster.api.delete_namespaced_custom_object(*ARGO, "rollouts", "web")
        cluster.api.delete_namespaced_custom_object(*GATEWAY, "httproutes", "web")
        for name in services:
            pocket.core.delete_namespaced_service(name, "default")
        pocket.until(lambda: not pocket.pods())


def _canary(*steps: dict[str, Any]) -> dict[str, Any]:
    services = {"stableService": "web", "canaryService": "web-canary"}
    delays = {"abortScaleDownDelaySeconds": 1, "scaleDownDelaySeconds": 1}
    plugins = {"argoproj-labs/gatewayAPI": {"httpRoute": "web", "namespace": "default"}}
    return {"canary": {**services, **delays, "trafficRouting": {"plugins": plugins}, "steps": list(steps)}}


@contextmanager
def _prometheus() -> Iterator[tuple[str, list[str], list[str]]]:
    """(address, the sample values to answer with, the queries that came)."""
    values, queries = ["0"], list[str]()

    class Handler(Quiet, BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            queries.append(self.rfile.read(int(self.headers["content-length"])).decode())
            result = [{"metric": {}, "value": [1.5, value]} for value in values]
            body = json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}}).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

    with serving(Handler) as url:
        yield url, values, queries


def test_a_canary_is_promoted_by_the_plugins_patches_and_aborted(cluster: PocketCluster) -> None:
    """Weights follow the steps, the stable Service follows the promotion; an abort leaves the spec and is Degraded."""
    with _applied(cluster, _canary({"setWeight": 50}, {"pause": {}}), ("web", "web-canary")) as here:
        assert (here.weights(), here.selected("web")) == ([100, 0], "one")
        here.deploy("two")
        paused = here.until("Paused", message="CanaryPauseStep")
        assert (here.weights(), here.selected("web"), here.selected("web-canary")) == ([50, 50], "one", "two")
        assert paused["canary"]["weights"]["canary"]["weight"] == 50
        here.status({"status": {"pauseConditions": None}})
        here.until("Healthy", currentStepIndex=2)
        assert (here.weights(), here.selected("web")) == ([100, 0], "two")
        cluster.until(lambda: len(cluster.pods()) == 2)
        here.deploy("three")
        here.until("Paused")
        here.status({"status": {"abort": True}})
        aborted = here.until("Degraded", abort=True)
        assert aborted["message"].startswith("RolloutAborted: Rollout aborted update to revision 3")
        assert (here.weights(), here.selected("web")) == ([100, 0], "two")
        cluster.until(lambda: len(cluster.pods()) == 2)
        events = cluster.core.list_namespaced_event("default").items
        assert {"SwitchService", "RolloutStepCompleted", "RolloutAborted", "TrafficWeightUpdated"} <= {
            each.reason for each in events
        }
        service = cluster.core.read_namespaced_service("web", "default")
        assert service.metadata.annotations["argo-rollouts.argoproj.io/managed-by-rollouts"] == "web"
        replicasets = cluster.apps.list_namespaced_replica_set("default").items
        kept = next(each for each in replicasets if each.spec.template.metadata.labels["release"] == "two")
        template = here.api.api_client.sanitize_for_serialization(kept.spec.template)
        del template["metadata"]["labels"][HASH]
        undo = [{"op": "replace", "path": "/spec/template", "value": template}]
        as_json_patch = {"_content_type": "application/json-patch+json"}
        here.change(undo, **as_json_patch)
        here.until("Healthy")
        assert here.rollout()["metadata"]["annotations"]["rollout.argoproj.io/revision"] == "4"


def test_an_analysis_asks_prometheus_and_decides(cluster: PocketCluster) -> None:
    """Promoted on a good value; taken back on a bad one, with the reason; refused without its template."""
    with _prometheus() as (address, values, queries):
        steps = (
            {"setWeight": 50},
            {"analysis": {"templates": [{"templateName": "errors"}], "args": [{"name": "release", "value": "x"}]}},
        )
        with _applied(cluster, _canary({"setWeight": 50}), ("web", "web-canary")) as here:
            here.change({"spec": {"strategy": _canary(*steps)}})
            refused = here.until("Degraded")
            assert "AnalysisTemplate 'errors' not found" in refused["message"]
            metric = {
                "name": "errors",
                "failureCondition": "len(result) == 0 || result[0] > 0.05",
                "provider": {"prometheus": {"address": address, "query": 'errors{release="{{args.release}}"}'}},
            }
            here.templated("errors", args=[{"name": "release"}], metrics=[metric])
            here.until("Healthy")
            here.deploy("two")
            here.until("Healthy", currentStepIndex=2)
            assert len(queries) == 1
            assert "errors%7Brelease%3D%22x%22%7D" in queries[0]
            values[:] = ["0.06"]
            here.deploy("three")
            taken_back = here.until("Degraded", abort=True)
            assert 'Metric "errors" assessed Failed due to failed (1) > failureLimit (0)' in taken_back["message"]
            runs = here.api.list_namespaced_custom_object(*ARGO, "analysisruns")["items"]
            assert {run["status"]["phase"] for run in runs} == {"Successful", "Failed"}
            assert (here.weights(), here.selected("web")) == ([100, 0], "two")
            here.api.delete_namespaced_custom_object(*ARGO, "analysistemplates", "errors")


def test_a_dry_run_decides_nothing_and_a_metric_without_an_end_is_refused(cluster: PocketCluster) -> None:
    """The metric of the dry run fails, the release goes on; of a step, a metric that never ends is InvalidSpec, and so is one pod too few."""
    with _prometheus() as (address, values, _):
        values[:] = ["0.5"]
        query = {"provider": {"prometheus": {"address": address, "query": "up"}}}
        tried = {"name": "tried", "count": 1, "successCondition": "result[0] < 0.05", **query}
        agreed = {"name": "agreed", "count": 1, "successCondition": "result[0] < 1", **query}
        analysis = {"analysis": {"templates": [{"templateName": "checks"}]}}
        steps: tuple[dict[str, Any], ...] = ({"setWeight": 50}, analysis, {"pause": {}})
        with _applied(cluster, _canary({"setWeight": 50}), ("web", "web-canary")) as here:
            here.templated("checks", dryRun=[{"metricName": "tried"}], metrics=[tried, agreed])
            here.change({"spec": {"strategy": _canary(*steps)}})
            here.until("Healthy")
            here.deploy("two")
            here.until("Paused", message="CanaryPauseStep", currentStepIndex=2)
            (run,) = here.api.list_namespaced_custom_object(*ARGO, "analysisruns")["items"]
            phases = {each["name"]: each["phase"] for each in run["status"]["metricResults"]}
            assert phases == {"tried": "Failed", "agreed": "Successful"}
            endless = {"metrics": [{**agreed, "count": 0, "interval": "5s"}], "dryRun": None}
            here.api.patch_namespaced_custom_object(*ARGO, "analysistemplates", "checks", {"spec": endless})
            assert "metric 'agreed' runs without an end" in here.until("Degraded")["message"]
            here.api.delete_namespaced_custom_object(*ARGO, "analysistemplates", "checks")


def test_without_a_router_one_stable_pod_stays_beside_the_canary(cluster: PocketCluster) -> None:
    """`replicas: 1`, `setWeight: 5`: two pods, one of each release; a Service of other pods is refused."""
    strategy: dict[str, Any] = {"canary": {"steps": [{"setWeight": 5}, {"pause": {}}]}}
    with _applied(cluster, strategy, ("web", "web-canary")) as here:
        here.change({"spec": {"replicas": 1}})
        cluster.until(lambda: len(cluster.pods()) == 1)
        here.until("Healthy")
        here.deploy("two")
        here.until("Paused")
        assert sorted(pod.metadata.labels["release"] for pod in cluster.pods()) == ["one", "two"]
        cluster.core.patch_namespaced_service("web", "default", {"spec": {"selector": {"app": "other"}}})
        named = {"canary": {**strategy["canary"], "stableService": "web"}}
        here.change({"spec": {"strategy": named}})
        assert "Service 'web' selects app=other" in here.until("Degraded")["message"]


def test_a_release_that_is_taken_back_is_told_of(cluster: PocketCluster) -> None:
    """Release, cause and time, to the Alertmanager that the rollout has subscribed to; by abort and by hand."""
    with _prometheus() as (address, _, bodies):
        targets = {"service.alertmanager": f"targets: ['{address.removeprefix('http://')}']"}
        config = {"metadata": {"name": "argo-rollouts-notification-configmap"}, "data": targets}
        cluster.core.create_namespaced_config_map("default", config)
        with _applied(cluster, _canary({"setWeight": 50}, {"pause": {}}), ("web", "web-canary")) as here:
            subscribed = "notifications.argoproj.io/subscribe.on-rollout-{}.alertmanager"
            annotations = {subscribed.format(each): "" for each in ("aborted", "updated")}
            here.change({"metadata": {"annotations": annotations}})
            here.deploy("two")
            here.until("Paused")
            candidate = here.rollout()["status"]["currentPodHash"]
            here.status({"status": {"abort": True}})
            cluster.until(lambda: len(bodies) == 1)
            here.deploy("one")
            cluster.until(lambda: len(bodies) == 2)
        ((aborted,), (by_hand,)) = map(json.loads, bodies)
        assert aborted["labels"] == {
            "alertname": "ReleaseTakenBack",
            "severity": "warning",
            "release": candidate,  # the template has no label `version`
            "namespace": "default",
            "rollout": "web",
        }
        assert aborted["annotations"]["description"] == "Rollout aborted update to revision 2"
        assert aborted["startsAt"].startswith("2")
        assert by_hand["labels"]["release"] == candidate


def test_a_restart_replaces_the_pods_from_before_it(cluster: PocketCluster) -> None:
    """Asked for as the plugin does, for a moment that is to come; one after the other, and said to be done when no pod is from before it."""
    with _applied(cluster, _canary({"setWeight": 50}, {"pause": {}}), ("web", "web-canary")) as here:
        before = {pod.metadata.uid for pod in cluster.pods()}
        asked = (clock.wall() + timedelta(seconds=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
        here.change({"spec": {"restartAt": asked}})
        assert here.rollout()["status"].get("restartedAt") is None
        ready = list[int]()

        def restarted() -> bool:
            ready.append(len(cluster.ready_pods()))
            return bool(here.rollout()["status"].get("restartedAt") == asked)

        cluster.until(restarted)
        here.until("Healthy", restartedAt=asked)
        cluster.until(lambda: len(cluster.ready_pods()) == 2)
        assert before & {pod.metadata.uid for pod in cluster.ready_pods()} == set()
        assert min(ready) == 1


def test_experiments_are_listed_and_none_is_run(cluster: PocketCluster) -> None:
    """The plugin waits for a list of them; one that nobody would run is refused."""
    here = Cluster(cluster)
    assert here.api.list_namespaced_custom_object(*ARGO, "experiments")["items"] == []
    body = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Experiment", "metadata": {"name": "web"}}
    with pytest.raises(client.ApiException, match="must have at most 0 items") as refused:
        here.api.create_namespaced_custom_object(*ARGO, "experiments", {**body, "spec": {"templates": [{"name": "a"}]}})
    assert refused.value.status == 422


@pytest.mark.skipif(PLUGIN is None, reason="kubectl-argo-rollouts is not on PATH")
def test_the_plugin_itself_reads_promotes_aborts_undoes_and_restarts(cluster: PocketCluster) -> None:
    """`kubectl argo rollouts`, as its users call it."""

    def said(*words: str, code: int = 0) -> str:
        command = [str(PLUGIN), "--kubeconfig", str(cluster.kubeconfig), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == code, done.stderr
        return done.stdout

    with _applied(cluster, _canary({"setWeight": 50}, {"pause": {}}), ("web", "web-canary")) as here:
        name, image = (server_container()[key] for key in ("name", "image"))
        assert said("status", "web", "--watch=false") == "Healthy\n"
        said("set", "image", "web", f"{name}={image.partition(':')[0]}:two")
        here.until("Paused", message="CanaryPauseStep")
        assert said("status", "web", "--watch=false") == "Paused - CanaryPauseStep\n"
        tree = said("get", "rollout", "web", "--no-color")
        assert {"SetWeight:     50", "ActualWeight:  50"} <= {line.strip() for line in tree.splitlines()}
        said("promote", "web")
        assert said("status", "web", "--timeout", "30s").endswith("Healthy\n")
        said("undo", "web")
        here.until("Paused")
        said("abort", "web")
        here.until("Degraded", abort=True)
        assert said("status", "web", "--watch=false", code=1) == "Degraded\n"
        said("retry", "rollout", "web")
        here.until("Paused")
        said("promote", "web", "--full")
        here.until("Healthy")
        said("restart", "web", "--in", "1s")
        cluster.until(lambda: bool(here.rollout()["status"].get("restartedAt")))
