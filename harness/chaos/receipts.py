"""What an experiment was observed to hit, also where its actions are not ours and do not report it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from chaoslib.exceptions import InterruptExecution

from harness.chaos.session import ChaosSession, node_hit, pod_hit, session
from harness.errors import HarnessError
from harness.model import Hit
from harness.targets.kubernetes import has_condition


def harness_block(experiment: Mapping[str, Any]) -> Mapping[str, Any]:
    """The block `harness` of an experiment's extensions; empty when it has none."""
    blocks = experiment.get("extensions") or []
    return next((block for block in blocks if isinstance(block, Mapping) and block.get("name") == "harness"), {})


class HitSnapshot:
    """Pods and nodes before the method, compared with those that are left when the fault is confirmed."""

    def __init__(self) -> None:
        self._before: list[Hit] = []

    def remember(self) -> None:
        """Read the cluster before the method."""
        here = _session_or_none()
        if here is not None:
            self._before = _present(here)

    def hits(self) -> list[Hit]:
        """What our own actions reported as hit; else what was there before the method and is not any more."""
        here = _session_or_none()
        if here is None:
            return []
        if here.hits:
            return here.hits
        left = {hit.uid for hit in _present(here)}
        return [hit for hit in self._before if hit.uid not in left]

    def gone(self) -> bool:
        """Whether everything that was hit is gone: another uid or none for a pod, not Ready for a node; False where nothing was hit."""
        here, hits = _session_or_none(), self.hits()
        if here is None or not hits:
            return False
        left = {hit.uid for hit in _present(here)}
        return not any(hit.uid in left for hit in hits)

    def assert_same_cluster(self, activity: Mapping[str, Any]) -> None:
        """Stop an action of chaosk8s that would go to another API server than the target's.

        Raises:
            InterruptExecution: it would.
        """
        expected = os.environ.get("READINESS_API_SERVER")
        if not str(activity.get("provider", {}).get("module", "")).startswith("chaosk8s") or not expected:
            return
        from chaosk8s import create_k8s_api_client  # only where its functions are used

        host = create_k8s_api_client().configuration.host
        if host != expected:
            raise InterruptExecution(f"{activity.get('name')} refused: the API server is {host}, expected {expected}")


def _session_or_none() -> ChaosSession | None:
    """The session; None where the target has no cluster, or it cannot be reached."""
    try:
        return session()
    except HarnessError:
        return None


def _present(here: ChaosSession) -> list[Hit]:
    """Pods that are there and nodes that are Ready; nothing when the cluster does not answer."""
    try:
        regions = here.regions()
        nodes = [node_hit(node) for node in here.cluster.nodes() if has_condition(node, "Ready")]
        return [*nodes, *(pod_hit(pod, regions) for pod in here.cluster.pods())]
    except HarnessError:
        return []
