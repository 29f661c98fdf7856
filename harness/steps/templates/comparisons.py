"""One release, run or hour against another."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from harness.model import Figure, Op, Per, Scope
from harness.steps.meaning import Meaning
from harness.steps.objectives import measured
from harness.steps.slots import Values
from harness.steps.template import Noun, form

_RELEASES: Final = {"release": "<release>", "other_release": "<other>", "analyses": "<analyses>"}
_BOTH: Final = (
    "of a canary against those of the stable release, both serving in one window; analysed several times while it grows, the first conclusive analysis "
    "decides, and all share one error budget."
)
_WORST_ROUTE: Final = "A quantile of the response times of each route, over that in"


def _improvement(slots: Values) -> Meaning:
    """How much lower a quantile of a traffic's response times is than in the baseline run."""
    meaning = measured(Figure.IMPROVEMENT, Op.AT_LEAST)(slots)
    objective = meaning.objective
    return replace(meaning, objective=objective and replace(objective, scope=Scope(traffic=slots["traffic"])))


COMPARISONS: Final = (
    form(
        "response-time-compared",
        "the response time <quantile> of <whose:noun> <compared:noun>",
        "A quantile of response times against that of another time, window or run.",
        Noun(
            ("every route", "is at most <limit:factor> times that of the baseline run"),
            measured(Figure.BASELINE_FACTOR, per=Per.ROUTE),
            f"{_WORST_ROUTE} the run that `--baseline` names; the worst route decides.",
            "the response time p95 of every route is at most 1.2 times that of the baseline run",
        ),
        Noun(
            (
                "every route in the last hour of a soak of <soak:duration>",
                "is at most <limit:factor> times that of the first hour",
            ),
            measured(Figure.LAST_HOUR, per=Per.ROUTE, times={"soak": "soak"}),
            f"{_WORST_ROUTE} the first hour of the soak; the worst route decides. On a scaled target the window before the first fault is the soak, at a "
            "scale of its own that the figure names; at scale 1 it must have lasted as long.",
            "the response time p95 of every route in the last hour of a soak of 8 h is at most 1.2 times that of the first hour",
        ),
        Noun(
            ("<traffic> traffic", "is at least <limit:ratio> lower than in the baseline run"),
            _improvement,
            "A quantile of all response times together, against the run that `--baseline` names.",
            "the response time p95 of everyday traffic is at least 40 % lower than in the baseline run",
        ),
        Noun(
            ("any two windows of <part:period>", "differs by at most <limit:ratio>[ in the steady state]"),
            measured(Figure.VARIATION, times={"of every": "part"}),
            "The fault-free windows are cut into parts of that length; the highest quantile of a part is divided by the lowest, less 1.",
            "the response time p50 of any two windows of 10 min differs by at most 30 % in the steady state",
        ),
    ),
    form(
        "above-another-release",
        'the <quality:noun> of release "<release>" is less than <limit:ratio> above that of release "<other:release>"[, analysed <analyses> times]',
        "A canary against the stable release.",
        Noun(
            ("error rate",),
            measured(Figure.MORE_ERRORS, params=_RELEASES),
            f"Failed requests {_BOTH} They are compared in points.",
            'the error rate of release "1.1.0" is less than 0.5 points above that of release "1.0.0"',
            limit="points",
        ),
        Noun(
            ("response time <quantile>",),
            measured(Figure.SLOWDOWN, params=_RELEASES),
            f"A quantile of the response times {_BOTH} They are compared in percent.",
            'the response time p95 of release "1.1.0" is less than 10 % above that of release "1.0.0"',
        ),
    ),
)
