"""The base class `Watcher`, and the connections, schedules, streams and files that a watcher uses."""

from __future__ import annotations

from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from harness.drivers.watch.attendance import Attendance
from harness.drivers.watch.recorder import WatchRecorder
from harness.drivers.watch.schedule import Probe, ProbeSchedule
from harness.drivers.watch.settings import Rates, WatchSettings
from harness.targets.access import Access
from harness.targets.files.target import Target
from harness.targets.http import proxy_for, tls_context

if TYPE_CHECKING:
    import httpx

    from harness.drivers.watch.cluster.streams import Follower
    from harness.drivers.watch.database.sessions import DatabaseSession
    from harness.drivers.watch.entry.wires import Wires


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """State of the run that decides how often the target is probed.

    Attributes:
        window_open: whether a fault-free window is open whose probes give the uptimes.
        fault_in: whether a fault may be active, from before the fault until the restore; its probes give the recovery
        times.
    """

    window_open: bool = False
    fault_in: bool = False


class Closing(Protocol):
    """A client that is closed at the end."""

    async def aclose(self) -> None:
        """Close all its connections."""


class Watching:
    """Connections, schedules, streams and files for the watchers of one target.

    Clients of HTTP, databases and clusters are imported with the first connection: a plan lists the watchers and opens
    no connection.

    Attributes:
        target: watched target.
        settings: settings of this process.
        recorder: recorder of all files.
        schedules: probe schedules.
        streams: streams that are followed until the end.
        wires: connections, one set per watcher and address.
    """

    def __init__(self, target: Target, settings: WatchSettings, recorder: WatchRecorder) -> None:
        self.target = target
        self.settings = settings
        self.recorder = recorder
        self.schedules: list[ProbeSchedule] = []
        self.streams: list[Coroutine[Any, Any, None]] = []
        self.wires: list[Wires] = []
        self._tls = tls_context(target)
        self._sessions: list[DatabaseSession] = []
        self._clients: dict[str, httpx.AsyncClient] = {}
        self._others: list[Closing] = []

    def schedule(
        self,
        watcher: str,
        per_s: float,
        probe: Probe,
        *,
        of: str = "",
        phase: float = 0.0,
        attendance: Attendance | None = None,
    ) -> ProbeSchedule:
        """Schedule a repeated probe.

        Args:
            watcher: name of the watcher.
            per_s: probes per second.
            probe: probe to repeat, called with its due time (ns).
            of: name of the probed object, if a watcher has several schedules.
            phase: delay of the first probe as a part (0 to 1) of a spacing.
            attendance: attendance of the schedule; None: a new one.
        """

        def trouble(why: str) -> None:
            self.recorder.trouble(watcher, why)

        attendance = attendance or self.recorder.attendance(watcher, of)
        schedule = ProbeSchedule(watcher, per_s, probe, trouble, attendance, phase=phase)
        self.schedules.append(schedule)
        return schedule

    def wires_to(self, base: str) -> Wires:
        """Connections to the address `base`."""
        from harness.drivers.watch.entry.wires import Wires

        wires = Wires(base, self._tls, proxy_for(self.target, base))
        self.wires.append(wires)
        return wires

    def session(self, dsn: str) -> DatabaseSession:
        """A session with the database of a DSN."""
        from harness.drivers.watch.database.sessions import DatabaseSession

        session = DatabaseSession(dsn, application="readiness-watch")
        self._sessions.append(session)
        return session

    def follow(self, watcher: str, context: str, path: str, follower: Follower, *, field_selector: str = "") -> None:
        """Follow the changes of Kubernetes objects in the list at `path`, in the cluster of a kubeconfig context."""
        from harness.drivers.watch.cluster.streams import api_http, follow

        if context not in self._clients:
            self._clients[context] = api_http(self.target, context)
        attendance = self.recorder.attendance(watcher, path)
        self.streams.append(follow(self._clients[context], path, follower, attendance, field_selector=field_selector))

    def closes(self, client: Closing) -> None:
        """Close a client of the watcher's own at the end."""
        self._others.append(client)

    async def close(self) -> None:
        """Close all connections."""
        for wires in self.wires:
            await wires.close()
        for session in self._sessions:
            await session.close()
        for client in (*self._clients.values(), *self._others):
            await client.aclose()


class Watcher:
    """Base class of watchers, registered in `registry.WATCHERS` or as an entry point `readiness.probes`.

    Attributes:
        name: name in `watch.started` and `watch.closed`.
        file: written file, relative to the run directory: a table `watch/NAME.rows` or a history `history/NAME.ndjson`.
    """

    name: ClassVar[str]
    file: ClassVar[str]

    def needs(self, target: Target) -> bool:
        """Whether the target file has the keys that this watcher needs; otherwise the watcher is not started."""
        raise NotImplementedError

    def accesses(self, target: Target) -> Sequence[Access]:  # noqa: ARG002 - the watchers of a cluster say more
        """The Kubernetes permissions that the watcher needs; none by default."""
        return ()

    def per_s(self, rates: Rates) -> float:
        """Planned probes per second for the receipt; 0 for a stream, and where each subject has a rate of its own."""
        raise NotImplementedError

    def begin(self, here: Watching) -> None:
        """Open the files, connections and schedules of the watcher.

        Called once in the event loop, before the first probe.
        """
        raise NotImplementedError

    def pace(self, pace: Pace) -> None:
        """Adapt to the begin or end of a window or fault; the default does nothing."""

    def respace(self, recorder: WatchRecorder, per_s: float, schedules: Iterable[ProbeSchedule]) -> None:
        """Give its schedules this rate and record the new spacing, if one of them has another rate."""
        changed = [schedule for schedule in schedules if schedule.per_s != per_s]
        for schedule in changed:
            schedule.set_rate(per_s)
        if changed:
            recorder.respaced(self.name, 1000 / per_s)

    def ending(self, *, at_once: bool) -> None:
        """Called when no more probes will be due; open probes may complete, but only briefly with `at_once`."""

    def ended(self) -> None:
        """Called when all probes have completed, while the files are still open."""
