"""The way around the gateway: exposed services and pods, and strangers that are answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.drivers.check.around import gateway_only

if TYPE_CHECKING:
    from harness.drivers.facts import FactReading
    from harness.targets import Target
    from tests.drivers.check.conftest import Backend
    from tests.drivers.conftest import PocketCluster


def service(name: str, **spec: Any) -> dict[str, Any]:
    """A service of the north with port 8080."""
    own = {"selector": {"app": name}, "ports": [{"name": "http", "port": 8080, "targetPort": 8080}], **spec}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "north"}, "spec": own}


def deployment(name: str, **pod: Any) -> dict[str, Any]:
    """A deployment of the north."""
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "c", "image": "x:1"}], **pod}}
    spec = {"replicas": 0, "selector": {"matchLabels": {"app": name}}, "template": template}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "north"},
        "spec": spec,
    }


def looked(target: Target) -> dict[str, FactReading]:
    """Each fact by its subject."""
    with gateway_only(target, {"gateway": "api-gateway"}) as probe:
        return {one.subject: one for one in probe()}


def test_services_behind_the_gateway_that_refuse_strangers(
    cluster: PocketCluster, target: Target, backends: list[Backend]
) -> None:
    """A stranger may reach the gateway, and nothing else."""
    cluster.create("Service", service("api-gateway"))
    cluster.create("Service", service("track-service"))
    cluster.create("Deployment", deployment("track-service"))
    cluster.kubelet.environment = lambda _: {
        "API_GATEWAY_SERVICE_HOST": "127.95.3.1",
        "TRACK_SERVICE_SERVICE_HOST": "127.95.3.99",  # nobody listens: refused
    }
    found = looked(target)
    assert all(one.ok for one in found.values())
    assert found["north: stranger to track-service"].observed == "refused"
    assert "north: stranger to api-gateway" not in found
    assert found["north: service track-service"].observed == "not exposed"
    assert cluster.kubelet.processes == {}


def test_pages_for_people_are_no_way_around_the_gateway(
    cluster: PocketCluster, target: Target, backends: list[Backend]
) -> None:
    """The service at the website's address is open, and so is every other that selects its pods; the one beside it is not."""
    cluster.create("Service", service("api-gateway"))
    cluster.create("Service", service("pages", clusterIP="127.95.3.2", type="LoadBalancer"))
    cluster.create("Service", service("pages-too", selector={"app": "pages"}, type="NodePort"))
    cluster.create("Service", service("track-service", type="NodePort"))
    cluster.create("Deployment", deployment("pages", hostNetwork=True))
    cluster.kubelet.environment = lambda _: {
        "API_GATEWAY_SERVICE_HOST": "127.95.3.1",
        "PAGES_SERVICE_HOST": "127.95.3.2",
        "PAGES_TOO_SERVICE_HOST": "127.95.3.2",
        "TRACK_SERVICE_SERVICE_HOST": "127.95.3.99",
    }
    named = target.model_copy(update={"website": "http://127.95.3.2:8080/"})
    bad = {subject: one.observed for subject, one in looked(named).items() if not one.ok}
    assert bad == {"north: service track-service": "NodePort"}
    elsewhere = target.model_copy(update={"website": "http://127.95.3.2/"})  # another port of the same address
    assert "north: service pages" in {subject for subject, one in looked(elsewhere).items() if not one.ok}
    assert "north: service pages" in {subject for subject, one in looked(target).items() if not one.ok}


def test_a_stranger_that_is_answered_and_open_ports_are_found(
    cluster: PocketCluster, target: Target, backends: list[Backend]
) -> None:
    """A NodePort, the node's network, and a call that goes around the gateway."""
    cluster.create("Service", service("api-gateway", type="LoadBalancer"))
    cluster.create("Service", service("track-service", type="NodePort"))
    cluster.create("Deployment", deployment("track-service", hostNetwork=True))
    cluster.kubelet.environment = lambda _: {
        "API_GATEWAY_SERVICE_HOST": "127.95.3.1",
        "TRACK_SERVICE_SERVICE_HOST": "127.95.3.2",
    }
    bad = {subject: one.observed for subject, one in looked(target).items() if not one.ok}
    assert bad == {
        "north: service track-service": "NodePort",
        "north: pods of Deployment/track-service": "the network of its node",
        "north: stranger to track-service": "accepted",
    }
