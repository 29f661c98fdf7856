"""Objectives that no run can bear are told from those that one can."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.model import ONLY_BELOW, Figure, LimitRule, Objective, Op, Quantity, untenable

TIME = LimitRule(dimension="time")
SHARES = LimitRule(dimension="ratio", most=1)
RULES = {
    Figure.RESPONSE_TIME: TIME,
    Figure.RECOVERY: LimitRule(dimension="time", ops=ONLY_BELOW),
    Figure.ERROR_RATE: SHARES,
    Figure.UPTIME: SHARES,
    Figure.REGION_SHARE: SHARES,
    Figure.SLOWDOWN: LimitRule(dimension="ratio", signed=True),
    Figure.IMPROVEMENT: LimitRule(dimension="ratio", signed=True, most=1),
}

P95 = Objective(figure=Figure.RESPONSE_TIME, quantile=0.95, op=Op.BELOW, limit=Quantity.parse("200 ms"), sentence="")
ERRORS = Objective(figure=Figure.ERROR_RATE, op=Op.BELOW, limit=Quantity.parse("0.1 %"), sentence="")
SHARE = Objective(
    figure=Figure.REGION_SHARE,
    op=Op.WITHIN,
    limit=Quantity.parse("60 %"),
    tolerance=Quantity.parse("5 points"),
    sentence="",
)


def test_what_a_run_can_bear(subtests: pytest.Subtests) -> None:
    """Also without a window of its own: then it is the traffic's."""
    for objective in [
        P95,
        ERRORS,
        SHARE,
        replace(P95, window=Quantity.parse("10 min")),
        replace(P95, quantile=None),
        replace(ERRORS, figure=Figure.UPTIME, op=Op.AT_LEAST, limit=Quantity.parse("100 %")),
        replace(P95, figure=Figure.LOST_WRITES, op=Op.HOLDS, limit=Quantity.parse("0")),
        replace(ERRORS, figure=Figure.SLOWDOWN, limit=Quantity.parse("150 %")),
        replace(ERRORS, figure=Figure.IMPROVEMENT, op=Op.AT_LEAST, limit=Quantity.parse("0 %")),
        replace(SHARE, tolerance=Quantity.parse("59 points")),
    ]:
        with subtests.test(objective.figure.value, objective=objective):
            assert untenable(objective, RULES.get(objective.figure)) == ""


def test_what_no_run_can_bear_is_said(subtests: pytest.Subtests) -> None:
    """The first trouble, in words."""
    for objective, why in [
        (replace(P95, quantile=1.0), "p100 is not a quantile, expected a value between p0 and p100, both excluded"),
        (replace(P95, quantile=0.0), "p0 is not a quantile, expected a value between p0 and p100, both excluded"),
        (
            replace(P95, quantile=math.nan),
            "pnan is not a quantile, expected a value between p0 and p100, both excluded",
        ),
        (replace(P95, limit=Quantity.parse("200 %")), "the response time is a time, its limit of 200 % is a ratio"),
        (replace(P95, limit=Quantity.parse("-5 ms")), "the limit of -5 ms is not a number of at least 0"),
        (replace(P95, limit=Quantity(value=math.inf, unit="ms")), "the limit of inf ms is not a number of at least 0"),
        (replace(P95, limit=Quantity.parse("0 ms")), "the figure is never below 0, so the sentence always fails"),
        (replace(P95, window=Quantity.parse("0 s")), "0 s is not a valid length of a window"),
        (replace(P95, window=Quantity.parse("5 %")), "5 % is not a valid length of a window"),
        (replace(P95, confidence=1.0), "1 is not a confidence, expected a value between 0 and 1, both excluded"),
        (replace(ERRORS, limit=Quantity.parse("200 %")), "the limit of 200 % is over 100 %"),
        (replace(ERRORS, op=Op.HOLDS), "the error rate is a figure and needs a limit"),
        (replace(SHARE, tolerance=None), "± nothing is not a tolerance of the share of answers"),
        (replace(SHARE, tolerance=Quantity.parse("0 points")), "± 0 points is not a tolerance of the share of answers"),
        (
            replace(SHARE, tolerance=Quantity(value=math.inf, unit="points")),
            "± inf points is not a tolerance of the share of answers",
        ),
        (replace(SHARE, tolerance=Quantity.parse("60 points")), "every share is within 60 % ± 60 points"),
        (
            replace(ERRORS, figure=Figure.UPTIME, op=Op.AT_LEAST, limit=Quantity.parse("0 %")),
            "the figure is always at least 0, so the sentence always passes",
        ),
        (
            replace(P95, figure=Figure.RECOVERY, op=Op.AT_LEAST),
            "the recovery can be compared only by is below",
        ),
        (replace(SHARE, older_than=Quantity.parse("3 %")), "3 % is not a valid age"),
    ]:
        with subtests.test(why):
            assert untenable(objective, RULES.get(objective.figure)) == why


@given(
    st.none() | st.sampled_from(list(RULES.values())),
    st.none() | st.floats(),
    st.floats(),
    st.sampled_from(["ms", "%", "", "/s", "points", "d"]),
    st.sampled_from(list(Op)),
)
def test_anything_is_told_and_nothing_raises(
    rule: LimitRule | None, quantile: float | None, value: float, unit: str, op: Op
) -> None:
    """Whatever it is made of."""
    limit = Quantity(value=value, unit=unit)
    figure = Figure.RESPONSE_TIME
    untenable(Objective(figure=figure, quantile=quantile, op=op, limit=limit, sentence="", tolerance=limit), rule)
