"""Reads one workload of the primary region, and checks an autoscaler's target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.drivers.check.claim import claim
from harness.drivers.check.needs import API
from harness.drivers.check.state.objects import Source, source_of
from harness.drivers.facts import FactProbe, FactReading
from harness.targets import Target
from harness.targets.access import access, accesses
from harness.targets.cluster.workloads import (
    SCALED,
    default_container,
    referred,
    running_containers,
    workloads,
)
from harness.targets.kubernetes import Object, has_condition
from harness.targets.places import Clusters, primary_namespace


def named_workload(target: Target, name: str) -> tuple[str, Object | None, Source]:
    """A workload of the primary region: its subject, its pod template, None if there is no such workload, and what reads ConfigMaps beside it."""
    namespace = primary_namespace(target)
    cluster = Clusters(target).of(target.primary_region)
    found = next(
        (one for one in workloads(cluster, namespace) if name in (one["metadata"]["name"], referred(one))), None
    )
    template = None if found is None else {"metadata": {}, **found["spec"]["template"]}
    return f"{namespace}/{name}", template, source_of(cluster, namespace)


def probed_containers(template: Object) -> Sequence[Object]:
    """Containers whose liveness probe is checked: the container that an annotation names, else the first, else those with a probe."""
    if named := default_container(template):
        return [named]
    first = template["spec"]["containers"][0]
    probed = [one for one in running_containers(template["spec"]) if one.get("livenessProbe")]
    return [first] if first in probed or not probed else probed


@claim(
    'the autoscaler "<autoscaler:name>" targets deployment "<deployment:name>" and reports ScalingActive true',
    about=(
        "What its `scaleTargetRef` names is there, and its condition is True; so says its history, too, while no fault is in: not a "
        "PASS where it says otherwise for more than 15 s, FAIL from 60 s on that no fault began."
    ),
    example='the autoscaler "web-hpa" targets deployment "web" and reports ScalingActive true',
    needs=(API,),
)
@accesses(*access("get horizontalpodautoscalers.autoscaling"), *SCALED)
def autoscaler_target(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Read `autoscaler` in the primary region: it must target `deployment`, which must exist, and have ScalingActive true."""
    namespace, name, workload = primary_namespace(target), params["autoscaler"], params["deployment"]
    cluster = Clusters(target).of(target.primary_region)
    subject = f"{namespace}/{name}"

    def probe() -> Sequence[FactReading]:
        found = cluster.read("autoscaling/v2", "HorizontalPodAutoscaler", name, namespace)
        if found is None:
            return [FactReading(subject=subject, expected="an autoscaler", observed="none of that name", ok=False)]
        reference = found["spec"]["scaleTargetRef"]
        there = cluster.read(reference.get("apiVersion", "apps/v1"), reference["kind"], reference["name"], namespace)
        active = has_condition(found, "ScalingActive")
        return [
            FactReading(
                subject=f"{subject}: target",
                expected=workload,
                observed=str(reference["name"]) if there else f"{reference['name']}, which does not exist",
                ok=reference["name"] == workload and there is not None,
            ),
            FactReading(subject=f"{subject}: ScalingActive", expected="true", observed=str(active).lower(), ok=active),
        ]

    return probe
