"""Reads the contents of database tables, so that two moments can be compared while the database is in use.

Each row is identified by its primary key, with a hash of each column, computed in the database, so that no value leaves it. For a table
without a primary key, the number of copies of each row is compared. `InUse` states what users' requests change meanwhile.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from harness.drivers.check.sql.asking import Row, rows_of
from harness.drivers.facts import FactReading
from harness.errors import DriverError
from harness.targets.files.reference import Reference
from harness.targets.files.values import schema_and_name
from harness.words import some

if TYPE_CHECKING:
    from psycopg import sql

MOST_ROWS: Final = 1_000_000
"""Maximum number of rows of a table that is read."""
_HASH: Final = 8
"""Bytes of the hash of a column."""
_COLUMNS: Final = (
    "SELECT n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod), "
    "coalesce(a.attnum = ANY(i.indkey), false) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
    "LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary "
    "WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname NOT IN ('pg_catalog', 'information_schema') "
    "AND n.nspname NOT LIKE 'pg\\_%%' ORDER BY 1, 2, a.attname"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class InUse:
    """What users' requests change while the database is in use.

    Attributes:
        growing: tables that get new rows, each with its columns of numbers that only grow.
        passing: tables whose rows are added and later removed.
        without: tables that are not compared.
    """

    growing: Mapping[str, Sequence[str]] = field(default_factory=dict)
    passing: Sequence[str] = ()
    without: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class TableColumns:
    """The columns of a table.

    Attributes:
        name: name of the table, with its schema unless that is `public`.
        columns: type of each column by name.
        key: columns of the primary key.
        growing: columns of numbers that only grow.
        open: whether requests add rows to the table.
        passing: whether rows are removed again.
    """

    name: str
    columns: Mapping[str, str]
    key: tuple[str, ...] = ()
    growing: tuple[str, ...] = ()
    open: bool = False
    passing: bool = False

    @property
    def compared(self) -> tuple[str, ...]:
        """The columns whose hashes are compared."""
        return tuple(name for name in self.columns if name not in self.growing)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rows:
    """The contents of a table.

    Attributes:
        table: its columns at that time.
        digests: hashes of each row's columns by the digest of its key; empty without a primary key.
        numbers: the numbers that only grow, by the digest of the row's key.
        copies: number of copies of each row, without a primary key.
        repeated: number of rows that have the key of another, which a primary key does not allow.
        too_many: number of rows if there were too many to read; else 0.
    """

    table: TableColumns
    digests: Mapping[bytes, bytes] = field(default_factory=dict)
    numbers: Mapping[bytes, tuple[float, ...]] = field(default_factory=dict)
    copies: Mapping[bytes, int] = field(default_factory=dict)
    repeated: int = 0
    too_many: int = 0

    def checksum(self, of: Rows | None = None) -> str:
        """A checksum of 16 digits over the rows that also exist in `of`, the earlier contents; new rows do not change it."""
        digest = hashlib.sha256()
        for key in sorted((of or self).digests.keys() & self.digests.keys()):
            digest.update(key + self.digests[key])
        for row in sorted((of or self).copies.keys() & self.copies.keys()):
            digest.update(row + self.copies[row].to_bytes(_HASH))
        return digest.hexdigest()[:16]

    @property
    def unnumbered(self) -> bool:
        """Whether it has rows and numbers that only grow, and no key by which those of a row are known again."""
        return bool(self.table.growing and self.copies)

    @property
    def count(self) -> int:
        """Number of rows."""
        return len(self.digests) + sum(self.copies.values())


def tables_of(dsn: Reference, in_use: InUse) -> list[TableColumns]:
    """Every table outside the system's own schemas, named with its schema unless that is `public`.

    Raises:
        TargetUnreachable: the database does not answer.
    """
    found: dict[str, list[Row]] = {}
    for row in rows_of(dsn, _COLUMNS):
        found.setdefault(row[1] if row[0] == "public" else f"{row[0]}.{row[1]}", []).append(row)
    return [
        TableColumns(
            name=name,
            columns={row[2]: row[3] for row in rows},
            key=tuple(row[2] for row in rows if row[4]),
            growing=tuple(row[2] for row in rows if row[2] in in_use.growing.get(name, ())),
            open=name in in_use.growing,
            passing=name in in_use.passing,
        )
        for name, rows in found.items()
        if name not in in_use.without
    ]


def rows_of_tables(dsn: Reference, in_use: InUse, like: Mapping[str, Rows] | None = None) -> dict[str, Rows]:
    """The contents of every table now, by name.

    Args:
        dsn: DSN of the database.
        in_use: what requests change meanwhile.
        like: the earlier contents; each table is read by its earlier columns and key.

    Raises:
        DriverError: the role may not read a table. TargetUnreachable: the database does not answer.
    """
    import psycopg

    found: dict[str, Rows] = {}
    for table in tables_of(dsn, in_use):
        try:
            found[table.name] = _rows_in(dsn, table, like[table.name].table if like and table.name in like else table)
        except psycopg.errors.Error as error:
            said = " ".join(str(error).split())
            hint = f"let the role of `database.dsn` read the table, or leave it out: `migration: {{without: [{table.name}]}}`"
            raise DriverError(f"table {table.name}: {said}", where=str(dsn), hint=hint) from error
    return found


def _rows_in(dsn: Reference, table: TableColumns, like: TableColumns) -> Rows:
    from psycopg import sql

    name = sql.Identifier(*schema_and_name(table.name))
    [(count,)] = rows_of(dsn, sql.SQL("SELECT count(*) FROM {}").format(name), raises=True, whole=True)
    if count > MOST_ROWS:
        return Rows(table=table, too_many=count)
    hashes = _joined([column for column in like.compared if column in table.columns])
    if not like.key or not {*like.key} <= table.columns.keys():
        query = sql.SQL("SELECT {}, count(*) FROM {} GROUP BY 1").format(hashes, name)
        return Rows(
            table=table, copies=Counter({bytes(row): n for row, n in rows_of(dsn, query, raises=True, whole=True)})
        )
    growing = [one for one in like.growing if one in table.columns]
    numbers = [_number(one, table.columns[one]) for one in growing]
    chosen = sql.SQL(", ").join([_joined(like.key), hashes, *numbers])
    rows = rows_of(dsn, sql.SQL("SELECT {} FROM {}").format(chosen, name), raises=True, whole=True)
    digests = {bytes(row[0]): bytes(row[1]) for row in rows}
    return Rows(
        table=table,
        digests=digests,
        repeated=len(rows) - len(digests),
        numbers={bytes(row[0]): tuple(row[2:]) for row in rows} if numbers else {},
    )


def _number(column: str, of: str) -> sql.Composed:
    """SQL for a number, or for a time in seconds."""
    from psycopg import sql

    as_number = "extract(epoch FROM {})::float8" if of.startswith(("timestamp", "date")) else "{}::float8"
    return sql.SQL(as_number).format(sql.Identifier(column))


def _joined(columns: Sequence[str]) -> sql.Composed:
    """SQL for eight bytes of hash for each column, concatenated; NULL becomes eight zeros."""
    from psycopg import sql

    zero = sql.SQL("int8send(0)")
    hashed = [
        sql.SQL("coalesce(int8send(hashtextextended({}::text, 1)), {})").format(sql.Identifier(name), zero)
        for name in columns
    ]
    return sql.SQL(" || ").join(hashed or [sql.Composed([zero])])


def compared(before: Rows, now: Rows | None) -> FactReading:
    """The fact whether all earlier rows exist unchanged, and no rows were added but those that requests add.

    Args:
        before: the earlier rows.
        now: the present rows, with the earlier columns that still exist; None if there is no such table.
    """
    table = before.table
    subject, expected = f"table {table.name}", f"{before.count} rows, checksum {before.checksum()}"
    if now is None:
        return FactReading(subject=subject, expected=expected, observed="no such table", ok=False)
    if too_many := before.too_many or now.too_many:
        return FactReading(
            subject=subject, expected="read row by row", observed=f"{too_many} rows are too many", ok=None
        )
    if before.unnumbered:
        said = f"without a primary key it is not known which row has which {some(table.growing)}"
        return FactReading(subject=subject, expected=expected, observed=said, ok=None)
    wrong = columns_changed(table, now.table) or _rows_changed(before, now)
    added = now.count - before.count + _gone(before, now)
    if table.passing:
        expected = f"of {before.count} rows those that still exist did not change"
        observed = "" if wrong else "none changed"
    else:
        observed = f"{before.count - _gone(before, now)} rows, checksum {now.checksum(before)}"
        observed += f", and {added} new ones" if added > 0 and table.open else ""
    return FactReading(
        subject=subject, expected=expected, observed="; ".join(filter(None, [observed, *wrong])), ok=not wrong
    )


def columns_changed(before: TableColumns, now: TableColumns) -> list[str]:
    """Texts for columns that were removed, were added or changed their type."""
    return [
        *(f"column `{name}` is gone" for name in before.columns if name not in now.columns),
        *(f"column `{name}` is new" for name in now.columns if name not in before.columns),
        *(
            f"column `{name}` is {now.columns[name]}, and was {was}"
            for name, was in before.columns.items()
            if now.columns.get(name, was) != was
        ),
    ]


def _rows_changed(before: Rows, now: Rows) -> list[str]:
    table = before.table
    gone = 0 if table.passing else _gone(before, now)
    added = 0 if table.open or table.passing else now.count - before.count + gone
    return [
        *([f"{gone} {'row is' if gone == 1 else 'rows are'} gone"] if gone else []),
        *([f"{added} {'row was' if added == 1 else 'rows were'} added"] if added > 0 else []),
        *([f"{now.repeated} rows have the key of another"] if now.repeated > before.repeated else []),
        *_changed(before, now),
    ]


def _gone(before: Rows, now: Rows) -> int:
    copies = sum(max(n - now.copies.get(row, 0), 0) for row, n in before.copies.items())
    return len(before.digests.keys() - now.digests.keys()) + copies


def _changed(before: Rows, now: Rows) -> list[str]:
    """Texts for the number of rows changed in each column, and the number of additional copies of rows."""
    columns: Counter[str] = Counter()
    names = before.table.compared
    for key in before.digests.keys() & now.digests.keys():
        one, other = before.digests[key], now.digests[key]
        if one != other:
            columns.update(
                name
                for at, name in enumerate(names)
                if one[at * _HASH : (at + 1) * _HASH] != other[at * _HASH : (at + 1) * _HASH]
            )
    fell: Counter[str] = Counter()
    for key in before.numbers.keys() & now.numbers.keys():
        pairs = zip(before.table.growing, before.numbers[key], now.numbers[key], strict=True)
        fell.update(name for name, one, other in pairs if one is not None and (other is None or other < one))
    doubled = sum(max(now.copies.get(row, 0) - n, 0) for row, n in before.copies.items())
    return [
        *(f"`{name}` of {n} rows changed" for name, n in sorted(columns.items())),
        *(f"`{name}` of {n} rows is lower" for name, n in sorted(fell.items())),
        *([f"{doubled} rows were added as copies"] if doubled else []),
    ]
