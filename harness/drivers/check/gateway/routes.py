"""Reads routes from outside a cluster to its services: Ingresses, and HTTPRoutes of the Gateway API."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Any, Final

from harness.drivers.facts import FactReading
from harness.targets.access import access
from harness.targets.kubernetes import Cluster, Object

_INGRESS: Final = "networking.k8s.io/v1"
_GATEWAYS: Final = "gateway.networking.k8s.io/v1"
ROUTES: Final = access("list ingresses.networking.k8s.io", "list httproutes.gateway.networking.k8s.io")
"""API permissions that `routes_in` needs; HTTPRoutes only if the API serves them."""


def leads_around(cluster: Cluster, namespace: str, place: str, known: AbstractSet[str]) -> Iterator[FactReading]:
    """A fact for every Ingress and HTTPRoute of a namespace: it must lead only to known services.

    Args:
        cluster: cluster that is read.
        namespace: namespace in the cluster.
        place: name of the namespace in the fact.
        known: names of the gateway and of other public services.
    """
    for name, services in routes_in(cluster, namespace):
        around = sorted(services - known)
        yield FactReading(
            subject=f"{place}: {name}",
            expected="leads to the gateway",
            observed=f"leads to {', '.join(around)}" if around else "leads around it to no service",
            ok=not around,
        )


def routes_in(cluster: Cluster, namespace: str) -> Iterator[tuple[str, set[str]]]:
    """Every Ingress and HTTPRoute of a namespace, by kind and name, with the services to which it leads."""
    for one in cluster.customs(_INGRESS, "ingresses", namespace):
        yield f"Ingress {one['metadata']['name']}", _of_ingress(one)
    if "HTTPRoute" in cluster.kinds(_GATEWAYS):
        for one in cluster.customs(_GATEWAYS, "httproutes", namespace):
            if _is_from_outside(one):
                yield f"HTTPRoute {one['metadata']['name']}", _of_route(one, namespace)


def _of_ingress(ingress: Object) -> set[str]:
    """The services that an Ingress leads to; backends of other types, such as a bucket, are left out."""
    spec = ingress["spec"]
    backends: list[Any] = [spec.get("defaultBackend") or {}]
    backends += [
        path["backend"] for rule in spec.get("rules") or [] for path in (rule.get("http") or {}).get("paths") or []
    ]
    return {str(one["service"]["name"]) for one in backends if one.get("service")}


def _of_route(route: Object, namespace: str) -> set[str]:
    """The services that an HTTPRoute leads to; a service of another namespace with the namespace."""
    references = [one for rule in route["spec"].get("rules") or [] for one in rule.get("backendRefs") or []]
    return {
        str(one["name"]) if one.get("namespace", namespace) == namespace else f"{one['namespace']}/{one['name']}"
        for one in references
        if one.get("kind", "Service") == "Service"
    }


def _is_from_outside(route: Object) -> bool:
    """Whether an HTTPRoute belongs to a Gateway; a route of a Service is for calls within the cluster."""
    return any(one.get("kind", "Gateway") == "Gateway" for one in route["spec"].get("parentRefs") or [])
