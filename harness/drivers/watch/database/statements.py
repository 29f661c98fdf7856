"""Watcher of the SQL statements of the services, as each database member counts them.

Counting begins with the first call of a statement. The first reading has all statements; a later reading has the
statements that ran since the previous reading.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from harness import clock
from harness.drivers.watch.database.session_errors import NoAnswerError
from harness.drivers.watch.recorder import WatchRecorder
from harness.drivers.watch.settings import Rates
from harness.drivers.watch.watching import Watcher, Watching
from harness.evidence.histories.history import History
from harness.targets.files.target import Target
from harness.targets.queries import EXTENSION, HINT, counted, statements_in

if TYPE_CHECKING:
    from harness.drivers.watch.database.sessions import DatabaseSession

WITHIN_S: Final = 1.0
"""Timeout of one reading in s."""


class MemberStatements:
    """Reads the statements of one member; a reading that is due during another reading is left out."""

    def __init__(
        self,
        *,
        member: str,
        roles: tuple[str, ...],
        session: DatabaseSession,
        history: History,
        recorder: WatchRecorder,
    ) -> None:
        self._member = member
        self._roles = list(roles)
        self._session = session
        self._history = history
        self._recorder = recorder
        self._schema = ""
        self._calls: dict[str, list[int]] = {}
        self._busy = False

    async def probe(self, _due_ns: int) -> None:
        """Read the statements; record those with grown counts, or the reason for a missing reading."""
        if self._busy:
            return
        self._busy = True
        try:
            grown, why = await self._read(), ""
        except NoAnswerError as error:
            grown, why = [], str(error)
            self._recorder.trouble("statements", f"{self._member or 'the database'}: {why}")
        finally:
            self._busy = False
        self._history.put("statements.grown", self._member, at_ns=clock.now_ns(), statements=grown, why=why)

    async def _read(self) -> list[dict[str, Any]]:
        if not self._schema:
            named = await self._session.rows(EXTENSION, within_s=WITHIN_S)
            if not named:
                raise NoAnswerError(f"the extension `pg_stat_statements` is missing; {HINT}")
            self._schema = str(named[0][0])
        found = counted(await self._session.rows(statements_in(self._schema), (self._roles,), within_s=WITHIN_S))
        before, self._calls = self._calls, {}
        for one in found:  # one that several roles run is there once for each of them
            self._calls.setdefault(one["id"], []).append(one["calls"])
        return [one for one in found if self._calls[one["id"]] != before.get(one["id"])]


class StatementsWatcher(Watcher):
    """Reads the services' statements on each member, or on the database if no member is configured."""

    name: ClassVar[str] = "statements"
    file: ClassVar[str] = "history/statements.ndjson"

    def needs(self, target: Target) -> bool:
        """Whether the target has the key `database.roles`."""
        return target.database is not None and bool(target.database.roles)

    def per_s(self, rates: Rates) -> float:
        """Planned readings per second of each member."""
        return rates.statements

    def begin(self, here: Watching) -> None:
        """Start one schedule per member."""
        database, history = here.target.database, here.recorder.history(self.name)
        if database is None:
            return
        asked = {name: member.dsn for name, member in database.members.items()} or {"": database.dsn}
        for number, (name, dsn) in enumerate(asked.items()):
            reader = MemberStatements(
                member=name,
                roles=tuple(database.roles),
                session=here.session(dsn.resolve()),
                history=history,
                recorder=here.recorder,
            )
            here.schedule(self.name, here.settings.rates.statements, reader.probe, of=name, phase=number / len(asked))
