"""Ways into a cluster that lead to services: Ingresses, and HTTPRoutes of the Gateway API."""

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
"""What `leads_around` asks; HTTPRoutes only where the API serves them."""


def leads_around(cluster: Cluster, namespace: str, place: str, known: AbstractSet[str]) -> Iterator[FactReading]:
    """A reading for every Ingress and HTTPRoute of a namespace: it leads to no service but those that are known.

    Args:
        cluster: that is asked.
        namespace: in it.
        place: the namespace, for people.
        known: names of the gateway and of other services that are for everyone.
    """
    found = [("Ingress", one, _of_ingress(one)) for one in cluster.customs(_INGRESS, "ingresses", namespace)]
    if "HTTPRoute" in cluster.kinds(_GATEWAYS):
        routes = cluster.customs(_GATEWAYS, "httproutes", namespace)
        found += [("HTTPRoute", one, _of_route(one, namespace)) for one in routes if _is_from_outside(one)]
    for kind, one, services in found:
        around = sorted(services - known)
        yield FactReading(
            subject=f"{place}: {kind} {one['metadata']['name']}",
            expected="leads to the gateway",
            observed=f"leads to {', '.join(around)}" if around else "leads around it to no service",
            ok=not around,
        )


def _of_ingress(ingress: Object) -> set[str]:
    """The services that it leads to; a backend may be another resource, such as a bucket."""
    spec = ingress["spec"]
    backends: list[Any] = [spec.get("defaultBackend") or {}]
    backends += [
        path["backend"] for rule in spec.get("rules") or [] for path in (rule.get("http") or {}).get("paths") or []
    ]
    return {str(one["service"]["name"]) for one in backends if one.get("service")}


def _of_route(route: Object, namespace: str) -> set[str]:
    """The services that it leads to; one of another namespace by both names."""
    references = [one for rule in route["spec"].get("rules") or [] for one in rule.get("backendRefs") or []]
    return {
        str(one["name"]) if one.get("namespace", namespace) == namespace else f"{one['namespace']}/{one['name']}"
        for one in references
        if one.get("kind", "Service") == "Service"
    }


def _is_from_outside(route: Object) -> bool:
    """Whether it belongs to a Gateway; one of a Service is for calls within the cluster."""
    return any(one.get("kind", "Gateway") == "Gateway" for one in route["spec"].get("parentRefs") or [])
