"""What the machinery measures, as clients of the API meet it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest
from kubernetes import client

from tests.sandbox.cluster.conftest import refusal
from tests.sandbox.pocket import needs_kubectl

if TYPE_CHECKING:
    from tests.sandbox.cluster.conftest import PocketApi

METRICS = ("metrics.k8s.io", "v1beta1")


def measured(name: str, **labels: str) -> dict[str, Any]:
    """PodMetrics as the machinery makes them."""
    at = "2026-11-21T00:00:00Z"
    return {
        "kind": "PodMetrics",
        "apiVersion": "metrics.k8s.io/v1beta1",
        "metadata": {"name": name, "namespace": "default", "creationTimestamp": at, "labels": labels},
        "timestamp": at,
        "window": "3.000s",
        "containers": [{"name": "web", "usage": {"cpu": "250000000n", "memory": "20480Ki"}}],
    }


@pytest.fixture
def two_pods(pocket_api: PocketApi, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The official client on a cluster that has measured two pods."""
    monkeypatch.setattr(pocket_api.meters, "pods", [measured("a", app="web"), measured("b", app="other")])
    return client.CustomObjectsApi(pocket_api.client())


def test_pods_are_listed_by_label_and_read_by_name(two_pods: Any) -> None:
    """As the HPA controller and `kubectl top` ask; one that was not measured is 404, as from metrics-server before its second sample."""
    listed = two_pods.list_namespaced_custom_object(*METRICS, "default", "pods", label_selector="app=web")
    assert [each["metadata"]["name"] for each in listed["items"]] == ["a"]
    assert listed["kind"] == "PodMetricsList"
    assert two_pods.get_namespaced_custom_object(*METRICS, "default", "pods", "b")["window"] == "3.000s"
    assert refusal(two_pods.get_namespaced_custom_object, *METRICS, "default", "pods", "c")["code"] == 404


def test_measured_objects_are_only_read(two_pods: Any) -> None:
    """No watch, no write: 405."""
    pods = (*METRICS, "default", "pods")
    assert refusal(two_pods.list_namespaced_custom_object, *pods, watch=True)["code"] == 405
    assert refusal(two_pods.create_namespaced_custom_object, *pods, measured("d"))["code"] == 405


def test_discovery_names_the_group_with_what_it_serves(pocket_api: PocketApi) -> None:
    """Clients that look before they ask find pods and nodes, get and list."""
    rows = client.CustomObjectsApi(pocket_api.client()).get_api_resources(*METRICS).resources
    assert {(each.name, each.kind, tuple(each.verbs)) for each in rows} == {
        ("pods", "PodMetrics", ("get", "list")),
        ("nodes", "NodeMetrics", ("get", "list")),
    }


@needs_kubectl
@pytest.mark.usefixtures("two_pods")
def test_kubectl_top_prints_what_was_measured(pocket_api: PocketApi) -> None:
    """In kubectl's own units: 0.25 cores are 250m, 20480 KiB are 20Mi."""
    assert pocket_api.kubectl("top", "pods", "--no-headers").split() == ["a", "250m", "20Mi", "b", "250m", "20Mi"]


def test_a_kubelet_is_reached_through_its_node(core: Any, http: httpx.Client) -> None:
    """Whatever a scraper accepts: `/api/v1/nodes/N/proxy/PATH`; and nothing else has a path below it."""
    core.create_node({"metadata": {"name": "n1"}})
    assert core.connect_get_node_proxy_with_path("n1", "metrics/cadvisor") == "n1 /metrics/cadvisor\n"
    refused = http.get("/api/v1/nodes/n1/status/metrics")
    assert (refused.status_code, refused.json()["message"]) == (404, "the server could not find the requested resource")
