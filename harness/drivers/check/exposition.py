"""Reads the metrics that a pod exposes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from harness import clock
from harness.drivers.check.reach import PodReach, of_each
from harness.drivers.check.workloads.young import is_starting
from harness.errors import ConfigurationError
from harness.targets import Target
from harness.targets.files.outside import Metrics
from harness.targets.kubernetes import Object, labels_of, workload_of
from harness.targets.places import Clusters, is_of_workload, namespaces

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric
    from prometheus_client.samples import Sample

_Key = TypeVar("_Key", str, float)

QUANTILES: Final = (0.5, 0.95, 0.99)


@dataclass(frozen=True, kw_only=True, slots=True)
class Exposition:
    """The metrics of one pod at one moment.

    Attributes:
        pod, workload, region: name of the pod, its workload and region.
        at_ns: when the answer came.
        buckets: histogram of response times by route: from upper bound in s (`+Inf` is infinite) to cumulative count.
        summaries: quantiles that the pod computed itself, by route.
        requests: number of answers by route and status.
        counters: every counter of the exposition, summed over its labels.
        why: why there are no metrics; empty if there are.
    """

    pod: str
    workload: str
    region: str
    at_ns: int
    buckets: Mapping[str, Mapping[float, float]] = field(default_factory=dict)
    summaries: Mapping[str, Mapping[float, float]] = field(default_factory=dict)
    requests: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    counters: Mapping[str, float] = field(default_factory=dict)
    why: str = ""


def metrics_of(target: Target) -> Metrics:
    """Names of the metrics of a target; raises ConfigurationError if its file does not give them."""
    if target.metrics is None:
        raise ConfigurationError(
            "the names of the services' metrics are missing",
            where=f"{target.file}: metrics",
            hint="write `metrics: {entry: WORKLOAD}`, and `seconds`, `requests`, `route`, `status` if your metrics have other names",
        )
    return target.metrics


def scrape(target: Target, workload: str = "") -> list[Exposition]:
    """Read the metrics of every pod of a workload in the namespaces of all regions; pods that are still starting are left out.

    Args:
        target: target.
        workload: name of the workload; empty: of any workload.
    """
    names, clusters = metrics_of(target), Clusters(target)
    found: list[Exposition] = []
    for region, namespace in namespaces(target).items():
        pods = [pod for pod in clusters.of(region).pods(namespace) if is_of_workload(pod) and not is_starting(pod)]
        pods = [pod for pod in pods if workload in {"", workload_of(labels_of(pod))}]
        found += of_each(clusters.target_of(region), pods, partial(_of_pod, names, region))
    return found


def _of_pod(names: Metrics, region: str, reach: PodReach, pod: Object) -> Exposition:
    answer = reach.get(pod, names.path)
    said = {"pod": pod["metadata"]["name"], "workload": workload_of(labels_of(pod)), "region": region}
    at_ns = clock.now_ns()
    if answer.status != 200:
        return Exposition(**said, at_ns=at_ns, why=f"GET {names.path}: {answer.words}")
    return read_exposition(answer.body, names, **said, at_ns=at_ns)


def read_exposition(text: str, names: Metrics, *, pod: str, workload: str, region: str, at_ns: int) -> Exposition:
    """The metrics that the target names, from the text of an exposition; with a reason if it cannot be read."""
    buckets: dict[str, dict[float, float]] = {}
    summaries: dict[str, dict[float, float]] = {}
    requests: dict[str, dict[str, float]] = {}
    counters: dict[str, float] = {}
    try:
        for family, sample in _samples(text):
            route = sample.labels.get(names.route, "")
            if sample.name == f"{names.seconds}_bucket":
                _add(buckets.setdefault(route, {}), float(sample.labels.get("le", "nan")), sample.value)
            elif sample.name == names.seconds and "quantile" in sample.labels:
                summaries.setdefault(route, {})[float(sample.labels["quantile"])] = sample.value
            elif family.type == "counter":
                _add(counters, sample.name, sample.value)
                if sample.name == names.requests:
                    _add(requests.setdefault(route, {}), sample.labels.get(names.status, ""), sample.value)
    except ValueError as error:
        return Exposition(
            pod=pod, workload=workload, region=region, at_ns=at_ns, why=f"its metrics cannot be read: {error}"
        )
    return Exposition(
        pod=pod,
        workload=workload,
        region=region,
        at_ns=at_ns,
        buckets=buckets,
        summaries=summaries,
        requests=requests,
        counters=counters,
    )


def _samples(text: str) -> Iterator[tuple[Metric, Sample]]:
    from prometheus_client.parser import text_string_to_metric_families

    families: Iterable[Metric] = text_string_to_metric_families(text)
    for family in families:
        for sample in family.samples:
            if not sample.name.endswith("_created"):
                yield family, sample


def _add(counts: dict[_Key, float], key: _Key, value: float) -> None:
    counts[key] = counts.get(key, 0.0) + value
