"""Removes rows that are kept for long enough; a database of a predecessor begins with some."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from .making import output

KEPT: Mapping[str, str] = {"requests": "created", "ledger": "created"}
"""Tables whose rows go by their age, and the column with their time."""
SEED = (
    "INSERT INTO requests (key, answer, created) SELECT 'of-a-predecessor', '{{}}', now() - {age_s} * interval '1 s' "
    "WHERE NOT EXISTS (SELECT FROM requests WHERE key = 'of-a-predecessor'); "
    "INSERT INTO ledger (client, sequence, checksum, created) SELECT 0, 0, '', now() - {age_s} * interval '1 s' "
    "WHERE NOT EXISTS (SELECT FROM ledger WHERE client = 0);"
)
"""Rows that are to go."""


class RowKeeper:
    """Removes rows.

    Args:
        programs: directory of PostgreSQL's programs.
        keep_s: time for which rows are kept.
        left_out: table from which none is removed; empty: none is left out. A planted defect.
    """

    def __init__(self, programs: Path, keep_s: float, left_out: str = "") -> None:
        self._programs, self._keep_s, self._left_out = programs, keep_s, left_out

    async def seed(self, age_s: float) -> None:
        """Add a row of that age to each table. Raises BackupFailed."""
        await self._run(SEED.format(age_s=age_s))

    async def remove_expired(self) -> None:
        """Remove what is older than the rule. Raises BackupFailed."""
        tables = {name: column for name, column in KEPT.items() if name != self._left_out}
        old = f"< now() - {self._keep_s} * interval '1 s';"
        await self._run(" ".join(f"DELETE FROM {name} WHERE {column} {old}" for name, column in tables.items()))  # noqa: S608 - names of above

    async def _run(self, statements: str) -> None:
        command = [str(self._programs / "psql"), "-XAtq", "--no-password", "-v", "ON_ERROR_STOP=1", "-c", statements]
        await output(command, {"PGAPPNAME": "retention", "PGDATABASE": os.environ["PGDATABASE"]})
