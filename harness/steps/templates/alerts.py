"""When alerts fire, when they are resolved, and which notices of them arrive."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from harness.model import Figure, Objective, Op, Phase, Quantity, Scope
from harness.steps.meaning import Keyword, Meaning
from harness.steps.slots import Values
from harness.steps.template import Template

_NOUGHT: Final = Quantity(value=0, unit="")


def _within(figure: Figure, slots: Values, **params: str) -> Meaning:
    scope = Scope(phase=Phase.FAULT)
    limit = slots.quantity("limit")
    return Meaning(
        objective=Objective(figure=figure, scope=scope, op=Op.BELOW, limit=limit, sentence="", params=params)
    )


def _fires(slots: Values) -> Meaning:
    _, _, name = slots["alert"].partition("alert ")
    return _within(Figure.ALERT_FIRES, slots, **({"alert": name.strip('"')} if name else {"part": "memory"}))


def _holds(figure: Figure, phase: Phase, **params: str) -> Meaning:
    scope = Scope(phase=phase)
    return Meaning(
        objective=Objective(figure=figure, scope=scope, op=Op.HOLDS, limit=_NOUGHT, sentence="", params=params)
    )


def _at_errors(slots: Values) -> Meaning:
    params = {key: slots[key] for key in ("alert", "fails", "quiet")}
    objective = _within(Figure.ALERT_AT_ERRORS, slots, **params).objective
    times = {"silent for": slots.quantity("silent")}
    return Meaning(objective=replace(objective, times=times) if objective else None)


def _text(slots: Values) -> Meaning:
    return Meaning(
        objective=Objective(
            figure=Figure.ALERT_TEXT,
            scope=Scope(phase=Phase.FAULT),
            op=Op.WITHIN,
            limit=slots.quantity("limit"),
            tolerance=slots.quantity("tolerance"),
            sentence="",
            params={"alert": slots["alert"]},
        )
    )


ALERTS: Final = (
    Template(
        name="alert-at-errors",
        keyword=Keyword.THEN,
        text='the alert "<alert:name>" fires within <limit:period> at <fails:ratio> failed answers and is silent for <silent:period> at <quiet:ratio>',
        about="In each experiment that the scenario ran, by the share of the users' requests that failed in it: that share, to a point, or it proves nothing.",
        example='the alert "HighErrorRate" fires within 12 min at 10 % failed answers and is silent for 12 min at 3 %',
        mean=_at_errors,
    ),
    Template(
        name="alert-text",
        keyword=Keyword.THEN,
        text='the rate in the text of "<alert:name>" is within <tolerance:points> of the <limit:ratio> that failed',
        about="The first percentage in the annotations of every notice that its receiver got while that share of the users' requests failed.",
        example='the rate in the text of "HighErrorRate" is within 2 points of the 10 % that failed',
        mean=_text,
    ),
    Template(
        name="alert-fires",
        keyword=Keyword.THEN,
        text="the <alert> fires within <limit:period> of <cause>[ and is silent in the steady state]",
        about="From the fault sent, in each experiment that the scenario ran, to the alert firing in Prometheus, and no such alert without a fault. The labels of a memory alert name the pod.",
        example='the alert "DatabaseDown" fires within 3 min of the database\'s silence and is silent in the steady state',
        mean=_fires,
    ),
    Template(
        name="slow-query-alert",
        keyword=Keyword.THEN,
        text="the slow query alert names the query within <limit:period> of its p95 passing <over:duration>",
        about=(
            "An alert whose rule has the label `part: query`, and one of whose labels is the text of the query; from the p95 of the query's newest calls, "
            "as `pg_stat_statements` counts them, in each experiment that the scenario ran."
        ),
        example="the slow query alert names the query within 5 min of its p95 passing 500 ms",
        mean=lambda slots: _within(Figure.QUERY_ALERT, slots, over=slots["over"]),
    ),
    Template(
        name="alert-rules-fire",
        keyword=Keyword.THEN,
        text='every declared alert rule, "<first:name>" and "<second:name>" among them, is loaded and fires during the fault it is for',
        about="Those two and every other rule that Prometheus has loaded evaluate, and fire in one of the experiments that the scenario ran: one whose label `part` is a fault domain in one of that domain.",
        example='every declared alert rule, "HighErrorRate" and "DatabaseDown" among them, is loaded and fires during the fault it is for',
        mean=lambda slots: _holds(Figure.ALERT_RULES_FIRE, Phase.FAULT, declared=f"{slots['first']} {slots['second']}"),
    ),
    Template(
        name="alerts-quiet",
        keyword=Keyword.THEN,
        text="no alert fires in the steady state",
        about="Of any rule that Prometheus has loaded, in every window without a fault.",
        example="no alert fires in the steady state",
        mean=lambda _slots: _holds(Figure.ALERTS_QUIET, Phase.STEADY),
    ),
    Template(
        name="alerts-resolved",
        keyword=Keyword.THEN,
        text="every alert that fired is resolved within <limit:period> after the recovery",
        about="From the target being as before, after each experiment that the scenario ran, to the last alert gone from Prometheus.",
        example="every alert that fired is resolved within 10 min after the recovery",
        mean=lambda slots: _within(Figure.ALERTS_RESOLVED, slots),
    ),
    Template(
        name="alerts-delivered",
        keyword=Keyword.THEN,
        text="every alert that fired reached its receiver within <limit:period>",
        about="From the moment at which it fired, as its notice says, once its condition was true for the time that the rule says, to its arrival, as the receiver says: two clocks, where they are two machines.",
        example="every alert that fired reached its receiver within 1 min",
        mean=lambda slots: _within(Figure.ALERTS_DELIVERED, slots),
    ),
    Template(
        name="notices-of-one-fault",
        keyword=Keyword.THEN,
        text="one fault sends at most <most:count> notices and the first names the part that failed",
        about="Notices of firing alerts from each fault to the next one. The part: the fault's domain, or what it hit, by name, workload or region.",
        example="one fault sends at most 3 notices and the first names the part that failed",
        mean=lambda slots: _holds(Figure.NOTICES, Phase.FAULT, most=slots["most"]),
    ),
)
