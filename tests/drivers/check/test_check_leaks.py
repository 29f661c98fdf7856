"""A whole run of the checks on stored data and secrets shows no secret: in no file of the run, no log, no command line, no report."""

from __future__ import annotations

import base64
import io
import json
import os
import shutil
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import psycopg
import pytest
import yaml
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from harness import clock
from harness.drivers.check.stored.scanning import MarkerScan, ScanCount, new_marker
from tests.builders.addresses import NET
from tests.builders.database_servers import Member, lone
from tests.builders.http_servers import serving
from tests.drivers.check.check_builders import Answers, secret

PLAIN: Final = Path(__file__).parents[2] / "plain"
ROOT: Final = Path(__file__).parents[3]
_ROWS: Final = {
    "SHOP-CLEAR": "a marker written through the API is in clear in no data file, and no encrypted value names another cipher than AES-256",
    "SHOP-CLASS": "every column is classified and no personal marker is found in clear in any database file",
    "SHOP-BACKUP": "a marker written before the backup is found in clear in no backup file",
    "SHOP-AGE": "no key in use is older than 31 d",
    "SHOP-ROTATE": "no request failed and the old key was refused within 5 min when a key was rotated under traffic",
}
_SCENARIO: Final = """
  @{id}
  Scenario: {id}
    gate: critical
    kinds: C
    falsified by: a secret in the open
    When "browse" traffic has run
    Then {then}
"""


class Planted:
    """Secrets by name, each made where it is first named."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}

    def __getitem__(self, name: str) -> str:
        return self.known.setdefault(name, new_marker())

    def file(self, directory: Path, name: str) -> dict[str, str]:
        """A reference to a file with the secret."""
        return secret(directory, name, self[name])

    def command(self, directory: Path, name: str) -> dict[str, str]:
        """A reference to a command that prints it; the secret is not among its words."""
        self.file(directory, name)
        return {"command": f"cat {directory / name}"}

    def env(self, name: str) -> dict[str, str]:
        """A reference to a variable."""
        assert self[name]
        return {"env": name.upper().replace("-", "_")}

    def environment(self) -> dict[str, str]:
        """The variables of all of them."""
        return {name.upper().replace("-", "_"): value for name, value in self.known.items()}


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Member]:
    """A PostgreSQL of its own."""
    access = "host all tester 127.0.0.0/8 trust\nhost all all 127.0.0.0/8 scram-sha-256\n"
    with lone(tmp_path / "data", f"{NET}213", access) as member:
        yield member


class _Shop(Answers, BaseHTTPRequestHandler):
    """Keeps people, encrypted, and has a key that can be rotated; it refuses whoever lacks its tokens."""

    protocol_version = "HTTP/1.1"
    planted: Planted
    dsn = ""
    keys = Path()
    rotations = 0
    cipher = AESGCM(AESGCM.generate_key(256))

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path.startswith("/people/"):
            [(name, value)] = self.ask("SELECT name, email FROM people WHERE name = %s", [path.rpartition("/")[2]])
            data = base64.b64decode(value.rpartition(":")[2])
            self.say(200, {"name": name, "email": self.cipher.decrypt(data[:12], data[12:], None).decode()})
        elif path == "/keyed":
            self.say(200 if self.headers.get("x-key") == self.keys.read_text() else 401, {})
        else:
            self.say(200, {"items": [1], "id": int(path[7:] or 0)} if path.startswith("/items/") else {"items": [1]})

    def do_POST(self) -> None:
        text = self.sent()
        if self.headers.get("authorization") not in {self.planted[f"token-{n}"] for n in range(6)}:
            self.say(401, {"error": f"not {self.headers.get('authorization')}"})
        elif self.path == "/people":
            body, nonce = json.loads(text), os.urandom(12)
            sealed = base64.b64encode(nonce + self.cipher.encrypt(nonce, body["email"].encode(), None)).decode()
            self.ask("INSERT INTO people VALUES (%s, %s)", [body["name"], f"enc:AES-256-GCM:{sealed}"])
            self.say(201, {"token": self.planted["answered"]})
        else:
            type(self).rotations += 1
            self.keys.write_text(self.planted[f"key-{self.rotations}"])
            self.say(200, {"key": self.keys.read_text()})

    def do_DELETE(self) -> None:
        self.ask("DELETE FROM people WHERE name = %s", [self.path.rpartition("/")[2]])
        self.say(200, {})

    def ask(self, query: str, values: list[Any]) -> list[Any]:
        """The rows of an answer."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            cursor = connection.execute(query.encode(), values)
            return cursor.fetchall() if cursor.description else []


def described(project: Path, url: str, database: Member, planted: Planted, keys: Path) -> None:
    """The target file of the shop; every secret is by reference."""
    place = project / "secrets"
    dsn = f"host={database.address} dbname=postgres user=shop password={planted['database']}"
    (place / "dsn").write_text(dsn)
    (place / "ages").write_text(f'echo \'{{"k": "{clock.wall_text()}"}}\'; echo {planted["printed"]} >&2\n')
    (place / "dump").write_text(
        f"echo {planted['dumped']} >&2; cp {database.data}/PG_VERSION {project}/dump; echo {planted['dumped-too']}\n"
    )
    call = {"call": f"POST {url}/rotate"}
    content = {
        "name": "shop",
        "environment": "staging",
        "entry": url,
        "disposable": True,
        "probes": {"health": "/health", "read": "/items/1"},
        "database": {"dsn": {"file": str(place / "dsn")}},
        "may_write": [{"operations": "*"}],
        "sign_in": {"path": "/sessions", "user": "test-{n}", "password": planted.env("password-of-users")},
        "encryption": {
            "writes": [
                {
                    "operation": "POST /people",
                    "body": {"name": "test-{none}", "email": "{personal}@example.test"},
                    "headers": {
                        "authorization": planted.env("token-0"),
                        "x-second": planted.file(place, "header-1"),
                        "x-third": planted.command(place, "header-2"),
                    },
                    "read": "GET /people/test-{none}",
                    "remove": "DELETE /people/test-{none}",
                }
            ],
            "stores": {
                "data": {"files": [str(database.data / "base"), str(database.data / "pg_wal")]},
                "dump": {"kind": "backup", "files": [str(project / "dump")], "proof": "fresh"},
            },
            "flush": {"command": ["sh", str(place / "dump")]},
            "columns": {"people": {"name": "none", "email": "personal"}},
            "formats": {"own": {"pattern": "enc:(?P<cipher>[A-Z0-9-]+):"}},
            "within": "5 s",
        },
        "secrets": {
            "keys": {
                "command": {"command": ["sh", str(place / "ages")]},
                "bad": {"sql": "SELECT 1, now()", "dsn": planted.file(place, "no-dsn")},
            },
            "rotation": {
                "rotate": {
                    **call,
                    "headers": {"authorization": planted.file(place, "token-1"), "x-more": planted.env("header-3")},
                },
                "undo": {
                    **call,
                    "headers": {"authorization": planted.command(place, "token-2"), "x-more": planted.env("header-4")},
                },
                "password": {"file": str(keys)},
                "calls": f"GET {url}/keyed",
                "header": "x-key",
            },
        },
    }
    (project / "target.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")


@contextmanager
def command_lines(seen: set[bytes]) -> Iterator[None]:
    """Context in which the command lines of all processes of this machine are collected."""
    ending = threading.Event()

    def collect() -> None:
        while not ending.wait(0.05):
            for file in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    seen.add(file.read_bytes())
                except OSError:
                    continue

    thread = threading.Thread(target=collect)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()


@pytest.mark.slow
def test_no_secret_is_in_what_a_run_leaves_behind(database: Member, tmp_path: Path) -> None:
    """Of 40 and more: passwords, tokens, keys, what commands print, and what people entrusted to the service."""
    planted, project, lines = Planted(), tmp_path / "project", set[bytes]()
    shutil.copytree(PLAIN / "loadtests", project / "loadtests")
    (project / "secrets").mkdir()
    (project / "features" / "shop").mkdir(parents=True)
    feature = "Feature: Secrets of a shop\n" + "".join(
        _SCENARIO.format(id=row, then=then) for row, then in _ROWS.items()
    )
    (project / "features" / "shop" / "secrets.feature").write_text(feature, encoding="utf-8")
    (project / "pyproject.toml").write_text(
        '[tool.harness]\ntarget = "target.yaml"\nprofiles = ["shop"]\nfeatures = ["features"]\nloadtests = ["loadtests"]\n'
    )
    keys = project / "secrets" / "key"
    keys.write_text(planted["key-0"])
    database.ask("CREATE TABLE people (name text PRIMARY KEY, email text NOT NULL)")
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        connection.execute("CREATE ROLE shop LOGIN PASSWORD '{}'".format(planted["database"]).encode())
        connection.execute("GRANT ALL ON people TO shop")
        for number in range(30):  # in clear, so that each is recognised as in no known format
            connection.execute(
                "INSERT INTO people VALUES (%s, %s)", [f"p{number}", f"{planted[f'person-{number}']}@x.test"]
            )
    own = type("_Own", (_Shop,), {"planted": planted, "dsn": database.dsn, "keys": keys})
    with serving(own) as url, command_lines(lines):
        described(project, url, database, planted, keys)
        environment = {
            **os.environ,
            **planted.environment(),
            "READINESS_STATE": str(tmp_path / "state"),
            "PYTHONPATH": str(ROOT),
        }
        done = subprocess.run(
            [sys.executable, "-m", "harness", "run", "--allow-target", "shop"],
            cwd=project,
            env=environment,
            capture_output=True,
            check=False,
            timeout=300,
        )
    assert (project / "reports" / "runs").exists(), (done.stdout + done.stderr).decode()
    [run] = [one for one in (project / "reports" / "runs").iterdir() if not one.is_symlink()]
    reported = subprocess.run(
        [sys.executable, "-m", "harness", "report", str(run), "--allure"],
        cwd=project,
        env=environment,
        capture_output=True,
        check=False,
    )
    assert len(planted.known) >= 40
    verdict = json.loads((run / "verdict.json").read_bytes())
    results = {one["id"]: one["verdict"] for one in verdict["requirements"]}
    assert results["SHOP-ROTATE"] == "PASS", done.stdout.decode()[-3000:]
    assert results["SHOP-CLEAR"] == "INCONCLUSIVE"
    texts = {
        "output": done.stdout + done.stderr + reported.stdout + reported.stderr,
        "command lines": b"\n".join(lines),
    }
    places = [run, tmp_path / "state", project / "reports"]
    files = {file for place in places for file in place.rglob("*") if file.is_file()}
    texts |= {str(file): file.read_bytes() for file in files}
    assert {"verdict.json", "junit.xml"} <= {file.name for file in files}
    assert leaks(planted, texts) == {}
    assert leaks(planted, {"control": f"x{planted['token-1']}".encode()}) == {"control: token-1": 1}


def leaks(planted: Planted, texts: dict[str, bytes]) -> Counter[str]:
    """How often which secret is where, in every form."""
    scan, found = MarkerScan(planted.known), Counter[str]()
    for place, text in texts.items():
        for one, n in scan.read(io.BytesIO(text), ScanCount()).found.items():
            found[f"{place}: {one.marker}"] += n
    return found
