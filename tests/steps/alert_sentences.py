"""Sentences of alerts and of what the monitor has of pods and services, and what each means."""

from __future__ import annotations

from typing import Final

from harness.model import Figure
from tests.steps.objectives import FAULT, below, fact, holds, scaled, within

ALERT_SENTENCES: Final = {
    'the alert "DatabaseDown" fires within 3 min of the database\'s silence and is silent in the steady state': below(
        Figure.ALERT_FIRES, scaled("3 min"), FAULT, params={"alert": "DatabaseDown"}
    ),
    'every declared alert rule, "HighErrorRate" and "DatabaseDown" among them, is loaded and fires during the fault it is for': holds(
        Figure.ALERT_RULES_FIRE, FAULT, params={"declared": "HighErrorRate DatabaseDown"}
    ),
    'the alert "HighErrorRate" fires within 12 min at 10 % failed answers and is silent for 12 min at 3 %': below(
        Figure.ALERT_AT_ERRORS,
        scaled("12 min"),
        FAULT,
        params={"alert": "HighErrorRate", "fails": "10 %", "quiet": "3 %"},
        times={"silent for": scaled("12 min")},
    ),
    'the rate in the text of "HighErrorRate" is within 2 points of the 10 % that failed': within(
        Figure.ALERT_TEXT, "10 %", "2 points", FAULT, params={"alert": "HighErrorRate"}
    ),
    'the text of "DatabaseDown" names the database and for how long it has been down, within 30 s': below(
        Figure.ALERT_DOWNTIME, "30 s", FAULT, params={"alert": "DatabaseDown"}
    ),
    "the memory alert fires within 10 min of one pod growing by 100 MB": below(
        Figure.ALERT_FIRES, scaled("10 min"), FAULT, params={"part": "memory"}
    ),
    "the slow query alert names the query within 5 min of its p95 passing 500 ms": below(
        Figure.QUERY_ALERT, scaled("5 min"), FAULT, params={"over": "500 ms"}
    ),
    "no alert fires in the steady state": holds(Figure.ALERTS_QUIET),
    "every alert that fired is resolved within 10 min after the recovery": below(
        Figure.ALERTS_RESOLVED, scaled("10 min"), FAULT
    ),
    "every alert that fired reached its receiver within 1 min": below(Figure.ALERTS_DELIVERED, scaled("1 min"), FAULT),
    "every alert that fired reached its receiver within 60 s": below(Figure.ALERTS_DELIVERED, scaled("60 s"), FAULT),
    "one fault sends at most 3 notices and the first names the part that failed": holds(
        Figure.NOTICES, FAULT, params={"most": "3"}
    ),
    "every declared alert rule is loaded and a test alert arrives within 60 s": fact("test-alert", within="60 s"),
    "the p50, p95, p99 and request rate of every service are exposed and at most 15 s old": fact(
        "service-quantiles", age="15 s", bound="at most"
    ),
    "CPU usage of every pod is exposed and younger than 30 s": fact(
        "pod-usage", what="CPU usage", age="30 s", bound="younger than"
    ),
    "memory usage of every pod is exposed and younger than 30 s": fact(
        "pod-usage", what="memory usage", age="30 s", bound="younger than"
    ),
    "bytes received and sent of every pod are exposed and younger than 30 s": fact(
        "pod-usage", what="bytes received and sent", age="30 s", bound="younger than"
    ),
    "bytes read and written of every database and IPFS pod are exposed and younger than 30 s": fact(
        "store-disk", age="30 s", bound="younger than"
    ),
    "the resident memory of every service process is below 300 MB in the steady state": fact(
        "service-memory", most="300"
    ),
}
"""Each sentence, and its objective."""
