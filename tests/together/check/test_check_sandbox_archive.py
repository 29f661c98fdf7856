"""The sandbox's own archive of old rows, with a genuine PostgreSQL, a genuine object store and its own orders: healthy, and without a column."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from harness.clock import Deadline
from harness.drivers.check.archives.archived import archived_records
from harness.targets import Target, load_target
from readiness_sandbox.platform.normaldance.backups import order
from readiness_sandbox.platform.normaldance.backups.archiving import RowArchive
from readiness_sandbox.platform.normaldance.backups.objects import ArchiveBucket, ObjectStoreError
from readiness_sandbox.platform.normaldance.backups.restoring import StoredBackups
from readiness_sandbox.platform.normaldance.backups.sealed import BackupKey, UnreadableBackup
from tests.builders.s3_server import ACCESS_KEY, SECRET_KEY, S3Server, needs_s3_server, s3_server
from tests.sandbox.platform.conftest import AS_ORDINARY, Postgres, founded, process, wait_for
from tests.sandbox.platform.forked import PLATFORM

pytestmark = needs_s3_server
DATABASE, KEEPER = "127.93.9.51", "127.93.9.52"
KEY = BackupKey(b"k" * 32)
BUCKET = "normaldance-backups"
OLD = "SELECT count(*) FROM requests WHERE created < now() - interval '10 h'"
PLACE = {"PGHOST": DATABASE, "PGUSER": "postgres", "PGPASSWORD": "p", "PGDATABASE": "normaldance"}
EQUAL = {"records that left requests": (True, "40, of 40 of that age"), "archived records that are equal": (True, "40")}


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """The platform's database."""
    with founded(tmp_path_factory.mktemp("database"), DATABASE, {"normaldance": "n", "readiness": "r"}) as one:
        with psycopg.connect(one.conninfo, autocommit=True) as connection:
            connection.execute("ALTER ROLE postgres PASSWORD 'p'")
        yield one


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """An object store."""
    with s3_server(tmp_path_factory.mktemp("objects")) as server:
        yield server


@contextmanager
def keeping(home: Path, store: S3Server, **env: str) -> Iterator[None]:
    """The keeper of the backups as in its pod, with rows of a predecessor in the database."""
    place, log = urlsplit(store.endpoint), home / "log"
    variables = {
        "PYTHONPATH": str(PLATFORM), "POD_IP": KEEPER, "PORT": "8019", "SCRATCH_PORT": "5433", "SCRATCH_TLS": str(home),
        "OBJECT_STORE_SERVICE_HOST": str(place.hostname), "OBJECT_STORE_SERVICE_PORT": str(place.port),
        "BACKUP_BUCKET": BUCKET, "BACKUP_ACCESS_KEY": ACCESS_KEY, "BACKUP_SECRET_KEY": SECRET_KEY,
        "BACKUP_KEY": base64.b64encode(KEY.secret).decode(), "BACKUP_TOKEN": "operators", "BACKUP_HOME": str(home / "keeper"),
        "KEEP_DAYS": "30", "KEEP_S": "43200", "ARCHIVE_EVERY_S": "3600", "BASE_EVERY_S": "3600", "DUMP_EVERY_S": "3600",
        "ARCHIVE_ROWS_S": "36000", "SEED_OLD_ROWS_S": "39600", **PLACE, **env,
    }  # fmt: skip
    with process([*AS_ORDINARY, sys.executable, "-m", "normaldance.backups.keeper"], variables, log):
        wait_for(f"http://{KEEPER}:8019/health", log)
        yield


def target_of(here: Path, database: Postgres) -> Target:
    """A target file with the lines of the part `backup`, whose role reads only."""
    (here / "token").write_text("Bearer operators", encoding="utf-8")
    (here / "dsn").write_text(f"host={DATABASE} user=readiness password=r dbname=normaldance", encoding="utf-8")
    url, program = f"http://{KEEPER}:8019/records", [sys.executable, order.__file__]
    archive = {
        "table": "requests",
        "column": "created",
        "older": "10 h",
        "archive": {"command": [*program, "POST", url, str(here / "token")]},
        "read": {"command": [*program, "GET", url, str(here / "token"), "{directory}"]},
    }
    content = {
        "name": "sandbox",
        "environment": "staging",
        "entry": "http://127.0.0.1:9",
        "database": {"dsn": {"file": str(here / "dsn")}, "archives": {"requests": archive}},
    }
    (here / "target.yaml").write_text(json.dumps(content), encoding="utf-8")
    return load_target(here / "target.yaml")


def facts_of(target: Target) -> dict[str, tuple[bool | None, str]]:
    """The outcome and the text of each fact."""
    return {one.subject: (one.ok, one.observed) for one in archived_records(target, {"archive": "requests"})()}


def archive_of(store: S3Server, secret: str = SECRET_KEY) -> RowArchive:
    """The archive as the pod has it."""
    bucket = ArchiveBucket(endpoint=store.endpoint, bucket=BUCKET, access_key=ACCESS_KEY, secret_key=secret)
    return RowArchive(store=StoredBackups(bucket=bucket, key=KEY), older_s=36_000, keep_s=43_200, age_s=39_600)


def until_old(database: Postgres) -> None:
    """Wait until rows are old enough."""
    for _ in Deadline.after(60).ticks(0.1):
        if database.rows(OLD) == [(40,)]:
            return
    raise AssertionError(database.rows(OLD))


@pytest.fixture
def target(tmp_path: Path, database: Postgres, monkeypatch: pytest.MonkeyPatch) -> Target:
    """The target, in whose environment the database is found."""
    monkeypatch.setenv("READINESS_STATE", str(tmp_path / "state"))
    for name, value in PLACE.items():
        monkeypatch.setenv(name, value)
    return target_of(tmp_path, database)


def test_every_archived_row_reads_back_as_it_was_and_again_after_the_next_archive(
    target: Target, database: Postgres, store: S3Server, tmp_path: Path
) -> None:
    """Rows come of age, leave the table for the store, and are there with those of before."""
    with keeping(tmp_path, store):
        until_old(database)
        assert facts_of(target) == EQUAL
        assert database.rows(OLD) == [(0,)]
        archive_of(store).come_of_age()
        assert facts_of(target) == EQUAL
        assert len(archive_of(store).files()) >= 2


def test_an_archive_that_leaves_out_a_column_is_seen(
    target: Target, database: Postgres, store: S3Server, tmp_path: Path
) -> None:
    """The planted defect of the release `lossy-archive`; its manifest is right."""
    with keeping(tmp_path, store, DEFECT_ARCHIVE_LEFT_OUT="answer"):
        until_old(database)
        facts = facts_of(target)
    assert facts["archived records that differ"] == (False, "40, in answer (not in the archive)")
    assert facts["archived records that are equal"] == (None, "0")


@pytest.mark.usefixtures("target")
def test_rows_that_are_to_go_are_neither_archived_nor_taken_for_old_ones(database: Postgres, store: S3Server) -> None:
    """The release `skipped-table` keeps them, and is seen by its own row."""
    archive = archive_of(store)
    with psycopg.connect(autocommit=True) as connection:
        connection.execute("INSERT INTO requests VALUES ('gone', '{}', now() - interval '13 h')")
        archive.come_of_age()
        assert database.rows(OLD) == [(41,)]
        archive.store.bucket.make({"": 30})
        archive.move()
        assert database.rows(OLD) == [(1,)]
        connection.execute("DELETE FROM requests WHERE key = 'gone'")


@pytest.mark.usefixtures("target")
def test_rows_stay_where_the_store_does_not_take_them_and_a_file_without_its_manifest_is_not_given(
    database: Postgres, store: S3Server
) -> None:
    """The table loses nothing that is not stored; nothing is given back that was changed."""
    archive = archive_of(store)
    archive.store.bucket.make({"": 30})
    archive.come_of_age()
    with pytest.raises(ObjectStoreError):
        archive_of(store, secret="no").move()
    assert database.rows(OLD) == [(40,)]
    name = archive.move()
    assert archive.move() == ""
    archive.store.bucket.put(name, KEY.seal(b"{}\n", name))
    with pytest.raises(UnreadableBackup, match="than its manifest"):
        archive.files()
    archive.store.bucket.delete(name)
