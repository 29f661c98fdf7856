"""`pods-scraped`: checks which pods Prometheus scrapes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from harness.drivers.check.claim import When, claim
from harness.drivers.check.monitor.prometheus import PrometheusClient, prometheus_of
from harness.drivers.check.needs import MONITOR, PODS
from harness.drivers.check.workloads.young import PodReading, without_unknown_young
from harness.drivers.facts import FactProbe, FactReading
from harness.targets import Target
from harness.targets.access import access, accesses
from harness.targets.cluster.workloads import own_container
from harness.targets.kubernetes import Object, annotations_of
from harness.targets.places import Clusters, every_place, is_of_workload, namespaces

_PORT: Final = "prometheus.io/port"
_OF_SCHEME: Final[Mapping[str, int]] = {"http": 80, "https": 443}


@dataclass(frozen=True, kw_only=True, slots=True)
class ScrapedPod:
    """One active scrape target: the port of a pod, and the result of its last scrape."""

    port: int
    health: str
    error: str
    labels: Mapping[str, str]


def scraped_pods(prometheus: PrometheusClient) -> dict[str, list[ScrapedPod]]:
    """The active targets by the address of their host."""
    found: dict[str, list[ScrapedPod]] = {}
    for one in prometheus.targets():
        url = urlsplit(one.url)
        port = url.port or _OF_SCHEME.get(url.scheme, 0)
        pod = ScrapedPod(port=port, health=one.health, error=one.error, labels=one.labels)
        found.setdefault(url.hostname or "", []).append(pod)
    return found


def _own_ports(pod: Object) -> frozenset[int]:
    """Ports of the workload's own metrics: from the annotation, else all ports of its own container; may be empty."""
    if (said := annotations_of(pod).get(_PORT, "")).isdigit():
        return frozenset([int(said)])
    return frozenset(int(port["containerPort"]) for port in own_container(pod).get("ports") or [])


def own_targets(pod: Object, targets: Sequence[ScrapedPod]) -> list[ScrapedPod]:
    """The scrape targets of the workload itself without those of sidecar containers; all of them if its ports are not known."""
    ports = _own_ports(pod)
    return [one for one in targets if not ports or one.port in ports]


def pods_of(target: Target, *, every: bool) -> Iterator[tuple[str, Object]]:
    """Name and object of the pods of workloads: of the regions, or of every namespace of the target."""
    clusters = Clusters(target)
    for region, namespace in every_place(target) if every else list(namespaces(target).items()):
        for pod in clusters.of(region).pods(namespace):
            if is_of_workload(pod) and (pod.get("status") or {}).get("podIP"):
                yield f"{namespace}/{pod['metadata']['name']}", pod


@claim(
    "every pod of every service is a scrape target and is up[ in the steady state]",
    about=(
        "Each pod of a workload of the regions is an active target of Prometheus whose last scrape succeeded: at the port of its "
        "annotation `prometheus.io/port`, else at one that its first container (or `kubectl.kubernetes.io/default-container`) "
        "declares, not a sidecar's alone."
    ),
    example="every pod of every service is a scrape target and is up in the steady state",
    needs=(MONITOR, PODS),
    when=When.UNDER_TRAFFIC,
)
@accesses(*access("list pods"))
def pods_scraped(target: Target, _params: Mapping[str, str]) -> FactProbe:
    """Read every pod of every service of the regions: it must be a scrape target of Prometheus whose last scrape succeeded.

    A new pod that has not been scraped successfully yet is left out.
    """

    def probe() -> Sequence[FactReading]:
        with prometheus_of(target) as prometheus:
            scraped = scraped_pods(prometheus)
        read = [(pod, _up(name, pod, scraped.get(address_of(pod), []))) for name, pod in pods_of(target, every=False)]
        return without_unknown_young(target, (PodReading(pod, one, not one.ok) for pod, one in read))

    return probe


def address_of(pod: Object) -> str:
    """The address of a pod that has one."""
    return str(pod["status"]["podIP"])


def _up(name: str, pod: Object, targets: Sequence[ScrapedPod]) -> FactReading:
    """The fact whether a pod's own port is scraped; a scraped port that no annotation names may be that of a sidecar exporter."""
    own = own_targets(pod, targets)
    down = [one for one in own if one.health != "up"]
    ok: bool | None = bool(own) and not down
    if down:
        seen = f"{down[0].health}{f': {down[0].error}' if down[0].error else ''}"
    elif own or not targets:
        seen = "up" if own else "no target"
    else:
        others, ports = _listed({one.port for one in targets}), _listed(_own_ports(pod))
        ok = False if _PORT in annotations_of(pod) else None
        seen = f"no target: {others} is scraped, its own is {ports}; hint: if the scraped port has its metrics, name that port in the annotation `{_PORT}`"
    return FactReading(subject=name, expected="a target that is up", observed=seen, ok=ok)


def _listed(ports: Iterable[int]) -> str:
    return " and ".join(str(port) for port in sorted(ports))
