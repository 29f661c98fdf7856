"""The driver `scale` on a cluster of real processes: what it asks for is what the pods use, and nothing of it stays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from harness.drivers.scale import Holding, hold_levels
from harness.drivers.scale.stress import CHAOS
from harness.model import Demand, Observation
from harness.targets import load_target, platform_of
from harness.targets.kubernetes import Cluster
from harness.targets.safety.intents import pending_intents

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sandbox.pocket import PocketCluster

MANIFEST = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: default}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
        - name: main
          image: test/idle:1
          command: [sleep, "600"]
          resources: {requests: {cpu: 250m, memory: 64Mi}, limits: {memory: 128Mi}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web-hpa, namespace: default}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  minReplicas: 2
  maxReplicas: 4
  metrics: [{type: Resource, resource: {name: memory, target: {type: Utilization, averageUtilization: 80}}}]
"""
TARGET = """
name: pocket
environment: sandbox
disposable: true
time_scale: 60
entry: http://127.95.3.9:8080
kubernetes: {{context: sandbox, namespace: default, kubeconfig: {kubeconfig}}}
"""


class Kept:
    """A history in memory."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []

    def put(self, kind: str, subject: str, /, **fields: Any) -> Observation:
        """Keep it."""
        self.lines.append((kind, fields))
        number = len(self.lines)
        return Observation(
            source="scale", seq=number, clock="", mono_ns=0, wall="", kind=kind, subject=subject, fields=fields
        )


@pytest.mark.slow
def test_the_levels_are_reached_and_the_replicas_rise_at_the_higher_one(
    cluster: PocketCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """70 % of the memory leaves two pods, 95 % makes three of them; then there is no stress and no intent."""
    monkeypatch.setenv("READINESS_STATE", str(tmp_path / "state"))
    cluster.kubectl("apply", "-f", "-", stdin=MANIFEST)
    file = tmp_path / "target.yaml"
    file.write_text(TARGET.format(kubeconfig=cluster.directory / "kubeconfig"))
    target = load_target(file)
    platform, sink = platform_of(target), Kept()
    params = {"workload": "web", "resource": "memory", "low": "70 %", "high": "95 %", "hold": "6 min"}
    demand = Demand(kind="scale", name="hold", params=params)
    hold_levels(Holding(demand=demand, target=target, platform=platform, sink=sink, alive=lambda: None))
    ended = [fields for kind, fields in sink.lines if kind == "scale.ended"]
    assert [one["level"] for one in ended] == [0.7, 0.95]
    assert ended[0]["ok"]  # at the higher level the replicas may rise before it is reached, and then it never is
    replicas = [fields["replicas"] for kind, fields in sink.lines if kind == "scale.usage"]
    assert (min(replicas), max(replicas)) == (2, 3)
    assert Cluster.of(target).customs(*CHAOS, "default") == []
    assert pending_intents(platform) == []
