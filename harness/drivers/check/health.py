"""`health-of-pods`: does every pod of every service in every region say that it is healthy?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from harness import clock
from harness.drivers.check.reach import PodReach, of_each
from harness.drivers.facts import FactProbe, FactReading
from harness.model import Quantity
from harness.targets import Target
from harness.targets.access import access, accesses
from harness.targets.kubernetes import Object, labels_of
from harness.targets.places import Clusters, is_of_workload, namespaces
from harness.targets.workloads import REPLICATED, replicated
from harness.units import NS_PER_S


@accesses(*access("list pods", "get pods/proxy"), *REPLICATED)
def health_of_pods(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Asks each pod of each workload in each region's namespace for `path`; 200 must come `within` (a time, `1 s`)."""
    path, within_s = params["path"], Quantity.parse(params["within"]).base
    places, clusters = namespaces(target), Clusters(target)

    def probe() -> Sequence[FactReading]:
        seen: list[FactReading] = []
        for region, namespace in places.items():
            cluster = clusters.of(region)
            pods = [pod for pod in cluster.pods(namespace) if is_of_workload(pod)]
            seen += of_each(clusters.target_of(region), pods, partial(_asked, path), within_s=within_s)
            empty = (one for one in replicated(cluster, namespace) if not _has_pods(one, pods))
            seen += [
                FactReading(
                    subject=f"{namespace}/{one['metadata']['name']}", expected="a pod", observed="none", ok=False
                )
                for one in empty
            ]
        return seen

    return probe


def _asked(path: str, reach: PodReach, pod: Object) -> FactReading:
    began_ns = clock.now_ns()
    answer = reach.ask(pod, path)
    seconds = (clock.now_ns() - began_ns) / NS_PER_S
    in_time = seconds <= reach.within_s
    return FactReading(
        subject=f"{pod['metadata']['namespace']}/{pod['metadata']['name']}",
        expected=f"GET {path}: status 200 within {reach.within_s:g} s",
        observed=answer if in_time else f"{answer} after {seconds:.1f} s",
        ok=answer == "status 200" and in_time,
    )


def _has_pods(workload: Object, pods: Sequence[Object]) -> bool:
    """Whether a pod carries the labels that the workload selects; one scaled to none wants none."""
    expected = (workload["spec"].get("selector") or {}).get("matchLabels") or {}
    return workload["spec"].get("replicas") == 0 or any(expected.items() <= labels_of(pod).items() for pod in pods)
