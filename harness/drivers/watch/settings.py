"""Settings of the watching process, without secrets. The run writes them and the child reads them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict

FILE: Final = "settings.json"
"""Name of the settings file in `watch/` of the run directory."""

FOLLOW_S: Final = 3.0
"""Minimum time in s for which an open event is polled at the end of the watch."""
_LAST_EVENT_S: Final = 2.5
"""Time in s in which the last event may still be accepted when the watch ends."""

CLIENTS: Final = 6
"""Number of ledger clients of a run."""


class Rates(BaseModel):
    """Probes per second. Most rates fit the ticks of `schedule.TICK_NS`, so that probes share wake-ups.

    Attributes:
        read: reads of a stored record at the entry while no fault may be active.
        read_in_fault: reads at the entry from before a fault until the restore; their spacing is the resolution of a
        recovery of reads.
        health: requests of the health path at the entry at any other time.
        health_in_window: requests of the health path at the entry in a fault-free window from which an uptime is
        computed.
        region: reads at each region's entry while no fault may be active.
        region_in_fault: reads at each region's entry from before a fault until the restore.
        region_health: requests of the health path of each region's entry at any other time.
        region_health_judged: requests of the health path of each region's entry in a fault-free window, and from
        before a fault until the restore.
        ledger: writes of all ledger clients together while no fault may be active.
        ledger_in_fault: writes from before a fault until the restore; their spacing is the resolution of a recovery of
        writes.
        pipeline: events that are sent into the pipeline.
        member: probes of each database member; heartbeats are written at the same rate.
        copies: reads of the ledger rows of each database member.
        alerts: requests for the alerts of Prometheus.
        notices: requests for the notices at their receiver.
        service: requests of the health address of each service.
        control: probes of each control service.
        portal: requests for the users' portal.
        cache: reads of the caches, and as many writes, while no fault may be active.
        cache_in_fault: reads of the caches, and as many writes, from before a fault until the restore.
        sessions: requests of all signed-in users together while no fault may be active; 0: none is signed in.
        sessions_in_fault: requests of all signed-in users together from before a fault until a while after the restore.
        statements: readings of the statement counts of each database member.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    read: float = 10.0
    read_in_fault: float = 10.0
    health: float = 5.0
    health_in_window: float = 50.0
    region: float = 2.0
    region_in_fault: float = 5.0
    region_health: float = 1.0
    region_health_judged: float = 5.0
    ledger: float = 10.0
    ledger_in_fault: float = 10.0
    pipeline: float = 2.0
    member: float = 5.0
    copies: float = 2.0
    alerts: float = 1.0
    notices: float = 1.0
    service: float = 0.2
    control: float = 2.0
    portal: float = 0.5
    cache: float = 2.0
    cache_in_fault: float = 5.0
    sessions: float = 0.0
    sessions_in_fault: float = 8.0
    statements: float = 0.2


_UNBROKEN: Final = Rates(member=2.0)
"""Rates of a run without faults: no figure needs a replication lag."""


def usual_rates(*, broken: bool) -> Rates:
    """The default rates of a run whose figures need no higher rate.

    In a run without a fault no copy falls behind, so members are probed less often.

    Args:
        broken: whether the run has an experiment with a fault.
    """
    return Rates() if broken else _UNBROKEN


class WatchSettings(BaseModel):
    """Settings of the child process.

    Attributes:
        target: path of the target file.
        run_directory: directory with `watch/` and `history/`.
        parent: process id of the run; the child ends when it gets another parent.
        clients: numbers of the ledger clients, unique to the run.
        rates: probes per second.
        limits_s: limits in s within which an event of the pipeline must become visible, from the sentences of the plan.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    target: Path
    run_directory: Path
    parent: int
    clients: tuple[int, ...]
    rates: Rates = Rates()
    limits_s: tuple[float, ...] = ()

    @property
    def follow_s(self) -> float:
        """Seconds for which an open event is polled at the end of the watch, unless the run is stopped early."""
        return max(FOLLOW_S, max(self.limits_s, default=0.0) + _LAST_EVENT_S)


def ledger_clients(run: str, seed: int) -> tuple[int, ...]:
    """Client numbers of a run, computed from run id and seed: positive, below 2**31."""
    digest = hashlib.sha256(f"{run}:{seed}".encode()).digest()
    first = int.from_bytes(digest[:4], "big") % (2**31 // CLIENTS) * CLIENTS
    return tuple(range(first, first + CLIENTS))
