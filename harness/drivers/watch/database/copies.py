"""Watcher of the copies: which ledger writes of the run each database member shows, row by row, and since when."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, Final

from harness import clock
from harness.drivers.watch.database.session_errors import NoAnswerError
from harness.drivers.watch.settings import Rates
from harness.drivers.watch.watching import Watcher, Watching
from harness.drivers.watch.writes.ledger import DEADLINE_S, checksum
from harness.evidence.rows import RowWriter
from harness.model.records.items import LEDGER_COPIES
from harness.model.records.table import COPIES
from harness.targets.files.target import Target

if TYPE_CHECKING:
    from psycopg import sql

    from harness.drivers.watch.database.sessions import DatabaseSession

READ_S: Final = 2.0
"""Timeout of a read."""
_MORE_S: Final = 2.0
"""Seconds, in addition to the timeout of a write, for which writes older than the newest one of a member are read again."""
_GAPS: Final = 200
"""Most older writes that one read asks for, because another member shows them."""

Write = tuple[int, int]
"""Client and sequence number."""
Shown = tuple[str, int]
"""The state of a write on a member: `found` or `wrong`, and the number of its rows."""


def query_of(table: str) -> sql.Composed:
    """One row with the writes of some clients from a number on, and with some older numbers: clients, numbers and checksums."""
    from psycopg import sql

    return sql.SQL(
        "SELECT array_agg(client), array_agg(sequence), array_agg(checksum) FROM {} "
        "WHERE client = ANY(%s) AND (sequence >= %s OR sequence = ANY(%s))"
    ).format(sql.Identifier(*table.split(".")))


class Copy:
    """The ledger's writes as one member shows them.

    Args:
        clients: of the ledger.
        again: how many numbers below the newest one are read again, as they may have been committed later.

    Attributes:
        shown: its writes.
        missing: writes that another member shows, and this one does not.
    """

    def __init__(self, clients: tuple[int, ...], again: int) -> None:
        self._clients = clients
        self._again = again
        self._newest = -1
        self._whole = True
        self.shown: dict[Write, Shown] = {}
        self.missing: set[Write] = set()

    @property
    def from_number(self) -> int:
        """The number from which on the next read has to ask."""
        return 0 if self._whole else max(self._newest - self._again, 0)

    @property
    def gaps(self) -> list[int]:
        """Older numbers of missing writes."""
        below = self.from_number
        return sorted({number for _, number in self.missing if number < below})[:_GAPS]

    def answered(self, from_number: int, rows: Iterable[tuple[int, int, str]]) -> dict[Write, Shown]:
        """The changes by a read from that number on.

        A write that was shown before and no longer is counts as `absent`; then the next read is of all rows.
        """
        now: dict[Write, Shown] = {}
        for client, number, held in rows:
            state, copies = now.get((client, number), ("found", 0))
            right = held == checksum(client, number)
            now[client, number] = (state if right else "wrong", copies + 1)
        numbers = range(from_number, self._newest + 1)
        known = ((client, number) for client in self._clients for number in numbers)
        gone = [write for write in known if write in self.shown and write not in now]
        changed = {write: shown for write, shown in now.items() if self.shown.get(write) != shown}
        self._whole = bool(gone)
        self._newest = max([self._newest, *(number for _, number in changed)])
        self.shown.update(changed)
        for write in gone:
            del self.shown[write]
        return {**changed, **dict.fromkeys(gone, ("absent", 0))}

    def silent(self) -> None:
        """Note that the member gave no answer: it may have lost writes meanwhile, so the next read is of all rows."""
        self._whole = True


def compare(copies: Iterable[Copy], changed: Iterable[Write]) -> None:
    """Update which writes each copy misses, after these writes changed in one of them."""
    every = list(copies)
    for write in changed:
        shown = [copy for copy in every if write in copy.shown]
        for copy in every:
            if shown and copy not in shown:
                copy.missing.add(write)
            else:
                copy.missing.discard(write)


class CopyReader:
    """Reads one member: one row of COPIES a read, and one of LEDGER_COPIES a write that it shows otherwise than before."""

    def __init__(
        self,
        *,
        member: str,
        session: DatabaseSession,
        query: sql.Composed,
        clients: tuple[int, ...],
        copies: dict[str, Copy],
        reads: RowWriter,
        rows: RowWriter,
    ) -> None:
        self._member = member
        self._session = session
        self._query = query
        self._clients = clients
        self._copies = copies
        self._reads = reads
        self._rows = rows
        self._busy = False

    async def read(self, due_ns: int) -> None:
        """Ask for what is new; while an earlier read still waits, the row has `no answer`."""
        if self._busy:
            self._reads.put((due_ns, due_ns, -1), (self._member, "no answer"))
            return
        self._busy = True
        copy, at_ns = self._copies[self._member], clock.now_ns()
        from_number = copy.from_number
        try:
            values = (list(self._clients), from_number, copy.gaps)
            answer = await self._session.ask(self._query, values, within_s=READ_S)
        except NoAnswerError as error:
            copy.silent()
            self._reads.put((due_ns, at_ns, -1), (self._member, str(error) or "no answer"))
        else:
            rows = zip(*(column or () for column in answer or ()), strict=True)
            self._keep(copy.answered(from_number, rows))
            self._reads.put((due_ns, at_ns, len(copy.shown)), (self._member, None))
        finally:
            self._busy = False

    def _keep(self, changed: dict[Write, Shown]) -> None:
        seen_ns = clock.now_ns()
        compare(self._copies.values(), changed)
        for (client, number), (state, copies) in changed.items():
            self._rows.put((number, client, seen_ns, copies), (self._member, state))


class CopiesWatcher(Watcher):
    """Reads the ledger's rows from each member of the database."""

    name: ClassVar[str] = "copies"
    file: ClassVar[str] = "watch/copies.rows"

    def needs(self, target: Target) -> bool:
        """The keys `database.members` and `ledger: {copies: true}`."""
        return target.copies_read

    def per_s(self, rates: Rates) -> float:
        """Reads of each member."""
        return rates.copies

    def begin(self, here: Watching) -> None:
        """One schedule per member."""
        database, ledger, settings = here.target.database, here.target.ledger, here.settings
        if database is None or ledger is None:
            return
        per_client = settings.rates.ledger_in_fault / len(settings.clients)
        again = math.ceil(per_client * (DEADLINE_S + _MORE_S))
        copies = {member: Copy(settings.clients, again) for member in database.members}
        reads, rows = here.recorder.rows(self.name, COPIES), here.recorder.rows("ledger-copies", LEDGER_COPIES)
        for number, (name, member) in enumerate(database.members.items()):
            reader = CopyReader(
                member=name,
                session=here.session(member.dsn.resolve()),
                query=query_of(ledger.table),
                clients=settings.clients,
                copies=copies,
                reads=reads,
                rows=rows,
            )
            here.schedule(self.name, settings.rates.copies, reader.read, of=name, phase=number / len(copies))
