"""The Services in the namespaces of the regions: which of them are entries or pages for people, and how each may be called from outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from harness.ports import port_of
from harness.targets import Target
from harness.targets.kubernetes import Object
from harness.targets.places import Clusters, namespaces

Selector = Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class RegionServices:
    """The Services with pods, by region.

    Attributes:
        by_region: those of the namespace of each region. A Service without a selector has no pods there.
        pages: selectors of those at the addresses that the target file names as `website`, `portal` and `documentation`.
        entries: selectors of the others at the addresses that it names as entries.
    """

    by_region: Mapping[str, Sequence[Object]]
    pages: Sequence[Selector]
    entries: Sequence[Selector]

    @classmethod
    def read(cls, target: Target, clusters: Clusters) -> RegionServices:
        """Those that are there now."""
        by_region = {
            region: [one for one in clusters.of(region).services(namespace) if one["spec"].get("selector")]
            for region, namespace in namespaces(target).items()
        }
        every = [one for found in by_region.values() for one in found]
        pages = _at(every, (target.website, target.portal, target.documentation))
        entries = [one for one in _at(every, (target.entry, *target.doors.values())) if one not in pages]
        return cls(by_region=by_region, pages=pages, entries=entries)


def is_of(labels: Selector, selectors: Sequence[Selector]) -> bool:
    """Whether one of the selectors selects these labels."""
    return any(selector.items() <= labels.items() for selector in selectors)


def open_to(service: Object) -> list[str]:
    """How a Service is exposed outside the cluster by itself: its type, and its external addresses."""
    spec = service["spec"]
    found = [spec["type"]] if spec.get("type") in {"NodePort", "LoadBalancer"} else []
    return [*found, *(f"external address {address}" for address in spec.get("externalIPs") or [])]


def _at(services: Sequence[Object], addresses: Sequence[str]) -> list[Selector]:
    """The selectors of the services at these addresses, which are pages for people or entries of the target file."""
    urls = [urlsplit(address) for address in addresses if address]
    places = {(url.hostname or "", port_of(url)) for url in urls}
    return [one["spec"]["selector"] for one in services if places & _places(one)]


def _places(service: Object) -> set[tuple[str, int]]:
    """Hosts and ports of a service: cluster address, load balancer and name. Services may share the load balancer's address."""
    meta, spec = service["metadata"], service["spec"]
    name = f"{meta['name']}.{meta['namespace']}"
    ingress = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
    outside = [one.get(key, "") for one in ingress for key in ("ip", "hostname")]
    hosts = {spec.get("clusterIP") or "", *(spec.get("externalIPs") or []), *outside, name, f"{name}.svc"} - {""}
    return {(host, port["port"]) for host in hosts for port in spec.get("ports") or []}
