"""Drills by programs of others: `pg_basebackup` of PostgreSQL 15 as Debian has it, and of 17; Barman's programs with a bucket.

`FOREIGN_BARMAN=DIR` names the environment that `scripts/foreign-barman` makes; PostgreSQL 15 is Debian's package `postgresql-15`.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest

from harness.drivers.check.backups.stores import list_store
from harness.drivers.check.drills.restore import restore_time, restored_copy
from harness.drivers.check.drills.scratch import is_gone
from harness.targets import Target, load_target
from harness.targets.safety.intents import pending_intents
from harness.targets.safety.platform import platform_of
from harness.targets.stores.listing import ObjectKind, newest, recognised
from tests.builders.addresses import NET
from tests.builders.database_servers import BINARIES, until
from tests.builders.s3_server import S3Server, needs_s3_server, s3_server

SECOND: Final = Path(__file__).parents[2] / "docs" / "postgresql-to-a-second.md"
DEBIAN: Final = Path("/usr/lib/postgresql/15/bin")
VERSIONS: Final[Mapping[str, Path]] = {"15": DEBIAN, "17": BINARIES}
BARMAN: Final = os.environ.get("FOREIGN_BARMAN", "")
ACCESS: Final = "host all all 127.0.0.0/8 trust\nhost replication all 127.0.0.0/8 trust\n"
SERVES, SCRATCH = f"{NET}245", f"{NET}246"
NEWEST: Final = (
    "import json, sys; print(max(one['backup_id'] for one in json.load(sys.stdin)['backups_list'] if one['end_time']))"
)
needs_version = pytest.mark.parametrize(
    "version",
    [
        pytest.param("15", marks=pytest.mark.skipif(not DEBIAN.is_dir(), reason="Debian's postgresql-15 is not there")),
        "17",
    ],
)


class ForeignDrill:
    """A drill of a server of this version; the restored one is a server of its own."""

    def __init__(self, here: Path, version: str) -> None:
        self.here, self.binaries = here, VERSIONS[version]
        self.data, self.copy = here / "data", here / "copy"
        self.dsn = f"host={SERVES} port=5432 user=tester dbname=postgres"
        self.scratch = f"host={SCRATCH} port=5432 user=tester dbname=postgres"
        self.started = self.program(
            "pg_ctl", "-D", self.copy, "-o", f"-c listen_addresses={SCRATCH}", "-l", here / "log"
        )
        self.remove = f"{self.program('pg_ctl', '-D', self.copy, '-m', 'immediate', 'stop')}; rm -rf {self.copy}"

    def program(self, name: str, *words: str | Path) -> str:
        """A command line of PostgreSQL's, which refuses to be root."""
        not_root = ["unshare", "--user", "--map-user=1000", "--map-group=1000"] if os.geteuid() == 0 else []
        return shlex.join([*not_root, str(self.binaries / name), *map(str, words)])

    @contextmanager
    def serving(self, settings: str = "") -> Iterator[None]:
        """The server with a table of 1000 rows."""
        _run(self.program("initdb", "-N", "-A", "trust", "-U", "tester", "-D", self.data))
        with (self.data / "postgresql.conf").open("a") as file:
            file.write(f"unix_socket_directories = ''\nfsync = off\n{settings}")
        (self.data / "pg_hba.conf").write_text(ACCESS)
        start = ("-D", self.data, "-o", f"-c listen_addresses={SERVES}", "-l", self.here / "serves", "-w", "start")
        _run(self.program("pg_ctl", *start))
        try:
            with psycopg.connect(self.dsn, autocommit=True) as one:
                one.execute("CREATE TABLE orders (id serial PRIMARY KEY, note text)")
                one.execute("INSERT INTO orders (note) SELECT md5(n::text) FROM generate_series(1, 1000) n")
            yield
        finally:
            _run(self.program("pg_ctl", "-D", self.data, "-m", "immediate", "-w", "stop"))

    def target(self, make: str, restore: str, **more: Any) -> Target:
        """The target file with these commands."""
        places = {name: {"file": str(self.here / name)} for name in ("dsn", "scratch")}
        for name in places:
            (self.here / name).write_text(getattr(self, name), encoding="utf-8")
        commands = {"make": make, "restore": restore, "remove": self.remove}
        drill = {name: {"command": ["sh", "-c", text]} for name, text in commands.items()}
        content = {
            "name": "shop",
            "environment": "staging",
            "entry": "http://127.0.0.1:9",
            "database": {"dsn": places["dsn"]},
            "drills": {"shop": {**drill, "scratch": places["scratch"], "within": "2 min"}},
            **more,
        }
        (self.here / "target.yaml").write_text(json.dumps(content), encoding="utf-8")
        return load_target(self.here / "target.yaml")

    def done(self, target: Target) -> None:
        """The copy is equal, done in time, and nothing of it is left."""
        facts = restored_copy(target, {"drill": "shop"})()
        assert [(one.ok, one.observed) for one in facts] == [(True, "1 of 1, with 1000 rows")]
        (fact,) = restore_time(target, {"drill": "shop", "within": "2 min"})()
        assert fact.ok
        assert is_gone(target.drills["shop"].scratch)
        assert not [*pending_intents(platform_of(target))]
        assert not self.copy.exists()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with the undo log of the test."""
    monkeypatch.setenv("READINESS_STATE", str(tmp_path / "state"))
    return tmp_path


@needs_version
def test_a_base_backup_is_restored(here: Path, version: str) -> None:
    """By `pg_basebackup`, with its own check, into a server of its own."""
    drill = ForeignDrill(here, version)
    backup = drill.here / "backup"
    made = drill.program("pg_basebackup", "-h", SERVES, "-U", "tester", "-N", "-c", "fast", "-D", backup)
    with drill.serving():
        make = f"rm -rf {backup} && {made} && {drill.program('pg_verifybackup', '-q', backup)}"
        drill.done(drill.target(make, f"cp -a {backup} {drill.copy} && {drill.started} -w start"))


@needs_s3_server
@pytest.mark.skipif(not BARMAN, reason="FOREIGN_BARMAN names no environment of scripts/foreign-barman")
@needs_version
def test_barman_backs_up_into_a_bucket_and_restores_from_it(
    here: Path, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A base backup and the log, which the copy replays to its end; the place of the backups is read as any other."""
    drill = ForeignDrill(here, version)
    with s3_server(here / "s3") as server:
        server.ask("PUT", "shop-backups")
        for name, value in {**server.variables, "AWS_DEFAULT_REGION": "us-east-1"}.items():
            monkeypatch.setenv(name, value)
        archive = f"archive_mode = on\narchive_command = '{_barman('wal-archive', server, 'shop %p')}'\n"
        make = _barman("backup", server, "shop", f"--immediate-checkpoint -h {SERVES} -U tester -d postgres")
        python = shlex.join([str(Path(BARMAN) / "bin" / "python"), "-c", NEWEST])
        newest_id = f"$({_barman('backup-list', server, 'shop', '--format json')} | {python})"
        fetch = _barman("wal-restore", server, "shop %f %p")
        restore = " && ".join(
            (
                f"mkdir -m 700 {drill.copy}",
                _barman("restore", server, f"shop {newest_id} {drill.copy}"),
                f"touch {drill.copy}/recovery.signal",
                f"""echo "restore_command = '{fetch}'" >> {drill.copy}/postgresql.auto.conf""",
                f"echo 'archive_mode = off' >> {drill.copy}/postgresql.auto.conf",
                f"{drill.started} -w start",
            )
        )
        section = {
            "at": "s3://shop-backups/barman",
            "endpoint": server.endpoint,
            "files": ["shop/base/*/data.tar"],
            "beside": ["shop/base/*/backup.info", "shop/wals/*"],
            "time": "%Y%m%dT%H%M%S",
        }
        with drill.serving(archive):
            target = drill.target(make, restore, backups={"database": section})
            drill.done(target)
        found = list(recognised(target.backups["database"], list_store(target, target.backups["database"]).objects))
        assert {one.kind for one in found} == {ObjectKind.BACKUP, ObjectKind.BESIDE}
        last = newest(found)
        assert last is not None
        assert not any(one.early for one in found)
    until(lambda: is_gone(target.drills["shop"].scratch))


@needs_s3_server
@pytest.mark.skipif(not BARMAN, reason="FOREIGN_BARMAN names no environment of scripts/foreign-barman")
def test_the_script_of_the_page_restores_to_a_second(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As docs/postgresql-to-a-second.md has it; where the archive lacks what PostgreSQL believes to be there, the script fails."""
    drill = ForeignDrill(here, "17")
    (script,) = re.findall(r"^```sh\n(.*?)^```$", SECOND.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    (here / "restore-to.sh").write_text(script.replace("port = 5433", f"listen_addresses = '{SCRATCH}'"))
    (here / "bin").mkdir()
    for name in ("psql", "pg_ctl"):
        (here / "bin" / name).write_text(f'#!/bin/sh\nexec {drill.program(name)} "$@"\n')
        (here / "bin" / name).chmod(0o755)
    with s3_server(here / "s3") as server:
        server.ask("PUT", "shop-backups")
        own = {"DSN": drill.dsn, "SECOND_DSN": drill.scratch, "DRILL_DIRECTORY": str(drill.copy)}
        paths = {"PATH": f"{here / 'bin'}:{BARMAN}/bin:{os.environ['PATH']}", "AWS_DEFAULT_REGION": "us-east-1"}
        for name, value in {**own, **paths, **server.variables}.items():
            monkeypatch.setenv(name, value)
        archive = f"archive_command = '{_barman('wal-archive', server, 'shop %p')}'"
        with drill.serving(f"archive_mode = on\narchive_timeout = 1\n{archive}\n"):
            _run(_barman("backup", server, "shop", f"--immediate-checkpoint -h {SERVES} -U tester -d postgres"))
            with psycopg.connect(drill.dsn, autocommit=True) as one:
                one.execute("SELECT pg_sleep(1.1)")
                (moment,) = one.execute("SELECT date_trunc('second', clock_timestamp())::text").fetchone() or ("",)
                one.execute("SELECT pg_sleep(1.1)")
                one.execute("DELETE FROM orders")
                _run(shlex.join(["sh", str(here / "restore-to.sh"), moment]))
                with psycopg.connect(drill.scratch) as copy:
                    assert copy.execute("SELECT count(*) FROM orders").fetchone() == (1000,)
                _run(f"{drill.remove} && test ! -e {drill.copy}")
                one.execute("ALTER SYSTEM SET archive_command = 'true'")
                one.execute("SELECT pg_reload_conf(), pg_switch_wal(), pg_sleep(1.1)")
                (moment,) = one.execute("SELECT clock_timestamp()::text").fetchone() or ("",)
                one.execute("INSERT INTO orders (note) VALUES ('later')")
                with pytest.raises(subprocess.CalledProcessError):
                    _run(shlex.join(["sh", str(here / "restore-to.sh"), moment]))


def _barman(name: str, server: S3Server, words: str, options: str = "") -> str:
    """A command line of one of Barman's programs for buckets."""
    program = Path(BARMAN) / "bin" / f"barman-cloud-{name}"
    return f"{program} --endpoint-url {server.endpoint} {options} s3://shop-backups/barman {words}"


def _run(command: str) -> None:
    subprocess.run(["sh", "-c", command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
