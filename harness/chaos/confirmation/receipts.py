"""Finds the objects that an experiment hit, also for foreign actions, which do not report them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from chaoslib.exceptions import InterruptExecution

from harness.chaos.session import ChaosSession, node_hit, pod_hit, session
from harness.errors import HarnessError, Refused
from harness.model import Hit
from harness.targets.child import ChildSettings
from harness.targets.cluster.chaosk8s import is_of_package
from harness.targets.cluster.workloads import autoscalers_in, controller_of
from harness.targets.files.harness_block import BlastRadius
from harness.targets.kubernetes import has_condition, is_terminating, is_usable, namespaces_of
from harness.targets.safety.guard import guard_hits
from harness.targets.safety.processes import PROCESS, running

_JOB: Final = "Job"
Decisions = Mapping[tuple[str, str], tuple[int, str]]
"""Replicas that autoscalers requested and the time of their last change, by namespace and name of the workload."""


class HitSnapshot:
    """Compares pods, nodes and processes before the method with those at the confirmation of the fault."""

    def __init__(self) -> None:
        self._before: list[Hit] | None = None
        self._decisions: Decisions | None = {}
        self._pidfiles: tuple[Path, ...] = ()
        self._usable: frozenset[str] = frozenset()

    def remember(self, pidfiles: Sequence[Path] = ()) -> None:
        """Read the cluster and the processes of some pidfiles before the method."""
        self._pidfiles = tuple(pidfiles)
        here = _session_or_none()
        self._decisions = _decisions(here) if here is not None else {}
        self._before = self._present()
        self._usable = (_usable(here) or frozenset()) if here is not None else frozenset()

    def keep_nodes(self) -> None:
        """Store the nodes that are gone, not Ready or cordoned since: foreign actions do not report their hits."""
        here = _session_or_none()
        now = _usable(here) if here is not None and self._usable else None
        if here is None or now is None:
            return
        with suppress(HarnessError):  # the nodes that run pods of the target are compared in any case
            here.keep_nodes(self._usable - now)

    def hits(self) -> list[Hit]:
        """The hits that are recorded of actions, else all objects that have ended since.

        Pods that an autoscaler may have ended are left out.
        """
        return self._proven()[0]

    def proof(self) -> dict[str, Any]:
        """The fields of `fault.confirmed` about the hits."""
        hits, read = self._proven()
        return {"hit": [asdict(hit) for hit in hits], "inferred": self.inferred(), "decisions_read": read}

    def _proven(self) -> tuple[list[Hit], bool]:
        """The hits, and whether the decisions of autoscalers could be read where they matter; else every pod that ended is among the hits."""
        here, ended = _session_or_none(), self._ended()
        if here is None or here.hits or not any(hit.kind == "pod" for hit in ended):
            return ended, True
        now = _decisions(here)
        if self._decisions is None or now is None:
            return ended, False
        return _without_scaled(ended, _fell(self._decisions, now)), True

    def _ended(self) -> list[Hit]:
        """What is recorded as hit by actions; else what was there before the method and is not any more, whatever ended it."""
        here = _session_or_none()
        if here is not None and here.hits:
            return here.hits
        present = self._present()
        if present is None or self._before is None:
            return []
        left = {hit.uid for hit in present}
        return [hit for hit in self._before if hit.uid not in left]

    def inferred(self) -> bool:
        """Whether hits are known only from ended objects, since no action has reported a hit."""
        here = _session_or_none()
        return here is None or not here.hits

    def gone(self) -> bool:
        """Whether everything that was hit is gone: a pod or process has another or no uid, a node is not Ready.

        False if there are no hits, or if the present objects are unknown.
        """
        hits, present = self.hits(), self._present()
        left = {hit.uid for hit in present or ()}
        return bool(hits) and present is not None and not any(hit.uid in left for hit in hits)

    def untouched(self) -> str:
        """A text on the file's processes if none of them was hit; empty otherwise."""
        if not self._pidfiles or any(hit.kind == PROCESS for hit in self._ended()):
            return ""
        return f"no process of {', '.join(file.name for file in self._pidfiles)} ended"

    def beyond(self, radius: BlastRadius) -> str:
        """A text on hits beyond the limits of the file and the target; empty if there are none.

        Actions of the harness and of chaostoolkit-kubernetes are checked before they hit. Other actions are checked
        afterwards: all ended objects count, including pods that an autoscaler may have ended, since the action may have
        ended them.
        """
        here, allowed = _session_or_none(), {"pod": radius.max_pods, PROCESS: radius.max_processes}
        declared = any(most is not None for most in allowed.values())
        if not (declared or (here is not None and not here.target.breakable)):
            return ""
        hits = self._ended()
        for kind, most in allowed.items():
            number = sum(1 for hit in hits if hit.kind == kind)
            if most is not None and number > most:
                return f"the experiment hit {number} {'pods' if kind == 'pod' else 'processes'}, `blast_radius` allows {most}"
        try:
            if here is not None:
                guard_hits(here.target, here.experiment, hits)
        except Refused as error:
            return error.what
        return ""

    def _present(self) -> list[Hit] | None:
        """Existing pods, Ready nodes and running processes; None if the cluster does not answer."""
        here = _session_or_none()
        found = _present(here) if here is not None else []
        return None if found is None else [*running(self._pidfiles), *found]

    def assert_same_cluster(self, activity: Mapping[str, Any], secrets: Mapping[str, Any]) -> None:
        """Stop an action of chaosk8s that would use another API server than the target's, also because of its secrets.

        Raises:
            InterruptExecution: the action would use another API server, or its API server is unknown.
            HarnessError: the target, or its API server, is not known.
        """
        provider = activity.get("provider", {})
        if not is_of_package(provider):
            return
        expected = ChildSettings.from_env().api_server or session().cluster.url
        from chaosk8s import create_k8s_api_client  # only where its functions are used
        from kubernetes.config import ConfigException

        try:
            host = create_k8s_api_client(_given(provider, secrets)).configuration.host
        except (ConfigException, OSError) as error:
            why = "its secrets name no context of the target, whose API server is"
            raise InterruptExecution(f"{activity.get('name')} refused: {why} {expected}: {error}") from error
        if host != expected:
            raise InterruptExecution(
                f"the action {activity.get('name')} was refused: the API server is {host}, expected {expected}"
            )


def _decisions(here: ChaosSession) -> Decisions | None:
    """What every autoscaler has decided last: the replicas that it asks for, and when it changed them; None where it cannot be read."""
    if here.target.kubernetes is None:
        return {}
    try:
        every = [one for place in namespaces_of(here.target) for one in autoscalers_in(here.cluster, place)]
    except HarnessError:
        return None
    statuses = [(one, one.get("status") or {}) for one in every]
    return {
        (str(one["metadata"]["namespace"]), str(one["spec"]["scaleTargetRef"]["name"])): (
            int(status.get("desiredReplicas") or 0),
            str(status.get("lastScaleTime") or ""),
        )
        for one, status in statuses
    }


def _fell(before: Decisions, now: Decisions) -> dict[tuple[str, str], int]:
    """By how many replicas autoscalers have scaled down in between, by namespace and name of the workload.

    `lastScaleTime` changes only where the autoscaler itself has scaled: what an action scales down is a hit of that action.
    """
    return {
        key: before[key][0] - replicas
        for key, (replicas, at) in now.items()
        if key in before and replicas < before[key][0] and at != before[key][1]
    }


def _without_scaled(ended: Sequence[Hit], fell: Mapping[tuple[str, str], int]) -> list[Hit]:
    """What ended, without the pods of each workload of which no more ended than its replicas fell by.

    Where more ended, the others were hit; which of them is not known, and all are kept.
    """
    own = {workload: [hit for hit in ended if hit.is_of(*workload)] for workload in fell}
    scaled = {hit for workload, hits in own.items() if len(hits) <= fell[workload] for hit in hits}
    return [hit for hit in ended if hit not in scaled]


def _given(provider: Mapping[str, Any], secrets: Mapping[str, Any]) -> dict[str, Any]:
    """The secrets that Chaos Toolkit gives an activity: those of each set that it names, a later one before an earlier one."""
    sets = (secrets.get(str(name)) for name in provider.get("secrets") or ())
    return {key: value for one in sets if isinstance(one, Mapping) for key, value in one.items()}


def _session_or_none() -> ChaosSession | None:
    """The session; None where no target is given, or its files cannot be read."""
    try:
        return session()
    except HarnessError:
        return None


def _usable(here: ChaosSession) -> frozenset[str] | None:
    """The nodes that are Ready and may be scheduled on, by name; None where the cluster does not answer, or there is none."""
    if here.target.kubernetes is None:
        return None
    try:
        return frozenset(str(node["metadata"]["name"]) for node in here.cluster.nodes() if is_usable(node))
    except HarnessError:
        return None


def _present(here: ChaosSession) -> list[Hit] | None:
    """Pods that are there and nodes that are Ready; nothing where there is no cluster, None where it does not answer.

    A pod whose grace period runs is not there any more: it is listed for as long as its `preStop` takes, and the fault is confirmed long before.
    Pods of a Job are left out: they end by themselves.
    """
    if here.target.kubernetes is None:
        return []
    try:
        regions = here.regions()
        nodes = [node_hit(node) for node in here.cluster.nodes() if has_condition(node, "Ready")]
        pods = (pod for pod in here.pods() if not is_terminating(pod) and controller_of(pod) != _JOB)
        return [*nodes, *(pod_hit(pod, regions) for pod in pods)]
    except HarnessError:
        return None
