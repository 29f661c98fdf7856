"""`scrape-schedule`: checks which pods Prometheus scrapes, and how often."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from harness.drivers.check.claim import When, claim
from harness.drivers.check.monitor.prometheus import PrometheusClient, prometheus_of
from harness.drivers.check.monitor.targets import address_of, own_targets, pods_of, scraped_pods
from harness.drivers.check.needs import MONITOR, PODS
from harness.drivers.check.workloads.young import PodReading, without_unknown_young
from harness.drivers.facts import FactProbe, FactReading
from harness.model import Quantity
from harness.targets import Target
from harness.targets.access import access, accesses
from harness.targets.kubernetes import Object, annotations_of
from harness.targets.places import Clusters, every_place

_SCRAPES: Final = 12
"""Number of latest scrapes that are read."""
_ANNOTATION: Final = "prometheus.io/scrape"


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
            scraped = scraped_pods(prometheus)
            spacings = _spacings(prometheus, _SCRAPES * every_s)
        services, seen, served = _annotated_services(target), [], set[str]()
        for name, pod in pods_of(target, every=True):
            targets = scraped.get(address_of(pod), [])
            behind = [one for one in services if _is_behind(pod, one)]
            served |= {_name(one) for one in behind}
            if behind or _is_annotated(pod):
                own = own_targets(pod, targets)
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
