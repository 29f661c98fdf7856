"""The conditions of a Deployment, which `kubectl rollout status` reads.

Reasons and messages of Kubernetes' deployment controller. Pure.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from readiness_sandbox.cluster.controllers.rolling import limits
from readiness_sandbox.cluster.kubelet.status import condition
from readiness_sandbox.cluster.timestamps import micro_timestamp, passed_s

if TYPE_CHECKING:
    from readiness_sandbox.cluster.store import Object

DONE, LATE, PAUSED = "NewReplicaSetAvailable", "ProgressDeadlineExceeded", "DeploymentPaused"
_NO_DEADLINE: Final = (1 << 31) - 1


def written(deployment: Object, new: Object | None, counts: Object, now: datetime) -> list[Object]:
    """The conditions that go with these counts.

    Args:
        deployment: as it is stored; its own counts are those before.
        new: the ReplicaSet of its template, None when a paused Deployment has none.
        counts: replicas, updatedReplicas, readyReplicas and availableReplicas as they are now.
        now: the wall clock.
    """
    spec = deployment["spec"]
    enough = counts["availableReplicas"] >= spec.get("replicas", 1) - limits(spec)[1]
    reason = "MinimumReplicasAvailable" if enough else "MinimumReplicasUnavailable"
    message = f"Deployment {'has' if enough else 'does not have'} minimum availability."
    verdict = ("True" if enough else "False", reason, message)
    return _progressing(deployment, new, counts, replaced(conditions_of(deployment), "Available", verdict, now), now)


def _progressing(
    deployment: Object, new: Object | None, counts: Object, conditions: list[Object], now: datetime
) -> list[Object]:
    """The conditions with `Progressing` as the change of the counts says.

    Left as they are when nothing is to be said.
    """
    old = condition(deployment, "Progressing")
    if not has_deadline(deployment):
        return [each for each in conditions if each["type"] != "Progressing"]
    over = old.get("reason") == DONE and counts["replicas"] == counts["updatedReplicas"]
    if over or deployment["spec"].get("paused"):
        return conditions
    name = f'ReplicaSet "{new["metadata"]["name"]}"' if new else f'Deployment "{deployment["metadata"]["name"]}"'
    if is_complete(deployment, counts):
        return replaced(conditions, "Progressing", ("True", DONE, f"{name} has successfully progressed."), now)
    if _moved(deployment.get("status") or {}, counts):
        verdict = ("True", "ReplicaSetUpdated", f"{name} is progressing.")
        return replaced(conditions, "Progressing", verdict, now, anew=True)
    if _is_late(deployment, old, now):
        return replaced(conditions, "Progressing", ("False", LATE, f"{name} has timed out progressing."), now)
    return conditions


def paused(deployment: Object, now: datetime) -> list[Object]:
    """The conditions after `spec.paused` was set or cleared.

    The deadline does not run meanwhile.
    """
    conditions, reason = conditions_of(deployment), condition(deployment, "Progressing").get("reason")
    if not has_deadline(deployment) or reason == LATE:
        return conditions
    if deployment["spec"].get("paused") and reason != PAUSED:
        return replaced(conditions, "Progressing", ("Unknown", PAUSED, "Deployment is paused"), now)
    if not deployment["spec"].get("paused") and reason == PAUSED:
        return replaced(conditions, "Progressing", ("Unknown", "DeploymentResumed", "Deployment is resumed"), now)
    return conditions


def is_complete(deployment: Object, counts: Object) -> bool:
    """Whether all replicas are of the new template and available, and no others are left."""
    desired = deployment["spec"].get("replicas", 1)
    return all(counts.get(name, 0) == desired for name in ("updatedReplicas", "replicas", "availableReplicas"))


def has_deadline(deployment: Object) -> bool:
    """Whether progress is watched at all."""
    return bool(deployment["spec"].get("progressDeadlineSeconds", 600) != _NO_DEADLINE)


def replaced(
    conditions: list[Object], kind: str, verdict: tuple[str, str, str], now: datetime, *, anew: bool = False
) -> list[Object]:
    """The conditions with that one set.

    One whose status and reason are already so stays as it is, unless `anew` moves its update time.
    """
    status, reason, message = verdict
    old = next((each for each in conditions if each["type"] == kind), None)
    if old and not anew and (old["status"], old.get("reason")) == (status, reason):
        return conditions
    at = micro_timestamp(now)
    new = {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "lastUpdateTime": at,
        "lastTransitionTime": old["lastTransitionTime"] if old and old["status"] == status else at,
    }
    return [*(each for each in conditions if each["type"] != kind), new]


def conditions_of(deployment: Object) -> list[Object]:
    """The conditions as they are stored."""
    found: list[Object] = (deployment.get("status") or {}).get("conditions") or []
    return found


def _moved(old: Object, counts: Object) -> bool:
    """Whether there is progress.

    More new replicas, fewer old ones, more of them ready or available.
    """

    def remaining(of: Object) -> int:
        return int(of.get("replicas", 0)) - int(of.get("updatedReplicas", 0))

    grown = any(counts[name] > old.get(name, 0) for name in ("updatedReplicas", "readyReplicas", "availableReplicas"))
    return grown or remaining(counts) < remaining(old)


def _is_late(deployment: Object, progress: Object, now: datetime) -> bool:
    if not progress or progress.get("reason") == DONE:
        return False
    if progress.get("reason") == LATE:
        return True
    deadline_s: int = deployment["spec"].get("progressDeadlineSeconds", 600)
    return passed_s(progress["lastUpdateTime"], now) > deadline_s
