"""One rule decides what must come within a limit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.judgement.shapes.until import within
from harness.model import Outcome

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
BADNESS = {PASS: 0, INCONCLUSIVE: 1, FAIL: 2}
SECONDS = st.floats(0, 100)


@pytest.mark.parametrize(
    ("low", "high", "outcome"),
    [(9.0, 9.9, PASS), (9.4, 10.004, INCONCLUSIVE), (10.0, 10.6, FAIL), (None, 9.9, PASS), (None, 10.0, FAIL)],
)
def test_an_effect_is_decided_from_the_moments_before_and_with_it(
    low: float | None, high: float, outcome: Outcome
) -> None:
    """The limit is 10 s; what is pushed has one moment."""
    assert within(10, low=low, high=high, watched=60) is outcome


@pytest.mark.parametrize(("watched", "outcome"), [(9.9, INCONCLUSIVE), (10.0, FAIL)])
def test_what_did_not_come_fails_where_it_was_watched_up_to_the_limit(watched: float, outcome: Outcome) -> None:
    """Watched for less than 10 s, it may have come in time."""
    assert within(10, low=None, high=None, watched=watched) is outcome


@given(SECONDS, SECONDS, SECONDS, SECONDS, SECONDS)
def test_what_comes_later_is_never_judged_better(
    limit: float, low: float, width: float, later: float, watched: float
) -> None:
    """Both moments later, the first with it alone later, or never in a watch that went on as long."""
    given_ = BADNESS[within(limit, low=low, high=low + width, watched=watched)]
    assert BADNESS[within(limit, low=low + later, high=low + later + width, watched=watched)] >= given_
    if low + width < limit:
        assert BADNESS[within(limit, low=low, high=low + width + later, watched=watched)] >= given_
    assert BADNESS[within(limit, low=None, high=None, watched=max(watched, low + width))] >= given_
