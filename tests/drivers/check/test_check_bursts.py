"""What a burst proves: counts of answers against what a right limit may serve, and error rates with their bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.drivers.check.bursts.limits import limited_reading, unharmed_reading
from harness.drivers.check.bursts.sending import LimitedAnswer, _says_when
from harness.drivers.check.bursts.size import BURST_LEVELS, CONFIDENT, Burst, allowed, at_most, burst_beside, burst_over
from harness.targets.files.sessions import Limits
from harness.units import NS_PER_S


def limits(calls: int = 20, within: str = "1 s", **more: object) -> Limits:
    """A declared limit."""
    clients = ({"address": "127.0.0.2"},)
    return Limits.model_validate({"calls": calls, "in": within, "path": "/", "clients": clients, **more})


def answers(seconds: float, *kinds: tuple[int, int, bool]) -> list[LimitedAnswer]:
    """Answers that were sent evenly: how many of each status, with Retry-After or without."""
    each = [(status, after) for count, status, after in kinds for _ in range(count)]
    step_ns = round(seconds * NS_PER_S / (len(each) - 1))
    return [
        LimitedAnswer(sent_ns=n * step_ns, at_ns=n * step_ns + 1, status=status, retry_after=after)
        for n, (status, after) in enumerate(each)
    ]


def test_a_share_counts_the_calls_over_the_rate(subtests: pytest.Subtests) -> None:
    """Five hundred calls in five seconds, where twenty a second are declared; a hundred to 120 may be served."""
    for served, limited, bare, silent, failed, ok in [
        (100, 400, 0, 0, 0, True),  # of a window of one second, five times
        (119, 381, 0, 0, 0, True),  # and nearly of a sixth one: 95.3 % of 400
        (130, 370, 0, 0, 0, None),  # 92.5 % of 400, 97 % of 380
        (150, 350, 0, 0, 0, False),  # 92 % of 380
        (500, 0, 0, 0, 0, False),
        (100, 0, 400, 0, 0, False),  # 429 without Retry-After
        (100, 0, 0, 0, 400, False),  # the service broke
        (100, 0, 0, 400, 0, None),  # nobody knows
        (0, 500, 0, 0, 0, True),
    ]:
        with subtests.test(served=served, limited=limited, bare=bare, silent=silent, failed=failed):
            kinds = (served, 200, False), (limited, 429, True), (bare, 429, False), (silent, 0, False)
            found = limited_reading(limits(), answers(5.0, *kinds, (failed, 503, False)), 0.95)
            assert found.ok is ok


def test_a_burst_that_was_none_proves_nothing() -> None:
    """Thirty calls a second, of which a right limit may serve twenty."""
    found = limited_reading(limits(), answers(5.0, (100, 200, False), (50, 429, True)), 0.95)
    assert (found.ok, "30 calls/s were sent" in found.observed) == (None, True)


@given(st.integers(10, 400), st.integers(0, 400), st.integers(0, 400))
def test_a_call_more_that_is_served_makes_no_verdict_better(served: int, limited: int, silent: int) -> None:
    """FAIL over INCONCLUSIVE over PASS."""
    order = {False: 0, None: 1, True: 2}

    def found(served: int, limited: int) -> int:
        reading = limited_reading(
            limits(), answers(5.0, (400 + served, 200, False), (limited, 429, True), (silent, 0, False)), 0.95
        )
        return order[reading.ok]

    assert found(served + 1, limited) <= found(served, limited + 1)


def test_an_error_rate_has_bounds(subtests: pytest.Subtests) -> None:
    """Below one percent: 299 calls without a failure prove it with 95 % confidence; 12 of 330 disprove it with 99.75 %. A second burst forgives one failure."""
    for failed, calls, level, ok in [
        (0, 299, 1.0, True),
        (0, 298, 1.0, None),
        (3, 330, 1.0, None),
        (12, 330, 1.0, False),
        (330, 330, 1.0, False),
        (0, 328, BURST_LEVELS[0], True),
        (1, 328, BURST_LEVELS[0], None),
        (1, 656, BURST_LEVELS[1], True),
        (2, 656, BURST_LEVELS[1], None),
    ]:
        for status in (429, 503):
            with subtests.test(failed=failed, calls=calls, level=level, status=status):
                kinds = ((failed, status, status == 429), (calls - failed, 200, False))
                assert unharmed_reading("key 2", answers(9.0, *kinds), 0.01, level).ok is ok


@given(st.integers(0, 60), st.integers(1, 900), st.floats(0.001, 0.2))
def test_the_probability_is_that_of_the_binomial_distribution(failed: int, calls: int, share: float) -> None:
    """As SciPy has it."""
    from scipy import stats  # takes a second, which every worker would wait for to collect

    assert at_most(failed, calls, share) == pytest.approx(float(stats.binom.cdf(failed, calls, share)), abs=1e-9)


@given(st.integers(1, 400), st.sampled_from([0.5, 1.0, 10.0, 60.0, 3600.0]), st.integers(0, 100))
def test_a_right_limit_passes_a_planned_burst(calls: int, within_s: float, burst: int) -> None:
    """Whatever it is, and however its windows lie: where a burst is planned, the calls that it may serve are less than 5 %."""
    own = limits(calls, f"{within_s:g} s", burst=burst)
    planned = burst_over(own)
    if isinstance(planned, str):
        assert "decides" in planned
        return
    sent = round(planned.per_s * planned.seconds)
    least, most = allowed(own, planned.seconds)
    assert sent - most >= 0.95 * (sent - least)
    assert planned.per_s <= 300.5
    assert 5 <= planned.seconds <= 30


@pytest.mark.parametrize(
    ("own", "why"),
    [
        (limits(150), "the declared rate is 150 calls/s, and the harness sends at most 300/s"),
        (limits(1000, "60 min"), "1000 calls in 3600 s need a burst of"),
    ],
)
def test_a_limit_that_no_burst_can_test_is_named(own: Limits, why: str) -> None:
    """With what would decide."""
    found = burst_over(own)
    assert isinstance(found, str)
    assert (found.startswith(why), found.endswith("decides")) == (True, True)


def test_others_call_often_enough_to_prove_one_percent() -> None:
    """At three quarters of the declared rate, for 22 seconds; of a hundred calls a minute it would take minutes."""
    found, slow = burst_beside(limits(), 0.01), burst_beside(limits(100, "60 s"), 0.01)
    assert isinstance(found, Burst)
    assert found.others_per_s * found.seconds >= 299
    assert isinstance(slow, str)
    assert "328 calls of each other client take 262 s" in slow


@pytest.mark.parametrize(
    ("value", "says"),
    [("1", True), ("0", True), ("Wed, 21 Oct 2015 07:28:00 GMT", True), ("", False), ("soon", False), ("-1", False)],
)
def test_retry_after_is_a_number_of_seconds_or_a_date(*, value: str, says: bool) -> None:
    """RFC 9110, section 10.2.3."""
    assert _says_when(value) is says


@given(st.integers(20, 2000), st.floats(0.001, 0.2))
def test_two_bursts_are_wrong_no_more_often_than_one_may_be(calls: int, share: float) -> None:
    """Where the share of failures is the limit, at most 5 % of the runs pass with one burst or with both."""
    from scipy import stats  # as above

    first, both = (
        next(failed for failed in range(n + 1) if at_most(failed, n, share) > level * CONFIDENT)
        for n, level in zip((calls, 2 * calls), BURST_LEVELS, strict=True)
    )
    passed = stats.binom.cdf(first - 1, calls, share) + stats.binom.cdf(both - 1, 2 * calls, share)
    assert float(passed) <= 0.05
