"""The schedule of arrivals: absolute, seeded, open."""

from __future__ import annotations

import subprocess
import sys
from itertools import islice, pairwise

from hypothesis import given
from hypothesis import strategies as st

from harness.clock import NS_PER_S
from harness.locust.arrivals import ARRIVALS, due_times, random_of


def first(
    count: int, *, seed: int = 1, per_s: float = 100.0, arrivals: str = "poisson", start_ns: int = 0
) -> list[int]:
    """The first due times of user 1 of worker 1."""
    random = random_of(seed, 1, 1, "arrivals")
    return list(islice(due_times(start_ns=start_ns, per_s=per_s, arrivals=arrivals, random=random), count))


def test_a_seed_is_a_schedule_for_ever() -> None:
    """These figures are what seed 1 meant when this was written, and what it must mean on every machine."""
    assert first(4) == [19366744, 20036482, 21502625, 32020041]


@given(
    seed=st.integers(),
    per_s=st.floats(0.01, 10_000),
    arrivals=st.sampled_from(ARRIVALS),
    start_ns=st.integers(0, 10**18),
)
def test_nobody_is_due_before_the_start_or_out_of_order(seed: int, per_s: float, arrivals: str, start_ns: int) -> None:
    """Whatever the seed, the rate and the start."""
    due = first(50, seed=seed, per_s=per_s, arrivals=arrivals, start_ns=start_ns)
    assert due == sorted(due)
    assert due[0] >= start_ns
    assert due == first(50, seed=seed, per_s=per_s, arrivals=arrivals, start_ns=start_ns)


@given(seed=st.integers(), per_s=st.floats(1, 1000))
def test_constant_arrivals_keep_one_gap(seed: int, per_s: float) -> None:
    """To the nanosecond, for a thousand journeys."""
    due = first(1000, seed=seed, per_s=per_s, arrivals="constant")
    assert all(abs((b - a) - NS_PER_S / per_s) <= 1 for a, b in pairwise(due))


def test_poisson_arrivals_have_the_rate_and_the_spread_of_one() -> None:
    """100 000 gaps at 100/s: the mean is 10 ms, and so is their standard deviation, within five standard errors."""
    due = first(100_001)
    gaps = [(b - a) / 1e6 for a, b in pairwise(due)]
    mean = sum(gaps) / len(gaps)
    spread = (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5
    assert abs(mean - 10) < 0.16
    assert abs(spread - 10) < 0.32


def test_users_and_workers_draw_apart() -> None:
    """Seed, worker and user each make another stream."""
    draws = {random_of(*who).random() for who in [(1, 1, 1), (2, 1, 1), (1, 2, 1), (1, 1, 2), (11, 1), (1, 11)]}
    assert len(draws) == 6


def test_reading_a_schedule_does_not_load_locust() -> None:
    """Importing Locust patches sockets, which no harness process may have."""
    script = "import sys, harness.locust.arrivals; sys.exit('locust' in sys.modules or 'gevent' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
