"""`health-of-pods`: checks that every pod of every service in every region is healthy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from harness import clock
from harness.drivers.check.claim import claim
from harness.drivers.check.needs import API
from harness.drivers.check.reach import PodReach, of_each
from harness.drivers.facts import FactProbe, FactReading
from harness.model import Quantity
from harness.targets import Target
from harness.targets.access import access, accesses
from harness.targets.cluster.selectors import selector_text, selects
from harness.targets.cluster.workloads import (
    CONTROLLERS,
    controller_of,
    controllers,
    default_container,
    own_container,
    owner_of,
    pods_declared,
    template_labels,
)
from harness.targets.kubernetes import Cluster, Object, is_terminating, labels_of
from harness.targets.places import Clusters, is_of_workload, namespaces
from harness.units import NS_PER_S


class _ServedNamespace(NamedTuple):
    """Objects of one region's namespace: pods that are not being deleted, controllers, and Services with a selector."""

    region: str
    namespace: str
    pods: Sequence[Object]
    controllers: Sequence[Object]
    services: Sequence[Object]

    @classmethod
    def read(cls, cluster: Cluster, region: str, namespace: str) -> _ServedNamespace:
        """Read the objects from the API server."""
        return cls(
            region,
            namespace,
            [pod for pod in cluster.pods(namespace) if not is_terminating(pod)],
            [one for _, one in controllers(cluster, namespace)],
            [one for one in cluster.services(namespace) if one["spec"].get("selector")],
        )

    def workload_pods(self) -> list[Object]:
        """The pods of workloads."""
        return [pod for pod in self.pods if is_of_workload(pod)]

    def services_of(self, pod: Object) -> list[Object]:
        """The Services that select the pod."""
        return [one for one in self.services if _meets(labels_of(pod), one["spec"]["selector"])]

    def port_of(self, pod: Object) -> int | None:
        """The port from the pod's Service, `http` first, if neither its own container declares a port nor another one `http`."""
        beside = [] if default_container(pod) else pod["spec"]["containers"]
        if own_container(pod).get("ports") or any(_is_http(port) for one in beside for port in one.get("ports") or []):
            return None
        ports = [port for one in self.services_of(pod) for port in one["spec"].get("ports") or []]
        ports.sort(key=_is_http, reverse=True)
        numbers = [port["targetPort"] for port in ports if isinstance(port.get("targetPort"), int)]
        return int(numbers[0]) if numbers else None


def _is_http(port: Object) -> bool:
    return port.get("name") == "http"


def _meets(labels: Mapping[str, str], selector: Mapping[str, str]) -> bool:
    return selector.items() <= labels.items()


@claim(
    "the health path of every pod of every service in every region answers 200 within <within:duration>",
    example="the health path of every pod of every service in every region answers 200 within 1 s",
    needs=(API,),
)
@accesses(*access("list pods", "get pods/proxy", "list services"), *CONTROLLERS)
def health_of_pods(target: Target, params: Mapping[str, str]) -> FactProbe:
    """In every region, `probes.health` of the target file is requested from each pod behind each Service. A Service that is missing in a region, or has no pod, fails.

    A controller with fewer pods than declared is a failure, and so is a Service without a pod.
    """
    path, within_s = target.probes.health, Quantity.parse(params["within"]).base
    clusters = Clusters(target)

    def probe() -> Sequence[FactReading]:
        places = [_ServedNamespace.read(clusters.of(region), region, own) for region, own in namespaces(target).items()]
        served = {owner_of(pod) for place in places for pod in place.workload_pods() if place.services_of(pod)}
        seen: list[FactReading] = []
        for place in places:
            behind = [pod for pod in place.workload_pods() if owner_of(pod) in served]
            seen += of_each(clusters.target_of(place.region), behind, partial(_asked, path, place), within_s=within_s)
            seen += [*_without_pods(place), *_services_without_pods(place)]
            if not behind:
                subject = f"{place.namespace}: pods behind Services"
                seen.append(FactReading(subject=subject, expected="at least one", observed="none", ok=None))
        return seen

    return probe


def _without_pods(place: _ServedNamespace) -> list[FactReading]:
    return [
        FactReading(subject=f"{place.namespace}/{one['metadata']['name']}", expected="a pod", observed="none", ok=False)
        for one in place.controllers
        if pods_declared(one) and not any(selects(one, pod) for pod in place.workload_pods())
    ]


def _services_without_pods(place: _ServedNamespace) -> Iterator[FactReading]:
    """Readings for Services without a pod: unknown if their selector has labels set at run time, such as `role: replica`."""
    asleep = [template_labels(one) for one in place.controllers if not pods_declared(one)]
    declared = {label for one in place.controllers for label in template_labels(one)}
    for service in place.services:
        selector, pods = service["spec"]["selector"], [labels_of(pod) for pod in place.pods]
        if controller_of(service) or any(_meets(labels, selector) for labels in (*pods, *asleep)):
            continue
        own = {label: value for label, value in selector.items() if label in declared}
        given = own != selector and any(_meets(labels, own) for labels in pods)
        yield FactReading(
            subject=f"{place.namespace}/Service {service['metadata']['name']}",
            expected="a pod behind it",
            observed=f"none with {selector_text(selector)}",
            ok=None if given else False,
        )


def _asked(path: str, place: _ServedNamespace, reach: PodReach, pod: Object) -> FactReading:
    began_ns = clock.now_ns()
    answer = reach.ask(pod, path, place.port_of(pod))
    seconds = (clock.now_ns() - began_ns) / NS_PER_S
    in_time = seconds <= reach.within_s
    return FactReading(
        subject=f"{pod['metadata']['namespace']}/{pod['metadata']['name']}",
        expected=f"GET {path}: status 200 within {reach.within_s:g} s",
        observed=answer if in_time else f"{answer} after {seconds:.1f} s",
        ok=answer == "status 200" and in_time,
    )
