"""The section `backups` of a target file: what is refused, and what an object's name says."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import clock
from harness.errors import ConfigurationError
from harness.targets import load_target
from harness.targets.files.backups import BackupStore
from harness.targets.stores.listing import ObjectKind, StoredObject, named_ns, newest, recognised

HEAD = "name: shop\nenvironment: staging\nentry: https://shop.example.test\nbackups:\n  database: "
RESOURCES = "resources: {kind: backups.postgresql.cnpg.io, namespace: shop, of: main}"
FORM = "%Y%m%dT%H%M%SZ"
STORE = BackupStore(
    at="s3://shop-backups/database",
    files=("*.dump",),
    beside=("*.sha256",),
    unfinished=("*.part", "tmp/*"),
    time=FORM,
    verified=".verified",
)


def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """File, line and key, and what is expected there."""
    for section, words in [
        ("{at: s3://B/x, files: ['*.dump']}", "a directory, or the address of a bucket"),
        ("{at: https://b/x, files: ['*.dump']}", "a directory, or the address of a bucket"),
        ("{at: s3://backups/x}", "`files`, the names of finished backups"),
        ("{at: s3://backups/x, files: []}", "files"),
        ("{at: /b, files: ['*'], region: eu}", "only a bucket has an endpoint"),
        ("{at: /b, files: ['*'], checksum: {metadata: sha256}}", "files have no metadata"),
        ("{at: /b, files: ['*'], checksum: {}}", "one of `beside`, `metadata` and `made`"),
        ("{at: /b, files: ['*'], checksum: {made: {}}}", "one of `file` and `command`"),
        ("{at: s3://backups/x, files: ['*'], access_key: {env: A}}", "together, or neither"),
        ("{at: /b, files: ['*'], time: '%H%M'}", "a form like `%Y%m%dT%H%M%SZ`"),
        ("{at: /b, files: ['*'], time: '%Y-%m-%d'}", "a form like"),
        ("{at: /b, files: ['*'], time: '%Y%m%d%H%p'}", "a form like"),
        ("{at: /b, files: ['*'], time: '%Y%m%d%H%H'}", "each of its directives once"),
        ("{at: /b, files: ['*'], time: '%Y%m%d%H%'}", "a form like"),
        ("{at: /b, files: ['*'], time: '%Y%m%dT%H%M%S+0200'}", "an offset or a name of a zone is not read"),
        ("{at: /b, files: ['*'], time: '%Y%m%dT%H%M%SCET'}", "an offset or a name of a zone is not read"),
        ("{at: /b, files: ['*'], checksum: {beside: '*.sha256'}}", "an ending such as `.sha256` in `beside`"),
        ("{at: s3://backups/x, files: ['*'], checksum: {metadata: X-Amz-Meta-sha256}}", "without `x-amz-meta-`"),
        ("{at: /b, files: ['*'], read_every: 0.1 s}", "read_every"),
        ("{at: /b, files: ['*'], removed_within: soon}", "a time like `1 d`"),
        ("{at: /b, files: ['*'], before_migrations: true}", "a migration needs a backup that was verified"),
        ("{at: /b, files: ['*'], filez: ['*']}", "`filez`"),
        ("{files: ['*']}", "one of `at` and `resources`"),
        (f"{{at: /b, files: ['*'], {RESOURCES}}}", "one of `at` and `resources`"),
        (f"{{files: ['*'], {RESOURCES}}}", "without the keys on names"),
        (f"{{endpoint: 'https://s3.example.test', {RESOURCES}}}", "only a bucket has an endpoint"),
        ("{resources: {kind: backups, namespace: shop, of: main}}", "backups.velero.io"),
        (f"{{{RESOURCES}}}", "the target names no cluster"),
    ]:
        with subtests.test(section):
            file = tmp_path / "target.yaml"
            file.write_text(HEAD + section, encoding="utf-8")
            with pytest.raises(ConfigurationError) as refused:
                load_target(file)
            assert words in str(refused.value)
            assert f"{file}:5" in str(refused.value)


def test_one_kind_of_backups_is_needed_by_migrations(tmp_path: Path) -> None:
    """Of two nobody would know which of them a migration lacked."""
    file, section = tmp_path / "target.yaml", "{at: /b, files: ['*'], verified: .ok, before_migrations: true}"
    file.write_text(HEAD + section, encoding="utf-8")
    assert load_target(file).migration_backup == "database"
    file.write_text(f"{HEAD}{section}\n  other: {section}", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="a migration needs `database` already"):
        load_target(file)


def test_bucket_and_prefix_are_parts_of_the_address() -> None:
    """A prefix ends with `/`, so that `database-old/` is another place."""
    assert (STORE.bucket, STORE.prefix, STORE.in_bucket) == ("shop-backups", "database/", True)
    assert BackupStore(at="s3://shop-backups/", files=("*",)).prefix == ""
    assert not BackupStore(at="backups", files=("*",)).in_bucket


def stored(name: str, size: int = 9, modified: str = "2026-01-31T12:00:30+00:00") -> StoredObject:
    """An object that was uploaded then."""
    at = clock.wall_ns(datetime.fromisoformat(modified))
    return StoredObject(name=name, size=size, modified_ns=at, tag="t")


def test_what_an_object_is(subtests: pytest.Subtests) -> None:
    """A name without a time, with an impossible one or with two is not guessed at; the empty object that consoles make for a directory is nothing."""
    assert list(recognised(STORE, [stored("", 0), stored("full/", 0)])) == []
    for name, size, kind in [
        ("20260131T120000Z.dump", 9, ObjectKind.BACKUP),
        ("full/20260131T120000Z.dump", 9, ObjectKind.BACKUP),
        ("20260131T120000Z.dump", 0, ObjectKind.EMPTY),
        ("20260131T120000Z.dump.sha256", 9, ObjectKind.BESIDE),
        ("20260131T120000Z.dump.verified", 0, ObjectKind.VERIFICATION),
        ("20260131T120000Z.dump.part", 9, ObjectKind.UNFINISHED),
        ("tmp/20260131T120000Z.dump", 9, ObjectKind.UNFINISHED),
        ("20260131T120000Z.dump.gz", 9, ObjectKind.UNKNOWN),
        ("newest.dump", 9, ObjectKind.UNKNOWN),
        ("20261331T120000Z.dump", 9, ObjectKind.UNKNOWN),
        ("120260131T120000Z.dump", 9, ObjectKind.UNKNOWN),
        ("20260131T120000Z-20260130T120000Z.dump", 9, ObjectKind.UNKNOWN),
    ]:
        with subtests.test(name=name, size=size):
            (one,) = recognised(STORE, [stored(name, size)])
            assert one.kind is kind


def test_a_time_with_a_zone_is_read_with_it_and_else_not_at_all(subtests: pytest.Subtests) -> None:
    """Two hours make an old backup young, and a young one old."""
    for form, name, time in [
        ("%Y%m%dT%H%M%S", "20260131T120000+0200.dump", None),
        ("%Y%m%dT%H%M%S", "20260131T120000-05:00.dump", None),
        ("%Y%m%dT%H%M%S", "20260131T120000CET.dump", None),
        ("%Y%m%dT%H%M%S", "20260131T120000 +0530.dump", None),
        ("%Y%m%dT%H%M%S", "20260131T120000Z.dump", "12:00"),
        ("%Y%m%dT%H%M%S", "20260131T120000UTC.dump", "12:00"),
        ("%Y%m%dT%H%M%S", "20260131T120000-0007.dump", "12:00"),
        ("%Y%m%dT%H%M%S", "20260131T120000-full.dump", "12:00"),
        ("%Y%m%dT%H%M%S", "20260131T120000_CEST.dump", None),
        ("%Y%m%dT%H%M%S", "20260131T120000-EST.dump", None),
        ("%Y%m%dT%H%M%S", "20260131T120000.DUMP", "12:00"),
        ("%Y%m%dT%H%M%S", "20260131T120000_FULL.dump", "12:00"),
        ("%Y%m%dT%H%M%SUTC", "20260131T120000UTC.dump", "12:00"),
        ("%Y%m%dT%H%M%S%z", "20260131T120000+0200.dump", "10:00"),
        ("%Y%m%dT%H%M%S%z", "20260131T120000-05:30.dump", "17:30"),
        ("%Y%m%dT%H%M%S%z", "20260131T120000Z.dump", "12:00"),
        ("%Y%m%dT%H%M%S%z", "20260131T120000.dump", None),
    ]:
        with subtests.test(form=form, name=name):
            expected = None if time is None else clock.wall_ns(datetime.fromisoformat(f"2026-01-31T{time}:00+00:00"))
            assert named_ns(form, name) == expected
            assert BackupStore(at="backups", files=("*",), time=form).time == form


def test_the_newest_backup_is_the_one_whose_state_was_saved_last() -> None:
    """By the time in its name, not by the time of its upload; a name that is later than its upload is marked."""
    found = list(
        recognised(
            STORE,
            [
                stored("20260131T120000Z.dump"),
                stored("20260131T110000Z.dump", modified="2026-01-31T13:00:00+00:00"),
                stored("20260131T130000Z.dump", 0),
            ],
        )
    )
    last = newest(found)
    assert last is not None
    assert (last.stored.name, [one.early for one in found]) == ("20260131T120000Z.dump", [False, False, False])
    (ahead,) = recognised(STORE, [stored("20260131T120036Z.dump")])
    assert ahead.early


@given(st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - hypothesis wants them so
def test_the_time_in_a_name_is_read_as_it_was_written(at: datetime) -> None:
    """To the second, in UTC."""
    at = at.replace(microsecond=0)
    assert named_ns(FORM, f"shop-{at.strftime(FORM)}.dump") == clock.wall_ns(at)
