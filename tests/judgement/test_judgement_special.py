"""Tails and quantiles, held against SciPy, which we did not write."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from harness.judgement.special import (
    bdtr,
    bdtrc,
    betainc,
    betaincinv,
    chdtrc,
    chdtri,
    gammaincinv,
    ndtr,
    ndtri,
    pdtrc,
    stdtrit,
)

CLOSE = 1e-9
"""Of a probability or a quantile: bounds are shown with three digits."""
PROBABILITY = st.floats(1e-4, 1 - 1e-4) | st.sampled_from([0.0025, 0.05, 0.95, 0.9975])
SHARE = st.floats(1e-6, 1 - 1e-6) | st.sampled_from([0.001, 0.05, 0.95])
SHAPE = st.floats(1e-4, 1e6) | st.integers(1, 100_000)


def close(found: float, expected: float) -> bool:
    """Whether two numbers agree; what is below the smallest probability that the judge asks for need not."""
    return math.isclose(found, expected, rel_tol=CLOSE, abs_tol=1e-30)


@given(k=st.integers(0, 400), more=st.integers(0, 1_000_000), p=SHARE)
def test_binomial_tails_are_those_of_scipy(k: int, more: int, p: float) -> None:
    """At most k and more than k, of up to a million trials."""
    from scipy import stats  # takes a second, which every worker would wait for to collect

    n = k + more
    assert close(bdtr(k, n, p), stats.binom.cdf(k, n, p))
    assert close(bdtrc(k, n, p), stats.binom.sf(k, n, p))


def test_a_count_that_cannot_be_has_a_certain_tail() -> None:
    """Fewer than none, as many as there are, probabilities of 0 and 1."""
    assert (bdtr(-1, 5, 0.5), bdtrc(-1, 5, 0.5), bdtr(5, 5, 0.5), bdtrc(5, 5, 0.5)) == (0, 1, 1, 0)
    assert (bdtr(2, 5, 0.0), bdtrc(2, 5, 0.0), bdtr(2, 5, 1.0), bdtrc(2, 5, 1.0)) == (1, 0, 0, 1)


def test_tails_of_many_are_exact() -> None:
    """SciPy's own `bdtr` is 0.03 % off here, its incomplete beta function is not; of the Poisson tail it has 7 of 13 digits right."""
    k, n, p = 1_505_258, 7_510_670, 0.20042058217963776
    assert close(bdtr(k, n, p), special.betainc(n - k, k + 1, 1 - p))
    assert math.isclose(pdtrc(589_484, 589_484.0 * 0.994140625), 3.266088453845540492e-06, rel_tol=1e-12)


@given(a=SHAPE, b=SHAPE, p=PROBABILITY)
def test_quantiles_of_the_beta_distribution_are_those_of_scipy(a: float, b: float, p: float) -> None:
    """And the distribution function gives back the probability."""
    x = betaincinv(a, b, p)
    assert close(x, special.betaincinv(a, b, p)) or close(betainc(a, b, x), p) or close(special.betainc(a, b, x), p)


@given(a=SHAPE, p=PROBABILITY, x=st.floats(0.2, 5))
def test_the_gamma_family_is_that_of_scipy(a: float, p: float, x: float) -> None:
    """Gamma, chi-square, Poisson: tails within a factor of five of the mean, and quantiles."""
    assert close(gammaincinv(a, p), special.gammaincinv(a, p))
    assert close(chdtri(a, p), special.chdtri(a, p))
    assert math.isclose(chdtrc(a, a * x), special.chdtrc(a, a * x), rel_tol=1e-7, abs_tol=1e-30)
    assert math.isclose(pdtrc(int(a), a * x), special.gammainc(int(a) + 1, a * x), rel_tol=1e-6, abs_tol=1e-30)


@given(df=st.floats(0.5, 1e6) | st.integers(1, 100), p=PROBABILITY)
def test_quantiles_of_student_are_those_of_scipy(df: float, p: float) -> None:
    """Of any number of degrees, whole or not."""
    assert math.isclose(stdtrit(df, p), special.stdtrit(df, p), rel_tol=CLOSE, abs_tol=1e-12)


@given(x=st.floats(-8, 8), p=PROBABILITY)
def test_the_normal_distribution_is_that_of_scipy(x: float, p: float) -> None:
    """Both ways."""
    assert close(ndtr(x), special.ndtr(x))
    assert math.isclose(ndtri(p), special.ndtri(p), rel_tol=CLOSE, abs_tol=1e-12)


def test_the_ends_are_the_ends(subtests: pytest.Subtests) -> None:
    """Of probabilities 0 and 1, of no events, of infinitely many degrees."""
    cases = [
        (ndtri(0.0), -math.inf),
        (ndtri(1.0), math.inf),
        (stdtrit(3, 0.5), 0.0),
        (stdtrit(math.inf, 0.95), ndtri(0.95)),
        (betaincinv(2, 3, 0.0), 0.0),
        (betaincinv(2, 3, 1.0), 1.0),
        (gammaincinv(2, 0.0), 0.0),
        (gammaincinv(2, 1.0), math.inf),
        (chdtrc(4, 0.0), 1.0),
        (chdtrc(0, 1.0), 0.0),
        (pdtrc(3, 0.0), 0.0),
    ]
    for number, (found, expected) in enumerate(cases):
        with subtests.test(number=number, expected=expected):
            assert found == expected


def test_what_is_no_number_stays_none() -> None:
    """And ends."""
    assert all(math.isnan(value) for value in (betainc(1, 2, math.nan), bdtr(1, 5, math.nan), chdtrc(2, math.nan)))
