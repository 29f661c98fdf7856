"""Whether a verified backup was there when a migration of the database began, as the list of the store showed before and after.

A backup is verified since what shows it was stored. The newest verified one counts: a newer one may still be being verified. That a Job began is
known between two times. What is sure at both of them passes; what was possible at neither of them fails.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from harness.judgement.figures.backups.readings import (
    AGAIN,
    FILE,
    PlaceReading,
    PlaceRecord,
    SeenBackup,
    place_record,
)
from harness.judgement.figures.spec import Basis, Need, Spec, in_words
from harness.judgement.measures import Case
from harness.judgement.receipts.watch import followed
from harness.judgement.shapes.every import Gap, Things, every_one
from harness.judgement.wording import formatted
from harness.model import Figure, LimitRule, Measure, Objective, Op, Phase, Receipt
from harness.model.observations import MigrationBegun
from harness.units import NS_PER_S

FILES: Final = ("history/backups.", "history/migrations.", "history/watch.")
WATCHER: Final = "migrations"
_HIDES_NS: Final = 5 * NS_PER_S
"""A Job lasts, and is kept, for longer than this."""
_NONE: Final = "run the migration again while the Jobs of its namespace are watched: see history/migrations.ndjson"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Known:
    """What is known of the backups at the begin of a migration.

    Attributes:
        ok: whether a verified one was there that was young enough; None: not known.
        why: the newest verified backup, or what was there instead.
        age_s: its age at most, in s; None: there was none, or it is not known.
    """

    ok: bool | None
    why: str
    age_s: float | None = None


def migration_backups(case: Case) -> Iterable[Measure]:
    """The newest verified backup at the begin of every Job that migrates the database, on the store's own clock; the backups are those that have `before_migrations`."""
    begun = case.evidence.every(MigrationBegun)
    limit_s = case.scaled.base
    known = [(one, _known(place_record(case.evidence, one.backup), one, limit_s)) for one in begun]
    bad = [f"{one.subject}: {what.why}" for one, what in known if what.ok is False]
    unsure = [f"{one.subject}: {what.why}" for one, what in known if what.ok is None]
    good = [f"{one.subject}: {what.why}" for one, what in known if what.ok]
    text = f"{len(begun)} migrations began, {len(bad)} of them without a verified backup {case.expected} old"
    records = [place_record(case.evidence, name) for name in dict.fromkeys(one.backup for one in begun)]
    ages_s = [what.age_s for _, what in known if what.age_s is not None]
    early = next((record.early for record in records if record.early), "")
    things = Things(
        bad=len(bad),
        n=len(begun),
        text=f"{text}: {'; '.join((bad or good)[:3])}" if known else text,
        receipts={"watch": _receipt(case, begun)},
        gaps=(Gap("; ".join(unsure[:3]), AGAIN), Gap(early, AGAIN)),
        excuse=Gap(early, AGAIN),
        none=Gap("no migration was seen to begin", _NONE, alone=True),
        method="backups and their verifications in the list of the store, read again and again, when a Job was first seen",
        files=(FILE, "history/migrations.ndjson"),
        value=max(ages_s) if len(ages_s) == len(known) and known else None,
        mixed=True,
        unit="s",
        scaled_limit=limit_s,
    )
    yield every_one(case, things)


def _receipt(case: Case, begun: Sequence[MigrationBegun]) -> Receipt:
    """Whether the Jobs were followed without a gap, and the place of the backups was read by a watcher that ended normally."""
    broken = [place_record(case.evidence, name).broken for name in dict.fromkeys(one.backup for one in begun)]
    if [one.number for one in begun] != list(range(len(begun))):
        broken.append("records of migrations are missing, or are there twice")
    if why := next(filter(None, broken), ""):
        return Receipt(ok=False, why=why, hint="do not change the files of a run, and run again", files=FILES[:2])
    jobs = followed(
        case.evidence, WATCHER, ((0, 2**63 - 1),), longest_ns=_HIDES_NS, files=("history/migrations.ndjson",)
    )
    return followed(case.evidence, "backups", (), files=(FILE,)) if jobs.ok else jobs


def _known(record: PlaceRecord, begun: MigrationBegun, limit_s: float) -> _Known:
    """Whether a verified backup was there, and young enough."""
    before = [one for one in record.readings if one.done_ns <= begun.since_ns]
    after = [one for one in record.readings if one.sent_ns >= begun.when_ns]
    if not before or not after:
        when = "after" if before else "before"
        return _Known(ok=None, why=f"the list of the backups was not read {when} it began{record.unread}")
    first, then = before[-1], after[0]
    limit_ns = round(limit_s * NS_PER_S)
    shown = [
        one
        for reading in (first, then)
        for one in _verified(reading)
        if _stored_by(reading, one[1]) <= begun.since_ns and then.there.get(one[0].name) == one[0]
    ]
    ages = [begun.when_ns + then.ahead_ns - one.saved_ns for one, _ in shown]
    if ages and min(ages) <= limit_ns:
        newest = min(shown, key=lambda pair: begun.when_ns + then.ahead_ns - pair[0].saved_ns)[0]
        age_s = min(ages) / NS_PER_S
        return _Known(ok=True, why=f"{newest.name}, at most {formatted(age_s, 's')} old", age_s=age_s)
    possible = [
        one
        for one, stored_ns in (*_verified(first), *_verified(then))
        if stored_ns - then.ahead_ns <= begun.when_ns and begun.since_ns + first.behind_ns - one.saved_ns <= limit_ns
    ]
    if possible:
        return _Known(
            ok=None, why=f"{possible[0].name} was verified, removed or as old as the limit at about that time"
        )
    return _missing(first, begun)


def _verified(reading: PlaceReading) -> list[tuple[SeenBackup, int]]:
    """Each backup that a verification is of, which was stored after the backup, with the time when that was stored."""
    there = ((reading.there.get(one.of), one.stored_ns) for one in reading.verified)
    return [(one, stored_ns) for one, stored_ns in there if one is not None and stored_ns >= one.stored_ns]


def _stored_by(reading: PlaceReading, stored_ns: int) -> int:
    """When what a reading has had been stored, on the run's clock, at the latest."""
    return min(reading.done_ns, stored_ns + reading.step_ns - reading.behind_ns)


def _missing(reading: PlaceReading, begun: MigrationBegun) -> _Known:
    """What was there in place of a verified backup that is young enough."""
    verified = [one for one, _ in _verified(reading)]
    if not reading.there:
        return _Known(ok=False, why="no backup was there")
    if not verified:
        return _Known(ok=False, why=f"none of {len(reading.there)} backups was verified")
    newest = max(verified, key=lambda one: one.saved_ns)
    age_s = (begun.since_ns + reading.behind_ns - newest.saved_ns) / NS_PER_S
    return _Known(
        ok=False, why=f"the newest verified backup, {newest.name}, was {formatted(age_s, 's')} old", age_s=age_s
    )


def _in_words(objective: Objective) -> str:
    return in_words(objective, f"at most {objective.limit} old")


SPEC: Final = Spec(
    figure=Figure.MIGRATION_BACKUP,
    judge=migration_backups,
    limit=LimitRule(dimension="time", ops=frozenset({Op.AT_MOST})),
    unit="s",
    basis=Basis.CHECK,
    phases=frozenset({Phase.RUN}),
    evidence=lambda _case: FILES,
    needs=lambda _objective: (
        Need(
            key="migration_backup",
            why="the backups that a migration needs are named",
            hint="add `before_migrations: true` and `verified: ENDING` to its `backups`",
            lacks="backup with `before_migrations`",
        ),
    ),
    words=_in_words,
    clocked=True,
)
