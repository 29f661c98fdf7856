"""Exact bounds, and how much evidence a claim needs."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judgement_builders import S

from harness.judgement.stats.statistics import (
    needed,
    needed_within,
    quantile_bounds,
    quantile_of,
    rank_at_least,
    rank_at_most,
    share_at_least,
    share_at_most,
)

counts = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
sureness = st.floats(0.5, 0.9999)


@pytest.mark.parametrize(
    ("share", "confidence", "fewest"),
    [
        (0.001, 0.95, [2995, 4742, 6294, 7752, 9151, 10511]),
        (0.001, 0.99, [4603, 6636, 8403, 10042, 11601, 13105]),
        (0.005, 0.95, [598, 947, 1258, 1549, 1829, 2100]),
        (0.01, 0.95, [299, 473, 628, 773, 913, 1049]),
        (0.05, 0.95, [59, 93, 124, 153, 181, 208]),
    ],
)
def test_evidence_needed_is_that_of_the_published_table(share: float, confidence: float, fewest: list[int]) -> None:
    """A claim of 0.1 % needs 2 995 without a failure, a p95 needs 59, a p99 299."""
    assert [needed(k, share, confidence) for k in range(6)] == fewest


def test_no_number_of_looks_bears_a_claim_of_nothing() -> None:
    """A rate below 0, or below one in a billion, cannot be shown."""
    assert needed(0, 0.0, 0.95) is None
    assert needed(0, 1e-12, 0.95) is None
    assert needed(0, 1.0, 0.95) == 1


def test_a_share_at_its_limit_has_no_margin_to_be_told_by() -> None:
    """The closer to the limit, the more is needed; at it, nothing helps."""
    assert needed_within(0.6, 0.05, 0.95) == 260
    assert needed_within(0.6, 0.005, 0.95) == 25974
    assert needed_within(0.0, 0.05, 0.95) == 1
    assert needed_within(0.6, 0.0, 0.95) is None
    assert needed_within(0.6, 1e-9, 0.95) is None


@given(counts, sureness)
@settings(max_examples=60)
def test_a_bound_moves_up_with_each_failure(drawn: tuple[int, int], sure: float) -> None:
    """One more bad one never improves a bound, and bounds lie around the share."""
    k, n = drawn
    assert share_at_least(k, n, sure) <= k / n <= share_at_most(k, n, sure)
    if k < n:
        assert share_at_least(k, n, sure) <= share_at_least(k + 1, n, sure)
        assert share_at_most(k, n, sure) <= share_at_most(k + 1, n, sure)


@given(counts, sureness, sureness)
@settings(max_examples=60)
def test_a_surer_bound_is_a_wider_one(drawn: tuple[int, int], one: float, other: float) -> None:
    """Confidence costs width, for shares and for quantiles; to the last digit of a float."""
    k, n = drawn
    less, more = sorted((round(one, 9), round(other, 9)))
    assert share_at_least(k, n, more) <= share_at_least(k, n, less)
    assert share_at_most(k, n, more) >= share_at_most(k, n, less)
    assert rank_at_least(n, 0.95, more) <= rank_at_least(n, 0.95, less)
    assert (rank_at_most(n, 0.95, more) or n + 1) >= (rank_at_most(n, 0.95, less) or n + 1)


@given(counts.filter(lambda kn: kn[0] < kn[1]), st.sampled_from([0.95, 0.99, 0.9975]))
@settings(max_examples=40)
def test_the_evidence_needed_is_the_least_whose_bound_is_inside(drawn: tuple[int, int], sure: float) -> None:
    """`needed` and the Clopper-Pearson bound say the same."""
    k, _ = drawn
    n = needed(k, 0.05, sure)
    assert n is not None
    assert share_at_most(k, n, sure) <= 0.05 + 1e-12
    assert n == k + 1 or share_at_most(k, n - 1, sure) > 0.05


@given(
    st.lists(st.floats(0, 1e6) | st.just(math.inf), min_size=1, max_size=300),
    st.sampled_from([0.5, 0.9, 0.95, 0.99, 1.0]),
    st.sampled_from([0.9, 0.95, 0.9975]),
)
@settings(max_examples=80)
def test_quantile_bounds_lie_around_the_quantile_and_are_order_statistics(
    values: list[float], quantile: float, sure: float
) -> None:
    """Each bound is one of the values, or none at all."""
    ordered = np.sort(np.array(values))
    bounds = quantile_bounds(ordered, quantile, sure)
    assert bounds.fail_low <= max(bounds.low, bounds.fail_low) <= bounds.value <= bounds.high
    assert {bounds.low, bounds.high} <= {*values, math.inf, -math.inf}
    assert bounds.value in values


def test_ranks_of_bounds_are_exact() -> None:
    """The largest of 59 bounds a p95 at 95 %, of 58 it does not; nothing bounds nothing."""
    assert rank_at_most(59, 0.95, 0.95) == 59
    assert rank_at_most(58, 0.95, 0.95) is None
    assert (rank_at_least(3000, 0.95, 0.95), rank_at_most(3000, 0.95, 0.95)) == (2830, 2870)
    assert (rank_at_least(0, 0.95, 0.95), rank_at_most(0, 0.95, 0.95)) == (0, None)


def test_a_quantile_is_a_value_that_was_measured() -> None:
    """The p95 of 1…100 is 95, of nothing it is unknown."""
    assert quantile_of(np.arange(1.0, 101.0), 0.95) == 95
    assert quantile_of(np.arange(1.0, 21.0), 0.95) == 19
    assert quantile_of(np.array([7.0]), 0.0) == 7
    assert math.isnan(quantile_of(np.array([]), 0.95))


def test_coverage_of_the_share_bound_is_at_least_nominal() -> None:
    """Of 2 000 drawn runs of 500 requests at a true 2 %, at most 5 % are bounded below it."""
    drawn = np.random.default_rng(S % 1000).binomial(500, 0.02, 2000)
    assert np.mean([share_at_most(int(k), 500, 0.95) >= 0.02 for k in drawn]) >= 0.94
