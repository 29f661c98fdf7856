"""A drill by the resources of Velero: a `Backup` as a `Schedule` makes it, and a `Restore` that maps its namespace to a new one.

Source: vmware-tanzu/velero, pkg/apis/velero/v1 (backup_types.go, restore_types.go, delete_backup_request_types.go), pkg/restore/restore.go,
pkg/controller/backup_deletion_controller.go. What exists is not overwritten: the Restore has no `existingResourcePolicy`. A Backup that is
only deleted comes back from its storage, so its removal is asked for.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, ClassVar, Final

from harness import clock
from harness.drivers.check.drills.resources import NAMESPACE, DrillForm, DrillProduct, Read, ScratchObject
from harness.errors import DriverError
from harness.targets import Target
from harness.targets.access import access
from harness.targets.cluster.objects import Ref
from harness.targets.cluster.own import OWN
from harness.targets.files.backups import BackupResources
from harness.targets.files.drills import VeleroDrill
from harness.targets.kubernetes import Cluster
from harness.targets.stores.resources import VELERO
from harness.targets.undo import undoable

if TYPE_CHECKING:
    from harness.targets.kubernetes import Object

_VERSION: Final = "velero.io/v1"
_REQUESTS: Final = "deletebackuprequests"
_RUNS: Final = frozenset(
    {
        *("InProgress", "WaitingForPluginOperations", "WaitingForPluginOperationsPartiallyFailed"),
        *("Finalizing", "FinalizingPartiallyFailed"),
    }
)
"""Phases of a Backup in which Velero refuses to delete it."""
_REMOVED_S: Final = 600.0
"""Time in s for Velero to end a Backup and to delete it with its data."""
_AGAIN_S: Final = 0.5


def _delete(cluster: Cluster, _target: Target, *, version: str, plural: str, namespace: str, name: str) -> None:
    """Have Velero delete a Backup with its data, as soon as it runs no more.

    Raises:
        DriverError: Velero refused it, or it is still there.
    """
    where, asked = f"Backup {namespace}/{name}", ""
    for _ in clock.Deadline.after(_REMOVED_S).ticks(_AGAIN_S):
        found = cluster.custom(version, plural, namespace, name)
        if found is None:
            return
        if not asked and (found.get("status") or {}).get("phase") not in _RUNS:
            asked = f"{name}-{secrets.token_hex(4)}"
            body = {
                "apiVersion": version,
                "kind": "DeleteBackupRequest",
                "metadata": {"name": asked, "namespace": namespace, "labels": dict(OWN)},
                "spec": {"backupName": name},
            }
            cluster.create_custom(version, _REQUESTS, namespace, body)
        request = cluster.custom(version, _REQUESTS, namespace, asked) if asked else None
        if errors := ((request or {}).get("status") or {}).get("errors"):
            raise DriverError(f"Velero did not delete the Backup: {'; '.join(errors)}", where=where)
    raise DriverError("the Backup is still there", where=where, hint="check Velero, or delete it: velero backup delete")


@undoable("restore-drill-velero", undo=_delete, of_a_cluster=True)
def _make(cluster: Cluster, version: str, plural: str, namespace: str, body: Object) -> None:
    cluster.create_custom(version, plural, namespace, body)


class Velero(DrillProduct):
    """A namespace that serves, and a new one into which a Restore maps it.

    Args:
        section: the drill.
    """

    form: ClassVar = DrillForm(
        product="Velero",
        backup="Backup",
        kinds={_VERSION: ("Backup", "DeleteBackupRequest", "Restore", "Schedule")},
        scratch="scratch_namespace",
        done="Completed",
        failed=frozenset(
            {
                *("Failed", "PartiallyFailed"),
                *("WaitingForPluginOperationsPartiallyFailed", "FinalizingPartiallyFailed"),
            }
        ),
        untried=frozenset({"FailedValidation"}),
        making=_make,
    )

    section: VeleroDrill

    def __init__(self, section: VeleroDrill) -> None:
        self.section = section
        self._template: Mapping[str, Any] = {}
        at, name = section.namespace, section.scratch_namespace
        self.backups = BackupResources(kind=VELERO, namespace=at, of=section.schedule)
        self.scratch = (
            ScratchObject(kind=NAMESPACE, ref=Ref("v1", "namespaces", name)),
            ScratchObject(kind="Restore", ref=Ref(_VERSION, "restores", name, at)),
        )
        makes = section.backup == "new"
        self.access = (
            *access(f"get,list,create {VELERO}" if makes else f"get,list {VELERO}", at=at),
            *access("get schedules.velero.io", "get,create,delete restores.velero.io", at=at),
            *(access("get,create deletebackuprequests.velero.io", at=at) if makes and not section.keep else ()),
            *(access("get configmaps", at=at, name=section.resource_modifier) if section.resource_modifier else ()),
            *access("create namespaces"),
            *access("get,delete namespaces", name=name),
        )

    def refuse(self, read: Read) -> None:
        """Refuse a Schedule that is not there, or does not back up the namespace that serves."""
        section = self.section
        where = f"Schedule {section.namespace}/{section.schedule}"
        found = read(Ref(_VERSION, "schedules", section.schedule, section.namespace))
        if found is None:
            raise DriverError("the Schedule is not there: nothing was made", where=where)
        self._template = found["spec"]["template"]
        included = self._template.get("includedNamespaces") or ["*"]
        excluded = self._template.get("excludedNamespaces") or []
        if not _names(included, section.source_namespace) or _names(excluded, section.source_namespace):
            what = f"the Schedule does not back up the namespace {section.source_namespace}: nothing was made"
            raise DriverError(what, where=where, hint="correct `schedule` or `source_namespace` of the drill")

    def backup_spec(self) -> Mapping[str, Any]:
        """The template of the Schedule. The Backup lacks the Schedule's label, so its age is not judged."""
        return self._template

    def scratch_specs(self, backup: Object) -> Sequence[Mapping[str, Any]]:
        """Of the new namespace and the Restore. Cluster-wide objects are only restored if a restored one needs them, as a volume."""
        section = self.section
        modifier = {"kind": "configmap", "name": section.resource_modifier}
        restore = {
            "backupName": backup["metadata"]["name"],
            "includedNamespaces": [section.source_namespace],
            "includedResources": [*section.resources],
            "labelSelector": {"matchLabels": dict(section.labels)},
            "namespaceMapping": {section.source_namespace: section.scratch_namespace},
            **({"resourceModifier": modifier} if section.resource_modifier else {}),
        }
        return [{}, restore]

    def settings(self, read: Read) -> str:
        """The resource modifiers."""
        name = self.section.resource_modifier
        found = read(Ref("v1", "configmaps", name, self.section.namespace)) if name else None
        if name and found is None:
            where = f"ConfigMap {self.section.namespace}/{name}"
            raise DriverError("the ConfigMap of `resource_modifier` is not there: nothing was made", where=where)
        return "\n".join(((found or {}).get("data") or {}).values())


def _names(patterns: Sequence[str], namespace: str) -> bool:
    return any(fnmatchcase(namespace, one) for one in patterns)
