"""What each pod of the regions says of itself at one moment: which release it is, and how often it was asked for its health."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from prometheus_client.parser import text_string_to_metric_families

from harness import clock
from harness.drivers.check.exposition import metrics_of
from harness.drivers.check.reach import PodReach, of_each
from harness.targets import Target
from harness.targets.kubernetes import Object, labels_of, workload_of
from harness.targets.outside import Metrics
from harness.targets.places import Clusters, has_controller, namespaces


@dataclass(frozen=True, kw_only=True, slots=True)
class PodRead:
    """One pod at one moment.

    Attributes:
        pod, namespace, uid, workload: whose.
        asked_ns, at_ns: the answer was made between the two.
        health: how often it has answered on its health; None: it does not say.
        release: as its answer names it; empty: it does not.
        why: why there is nothing; empty where there is.
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


def read_pods(target: Target) -> list[PodRead]:
    """Ask every pod of a workload in the namespaces of all regions for its metrics, those on their way out too.

    Raises:
        ConfigurationError: the target names no cluster, or not what its metrics are called.
        DriverError: the pods cannot be listed.
    """
    names, clusters = metrics_of(target), Clusters(target)
    header = (target.release.answered_in or "x-release").lower()
    found: list[PodRead] = []
    for region, namespace in namespaces(target).items():
        pods = [pod for pod in clusters.of(region).pods(namespace) if has_controller(pod)]
        found += of_each(clusters.target_of(region), pods, partial(_of_pod, names, header))
    return found


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
    """The sum of the counter of answers over those on the route of health; None: it counts none.

    Raises:
        ValueError: a line cannot be read.
    """
    lines = [line for line in text.splitlines() if line.startswith(f"{names.requests}{{")]
    found = [
        sample.value
        for family in text_string_to_metric_families("\n".join([*lines, ""]))
        for sample in family.samples
        if sample.labels.get(names.route) == names.health
    ]
    return sum(found) if found else None
