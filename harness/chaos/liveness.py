"""Whether the liveness of containers is probed yet: one that hangs earlier is started again later by so much, as its probe allows."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from harness import clock
from harness.chaos.polling import until
from harness.chaos.session import session
from harness.targets.access import access, accesses
from harness.targets.kubernetes import is_over, is_terminating

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.targets.kubernetes import Object

_ROUNDED_S: Final = 1.0
"""The API gives the start of a container in whole seconds."""


@accesses(*access("list pods"))
def liveness_begun(label_selector: str, ns: str, within_s: float = 45.0) -> bool:
    """Whether every container of some pods has run for longer than `initialDelaySeconds` of its liveness probe.

    A container without a liveness probe, and a pod that is over or ends, is not waited for.

    Args:
        label_selector: which pods, like `app=normaldance-frontend`.
        ns: their namespace.
        within_s: how long to wait for it, in seconds.
    """
    here = session()

    def begun() -> bool:
        pods = here.cluster.pods(ns, label_selector)
        return all(_begun(pod) for pod in pods if not (is_over(pod) or is_terminating(pod)))

    return until(within_s, begun)


def _begun(pod: Object) -> bool:
    states = {one["name"]: one for one in (pod.get("status") or {}).get("containerStatuses") or ()}
    probed = [each for each in pod["spec"]["containers"] if each.get("livenessProbe")]
    return all(_has_run(each["livenessProbe"], states.get(each["name"]) or {}) for each in probed)


def _has_run(probe: Mapping[str, Any], status: Mapping[str, Any]) -> bool:
    """Whether a container that has started, by its startup probe too, is past the delay of its liveness probe."""
    since = ((status.get("state") or {}).get("running") or {}).get("startedAt")
    if not since or status.get("started") is False:
        return False
    run_s = (clock.wall() - datetime.fromisoformat(since)).total_seconds()
    return run_s > float(probe.get("initialDelaySeconds") or 0) + _ROUNDED_S
