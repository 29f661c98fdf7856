"""Observes a target from outside, in a separate process: entries, ledger, database members, pods, alerts."""

from __future__ import annotations

from harness.drivers.watch.live import LiveView
from harness.drivers.watch.process import Watch, watch_settings
from harness.drivers.watch.registry import watched_tables
from harness.drivers.watch.settings import Rates, WatchSettings, ledger_clients, usual_rates
from harness.drivers.watch.watching import Pace, Watcher, Watching
from harness.drivers.watch.writes.final_read import FinalReads

__all__ = [
    "FinalReads",
    "LiveView",
    "Pace",
    "Rates",
    "Watch",
    "WatchSettings",
    "Watcher",
    "Watching",
    "ledger_clients",
    "usual_rates",
    "watch_settings",
    "watched_tables",
]
