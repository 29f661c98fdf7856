"""Listeners in place of backends: as their pods are labelled, and no controller's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from harness.drivers.check.ports import _backends

if TYPE_CHECKING:
    from harness.targets.kubernetes import Cluster


class Answers:
    """A cluster whose one service selects pods of a Rollout, or of a Deployment."""

    def __init__(self, label: str) -> None:
        self._label = label

    def services(self, namespace: str) -> list[dict[str, Any]]:
        """One on 8080, and one on another port."""
        del namespace
        return [
            {"metadata": {"name": "tracks"}, "spec": {"selector": {"app": "tracks"}, "ports": [{"port": 8080}]}},
            {"metadata": {"name": "store"}, "spec": {"selector": {"app": "store"}, "ports": [{"port": 5432}]}},
        ]

    def pods(self, namespace: str, label_selector: str) -> list[dict[str, Any]]:
        """One pod."""
        assert (namespace, label_selector) == ("eu", "app=tracks")
        return [{"metadata": {"labels": {"app": "tracks", "tier": "backend", self._label: "5f6d"}}}]


def test_a_listener_is_no_pod_of_a_replica_set() -> None:
    """With the label of its hash the ReplicaSet would delete it, or another pod, as one too many."""
    for label in ("pod-template-hash", "rollouts-pod-template-hash"):
        [backend] = _backends(cast("Cluster", Answers(label)), "eu", 8080)
        assert (backend.name, backend.labels) == ("tracks", {"app": "tracks", "tier": "backend"})
