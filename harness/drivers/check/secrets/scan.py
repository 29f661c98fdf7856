"""`secrets-hidden`: checks that no value of a Secret is in a manifest, a literal environment value or a log.

The check reads the objects of every namespace of the target except the Secrets themselves, and the logs of every container, including
the log before its last restart. Of a rotated log only the newest file can be read, so the result for the rest is unknown. A fact names
the place and the Secret, never the value.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from harness.drivers.check.claim import When, claim
from harness.drivers.check.needs import API
from harness.drivers.check.secrets.values import SecretValue, secret_values
from harness.drivers.facts import FactProbe, FactReading
from harness.targets import Target
from harness.targets.access import access, accesses
from harness.targets.cluster.workloads import CONTROLLERS, all_containers, controllers
from harness.targets.kubernetes import Cluster, Object
from harness.targets.places import Clusters, every_place

_EXPECTED: Final = "no secret value"
_CUT_BYTES: Final = 1 << 16
"""Minimum size in bytes from which a log that begins late counts as truncated; a smaller log may just have few lines."""
_LATE_S: Final = 60
_MORE: Final = (
    ("batch/v1", "jobs", "Job"),
    ("batch/v1", "cronjobs", "CronJob"),
    ("networking.k8s.io/v1", "ingresses", "Ingress"),
)
"""Further objects to search beside controllers, pods, ConfigMaps and Services: version, collection and kind."""


class Place(NamedTuple):
    """A text in which no secret may be; `lost` says which part of it could not be read."""

    subject: str
    text: str
    lost: str = ""


@claim(
    "no secret value is found in a manifest, a literal environment value or a log line",
    needs=(API,),
    when=When.AFTER_TRAFFIC,
)
@accesses(
    *access("list secrets", "list pods", "list configmaps", "list services", "get pods/log"),
    *access("list jobs.batch", "list cronjobs.batch", "list ingresses.networking.k8s.io"),
    *CONTROLLERS,
)
def secrets_hidden(target: Target, _params: Mapping[str, str]) -> FactProbe:
    """Every value of every Secret is searched for in the objects of the platform's namespaces and in what its containers have written, when the traffic has ended; no value is printed.

    One fact for each kind of place in each namespace, and one for each place with a secret.
    """
    places, clusters = every_place(target), Clusters(target)
    public = {*target.regions, *(namespace for _, namespace in places), target.environment}

    def probe() -> Sequence[FactReading]:
        secrets = [secret for region, namespace in places for secret in clusters.of(region).secrets(namespace)]
        values = list(secret_values(secrets, public))
        seen = [
            FactReading(
                subject="secrets of the target",
                expected="at least one value to search for",
                observed=f"{len(values)} values",
                ok=True if values else None,
            )
        ]
        for region, namespace in places:
            cluster = clusters.of(region)
            seen += _searched(f"{namespace}: manifests and settings", _objects(cluster, namespace), values)
            seen += _searched(f"{namespace}: logs", _logs(cluster, namespace), values)
        return seen

    return probe


def _searched(what: str, places: Iterator[Place], values: Sequence[SecretValue]) -> list[FactReading]:
    """The places with a secret, and the number of places that were searched."""
    found: list[FactReading] = []
    lost: list[FactReading] = []
    count = 0
    for place in places:
        count += 1
        leaks = [
            FactReading(subject=place.subject, expected=_EXPECTED, observed=f"the value of {value.place}", ok=False)
            for value in values
            if value.is_in(place.text)
        ]
        found += leaks
        if place.lost and not leaks:
            lost.append(FactReading(subject=place.subject, expected=_EXPECTED, observed=place.lost, ok=None))
    if not count:
        return []
    return [
        *found,
        *lost,
        FactReading(
            subject=what,
            expected=_EXPECTED,
            observed=f"{count} searched for {len(values)} values, {len(found) or 'none'} found",
            ok=not found,
        ),
    ]


def _objects(cluster: Cluster, namespace: str) -> Iterator[Place]:
    objects: list[tuple[str, Object]] = list(controllers(cluster, namespace))
    objects += [("Pod", one) for one in cluster.pods(namespace, over=True)]
    objects += [("ConfigMap", one) for one in cluster.config_maps(namespace)]
    objects += [("Service", one) for one in cluster.services(namespace)]
    for version, plural, kind in _MORE:
        objects += [(kind, one) for one in cluster.customs(version, plural, namespace)]
    for kind, one in objects:
        yield Place(f"{namespace}/{kind}/{one['metadata']['name']}", "\n".join(_texts(one)))


def _texts(value: object) -> Iterator[str]:
    """Every text in an object, unchanged."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield str(key)
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif value is not None:
        yield value if isinstance(value, str) else json.dumps(value)


def _logs(cluster: Cluster, namespace: str) -> Iterator[Place]:
    for pod in cluster.pods(namespace, over=True):
        name, status, spec = pod["metadata"]["name"], pod.get("status") or {}, pod["spec"]
        statuses = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
        known = {one["name"]: one for one in statuses}
        for container in all_containers(spec):
            own = known.get(container["name"], {})
            subject = f"log of {namespace}/{name}, container {container['name']}"
            log = ContainerLog(cluster, namespace, name, container["name"])
            yield log.place(subject, own.get("state") or {})
            if own.get("restartCount"):
                yield log.place(f"{subject}, before its restart", own.get("lastState") or {}, previous=True)


class ContainerLog(NamedTuple):
    """The logs of a container."""

    cluster: Cluster
    namespace: str
    pod: str
    container: str

    def place(self, subject: str, state: Object, *, previous: bool = False) -> Place:
        """The log of one run of the container, with a note if its beginning is missing."""
        named = (self.namespace, self.pod, self.container)
        text = self.cluster.pod_log(*named, previous=previous)
        started = next((one["startedAt"] for one in state.values() if one and one.get("startedAt")), "")
        if not started or len(text) < _CUT_BYTES:
            return Place(subject, text)
        begin = self.cluster.log_begin(*named, previous=previous)
        if not begin or _seconds(started, begin) <= _LATE_S:
            return Place(subject, text)
        lost = (
            f"the container started at {started}, its log begins at {begin}: the kubelet has deleted the earlier lines"
        )
        return Place(
            subject, text, f"{lost}; hint: restart the pod shortly before the run, or raise containerLogMaxSize"
        )


def _seconds(earlier: str, later: str) -> float:
    """Seconds between two timestamps."""
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()
