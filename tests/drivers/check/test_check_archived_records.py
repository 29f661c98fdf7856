"""Old rows of a genuine PostgreSQL, archived by commands and read back: healthy, spoilt in each way, changed by others, and killed in the middle."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from harness.drivers.check.archives.archived import archived_records
from harness.drivers.facts import FactReading
from harness.errors import ConfigurationError, DriverError
from harness.targets import Target
from harness.targets.safety.intents import pending_intents
from harness.targets.safety.platform import platform_of
from harness.targets.undo import recover
from tests.builders.addresses import NET
from tests.builders.database_servers import Member, lone, postgres
from tests.drivers.check.check_builders import killed, secret, shop_of

ACCESS = "host all all 127.0.0.0/8 trust\n"
MOVED = (
    "WITH gone AS (DELETE FROM orders WHERE at < now() - interval '90 d' RETURNING *) SELECT {record} FROM gone {more}"
)
CHANGED = "UPDATE orders SET note = 'x' WHERE id = 43"
MARKED = "UPDATE orders SET hollow = 'to be moved'"
ORDERS = """
    CREATE TABLE orders (
        id serial PRIMARY KEY, at timestamptz NOT NULL, note text, one float8, sum numeric, raw bytea, said json, list text[], told jsonb, sums numeric[],
        pair int4range, price money, span interval, hollow text)
"""
FILL = """
    INSERT INTO orders (at, note, one, sum, raw, said, list, told, sums, pair, price, span)
    SELECT now() - n * interval '30 days' + interval '1 h 0.123456 s', CASE mod(n, 3) WHEN 0 THEN NULL WHEN 1 THEN '' ELSE E'é "' || n || E'"\\n' END, n / 7.0,
        n * 1.10, decode('00ff', 'hex'), '{"b" :  1, "a": 2.50}', ARRAY['NULL', NULL], '{"c": [1.50, "x"]}',
        CASE mod(n, 3) WHEN 0 THEN NULL WHEN 1 THEN '{}' ELSE ARRAY[1.50, NULL, n] END, int4range(1, n), 1.5, n * interval '1 mon -2 days'
    FROM generate_series(1, 43) n
"""
LEFT, LOST, OTHER = (
    "records that left orders",
    "archived records that are not in the archive",
    "archived records that differ",
)
EQUAL, UNREAD = "archived records that are equal", "lines that are no row of orders, as JSON"
WELL = {LEFT: (True, "40, of 40 of that age"), EQUAL: (True, "40")}


@pytest.fixture(scope="module")
def primary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Member]:
    """A server."""
    with lone(tmp_path_factory.mktemp("archive") / "data", f"{NET}234", ACCESS) as member:
        yield member


class Archive:
    """An archive of files, filled by a statement that deletes what it returns."""

    def __init__(self, here: Path, primary: Member) -> None:
        self.here, self.primary = here, primary
        (here / "archive").mkdir()
        self.archive = self.moved("row_to_json(gone)")
        self.read = f"cp {here}/archive/* {{directory}}"
        self.section = {"table": "orders", "column": "at", "older": "90 d", "within": "60 s"}

    def moved(self, record: str, more: str = "") -> str:
        """The procedure that archives each old row as this expression says."""
        return f"{self.psql(MOVED.format(record=record, more=more))} > {self.here}/archive/new"

    def psql(self, statement: str) -> str:
        """Runs a statement."""
        words = [*postgres("psql"), "-XAtq", "-h", self.primary.address, "-U", "tester", "-d", "postgres"]
        return shlex.join([*words, "-v", "ON_ERROR_STOP=1", "-c", statement])

    def target(self) -> Target:
        """The target file."""
        commands = {name: {"command": ["sh", "-c", getattr(self, name)]} for name in ("archive", "read")}
        dsn = secret(self.here, "dsn", self.primary.dsn)
        return shop_of(self.here, database={"dsn": dsn, "archives": {"orders": {**self.section, **commands}}})

    def drilled(self) -> list[FactReading]:
        """The facts; afterwards nothing is left on this machine."""
        target = self.target()
        try:
            return [*archived_records(target, {"archive": "orders"})()]
        finally:
            assert not [*pending_intents(platform_of(target))]

    def facts(self) -> dict[str, tuple[bool | None, str]]:
        """The outcome and the text of each."""
        return {one.subject: (one.ok, one.observed) for one in self.drilled()}


@pytest.fixture
def archive(tmp_path: Path, primary: Member, monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    """One that is right, of a table with 40 rows that are old enough and three that are not."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    primary.ask(ORDERS)
    primary.ask(FILL)
    yield Archive(tmp_path, primary)
    primary.ask("DROP TABLE orders")
    assert [*(tmp_path / "tmp").iterdir()] == []


@pytest.mark.parametrize(
    "record",
    [
        "row_to_json(gone)",
        "to_jsonb(gone)",
        "json_strip_nulls(row_to_json(gone)) ",
        "to_jsonb(gone) || '{\"more\": 1}'",
        "to_jsonb(gone) || jsonb_build_object('sum', trim_scale(sum))",
        "regexp_replace(to_jsonb(gone)::text, '(\\.[0-9]*[1-9])0+([],}])', '\\1\\2', 'g')",
    ],
)
def test_what_reads_back_as_it_was_is_equal_however_it_is_written(archive: Archive, record: str) -> None:
    """Values of many types, empty ones and NULL, blanks and order of JSON, last zeros, and a key that the archive has besides."""
    archive.primary.ask("UPDATE orders SET hollow = 'full' WHERE id = 43")
    archive.archive = archive.moved(record)
    assert archive.facts() == WELL


@pytest.mark.parametrize(
    ("record", "observed"),
    [
        ("to_jsonb(gone) - 'note'", "27, in note (not in the archive)"),
        ("to_jsonb(gone) - 'one' - 'sum'", "40, in one (not in the archive), sum (not in the archive)"),
        ("to_jsonb(gone) || jsonb_build_object('at', date_trunc('second', at))", "40, in at"),
        ("to_jsonb(gone) || jsonb_build_object('note', coalesce(note, ''))", "13, in note"),
        ("to_jsonb(gone) || jsonb_build_object('sum', round(sum), 'one', one::float4)", "40, in one, sum"),
        ("to_jsonb(gone) || jsonb_build_object('sums', coalesce(sums, '{}'))", "13, in sums"),
        ("regexp_replace(to_jsonb(gone)::text, '1.50, \"x\"', '-1.50, \"x\"')", "40, in told"),
        ('regexp_replace(to_jsonb(gone)::text, \'1.50, "x"\', \'"1.50", "x"\')', "40, in told"),
        ("to_jsonb(gone) || jsonb_build_object('sums', ARRAY[sums])", "26, in sums"),
    ],
)
def test_a_column_that_is_left_out_or_changed_fails_and_is_named(archive: Archive, record: str, observed: str) -> None:
    """The planted defect of the row; a time cut short, an empty text for NULL, a number rounded."""
    archive.archive = archive.moved(record)
    facts = archive.facts()
    assert facts[OTHER] == (False, observed)
    equal = 40 - int(observed.partition(",")[0])
    assert facts[EQUAL] == (bool(equal) or None, str(equal))


def test_a_column_that_is_left_out_where_it_is_always_null_is_not_decided(archive: Archive) -> None:
    """Nothing shows whether a value of it would be archived."""
    archive.archive = archive.moved("to_jsonb(gone) - 'hollow'")
    assert archive.facts() == {
        **WELL,
        "columns in the archive": (None, "without hollow, which was NULL in each record"),
    }


def test_a_record_or_the_key_that_is_left_out_fails(archive: Archive) -> None:
    """It has left the table, and is nowhere; without its key no record is known again."""
    archive.archive = archive.moved("row_to_json(gone)", "WHERE id <> 43")
    assert archive.facts() == {LEFT: WELL[LEFT], LOST: (False, "1"), EQUAL: (True, "39")}
    archive.primary.ask(FILL)
    archive.archive = archive.moved("to_jsonb(gone) - 'id'")
    assert archive.facts() == {LEFT: WELL[LEFT], LOST: (False, "40"), EQUAL: (None, "0")}


def test_an_archive_that_gives_nothing_back_fails(archive: Archive) -> None:
    """The command that reads ends well, writes nothing; or fails. One that hangs decides nothing."""
    archive.read = "true {directory}"
    assert archive.facts()[LOST] == (False, "40")
    archive.primary.ask(FILL)
    archive.read = "exit 3; : {directory}"
    assert archive.facts() == {LEFT: WELL[LEFT], "archived records": (False, "`sh` ended with 3")}
    archive.primary.ask(FILL)
    archive.read, archive.section["within"] = "sleep 600; : {directory}", "1 s"
    assert archive.facts()["archived records"] == (None, "`sh` did not end within 1 s")


def test_where_no_record_is_archived_nothing_is_decided(archive: Archive) -> None:
    """None is old enough: then the procedure is not run; or the procedure moves none."""
    archive.archive = f"touch {archive.here}/ran"
    assert archive.facts() == {LEFT: (None, "0, of 40 of that age")}
    (archive.here / "ran").unlink()
    archive.section["older"] = "9000 d"
    assert archive.facts() == {LEFT: (None, "0, of 0 of that age")}
    assert not (archive.here / "ran").exists()


def test_records_that_were_not_seen_before_are_not_counted(archive: Archive) -> None:
    """Those of earlier archives, in another form, and young ones that leave too; two versions of one record are not decided."""
    old = '{"id": 7000, "at": "2020-01-01T00:00:00Z"}\n\n'
    (archive.here / "archive" / "old").write_text(old, encoding="utf-8")
    archive.archive = f"{archive.archive}; {archive.psql('TRUNCATE orders')}"
    assert archive.facts() == WELL
    archive.primary.ask(FILL)
    archive.archive = archive.moved("row_to_json(gone)")
    (archive.here / "archive" / "old").write_text('{"id": 86}\n', encoding="utf-8")
    versions = (None, "1, one version of each equal: the others may be of an earlier archive")
    assert archive.facts() == {LEFT: WELL[LEFT], "archived records in several versions": versions, EQUAL: (True, "39")}


def test_what_is_no_row_is_named_and_what_may_be_in_it_is_not_decided(archive: Archive) -> None:
    """Other text, a value that is none of the column, bytes that are no text; beside them a record that differs fails."""
    junk = [b"id;at\n", b"[1]\n", b'{"id": "seven"}\n', b"\xff\n", b'{"note": "\\u0000"}\n']
    (archive.here / "archive" / "junk").write_bytes(b"".join(junk))
    assert archive.facts() == {**WELL, UNREAD: (None, "5 of 45, the first in junk, line 1")}
    archive.primary.ask(FILL)
    archive.archive = archive.moved("to_jsonb(gone) - 'sum'", "WHERE id % 2 = 0")
    facts = archive.facts()
    assert facts[LOST] == (None, "20; lines that were not read: 5")
    assert facts[OTHER] == (False, "20, in sum (not in the archive)")


def test_a_row_that_is_changed_meanwhile_is_not_decided(archive: Archive, subtests: pytest.Subtests) -> None:
    """It is archived as it is by then, as the server has counted it; that explains neither more that differ, nor a column that no record has."""
    for change, record, other, equal in [
        (CHANGED, "row_to_json(gone)", (None, "1, in note; rows that were changed meanwhile: 1"), (True, "39")),
        (CHANGED, "to_jsonb(gone) - 'one'", (False, "40, in note, one (not in the archive)"), (None, "0")),
        (MARKED, "to_jsonb(gone) - 'one'", (False, "40, in hollow, one (not in the archive)"), (None, "0")),
    ]:
        with subtests.test(change=change, record=record):
            archive.archive = f"{archive.psql(change)}; {archive.moved(record)}"
            assert archive.facts() == {LEFT: WELL[LEFT], OTHER: other, EQUAL: equal}
        archive.primary.ask("TRUNCATE orders RESTART IDENTITY")
        archive.primary.ask(FILL)


def test_rows_of_partitions_in_another_schema_are_archived_too(archive: Archive) -> None:
    """A partition that leaves its table takes its rows with it."""
    for statement in (
        "CREATE SCHEMA shop",
        "CREATE TABLE shop.sales (id int, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at)",
        "CREATE TABLE shop.sales_1 PARTITION OF shop.sales FOR VALUES FROM ('2020-01-01') TO ('2020-02-01')",
        "INSERT INTO shop.sales SELECT n, '2020-01-07' FROM generate_series(1, 5) n",
    ):
        archive.primary.ask(statement)
    archive.section["table"] = "shop.sales"
    detach = archive.psql("ALTER TABLE shop.sales DETACH PARTITION shop.sales_1")
    take = archive.psql("SELECT row_to_json(s) FROM shop.sales_1 s")
    archive.archive = f"{detach}; {take} > {archive.here}/archive/sales"
    try:
        assert archive.facts() == {"records that left shop.sales": (True, "5, of 5 of that age"), EQUAL: (True, "5")}
    finally:
        archive.primary.ask("DROP SCHEMA shop CASCADE")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"table": "nothing"}, "the table is not there"),
        ({"column": "nothing"}, "no column `nothing`"),
        ({"column": "note"}, r"refused a query \(UndefinedFunction\)"),
        ({"table": "keyless"}, "no primary key"),
    ],
)
def test_what_cannot_be_read_is_refused_before_anything_runs(
    archive: Archive, changes: dict[str, str], why: str
) -> None:
    """A table that is not there or has no key, a column without a time."""
    archive.primary.ask("CREATE TABLE keyless (at timestamptz)")
    archive.section |= changes
    archive.archive = f"touch {archive.here}/ran"
    try:
        with pytest.raises(DriverError, match=why):
            archive.drilled()
        assert not (archive.here / "ran").exists()
    finally:
        archive.primary.ask("DROP TABLE keyless")


def test_a_procedure_that_fails_and_more_records_than_are_held_decide_nothing(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check is not done."""
    archive.archive = "exit 3"
    with pytest.raises(DriverError, match="ended with 3"):
        archive.drilled()
    monkeypatch.setattr("harness.drivers.check.archives.records.MOST_RECORDS", 39)
    with pytest.raises(DriverError, match="more than 39 records"):
        archive.drilled()


def test_a_target_file_without_the_archive_or_the_place_to_read_into_is_refused(archive: Archive) -> None:
    """The hint says what to write."""
    with pytest.raises(ConfigurationError, match="has no archive `sales`"):
        archived_records(archive.target(), {"archive": "sales"})
    archive.read = "true"
    with pytest.raises(ConfigurationError, match=r"`read` with `\{directory\}`"):
        archive.target()


def _drilled(target: Target) -> None:
    archived_records(target, {"archive": "orders"})()


def test_after_a_kill_the_files_are_removed_by_recover(archive: Archive) -> None:
    """The undo is on disk before the archive is read."""
    archive.read += f"; touch {archive.here}/there; sleep 2"
    target = archive.target()
    killed(partial(_drilled, target), archive.here / "there")
    assert [*(archive.here / "tmp").iterdir()] != []
    recovered = recover(target)
    assert (len(recovered.undone), recovered.left) == (1, ())
