"""Pods that an object of any kind declares: `containers` or `container` at any depth; and values that it hands to a chart."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from harness.drivers.manifests import WORKLOADS, DeclaredObject, mapping, mappings

_UNDERSTOOD: Final = WORKLOADS | {
    *("Pod", "PodTemplate", "ReplicaSet", "ReplicationController", "Rollout", "Service", "CustomResourceDefinition")
}
"""Kinds of which it is known where their containers are, if any; a `Service` that has some is one of Knative."""
_LISTS: Final = ("initContainers", "containers", "sidecars")
_SINGLE: Final = ("container", "script")
_VALUES: Final = "values"
_HANDED_ON: Final = frozenset({"env", "helm", "valuesContent", "valuesFrom"})
"""Keys beside `values` under which an object has settings of workloads that a controller makes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DeclaredPod:
    """A template of pods.

    Attributes:
        path: where it is in its object, `spec.templates.0`. containers: those that run first before the others.
        maps: by the name of a volume, the ConfigMaps in it, with `name`, `items` and `optional`.
    """

    path: str
    containers: Sequence[Mapping[str, Any]]
    maps: Mapping[str, Sequence[Mapping[str, Any]]]


def pods_of(obj: DeclaredObject) -> list[DeclaredPod]:
    """The templates of pods of an object of any kind."""
    body = {key: value for key, value in obj.content.items() if key not in ("metadata", "status")}
    return list(_pods(body, "", {}))


def _pods(value: Any, path: str, maps: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[DeclaredPod]:
    if isinstance(value, dict):
        maps = {**maps, **{str(one.get("name")): _maps(one) for one in mappings(value.get("volumes"))}}
        if containers := _containers(value):
            yield DeclaredPod(path=path, containers=containers, maps=maps)
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        if key not in (*_LISTS, *_SINGLE, _VALUES):
            yield from _pods(part, f"{path}.{key}" if path else str(key), maps)


def _containers(value: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    single = [mapping(value.get(key)) for key in _SINGLE]
    return [*(one for key in _LISTS for one in mappings(value.get(key))), *(one for one in single if "image" in one)]


def _maps(volume: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The ConfigMaps of a volume, those of a projected one included."""
    sources = [volume, *mappings(mapping(volume.get("projected")).get("sources"))]
    return [found for one in sources if (found := mapping(one.get("configMap")))]


def holds_values(obj: DeclaredObject) -> bool:
    """Whether an object of a kind that is not understood has settings of workloads that a controller makes, as a HelmRelease."""
    return obj.kind not in _UNDERSTOOD and _holds(obj.content.get("spec"))


def _holds(value: Any) -> bool:
    if isinstance(value, dict):
        here = isinstance(value.get(_VALUES), dict) or any(value.get(key) for key in _HANDED_ON)
        return here or any(map(_holds, value.values()))
    return isinstance(value, list) and any(map(_holds, value))


def values_of(obj: DeclaredObject) -> Iterator[tuple[str, str]]:
    """Name and text of each of the values that an object hands to a chart, `values.env.URL`."""
    if holds_values(obj):
        yield from _leaves(mapping(mapping(obj.content.get("spec")).get(_VALUES)), _VALUES)


def _leaves(value: Any, path: str) -> Iterator[tuple[str, str]]:
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        if isinstance(part, (dict, list)) and part:
            yield from _leaves(part, f"{path}.{key}")
        else:
            yield f"{path}.{key}", str(part)


def rest_of(obj: DeclaredObject) -> str | None:
    """What else an object of a kind that is not understood declares, beside its containers, values and replicas; None of another one."""
    if obj.kind in _UNDERSTOOD or not (pods_of(obj) or holds_values(obj)):
        return None
    spec = {key: value for key, value in mapping(obj.content.get("spec")).items() if key not in (_VALUES, "replicas")}
    return json.dumps(_without_containers(spec), sort_keys=True, default=str)


def _without_containers(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_containers(one) for one in value]
    if not isinstance(value, dict):
        return value
    left_out = (
        {*_LISTS, *(key for key in _SINGLE if "image" in mapping(value.get(key)))} if _containers(value) else set()
    )
    return {str(key): _without_containers(one) for key, one in value.items() if key not in left_out}
