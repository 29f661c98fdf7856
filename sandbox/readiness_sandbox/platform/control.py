"""The controls of the sandbox: on each node a pod that does nothing but answer, in a namespace of its own, which no release changes.

It runs as the services do and is reached as they are, through the forwarder. What it suffers is the machine's (`judgement/receipts/machine.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

Object = dict[str, Any]

NAMESPACE: Final = "control"
PORT: Final = 8080


def objects(nodes: Iterable[str]) -> list[Object]:
    """The namespace, and a Service and a Deployment for each node."""
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    return [namespace, *(each for node in nodes for each in (_service(node), _deployment(node)))]


def _service(node: str) -> Object:
    ports = [{"name": "http", "port": PORT, "targetPort": PORT}]
    return {**_named("v1", "Service", node), "spec": {"selector": {"app": f"control-{node}"}, "ports": ports}}


def _deployment(node: str) -> Object:
    labels = {"app": f"control-{node}"}
    container = {
        "name": "control",
        "image": "normaldance/control:1",
        "command": ["python", "-m", "normaldance.control"],
        "ports": [{"name": "http", "containerPort": PORT}],
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
        "readinessProbe": {"httpGet": {"path": "/health", "port": "http"}, "periodSeconds": 10},
        "env": [
            {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        ],
    }
    pod = {"nodeSelector": {"kubernetes.io/hostname": node}, "containers": [container]}
    template = {"metadata": {"labels": labels}, "spec": {**pod, "terminationGracePeriodSeconds": 1}}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    return {**_named("apps/v1", "Deployment", node), "spec": spec}


def _named(version: str, kind: str, name: str) -> Object:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": NAMESPACE}}
