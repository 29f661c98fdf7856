"""Finds the places of a target's services: regions, namespaces, workloads and pods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from harness.errors import ConfigurationError
from harness.targets.files.parts import Callers
from harness.targets.files.target import Target
from harness.targets.kubernetes import Cluster, Object, is_terminating, namespaces_of, workload_of

_OWNERS: Final = frozenset({"ReplicaSet", "StatefulSet", "DaemonSet"})


def common_namespace(target: Target) -> str:
    """The namespace of all objects for which the target file gives no other namespace.

    Raises:
        ConfigurationError: the target has no cluster.
    """
    if target.kubernetes is None:
        raise ConfigurationError(
            "the target file has no cluster",
            where=f"{target.file}: kubernetes",
            hint="write `kubernetes: {context: …}`",
        )
    return target.kubernetes.namespace


def namespaces(target: Target) -> dict[str, str]:
    """Namespace by region; a target without regions has one entry, named like its namespace.

    Raises:
        ConfigurationError: the target has no cluster.
    """
    common = common_namespace(target)
    found = {name: region.namespace for name, region in target.regions.items() if region.namespace}
    return found or {common: common}


def callers_of(target: Target) -> Callers:
    """The declared callers of the backends.

    Raises:
        ConfigurationError: the target file has no `callers`.
    """
    if target.callers is None:
        raise ConfigurationError(
            "the key `callers` is missing",
            where=f"{target.file}: callers",
            hint="write `callers: {accepted: {LABEL: VALUE}, refused: {LABEL: VALUE}}` with labels of two pods",
        )
    return target.callers


def caller_name(labels: Mapping[str, str]) -> str:
    """The name of a declared caller: the workload in its labels, else the labels."""
    return workload_of(labels) or ",".join(f"{key}={value}" for key, value in labels.items())


def primary_namespace(target: Target) -> str:
    """The primary region's namespace, to which the sizes in the documents apply."""
    known = namespaces(target)
    return known[target.primary_region] if target.primary_region in known else next(iter(known.values()))


def every_place(target: Target) -> list[tuple[str, str]]:
    """Region and namespace of every place in the target file, without duplicates; the region may be empty.

    Raises:
        ConfigurationError: the target has no cluster.
    """
    places = [(region if region in target.regions else "", name) for region, name in namespaces(target).items()]
    known = {namespace for _, namespace in places}
    return [*places, *(("", namespace) for namespace in namespaces_of(target) if namespace not in known)]


class Clusters:
    """The clusters of a target: one common cluster, and one per region with its own context."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._by_context: dict[str, Cluster] = {}

    def of(self, region: str) -> Cluster:
        """The cluster of a region."""
        context = self._context(region)
        if context not in self._by_context:
            self._by_context[context] = Cluster.of(self.target_of(region))
        return self._by_context[context]

    def every(self) -> list[Cluster]:
        """Every cluster: the common cluster, and those of regions with their own context."""
        regions = {self._context(region): region for region in (*self._target.regions, "")}
        return [self.of(region) for region in regions.values()]

    def target_of(self, region: str) -> Target:
        """The target with the context of a region in place of the common context."""
        return self._target.in_context(self._context(region))

    def _context(self, region: str) -> str:
        own = self._target.regions[region].context if region in self._target.regions else ""
        return own or (self._target.kubernetes.context if self._target.kubernetes else "")


def is_of_workload(pod: Object) -> bool:
    """Whether the pod belongs to a workload that replaces it, and is not being deleted."""
    return not is_terminating(pod) and has_controller(pod)


def has_controller(pod: Object) -> bool:
    """Whether a ReplicaSet, StatefulSet or DaemonSet owns the pod."""
    return any(owner["kind"] in _OWNERS for owner in pod["metadata"].get("ownerReferences") or [])
