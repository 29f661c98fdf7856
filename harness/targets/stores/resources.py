"""Lists backups that are resources of a product: CloudNativePG's and Velero's `Backup`, and `VolumeSnapshot`.

Source: api/v1/backup_types.go of cloudnative-pg, pkg/apis/velero/v1/backup_types.go of velero, client/apis/volumesnapshot/v1/types.go of
external-snapshotter. Only one that is completed and can be restored is a backup; its time is when it was completed, of a snapshot when
it was taken, of Velero when it was begun, from which Velero reckons its end.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from harness import clock
from harness.errors import DriverError, TargetUnreachable
from harness.targets.access import Access, access
from harness.targets.cluster.objects import Ref
from harness.targets.cluster.own import is_own
from harness.targets.cluster.patience import patiently
from harness.targets.files.backups import BackupResources, BackupStore
from harness.targets.files.drills import DRILL_MARK, OF_DRILL
from harness.targets.kubernetes import Cluster, labels_of
from harness.targets.stores.listing import Listing, ObjectKind, StoredObject
from harness.units import NS_PER_S

if TYPE_CHECKING:
    from harness.targets.kubernetes import Object

CLOUDNATIVE_PG: Final = "backups.postgresql.cnpg.io"
VELERO: Final = "backups.velero.io"
VOLUME_SNAPSHOT: Final = "volumesnapshots.snapshot.storage.k8s.io"
_SCHEDULE: Final = "velero.io/schedule-name"
"""Label of Velero's Backups with the name of their Schedule."""
_VELERO_BACKUP: Final = "velero.io/backup-name"
"""Label of what Velero makes for a Backup; it deletes a VolumeSnapshot when its content is stored. Source: velero, pkg/backup/actions/csi."""
_VELERO_RESTORE: Final = "velero.io/restore-name"
"""Label of what Velero restored, which also has that of the Backup, and hands both on to snapshots. Source: pkg/restore."""
_CNPG_BACKUP: Final = "cnpg.io/backupName"
"""Label of a VolumeSnapshot with the name of CloudNativePG's Backup. Source: pkg/utils/labels_annotations.go."""
_OF_DRILL: Final = re.compile(f"{OF_DRILL}[0-9a-f]{{{2 * DRILL_MARK}}}")


@dataclass(frozen=True, kw_only=True, slots=True)
class _ResourceForm:
    """What a collection says of its objects.

    Attributes:
        version: version of its group.
        done: phase of a backup that can be restored; empty: the field `readyToUse` says it.
        failed: phases after which nothing comes.
        at: field of the status with the time of a backup.
    """

    version: str
    done: str = ""
    failed: frozenset[str] = frozenset()
    at: str


_FORMS: Final[Mapping[str, _ResourceForm]] = {
    CLOUDNATIVE_PG: _ResourceForm(
        version="postgresql.cnpg.io/v1",
        done="completed",
        failed=frozenset({"failed", "invalid backup definition"}),
        at="stoppedAt",
    ),
    VELERO: _ResourceForm(
        version="velero.io/v1",
        done="Completed",
        failed=frozenset({"Failed", "PartiallyFailed", "FailedValidation"}),
        at="startTimestamp",
    ),
    VOLUME_SNAPSHOT: _ResourceForm(version="snapshot.storage.k8s.io/v1", at="creationTime"),
}


def listed_access(store: BackupStore) -> tuple[Access, ...]:
    """The permissions that reading a place needs."""
    resources = store.resources
    return access(f"list {resources.kind}", at=resources.namespace) if resources is not None else ()


def list_resources(cluster: Cluster, resources: BackupResources, within_s: float) -> Listing:
    """Every resource of what is backed up, but those that a restore drill made and removes.

    Raises:
        DriverError: the API server does not serve them or refuses to list them, or has no clock.
        TargetUnreachable: it gave no answer in time.
    """
    version, plural, *_ = collection_of(resources)
    deadline = clock.Deadline.after(within_s)
    sent_ns = clock.now_ns()
    try:
        date = patiently(cluster.date, within_s=deadline.left_s)
        answered_ns = clock.now_ns()
        found = patiently(partial(cluster.customs, version, plural, resources.namespace), within_s=deadline.left_s)
        done_ns = clock.now_ns()
        if not found and plural not in patiently(partial(cluster.kinds, version), within_s=deadline.left_s).values():
            hint = "install the product, or name the cluster that has it in `kubernetes`"
            raise DriverError(f"the API server does not serve {resources.kind}", where=cluster.url, hint=hint)
    except TargetUnreachable as error:
        hint = "check `kubernetes`, or give more time with `within`"
        raise TargetUnreachable(
            f"the API server gave no list in time: {error.what}", where=cluster.url, hint=hint
        ) from error
    return Listing(
        objects=tuple(stored_resource(resources, one) for one in found if is_of(resources, one) and not _of_drill(one)),
        sent_ns=sent_ns,
        done_ns=done_ns,
        store_ns=date_ns(cluster, date),
        answered_ns=answered_ns,
        step_ns=NS_PER_S,
    )


def collection_of(resources: BackupResources) -> Ref:
    """The collection of the backups, with their namespace and without a name."""
    return Ref(_FORMS[resources.kind].version, resources.kind.partition(".")[0], "", resources.namespace)


def is_of(resources: BackupResources, one: Object) -> bool:
    """Whether an object of the collection is of what is backed up."""
    if resources.kind == VELERO:
        return labels_of(one).get(_SCHEDULE) == resources.of
    spec: Mapping[str, Any] = one["spec"]
    if resources.kind == CLOUDNATIVE_PG:
        return bool(spec["cluster"]["name"] == resources.of)
    labels = labels_of(one)
    passing = _VELERO_BACKUP in labels and _VELERO_RESTORE not in labels  # what Velero restored has both
    return not passing and bool((spec.get("source") or {}).get("persistentVolumeClaimName") == resources.of)


def _of_drill(one: Object) -> bool:
    """Whether a restore drill made it, or CloudNativePG for the Backup of one."""
    return is_own(one) or _OF_DRILL.search(labels_of(one).get(_CNPG_BACKUP, "")) is not None


def stored_resource(resources: BackupResources, one: Object) -> StoredObject:
    """What an object of the collection is: a backup, one that is not finished or failed, or one without a time."""
    form = _FORMS[resources.kind]
    status: Mapping[str, Any] = one.get("status") or {}
    phase = str(status.get("phase") or "")
    done = phase == form.done if form.done else status.get("readyToUse") is True
    at_ns = time_ns(status.get(form.at))
    if done:
        kind = ObjectKind.BACKUP if at_ns is not None else ObjectKind.UNKNOWN
    else:
        kind = ObjectKind.FAILED if phase in form.failed else ObjectKind.UNFINISHED
    metadata: Mapping[str, Any] = one["metadata"]
    if done and metadata.get("deletionTimestamp"):
        kind = ObjectKind.UNFINISHED
    made_ns = time_ns(metadata.get("creationTimestamp"))
    return StoredObject(
        name=str(metadata["name"]),
        size=1,
        modified_ns=at_ns if at_ns is not None and done else made_ns or 0,
        tag=f"{metadata.get('uid', '')}-{phase or done}",
        kind=kind,
    )


def time_ns(text: object) -> int | None:
    """A time of Kubernetes in ns since 1970; None: another text, or empty."""
    try:
        at = datetime.fromisoformat(str(text or ""))
    except ValueError:
        return None
    return clock.wall_ns(at if at.tzinfo is not None else at.replace(tzinfo=UTC))


def date_ns(cluster: Cluster, date: str) -> int:
    """The API server's time (header Date) in ns since 1970. Raises DriverError: there is none."""
    try:
        return clock.wall_ns(parsedate_to_datetime(date))
    except (TypeError, ValueError):
        hint = "let the API server, or the proxy in front of it, send the header Date"
        raise DriverError(
            "the answer has no time of the API server (header Date)", where=cluster.url, hint=hint
        ) from None
