"""One release, run or hour against another."""

from __future__ import annotations

from typing import Final

from harness.model import Figure, Op, Per
from harness.steps.meaning import Keyword
from harness.steps.objectives import compared, ratio, steady, variation
from harness.steps.template import Template

COMPARISONS: Final = (
    Template(
        name="drift",
        keyword=Keyword.THEN,
        text="the response time <quantile> of every route grows by less than <limit:duration> an hour[ in the steady state]",
        about="The slope of a quantile of the response times of each route over the window; one jump is not growth. The worst route decides.",
        example="the response time p95 of every route grows by less than 20 ms an hour",
        mean=steady(Figure.DRIFT, Op.BELOW, per=Per.ROUTE),
    ),
    Template(
        name="improvement",
        keyword=Keyword.THEN,
        text="the response time <quantile> of <traffic> traffic is at least <limit:ratio> lower than in the baseline run",
        about="A quantile of all response times together, against the run that `--baseline` names.",
        example="the response time p95 of everyday traffic is at least 40 % lower than in the baseline run",
        mean=compared(Figure.IMPROVEMENT, Op.AT_LEAST),
    ),
    Template(
        name="errors-above-another-release",
        keyword=Keyword.THEN,
        text=(
            'the error rate of release "<release>" is less than <limit:points> above that of release "<other:release>"'
            "[, analysed <analyses> times]"
        ),
        about=(
            "Failed requests of a canary less those of the stable release, both serving in one window; analysed several times "
            "while it grows, the first conclusive analysis decides, and all share one error budget."
        ),
        example='the error rate of release "1.1.0" is less than 0.5 points above that of release "1.0.0"',
        mean=compared(Figure.MORE_ERRORS, Op.BELOW, release="release", other_release="other", analyses="analyses"),
    ),
    Template(
        name="response-time-above-another-release",
        keyword=Keyword.THEN,
        text=(
            'the response time <quantile> of release "<release>" is less than <limit:ratio> above that of release "<other:release>"'
            "[, analysed <analyses> times]"
        ),
        about="A quantile of the response times of a canary against that of the stable release, both serving in one window.",
        example='the response time p95 of release "1.1.0" is less than 10 % above that of release "1.0.0", analysed 4 times',
        mean=compared(Figure.SLOWDOWN, Op.BELOW, release="release", other_release="other", analyses="analyses"),
    ),
    Template(
        name="baseline-factor",
        keyword=Keyword.THEN,
        text="the response time <quantile> of every route is at most <limit:factor> times that of the baseline run",
        about="A quantile of the response times of each route, over that in the run that `--baseline` names; the worst route decides.",
        example="the response time p95 of every route is at most 1.2 times that of the baseline run",
        mean=ratio(Figure.BASELINE_FACTOR),
    ),
    Template(
        name="last-hour",
        keyword=Keyword.THEN,
        text=(
            "the response time <quantile> of every route in the last hour of a soak of <soak:duration> is at most "
            "<limit:factor> times that of the first hour"
        ),
        about=(
            "On a scaled target the window before the first fault is the soak, at a scale of its own that the figure names; "
            "at scale 1 it must have lasted as long."
        ),
        example="the response time p95 of every route in the last hour of a soak of 8 h is at most 1.2 times that of the first hour",
        mean=ratio(Figure.LAST_HOUR, soak=True),
    ),
    Template(
        name="variation",
        keyword=Keyword.THEN,
        text="the response time <quantile> of any two windows of <part:period> differs by at most <limit:ratio>[ in the steady state]",
        about="The fault-free windows are cut into parts of that length; the highest quantile of a part is divided by the lowest, less 1.",
        example="the response time p50 of any two windows of 10 min differs by at most 30 % in the steady state",
        mean=variation,
    ),
)
