"""Checksums of the records of a table, each over every column, in the database and as an archive gives them back.

Both are computed by the database that serves, read-only: what an archive gives is cast to the row type of the table there, so that a value
is the same however it is written. No value is kept. A record is known by the hash of its primary key.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, LiteralString

from harness.drivers.check.drills.checksums import TABLES, TEXT, connected, timeout_of
from harness.drivers.check.sql.asking import set_locally
from harness.errors import DriverError, TargetUnreachable
from harness.targets.files.archives import RecordArchive
from harness.targets.files.reference import Reference
from harness.targets.files.values import schema_and_name

if TYPE_CHECKING:
    import psycopg
    from psycopg import sql

MOST_RECORDS: Final = 500_000
"""Records whose checksums are held."""
_AT_ONCE: Final = 500
_KEY: Final = 'hashtextextended(ROW({keys})::text COLLATE "C", 0)'
_VALUE: Final = "coalesce(int8send(hashtextextended({value}::text COLLATE \"C\", 0)), '\\x0000000000000000')"
_OF_JSON: Final = (
    "jsonb_hash_extended({0}::jsonb, 0) || ' ' || regexp_replace(regexp_replace({0}::jsonb::text, "
    "'(\\.[0-9]*[1-9])0+(?![0-9])', '\\1', 'g'), '\\.0+(?![0-9])', '', 'g')"
)
_OF_NUMBERS: Final = (
    "CASE WHEN {0} IS NOT NULL THEN coalesce(array_dims({0}), '') || "
    "ARRAY(SELECT trim_scale(value) FROM unnest({0}) WITH ORDINALITY AS each(value, place) ORDER BY place)::text END"
)
_WIDTH: Final = 8
"""Bytes of the checksum of one column; of NULL they are 0."""
_DUE: Final = "SELECT {key}, {digest} FROM {table} AS one WHERE one.{column} < now() - make_interval(secs => {older}) LIMIT {most}"
_THERE: Final = (
    "SELECT of_key FROM (SELECT {key} AS of_key FROM {table} AS one) AS every_one WHERE of_key = ANY (%s::bigint[])"
)
_READ: Final = (
    "SELECT {key}, {digest}, ARRAY(SELECT name FROM unnest({names}::text[]) AS name WHERE NOT line::jsonb ? name) "
    "FROM unnest(%s::text[]) AS line, LATERAL json_populate_record(NULL::{table}, line::json) AS one"
)
_UPDATED: Final = (
    "SELECT coalesce(sum(pg_stat_get_tuples_updated(oid)), 0)::bigint FROM pg_class "
    "WHERE oid = {named}::regclass OR oid IN (SELECT relid FROM pg_partition_tree({named}::regclass))"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordsSeen:
    """Records in the table.

    Attributes:
        digests: by the hash of its key, the checksum of each column of a record, one after the other.
        updated: how many updates of rows the server has counted by then.
    """

    digests: Mapping[int, bytes]
    updated: int


@dataclass(kw_only=True, slots=True)
class RecordsReadBack:
    """Records in an archive.

    Attributes:
        digests: of each record that was asked for, its versions.
        lacking: columns that none of these has.
        lines: number of all lines.
        unread: number of lines that are no record of the table, and where the first one is.
        updated: as of `RecordsSeen`, at the end.
    """

    digests: dict[int, set[bytes]] = field(default_factory=dict)
    lacking: set[str]
    lines: int = 0
    unread: int = 0
    first_unread: str = ""
    updated: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordTable:
    """A table whose records are archived.

    Attributes:
        dsn: of the database that serves.
        archive: the archive.
        columns: type of each column.
        keys: columns of the primary key.
    """

    dsn: Reference
    archive: RecordArchive
    columns: Mapping[str, str]
    keys: Sequence[str]

    def due(self) -> RecordsSeen:
        """The records that are old enough.

        Raises:
            TargetUnreachable, DriverError: they were not read, or are too many.
        """
        from psycopg import sql

        named = {"column": sql.Identifier(self.archive.column), "older": sql.Literal(self.archive.older_s)}
        with _reading(self.dsn, self.archive.within_s) as connection:
            updated = self._updated(connection)
            found = connection.execute(self._query(_DUE, **named, most=sql.Literal(MOST_RECORDS + 1))).fetchall()
        if len(found) > MOST_RECORDS:
            hint = "let the procedure run more often, or name a longer `older`"
            raise DriverError(f"more than {MOST_RECORDS} records are old enough", where=self.archive.table, hint=hint)
        return RecordsSeen(digests=dict(found), updated=updated)

    def there(self, keys: Iterable[int]) -> frozenset[int]:
        """Those of these records that the table has, however old. Raises TargetUnreachable, DriverError."""
        with _reading(self.dsn, self.archive.within_s) as connection:
            return frozenset(key for (key,) in connection.execute(self._query(_THERE), ([*keys],)))

    def read_back(self, directory: Path, keys: Mapping[int, object]) -> RecordsReadBack:
        """What the files of a directory have of these records. Raises TargetUnreachable, DriverError."""
        from psycopg import sql

        query = self._query(_READ, names=sql.Literal([*self.columns]))
        seen = RecordsReadBack(lacking={*self.columns})
        with _reading(self.dsn, self.archive.within_s) as connection:
            every = _lines(directory)
            while lines := [*islice(every, _AT_ONCE)]:
                seen.lines += len(lines)
                for key, digest, lacking in _cast(connection, query, lines, seen):
                    if key in keys:
                        seen.digests.setdefault(key, set()).add(digest)
                        seen.lacking.intersection_update(lacking)
            seen.updated = self._updated(connection)
        return seen

    def differing(self, one: bytes, other: bytes) -> list[str]:
        """The columns in which two records differ."""
        places = range(0, len(one), _WIDTH)
        parts = zip(self.columns, places, strict=True)
        return [name for name, at in parts if one[at : at + _WIDTH] != other[at : at + _WIDTH]]

    def _updated(self, connection: psycopg.Connection[Any]) -> int:
        from psycopg import sql

        named = sql.Literal(sql.Identifier(*schema_and_name(self.archive.table)).as_string(connection))
        row = connection.execute(sql.SQL(_UPDATED).format(named=named)).fetchone()
        return row[0] if row else 0

    def _query(self, text: str, **named: sql.Composable) -> sql.Composed:
        from psycopg import sql

        values = {
            name: sql.SQL(_forms(kind)).format(sql.Identifier("one", name)) for name, kind in self.columns.items()
        }
        digests = [sql.SQL(_VALUE).format(value=value) for value in values.values()]
        keys = sql.SQL(", ").join(values[name] for name in self.keys)
        named["key"], named["digest"] = sql.SQL(_KEY).format(keys=keys), sql.SQL(" || ").join(digests)
        named["table"] = sql.Identifier(*schema_and_name(self.archive.table))
        of_text = {name: part for name, part in named.items() if f"{{{name}}}" in text}
        return sql.SQL(text).format(**of_text)


def _forms(kind: str) -> LiteralString:
    """How a value is read: an archive may write the blanks and the order of JSON otherwise, and a number without its last zeros.

    Of JSON the zeros at the end of what looks like a number are left out. That of texts these are not, is seen by PostgreSQL's own hash,
    which is the same for equal numbers and in turn leaves out signs.
    """
    if kind in {"json", "jsonb"}:
        return _OF_JSON
    if kind.startswith("numeric"):
        return _OF_NUMBERS if kind.endswith("]") else "trim_scale({0})"
    return "{0}"


def table_of(dsn: Reference, archive: RecordArchive) -> RecordTable:
    """The table of an archive.

    Raises:
        TargetUnreachable: the database does not answer.
        DriverError: the table is not there, has no primary key, or lacks the column of the age.
    """
    with _reading(dsn, archive.within_s) as connection:
        listed = connection.execute(TABLES).fetchall()
    found = next((row for row in listed if (row[0], row[1]) == schema_and_name(archive.table)), None)
    if found is None:
        raise DriverError("the table is not there", where=archive.table, hint="name it with its schema in `table`")
    columns, keys = dict(zip(found[5], found[6], strict=True)), found[7]
    if not keys:
        hint = "give it a primary key: without one a record is not known again"
        raise DriverError("the table has no primary key", where=archive.table, hint=hint)
    if archive.column not in columns:
        hint = "name the column with the time of a row in `column`"
        raise DriverError(f"the table has no column `{archive.column}`", where=archive.table, hint=hint)
    return RecordTable(dsn=dsn, archive=archive, columns=columns, keys=keys)


@contextmanager
def _reading(dsn: Reference, within_s: float) -> Iterator[psycopg.Connection[Any]]:
    """Context of a transaction that is read-only and rolled back.

    Raises:
        TargetUnreachable: no answer. DriverError: the server refused a query.
    """
    import psycopg

    with connected(dsn) as connection:
        connection.read_only = True
        try:
            set_locally(connection, {**timeout_of(within_s), **TEXT})
            yield connection
        except psycopg.Error as error:
            kind = TargetUnreachable if connection.broken else DriverError
            raise kind(f"the database refused a query ({type(error).__name__})", where=str(dsn)) from error
        connection.rollback()


def _lines(directory: Path) -> Iterator[tuple[str, bytes]]:
    """Each line of each file that has text, with its place."""
    for path in sorted(directory.rglob("*")):
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                for number, line in enumerate(file, 1):
                    if line.strip():
                        yield f"{path.relative_to(directory)}, line {number}", line


def _cast(
    connection: psycopg.Connection[Any], query: sql.Composed, lines: Sequence[tuple[str, bytes]], seen: RecordsReadBack
) -> list[tuple[int, bytes, list[str]]]:
    """The records of these lines; those that are none are counted, one by one."""
    import psycopg

    try:
        with connection.transaction():
            return connection.execute(query, ([line.decode() for _, line in lines],)).fetchall()
    except (psycopg.DataError, psycopg.IntegrityError, UnicodeDecodeError):  # the second of a domain
        if len(lines) == 1:
            seen.unread += 1
            seen.first_unread = seen.first_unread or lines[0][0]
            return []
        middle = len(lines) // 2
        return [one for half in (lines[:middle], lines[middle:]) for one in _cast(connection, query, half, seen)]
