"""`restored-copy` and `restore-time`: a backup is restored into a scratch database, compared with what serves, timed and removed.

What serves is written to meanwhile. So `make` makes a new backup between two snapshots of the database that serves, each with row count
and checksum of every table. A table that is equal in both snapshots was the same when the backup was made, unless the server's
statistics show a write: then, and if the snapshots differ, a restored table that is equal to neither is not decided.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from harness.drivers.check.claim import When, claim
from harness.drivers.check.drills.checksums import sums_of, writes_of
from harness.drivers.check.drills.compared import compared
from harness.drivers.check.drills.restored import DrillSeen, drill_of, refuse_drill, restored, step_of
from harness.drivers.check.needs import DATABASE, within
from harness.drivers.check.once import OncePerRun
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import ConfigurationError
from harness.model import Quantity
from harness.targets import Target
from harness.targets.commands import run_command
from harness.targets.files.drills import DrillCommand, RestoreDrill

_DRILL: Final = within("drills.{drill}", "a backup is restored into a scratch database")
_RESTORE: Final = within("drills.{drill}.restore", "a backup is restored into a scratch database")
_MAKE: Final = within("drills.{drill}.make", "the content of a backup is known if the drill makes it")
_SAYS: Final = "how the newest backup is restored"

_SEEN: Final = OncePerRun[DrillSeen]()


@claim(
    "a copy of <drill:name> restored from the newest backup has equal row counts and checksums for every table",
    example="a copy of orders restored from the newest backup has equal row counts and checksums for every table",
    needs=(DATABASE, _DRILL, _RESTORE, _MAKE),
    when=When.AFTER_TRAFFIC,
    seconds=30.0,
    touches=("workloads",),
    consent="restore-drill",
    again=False,
)
def restored_copy(target: Target, params: Mapping[str, str]) -> FactProbe:
    """A new backup is made and restored into a scratch database, whose tables are compared with those that serve, right before the backup and right after it."""
    drill, restores = drill_of(target, params), step_of(target, params, "restore", _SAYS)
    if drill.make is None:
        hint = f"write `drills: {{{params['drill']}: {{make: {{command: [WORDS]}}}}}}`"
        raise ConfigurationError("does not say how a backup is made", where=f"{target.file}: drills", hint=hint)

    def probe() -> Sequence[FactReading]:
        seen = _seen(target, drill, restores, params)
        return [seen.not_done] if seen.why else seen.facts

    return probe


@claim(
    "a restore of <drill:name> is done within <within:duration>",
    example="a restore of orders is done within 4 h",
    needs=(DATABASE, _DRILL, _RESTORE),
    when=When.AFTER_TRAFFIC,
    seconds=30.0,
    touches=("workloads",),
    consent="restore-drill",
    again=False,
)
def restore_time(target: Target, params: Mapping[str, str]) -> FactProbe:
    """A backup is restored into a scratch database: the time from the start of the command until the database answers and is not in recovery."""
    drill, restores = drill_of(target, params), step_of(target, params, "restore", _SAYS)
    limit_s = Quantity.parse(params["within"]).base

    def probe() -> Sequence[FactReading]:
        seen = _seen(target, drill, restores, params)
        expected = f"within {limit_s:g} s"
        if seen.took_s is not None:
            known = seen.took_s > limit_s or seen.tables > 0
            observed = f"{seen.took_s:.1f} s" if known else "a database without any table"
            ok = seen.took_s <= limit_s if known else None
        else:
            observed = f"not done after {seen.waited_s:.1f} s: {seen.why}"
            late = seen.hung and seen.waited_s > limit_s
            ok = False if late or (seen.failed and not seen.hung) else None
        return [FactReading(subject=f"restore of {params['drill']}", expected=expected, observed=observed, ok=ok)]

    return probe


def _seen(target: Target, drill: RestoreDrill, restores: DrillCommand, params: Mapping[str, str]) -> DrillSeen:
    return _SEEN.of(params, params["drill"], partial(_drilled, target, drill, restores, params["drill"]))


def _drilled(target: Target, drill: RestoreDrill, restores: DrillCommand, name: str) -> DrillSeen:
    """Do the drill. Whatever happens, the scratch database is removed.

    Raises:
        DriverError: the scratch database is refused, no backup was made, the scratch database is the one that serves, or it
            could not be removed.
        TargetUnreachable: the database that serves does not answer.
    """
    serves = refuse_drill(target, drill)
    before = sums_of(serves, drill.within_s) if drill.make is not None else None
    if drill.make is not None:
        run_command(drill.make, drill.within_s)
    after = sums_of(serves, drill.within_s) if drill.make is not None else None
    with restored(target, drill, name, restores) as seen:
        if seen.took_s is not None:
            found = sums_of(drill.scratch, drill.within_s)
            seen.tables = len(found.tables)
            if before is not None and after is not None:
                seen.facts = compared(before, after, writes_of(serves), found)
        return seen
