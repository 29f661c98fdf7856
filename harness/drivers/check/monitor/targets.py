"""`pods-scraped` and `scrape-schedule`: check which pods Prometheus scrapes, and how often."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final
from urllib.parse import urlsplit

from harness.drivers.check.claim import When, claim
from harness.drivers.check.monitor.prometheus import PrometheusClient, prometheus_of
from harness.drivers.check.needs import MONITOR, PODS
from harness.drivers.check.workloads.young import PodReading, without_unknown_young
from harness.drivers.facts import FactProbe, FactReading
from harness.model import Quantity
from harness.targets import Target
from harness.targets.access import access, accesses
from harness.targets.cluster.workloads import own_container
from harness.targets.kubernetes import Object, annotations_of
from harness.targets.places import Clusters, every_place, is_of_workload, namespaces

_SCRAPES: Final = 12
"""Number of latest scrapes that are read."""
_ANNOTATION: Final = "prometheus.io/scrape"
_PORT: Final = "prometheus.io/port"
_OF_SCHEME: Final[Mapping[str, int]] = {"http": 80, "https": 443}


@dataclass(frozen=True, kw_only=True, slots=True)
class ScrapedPod:
    """One active scrape target: the port of a pod, and the result of its last scrape."""

    port: int
    health: str
    error: str
    labels: Mapping[str, str]


def _scraped(prometheus: PrometheusClient) -> dict[str, list[ScrapedPod]]:
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


def _own(pod: Object, targets: Sequence[ScrapedPod]) -> list[ScrapedPod]:
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
            scraped = _scraped(prometheus)
        read = [(pod, _up(name, pod, scraped.get(_address(pod), []))) for name, pod in pods_of(target, every=False)]
        return without_unknown_young(target, (PodReading(pod, one, not one.ok) for pod, one in read))

    return probe


def _address(pod: Object) -> str:
    return str(pod["status"]["podIP"])


def _up(name: str, pod: Object, targets: Sequence[ScrapedPod]) -> FactReading:
    """The fact whether a pod's own port is scraped; a scraped port that no annotation names may be that of a sidecar exporter."""
    own = _own(pod, targets)
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


@claim(
    "every annotated pod and service is scraped every <every:duration> ± <tolerance:duration> and no other is",
    about=(
        "The mean time between the last twelve scrapes of each pod with `prometheus.io/scrape`, or behind a Service with it, as "
        "Prometheus recorded them, divided by the target's `scrape_scale`; no other pod may be a target."
    ),
    example="every annotated pod and service is scraped every 15 s ± 3 s and no other is",
    needs=(MONITOR, PODS),
    when=When.UNDER_TRAFFIC,
)
@accesses(*access("list pods", "list services"))
def scrape_schedule(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Read every pod: a pod with the annotation, or behind a Service with it, must be scraped every `every` ± `tolerance`, others not.

    A Service with the annotation but without such a pod gives an unknown fact. Both lengths are divided by the target's scrape scale.
    A new pod that has not been scraped twice yet is left out.
    """
    scale = target.scrape_scale
    every_s, tolerance_s = (Quantity.parse(params[key]).in_unit("s") / scale for key in ("every", "tolerance"))
    stated = f"{params['every']} ± {params['tolerance']}"
    expected = (
        f"every {every_s:g} s ± {tolerance_s:g} s ({stated} at scrape scale {scale:g})"
        if scale != 1
        else f"every {stated}"
    )

    def probe() -> Sequence[FactReading]:
        with prometheus_of(target) as prometheus:
            scraped = _scraped(prometheus)
            spacings = _spacings(prometheus, _SCRAPES * every_s)
        services, seen, served = _annotated_services(target), [], set[str]()
        for name, pod in pods_of(target, every=True):
            targets = scraped.get(_address(pod), [])
            behind = [one for one in services if _is_behind(pod, one)]
            served |= {_name(one) for one in behind}
            if behind or _is_annotated(pod):
                own = _own(pod, targets)
                spacing = spacings.get(_key(own[0].labels)) if own else None
                read = _on_schedule(name, len(own), spacing, expected, (every_s, tolerance_s))
                seen.append(PodReading(pod, read, lacks=spacing is None))
            elif targets:
                job = targets[0].labels.get("job", "")
                read = FactReading(subject=name, expected="not scraped", observed=f"a target of job {job}", ok=False)
                seen.append(PodReading(pod, read, lacks=False))
        empty = (name for name in map(_name, services) if name not in served)
        none = "no pod of a workload is behind it"
        unknown = [FactReading(subject=f"Service {one}", expected=expected, observed=none, ok=None) for one in empty]
        return [*without_unknown_young(target, seen), *unknown]

    return probe


def _is_annotated(one: Object) -> bool:
    return annotations_of(one).get(_ANNOTATION) == "true"


def _annotated_services(target: Target) -> list[Object]:
    clusters = Clusters(target)
    every = (one for region, namespace in every_place(target) for one in clusters.of(region).services(namespace))
    return [one for one in every if _is_annotated(one)]


def _is_behind(pod: Object, service: Object) -> bool:
    """Whether a Service selects a pod; one without a selector selects none."""
    selector, labels = service["spec"].get("selector") or {}, pod["metadata"].get("labels") or {}
    alike = pod["metadata"]["namespace"] == service["metadata"]["namespace"]
    return bool(selector) and alike and selector.items() <= labels.items()


def _name(one: Object) -> str:
    return f"{one['metadata']['namespace']}/{one['metadata']['name']}"


def _spacings(prometheus: PrometheusClient, seconds: float) -> dict[frozenset[tuple[str, str]], float]:
    """Mean seconds between the scrapes of each target, by its labels."""
    found = {}
    for labels, times in prometheus.samples(f"up[{max(1, round(seconds * 1000))}ms]"):
        gaps = [after - before for before, after in pairwise(times)]
        if gaps:
            found[_key(labels)] = sum(gaps) / len(gaps)
    return found


def _key(labels: Mapping[str, Any]) -> frozenset[tuple[str, str]]:
    return frozenset((name, str(value)) for name, value in labels.items() if name != "__name__")


def _on_schedule(
    name: str, targets: int, spacing: float | None, expected: str, limits: tuple[float, float]
) -> FactReading:
    if spacing is None:
        said = "fewer than two scrapes" if targets else "no target"
        return FactReading(subject=name, expected=expected, observed=said, ok=False)
    every_s, tolerance_s = limits
    return FactReading(
        subject=name,
        expected=expected,
        observed=f"every {spacing:.3g} s",
        ok=abs(spacing - every_s) <= tolerance_s and targets == 1,
    )
