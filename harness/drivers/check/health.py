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
from harness.targets.selectors import selects
from harness.targets.workloads import CONTROLLERS, controllers, pods_declared
from harness.units import NS_PER_S


@accesses(*access("list pods", "get pods/proxy", "list services"), *CONTROLLERS)
def health_of_pods(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Asks each pod behind a Service of each region's namespace for `probes.health`; 200 must come `within` (a time, `1 s`)."""
    path, within_s = target.probes.health, Quantity.parse(params["within"]).base
    places, clusters = namespaces(target), Clusters(target)

    def probe() -> Sequence[FactReading]:
        seen: list[FactReading] = []
        for region, namespace in places.items():
            cluster = clusters.of(region)
            pods = [pod for pod in cluster.pods(namespace) if is_of_workload(pod)]
            selectors = [one["spec"].get("selector") or {} for one in cluster.services(namespace)]
            behind = [pod for pod in pods if any(one and one.items() <= labels_of(pod).items() for one in selectors)]
            seen += of_each(clusters.target_of(region), behind, partial(_asked, path), within_s=within_s)
            seen += [
                FactReading(
                    subject=f"{namespace}/{one['metadata']['name']}", expected="a pod", observed="none", ok=False
                )
                for _, one in controllers(cluster, namespace)
                if pods_declared(one) and not any(selects(one, pod) for pod in pods)
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
