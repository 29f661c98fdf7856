"""What the database holds of the ledger, read straight from it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql

from harness import clock
from harness.drivers.watch.ledger import checksum
from harness.drivers.watch.settings import WatchSettings
from harness.evidence.rows import RowWriter
from harness.model import LEDGER_FINAL, FinalRead
from harness.targets import Target

_WITHIN_MS: Final = 20_000
_CONNECT_S: Final = 5
"""For each address of the DSN."""


class FinalReads:
    """Reads all rows of a run after each restore and at the end; the first round is 1."""

    def __init__(self, target: Target, settings: WatchSettings) -> None:
        self._target = target
        self._clients = settings.clients
        self._path: Path = settings.run_directory / "watch" / "ledger-final.rows"
        self._rows: RowWriter | None = None
        self._round = 0

    def read(self, after: str) -> FinalRead:
        """Read once; `after` names the experiment whose restore it follows, or `end`. Never raises for what the database does."""
        self._round += 1
        at_ns = clock.now_ns()
        rows, why = 0, ""
        try:
            found = self._found()
        except psycopg.Error as error:
            why = " ".join(str(error).split()) or type(error).__name__
        else:
            rows = len(found)
            self._put(found, at_ns)
        return FinalRead(round=self._round, after=after, complete=not why, at_ns=at_ns, rows=rows, why=why)

    def close(self) -> None:
        """Close the file in order."""
        if self._rows:
            self._rows.close()

    def _found(self) -> list[tuple[int, int, str | None]]:
        database, ledger = self._target.database, self._target.ledger
        if database is None or ledger is None:
            raise psycopg.InterfaceError("the target file names no database or no ledger to read back")
        query = sql.SQL("SELECT client, sequence, checksum FROM {} WHERE client = ANY(%s)").format(
            sql.Identifier(*ledger.table.split("."))
        )
        options = f"-c statement_timeout={_WITHIN_MS}"
        with psycopg.connect(database.dsn.resolve(), connect_timeout=_CONNECT_S, options=options) as connection:
            return connection.execute(query, (list(self._clients),)).fetchall()

    def _put(self, found: list[tuple[int, int, str | None]], at_ns: int) -> None:
        if self._rows is None:
            self._rows = RowWriter(self._path, LEDGER_FINAL)
        for client, sequence, held in found:
            state = "ok" if held == checksum(client, sequence) else "wrong"
            self._rows.put((client, sequence, self._round, at_ns), ("database", state))
        self._rows.flush()
