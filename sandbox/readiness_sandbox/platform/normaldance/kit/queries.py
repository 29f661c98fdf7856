"""How often each query of a pod ran and how long it took, as a histogram of its metrics."""

from __future__ import annotations

import time
from typing import Any, Final, Self

import psycopg

from .times import QuickHistogram

LONGEST: Final = 1000
"""Characters of a query that are kept in its label."""
BUCKETS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
"""Each is a series of every query of every pod."""

SECONDS: Final = QuickHistogram("database_query_seconds", "From a query to its answer.", ("store", "query"), BUCKETS_S)
"""Of the queries that were answered. `query` is the text with `$1` for its values."""


class TimedCursor(psycopg.AsyncCursor[Any]):
    """A cursor that counts and times what it executes."""

    async def execute(self, query: Any, params: Any = None, **more: Any) -> Self:
        """As psycopg does."""
        began_s = time.monotonic()
        await super().execute(query, params, **more)
        if self._query is not None:
            SECONDS.observe(time.monotonic() - began_s, "postgres", label_of(self._query.query))
        return self


def label_of(query: bytes) -> str:
    """The beginning of a query on one line."""
    return " ".join(query.decode("utf-8", errors="replace").split())[:LONGEST]
