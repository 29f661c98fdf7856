"""`deployment-size`: checks that a deployment has the replicas, CPU and memory that are declared for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from harness.drivers.check.claim import claim
from harness.drivers.check.needs import API
from harness.drivers.claim import SentenceForm
from harness.drivers.facts import FactProbe, FactReading
from harness.targets import Target
from harness.targets.access import accesses
from harness.targets.cluster.amounts import amount
from harness.targets.cluster.workloads import (
    AUTOSCALERS,
    REPLICATED,
    autoscaled,
    ready_of,
    replicas_of,
    replicated,
    running_containers,
)
from harness.targets.kubernetes import Object
from harness.targets.places import Clusters, primary_namespace

_SIZE: Final = SentenceForm(
    "size-of-deployment",
    'deployment "<deployment:name>" has <replicas:count> ready replicas with <size:noun>[ in the steady state]',
    "Ready replicas, and CPU and memory as request and as limit, as the Kubernetes API says.",
)


@claim(
    _SIZE,
    "cpu <cpu> and memory <memory>",
    example='deployment "api-gateway" has 3 ready replicas with cpu 500m and memory 512Mi',
    needs=(API,),
)
@claim(
    _SIZE,
    "requests <cpu>, <memory> and limits <cpu_limit:cpu>, <memory_limit:memory>",
    name="deployment-size-and-limits",
    about="The same, where the limits are other than the requests.",
    example='deployment "web" has 3 ready replicas with requests 250m, 256Mi and limits 500m, 512Mi',
)
@accesses(*REPLICATED, *AUTOSCALERS)
def deployment_size(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Ready replicas, and CPU and memory as both request and limit, as the Kubernetes API says.

    Of the Deployment, or the Rollout of that name, in the primary region. `cpu_limit` and `memory_limit` are the limits where they are
    given. If the minimum of an autoscaler is `replicas`, more replicas are accepted, since it adds them under load.
    """
    namespace, name = primary_namespace(target), params["deployment"]
    expected_replicas = int(params["replicas"])
    expected = {
        (resource, bound): params.get(f"{resource}_limit", params[resource]) if bound == "limits" else params[resource]
        for resource in ("cpu", "memory")
        for bound in ("requests", "limits")
    }
    for size in expected.values():
        amount(size)
    cluster = Clusters(target).of(target.primary_region)
    subject = f"{namespace}/{name}"

    def probe() -> Sequence[FactReading]:
        found = [one for one in replicated(cluster, namespace) if one["metadata"]["name"] == name]
        if not found:
            return [FactReading(subject=subject, expected="a deployment", observed="none of that name", ok=False)]
        [deployment] = found
        autoscaler = autoscaled(cluster, namespace).get((str(deployment["kind"]), name))
        replicas = _replicas(subject, deployment, expected_replicas, autoscaler)
        return [replicas, *_resources(subject, deployment, expected)]

    return probe


def _replicas(subject: str, deployment: Object, expected: int, autoscaler: range | None) -> FactReading:
    declared, ready = replicas_of(deployment), ready_of(deployment)
    added = autoscaler is not None and autoscaler.start == expected and declared > expected and declared in autoscaler
    return FactReading(
        subject=f"{subject} replicas",
        expected=f"{expected} ready of {expected}",
        observed=f"{ready} ready of {declared}" + (", above the minimum of its autoscaler" if added else ""),
        ok=ready >= expected if added else declared == expected and ready == expected,
    )


def _resources(subject: str, deployment: Object, expected: Mapping[tuple[str, str], str]) -> list[FactReading]:
    containers = running_containers(deployment["spec"]["template"]["spec"])
    seen = []
    for (resource, bound), size in expected.items():
        stated = [((one.get("resources") or {}).get(bound) or {}).get(resource) for one in containers]
        known = [str(value) for value in stated if value is not None]
        whole = len(known) == len(containers)
        seen.append(
            FactReading(
                subject=f"{subject} {resource} {bound}",
                expected=size,
                observed=" + ".join(known) if whole else "not stated",
                ok=whole and sum(map(amount, known), Decimal(0)) == amount(size),
            )
        )
    return seen
