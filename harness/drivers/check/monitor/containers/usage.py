"""`pod-usage`, `store-disk`, `service-memory` and `service-quantiles`: check Prometheus' series of pods' usage and services' requests."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final

from harness.drivers.check.claim import When, claim
from harness.drivers.check.exposition import QUANTILES, metrics_of
from harness.drivers.check.monitor.by_service import UNLABELLED, ByService, Service, by_service, service_of
from harness.drivers.check.monitor.containers.resources import USED
from harness.drivers.check.monitor.exposed import EXPOSED, Freshness
from harness.drivers.check.monitor.prometheus import PrometheusClient, prometheus_of
from harness.drivers.check.monitor.targets import pods_of
from harness.drivers.check.needs import MONITOR, PODS, SERIES
from harness.drivers.check.workloads.young import PodReading, is_new, without_unknown_young
from harness.drivers.facts import FactProbe, FactReading
from harness.model.planned.need import RequiredKey
from harness.targets import Target
from harness.targets.access import access, accesses
from harness.targets.kubernetes import Object, labels_of, workload_of

_OF_A_CONTAINER: Final = '{container!="",container!="POD"}'
USAGE: Final[Mapping[str, tuple[str, ...]]] = {
    "CPU usage": (f"container_cpu_usage_seconds_total{_OF_A_CONTAINER}",),
    "memory usage": (f"container_memory_working_set_bytes{_OF_A_CONTAINER}",),
    "bytes received and sent": ("container_network_receive_bytes_total", "container_network_transmit_bytes_total"),
    "bytes read and written": (
        f"container_fs_reads_bytes_total{_OF_A_CONTAINER}",
        f"container_fs_writes_bytes_total{_OF_A_CONTAINER}",
    ),
}
"""cAdvisor's series of each kind of usage."""
_COUNTS_UP: Final = frozenset({"CPU usage"})
"""Kinds of usage that change all the time in a running pod: a figure that stays the same counts as old."""
_STORES: Final = "ipfs"
"""Part of the name of workloads that keep data beside the database."""
_CONTENT: Final = RequiredKey(
    "parts.content", "the pods of IPFS are read", "part `content`", "add `content` to `parts` once pods of IPFS run"
)
_Pod = tuple[str, str]


@claim(
    EXPOSED,
    "CPU usage of every pod is",
    name="pod-cpu",
    example="CPU usage of every pod is exposed and younger than 30 s",
    fixed={"what": "CPU usage"},
    needs=(MONITOR, PODS),
    when=When.UNDER_TRAFFIC,
)
@claim(
    EXPOSED,
    "memory usage of every pod is",
    name="pod-memory",
    example="memory usage of every pod is exposed and younger than 30 s",
    fixed={"what": "memory usage"},
)
@claim(
    EXPOSED,
    "bytes received and sent of every pod are",
    name="pod-network",
    example="bytes received and sent of every pod are exposed and younger than 30 s",
    fixed={"what": "bytes received and sent"},
)
@accesses(*access("list pods"))
def pod_usage(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Prometheus has cAdvisor's series of every pod of the target's namespaces; a CPU time that stays the same is not young.

    A pod created less than `age` ago is left out, since it may not have been read, or only once.
    """
    what, fresh = params["what"], Freshness.of(params)
    return lambda: _usage(target, [pod for _, pod in pods_of(target, every=True)], what, fresh)


@claim(
    EXPOSED,
    "bytes read and written of every database and IPFS pod are",
    example="bytes read and written of every database and IPFS pod are exposed and younger than 30 s",
    needs=(_CONTENT, MONITOR, PODS),
    when=When.UNDER_TRAFFIC,
)
@accesses(*access("list pods"))
def store_disk(target: Target, params: Mapping[str, str]) -> FactProbe:
    """The same of the pods beside the database's leader, and of those whose label `app` names IPFS; without a pod of either, that fact is unknown."""
    what, fresh = "bytes read and written", Freshness.of(params)

    def probe() -> Sequence[FactReading]:
        pods = [pod for _, pod in pods_of(target, every=True) if _stores(target, pod)]
        return [*_usage(target, pods, what, fresh), *_lacking(pods, what)]

    return probe


def _usage(target: Target, pods: Sequence[Object], what: str, fresh: Freshness) -> list[FactReading]:
    """Whether the usage of each pod that is not new is exposed and young."""
    with prometheus_of(target) as prometheus:
        ages = [_by_pod(prometheus, _age(series)) for series in USAGE[what]]
        rose = _by_pod(prometheus, _changes(USAGE[what][0], fresh.seconds)) if what in _COUNTS_UP else None
    return [_young(pod, what, fresh, ages, rose) for pod in pods if not is_new(pod, fresh.seconds)]


def _lacking(pods: Sequence[Object], what: str) -> Iterator[FactReading]:
    """Unknown facts for the kinds of stores without a pod."""
    of_ipfs = [pod for pod in pods if _STORES in workload_of(labels_of(pod))]
    for kind, some in (("database", [pod for pod in pods if pod not in of_ipfs]), ("IPFS", of_ipfs)):
        if not some:
            yield FactReading(
                subject=f"{kind}: {what}", expected=f"a pod of {kind}", observed=f"there is no pod of {kind}", ok=None
            )


def _stores(target: Target, pod: Object) -> bool:
    leader = target.database.leader if target.database else None
    own = leader is not None and pod["metadata"]["namespace"] == leader.namespace
    return own or _STORES in workload_of(labels_of(pod))


def _age(series: str) -> str:
    return f"time() - max by (namespace, pod) (timestamp({series}))"


def _changes(series: str, age_s: float) -> str:
    return f"max by (namespace, pod) (changes({series}[{round(age_s * 1000)}ms]))"


def _by_pod(prometheus: PrometheusClient, query: str) -> dict[_Pod, float]:
    return {(labels.get("namespace", ""), labels.get("pod", "")): value for labels, value in prometheus.vector(query)}


def _young(
    pod: Object, what: str, fresh: Freshness, ages: Sequence[Mapping[_Pod, float]], rose: Mapping[_Pod, float] | None
) -> FactReading:
    key = (pod["metadata"]["namespace"], pod["metadata"]["name"])
    found = [each[key] for each in ages if key in each]
    oldest = max(found, default=0.0)
    frozen = rose is not None and not rose.get(key, 0.0)
    if len(found) < len(ages):
        said = "not exposed"
    elif frozen and fresh.met(oldest):
        said = f"unchanged for {fresh.seconds:g} s"
    else:
        said = f"{max(0.0, oldest):.1f} s old"
    ok = len(found) == len(ages) and fresh.met(oldest) and not frozen
    return FactReading(subject=f"{key[0]}/{key[1]}: {what}", expected=str(fresh), observed=said, ok=ok)


@claim(
    USED,
    "resident memory of every service process is below <most:count> MB",
    example="the resident memory of every service process is below 300 MB in the steady state",
    needs=(MONITOR, PODS),
    when=When.UNDER_TRAFFIC,
)
@accesses(*access("list pods"))
def service_memory(target: Target, params: Mapping[str, str]) -> FactProbe:
    """The largest working set of each pod of the regions' workloads in the last minute, as cAdvisor counts it.

    A new pod that Prometheus does not know yet is left out.
    """
    most = float(params["most"])
    query = f"max by (namespace, pod) (max_over_time(container_memory_working_set_bytes{_OF_A_CONTAINER}[1m]))"

    def probe() -> Sequence[FactReading]:
        with prometheus_of(target) as prometheus:
            used = _by_pod(prometheus, query)
        read = [(pod, _below(name, pod, used, most)) for name, pod in pods_of(target, every=False)]
        return without_unknown_young(target, (PodReading(pod, one, one.ok is None) for pod, one in read))

    return probe


def _below(name: str, pod: Object, used: Mapping[_Pod, float], most: float) -> FactReading:
    found = used.get((pod["metadata"]["namespace"], pod["metadata"]["name"]))
    megabytes = None if found is None else found / 1e6
    return FactReading(
        subject=name,
        expected=f"below {most:g} MB",
        observed="not exposed" if megabytes is None else f"{megabytes:.4g} MB",
        ok=None if megabytes is None else megabytes < most,
    )


@claim(
    EXPOSED,
    "the p50, p95, p99 and request rate of every service are",
    example="the p50, p95, p99 and request rate of every service are exposed and at most 15 s old",
    needs=(MONITOR, PODS, SERIES),
    when=When.UNDER_TRAFFIC,
)
@accesses(*access("list pods", "get pods/proxy"))
def service_quantiles(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Prometheus reckons the quantiles and the rate of each workload of the regions from samples of that age.

    If the series do not name the service, its quantiles are those of its slowest pod.
    """
    names, fresh = metrics_of(target), Freshness.of(params)
    buckets = f"{names.seconds}_bucket"
    span = f"[{round(fresh.seconds * 1000)}ms]"
    asked: dict[str, tuple[Callable[[str], str], Callable[[Sequence[float]], float]]] = {
        **{f"p{100 * quantile:g}": (partial(_quantile, quantile, f"{buckets}{span}"), max) for quantile in QUANTILES},
        "request rate": (lambda by: f"sum by ({by}) (rate({names.requests}{span}))", sum),
        "age": (lambda by: f"time() - max by ({by}) (timestamp({buckets}))", min),
    }

    def probe() -> Sequence[FactReading]:
        pods = [pod for _, pod in pods_of(target, every=False)]
        with prometheus_of(target) as prometheus:
            found = {what: by_service(prometheus, query, pods, how) for what, (query, how) in asked.items()}
        return [each for one in sorted({service_of(pod) for pod in pods}) for each in _readable(one, found, fresh)]

    return probe


def _quantile(quantile: float, buckets: str, by: str) -> str:
    return f"histogram_quantile({quantile:g}, sum by ({by}, le) (rate({buckets})))"


def _readable(service: Service, found: Mapping[str, ByService], fresh: Freshness) -> Iterator[FactReading]:
    for what, values in found.items():
        value = values.values.get(service)
        known, unclear = value is not None and not math.isnan(value), values.is_unclear(service)
        said, ok = (f"{value:.4g}" if known else "not exposed"), known
        if what == "age" and known:
            said, ok = f"{max(value or 0.0, 0.0):.1f} s old", fresh.met(value or 0.0)
        yield FactReading(
            subject=f"{service[0]}/{service[1]}: {what}",
            expected=str(fresh) if what == "age" else "exposed",
            observed=UNLABELLED if unclear else said,
            ok=None if unclear else ok,
        )
