"""Finds the records of a person in every table of a database: those that name the person, and those whose foreign key does."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from harness.drivers.check.sql.asking import rows_of
from harness.drivers.check.sql.tables import InUse, tables_of
from harness.errors import DriverError
from harness.targets.files.reference import Reference
from harness.targets.files.values import schema_and_name

MOST: Final = 2000
"""Greatest number of records of one person in one table."""
_KEYS: Final = """
    SELECT c.conrelid::regclass::text, a.attname, f.attname FROM pg_constraint c
    JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
    JOIN pg_attribute f ON f.attrelid = c.confrelid AND f.attnum = c.confkey[1]
    WHERE c.contype = 'f' AND cardinality(c.conkey) = 1 AND c.confrelid = to_regclass({})
"""
"""Tables with a foreign key of one column to a table, that column, and the column that it names."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PersonRecord:
    """A row that names a person.

    Attributes:
        table: its table. values: its columns. naming: columns that name the person.
    """

    table: str
    values: Mapping[str, Any]
    naming: frozenset[str]


def is_named(value: Any, names: Sequence[str]) -> bool:
    """Whether a value, or a key or value within it, has one of these names, as a word of its own."""
    if isinstance(value, Mapping):
        return any(is_named(one, names) for pair in value.items() for one in pair)
    if isinstance(value, list | tuple):
        return any(is_named(one, names) for one in value)
    return any(re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", str(value)) for name in names)


def records_of(dsn: Reference, names: Sequence[str], people: str | None) -> list[PersonRecord]:
    """Every record of the person with these names.

    Args:
        dsn: of a role that may read every table.
        names: of the person.
        people: table with one row for each person; None: foreign keys are not followed.

    Raises:
        TargetUnreachable: the database does not answer.
        DriverError: a table cannot be read, or has more than `MOST` records of the person.
    """
    from psycopg import sql

    found: list[PersonRecord] = []
    for table in tables_of(dsn, InUse()):
        like = sql.SQL(" OR ").join(
            sql.SQL("position({} in to_jsonb(entry)::text) > 0").format(sql.Literal(name)) for name in names
        )
        for row in _rows(dsn, table.name, like):
            naming = frozenset(column for column, value in row.items() if value is not None and is_named(value, names))
            if naming:
                found.append(PersonRecord(table=table.name, values=row, naming=naming))
    if people is not None:
        found += _by_key(dsn, people, found)
    return found


def _by_key(dsn: Reference, people: str, found: Sequence[PersonRecord]) -> list[PersonRecord]:
    """The records whose foreign key names the person's row, and which do not name the person themselves."""
    from psycopg import sql

    own = [one for one in found if one.table == people]
    if not own:
        raise DriverError(
            f"the table {people} has no row of the person", where="export.people", hint="plant the person"
        )
    more: list[PersonRecord] = []
    for name, column, key in rows_of(dsn, sql.SQL(_KEYS).format(sql.Literal(people))):
        table = str(name).removeprefix("public.").replace('"', "")
        for person in own:
            if person.values.get(key) is None:
                continue
            same = sql.SQL("entry.{}::text = {}").format(sql.Identifier(column), sql.Literal(str(person.values[key])))
            known = [one.values for one in (*found, *more) if one.table == table]
            more += [
                PersonRecord(table=table, values=row, naming=frozenset({column}))
                for row in _rows(dsn, table, same)
                if row not in known
            ]
    return more


def _rows(dsn: Reference, table: str, condition: Any) -> list[dict[str, Any]]:
    from psycopg import sql

    query = sql.SQL("SELECT to_jsonb(entry) FROM {} AS entry WHERE {} LIMIT {}").format(
        sql.Identifier(*schema_and_name(table)), condition, sql.Literal(MOST + 1)
    )
    rows = [dict(row[0]) for row in rows_of(dsn, query, whole=True)]
    if len(rows) > MOST:
        raise DriverError(
            f"{table} has more than {MOST} records of the person", where="export", hint="plant another one"
        )
    return rows
