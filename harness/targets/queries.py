"""What a PostgreSQL counts of its statements: the view of the extension `pg_stat_statements`, as it is asked and as it answers.

Its counts go on growing, so two readings tell what ran between them. Nothing is reset: other readers of the same view keep what they had.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from psycopg import sql

from harness.model.queries import shortened

EXTENSION: Final = sql.SQL(
    "SELECT extnamespace::regnamespace::text FROM pg_extension WHERE extname = 'pg_stat_statements'"
)
FORGOTTEN: Final = sql.SQL("SELECT dealloc FROM {schema}.pg_stat_statements_info")
STATEMENTS: Final = sql.SQL(
    "SELECT s.queryid::text, s.query, s.calls, s.total_exec_time, s.stddev_exec_time, s.min_exec_time, s.max_exec_time "
    "FROM {schema}.pg_stat_statements s JOIN pg_roles r ON r.oid = s.userid JOIN pg_database d ON d.oid = s.dbid "
    "WHERE d.datname = current_database() AND r.rolname = ANY(%s) AND s.queryid IS NOT NULL ORDER BY 1"
)
"""Those of some roles; `{schema}` is the extension's."""
HINT: Final = (
    "add `pg_stat_statements` to `shared_preload_libraries`, run `CREATE EXTENSION pg_stat_statements` in the database of the DSN, "
    "and let its role read all statistics (`GRANT pg_read_all_stats`)"
)


def counted(rows: Iterable[Sequence[Any]]) -> list[dict[str, Any]]:
    """The rows of `STATEMENTS` by name: `id`, `text` without values, `calls`, and in ms `total_ms`, `stddev_ms`, `least_ms`, `most_ms`."""
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
