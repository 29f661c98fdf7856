"""The target is as before when every workload has its replicas: those of before, or those that its autoscaler asks for now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from harness.drivers.chaos import restore
from harness.drivers.chaos.restore import Restorer, TargetSnapshot
from harness.errors import AccessDenied
from harness.targets.kubernetes import Cluster

if TYPE_CHECKING:
    from harness.targets import Target

BEFORE = TargetSnapshot(replicas={"Deployment eu/api": 2}, nodes=frozenset(), leader_region="")


class Answers:
    """A cluster with one Deployment, and with the autoscaler if one is given."""

    def __init__(
        self, asked: int, ready: int, autoscaler: dict[str, Any] | None = None, *, denied: bool = False
    ) -> None:
        meta = {"namespace": "eu", "name": "api"}
        self._workload = {"metadata": meta, "spec": {"replicas": asked}, "status": {"readyReplicas": ready}}
        self._autoscalers, self._denied = [{"spec": autoscaler}] if autoscaler else [], denied

    def deployments(self, namespace: str = "") -> list[dict[str, Any]]:
        """The one."""
        del namespace
        return [self._workload]

    def stateful_sets(self, namespace: str = "") -> list[dict[str, Any]]:
        """None."""
        del namespace
        return []

    def customs(self, version: str, plural: str, namespace: str = "") -> list[dict[str, Any]]:
        """The autoscaler, if it may be listed."""
        del version, namespace
        if self._denied:
            raise AccessDenied("no", hint="")
        return self._autoscalers if plural == "horizontalpodautoscalers" else []


def autoscaler(name: str = "api", **bounds: int) -> dict[str, Any]:
    """The spec of an autoscaler of this Deployment."""
    return {"scaleTargetRef": {"kind": "Deployment", "name": name}, **bounds}


@pytest.mark.parametrize(
    ("cluster", "why"),
    [
        (Answers(2, 2), ""),
        (Answers(2, 1), "Deployment eu/api has 1 of 2 replicas ready"),
        (Answers(3, 3), "Deployment eu/api has 3 of 2 replicas ready"),
        (Answers(3, 3, autoscaler(minReplicas=2, maxReplicas=3)), ""),
        (Answers(1, 1, autoscaler(maxReplicas=3)), ""),
        (Answers(3, 2, autoscaler(maxReplicas=3)), "Deployment eu/api has 2 of 3 replicas ready"),
        (Answers(4, 4, autoscaler(maxReplicas=3)), "Deployment eu/api has 4 of 2 replicas ready"),
        (Answers(1, 1, autoscaler(minReplicas=2, maxReplicas=3)), "Deployment eu/api has 1 of 2 replicas ready"),
        (Answers(3, 3, autoscaler(name="web", maxReplicas=3)), "Deployment eu/api has 3 of 2 replicas ready"),
        (Answers(3, 3, autoscaler(maxReplicas=3), denied=True), "Deployment eu/api has 3 of 2 replicas ready"),
    ],
)
def test_only_an_autoscaler_may_ask_for_other_replicas_than_before(
    cluster: Answers, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between its own bounds, and as many as it asks for must be ready."""
    monkeypatch.setattr(Cluster, "of", lambda _target: cluster)
    monkeypatch.setattr(restore, "namespaces_of", lambda _target: ("eu",))
    found = Restorer(cast("Target", None), BEFORE).restored(("workloads",))
    assert (found.ok, found.why) == (not why, why)
