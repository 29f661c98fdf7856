"""What docs/autoscaling.md says to type, typed."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from tests.sandbox.pocket import needs_kubectl

if TYPE_CHECKING:
    from tests.sandbox.pocket import PocketCluster

pytestmark = needs_kubectl
PAGE = Path(__file__).parents[3] / "docs" / "autoscaling.md"
USAGE = r"user-service-\S+ +[0-9]+m +[0-9]+Mi"
MANIFEST = """
apiVersion: v1
kind: Namespace
metadata: {name: us-east-1}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: user-service, namespace: us-east-1}
spec:
  replicas: 2
  selector: {matchLabels: {app: user-service}}
  template:
    metadata: {labels: {app: user-service}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
        - name: main
          image: test/idle:1
          command: [sleep, "600"]
          resources: {requests: {cpu: 250m, memory: 256Mi}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: user-service, namespace: us-east-1}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: user-service}
  minReplicas: 2
  maxReplicas: 10
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 70}}}]
"""


def commands() -> list[str]:
    """Those of the section `By hand`."""
    section = PAGE.read_text(encoding="utf-8").split("## By hand", 1)[1].split("\n## ", 1)[0]
    return [line for line in section.splitlines() if line.startswith("kubectl ")]


def test_every_command_of_the_page_answers(cluster: PocketCluster) -> None:
    """Usage of pods and nodes, the autoscaler with its target and its usage, its conditions, and what the metrics API says.

    Whoever types them changes nothing.
    """
    assert {shlex.split(line)[1] for line in commands()} <= {"get", "describe", "top"}
    cluster.kubectl("apply", "-f", "-", stdin=MANIFEST)
    cluster.until(lambda: re.search(r"cpu: +[0-9]+%/70%", cluster.kubectl("get", "hpa", "-n", "us-east-1")) is not None)
    cluster.until(lambda: len(re.findall(USAGE, cluster.kubectl("top", "pods", "-n", "us-east-1"))) == 2)
    told = {line: cluster.kubectl(*shlex.split(line)[1:]) for line in commands()}
    assert len(told) == 7
    assert len(re.findall(USAGE, told["kubectl top pods -n us-east-1"])) == 2
    assert re.search(r"Deployment/user-service +cpu: +[0-9]+%/70% +2 +10 +2", told["kubectl get hpa -n us-east-1"])
    assert re.search(r"ScalingActive +True +ValidMetricFound", told["kubectl describe hpa user-service -n us-east-1"])
    assert '"kind": "PodMetricsList"' in told[commands()[5]] or '"kind":"PodMetricsList"' in told[commands()[5]]
    cluster.kubectl("delete", "namespace", "us-east-1")
