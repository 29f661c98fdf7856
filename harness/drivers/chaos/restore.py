"""Verifies from the cluster that the target has its state from before the faults, without relying on exit codes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from harness.errors import AccessDenied, TargetUnreachable
from harness.model.planned.domain import DATABASE, NODES, PARTS, WORKLOADS, PartsState
from harness.targets import Target
from harness.targets.access import access
from harness.targets.cluster.workloads import AUTOSCALERS, autoscaled, ready_of, replicas_of, workloads
from harness.targets.cluster.workloads import WORKLOADS as LISTED
from harness.targets.database import MEMBERS, leader_region, not_streaming
from harness.targets.kubernetes import (
    REGION_LABEL,
    ZONE_LABEL,
    Cluster,
    Object,
    is_usable,
    labels_of,
    namespaces_of,
)

RESTORED: Final = (*access("list nodes", "list pods"), *LISTED, *AUTOSCALERS, *MEMBERS)
"""API permissions needed to verify that the target is restored."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TargetSnapshot:
    """State of the cluster before a fault.

    Attributes:
        replicas: expected replicas by `Kind namespace/name`.
        nodes: schedulable nodes; the value is region and zone from the labels, if any.
        leader_region: region of the database's leader; empty if the target has no database.
        used: names of the nodes with pods of the target's namespaces; None if unknown, as in an undo log of an earlier
            version.
    """

    replicas: dict[str, int]
    nodes: dict[str, str]
    leader_region: str
    used: frozenset[str] | None = None

    def as_json(self) -> dict[str, Any]:
        """The state as JSON for the undo log."""
        nodes = dict(sorted(self.nodes.items()))
        kept: dict[str, Any] = {"replicas": self.replicas, "nodes": nodes, "leader_region": self.leader_region}
        return kept if self.used is None else {**kept, "used": sorted(self.used)}

    @classmethod
    def parse(cls, kept: Mapping[str, Any]) -> Self:
        """Read a state that `as_json` returned."""
        return cls(
            replicas=dict(kept["replicas"]),
            nodes=dict(nodes) if isinstance(nodes := kept["nodes"], dict) else dict.fromkeys(nodes, ""),
            leader_region=str(kept["leader_region"]),
            used=frozenset(kept["used"]) if "used" in kept else None,
        )


class Restorer:
    """Compares the target with its state at the first `baseline()`, or with `before`.

    Args:
        target: target to compare.
        before: earlier state of the target; None: the state at the first `baseline()`.
        hit: names of nodes that a fault hit.
        later: whether enough time may have passed since the fault for an autoscaler to remove nodes.
    """

    def __init__(
        self, target: Target, before: TargetSnapshot | None = None, *, hit: Iterable[str] = (), later: bool = False
    ) -> None:
        self._target = target
        self._cluster = Cluster.of(target)
        self._baseline = before
        self._hit = {*hit}
        self._later = later

    def hit(self, nodes: Iterable[str]) -> None:
        """Also compare these nodes, because a fault hit them."""
        self._hit.update(nodes)

    def baseline(self) -> TargetSnapshot:
        """The state of the target before the first experiment.

        Later calls return the state of the first call, so that damage is never accepted.

        Raises:
            TargetUnreachable: the API server does not answer.
        """
        if self._baseline is None:
            self._baseline = TargetSnapshot(
                replicas={_key(workload): replicas_of(workload) for workload in self._workloads()},
                nodes=_usable(self._cluster.nodes()),
                leader_region=self._leader_region(),
                used=self._used(),
            )
        return self._baseline

    def restored(self, parts: Collection[str] = PARTS) -> PartsState:
        """Whether these parts are restored: nodes and replicas ready, members streaming, leader in its earlier or the primary region.

        If an autoscaler has changed the number of replicas, that number must be ready.
        """
        before = self.baseline()
        found: list[tuple[str, str]] = []
        try:
            if NODES in parts:
                found += self._nodes(before)
            if WORKLOADS in parts:
                found += self._workload_pods(before)
            if DATABASE in parts:
                found += self._members(before)
        except (TargetUnreachable, AccessDenied) as error:
            return PartsState(ok=False, why=error.what)
        why = "; ".join(why for _, why in found)
        return PartsState(ok=not found, why=why, missing=tuple(name for name, _ in found))

    def _nodes(self, before: TargetSnapshot) -> list[tuple[str, str]]:
        """Texts for nodes that are not restored, of those that were hit or ran pods of the target's namespaces.

        A deleted node counts as restored once its zone has as many nodes as before, since clouds replace a machine under a new name.
        Older nodes that are not compared do not count as replacements.
        """
        listed = self._cluster.nodes()
        there, now = {_name(node) for node in listed}, _usable(listed)
        compared = {name: place for name, place in before.nodes.items() if self._is_compared(name, before, there)}
        had = Counter(compared.values())
        has = Counter(place for name, place in now.items() if name in compared or name not in before.nodes)
        found = []
        for name, place in sorted(compared.items()):
            if name in there and name not in now:
                found.append((f"Node {name}", f"{name} is not ready or cordoned"))
            elif name not in there and (left := _at(has, place)) < (first := _at(had, place)):
                at = f" in {place}" if place else ""
                why = f"{name} was deleted, and {left} of {first} nodes{at} are ready and not cordoned"
                found.append((f"Node {name}", why))
        return found

    def _is_compared(self, name: str, before: TargetSnapshot, there: Collection[str]) -> bool:
        """Whether a node must be as before.

        Long after the fault, a deleted node that was not hit need not be, since an autoscaler removes unneeded nodes.
        """
        if before.used is None or name in self._hit:
            return True
        return name in before.used and (name in there or not self._later)

    def _workload_pods(self, before: TargetSnapshot) -> list[tuple[str, str]]:
        found = {_key(workload): workload for workload in self._workloads()}
        missing = []
        for key, at_first in before.replicas.items():
            workload = found.get(key)
            if workload is None:
                missing.append((key, f"{key} was deleted"))
                continue
            ready, asked = ready_of(workload), replicas_of(workload)
            chosen = asked != at_first and asked in self._chosen_between(workload)
            expected = asked if chosen else at_first
            if asked != expected or ready != expected:
                missing.append((key, f"{key} has {ready} of {expected} replicas ready"))
        return missing

    def _chosen_between(self, workload: Object) -> Collection[int]:
        """The range of replicas that an autoscaler of the workload may choose."""
        meta = workload["metadata"]
        return autoscaled(self._cluster, meta["namespace"]).get((workload["kind"], meta["name"]), ())

    def _members(self, before: TargetSnapshot) -> list[tuple[str, str]]:
        if not before.leader_region:
            return []
        problems = [(one.member or "leader", one.why) for one in not_streaming(self._cluster, self._target)]
        now = self._leader_region()
        if not problems and now not in {before.leader_region, self._target.primary_region}:
            why = f"the database leader is in {now}, expected in {before.leader_region}"
            problems.append((f"leader in {before.leader_region}", why))
        return problems

    def _leader_region(self) -> str:
        known = self._target.database is not None and self._target.database.leader is not None
        return leader_region(self._cluster, self._target) if known else ""

    def _workloads(self) -> list[Object]:
        places = namespaces_of(self._target)
        return [one for namespace in places for one in workloads(self._cluster, namespace)]

    def _used(self) -> frozenset[str]:
        """The nodes that run pods of the target's namespaces."""
        pods = (pod for namespace in namespaces_of(self._target) for pod in self._cluster.pods(namespace))
        return frozenset(node for pod in pods if (node := str(pod.get("spec", {}).get("nodeName") or "")))


def _key(workload: Object) -> str:
    meta = workload["metadata"]
    return f"{workload['kind']} {meta['namespace']}/{meta['name']}"


def _name(node: Object) -> str:
    return str(node["metadata"]["name"])


def _usable(nodes: Collection[Object]) -> dict[str, str]:
    """Schedulable nodes, each with its region and zone."""
    return {_name(node): _place(node) for node in nodes if is_usable(node)}


def _place(node: Object) -> str:
    labels = labels_of(node)
    return "/".join(labels[label] for label in (REGION_LABEL, ZONE_LABEL) if labels.get(label))


def _at(nodes: Counter[str], place: str) -> int:
    """Number of nodes in a region and zone; all nodes if the place is not known."""
    return nodes[place] if place else nodes.total()
