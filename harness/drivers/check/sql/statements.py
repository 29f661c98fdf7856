"""How often each statement of the platform's services ran and how long it took, as every member of the database itself counts it.

The view is that of PostgreSQL's extension `pg_stat_statements`; its counts go on growing, so two readings tell what ran between them. Nothing is
reset: other readers of the same view keep what they had.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg import sql

from harness import clock
from harness.drivers.check.sql.asking import database_in, rows_of
from harness.errors import ConfigurationError, TargetUnreachable
from harness.targets import Target
from harness.targets.reference import Reference

_EXTENSION: Final = sql.SQL(
    "SELECT extnamespace::regnamespace::text FROM pg_extension WHERE extname = 'pg_stat_statements'"
)
_STATEMENTS: Final = sql.SQL(
    "SELECT s.queryid::text, s.query, s.calls, s.total_exec_time, s.stddev_exec_time, s.min_exec_time, s.max_exec_time "
    "FROM {schema}.pg_stat_statements s JOIN pg_roles r ON r.oid = s.userid JOIN pg_database d ON d.oid = s.dbid "
    "WHERE d.datname = current_database() AND r.rolname = ANY(%s) AND s.queryid IS NOT NULL ORDER BY 1"
)
_FORGOTTEN: Final = sql.SQL("SELECT dealloc FROM {schema}.pg_stat_statements_info")
_QUOTED: Final = re.compile(r"'(?:[^']|'')*'")
_LONGEST: Final = 100
_HINT: Final = (
    "add `pg_stat_statements` to `shared_preload_libraries`, run `CREATE EXTENSION pg_stat_statements` in the database of the DSN, "
    "and let its role read all statistics (`GRANT pg_read_all_stats`)"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class StatementsRead:
    """What one member said at one moment.

    Attributes:
        member: its name; empty: the database of the target file's `dsn`.
        at_ns: when the answer came.
        statements: of each its `id`, `text` without values, `calls`, `total_ms`, `stddev_ms`, `least_ms`, `most_ms`, all since it was first counted.
        forgotten: how often the member dropped the statements that ran least, to make room.
        why: why there is nothing; empty where there is.
    """

    member: str
    at_ns: int
    statements: Sequence[dict[str, Any]] = ()
    forgotten: int = 0
    why: str = ""


def read_statements(target: Target) -> list[StatementsRead]:
    """Ask every member, or the database where none is named.

    Raises:
        ConfigurationError: the target file names no database, or no roles of the services.
    """
    database = database_in(target)
    if not database.roles:
        hint = "write `roles: [ROLE]`: the roles that the platform's services log in as"
        raise ConfigurationError("names no roles", where=f"{target.file}: database.roles", hint=hint)
    asked = {name: member.dsn for name, member in database.members.items()} or {"": database.dsn}
    return [_of_member(name, dsn, database.roles) for name, dsn in asked.items()]


def _of_member(name: str, dsn: Reference, roles: Sequence[str]) -> StatementsRead:
    try:
        found = rows_of(dsn, _EXTENSION)
        if not found:
            return StatementsRead(
                member=name, at_ns=clock.now_ns(), why=f"no extension `pg_stat_statements`; hint: {_HINT}"
            )
        schema = sql.SQL(str(found[0][0]))  # as the server quotes it
        rows = rows_of(dsn, _STATEMENTS.format(schema=schema), [list(roles)])
        [(forgotten,)] = rows_of(dsn, _FORGOTTEN.format(schema=schema))
    except TargetUnreachable as error:
        return StatementsRead(member=name, at_ns=clock.now_ns(), why=error.what)
    except psycopg.Error as error:
        said = " ".join(str(error).split()) or type(error).__name__
        return StatementsRead(member=name, at_ns=clock.now_ns(), why=f"{said}; hint: {_HINT}")
    statements = [
        {
            "id": str(number),
            "text": _without_values(str(text)),
            "calls": int(calls),
            "total_ms": float(total),
            "stddev_ms": float(stddev),
            "least_ms": float(least),
            "most_ms": float(most),
        }
        for number, text, calls, total, stddev, least, most in rows
    ]
    return StatementsRead(member=name, at_ns=clock.now_ns(), statements=statements, forgotten=int(forgotten))


def _without_values(text: str) -> str:
    """The beginning of a statement on one line; PostgreSQL puts `$1` for most values, the others are left out here."""
    line = " ".join(_QUOTED.sub("'…'", text).split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
