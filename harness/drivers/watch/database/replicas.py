"""Watcher of database members: heartbeats in the primary, and the replay lag of each member.

The replay lag of a member at a probe is the age of the oldest heartbeat that the primary had acknowledged before the
probe and that the member does not show. It is 0 if the member shows the newest heartbeat. The age counts from the send
time of the heartbeat. So the figure exceeds the true lag by at most one commit time, and is below the true lag by at
most the spacing of the heartbeats. The loss of the primary does not increase the lag of its standbys.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, ClassVar, Final

from harness import clock
from harness.drivers.watch.database.session_errors import NoAnswerError, NoTableError
from harness.drivers.watch.recorder import WatchRecorder
from harness.drivers.watch.settings import Rates
from harness.drivers.watch.watching import Watcher, Watching
from harness.evidence.rows import RowWriter
from harness.model.records.table import REPLICAS
from harness.targets.files.target import Target

if TYPE_CHECKING:
    from harness.drivers.watch.database.sessions import DatabaseSession

MEMBER_TIMEOUT_S: Final = 1.0
BEAT_S: Final = 5.0
"""Timeout of a heartbeat in s, long enough to try all addresses of the DSN."""

_BEAT: Final = "INSERT INTO heartbeat (id, beat) VALUES (1, %s) ON CONFLICT (id) DO UPDATE SET beat = EXCLUDED.beat"
_TABLE: Final = "CREATE TABLE IF NOT EXISTS heartbeat (id int PRIMARY KEY, beat bigint NOT NULL)"
_MEMBER_QUERY: Final = "SELECT pg_is_in_recovery(), (SELECT beat FROM heartbeat WHERE id = 1)"


class Heartbeats:
    """The heartbeats that the primary acknowledged, identified by their send times (ns)."""

    def __init__(self) -> None:
        self._sent: list[int] = []
        self._acknowledged: list[int] = []

    def acknowledged(self, sent_ns: int, at_ns: int) -> None:
        """Add a committed heartbeat. Call this in the order of sending."""
        self._sent.append(sent_ns)
        self._acknowledged.append(at_ns)

    def lag_ns(self, shown: int | None, at_ns: int) -> int:
        """Replay lag in ns of a member that shows `shown` at `at_ns`; an unknown value counts as no heartbeat."""
        if shown is None or not self._sent or not self._sent[0] <= shown <= at_ns:
            shown = -1
        oldest_unseen = bisect_right(self._sent, shown)
        known = bisect_left(self._acknowledged, at_ns)
        return at_ns - self._sent[oldest_unseen] if oldest_unseen < known else 0


class HeartbeatWriter:
    """Writes heartbeats through the DSN of the primary; a heartbeat that is due during a write is left out."""

    def __init__(self, session: DatabaseSession, beats: Heartbeats, recorder: WatchRecorder) -> None:
        self._session = session
        self._beats = beats
        self._recorder = recorder
        self._busy = False

    async def beat(self, _due_ns: int) -> None:
        """Write one heartbeat, unless the previous write is still open."""
        if self._busy:
            return
        self._busy = True
        sent_ns = clock.now_ns()
        try:
            await self._write(sent_ns)
            self._beats.acknowledged(sent_ns, clock.now_ns())
        except NoAnswerError as error:  # the primary may be another after each answer
            self._recorder.trouble("replicas", f"heartbeat: {error}")
        finally:
            self._busy = False

    async def _write(self, sent_ns: int) -> None:
        try:
            await self._session.ask(_BEAT, (sent_ns,), within_s=BEAT_S)
        except NoTableError:
            await self._session.ask(_TABLE, within_s=BEAT_S)
            await self._session.ask(_BEAT, (sent_ns,), within_s=BEAT_S)


class MemberWatcher:
    """Probes one database member: one row of REPLICAS per probe, and one observation per new role."""

    def __init__(
        self,
        *,
        member: str,
        region: str,
        session: DatabaseSession,
        beats: Heartbeats,
        rows: RowWriter,
        recorder: WatchRecorder,
    ) -> None:
        self._member = member
        self._region = region
        self._session = session
        self._beats = beats
        self._rows = rows
        self._recorder = recorder
        self._role = ""
        self._busy = False

    async def probe(self, due_ns: int) -> None:
        """Query role and heartbeat; if the previous probe is still open, the row has `no answer`."""
        if self._busy:
            self._put(due_ns, -1, None, "no answer")
            return
        self._busy = True
        at_ns = clock.now_ns()
        try:
            answer = await self._session.ask(_MEMBER_QUERY, within_s=MEMBER_TIMEOUT_S)
        except NoTableError:
            self._put(at_ns, -1, None, "no heartbeat")
        except NoAnswerError as error:
            self._put(at_ns, -1, None, str(error))
        else:
            in_recovery, shown = answer or (True, None)
            role = "replica" if in_recovery else "primary"
            self._put(at_ns, self._beats.lag_ns(shown, at_ns) if in_recovery else -1, role, None)
            self._told(role, at_ns)
        finally:
            self._busy = False

    def _put(self, at_ns: int, lag_ns: int, role: str | None, error: str | None) -> None:
        self._rows.put((at_ns, lag_ns), (self._member, self._region, role, error))

    def _told(self, role: str, at_ns: int) -> None:
        if role != self._role:
            self._recorder.pods.put("role.changed", self._member, **{"from": self._role, "to": role, "at_ns": at_ns})
            self._role = role


class ReplicasWatcher(Watcher):
    """Writes heartbeats in the primary, and reads role and lag of each member."""

    name: ClassVar[str] = "replicas"
    file: ClassVar[str] = "watch/replicas.rows"

    def needs(self, target: Target) -> bool:
        """Whether the target has the key `database.members`."""
        return target.database is not None and bool(target.database.members)

    def per_s(self, rates: Rates) -> float:
        """Planned probes per second of each member."""
        return rates.member

    def begin(self, here: Watching) -> None:
        """Start one schedule of heartbeats, and one schedule per member."""
        database, recorder, rate = here.target.database, here.recorder, here.settings.rates.member
        if database is None:
            return
        beats, rows = Heartbeats(), recorder.rows(self.name, REPLICAS)
        writer = HeartbeatWriter(here.session(database.dsn.resolve()), beats, recorder)
        here.schedule(self.name, rate, writer.beat, of="heartbeat")
        for number, (name, member) in enumerate(database.members.items()):
            watcher = MemberWatcher(
                member=name,
                region=member.region,
                session=here.session(member.dsn.resolve()),
                beats=beats,
                rows=rows,
                recorder=recorder,
            )
            here.schedule(self.name, rate, watcher.probe, of=name, phase=(number + 1) / (len(database.members) + 1))
