"""StressChaos on real containers, through the official client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from kubernetes import client

from readiness_sandbox.cluster.quantities import amount

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.sandbox.pocket import PocketCluster

CHAOS = ("chaos-mesh.org", "v1alpha1", "default", "stresschaos")


class Stressed:
    """A pod with a limit of 256Mi, and what is done to it."""

    def __init__(self, cluster: PocketCluster) -> None:
        self.cluster = cluster
        self.custom: Any = client.CustomObjectsApi(cluster.core.api_client)

    def create(self, stressors: dict[str, Any], name: str = "stress", **spec: Any) -> None:
        """The resource `name` on the pods of `app=calm`."""
        body = {
            "apiVersion": "chaos-mesh.org/v1alpha1",
            "kind": "StressChaos",
            "metadata": {"name": name},
            "spec": {"mode": "all", "selector": {"labelSelectors": {"app": "calm"}}, "stressors": stressors, **spec},
        }
        self.custom.create_namespaced_custom_object(*CHAOS, body)

    def delete(self) -> None:
        """Delete it."""
        self.custom.delete_namespaced_custom_object(*CHAOS, "stress")

    @property
    def conditions(self) -> dict[str, str]:
        """Type to status."""
        status = self.custom.get_namespaced_custom_object(*CHAOS, "stress").get("status") or {}
        return {each["type"]: each["status"] for each in status.get("conditions") or ()}

    @property
    def records(self) -> list[Any]:
        """The containers that were selected."""
        status = self.custom.get_namespaced_custom_object(*CHAOS, "stress")["status"]
        return list(status["experiment"]["containerRecords"])

    @property
    def memory_mib(self) -> float:
        """What the metrics API says of the pod."""
        try:
            found = self.custom.get_namespaced_custom_object("metrics.k8s.io", "v1beta1", "default", "pods", "calm")
        except client.ApiException:
            return 0.0
        return float(amount(found["containers"][0]["usage"]["memory"])) / 2**20


@pytest.fixture
def calm(cluster: PocketCluster) -> Iterator[Stressed]:
    """A pod that does nothing by itself; no stress stays."""
    limits = {"memory": "256Mi"}
    main = {"name": "main", "image": "test/calm:1", "command": ["sleep", "600"], "resources": {"limits": limits}}
    meta = {"name": "calm", "labels": {"app": "calm"}}
    spec = {"containers": [main], "terminationGracePeriodSeconds": 0}
    cluster.core.create_namespaced_pod("default", {"metadata": meta, "spec": spec})
    stressed = Stressed(cluster)
    cluster.until(lambda: stressed.memory_mib > 0, 40)
    yield stressed
    stressed.custom.delete_collection_namespaced_custom_object(*CHAOS)


def test_memory_stress_is_on_the_account_of_the_container_until_it_is_deleted(calm: Stressed) -> None:
    """AllInjected, then the metrics API shows it; after the delete it is gone, and the container has run through."""
    before = calm.memory_mib
    calm.create({"memory": {"workers": 1, "size": "100MB"}})
    calm.cluster.until(lambda: calm.conditions.get("AllInjected") == "True", 40)
    assert (calm.conditions["Selected"], calm.conditions["AllRecovered"]) == ("True", "False")
    assert [(each["id"], each["phase"]) for each in calm.records] == [("default/calm/main", "Injected")]
    calm.cluster.until(lambda: calm.memory_mib > before + 90, 40)
    calm.delete()
    calm.cluster.until(lambda: calm.memory_mib < before + 20, 40)
    assert calm.cluster.pods()[0].status.container_statuses[0].restart_count == 0


def test_the_stress_of_two_resources_adds_up(calm: Stressed) -> None:
    """As two processes beside a container do; the end of one leaves the other."""
    before = calm.memory_mib
    calm.create({"memory": {"workers": 1, "size": "60MB"}}, name="more")
    calm.create({"memory": {"workers": 1, "size": "60MB"}})
    calm.cluster.until(lambda: calm.memory_mib > before + 110, 40)
    calm.delete()
    calm.cluster.until(lambda: before + 50 < calm.memory_mib < before + 90, 40)


def test_stress_over_the_memory_limit_kills_the_container(calm: Stressed) -> None:
    """As in a cgroup: the container is OOMKilled, and the stress with it."""
    calm.create({"memory": {"workers": 2, "size": "80%"}})
    calm.cluster.until(lambda: calm.cluster.pods()[0].status.container_statuses[0].restart_count == 1, 40)
    ended = calm.cluster.pods()[0].status.container_statuses[0].last_state.terminated
    assert ended.reason == "OOMKilled"


def test_stress_ends_with_its_duration(calm: Stressed) -> None:
    """AllRecovered and Stop; the record counts one injection and one recovery."""
    calm.create({"cpu": {"workers": 1, "load": 50}}, duration="2s")
    calm.cluster.until(lambda: calm.conditions.get("AllInjected") == "True", 40)
    calm.cluster.until(lambda: calm.conditions.get("AllRecovered") == "True", 40)
    assert [(each["injectedCount"], each["recoveredCount"]) for each in calm.records] == [(1, 1)]


def test_no_target_is_said(calm: Stressed) -> None:
    """Selected, AllInjected and AllRecovered are all false."""
    calm.create({"cpu": {"workers": 1, "load": 1}}, selector={"labelSelectors": {"app": "nobody"}})
    calm.cluster.until(lambda: calm.conditions.get("Selected") == "False")
    assert (calm.conditions["AllInjected"], calm.conditions["AllRecovered"]) == ("False", "False")
