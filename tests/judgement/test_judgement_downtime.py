"""Uptime by seconds down."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judgement_builders import S, ns
from scipy.special import gammaincinv

from harness.judgement.stats.downtime import Downtime, downtime_of, joined, probes_needed, uptime_by_seconds

EVERY = S // 50
"""Looks are 20 ms apart."""


def looks(failed: list[int], count: int = 3000, span_s: float | None = None) -> Downtime:
    """So many looks, some of them failed; the span ends with the last one's 20 ms."""
    bad = np.zeros(count, dtype=np.bool_)
    bad[failed] = True
    end = count * EVERY if span_s is None else ns(span_s)
    return downtime_of(np.arange(count) * EVERY, bad, (0, end))


def test_an_outage_lasts_from_its_first_failed_look_to_the_first_good_one() -> None:
    """Alone: 20 ms. Six in a row: 120 ms. The last look's outage ends with the window."""
    down = looks([5, *range(1000, 1006), 2999])
    assert down.seconds.tolist() == [pytest.approx(0.02), pytest.approx(0.12), pytest.approx(0.02)]
    assert (down.watched_s, down.spacing_s, down.probes) == pytest.approx((60, 0.02, 3000))
    assert down.long
    assert down.next_s == pytest.approx(0.6)
    assert down.effective == pytest.approx(0.16**2 / (0.12**2 + 2 * 0.02**2))


def test_a_lone_failed_look_bounds_nothing() -> None:
    """Nobody looked before or after it: its outage has no length, and no time was watched."""
    down = downtime_of(np.array([ns(5)]), np.array([True]), (0, ns(10)))
    assert (down.seconds.tolist(), down.watched_s, down.effective) == ([0.0], 0.0, 0.0)
    bounds = uptime_by_seconds(down, 0.95)
    assert (math.isnan(bounds.value), bounds.low, bounds.high) == (True, 0.0, 1.0)


def test_flaps_that_come_together_are_one_outage() -> None:
    """Every second look of four seconds: one outage of two seconds, and one far off of its own."""
    down = looks([*range(1000, 1200, 2), 2500])
    assert down.seconds.tolist() == [pytest.approx(2.0), pytest.approx(0.02)]
    apart = looks([*range(1000, 1200, 2), *range(2000, 2200, 2)])
    assert apart.seconds.tolist() == [pytest.approx(2.0), pytest.approx(2.0)]


def test_blind_time_is_neither_up_nor_down() -> None:
    """A gap of 5 s costs nothing and earns nothing; a failed look before it costs the usual 20 ms; 250 ms are no gap."""
    at = np.concatenate([np.arange(500) * EVERY, 15 * S + np.arange(500) * EVERY])
    bad = np.zeros(1000, dtype=np.bool_)
    bad[499] = True
    down = downtime_of(at, bad, (0, 25 * S))
    assert [down.watched_s, *down.seconds.tolist()] == pytest.approx([20.0, 0.02])
    edge = downtime_of(np.array([0, 250_000_000, 500_000_001]), np.array([True, True, False]), (0, 600_000_000))
    assert edge.spacing_s == pytest.approx(0.175, rel=0.01)
    assert edge.seconds.sum() == pytest.approx(0.25 + edge.spacing_s)


def test_order_and_looks_beyond_the_end_do_no_harm() -> None:
    """Looks in any order; a last one sent after the end; one look alone."""
    at, bad = np.arange(3000) * EVERY, np.zeros(3000, dtype=np.bool_)
    bad[[5, 6, 100]] = True
    order = np.random.default_rng(1).permutation(3000)
    one, other = downtime_of(at, bad, (0, 60 * S)), downtime_of(at[order], bad[order], (0, 60 * S))
    assert one.seconds.tolist() == other.seconds.tolist()
    late = downtime_of(np.array([0, EVERY, 2 * EVERY]), np.array([False, False, True]), (0, EVERY))
    assert late.watched_s == pytest.approx(0.04)
    alone = downtime_of(np.array([0]), np.array([True]), (0, 10 * S))
    assert (alone.watched_s, alone.spacing_s) == (0.0, 0.0)


def test_without_an_outage_three_of_one_spacing_may_be_expected() -> None:
    """3.0 times 20 ms of 60 s."""
    bounds = uptime_by_seconds(looks([]), 0.95)
    assert (bounds.value, bounds.high, bounds.fail_high, bounds.why) == (1.0, 1.0, 1.0, "")
    assert bounds.low == pytest.approx(1 - 2.9957 * 0.02 / 60, rel=1e-6)
    assert bounds.fail_low == pytest.approx(1 - 5.9915 * 0.02 / 60, rel=1e-6)
    assert bounds.method == (
        "seconds down of seconds watched, no outages: sum of outages plus one assumed outage of one probe spacing (Fay-Feuer)"
    )
    assert bounds.claim == "observed in 60 s (outages that occur fewer than 3 times in this time may be missed)"


def test_of_few_outages_the_next_may_last_five_times_as_long() -> None:
    """Two, of 120 and 20 ms, and one of 600 ms to come; at least what 1.3 of them bear."""
    bounds = uptime_by_seconds(looks([5, *range(1000, 1006)]), 0.95)
    assert bounds.value == pytest.approx(1 - 0.14 / 60)
    size = (0.12**2 + 0.02**2 + 0.6**2) / 0.74
    assert bounds.low == pytest.approx(1 - size * float(gammaincinv(0.74 / size, 0.95)) / 60)
    size = (0.12**2 + 0.02**2) / 0.14
    assert bounds.high == pytest.approx(1 - size * float(gammaincinv(0.14 / size, 0.05)) / 60)
    assert bounds.why == "2 outages, the longest 0.12 s in 60 s do not show how often outages occur"
    assert bounds.claim.startswith("observed in 60 s")
    assert bounds.method == (
        "seconds down of seconds watched, 2 outages, the longest 0.12 s: "
        "sum of outages plus one assumed outage of 5 times the longest (Fay-Feuer)"
    )
    assert bounds.clustered


def test_fifteen_outages_show_how_often_they_come() -> None:
    """Lone failures are as long as probes are apart, however many; from fifteen on the bounds claim more than what was observed."""
    fourteen, fifteen = looks([i * 190 for i in range(14)]), looks([i * 190 for i in range(15)])
    assert (uptime_by_seconds(fourteen, 0.95).why, bool(uptime_by_seconds(fourteen, 0.95).claim)) == ("", True)
    bounds = uptime_by_seconds(fifteen, 0.95)
    assert (bounds.why, bounds.claim) == ("", "")
    assert bounds.low == pytest.approx(1 - 23.097 * 0.02 / 60, rel=1e-4)
    assert bounds.high == pytest.approx(1 - 9.246 * 0.02 / 60, rel=1e-4)


def test_looks_needed_are_those_of_the_outages_that_may_be_expected() -> None:
    """0.1 % allows three spacings in 3 000 probes; an outage of 120 ms and one of 600 ms to come need more."""
    assert probes_needed(looks([]), 0.001, 0.95) == 2996
    assert probes_needed(looks([1]), 0.001, 0.95) == 4744
    assert probes_needed(looks(list(range(1000, 1006))), 0.001, 0.95) == 96_339
    assert probes_needed(looks([]), 0.0, 0.95) is None
    assert probes_needed(looks([], count=0), 0.001, 0.95) is None


@given(st.lists(st.booleans(), min_size=1, max_size=300))
@settings(max_examples=80)
def test_seconds_down_are_those_of_the_failed_looks(bad: list[bool]) -> None:
    """However they are put together, nothing is lost; bounds lie around the value."""
    down = downtime_of(np.arange(len(bad)) * EVERY, np.array(bad), (0, len(bad) * EVERY))
    assert down.seconds.sum() == pytest.approx(sum(bad) * 0.02)
    assert len(down.seconds) <= sum(bad)
    bounds = uptime_by_seconds(down, 0.95)
    assert bounds.fail_low <= bounds.low <= bounds.value + 1e-9
    assert bounds.value - 1e-9 <= bounds.high <= bounds.fail_high <= 1


def test_downtime_of_several_windows_adds_up() -> None:
    """An outage at the end of one window and one at the beginning of the next are two."""
    first = Downtime(seconds=np.array([0.5]), watched_s=60.0, spacing_s=0.015, probes=4000)
    second = Downtime(seconds=np.array([0.25, 1.0]), watched_s=30.0, spacing_s=0.02, probes=1500)
    both = joined([first, second])
    assert (both.seconds.tolist(), both.watched_s, both.spacing_s, both.probes) == ([0.5, 0.25, 1.0], 90.0, 0.02, 5500)
    nothing = joined([])
    assert (len(nothing.seconds), nothing.watched_s, nothing.probes) == (0, 0.0, 0)
