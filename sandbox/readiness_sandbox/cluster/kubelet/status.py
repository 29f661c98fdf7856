"""A pod's status from facts about its containers; pure.

Shapes are those that strict clients demand.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from readiness_sandbox.cluster.store import Object


TOO_LONG: Final = "Pod was active on the node longer than the specified deadline"


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """Not started, and why."""

    reason: str = "ContainerCreating"
    message: str = ""

    def as_json(self) -> Object:
        """The `state` of a containerStatus."""
        return {"waiting": {"reason": self.reason} | ({"message": self.message} if self.message else {})}


@dataclass(frozen=True, kw_only=True, slots=True)
class Running:
    """Started at that wall time."""

    started_at: str

    def as_json(self) -> Object:
        """The `state` of a containerStatus."""
        return {"running": {"startedAt": self.started_at}}


@dataclass(frozen=True, kw_only=True, slots=True)
class Terminated:
    """Ended with that exit code, 128 + signal when it was killed; `reason` where it is not what the code says."""

    code: int
    started_at: str
    finished_at: str
    message: str = ""
    reason: str = ""

    def as_json(self) -> Object:
        """The `state` of a containerStatus."""
        state: Object = {
            "exitCode": self.code,
            "reason": self.reason or ("Completed" if self.code == 0 else "Error"),
            "startedAt": self.started_at,
            "finishedAt": self.finished_at,
        }
        if self.code > 128:
            state["signal"] = self.code - 128
        if self.message:
            state["message"] = self.message
        return {"terminated": state}


State = Waiting | Running | Terminated


def image_id(container: Object) -> str:
    """Repository and digest of what a container of this spec runs.

    Images here have no layers: what runs is the command, its arguments and its variables, and these are digested with the name.
    """
    image: str = container.get("image", "")
    content = [image, *(container.get(key) or [] for key in ("command", "args", "env"))]
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    name, _, tag = image.rpartition(":")
    return f"{name if name and '/' not in tag else image}@sha256:{digest}"


@dataclass(frozen=True, kw_only=True, slots=True)
class ContainerFacts:
    """What a kubelet knows of one container."""

    name: str
    image: str
    image_id: str
    state: State
    last: Terminated | None
    restarts: int
    ready: bool
    started: bool

    def as_json(self, uid: str) -> Object:
        """A containerStatus."""
        return {
            "name": self.name,
            "image": self.image,
            "imageID": self.image_id,
            "containerID": f"process://{uid}/{self.name}/{self.restarts}",
            "ready": self.ready,
            "started": self.started,
            "restartCount": self.restarts,
            "state": self.state.as_json(),
            "lastState": self.last.as_json() if self.last else {},
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class PodFacts:
    """What a kubelet knows of one pod; `expired`: it was active for longer than it may be."""

    address: str
    host: str
    started_at: str
    init: Sequence[ContainerFacts]
    containers: Sequence[ContainerFacts]
    initialized: bool
    expired: bool = False


def pod_status(pod: Object, facts: PodFacts, now: str) -> Object:
    """The whole `status`; a condition keeps its transition time while it does not change."""
    uid = pod["metadata"]["uid"]
    old = pod.get("status") or {}
    unready = [each.name for each in facts.containers if not each.ready]
    message = f"containers with unready status: [{' '.join(unready)}]"
    why = ("ContainersNotReady", message) if unready else ("", "")
    conditions = old.get("conditions") or []
    for kind, true, reason in (
        ("PodScheduled", True, ("", "")),
        ("Initialized", facts.initialized, ("", "") if facts.initialized else ("ContainersNotInitialized", "")),
        ("ContainersReady", not unready, why),
        ("Ready", not unready, why),
    ):
        conditions = with_condition(conditions, kind, "True" if true else "False", *reason, now=now)
    status = {
        **{key: value for key, value in old.items() if key not in ("reason", "message")},
        "phase": phase(pod["spec"].get("restartPolicy", "Always"), facts),
        "conditions": conditions,
        "hostIP": facts.host,
        "hostIPs": [{"ip": facts.host}],
        "podIP": facts.address,
        "podIPs": [{"ip": facts.address}],
        "startTime": facts.started_at,
        "containerStatuses": [each.as_json(uid) for each in facts.containers],
        "qosClass": quality(pod["spec"]),
    }
    if facts.expired:
        status |= {"phase": "Failed", "reason": "DeadlineExceeded", "message": TOO_LONG}
    if facts.init:
        status["initContainerStatuses"] = [each.as_json(uid) for each in facts.init]
    return status


def with_condition(
    conditions: Sequence[Object], kind: str, status: str, reason: str = "", message: str = "", *, now: str
) -> list[Object]:
    """The conditions with that one set; its transition time moves only when its status does."""
    old = next((each for each in conditions if each["type"] == kind), None)
    since = old["lastTransitionTime"] if old is not None and old["status"] == status else now
    new: Object = {"type": kind, "status": status, "lastProbeTime": None, "lastTransitionTime": since}
    new |= {key: value for key, value in (("reason", reason), ("message", message)) if value}
    if old is None:
        return [*conditions, new]
    return [new if each["type"] == kind else each for each in conditions]


def condition(obj: Object, kind: str) -> Object:
    """A condition of an object; an empty one when it has none of that type."""
    conditions: list[Object] = (obj.get("status") or {}).get("conditions") or []
    return next((each for each in conditions if each["type"] == kind), {})


def is_ready(pod: Object) -> bool:
    """Whether a pod may get traffic: Ready, and not about to end."""
    return condition(pod, "Ready").get("status") == "True" and not pod["metadata"].get("deletionTimestamp")


def phase(restart_policy: str, facts: PodFacts) -> str:
    """Kubernetes' summary of a pod's life."""
    states = [each.state for each in facts.containers]
    codes = [state.code for state in states if isinstance(state, Terminated)]
    if not facts.initialized:
        broken = any(isinstance(each.state, Terminated) and each.state.code for each in facts.init)
        return "Failed" if broken and restart_policy == "Never" else "Pending"
    if any(isinstance(state, Running) for state in states):
        return "Running"
    if len(codes) == len(states) and restart_policy != "Always":
        if not any(codes):
            return "Succeeded"
        return "Failed" if restart_policy == "Never" else "Running"
    started_once = [each.last is not None or isinstance(each.state, Terminated) for each in facts.containers]
    return "Running" if all(started_once) else "Pending"


def quality(spec: Object) -> str:
    """The quality-of-service class: Guaranteed, Burstable or BestEffort."""
    resources: list[dict[str, Any]] = [each.get("resources") or {} for each in spec["containers"]]
    if not any(each.get("requests") or each.get("limits") for each in resources):
        return "BestEffort"
    full = all(
        {"cpu", "memory"} <= set(each.get("limits") or {})
        and (each.get("requests") or each["limits"]) == each["limits"]
        for each in resources
    )
    return "Guaranteed" if full else "Burstable"
