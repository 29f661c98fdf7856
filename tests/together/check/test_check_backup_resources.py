"""Backups that are resources of CloudNativePG, Velero and CSI: which count, how old they are, and by what rule they go."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import pytest
from kubernetes import client, config

from harness import clock
from harness.drivers.check.backups.policies import go_seconds
from harness.drivers.check.backups.retention import backup_retention
from harness.drivers.check.backups.stores import list_store
from harness.errors import DriverError
from harness.targets import Target, load_target
from harness.targets.access import accesses_of
from harness.targets.stores.listing import newest, recognised
from tests.builders.cnpg_operator import define, serving
from tests.together.conftest import PocketCluster

CNPG: Final = ("postgresql.cnpg.io", "v1")
VELERO: Final = ("velero.io", "v1")
SNAPSHOT: Final = ("snapshot.storage.k8s.io", "v1")
Put = Callable[..., None]


BOTH: Final = {"barmanObjectStore": {"destinationPath": "s3://b"}, "volumeSnapshot": {"className": "csi"}}


@pytest.fixture
def put(cluster: PocketCluster) -> Iterator[Put]:
    """Creates an object with its status; the definitions of the three products are there."""
    with config.new_client_from_config(str(cluster.kubeconfig), context="pocket") as api:  # type: ignore[no-untyped-call]
        custom: Any = client.CustomObjectsApi(api)
        for name in ("cloudnative_pg", "velero", "volume_snapshot"):
            define(api, name)

        def create(group: tuple[str, str], plural: str, body: Mapping[str, Any], **status: Any) -> None:
            custom.create_namespaced_custom_object(*group, "north", plural, {"apiVersion": "/".join(group), **body})
            if status:
                custom.patch_namespaced_custom_object_status(
                    *group,
                    "north",
                    plural,
                    body["metadata"]["name"],
                    {"status": status},
                    _content_type="application/merge-patch+json",
                )

        yield create


def placed(target: Target, kind: str, of: str) -> Target:
    """The target with backups of this kind."""
    section = f"backups: {{database: {{resources: {{kind: {kind}, namespace: north, of: {of}}}}}}}\n"
    target.file.write_text(target.file.read_text() + section)
    return load_target(target.file)


def there(target: Target) -> tuple[dict[str, str], str]:
    """What each resource is, and the newest backup."""
    found = list(recognised(target.backups["database"], list_store(target, target.backups["database"]).objects))
    last = newest(found)
    return {one.stored.name: one.kind.value for one in found}, last.stored.name if last is not None else ""


def test_a_backup_of_cloudnative_pg_counts_when_it_is_completed(put: Put, target: Target) -> None:
    """By the time at which it stopped; those of other Clusters, that run, that failed or that a drill made do not count."""
    for name, of, status in (
        ("old", "main", {"phase": "completed", "stoppedAt": "2026-01-31T11:00:00Z"}),
        ("new", "main", {"phase": "completed", "stoppedAt": "2026-01-31T12:00:00Z"}),
        ("late", "main", {"phase": "failed", "stoppedAt": "2026-01-31T13:00:00Z"}),
        ("wrong", "main", {"phase": "invalid backup definition"}),
        ("running", "main", {"phase": "finalizing", "stoppedAt": "2026-01-31T13:00:00Z"}),
        ("timeless", "main", {"phase": "completed"}),
        ("other", "other", {"phase": "completed", "stoppedAt": "2026-01-31T13:00:00Z"}),
    ):
        put(CNPG, "backups", _backup(name, {"cluster": {"name": of}}), **status)
    drilled = _backup("drill", {"cluster": {"name": "main"}}, labels={"app.kubernetes.io/managed-by": "readiness"})
    put(CNPG, "backups", drilled, phase="completed", stoppedAt="2026-01-31T13:00:00Z")
    kinds, last = there(placed(target, "backups.postgresql.cnpg.io", "main"))
    assert last == "new"
    assert kinds == {
        "old": "backup",
        "new": "backup",
        "late": "failed",
        "wrong": "failed",
        "running": "unfinished",
        "timeless": "unknown",
    }


def test_a_backup_of_velero_counts_when_it_is_completed(put: Put, target: Target) -> None:
    """Of one Schedule, since it was begun; a partial failure is none, and one that is being deleted is no more."""
    for name, of, status in (
        ("new", "nightly", {"phase": "Completed", "startTimestamp": "2026-01-31T12:00:00Z"}),
        ("partial", "nightly", {"phase": "PartiallyFailed", "startTimestamp": "2026-01-31T13:00:00Z"}),
        ("waiting", "nightly", {"phase": "WaitingForPluginOperations"}),
        ("going", "nightly", {"phase": "Deleting", "startTimestamp": "2026-01-31T13:00:00Z"}),
        ("hourly", "hourly", {"phase": "Completed", "startTimestamp": "2026-01-31T13:00:00Z"}),
    ):
        body = _backup(name, {}, labels={"velero.io/schedule-name": of})
        put(VELERO, "backups", {**body, "status": status})  # Velero's definition has no subresource `status`
    kinds, last = there(placed(target, "backups.velero.io", "nightly"))
    assert last == "new"
    assert kinds == {"new": "backup", "partial": "failed", "waiting": "unfinished", "going": "unfinished"}


def test_a_snapshot_counts_when_it_is_ready(put: Put, target: Target) -> None:
    """By the time at which it was taken; of one claim; those that Velero or a drill takes for a while do not count."""
    of_velero = {"velero.io/backup-name": "nightly-1"}
    cases: list[tuple[str, str, dict[str, str], bool, int]] = [
        ("new", "data-0", {}, True, 12),
        ("making", "data-0", {}, False, 12),
        ("other", "data-1", {}, True, 12),
        ("velero", "data-0", of_velero, True, 13),
        ("drilled", "data-0", {"cnpg.io/backupName": "main-drill-0123456789abcdef"}, True, 13),
        ("restored", "data-0", {**of_velero, "velero.io/restore-name": "nightly-1-again"}, True, 10),
    ]
    for name, claim, labels, ready, hour in cases:
        body = _backup(name, {"source": {"persistentVolumeClaimName": claim}}, labels=labels)
        body["kind"] = "VolumeSnapshot"
        put(SNAPSHOT, "volumesnapshots", body, readyToUse=ready, creationTime=f"2026-01-31T{hour}:00:00Z")
    target = placed(target, "volumesnapshots.snapshot.storage.k8s.io", "data-0")
    assert there(target) == ({"new": "backup", "making": "unfinished", "restored": "backup"}, "new")
    listing = list_store(target, target.backups["database"])
    assert abs(listing.store_ns - clock.wall_ns(clock.wall())) < 60 * 10**9
    assert {one.modified_ns for one in listing.objects if one.name == "new"} == {1_769_860_800 * 10**9}
    (fact,) = backup_retention(target, {"backup": "database", "keep": "30 d"})()
    assert (fact.ok, fact.observed[:22]) == (None, "snapshots have no rule")


def test_a_product_that_is_not_installed_is_no_empty_list(cluster: PocketCluster, target: Target) -> None:
    """The API server does not serve its resources."""
    assert cluster
    target = placed(target, "backups.velero.io", "nightly")
    with pytest.raises(DriverError, match=r"does not serve backups\.velero\.io"):
        there(target)
    (fact,) = backup_retention(target, {"backup": "database", "keep": "30 d"})()
    assert (fact.ok, "there is none of this name" in fact.observed) == (None, True)


@pytest.mark.parametrize(
    ("spec", "ok", "said"),
    [
        ({}, True, "30 d (retentionPolicy 30d)"),
        ({"backup": {"barmanObjectStore": {"destinationPath": "s3://b"}, "retentionPolicy": "4w"}}, False, "28 d"),
        ({"backup": {"barmanObjectStore": {"destinationPath": "s3://b"}, "retentionPolicy": "1m"}}, False, "31 d"),
        ({"backup": {"barmanObjectStore": {"destinationPath": "s3://b"}}}, False, "no retentionPolicy"),
        ({"backup": {"retentionPolicy": "30d"}}, None, "is for `barman"),
        ({"backup": {**BOTH, "retentionPolicy": "30d"}}, None, "is not for `volumeSnapshot`"),
        ({"backup": {}, "plugins": [{"name": "barman-cloud.cloudnative-pg.io"}]}, None, "rules of their own"),
    ],
)
def test_the_rule_of_a_cluster_is_read(
    put: Put, target: Target, spec: dict[str, Any], *, ok: bool | None, said: str
) -> None:
    """In days, weeks, or months of 31 days; it is for object stores only, and not for snapshots of volumes beside them."""
    put(CNPG, "clusters", serving("main", **spec))
    target = placed(target, "backups.postgresql.cnpg.io", "main")
    (fact,) = backup_retention(target, {"backup": "database", "keep": "30 d"})()
    assert (fact.ok, said in fact.observed) == (ok, True), fact.observed
    declared = accesses_of(backup_retention, target, {"backup": "database", "keep": "30 d"})
    assert [*map(str, declared or ())] == ["get clusters.postgresql.cnpg.io -n north"]


@pytest.mark.parametrize(
    ("template", "ok", "said"),
    [
        ({"ttl": "720h0m0s"}, True, "30 d (ttl 720h0m0s)"),
        ({"ttl": "168h"}, False, "7 d (ttl 168h)"),
        ({"ttl": "0s"}, None, "the default of Velero's server"),
        ({}, None, "the default of Velero's server"),
        ({"ttl": "a month"}, None, "ttl a month is not known"),
    ],
)
def test_the_rule_of_a_schedule_is_read(
    put: Put, target: Target, template: dict[str, Any], *, ok: bool | None, said: str
) -> None:
    """A duration of Go; without one the server's default counts, which is not read."""
    spec = {"schedule": "0 1 * * *", "template": template}
    put(VELERO, "schedules", {"kind": "Schedule", "metadata": {"name": "nightly"}, "spec": spec})
    target = placed(target, "backups.velero.io", "nightly")
    (fact,) = backup_retention(target, {"backup": "database", "keep": "30 d"})()
    assert (fact.ok, said in fact.observed) == (ok, True), fact.observed


def test_durations_of_go() -> None:
    """As `time.ParseDuration` reads them; below 0 nothing is kept."""
    seconds = {"1h30m": 5400.0, "1.5h": 5400.0, "300ms": 0.3, "-1h": None, "30d": None, "": None}
    assert {text: go_seconds(text) for text in seconds} == seconds


def _backup(name: str, spec: Mapping[str, Any], labels: Mapping[str, str] | None = None) -> dict[str, Any]:
    return {"kind": "Backup", "metadata": {"name": name, "labels": dict(labels or {})}, "spec": dict(spec)}
