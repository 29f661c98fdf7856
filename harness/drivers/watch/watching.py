"""What a watcher is, and what it is given: connections, schedules, streams and files of one watching process."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, ClassVar

import httpx

from harness.drivers.watch.attendance import Attendance
from harness.drivers.watch.recorder import Recorder
from harness.drivers.watch.schedule import Look, Schedule
from harness.drivers.watch.sessions import Session
from harness.drivers.watch.settings import Rates, WatchSettings
from harness.drivers.watch.streams import Follower, api_http, follow
from harness.drivers.watch.wires import Wires
from harness.targets.http import proxy_for, tls_context
from harness.targets.target import Target


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """How closely the target is watched now.

    Attributes:
        window_open: a fault-free window is open: uptimes are made of its probes.
        fault_in: from before a fault until the target is restored: recoveries are made of its probes.
    """

    window_open: bool = False
    fault_in: bool = False


class Watching:
    """The means of all watchers of one target.

    Attributes:
        target: what is watched.
        settings: of this process.
        recorder: where everything is recorded.
        schedules: probes that are due at times of their own.
        streams: what is followed until the end.
        wires: connections, one set a watcher and address.
    """

    def __init__(self, target: Target, settings: WatchSettings, recorder: Recorder) -> None:
        self.target = target
        self.settings = settings
        self.recorder = recorder
        self.schedules: list[Schedule] = []
        self.streams: list[Coroutine[Any, Any, None]] = []
        self.wires: list[Wires] = []
        self._tls = tls_context(target)
        self._sessions: list[Session] = []
        self._clients: dict[str, httpx.AsyncClient] = {}

    def schedule(
        self,
        watcher: str,
        per_s: float,
        look: Look,
        *,
        of: str = "",
        phase: float = 0.0,
        attendance: Attendance | None = None,
    ) -> Schedule:
        """Probe again and again.

        Args:
            watcher: its name.
            per_s: probes per second.
            look: one probe, given the time it was due (ns).
            of: what it probes, where a watcher has several schedules.
            phase: 0 to 1, part of a spacing by which the first probe waits.
            attendance: its receipt; None: a new one.
        """

        def trouble(why: str) -> None:
            self.recorder.trouble(watcher, why)

        attendance = attendance or self.recorder.attendance(watcher, of)
        schedule = Schedule(watcher, per_s, look, trouble, attendance, phase=phase)
        self.schedules.append(schedule)
        return schedule

    def wires_to(self, base: str) -> Wires:
        """Connections to an address."""
        wires = Wires(base, self._tls, proxy_for(self.target, base))
        self.wires.append(wires)
        return wires

    def session(self, dsn: str) -> Session:
        """A session with a database."""
        session = Session(dsn, application="readiness-watch")
        self._sessions.append(session)
        return session

    def follow(self, watcher: str, context: str, path: str, follower: Follower, *, field_selector: str = "") -> None:
        """Follow the changes of Kubernetes objects: `path` is their list, in the cluster of that context."""
        if context not in self._clients:
            self._clients[context] = api_http(self.target, context)
        attendance = self.recorder.attendance(watcher, path)
        self.streams.append(follow(self._clients[context], path, follower, attendance, field_selector=field_selector))

    async def close(self) -> None:
        """Close all connections."""
        for wires in self.wires:
            await wires.close()
        for session in self._sessions:
            await session.close()
        for client in self._clients.values():
            await client.aclose()


class Watcher:
    """One watcher. Derive from it, and name the class in `registry.WATCHERS` or by an entry point of the group `readiness.probes`.

    Attributes:
        name: in `watch.started` and `watch.closed`.
        file: what it writes, relative to the run directory: a table `watch/NAME.rows` or a history `history/NAME.ndjson`.
    """

    name: ClassVar[str]
    file: ClassVar[str]

    def needs(self, target: Target) -> bool:
        """Whether the target has what it watches; else it is not started."""
        raise NotImplementedError

    def per_s(self, rates: Rates) -> float:
        """Probes per second that the receipt is held against; 0 of a stream."""
        raise NotImplementedError

    def begin(self, here: Watching) -> None:
        """Open its files, connections and schedules. Called once, inside the event loop, before the first probe is due."""
        raise NotImplementedError

    def pace(self, pace: Pace) -> None:
        """A window or a fault begins or ends; by default nothing changes."""

    def ending(self) -> None:
        """No more probes will be due; those under way may still end."""

    def ended(self) -> None:
        """All probes have ended; the files are still open."""
