"""The alert on a slow query: it must fire soon after the p95 of the query passed its limit, and name the query.

The judge itself computes when the p95 passed its limit, from the statement statistics of the database members during the fault.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from harness.judgement.figures.alerting.hidden import watched
from harness.judgement.figures.alerting.history import (
    ALERTS,
    PROMETHEUS,
    Fired,
    Trial,
    failed_by_others,
    fired,
    rules_of,
    trial_of,
    unsent,
)
from harness.judgement.figures.alerting.history import PER_S as ALERTS_PER_S
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
from harness.judgement.figures.spec import until_spec
from harness.judgement.measures import Case, inconclusive
from harness.judgement.receipts.faults.fault import claimed_fault_receipt
from harness.judgement.shapes.until import Effect, until
from harness.model import Figure, Measure, Quantity, ReasonKind
from harness.model.records.queries import brief, is_query
from harness.units import NS_PER_S

PART: Final = "query"
"""The value of the label `part` of rules about a query."""
_AGAIN: Final = "see the histories of alerts and statements in history/, then run again"
_SLOW: Final = "let the experiment slow down queries that are called often, then run again"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Passed:
    """A query whose p95 passed the limit.

    Attributes:
        query: text of the query.
        since_ns, at_ns: the p95 passed the limit between these two times.
        last_ns: last time at which the p95 was above the limit.
    """

    query: str
    since_ns: int
    at_ns: int
    last_ns: int


def named(case: Case) -> Iterable[Measure]:
    """One measure per experiment and query whose p95 passed the limit during the experiment."""
    name, over = Figure.QUERY_ALERT.value, case.objective.params["over"]
    parts = rules_of(case.evidence, PART)
    alerts = [one for one in fired(case.evidence) if one.name in parts]
    times, limit_ms = query_times(case.evidence, case.scaled.in_unit("s")), Quantity.parse(over).in_unit("ms")

    def of_its_queries(trial: Trial) -> Iterable[Measure]:
        for query in _passed(times, trial, limit_ms):
            yield _named(case, trial, query, [one for one in alerts if _names(one, query.query)])

    for experiment in case.experiments:
        scope = {"experiment": experiment, "alert": PART}
        trial = trial_of(case.plan, case.evidence, experiment)
        if trial is None:
            yield inconclusive(case, name, f"{experiment}: the fault was not sent", unsent(experiment), scope=scope)
            continue
        if not _passed(times, trial, limit_ms):
            why = f"{experiment}: no query with at least {FEWEST} calls had a p95 above {over}, expected at least one"
            yield inconclusive(case, name, why, _SLOW, scope=scope)
        yield from of_its_queries(trial)
    yield from failed_by_others(case, of_its_queries)


def _names(alert: Fired, query: str) -> bool:
    """Whether a label of the alert is the text of the query, whatever the values in it."""
    return any(is_query(query, value) for _, value in alert.labels)


def _passed(times: Sequence[QueryP95], trial: Trial, limit_ms: float) -> list[_Passed]:
    """The queries whose p95 passed the limit while the fault was active, and was not above it when the fault was sent."""
    until_ns = trial.attempt.fault.undone_ns or trial.restored_ns
    mine: dict[str, list[QueryP95]] = {}
    for time in times:
        if time.until_ns <= trial.restored_ns:
            mine.setdefault(time.query, []).append(time)
    found = []
    for query, own in sorted(mine.items()):
        before = [time for time in own if time.until_ns <= trial.sent_ns]
        during = [time for time in own if time.until_ns > trial.sent_ns]
        sure = [time for time in during if time.low_ms > limit_ms]
        if not sure or sure[0].since_ns > until_ns or (before and before[-1].low_ms > limit_ms):
            continue
        may = next(time for time in during if time.high_ms > limit_ms)
        found.append(
            _Passed(
                query=query,
                since_ns=max(may.since_ns, trial.sent_ns),
                at_ns=sure[0].until_ns,
                last_ns=sure[-1].until_ns,
            )
        )
    return found


def _named(case: Case, trial: Trial, query: _Passed, alerts: Sequence[Fired]) -> Measure:
    """The measure of the time from when the p95 passed the limit to the first alert that names the query."""
    attempt, before = trial.attempt, trial.fired_before(alerts, "an alert that names the query")
    first = None if before else next(iter(trial.during(alerts)), None)
    until_ns = query.at_ns + round(case.scaled.in_unit("s") * NS_PER_S)
    if first is not None:
        until_ns = min(until_ns, first.at_ns)  # a later gap does not matter, as the alert fired before it
    statements = read_receipt(case.evidence, (trial.sent_ns, query.at_ns), case.plan.members)
    read = [watched(case.evidence, "alerts", [(trial.sent_ns, until_ns)]), statements]
    found = Effect(
        low=None if first is None else max((first.since_ns or query.since_ns) - query.at_ns, 0) / NS_PER_S,
        high=None if first is None else max(first.at_ns - query.since_ns, 0) / NS_PER_S,
        watched=(query.last_ns - query.at_ns) / NS_PER_S,
        names={
            "query": brief(query.query),
            "attempt": attempt.name,
            "alert": first.name if first else "",
            "over": case.objective.params["over"],
        },
        scope={"experiment": attempt.name, "of": query.query},
        receipts={
            "fault": claimed_fault_receipt(case.plan, case.evidence, attempt, case.objective),
            "watch": next((each for each in read if not each.ok), read[0]),
        },
        needs=("fault", "watch"),
        method=f"from the p95 of the newest {FEWEST} or more callsin the database's statistics to the first answer of Prometheus with the firing alert",
        files=(*attempt.files, ALERTS, FILE),
        resolution=max(1 / ALERTS_PER_S, 1 / PER_S),
        unknown=before,
        hint=_AGAIN,
        kind=ReasonKind.NO_RECORD,
    )
    return until(case, found)


NAMED: Final = until_spec(
    Figure.QUERY_ALERT,
    named,
    ("history/alerts.", "history/chaos-", *FILES),
    PROMETHEUS,
    DATABASE,
    rates={"alerts": ALERTS_PER_S, "statements": PER_S},
)
