"""Jobs: pods that complete, as often as it takes, and not more often than the limits allow."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from harness import clock
from readiness_sandbox.cluster import deletion
from readiness_sandbox.cluster.controllers.view import (
    BURST,
    JOB,
    POD,
    is_active,
    key,
    live,
    owned,
    pod_from,
    write_status,
)
from readiness_sandbox.cluster.kubelet.container import BACK_OFF_S
from readiness_sandbox.cluster.kubelet.status import condition, is_ready
from readiness_sandbox.cluster.store import controller_of
from readiness_sandbox.cluster.timestamps import moment, now_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from readiness_sandbox.cluster.controllers.view import PodTerminator
    from readiness_sandbox.cluster.recorder import Recorder
    from readiness_sandbox.cluster.store import Object, Store, WatchEvent

TRACKED: Final = "batch.kubernetes.io/job-tracking"
"""Finalizer of a pod that its Job has not counted yet."""
REACHED: Final = ("CompletionsReached", "Reached expected number of succeeded pods")
TOO_MANY: Final = ("BackoffLimitExceeded", "Job has reached the specified backoff limit")
TOO_LONG: Final = ("DeadlineExceeded", "Job was active longer than specified deadline")
SUSPENDED: Final = ("JobSuspended", "Job suspended")
RESUMED: Final = ("JobResumed", "Job resumed")


@dataclass(slots=True)
class _Setbacks:
    """Failures in a row, and when the last one was seen."""

    failures: int = 0
    last_s: float = 0.0

    @property
    def over(self) -> bool:
        """Whether the pause after them is over; a stated deviation, as that of a container's restarts."""
        return clock.now_s() - self.last_s >= BACK_OFF_S[min(self.failures, len(BACK_OFF_S) - 1)]


class Jobs:
    """The controller; it hears of pods that are deleted before they were counted."""

    def __init__(self, store: Store, pods: PodTerminator, record: Recorder) -> None:
        self._store = store
        self._pods = pods
        self._record = record
        self._lost: list[str] = []
        self._setbacks: dict[str, _Setbacks] = {}
        store.subscribe(self._on_event)

    def reconcile(self) -> None:
        """All Jobs."""
        lost, self._lost = self._lost, []
        jobs = live(self._store, JOB)
        self._setbacks = {uid: row for job in jobs if (row := self._setbacks.get(uid := job["metadata"]["uid"]))}
        for job in jobs:
            if finished_at(job):
                self._expire(job)
            else:
                self._sync(job, lost.count(job["metadata"]["uid"]))

    def _on_event(self, event: WatchEvent) -> None:
        if event.kind is POD and event.type == "DELETED" and _is_tracked(event.object):
            self._lost.append((controller_of(event.object) or {}).get("uid", ""))

    def _sync(self, job: Object, lost: int) -> None:
        pods = owned(self._store, POD, job)
        status = self._suspended(job, self._counted(job, pods, lost))
        active = [pod for pod in pods if is_active(pod)]
        if not job["spec"].get("suspend"):
            status.setdefault("startTime", now_text())
        verdict = _verdict(job, status, active)
        if verdict:
            self._finish(job, status, active, verdict)
            return
        if job["spec"].get("suspend"):
            self._end(active)
        else:
            self._fill(job, status, active)
        self._report(job, status)

    def _counted(self, job: Object, pods: Sequence[Object], lost: int) -> Object:
        """The status with what has ended since: each pod is counted once, then it is not tracked any more."""
        status = dict(job.get("status") or {})
        ended = [pod for pod in pods if _is_tracked(pod) and _phase(pod) in ("Succeeded", "Failed")]
        for pod in ended:
            self._untrack(pod)
        succeeded = sum(_phase(pod) == "Succeeded" for pod in ended)
        failed = len(ended) - succeeded + lost
        status["succeeded"] = status.get("succeeded", 0) + succeeded
        status["failed"] = status.get("failed", 0) + failed
        row = self._setbacks.setdefault(job["metadata"]["uid"], _Setbacks())
        if failed:
            row.failures, row.last_s = (0 if succeeded else row.failures) + failed, clock.now_s()
        elif succeeded:
            row.failures = 0
        return status

    def _suspended(self, job: Object, status: Object) -> Object:
        """The status after `spec.suspend` was set or cleared: the time does not run meanwhile."""
        now_so, was_so = bool(job["spec"].get("suspend")), condition(job, "Suspended").get("status") == "True"
        if now_so == was_so:
            return status
        reason, message = SUSPENDED if now_so else RESUMED
        self._record(job, "Normal", "Suspended" if now_so else "Resumed", message)
        conditions = _with(status, ("Suspended", "True" if now_so else "False", reason, message))
        return {**{name: each for name, each in status.items() if name != "startTime"}, "conditions": conditions}

    def _fill(self, job: Object, status: Object, active: Sequence[Object]) -> None:
        """As many active pods as `parallelism` and what is still to be completed allow."""
        spec, name = job["spec"], job["metadata"]["name"]
        completions, succeeded = spec.get("completions"), status["succeeded"]
        parallel = spec["parallelism"]
        if completions is None:
            desired = min(parallel, len(active)) if succeeded else parallel
        else:
            desired = min(parallel, completions - succeeded)
        if len(active) > desired:
            self._end(sorted(active, key=is_ready)[: len(active) - desired])
        elif len(active) < desired and self._setbacks[job["metadata"]["uid"]].over:
            for _ in range(min(BURST, desired - len(active))):
                made = pod_from(job, spec["template"], generateName=f"{name}-", finalizers=[TRACKED])
                pod = self._store.create(POD, made)
                self._record(job, "Normal", "SuccessfulCreate", f"Created pod: {pod['metadata']['name']}")

    def _finish(self, job: Object, status: Object, active: Sequence[Object], verdict: tuple[str, str]) -> None:
        failed = verdict is not REACHED
        self._end(active)
        types = ("FailureTarget", "Failed") if failed else ("SuccessCriteriaMet", "Complete")
        for each in types:
            status["conditions"] = _with(status, (each, "True", *verdict))
        if failed:
            status["failed"] += len(active)
        else:
            status["completionTime"] = now_text()
        self._record(job, "Warning" if failed else "Normal", verdict[0] if failed else "Completed", verdict[1])
        self._report(job, status)

    def _expire(self, job: Object) -> None:
        """Delete what has been finished for `ttlSecondsAfterFinished`; else only count what is left of it."""
        ttl, since = job["spec"].get("ttlSecondsAfterFinished"), finished_at(job)
        if ttl is not None and since and clock.wall() - since >= timedelta(seconds=ttl):
            deletion.begin(self._store, JOB, job, "Foreground")
            return
        self._report(job, dict(job["status"]))

    def _report(self, job: Object, status: Object) -> None:
        pods = owned(self._store, POD, job)
        active = [pod for pod in pods if is_active(pod)]
        counts = {
            "active": len(active),
            "ready": sum(map(is_ready, active)),
            "terminating": sum("deletionTimestamp" in pod["metadata"] for pod in pods),
            "uncountedTerminatedPods": {},
        }
        write_status(self._store, JOB, self._store.get(JOB, *key(job)), {**status, **counts})

    def _end(self, pods: Sequence[Object]) -> None:
        """End pods that are not to be counted as failed: the Job itself wants them gone."""
        for pod in pods:
            self._untrack(pod)
            self._pods.begin_delete(*key(pod), None)

    def _untrack(self, pod: Object) -> None:
        meta = {name: value for name, value in pod["metadata"].items() if name != "resourceVersion"}
        meta["finalizers"] = [each for each in meta.get("finalizers") or () if each != TRACKED]
        self._store.update(POD, {**pod, "metadata": meta})


def finished_at(job: Object) -> datetime | None:
    """When a Job was complete or had failed, None while it is neither."""
    for name in ("Complete", "Failed"):
        if (found := condition(job, name)).get("status") == "True":
            return moment(found["lastTransitionTime"])
    return None


def _verdict(job: Object, status: Object, active: Sequence[Object]) -> tuple[str, str] | None:
    """Why a Job is over, None when it is not."""
    spec, succeeded = job["spec"], status["succeeded"]
    limit, deadline = spec["backoffLimit"], spec.get("activeDeadlineSeconds")
    restarts = sum(
        each.get("restartCount", 0)
        for pod in active
        for each in (pod.get("status") or {}).get("containerStatuses") or ()
    )
    in_place = spec["template"]["spec"].get("restartPolicy") == "OnFailure" and restarts >= max(1, limit)
    if status["failed"] > limit or in_place:
        return TOO_MANY
    began = status.get("startTime")
    if deadline is not None and began and clock.wall() - moment(began) >= timedelta(seconds=deadline):
        return TOO_LONG
    completions = spec.get("completions")
    done = succeeded > 0 and not active if completions is None else succeeded >= completions
    return REACHED if done else None


def _with(status: Object, verdict: tuple[str, str, str, str]) -> list[Object]:
    name, value, reason, message = verdict
    now = now_text()
    times = {"lastProbeTime": now, "lastTransitionTime": now}
    new = {"type": name, "status": value, "reason": reason, "message": message, **times}
    return [*(each for each in status.get("conditions") or () if each["type"] != name), new]


def _is_tracked(pod: Object) -> bool:
    return TRACKED in (pod["metadata"].get("finalizers") or ())


def _phase(pod: Object) -> str:
    return str((pod.get("status") or {}).get("phase", ""))
