"""Objects of Kubernetes with the least that a test needs of them; the store of the pocket cluster adds their kind and version."""

from __future__ import annotations

from typing import Any


def controlled(kind: str = "ReplicaSet", name: str = "set", version: str = "apps/v1") -> list[dict[str, Any]]:
    """Who has made an object."""
    return [{"apiVersion": version, "kind": kind, "name": name, "uid": "1", "controller": True}]


def deployment(
    name: str, namespace: str = "north", *containers: dict[str, Any], replicas: int = 2, **pod: Any
) -> dict[str, Any]:
    """A Deployment, or another workload, whose pods are labelled with its name."""
    own = containers or ({"name": "c", "image": "c:1"},)
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [*own], **pod}}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template}
    return {"metadata": {"name": name, "namespace": namespace}, "spec": spec}


def pod(name: str, app: str, namespace: str = "north", **spec: Any) -> dict[str, Any]:
    """A pod of a ReplicaSet, with one container."""
    meta = {"name": name, "namespace": namespace, "labels": {"app": app}, "ownerReferences": controlled()}
    return {"metadata": meta, "spec": {"containers": [{"name": "c", "image": "c:1"}], **spec}}


def service(name: str, namespace: str = "north", **spec: Any) -> dict[str, Any]:
    """A Service with port 8080, of the pods that are labelled with its name."""
    ports = [{"name": "http", "port": 8080, "targetPort": 8080}]
    meta = {"name": name, "namespace": namespace}
    return {"metadata": meta, "spec": {"selector": {"app": name}, "ports": ports, **spec}}


def stored(name: str, namespace: str = "north", **data: str) -> dict[str, Any]:
    """A ConfigMap or a Secret."""
    return {"metadata": {"name": name, "namespace": namespace}, "data": data}
