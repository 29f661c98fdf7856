"""What is in the tables of a database at one time, so that it can be held against another time while the database is in use.

Each row is known by its primary key and by a hash of each column, computed in the database: no value leaves it. A table without a
primary key is known by how often each of its rows is there. What users' requests change meanwhile is stated before (`InUse`).
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import psycopg
from psycopg import sql

from harness.drivers.check.sql.asking import Row, rows_of
from harness.drivers.facts import FactReading
from harness.errors import DriverError
from harness.targets.reference import Reference

MOST_ROWS: Final = 1_000_000
"""A table with more rows is not read."""
_HASH: Final = 8
"""Bytes a column."""
_COLUMNS: Final = sql.SQL(
    "SELECT n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod), "
    "coalesce(a.attnum = ANY(i.indkey), false) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
    "LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary "
    "WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname NOT IN ('pg_catalog', 'information_schema') "
    "AND n.nspname NOT LIKE 'pg\\_%%' ORDER BY 1, 2, a.attname"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class InUse:
    """What requests change while the database is in use.

    Attributes:
        growing: tables that get new rows; of each the columns with a number that only grows.
        passing: tables whose rows come, and go away when they are done with.
        without: tables that are left out.
    """

    growing: Mapping[str, Sequence[str]] = field(default_factory=dict)
    passing: Sequence[str] = ()
    without: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class TableColumns:
    """A table by its columns.

    Attributes:
        name: with its schema, unless that is `public`.
        columns: name to type.
        key: those of the primary key.
        growing: those whose number only grows.
        open: whether requests add rows to it.
        passing: whether its rows go away when they are done with.
    """

    name: str
    columns: Mapping[str, str]
    key: tuple[str, ...] = ()
    growing: tuple[str, ...] = ()
    open: bool = False
    passing: bool = False

    @property
    def compared(self) -> tuple[str, ...]:
        """The columns of which each row has a hash."""
        return tuple(name for name in self.columns if name not in self.growing)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rows:
    """What is in a table.

    Attributes:
        table: its columns at that time.
        digests: by the digest of its key, the hashes of a row's columns; empty where there is no key.
        numbers: by the same the numbers that only grow.
        copies: how often each row is there, where there is no key.
        too_many: how many rows there are, where it was not read for that; else 0.
    """

    table: TableColumns
    digests: Mapping[bytes, bytes] = field(default_factory=dict)
    numbers: Mapping[bytes, tuple[float, ...]] = field(default_factory=dict)
    copies: Mapping[bytes, int] = field(default_factory=dict)
    too_many: int = 0

    def checksum(self, of: Rows | None = None) -> str:
        """Sixteen digits for the rows that were there before (`of`), whatever else is there now."""
        digest = hashlib.sha256()
        for key in sorted((of or self).digests.keys() & self.digests.keys()):
            digest.update(key + self.digests[key])
        for row in sorted((of or self).copies.keys() & self.copies.keys()):
            digest.update(row + self.copies[row].to_bytes(_HASH))
        return digest.hexdigest()[:16]

    @property
    def count(self) -> int:
        """How many rows."""
        return len(self.digests) + sum(self.copies.values())


def tables_of(dsn: Reference, in_use: InUse) -> list[TableColumns]:
    """Every table outside the system's own schemas, by name; one of the schema `public` without it.

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
    """What is in every table now, by name.

    Args:
        dsn: of the database.
        in_use: what requests change meanwhile.
        like: what was in them before: each is read by its columns and its key of then.

    Raises:
        DriverError: the role may not read a table. TargetUnreachable: the database does not answer.
    """
    found: dict[str, Rows] = {}
    for table in tables_of(dsn, in_use):
        try:
            found[table.name] = _rows_in(dsn, table, like[table.name].table if like and table.name in like else table)
        except psycopg.errors.Error as error:
            said = " ".join(str(error).split())
            hint = f"let the role of `database.dsn` read it, or name it: `migration: {{without: [{table.name}]}}`"
            raise DriverError(f"table {table.name}: {said}", where=str(dsn), hint=hint) from error
    return found


def _rows_in(dsn: Reference, table: TableColumns, like: TableColumns) -> Rows:
    name = sql.Identifier(*table.name.split("."))
    [(count,)] = rows_of(dsn, sql.SQL("SELECT count(*) FROM {}").format(name), raises=True)
    if count > MOST_ROWS:
        return Rows(table=table, too_many=count)
    hashes = _joined([column for column in like.compared if column in table.columns])
    if not like.key or not {*like.key} <= table.columns.keys():
        query = sql.SQL("SELECT {}, count(*) FROM {} GROUP BY 1").format(hashes, name)
        return Rows(table=table, copies=Counter({bytes(row): n for row, n in rows_of(dsn, query, raises=True)}))
    growing = [one for one in like.growing if one in table.columns]
    numbers = [_number(one, table.columns[one]) for one in growing]
    chosen = sql.SQL(", ").join([_joined(like.key), hashes, *numbers])
    rows = rows_of(dsn, sql.SQL("SELECT {} FROM {}").format(chosen, name), raises=True)
    return Rows(
        table=table,
        digests={bytes(row[0]): bytes(row[1]) for row in rows},
        numbers={bytes(row[0]): tuple(row[2:]) for row in rows} if numbers else {},
    )


def _number(column: str, of: str) -> sql.Composed:
    """A number, or a time in seconds."""
    as_number = "extract(epoch FROM {})::float8" if of.startswith(("timestamp", "date")) else "{}::float8"
    return sql.SQL(as_number).format(sql.Identifier(column))


def _joined(columns: Sequence[str]) -> sql.Composed:
    """Eight bytes a column, one behind the other; an absent value is eight zeros."""
    zero = sql.SQL("int8send(0)")
    hashed = [
        sql.SQL("coalesce(int8send(hashtextextended({}::text, 1)), {})").format(sql.Identifier(name), zero)
        for name in columns
    ]
    return sql.SQL(" || ").join(hashed or [sql.Composed([zero])])


def compared(before: Rows, now: Rows | None) -> FactReading:
    """Whether the rows that were there before are there now, each as it was, and no others but those that requests add.

    Args:
        before: the rows then.
        now: the rows of the same columns, as far as they are there; None where there is no such table.
    """
    table = before.table
    subject, expected = f"table {table.name}", f"{before.count} rows, checksum {before.checksum()}"
    if now is None:
        return FactReading(subject=subject, expected=expected, observed="no such table", ok=False)
    if too_many := before.too_many or now.too_many:
        return FactReading(
            subject=subject, expected="read row by row", observed=f"{too_many} rows are too many", ok=None
        )
    wrong = columns_changed(table, now.table) or _rows_changed(before, now)
    added = now.count - before.count + _gone(before, now)
    if table.passing:
        expected = f"of {before.count} rows none changed, whatever has gone meanwhile"
        observed = "" if wrong else "none changed"
    else:
        observed = f"{before.count - _gone(before, now)} rows, checksum {now.checksum(before)}"
        observed += f", and {added} new ones" if added > 0 and table.open else ""
    return FactReading(
        subject=subject, expected=expected, observed="; ".join(filter(None, [observed, *wrong])), ok=not wrong
    )


def columns_changed(before: TableColumns, now: TableColumns) -> list[str]:
    """Columns that are gone, that are new, and those of another type, in words."""
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
        *_changed(before, now),
    ]


def _gone(before: Rows, now: Rows) -> int:
    copies = sum(max(n - now.copies.get(row, 0), 0) for row, n in before.copies.items())
    return len(before.digests.keys() - now.digests.keys()) + copies


def _changed(before: Rows, now: Rows) -> list[str]:
    """By column how many rows have another value there, and how many copies of rows are there that were not."""
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
        *(f"`{name}` of {n} rows is another" for name, n in sorted(columns.items())),
        *(f"`{name}` of {n} rows is lower" for name, n in sorted(fell.items())),
        *([f"{doubled} rows are there again"] if doubled else []),
    ]
