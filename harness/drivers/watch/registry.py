"""The watchers there are: our own, and those that installed packages name in the entry points `readiness.probes`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.metadata import entry_points
from typing import Final

from harness.drivers.watch.alerts import AlertsWatcher
from harness.drivers.watch.entries import DoorsWatcher, EntryWatcher
from harness.drivers.watch.ledger import LedgerWatcher
from harness.drivers.watch.pipeline import PipelineWatcher
from harness.drivers.watch.pods import ClusterWatcher
from harness.drivers.watch.replicas import ReplicasWatcher
from harness.drivers.watch.watching import Watcher
from harness.errors import UsageError

GROUP: Final = "readiness.probes"

WATCHERS: Final[tuple[Callable[[], Watcher], ...]] = (
    EntryWatcher,
    DoorsWatcher,
    LedgerWatcher,
    PipelineWatcher,
    ReplicasWatcher,
    ClusterWatcher,
    AlertsWatcher,
)
"""Our own, in the order in which they begin."""


def watchers() -> Sequence[Watcher]:
    """A new instance of every watcher.

    Raises:
        UsageError: a package names a watcher that cannot be loaded, or whose name is taken.
    """
    found = [make() for make in WATCHERS]
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        where = f"entry point {entry.name} = {entry.value}"
        try:
            watcher: Watcher = entry.load()()
        except (ImportError, AttributeError, TypeError) as error:
            raise UsageError(f"the watcher cannot be loaded: {error}", where=where) from error
        if not isinstance(watcher, Watcher):
            raise UsageError(
                "this is not a watcher", where=where, hint="derive it from `harness.drivers.watch.Watcher`"
            )
        if watcher.name in {one.name for one in found}:
            raise UsageError(f"two watchers have the name `{watcher.name}`", where=where, hint="rename one of them")
        found.append(watcher)
    return found
