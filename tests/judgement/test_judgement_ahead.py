"""What would decide a figure that is not decided: reckoned ahead with the bounds that the judge itself uses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from judgement_builders import errors, evidence, failing, measures, p95, plan, samples, window

from harness.judgement import judge
from harness.judgement.measures import held
from harness.judgement.stats.clustered import share_in_time
from harness.judgement.stats.clusters import Slots
from harness.judgement.stats.statistics import least_n, share_bounds
from harness.judgement.wording import about
from harness.model import Evidence, Measure, Objective, Op, Outcome, Per

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE


def only(objective: Objective, run: Evidence) -> Measure:
    """The one measure of an objective."""
    return measures(judge(plan({"R": objective}), run))[0]


@settings(max_examples=60)
@given(
    bad=st.integers(2, 60),
    n=st.integers(200, 20_000),
    apart=st.floats(0.75, 1.3),
    towards=st.sampled_from([PASS, FAIL]),
)
def test_with_as_many_as_are_asked_for_the_judge_decides(bad: int, n: int, apart: float, towards: Outcome) -> None:
    """At the same rate, PASS and FAIL alike; and with a tenth less than that it does not."""
    limit, bounds = apart * bad / n, share_bounds(bad, n, 0.95)
    assume(held(Op.BELOW, bounds, limit) is INCONCLUSIVE)
    asked = least_n(bounds, lambda longer: held(Op.BELOW, longer, limit) is towards)
    if asked is None:
        assert apart < 1.01 if towards is PASS else apart > 0.99  # so near the limit a thousand million decide nothing
        return
    times = asked / n
    assert held(Op.BELOW, share_bounds(bad * times, asked, 0.95), limit) is towards
    whole = -(-asked // n)
    assert held(Op.BELOW, share_bounds(bad * whole, n * whole, 0.95), limit) is towards
    assert held(Op.BELOW, share_bounds(bad * times * 0.9, asked * 0.9, 0.95), limit) is not towards


def test_what_clusters_is_asked_for_more_and_decides_as_well() -> None:
    """Stalls of 10 requests at an even pace: repeated as often as is asked for, the judge says FAIL."""
    bad = np.zeros(400, dtype=np.int64)
    bad[10::57] = 10
    slots = Slots(width_s=0.1, n=np.full(400, 10), bad=bad)
    bounds = share_in_time(slots, 0.95)
    alone = share_bounds(int(bad.sum()), 4000, 0.95)
    limit = 0.009
    assert bounds.clustered
    assert held(Op.BELOW, bounds, limit) is INCONCLUSIVE
    asked = least_n(bounds, lambda longer: held(Op.BELOW, longer, limit) is FAIL)
    assert asked is not None
    assert asked > (least_n(alone, lambda longer: held(Op.BELOW, longer, limit) is FAIL) or 0)
    times = -(-asked // 4000)
    again = Slots(width_s=0.1, n=np.tile(slots.n, times), bad=np.tile(bad, times))
    assert held(Op.BELOW, share_in_time(again, 0.95), limit) is FAIL


def test_a_rate_over_its_limit_is_told_that_no_length_passes() -> None:
    """7 of 3000 where 0.1 % is allowed: which bound decides FAIL, where it is, and how many requests would prove it."""
    rows = samples(0, 30)
    at = [150, 611, 1003, 1400, 1888, 2307, 2790]
    run = replace(evidence(), windows={"everyday/fault-free": window(failing(rows, at), 0, 30)})
    measure = only(errors(), run)
    assert measure.outcome is INCONCLUSIVE
    assert measure.n_needed is not None
    asked = about(measure.n_needed)
    bound = "(lower bound with 99.75 % confidence: 0.0"
    assert f"about {asked} requests at this rate would prove FAIL {bound}" in measure.reason
    assert "longer" not in measure.hint


def test_numbers_for_people_are_rounded_up_to_two_digits() -> None:
    """Never down: with the lower one nothing would be decided."""
    assert [about(n) for n in (7, 59, 891, 901, 4210)] == ["7", "59", "900", "910", "4300"]


def test_of_several_routes_that_break_the_worst_is_named() -> None:
    """All their p95 have no bound: create-track fails for 10 %, sign-in for 80 %, play-track for 30 %."""
    rows = samples(0, 60)
    turn = np.arange(len(rows))
    broken = {"sign-in": (0, 8), "create-track": (2, 1), "play-track": (3, 3)}
    at = np.zeros(len(rows), dtype=np.bool_)
    for place, tenths in broken.values():
        at |= (turn % 4 == place) & (turn // 4 % 10 < tenths)
    run = replace(
        evidence(), windows={"everyday/fault-free": window(failing(rows, at, status=0, error="timeout"), 0, 60)}
    )
    for objective in (p95(per=Per.ROUTE), errors()):
        verdict = judge(plan({"R": objective}), run).verdicts[0]
        assert verdict.outcome is FAIL
    verdict = judge(plan({"R": p95(per=Per.ROUTE)}), run).verdicts[0]
    assert verdict.reason.startswith("response time p95 of sign-in ")
    assert verdict.reason.endswith("(and 2 more like it)")
