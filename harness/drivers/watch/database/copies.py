"""Watcher of the copies: which ledger writes each database member shows, row by row, and since when."""

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
"""Timeout of a read in s."""
_MORE_S: Final = 2.0
"""Seconds in addition to the write timeout in which older writes than a member's newest write are read again."""
_GAPS: Final = 200
"""Maximum number of older writes per read that another member shows and this member does not."""

Write = tuple[int, int]
"""Client and sequence number."""
Shown = tuple[str, int]
"""The state of a write on a member: `found` or `wrong`, and the number of its rows."""


def query_of(table: str) -> sql.Composed:
    """The query for the writes of some clients from one number on, and for some older writes.

    The answer is one row with lists of client numbers, sequence numbers and checksums.
    """
    from psycopg import sql

    return sql.SQL(
        "SELECT array_agg(client), array_agg(sequence), array_agg(checksum) FROM {} "
        "WHERE client = ANY(%s) AND (sequence >= %s OR sequence = ANY(%s))"
    ).format(sql.Identifier(*table.split(".")))


class Copy:
    """The ledger writes that one database member shows.

    Args:
        clients: numbers of the ledger clients.
        again: number of writes below the newest write that are read again, since they may be committed later.

    Attributes:
        shown: state of each write that this member shows.
        missing: writes that another member shows and this member does not.
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
        """The sequence number from which the next read starts."""
        return 0 if self._whole else max(self._newest - self._again, 0)

    @property
    def gaps(self) -> list[int]:
        """Sequence numbers of older writes that are missing."""
        below = self.from_number
        return sorted({number for _, number in self.missing if number < below})[:_GAPS]

    def answered(self, from_number: int, rows: Iterable[tuple[int, int, str]]) -> dict[Write, Shown]:
        """The changes that a read from the given number on shows.

        A write that was shown before and is missing now counts as `absent`; the next read then asks for all rows.
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
        """Note that the member gave no answer; the next read asks for all rows, since writes may be lost."""
        self._whole = True


def compare(copies: Iterable[Copy], changed: Iterable[Write]) -> None:
    """Update the missing writes of each copy after these writes changed in one copy."""
    every = list(copies)
    for write in changed:
        shown = [copy for copy in every if write in copy.shown]
        for copy in every:
            if shown and copy not in shown:
                copy.missing.add(write)
            else:
                copy.missing.discard(write)


class CopyReader:
    """Reads one member; writes one row of COPIES per read, and of LEDGER_COPIES per changed write."""

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
        """Read new writes; if the previous read is still open, the row has `no answer`."""
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
    """Reads the ledger rows from each database member."""

    name: ClassVar[str] = "copies"
    file: ClassVar[str] = "watch/copies.rows"

    def needs(self, target: Target) -> bool:
        """Whether the target has the keys `database.members` and `ledger: {copies: true}`."""
        return target.copies_read

    def per_s(self, rates: Rates) -> float:
        """Planned reads per second of each member."""
        return rates.copies

    def begin(self, here: Watching) -> None:
        """Start one schedule per member."""
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
