"""Snapshots of genuine clusters of Redis and Valkey, read by a server of their own: whole, cut short, of two primaries, old, late, and of another product."""

from __future__ import annotations

import secrets
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from redis import Redis

from harness import clock
from harness.drivers.check.cache import scratch
from harness.drivers.check.cache.restored import KeysAround, key_fact, restored_cache
from harness.drivers.check.cache.scratch import ScratchCache, SnapshotUnread, fetch_snapshot
from harness.drivers.facts import FactReading
from harness.errors import ConfigurationError, DriverError
from harness.targets import Target
from harness.targets.caches import CacheAddress, key_in
from harness.targets.files.cache import CacheServer
from harness.targets.safety.intents import pending_intents
from harness.targets.safety.platform import platform_of
from harness.targets.undo import undo_now
from tests.builders.addresses import NET
from tests.builders.cache_servers import CacheProcess, cache, clustered, program
from tests.drivers.check.check_builders import killed, secret
from tests.drivers.check.test_check_cache import target_of

HOSTS = [f"{NET}{number}" for number in range(11, 17)]
SAVE = """
import pathlib, shutil, sys
from redis import Redis
store, *homes = sys.argv[1:]
for home in homes:
    host = pathlib.Path(home).name
    with Redis(host) as client:
        client.execute_command("SAVE")
    shutil.copyfile(f"{home}/dump.rdb", f"{store}/{host}.rdb")
"""


@pytest.fixture(params=["redis-server", "valkey-server"], scope="module")
def product(request: pytest.FixtureRequest) -> str:
    """The program of a product."""
    return program(str(request.param))


@pytest.fixture(scope="module")
def cluster(product: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, list[CacheProcess]]]:
    """Three primaries with a hundred keys and more, every third of which expires, and three replicas."""
    home = tmp_path_factory.mktemp("cluster")
    with clustered(product, home, HOSTS) as servers:
        for one in servers[:3]:
            for number in range(100):
                one.ask("SET", key_of(one, "song:"), "x", *(("EX", 600) if number % 3 == 0 else ()))
            one.client.set(key_of(one, ":").encode() + b"\xff", b"\xfe")
        yield home, servers


def key_of(one: CacheProcess, prefix: str) -> str:
    """A new key in the first slot of a primary."""
    slot = one.ask("CLUSTER NODES")[f"{one.host}:6379"]["slots"][0][0]
    return key_in(int(slot), secrets.token_hex(8)).replace("readiness:", prefix)


class Snapshots:
    """A drill whose commands are right."""

    def __init__(self, here: Path, home: Path, servers: list[CacheProcess], program: str) -> None:
        self.here, self.servers, self.program = here, servers, program
        (here / "store").mkdir()
        (here / "save.py").write_text(SAVE, encoding="utf-8")
        homes = [str(home / one.host) for one in servers[:3]]
        self.make = [sys.executable, str(here / "save.py"), str(here / "store"), *homes]
        self.fetch = "cp {store}/* {{directory}}"
        self.within = "60 s"
        self.server: dict[str, Any] = {"at": servers[4].url}

    def run(self) -> None:
        """Make a snapshot."""
        subprocess.run(self.make, check=True)

    def target(self, **more: Any) -> Target:
        """The target file."""
        drill = {
            "server": "eu",
            "make": {"command": self.make},
            "fetch": {"command": ["sh", "-c", self.fetch.format(store=self.here / "store")]},
            "program": self.program,
            "within": self.within,
            **more,
        }
        return target_of(self.here, self.server, cache={"snapshots": {"cache": drill}})

    def facts(self) -> list[FactReading]:
        """The facts; afterwards nothing is left, on this machine or in the cache."""
        target = self.target()
        try:
            return [*restored_cache(target, {"snapshots": "cache"})()]
        finally:
            assert not [*pending_intents(platform_of(target))]
            assert not [*Path(tempfile.gettempdir()).glob("readiness-*")]
            for one in self.servers[:3]:
                assert one.ask("KEYS", "readiness:*") == []


@pytest.fixture
def snapshots(
    product: str, cluster: tuple[Path, list[CacheProcess]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Snapshots]:
    """One that is right; its directories have short names, as a socket's path is short."""
    with tempfile.TemporaryDirectory(prefix="rc-", dir="/tmp") as short:
        monkeypatch.setattr(tempfile, "tempdir", short)
        yield Snapshots(tmp_path, *cluster, product)


def test_a_snapshot_has_every_key_of_its_moment(snapshots: Snapshots) -> None:
    """Of each primary, those that expire later and those that never do, also a key that is not text."""
    found = snapshots.facts()
    assert [(one.subject, one.observed, one.ok) for one in found] == [
        (f"keys of {host}:6379", "102 there", True) for host in HOSTS[:3]
    ]
    assert {one.expected for one in found} == {"102, all there"}


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        ("truncate -s 20 {{directory}}/*11.rdb", "Short read"),
        ("truncate -s 0 {{directory}}/*11.rdb", "Short read"),
        ("truncate -s $(($(stat -c %s {store}/*11.rdb) - 4)) {{directory}}/*11.rdb", "Short read"),
        ("printf X | dd of=$(ls {{directory}}/*11.rdb) bs=1 seek=1500 conv=notrunc status=none", ""),
    ],
    ids=["its begin", "empty", "within its checksum", "a changed byte"],
)
def test_a_file_that_is_cut_short_or_changed_fails(snapshots: Snapshots, spoil: str, said: str) -> None:
    """The server refuses it, and the keys of the other two primaries are there."""
    snapshots.fetch += f" && {spoil}"
    file, *keys = snapshots.facts()
    assert (file.subject, file.ok) == (f"file {HOSTS[0]}.rdb", False)
    assert file.observed.startswith(said)
    assert [one.ok for one in keys] == [None, True, True]
    assert keys[0].observed.endswith("and a file of the snapshot was not read")


def test_a_snapshot_of_two_of_three_primaries_fails(snapshots: Snapshots) -> None:
    """The keys of the third are missing, and the key of the harness shows that they were there."""
    snapshots.fetch += " && rm {{directory}}/*12.rdb"
    assert [(one.observed, one.ok) for one in snapshots.facts()] == [
        ("102 there", True),
        ("none there: the snapshot is an older one, or is not of this primary", False),
        ("102 there", True),
    ]


def test_an_older_snapshot_fails(snapshots: Snapshots) -> None:
    """It lacks the key that was written right before the new one was made, though it has all others."""
    snapshots.run()
    older = snapshots.here / "older"
    (snapshots.here / "store").rename(older)
    (snapshots.here / "store").mkdir()
    snapshots.fetch = f"cp {older}/* {{{{directory}}}}"
    assert {(one.observed, one.ok) for one in snapshots.facts()} == {
        ("101 there; 1 missing, of which 1 were there all the time", False)
    }


def test_a_key_that_a_snapshot_leaves_out_fails_if_nobody_used_it(snapshots: Snapshots) -> None:
    """A key that was read a moment ago may have been written again meanwhile: that decides nothing."""
    one = snapshots.servers[0]
    quiet, used = key_of(one, "quiet:"), key_of(one, "used:")
    for name in (quiet, used):
        one.ask("SET", name, "x")
    with Redis(one.host) as client:
        content = client.execute_command("DUMP", quiet)
        client.execute_command("RESTORE", quiet, 0, content, "REPLACE", "IDLETIME", 1000)
    save = (snapshots.here / "save.py").read_text(encoding="utf-8")

    def without(name: str) -> list[FactReading]:
        """Take the key away while the snapshot is made, as it was before afterwards."""
        text = save.replace(
            'client.execute_command("SAVE")',
            f"content = client.execute_command('DUMP', {name!r}) if host == {one.host!r} else None\n"
            f"        content and client.delete({name!r})\n        client.execute_command('SAVE')\n"
            f"        content and client.execute_command('RESTORE', {name!r}, 0, content, 'IDLETIME', {1000 if name == quiet else 0})",
        )
        (snapshots.here / "save.py").write_text(text, encoding="utf-8")
        return snapshots.facts()

    try:
        first = without(used)[0]
        assert (first.expected, first.observed, first.ok) == (
            "104, all there",
            "103 there; 1 missing, which were used meanwhile and may have been removed and written again",
            None,
        )
        first = without(quiet)[0]
        assert (first.observed, first.ok) == ("103 there; 1 missing, of which 1 were there all the time", False)
    finally:
        one.ask("DEL", quiet, used)


def test_expired_keys_are_not_missing(snapshots: Snapshots) -> None:
    """A key that expires before the snapshot is read is not looked for."""
    one = snapshots.servers[1]
    one.ask("SET", key_of(one, "short:"), "x", "PX", 1500)
    snapshots.fetch += " && sleep 1.6"
    assert [(one.observed, one.ok) for one in snapshots.facts()] == [("102 there", True)] * 3


def test_a_later_snapshot_decides_nothing(snapshots: Snapshots) -> None:
    """What is fetched was made after the order was done, so it shows nothing of the one that was ordered."""
    snapshots.fetch = f"{' '.join(snapshots.make)} && {snapshots.fetch}"
    found = snapshots.facts()
    assert {one.ok for one in found} == {None}
    assert "so a later one was read" in found[0].observed


def test_a_fetch_that_fails_fails_and_one_that_was_not_tried_or_brings_nothing_decides_nothing(
    snapshots: Snapshots,
) -> None:
    """So does one that hangs, and a snapshot that could not be made."""
    right = snapshots.fetch
    snapshots.fetch += " && exit 3"
    assert [(one.observed, one.ok) for one in snapshots.facts()] == [("`sh` ended with 3", False)]
    snapshots.fetch = "exit 75 # {{directory}}"
    with pytest.raises(DriverError, match="could not be run"):
        snapshots.facts()
    snapshots.fetch = "true {{directory}}"
    assert {one.ok for one in snapshots.facts()} == {None}
    snapshots.fetch, snapshots.within = "sleep 60 # {{directory}}", "3 s"
    assert [one.ok for one in snapshots.facts()] == [None]
    snapshots.fetch, snapshots.make = right, ["false"]
    with pytest.raises(DriverError, match="ended with 1"):
        snapshots.facts()


def test_a_file_of_another_version_and_a_program_that_is_not_there_decide_nothing(snapshots: Snapshots) -> None:
    """The message names the program that is needed."""
    snapshots.fetch += " && sed -i '1s/^REDIS..../REDIS9999/; 1s/^VALKEY.../VALKEY999/' {{directory}}/*11.rdb"
    file, *keys = snapshots.facts()
    assert file.ok is None
    assert file.observed.startswith("Can't handle RDB format version 999")
    assert "name the program of the cache's own version" in file.observed
    assert [one.ok for one in keys] == [None, True, True]
    with pytest.raises(DriverError, match=r"nowhere-server: not found on this machine"):
        restored_cache(snapshots.target(program="nowhere-server"), {"snapshots": "cache"})()


def test_keys_of_a_module_that_the_program_lacks_decide_nothing(product: str, tmp_path: Path) -> None:
    """The file is whole: a type that a module has defined is in it. Source of the form: `src/rdb.c`, `moduleTypeEncodeId` of `src/module.c`."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    number = 0
    for letter in "ReJSON-RL":
        number = number << 6 | letters.index(letter)
    value = b"\x81" + (number << 10 | 3).to_bytes(8) + b"\x05\x02{}\x00"
    directory = tmp_path / "scratch"
    scratch = ScratchCache(program=product, directory=directory, server=CacheServer(at="redis://x"), within_s=30.0)
    scratch.make()
    file = scratch.files / "of-a-module.rdb"
    file.write_bytes(b"REDIS0009\xfe\x00\x07\x03doc" + value + b"\xff" + bytes(8))
    with (
        pytest.raises(SnapshotUnread, match=r"(?s)no matching module type 'ReJSON-RL'.*--loadmodule") as caught,
        scratch.reading(file),
    ):
        pass
    assert not caught.value.decides


def test_a_directory_whose_path_is_too_long_for_a_socket_is_refused(product: str, tmp_path: Path) -> None:
    """The message names what to set."""
    directory = tmp_path / ("x" * 120)
    scratch = ScratchCache(program=product, directory=directory, server=CacheServer(at="redis://x"), within_s=30.0)
    with pytest.raises(DriverError, match=r"(?s)too long for the socket of a server.*set TMPDIR"):
        scratch.make()
    assert not directory.exists()


def test_a_cache_without_a_cluster_is_restored_too(product: str, snapshots: Snapshots, tmp_path: Path) -> None:
    """Keys of the database that the address names are compared, by a user with the rights that the page says."""
    with cache(product, tmp_path / f"{NET}19", f"{NET}19") as lone:
        lone.ask("SET", "elsewhere", "x")
        rights = ["%R~*", "~readiness:*", "+info", "+cluster|nodes", "+set", "+del", "+scan", "+pexpiretime"]
        lone.ask("ACL", "SETUSER", "reader", "on", ">secret", *rights, "+object|idletime", "+select")
        snapshots.make[3:] = [str(tmp_path / f"{NET}19")]
        snapshots.server = {"at": f"{lone.url}/3", "user": "reader", "password": secret(tmp_path, "secret", "secret")}
        assert [(one.observed, one.ok) for one in snapshots.facts()] == [("1 there", True)]


def test_a_snapshot_that_may_be_larger_than_the_disk_is_refused_before_it_is_made(
    snapshots: Snapshots, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A `fetch` that fails for it would say that the snapshot cannot be restored."""
    monkeypatch.setattr("harness.drivers.check.cache.restored.shutil.disk_usage", lambda _: SimpleNamespace(free=1000))
    snapshots.make = ["touch", str(snapshots.here / "made")]
    with pytest.raises(DriverError, match=r"MiB are free, and a snapshot may take .* MiB: nothing was made"):
        snapshots.facts()
    assert not (snapshots.here / "made").exists()


def test_what_a_killed_run_leaves_is_removed_by_its_undo(product: str, snapshots: Snapshots) -> None:
    """The server ends and its directory goes; a second undo finds nothing to do."""
    snapshots.run()
    target, directory = snapshots.target(), Path(tempfile.gettempdir()) / "readiness-left"
    intents = [fetch_snapshot.intend(platform_of(target), "check", "read", directory=str(directory)) for _ in range(2)]
    directory.mkdir()
    scratch = ScratchCache(program=product, directory=directory, server=CacheServer(at="redis://x"), within_s=30.0)
    scratch.files.mkdir()
    subprocess.run(["cp", str(snapshots.here / "store" / f"{HOSTS[0]}.rdb"), str(scratch.files)], check=True)

    def read() -> None:
        with scratch.reading(scratch.fetched()[0]):
            (directory / "reads").touch()
            clock.sleep(60.0)

    killed(read, directory / "reads")
    assert stat.S_ISSOCK((directory / "socket").stat().st_mode)
    undo_now(None, target, *intents)
    assert not directory.exists()
    assert not [*pending_intents(platform_of(target))]


def test_a_target_without_consent_or_with_a_wrong_section_is_refused(snapshots: Snapshots) -> None:
    """The directory must be in the command, the server in the file, and keys allowed."""
    snapshots.fetch = "true"
    with pytest.raises(ConfigurationError, match=r"`fetch` with `\{directory\}`"):
        snapshots.target()
    snapshots.fetch = "true {{directory}}"
    with pytest.raises(ConfigurationError, match=r"snapshots\.cache\.server` with names of `servers`: unknown is `us`"):
        snapshots.target(server="us")
    with pytest.raises(ConfigurationError, match="has no snapshots `sessions`"):
        restored_cache(snapshots.target(), {"snapshots": "sessions"})


AT = CacheAddress("cache", 6379)


def test_only_what_was_there_all_the_time_and_is_not_expired_is_held_against_a_snapshot() -> None:
    """At 50 ms; `m` is the harness's own key, without which there is no proof that the snapshot is this one. A key that was written again expires at another time."""

    def ok(kept: dict[bytes, int], *restored: bytes) -> bool | None:
        one = KeysAround(at=AT, before=kept, after={**kept, b"new": -1}, marker=b"m", late=b"late")
        return key_fact(one, dict.fromkeys(restored, -1), 50.0, frozenset(), known=True).ok

    two = {b"m": 100, b"a": -1}
    assert (ok(two, b"m", b"a"), ok(two, b"m"), ok(two, b"a")) == (True, None, False)
    assert ok({b"m": 100, b"a": 40}, b"m") is True
    assert (ok({b"m": 40, b"a": -1}, b"a"), ok({b"a": -1}, b"a"), ok({}, b"a")) == (None, None, None)
    assert ok({b"m": 100}, b"m", b"late") is None
    one = KeysAround(at=AT, before={b"m": 100, b"a": 70}, after={b"m": 100, b"a": 90}, marker=b"m", late=b"late")
    assert key_fact(one, {b"m": 100}, 50.0, frozenset(), known=True).ok is True


@pytest.mark.parametrize(
    ("said", "decides"),
    [
        ("Internal error in RDB reading offset 9, function at rdb.c:1: Unknown RDB encoding type 202", False),
        ("Internal error in RDB reading offset 9, function at rdb.c:1: Wrong size", True),
        ("Short read or OOM loading DB", True),
    ],
)
def test_an_encoding_of_another_product_says_nothing_of_a_file(tmp_path: Path, said: str, *, decides: bool) -> None:
    """The server does not know it; a part that is missing or wrong is a broken file."""
    (tmp_path / "log").write_text(f"1:M 31 Jan 2026 12:00:00.000 # {said}\n")
    assert scratch._unread(tmp_path / "log", "dump.rdb").decides is decides
