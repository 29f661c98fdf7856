"""`flag-metrics`: checks how soon the metrics that a flag switches on are exposed by every pod of every service."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final

from harness import clock
from harness.drivers.check.claim import When, claim
from harness.drivers.check.exposition import metrics_of
from harness.drivers.check.flags.switching import FLAGS, SWITCHED, SWITCHED_ON, flag_access, flags_of, switched
from harness.drivers.check.needs import EXPOSED, PODS, within
from harness.drivers.check.reach import of_each
from harness.drivers.check.workloads.services import SERVICES, services_in
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import ConfigurationError
from harness.model import Quantity
from harness.targets import Target
from harness.targets.access import Access, access, accesses
from harness.targets.places import Clusters
from harness.units import NS_PER_S

_POLL_S: Final = 1.0


Home = tuple[str, str]
"""Region and service."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PodMetrics:
    """Which of the flag's metrics one pod exposes and which it lacks.

    Attributes:
        home: region and service of the pod.
        pod: name of the pod, such as `us-east-1/track-service-0`.
        lacks, has: names of metrics; a pod that could not be read lacks all.
        why: why the pod could not be read; empty if it was read.
    """

    home: Home
    pod: str
    lacks: Sequence[str]
    has: Sequence[str]
    why: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class MetricsSeen:
    """One reading of every ready pod.

    Attributes:
        pods: the readings, one per pod.
        declared: declared number of pods by region and service; 0 if not known.
    """

    pods: Sequence[PodMetrics]
    declared: Mapping[Home, int]

    def of(self, home: Home) -> list[PodMetrics]:
        """The ready pods of one service in one region."""
        return [one for one in self.pods if one.home == home]

    def is_complete(self, expected: Iterable[Home]) -> bool:
        """Whether every service has at least one and all of its declared pods ready, and none of them lacks a metric."""
        enough = all(len(self.of(home)) >= max(1, self.declared.get(home, 0)) for home in expected)
        return enough and not any(one.lacks for one in self.pods)


def _access(target: Target, params: Mapping[str, str]) -> tuple[Access, ...]:
    return (*SERVICES, *access("get pods/proxy"), *flag_access(target, params))


@claim(
    SWITCHED_ON,
    "the enhanced metrics are exposed by every service",
    example="the enhanced metrics are exposed by every service within 60 s after the flag is on",
    needs=(FLAGS, PODS, EXPOSED, *SWITCHED, within("flags.metrics", "metrics are read for what the flag switches")),
    when=When.BESIDE_USERS,
    seconds=5.0,
    touches=("entry",),
    consent="feature-flags",
)
@accesses(by=_access)
@contextmanager
def flag_metrics(target: Target, params: Mapping[str, str]) -> Iterator[FactProbe]:
    """Each flag of `flags.metrics` is switched on; every ready pod is read until all of every declared service have what it switches on.

    Services are those that are declared and those that ran before the flag was on: a service that is gone by then exposes nothing.
    """
    settings, _ = flags_of(target)
    if not settings.metrics:
        hint = "write `metrics: {FLAG: [METRIC]}`"
        raise ConfigurationError("no metrics that a flag switches", where=f"{target.file}: flags.metrics", hint=hint)
    within_s, seen = Quantity.parse(params["within"]).in_unit("s"), list[FactReading]()
    for name, metrics in settings.metrics.items():
        with switched(target, name, "flag-metrics") as flag:
            before = _read(target, metrics)
            on_ns = flag.turn(on=True)
            limit_ns = on_ns + round(within_s * NS_PER_S)
            now, took_s = _awaited(target, metrics, before, (flag.sent_ns, limit_ns))
        seen.append(flag.reading)
        seen += [replace(one, subject=f"{one.subject}, flag {name}") for one in readings(before, now, took_s, within_s)]
    yield lambda: seen


def _awaited(
    target: Target, metrics: Sequence[str], before: MetricsSeen, span: tuple[int, int]
) -> tuple[MetricsSeen, dict[str, float]]:
    """The last reading, and for each service the time in s after which all its pods certainly exposed the metrics.

    `span` is the moment after which the flag was on, and the end of the limit; missing metrics are read once more after it.
    """
    sent_ns, limit_ns = span
    took_s: dict[str, float] = {}
    while True:
        asked_ns, now = clock.now_ns(), _read(target, metrics)
        read_ns = clock.now_ns()
        expected = _expected(before, now)
        lacking = {one.home[1] for one in now.pods if one.lacks}
        for service in {service for _, service in expected}:
            if service in lacking:
                took_s.pop(service, None)
            else:
                took_s.setdefault(service, (read_ns - sent_ns) / NS_PER_S)
        if asked_ns >= limit_ns or (expected and now.is_complete(expected)):
            return now, took_s
        clock.sleep(min(_POLL_S, (limit_ns - clock.now_ns()) / NS_PER_S))


def _expected(before: MetricsSeen, now: MetricsSeen) -> set[Home]:
    return {*before.declared, *now.declared}


def _read(target: Target, metrics: Sequence[str]) -> MetricsSeen:
    """Readings of every ready pod of every service in every region."""
    path, clusters, found = metrics_of(target).path, Clusters(target), list[PodMetrics]()
    services = services_in(target, clusters)
    for region in dict.fromkeys(service.region for service in services):
        pods = [(service.name, pod) for service in services if service.region == region for pod in service.ready]
        own = [pod for _, pod in pods]
        answers = of_each(clusters.target_of(region), own, lambda reach, pod: reach.get(pod, path))
        for (service, pod), answer in zip(pods, answers, strict=True):
            read = answer.status == 200
            has = [one for one in metrics if read and re.search(rf"^{re.escape(one)}[ {{]", answer.body, re.MULTILINE)]
            name = f"{region}/{pod['metadata']['name']}"
            lacks = [one for one in metrics if one not in has]
            why = "" if read else answer.words
            found.append(PodMetrics(home=(region, service), pod=name, lacks=lacks, has=has, why=why))
    return MetricsSeen(pods=found, declared={(one.region, one.name): one.declared for one in services})


def readings(
    before: MetricsSeen, now: MetricsSeen, took_s: Mapping[str, float], within_s: float
) -> Iterator[FactReading]:
    """A fact for each service, from the last reading of its pods and the reading before the flag was on."""
    expected = sorted(_expected(before, now))
    for service in sorted({service for _, service in expected}) or [""]:
        homes = [home for home in expected if home[1] == service]
        observed, ok = _told(homes, before, now) if homes else ("there is none", None)
        if not observed:
            seconds, number = took_s[service], sum(len(now.of(home)) for home in homes)
            ok = seconds <= within_s or None  # read once more after the limit: it may have come before that, or not
            observed = f"by all {number} pods after {seconds:.1f} s{'' if ok else ' at the latest'}"
        yield FactReading(
            subject=f"service {service}".rstrip(),
            expected=f"exposes them within {within_s:g} s after the flag is on",
            observed=observed,
            ok=ok,
        )


def _told(homes: Sequence[Home], before: MetricsSeen, now: MetricsSeen) -> tuple[str, bool | None]:
    """Text and outcome for one service in its regions; the text is empty if each pod exposed the metrics in time."""
    early, late = ([pod for home in homes for pod in seen.of(home)] for seen in (before, now))
    lacking = [one for one in late if one.lacks]
    unread = [f"{one.pod} could not be read before the flag was on: {one.why}" for one in early if one.why]
    unread += [
        f"no pod of {region} was ready before the flag was on"
        for region, name in homes
        if not before.of((region, name))
    ]
    if gone := [region for region, name in homes if not now.of((region, name))]:
        return f"no pod is ready in {', '.join(gone)}", False
    if had := [one.pod for one in early if one.has]:
        return f"{had[0]} exposed them before the flag was on", None
    if lacking and not (unread and all(one.why for one in lacking)):
        return f"{lacking[0].lacks[0]} not by {len(lacking)} of {len(late)} pods, such as {lacking[0].pod}", False
    if unread:
        return unread[0], None
    for home in homes:
        if len(now.of(home)) < now.declared.get(home, 0):
            return f"{len(now.of(home))} of {now.declared[home]} pods are ready in {home[0]}", None
    return "", True
