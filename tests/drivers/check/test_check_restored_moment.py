"""A genuine PostgreSQL whose log is archived, restored to a chosen second by its own programs: right, a minute early, late, and not yet archived."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import psycopg
import pytest

from harness.drivers.check.drills import marked
from harness.drivers.check.drills.marked import DatabaseClock, MarkedWrite, MarkedWrites, checksum, ledger_table
from harness.drivers.check.drills.moment import moment_facts, restored_moment
from harness.drivers.check.drills.restore import restored_copy
from harness.drivers.check.drills.scratch import is_gone
from harness.drivers.facts import FactReading
from harness.errors import ConfigurationError, DriverError
from harness.targets import Target, load_target
from harness.targets.files.parts import LedgerSettings
from harness.targets.files.reference import Reference
from harness.targets.safety.intents import pending_intents
from harness.targets.safety.platform import platform_of
from harness.units import NS_PER_S
from tests.builders.addresses import NET
from tests.builders.database_servers import Member, lone, postgres
from tests.builders.http_servers import serving
from tests.drivers.check.check_builders import Answers, secret, shop_of

ACCESS = "host all all 127.0.0.0/8 trust\nhost replication all 127.0.0.0/8 trust\n"


class Course:
    """A server with a base backup and an archive, and the ledger of a platform before it."""

    def __init__(self, home: Path, primary: Member, entry: str) -> None:
        self.home, self.primary, self.entry = home, primary, entry
        self.base, self.archive = home / "base", home / "archive"


class _Ledger(Answers, BaseHTTPRequestHandler):
    """POST /ledger inserts the row, and acknowledges it when it is committed."""

    protocol_version = "HTTP/1.1"
    rows: psycopg.Connection[Any]

    def do_POST(self) -> None:
        body = json.loads(self.sent())
        row = (body["client"], body["sequence"], body["checksum"])
        self.rows.execute("INSERT INTO ledger VALUES (%s, %s, %s)", row)
        self.say(201)


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Course]:
    """Archives each segment, of which one is ended each second."""
    home = tmp_path_factory.mktemp("moment")
    with lone(home / "data", f"{NET}233", ACCESS) as primary:
        (home / "archive").mkdir()
        with (home / "data" / "postgresql.conf").open("a") as file:
            file.write(
                f"archive_mode = on\narchive_command = 'cp %p {home}/archive/%f'\narchive_timeout = 1\nautovacuum = off\n"
            )
        primary.end()
        primary.start()
        primary.ask(
            "CREATE TABLE ledger (client bigint, sequence bigint, checksum text, PRIMARY KEY (client, sequence))"
        )
        with (
            psycopg.connect(primary.dsn, autocommit=True) as rows,
            serving(type("_Own", (_Ledger,), {"rows": rows}), f"{NET}234") as url,
        ):
            course = Course(home, primary, url)
            source: list[str | Path] = ["-h", primary.address, "-U", "tester", "-D", course.base]
            subprocess.run(postgres("pg_basebackup", "-N", "-c", "fast", *source), check=True, capture_output=True)
            yield course


class Moment:
    """A drill that restores to a moment on a server of its own."""

    def __init__(self, here: Path, course: Course) -> None:
        self.here, self.course = here, course
        self.time, self.before, self.after = "{time}", "", ""
        self.address, self.copy = f"{NET}235", here / "copy"
        self.remove = f"{self._program('pg_ctl', f'-D {self.copy} -m immediate stop')}; rm -rf {self.copy}"
        self.within = "60 s"

    def _program(self, name: str, words: str) -> str:
        return f"{shlex.join(postgres(name))} {words}"

    @property
    def until(self) -> str:
        """The command line: the base backup is copied, and recovered with the archive."""
        settings = (
            f"restore_command = 'cp {self.course.archive}/%%f %%p'\\nrecovery_target_time = '{self.time}'\\n"
            "recovery_target_action = 'promote'\\narchive_mode = off\\n"
        )
        options = shlex.quote(f"-c listen_addresses={self.address}")
        start = self._program("pg_ctl", f"-D {self.copy} -o {options} -l {self.here}/log -w start")
        bad = f"{{ tail -3 {self.here}/log | grep -q 'configured recovery target was reached' && rm -rf {self.copy} && exit 75; exit 1; }}"
        return (
            f"{self.before} cp -r {self.course.base} {self.copy} && chmod 700 {self.copy} && touch {self.copy}/recovery.signal "
            f'&& printf "{settings}" >> {self.copy}/postgresql.conf && {start} {self.after} || {bad}'
        )

    def target(self) -> Target:
        """The target file."""
        drill = {
            "until": {"command": ["sh", "-c", self.until]},
            "remove": {"command": ["sh", "-c", self.remove]},
            "scratch": secret(self.here, "scratch", f"host={self.address} user=tester dbname=postgres"),
            "within": self.within,
        }
        database = {"dsn": secret(self.here, "dsn", self.course.primary.dsn)}
        shop = {"entry": self.course.entry, "ledger": {"path": "/ledger"}, "database": database}
        return shop_of(self.here, **shop, drills={"orders": drill})

    def facts(self) -> list[FactReading]:
        """The facts; afterwards nothing is left."""
        target = self.target()
        try:
            return [*restored_moment(target, {"drill": "orders"})()]
        finally:
            assert is_gone(target.drills["orders"].scratch)
            assert not [*pending_intents(platform_of(target))]


@pytest.fixture
def moment(tmp_path: Path, course: Course, monkeypatch: pytest.MonkeyPatch) -> Moment:
    """One that is right."""
    monkeypatch.setattr(marked, "_AROUND_S", 2.0)
    return Moment(tmp_path, course)


def test_a_database_restored_to_the_second_has_what_was_acknowledged_before_it_alone(moment: Moment) -> None:
    """The archive gets the moment only after a while: the command says 75 until then."""
    before, after, ticks = moment.facts()
    assert [one.ok for one in (before, after, ticks)] == [True, True, True]
    assert int(before.expected.split(",")[0]) > 10
    assert int(after.expected.split(",")[0]) > 10
    assert "± " in ticks.observed


def test_a_database_restored_to_another_moment_fails(moment: Moment) -> None:
    """A second too early: acknowledged writes are missing. A second too late: later writes are there."""
    moment.before = """t=$(date -u -d "{time} 1 second ago" +%FT%T+00:00);"""
    moment.time = "$t"
    before, after, _ = moment.facts()
    assert (before.ok, after.ok) == (False, True)
    first = float(before.observed.partition("acknowledged from ")[2].partition(" s")[0])
    assert 0.3 < first < 1.1
    moment.before = moment.before.replace(" ago", "")
    before, after, _ = moment.facts()
    assert (before.ok, after.ok) == (True, False)
    assert "there, begun from 0." in after.observed


def test_a_restore_that_fails_fails_and_one_whose_archive_never_comes_decides_nothing(moment: Moment) -> None:
    """Exit code 1 is a restore that failed; 75 until the time is over says only that the archive is not there yet."""
    moment.before = "exit 1;"
    assert [(one.subject, one.ok) for one in moment.facts()] == [("restore", False)]
    moment.before, moment.within = "exit 75;", "1 s"
    with pytest.raises(DriverError, match=r"could not be restored within 1 s: .* ended with 75"):
        moment.facts()


def test_the_ledger_is_found_where_it_serves_whatever_the_search_path_of_the_copy_is(moment: Moment) -> None:
    """It lies in a schema of the role that serves; the role of the copy has none."""
    ask = moment.course.primary.ask
    ask("CREATE SCHEMA shop")
    ask("CREATE TABLE shop.ledger (client int, sequence int, checksum text)")
    try:
        (moment.here / "own").write_text(f"{moment.course.primary.dsn} options='-c search_path=shop'", encoding="utf-8")
        own, other = Reference(file=str(moment.here / "own")), Reference(file=str(moment.here / "dsn"))
        moment.target()
        ledger = LedgerSettings(path="/ledger")
        assert ledger_table(own, ledger) == ("shop", "ledger")
        assert ledger_table(other, ledger) == ("public", "ledger")
        assert ledger_table(own, LedgerSettings(path="/ledger", table="songs")) == ("songs",)
    finally:
        ask("DROP SCHEMA shop CASCADE")


def test_a_ledger_that_is_not_restored_at_all_fails(moment: Moment) -> None:
    """The table is not in the restored database, though what serves has it."""
    psql = f"{shlex.join(postgres('psql'))} -h {moment.address} -U tester -d postgres"
    moment.after = f"&& until {psql} -c 'DROP TABLE ledger'; do sleep 0.1; done"  # it may still be in recovery
    assert [one.ok for one in moment.facts()] == [False, True, True]


def test_a_drill_without_the_moment_is_refused_and_one_without_a_restore_restores_to_a_moment_only(
    moment: Moment, tmp_path: Path
) -> None:
    """The placeholder must be there; the other sentences need `restore`."""
    with pytest.raises(ConfigurationError, match="does not say how the newest backup is restored"):
        restored_copy(moment.target(), {"drill": "orders"})
    text = (tmp_path / "target.yaml").read_text(encoding="utf-8")
    (tmp_path / "target.yaml").write_text(text.replace("{time}", "now"), encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"`until` with `\{time\}`"):
        load_target(tmp_path / "target.yaml")
    (tmp_path / "target.yaml").write_text(text.replace('"until"', '"make"'), encoding="utf-8")
    with pytest.raises(ConfigurationError, match="one of `restore` and `until`"):
        load_target(tmp_path / "target.yaml")


def _made(*writes: tuple[float, float, bool]) -> MarkedWrites:
    """Writes around second 100 of a database whose clock is 10 to 10.2 s ahead."""
    every = [
        MarkedWrite(number=n, sent_ns=round(sent * NS_PER_S), done_ns=round(done * NS_PER_S), acknowledged=known)
        for n, (sent, done, known) in enumerate(writes)
    ]
    database = DatabaseClock(least_ns=10 * NS_PER_S, most_ns=round(10.2 * NS_PER_S))
    return MarkedWrites(client=7, table=("public", "ledger"), moment_s=100, database=database, every=every)


def test_a_write_within_the_difference_of_the_clocks_decides_nothing() -> None:
    """Nor one that was under way at the second, or was not acknowledged, or is not in the database that serves."""
    made = _made(
        (80, 80.1, True),
        (89.7, 89.85, True),
        (89.9, 90.1, True),
        (90.05, 90.06, True),
        (80, 80.1, False),
        (79, 79.1, True),
    )
    assert [one.number for one in made.before] == [0, 5]
    assert [one.number for one in made.after] == [3]
    rows = {number: checksum(7, number) for number in range(6)}
    served = {number: held for number, held in rows.items() if number != 5}
    found = {0: rows[0]}
    facts = [*moment_facts(made, served, found, "T")]
    assert [(one.observed, one.ok) for one in facts if one.subject != "clock of the database"] == [
        ("1 there", True),
        ("none there", True),
        ("1 of them are missing there too, so the restore cannot be held to them", None),
    ]
    assert facts[2].observed.endswith("± 100.0 ms; 3 writes decide nothing: near the second, or not acknowledged")
    assert [one.ok for one in moment_facts(made, served, {0: "other", 3: "any"}, "T")][:2] == [False, False]


def test_without_a_write_on_a_side_nothing_is_known_of_it() -> None:
    """No row proves anything that is not there."""
    assert [one.ok for one in moment_facts(_made(), {}, {}, "T")] == [None, None, True]
    later = _made((95, 95.1, False))
    assert [one.ok for one in moment_facts(later, {}, {}, "T")] == [None, None, True]
    assert [one.ok for one in moment_facts(later, {}, {0: "x"}, "T")][1] is False


def test_another_server_has_another_clock() -> None:
    """A primary that changes while the writes are made ends the drill."""
    one = DatabaseClock(least_ns=1, most_ns=2, server=("127.0.0.1", "a"))
    with pytest.raises(DriverError, match="another server became the primary"):
        one.and_then(DatabaseClock(least_ns=1, most_ns=2, server=("127.0.0.1", "b")))
    both = one.and_then(DatabaseClock(least_ns=0, most_ns=5, server=one.server))
    assert (both.least_ns, both.most_ns) == (0, 5)
