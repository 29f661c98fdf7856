"""Is the target as it was before anything was broken? Read from its cluster, never taken from an exit code."""

from __future__ import annotations

from dataclasses import dataclass

from harness.errors import TargetUnreachable
from harness.targets import Target
from harness.targets.database import leader_region, not_streaming
from harness.targets.kubernetes import Cluster, Object, has_condition


@dataclass(frozen=True, kw_only=True, slots=True)
class Baseline:
    """What was there. replicas: wanted, by `Kind namespace/name`; nodes: those that could be scheduled on; region: of the leader."""

    replicas: dict[str, int]
    nodes: frozenset[str]
    leader_region: str


class Restorer:
    """Compares the target with how it was at the first `baseline()`."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._cluster = Cluster.of(target)
        self._baseline: Baseline | None = None

    def baseline(self) -> Baseline:
        """How the target is before the first experiment; later calls return the same, so that no damage becomes normal.

        Raises:
            TargetUnreachable: its API server does not answer.
        """
        if self._baseline is None:
            self._baseline = Baseline(
                replicas={_key(workload): _wanted(workload) for workload in self._workloads()},
                nodes=frozenset(node["metadata"]["name"] for node in self._cluster.nodes() if _usable(node)),
                leader_region=self._leader_region(),
            )
        return self._baseline

    def restored(self) -> tuple[bool, str]:
        """Whether it is as before: nodes, replicas, members streaming, the leader's region; else the first thing that is not."""
        before = self.baseline()
        try:
            why = self._nodes(before) or self._replicas(before) or self._database(before)
        except TargetUnreachable as error:
            why = error.what
        return not why, why

    def _nodes(self, before: Baseline) -> str:
        usable = {node["metadata"]["name"] for node in self._cluster.nodes() if _usable(node)}
        missing = sorted(before.nodes - usable)
        return f"not ready or cordoned: {', '.join(missing)}" if missing else ""

    def _replicas(self, before: Baseline) -> str:
        found = {_key(workload): workload for workload in self._workloads()}
        for key, wanted in before.replicas.items():
            workload = found.get(key)
            if workload is None:
                return f"{key} is gone"
            ready = workload.get("status", {}).get("readyReplicas", 0)
            if _wanted(workload) != wanted or ready != wanted:
                return f"{key} has {ready} of {wanted} replicas ready"
        return ""

    def _database(self, before: Baseline) -> str:
        if not before.leader_region:
            return ""
        problems = not_streaming(self._cluster, self._target)
        if problems:
            return problems[0]
        now = self._leader_region()
        return f"the leader is in {now}, not in {before.leader_region}" if now != before.leader_region else ""

    def _leader_region(self) -> str:
        known = self._target.database is not None and self._target.database.leader is not None
        return leader_region(self._cluster, self._target) if known else ""

    def _workloads(self) -> list[Object]:
        deployments = [{**workload, "kind": "Deployment"} for workload in self._cluster.deployments()]
        return [*deployments, *({**workload, "kind": "StatefulSet"} for workload in self._cluster.stateful_sets())]


def _key(workload: Object) -> str:
    meta = workload["metadata"]
    return f"{workload['kind']} {meta['namespace']}/{meta['name']}"


def _wanted(workload: Object) -> int:
    return int(workload["spec"].get("replicas", 1))


def _usable(node: Object) -> bool:
    return has_condition(node, "Ready") and not node.get("spec", {}).get("unschedulable")
