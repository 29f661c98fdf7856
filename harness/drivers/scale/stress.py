"""Loads containers by Chaos Mesh's StressChaos; its end is written into the undo log before it begins."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from harness import clock
from harness.clock import Deadline
from harness.drivers.scale.scaled import READ
from harness.errors import DriverError
from harness.targets.access import access
from harness.targets.cluster.own import OWN
from harness.targets.kubernetes import has_condition
from harness.targets.undo import undo_now, undoable

if TYPE_CHECKING:
    from harness.drivers.scale.scaled import Scaled
    from harness.targets import Platform, Target
    from harness.targets.kubernetes import Cluster

CHAOS: Final = ("chaos-mesh.org/v1alpha1", "stresschaos")
STRESSING: Final = (*READ, *access("get,create,delete stresschaos.chaos-mesh.org"))
"""API permissions needed to create load."""
_MORE_S: Final = 60.0
"""Seconds after which stress that was not ended ends by itself, counted from the end of its use."""
_BEGUN_S: Final = 10.0
_POLL_S: Final = 0.2
_MIB: Final = 1 << 20
_OWN_MIB: Final = 8
"""Memory in MiB that a stress process uses itself, in addition to the requested memory."""
_MOST_PERCENT: Final = 100


def _end(cluster: Cluster, _target: Target, *, namespace: str, name: str) -> None:
    """Delete it; what it ran ends with it."""
    cluster.delete_custom(*CHAOS, namespace, name)


@undoable("end-stress", undo=_end, of_a_cluster=True)
def _begin(here: Scaled, body: Mapping[str, Any]) -> None:
    here.cluster.create_custom(*CHAOS, here.namespace, body)


@contextmanager
def stressed(
    here: Scaled, stressors: Mapping[str, Any], target: Target, platform: Platform, *, needs_s: float
) -> Iterator[None]:
    """Stress every present pod of the workload during the block, for at least `needs_s` seconds.

    Raises:
        DriverError: the stress did not begin in every pod.
    """
    name = f"readiness-{re.sub('[^a-z0-9]+', '-', here.name)}-{clock.now_ns() % 10**12}"
    body = {
        "apiVersion": CHAOS[0],
        "kind": "StressChaos",
        "metadata": {"name": name, "namespace": here.namespace, "labels": OWN},
        "spec": {
            "mode": "all",
            "selector": {"namespaces": [here.namespace], "labelSelectors": dict(here.labels)},
            "stressors": stressors,
            "duration": f"{math.ceil(_BEGUN_S + needs_s + _MORE_S)}s",
        },
    }
    where = {"namespace": here.namespace, "name": name}
    intent = _begin.intend(platform, "scale", f"stress {here.subject}", cluster=here.cluster, **where)
    try:
        _begin(here, body)
        _begun(here, name)
        yield
    finally:
        undo_now(here.cluster, target, intent)


def _begun(here: Scaled, name: str) -> None:
    for _ in Deadline.after(_BEGUN_S).ticks(_POLL_S):
        found = here.cluster.custom(*CHAOS, here.namespace, name)
        if found is not None and has_condition(found, "AllInjected"):
            return
    events = [
        event.get("message", "")
        for record in ((found or {}).get("status") or {}).get("experiment", {}).get("containerRecords") or []
        for event in record.get("events") or []
    ]
    raise DriverError(f"{here.subject} was not stressed within {_BEGUN_S:g} s", hint="; ".join(filter(None, events)))


def stressors_for(here: Scaled, resource: str, usage: float) -> Mapping[str, Any]:
    """The stressors that StressChaos must add to each pod, as a share of its request."""
    if resource == "memory":
        size = max(round(usage * here.requests[resource] / _MIB) - _OWN_MIB, 1)
        return {"memory": {"workers": 1, "size": f"{size}MB"}}
    percent = max(usage * here.requests[resource] * _MOST_PERCENT, 1.0)
    workers = math.ceil(percent / _MOST_PERCENT)
    return {"cpu": {"workers": workers, "load": max(round(percent / workers), 1)}}
