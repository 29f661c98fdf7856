"""Backups are searched for markers where they lie: archives of a genuine pg_dump, in a directory and in a bucket of a genuine S3 server."""

from __future__ import annotations

import bz2
import gzip
import lzma
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from harness import clock
from harness.drivers.check.stored.files import PlaceScan
from harness.drivers.check.stored.places import scan_place
from harness.drivers.check.stored.scanning import MarkerScan, new_marker
from harness.errors import ConfigurationError
from harness.targets import Target
from harness.targets.files.stored import StorePlace
from harness.units import NS_PER_S
from tests.builders.addresses import NET
from tests.builders.database_servers import Member, lone, postgres
from tests.builders.s3_server import needs_s3_server, s3_server
from tests.drivers.check.check_builders import s3_keys, shop_of

SECRET, CONTROL = new_marker(), new_marker()
SCAN: Final = MarkerScan({"personal": SECRET, "none": CONTROL})
ROWS: Final = 20_000


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Member]:
    """A server with a marker in the last of many rows, and another in a large object."""
    with lone(tmp_path_factory.mktemp("clear") / "data", f"{NET}237", "host all all 127.0.0.0/8 trust\n") as member:
        member.ask("CREATE TABLE many AS SELECT n, md5(n::text) AS note FROM generate_series(1, %s) n", (ROWS,))
        member.ask("INSERT INTO many VALUES (0, %s)", (SECRET,))
        member.ask("CREATE TABLE none (n int)")
        member.ask("SELECT lo_from_bytea(0, convert_to(repeat('x', 100000) || %s, 'UTF8'))", (CONTROL,))
        yield member


def dumped(database: Member, file: Path, *words: str) -> Path:
    """An archive of pg_dump, which cannot go back in what it writes to a pipe, and not in a file to which it is appended."""
    command = postgres("pg_dump", "-Fc", "-d", database.dsn, *(word for word in words if word != ">>"))
    if ">>" in words:
        with file.open("ab") as stream:
            subprocess.run(command, check=True, stdout=stream)
    elif "-f" not in words:
        file.write_bytes(subprocess.run(command, check=True, capture_output=True).stdout)
    else:
        subprocess.run([*command, str(file)], check=True, capture_output=True)
    return file


def target_of(directory: Path, **section: Any) -> Target:
    """A target with these backups."""
    (directory / "backups").mkdir(exist_ok=True)
    database = {"at": "backups", "files": ["*.dump"], "beside": ["*.sha256"], **section}
    return shop_of(directory, backups={"database": database})


def searched(target: Target, within_s: float = 120.0, **place: Any) -> PlaceScan:
    """What is found in the backups."""
    store = StorePlace.model_validate({"kind": "backup", "backups": "database", **place})
    return scan_place(target, store, SCAN, clock.Deadline.after(within_s))


@pytest.mark.parametrize("words", [("-Z0",), ("-Zgzip:1",), ("-Zgzip:9", "-f"), ("-Z0", "-f"), ("-Zgzip:1", ">>")])
def test_every_row_and_large_object_of_an_archive_is_searched(
    database: Member, tmp_path: Path, words: tuple[str, ...]
) -> None:
    """Packed or not, written to a file or to a pipe."""
    target = target_of(tmp_path)
    dumped(database, tmp_path / "backups" / "a.dump", *words)
    seen = searched(target)
    assert (seen.times("personal") > 0, seen.times("none") > 0, seen.problems) == (True, True, {})
    assert [*seen.found] == ["backups/a.dump"]


def test_an_archive_that_is_not_read_as_a_whole_is_named(database: Member, tmp_path: Path) -> None:
    """One that is cut short, one that is packed in another way, one of another form, and one that is packed once more."""
    target = target_of(tmp_path)
    whole = dumped(database, tmp_path / "whole", "-Zgzip:1").read_bytes()
    zstd = bytearray(whole)
    zstd[11] = 3
    other = bytearray(whole)
    other[10] = 4
    spoilt = {"1": whole[:-1], "2": bytes(zstd), "3": bytes(other), "4": gzip.compress(whole)}
    for name, content in spoilt.items():
        (tmp_path / "backups" / f"{name}.dump").write_bytes(content)
    problems = {names[0]: why.partition(":")[0] for why, names in searched(target).problems.items()}
    assert problems == {
        "backups/1.dump": "an archive of pg_dump whose blocks were not found",
        "backups/2.dump": "an archive of pg_dump packed with zstd",
        "backups/3.dump": "an archive of pg_dump of an unknown form",
        "backups/4.dump": "packed more than once",
    }


def test_what_only_belongs_to_a_backup_need_not_begin_as_one(tmp_path: Path) -> None:
    """It is searched all the same; the place is as new as its newest backup."""
    target = target_of(tmp_path)
    (tmp_path / "backups" / "a.dump").write_bytes(b"sealed" + bytes(range(256)))
    (tmp_path / "backups" / "a.dump.sha256").write_text(f"abc {CONTROL}")
    seen = searched(target, begins="sealed")
    assert (seen.files, seen.times("none"), seen.wrong, seen.problems) == (2, 1, [], {})
    assert abs(seen.newest_ns - (tmp_path / "backups" / "a.dump").stat().st_mtime_ns) < NS_PER_S
    (tmp_path / "backups" / "b.dump").write_bytes(b"clear")
    assert searched(target, begins="sealed").wrong == ["backups/b.dump"]


def test_a_begin_of_an_encrypted_file_before_a_packed_one_is_named(database: Member, tmp_path: Path) -> None:
    """What is packed is not searched as it is, and what is encrypted holds no packed file; random bytes do not look like one."""
    target, place = target_of(tmp_path), tmp_path / "backups"
    dump = dumped(database, tmp_path / "dump", "-Zgzip:1").read_bytes()
    for number, packed in enumerate((gzip.compress(dump), bz2.compress(b"x"), lzma.compress(b"x"), dump)):
        (place / f"{number}.dump").write_bytes(b"sealed with nothing\n" * 20 + packed)
    (place / "right.dump").write_bytes(b"sealed" + random.Random(1).randbytes(100_000))
    seen = searched(target, begins="sealed")
    ((words, names),) = seen.problems.items()
    assert names == [f"backups/{number}.dump" for number in range(4)]
    assert "a packed file follows its declared begin, so it is not encrypted as that says" in words


def test_a_place_that_cannot_be_listed_or_not_in_time_is_named(tmp_path: Path) -> None:
    """Nothing of it was read."""
    target = target_of(tmp_path)
    (tmp_path / "backups" / "a.dump").write_bytes(b"x")
    assert [*searched(target, 0.0).problems] == ["not read as a whole within the time of `encryption.within`"]
    (gone,) = searched(target_of(tmp_path, at="nowhere")).problems
    assert "the directory cannot be listed" in gone
    with pytest.raises(ConfigurationError, match="has no backups `cache`"):
        searched(target, backups="cache")


def test_only_what_is_encrypted_as_a_whole_is_proven_without_the_control() -> None:
    """A form that is not known here may hide a marker."""
    plain = {"kind": "backup", "backups": "database"}
    assert StorePlace.model_validate(plain).proven_by == "control"
    assert StorePlace.model_validate({**plain, "begins": "sealed"}).proven_by == "fresh"
    with pytest.raises(ValueError, match="one of `files`, `command`, `pods` and `backups`"):
        StorePlace.model_validate({**plain, "files": ("a",)})


@needs_s3_server
def test_every_object_of_a_bucket_is_searched(database: Member, tmp_path: Path) -> None:
    """Below the prefix alone; the newest one is as old as the store says."""
    with s3_server(tmp_path / "objects") as server:
        server.ask("PUT", "shop")
        archive = dumped(database, tmp_path / "dump", "-Zgzip:1").read_bytes()
        for name, content in (("db/a.dump", b"sealed"), ("db/b.dump", archive), ("other/c.dump", CONTROL.encode())):
            server.ask("PUT", f"shop/{name}", body=content)
        target = target_of(tmp_path, at="s3://shop/db", endpoint=server.endpoint, **s3_keys(tmp_path))
        seen = searched(target, begins="sealed")
    assert [*seen.found] == ["s3://shop/db/b.dump"]
    assert (seen.times("personal"), seen.files, seen.wrong) == (1, 2, ["s3://shop/db/b.dump"])
    age_s = (clock.wall_ns(clock.wall()) - seen.newest_ns) / NS_PER_S
    assert 0 <= age_s < 30
