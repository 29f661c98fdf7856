"""One rule decides what must come within a limit."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

import harness.judgement.figures
from harness.judgement.shapes.until import within
from harness.model import Outcome

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
BADNESS = {PASS: 0, INCONCLUSIVE: 1, FAIL: 2}
SECONDS = st.floats(0, 100)
FIGURES: Final = Path(harness.judgement.figures.__file__).parent
BY_ITSELF: Final = {
    "alerting/errors.py": 1,  # a share of answers, exact
    "rollouts/steps.py": 1,  # the shortest step is *at least* so long, from its interval
    "rollouts/switches.py": 1,  # within the limit, and enough answers of the others
    "rollouts/users.py": 2,  # a number of users, from its interval
    "rollouts/watched.py": 2,  # the longest gap is *at most* so long
    "scaling/bounds.py": 2,  # a number of replicas
    "throughput.py": 1,  # a rate, by its bounds
}
"""Figures that hold a number against a limit themselves, and why: none of them asks whether something came within a time."""


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


def compared(source: str) -> int:
    """How many expressions make an outcome of a comparison with a limit."""
    found = 0
    for node in ast.walk(ast.parse(source)):
        if not (isinstance(node, ast.IfExp) and "Outcome." in ast.unparse(node.body)):
            continue
        names = {
            name.id
            for one in ast.walk(node.test)
            if isinstance(one, ast.Compare)
            for name in ast.walk(one)
            if isinstance(name, ast.Name)
        }
        found += any("limit" in name for name in names)
    return found


def test_no_figure_decides_by_itself_whether_something_came_within_its_limit() -> None:
    """Every other one asks `within`, with the last moment without the effect and the first with it."""
    found = Counter(
        {str(path.relative_to(FIGURES)): compared(path.read_text("utf-8")) for path in sorted(FIGURES.rglob("*.py"))}
    )
    assert +found == BY_ITSELF
    assert compared("outcome = Outcome.PASS if took_s < limit_s else Outcome.FAIL") == 1
