"""Checks whether the liveness probes of containers have begun; before that a hung container is restarted later."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from harness import clock
from harness.chaos.confirmation.polling import until
from harness.chaos.session import session
from harness.targets.access import access, accesses
from harness.targets.kubernetes import is_over, is_terminating

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.targets.kubernetes import Object

_ROUNDED_S: Final = 1.0
"""Resolution in s of a container's start time in the API."""


@accesses(*access("list pods"))
def liveness_begun(label_selector: str, ns: str, more_s: float = 15.0) -> bool:
    """Whether every container of some pods has run longer than the `initialDelaySeconds` of its liveness probe.

    Containers without a liveness probe, and pods that have ended or are ending, do not count.

    Args:
        label_selector: label selector of the pods, like `app=normaldance-frontend`.
        ns: namespace of the pods.
        more_s: seconds to wait in addition to the longest of these delays.
    """
    here = session()

    def pods() -> list[Object]:
        return [pod for pod in here.cluster.pods(ns, label_selector) if not (is_over(pod) or is_terminating(pod))]

    longest_s = max((_delay_s(one) for pod in pods() for one in _probed(pod)), default=0.0)
    return until(longest_s + more_s, lambda: all(map(_begun, pods())))


def _probed(pod: Object) -> list[Object]:
    """The containers of a pod with a liveness probe."""
    return [each for each in pod["spec"]["containers"] if each.get("livenessProbe")]


def _delay_s(container: Object) -> float:
    return float(container["livenessProbe"].get("initialDelaySeconds") or 0)


def _begun(pod: Object) -> bool:
    states = {one["name"]: one for one in (pod.get("status") or {}).get("containerStatuses") or ()}
    return all(_has_run(_delay_s(each), states.get(each["name"]) or {}) for each in _probed(pod))


def _has_run(delay_s: float, status: Mapping[str, Any]) -> bool:
    """Whether a container that has started, by its startup probe too, is past the delay of its liveness probe."""
    since = ((status.get("state") or {}).get("running") or {}).get("startedAt")
    if not since or status.get("started") is False:
        return False
    run_s = (clock.wall() - datetime.fromisoformat(since)).total_seconds()
    return run_s > delay_s + _ROUNDED_S
