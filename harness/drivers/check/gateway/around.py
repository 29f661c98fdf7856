"""`gateway-only`: checks that every service is reached through the gateway, and that no call from outside bypasses it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from harness.drivers.check.calling import place_name, tcp_ports
from harness.drivers.check.claim import claim
from harness.drivers.check.gateway.entries import EntriesSeen
from harness.drivers.check.gateway.gateways import GATEWAY, gateway_reads
from harness.drivers.check.gateway.routes import ROUTES, leads_around
from harness.drivers.check.gateway.services import RegionServices, is_of, open_to
from harness.drivers.check.needs import API, DECLARED_CALLERS, ENTRIES, READS
from harness.drivers.check.policies import Backend, CallerPair, callers_in_place, refusal
from harness.drivers.facts import FactProbe, FactReading
from harness.targets import Target
from harness.targets.access import accesses
from harness.targets.cluster.workloads import CONTROLLERS, controllers, running_containers
from harness.targets.kubernetes import Object, workload_of
from harness.targets.places import Clusters, namespaces
from harness.targets.probe_pods import CALLERS


@claim(
    GATEWAY,
    '"<gateway:name>" and none answers a call from outside that goes around it',
    about=(
        "One read of each service through every region's gateway; a pod with labels that no rule names calls every other Service; no "
        "other Service or pod is open outside the cluster, and no Ingress or HTTPRoute of their namespace leads to one."
    ),
    example='every service is reached through "api-gateway" and none answers a call from outside that goes around it',
    needs=(API, DECLARED_CALLERS, ENTRIES, READS),
    seconds=3.0,
    touches=("workloads",),
)
@accesses(*CALLERS, *CONTROLLERS, *ROUTES)
@contextmanager
def gateway_only(target: Target, params: Mapping[str, str]) -> Iterator[FactProbe]:
    """Read through every gateway, list services and pods exposed outside, and call every service but `gateway` from an unknown pod.

    Each TCP port is called; UDP ports are not. Services and pods may be exposed by themselves or by an Ingress or an HTTPRoute. Services
    behind the pages that the target file names (`website`, `portal`, `documentation`) are public in every region and left out. A Service at
    the address of an entry, in front of the gateway, may be called; the log of connections must show that it leads to the gateway alone.
    """
    gateway, reads = params["gateway"], gateway_reads(target, {})
    clusters, places = Clusters(target), namespaces(target)
    found = RegionServices.read(target, clusters)
    services = found.by_region
    every = [one for own in services.values() for one in own]
    gateways = [one["spec"]["selector"] for one in every if one["metadata"]["name"] == gateway]
    fronts = [one for one in found.entries if one not in gateways]
    public = [*found.pages, *fronts]
    behind = {
        region: [
            one for one in own if one["metadata"]["name"] != gateway and not is_of(one["spec"]["selector"], public)
        ]
        for region, own in services.items()
    }
    entries = {region: [one for one in own if one["spec"]["selector"] in fronts] for region, own in services.items()}
    seen_entries = EntriesSeen(target, places, entries, next(map(workload_of, gateways), gateway))
    called = {
        (region, namespace): [
            Backend(one["metadata"]["name"], port) for one in behind[region] for port in tcp_ports(one)
        ]
        for region, namespace in places.items()
    }
    with callers_in_place(target, clusters, called, "check gateway-only") as pairs:

        def probe() -> Sequence[FactReading]:
            seen = list(reads())
            for region, namespace in places.items():
                place, cluster = place_name(places, region), clusters.of(region)
                seen += [_exposed_service(place, one) for one in behind[region]]
                seen += [
                    _exposed_pod(place, f"{kind}/{one['metadata']['name']}", one)
                    for kind, one in controllers(cluster, namespace)
                    if one["metadata"]["name"] != gateway and not is_of(_labels(one), public)
                ]
                seen += leads_around(cluster, namespace, place, _open_to_all(services[region], gateway, public))
            seen += seen_entries.readings({region: place_name(places, region) for region in places})
            return [*seen, *(one for pair in pairs for one in _strangers(pair, place_name(places, pair.region)))]

        yield probe


def _strangers(pair: CallerPair, place: str) -> list[FactReading]:
    _, stranger = pair.labels
    return [
        refusal(f"{place}: {stranger} to {seen.backend.service} on TCP {seen.backend.port}", seen)
        for seen in pair.calls()
    ]


def _open_to_all(services: Sequence[Object], gateway: str, public: Sequence[Mapping[str, str]]) -> set[str]:
    """Names of the services that may be exposed outside: the gateway by each of its names, and services behind public pages."""
    gateways = [one["spec"]["selector"] for one in services if one["metadata"]["name"] == gateway]
    return {gateway} | {
        str(one["metadata"]["name"]) for one in services if is_of(one["spec"]["selector"], [*gateways, *public])
    }


def _labels(controller: Object) -> Mapping[str, str]:
    return controller["spec"]["template"]["metadata"].get("labels") or {}


def _exposed_service(place: str, service: Object) -> FactReading:
    """A reading for a service exposed outside the cluster: of type NodePort or LoadBalancer, or with an external address."""
    ways = open_to(service)
    return FactReading(
        subject=f"{place}: service {service['metadata']['name']}",
        expected="not exposed outside the cluster",
        observed=", ".join(ways) or "not exposed",
        ok=not ways,
    )


def _exposed_pod(place: str, name: str, controller: Object) -> FactReading:
    """Readings for pods that listen on a port of their node."""
    spec = controller["spec"]["template"]["spec"]
    ways = ["the network of its node"] if spec.get("hostNetwork") else []
    ways += [
        f"port {port['hostPort']} of its node"
        for container in running_containers(spec)
        for port in container.get("ports") or []
        if port.get("hostPort")
    ]
    return FactReading(
        subject=f"{place}: pods of {name}",
        expected="not exposed outside the cluster",
        observed=", ".join(ways) or "not exposed",
        ok=not ways,
    )
