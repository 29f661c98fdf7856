"""Times of database queries, from number, mean, deviation, least and greatest of each statement's calls."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from judgement_builders import evidence, measures, ns, objective, observation, plan

from harness.judgement import judge
from harness.judgement.stats.quantile_moments import KnownMoments, quantile_by_moments
from harness.model import Evidence, Figure, Measure, Observation, Op, Outcome

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
SENTENCE = objective(Figure.QUERY_TIME, Op.BELOW, "500 ms", quantile=0.95)
Statement = dict[str, Any]


def statement(name: str, times_ms: list[float], *, least: float | None = None, most: float | None = None) -> Statement:
    """What a server counts of these calls."""
    times = np.array(times_ms)
    return {
        "id": name,
        "text": f"SELECT {name}",
        "calls": len(times),
        "total_ms": float(times.sum()),
        "stddev_ms": float(times.std()),
        "least_ms": float(times.min()) if least is None else least,
        "most_ms": float(times.max()) if most is None else most,
    }


def read(member: str, at: float, *statements: Statement, **fields: Any) -> Observation:
    """The statistics of a member, read at a second of the window."""
    return observation(
        "statements.read",
        member,
        at,
        "queries",
        traffic="everyday",
        at_ns=ns(at),
        statements=list(statements),
        **fields,
    )


@cache
def quiet() -> Evidence:
    """The healthy run, without what was read of its database."""
    return evidence()


def judged(*reads: Observation) -> list[Measure]:
    """The measures of the sentence."""
    base = quiet()
    return measures(judge(plan({"R": SENTENCE}), replace(base, observations=(*base.observations, *reads))))


QUICK = [1.0, 2.0, 3.0, 4.0] * 500


def test_quick_statements_pass() -> None:
    """2 000 calls of 1 to 4 ms, one of which once took 3 s before the window."""
    (found,) = judged(
        read("north", 1, statement("a", [2.0, 3000.0])),
        read("north", 59, statement("a", [2.0, 3000.0, *QUICK])),
    )
    assert (found.outcome, found.n) == (PASS, 2000)
    assert found.high == pytest.approx(2.5 + 1.118 * 4.7, abs=0.4)
    assert "the highest possible p95 of `SELECT a` is" in found.reason


def test_a_statement_that_sleeps_fails() -> None:
    """Each of its 60 calls takes 600 ms, while the other is quick; both members count."""
    found = judged(
        read("north", 1, statement("a", [2.0])),
        read("south", 1),
        read("north", 59, statement("a", [2.0, *QUICK]), statement("b", [600.0] * 30)),
        read("south", 59, statement("b", [601.0] * 30)),
    )
    assert {one.scope["of"]: (one.outcome, one.n) for one in found} == {
        "SELECT a": (PASS, 2000),
        "SELECT b": (FAIL, 60),
    }


def test_a_statement_of_which_one_in_ten_sleeps_fails() -> None:
    """Its mean is 71 ms; the sum of the squares proves it, unless one call took far longer at some time."""
    times = [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 700.0] * 100
    (found,) = judged(read("", 1), read("", 59, statement("a", times)))
    assert found.outcome is FAIL
    (found,) = judged(read("", 1), read("", 59, statement("a", times, most=5000.0)))
    assert found.outcome is INCONCLUSIVE


def test_a_rare_statement_is_named_where_it_was_never_slow() -> None:
    """Three calls tell no p95; three slow ones do."""
    (found,) = judged(read("", 1), read("", 59, statement("a", QUICK), statement("b", [5.0] * 3)))
    assert (found.outcome, "too few calls to judge, but no slow call: `SELECT b`" in found.reason) == (PASS, True)
    found, slow = judged(read("", 1), read("", 59, statement("a", QUICK), statement("b", [700.0] * 3)))
    assert (found.outcome, slow.outcome) == (PASS, FAIL)


@pytest.mark.parametrize(
    ("reads", "why"),
    [
        ((), "no statistics of the database were read"),
        ((read("", 1), read("", 59)), "no statement of the services ran 59 times"),
        ((read("", 1), read("", 59, why="no extension `pg_stat_statements`")), "could not be read: no extension"),
        ((read("", 1, statement("a", QUICK)), read("", 59, statement("a", [1.0]))), "were reset"),
        ((read("", 1, statement("a", QUICK)), read("", 59)), "were reset"),
        ((read("", 1, forgotten=1), read("", 59, statement("a", QUICK), forgotten=2)), "to make room"),
        ((read("", 1), read("", 20, statement("a", QUICK))), "covers only 19 s of the window"),
    ],
)
def test_statistics_that_do_not_tell_it_are_no_evidence(reads: tuple[Observation, ...], why: str) -> None:
    """Nothing is decided, and the reason says what is missing."""
    (found,) = judged(*reads)
    assert (found.outcome, why in found.reason) == (INCONCLUSIVE, True)


@pytest.mark.parametrize(
    ("members", "outcome"), [((), PASS), (("north",), PASS), (("north", "south"), INCONCLUSIVE), (("pg",), PASS)]
)
def test_the_statistics_are_those_of_each_member_that_the_plan_names(
    members: tuple[str, ...], outcome: Outcome
) -> None:
    """A member of which nothing was recorded may have slow queries; a database that was read by another name was read as one."""
    lines = (read("north", 1, statement("a", [2.0])), read("north", 59, statement("a", [2.0, *QUICK])))
    base = quiet()
    given_ = replace(base, observations=(*base.observations, *lines))
    (found,) = measures(judge(plan({"R": SENTENCE}, members=members), given_))
    assert found.outcome is outcome, found.reason
    assert ("the statistics of south were not read" in found.reason) is (outcome is INCONCLUSIVE)


@given(
    values=st.lists(st.floats(0.0, 1e4), min_size=1, max_size=200),
    wider=st.tuples(st.floats(0.0, 10.0), st.floats(0.0, 10.0)),
    quantile=st.sampled_from([0.5, 0.9, 0.95, 0.99]),
)
def test_the_bounds_hold_for_any_values(values: list[float], wider: tuple[float, float], quantile: float) -> None:
    """Every order statistic lies between its bounds, and the sample's own quantile is at most the value."""
    ordered = np.sort(np.array(values))
    n = len(ordered)
    least, most = float(ordered[0]) - wider[0], float(ordered[-1]) + wider[1]
    moments = KnownMoments(n=n, total=float(ordered.sum()), squares=float((ordered**2).sum()), least=least, most=most)
    slack = 1e-6 * max(1.0, float(ordered[-1]))
    for rank in range(1, n + 1):
        assert moments.at_least(rank) - slack <= ordered[rank - 1] <= moments.at_most(rank) + slack
    bounds = quantile_by_moments(moments, quantile, 0.95)
    own = ordered[max(int(np.ceil(round(quantile * n, 9))), 1) - 1]
    assert own <= bounds.value + slack
    assert bounds.low <= bounds.high + slack
