"""`pending-pod-runs`: does a pod that waits for a processor's share get one, because a node is added?

As many pods are made as the nodes have room for, and one more. Each asks for so much CPU that a node has room for one or two of them; all
they do is sleep, for longer than is waited. The one that the scheduler reports as unschedulable for lack of CPU must run in time, on a node
that was not there before; on one that was, it shows nothing. All are deleted afterwards.
"""

from __future__ import annotations

import math
import uuid
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from harness import clock
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import DriverError
from harness.model import Quantity
from harness.targets import Target
from harness.targets.access import access, accesses
from harness.targets.amounts import amount
from harness.targets.kubernetes import Cluster, Object, has_condition
from harness.targets.places import Clusters, callers_of, primary_namespace
from harness.targets.probe_pods import place_pod, probe_pod
from harness.targets.undo import PendingUndos
from harness.targets.workloads import running_containers

MOST: Final = 30
"""Pods that are made at most."""
_MORE: Final = 10
"""Pods that are made beside those at most, where the nodes turn out to have more room."""
TURNS_WITHIN_S: Final = 30.0
"""How long the scheduler may take to place the pods, or to report that it cannot."""
_LONGER_S: Final = 60.0
"""What a pod sleeps longer than is waited: nothing that it holds becomes free meanwhile."""
_SHARE: Final = 0.6
"""Of the CPU of the largest node: what else runs on each leaves room for it on a new one."""
_POLL_S: Final = 0.2
_LACK: Final = "Insufficient cpu"
"""What the scheduler says of nodes whose CPU is taken."""


@accesses(*access("list nodes", "list pods -A", "get,create,delete pods"))
@contextmanager
def pending_pod_runs(target: Target, params: Mapping[str, str]) -> Iterator[FactProbe]:
    """Makes the pods, waits for the pending one to run, and removes them however it ends.

    `within` is a period: it is divided by the target's time scale.
    """
    within_s = Quantity.parse(params["within"]).in_unit("s") / target.time_scale
    namespace, image = primary_namespace(target), callers_of(target).image
    cluster = Clusters(target).of(target.primary_region)
    asked = max(round(_SHARE * max(_cpus(cluster).values(), default=0.0), 1), 0.1)
    count = sum(int(free / asked) for free in _free(cluster).values()) + 1
    if count > MOST:
        raise DriverError(
            f"the nodes have room for {count - 1} pods of {asked:g} CPU, at most {MOST - 1} are filled",
            where=target.name,
            hint="let the check run where nodes are in use",
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
    """How long a pod waited since then; `nodes` are the names of those that were there before."""
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
    """The first pod that is reported to lack CPU; once all are placed, one on a node that was not there before; and how many were placed.

    The latter has lacked CPU for less time than lies between two readings.
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
    """What the scheduler says of a pod that it cannot place; empty where it says nothing."""
    conditions = ((pod or {}).get("status") or {}).get("conditions") or []
    reports = (one for one in conditions if one["type"] == "PodScheduled" and one["status"] == "False")
    return next((str(one.get("message") or "") for one in reports), "")


def _cpus(cluster: Cluster) -> dict[str, float]:
    """The CPU that pods may use of each node that takes any pod."""
    return {
        str(node["metadata"]["name"]): float(amount(str(node["status"]["allocatable"]["cpu"])))
        for node in cluster.nodes()
        if has_condition(node, "Ready")
        and not node["spec"].get("unschedulable")
        and not any(taint["effect"] != "PreferNoSchedule" for taint in node["spec"].get("taints") or [])
    }


def _free(cluster: Cluster) -> dict[str, float]:
    """Of each such node the CPU that no pod has requested."""
    used: dict[str, float] = defaultdict(float)
    for pod in cluster.pods():
        used[str(pod["spec"].get("nodeName") or "")] += sum(map(_requested, running_containers(pod["spec"])))
    return {name: max(cpus - used[name], 0.0) for name, cpus in _cpus(cluster).items()}


def _requested(container: Object) -> float:
    requests = (container.get("resources") or {}).get("requests") or {}
    return float(amount(str(requests.get("cpu", "0"))))
