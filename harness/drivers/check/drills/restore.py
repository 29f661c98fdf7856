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
from harness.drivers.check.drills.checksums import DatabaseSums, filled_tables, sums_of, writes_of
from harness.drivers.check.drills.compared import compared
from harness.drivers.check.drills.restored import DrillSeen, drill_of, product_of, refuse_drill, restored, steps_of
from harness.drivers.check.drills.steps import DrillSteps
from harness.drivers.check.needs import DATABASE, within
from harness.drivers.check.once import OncePerRun
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import ConfigurationError
from harness.model import Quantity
from harness.model.planned.need import RequiredKey
from harness.targets import Target
from harness.targets.access import Access, accesses
from harness.targets.files.drills import RestoreDrill
from harness.words import some

_DRILL: Final = within("drills.{drill}", "a backup is restored into a scratch database")
_RESTORE: Final = RequiredKey(
    "drills.{drill}.restores",
    "a backup is restored into a scratch database",
    "`drills.{drill}.restore`",
    "add `restore: {{command: [WORDS]}}` to `drills.{drill}`",
)
_MAKE: Final = RequiredKey(
    "drills.{drill}.makes",
    "the content of a backup is known if the drill makes it",
    "`drills.{drill}.make`",
    "add `make: {{command: [WORDS]}}` to `drills.{drill}`",
)

_SEEN: Final = OncePerRun[DrillSeen]()


def _accesses(target: Target, params: Mapping[str, str]) -> tuple[Access, ...]:
    """What a drill by resources makes and reads."""
    drill = target.drills.get(params["drill"])
    product = product_of(drill) if drill is not None else None
    return product.access if product is not None else ()


@claim(
    "a copy of <drill:name> restored from the newest backup has equal row counts and checksums for every table",
    example="a copy of orders restored from the newest backup has equal row counts and checksums for every table",
    needs=(DATABASE, _DRILL, _RESTORE, _MAKE),
    when=When.AFTER_TRAFFIC,
    seconds=5.0,
    touches=("workloads",),
    consent="restore-drill",
    again=False,
)
@accesses(by=_accesses)
def restored_copy(target: Target, params: Mapping[str, str]) -> FactProbe:
    """A new backup is made and restored into a scratch database, whose tables are compared with those that serve, right before the backup and right after it."""
    drill, steps = drill_of(target, params), steps_of(target, params)
    if not drill.makes:
        hint = f"write `drills: {{{params['drill']}: {{make: {{command: [WORDS]}}}}}}`"
        raise ConfigurationError("does not say how a backup is made", where=f"{target.file}: drills", hint=hint)

    def probe() -> Sequence[FactReading]:
        seen = _seen(target, drill, steps, params)
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
@accesses(by=_accesses)
def restore_time(target: Target, params: Mapping[str, str]) -> FactProbe:
    """A backup is restored into a scratch database: the time from the start of the command until the database answers and is not in recovery."""
    drill, steps = drill_of(target, params), steps_of(target, params)
    limit_s = Quantity.parse(params["within"]).base

    def probe() -> Sequence[FactReading]:
        seen = _seen(target, drill, steps, params)
        expected = f"within {limit_s:g} s"
        if seen.took_s is not None:
            late = seen.took_s > limit_s
            observed = (
                f"{seen.took_s:.1f} s" if late or not seen.unproven else f"{seen.took_s:.1f} s, but {seen.unproven}"
            )
            ok = False if late else None if seen.unproven else True
        else:
            observed = f"not done after {seen.waited_s:.1f} s: {seen.why}"
            late = seen.hung and seen.waited_s > limit_s
            ok = False if late or (seen.failed and not seen.hung) else None
        return [FactReading(subject=f"restore of {params['drill']}", expected=expected, observed=observed, ok=ok)]

    return probe


def _seen(target: Target, drill: RestoreDrill, steps: DrillSteps, params: Mapping[str, str]) -> DrillSeen:
    return _SEEN.of(params, params["drill"], partial(_drilled, target, drill, steps))


def _drilled(target: Target, drill: RestoreDrill, steps: DrillSteps) -> DrillSeen:
    """Do the drill. Whatever happens, the scratch database is removed.

    Raises:
        DriverError: the drill is refused, no backup was made, the scratch database is the one that serves, or it could not be
            removed.
        TargetUnreachable: the database that serves does not answer.
    """
    serves = refuse_drill(target, drill, steps)
    before = sums_of(serves, drill.within_s) if drill.makes else None
    try:
        if drill.makes:
            steps.make()
        after = sums_of(serves, drill.within_s, before) if drill.makes else None
        seen = restored(target, drill, steps)
        if seen.took_s is not None:
            found = sums_of(drill.scratch, drill.within_s, before)
            if before is not None and after is not None:
                seen.facts = compared(before, after, writes_of(serves), found)
                seen.unproven = next((f"{one.subject}: {one.observed}" for one in seen.facts if one.ok is False), "")
            seen.unproven = seen.unproven or _emptied(found, filled_tables(serves, drill.within_s))
        return seen
    finally:
        steps.undo()


def _emptied(found: DatabaseSums, filled: frozenset[str]) -> str:
    """Which tables have rows where they serve, and none in the copy; empty: every one has, and there is one.

    A restore that goes on in the background, or that restores no rows, leaves some empty; one that cannot be read may be.
    """
    lacking = sorted(name for name in filled if name not in found.tables or not found.tables[name].rows)
    if lacking:
        return f"{some(lacking, 1)} has rows where it serves, and none in the copy that can be read"
    return "" if any(one.rows for one in found.tables.values()) else "the copy has no row"
