"""Places in which data is stored, each with one trap: nothing is passed over in silence, and no search is without end."""

from __future__ import annotations

import errno
import glob
import gzip
import hashlib
import json
import lzma
import os
import threading
import zipfile
import zlib
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from harness import clock
from harness.drivers.check.secrets import ages
from harness.drivers.check.stored.ciphers import EncryptedValue, ValueReader
from harness.drivers.check.stored.files import PlaceScan
from harness.drivers.check.stored.in_clear import markers_in_clear
from harness.drivers.check.stored.places import scan_place
from harness.drivers.check.stored.scanning import MarkerScan, new_marker
from harness.drivers.facts import FactReading
from harness.targets import Target
from harness.targets.files.stored import KeyObject, StorePlace
from harness.targets.kubernetes import Cluster
from tests.builders.http_servers import serving
from tests.drivers.check.check_builders import Answers, shop_of

SECRET, CONTROL = new_marker(), new_marker()
SCAN = MarkerScan({"personal": SECRET, "none": CONTROL})


@pytest.fixture
def target(tmp_path: Path) -> Target:
    """A target without anything."""
    return shop_of(tmp_path)


def searched(target: Target, within_s: float = 10.0, **place: Any) -> PlaceScan:
    """What is found in a place."""
    return scan_place(target, StorePlace.model_validate(place), SCAN, clock.Deadline.after(within_s))


def test_an_archive_is_unpacked_also_where_a_part_of_it_is_in_clear(target: Target, tmp_path: Path) -> None:
    """The control is stored as it is, the secret is compressed."""
    with zipfile.ZipFile(tmp_path / "dump.zip", "w") as archive:
        archive.writestr("1", CONTROL, zipfile.ZIP_STORED)
        archive.writestr("2", SECRET * 20, zipfile.ZIP_DEFLATED)
    seen = searched(target, files=(str(tmp_path / "dump.zip"),))
    assert seen.times("personal") == 20
    assert not seen.problems


def test_an_archive_that_is_cut_off_is_named_also_where_something_was_found(target: Target, tmp_path: Path) -> None:
    """The rest of it was not read; what cannot be compressed is found as it is and unpacked."""
    packed = gzip.compress(CONTROL.encode() + os.urandom(200_000) + SECRET.encode())
    (tmp_path / "dump.gz").write_bytes(packed[:100_000])
    seen = searched(target, files=(str(tmp_path / "dump.gz"),))
    assert (seen.times("none"), seen.times("personal")) == (2, 0)
    assert [*seen.problems] == ["it begins like a compressed file and could not be unpacked as a whole"]


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_without_end_is_searched_until_the_deadline(target: Target, tmp_path: Path, *, packed: bool) -> None:
    """A terabyte of nothing, and a small archive with much of it."""
    if packed:
        (tmp_path / "big").write_bytes(gzip.compress(bytes(1 << 24)) * 2000)
    else:
        (tmp_path / "big").touch()
        os.truncate(tmp_path / "big", 1 << 40)
    began_s = clock.now_s()
    seen = searched(target, 0.3, files=(str(tmp_path / "big"),))
    assert clock.now_s() - began_s < 5
    assert [*seen.problems] == ["not read as a whole within the time of `encryption.within`"]


def test_a_command_that_closes_its_output_and_goes_on_is_ended(target: Target) -> None:
    """At the deadline."""
    seen = searched(target, 0.3, command=("sh", "-c", "echo; exec >&-; while :; do :; done"))
    assert [*seen.problems] == ["it did not end within the time of `encryption.within`"]


def test_what_is_gone_since_it_was_listed_is_passed_over_and_what_is_named_is_not(
    target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database removes files all the time; a socket in its directory holds nothing."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "kept").write_text(CONTROL)
    (tmp_path / "data" / "link").symlink_to(tmp_path / "data" / "link")
    os.mkfifo(tmp_path / "data" / "pipe")
    listed = [*(tmp_path / "data").iterdir(), tmp_path / "data" / "gone"]
    monkeypatch.setattr(Path, "iterdir", lambda self: iter(listed))
    seen = searched(target, files=(str(tmp_path / "data"),))
    assert (seen.files, seen.times("none"), seen.problems) == (1, 1, {})
    named = searched(target, files=(str(tmp_path / "data" / "pipe"), str(tmp_path / "gone")))
    assert [why.partition(":")[0] for why in named.problems] == [
        "it is neither a file nor a directory",
        "No such file or directory",
    ]


def test_a_pattern_names_what_it_names_to_everybody(target: Target, tmp_path: Path, subtests: pytest.Subtests) -> None:
    """As `glob` of Python, hidden files too."""
    for name in ("x.log", "a/x.log", "a/b/x.log", "a/b/y.txt", "a/c/x.log", ".hidden/x.log"):
        (tmp_path / "logs" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "logs" / name).write_text(CONTROL)
    (tmp_path / "logs" / "loop").symlink_to(tmp_path / "logs")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "z.log").write_text(CONTROL)
    (tmp_path / "logs" / "app").symlink_to(tmp_path / "other")
    for pattern in [
        "*", "*.log", "a/*", "a/*.log", "*/*.log", "**", "**/*.log", "a/**", "a/**/*.log", "a/[bc]/x.log", ".h*/*", "n*",
    ]:  # fmt: skip
        with subtests.test(pattern):
            whole = str(tmp_path / "logs" / pattern)
            named = {Path(one) for one in glob.glob(whole, recursive=True, include_hidden=True)}  # noqa: PTH207
            below = {each for one in named for each in ([one] if one.is_file() else Path(one).resolve().rglob("*"))}
            found = {one.resolve() for one in below if one.is_file()}
            assert searched(target, files=(whole,)).files == len(found)


def test_a_directory_that_may_not_be_listed_is_named(
    target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have what the pattern names; and so is one in which nothing may be looked up."""
    for name in ("open/x.log", "shut/x.log"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(CONTROL)
    scandir, lstat, shut = os.scandir, Path.lstat, tmp_path / "shut"

    def refused(place: Path) -> Any:
        if Path(place) == shut:
            raise PermissionError(errno.EACCES, "Permission denied", str(place))
        return scandir(place)

    def unseen(self: Path) -> os.stat_result:
        if self.parent == shut:
            raise PermissionError(errno.EACCES, "Permission denied", str(self))
        return lstat(self)

    monkeypatch.setattr(os, "scandir", refused)
    seen = searched(target, files=(str(tmp_path / "*" / "*.log"),))
    assert (seen.files, [*seen.problems.values()]) == (1, [[str(shut)]])
    monkeypatch.setattr(Path, "lstat", unseen)
    seen = searched(target, files=(str(tmp_path / "*" / "x.log"),))
    assert (seen.files, [*seen.problems.values()]) == (1, [[str(shut)]])


@pytest.mark.parametrize("name", ["~nobody-of-this-name/x", "x\0", "y" * 300])
def test_a_name_that_no_file_has_is_named(target: Target, name: str) -> None:
    """And ends nothing."""
    seen = searched(target, files=(name,))
    assert seen.files == 0
    assert any(named.endswith(name[-100:]) for each in seen.problems.values() for named in each)


def test_an_empty_file_is_no_proof(target: Target, tmp_path: Path) -> None:
    """A dump that failed leaves one."""
    (tmp_path / "new.age").touch()
    assert searched(target, files=(str(tmp_path / "new.age"),)).newest_ns == 0


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (lzma.compress(b"a", lzma.FORMAT_ALONE), "compressed with lzma"),
        (zlib.compress(b"a"), "compressed with zlib"),
        (zlib.compress(b"a", 1), "compressed with zlib"),
        (b"\x50\x2a\x4d\x18\4\0\0\0", "compressed with zstd or lz4"),
    ],
)
def test_what_is_packed_in_another_form_is_named(target: Target, tmp_path: Path, content: bytes, said: str) -> None:
    """It is not searched unpacked."""
    (tmp_path / "dump").write_bytes(content)
    (why,) = searched(target, files=(str(tmp_path / "dump"),)).problems
    assert why.startswith(said)


def test_the_begin_of_a_file_is_of_bytes() -> None:
    """An expression that is one of texts alone is refused."""
    with pytest.raises(ValidationError, match="a regular expression of bytes"):
        StorePlace.model_validate({"kind": "backup", "files": ("x",), "begins": "\\u0041ge"})


def test_random_bytes_are_no_message_of_openpgp() -> None:
    """Of forty thousand hashes two begin like the packet of a session key; none has behind it what follows one."""
    reader = ValueReader({})
    hashes = (hashlib.sha256(str(n).encode()).digest() for n in range(40_000, 80_000))
    assert [one for one in hashes if reader.read(one) is not None] == []
    message = bytes.fromhex("c30d04090302") + bytes(9) + bytes.fromhex("d23601")
    assert reader.read(message) == EncryptedValue("OpenPGP", "AES-256")


class _People(Answers, BaseHTTPRequestHandler):
    """Keeps what is written in memory, and writes it to files as `keeps` says, by the path."""

    keeps: Mapping[str, Any]
    known: dict[str, bytes]

    def do_POST(self) -> None:
        body = self.sent()
        self.known[f"{self.path}/{json.loads(body)['name']}"] = body
        self.keeps[self.path](body.decode())
        self.say(201, {})

    def do_GET(self) -> None:
        self.say(200, self.known[self.path])


@pytest.fixture
def written(tmp_path: Path) -> Any:
    """Facts of a search, of an API that keeps what is written in the ways of `keeps`."""

    def facts(keeps: Mapping[str, Any], **place: Any) -> dict[str, FactReading]:
        writes = [
            {
                "operation": f"POST {path}",
                "body": {"name": "test-{none}", "email": "{personal}"},
                "read": f"GET {path}/test-{{none}}",
            }
            for path in keeps
        ]
        own = type("_Own", (_People,), {"keeps": keeps, "known": {}})
        with serving(own) as url:
            encryption = {"writes": writes, "stores": {"data": place}, "within": "4 s"}
            target = shop_of(tmp_path, entry=url, disposable=True, encryption=encryption)
            probe = markers_in_clear(target, {"kind": place.get("kind", "database"), "class": "personal"})
            return {one.subject: one for one in probe()}

    return facts


def test_the_control_of_one_write_proves_nothing_of_another(written: Any, tmp_path: Path) -> None:
    """The orders are kept somewhere else, perhaps in clear; without a `remove` both are said to stay."""
    names = lambda body: (tmp_path / "data").write_text(json.loads(body)["name"])  # noqa: E731
    elsewhere = (tmp_path / "elsewhere").write_text
    found = written({"/people": names, "/orders": elsewhere}, files=[str(tmp_path / "data")])
    said = "status 201, read back; it stays on the platform, as no `remove` is named"
    assert (found["write POST /people"].observed, found["data"].ok) == (said, True)
    fact = found["write POST /orders: where it is stored"]
    assert (fact.ok, fact.observed.partition(":")[0]) == (None, "in none")


def test_a_marker_that_a_second_search_does_not_find_was_there(written: Any, tmp_path: Path) -> None:
    """The log has the secret, no control, and is emptied after the first search."""
    log = tmp_path / "api.log"
    timers: list[threading.Timer] = []

    def emptied(body: str) -> None:
        log.write_text(json.loads(body)["email"])
        timers.append(threading.Timer(0.8, log.write_text, [""]))
        timers[-1].start()

    found = written({"/people": emptied}, kind="log", files=[str(log)], proof="control")
    timers[0].join()
    assert found["data"].ok is False


def test_a_log_that_is_written_late_is_searched_again(written: Any, tmp_path: Path) -> None:
    """Another file of the directory is newer than the write at once."""
    (tmp_path / "logs").mkdir()
    timers: list[threading.Timer] = []

    def late(body: str) -> None:
        (tmp_path / "logs" / "access.log").write_text("POST /people")
        timers.append(threading.Timer(1.0, (tmp_path / "logs" / "api.log").write_text, [body]))
        timers[-1].start()

    found = written({"/people": late}, kind="log", files=[str(tmp_path / "logs")])
    timers[0].join()
    assert found["data"].ok is False


def test_an_object_without_a_time_is_unknown(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key whose annotation or condition is missing is not left out."""

    class _Cluster:
        def objects(self, *_: object) -> list[Any]:
            ready = {"type": "Ready", "lastTransitionTime": clock.wall_text()}
            return [
                {"metadata": {"name": "new"}, "status": {"conditions": [ready]}},
                {"metadata": {"name": "old"}, "status": {"conditions": []}},
            ]

    monkeypatch.setattr(Cluster, "of", lambda _: _Cluster())
    place = KeyObject(
        version="v1", kind="Key", namespace="shop", time='.status.conditions[?(@.type=="Ready")].lastTransitionTime'
    )
    assert [value is not None for _, value in ages._of_objects(target, place)] == [True, False]
