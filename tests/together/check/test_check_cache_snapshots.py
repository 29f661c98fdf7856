"""Snapshots of the sandbox's cache: genuine servers in a cluster, a genuine object store, and the drill of the engine by the sandbox's own orders."""

from __future__ import annotations

import base64
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from harness.clock import Deadline, wall
from harness.drivers.check.backups.retention import backup_retention
from harness.drivers.check.backups.stores import list_store
from harness.drivers.check.cache.restored import restored_cache
from harness.drivers.facts import FactReading
from harness.errors import DriverError
from harness.targets import Target, load_target
from harness.targets.stores.listing import newest, recognised
from readiness_sandbox.platform.normaldance.backups import order
from readiness_sandbox.platform.normaldance.backups.making import remove_expired
from readiness_sandbox.platform.normaldance.backups.objects import ArchiveBucket
from readiness_sandbox.platform.normaldance.backups.restoring import StoredBackups
from readiness_sandbox.platform.normaldance.backups.sealed import MAGIC, BackupKey
from readiness_sandbox.platform.normaldance.caching.programs import valkey_server
from tests.builders.cache_servers import cache as cache_server
from tests.builders.s3_server import ACCESS_KEY, SECRET_KEY, S3Server, needs_s3_server, s3_server
from tests.sandbox.platform.conftest import AS_ORDINARY, process, wait_for
from tests.sandbox.platform.forked import PLATFORM
from tests.sandbox.platform.test_platform_cache import FORMED, PASSWORD, PODS, SEED, CachePods

pytestmark = needs_s3_server
KEEPER = "127.93.9.41"
KEY = BackupKey(b"k" * 32)
BUCKET = "normaldance-backups"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CachePods]:
    """Six servers that have formed their cluster, with a track in each third of the slots."""
    pods = CachePods(tmp_path_factory.mktemp("cache"))
    try:
        for pod in PODS:
            pods.start(pod)
        pods.until_formed(FORMED)
        for pod, track in (("us-east-1", "a"), ("eu-west-1", "b"), ("ap-southeast-1", "c")):
            assert [pods.ask(f"cache-{pod}-0", "SET", f"track:{{{one}}}", "x") for one in "abcdefgh"], track
        yield pods
    finally:
        for pod in [*pods.stacks]:
            pods.end(pod)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """An object store."""
    with s3_server(tmp_path_factory.mktemp("objects")) as server:
        yield server


@contextmanager
def keeping(home: Path, store: S3Server, **env: str) -> Iterator[Path]:
    """The keeper of the backups, which has a cache and no database; its log."""
    place, log = urlsplit(store.endpoint), home / "log"
    variables = {
        "PYTHONPATH": str(PLATFORM), "POD_IP": KEEPER, "PORT": "8019", "SCRATCH_PORT": "5433", "SCRATCH_TLS": str(home),
        "OBJECT_STORE_SERVICE_HOST": str(place.hostname), "OBJECT_STORE_SERVICE_PORT": str(place.port),
        "BACKUP_BUCKET": BUCKET, "BACKUP_ACCESS_KEY": ACCESS_KEY, "BACKUP_SECRET_KEY": SECRET_KEY,
        "BACKUP_KEY": base64.b64encode(KEY.secret).decode(), "BACKUP_TOKEN": "operators", "BACKUP_HOME": str(home / "keeper"),
        "KEEP_DAYS": "30", "KEEP_S": "43200", "ARCHIVE_ROWS_S": "36000", "ARCHIVE_EVERY_S": "3600", "BASE_EVERY_S": "3600", "DUMP_EVERY_S": "3600",
        "PGHOST": KEEPER, "PGPORT": "1", "PGUSER": "postgres", "PGPASSWORD": "p", "PGDATABASE": "normaldance",
        "CACHE_SERVICE_HOST": PODS[SEED], "CACHE_SERVICE_PORT": "6379", "CACHE_PASSWORD": PASSWORD,
        "SNAPSHOT_EVERY_S": "3600", "SNAPSHOT_KEEP_DAYS": "7", "SNAPSHOT_KEEP_S": "10080", **env,
    }  # fmt: skip
    argv = [*AS_ORDINARY, sys.executable, "-m", "normaldance.backups.keeper"]
    with process(argv, variables, log):
        wait_for(f"http://{KEEPER}:8019/health", log)
        yield log


def target_of(here: Path, store: S3Server, bucket: str = BUCKET) -> Target:
    """A target file with the lines of the part `backup`."""
    for name, text in (
        ("token", "Bearer operators"),
        ("key", ACCESS_KEY),
        ("secret", SECRET_KEY),
        ("password", PASSWORD),
    ):
        (here / name).write_text(text, encoding="utf-8")
    url, program = f"http://{KEEPER}:8019/snapshots", [sys.executable, order.__file__]
    content: dict[str, Any] = {
        "name": "sandbox",
        "environment": "staging",
        "entry": "http://127.0.0.1:9",
        "may_write": [{"keys": "readiness:*"}],
        "backups": {
            "cache": {
                "at": f"s3://{bucket}/cache",
                "endpoint": store.endpoint,
                "access_key": {"file": str(here / "key")},
                "secret_key": {"file": str(here / "secret")},
                "files": ["snapshot-*.tar"],
                "time": "%Y%m%dT%H%M%SZ",
            }
        },
        "cache": {
            "servers": {"eu": {"at": f"redis://{PODS[SEED]}:6379", "password": {"file": str(here / "password")}}},
            "snapshots": {
                "cache": {
                    "server": "eu",
                    "make": {"command": [*program, "POST", url, str(here / "token")]},
                    "fetch": {"command": [*program, "GET", f"{url}/newest", str(here / "token"), "{directory}"]},
                    "program": valkey_server(),
                    "within": "60 s",
                }
            },
        },
    }
    (here / "target.yaml").write_text(json.dumps(content), encoding="utf-8")
    return load_target(here / "target.yaml")


@pytest.fixture
def target(store: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Target]:
    """A target; temporary files lie in a directory with a short name, as a socket's path is short."""
    monkeypatch.setenv("READINESS_STATE", str(tmp_path / "state"))
    with tempfile.TemporaryDirectory(prefix="rc-", dir="/tmp") as short:
        monkeypatch.setattr(tempfile, "tempdir", short)
        yield target_of(tmp_path, store)
        assert not [*Path(short).iterdir()]


def made_at(target: Target) -> datetime:
    """When the newest snapshot was made, as the engine reads it."""
    one = newest([*recognised(target.backups["cache"], list_store(target, target.backups["cache"]).objects)])
    assert one is not None
    return datetime.strptime(one.stored.name, "snapshot-%Y%m%dT%H%M%SZ.tar").replace(tzinfo=UTC)


def restored(target: Target) -> list[FactReading]:
    """The facts of a drill."""
    return [*restored_cache(target, {"snapshots": "cache"})()]


def test_a_snapshot_is_made_encrypted_kept_for_a_week_and_restored(
    cache: CachePods, store: S3Server, target: Target, tmp_path: Path
) -> None:
    """The newest one is of now, has every key of each primary, and is unreadable in the store."""
    with keeping(tmp_path, store) as log:
        assert [one.ok for one in restored(target)] == [True, True, True], log.read_text()
        assert wall() - made_at(target) < timedelta(minutes=1)
        bucket = ArchiveBucket(endpoint=store.endpoint, bucket=BUCKET, access_key=ACCESS_KEY, secret_key=SECRET_KEY)
        stored = StoredBackups(bucket=bucket, key=KEY)
        name = stored.newest("cache/")
        assert bucket.get(name).startswith(MAGIC)
        assert b"track:{a}" in stored.read(name)
        kept = backup_retention(target, {"backup": "cache", "keep": "7 d"})()
        assert [one.ok for one in kept] == [True, True]
        assert [one.ok for one in backup_retention(target, {"backup": "cache", "keep": "1 d"})()] == [False, False]
        later = wall() + timedelta(days=9)
        there = [one.name for one in bucket.listed("cache/")]
        assert remove_expired(stored, timedelta(days=7).total_seconds(), later, ("cache/",)) == there[:-1]
        assert httpx.get(f"http://{KEEPER}:8019/snapshots/newest", trust_env=False).status_code == 401


def test_a_release_that_cuts_snapshots_fails(cache: CachePods, store: S3Server, target: Target, tmp_path: Path) -> None:
    """The planted defect: a file ends early."""
    with keeping(tmp_path, store, DEFECT_SHORT_SNAPSHOT="yes"):
        file, *keys = restored(target)
        assert (file.subject, file.ok) == ("file 00000.rdb", False)
        assert file.observed.startswith("Short read")
        assert [one.ok for one in keys].count(True) == 2


def test_a_release_that_saves_an_old_state_is_seen_by_its_age_alone(
    cache: CachePods, store: S3Server, target: Target, tmp_path: Path
) -> None:
    """The planted defect: at scale each snapshot is two days old as it is made, and has every key nevertheless."""
    target = target_of(tmp_path, store, "old-snapshots")
    with keeping(tmp_path, store, BACKUP_BUCKET="old-snapshots", DEFECT_SNAPSHOT_EARLIER_S="2880") as log:
        for _ in Deadline.after(60).ticks(0.1):
            with suppress(DriverError, AssertionError):
                assert timedelta(minutes=47) < wall() - made_at(target) < timedelta(minutes=50)
                break
        else:
            raise AssertionError(log.read_text())
        assert [one.ok for one in restored(target)] == [True, True, True]


def test_no_snapshot_is_made_of_a_cluster_that_lacks_slots(store: S3Server, tmp_path: Path) -> None:
    """The order says so, and nothing is stored: a snapshot of some primaries is none."""
    settings = ("--cluster-enabled", "yes")
    with cache_server(valkey_server(), tmp_path / "lone", "127.93.9.42", 6379, *settings, password=PASSWORD) as lone:
        lone.ask("CLUSTER", "ADDSLOTS", *range(16_000))
        with keeping(tmp_path, store, CACHE_SERVICE_HOST=lone.host):
            url, headers = f"http://{KEEPER}:8019/snapshots", {"authorization": "Bearer operators"}
            answer = httpx.post(url, headers=headers, trust_env=False, timeout=60)
            assert answer.status_code == 503, answer.text
            assert "16000 of 16384 slots of the cache are served" in answer.text
