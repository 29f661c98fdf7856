"""The services' queries as a real PostgreSQL answers them, in the services' own metrics."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families

from readiness_sandbox.platform.normaldance.kit.queries import SECONDS, TimedCursor

if TYPE_CHECKING:
    from tests.sandbox.platform.conftest import Postgres


def test_a_query_is_counted_by_its_text_and_not_by_its_values(postgres: Postgres) -> None:
    """One that fails is not an answer."""

    async def ask() -> None:
        connect = psycopg.AsyncConnection.connect
        async with await connect(postgres.conninfo, autocommit=True, cursor_factory=TimedCursor) as connection:
            for value in (1, 2):
                await connection.execute("SELECT %s::int\n AS asked", [value])
            with pytest.raises(psycopg.Error):
                await connection.execute("SELECT nothing FROM nowhere")

    asyncio.run(ask())
    counts = {
        sample.labels["query"]: sample.value
        for family in text_string_to_metric_families(SECONDS.exposition())
        for sample in family.samples
        if sample.name.endswith("_count") and "pg_sleep" not in sample.labels["query"]  # other tests of this process
    }
    assert counts == {"SELECT $1::int AS asked": 2.0}
