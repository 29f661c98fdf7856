"""Settings of the watching process: written by the run, read by the child, without secrets."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict

FILE: Final = "settings.json"
"""Name of the settings in `watch/` of the run directory."""

FOLLOW_S: Final = 3.0
"""An event that is on its way at the end of the watch is polled for at least so long."""
_LAST_EVENT_S: Final = 2.5
"""The last event is still being accepted when the watch ends."""

CLIENTS: Final = 6
"""Ledger clients of a run."""


class Rates(BaseModel):
    """Probes per second, most of them on the ticks of `schedule.TICK_NS`: those that are due together cost one wake-up.

    Attributes:
        read: reads of a stored record at the entry while no fault may be in.
        read_in_fault: as `read`, from before a fault until the restore; the resolution of a recovery of reads is its spacing.
        health: the health path at the entry while no window is open.
        health_in_window: as `health`, in a fault-free window; the uptime is computed from these.
        region: reads at each region's entry while no fault may be in.
        region_in_fault: as `region`, from before a fault until the restore.
        region_health: the health path of each region's entry while no window is open.
        region_health_in_window: as `region_health`, in a fault-free window and while a fault may be in.
        ledger: writes of all ledger clients together while no fault may be in.
        ledger_in_fault: as `ledger`, from before a fault until the restore; the resolution of a recovery of writes is its spacing.
        pipeline: events sent into the pipeline.
        member: probes of each database member; heartbeats are written as often.
        copies: reads of each member's own rows of the ledger.
        alerts: requests for the alerts of Prometheus.
        notices: requests for the notices that their receiver has got.
        service: what each service says of itself.
        control: probes of each control.
        portal: requests for the users' portal.
        statements: readings of what each database member counts of its statements.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    read: float = 10.0
    read_in_fault: float = 10.0
    health: float = 5.0
    health_in_window: float = 50.0
    region: float = 2.0
    region_in_fault: float = 5.0
    region_health: float = 5.0
    region_health_in_window: float = 10.0
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
    statements: float = 0.2


_UNBROKEN: Final = Rates(member=2.0)
"""Nothing asks for a replication lag."""


def usual_rates(*, broken: bool) -> Rates:
    """The probes of a run whose figures ask for no more.

    Where nothing is broken no copy falls behind.

    Args:
        broken: whether the run has an experiment.
    """
    return Rates() if broken else _UNBROKEN


class WatchSettings(BaseModel):
    """Settings of the child process.

    Attributes:
        target: the target file.
        run_directory: where `watch/` and `history/` are.
        parent: process id of the run; the child ends when its parent is another one.
        clients: numbers of the ledger clients, unique to the run.
        rates: of its probes.
        limits_s: within which an event of the pipeline is to be visible, by the sentences of the plan.
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
        """How long an event that is on its way at the end of the watch is polled, unless the run is given up."""
        return max(FOLLOW_S, max(self.limits_s, default=0.0) + _LAST_EVENT_S)


def ledger_clients(run: str, seed: int) -> tuple[int, ...]:
    """Client numbers of a run, from run id and seed: positive, below 2**31."""
    digest = hashlib.sha256(f"{run}:{seed}".encode()).digest()
    first = int.from_bytes(digest[:4], "big") % (2**31 // CLIENTS) * CLIENTS
    return tuple(range(first, first + CLIENTS))
