"""Restores the replicated database by the platform's own procedure, after the loss of every member with its volume."""

from __future__ import annotations

import re
import tempfile
from typing import Final

from harness.errors import ConfigurationError, DriverError
from harness.targets.access import LOCK, Access, access
from harness.targets.cluster.jobs import COMPLETE, JOBS, delete_job, run_job
from harness.targets.cluster.own import OWN
from harness.targets.commands import run_command
from harness.targets.database import MEMBERS, database_of, is_running, leader_of
from harness.targets.files.drills import DatabaseRestore
from harness.targets.files.target import Target
from harness.targets.kubernetes import Cluster, Object, labels_of

RESTORING: Final[tuple[Access, ...]] = (
    *MEMBERS,
    *access(JOBS, "get cronjobs.batch", "list pods", "get pods/log", at=LOCK),
)
"""API permissions needed to restore the database by a Job."""
_LONGEST: Final = 1 << 20
"""Bytes of a log that are searched."""
_LONGEST_WORDS: Final = 200


def restore_of(target: Target) -> DatabaseRestore:
    """The procedure that the target file names.

    Raises:
        ConfigurationError: it names none.
    """
    database, _ = database_of(target)
    if database.restore is None:
        raise ConfigurationError(
            "the target file names no procedure that restores the database",
            where=f"{target.file}: database.restore",
            hint="write `restore: {cronjob: NAME}` or `restore: {command: [WORDS]}`",
        )
    return database.restore


def restore_database(cluster: Cluster, target: Target) -> str:
    """Run the procedure and wait for its end, unless a member leads and serves.

    Returns:
        What it restored, by its own words, as `database.restore.restored_from` finds them; empty: it does not say, or did not run.

    Raises:
        ConfigurationError: the target file names no procedure, or its CronJob does not exist.
        DriverError: the procedure failed, or did not end in time.
    """
    procedure = restore_of(target)
    if _is_led(cluster, target):
        return ""
    if procedure.command:
        with tempfile.TemporaryFile() as output:
            run_command(procedure.command, procedure.within_s, output.fileno())
            output.seek(0)
            return _said(procedure, output.read(_LONGEST).decode("utf-8", "replace"))
    _, lock = database_of(target)
    body = _job_of(cluster, target, procedure.cronjob)
    ended = run_job(cluster, lock.namespace, body, procedure.within_s)
    name = body["metadata"]["name"]
    if not ended.ended:
        raise DriverError(
            f"the Job {lock.namespace}/{name} did not end within {procedure.within_s:g} s", where=target.name
        )
    said = _said(procedure, _log_of(cluster, lock.namespace, name) if procedure.restored_from else "")
    delete_job(cluster, lock.namespace, name)
    if ended.ended != COMPLETE:
        raise DriverError(f"the Job {lock.namespace}/{name} {ended.words}{ended.log}", where=target.name)
    return said


def _log_of(cluster: Cluster, namespace: str, job: str) -> str:
    pods = cluster.pods(namespace, f"job-name={job}", over=True)
    return "\n".join(cluster.pod_log(namespace, pod["metadata"]["name"]) for pod in pods)[-_LONGEST:]


def _said(procedure: DatabaseRestore, log: str) -> str:
    """The last words of a log that the target file asks for, and nothing else of it."""
    found = re.findall(procedure.restored_from, log) if procedure.restored_from else []
    return str(found[-1])[:_LONGEST_WORDS] if found else ""


def _is_led(cluster: Cluster, target: Target) -> bool:
    """Whether the holder of the lock reports that its server runs: nothing is restored over it."""
    return is_running(cluster, target, leader_of(cluster, target))


def _job_of(cluster: Cluster, target: Target, name: str) -> Object:
    """A Job of the harness from the template of a CronJob, as `kubectl create job --from` makes it."""
    _, lock = database_of(target)
    found = cluster.custom("batch/v1", "cronjobs", lock.namespace, name)
    if found is None:
        raise ConfigurationError(
            f"there is no CronJob {lock.namespace}/{name}",
            where=f"{target.file}: database.restore.cronjob",
            hint="name a CronJob beside the lock of the database; it may be suspended",
        )
    template = found["spec"]["jobTemplate"]
    metadata = {"name": f"readiness-{name}"[:63], "labels": {**labels_of({"metadata": {}, **template}), **OWN}}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": template["spec"]}
