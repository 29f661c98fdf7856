"""Waits until the list of the backups that a migration needs was read: what a migration that begins earlier had cannot be known."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Final

from harness import clock
from harness.drivers.check.claim import RUN, Params
from harness.errors import MissingEvidence
from harness.evidence.histories.history import read_history
from harness.targets.files.changes import JOB_REPORTED_S
from harness.targets.files.target import Target
from harness.units import NS_PER_S

_POLL_S: Final = 0.1


def await_first_list(target: Target, params: Params) -> None:
    """Wait until a complete reading of the backups with `before_migrations` is older than the time within which a Job is reported.

    A run that does not watch them does not wait. The wait ends without a reading after the time in which a second one is due and done.
    """
    store = target.backups.get(target.migration_backup)
    if store is None or not params.get(RUN):
        return
    file = Path(params[RUN]) / "history" / "backups.ndjson"
    within_s = store.read_every_s + store.within_s + JOB_REPORTED_S
    for _ in clock.Deadline.after(within_s).ticks(_POLL_S):
        read_ns = _first_read_ns(file, target.migration_backup)
        if read_ns is not None and clock.now_ns() - read_ns >= JOB_REPORTED_S * NS_PER_S:
            return


def _first_read_ns(file: Path, backup: str) -> int | None:
    """When the first complete reading was done; None: there is none yet."""
    with suppress(MissingEvidence):
        observations, _ = read_history(file)
        done = (
            one.fields["at_ns"]
            for one in observations
            if (one.kind, one.subject) == ("backups.listed", backup) and "reading" in one.fields
        )
        return next(done, None)
    return None
