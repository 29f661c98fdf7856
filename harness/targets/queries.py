"""Queries of the view `pg_stat_statements`, in which PostgreSQL counts its statements.

The counts only grow, so the difference of two readings shows what ran in between. Nothing is reset, since others may
read the view.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final, LiteralString

from harness.model.records.queries import shortened

if TYPE_CHECKING:
    from psycopg import sql

HEARTBEAT: Final = "heartbeat"
"""The table of the watcher `replicas`, made beside the platform's own, with one row that it writes over several times a second."""
EXTENSION: Final = "SELECT extnamespace::regnamespace::text FROM pg_extension WHERE extname = 'pg_stat_statements'"
"""Query for the schema of the extension, quoted if necessary."""
_FORGOTTEN: Final = "SELECT dealloc FROM {schema}.pg_stat_statements_info"
_STATEMENTS: Final = (
    "SELECT s.queryid::text, s.query, s.calls, s.total_exec_time, s.stddev_exec_time, s.min_exec_time, s.max_exec_time "
    "FROM {schema}.pg_stat_statements s JOIN pg_roles r ON r.oid = s.userid JOIN pg_database d ON d.oid = s.dbid "
    "WHERE d.datname = current_database() AND r.rolname = ANY(%s) AND s.queryid IS NOT NULL ORDER BY 1"
)
HINT: Final = (
    "add `pg_stat_statements` to `shared_preload_libraries`, run `CREATE EXTENSION pg_stat_statements` in the database of the DSN, "
    "and let its role read all statistics (`GRANT pg_read_all_stats`)"
)


def statements_in(schema: str) -> sql.Composed:
    """The query for the statements of some roles, in the schema that the query `EXTENSION` returned."""
    return _in_schema(_STATEMENTS, schema)


def forgotten_in(schema: str) -> sql.Composed:
    """The query for the number of times that the server dropped rare statements to make room."""
    return _in_schema(_FORGOTTEN, schema)


def _in_schema(query: LiteralString, schema: str) -> sql.Composed:
    from psycopg import sql  # here: a plan lists what reads statements, and asks no database

    return sql.SQL(query).format(schema=sql.SQL(schema))


def counted(rows: Iterable[Sequence[Any]]) -> list[dict[str, Any]]:
    """The rows of `statements_in` by name.

    The keys are `id`, `text` (without values), `calls`, and in ms `total_ms`, `stddev_ms`, `least_ms` and `most_ms`.
    """
    return [
        {
            "id": str(number),
            "text": shortened(str(text)),
            "calls": int(calls),
            "total_ms": float(total),
            "stddev_ms": float(stddev),
            "least_ms": float(least),
            "most_ms": float(most),
        }
        for number, text, calls, total, stddev, least, most in rows
    ]
