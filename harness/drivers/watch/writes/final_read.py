"""Reads all ledger rows: directly from the database, through the entry, and through the entry of each region."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from harness import clock
from harness.drivers.watch.settings import WatchSettings
from harness.drivers.watch.writes.ledger import checksum, held_in
from harness.errors import MissingEvidence
from harness.evidence.rows import RowWriter, read_rows
from harness.model import LEDGER_FINAL, LEDGER_WRITES, FinalRead
from harness.model.records.evidence import DATABASE, ENTRY
from harness.targets import Target
from harness.targets.http import http_client

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

_WITHIN_MS: Final = 20_000
_CONNECT_S: Final = 5
"""Connection timeout in s for each address of the DSN."""

REGION_LAG_S: Final = 11.0
"""Seconds for which an entry is read again, since its copy may lag: slightly more than the 10 s that profiles allow."""
_REGION_EACH_S: Final = 0.25
_ANSWER_S: Final = 3.0

Row = tuple[int, int, str | None]
"""Client, sequence number and checksum."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Held:
    """The rows that one source contained, or why it could not be read."""

    source: str
    at_ns: int
    rows: tuple[Row, ...] = ()
    why: str = ""


class FinalReads:
    """Reads all ledger rows of a run after each restore and at the end.

    Each read of a source is a round; the first round is 1.
    """

    def __init__(self, target: Target, settings: WatchSettings) -> None:
        self._target = target
        self._clients = settings.clients
        self._folder: Path = settings.run_directory / "watch"
        self._rows: RowWriter | None = None
        self._round = 0

    def read(self, after: str) -> FinalRead:
        """Read the database once. Errors of the database are recorded and not raised.

        `after` names the experiment whose restore precedes the read, or is `end`.
        """
        import psycopg  # here, so that a plan and a replay, which send no request, start quickly

        at_ns = clock.now_ns()
        try:
            held = _Held(source=DATABASE, at_ns=at_ns, rows=tuple(self._found()))
        except psycopg.Error as error:
            held = _Held(source=DATABASE, at_ns=at_ns, why=_said(error))
        return self._put(held, after)

    def read_entries(self, after: str, *, lag_s: float = REGION_LAG_S) -> list[FinalRead]:
        """Read through the entry of every region concurrently, after all writes have ended.

        Nothing is read if the target file has no path for it. The entry of the platform is read too if there is no
        database or a region has no entry. An entry that lacks an acknowledged write is read again for at most `lag_s`
        seconds, since a copy may lag. The first and the last read of that entry are then two rounds, and the last round
        decides.

        Args:
            after: name of the experiment before the read, or `end`.
            lag_s: maximum lag of a copy, in seconds.
        """
        target, entries = self._target, dict(self._target.doors)
        if target.database is None or not entries:
            entries[ENTRY] = target.entry
        return self._read_through(entries, after, lag_s)

    def read_entry(self, after: str) -> list[FinalRead]:
        """Read through the platform's entry once; nothing is read if the target file has no path for it."""
        return self._read_through({ENTRY: self._target.entry}, after, lag_s=0)

    def _read_through(self, entries: Mapping[str, str], after: str, lag_s: float) -> list[FinalRead]:
        ledger = self._target.ledger
        if ledger is None or not ledger.read:
            return []
        expected, path = self._acknowledged(), ledger.path
        with ThreadPoolExecutor(len(entries)) as pool:
            asked = [pool.submit(self._through, name, entry, path, expected, lag_s) for name, entry in entries.items()]
        return [self._put(held, after) for one in asked for held in one.result()]

    def close(self) -> None:
        """Close the file."""
        if self._rows:
            self._rows.close()

    def _found(self) -> list[Row]:
        import psycopg  # as above
        from psycopg import sql

        database, ledger = self._target.database, self._target.ledger
        if database is None or ledger is None:
            raise psycopg.InterfaceError("the target file has no `database` or no `ledger`")
        query = sql.SQL("SELECT client, sequence, checksum FROM {} WHERE client = ANY(%s)").format(
            sql.Identifier(*ledger.table.split("."))
        )
        options = f"-c statement_timeout={_WITHIN_MS}"
        with psycopg.connect(database.dsn.resolve(), connect_timeout=_CONNECT_S, options=options) as connection:
            return connection.execute(query, (list(self._clients),)).fetchall()

    def _acknowledged(self) -> set[tuple[int, int]]:
        """The acknowledged writes that the watch has recorded; none if it left no record."""
        try:
            writes = read_rows(self._folder / "ledger-writes.rows", LEDGER_WRITES).table
        except MissingEvidence:
            return set()
        ints = writes.where(writes.words["outcome"].equals("accepted")).ints
        return set(zip(ints["by"].tolist(), ints["id"].tolist(), strict=True))

    def _through(self, source: str, entry: str, path: str, expected: set[tuple[int, int]], lag_s: float) -> list[_Held]:
        """The first complete read of an entry, and the last one if the first lacked a write; or why there was none."""
        import httpx  # as above

        reads: list[_Held] = []
        why = "the source was not read"
        with http_client(self._target, entry, timeout_s=_ANSWER_S) as http:
            for _ in clock.Deadline.after(lag_s).ticks(_REGION_EACH_S):
                at_ns = clock.now_ns()
                try:
                    rows = tuple(row for client in self._clients for row in _held_by(http, path, client))
                except (httpx.HTTPError, ValueError) as error:
                    why = _said(error)
                    continue
                reads = [*reads[:1], _Held(source=source, at_ns=at_ns, rows=rows)]
                if expected <= {(client, sequence) for client, sequence, _ in rows}:
                    break
        return reads or [_Held(source=source, at_ns=clock.now_ns(), why=why)]

    def _put(self, held: _Held, after: str) -> FinalRead:
        self._round += 1
        if self._rows is None:
            self._rows = RowWriter(self._folder / "ledger-final.rows", LEDGER_FINAL)
        for client, sequence, value in held.rows:
            state = "found" if value == checksum(client, sequence) else "wrong"
            self._rows.put((sequence, client, held.at_ns, self._round), (held.source, state))
        self._rows.flush()
        return FinalRead(
            round=self._round,
            after=after,
            source=held.source,
            complete=not held.why,
            at_ns=held.at_ns,
            rows=len(held.rows),
            why=held.why,
        )


def _held_by(http: httpx.Client, path: str, client: int) -> list[Row]:
    answer = http.get(path, params={"client": client})
    if answer.status_code != 200:
        raise ValueError(f"status {answer.status_code}")
    return [(client, sequence, value) for sequence, value in held_in(answer.content)]


def _said(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
