"""A release with slow queries: from its first users to the moment from which on the p95 of every query is below a limit again.

How long queries took is what the members of the database count of their statements; neither release is asked.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from harness.judgement.figures.query_readings import (
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
    concluded,
    ended_receipt,
    files_of,
    load_of,
    rolled,
    rollout_spec,
    scope_of,
)
from harness.judgement.measures import Case, Figures, inconclusive
from harness.judgement.wording import formatted
from harness.model import ONLY_BELOW, Figure, LimitRule, Measure, Outcome, Quantity, ReasonKind, Receipt
from harness.model.queries import brief
from harness.units import NS_PER_S

_TRIED: Final = (
    "name a candidate that slows frequently called queries (`candidate:` in the rollout file), then run again"
)


def quick_again(case: Case) -> Iterable[Measure]:
    """From the first users of the candidate to the last reading in which the p95 of a query was above the limit."""
    name = Figure.QUERIES_QUICK.value
    history = rolled(case, name)
    if isinstance(history, Measure):
        yield history
        return
    if not history.steps:
        why = f"{history.plan.name}: the candidate was given no users"
        yield inconclusive(case, name, why, AGAIN, scope=scope_of(case))
        return
    over = Quantity.parse(case.objective.params["over"]).in_unit("ms")
    times = [
        time
        for time in query_times(case.evidence, case.scaled.in_unit("s") / 2)
        if history.steps[0].begun_ns < time.until_ns <= history.until_ns
    ]
    yield _back(
        case, history, [one for one in times if one.low_ms > over], [one for one in times if one.high_ms > over]
    )


def _first_ns(case: Case, history: RolloutHistory, slow: list[QueryP95]) -> int:
    """When the candidate had its first users: the first request that it answered was sent, or the first slow query may have ended."""
    given = history.steps[0]
    rows = history.samples(case.evidence, case.objective.scope.traffic, history.began_ns, history.until_ns)
    sent_ns = rows.ints["sent_ns"][rows.words["release"].equals(history.plan.candidate)]
    return min([int(sent_ns.min(initial=given.at_ns)), *(one.since_ns for one in slow[:1])])


def _back(case: Case, history: RolloutHistory, sure: list[QueryP95], may: list[QueryP95]) -> Measure:
    """`sure`, `may`: when the p95 of a query was certainly above the limit, and when it may have been."""
    limit_s, over, given = case.scaled.in_unit("s"), case.objective.params["over"], history.steps[0]
    watched_s, first_ns = (history.until_ns - given.at_ns) / NS_PER_S, _first_ns(case, history, may)
    low = high = None
    outcome, query = Outcome.INCONCLUSIVE, ""
    if not may:
        text = f"no query had a p95 above {over}"
    else:
        query = may[-1].query
        high = (may[-1].until_ns - first_ns) / NS_PER_S
        low = max(sure[-1].since_ns - given.at_ns, 0) / NS_PER_S if sure else 0.0
        text = f"the p95 of `{brief(query)}` was above {over} until {formatted(high, 's')} after the release had its first users"
        if low >= limit_s:
            outcome, query = Outcome.FAIL, sure[-1].query
            text = (
                f"the p95 of `{brief(query)}` was above {over} {formatted(low, 's')} after the release was given users"
            )
        elif high < limit_s <= watched_s:
            outcome = Outcome.PASS
    slow = f"the p95 of {len({one.query for one in sure})} queries was above {over} while the release had users"
    span = (first_ns, min(given.at_ns + round(limit_s * NS_PER_S), history.until_ns))
    receipts = {
        "fault": Receipt(ok=bool(sure), why=slow, hint=_TRIED, files=(FILE,)),
        "watch": read_receipt(case.evidence, span, case.plan.members),
        "load": load_of(case),
        "restore": ended_receipt(history),
    }
    figures = Figures(
        value=high,
        low=low,
        high=high,
        scaled_limit=limit_s,
        n=len(sure),
        unit="s",
        resolution=1 / PER_S,
        method=f"the p95 of the newest {FEWEST} or more calls of each query at each reading, as the database counts them",
        receipts=receipts,
        files=(FILE, *files_of(case)),
    )
    kind = ReasonKind.NO_RECORD if outcome is Outcome.INCONCLUSIVE else None
    text = f"{history.plan.name}: {text}, expected {case.expected.replace('below', 'within')}"
    of = {"of": query} if query else {}
    return concluded(case, Figure.QUERIES_QUICK.value, outcome, text, figures, fail_needs=("fault",), kind=kind, **of)


_SPEC: Final = rollout_spec(
    Figure.QUERIES_QUICK, quick_again, limit=LimitRule(dimension="time", ops=ONLY_BELOW), unit="s", timed=True
)
QUICK: Final = replace(
    _SPEC,
    needs=lambda objective: (*_SPEC.needs(objective), DATABASE),
    evidence=lambda case: (*_SPEC.evidence(case), *FILES),
    rates={"statements": PER_S},
)
