"""Which backups lie in their place for too long, and which were removed too early.

A backup is too old where two readings one after the other show it, and gone where two readings one after the other lack it: one alone may be of a
store that is still at it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from harness.judgement.figures.backups.readings import (
    AGAIN,
    FILE,
    FILES,
    NEED,
    PlaceReading,
    place_record,
    watch_of,
)
from harness.judgement.figures.sentence import FigureSentence
from harness.judgement.figures.spec import Basis, Spec, in_words
from harness.judgement.measures import Case, inconclusive
from harness.judgement.shapes.every import Gap, Things, every_one
from harness.judgement.wording import formatted
from harness.model import Figure, Measure, Objective, Op, Phase
from harness.units import NS_PER_S
from harness.words import some

NAME: Final = Figure.BACKUPS_KEPT.value
_AGE: Final = "age"
_SAME: Final = "uploaded again"
_WRITTEN: Final = "written"
_ALIKE: Final = "alike"

_MOVED: Final = ", and a backup of another time has its content: it is this one under another name, or a later one"


@dataclass(kw_only=True, slots=True)
class _KeptBackups:
    """By name: what is known of backups that are kept for too long, of those that were removed early, and what may be either."""

    old: dict[str, str] = field(default_factory=dict)
    early: dict[str, str] = field(default_factory=dict)
    unsure: dict[str, str] = field(default_factory=dict)


def kept_backups(case: Case) -> Iterable[Measure]:
    """Backups that are older than a time and still lie in their place, and backups that were removed, or got other content, before that time."""
    name = case.objective.params["backup"]
    record, scope = place_record(case.evidence, name), {"backup": name}
    if not record.readings:
        why = f"{name}: the list of the backups was never read{record.unread}"
        yield inconclusive(case, NAME, record.broken or why, AGAIN, scope=scope)
        return
    limit = case.objective.times[_AGE].at_scale(case.plan.time_scale)
    found = _KeptBackups()
    _too_old(record.readings, limit.base, found)
    _too_early(record.readings, limit.base, found)
    seen = {one for reading in record.readings for one in reading.there}
    text = f"{name}: of {len(seen)} backups {len(found.old)} are kept for longer than {limit}, and {len(found.early)} were removed earlier, expected none"
    words = _listed({**found.old, **found.early})
    things = Things(
        bad=len({**found.old, **found.early}),
        n=len(seen),
        text=f"{text}: {words}" if words else text,
        scope=scope,
        receipts={"watch": watch_of(case, record)},
        gaps=tuple(Gap(why, AGAIN) for why in (_listed(found.unsure), record.early, record.unknown)),
        excuse=Gap(record.broken or record.early, AGAIN),
        none=Gap(f"no backup was there{record.unread}", AGAIN),
        method="backups in the list of the store, read again and again, with their ages on its clock",
        files=(FILE,),
    )
    yield every_one(case, things)


def _listed(said: dict[str, str]) -> str:
    return some([f"{name}: {why}" for name, why in said.items()], between="; ")


def _too_old(readings: Sequence[PlaceReading], limit_s: float, found: _KeptBackups) -> None:
    """Backups that two readings show past the limit and the time for their removal; each is asked of where it is there for the last time."""
    for number, then in enumerate(readings):
        first, after = readings[max(number - 1, 0)], readings[number + 1] if number + 1 < len(readings) else None
        most_ns = round((limit_s + then.removed_within_s) * NS_PER_S)
        for name in then.there if after is None else after.gone:
            one = then.there[name]
            twice = number > 0 and first.there.get(name) == one and name not in then.gone
            if twice and first.least_age_ns(one) > most_ns:
                found.old[name] = f"{formatted(then.least_age_ns(one) / NS_PER_S, 's')} old"
            elif after is None and then.most_age_ns(one) > most_ns:
                found.unsure[name] = f"up to {formatted(then.most_age_ns(one) / NS_PER_S, 's')} old in the last reading"


def _too_early(readings: Sequence[PlaceReading], limit_s: float, found: _KeptBackups) -> None:
    """Backups that are gone, or have other content, before the limit."""
    for number, reading in enumerate(readings[1:], 1):
        before, later = readings[number - 1], readings[number + 1] if number + 1 < len(readings) else None
        for name, why in reading.gone.items():
            one = before.there[name]
            if why == _SAME or before.least_age_ns(one) > limit_s * NS_PER_S:
                continue
            age_s = reading.most_age_ns(one) / NS_PER_S
            what = f"{'replaced' if why and why != _ALIKE else 'gone'} when it was at most {formatted(age_s, 's')} old"
            back = later is not None and why in {"", _ALIKE} and name in later.there
            if back or later is None or why in {_WRITTEN, _ALIKE} or age_s > limit_s:
                more = "; then it was there again" if back else _MOVED if why == _ALIKE else ""
                found.unsure[name] = f"{what}{more}"
            else:
                found.early[name] = what


def _in_words(objective: Objective) -> str:
    return in_words(objective, "old ones are removed, and young ones are not")


SPEC: Final = Spec(
    figure=Figure.BACKUPS_KEPT,
    judge=kept_backups,
    limit=None,
    unit="",
    basis=Basis.TRAFFIC,
    phases=frozenset({Phase.RUN}),
    evidence=lambda _case: FILES,
    needs=lambda _objective: (NEED,),
    words=_in_words,
    clocked=True,
    sentences=(
        FigureSentence(
            text="no backup of the <backup:name> older than <age:period> is kept and no younger one was removed",
            example="no backup of the database older than 30 d is kept and no younger one was removed",
            op=Op.HOLDS,
        ),
    ),
)
