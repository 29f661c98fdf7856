"""From the manifests to the objects of one release.

The part of kustomize that the manifests use, and a release on top.
`kubectl apply -k sandbox/readiness_sandbox/platform/manifests` does the same on a real cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import ConfigurationError
from harness.merge import strategic
from readiness_sandbox import documents
from readiness_sandbox.platform import parts

if TYPE_CHECKING:
    from readiness_sandbox.platform.credentials import Credentials
    from readiness_sandbox.releases import Release

Object = dict[str, Any]

MANIFESTS = Path(__file__).parent / "manifests"
REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-1")
CLUSTER_SCOPED = frozenset({"Namespace", "Node", "NodePool", "ClusterRole", "ClusterRoleBinding"})
ORDER = (
    *(
        "Node",
        "Namespace",
        "ServiceAccount",
        "ClusterRole",
        "ClusterRoleBinding",
        "Role",
        "RoleBinding",
        "Secret",
        "ConfigMap",
        "Service",
        "NetworkPolicy",
    ),
    *("AnalysisTemplate", "HTTPRoute", "StatefulSet"),
)
"""What must be there before what: pods learn of Services when they start.

Kinds not named come last.
"""
WORKLOADS = frozenset({"Deployment", "StatefulSet"})


def nodes() -> list[Object]:
    """The sandbox's nodes."""
    return _documents(MANIFESTS / "nodes.yaml")


def render(release: Release, credentials: Credentials, deployed: Iterable[str] = ()) -> list[Object]:
    """All objects of the platform in this release, in the order in which to apply them.

    Nodes are apart.
    A release may change a part that is not deployed: that changes nothing then.

    Raises:
        ConfigurationError: the release names a workload or an object that the platform does not have, or there is no such part.
    """
    chosen = parts.with_needs(deployed)
    objects = without_credentials(release, chosen) + credentials.objects(list(REGIONS), chosen)
    return ordered(objects)


def ordered(objects: Iterable[Object]) -> list[Object]:
    """The same in the order in which to apply them."""
    return sorted(objects, key=lambda obj: ORDER.index(obj["kind"]) if obj["kind"] in ORDER else len(ORDER))


def without_credentials(release: Release, deployed: Iterable[str] = ()) -> list[Object]:
    """The same without the Secrets of passwords and certificates, in any order.

    Raises ConfigurationError.
    """
    chosen = parts.with_needs(deployed)
    every = [(True, obj) for obj in kustomized(MANIFESTS)]
    every += [
        (here, obj)
        for name in parts.names()
        for here, directory in parts.manifests(name, chosen)
        for obj in kustomized(directory)
    ]
    released = release.applied_to(obj for _, obj in every)
    objects = [obj for (here, _), obj in zip(every, released, strict=True) if here]
    for directory in [directory for name in chosen for here, directory in parts.manifests(name, chosen) if here]:
        patches = _component_patches(directory)
        objects = [_patched(obj, patches) for obj in objects]
    return _with_rollouts(objects)


def _component_patches(directory: Path) -> list[Object]:
    """What a kustomization of kind Component changes of the platform that it is put beside."""
    kustomization = _documents(directory / "kustomization.yaml")[0]
    patches: list[Object] = kustomization.get("patches", []) if kustomization.get("kind") == "Component" else []
    return patches


def _with_rollouts(objects: Iterable[Object]) -> list[Object]:
    """Each Rollout that refers to a Deployment in its place, with its pod template; an autoscaler of the one is one of the other.

    What Argo Rollouts' `workloadRef` comes to.
    The sandbox begins with the Rollout, so there is no Deployment to scale down once it is there.
    """
    every = list(objects)
    deployments = {_key(obj): obj for obj in every if obj["kind"] == "Deployment"}
    referring = {_key(obj): obj["spec"]["workloadRef"] for obj in every if "workloadRef" in obj.get("spec", {})}
    replaced = {(namespace, reference["name"]) for (namespace, _), reference in referring.items()}

    def complete(obj: Object) -> Object:
        scaled = obj["spec"]["scaleTargetRef"] if obj["kind"] == "HorizontalPodAutoscaler" else {}
        if (_key(obj)[0], scaled.get("name")) in replaced:
            target = {**scaled, "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout"}
            return {**obj, "spec": {**obj["spec"], "scaleTargetRef": target}}
        if obj["kind"] != "Rollout" or _key(obj) not in referring:
            return obj
        deployment = deployments[_key(obj)[0], referring[_key(obj)]["name"]]
        own = {key: deployment["spec"][key] for key in ("replicas", "selector", "template")}
        rest = {key: value for key, value in obj["spec"].items() if key != "workloadRef"}
        return {**obj, "spec": {**own, **rest}}

    return [complete(obj) for obj in every if obj["kind"] != "Deployment" or _key(obj) not in replaced]


def _key(obj: Object) -> tuple[str, str]:
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def kustomized(directory: Path) -> list[Object]:
    """What `kubectl kustomize` makes of a directory, for the keys in TRANSFORMERS.

    Raises:
        ConfigurationError: the kustomization has a key that is not understood here.
    """
    file = directory / "kustomization.yaml"
    kustomization = _documents(file)[0]
    objects: list[Object] = []
    for resource in kustomization.get("resources", []):
        path = (directory / resource).resolve()
        objects += kustomized(path) if path.is_dir() else _documents(path)
    for key, value in kustomization.items():
        if key in ("apiVersion", "kind", "resources"):
            continue
        if key not in TRANSFORMERS:
            known = ", ".join(sorted(TRANSFORMERS))
            raise ConfigurationError(f"the value of {key} is invalid", where=str(file), hint=f"use one of: {known}")
        objects = [TRANSFORMERS[key](obj, value) for obj in objects]
    return objects


def _namespaced(obj: Object, namespace: str) -> Object:
    if obj["kind"] in CLUSTER_SCOPED:
        return obj
    return {**obj, "metadata": {**obj["metadata"], "namespace": namespace}}


def _scaled(obj: Object, replicas: Iterable[Object]) -> Object:
    for row in replicas:
        if obj["kind"] in WORKLOADS and obj["metadata"]["name"] == row["name"]:
            return {**obj, "spec": {**obj["spec"], "replicas": row["count"]}}
    return obj


def _patched(obj: Object, patches: Iterable[Object]) -> Object:
    namespace, name = _key(obj)
    for row in patches:
        target = row["target"]
        named = target.get("namespace", namespace), target.get("name", name)
        if target["kind"] == obj["kind"] and named == (namespace, name):
            patch = _patch_of(row["patch"])
            kept = {key: value for key, value in patch["metadata"].items() if key in ("annotations", "labels")}
            changed = {key: value for key, value in patch.items() if key in ("spec", "data")}
            obj = strategic(obj, {**changed, "metadata": kept})
    return obj


TRANSFORMERS: dict[str, Callable[[Object, Any], Object]] = {
    "namespace": _namespaced,
    "replicas": _scaled,
    "patches": _patched,
}


@cache
def _documents(file: Path) -> list[Object]:
    return documents.load_all(file.read_text("utf-8"))


@cache
def _patch_of(text: str) -> Object:
    patch: Object = documents.load(text)
    return patch
