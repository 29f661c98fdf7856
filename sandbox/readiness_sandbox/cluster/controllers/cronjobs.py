"""CronJobs: a Job at each minute of a schedule, by the cluster's clock."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from harness import clock
from readiness_sandbox.cluster import admission, deletion
from readiness_sandbox.cluster.controllers.jobs import finished_at
from readiness_sandbox.cluster.controllers.view import CRONJOB, JOB, key, live, owned, reference, write_status
from readiness_sandbox.cluster.cron import CronSchedule
from readiness_sandbox.cluster.kubelet.status import condition
from readiness_sandbox.cluster.statuses import StatusError
from readiness_sandbox.cluster.timestamps import moment, timestamp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from readiness_sandbox.cluster.recorder import Recorder
    from readiness_sandbox.cluster.store import Object, Store

SCHEDULED: Final = "batch.kubernetes.io/cronjob-scheduled-timestamp"
MANY: Final = 100
"""Missed times that are worth a warning."""


def reconcile(store: Store, record: Recorder) -> None:
    """All CronJobs."""
    for cronjob in live(store, CRONJOB):
        jobs = owned(store, JOB, cronjob)
        _trim(store, cronjob, jobs)
        status = _status(cronjob, jobs, record)
        due = _due(cronjob, record)
        if due is not None:
            status = _start(store, cronjob, status, due, record)
        write_status(store, CRONJOB, cronjob, status)


def _due(cronjob: Object, record: Recorder) -> datetime | None:
    """The time that a Job is to be started for now, None when there is none."""
    spec, now = cronjob["spec"], clock.wall()
    if spec.get("suspend"):
        return None
    last = (cronjob.get("status") or {}).get("lastScheduleTime") or cronjob["metadata"]["creationTimestamp"]
    since = moment(last)
    if (late := spec.get("startingDeadlineSeconds")) is not None:
        since = max(since, now - timedelta(seconds=late))
    schedule, zone = CronSchedule.parse(spec["schedule"]), ZoneInfo(spec.get("timeZone") or "UTC")
    due = schedule.latest(since, now, zone)
    if due is not None and _missed(schedule, since, due, zone) > MANY:
        why = "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew"
        record(cronjob, "Warning", "TooManyMissedTimes", why)
    return due


def _missed(schedule: CronSchedule, since: datetime, due: datetime, zone: ZoneInfo) -> int:
    """How many times before `due` there were since then; counted no further than needed."""
    count, at = 0, schedule.latest(since, due - timedelta(minutes=1), zone)
    while at is not None and count <= MANY:
        count, at = count + 1, schedule.latest(since, at - timedelta(minutes=1), zone)
    return count


def _start(store: Store, cronjob: Object, status: Object, due: datetime, record: Recorder) -> Object:
    """Start the Job of that time, as far as the others allow it; the status with it."""
    policy, active = cronjob["spec"]["concurrencyPolicy"], status.get("active") or []
    if active and policy == "Forbid":
        why = "Not starting job because prior execution is running and concurrency policy is Forbid"
        record(cronjob, "Normal", "JobAlreadyActive", why)
        return status
    if policy == "Replace":
        for each in active:
            with suppress(StatusError):
                if not deletion.is_ending(old := store.get(JOB, each["namespace"], each["name"])):
                    deletion.begin(store, JOB, old)
                    record(cronjob, "Normal", "SuccessfulDelete", f"Deleted job {each['name']}")
        active = []
    at = timestamp(due)
    try:
        job = store.create(JOB, _job(cronjob, due, at))
    except StatusError as refused:
        if refused.reason != "AlreadyExists":
            record(cronjob, "Warning", "FailedCreate", f"Error creating job: {refused.message}")
            return status
    else:
        record(cronjob, "Normal", "SuccessfulCreate", f"Created job {job['metadata']['name']}")
        active = [*active, _reference(job)]
    return {**status, "lastScheduleTime": at, **({"active": active} if active else {})}


def _job(cronjob: Object, due: datetime, at: str) -> Object:
    """The Job of a scheduled time; its name is the time's, so that none is started twice."""
    template = cronjob["spec"]["jobTemplate"]
    given = template.get("metadata") or {}
    namespace, name = key(cronjob)
    meta = {
        "name": f"{name}-{int(due.timestamp()) // 60}",
        "labels": given.get("labels") or {},
        "annotations": {**(given.get("annotations") or {}), SCHEDULED: at},
        "ownerReferences": [reference(cronjob)],
    }
    return admission.created(JOB, namespace, {"metadata": meta, "spec": template["spec"]})


def _status(cronjob: Object, jobs: Sequence[Object], record: Recorder) -> Object:
    """What is active, and when something succeeded last."""
    status = dict(cronjob.get("status") or {})
    for job in jobs:
        noted = any(each["uid"] == job["metadata"]["uid"] for each in status.get("active") or ())
        if noted and finished_at(job):
            name, how = job["metadata"]["name"], _outcome(job)
            record(cronjob, "Normal", "SawCompletedJob", f"Saw completed job: {name}, condition: {how}")
    done = [each["status"]["completionTime"] for each in jobs if _outcome(each) == "Complete"]
    if done:
        status["lastSuccessfulTime"] = max([*done, status.get("lastSuccessfulTime") or ""])
    status.pop("active", None)
    active = [_reference(job) for job in jobs if not finished_at(job)]
    return {**status, **({"active": active} if active else {})}


def _trim(store: Store, cronjob: Object, jobs: Sequence[Object]) -> None:
    """Keep as many finished Jobs as the history limits say, the newest."""
    spec = cronjob["spec"]
    for outcome, limit in (("Complete", "successfulJobsHistoryLimit"), ("Failed", "failedJobsHistoryLimit")):
        ended = sorted(
            (job for job in jobs if _outcome(job) == outcome), key=lambda job: str(job["status"]["startTime"])
        )
        for job in ended[: max(0, len(ended) - spec[limit])]:
            deletion.begin(store, JOB, job)


def _outcome(job: Object) -> str:
    return next((name for name in ("Complete", "Failed") if condition(job, name).get("status") == "True"), "")


def _reference(job: Object) -> Object:
    meta = job["metadata"]
    about = {name: meta[name] for name in ("name", "namespace", "uid", "resourceVersion")}
    return {"apiVersion": job["apiVersion"], "kind": job["kind"], **about}
