"""Runs Jobs of the platform: creates them, waits for completion, and deletes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from harness.clock import Deadline
from harness.errors import DriverError, TargetSilent
from harness.targets.cluster.own import is_own
from harness.targets.kubernetes import Cluster, Object, has_condition

COMPLETE: Final = "Complete"
FAILED: Final = "Failed"
GONE: Final = "Gone"
"""Others deleted the Job before its end was read."""
JOBS: Final = "get,create,delete jobs.batch"
"""API permissions needed to run Jobs."""
_BATCH: Final = ("batch/v1", "jobs")
_POLL_S: Final = 0.2
_GRACE_S: Final = 30.0
"""Kubernetes' default time in s for a pod to terminate, if its template gives none."""
_GONE_WITHIN_S: Final = 10.0
"""Further time in s after the termination time."""


class JobRefused(DriverError):
    """The API server refused to create a Job, so nothing of it was started."""


@dataclass(frozen=True, kw_only=True, slots=True)
class JobResult:
    """How a Job ended: `COMPLETE`, `FAILED` with the controller's reason, `GONE`, or empty if it did not end in time."""

    ended: str
    log: str = ""

    @property
    def words(self) -> str:
        """The end of the Job as text."""
        words = {COMPLETE: "completed", FAILED: "failed", GONE: "was deleted before its end was read"}
        return words.get(self.ended, "did not end in its time")


def run_job(cluster: Cluster, namespace: str, body: Object, within_s: float) -> JobResult:
    """Create a Job, replacing an earlier one of the harness, and wait until it has ended; the Job is not deleted.

    Raises:
        JobRefused: the API server refused the Job.
        DriverError: a Job of that name exists that the harness did not create, or the API does not answer.
    """
    name = body["metadata"]["name"]
    delete_job(cluster, namespace, name)
    try:
        cluster.create_custom(*_BATCH, namespace, body)
    except TargetSilent:
        raise
    except DriverError as error:
        raise JobRefused(error.what, where=error.where, hint=error.hint) from error
    for _ in Deadline.after(within_s).ticks(_POLL_S):
        found = cluster.custom(*_BATCH, namespace, name)
        if found is None:
            return JobResult(ended=GONE)
        if has_condition(found, COMPLETE):
            return JobResult(ended=COMPLETE)
        if has_condition(found, FAILED):
            return JobResult(ended=FAILED, log=_why(found))
    return JobResult(ended="")


def has_completed(cluster: Cluster, namespace: str, name: str) -> bool:
    """Whether there is a Job of that name, and it has completed."""
    return has_condition(cluster.custom(*_BATCH, namespace, name) or {}, COMPLETE)


def delete_job(cluster: Cluster, namespace: str, name: str) -> None:
    """Delete a Job, its pods first, and wait until all are gone. A Job that does not exist is not an error.

    Raises:
        DriverError: the harness did not create the Job, or it is not deleted in time.
    """
    found = cluster.custom(*_BATCH, namespace, name)
    if found is None:
        return
    if not is_own(found):
        hint = "the harness did not create this Job: delete it, or rename the Job in the manifests"
        raise DriverError(f"there is a Job {namespace}/{name} already", hint=hint)
    grace_s = found["spec"]["template"]["spec"].get("terminationGracePeriodSeconds")
    within_s = (_GRACE_S if grace_s is None else float(grace_s)) + _GONE_WITHIN_S
    cluster.delete_custom(*_BATCH, namespace, name, owned_first=True)
    for _ in Deadline.after(within_s).ticks(_POLL_S):
        if cluster.custom(*_BATCH, namespace, name) is None:
            return
    raise DriverError(
        f"the Job {namespace}/{name} was deleted and is still there after {within_s:g} s",
        hint=f"check its finalizers: kubectl -n {namespace} get job {name} -o yaml",
    )


def _why(job: Object) -> str:
    conditions = (job.get("status") or {}).get("conditions") or []
    said: Object = next((one for one in conditions if one["type"] == FAILED), {})
    words = ": ".join(filter(None, (said.get("reason", ""), said.get("message", ""))))
    return f" ({words})" if words else ""
