"""Autoscalers, followed on a real API server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from harness import clock
from harness.drivers.watch import Watch, watch_settings
from readiness_sandbox.cluster import kinds

if TYPE_CHECKING:
    from pathlib import Path

    from readiness_sandbox.cluster.store import Store
    from tests.together.conftest import PocketCluster

KIND = kinds.by_name("HorizontalPodAutoscaler")


def autoscaler(desired: int, used: int, most: int = 5) -> dict[str, Any]:
    """Of `api`, at 70 % CPU."""
    target = {"type": "Utilization", "averageUtilization": 70}
    current = {"averageUtilization": used, "averageValue": "1m"}
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "api"}
    metrics = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    return {
        "metadata": {"name": "api-hpa", "namespace": "north"},
        "spec": {"scaleTargetRef": reference, "minReplicas": 2, "maxReplicas": most, "metrics": metrics},
        "status": {
            "currentReplicas": 2,
            "desiredReplicas": desired,
            "currentMetrics": [{"type": "Resource", "resource": {"name": "cpu", "current": current}}],
            "conditions": [{"type": "ScalingActive", "status": "True", "reason": "ValidMetricFound"}],
        },
    }


def change(cluster: PocketCluster, obj: dict[str, Any]) -> None:
    """Give the stored object this specification and this status."""

    def updated(store: Store) -> None:
        there = store.get(KIND, "north", "api-hpa")
        if there["spec"] != obj["spec"]:
            there = store.update(KIND, {**there, "spec": obj["spec"]})
        store.update(KIND, {**there, "status": obj["status"]}, subresource="status")

    cluster.do(updated)


def test_an_autoscaler_is_recorded_when_something_but_its_usage_changes(
    cluster: PocketCluster, target_file: Path, tmp_path: Path
) -> None:
    """Bounds, replicas, condition; the usage is said with each of them."""
    cluster.create("HorizontalPodAutoscaler", autoscaler(2, 40))
    target_file.write_text(
        target_file.read_text()
        + f"parts: [autoscaler]\nkubernetes: {{context: pocket, namespace: north, kubeconfig: {cluster.kubeconfig}}}\n"
    )
    settings = watch_settings(target_file, tmp_path / "run", clients=(1, 2))

    def told() -> list[tuple[str, int, int, dict[str, int]]]:
        file = settings.run_directory / "history" / "autoscalers.ndjson"
        lines = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        return [
            (one["kind"], one["fields"]["desired"], one["fields"]["most"], one["fields"].get("usage", {}))
            for one in lines
        ]

    def until(count: int) -> None:
        assert any(len(told()) >= count for _ in clock.Deadline.after(45).ticks(0.05))

    with Watch(settings):
        until(1)
        change(cluster, autoscaler(2, 65))
        change(cluster, autoscaler(3, 85))
        until(2)
        change(cluster, autoscaler(3, 85, most=6))
        until(3)
        cluster.do(lambda store: store.delete(KIND, "north", "api-hpa"))
        until(4)
    assert told() == [
        ("autoscaler.present", 2, 5, {"cpu": 40}),
        ("autoscaler.changed", 3, 5, {"cpu": 85}),
        ("autoscaler.changed", 3, 6, {"cpu": 85}),
        ("autoscaler.deleted", 3, 6, {}),
    ]
