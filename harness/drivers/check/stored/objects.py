"""Searches the objects of a place of `backups` for markers, in a bucket or in a directory."""

from __future__ import annotations

import re
from pathlib import Path
from tempfile import TemporaryDirectory

from harness import clock
from harness.clock import Deadline
from harness.drivers.check.backups.stores import content_of, list_store, store_of
from harness.drivers.check.stored.files import LATE, PlaceScan, search_file
from harness.drivers.check.stored.scanning import MarkerScan
from harness.errors import HarnessError
from harness.targets import Target
from harness.targets.files.backups import BackupStore
from harness.targets.stores.listing import Listing, ObjectKind, StoredBackup, recognised


def search_backups(  # noqa: PLR0917 - as `search_file`
    target: Target, name: str, scan: MarkerScan, seen: PlaceScan, begins: re.Pattern[bytes] | None, deadline: Deadline
) -> None:
    """Search every object of `backups.NAME`; what only belongs to a backup need not begin as one.

    A place is as new as its newest finished backup, by the time at which its state was saved.
    """
    store = store_of(target, {"backup": name})
    try:
        listing = list_store(target, store)
    except HarnessError as error:
        seen.fails(str(error), store.at or name)
        return
    found = list(recognised(store, listing.objects))
    here_ns = _here_ns(listing)
    newest_ns = max((one.saved_ns + here_ns for one in found if one.kind is ObjectKind.BACKUP), default=0)
    with TemporaryDirectory(prefix="readiness-") as directory:
        for one in found:
            if deadline.over:
                seen.fails(LATE, _named(store, one))
            else:
                _search(target, store, one, Path(directory) / "one", (scan, seen, begins, deadline))
    seen.newest_ns = newest_ns  # a copy here is newer than what it is a copy of


def _search(
    target: Target,
    store: BackupStore,
    one: StoredBackup,
    copy: Path,
    how: tuple[MarkerScan, PlaceScan, re.Pattern[bytes] | None, Deadline],
) -> None:
    scan, seen, begins, deadline = how
    named = _named(store, one)
    try:
        with content_of(target, store, one.stored.name) as (_, parts), copy.open("wb") as file:
            for part in parts:
                file.write(part)
    except HarnessError as error:
        seen.fails(error.what, named)
        return
    begins = None if one.kind in {ObjectKind.BESIDE, ObjectKind.VERIFICATION} else begins
    search_file(copy, scan, seen, begins, deadline, named)


def _named(store: BackupStore, one: StoredBackup) -> str:
    return f"{store.at.rstrip('/')}/{one.stored.name}" if store.at else one.stored.name


def _here_ns(listing: Listing) -> int:
    """What a time of the store's clock needs for one of this machine's, at least, in ns."""
    mono_ns, wall = clock.both()
    sent_ns = clock.wall_ns(wall) - (mono_ns - listing.sent_ns)
    return sent_ns - listing.store_ns - listing.step_ns
