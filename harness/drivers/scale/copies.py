"""Copies of a workload's pod: neither its Service nor its autoscaler selects them, and they are deleted after use."""

from __future__ import annotations

import copy
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from harness.clock import Deadline
from harness.drivers.scale.scaled import Scaled, pod_spec
from harness.errors import DriverError
from harness.targets.cluster.amounts import amount
from harness.targets.cluster.own import OWN
from harness.targets.cluster.workloads import http_port, port_named
from harness.targets.kubernetes import has_condition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from harness.targets.kubernetes import Object

READY_WITHIN_S: Final = 40.0
"""Seconds after which a copy that is not ready counts as failed."""
_POLL_S: Final = 0.3
_SCRAPED: Final = "prometheus.io/scrape"


@dataclass(frozen=True, kw_only=True, slots=True)
class PodCopy:
    """A copy of the workload's pod.

    Attributes:
        body: manifest of the copy.
        cores: CPU limit of the copy, in cores.
    """

    body: Object
    cores: float

    @property
    def name(self) -> str:
        """Name of the pod."""
        name: str = self.body["metadata"]["name"]
        return name


def copied(here: Scaled, factor: int, life_s: float) -> PodCopy:
    """A copy of the workload's pod with a multiple of its CPU limit, which neither the workload nor a Service selects.

    Args:
        here: workload to copy.
        factor: factor of the CPU limit.
        life_s: seconds after which a copy that was not deleted ends by itself.

    Raises:
        DriverError: the workload was deleted, has no pod template, or one of its containers has no CPU limit.
    """
    workload = here.cluster.read(here.version, here.kind, here.name, here.namespace)
    if workload is None:
        raise DriverError(f"{here.kind} {here.subject} does not exist any more")
    template = copy.deepcopy(pod_spec(here.cluster, here.namespace, workload)["template"])
    spec, meta, cores = template["spec"], template.get("metadata") or {}, 0.0
    for container in spec["containers"]:
        limits = (container.get("resources") or {}).get("limits") or {}
        if "cpu" not in limits:
            raise DriverError(
                f"container {container['name']} of {here.subject} has no CPU limit",
                hint="set a CPU limit: copies are compared at their limits",
            )
        own = factor * float(amount(str(limits["cpu"])))
        limits["cpu"], cores = f"{round(own * 1000)}m", cores + own
    name = f"readiness-{here.name[:30]}-{factor}x-{uuid.uuid4().hex[:6]}"
    labels = meta.get("labels") or {}
    selecting = {*here.labels, *_selecting(here, labels)}
    kept = {key: value for key, value in labels.items() if key not in selecting}
    annotations = {key: value for key, value in (meta.get("annotations") or {}).items() if key != _SCRAPED}
    metadata = {"name": name, "namespace": here.namespace, "labels": {**kept, **OWN}, "annotations": annotations}
    spec |= {"restartPolicy": "Never", "activeDeadlineSeconds": round(life_s), "terminationGracePeriodSeconds": 0}
    return PodCopy(body={"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}, cores=cores)


def _selecting(here: Scaled, labels: Mapping[str, str]) -> Iterator[str]:
    """The keys of labels by which the namespace's Services select pods that have these."""
    for service in here.cluster.services(here.namespace):
        selector: Mapping[str, str] = service["spec"].get("selector") or {}
        if selector.items() <= labels.items():
            yield from selector


def ready_place(alive: Callable[[], None], here: Scaled, one: PodCopy) -> str:
    """Wait until a copy is ready; returns its address and port, after `https://` where it has a port of this name.

    Raises:
        DriverError: the copy does not become ready.
    """
    for _ in Deadline.after(READY_WITHIN_S).ticks(_POLL_S):
        alive()
        pod = here.cluster.pod(here.namespace, one.name)
        if pod is not None and has_condition(pod, "Ready") and (address := pod["status"].get("podIP")):
            secure = port_named(pod, "https")
            return f"https://{address}:{secure}" if secure else f"{address}:{http_port(pod)}"
    raise DriverError(
        f"the copy {here.namespace}/{one.name} of {here.name} was not ready within {READY_WITHIN_S:g} s",
        hint="check the events and the log of the pod",
    )
