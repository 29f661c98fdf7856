"""A drill by the resources of CloudNativePG: a `Backup` of the Cluster that serves, and a scratch Cluster that recovers from it.

Source: cloudnative-pg/cloudnative-pg, api/v1 (backup_types.go, cluster_types.go) and docs/src/recovery.md. A Cluster is never recovered
in place. The scratch Cluster has no `backup` and no `plugins`, so it writes nothing to the archive of what serves.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Final

from harness import clock
from harness.drivers.check.drills.scratch import is_gone
from harness.drivers.check.drills.steps import CHECK, StepFailed, StepHangs
from harness.errors import AccessDenied, DriverError
from harness.targets import Target, platform_of
from harness.targets.access import Access, access
from harness.targets.cluster.own import OWN
from harness.targets.cluster.patience import SILENT_S, patiently
from harness.targets.custom import create_custom
from harness.targets.files.drills import CloudNativePgDrill, RestoreDrill
from harness.targets.files.reference import Reference
from harness.targets.kubernetes import Cluster, annotations_of, has_condition
from harness.targets.undo import undo_now, undoable

if TYPE_CHECKING:
    from harness.model import Intent
    from harness.targets.kubernetes import Object

VERSION: Final = "postgresql.cnpg.io/v1"
BACKUPS: Final = "backups"
CLUSTERS: Final = "clusters"
COMPLETED: Final = "completed"
FAILED: Final = "failed"
"""The two phases after which a Backup does not change any more."""
_HEALTHY: Final = "Cluster in healthy state"
_UNRECOVERABLE: Final = "Cluster is unrecoverable and needs manual intervention"
_INVALID: Final = frozenset(
    {
        "Invalid cluster definition",
        "Cluster cannot proceed to reconciliation due to an unknown plugin being required",
        "Cluster has incomplete or invalid image catalog",
    }
)
"""Phases of a Cluster that is not begun."""
_MARK: Final = "readiness/drill"
"""Annotation of the scratch Cluster with a word of its drill: only the Cluster that has it is deleted."""
_AGAIN_S: Final = 0.5
_COPIED: Final = (
    *("imageName", "imageCatalogRef", "imagePullPolicy", "imagePullSecrets", "postgresUID", "postgresGID"),
    *("storage", "walStorage", "tablespaces", "ephemeralVolumeSource", "ephemeralVolumesSizeLimit", "resources"),
    *("affinity", "topologySpreadConstraints", "schedulerName", "priorityClassName", "seccompProfile"),
    *("podSecurityContext", "securityContext", "env", "envFrom", "projectedVolumeTemplate", "podSelectorRefs"),
)
"""Fields of the spec that the scratch Cluster has from the one that serves: what its pods and volumes are."""
_POSTGRESQL: Final = ("parameters", "pg_hba", "pg_ident", "shared_preload_libraries", "ldap", "extensions")
"""Fields of `postgresql` that it has; those on synchronous replicas are left out, since it has one instance."""


class CloudNativePgSteps:
    """A drill by resources."""

    def __init__(self, target: Target, name: str, drill: RestoreDrill, section: CloudNativePgDrill) -> None:
        self._target, self._name, self._drill, self._section = target, name, drill, section
        self._spec: Mapping[str, Any] = {}
        self._backup, self._mark = "", secrets.token_hex(8)
        self._intents: list[Intent] = []

    @cached_property
    def _cluster(self) -> Cluster:
        return Cluster.of(self._target)

    def refuse(self) -> None:
        """The resources and rights are there, the Cluster serves, the scratch Cluster is not there, and no Backup runs."""
        section = self._section
        lacking = {"Backup", "Cluster"} - {*self._cluster.kinds(VERSION)}
        if lacking:
            hint = "install CloudNativePG, or name the cluster that has it in `kubernetes`"
            what = f"the API server does not serve {' and '.join(sorted(lacking))} of {VERSION}: nothing was made"
            raise DriverError(what, where=self._cluster.url, hint=hint)
        denied = [str(one) for one in needed_access(section) if not self._cluster.may(one)]
        if denied:
            hint = "grant it (`readiness plan --roles` writes the Role)"
            what = f"the user may not {', not '.join(denied)}: nothing was made"
            raise AccessDenied(what, where=self._cluster.url, hint=hint)
        serves = self._read(CLUSTERS, section.cluster)
        if serves is None or (phase := _status(serves, "phase")) != _HEALTHY:
            what = "the Cluster is not there" if serves is None else f"the Cluster is in the phase `{phase}`"
            raise DriverError(f"{what}, expected `{_HEALTHY}`: nothing was made", where=self._at(section.cluster))
        if self._read(CLUSTERS, section.scratch_cluster) is not None:
            hint = "name a Cluster in `scratch_cluster` that only the drill makes"
            raise DriverError(
                "the scratch Cluster is there already: nothing was made",
                where=self._at(section.scratch_cluster),
                hint=hint,
            )
        self._spec = serves["spec"]
        self._refuse_backups()

    def _refuse_backups(self) -> None:
        """Refuse a method that the Cluster does not have, a Backup that runs, and a lack of completed ones where none is made."""
        section = self._section
        if not _has_method(self._spec, section):
            hint = "correct `method` and `plugin` of the drill"
            what = f"the Cluster is not set up for backups by {section.plugin or section.method}: nothing was made"
            raise DriverError(what, where=self._at(section.cluster), hint=hint)
        backups = backups_of(self._cluster, section.namespace, section.cluster)
        running = [one for one in backups if _status(one, "phase") not in {COMPLETED, FAILED}]
        if running and section.backup == "new":
            name, phase = running[0]["metadata"]["name"], _status(running[0], "phase") or "not begun"
            hint = "try again when it has ended; delete one that never ends"
            raise DriverError(f"Backup {name} still runs ({phase}): nothing was made", where=self._place, hint=hint)
        if section.backup == "newest":
            done = [one for one in backups if _status(one, "phase") == COMPLETED and _is_of(one, section)]
            if not done:
                raise DriverError("no Backup is completed: nothing was made", where=self._at(section.cluster))
            self._backup = max(done, key=lambda one: _status(one, "stoppedAt"))["metadata"]["name"]

    def make(self) -> None:
        """Create a Backup, and wait until it is completed."""
        section, self._backup = self._section, f"{self._section.cluster}-drill-{self._mark}"
        plugin = {"pluginConfiguration": {"name": section.plugin}} if section.plugin else {}
        body = {
            "apiVersion": VERSION,
            "kind": "Backup",
            "metadata": {"name": self._backup, "namespace": section.namespace, "labels": dict(OWN)},
            "spec": {"cluster": {"name": section.cluster}, "method": section.method, **plugin},
        }
        if not section.keep:
            saved = {"version": VERSION, "plural": BACKUPS, "namespace": section.namespace, "name": self._backup}
            what = f"make Backup {section.namespace}/{self._backup}"
            self._intents.append(
                create_custom.intend(platform_of(self._target), CHECK, what, cluster=self._cluster, **saved)
            )
        create_custom(self._cluster, VERSION, BACKUPS, section.namespace, body)
        where = f"Backup {section.namespace}/{self._backup}"
        phase = ""
        for _ in clock.Deadline.after(self._drill.within_s).ticks(_AGAIN_S):
            found = self._read(BACKUPS, self._backup)
            if found is None:
                raise StepFailed("was deleted while it was made", where=where)
            phase = _status(found, "phase")
            if phase == COMPLETED:
                return
            if phase == FAILED:
                raise StepFailed(f"failed: {_status(found, 'error') or 'no reason is given'}", where=where)
        why = f"is not completed after {self._drill.within_s:g} s: its phase is `{phase or 'not begun'}`"
        raise StepHangs(why, where=where, hint="check the operator of CloudNativePG, or give more time with `within`")

    def intend(self) -> None:
        """Write the name of the scratch Cluster, and its mark, to the undo log."""
        section, drill = self._section, self._drill
        saved = {
            "namespace": section.namespace,
            "name": section.scratch_cluster,
            "mark": self._mark,
            "scratch": drill.scratch.model_dump(),
            "within_s": drill.within_s,
        }
        what = f"restore {self._name} into Cluster {section.namespace}/{section.scratch_cluster}"
        self._intents.append(_create.intend(platform_of(self._target), CHECK, what, cluster=self._cluster, **saved))

    def restore(self) -> None:
        """Create the scratch Cluster, and wait until it is ready."""
        section, where = self._section, self._at(self._section.scratch_cluster)
        backup = self._read(BACKUPS, self._backup)
        if backup is None:
            raise DriverError("the Backup is gone", where=f"Backup {section.namespace}/{self._backup}")
        body = {
            "apiVersion": VERSION,
            "kind": "Cluster",
            "metadata": {
                "name": section.scratch_cluster,
                "namespace": section.namespace,
                "labels": dict(OWN),
                "annotations": {_MARK: self._mark},
            },
            "spec": scratch_spec(self._spec, section, backup),
        }
        _create(self._cluster, section.namespace, body)
        phase = why = ""
        for _ in clock.Deadline.after(self._drill.within_s).ticks(_AGAIN_S):
            found = self._read(CLUSTERS, section.scratch_cluster)
            if found is None:
                raise DriverError("the scratch Cluster was deleted by others", where=where)
            phase, why = _status(found, "phase"), _status(found, "phaseReason")
            if has_condition(found, "Ready"):
                return
            if phase == _UNRECOVERABLE:
                raise StepFailed(f"reached the phase `{phase}`{f': {why}' if why else ''}", where=where)
            if phase in _INVALID:
                raise DriverError(f"the restore is not begun: {phase}{f': {why}' if why else ''}", where=where)
        said = f"is not ready after {self._drill.within_s:g} s: its phase is `{phase or 'not begun'}`"
        raise StepHangs(f"{said}{f' ({why})' if why else ''}", where=where)

    def undo(self) -> None:
        """Delete the scratch Cluster, then the Backup that it needs."""
        undo_now(self._cluster, self._target, *reversed(self._intents))

    def _read(self, plural: str, name: str) -> Object | None:
        return patiently(partial(self._cluster.custom, VERSION, plural, self._section.namespace, name))

    def _at(self, name: str) -> str:
        return f"Cluster {self._section.namespace}/{name}"

    @property
    def _place(self) -> str:
        return f"namespace {self._section.namespace}"


def needed_access(section: CloudNativePgDrill) -> tuple[Access, ...]:
    """The permissions that a drill needs."""
    made = "get,list" if section.backup == "newest" else "get,list,create" if section.keep else "get,list,create,delete"
    group = VERSION.partition("/")[0]
    return access(f"{made} {BACKUPS}.{group}", f"get,create,delete {CLUSTERS}.{group}", at=section.namespace)


def backups_of(cluster: Cluster, namespace: str, name: str) -> list[Object]:
    """Every Backup of a Cluster."""
    found = patiently(partial(cluster.customs, VERSION, BACKUPS, namespace))
    return [one for one in found if one["spec"]["cluster"]["name"] == name]


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
        if of_store := _status(backup, "backupId"):
            recovery["recoveryTarget"] = {"backupID": of_store}
    else:
        recovery["backup"] = {"name": backup["metadata"]["name"]}
    return {**spec, "bootstrap": {"recovery": recovery}}


def _has_method(spec: Mapping[str, Any], section: CloudNativePgDrill) -> bool:
    """Whether a Cluster is set up for this kind of backup."""
    if section.method == "plugin":
        return len(_plugins(spec, section.plugin)) == 1
    return bool((spec.get("backup") or {}).get(section.method))


def _plugins(spec: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """The plugins of this name that are on."""
    return [one for one in spec.get("plugins") or () if one.get("name") == name and one.get("enabled", True)]


def _is_of(backup: Object, section: CloudNativePgDrill) -> bool:
    """Whether a Backup is made as the drill says, so that it can be restored as it says."""
    spec = backup["spec"]
    plugin = (spec.get("pluginConfiguration") or {}).get("name", "")
    return (spec.get("method", "barmanObjectStore"), plugin) == (section.method, section.plugin)


def _status(obj: Object, field: str) -> str:
    """A text of the status; empty: it is not there."""
    return str((obj.get("status") or {}).get(field) or "")


def _remove(
    cluster: Cluster,
    _target: Target,
    *,
    namespace: str,
    name: str,
    mark: str,
    scratch: Mapping[str, Any],
    within_s: float,
) -> None:
    """Delete the scratch Cluster, if it is that of the drill; its pods, claims and Services go with it by their owner references.

    Raises:
        DriverError: it, or its database, is still there.
    """
    read, where = partial(cluster.custom, VERSION, CLUSTERS, namespace, name), f"Cluster {namespace}/{name}"
    found, uid = read(), ""
    if found is not None:
        if annotations_of(found).get(_MARK) != mark:
            return
        uid = str(found["metadata"]["uid"])
        cluster.delete_custom(VERSION, CLUSTERS, namespace, name, uid=uid)
    dsn = Reference.model_validate(scratch)
    for _ in clock.Deadline.after(max(within_s, SILENT_S)).ticks(_AGAIN_S):
        left = read()
        if (left is None or left["metadata"]["uid"] != uid) and is_gone(dsn):
            return
    hint = "check the operator of CloudNativePG, and the finalizers of the Cluster"
    raise DriverError("the scratch Cluster, or its database, is still there", where=where, hint=hint)


@undoable("restore-drill-cluster", undo=_remove, of_a_cluster=True)
def _create(cluster: Cluster, namespace: str, body: Object) -> None:
    cluster.create_custom(VERSION, CLUSTERS, namespace, body)
