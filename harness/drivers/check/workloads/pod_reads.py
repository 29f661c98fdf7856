"""Reads from each pod of the regions which release it runs and how many health requests it has answered."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from harness import clock
from harness.drivers.check.exposition import metrics_of
from harness.drivers.check.reach import WITHIN_S, PodReach, each_through
from harness.targets import Target
from harness.targets.files.outside import Metrics
from harness.targets.kubernetes import Object, labels_of, workload_of
from harness.targets.places import Clusters, has_controller, namespaces


@dataclass(frozen=True, kw_only=True, slots=True)
class PodRead:
    """One reading of one pod.

    Attributes:
        pod, namespace, uid, workload: identify the pod.
        asked_ns, at_ns: when the request was sent, and when the answer arrived.
        health: number of health requests that it has answered; None if it does not report it.
        release: release named in its answer; empty if none is named.
        why: why nothing could be read; empty if something was.
    """

    pod: str
    namespace: str
    uid: str
    workload: str
    asked_ns: int
    at_ns: int
    health: float | None = None
    release: str = ""
    why: str = ""


class PodReader:
    """Reads the metrics of every pod of a workload in the namespaces of all regions, including pods that are being deleted.

    Its connections stay open from one reading to the next.

    Raises:
        ConfigurationError: the target file names no cluster, or not the names of its metrics.
    """

    def __init__(self, target: Target) -> None:
        self._names = metrics_of(target)
        self._header = (target.release.answered_in or "x-release").lower()
        self._clusters = Clusters(target)
        self._places = [
            (region, namespace, PodReach(self._clusters.target_of(region), WITHIN_S))
            for region, namespace in namespaces(target).items()
        ]

    def read(self) -> list[PodRead]:
        """Read each pod once.

        Raises:
            DriverError: the pods cannot be listed.
        """
        found: list[PodRead] = []
        for region, namespace, reach in self._places:
            pods = [pod for pod in self._clusters.of(region).pods(namespace) if has_controller(pod)]
            found += each_through(reach, pods, partial(_of_pod, self._names, self._header))
        return found

    def close(self) -> None:
        """Close the connections."""
        for _, _, reach in self._places:
            reach.close()


def _of_pod(names: Metrics, header: str, reach: PodReach, pod: Object) -> PodRead:
    metadata, asked_ns = pod["metadata"], clock.now_ns()
    answer = reach.get(pod, names.path)
    said = {"pod": metadata["name"], "namespace": metadata["namespace"], "uid": metadata["uid"]}
    said["workload"] = workload_of(labels_of(pod))
    at_ns = clock.now_ns()
    if answer.status != 200:
        return PodRead(**said, asked_ns=asked_ns, at_ns=at_ns, why=f"GET {names.path}: {answer.words}")
    try:
        health, why = answers_on_health(answer.body, names), ""
    except ValueError as error:
        health, why = None, f"its metrics cannot be read: {error}"
    release = answer.headers.get(header, "")
    return PodRead(**said, asked_ns=asked_ns, at_ns=at_ns, health=health, release=release, why=why)


def answers_on_health(text: str, names: Metrics) -> float | None:
    """The number of answers on the health route, summed over the counter's series; None if there is no such series.

    Raises:
        ValueError: a line cannot be read.
    """
    from prometheus_client.parser import text_string_to_metric_families

    lines = [line for line in text.splitlines() if line.startswith(f"{names.requests}{{")]
    found = [
        sample.value
        for family in text_string_to_metric_families("\n".join([*lines, ""]))
        for sample in family.samples
        if sample.labels.get(names.route) == names.health
    ]
    return sum(found) if found else None
