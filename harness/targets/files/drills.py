"""The section `drills` of a target file: how a backup is made, and restored into a scratch database."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from harness.targets.files.reference import Reference
from harness.targets.files.values import Expression, Name, TargetSection, Word, Words, quantity
from harness.validation import matching

MOMENT: Final = "{time}"
"""In `until`: the moment, as RFC 3339 in UTC: `2026-11-29T00:44:00+00:00`."""
ClusterName = Annotated[
    str, matching(r"[a-z]([a-z0-9-]{0,48}[a-z0-9])?", "the name of a Cluster: at most 50 small letters, digits and `-`")
]
DRILL_MARK: Final = 8
"""Random bytes by which the objects of a drill are known."""
OF_DRILL: Final = "-drill-"
"""In the name of a drill's backup, between what is backed up and the mark in hex."""
_SNAPSHOTS_OF: Final = 63 - len(OF_DRILL) - 2 * DRILL_MARK
"""Most characters of a Cluster's name with which a label of its snapshots can name the Backup of a drill."""
ScratchName = Annotated[
    str, matching(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?", "the name of an object: at most 63 small letters, digits and `-`")
]
PRODUCTS: Final = ("cloudnative-pg", "velero", "volume-snapshot")
"""Keys of a drill by the resources of a product."""
_ONE_PRODUCT: Final = "one of `cloudnative-pg`, `velero` and `volume-snapshot`"
_OWN_VOLUMES: Final = frozenset({"configMap", "downwardAPI", "emptyDir", "projected", "secret"})
"""Volumes of a Pod that hold nothing of what serves, or only what cannot be written."""


class DrillCommand(TargetSection):
    """A command on this machine; what it prints is not read.

    Attributes:
        command: the command.
    """

    command: Words


class DrillByResources(TargetSection):
    """A drill by the resources of a product in the target's cluster.

    Attributes:
        namespace: namespace of the backups.
        backup: `new` makes a backup, whose content is then known; `newest` takes the newest one that is completed.
        keep: whether the backup that was made stays.
    """

    namespace: Name
    backup: Literal["new", "newest"] = "new"
    keep: bool = False


class CloudNativePgDrill(DrillByResources):
    """A drill by the resources of CloudNativePG: a `Backup` of a `Cluster`, and a new `Cluster` that recovers from it.

    Attributes:
        cluster: the Cluster that serves; the new one has its image, storage and settings of PostgreSQL.
        scratch_cluster: name of the new Cluster; there is none of this name before.
        method: how the Backup is made.
        plugin: name of the plugin that makes it.
    """

    cluster: ClusterName
    scratch_cluster: ClusterName
    method: Literal["barmanObjectStore", "volumeSnapshot", "plugin"] = "barmanObjectStore"
    plugin: str = ""

    @model_validator(mode="after")
    def _apart(self) -> Self:
        if self.scratch_cluster == self.cluster:
            raise ValueError("a `scratch_cluster` other than `cluster`, which serves")
        if bool(self.plugin) is not (self.method == "plugin"):
            raise ValueError("`method: plugin` and `plugin` together, or neither")
        if self.method == "volumeSnapshot" and self.backup == "new" and len(self.cluster) > _SNAPSHOTS_OF:
            raise ValueError(f"a `cluster` of at most {_SNAPSHOTS_OF} characters: a label has the name of its Backup")
        return self


class VeleroDrill(DrillByResources):
    """A drill by the resources of Velero: a `Backup` as a `Schedule` makes it, and a `Restore` into a new namespace.

    Attributes:
        schedule: name of the Schedule.
        source_namespace: namespace of the database that serves.
        labels: labels of the objects of the database, which alone are restored.
        resources: collections that are restored.
        resource_modifier: name of a ConfigMap of Velero's resource modifiers beside the Schedule; empty: nothing is modified.
        scratch_namespace: name of the new namespace; there is none of this name before.
    """

    schedule: Name
    source_namespace: Name
    labels: Annotated[Mapping[str, str], Field(min_length=1)]
    resources: Words = (
        *("configmaps", "persistentvolumeclaims", "persistentvolumes", "pods", "secrets", "serviceaccounts"),
        *("services", "statefulsets.apps", "volumesnapshotcontents.snapshot.storage.k8s.io"),
        "volumesnapshots.snapshot.storage.k8s.io",
    )
    resource_modifier: Name | Literal[""] = ""
    scratch_namespace: ScratchName

    @model_validator(mode="after")
    def _apart(self) -> Self:
        if self.scratch_namespace in {self.source_namespace, self.namespace}:
            raise ValueError("a `scratch_namespace` other than `source_namespace`, which serves, and `namespace`")
        return self


class VolumeSnapshotDrill(DrillByResources):
    """A drill by the snapshots of CSI: a `VolumeSnapshot` of a claim, and a Pod with a new claim that is made from it.

    Attributes:
        claim: name of the PersistentVolumeClaim of the database that serves.
        snapshot_class: name of the VolumeSnapshotClass; empty: the default of its driver.
        scratch_claim: name of the new claim and of the Pod; there are none of this name before.
        pod: spec of the Pod, which mounts the new claim and no other.
    """

    claim: Name
    snapshot_class: Name | Literal[""] = ""
    scratch_claim: ScratchName
    pod: Mapping[str, Any]

    @model_validator(mode="after")
    def _apart(self) -> Self:
        if self.scratch_claim == self.claim:
            raise ValueError("a `scratch_claim` other than `claim`, which serves")
        volumes = self.pod.get("volumes")
        mounted = list[str]()
        for one in volumes if isinstance(volumes, tuple) else ():
            kinds = {*one} - {"name"} if isinstance(one, Mapping) else {""}
            if kinds == {"persistentVolumeClaim"}:
                claim = one["persistentVolumeClaim"]
                mounted.append(str(claim.get("claimName") if isinstance(claim, Mapping) else claim))
            elif not (kinds and kinds <= _OWN_VOLUMES):
                raise ValueError(f"`pod` with volumes of {', '.join(sorted(_OWN_VOLUMES))} and the scratch claim only")
        if mounted != [self.scratch_claim]:
            raise ValueError("`pod` with one volume of a claim, whose `claimName` is the `scratch_claim`")
        return self


class RestoreDrill(TargetSection):
    """One drill of `database.dsn`, by commands or by the resources of a product.

    Attributes:
        make: makes a new backup, whose content is then known; None: only the time of a restore is judged.
        restore: restores the newest backup into the scratch database, which does not exist before; None: only `until` does.
        until: restores the database into the scratch database as it was at the moment `{time}`; None: nothing does.
        scratch: DSN of the scratch database, which answers when the restore is done.
        remove: removes the scratch database, and ends a restore that still runs; it may be repeated.
        cloudnative_pg: resources of CloudNativePG that take the place of `make`, `restore` and `remove`.
        velero: resources of Velero that take the place of `make`, `restore` and `remove`.
        volume_snapshot: resources of CSI's snapshots that take the place of `make`, `restore` and `remove`.
        within_s: time for each step, and for the checksums of all tables, in s.
    """

    make: DrillCommand | None = None
    restore: DrillCommand | None = None
    until: DrillCommand | None = None
    scratch: Reference
    remove: DrillCommand | None = None
    cloudnative_pg: CloudNativePgDrill | None = Field(default=None, alias="cloudnative-pg")
    velero: VeleroDrill | None = None
    volume_snapshot: VolumeSnapshotDrill | None = Field(default=None, alias="volume-snapshot")
    within_s: Annotated[float, quantity("time", "10 min", above="0 s")] = Field(default=600.0, alias="within")

    @model_validator(mode="after")
    def _of_one(self) -> Self:
        commands = [self.make, self.restore, self.until, self.remove]
        sections = [one for one in (self.cloudnative_pg, self.velero, self.volume_snapshot) if one is not None]
        if len(sections) + any(commands) > 1:
            raise ValueError(f"commands or {_ONE_PRODUCT}, not several")
        if not sections and self.restore is None and self.until is None:
            raise ValueError(f"one of `restore` and `until`, or both; or {_ONE_PRODUCT}")
        if not sections and self.remove is None:
            raise ValueError(f"`remove`, which removes the scratch database; or {_ONE_PRODUCT}")
        if self.until is not None and not any(MOMENT in word for word in self.until.command):
            raise ValueError(f"`until` with `{MOMENT}` in its command, which is the moment to restore to")
        return self

    @property
    def product(self) -> CloudNativePgDrill | VeleroDrill | VolumeSnapshotDrill | None:
        """The resources by which the drill is done; None: it is done by commands."""
        return self.cloudnative_pg or self.velero or self.volume_snapshot

    @property
    def restores(self) -> bool:
        """Whether the drill restores the newest backup."""
        return self.restore is not None or self.product is not None

    @property
    def makes(self) -> bool:
        """Whether the drill makes a backup."""
        return self.make is not None or (self.product is not None and self.product.backup == "new")


def wrong_drills(
    drills: Mapping[str, RestoreDrill], serves: Reference | None, *, in_cluster: bool
) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """Drills into the database that serves, and drills by resources of a target that names no cluster: place in the file, what is wrong, and the hint."""
    for name, drill in drills.items():
        if serves is not None and drill.scratch == serves:
            hint = "name a database that only the drill's `restore` makes and `remove` removes"
            yield ("drills", name, "scratch"), "this is `database.dsn`, the database that serves", hint
        if drill.product is not None and not in_cluster:
            key = next(one for one in PRODUCTS if getattr(drill, one.replace("-", "_")) is not None)
            where = ("drills", name, key)
            yield where, "the target names no cluster", "write `kubernetes: {context: NAME, namespace: NAME}`"


def _one_group(value: str) -> str:
    if (n := re.compile(value).groups) != 1:
        raise ValueError(f"a regular expression with one group in parentheses; this one has {n}")
    return value


class DatabaseRestore(TargetSection):
    """How the platform restores its database when every member is gone with its volume: one of `cronjob` and `command`.

    Attributes:
        cronjob: CronJob in the namespace of the lock, from whose template a Job is made.
        command: a command on this machine, which ends when the database is restored; it may be repeated.
        restored_from: a regular expression with one group: what the log of the Job, or the output of the command, says that it restores.
        within_s: time for it, in s.
    """

    cronjob: str = ""
    command: tuple[Word, ...] = ()
    restored_from: Annotated[Expression, AfterValidator(_one_group)] | None = None
    within_s: Annotated[float, quantity("time", "10 min", above="0 s")] = Field(default=600.0, alias="within")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if bool(self.cronjob) == bool(self.command):
            raise ValueError("exactly one of `cronjob`, `command`")
        return self
