"""The schedule of arrivals: absolute, seeded, open."""

from __future__ import annotations

import subprocess
import sys
from bisect import bisect_right
from itertools import islice, pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from harness.locust.schedule.arrivals import ARRIVALS, due_times, random_of, trace_times
from harness.model import ArrivalTrace, RateCurve
from harness.units import NS_PER_S


def first(
    count: int,
    *,
    seed: int = 1,
    per_s: float = 100.0,
    arrivals: str = "poisson",
    begin_ns: int = 0,
    part: int = 0,
    parts: int = 1,
) -> list[int]:
    """The first due times of worker 1."""
    random = random_of(seed, 1, 1, "arrivals")
    curve = RateCurve.flat(per_s)
    dues = due_times(begin_ns=begin_ns, curve=curve, arrivals=arrivals, random=random, part=part, parts=parts)
    return list(islice(dues, count))


def curves() -> st.SearchStrategy[RateCurve]:
    """Rates over time with jumps, pauses and slopes, in which somebody is due."""
    point = st.tuples(st.floats(0, 20), st.floats(0, 50))
    points = st.lists(point, min_size=1, max_size=6).map(lambda found: tuple(sorted(found, key=lambda p: p[0])))
    return points.filter(lambda found: max(rate for _, rate in found) > 0.1).map(lambda found: RateCurve(points=found))


def test_a_seed_is_a_schedule_for_ever() -> None:
    """These figures are what seed 1 meant when this was written, and what it must mean on every machine."""
    assert first(4) == [19366744, 20036482, 21502625, 32020041]


@given(
    seed=st.integers(),
    per_s=st.floats(0.01, 10_000),
    arrivals=st.sampled_from(ARRIVALS),
    begin_ns=st.integers(0, 10**18),
)
def test_nobody_is_due_before_the_start_or_out_of_order(seed: int, per_s: float, arrivals: str, begin_ns: int) -> None:
    """Whatever the seed, the rate and the start."""
    due = first(50, seed=seed, per_s=per_s, arrivals=arrivals, begin_ns=begin_ns)
    assert due == sorted(due)
    assert due[0] >= begin_ns
    assert due == first(50, seed=seed, per_s=per_s, arrivals=arrivals, begin_ns=begin_ns)


@given(seed=st.integers(), per_s=st.floats(1, 1000))
def test_constant_arrivals_keep_one_gap(seed: int, per_s: float) -> None:
    """To the nanosecond, for a thousand journeys."""
    due = first(1000, seed=seed, per_s=per_s, arrivals="constant")
    assert all(abs((b - a) - NS_PER_S / per_s) <= 1 for a, b in pairwise(due))


@given(workers=st.integers(1, 5), per_s=st.floats(1, 1000))
def test_workers_take_turns_in_constant_arrivals(workers: int, per_s: float) -> None:
    """Together they send what one would."""
    apart = [first(20, per_s=per_s, arrivals="constant", part=part, parts=workers) for part in range(workers)]
    together = sorted(due for dues in apart for due in dues)
    assert together == first(20 * workers, per_s=per_s, arrivals="constant")


def test_poisson_arrivals_have_the_rate_and_the_spread_of_one() -> None:
    """100 000 gaps at 100/s: the mean is 10 ms, and so is their standard deviation, within five standard errors."""
    due = first(100_001)
    gaps = [(b - a) / 1e6 for a, b in pairwise(due)]
    mean = sum(gaps) / len(gaps)
    spread = (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5
    assert abs(mean - 10) < 0.16
    assert abs(spread - 10) < 0.32


@given(curve=curves(), until_s=st.floats(0, 40))
@example(curve=RateCurve(points=((0, 1), (0, 1.3e-308))), until_s=0.0)
def test_constant_arrivals_follow_a_changing_rate_to_half_a_journey(curve: RateCurve, until_s: float) -> None:
    """As many are due by any moment as the integral of the rate says, rounded."""
    dues = due_times(begin_ns=0, curve=curve, arrivals="constant", random=random_of(1))
    planned = curve.offered(until_s)
    due = list(islice(dues, round(planned) + 2))
    assert due == sorted(due)
    assert abs(bisect_right(due, round(until_s * NS_PER_S)) - planned) <= 0.5 + 1e-5


def test_poisson_arrivals_follow_a_changing_rate() -> None:
    """10/s, then 100/s, then a ramp down to nothing, with 100 seeds: each part within five standard deviations."""
    curve = RateCurve(points=((0, 10), (10, 10), (10, 100), (20, 100), (30, 0)))
    counts = [0, 0, 0]
    for seed in range(100):
        for due in due_times(begin_ns=0, curve=curve, arrivals="poisson", random=random_of(seed)):
            counts[due // (10 * NS_PER_S)] += 1  # and nobody is due after 30 s: there is no fourth
    for count, planned in zip(counts, (10_000, 100_000, 50_000), strict=True):
        assert abs(count - planned) < 5 * planned**0.5


@given(
    offsets=st.lists(st.integers(0, 10**10), min_size=2, max_size=30, unique=True).map(sorted),
    parts=st.integers(1, 4),
    begin_ns=st.integers(0, 10**15),
)
def test_a_trace_is_sent_as_recorded_by_all_workers_together(offsets: list[int], parts: int, begin_ns: int) -> None:
    """Two rounds of it; the second begins a mean gap after the last arrival of the first."""
    trace = ArrivalTrace(offsets_ns=tuple(offsets))
    shares = [
        list(islice(trace_times(begin_ns=begin_ns, trace=trace, part=part, parts=parts), len(offsets)))
        for part in range(parts)
    ]
    sent = sorted(due - begin_ns for dues in shares for due in dues)
    recorded = [at + turn * trace.period_ns for turn in range(parts) for at in offsets]
    assert sent == recorded


def test_workers_and_seeds_draw_apart() -> None:
    """Seed, worker and user each make another stream."""
    draws = {random_of(*who).random() for who in [(1, 1, 1), (2, 1, 1), (1, 2, 1), (1, 1, 2), (11, 1), (1, 11)]}
    assert len(draws) == 6


def test_reading_a_schedule_does_not_load_locust() -> None:
    """Importing Locust patches sockets, which no harness process may have."""
    script = (
        "import sys, harness.locust.schedule.arrivals; sys.exit('locust' in sys.modules or 'gevent' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
