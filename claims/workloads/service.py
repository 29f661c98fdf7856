"""`service-endpoints`: checks one Service of the primary region: type, mapping of a port, and number of ready endpoints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from harness.drivers.check.claim import claim
from harness.drivers.check.needs import API
from harness.drivers.facts import FactProbe, FactReading
from harness.targets import Target
from harness.targets.access import access, accesses
from harness.targets.kubernetes import Object
from harness.targets.places import Clusters, primary_namespace


@claim(
    'service "<service:name>" has type LoadBalancer, maps port <port> to <target_port:port> and has at least <count> ready endpoints',
    example='service "web" has type LoadBalancer, maps port 80 to 3000 and has at least 3 ready endpoints',
    fixed={"type": "LoadBalancer", "port": "<port>", "target_port": "<target_port>", "at_least": "<count>"},
    needs=(API,),
)
@accesses(*access("list services", "get endpoints"))
def service_endpoints(target: Target, params: Mapping[str, str]) -> FactProbe:
    """The Service of that name in the primary region, and the addresses of its Endpoints that are ready at the port behind."""
    namespace, name = primary_namespace(target), params["service"]
    cluster = Clusters(target).of(target.primary_region)
    subject, mapped = f"{namespace}/{name}", f"{params['port']} to {params['target_port']}"
    at_least = int(params["at_least"])

    def probe() -> Sequence[FactReading]:
        found = next((one for one in cluster.services(namespace) if one["metadata"]["name"] == name), None)
        if found is None:
            return [FactReading(subject=subject, expected="a Service", observed="none of that name", ok=False)]
        subsets = (cluster.endpoints(namespace, name) or {}).get("subsets") or []
        maps = sorted({text for port in found["spec"].get("ports") or () for text in _mapped(port, subsets)})
        kind, ready = str(found["spec"].get("type") or "ClusterIP"), _ready(subsets, int(params["target_port"]))
        return [
            FactReading(subject=f"{subject}: type", expected=params["type"], observed=kind, ok=kind == params["type"]),
            FactReading(
                subject=f"{subject}: port", expected=mapped, observed=", ".join(maps) or "none", ok=mapped in maps
            ),
            FactReading(
                subject=f"{subject}: ready endpoints",
                expected=f"at least {at_least}",
                observed=str(ready),
                ok=ready >= at_least,
            ),
        ]

    return probe


def _mapped(port: Object, subsets: Sequence[Object]) -> Iterator[str]:
    """The mapping of a port, `80 to 3000`: by the number in the Service, else by the endpoints' port of the same name."""
    behind = port.get("targetPort") or port["port"]
    if isinstance(behind, int) or str(behind).isdigit():
        yield f"{port['port']} to {behind}"
        return
    for one in (each for subset in subsets for each in subset.get("ports") or ()):
        if one.get("name", "") == port.get("name", ""):
            yield f"{port['port']} to {one['port']}"


def _ready(subsets: Sequence[Object], port: int) -> int:
    """Number of ready addresses at a port."""
    of_port = (one for one in subsets if port in {each["port"] for each in one.get("ports") or ()})
    return len({each["ip"] for one in of_port for each in one.get("addresses") or ()})
