"""Sentences of alerts and of what the monitor has of pods and services, and what each means."""

from __future__ import annotations

from typing import Any, Final

from harness.model import Figure, Objective, Op, Phase, Quantity, Scope

_FAULT: Final = Scope(phase=Phase.FAULT)


def _q(text: str, *, scaled: bool = False) -> Quantity:
    return Quantity.parse(text, scaled=scaled)


def _within(figure: Figure, limit: str, **fields: Any) -> Objective:
    return Objective(figure=figure, scope=_FAULT, op=Op.BELOW, limit=_q(limit, scaled=True), sentence="", **fields)


def _holds(figure: Figure, scope: Scope = _FAULT, **fields: Any) -> Objective:
    return Objective(figure=figure, scope=scope, op=Op.HOLDS, limit=_q("0"), sentence="", **fields)


def _check(name: str, **params: str) -> Objective:
    times = {key: _q(value) for key, value in params.items() if key in ("age", "within")}
    limit = Quantity(value=1, unit="")
    return Objective(figure=Figure.CHECK, op=Op.HOLDS, limit=limit, check=name, params=params, times=times, sentence="")


ALERT_SENTENCES: Final = {
    'the alert "DatabaseDown" fires within 3 min of the database\'s silence and is silent in the steady state': _within(
        Figure.ALERT_FIRES, "3 min", params={"alert": "DatabaseDown"}
    ),
    'every declared alert rule, "HighErrorRate" and "DatabaseDown" among them, is loaded and fires during the fault it is for': _holds(
        Figure.ALERT_RULES_FIRE, params={"declared": "HighErrorRate DatabaseDown"}
    ),
    'the alert "HighErrorRate" fires within 12 min at 10 % failed answers and is silent for 12 min at 3 %': _within(
        Figure.ALERT_AT_ERRORS,
        "12 min",
        params={"alert": "HighErrorRate", "fails": "10 %", "quiet": "3 %"},
        times={"silent for": _q("12 min", scaled=True)},
    ),
    'the rate in the text of "HighErrorRate" is within 2 points of the 10 % that failed': Objective(
        figure=Figure.ALERT_TEXT,
        scope=_FAULT,
        op=Op.WITHIN,
        limit=_q("10 %"),
        tolerance=_q("2 points"),
        params={"alert": "HighErrorRate"},
        sentence="",
    ),
    'the text of "DatabaseDown" names the database and for how long it has been down, within 30 s': Objective(
        figure=Figure.ALERT_DOWNTIME,
        scope=_FAULT,
        op=Op.BELOW,
        limit=_q("30 s"),
        params={"alert": "DatabaseDown"},
        sentence="",
    ),
    "the memory alert fires within 10 min of one pod growing by 100 MB": _within(
        Figure.ALERT_FIRES, "10 min", params={"part": "memory"}
    ),
    "the slow query alert names the query within 5 min of its p95 passing 500 ms": _within(
        Figure.QUERY_ALERT, "5 min", params={"over": "500 ms"}
    ),
    "no alert fires in the steady state": _holds(Figure.ALERTS_QUIET, Scope()),
    "every alert that fired is resolved within 10 min after the recovery": _within(Figure.ALERTS_RESOLVED, "10 min"),
    "every alert that fired reached its receiver within 1 min": _within(Figure.ALERTS_DELIVERED, "1 min"),
    "every alert that fired reached its receiver within 60 s": _within(Figure.ALERTS_DELIVERED, "60 s"),
    "one fault sends at most 3 notices and the first names the part that failed": _holds(
        Figure.NOTICES, params={"most": "3"}
    ),
    "every declared alert rule is loaded and a test alert arrives within 60 s": _check("test-alert", within="60 s"),
    "the p50, p95, p99 and request rate of every service are exposed and at most 15 s old": _check(
        "service-quantiles", age="15 s", bound="at most"
    ),
    "CPU usage of every pod is exposed and younger than 30 s": _check(
        "pod-usage", what="CPU usage", age="30 s", bound="younger than"
    ),
    "memory usage of every pod is exposed and younger than 30 s": _check(
        "pod-usage", what="memory usage", age="30 s", bound="younger than"
    ),
    "bytes received and sent of every pod are exposed and younger than 30 s": _check(
        "pod-usage", what="bytes received and sent", age="30 s", bound="younger than"
    ),
    "bytes read and written of every database and IPFS pod are exposed and younger than 30 s": _check(
        "store-disk", age="30 s", bound="younger than"
    ),
    "the resident memory of every service process is below 300 MB in the steady state": _check(
        "service-memory", most="300"
    ),
}
"""Each sentence, and its objective."""
