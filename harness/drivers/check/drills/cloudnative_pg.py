"""A drill by the resources of CloudNativePG: a `Backup` of the Cluster that serves, and a scratch Cluster that recovers from it.

Source: cloudnative-pg/cloudnative-pg, api/v1 (backup_types.go, cluster_types.go) and docs/src/recovery.md. A Cluster is never recovered
in place. The scratch Cluster has no `backup` and no `plugins`, so it writes nothing to the archive of what serves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final

from harness.drivers.check.drills.resources import DrillForm, DrillProduct, Read, ScratchObject, backup_verbs
from harness.errors import DriverError
from harness.targets.access import access
from harness.targets.cluster.objects import Ref
from harness.targets.files.backups import BackupResources
from harness.targets.files.drills import CloudNativePgDrill
from harness.targets.stores.resources import CLOUDNATIVE_PG

if TYPE_CHECKING:
    from harness.targets.kubernetes import Object

_VERSION: Final = "postgresql.cnpg.io/v1"
_CLUSTERS: Final = "clusters"
_HEALTHY: Final = "Cluster in healthy state"
_COPIED: Final = (
    *("imageName", "imageCatalogRef", "imagePullPolicy", "imagePullSecrets", "postgresUID", "postgresGID"),
    *("storage", "walStorage", "tablespaces", "ephemeralVolumeSource", "ephemeralVolumesSizeLimit", "resources"),
    *("affinity", "topologySpreadConstraints", "schedulerName", "priorityClassName", "seccompProfile"),
    *("podSecurityContext", "securityContext", "env", "envFrom", "projectedVolumeTemplate", "podSelectorRefs"),
    *("serviceAccountTemplate", "serviceAccountName"),
)
"""Fields of the spec that the scratch Cluster has from the one that serves: what its pods and volumes are."""
_POSTGRESQL: Final = ("parameters", "pg_hba", "pg_ident", "shared_preload_libraries", "ldap", "extensions")
"""Fields of `postgresql` that it has; those on synchronous replicas are left out, since it has one instance."""


class CloudNativePg(DrillProduct):
    """A Cluster that serves, and a scratch Cluster that recovers from its Backup.

    Args:
        section: the drill.
    """

    form: ClassVar = DrillForm(
        product="CloudNativePG",
        backup="Backup",
        kinds={_VERSION: ("Backup", "Cluster")},
        scratch="scratch_cluster",
        failed=frozenset({"Cluster is unrecoverable and needs manual intervention"}),
        untried=frozenset(
            {
                "Invalid cluster definition",
                "Cluster cannot proceed to reconciliation due to an unknown plugin being required",
                "Cluster has incomplete or invalid image catalog",
            }
        ),
    )

    section: CloudNativePgDrill

    def __init__(self, section: CloudNativePgDrill) -> None:
        self.section = section
        self._serves: Mapping[str, Any] = {}
        group, at = _VERSION.partition("/")[0], section.namespace
        self.backups = BackupResources(kind=CLOUDNATIVE_PG, namespace=at, of=section.cluster)
        self.scratch = (ScratchObject(kind="Cluster", ref=Ref(_VERSION, _CLUSTERS, section.scratch_cluster, at)),)
        self.access = access(
            f"{backup_verbs(section)} {CLOUDNATIVE_PG}", f"get,create,delete {_CLUSTERS}.{group}", at=at
        )

    def refuse(self, read: Read) -> None:
        """Refuse a Cluster that does not serve, and a method that it does not have."""
        section = self.section
        where = f"Cluster {section.namespace}/{section.cluster}"
        serves = read(Ref(_VERSION, _CLUSTERS, section.cluster, section.namespace))
        if serves is None or (phase := (serves.get("status") or {}).get("phase")) != _HEALTHY:
            what = "the Cluster is not there" if serves is None else f"the Cluster is in the phase `{phase}`"
            raise DriverError(f"{what}, expected `{_HEALTHY}`: nothing was made", where=where)
        self._serves = serves["spec"]
        if not _has_method(self._serves, section):
            hint = "correct `method` and `plugin` of the drill"
            what = f"the Cluster is not set up for backups by {section.plugin or section.method}: nothing was made"
            raise DriverError(what, where=where, hint=hint)
        if section.method == "volumeSnapshot" and (refused := _wrong_snapshots(self._serves, section)):
            what, hint = refused
            raise DriverError(f"{what}: nothing was made", where=where, hint=hint)

    def restores(self, backup: Object) -> bool:
        """Whether a Backup is made as the drill says, so that it can be restored as it says."""
        spec = backup["spec"]
        plugin = (spec.get("pluginConfiguration") or {}).get("name", "")
        return (spec.get("method", "barmanObjectStore"), plugin) == (self.section.method, self.section.plugin)

    def backup_spec(self) -> Mapping[str, Any]:
        """Of the Cluster, by the method."""
        section = self.section
        plugin = {"pluginConfiguration": {"name": section.plugin}} if section.plugin else {}
        return {"cluster": {"name": section.cluster}, "method": section.method, **plugin}

    def scratch_specs(self, backup: Object) -> Sequence[Mapping[str, Any]]:
        """Of the scratch Cluster."""
        return [scratch_spec(self._serves, self.section, backup)]


def scratch_spec(serves: Mapping[str, Any], section: CloudNativePgDrill, backup: Object) -> dict[str, Any]:
    """The spec of the scratch Cluster: one instance like those that serve, with the same users, which recovers from a Backup.

    Args:
        serves: spec of the Cluster that serves.
        section: the drill.
        backup: the Backup.
    """
    postgresql = serves.get("postgresql") or {}
    spec: dict[str, Any] = {
        "instances": 1,
        **{key: serves[key] for key in _COPIED if key in serves},
        "postgresql": {key: postgresql[key] for key in _POSTGRESQL if key in postgresql},
    }
    if serves.get("enableSuperuserAccess"):
        usual = {"name": f"{section.cluster}-superuser"}
        spec |= {"enableSuperuserAccess": True, "superuserSecret": serves.get("superuserSecret") or usual}
    ways = serves.get("bootstrap") or {}
    began: Mapping[str, Any] = next((ways[way] for way in ("recovery", "pg_basebackup", "initdb") if ways.get(way)), {})
    recovery: dict[str, Any] = {}
    if began.get("database") and began.get("owner"):
        secret = began.get("secret") or {"name": f"{section.cluster}-app"}
        recovery |= {"database": began["database"], "owner": began["owner"], "secret": secret}
    if section.method == "plugin":
        (plugin,) = _plugins(serves, section.plugin)
        parameters = {"serverName": section.cluster, **(plugin.get("parameters") or {})}
        spec["externalClusters"] = [
            {"name": section.cluster, "plugin": {"name": section.plugin, "parameters": parameters}}
        ]
        recovery |= {"source": section.cluster}
        if of_store := (backup.get("status") or {}).get("backupId"):
            recovery["recoveryTarget"] = {"backupID": of_store}
    else:
        recovery["backup"] = {"name": backup["metadata"]["name"]}
    return {**spec, "bootstrap": {"recovery": recovery}}


def _has_method(spec: Mapping[str, Any], section: CloudNativePgDrill) -> bool:
    """Whether a Cluster is set up for this kind of backup."""
    if section.method == "plugin":
        return len(_plugins(spec, section.plugin)) == 1
    return bool((spec.get("backup") or {}).get(section.method))


def _wrong_snapshots(spec: Mapping[str, Any], section: CloudNativePgDrill) -> tuple[str, str] | None:
    """Why a drill by volume snapshots would stop what serves, leave snapshots behind or restore less than the backup, and the hint.

    Source: cloudnative-pg, docs/src/appendixes/backup_volumesnapshot.md and docs/src/recovery.md; ensurePodIsFenced in
    pkg/reconciler/backup/volumesnapshot/offline.go; RestoreSnapshot in pkg/management/postgres/restore.go.
    """
    snapshots: Mapping[str, Any] = spec["backup"]["volumeSnapshot"]
    hot, makes = snapshots.get("online", True), section.backup == "new"
    if makes and not hot:
        hint = "write `backup: newest` in the drill, or `online: true` in the Cluster"
        return "its snapshots are cold (`online: false`), so a new Backup would stop the server that it copies", hint
    if makes and not section.keep and snapshots.get("snapshotOwnerReference") != "backup":
        hint = "write `keep: true` in the drill, or `snapshotOwnerReference: backup` in the Cluster"
        return "the snapshots of a Backup stay when it is deleted", hint
    if hot and (spec.get("walStorage") or spec.get("tablespaces")):
        hint = "drill by `barmanObjectStore` or `plugin`"
        return (
            "hot snapshots of several volumes are one moment only together with the archive, which is not named",
            hint,
        )
    return None


def _plugins(spec: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """The plugins of this name that are on."""
    return [one for one in spec.get("plugins") or () if one.get("name") == name and one.get("enabled", True)]
