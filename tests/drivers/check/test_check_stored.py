"""Encryption at rest, on a genuine PostgreSQL with values of pgcrypto, joserfc and cryptography, and one spoilt column at a time."""

from __future__ import annotations

import gzip
import json
import secrets
import shlex
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import psycopg
import pytest
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from harness.drivers.check.stored.columns import columns_classified
from harness.drivers.check.stored.encrypted import cipher_of_values
from harness.drivers.check.stored.in_clear import classified_and_hidden, markers_and_ciphers, markers_in_clear
from harness.drivers.facts import FactReading
from harness.errors import ConfigurationError, DriverError
from harness.targets import Target
from harness.targets.files.requests import SignIn
from tests.builders.addresses import NET
from tests.builders.database_servers import Member, lone, postgres
from tests.builders.http_servers import serving
from tests.drivers.check.check_builders import Answers, secret, shop_of

PASSPHRASE = secrets.token_urlsafe(24)
TABLE = "CREATE EXTENSION pgcrypto; CREATE TABLE people (name text PRIMARY KEY, email bytea, note text, born date)"
CLASSES = {"people": {"name": "none", "email": "personal", "note": "none", "born": "none"}}
AES_256, AES_128 = "cipher-algo=aes256", "cipher-algo=aes128"
SCAN = {"kind": "", "class": ""}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Member]:
    """A PostgreSQL of its own, with the table of people."""
    access = "host all all 127.0.0.0/8 trust\n"
    with lone(tmp_path_factory.mktemp("stored") / "data", f"{NET}211", access) as member:
        member.ask(TABLE)
        yield member


@pytest.fixture
def database(server: Member) -> Member:
    """The same, with an empty table and no file of an earlier test's rows."""
    server.ask("DROP TABLE IF EXISTS people, letters")
    server.ask(TABLE.partition(";")[2])
    return server


class _People(Answers, BaseHTTPRequestHandler):
    """An API that keeps people in the table: `POST /people`, `GET` and `DELETE /people/NAME`.

    Attributes:
        dsn: of the database. cipher: options of pgp_sym_encrypt; empty: the address is stored in clear.
        forgets: accepts a person and does not keep it.
        token: that a call must have, and that `POST /sessions` gives; empty: none.
    """

    dsn = ""
    cipher = AES_256
    forgets = False
    token = ""
    log: Path | None = None

    def do_POST(self) -> None:
        body = json.loads(self.sent())
        if self.path == "/sessions":
            return self.say(201, {"token": self.token})
        if self.token and self.headers.get("authorization") != f"Bearer {self.token}":
            return self.say(401, {})
        value = "pgp_sym_encrypt(%s, %s, %s)" if self.cipher else "convert_to(%s, 'UTF8')"
        values = [body["email"], PASSPHRASE, self.cipher] if self.cipher else [body["email"]]
        if self.headers.get("x-key", "right") != "right":
            return self.say(401, {})
        if self.log is not None:
            self.log.write_text(f"POST /people {body['email'] if not self.cipher else body['name']}\n")
        if not self.forgets:
            self.ask(
                "INSERT INTO people (name, email) VALUES (%s, STORED)".replace("STORED", value), [body["name"], *values]
            )
        return self.say(201, {})

    def do_GET(self) -> None:
        email = "pgp_sym_decrypt(email, %s)" if self.cipher else "convert_from(email, 'UTF8')"
        name = unquote(self.path.rpartition("/")[2])
        rows = self.ask(
            "SELECT name, EMAIL FROM people WHERE name = %s".replace("EMAIL", email),
            [*([PASSPHRASE] if self.cipher else []), name],
        )
        self.say(200 if rows else 404, {"name": rows[0][0], "email": rows[0][1]} if rows else {})

    def do_DELETE(self) -> None:
        if self.token and self.headers.get("authorization") != f"Bearer {self.token}":
            return self.say(401, {})
        self.ask("DELETE FROM people WHERE name = %s", [unquote(self.path.rpartition("/")[2])])
        return self.say(204)

    def ask(self, query: str, values: Sequence[object]) -> list[Any]:
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            cursor = connection.execute(query.encode(), values)
            return cursor.fetchall() if cursor.description else []


WRITE = {
    "operation": "POST /people",
    "body": {"name": "test-{none}", "email": "{personal}@example.test"},
    "read": "GET /people/test-{none}",
    "remove": "DELETE /people/test-{none}",
}


def described(
    tmp_path: Path, database: Member, entry: str = "http://127.0.0.1:9", backups: Any = None, **keys: Any
) -> Target:
    """The target file of a plain service with this database; `keys` are those of `encryption`."""
    return shop_of(
        tmp_path,
        entry=entry,
        may_write=[{"operations": "POST /people"}, {"operations": "DELETE /people/*"}],
        database={"dsn": secret(tmp_path, "dsn", database.dsn)},
        encryption={"columns": CLASSES, "within": "4 s", **keys},
        **({"backups": backups} if backups else {}),
    )


def stores(database: Member) -> dict[str, Any]:
    """The directories of PostgreSQL's data files and of its write-ahead log."""
    return {
        "stores": {"data": {"files": [str(database.data / "base")]}, "wal": {"files": [str(database.data / "pg_wal")]}},
        "writes": [WRITE],
        "flush": {"sql": "CHECKPOINT"},
    }


def scanned(target: Target, **params: str) -> dict[str, FactReading]:
    """Facts of the scan by subject."""
    return {one.subject: one for one in markers_in_clear(target, {**SCAN, **params})()}


def outcome(facts: dict[str, FactReading] | Sequence[FactReading]) -> bool | None:
    """What facts together say."""
    each = [one.ok for one in (facts.values() if isinstance(facts, dict) else facts)]
    return False if False in each else None if None in each or not each else True


def served(database: Member, **has: Any) -> type[_People]:
    """The API with these traits."""
    return type("_Served", (_People,), {"dsn": database.dsn, **has})


def test_an_address_in_clear_is_found_in_the_data_files_and_in_the_log(database: Member, tmp_path: Path) -> None:
    """Each file is named."""
    with serving(served(database, cipher="")) as url:
        facts = scanned(described(tmp_path, database, url, **stores(database)))
    bad = {name.partition(":")[0] for name, one in facts.items() if one.ok is False and ":" in name}
    assert bad == {"data", "wal"}
    assert facts["data"].ok is False
    assert {one.observed.partition(",")[0] for name, one in facts.items() if ": " in name} == {
        "the marker of class personal in clear"
    }


def test_without_the_control_the_scan_proves_nothing(database: Member, tmp_path: Path) -> None:
    """A directory that the database does not write to, and one that is not there; nor after a flush that is refused."""
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "1").write_text("nothing of it")
    keys = {**stores(database), "stores": {"data": {"files": [str(tmp_path / "other"), str(tmp_path / "gone")]}}}
    keys["flush"] = {"command": ["false"]}
    with serving(served(database)) as url:
        facts = scanned(described(tmp_path, database, url, **(keys | {"within": "1 s"})))
    assert facts["data"].ok is None
    assert "the control was not found, so the scan proves nothing" in facts["data"].observed
    assert "No such file or directory" in facts[f"data: {tmp_path / 'gone'}"].observed
    assert (facts["flush"].observed, facts["flush"].ok) == ("`false` ended with exit code 1", None)
    assert outcome(facts) is None


@pytest.mark.parametrize(
    ("has", "header", "said"),
    [
        ({}, {"x-key": "wrong"}, "refused with status 401, so no marker was stored"),
        ({"forgets": True}, {}, "without the marker of class"),
    ],
    ids=["refused", "forgotten"],
)
def test_a_write_that_is_not_there_proves_nothing(
    database: Member, tmp_path: Path, has: dict[str, Any], header: dict[str, str], said: str
) -> None:
    """Nothing is searched for."""
    write = {**WRITE, "headers": {name: secret(tmp_path, "key", value) for name, value in header.items()}}
    with serving(served(database, **has)) as url:
        [fact] = scanned(described(tmp_path, database, url, **(stores(database) | {"writes": [write]}))).values()
    assert fact.ok is None
    assert said in fact.observed


def test_a_marker_is_written_by_a_user_who_signs_in_for_it(database: Member, tmp_path: Path) -> None:
    """With the token of the sign-in it is written, read back and removed, and without one refused. What pgcrypto encrypted is found nowhere, its name in both places."""
    password = secret(tmp_path, "password", "pw")
    sign_in = {"path": "/sessions", "user": "test-{n}", "users": 1, "password": password}
    with serving(served(database, token="fresh")) as url:
        target = described(tmp_path, database, url, **(stores(database) | {"writes": [{**WRITE, "by": "user"}]}))
        facts = scanned(target.model_copy(update={"sign_in": SignIn.model_validate(sign_in)}))
        with pytest.raises(DriverError, match="got status 401"):
            scanned(described(tmp_path, database, url, **stores(database)))
    assert {name: one.ok for name, one in facts.items()} == {"write POST /people": True, "data": True, "wal": True}
    assert "none with a marker; the control was found" in facts["wal"].observed
    with psycopg.connect(database.dsn) as connection:
        assert connection.execute("SELECT count(*) FROM people").fetchone() == (0,)


def test_a_dump_is_searched_unpacked_and_an_encrypted_one_must_begin_as_declared(
    database: Member, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    """A dump in clear has the control too, which one that is encrypted as a whole must not have; an old one in another form proves nothing."""
    log, dump = tmp_path / "api.log", tmp_path / "people.dump"
    place = {"kind": "backup", "files": [str(dump)], "begins": "age-encryption"}
    for how, ok, said in [
        (f"cp {log} {dump}", False, "the marker of class none in clear"),
        (f"gzip -c {log} > {dump}", False, "the marker of class none in clear"),
        (f"printf age-encryption.org/v1 > {dump}", True, "a file is newer than the write"),
        ("true", None, "it begins otherwise"),
    ]:
        with subtests.test(how), serving(served(database, log=log)) as url:
            dump.write_bytes(gzip.compress(b"an old dump"))
            keys = {**stores(database), "stores": {"dumps": place}, "flush": {"command": ["sh", "-c", how]}}
            facts = scanned(described(tmp_path, database, url, **(keys | {"within": "1 s"})), kind="backup")
            assert outcome(facts) is ok
            assert any(said in one.observed for one in facts.values())


def test_backups_are_searched_where_they_lie_after_a_new_one_was_made(database: Member, tmp_path: Path) -> None:
    """The address is encrypted in the database, so it is in no backup in clear, or it is not; without the new backup nothing is proven."""
    file = tmp_path / "backups" / "people.dump"
    file.parent.mkdir()
    make = ["sh", "-c", f"{shlex.join(postgres('pg_dump', '-Fc', '-d', database.dsn))} > {file}"]

    def searched(make: list[str], **has: Any) -> dict[str, FactReading]:
        place = {"kind": "backup", "backups": "database", "make": make}
        keys = {**stores(database), "stores": {"dumps": place}, "within": "4 s"}
        with serving(served(database, **has)) as url:
            lie = {"database": {"at": "backups", "files": ["*.dump"]}}
            return scanned(described(tmp_path, database, url, backups=lie, **keys), kind="backup")

    assert outcome(searched(make)) is True
    facts = searched(make, cipher="")
    assert facts["dumps: backups/people.dump"].ok is False
    assert "the marker of class personal in hex" in facts["dumps: backups/people.dump"].observed
    assert outcome(searched([])) is None
    assert searched(["false"])["dumps: make"].observed == "`false` ended with exit code 1"


def test_an_address_in_a_log_is_found(database: Member, tmp_path: Path) -> None:
    """And a log without it, written since, is clean."""
    log = tmp_path / "api.log"
    keys = {**stores(database), "stores": {"api": {"kind": "log", "files": [str(log)]}}}
    for cipher, ok in ((AES_256, True), ("", False)):
        with serving(served(database, cipher=cipher, log=log)) as url:
            assert outcome(scanned(described(tmp_path, database, url, **keys), kind="log")) is ok


def test_the_output_of_a_command_is_searched(database: Member, tmp_path: Path) -> None:
    """And a command that fails, or that is not there, is named."""
    tar = {"data": {"command": ["tar", "c", str(database.data / "base")]}}
    with serving(served(database)) as url:
        assert outcome(scanned(described(tmp_path, database, url, **(stores(database) | {"stores": tar})))) is True
        for command, said in ((["false"], "exit code 1"), (["no-such-command"], "No such file")):
            keys = stores(database) | {"stores": {"data": {"command": command}}, "within": "1 s"}
            facts = scanned(described(tmp_path, database, url, **keys))
            assert facts["data"].ok is None
            assert any(said in one.observed for one in facts.values())


def test_a_write_needs_consent_and_a_marker(database: Member, tmp_path: Path) -> None:
    """Each is refused before anything is written."""
    target = described(tmp_path, database, **stores(database)).model_copy(update={"may_write": ()})
    with pytest.raises(ConfigurationError, match="`POST /people` writes, and `may_write` does not allow it"):
        markers_in_clear(target, SCAN)
    target = described(tmp_path, database, **stores(database))
    with pytest.raises(ConfigurationError, match="no write has a marker of class `financial`"):
        markers_in_clear(target, {"kind": "", "class": "financial"})
    with pytest.raises(ConfigurationError, match="`secret` is an unknown class of data"):
        markers_in_clear(target, {"kind": "", "class": "secret"})
    with pytest.raises(ConfigurationError, match="names no place of kind `log`"):
        markers_in_clear(target, {"kind": "log", "class": ""})
    with pytest.raises(ConfigurationError, match="a write with "):
        described(tmp_path, database, writes=[{"operation": "POST /people", "read": "GET /people"}])
    with pytest.raises(ConfigurationError, match="one of `files`, `command`, `pods` and `backups`"):
        described(tmp_path, database, stores={"data": {"kind": "log"}})


def test_every_column_is_classified_or_named(database: Member, tmp_path: Path) -> None:
    """A new column without a class, and a personal one that is gone."""
    target = described(tmp_path, database)
    [fact] = columns_classified(target)()
    assert (fact.ok, fact.observed) == (True, "4 columns: 1 personal, 3 none")
    database.ask("ALTER TABLE people ADD mail text")
    facts = columns_classified(target)()
    assert [(one.subject, one.ok) for one in facts] == [("people.mail", False), ("columns of the database", False)]
    database.ask("ALTER TABLE people DROP mail, DROP email")
    facts = columns_classified(target)()
    assert [(one.subject, one.ok) for one in facts] == [("people.email", None), ("columns of the database", True)]


def test_both_halves_of_a_sentence_are_asked(database: Member, tmp_path: Path) -> None:
    """A column without a class fails where no marker is in clear; a value of AES-128 too."""
    with serving(served(database)) as url:
        target = described(tmp_path, database, url, **stores(database))
        assert outcome(classified_and_hidden(target, {"class": "personal"})()) is True
        database.ask("INSERT INTO people (name, email) VALUES ('a', pgp_sym_encrypt('a', 'b', 'cipher-algo=aes256'))")
        assert outcome(markers_and_ciphers(target, {"cipher": "AES-256"})()) is True
        database.ask("UPDATE people SET email = pgp_sym_encrypt('a', 'b', 'cipher-algo=aes128')")
        assert outcome(markers_and_ciphers(target, {"cipher": "AES-256"})()) is False
        database.ask("ALTER TABLE people ADD mail text")
        assert outcome(classified_and_hidden(target, {"class": "personal"})()) is False


def test_a_file_of_classes_is_refused_where_it_names_another_class(database: Member, tmp_path: Path) -> None:
    """With file and line."""
    (tmp_path / "columns.yaml").write_text("people:\n  name: none\n  email: private\n")
    with pytest.raises(ConfigurationError, match="`private` is an unknown class of a column") as raised:
        columns_classified(described(tmp_path, database, columns="columns.yaml"))
    assert "columns.yaml:3" in raised.value.where


def jwe(enc: str, bits: int) -> str:
    """A compact JWE of joserfc."""
    jose = pytest.importorskip("joserfc.jwe")
    key = pytest.importorskip("joserfc.jwk").OctKey.generate_key(bits)
    return str(jose.encrypt_compact({"alg": "dir", "enc": enc}, b"a@example.test", key))


def envelope(bits: int) -> str:
    """A value as services of one's own write it: key and cipher in front."""
    sealed = AESGCM(AESGCM.generate_key(bits)).encrypt(b"0" * 12, b"a@example.test", None)
    return f"enc:k7:AES-{bits}-GCM:{urlsafe_b64encode(sealed).decode()}"


@pytest.mark.parametrize(
    ("value", "cipher"),
    [
        (lambda: jwe("A256GCM", 256), ""),
        (lambda: jwe("A128GCM", 128), "A128GCM"),
        (lambda: jwe("A256CBC-HS512", 512), ""),
        (lambda: Fernet(Fernet.generate_key()).encrypt(b"a@example.test").decode(), "AES-128-CBC"),
        (lambda: envelope(256), ""),
        (lambda: envelope(192), "AES-192-GCM"),
    ],
)
def test_the_cipher_of_each_value_is_told_by_its_format(
    database: Member, tmp_path: Path, value: Any, cipher: str
) -> None:
    """Of joserfc, of cryptography, and of a declared format, in a text column."""
    database.ask("CREATE TABLE letters (id int, sender text)")
    database.ask("INSERT INTO letters SELECT n, %s FROM generate_series(1, 5) n", (value(),))
    formats = {"own": {"pattern": r"enc:(?P<key>k\d+):(?P<cipher>[A-Z0-9-]+):"}}
    classes = {**CLASSES, "letters": {"id": "none", "sender": "personal"}}
    database.ask("INSERT INTO people VALUES ('a', pgp_sym_encrypt('a', 'b', 'cipher-algo=aes256'), 'no secret', now())")
    facts = cipher_of_values(described(tmp_path, database, columns=classes, formats=formats), {"cipher": "AES-256"})()
    assert outcome(facts) is (not cipher)
    if cipher:
        assert next(one for one in facts if one.ok is False).observed.startswith(f"5 of 5 values name {cipher}")


@pytest.mark.parametrize(
    ("statement", "ok", "said"),
    [
        (f"pgp_sym_encrypt('a', 'b', '{AES_256}')", True, "1 of 1 values"),
        (f"pgp_sym_encrypt('a', 'b', '{AES_128}')", False, "1 of 1 values name AES-128 (OpenPGP)"),
        ("convert_to('a@example.test', 'UTF8')", None, "1 of 1: declare their format"),
        ("NULL", None, "no value"),
        (f"pgp_sym_encrypt('a', 'b', 'sess-key=1, s2k-{AES_256}, {AES_128}')", None, "names no cipher"),
        (f"pgp_sym_encrypt('a', 'b', 's2k-mode=0, {AES_256}')", True, "1 of 1 values"),
        (f"pgp_sym_encrypt('a', 'b', 's2k-mode=1, {AES_128}')", False, "1 of 1 values name AES-128"),
    ],
)
def test_the_cipher_of_pgcrypto_is_read_from_the_packet(
    database: Member, tmp_path: Path, statement: str, said: str, *, ok: bool | None
) -> None:
    """Another cipher fails; what is in clear, and a column without values, prove nothing."""
    database.ask("INSERT INTO people (name, email) VALUES ('a', STORED)".replace("STORED", statement))
    facts = cipher_of_values(described(tmp_path, database), {"cipher": "AES-256"})()
    assert outcome(facts) is ok
    assert any(said in one.observed for one in facts)


@pytest.mark.parametrize(
    ("type_", "made", "ok"),
    [
        ("text", "{armored}", False),
        ("text[]", "ARRAY[NULL, {armored}]", False),
        ("text[][]", "ARRAY[ARRAY['a', {armored}]]", False),
        ("bytea[]", "ARRAY[{sealed}]", False),
        ("sealed", "{sealed}", False),
        ("sealed[]", "ARRAY[{sealed}]::sealed[]", False),
        ("notes", "ARRAY[{armored}]", False),
        ("xml", "xmlelement(name a, {armored})", None),
        ("json", "to_json({armored})", False),
        ("jsonb", "to_jsonb({armored})", False),
        ("letter", "ROW({armored})::letter", None),
        ("letter[]", "ARRAY[ROW({armored})::letter]", None),
        ("uuid", "gen_random_uuid()", True),
        ("int[]", "'{{1, 2}}'", True),
        ("int4range", "'[1, 2)'", True),
        ("jsonb", "'[1, 2]'", True),
    ],
)
def test_a_column_of_any_type_is_read_or_named(
    database: Member, tmp_path: Path, type_: str, made: str, *, ok: bool | None
) -> None:
    """In a column that is not personal too, in arrays, domains and JSON; one of a type that may hold text and is not read is unknown."""
    sealed = f"pgp_sym_encrypt('x', 'b', '{AES_128}')"
    for one in ("DOMAIN sealed AS bytea", "DOMAIN notes AS text[]", "TYPE letter AS (body text)"):
        kind, name = one.split()[:2]
        database.ask(f"DROP {kind} IF EXISTS {name} CASCADE")
        database.ask(f"CREATE {one}")
    database.ask(f"CREATE TABLE letters (body {type_})")
    made = made.format(sealed=sealed, armored=f"armor({sealed})")
    database.ask("INSERT INTO letters VALUES (MADE)".replace("MADE", made))
    good = f"pgp_sym_encrypt('a', 'b', '{AES_256}')"
    database.ask("INSERT INTO people (name, email) VALUES ('a', GOOD)".replace("GOOD", good))
    facts = cipher_of_values(described(tmp_path, database), {"cipher": "AES-256"})()
    assert outcome(facts) is ok
    if ok is not True:
        assert next(one.subject for one in facts if one.ok is ok).startswith("letters.body")


def test_of_a_large_table_the_number_of_values_that_were_read_is_said(
    database: Member, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The result is unknown."""
    monkeypatch.setattr("harness.drivers.check.stored.encrypted.MOST_VALUES", 100)
    database.ask(
        "INSERT INTO people SELECT n::text, pgp_sym_encrypt('a', 'b', 'cipher-algo=aes256'), NULL, NULL FROM generate_series(1, 200) n"
    )
    facts = cipher_of_values(described(tmp_path, database), {"cipher": "AES-256"})()
    assert outcome(facts) is None
    assert any(one.observed == "100 were read, and there are more" for one in facts)


def test_a_table_that_may_not_be_read_is_named(database: Member, tmp_path: Path) -> None:
    """The others are read."""
    database.ask("DROP ROLE IF EXISTS guest")
    database.ask("CREATE ROLE guest LOGIN")
    target = described(tmp_path, database)
    (tmp_path / "dsn").write_text(database.dsn.replace("user=tester", "user=guest"))
    facts = cipher_of_values(target, {"cipher": "AES-256"})()
    assert any("permission denied for table people" in one.observed for one in facts)
    assert outcome(facts) is None
    database.ask("DROP ROLE guest")


def test_a_removal_that_fails_is_said_and_stays_in_the_undo_log(database: Member, tmp_path: Path) -> None:
    """The person must be removed by hand."""
    api = served(database, do_DELETE=lambda self: self.say(405, {}))
    with serving(api) as url, pytest.raises(DriverError, match="got status 405"):
        scanned(described(tmp_path, database, url, **stores(database)))
    assert [*(tmp_path / "state").rglob("*.json")]
