"""Registry of watchers: the watchers of the harness, and the entry points `readiness.probes`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from harness.drivers.watch.backups import BackupsWatcher
from harness.drivers.watch.caches import CacheWatcher
from harness.drivers.watch.cluster.autoscalers import AutoscalersWatcher
from harness.drivers.watch.cluster.migrations import MigrationsWatcher
from harness.drivers.watch.cluster.pods import ClusterWatcher
from harness.drivers.watch.database.copies import CopiesWatcher
from harness.drivers.watch.database.replicas import ReplicasWatcher
from harness.drivers.watch.database.statements import StatementsWatcher
from harness.drivers.watch.entry.controls import ControlWatcher
from harness.drivers.watch.entry.entries import DoorsWatcher, EntryWatcher
from harness.drivers.watch.entry.portal import PortalWatcher
from harness.drivers.watch.entry.services import ServicesWatcher
from harness.drivers.watch.entry.signed_in import SessionsWatcher
from harness.drivers.watch.monitor.alerts import AlertsWatcher
from harness.drivers.watch.monitor.notices import NoticesWatcher
from harness.drivers.watch.watching import Watcher
from harness.drivers.watch.writes.ledger import LedgerWatcher
from harness.drivers.watch.writes.pipeline import PipelineWatcher
from harness.errors import UsageError
from harness.plugins import loaded, place_of, plugins
from harness.targets.files.target import Target

GROUP: Final = "readiness.probes"

WATCHERS: Final[tuple[Callable[[], Watcher], ...]] = (
    EntryWatcher,
    DoorsWatcher,
    LedgerWatcher,
    PipelineWatcher,
    ReplicasWatcher,
    CopiesWatcher,
    ClusterWatcher,
    AlertsWatcher,
    NoticesWatcher,
    ServicesWatcher,
    ControlWatcher,
    PortalWatcher,
    AutoscalersWatcher,
    StatementsWatcher,
    BackupsWatcher,
    CacheWatcher,
    SessionsWatcher,
    MigrationsWatcher,
)
"""The watchers of the harness, in the order in which they begin."""


def watchers() -> Sequence[Watcher]:
    """A new instance of every watcher.

    Raises:
        UsageError: a package names a watcher that cannot be loaded, or whose name is used already.
    """
    found = [make() for make in WATCHERS]
    for entry in plugins(group=GROUP):
        where = place_of(entry)
        watcher: Watcher = loaded(entry, "the watcher", made=True)
        if not isinstance(watcher, Watcher):
            raise UsageError(
                "the object is not a watcher", where=where, hint="derive it from `harness.drivers.watch.Watcher`"
            )
        if watcher.name in {one.name for one in found}:
            raise UsageError(f"two watchers have the name `{watcher.name}`", where=where, hint="rename one of them")
        found.append(watcher)
    return found


def watched_tables(target: Target) -> tuple[str, ...]:
    """Names of the row files that watching this target writes, including ledger reads; a file may be empty."""
    files = [watcher.file for watcher in watchers() if watcher.needs(target) and watcher.file.endswith(".rows")]
    if target.ledger is not None and target.ledger.read:
        files.append("watch/ledger-reads.rows")
    if target.copies_read:
        files.append("watch/ledger-copies.rows")
    if target.reads_back:
        files.append("watch/ledger-final.rows")
    return tuple(files)
