"""`restored-moment`: the database is restored to a chosen second, and holds what was acknowledged before it and nothing after it.

The harness writes rows of the ledger around a whole second of the database's own clock. A commit has a time between the request and its
acknowledgement, so a write that was acknowledged before the second was committed before it, and one begun after it was committed after
it. Both clocks are read before the writes and after them: a write within their difference decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from harness import clock
from harness.drivers.check.claim import When, claim
from harness.drivers.check.drills.commands import CommandSteps
from harness.drivers.check.drills.marked import MarkedWrites, checksum, ledger_in, numbers_in, write_around
from harness.drivers.check.drills.restored import drill_of, refuse_drill, restored, step_of
from harness.drivers.check.needs import DATABASE, ENTRY, within
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import DriverError
from harness.model.planned.need import RequiredKey
from harness.targets import Target
from harness.targets.commands import CommandNotYet
from harness.targets.files.drills import MOMENT, DrillCommand, RestoreDrill

_AGAIN_S: Final = 2.0
_LEDGER: Final = RequiredKey("ledger", "rows are written around the chosen second")
_DRILL: Final = within("drills.{drill}", "the database is restored into a scratch database")
_UNTIL: Final = within("drills.{drill}.until", "the database is restored to a chosen second")


@claim(
    "the <drill:name> restored to a chosen second contains every write acknowledged before it and none after it",
    example="the orders restored to a chosen second contains every write acknowledged before it and none after it",
    needs=(DATABASE, ENTRY, _LEDGER, _DRILL, _UNTIL),
    when=When.AFTER_TRAFFIC,
    seconds=16.0,
    touches=("workloads",),
    consent="restore-drill",
    again=False,
)
def restored_moment(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Rows of the ledger are written for three seconds before a second and three after it; the database is restored to that second into a scratch database, whose rows are compared with the acknowledgements."""
    drill = drill_of(target, params)
    command = step_of(target, params, "until", "how the database is restored to a moment")
    ledger_in(target)

    def probe() -> Sequence[FactReading]:
        serves = refuse_drill(target, drill, CommandSteps(target, params["drill"], drill, command))
        made = write_around(target, serves)
        served = numbers_in(serves, made)
        moment = datetime.fromtimestamp(made.moment_s, UTC).isoformat()  # PostgreSQL's settings refuse the ending Z
        to_moment = DrillCommand(command=tuple(word.replace(MOMENT, moment) for word in command.command))
        return _drilled(target, drill, params["drill"], to_moment, (made, served, moment))

    return probe


def _drilled(
    target: Target,
    drill: RestoreDrill,
    name: str,
    command: DrillCommand,
    written: tuple[MarkedWrites, Mapping[int, str], str],
) -> Sequence[FactReading]:
    """Restore as soon as the archive has the moment.

    Raises:
        DriverError: the archive does not have it in time, or the drill could not be done.
    """
    made, served, moment = written
    last: CommandNotYet | None = None
    for _ in clock.Deadline.after(drill.within_s).ticks(_AGAIN_S):
        steps = CommandSteps(target, name, drill, command)
        try:
            seen = restored(target, drill, steps)
            if seen.why:
                return [seen.not_done]
            found = numbers_in(drill.scratch, made)
            return list(moment_facts(made, served, found, moment))
        except CommandNotYet as error:
            last = error
        finally:
            steps.undo()
    hint = "archive the log sooner, or give the drill more time by `within`"
    raise DriverError(f"{moment} could not be restored within {drill.within_s:g} s: {last}", hint=hint) from last


def moment_facts(
    made: MarkedWrites, served: Mapping[int, str], found: Mapping[int, str], moment: str
) -> Iterator[FactReading]:
    """What the restored database shows.

    Args:
        made: the writes.
        served: rows in the database that serves, read before the restore.
        found: rows in the restored one.
        moment: the chosen second.
    """
    right = {number for number, held in found.items() if held == checksum(made.client, number)}
    lost = [one for one in made.before if one.number not in served]
    before = [one for one in made.before if one.number in served]
    lacking = [one for one in before if one.number not in right]
    said = f"{len(before) - len(lacking)} there"
    if lacking:
        first, last = made.early_s(lacking[0]), made.early_s(lacking[-1])
        said += f"; {len(lacking)} missing or different, acknowledged from {first:.2f} s to {last:.2f} s before it"
    yield _fact(
        f"writes acknowledged before {moment}", f"{len(before)}, all there", said, ok=not lacking if before else None
    )
    late = [one for one in made.after if one.number in found]
    asked = [one for one in made.after if one.acknowledged]
    said = "none there"
    if late:
        said = f"{len(late)} there, begun from {made.late_s(late[0]):.2f} s to {made.late_s(late[-1]):.2f} s after it"
    yield _fact(
        f"writes begun after {moment}", f"{len(asked)}, none there", said, ok=not late if asked or late else None
    )
    between = len(made.every) - len(made.before) - len(made.after)
    said = f"{made.database}; {between} writes decide nothing: near the second, or not acknowledged"
    yield _fact("clock of the database", "its difference is known", said, ok=True)
    if lost:
        said = f"{len(lost)} of them are missing there too, so the restore cannot be held to them"
        yield _fact("acknowledged writes in the database that serves", "all there", said, ok=None)


def _fact(subject: str, expected: str, observed: str, *, ok: bool | None) -> FactReading:
    return FactReading(subject=subject, expected=expected, observed=observed, ok=ok)
