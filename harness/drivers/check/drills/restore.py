"""`restored-copy` and `restore-time`: a backup is restored into a scratch database, compared with what serves, timed and removed.

What serves is written to meanwhile. So `make` makes a new backup between two snapshots of the database that serves, each with row count
and checksum of every table. A table that is equal in both snapshots was the same when the backup was made, unless the server's
statistics show a write: then, and if the snapshots differ, a restored table that is equal to neither is not decided.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from harness import clock
from harness.drivers.check.claim import When, claim
from harness.drivers.check.drills.checksums import sums_of, writes_of
from harness.drivers.check.drills.cloudnative_pg import CloudNativePgSteps, needed_access
from harness.drivers.check.drills.commands import CommandSteps
from harness.drivers.check.drills.compared import compared
from harness.drivers.check.drills.scratch import await_scratch, is_the_same, refuse_scratch
from harness.drivers.check.drills.steps import DrillSteps, StepFailed, StepHangs
from harness.drivers.check.needs import DATABASE, within
from harness.drivers.check.once import OncePerRun
from harness.drivers.check.sql.asking import database_in, rows_of
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import ConfigurationError, DriverError
from harness.model import Quantity
from harness.model.planned.need import RequiredKey
from harness.targets import Target
from harness.targets.access import Access, accesses
from harness.targets.files.drills import RestoreDrill
from harness.units import NS_PER_S

_DRILL: Final = within("drills.{drill}", "a backup is restored into a scratch database")
_MAKE: Final = RequiredKey(
    "drills.{drill}.makes", "the content of a backup is known if the drill makes it", "`drills.{drill}.make`"
)


@dataclass(kw_only=True, slots=True)
class DrillSeen:
    """What a drill showed.

    Attributes:
        facts: facts about the content.
        took_s: seconds from the start of the restore until the scratch database answered; None: it did not.
        waited_s: seconds after which the restore was given up, or failed.
        why: why there is no restored database; empty: there is one.
        failed: whether the restore itself failed, or hung.
        hung: whether it hung.
        tables: number of tables that were restored.
    """

    facts: Sequence[FactReading] = field(default_factory=list)
    took_s: float | None = None
    waited_s: float = 0.0
    why: str = ""
    failed: bool = False
    hung: bool = False
    tables: int = 0


def _accesses(target: Target, params: Mapping[str, str]) -> tuple[Access, ...]:
    """What a drill by resources makes and reads."""
    drill = target.drills.get(params["drill"])
    return () if drill is None or drill.cloudnative_pg is None else needed_access(drill.cloudnative_pg)


_SEEN: Final = OncePerRun[DrillSeen]()


@claim(
    "a copy of <drill:name> restored from the newest backup has equal row counts and checksums for every table",
    example="a copy of orders restored from the newest backup has equal row counts and checksums for every table",
    needs=(DATABASE, _DRILL, _MAKE),
    when=When.AFTER_TRAFFIC,
    seconds=30.0,
    touches=("workloads",),
    consent="restore-drill",
    again=False,
)
@accesses(by=_accesses)
def restored_copy(target: Target, params: Mapping[str, str]) -> FactProbe:
    """A new backup is made and restored into a scratch database, whose tables are compared with those that serve, right before the backup and right after it."""
    drill = _drill_of(target, params)
    if not drill.makes:
        hint = f"write `drills: {{{params['drill']}: {{make: {{command: [WORDS]}}}}}}`"
        raise ConfigurationError("does not say how a backup is made", where=f"{target.file}: drills", hint=hint)

    def probe() -> Sequence[FactReading]:
        seen = _seen(target, drill, params)
        if seen.why:
            ok = False if seen.failed and not seen.hung else None
            return [FactReading(subject="restore", expected="done", observed=seen.why, ok=ok)]
        return seen.facts

    return probe


@claim(
    "a restore of <drill:name> is done within <within:duration>",
    example="a restore of orders is done within 4 h",
    needs=(DATABASE, _DRILL),
    when=When.AFTER_TRAFFIC,
    seconds=30.0,
    touches=("workloads",),
    consent="restore-drill",
    again=False,
)
@accesses(by=_accesses)
def restore_time(target: Target, params: Mapping[str, str]) -> FactProbe:
    """A backup is restored into a scratch database: the time from the start of the command until the database answers and is not in recovery."""
    drill, limit_s = _drill_of(target, params), Quantity.parse(params["within"]).base

    def probe() -> Sequence[FactReading]:
        seen = _seen(target, drill, params)
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


def steps_of(target: Target, drill: RestoreDrill, name: str) -> DrillSteps:
    """The steps of a drill, by commands or by resources."""
    if drill.cloudnative_pg is not None:
        return CloudNativePgSteps(target, name, drill, drill.cloudnative_pg)
    return CommandSteps(target, name, drill)


def _drill_of(target: Target, params: Mapping[str, str]) -> RestoreDrill:
    name = params["drill"]
    if name not in target.drills:
        hint = f"write `drills: {{{name}: {{restore: {{command: [WORDS]}}, scratch: {{env: NAME}}, remove: {{command: [WORDS]}}}}}}`"
        raise ConfigurationError(f"has no drill `{name}`", where=f"{target.file}: drills", hint=hint)
    return target.drills[name]


def _seen(target: Target, drill: RestoreDrill, params: Mapping[str, str]) -> DrillSeen:
    return _SEEN.of(params, params["drill"], partial(_drilled, target, drill, params["drill"]))


def _drilled(target: Target, drill: RestoreDrill, name: str) -> DrillSeen:
    """Do the drill. Whatever happens, the scratch database is removed.

    Raises:
        DriverError: the scratch database is refused, no backup was made, the scratch database is the one that serves, or it
            could not be removed.
        TargetUnreachable: the database that serves does not answer.
    """
    serves, steps = database_in(target).dsn, steps_of(target, drill, name)
    if rows_of(serves, "SELECT pg_is_in_recovery()") != [(False,)]:
        hint = "name the primary in `database.dsn`: a standby may lag behind the backup"
        raise DriverError("the database that serves is a standby", where=str(serves), hint=hint)
    refuse_scratch(serves, drill.scratch)
    steps.refuse()
    before = sums_of(serves, drill.within_s) if drill.makes else None
    try:
        if drill.makes:
            steps.make()
        after = sums_of(serves, drill.within_s) if drill.makes else None
        steps.intend()
        seen = _restored(drill, steps)
        if seen.took_s is not None:
            if is_the_same(serves, drill.scratch):
                raise DriverError("the scratch database is the one that serves", where=str(drill.scratch))
            found = sums_of(drill.scratch, drill.within_s)
            seen.tables = len(found.tables)
            if before is not None and after is not None:
                seen.facts = compared(before, after, writes_of(serves), found)
        return seen
    finally:
        steps.undo()


def _restored(drill: RestoreDrill, steps: DrillSteps) -> DrillSeen:
    started_ns, deadline = clock.now_ns(), clock.Deadline.after(drill.within_s)
    seen = DrillSeen()
    try:
        steps.restore()
        if await_scratch(drill.scratch, deadline.left_s):
            seen.took_s = (clock.now_ns() - started_ns) / NS_PER_S
        else:
            seen.why, seen.hung = "the scratch database does not answer, or is still in recovery", True
    except (StepFailed, StepHangs) as error:
        seen.why, seen.hung = f"{error.where} {error.what}", isinstance(error, StepHangs)
    seen.failed, seen.waited_s = bool(seen.why), (clock.now_ns() - started_ns) / NS_PER_S
    return seen
