"""The way around the gateway: exposed services and pods, and strangers that are answered."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

import pytest

from harness.drivers.check.gateway.around import gateway_only
from harness.drivers.check.gateway.routes import leads_around
from harness.targets.files.outside import Flows
from tests.builders.addresses import NET
from tests.together.check.test_check_flow_log import endpoint, flow
from tests.together.objects import deployment, service

if TYPE_CHECKING:
    from pathlib import Path

    from harness.drivers.facts import FactReading
    from harness.targets import Target
    from harness.targets.kubernetes import Cluster
    from tests.together.check.conftest import Backend
    from tests.together.conftest import PocketCluster


def looked(target: Target) -> dict[str, FactReading]:
    """Each fact by its subject."""
    with gateway_only(target, {"gateway": "api-gateway"}) as probe:
        return {one.subject: one for one in probe()}


def reached(cluster: PocketCluster, addresses: dict[str, tuple[str, str]]) -> None:
    """Where the declared caller and the stranger reach each service."""

    def environment(label: str) -> dict[str, str]:
        at = 0 if label == "frontend" else 1
        return {f"{name}_SERVICE_HOST": both[at] for name, both in addresses.items()}

    cluster.kubelet.environment = environment


CLOSED_TO_STRANGERS = {"TRACK_SERVICE": (f"{NET}1", f"{NET}99")}  # nobody listens at the second: refused


def test_services_behind_the_gateway_that_refuse_strangers(
    cluster: PocketCluster, target: Target, backends: list[Backend]
) -> None:
    """A stranger may reach the gateway, and nothing else; what is by UDP is not called."""
    cluster.create("Service", service("api-gateway"))
    ports = [{"name": "http", "port": 8080}, {"name": "dns", "port": 53, "protocol": "UDP"}]
    cluster.create("Service", service("track-service", ports=ports))
    cluster.create("Deployment", deployment("track-service", replicas=0))
    reached(cluster, CLOSED_TO_STRANGERS)
    found = looked(target)
    assert all(one.ok for one in found.values())
    assert [subject for subject in found if "stranger" in subject] == ["north: stranger to track-service on TCP 8080"]
    assert found["north: stranger to track-service on TCP 8080"].observed == "refused"
    assert found["north: service track-service"].observed == "not exposed"
    assert cluster.kubelet.processes == {}


def test_a_stranger_that_is_refused_as_the_declared_caller_is_shows_nothing(
    cluster: PocketCluster, target: Target, backends: list[Backend]
) -> None:
    """Nobody listens; and a database closes the connection of whoever speaks HTTP to it."""
    cluster.create("Service", service("track-service"))
    cluster.create("Service", service("store"))
    backends[1].status = 0
    gone = (f"{NET}99", f"{NET}99")
    reached(cluster, {"TRACK_SERVICE": gone, "STORE": (f"{NET}2", f"{NET}2")})
    found = {subject: one.ok for subject, one in looked(target).items() if "stranger" in subject}
    assert found == {
        "north: stranger to track-service on TCP 8080": None,
        "north: stranger to store on TCP 8080": None,
    }


def ingress(name: str, *services: str) -> dict[str, Any]:
    """One that leads to services of the north, the first of them by default."""
    backends = [{"service": {"name": one, "port": {"number": 8080}}} for one in services]
    paths = [{"path": "/", "pathType": "Prefix", "backend": one} for one in backends[1:]]
    rules = [{"host": "example.test", "http": {"paths": paths}}] if paths else []
    spec = {"defaultBackend": backends[0], "rules": rules}
    return {"metadata": {"name": name, "namespace": "north"}, "spec": spec}


def test_an_ingress_that_leads_past_the_gateway_is_found(
    cluster: PocketCluster, target: Target, backends: list[Backend]
) -> None:
    """To the gateway, by its other name too, or to a page for people it may lead."""
    cluster.create("Service", service("api-gateway"))
    cluster.create("Service", service("public", selector={"app": "api-gateway"}))
    cluster.create("Service", service("pages", clusterIP=f"{NET}2"))
    cluster.create("Service", service("track-service"))
    for one in (ingress("good", "api-gateway", "public", "pages"), ingress("bad", "api-gateway", "track-service")):
        cluster.create("Ingress", one)
    reached(cluster, {**CLOSED_TO_STRANGERS, "PUBLIC": CLOSED_TO_STRANGERS["TRACK_SERVICE"]})
    found = looked(target.model_copy(update={"website": f"http://{NET}2:8080/"}))
    assert {subject: (one.ok, one.observed) for subject, one in found.items() if "Ingress" in subject} == {
        "north: Ingress good": (True, "leads around it to no service"),
        "north: Ingress bad": (False, "leads to track-service"),
    }


class Routed:
    """A cluster with one HTTPRoute of a Gateway, and one of a Service, both to the same backend; or without the Gateway API."""

    def __init__(self, *, served: bool = True) -> None:
        self._served = served

    def kinds(self, version: str) -> dict[str, str]:
        """As discovery says."""
        assert version == "gateway.networking.k8s.io/v1"
        return {"HTTPRoute": "httproutes"} if self._served else {}

    def customs(self, version: str, plural: str, namespace: str) -> list[dict[str, Any]]:
        """No Ingress, and two routes."""
        assert namespace == "north"
        if plural == "ingresses":
            return []
        assert (version, self._served) == ("gateway.networking.k8s.io/v1", True)
        rules = [{"backendRefs": [{"name": "track-service", "port": 8080}]}]
        parents = {"outside": {"name": "edge"}, "within": {"name": "api-gateway", "kind": "Service", "group": ""}}
        return [
            {"metadata": {"name": name}, "spec": {"parentRefs": [parent], "rules": rules}}
            for name, parent in parents.items()
        ]


def test_a_route_of_a_gateway_leads_to_what_it_names_and_one_of_a_service_is_within() -> None:
    """Where the API serves routes."""
    found = leads_around(cast("Cluster", Routed()), "north", "north", {"api-gateway"})
    assert [(one.subject, one.ok) for one in found] == [("north: HTTPRoute outside", False)]
    assert list(leads_around(cast("Cluster", Routed(served=False)), "north", "north", set())) == []


def test_pages_for_people_are_no_way_around_the_gateway(
    cluster: PocketCluster, target: Target, backends: list[Backend]
) -> None:
    """The service at the website's address is open, and so is every other that selects its pods; the one beside it is not."""
    cluster.create("Service", service("api-gateway"))
    cluster.create("Service", service("pages", clusterIP=f"{NET}3", type="LoadBalancer"))
    cluster.create("Service", service("pages-too", selector={"app": "pages"}, type="NodePort"))
    cluster.create("Service", service("track-service", type="NodePort"))
    cluster.create("Deployment", deployment("pages", replicas=0, hostNetwork=True))
    both = (f"{NET}2", f"{NET}2")
    reached(cluster, {**CLOSED_TO_STRANGERS, "PAGES": both, "PAGES_TOO": both})
    named = target.model_copy(update={"website": f"http://{NET}3:8080/"})
    bad = {subject: one.observed for subject, one in looked(named).items() if not one.ok}
    assert bad == {"north: service track-service": "NodePort"}
    elsewhere = target.model_copy(update={"website": f"http://{NET}3/"})  # another port of the same address
    assert "north: service pages" in {subject for subject, one in looked(elsewhere).items() if not one.ok}
    assert "north: service pages" in {subject for subject, one in looked(target).items() if not one.ok}


def test_a_stranger_that_is_answered_and_open_ports_are_found(
    cluster: PocketCluster, target: Target, backends: list[Backend]
) -> None:
    """A NodePort, the node's network, a node's port of a sidecar, and a call that goes around the gateway."""
    cluster.create("Service", service("api-gateway", type="LoadBalancer"))
    cluster.create("Service", service("track-service", type="NodePort"))
    cluster.create("Deployment", deployment("track-service", replicas=0, hostNetwork=True))
    sidecar = {"name": "s", "image": "x:1", "restartPolicy": "Always", "ports": [{"containerPort": 80, "hostPort": 81}]}
    cluster.create("Deployment", deployment("beside", replicas=0, initContainers=[sidecar]))
    reached(cluster, {"TRACK_SERVICE": (f"{NET}1", f"{NET}2")})
    bad = {subject: one.observed for subject, one in looked(target).items() if not one.ok}
    assert bad == {
        "north: service track-service": "NodePort",
        "north: pods of Deployment/track-service": "the network of its node",
        "north: pods of Deployment/beside": "port 81 of its node",
        "north: stranger to track-service on TCP 8080": "accepted",
    }


@pytest.mark.parametrize(
    ("led", "ok", "said"),
    [
        ({"api-gateway": "FORWARDED"}, True, "leads to api-gateway alone"),
        ({"api-gateway": "FORWARDED", "track-service": "DROPPED"}, True, "leads to api-gateway alone"),
        ({"api-gateway": "FORWARDED", "track-service": "FORWARDED"}, False, "1 connections to track-service"),
        ({"api-gateway": "DROPPED"}, None, "no connection from it to api-gateway is in the log"),
        ({}, None, "no connection from it to api-gateway is in the log"),
        (
            None,
            None,
            "not known, since the target file names no log of connections; hint: write `flows: {log: FILE, …}`",
        ),
    ],
)
def test_an_entry_in_front_of_the_gateway_leads_to_it_alone(
    cluster: PocketCluster, target: Target, tmp_path: Path, *, led: dict[str, str] | None, ok: bool | None, said: str
) -> None:
    """It is called by anybody; where it leads is told by the log of connections, and by nothing else."""
    cluster.create("Service", service("api-gateway"))
    cluster.create("Service", service("entry", selector={"app": "edge"}, clusterIP=f"{NET}1"))
    flows = [
        flow(endpoint("edge", "edge-1"), endpoint(one, f"{one}-1"), verdict=how) for one, how in (led or {}).items()
    ]
    (tmp_path / "events.log").write_text("".join(f"{json.dumps(one)}\n" for one in flows))
    pod = {"metadata": {"name": "edge-1", "namespace": "north", "labels": {"app": "edge"}}}
    cluster.create("Pod", {**pod, "spec": {"containers": [{"name": "c", "image": "x"}]}})
    own = {"stores": ["postgres"], "data_access": ["track-service"], "dependencies": {"track-service": ["postgres"]}}
    log = None if led is None else Flows.model_validate({"log": str(tmp_path / "events.log"), **own}, strict=False)
    found = looked(target.model_copy(update={"flows": log}))
    assert [subject for subject in found if "stranger" in subject] == []
    assert (found["north: entry edge"].ok, found["north: entry edge"].observed) == (ok, said)
