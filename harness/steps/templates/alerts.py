"""When alerts fire, when they are resolved, and which notices of them arrive."""

from __future__ import annotations

from functools import partial
from typing import Final

from harness.model import Figure, Op, Phase
from harness.steps.meaning import Keyword
from harness.steps.objectives import measured
from harness.steps.template import Noun, Template, form

_fault = partial(measured, phase=Phase.FAULT)
_FIRES_FROM: Final = "From the fault sent, in each experiment that the scenario ran, to the alert firing in Prometheus, and no such alert without a fault."
ALERTS: Final = (
    form(
        "alert-fires",
        "the <alert:noun> <fires:noun> within <limit:period> <cause:noun>",
        "From a fault to an alert.",
        Noun(
            ('alert "<rule:name>"', "fires", "of <cause>[ and is silent in the steady state]"),
            _fault(Figure.ALERT_FIRES, params={"alert": "<rule>"}),
            _FIRES_FROM,
            'the alert "DatabaseDown" fires within 3 min of the database\'s silence and is silent in the steady state',
        ),
        Noun(
            ("memory alert", "fires", "of one pod growing by 100 MB[ and is silent in the steady state]"),
            _fault(Figure.ALERT_FIRES, params={"part": "memory"}),
            f"{_FIRES_FROM} Rules of a memory alert have the label `part: memory`, and its labels name the pod.",
            "the memory alert fires within 10 min of one pod growing by 100 MB",
        ),
        Noun(
            (
                'alert "<rule:name>"',
                "fires",
                "at <fails:ratio> failed answers and is silent for <silent:period> at <quiet:ratio>",
            ),
            _fault(
                Figure.ALERT_AT_ERRORS,
                params={"alert": "<rule>", "fails": "<fails>", "quiet": "<quiet>"},
                times={"silent for": "silent"},
            ),
            "In each experiment that the scenario ran, by the share of the users' requests that failed in it: that share, to a point, or it proves nothing.",
            'the alert "HighErrorRate" fires within 12 min at 10 % failed answers and is silent for 12 min at 3 %',
        ),
        Noun(
            ("slow query alert", "names the query", "of its p95 passing <over:duration>"),
            _fault(Figure.QUERY_ALERT, params={"over": "<over>"}),
            "An alert whose rule has the label `part: query`, and one of whose labels is the text of the query; from the p95 of the query's newest calls, "
            "as `pg_stat_statements` counts them, in each experiment that the scenario ran.",
            "the slow query alert names the query within 5 min of its p95 passing 500 ms",
        ),
    ),
    form(
        "alert-text",
        'the <text:noun> "<alert:name>" <says:noun>',
        "What the text of an alert says.",
        Noun(
            ("rate in the text of", "is within <tolerance:points> of the <limit:ratio> that failed"),
            _fault(Figure.ALERT_TEXT, Op.WITHIN, params={"alert": "<alert>"}),
            "The first percentage in the annotations of every notice that its receiver got while that share of the users' requests failed.",
            'the rate in the text of "HighErrorRate" is within 2 points of the 10 % that failed',
        ),
        Noun(
            ("text of", "names the database and for how long it has been down, within <limit:reaction>"),
            _fault(Figure.ALERT_DOWNTIME, params={"alert": "<alert>"}),
            "In the annotations of every notice of the first such alert after the fault: the name or the workload of the primary that was hit, or PostgreSQL, "
            "and the first length of time, by the clock as `$value | humanizeDuration` writes it, at its arrival.",
            'the text of "DatabaseDown" names the database and for how long it has been down, within 30 s',
        ),
    ),
    Template(
        name="alert-rules-fire",
        keyword=Keyword.THEN,
        text='every declared alert rule, "<first:name>" and "<second:name>" among them, is loaded and fires during the fault it is for',
        about="Those two and every other rule that Prometheus has loaded evaluate, and fire in one of the experiments that the scenario ran: one whose label `part` is a fault domain in one of that domain. A rule whose label `part` is `security` is for attacks, not for faults.",
        example='every declared alert rule, "HighErrorRate" and "DatabaseDown" among them, is loaded and fires during the fault it is for',
        mean=lambda slots: _fault(Figure.ALERT_RULES_FIRE, params={"declared": f"{slots['first']} {slots['second']}"})(
            slots
        ),
    ),
    Template(
        name="alerts-quiet",
        keyword=Keyword.THEN,
        text="no alert fires in the steady state",
        about="Of any rule that Prometheus has loaded, in every window without a fault.",
        example="no alert fires in the steady state",
        mean=measured(Figure.ALERTS_QUIET),
    ),
    form(
        "fired-alerts",
        "every alert that fired <became:noun> within <limit:period>[ <after:noun>]",
        "What becomes of alerts that fired.",
        Noun(
            ("is resolved", "after the recovery"),
            _fault(Figure.ALERTS_RESOLVED),
            "From the target being as before, after each experiment that the scenario ran, to the last alert gone from Prometheus.",
            "every alert that fired is resolved within 10 min after the recovery",
        ),
        Noun(
            ("reached its receiver", ""),
            _fault(Figure.ALERTS_DELIVERED),
            "From the moment at which it fired, as its notice says, once its condition was true for the time that the rule says, to its arrival, as the receiver says: two clocks, where they are two machines.",
            "every alert that fired reached its receiver within 1 min",
        ),
    ),
    Template(
        name="notices-of-one-fault",
        keyword=Keyword.THEN,
        text="one fault sends at most <most:count> notices and the first names the part that failed",
        about="Notices of firing alerts from each fault to the next one. The part: the fault's domain, or what it hit, by name, workload or region.",
        example="one fault sends at most 3 notices and the first names the part that failed",
        mean=_fault(Figure.NOTICES, params={"most": "<most>"}),
    ),
)
