"""The restore of a drill: the scratch database is refused where it may serve, made, waited for, and never the one that serves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from harness import clock
from harness.drivers.check.drills.cloudnative_pg import CloudNativePg
from harness.drivers.check.drills.commands import CommandSteps
from harness.drivers.check.drills.resources import DrillProduct, ResourceSteps
from harness.drivers.check.drills.scratch import await_scratch, is_the_same, refuse_scratch
from harness.drivers.check.drills.steps import DrillSteps, StepFailed, StepHangs
from harness.drivers.check.drills.velero import Velero
from harness.drivers.check.drills.volume_snapshot import VolumeSnapshots
from harness.drivers.check.sql.asking import database_in, rows_of
from harness.drivers.facts import FactReading
from harness.errors import ConfigurationError, DriverError
from harness.targets import Target
from harness.targets.files.drills import DrillCommand, RestoreDrill
from harness.targets.files.reference import Reference
from harness.units import NS_PER_S


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
        unproven: why the content of the scratch database does not show that a backup was restored; empty: it does.
    """

    facts: Sequence[FactReading] = field(default_factory=list)
    took_s: float | None = None
    waited_s: float = 0.0
    why: str = ""
    failed: bool = False
    hung: bool = False
    unproven: str = ""

    @property
    def not_done(self) -> FactReading:
        """The fact that there is no restored database: the restore failed, or it is not known whether it would have ended."""
        ok = False if self.failed and not self.hung else None
        return FactReading(subject="restore", expected="done", observed=self.why, ok=ok)


def drill_of(target: Target, params: Mapping[str, str]) -> RestoreDrill:
    """The drill with the name of the sentence.

    Raises:
        ConfigurationError: the target file does not name it.
    """
    name = params["drill"]
    if name not in target.drills:
        hint = f"write `drills: {{{name}: {{restore: {{command: [WORDS]}}, scratch: {{env: NAME}}, remove: {{command: [WORDS]}}}}}}`"
        raise ConfigurationError(f"has no drill `{name}`", where=f"{target.file}: drills", hint=hint)
    return target.drills[name]


def step_of(target: Target, params: Mapping[str, str], key: str, what: str) -> DrillCommand:
    """A command of the drill that it may lack.

    Args:
        target: whose drill.
        params: of the sentence.
        key: `restore` or `until`.
        what: what the drill does not say without it.

    Raises:
        ConfigurationError: the target file does not name the drill, or the command.
    """
    found = getattr(drill_of(target, params), key)
    if not isinstance(found, DrillCommand):
        hint = f"write `drills: {{{params['drill']}: {{{key}: {{command: [WORDS]}}}}}}`"
        raise ConfigurationError(f"does not say {what}", where=f"{target.file}: drills", hint=hint)
    return found


def product_of(drill: RestoreDrill) -> DrillProduct | None:
    """The product by whose resources the drill is done; None: it is done by commands."""
    if drill.cloudnative_pg is not None:
        return CloudNativePg(drill.cloudnative_pg)
    if drill.velero is not None:
        return Velero(drill.velero)
    return VolumeSnapshots(drill.volume_snapshot) if drill.volume_snapshot is not None else None


def steps_of(target: Target, params: Mapping[str, str]) -> DrillSteps:
    """The steps by which the newest backup is restored: commands, or resources of a product.

    Raises:
        ConfigurationError: the target file does not name the drill, or how the newest backup is restored.
    """
    drill, name = drill_of(target, params), params["drill"]
    if (product := product_of(drill)) is not None:
        return ResourceSteps(target, name, drill, product)
    return CommandSteps(target, name, drill, step_of(target, params, "restore", "how the newest backup is restored"))


def primary_of(target: Target) -> Reference:
    """The DSN of the database that serves.

    Raises:
        DriverError: it is a standby. TargetUnreachable: it does not answer.
    """
    serves = database_in(target).dsn
    if rows_of(serves, "SELECT pg_is_in_recovery()") != [(False,)]:
        hint = "name the primary in `database.dsn`: a standby may lag behind"
        raise DriverError("the database that serves is a standby", where=str(serves), hint=hint)
    return serves


def refuse_drill(target: Target, drill: RestoreDrill, steps: DrillSteps) -> Reference:
    """The DSN of the database that serves, if the drill may be done.

    Raises:
        DriverError: the scratch database is refused, `database.dsn` reaches a standby, or a step cannot be done; nothing was run.
        TargetUnreachable: the database that serves does not answer.
    """
    serves = primary_of(target)
    refuse_scratch(serves, drill.scratch)
    steps.refuse()
    return serves


def restored(target: Target, drill: RestoreDrill, steps: DrillSteps) -> DrillSeen:
    """Restore into the scratch database, which `steps.undo` removes.

    Args:
        target: whose database serves.
        drill: the drill; `refuse_drill` has passed it.
        steps: its steps.

    Raises:
        DriverError: a step could not be run, or the scratch database is the one that serves.
        TargetUnreachable: the database that serves does not answer.
    """
    # someone else may have made it since, and `remove` would remove that
    refuse_scratch(database_in(target).dsn, drill.scratch, "nothing was restored")
    steps.intend()
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
    if seen.took_s is not None and is_the_same(database_in(target).dsn, drill.scratch):
        raise DriverError("the scratch database is the one that serves", where=str(drill.scratch))
    return seen
