"""`flag-metrics`: when the metrics that a flag switches on are exposed by every pod of every service."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from harness import clock
from harness.drivers.check.exposition import metrics_of
from harness.drivers.check.flags.switching import flag_access, flags_of, switched
from harness.drivers.check.places import Clusters, is_of_workload, namespaces
from harness.drivers.check.reach import PodReach
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import ConfigurationError
from harness.model import Quantity
from harness.targets import Target
from harness.targets.access import Access, access, accesses
from harness.targets.kubernetes import has_condition, labels_of

_WITHIN_S: Final = 2.0
_AT_ONCE: Final = 4
_POLL_S: Final = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class PodMetrics:
    """Which of the metrics one pod lacks, and which it has."""

    service: str
    pod: str
    lacks: Sequence[str]
    has: Sequence[str]


def _access(target: Target, params: Mapping[str, str]) -> tuple[Access, ...]:
    return (*access("list pods", "get pods/proxy"), *flag_access(target, params))


@accesses(by=_access)
@contextmanager
def flag_metrics(target: Target, params: Mapping[str, str]) -> Iterator[FactProbe]:
    """Switches each flag of `metrics` on, and reads every ready pod's metrics until all have what it switches on."""
    settings, _ = flags_of(target)
    if not settings.metrics:
        hint = "write `metrics: {FLAG: [METRIC]}`"
        raise ConfigurationError("no metrics that a flag switches", where=f"{target.file}: flags.metrics", hint=hint)
    within_s, seen = Quantity.parse(params["within"]).in_unit("s"), list[FactReading]()
    for name, metrics in settings.metrics.items():
        with switched(target, name, "flag-metrics") as flag:
            before = _read(target, metrics)
            on_ns = flag.turn(on=True)
            now, took_s = _awaited(target, metrics, on_ns, within_s)
        seen += [flag.reading, *readings(before, now, took_s, within_s)]
    yield lambda: seen


def _awaited(
    target: Target, metrics: Sequence[str], on_ns: int, within_s: float
) -> tuple[list[PodMetrics], dict[str, float]]:
    """The last reading, and by service after how long every pod of it had them."""
    took_s: dict[str, float] = {}
    now: list[PodMetrics] = []
    for _ in clock.Deadline.after(within_s).ticks(_POLL_S):
        asked_ns = clock.now_ns()
        now = _read(target, metrics)
        lacking = {one.service for one in now if one.lacks}
        for service in {one.service for one in now} - lacking:
            took_s.setdefault(service, (asked_ns - on_ns) / clock.NS_PER_S)
        if now and not lacking:
            break
    return now, took_s


def _read(target: Target, metrics: Sequence[str]) -> list[PodMetrics]:
    """Every ready pod of a workload, of every region."""
    path, clusters, found = metrics_of(target).path, Clusters(target), list[PodMetrics]()
    for region, namespace in namespaces(target).items():
        pods = [
            pod for pod in clusters.of(region).pods(namespace) if is_of_workload(pod) and has_condition(pod, "Ready")
        ]
        reach = PodReach(clusters.target_of(region), _WITHIN_S)
        try:
            with ThreadPoolExecutor(_AT_ONCE) as pool:
                answers = list(pool.map(lambda pod, reach=reach: reach.get(pod, path), pods))
        finally:
            reach.close()
        for pod, answer in zip(pods, answers, strict=True):
            has = [one for one in metrics if re.search(rf"^{re.escape(one)}[ {{]", answer.body, re.MULTILINE)]
            name = pod["metadata"]["name"]
            lacks = [one for one in metrics if one not in has]
            found.append(
                PodMetrics(service=labels_of(pod).get("app", name), pod=f"{region}/{name}", lacks=lacks, has=has)
            )
    return found


def readings(
    before: Sequence[PodMetrics], now: Sequence[PodMetrics], took_s: Mapping[str, float], within_s: float
) -> Iterator[FactReading]:
    """A reading a service, by the last one of its pods and the one before the flag was on."""
    for service in sorted({one.service for one in now}):
        early = [one.pod for one in before if one.service == service and one.has]
        pods = [one for one in now if one.service == service]
        lacking = [one for one in pods if one.lacks]
        observed = f"by all {len(pods)} pods after {took_s.get(service, 0):.1f} s"
        if lacking:
            observed = f"{lacking[0].lacks[0]} not by {len(lacking)} of {len(pods)} pods, such as {lacking[0].pod}"
        yield FactReading(
            subject=f"service {service}",
            expected=f"exposes them within {within_s:g} s after the flag is on",
            observed=f"{early[0]} exposed them before" if early else observed,
            ok=None if early else not lacking,
        )
