"""All watchers of one target: what it has decides who watches."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Coroutine, Mapping
from typing import Any, Final

import httpx

from harness.drivers.watch.alerts import Alerts
from harness.drivers.watch.attendance import Attendance
from harness.drivers.watch.ledger import DEADLINE_S, READ_S, LedgerClients
from harness.drivers.watch.pipeline import GRACE_S, LOOK_S, PipelineClient
from harness.drivers.watch.pods import Leader, Nodes, Pods
from harness.drivers.watch.probers import WAIT_S, Prober
from harness.drivers.watch.recorder import Recorder
from harness.drivers.watch.replicas import Heartbeats, HeartbeatWriter, MemberWatcher
from harness.drivers.watch.schedule import Look, Schedule, keep
from harness.drivers.watch.sessions import Session
from harness.drivers.watch.settings import WatchSettings
from harness.drivers.watch.streams import Follower, api_http, follow
from harness.drivers.watch.wires import Wires
from harness.model.table import LEDGER_READS, LEDGER_WRITES, PIPELINE, PROBES, REPLICAS
from harness.targets.http import proxy_for, tls_context
from harness.targets.parts import Database, Kubernetes, LedgerSettings, Pipeline, ReadProbe
from harness.targets.target import Target

_FINISH_S: Final = max(DEADLINE_S + READ_S, GRACE_S + 2 * LOOK_S) + 0.5
"""Looks that are open at the end are waited for this long: the longest deadline of them, and a little."""


class Watchers:
    """Sets up the watchers that the target has the means for."""

    def __init__(self, target: Target, settings: WatchSettings, recorder: Recorder) -> None:
        self._target = target
        self._settings = settings
        self._recorder = recorder
        self._tls = tls_context(target)
        self._schedules: list[Schedule] = []
        self._wires: list[Wires] = []
        self._sessions: list[Session] = []
        self._clients: dict[str, httpx.AsyncClient] = {}
        self._streams: list[Coroutine[Any, Any, None]] = []
        self._pipeline: PipelineClient | None = None
        self._alerts: Alerts | None = None
        self._reads, self._health = self._watch_entry()
        self._regions = self._watch_regions()
        if target.ledger:
            self._watch_ledger(target.ledger)
        if target.pipeline:
            self._watch_pipeline(target.pipeline)
        if target.database:
            self._watch_database(target.database)
        if target.kubernetes:
            self._watch_cluster(target.kubernetes)
        if target.prometheus:
            self._watch_alerts(target.prometheus)

    def jobs(self) -> list[Coroutine[Any, Any, None]]:
        """What runs until cancelled."""
        return [keep(self._schedules), *self._streams]

    async def warm_up(self) -> None:
        """One request a connection, unrecorded: what is imported and set up at first use must not delay the first looks."""
        health = self._target.probes.health
        await asyncio.gather(*(wires.ask("GET", health, within_s=WAIT_S) for wires in self._wires))

    def set_health_rate(self, per_s: float) -> None:
        """Ask the health path that often from now on."""
        self._health.set_rate(per_s)

    def set_fault(self, *, is_in: bool) -> None:
        """Read at the entry and the regions as often as during a fault, or as beside one."""
        rates = self._settings.rates
        entry, region = (rates.read_in_fault, rates.region_in_fault) if is_in else (rates.read, rates.region)
        self._reads.set_rate(entry)
        self._recorder.respaced("entry", 1000 / entry)
        for schedule in self._regions:
            schedule.set_rate(region)
        if self._regions:
            self._recorder.respaced("regions", 1000 / region)

    async def finish(self) -> None:
        """Wait for the looks that are open, then close what they used."""
        if self._pipeline:
            self._pipeline.end()
        await asyncio.gather(*(schedule.finish(_FINISH_S) for schedule in self._schedules))
        if self._alerts:
            self._alerts.end()
        for wires in self._wires:
            await wires.close()
        for session in self._sessions:
            await session.close()
        for client in self._clients.values():
            await client.aclose()

    def _schedule(
        self,
        watcher: str,
        per_s: float,
        look: Look,
        *,
        of: str = "",
        phase: float = 0.0,
        attendance: Attendance | None = None,
    ) -> Schedule:
        def trouble(why: str) -> None:
            self._recorder.trouble(watcher, why)

        attendance = attendance or self._recorder.attendance(watcher, of)
        schedule = Schedule(watcher, per_s, look, trouble, attendance, phase=phase)
        self._schedules.append(schedule)
        return schedule

    def _wires_to(self, base: str) -> Wires:
        wires = Wires(base, self._tls, proxy_for(self._target, base))
        self._wires.append(wires)
        return wires

    def _session(self, dsn: str) -> Session:
        session = Session(dsn, application="readiness-watch")
        self._sessions.append(session)
        return session

    def _watch_entry(self) -> tuple[Schedule, Schedule]:
        """The schedules of reads and of the health path."""
        target, rates = self._target, self._settings.rates
        rows = self._recorder.rows("entry", PROBES)
        reads = {"read": target.probes.read, "health": ReadProbe(path=target.probes.health)}
        probers = {
            kind: Prober(subject="entry", kind=kind, read=read, wires=self._wires_to(target.entry), rows=rows)
            for kind, read in reads.items()
        }
        self._recorder.started("entry", 1000 / rates.read, "watch/entry.rows")
        every = self._schedule("entry", rates.read, probers["read"].look, of="read")
        return every, self._schedule("entry", rates.health, probers["health"].look, of="health", phase=0.3)

    def _watch_regions(self) -> list[Schedule]:
        entries = self._target.doors
        if not entries:
            return []
        rate, read = self._settings.rates.region, self._target.probes.read
        rows = self._recorder.rows("regions", PROBES)
        self._recorder.started("regions", 1000 / rate, "watch/regions.rows")
        probers = [
            Prober(subject=name, kind="read", read=read, wires=self._wires_to(entry), rows=rows)
            for name, entry in entries.items()
        ]
        return [
            self._schedule("regions", rate, prober.look, of=name) for name, prober in zip(entries, probers, strict=True)
        ]

    def _watch_ledger(self, ledger: LedgerSettings) -> None:
        rate = self._settings.rates.ledger
        clients = LedgerClients(
            clients=self._settings.clients,
            path=ledger.path,
            wires=self._wires_to(self._target.entry),
            rows=self._recorder.rows("ledger-writes", LEDGER_WRITES),
            reads=self._recorder.rows("ledger-reads", LEDGER_READS) if ledger.read else None,
        )
        self._recorder.started("ledger", 1000 / rate, "watch/ledger-writes.rows")
        self._schedule("ledger", rate, clients.write, phase=0.6)

    def _watch_pipeline(self, pipeline: Pipeline) -> None:
        rate = self._settings.rates.pipeline
        self._pipeline = PipelineClient(
            run=self._settings.clients[0],
            accept=pipeline.accept,
            visible=pipeline.visible,
            wires=self._wires_to(self._target.entry),
            rows=self._recorder.rows("pipeline", PIPELINE),
        )
        self._recorder.started("pipeline", 1000 / rate, "watch/pipeline.rows")
        self._schedule("pipeline", rate, self._pipeline.send, phase=0.1)

    def _watch_database(self, database: Database) -> None:
        if not database.members:
            return
        rate, beats = self._settings.rates.member, Heartbeats()
        writer = HeartbeatWriter(self._session(database.dsn.resolve()), beats, self._recorder)
        rows = self._recorder.rows("replicas", REPLICAS)
        self._recorder.started("replicas", 1000 / rate, "watch/replicas.rows")
        self._schedule("replicas", rate, writer.beat, of="heartbeat")
        for number, (name, member) in enumerate(database.members.items()):
            watcher = MemberWatcher(
                member=name,
                region=member.region,
                session=self._session(member.dsn.resolve()),
                beats=beats,
                rows=rows,
                recorder=self._recorder,
            )
            self._schedule("replicas", rate, watcher.look, of=name, phase=(number + 1) / (len(database.members) + 1))

    def _watch_alerts(self, prometheus: str) -> None:
        rate, attendance = self._settings.rates.alerts, self._recorder.attendance("alerts")
        self._alerts = Alerts(prometheus, self._wires_to(prometheus), self._recorder, attendance)
        self._recorder.started("alerts", 1000 / rate, "history/alerts.ndjson")
        self._schedule("alerts", rate, self._alerts.look, phase=0.8, attendance=attendance)

    def _watch_cluster(self, kubernetes: Kubernetes) -> None:
        nodes = Nodes(self._recorder)
        self._recorder.started("pods", 0.0, "history/pods.ndjson")
        self._follow(kubernetes.context, "/api/v1/nodes", nodes)
        for context, namespaces in self._namespaces(kubernetes).items():
            for namespace, region in namespaces.items():
                pods = Pods(self._recorder, region, nodes)
                self._follow(context, f"/api/v1/namespaces/{namespace}/pods", pods)
        if self._target.database and self._target.database.leader:
            lock = self._target.database.leader
            path = f"/api/v1/namespaces/{lock.namespace}/endpoints"
            leader = Leader(self._recorder, lock.namespace, lock.endpoints)
            only = f"metadata.name={lock.endpoints}"
            self._follow(kubernetes.context, path, leader, field_selector=only)

    def _namespaces(self, kubernetes: Kubernetes) -> Mapping[str, Mapping[str, str]]:
        """By context: the namespaces to watch, each with the region it is; empty where its pods lie in several."""
        found: dict[str, dict[str, str]] = defaultdict(dict)
        found[kubernetes.context][kubernetes.namespace] = ""
        if self._target.database and self._target.database.leader:
            found[kubernetes.context][self._target.database.leader.namespace] = ""
        for name, region in self._target.regions.items():
            if region.namespace:
                found[region.context or kubernetes.context][region.namespace] = name
        return found

    def _follow(self, context: str, path: str, follower: Follower, *, field_selector: str = "") -> None:
        if context not in self._clients:
            self._clients[context] = api_http(self._target, context)
        attendance = self._recorder.attendance("pods", path)
        self._streams.append(follow(self._clients[context], path, follower, attendance, field_selector=field_selector))
