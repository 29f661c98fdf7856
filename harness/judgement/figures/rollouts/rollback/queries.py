"""A release with slow queries: time from its first users until the p95 of every query stays below a limit again.

The times of queries come from the statement statistics of the database members, not from either release.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from harness.judgement.figures.database.query_readings import (
    DATABASE,
    FEWEST,
    FILE,
    FILES,
    PER_S,
    QueryP95,
    query_times,
    read_receipt,
)
from harness.judgement.figures.rollouts.history import (
    AGAIN,
    RolloutHistory,
    ended_receipt,
    files_of,
    load_of,
    rollout_spec,
    scope_of,
)
from harness.judgement.measures import Case, inconclusive
from harness.judgement.shapes.until import Effect, until
from harness.model import ONLY_BELOW, Figure, LimitRule, Measure, Quantity, ReasonKind, Receipt
from harness.model.records.queries import brief
from harness.units import NS_PER_S

_TRIED: Final = (
    "name a candidate that slows frequently called queries (`candidate:` in the rollout file), then run again"
)


def quick_again(case: Case, history: RolloutHistory) -> Iterable[Measure]:
    """One measure: the time from the first users of the candidate to the last reading in which the p95 of a query was above the limit."""
    if not history.steps:
        why = f"{history.plan.name}: the candidate received no users"
        yield inconclusive(case, Figure.QUERIES_QUICK.value, why, AGAIN, scope=scope_of(case))
        return
    over = Quantity.parse(case.objective.params["over"]).in_unit("ms")
    times = [
        time
        for time in query_times(case.evidence, case.scaled.in_unit("s") / 2)
        if history.steps[0].begun_ns < time.until_ns <= history.until_ns
    ]
    yield until(
        case,
        _back(case, history, [one for one in times if one.low_ms > over], [one for one in times if one.high_ms > over]),
    )


def _first_ns(case: Case, history: RolloutHistory, slow: list[QueryP95]) -> int:
    """Time of the candidate's first users, in ns: its first answered request was sent, or the first slow query may have ended."""
    given = history.steps[0]
    rows = history.samples(case.evidence, case.objective.scope.traffic, history.began_ns, history.until_ns)
    sent_ns = rows.ints["sent_ns"][rows.words["release"].equals(history.plan.candidate)]
    return min([int(sent_ns.min(initial=given.at_ns)), *(one.since_ns for one in slow[:1])])


def _back(case: Case, history: RolloutHistory, sure: list[QueryP95], may: list[QueryP95]) -> Effect:
    """The effect. `sure` and `may` are the readings at which the p95 of a query was certainly, or possibly, above the limit."""
    over, given, limit_ns = case.objective.params["over"], history.steps[0], round(case.scaled.in_unit("s") * NS_PER_S)
    first_ns, query = _first_ns(case, history, may), next((one.query for one in (*sure[-1:], *may[-1:])), "")
    slow = f"the p95 of {len({one.query for one in sure})} queries was above {over} while the release had users, expected at least one query"
    span = (first_ns, min(given.at_ns + limit_ns, history.until_ns))
    return Effect(
        low=max(sure[-1].since_ns - given.at_ns, 0) / NS_PER_S if sure else 0.0 if may else None,
        high=(may[-1].until_ns - first_ns) / NS_PER_S if may else None,
        watched=(history.until_ns - given.at_ns) / NS_PER_S,
        names={"rollout": history.plan.name, "query": brief(query), "over": over},
        scope=scope_of(case, **({"of": query} if query else {})),
        receipts={
            "fault": Receipt(ok=bool(sure), why=slow, hint=_TRIED, files=(FILE,)),
            "watch": read_receipt(case.evidence, span, case.plan.members),
            "load": load_of(case),
            "restore": ended_receipt(history),
        },
        needs=("fault",),
        method=f"the p95 of the newest {FEWEST} or more calls of each query at each reading of the database's statistics",
        files=(FILE, *files_of(case)),
        n=len(sure),
        resolution=1 / PER_S,
        ends=True,
        unknown="" if may else f"no query had a p95 above {over}, so the platform had nothing to react to",
        hint=AGAIN,
        kind=ReasonKind.NO_RECORD,
    )


_SPEC: Final = rollout_spec(
    Figure.QUERIES_QUICK, quick_again, limit=LimitRule(dimension="time", ops=ONLY_BELOW), unit="s", timed=True
)
QUICK: Final = replace(
    _SPEC,
    needs=lambda objective: (*_SPEC.needs(objective), DATABASE),
    evidence=lambda case: (*_SPEC.evidence(case), *FILES),
    rates={"statements": PER_S},
)
