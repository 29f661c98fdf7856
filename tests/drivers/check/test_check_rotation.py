"""A database password is rotated on a genuine PostgreSQL under two genuine clients, of which one may read its password only once."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, cast

import psycopg
import pytest

from harness import clock
from harness.drivers.check.claim import RUN
from harness.drivers.check.secrets import rotation
from harness.drivers.check.secrets.ages import key_ages
from harness.drivers.check.secrets.rotation import RotationSeen, secret_rotation
from harness.drivers.check.secrets.tries import LET_IN, REFUSED, SecretInUse, current, tried
from harness.drivers.check.secrets.turns import rotation_of, take_turn
from harness.drivers.facts import FactReading
from harness.errors import ConfigurationError, DriverError
from harness.targets import Target
from harness.targets.files.reference import Reference
from tests.builders.addresses import NET
from tests.builders.database_servers import Member, lone
from tests.builders.http_servers import answering, serving
from tests.drivers.check.check_builders import Answers, secret, shop_of

STORE = '''
"""The store of the secret: two roles take turns, as with alternating users of a secrets manager."""
import os, pathlib, secrets, sys, time
import psycopg
dsn, file, what = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]

def write(user, password):
    new = file.with_suffix(".new")
    new.write_text(user + chr(10) + password)
    new.replace(file)

with psycopg.connect(dsn, autocommit=True) as connection:
    if what == "undo":
        connection.execute("ALTER ROLE app_a LOGIN")
        connection.execute("ALTER ROLE app_b LOGIN")
        pathlib.Path(str(file) + ".undone").touch()
        raise SystemExit
    old = file.read_text().split()[0]
    new = "app_b" if old == "app_a" else "app_a"
    password = secrets.token_urlsafe(18)
    connection.execute(f"ALTER ROLE {new} LOGIN PASSWORD '{password}'")
    if what == "halfway":
        raise SystemExit(3)
    write(new, password)
    time.sleep(1.0)
    if what != "lenient":
        connection.execute(f"ALTER ROLE {old} NOLOGIN")
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", [old])
'''
SESSIONS = "SELECT application_name, backend_start, usename FROM pg_stat_activity WHERE usename LIKE 'app\\_%'"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Member]:
    """A PostgreSQL in which two roles have passwords."""
    access = "host all tester 127.0.0.0/8 trust\nhost all all 127.0.0.0/8 scram-sha-256\n"
    with lone(tmp_path_factory.mktemp("rotated") / "data", f"{NET}212", access) as member:
        member.ask("CREATE ROLE app_a LOGIN PASSWORD 'first-password-of-all'")
        member.ask("CREATE ROLE app_b NOLOGIN PASSWORD 'a-password-of-nobody'")
        yield member


@contextmanager
def client(service: str, member: Member, file: Path, *, rereads: bool) -> Iterator[str]:
    """A service with one kept connection: it reads its password again where the file has changed, or never."""
    lock, held = threading.Lock(), dict[str, Any]()

    def connect() -> None:
        user, password = file.read_text().split() if rereads or "first" not in held else held["first"]
        held.setdefault("first", (user, password))
        if "connection" in held:
            held["connection"].close()
        held["read"] = (user, password)
        address = f"host={member.address} dbname=postgres connect_timeout=2 application_name={service}"
        held["connection"] = psycopg.connect(address, user=user, password=password, autocommit=True)

    class _Handler(Answers, BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with lock:
                try:
                    if "connection" not in held or (rereads and tuple(file.read_text().split()) != held["read"]):
                        connect()
                    held["connection"].execute("SELECT 1")
                    status = 200
                except psycopg.Error:
                    status = 503
                    held.pop("connection").close() if "connection" in held else None
            self.say(status)

    with serving(_Handler) as url:
        try:
            yield url
        finally:
            if "connection" in held:
                held["connection"].close()


@contextmanager
def platform(server: Member, tmp_path: Path, *, rereads: bool = True, how: str = "rotate") -> Iterator[Target]:
    """Two services as two regions, and the store of their password."""
    file, store = tmp_path / "credential", tmp_path / "store.py"
    file.write_text("app_a\nfirst-password-of-all")
    store.write_text(STORE)
    server.ask("ALTER ROLE app_a LOGIN PASSWORD 'first-password-of-all'")
    with ExitStack() as stack:
        urls = {
            name: stack.enter_context(client(name, server, file, rereads=rereads or name == "cart"))
            for name in ("cart", "users")
        }
        command = [sys.executable, str(store), server.dsn, str(file)]
        turns = {
            "rotate": {"command": [*command, how]},
            "undo": {"command": [*command, "undo"]},
            "user": {"command": f"sed -n 1p {file}"},
            "password": {"command": f"sed -n 2p {file}"},
            "connects": secret(tmp_path, "base", f"host={server.address} dbname=postgres"),
            "used_by": ["cart", "users"],
            "sessions": SESSIONS,
        }
        yield shop_of(
            tmp_path,
            entry=urls["cart"],
            regions={name: {"entry": url} for name, url in urls.items()},
            database={"dsn": secret(tmp_path, "dsn", server.dsn)},
            may_break=[{"experiment": "secret-rotation"}],
            secrets={"rotation": turns},
        )


def facts(target: Target, of: str, within: str, run: str = "") -> dict[str, FactReading]:
    """Facts of one rotation by subject."""
    probe = secret_rotation(target, {"of": of, "within": within, RUN: run})
    return {one.subject: one for one in probe()}


@pytest.mark.slow
def test_two_services_that_read_again_use_the_new_password_and_nobody_notices(server: Member, tmp_path: Path) -> None:
    """The old one is refused; nothing is undone, and no entry of the undo log is left."""
    with platform(server, tmp_path) as target:
        used = facts(target, "used", "20 s")
        assert {name: one.ok for name, one in used.items()} == {
            "cart: the new key": True,
            "users: the new key": True,
            "the new key": True,
            "requests during the rotation": True,
        }
        refused = facts(target, "refused", "20 s")
    assert refused["the old key"].observed.startswith("refused after ")
    assert all(one.ok for one in refused.values())
    assert refused["requests during the rotation"].observed.endswith("requests, 0 failed")
    assert not (tmp_path / "credential.undone").exists()
    assert not [*(tmp_path / "state").rglob("*.json")]


@pytest.mark.slow
def test_two_sentences_of_one_run_speak_of_one_rotation(server: Member, tmp_path: Path) -> None:
    """The second one is told by what was seen of it; another run rotates again."""
    secret = tmp_path / "credential"
    with platform(server, tmp_path, how="lenient") as target:
        assert facts(target, "refused", "4 s", "a run")["the old key"].observed == "let in after 4 s"
        after = secret.read_text()
        assert facts(target, "used", "4 s", "a run")["cart: the new key"].ok is True
        assert secret.read_text() == after
        assert facts(target, "refused", "2 s", "another run")["the old key"].observed == "let in after 2 s"
        assert secret.read_text() != after


@pytest.mark.slow
def test_a_service_that_reads_its_password_once_is_named_and_the_undo_helps_it(server: Member, tmp_path: Path) -> None:
    """Its requests fail once the old password is refused; the other service is not blamed."""
    with platform(server, tmp_path, rereads=False) as target:
        seen = facts(target, "used", "4 s")
        assert {name: one.ok for name, one in seen.items()} == {
            "cart: the new key": True,
            "users: the new key": False,
            "the new key": True,
            "requests during the rotation": False,
        }
        assert "users /: status 503" in seen["requests during the rotation"].observed
        assert (tmp_path / "credential.undone").exists()
        assert not [*(tmp_path / "state").rglob("*.json")]


def test_an_old_password_that_is_let_in_for_ever_fails(server: Member, tmp_path: Path) -> None:
    """Nobody was harmed, and it was let in until the limit."""
    with platform(server, tmp_path, how="lenient") as target:
        seen = facts(target, "refused", "2 s")
    assert (seen["the old key"].ok, seen["the old key"].observed) == (False, "let in after 2 s")
    assert seen["requests during the rotation"].ok is True


def test_one_refusal_of_several_servers_is_no_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind one address one has the new keys, and the other lets the old one in for ever; what does not answer says nothing."""
    seen, old, nothing = RotationSeen(), SecretInUse(user="", password="old"), cast("Any", None)
    said = iter([REFUSED, "no answer", REFUSED, LET_IN, REFUSED])
    monkeypatch.setattr(rotation, "tried", lambda *_: next(said))
    after = [0.5, 1.0, 1.5, None, None]
    found = []
    for passed_s in after:
        rotation._note_old(nothing, nothing, seen, old, passed_s)
        found.append((seen.refused_s, seen.old))
    assert found == [(0.5, REFUSED)] * 3 + [(None, LET_IN), (None, REFUSED)]


AT: Final = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


def test_a_session_of_the_same_user_is_new_once_the_old_password_is_refused(
    monkeypatch: pytest.MonkeyPatch, subtests: pytest.Subtests
) -> None:
    """While `rotate` works, and until the old password is refused, a session may be of either; another user tells them apart."""
    nothing = cast("Any", None)
    used_by = SimpleNamespace(dsn=object(), sessions="SELECT", used_by=("cart",))
    monkeypatch.setattr(rotation, "_database_time", lambda *_: AT + timedelta(seconds=5))
    cases: list[tuple[str, tuple[Any, ...], bool | None]] = [
        ("b", (1, "b"), True),
        ("b", (-1, "b"), False),
        ("b", (1, "a"), False),
        ("b", (1,), None),
        ("b", (9,), True),
        ("a", (1, "a"), None),
        ("a", (9, "a"), True),
        ("a", (-1, "a"), False),
        ("", (1, "a"), None),
        ("", (9, "a"), True),
    ]
    for user, row, new in cases:
        with subtests.test(user=user, row=row):
            seen = RotationSeen(new=SecretInUse(user=user, password="new"), renamed=user == "b", refused_s=0.5)
            session = ("cart", AT + timedelta(seconds=row[0]), *row[1:])
            monkeypatch.setattr(rotation, "rows_of", lambda *_, session=session: [session])
            rotation._note_sessions(nothing, cast("Any", used_by), seen, AT, 1.0)
            assert seen.used_s == ({"cart": 1.0} if new else {})
            assert seen.either == ({"cart"} if new is None else set())
            (fact,) = rotation._facts(cast("Any", used_by), seen, "used", 3.0)
            assert fact.ok is new


def test_a_host_that_is_no_name_is_named(tmp_path: Path) -> None:
    """Not a failure of the run."""
    place = SimpleNamespace(connects=Reference.model_validate(secret(tmp_path, "base", "host=a..b dbname=shop")))
    with pytest.raises(DriverError, match="the host of the database is not a name"):
        tried(cast("Any", None), cast("Any", place), SecretInUse(user="a", password="b"))


@pytest.mark.parametrize(
    ("after_s", "took_s", "ok"),
    [(0.0, 0.1, True), (0.0, 8.0, None), (2.5, 1.0, None), (3.5, 0.0, False), (None, 0.0, False)],
)
def test_a_rotation_is_made_at_any_moment_of_its_command(
    after_s: float | None, took_s: float, *, ok: bool | None
) -> None:
    """What it does within itself is not known: the old key may have been good all that time."""
    assert rotation._in_time(after_s, took_s, 3.0) is ok


def test_a_rotation_that_fails_halfway_proves_nothing_and_is_undone(server: Member, tmp_path: Path) -> None:
    """The command and its exit code are named; what it printed is not."""
    with platform(server, tmp_path, how="halfway") as target:
        [fact] = facts(target, "refused", "2 s").values()
    assert fact.ok is None
    assert fact.observed.endswith("ended with exit code 3; its output is not shown, since it may have the secret")
    assert (tmp_path / "credential.undone").exists()


def test_without_a_control_nothing_is_rotated(server: Member, tmp_path: Path) -> None:
    """The password that is said to be current is refused, or requests fail already."""
    with platform(server, tmp_path) as target:
        (tmp_path / "credential").write_text("app_a\nnot-the-password")
        [fact] = facts(target, "refused", "2 s").values()
        assert (fact.subject, fact.observed, fact.ok) == ("the old key before", "refused", None)
    with platform(server, tmp_path) as target, answering([(500, {})] * 500) as (url, _):
        broken = target.model_copy(update={"regions": {}, "entry": url})
        [fact] = facts(broken, "refused", "2 s").values()
        assert (fact.subject, fact.ok) == ("requests before the rotation", None)


def test_a_secret_of_any_alphabet_is_tried_and_sent(tmp_path: Path) -> None:
    """In a header it is UTF-8, as curl sends it."""
    key = secret(tmp_path, "key", "schlüssel-鍵")
    with answering([(200, {}), (200, {})]) as (url, asked):
        step = {"call": f"POST {url}/rotate", "headers": {"x-key": key}}
        turns = {"rotate": step, "undo": step, "password": key, "calls": f"GET {url}/keyed"}
        target = shop_of(tmp_path, entry=url, secrets={"rotation": turns})
        found = rotation_of(target)
        assert tried(target, found, current(target, found)) == LET_IN
        take_turn(target, found.undo)
    assert asked == ["/keyed", "/rotate"]


def test_what_the_target_file_lacks_is_named(server: Member, tmp_path: Path) -> None:
    """Each before anything is rotated."""
    with platform(server, tmp_path) as target:
        assert target.secrets is not None
        rotation = target.secrets.rotation
        assert rotation is not None
        nobody = target.secrets.model_copy(update={"rotation": rotation.model_copy(update={"used_by": ()})})
        with pytest.raises(ConfigurationError, match="does not say who uses the secret"):
            secret_rotation(target.model_copy(update={"secrets": nobody}), {"of": "used", "within": "1 s"})
        with pytest.raises(ConfigurationError, match="names no rotation"):
            secret_rotation(target.model_copy(update={"secrets": None}), {"of": "used", "within": "1 s"})


@pytest.mark.parametrize(
    ("source", "ok", "said"),
    [
        ({"sql": "SELECT 'k1', now() - interval '30 days'"}, True, "30.0 d old"),
        ({"sql": "SELECT 'k1', now() - interval '90 days'"}, False, "90.0 d old"),
        ({"sql": "SELECT 'k1', now() + interval '2 days'"}, None, "in the future"),
        ({"sql": "SELECT 'k1', NULL"}, None, "no time that can be read"),
        ({"sql": "SELECT 'k1', now() WHERE false"}, None, "the source gives no key"),
        ({"sql": "SELECT nothing"}, None, "refused a query"),
        ({"sql": "SELECT 'k1'"}, None, "rows of one column"),
        ({"command": ["echo", '{"k1": "2020-01-01T00:00:00Z"}']}, False, "d old"),
        ({"command": ["echo", "no JSON"]}, None, "printed no JSON"),
        ({"command": ["no-such-command"]}, None, "could not be run: No such file or directory"),
        ({"command": ["python", "-c", "print('[' * 100_000)"]}, None, "printed no JSON"),
        ({"files": ["new.pem"]}, True, "0.0 d old"),
        ({"files": ["gone.pem"]}, None, "no time that can be read"),
        ({"files": ["*.none"]}, None, "no time that can be read"),
        ({"sql": "SELECT 'k1', extract(epoch FROM now())"}, True, "0.0 d old"),
        ({"sql": "SELECT 'k1', current_date - 90"}, False, re.compile(r"^9[01]\.\d d old$")),
    ],
)
def test_the_age_of_a_key_is_read_from_its_source(
    server: Member, tmp_path: Path, source: dict[str, Any], said: str | re.Pattern[str], *, ok: bool | None
) -> None:
    """What is no age proves nothing; a date is its midnight."""
    (tmp_path / "new.pem").write_text("a key")
    database = {"dsn": secret(tmp_path, "dsn", server.dsn)}
    [fact] = key_ages(shop_of(tmp_path, database=database, secrets={"keys": {"data": source}}), {"age": "31 d"})()
    assert fact.ok is ok
    assert re.search(re.escape(said) if isinstance(said, str) else said, fact.observed)


def test_the_age_of_each_key_of_a_key_set_is_read(tmp_path: Path) -> None:
    """A key without a time is unknown; the address has no slash behind it."""
    now_s = clock.wall().timestamp()
    keys = [{"kid": "old", "iat": 1_600_000_000}, {"kid": "bare"}, {"kid": "new", "iat": now_s}]
    with answering([(200, {"keys": keys})]) as (url, asked):
        target = shop_of(tmp_path, entry=url, secrets={"keys": {"id": {"jwks": f"{url}/jwks"}}})
        facts = key_ages(target, {"age": "31 d"})()
    assert [(one.subject, one.ok) for one in facts] == [("id: old", False), ("id: bare", None), ("id: new", True)]
    assert asked == ["/jwks"]
