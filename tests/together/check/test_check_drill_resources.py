"""Restore drills by the resources of CloudNativePG: a real API server with the product's definitions, a real PostgreSQL, the test's operator."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import config

from harness.drivers.check.drills.cloudnative_pg import CloudNativePg, scratch_spec
from harness.drivers.check.drills.restore import restore_time, restored_copy
from harness.drivers.facts import FactReading
from harness.errors import AccessDenied, DriverError
from harness.targets import Target, load_target
from harness.targets.access import accesses_of
from harness.targets.files.drills import CloudNativePgDrill
from harness.targets.safety.intents import pending_intents
from harness.targets.safety.platform import platform_of
from harness.targets.undo import recover
from tests.builders.addresses import NET
from tests.builders.base_backups import BaseBackups, at_work
from tests.builders.cnpg_operator import HEALTHY, CnpgOperator, define, serving
from tests.builders.database_servers import Member, lone, until
from tests.together.conftest import PocketCluster

ACCESS = "host all all 127.0.0.0/8 trust\nhost replication all 127.0.0.0/8 trust\n"
SCRATCH = f"{NET}241"
ROLES = "/apis/rbac.authorization.k8s.io/v1"


@pytest.fixture(scope="module")
def primary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Member]:
    """The server of the Cluster `main`."""
    with lone(tmp_path_factory.mktemp("drill") / "data", f"{NET}240", ACCESS) as member:
        member.ask("CREATE TABLE orders (id serial PRIMARY KEY, note text)")
        member.ask("INSERT INTO orders (note) SELECT md5(n::text) FROM generate_series(1, 1000) n")
        yield member


class ResourceDrill:
    """A drill of the Cluster `main` in the namespace `north`."""

    def __init__(self, here: Path, kubeconfig: Path, operator: CnpgOperator) -> None:
        self.here, self.kubeconfig, self.operator = here, kubeconfig, operator
        self.section: dict[str, Any] = {"namespace": "north", "cluster": "main", "scratch_cluster": "main-drill"}
        self.within = "30 s"

    def target(self) -> Target:
        """The target file."""
        (self.here / "dsn").write_text(self.operator.backups.primary.dsn)
        (self.here / "scratch-dsn").write_text(f"host={SCRATCH} port=5432 user=tester dbname=postgres")
        drill = {
            "cloudnative-pg": self.section,
            "scratch": {"file": str(self.here / "scratch-dsn")},
            "within": self.within,
        }
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
        """The fact about the time."""
        target = self.target()
        (fact,) = restore_time(target, {"drill": "orders", "within": limit})()
        assert self.left(target) == []
        return fact

    def left(self, target: Target) -> list[str]:
        """Resources and entries of the undo log that a drill left."""
        made = [*self.operator.names("clusters"), *self.operator.names("backups")]
        return [*(one for one in made if "drill" in one), *(one.action for one in pending_intents(platform_of(target)))]


@pytest.fixture
def operator(cluster: PocketCluster, primary: Member, tmp_path: Path) -> Iterator[CnpgOperator]:
    """CloudNativePG with the Cluster `main`, which is healthy."""
    with config.new_client_from_config(str(cluster.kubeconfig), context="pocket") as api:  # type: ignore[no-untyped-call]
        define(api, "cloudnative_pg")
        made = CnpgOperator(api, "north", BaseBackups(primary, tmp_path, SCRATCH))
        made.create("clusters", serving("main"), HEALTHY)
        with at_work(made.reconcile, made.backups):
            yield made


@pytest.fixture
def drill(
    cluster: PocketCluster, operator: CnpgOperator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> ResourceDrill:
    """One that is right."""
    monkeypatch.setenv("READINESS_STATE", str(tmp_path / "state"))
    return ResourceDrill(tmp_path, cluster.kubeconfig, operator)


def test_a_right_copy_is_equal_and_all_that_was_made_is_removed(drill: ResourceDrill) -> None:
    """The scratch Cluster is one instance like those that serve, without their backups, plugins, labels and monitors."""
    assert [(one.ok, one.observed) for one in drill.copy()] == [(True, "1 of 1, with 1000 rows")]
    (spec,) = drill.operator.seen
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


def test_a_copy_that_differs_fails(drill: ResourceDrill) -> None:
    """A row is missing in what was restored."""
    drill.operator.backups.spoil = "DELETE FROM orders WHERE id = 7"
    assert [one.subject for one in drill.copy() if one.ok is False] == ["table public.orders"]


def test_a_restore_that_fails_is_a_fail_and_one_that_hangs_is_not_decided(drill: ResourceDrill) -> None:
    """The operator says that the Cluster is unrecoverable; or says nothing until the time is over."""
    drill.operator.fails = "cluster"
    (fact,) = drill.copy()
    assert (fact.subject, fact.ok) == ("restore", False)
    assert fact.observed.startswith("Cluster north/main-drill reached the phase `Cluster is unrecoverable")
    drill.operator.fails, drill.operator.hangs, drill.within = "", "cluster", "3 s"
    (fact,) = drill.copy()
    assert (fact.ok, "is not ready after 3 s: its phase is `not begun`" in fact.observed) == (None, True)
    assert drill.time("500 ms").ok is False
    assert drill.time("1 h").ok is None


@pytest.mark.parametrize(
    ("fails", "hangs", "why"),
    [("backup", "", "failed: can't execute backup"), ("", "backup", "is not completed after 3 s")],
)
def test_a_backup_that_is_not_made_decides_nothing(drill: ResourceDrill, fails: str, hangs: str, why: str) -> None:
    """It failed, or still runs; the Backup is removed, and no Cluster is made."""
    drill.operator.fails, drill.operator.hangs, drill.within = fails, hangs, "3 s"
    with pytest.raises(DriverError, match=why):
        drill.copy()
    assert drill.operator.seen == []


def test_the_newest_completed_backup_is_restored_where_none_is_made(drill: ResourceDrill) -> None:
    """One that failed later, one of another Cluster, and one by another method do not count; the Backup stays."""
    made = {"apiVersion": "postgresql.cnpg.io/v1", "kind": "Backup", "spec": {"cluster": {"name": "main"}}}
    drill.operator.create("backups", {**made, "metadata": {"name": "nightly"}})
    until(lambda: drill.operator.phase("backups", "nightly") == "completed")
    for name, spec, phase in (
        ("failed", {"cluster": {"name": "main"}}, "failed"),
        ("other", {"cluster": {"name": "other"}}, "completed"),
        ("snapshot", {"cluster": {"name": "main"}, "method": "volumeSnapshot"}, "completed"),
    ):
        drill.operator.hangs = "backup"
        body = {**made, "metadata": {"name": name}, "spec": spec}
        drill.operator.create("backups", body, {"phase": phase, "stoppedAt": "2099-01-01T00:00:00Z"})
    drill.section["backup"] = "newest"
    assert drill.time("1 min").ok
    assert drill.operator.seen[0]["bootstrap"]["recovery"]["backup"] == {"name": "nightly"}
    assert "nightly" in drill.operator.names("backups")


def test_nothing_is_made_where_the_drill_cannot_be_done(drill: ResourceDrill) -> None:
    """A scratch Cluster that is there, a Cluster that is not healthy or not there, a method that it does not have, a Backup that runs."""
    drill.operator.hangs = "cluster"
    drill.section["scratch_cluster"] = "other"
    drill.operator.create("clusters", serving("other"), HEALTHY)
    _refused(drill, "the scratch Cluster is there already: nothing was made")
    drill.section |= {"scratch_cluster": "main-drill", "method": "volumeSnapshot"}
    _refused(drill, "is not set up for backups by volumeSnapshot: nothing was made")
    drill.section |= {"method": "barmanObjectStore", "cluster": "none"}
    _refused(drill, "the Cluster is not there")
    drill.section["cluster"] = "main"
    drill.operator.report("clusters", "main", {"phase": "Failing over"})
    _refused(drill, "the Cluster is in the phase `Failing over`")
    drill.operator.report("clusters", "main", HEALTHY)
    body = {
        "apiVersion": "postgresql.cnpg.io/v1",
        "kind": "Backup",
        "metadata": {"name": "nightly"},
        "spec": {"cluster": {"name": "main"}},
    }
    drill.operator.create("backups", body, {"phase": "running"})
    _refused(drill, r"Backup nightly still runs \(running\): nothing was made")


def test_nothing_is_made_without_the_product_or_a_right(drill: ResourceDrill, cluster: PocketCluster) -> None:
    """Each right that lacks is named; with the rights that the check declares the drill is done."""
    token = _account(cluster)
    content = yaml.safe_load(cluster.kubeconfig.read_text())
    content["users"][0]["user"] = {"token": token}
    drill.kubeconfig = drill.here / "of-robot"
    drill.kubeconfig.write_text(yaml.safe_dump(content))
    declared = accesses_of(restored_copy, drill.target(), {"drill": "orders"})
    assert declared == CloudNativePg(CloudNativePgDrill.model_validate(drill.section)).access
    assert declared is not None
    assert sorted(map(str, declared)) == [
        "create backups.postgresql.cnpg.io -n north",
        "create clusters.postgresql.cnpg.io -n north",
        "delete backups.postgresql.cnpg.io -n north",
        "delete clusters.postgresql.cnpg.io -n north",
        "get backups.postgresql.cnpg.io -n north",
        "get clusters.postgresql.cnpg.io -n north",
        "list backups.postgresql.cnpg.io -n north",
    ]
    _granted(cluster, [("backups", ["get", "list", "create"]), ("clusters", ["get", "create", "delete"])])
    with pytest.raises(AccessDenied, match=r"may not delete backups.postgresql.cnpg.io -n north: nothing was made"):
        drill.copy()
    _granted(cluster, [("backups", ["delete"])])
    assert [one.ok for one in drill.copy()] == [True]


def test_another_cluster_of_the_same_name_is_not_deleted(drill: ResourceDrill) -> None:
    """It came after the drill had looked, so it has not the mark of the drill."""
    drill.operator.hangs = "cluster"
    made = drill.operator.create
    drill.operator.on_backup = lambda: made("clusters", serving("main-drill"), HEALTHY)
    target = drill.target()
    with pytest.raises(DriverError, match="already exists"):
        restored_copy(target, {"drill": "orders"})()
    assert "main-drill" in drill.operator.names("clusters")
    assert not [*pending_intents(platform_of(target))]


def _drilled(target: Target) -> None:
    restored_copy(target, {"drill": "orders"})()


def test_after_a_kill_the_scratch_cluster_is_removed_by_recover(drill: ResourceDrill) -> None:
    """Its name is on disk before it is created; the Backup goes too."""
    drill.operator.hangs, target = "cluster", drill.target()
    process = multiprocessing.get_context("spawn").Process(target=_drilled, args=(target,))
    process.start()
    until(lambda: "main-drill" in drill.operator.names("clusters"))
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    recovered = recover(target)
    assert (len(recovered.undone), recovered.left) == (2, ())
    assert drill.left(target) == []


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


def _refused(drill: ResourceDrill, why: str) -> None:
    before = (drill.operator.names("clusters"), drill.operator.names("backups"))
    with pytest.raises(DriverError, match=why):
        restored_copy(drill.target(), {"drill": "orders"})()
    assert (drill.operator.names("clusters"), drill.operator.names("backups")) == before


def _account(cluster: PocketCluster) -> str:
    """The token of a new ServiceAccount without any right."""
    with config.new_client_from_config(str(cluster.kubeconfig), context="pocket") as api:  # type: ignore[no-untyped-call]
        from kubernetes import client

        core: Any = client.CoreV1Api(api)
        core.create_namespaced_service_account("north", {"metadata": {"name": "robot"}})
        return str(core.create_namespaced_service_account_token("robot", "north", {"spec": {}}).status.token)


def _granted(cluster: PocketCluster, rules: list[tuple[str, list[str]]]) -> None:
    """Bind rules to the account."""
    with config.new_client_from_config(str(cluster.kubeconfig), context="pocket") as api:  # type: ignore[no-untyped-call]
        from kubernetes import client

        rbac: Any = client.RbacAuthorizationV1Api(api)
        for resource, verbs in rules:
            name = f"{resource}-{'-'.join(verbs)}"
            rule = {"apiGroups": ["postgresql.cnpg.io"], "resources": [resource], "verbs": verbs}
            rbac.create_namespaced_role("north", {"metadata": {"name": name}, "rules": [rule]})
            subject = {"kind": "ServiceAccount", "name": "robot", "namespace": "north"}
            reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
            binding = {"metadata": {"name": name}, "subjects": [subject], "roleRef": reference}
            rbac.create_namespaced_role_binding("north", binding)
