"""The age of the newest backup at every moment of the run, on the store's own clock.

A reading proves how old the newest backup was when it was made. Between two readings the newest backup that both have was there all the time,
so the newest one was at most as old as that at the end of the second. What was removed between them counts as if it had never been there.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import pairwise
from typing import Final

from harness.judgement.figures.backups.readings import AGAIN, FILE, FILES, NEED, PlaceReading, place_record, watch_of
from harness.judgement.figures.spec import Basis, Spec, in_words
from harness.judgement.measures import Case, inconclusive
from harness.judgement.shapes.amount import Amount, amount
from harness.judgement.wording import formatted
from harness.model import ONLY_BELOW, Figure, LimitRule, Measure, Objective, Phase, ReasonKind
from harness.units import NS_PER_S

NAME: Final = Figure.BACKUP_AGE.value


def newest_backup(case: Case) -> Iterable[Measure]:
    """The age of the newest finished backup, on the store's own clock, at every moment of the run; what was removed meanwhile does not count."""
    name = case.objective.params["backup"]
    record, scope = place_record(case.evidence, name), {"backup": name}
    if not record.readings:
        why = f"{name}: the list of the backups was never read{record.unread}"
        yield inconclusive(case, NAME, record.broken or why, AGAIN, scope=scope)
        return
    none = any(not reading.there for reading in record.readings)
    oldest = max(record.readings, key=_age_s)
    low, newest = _age_s(oldest), oldest.newest
    high = max([_most_s(record.readings[0]), *(_between_s(first, then) for first, then in pairwise(record.readings))])
    between = f"between readings at most {formatted(high, 's')}" if math.isfinite(high) else "then it was removed"
    text = f"{name}: the newest backup was {formatted(low, 's')} old at a reading ({newest.name if newest else ''}), {between}"
    found = Amount(
        low=low,
        high=high,
        text=f"{name}: a reading found no finished backup" if none else text,
        unit="s",
        scope=scope,
        receipts={"watch": watch_of(case, record)},
        method="time of the store minus the time of the newest backup in its list, read again and again",
        files=(FILE,),
        n=len(record.readings),
        shows=math.isfinite(high),
        broken=none,
        between=f"the newest backup was removed, or the list was not read for too long{record.unread}",
        unknown=record.early,
        excuse=record.unknown,
        hint=AGAIN,
        kind=ReasonKind.NO_RECORD,
    )
    yield amount(case, found)


def _age_s(reading: PlaceReading) -> float:
    """Age of the newest backup at a reading in s, at least; infinite: there is none."""
    newest = reading.newest
    return math.inf if newest is None else reading.least_age_ns(newest) / NS_PER_S


def _most_s(reading: PlaceReading) -> float:
    newest = reading.newest
    return math.inf if newest is None else reading.most_age_ns(newest) / NS_PER_S


def _between_s(first: PlaceReading, then: PlaceReading) -> float:
    """Age of the newest backup between two readings in s, at most; infinite: no backup was there all the time."""
    stayed = first.stayed(then)
    return math.inf if stayed is None else then.most_age_ns(stayed) / NS_PER_S


def _in_words(objective: Objective) -> str:
    return in_words(objective, f"younger than {objective.limit}")


SPEC: Final = Spec(
    figure=Figure.BACKUP_AGE,
    judge=newest_backup,
    limit=LimitRule(dimension="time", ops=ONLY_BELOW),
    unit="s",
    basis=Basis.TRAFFIC,
    phases=frozenset({Phase.RUN}),
    evidence=lambda _case: FILES,
    needs=lambda _objective: (NEED,),
    words=_in_words,
    clocked=True,
)
