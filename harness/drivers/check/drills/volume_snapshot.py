"""A drill by the snapshots of CSI: a `VolumeSnapshot` of a claim that serves, a new claim from it, and a Pod that mounts the new claim.

Source: kubernetes-csi/external-snapshotter, client/apis/volumesnapshot/v1/types.go; kubernetes.io, Volume Snapshots and Persistent Volumes.
A snapshot's `error` is the last one: the controller tries on, so it decides nothing before the time is over.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final

from harness.drivers.check.drills.resources import DrillForm, DrillProduct, Read, ScratchObject, backup_verbs
from harness.errors import DriverError
from harness.targets.access import access
from harness.targets.cluster.objects import Ref
from harness.targets.files.backups import BackupResources
from harness.targets.files.drills import VolumeSnapshotDrill
from harness.targets.stores.resources import VOLUME_SNAPSHOT

if TYPE_CHECKING:
    from harness.targets.kubernetes import Object

_GROUP: Final = "snapshot.storage.k8s.io"
_CLAIMS: Final = "persistentvolumeclaims"


class VolumeSnapshots(DrillProduct):
    """A claim that serves, and a Pod with a new claim from a snapshot of it.

    Args:
        section: the drill.
    """

    form: ClassVar = DrillForm(
        product="the snapshot controller and the driver of CSI",
        backup="VolumeSnapshot",
        kinds={f"{_GROUP}/v1": ("VolumeSnapshot",)},
        scratch="scratch_claim",
        failed=frozenset({"Failed"}),
        untried=frozenset({"Succeeded"}),
        ended_by="reason",
    )

    section: VolumeSnapshotDrill

    def __init__(self, section: VolumeSnapshotDrill) -> None:
        self.section = section
        self._claim: Object = {}
        at, name = section.namespace, section.scratch_claim
        self.backups = BackupResources(kind=VOLUME_SNAPSHOT, namespace=at, of=section.claim)
        self.scratch = (
            ScratchObject(kind="PersistentVolumeClaim", ref=Ref("v1", _CLAIMS, name, at)),
            ScratchObject(kind="Pod", ref=Ref("v1", "pods", name, at)),
        )
        self.access = access(
            f"{backup_verbs(section)} {VOLUME_SNAPSHOT}",
            f"get,create,delete {_CLAIMS}",
            "get,create,delete pods",
            at=at,
        )

    def refuse(self, read: Read) -> None:
        """Refuse a claim that is not bound to a volume."""
        section = self.section
        found = read(Ref("v1", _CLAIMS, section.claim, section.namespace))
        phase = "not there" if found is None else (found.get("status") or {}).get("phase")
        if found is None or phase != "Bound":
            where = f"PersistentVolumeClaim {section.namespace}/{section.claim}"
            raise DriverError(f"the claim is {phase}, expected Bound: nothing was made", where=where)
        self._claim = found

    def backup_spec(self) -> Mapping[str, Any]:
        """Of the claim, by the class."""
        by = self.section.snapshot_class
        source = {"persistentVolumeClaimName": self.section.claim}
        return {"source": source, **({"volumeSnapshotClassName": by} if by else {})}

    def scratch_specs(self, backup: Object) -> Sequence[Mapping[str, Any]]:
        """Of a claim like the one that serves, as large as its volume is, and of the Pod."""
        spec = self._claim["spec"]
        size = (self._claim["status"].get("capacity") or spec["resources"]["requests"])["storage"]
        source = {"apiGroup": _GROUP, "kind": "VolumeSnapshot", "name": backup["metadata"]["name"]}
        claim = {
            **{key: spec[key] for key in ("accessModes", "storageClassName", "volumeMode") if key in spec},
            "resources": {"requests": {"storage": size}},
            "dataSource": source,
        }
        return [claim, self.section.pod]

    def settings(self, _read: Read) -> str:
        """The spec of the Pod."""
        return json.dumps(self.section.pod)
