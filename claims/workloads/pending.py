"""`pending-pod-runs`: checks that a pod that is pending for lack of CPU runs in time because a node is added.

The check creates as many pods as the nodes have room for, and one more. Each requests so much CPU that a node has room for one or two
of them, and only sleeps until the check is over. The pod that the scheduler reports as unschedulable for lack of CPU must run in time
on a new node; if it runs on an older node, the result is unknown. All pods are deleted afterwards.
"""

from __future__ import annotations

import math
import uuid
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from harness import clock
from harness.drivers.check.claim import claim
from harness.drivers.check.needs import API
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import DriverError
from harness.model import Quantity
from harness.model.planned.need import RequiredKey
from harness.targets import Target
from harness.targets.access import access, accesses
from harness.targets.cluster.amounts import amount
from harness.targets.cluster.workloads import running_containers
from harness.targets.kubernetes import Cluster, Object, has_condition
from harness.targets.places import Clusters, callers_of, primary_namespace
from harness.targets.probe_pods import place_pod, probe_pod
from harness.targets.undo import PendingUndos

MOST: Final = 30
"""Maximum number of pods that are created."""
_MORE: Final = 10
"""Maximum number of further pods, created if the nodes turn out to have more room."""
TURNS_WITHIN_S: Final = 30.0
"""Maximum time in s for the scheduler to place the pods, or to report that it cannot."""
_LONGER_S: Final = 60.0
"""Time in s for which a pod sleeps beyond the waiting time, so that its CPU does not become free during the check."""
_SHARE: Final = 0.6
"""CPU request of a pod as a share of the largest node, small enough to fit a new node beside its system pods."""
_POLL_S: Final = 0.2
_LACK: Final = "Insufficient cpu"
"""The scheduler's text for nodes without enough free CPU."""


@claim(
    "a pod pending for lack of CPU runs within <limit:period>",
    example="a pod pending for lack of CPU runs within 10 min",
    fixed={"within": "<limit>"},
    needs=(API, RequiredKey("callers", "its pods run the image of the declared callers")),
    seconds=15.0,
    touches=("workloads", "nodes"),
)
@accesses(*access("list nodes", "list pods -A", "get,create,delete pods"))
@contextmanager
def pending_pod_runs(target: Target, params: Mapping[str, str]) -> Iterator[FactProbe]:
    """As many sleeping pods are made as the nodes have CPU for, and one more; that one must run in time, on a node that is added.

    The pods are always removed. `within` is divided by the target's time scale.
    """
    within_s = Quantity.parse(params["within"]).in_unit("s") / target.time_scale
    namespace, image = primary_namespace(target), callers_of(target).image
    cluster = Clusters(target).of(target.primary_region)
    asked = max(round(_SHARE * max(_cpus(cluster).values(), default=0.0), 1), 0.1)
    count = sum(int(free / asked) for free in _free(cluster).values()) + 1
    if count > MOST:
        raise DriverError(
            f"the nodes have room for {count - 1} pods of {asked:g} CPU, but the check creates at most {MOST - 1} to fill them",
            where=target.name,
            hint="run the check on a cluster whose nodes are more heavily used",
        )
    nodes = {str(node["metadata"]["name"]) for node in cluster.nodes()}
    life_s = math.ceil(within_s + TURNS_WITHIN_S + _LONGER_S)
    with PendingUndos(target, "check pending-pod-runs") as undos:

        def filler() -> str:
            name = f"readiness-pending-{uuid.uuid4().hex[:8]}"
            body = _body(name, namespace, image, f"{round(asked * 1000)}m", life_s)
            place_pod(undos, cluster, body)
            return name

        names = [filler() for _ in range(count)]
        made_s, found = clock.now_s(), _pending(cluster, namespace, names, nodes)
        while (
            found == (None, len(names)) and len(names) < count + _MORE
        ):  # what ran when the room was measured has ended since
            names.append(filler())
            made_s, found = clock.now_s(), _pending(cluster, namespace, names, nodes)
        name, placed = found
        expected = f"runs within {within_s:g} s on a node that is added"
        if name is None:
            why = f"{placed} of {len(names)} pods were placed, and none was reported to lack CPU"
            seen = FactReading(subject=namespace, expected=expected, observed=why, ok=None)
        else:
            began_s = made_s if placed == len(names) else clock.now_s()
            seen = _observed(cluster, f"{namespace}/{name}", expected, began_s=began_s, within_s=within_s, nodes=nodes)
        yield lambda: [seen]


def _body(name: str, namespace: str, image: str, cpu: str, life_s: int) -> Object:
    amounts = {"cpu": cpu, "memory": "32Mi"}
    return probe_pod(
        name,
        namespace,
        {"app": "readiness-pending"},
        image,
        ["python", "-c", f"import time; time.sleep({life_s})"],
        life_s=life_s,
        resources={"requests": amounts, "limits": amounts},
    )


def _observed(
    cluster: Cluster, subject: str, expected: str, *, began_s: float, within_s: float, nodes: Collection[str]
) -> FactReading:
    """The fact on how long a pod was pending; `nodes` are the names of the nodes that existed before."""
    namespace, _, name = subject.partition("/")
    for _ in clock.Deadline.after(within_s).ticks(_POLL_S):
        pod = cluster.pod(namespace, name)
        if pod is not None and (pod.get("status") or {}).get("phase") == "Running":
            after, node = clock.now_s() - began_s, pod["spec"].get("nodeName") or ""
            was_there = node in nodes
            observed = f"ran after {after:.3g} s on {node}" + (", which was there before" if was_there else "")
            ok = None if was_there else after < within_s
            return FactReading(subject=subject, expected=expected, observed=observed, ok=ok)
    observed = f"was pending for {within_s:g} s: {_why(cluster.pod(namespace, name)) or 'no reason is reported'}"
    return FactReading(subject=subject, expected=expected, observed=observed, ok=False)


def _pending(cluster: Cluster, namespace: str, names: Sequence[str], nodes: Collection[str]) -> tuple[str | None, int]:
    """The first pod reported to lack CPU or, once all are placed, a pod on a new node; and the number of pods that were placed.

    A pod placed on a new node may have lacked CPU for less time than lies between two readings.
    """
    placed = 0
    for _ in clock.Deadline.after(TURNS_WITHIN_S).ticks(_POLL_S):
        pods = {str(pod["metadata"]["name"]): pod for pod in cluster.pods(namespace)}
        own = [pods[name] for name in names if name in pods]
        placed = sum(1 for pod in own if pod["spec"].get("nodeName"))
        every = placed == len(names)
        shown = [pod for pod in own if (pod["spec"]["nodeName"] not in nodes if every else _LACK in _why(pod))]
        if every or shown:
            return next((str(pod["metadata"]["name"]) for pod in shown), None), placed
    return None, placed


def _why(pod: Object | None) -> str:
    """The scheduler's reason for a pod that it cannot place; empty if it gives none."""
    conditions = ((pod or {}).get("status") or {}).get("conditions") or []
    reports = (one for one in conditions if one["type"] == "PodScheduled" and one["status"] == "False")
    return next((str(one.get("message") or "") for one in reports), "")


def _cpus(cluster: Cluster) -> dict[str, float]:
    """The CPU of each node that is allocatable to pods; nodes that do not accept any pod are left out."""
    return {
        str(node["metadata"]["name"]): float(amount(str(node["status"]["allocatable"]["cpu"])))
        for node in cluster.nodes()
        if has_condition(node, "Ready")
        and not node["spec"].get("unschedulable")
        and not any(taint["effect"] != "PreferNoSchedule" for taint in node["spec"].get("taints") or [])
    }


def _free(cluster: Cluster) -> dict[str, float]:
    """The CPU of each node that no pod has requested."""
    used: dict[str, float] = defaultdict(float)
    for pod in cluster.pods():
        used[str(pod["spec"].get("nodeName") or "")] += sum(map(_requested, running_containers(pod["spec"])))
    return {name: max(cpus - used[name], 0.0) for name, cpus in _cpus(cluster).items()}


def _requested(container: Object) -> float:
    requests = (container.get("resources") or {}).get("requests") or {}
    return float(amount(str(requests.get("cpu", "0"))))
