"""The newest backup with its checksum, and the rules by which backups go: in a bucket of a genuine S3 server and in a directory."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.drivers.check.backups import place
from harness.drivers.check.backups.lifecycle import expiry_facts, rules_of, version_facts
from harness.drivers.check.backups.place import backup_place, checksum_in
from harness.drivers.check.backups.retention import backup_retention
from harness.drivers.check.backups.stores import sha256_of
from harness.drivers.facts import FactReading, settled
from harness.errors import ConfigurationError
from harness.targets import Target
from harness.targets.stores.xml import xml_of
from tests.builders.s3_server import S3Server, needs_s3_server, s3_server
from tests.drivers.check.check_builders import s3_keys, shop_of

OLD, LAST, LATE = "20260131T110000Z.dump", "20260131T120000Z.dump", "20990131T120000Z.dump"
CONTENT: Final = b"PGDMP" + bytes(range(256)) * 40
DAY_S: Final = 86400.0


def sha(content: bytes) -> str:
    """The SHA-256 in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def target_of(directory: Path, section: dict[str, Any]) -> Target:
    """A target with these backups, named `database`."""
    return shop_of(directory, backups={"database": section})


def read(target: Target, place: str) -> dict[str, FactReading]:
    """The facts on the newest backup, by subject."""
    probe = backup_place(target, {"backup": "database", "place": place})
    assert callable(probe)
    return {one.subject: one for one in probe()}


def outcomes(facts: dict[str, FactReading]) -> dict[str, bool | None]:
    """Of each fact."""
    return {name: one.ok for name, one in facts.items()}


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A directory with two backups and their checksums."""
    directory = tmp_path / "backups"
    directory.mkdir()
    for name, content in ((OLD, CONTENT[:-1]), (LAST, CONTENT)):
        (directory / name).write_bytes(content)
        (directory / f"{name}.sha256").write_text(f"{sha(content)}  {name}\n", encoding="utf-8")
    return directory


SECTION: Final = {
    "at": "backups",
    "files": ["*.dump"],
    "unfinished": ["*.part"],
    "time": "%Y%m%dT%H%M%SZ",
    "checksum": {"beside": ".sha256"},
}
CHECKSUM: Final = f"checksum of {LAST}"
WELL: Final = {"newest backup": True, CHECKSUM: True}


def test_the_newest_backup_of_a_directory_has_its_checksum(store: Path) -> None:
    """As `sha256sum` wrote it; an unfinished one is none."""
    (store / "20260131T130000Z.dump.part").write_bytes(b"x")
    facts = read(target_of(store.parent, SECTION), "backups/")
    assert outcomes(facts) == WELL
    assert facts[CHECKSUM].observed == sha(CONTENT)


@pytest.mark.parametrize(
    ("spoilt", "expected"),
    [
        ({LAST: CONTENT[:100]}, {**WELL, CHECKSUM: False}),
        ({OLD: b"", LAST: b""}, {"newest backup": False}),
        ({f"{LAST}.sha256": None}, {**WELL, CHECKSUM: None}),
        ({f"{LAST}.sha256": f"{sha(b'')}  a.dump\n{sha(b'')}  b.dump\n".encode()}, {**WELL, CHECKSUM: None}),
        ({f"{LAST}.sha256": b"d41d8cd98f00b204e9800998ecf8427e"}, {**WELL, CHECKSUM: None}),
        ({"copy of the dump": b"x"}, {**WELL, "names": None}),
        (
            {LATE: CONTENT, f"{LATE}.sha256": sha(CONTENT).encode()},
            {"newest backup": True, f"checksum of {LATE}": True, "times": None},
        ),
    ],
    ids=["cut short", "empty", "no checksum", "of others", "no SHA-256", "unexplained name", "later than the store"],
)
def test_what_is_wrong_with_the_newest_backup(
    store: Path, spoilt: dict[str, bytes | None], expected: dict[str, bool | None]
) -> None:
    """Another content is proof; what nothing declares is not known, nor is a time after that of the store, whose clock differs."""
    for name, content in spoilt.items():
        if content is None:
            (store / name).unlink()
        else:
            (store / name).write_bytes(content)
    assert outcomes(read(target_of(store.parent, SECTION), "backups")) == expected


@pytest.mark.parametrize(("writes", "ok"), [(True, None), (False, False)])
def test_a_backup_that_is_being_written_is_not_decided(
    store: Path, monkeypatch: pytest.MonkeyPatch, *, writes: bool, ok: bool | None
) -> None:
    """Its content differs from the checksum of what it will be, or was; one that nobody writes to is what it is."""
    (store / LAST).write_bytes(CONTENT[::-1])

    def digested(*of: Any) -> str | None:
        digest = sha256_of(*of)
        if writes:
            (store / LAST).write_bytes(CONTENT[::-1])
            os.utime(store / LAST, (1, 1))
        return digest

    monkeypatch.setattr(place, "sha256_of", digested)
    assert outcomes(read(target_of(store.parent, SECTION), "backups")) == {**WELL, CHECKSUM: ok}


def test_a_backup_that_lies_elsewhere_is_not_where_it_is_looked_for(store: Path) -> None:
    """The place of the sentence is not that of the target file."""
    facts = read(target_of(store.parent, SECTION), "s3://shop-backups/database/")
    assert outcomes(facts) == {**WELL, "newest backup": False}
    assert facts["newest backup"].observed == f"{LAST} in backups"


def test_the_checksum_of_one_backup_proves_nothing_of_the_next(store: Path) -> None:
    """That one came while the check still waited for another fact."""
    probe = backup_place(target_of(store.parent, SECTION), {"backup": "database", "place": "backups"})
    assert callable(probe)
    (store / "x.tmp").write_bytes(b"x")
    later = store / "20260131T130000Z.dump"

    def read_then_store() -> Sequence[FactReading]:
        facts = probe()
        later.write_bytes(CONTENT[:-1])
        (store / f"{later.name}.sha256").write_text(sha(CONTENT), encoding="utf-8")
        return facts

    found = {one.subject: one.ok for one in settled(read_then_store)}
    assert found == {**WELL, f"checksum of {later.name}": False, "names": None}


def test_what_was_made_is_there(store: Path, subtests: pytest.Subtests) -> None:
    """The newest one that was made, by the time in its name; one that nobody made has no checksum."""
    for made, expected in [
        ({OLD: sha(CONTENT[:-1]), LAST: sha(CONTENT)}, {**WELL, "newest made": True}),
        ({LAST: sha(CONTENT), OLD: sha(CONTENT[:-1])}, {**WELL, "newest made": True}),
        ({LAST: sha(CONTENT), "20260131T130000Z.dump": sha(b"")}, {**WELL, "newest made": False}),
        ({LAST: sha(b"")}, {**WELL, CHECKSUM: False, "newest made": True}),
        ({OLD: sha(CONTENT[:-1])}, {**WELL, CHECKSUM: None, "newest made": True}),
        ({LAST: sha(CONTENT), "dump": sha(b"")}, {**WELL, "newest made": None}),
        ({}, {**WELL, CHECKSUM: None, "newest made": None}),
        ([LAST], {"newest backup": None}),
    ]:
        with subtests.test(made=made):
            (store.parent / "made.json").write_text(json.dumps(made), encoding="utf-8")
            section = {**SECTION, "checksum": {"made": {"file": "made.json"}}, "beside": ["*.sha256"]}
            assert outcomes(read(target_of(store.parent, section), "backups")) == expected


def test_a_command_may_print_what_was_made(store: Path, subtests: pytest.Subtests) -> None:
    """As the file does; one that fails, prints something else, or is not there decides nothing."""
    for command, expected in [
        (["echo", json.dumps({LAST: sha(CONTENT)})], {**WELL, "newest made": True}),
        (["false"], {"newest backup": None}),
        (["echo", "no"], {"newest backup": None}),
        (["nobody-has-this"], {"newest backup": None}),
    ]:
        with subtests.test(command=command):
            section = {**SECTION, "checksum": {"made": {"command": command}}, "beside": ["*.sha256"]}
            assert outcomes(read(target_of(store.parent, section), "backups")) == expected


def test_a_place_that_cannot_be_listed_and_a_name_that_is_not_there(store: Path) -> None:
    """The first is not decided; the second is an error of the target file."""
    gone = target_of(store.parent, {**SECTION, "at": "nowhere"})
    assert outcomes(read(gone, "nowhere")) == {"newest backup": None}
    for check in (backup_place, backup_retention):
        with pytest.raises(ConfigurationError, match="has no backups `cache`"):
            check(gone, {"backup": "cache", "place": "x", "keep": "7 d"})


@given(st.text(alphabet="0123456789abcdef", min_size=64, max_size=64), st.sampled_from(["  ", " *", "\t"]))
def test_the_line_of_a_backup_is_found_among_others(digest: str, between: str) -> None:
    """In text and binary mode, with a path before the name."""
    text = f"{sha(b'a')}{between}other.dump\n{digest}{between}/var/backups/{LAST}\n"
    assert checksum_in(text, f"full/{LAST}") == digest
    assert checksum_in(f"{digest}\n", LAST) == digest
    assert checksum_in("", LAST) == ""


RULES: Final = """<LifecycleConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{}</LifecycleConfiguration>"""


def rule(
    days: int | None = 30,
    prefix: str = "database/",
    *,
    status: str = "Enabled",
    more: str = "",
    old: bool = False,
    inside: str = "",
) -> str:
    """A rule in XML; `old`: with the prefix beside the filter's place."""
    chosen = f"<And><Prefix>{prefix}</Prefix>{inside}</And>" if inside else f"<Prefix>{prefix}</Prefix>"
    where = f"<Prefix>{prefix}</Prefix>" if old else f"<Filter>{chosen}</Filter>"
    expires = "" if days is None else f"<Expiration><Days>{days}</Days></Expiration>"
    return f"<Rule><ID>r{days}</ID>{where}<Status>{status}</Status>{expires}{more}</Rule>"


def earlier(days: int, more: str = "") -> str:
    """What a rule says of earlier versions."""
    return f"<NoncurrentVersionExpiration><NoncurrentDays>{days}</NoncurrentDays>{more}</NoncurrentVersionExpiration>"


ON: Final = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
LOCK: Final = (
    "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention>"
    "<Mode>COMPLIANCE</Mode><Days>{}</Days></DefaultRetention></Rule></ObjectLockConfiguration>"
)
TAG: Final = "<Tag><Key>k</Key><Value>v</Value></Tag>"
OF_GOOGLE: Final = "<Rule><Action><Delete/></Action><Condition><Age>30</Age></Condition></Rule>"
"""As Google Cloud Storage answers by the same API. Source: its XML API reference, "Get bucket lifecycle"."""
CREATED: Final = "<Expiration><CreatedBeforeDate>2026-01-31T00:00:00Z</CreatedBeforeDate></Expiration>"
WITH_VERSIONS: Final = (
    "<Expiration><Days>30</Days><ExpiredObjectAllVersions>true</ExpiredObjectAllVersions></Expiration>"
)
DATED: Final = "<Expiration><Date>2026-01-31T00:00:00Z</Date></Expiration>"


def test_the_rule_of_a_place_is_the_one_that_applies_to_all_that_lies_there(subtests: pytest.Subtests) -> None:
    """Of several the one with the fewest days; rules for a part of it are named, if they may remove backups earlier, and so are unknown ones."""
    for rules, expected in [
        ([rule()], [True]),
        ([rule(old=True)], [True]),
        ([rule(prefix="")], [True]),
        ([rule(prefix="data")], [True]),
        (
            ["<Rule><ID>all</ID><Filter/><Status>Enabled</Status><Expiration><Days>30</Days></Expiration></Rule>"],
            [True],
        ),
        ([rule(), rule(7, "")], [False]),
        ([rule(), rule(400, "")], [True]),
        ([rule(status="Disabled")], [False]),
        ([rule(prefix="cache/")], [False]),
        ([], [False]),
        ([rule(None, more=earlier(1))], [False]),
        ([rule(), rule(7, "database/full/")], [True, None]),
        ([rule(), rule(90, "database/full/")], [True]),
        ([rule(), rule(7, inside=TAG)], [True, None]),
        ([rule(inside=TAG)], [None, None]),
        ([rule(None, more=DATED)], [None, None]),
        ([rule(), rule(None, more=DATED)], [True, None]),
        ([OF_GOOGLE], [None, None]),
        ([rule(), OF_GOOGLE], [True, None]),
        ([rule(None, more=CREATED)], [None, None]),
        ([rule(None, more="<Expiration><Days>soon</Days></Expiration>")], [None, None]),
        ([rule(status="on")], [None, None]),
    ]:
        with subtests.test(rules=rules):
            found = tuple(rules_of(xml_of(RULES.format("".join(rules)).encode(), "here")))
            assert [one.ok for one in expiry_facts(found, "database/", 30 * DAY_S)] == expected


def test_in_a_bucket_with_versions_earlier_versions_go_too(subtests: pytest.Subtests) -> None:
    """Else an expired backup stays for ever, as an earlier version."""
    for rules, expected in [
        ([rule(more=earlier(1))], [True]),
        ([rule(more=earlier(30))], [True]),
        ([rule(more=earlier(31))], [False]),
        ([rule(), rule(None, "", more=earlier(1))], [True]),
        ([rule(more=earlier(1, "<NewerNoncurrentVersions>3</NewerNoncurrentVersions>"))], [False]),
        ([rule()], [False]),
        ([rule(), rule(None, "database/full/", more=earlier(1))], [None]),
        ([rule(None, more=WITH_VERSIONS)], [None]),
        ([rule(), OF_GOOGLE], [None]),
    ]:
        with subtests.test(rules=rules):
            found = tuple(rules_of(xml_of(RULES.format("".join(rules)).encode(), "here")))
            assert [one.ok for one in version_facts(found, "database/", 30 * DAY_S)] == expected


def test_a_bucket_that_makes_no_more_versions_may_have_some() -> None:
    """What was stored since then has none."""
    found = tuple(rules_of(xml_of(RULES.format(rule()).encode(), "here")))
    assert [one.ok for one in version_facts(found, "database/", 30 * DAY_S, suspended=True)] == [None]


@given(days=st.lists(st.integers(1, 400), min_size=1, max_size=5), keep=st.integers(1, 400))
def test_of_several_rules_the_one_with_the_fewest_days_counts(days: list[int], keep: int) -> None:
    """In any order."""
    found = tuple(rules_of(xml_of(RULES.format("".join(map(rule, days))).encode(), "here")))
    (one,) = expiry_facts(found, "database/", keep * DAY_S)
    assert one.ok is (min(days) == keep)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """One server for this module, with a bucket."""
    with s3_server(tmp_path_factory.mktemp("s3")) as server:
        server.ask("PUT", "shop-backups")
        yield server


def in_bucket(directory: Path, server: S3Server, **more: Any) -> Target:
    """A target whose backups are in the bucket."""
    bucket = {"at": "s3://shop-backups/database", "endpoint": server.endpoint}
    return target_of(directory, {**SECTION, **bucket, **s3_keys(directory), **more})


@needs_s3_server
def test_the_newest_backup_of_a_bucket_has_its_checksum(server: S3Server, tmp_path: Path) -> None:
    """From the file beside it, and from the metadata of the object."""
    import obstore

    store = server.store("shop-backups")
    obstore.put(store, f"database/{OLD}", b"older")
    obstore.put(store, f"database/{LAST}", CONTENT, attributes={"sha256": sha(CONTENT)})
    obstore.put(store, f"database/{LAST}.sha256", f"{sha(CONTENT)}  {LAST}\n".encode())
    place = "s3://shop-backups/database/"
    assert outcomes(read(in_bucket(tmp_path, server), place)) == WELL
    by_metadata = in_bucket(tmp_path, server, checksum={"metadata": "sha256"}, beside=["*.sha256"])
    assert outcomes(read(by_metadata, place)) == WELL
    obstore.put(store, f"database/{LAST}", CONTENT[:-1], attributes={"sha256": sha(CONTENT)})
    for target in (in_bucket(tmp_path, server), by_metadata):
        assert outcomes(read(target, place)) == {**WELL, CHECKSUM: False}


def retention(target: Target, keep: str = "30 d") -> dict[str, FactReading]:
    """The facts on the rule, by subject."""
    probe = backup_retention(target, {"backup": "database", "keep": keep})
    assert callable(probe)
    return {one.subject: one for one in probe()}


@needs_s3_server
def test_the_rule_of_a_genuine_bucket_is_read(server: S3Server, tmp_path: Path) -> None:
    """First there is none; then there is one, as it was written."""
    target = in_bucket(tmp_path, server)
    assert outcomes(retention(target)) == {"retention rule": False}
    server.ask("PUT", "shop-backups", {"lifecycle": ""}, RULES.format(rule()).encode())
    facts = retention(target)
    assert (outcomes(facts), facts["retention rule"].observed) == ({"retention rule": True}, "30 d (r30)")
    assert outcomes(retention(target, "7 d")) == {"retention rule": False}


@needs_s3_server
def test_a_bucket_with_versions_needs_a_rule_for_them(server: S3Server, tmp_path: Path) -> None:
    """As soon as it has versions."""
    server.ask("PUT", "versioned")
    server.ask("PUT", "versioned", {"lifecycle": ""}, RULES.format(rule()).encode())
    server.ask("PUT", "versioned", {"versioning": ""}, ON)
    facts = retention(in_bucket(tmp_path, server, at="s3://versioned/database"))
    assert outcomes(facts) == {"retention rule": True, "earlier versions": False}


@needs_s3_server
@pytest.mark.parametrize(("days", "ok"), [(30, True), (31, False)])
def test_a_version_that_is_locked_for_longer_is_not_removed(
    server: S3Server, tmp_path: Path, days: int, *, ok: bool
) -> None:
    """By the bucket's default: rules remove it only then."""
    server.ask("PUT", f"locked-{days}")
    server.ask("PUT", f"locked-{days}", {"versioning": ""}, ON)
    server.ask("PUT", f"locked-{days}", {"lifecycle": ""}, RULES.format(rule(more=earlier(1))).encode())
    server.ask("PUT", f"locked-{days}", {"object-lock": ""}, LOCK.format(days).encode())
    facts = retention(in_bucket(tmp_path, server, at=f"s3://locked-{days}/database"))
    assert outcomes(facts) == {"retention rule": True, "earlier versions": True, "lock of a version": ok}


def test_where_no_rule_is_read_nothing_is_decided(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """A directory has none; a server does not answer."""
    silent = {"at": "s3://shop-backups/database", "endpoint": "http://127.0.0.1:9", "within": "200 ms"}
    for more in (dict[str, str](), silent):
        with subtests.test(more=more):
            assert outcomes(retention(target_of(tmp_path, {**SECTION, **more}))) == {"retention rule": None}
