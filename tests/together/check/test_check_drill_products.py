"""Restore drills by the resources of CloudNativePG, of Velero and of CSI's snapshots: a real API server with their definitions, a real PostgreSQL, the test's controllers."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any, cast

import psycopg
import pytest
import yaml
from kubernetes import client, config

from harness.drivers.check.drills.cloudnative_pg import CloudNativePg, scratch_spec
from harness.drivers.check.drills.restore import restore_time, restored_copy
from harness.drivers.facts import FactReading
from harness.errors import AccessDenied, DriverError
from harness.run.plan.access import roles
from harness.targets import Target, load_target
from harness.targets.access import accesses_of, placed
from harness.targets.files.drills import CloudNativePgDrill
from harness.targets.safety.intents import pending_intents
from harness.targets.safety.platform import platform_of
from harness.targets.undo import recover
from readiness_sandbox.cluster.controllers import claims, namespaces
from readiness_sandbox.cluster.store import Store
from tests.builders.addresses import NET
from tests.builders.base_backups import BaseBackups, at_work
from tests.builders.cnpg_operator import HEALTHY, CnpgOperator, define, serving
from tests.builders.database_servers import Member, lone, until
from tests.builders.snapshot_driver import SnapshotDriver
from tests.builders.velero_server import SCHEDULE, VeleroServer
from tests.together.conftest import PocketCluster

ACCESS = "host all all 127.0.0.0/8 trust\nhost replication all 127.0.0.0/8 trust\n"
SCRATCH = f"{NET}243"
ROBOT = ("north", "robot")
CLAIM = {
    "accessModes": ["ReadWriteOnce"],
    "storageClassName": "fast",
    "volumeMode": "Filesystem",
    "resources": {"requests": {"storage": "10Gi"}},
}
POD: dict[str, Any] = {
    "containers": [
        {"name": "postgres", "image": "postgres:17", "volumeMounts": [{"name": "data", "mountPath": "/data"}]}
    ],
    "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data-drill"}}],
}


@pytest.fixture(scope="module")
def primary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Member]:
    """The server that serves."""
    with lone(tmp_path_factory.mktemp("drill") / "data", f"{NET}242", ACCESS) as member:
        member.ask("CREATE TABLE orders (id serial PRIMARY KEY, note text)")
        member.ask("INSERT INTO orders (note) SELECT md5(n::text) FROM generate_series(1, 1000) n")
        yield member


class ProductDrill(ABC):
    """A drill by one product, and what the test's controllers do to it."""

    key: str
    section: dict[str, Any]

    def __init__(self, here: Path, cluster: PocketCluster, backups: BaseBackups, api: Any) -> None:
        self.here, self.cluster, self.kubeconfig, self.backups = here, cluster, cluster.kubeconfig, backups
        self.core: Any = client.CoreV1Api(api)
        self.within = "30 s"

    @abstractmethod
    def reconcile(self) -> None:
        """Let the product and the cluster's controllers work once."""

    @abstractmethod
    def made(self) -> list[str]:
        """What a drill made and did not remove."""

    def target(self) -> Target:
        """The target file."""
        (self.here / "dsn").write_text(self.backups.primary.dsn)
        (self.here / "scratch-dsn").write_text(f"host={SCRATCH} port=5432 user=tester dbname=postgres")
        drill = {self.key: self.section, "scratch": {"file": str(self.here / "scratch-dsn")}, "within": self.within}
        content = {
            "name": "shop",
            "environment": "staging",
            "entry": "http://127.0.0.1:9",
            "kubernetes": {"context": "pocket", "namespace": "north", "kubeconfig": str(self.kubeconfig)},
            "database": {"dsn": {"file": str(self.here / "dsn")}},
            "drills": {"orders": drill},
        }
        (self.here / "target.yaml").write_text(json.dumps(content))
        return load_target(self.here / "target.yaml")

    def copy(self) -> list[FactReading]:
        """The facts about the content; afterwards nothing is left."""
        target = self.target()
        try:
            return list(restored_copy(target, {"drill": "orders"})())
        finally:
            assert self.left(target) == []

    def time(self, limit: str) -> FactReading:
        """The fact about the time; afterwards nothing is left."""
        target = self.target()
        (fact,) = restore_time(target, {"drill": "orders", "within": limit})()
        assert self.left(target) == []
        return fact

    def left(self, target: Target) -> list[str]:
        """Objects and entries of the undo log that a drill left."""
        return [*self.made(), *(one.action for one in pending_intents(platform_of(target)))]

    def refused(self, why: str) -> None:
        """The drill is refused, and nothing was made."""
        with pytest.raises(DriverError, match=why):
            self.copy()


class CnpgCase(ProductDrill):
    """A drill of the Cluster `main` in the namespace `north`, which is healthy."""

    key = "cloudnative-pg"

    def __init__(self, here: Path, cluster: PocketCluster, backups: BaseBackups, api: Any) -> None:
        super().__init__(here, cluster, backups, api)
        self.operator = CnpgOperator(api, "north", backups)
        self.operator.create("clusters", serving("main"), HEALTHY)
        self.section = {"namespace": "north", "cluster": "main", "scratch_cluster": "main-drill"}

    def reconcile(self) -> None:
        """The operator."""
        self.operator.reconcile()

    def made(self) -> list[str]:
        """Clusters and Backups."""
        return [one for plural in ("clusters", "backups") for one in self.operator.names(plural) if "drill" in one]


class VeleroCase(ProductDrill):
    """A drill of the namespace `north` by its Schedule in `velero`."""

    key = "velero"

    def __init__(self, here: Path, cluster: PocketCluster, backups: BaseBackups, api: Any) -> None:
        super().__init__(here, cluster, backups, api)
        cluster.create("Namespace", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "velero"}})
        self.server = VeleroServer(api, "velero", backups)
        self.server.create("schedules", SCHEDULE)
        self.section = {
            "namespace": "velero",
            "schedule": "nightly",
            "source_namespace": "north",
            "labels": {"app": "database"},
            "scratch_namespace": "north-drill",
        }

    def reconcile(self) -> None:
        """Velero, and the controller that empties and ends namespaces."""
        self.server.reconcile()

        def ended(store: Store) -> None:
            namespaces.reconcile(store, cast("Any", self.cluster.kubelet))

        self.cluster.do(ended)

    def made(self) -> list[str]:
        """The namespace, and all that Velero has."""
        found = [one.metadata.name for one in self.core.list_namespace().items]
        kinds = ("backups", "restores", "deletebackuprequests")
        found += [one["metadata"]["name"] for plural in kinds for one in self.server.listed(plural)]
        return [one for one in found if "drill" in one]


class SnapshotCase(ProductDrill):
    """A drill of the claim `data-0` in the namespace `north`."""

    key = "volume-snapshot"

    def __init__(self, here: Path, cluster: PocketCluster, backups: BaseBackups, api: Any) -> None:
        super().__init__(here, cluster, backups, api)
        self.driver = SnapshotDriver(api, "north", backups)
        self.core.create_namespaced_persistent_volume_claim("north", {"metadata": {"name": "data-0"}, "spec": CLAIM})
        cluster.do(claims.reconcile)
        self.section = {"namespace": "north", "claim": "data-0", "scratch_claim": "data-drill", "pod": POD}

    def reconcile(self) -> None:
        """The driver, and the controller of claims."""
        self.driver.reconcile()
        self.cluster.do(claims.reconcile)

    def made(self) -> list[str]:
        """Claims, Pods and VolumeSnapshots."""
        found = [one["metadata"]["name"] for one in [*self.driver.snapshots(), *self.driver.pods()]]
        found += [one.metadata.name for one in self.core.list_namespaced_persistent_volume_claim("north").items]
        return [one for one in found if "drill" in one]


@pytest.fixture
def working(
    cluster: PocketCluster, primary: Member, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: type[ProductDrill]
) -> Iterator[ProductDrill]:
    """A drill by the product that the test names, with its definitions and controllers."""
    monkeypatch.setenv("READINESS_STATE", str(tmp_path / "state"))
    with config.new_client_from_config(str(cluster.kubeconfig), context="pocket") as api:  # type: ignore[no-untyped-call]
        for name in ("cloudnative_pg", "velero", "volume_snapshot"):
            define(api, name)
        made = case(tmp_path, cluster, BaseBackups(primary, tmp_path, SCRATCH), api)
        with at_work(made.reconcile, made.backups):
            yield made


@pytest.fixture
def cnpg(working: CnpgCase) -> CnpgCase:
    """One by CloudNativePG."""
    return working


@pytest.fixture
def velero(working: VeleroCase) -> VeleroCase:
    """One by Velero."""
    return working


@pytest.fixture
def snapshots(working: SnapshotCase) -> SnapshotCase:
    """One by snapshots."""
    return working


each = pytest.mark.parametrize("case", [CnpgCase, VeleroCase, SnapshotCase])
both = pytest.mark.parametrize("case", [VeleroCase, SnapshotCase])
by_cnpg = pytest.mark.parametrize("case", [CnpgCase])
by_velero = pytest.mark.parametrize("case", [VeleroCase])
by_snapshots = pytest.mark.parametrize("case", [SnapshotCase])


@each
def test_a_right_copy_is_equal_and_all_that_was_made_is_removed(working: ProductDrill) -> None:
    """The time is that of the restore; without a row the copy differs."""
    assert [(one.ok, one.observed) for one in working.copy()] == [(True, "1 of 1, with 1000 rows")]
    assert working.time("1 min").ok
    working.backups.spoil = "DELETE FROM orders WHERE id = 7"
    assert [one.subject for one in working.copy() if one.ok is False] == ["table public.orders"]


@by_velero
def test_velero_restores_what_is_labelled_into_a_namespace_of_its_own(velero: VeleroCase) -> None:
    """The Backup is as the Schedule makes it, and the Restore maps one namespace; nothing that is there is overwritten."""
    assert all(one.ok for one in velero.copy())
    backup, restore = velero.server.seen
    assert backup == {"includedNamespaces": ["north", "south"], "ttl": "720h0m0s"}
    resources = restore.pop("includedResources")
    assert {"pods", "persistentvolumeclaims", "secrets"} <= {*resources}
    assert not {"ingresses.networking.k8s.io", "cronjobs.batch", "jobs.batch"} & {*resources}
    assert restore.pop("backupName").startswith("nightly-drill-")
    assert restore == {
        "includedNamespaces": ["north"],
        "labelSelector": {"matchLabels": {"app": "database"}},
        "namespaceMapping": {"north": "north-drill"},
    }


@by_snapshots
def test_a_snapshot_is_mounted_by_a_pod_that_no_service_of_what_serves_selects(snapshots: SnapshotCase) -> None:
    """The claim is like the one that serves, from the snapshot; the Pod has the labels of the harness only."""
    assert all(one.ok for one in snapshots.copy())
    claim, pod = snapshots.driver.seen
    source = claim["dataSource"]
    assert source.pop("name").startswith("data-0-drill-")
    assert source == {"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot"}
    assert {key: claim[key] for key in CLAIM} == CLAIM
    assert pod["spec"]["containers"][0]["image"] == "postgres:17"
    labels = {"app.kubernetes.io/managed-by": "readiness", "readiness/scratch": "data-drill"}
    assert pod["metadata"]["labels"] == labels


@by_velero
@pytest.mark.parametrize("phase", ["Failed", "PartiallyFailed", "FinalizingPartiallyFailed"])
def test_a_restore_of_velero_that_fails_in_part_is_a_fail(velero: VeleroCase, phase: str) -> None:
    """With the number of its errors."""
    velero.server.fails = ("restore", phase)
    (fact,) = velero.copy()
    assert (fact.subject, fact.ok) == ("restore", False)
    assert fact.observed == f"Restore velero/north-drill reached the phase `{phase}` (1 errors)"


@by_velero
def test_a_restore_of_velero_that_was_not_tried_or_hangs_decides_nothing(velero: VeleroCase) -> None:
    """It is not valid, or Velero does not begin it in time; the time alone may be over."""
    velero.server.fails = ("restore", "FailedValidation")
    with pytest.raises(DriverError, match="could not be tried: its phase is `FailedValidation`"):
        velero.copy()
    velero.server.fails, velero.server.hangs, velero.within = ("", ""), "restore", "3 s"
    (fact,) = velero.copy()
    assert (fact.ok, "is not ready after 3 s: its phase is `not begun`" in fact.observed) == (None, True)
    assert velero.time("500 ms").ok is False
    assert velero.time("1 h").ok is None


@by_velero
@pytest.mark.parametrize("phase", ["Failed", "PartiallyFailed", "FailedValidation"])
def test_a_backup_of_velero_that_is_not_whole_decides_nothing(velero: VeleroCase, phase: str) -> None:
    """It is deleted by Velero, with its data, and nothing is restored."""
    velero.server.fails = ("backup", phase)
    with pytest.raises(DriverError, match=f"{phase}: 2 errors"):
        velero.copy()
    assert (len(velero.server.seen), velero.server.stored) == (1, {})


@by_velero
def test_a_backup_that_velero_does_not_delete_is_named_and_stays_in_the_undo_log(velero: VeleroCase) -> None:
    """A Backup that is only deleted would come back from the storage."""
    velero.server.refuses = (
        "cannot delete backup because backup storage location default is currently in read-only mode"
    )
    target = velero.target()
    with pytest.raises(DriverError, match="Velero did not delete the Backup: cannot delete backup because"):
        restored_copy(target, {"drill": "orders"})()
    (kept,) = pending_intents(platform_of(target))
    assert kept.action.startswith("make Backup velero/nightly-drill-")
    velero.server.refuses = ""
    assert recover(target).left == ()
    assert [one for one in velero.made() if not one.startswith("nightly-drill-")] == []
    assert velero.server.listed("backups") == []


@by_velero
def test_velero_makes_nothing_where_the_drill_cannot_be_done(velero: VeleroCase) -> None:
    """A namespace that is there or is the target's, a Schedule that is not there or of others, a Backup that runs, an archive."""
    velero.section["scratch_namespace"] = "south"
    velero.refused("the scratch Namespace is there already: nothing was made")
    velero.section |= {"scratch_namespace": "north", "source_namespace": "south"}
    velero.refused("the scratch Namespace is one of the target's")
    velero.section |= {"scratch_namespace": "north-drill", "source_namespace": "east"}
    velero.refused("the Schedule does not back up the namespace east: nothing was made")
    velero.section |= {"source_namespace": "north", "schedule": "hourly"}
    velero.refused("the Schedule is not there: nothing was made")
    velero.section["schedule"], velero.server.hangs = "nightly", "backup"
    labels = {"velero.io/schedule-name": "nightly"}
    backup = {"apiVersion": "velero.io/v1", "kind": "Backup", "metadata": {"name": "running", "labels": labels}}
    velero.server.create("backups", {**backup, "spec": {}, "status": {"phase": "InProgress"}})
    velero.refused(r"Backup running still runs \(InProgress\): nothing was made")


@by_snapshots
def test_a_pod_that_ends_is_a_fail_and_one_that_others_ended_decides_nothing(snapshots: SnapshotCase) -> None:
    """The database on the copy ended with an error; the Pod was evicted; it waits for its image."""
    ended = {"name": "postgres", "ready": False, "restartCount": 0, "image": "postgres:17", "imageID": ""}
    code = {**ended, "state": {"terminated": {"exitCode": 1, "reason": "Error"}}}
    snapshots.driver.ends = {"phase": "Failed", "containerStatuses": [code]}
    (fact,) = snapshots.copy()
    assert (fact.ok, fact.observed) == (
        False,
        "Pod north/data-drill reached the phase `Failed` (container postgres: Error)",
    )
    snapshots.driver.ends = {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."}
    with pytest.raises(DriverError, match=r"could not be tried: its phase is `Failed` \(Evicted; The node was low"):
        snapshots.copy()
    waits = {**ended, "state": {"waiting": {"reason": "ImagePullBackOff"}}}
    snapshots.driver.ends, snapshots.within = {"phase": "Pending", "containerStatuses": [waits]}, "3 s"
    (fact,) = snapshots.copy()
    assert fact.ok is None
    assert fact.observed.endswith("its phase is `Pending` (container postgres: ImagePullBackOff)")


@by_snapshots
def test_a_snapshot_that_is_not_ready_in_time_decides_nothing(snapshots: SnapshotCase) -> None:
    """Its controller tries on after an error, which is named; no Pod is made."""
    snapshots.driver.error, snapshots.within = "rpc error: code = ResourceExhausted", "3 s"
    with pytest.raises(DriverError, match=r"is not completed after 3 s: its phase is `not ready` \(rpc error: code"):
        snapshots.copy()
    assert snapshots.driver.seen == []


@by_snapshots
def test_snapshots_make_nothing_where_the_drill_cannot_be_done(snapshots: SnapshotCase) -> None:
    """A claim that is there or has no volume, and a snapshot that is not ready."""
    snapshots.driver.hangs = "backup"
    others = {"metadata": {"name": "data-1"}, "spec": CLAIM}
    snapshots.core.create_namespaced_persistent_volume_claim("north", others)
    snapshots.section |= {"scratch_claim": "data-1", "pod": json.loads(json.dumps(POD).replace("data-drill", "data-1"))}
    snapshots.refused("the scratch PersistentVolumeClaim is there already: nothing was made")
    snapshots.section |= {"scratch_claim": "data-drill", "pod": POD, "claim": "data-2"}
    snapshots.refused("the claim is not there, expected Bound: nothing was made")
    snapshots.section["claim"] = "data-0"
    snapshots.driver.create("nightly", "data-0")
    snapshots.refused(r"VolumeSnapshot nightly still runs \(not begun\): nothing was made")


@both
def test_the_newest_completed_backup_is_restored_where_none_is_made(working: ProductDrill) -> None:
    """One that was made later and failed does not count; the backup stays."""
    working.section["backup"] = "newest"
    with pytest.raises(DriverError, match="is completed: nothing was made"):
        working.time("1 min")
    if isinstance(working, VeleroCase):
        labels = {"velero.io/schedule-name": "nightly"}
        body = {"apiVersion": "velero.io/v1", "kind": "Backup", "spec": {}}
        working.server.create("backups", {**body, "metadata": {"name": "nightly-1", "labels": labels}})
        until(lambda: "nightly-1" in working.server.stored)
        failed = {"phase": "PartiallyFailed", "completionTimestamp": "2099-01-01T00:00:00Z"}
        working.server.create("backups", {**body, "metadata": {"name": "partial", "labels": labels}, "status": failed})
    if isinstance(working, SnapshotCase):
        working.driver.create("nightly-1", "data-0")
        until(lambda: any((one.get("status") or {}).get("readyToUse") for one in working.driver.snapshots()))
        working.driver.hangs = "backup"
        working.driver.create("partial", "data-0")
        working.driver.report("partial", {"readyToUse": False, "creationTime": "2099-01-01T00:00:00Z"})
    assert working.time("1 min").ok


@both
def test_a_copy_that_would_write_to_the_archive_of_what_serves_is_refused(
    working: ProductDrill, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Its settings are those of what serves, unless the user says otherwise for the copy."""
    data = tmp_path_factory.mktemp("archiving") / "data"
    with lone(data, f"{NET}244", ACCESS) as serves:
        serves.ask("ALTER SYSTEM SET archive_mode = on")
        serves.ask("ALTER SYSTEM SET archive_command = 'true'")
        serves.end()
        serves.start()
        serves.ask("CREATE TABLE orders AS SELECT 1 AS id")
        working.backups.primary = serves
        working.refused("the copy would write to the archive of the database that serves: nothing was made")
        if isinstance(working, VeleroCase):
            working.section["resource_modifier"] = "not-archived"
            working.refused("the ConfigMap of `resource_modifier` is not there: nothing was made")
            rule = "resourceModifierRules: [{patches: [{operation: add, path: /spec/args/-, value: '-carchive_mode=off'}]}]"
            modifiers = {"metadata": {"name": "not-archived"}, "data": {"rules.yaml": rule}}
            working.core.create_namespaced_config_map("velero", modifiers)
        else:
            container = {**POD["containers"][0], "args": ["-c", "archive_mode=off"]}
            working.section["pod"] = {**POD, "containers": [container]}
        assert [one.ok for one in working.copy()] == [True]
    if isinstance(working, VeleroCase):
        assert working.server.seen[1]["resourceModifier"] == {"kind": "configmap", "name": "not-archived"}


@each
def test_the_drill_needs_exactly_its_rights(working: ProductDrill) -> None:
    """Each right that lacks is named; with those that `readiness plan --roles` writes the drill is done."""
    rbac: Any = client.RbacAuthorizationV1Api(working.core.api_client)
    working.core.create_namespaced_service_account(ROBOT[0], {"metadata": {"name": ROBOT[1]}})
    made = working.core.create_namespaced_service_account_token(ROBOT[1], ROBOT[0], {"spec": {}})
    content = yaml.safe_load(working.kubeconfig.read_text())
    content["users"][0]["user"] = {"token": made.status.token}
    working.kubeconfig = working.here / "of-robot"
    working.kubeconfig.write_text(yaml.safe_dump(content))
    asked = placed(accesses_of(restored_copy, working.target(), {"drill": "orders"}) or (), working.target())
    with pytest.raises(AccessDenied) as refused:
        working.copy()
    assert all(str(one).removesuffix(" -A") in refused.value.what for one in asked)
    for one in roles(asked, "shop", ROBOT)["items"]:
        if one["kind"].startswith("Cluster"):
            create = rbac.create_cluster_role if one["kind"] == "ClusterRole" else rbac.create_cluster_role_binding
            create(one)
        elif one["kind"].startswith("Role"):
            create = rbac.create_namespaced_role if one["kind"] == "Role" else rbac.create_namespaced_role_binding
            create(one["metadata"]["namespace"], one)
    assert [one.ok for one in working.copy()] == [True]


@each
def test_an_object_of_others_with_the_name_of_the_scratch_is_not_deleted(
    working: ProductDrill, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It came after the drill had looked, so it has not the mark of the drill."""
    taken = working.backups.take
    body = {"metadata": {"name": "north-drill"}}

    def take(name: str) -> bool:
        if isinstance(working, CnpgCase):
            working.operator.create("clusters", serving("main-drill"), HEALTHY)
        elif isinstance(working, VeleroCase):
            working.core.create_namespace(body)
        else:
            claim = {"metadata": {"name": "data-drill"}, "spec": CLAIM}
            working.core.create_namespaced_persistent_volume_claim("north", claim)
        return taken(name)

    monkeypatch.setattr(working.backups, "take", take)
    target = working.target()
    with pytest.raises(DriverError, match="already exists"):
        restored_copy(target, {"drill": "orders"})()
    scratch: dict[type[ProductDrill], str] = {
        CnpgCase: "main-drill",
        VeleroCase: "north-drill",
        SnapshotCase: "data-drill",
    }
    assert working.left(target) == [scratch[type(working)]]


def _drilled(target: Target) -> None:
    restored_copy(target, {"drill": "orders"})()


@each
def test_after_a_kill_all_that_was_made_is_removed_by_recover(working: ProductDrill) -> None:
    """The names are on disk before anything is created; the copy that runs is ended."""
    target = working.target()
    process = multiprocessing.get_context("spawn").Process(target=_drilled, args=(target,))
    process.start()
    until(lambda: bool(working.backups.serving))
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert working.left(target) != []
    recovered = recover(target)
    assert (len(recovered.undone), recovered.left) == (2, ())
    assert working.left(target) == []
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(f"host={SCRATCH} port=5432 user=tester dbname=postgres connect_timeout=2")


@by_cnpg
def test_a_scratch_cluster_is_one_instance_like_those_that_serve(cnpg: CnpgCase) -> None:
    """Without their backups, plugins, labels and monitors."""
    assert all(one.ok for one in cnpg.copy())
    (spec,) = cnpg.operator.seen
    backup = spec["bootstrap"]["recovery"].pop("backup")["name"]
    assert backup.startswith("main-drill-")
    assert {key: spec[key] for key in ("instances", "imageName", "storage", "postgresql", "bootstrap")} == {
        "instances": 1,
        "imageName": "ghcr.io/cloudnative-pg/postgresql:17",
        "storage": {"size": "10Gi", "storageClass": "fast", "resizeInUseVolumes": True},
        "postgresql": {"parameters": {"max_connections": "200"}},
        "bootstrap": {"recovery": {"database": "shop", "owner": "shop", "secret": {"name": "main-app"}}},
    }
    assert not {"backup", "plugins", "inheritedMetadata", "externalClusters", "managed"} & {*spec}
    assert spec.get("monitoring", {}).get("enablePodMonitor", False) is False


@by_cnpg
def test_a_restore_that_fails_is_a_fail_and_one_that_hangs_is_not_decided(cnpg: CnpgCase) -> None:
    """The operator says that the Cluster is unrecoverable; or says nothing until the time is over."""
    cnpg.operator.fails = "cluster"
    (fact,) = cnpg.copy()
    assert (fact.subject, fact.ok) == ("restore", False)
    assert fact.observed.startswith("Cluster north/main-drill reached the phase `Cluster is unrecoverable")
    cnpg.operator.fails, cnpg.operator.hangs, cnpg.within = "", "cluster", "3 s"
    (fact,) = cnpg.copy()
    assert (fact.ok, "is not ready after 3 s: its phase is `not begun`" in fact.observed) == (None, True)
    assert cnpg.time("500 ms").ok is False
    assert cnpg.time("1 h").ok is None


@by_cnpg
@pytest.mark.parametrize(
    ("fails", "hangs", "why"),
    [("backup", "", "failed: can't execute backup"), ("", "backup", "is not completed after 3 s")],
)
def test_a_backup_that_is_not_made_decides_nothing(cnpg: CnpgCase, fails: str, hangs: str, why: str) -> None:
    """It failed, or still runs; the Backup is removed, and no Cluster is made."""
    cnpg.operator.fails, cnpg.operator.hangs, cnpg.within = fails, hangs, "3 s"
    with pytest.raises(DriverError, match=why):
        cnpg.copy()
    assert cnpg.operator.seen == []


@by_cnpg
def test_the_newest_completed_backup_of_cloudnative_pg_is_restored_where_none_is_made(cnpg: CnpgCase) -> None:
    """One that failed later, one of another Cluster, and one by another method do not count; the Backup stays."""
    made = {"apiVersion": "postgresql.cnpg.io/v1", "kind": "Backup", "spec": {"cluster": {"name": "main"}}}
    cnpg.operator.create("backups", {**made, "metadata": {"name": "nightly"}})
    until(lambda: cnpg.operator.phase("backups", "nightly") == "completed")
    for name, spec, phase in (
        ("failed", {"cluster": {"name": "main"}}, "failed"),
        ("other", {"cluster": {"name": "other"}}, "completed"),
        ("snapshot", {"cluster": {"name": "main"}, "method": "volumeSnapshot"}, "completed"),
    ):
        cnpg.operator.hangs = "backup"
        body = {**made, "metadata": {"name": name}, "spec": spec}
        cnpg.operator.create("backups", body, {"phase": phase, "stoppedAt": "2099-01-01T00:00:00Z"})
    cnpg.section["backup"] = "newest"
    assert cnpg.time("1 min").ok
    assert cnpg.operator.seen[0]["bootstrap"]["recovery"]["backup"] == {"name": "nightly"}
    assert "nightly" in cnpg.operator.names("backups")


@by_cnpg
def test_cloudnative_pg_makes_nothing_where_the_drill_cannot_be_done(cnpg: CnpgCase) -> None:
    """A scratch Cluster that is there, a Cluster that is not healthy or not there, a method that it does not have, a Backup that runs."""
    cnpg.operator.hangs = "cluster"
    cnpg.section["scratch_cluster"] = "other"
    cnpg.operator.create("clusters", serving("other"), HEALTHY)
    cnpg.refused("the scratch Cluster is there already: nothing was made")
    cnpg.section |= {"scratch_cluster": "main-drill", "method": "volumeSnapshot"}
    cnpg.refused("is not set up for backups by volumeSnapshot: nothing was made")
    cnpg.section |= {"method": "barmanObjectStore", "cluster": "none"}
    cnpg.refused("the Cluster is not there")
    cnpg.section["cluster"] = "main"
    cnpg.operator.report("clusters", "main", {"phase": "Failing over"})
    cnpg.refused("the Cluster is in the phase `Failing over`")
    cnpg.operator.report("clusters", "main", HEALTHY)
    body = {
        "apiVersion": "postgresql.cnpg.io/v1",
        "kind": "Backup",
        "metadata": {"name": "nightly"},
        "spec": {"cluster": {"name": "main"}},
    }
    cnpg.operator.create("backups", body, {"phase": "running"})
    cnpg.refused(r"Backup nightly still runs \(running\): nothing was made")


def test_the_rights_of_a_drill_by_cloudnative_pg() -> None:
    """It reads, makes and deletes Backups and Clusters of its namespace."""
    section = CloudNativePgDrill(namespace="north", cluster="main", scratch_cluster="main-drill")
    assert sorted(map(str, CloudNativePg(section).access)) == [
        "create backups.postgresql.cnpg.io -n north",
        "create clusters.postgresql.cnpg.io -n north",
        "delete backups.postgresql.cnpg.io -n north",
        "delete clusters.postgresql.cnpg.io -n north",
        "get backups.postgresql.cnpg.io -n north",
        "get clusters.postgresql.cnpg.io -n north",
        "list backups.postgresql.cnpg.io -n north",
    ]


def test_a_plugin_restores_the_backup_by_its_id() -> None:
    """From the object store of the plugin, by the server's name there; the plugin is not one of the scratch Cluster."""
    section = CloudNativePgDrill(
        namespace="north",
        cluster="main",
        scratch_cluster="main-drill",
        method="plugin",
        plugin="barman-cloud.cloudnative-pg.io",
    )
    parameters = {"barmanObjectName": "store"}
    serves = {"plugins": [{"name": section.plugin, "isWALArchiver": True, "parameters": parameters}]}
    backup = {"metadata": {"name": "nightly"}, "status": {"backupId": "20260131T120000"}}
    assert scratch_spec(serves, section, backup) == {
        "instances": 1,
        "postgresql": {},
        "externalClusters": [
            {"name": "main", "plugin": {"name": section.plugin, "parameters": {"serverName": "main", **parameters}}}
        ],
        "bootstrap": {"recovery": {"source": "main", "recoveryTarget": {"backupID": "20260131T120000"}}},
    }


def test_a_drill_by_snapshots_stops_nothing_and_leaves_nothing(subtests: pytest.Subtests) -> None:
    """A cold one would stop a server, a snapshot without an owner would stay, and hot ones of several volumes are no one moment."""
    names = {"namespace": "north", "cluster": "main", "scratch_cluster": "main-drill", "method": "volumeSnapshot"}
    there: dict[str, Any] = {"status": HEALTHY}
    cases: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any], str]] = [
        ({"online": False}, {}, {"keep": True}, "a new Backup would stop the server that it copies"),
        ({"online": False}, {}, {"backup": "newest"}, ""),
        ({}, {}, {}, "the snapshots of a Backup stay when it is deleted"),
        ({"snapshotOwnerReference": "cluster"}, {}, {}, "the snapshots of a Backup stay when it is deleted"),
        ({"snapshotOwnerReference": "backup"}, {}, {}, ""),
        ({}, {}, {"keep": True}, ""),
        ({}, {"walStorage": {"size": "1Gi"}}, {"backup": "newest"}, "one moment only together with the archive"),
        ({"online": False}, {"walStorage": {"size": "1Gi"}}, {"backup": "newest"}, ""),
    ]
    for snapshots, more, drill, said in cases:
        with subtests.test(snapshots=snapshots, more=more, drill=drill):
            backup = {"volumeSnapshot": {"className": "csi", **snapshots}}
            there.update(serving("main", **{**more, "backup": backup}))
            product = CloudNativePg(CloudNativePgDrill.model_validate({**names, **drill}))
            with pytest.raises(DriverError, match=said) if said else nullcontext():
                product.refuse(lambda _ref: there)


def test_the_copy_reaches_a_bucket_as_the_cluster_that_serves() -> None:
    """By the role that its ServiceAccount has."""
    section = CloudNativePgDrill(namespace="shop", cluster="main", scratch_cluster="main-drill")
    template = {"metadata": {"annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/backups"}}}
    serves = serving("main", serviceAccountTemplate=template)["spec"]
    assert scratch_spec(serves, section, {"metadata": {"name": "nightly"}})["serviceAccountTemplate"] == template
