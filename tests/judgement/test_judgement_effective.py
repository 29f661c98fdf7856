"""Exact bounds for clusters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.judgement.stats.effective import NEXT_LARGER, Clustering, sum_at_least, sum_at_most
from harness.judgement.stats.statistics import share_at_least, share_at_most


def clusters(*sizes: float, times: float = 5.0) -> Clustering:
    """So many bad ones of 10 000, in clusters of these sizes."""
    squares = sum(size**2 for size in sizes)
    return Clustering(
        rule="time", n=10_000, bad=round(sum(sizes)), squares=squares, next_size=times * max(sizes, default=1), few=True
    )


@pytest.mark.parametrize("bad", [0, 1, 7, 9_999, 10_000])
def test_clusters_of_one_have_the_exact_bounds(bad: int) -> None:
    """Clopper and Pearson's, when the next is no larger."""
    one = Clustering(rule="", n=10_000, bad=bad, squares=float(bad), next_size=1.0)
    assert one.at_most(0.95) == pytest.approx(share_at_most(bad, 10_000, 0.95))
    assert one.at_least(0.95) == pytest.approx(share_at_least(bad, 10_000, 0.95))


def test_equal_clusters_are_worth_as_many_requests() -> None:
    """Ten clusters of 5 of 10 000 are 10 of 2 000; one of 100 and ten of 5 are worth 2.2."""
    ten = clusters(*[5.0] * 10, times=1.0)
    assert ten.at_most(0.95) == pytest.approx(share_at_most(10, 2000, 0.95))
    assert ten.at_least(0.95) == pytest.approx(share_at_least(10, 2000, 0.95))
    assert clusters(100.0, *[5.0] * 10).effective == pytest.approx(2.195, abs=0.001)


@pytest.mark.parametrize(
    ("count", "times"), [(0, 3.0), (1, 16.06), (2, 17.13), (3, 18.2), (6, 21.46), (15, 31.41), (30, 48.02)]
)
def test_a_sum_may_be_so_many_of_its_clusters(count: int, times: float) -> None:
    """The table of the docs: with no cluster 3.0 of the smallest, then the next one counts five times."""
    size = 1.0 if count == 0 else NEXT_LARGER
    assert sum_at_most(count, count, size, 0.95) == pytest.approx(times, abs=0.02)


def test_a_sum_of_nothing_is_at_least_nothing() -> None:
    """And one cluster is at least a twentieth of itself."""
    assert (sum_at_least(0.0, 0.0, 0.95), sum_at_most(0.0, 0.0, 0.0, 0.95)) == (0.0, 0.0)
    assert sum_at_least(5.0, 25.0, 0.95) == pytest.approx(0.0513 * 5, rel=1e-3)


sizes = st.lists(st.floats(1, 200), min_size=1, max_size=30)


@given(sizes, st.floats(1, 200))
def test_one_more_cluster_never_narrows_toward_a_pass(found: list[float], more: float) -> None:
    """Nor does it lower the sum; to rounding of the counts."""
    total, squares = sum(found), sum(one**2 for one in found)
    before = sum_at_most(total, squares, 5 * max(found), 0.95)
    after = sum_at_most(total + more, squares + more**2, 5 * max(*found, more), 0.95)
    assert after >= before * (1 - 1e-9)


@given(sizes, st.integers(0, 29), st.floats(1, 50))
def test_a_larger_cluster_never_narrows_toward_a_pass(found: list[float], which: int, more: float) -> None:
    """Whichever it is."""
    larger = [*found]
    larger[which % len(found)] += more
    before, after = (sum_at_most(sum(one), sum(size**2 for size in one), 5 * max(one), 0.95) for one in (found, larger))
    assert after >= before * (1 - 1e-9)
