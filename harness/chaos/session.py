"""The state of a chaos process: its target, its cluster, and the objects that it has hit so far.

`READINESS_TARGET` names the target file. Each destructive action calls `destructive()` first, which refuses a target
that is not disposable and was not allowed by name, and an API server that is not the target's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Final

from harness.errors import Refused
from harness.model import Hit, Intent
from harness.targets import Platform, Target, load_target, platform_of
from harness.targets.access import access
from harness.targets.child import TARGET_VARIABLE, ChildSettings
from harness.targets.cluster.workloads import controller_of, owner_of
from harness.targets.kubernetes import (
    REGION_LABEL,
    Cluster,
    Object,
    labels_of,
    namespaces_of,
    workload_of,
)
from harness.targets.safety.guard import guard_hits, guard_target
from harness.targets.safety.intents import VERIFY, amend_intent, pending_intents
from harness.targets.undo import Undoable, undo_now

PRESENT: Final = access("list nodes", "list pods")
"""API permissions of every experiment to compare the cluster before and after, besides those of its activities."""
_NAMES: Final = ("node", "region", "table", "name")
"""Parameters of an undo that name the changed object."""


@dataclass
class ChaosSession:
    """State of one chaos process on one target.

    Attributes:
        hits: objects that the actions of this process hit, in order.
        memory: memory use in bytes before it was increased, by pod name.
        stays: uids of pods whose last hit leaves them in place, because it hit their containers or their memory.
        locked: tables of the database whose rows are locked repeatedly.
        claims: uid of each claim of a volume that the experiment deletes, by namespace and name.
        restarts: number of restarts of the containers before the hit, by pod uid.
        max_pods: maximum number of pods that the experiment may hit; None: no limit.
    """

    target: Target
    platform: Platform
    experiment: str
    hits: list[Hit] = field(default_factory=list)
    stays: set[str] = field(default_factory=set)
    memory: dict[str, float] = field(default_factory=dict)
    locked: list[str] = field(default_factory=list)
    claims: dict[tuple[str, str], str] = field(default_factory=dict)
    restarts: dict[str, int] = field(default_factory=dict)
    max_pods: int | None = None

    @cached_property
    def cluster(self) -> Cluster:
        """The target's cluster.

        Raises:
            Refused: the target file has no `kubernetes`.
        """
        if self.target.kubernetes is None:
            raise Refused(
                f"{self.target.name} has no `kubernetes`",
                where=str(self.target.file),
                hint="write `kubernetes: {context: …}`",
            )
        return Cluster.of(self.target)

    def destructive(self, hits: Sequence[Hit]) -> None:
        """Assert that these objects may be hit in addition to earlier hits, and that the API server is the target's.

        The hit nodes are stored on disk.

        Raises:
            Refused: the objects may not be hit, or the API server is another.
            HarnessError: the undo log cannot be written.
        """
        settings = ChildSettings.from_env()
        guard_target(self.target, settings.allow_target)
        all_hits = [*self.hits, *hits]
        guard_hits(self.target, self.experiment, all_hits)
        if settings.api_server and self.cluster.url != settings.api_server:
            raise Refused(
                f"the API server is {self.cluster.url}, expected {settings.api_server}", where=self.target.name
            )
        pods = sum(1 for hit in all_hits if hit.kind == "pod")
        if self.max_pods is not None and pods > self.max_pods:
            raise Refused(
                f"the action would hit {pods} pods, `blast_radius` allows {self.max_pods}", where=self.experiment
            )
        self.keep_nodes(hit.name for hit in hits if hit.kind == "node")

    def keep_nodes(self, names: Iterable[str]) -> None:
        """Store the hit nodes on disk with the attempt in the undo log; the restore compares them.

        Raises:
            HarnessError: the undo log cannot be written.
        """
        if not (nodes := {*names}):
            return
        entries = (one for one in pending_intents(self.platform) if one.undo.get("do") == VERIFY)
        attempt = next((one for one in entries if one.experiment == self.experiment), None)  # the newest is this one
        kept = {*attempt.undo.get("hit", ())} if attempt else nodes
        if attempt is not None and not nodes <= kept:
            amend_intent(attempt, hit=sorted(nodes | kept))

    def intend(self, action: Undoable[...], what: str, /, **params: object) -> Intent:
        """Write to the undo log how to undo the next action.

        Args:
            action: action that is about to be called.
            what: description of the action for people.
            params: parameters of the undo.
        """
        return action.intend(self.platform, self.experiment, what, **params)

    def undo(self, action: Undoable[...]) -> list[str]:
        """Undo every pending intent of an action, as `undo_now` does; returns the names of the objects.

        Raises:
            HarnessError: the first failed undo, raised after all were tried; failed intents stay in the undo log.
        """
        pending = [intent for intent in pending_intents(self.platform) if intent.undo.get("do") == action.name]
        undo_now(self.cluster if self.target.kubernetes is not None else None, self.target, *pending)
        return [str(next((intent.undo[key] for key in _NAMES if intent.undo.get(key)), "")) for intent in pending]

    def hit(self, hits: Sequence[Hit], *, stays: bool = False) -> None:
        """Store hits, and whether the hit objects stay in place."""
        self.hits.extend(hits)
        uids = {hit.uid for hit in hits}
        self.stays = self.stays | uids if stays else self.stays - uids

    def pods(self) -> list[Object]:
        """The pods of the target's namespaces."""
        return [pod for namespace in namespaces_of(self.target) for pod in self.cluster.pods(namespace)]

    def regions(self) -> dict[str, str]:
        """The region of each node."""
        return {node["metadata"]["name"]: labels_of(node).get(REGION_LABEL, "") for node in self.cluster.nodes()}


@cache
def session() -> ChaosSession:
    """The session of this process.

    Raises:
        Refused: `READINESS_TARGET` names no target file.
    """
    settings = ChildSettings.from_env()
    if not settings.target:
        raise Refused(
            "no target file is given", where=TARGET_VARIABLE, hint='for the sandbox: eval "$(readiness sandbox env)"'
        )
    target = _as_the_run_reads_it(load_target(Path(settings.target)), settings.kubeconfig)
    return ChaosSession(
        target=target,
        platform=platform_of(target),
        experiment=settings.experiment,
    )


def _as_the_run_reads_it(target: Target, files: str) -> Target:
    """The target with the kubeconfig that its run reads: the run has another working directory, and this process a `KUBECONFIG` of its own."""
    if not files or target.kubernetes is None:
        return target
    return target.model_copy(update={"kubernetes": target.kubernetes.model_copy(update={"kubeconfig": files})})


def pod_hit(pod: Object, regions: Mapping[str, str]) -> Hit:
    """The hit of a pod."""
    meta, labels = pod["metadata"], labels_of(pod)
    return Hit(
        kind="pod",
        name=meta["name"],
        namespace=meta["namespace"],
        uid=meta["uid"],
        address=pod.get("status", {}).get("podIP") or "",
        region=regions.get(pod.get("spec", {}).get("nodeName") or "", ""),
        workload=workload_of(labels),
        controller=controller_of(pod),
        owner=owner_of(pod),
    )


def node_hit(node: Object) -> Hit:
    """The hit of a node."""
    meta = node["metadata"]
    return Hit(kind="node", name=meta["name"], uid=meta["uid"], region=labels_of(node).get(REGION_LABEL, ""))
