"""Objectives that no run can bear are told from those that one can."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.model import Figure, Objective, Op, Quantity, untenable

P95 = Objective(figure=Figure.RESPONSE_TIME, quantile=0.95, op=Op.BELOW, limit=Quantity.parse("200 ms"), sentence="")
ERRORS = Objective(figure=Figure.ERROR_RATE, op=Op.BELOW, limit=Quantity.parse("0.1 %"), sentence="")
SHARE = Objective(
    figure=Figure.REGION_SHARE,
    op=Op.WITHIN,
    limit=Quantity.parse("60 %"),
    tolerance=Quantity.parse("5 points"),
    sentence="",
)


@pytest.mark.parametrize(
    "objective",
    [
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
    ],
)
def test_what_a_run_can_bear(objective: Objective) -> None:
    """Also without a window of its own: then it is the traffic's."""
    assert untenable(objective) == ""


@pytest.mark.parametrize(
    ("objective", "why"),
    [
        (replace(P95, quantile=1.0), "p100 is no quantile: it lies between 0 and 100, and is neither"),
        (replace(P95, quantile=0.0), "p0 is no quantile: it lies between 0 and 100, and is neither"),
        (replace(P95, quantile=math.nan), "pnan is no quantile: it lies between 0 and 100, and is neither"),
        (replace(P95, limit=Quantity.parse("200 %")), "the response time is a time, its limit of 200 % is a ratio"),
        (replace(P95, limit=Quantity.parse("-5 ms")), "the limit of -5 ms is no number from 0 up"),
        (replace(P95, limit=Quantity(value=math.inf, unit="ms")), "the limit of inf ms is no number from 0 up"),
        (replace(P95, limit=Quantity.parse("0 ms")), "nothing is below 0"),
        (replace(P95, window=Quantity.parse("0 s")), "a window of 0 s is none"),
        (replace(P95, window=Quantity.parse("5 %")), "a window of 5 % is none"),
        (replace(P95, confidence=1.0), "a confidence of 1 is none: it lies between 0 and 1, and is neither"),
        (replace(ERRORS, limit=Quantity.parse("200 %")), "the limit of 200 % is over 100 %"),
        (replace(ERRORS, op=Op.HOLDS), "the error rate is a figure, and is held against a limit"),
        (replace(SHARE, tolerance=None), "± nothing is no tolerance of the share of answers"),
        (replace(SHARE, tolerance=Quantity.parse("0 points")), "± 0 points is no tolerance of the share of answers"),
        (
            replace(SHARE, tolerance=Quantity(value=math.inf, unit="points")),
            "± inf points is no tolerance of the share of answers",
        ),
        (replace(SHARE, tolerance=Quantity.parse("60 points")), "every share is within 60 % ± 60 points"),
        (
            replace(ERRORS, figure=Figure.UPTIME, op=Op.AT_LEAST, limit=Quantity.parse("0 %")),
            "everything is at least 0",
        ),
        (
            replace(P95, figure=Figure.RECOVERY, op=Op.AT_LEAST),
            "of the recovery it is asked whether it is below a limit, and nothing else",
        ),
        (replace(SHARE, older_than=Quantity.parse("3 %")), "an age of 3 % is none"),
    ],
)
def test_what_no_run_can_bear_is_said(objective: Objective, why: str) -> None:
    """The first trouble, in words."""
    assert untenable(objective) == why


@given(
    st.sampled_from(list(Figure)),
    st.none() | st.floats(),
    st.floats(),
    st.sampled_from(["ms", "%", "", "/s", "points", "d"]),
    st.sampled_from(list(Op)),
)
def test_anything_is_told_and_nothing_raises(
    figure: Figure, quantile: float | None, value: float, unit: str, op: Op
) -> None:
    """Whatever it is made of."""
    limit = Quantity(value=value, unit=unit)
    untenable(Objective(figure=figure, quantile=quantile, op=op, limit=limit, sentence="", tolerance=limit))
