"""Rollback triggers: when one must fire, to the second, on both sides; a gap is unknown, not calm."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.judgement.figures.rollouts.rollback.triggers import (
    Firing,
    SignalReading,
    error_rates,
    firing,
    gauge,
    longest_above,
    response_times,
    slices,
)
from harness.model import SAMPLES, Quantity, Table
from harness.model.planned.trigger import Signal, Trigger, misfit

S = 1_000_000_000
MIN = 60 * S
LATENCY = Trigger(
    name="latency",
    signal=Signal.RESPONSE_TIME,
    above=Quantity.parse("2000 ms"),
    window=Quantity.parse("5 min", scaled=True),
)
ERRORS = Trigger(
    name="errors",
    signal=Signal.ERROR_RATE,
    above=Quantity.parse("5 %"),
    window=Quantity.parse("3 min", scaled=True),
)
MEMORY = Trigger(
    name="memory",
    signal=Signal.MEMORY,
    above=Quantity.parse("80 %"),
    window=Quantity.parse("10 min", scaled=True),
)
_NEVER = Firing(may_ns=None, must_ns=None)


def _steps(*steps: tuple[int, float | None]) -> list[SignalReading]:
    """Readings of a second each: so many seconds of each value."""
    values = [value for seconds, value in steps for _ in range(seconds)]
    return [SignalReading.of(at * S, (at + 1) * S, value) for at, value in enumerate(values)]


def _fires(trigger: Trigger, *steps: tuple[int, float | None]) -> Firing:
    return firing(_steps(*steps), trigger.limit, trigger.window_ns(1))


@pytest.mark.parametrize(
    ("trigger", "calm", "limit", "over"),
    [(LATENCY, 100.0, 2000.0, 2001.0), (ERRORS, 0.0, 0.05, 0.051), (MEMORY, 0.4, 0.8, 0.81)],
    ids=["latency", "errors", "memory"],
)
def test_a_trigger_fires_when_its_window_is_full_and_not_a_second_before(
    trigger: Trigger, calm: float, limit: float, over: float
) -> None:
    """4:59 no, 5:00 yes; 2:59 and 3:00, 9:59 and 10:00 of the others; exactly at the limit never; a blip below it begins anew."""
    window = round(trigger.window.base)
    assert _fires(trigger, (60, calm), (window - 1, over), (60, calm)) == _NEVER
    assert _fires(trigger, (60, calm), (window, over)) == Firing(may_ns=(60 + window) * S, must_ns=(60 + window) * S)
    assert _fires(trigger, (5 * window, limit)) == _NEVER
    assert _fires(trigger, (window - 1, over), (1, limit), (window - 1, over)) == _NEVER
    assert _fires(trigger, (window - 1, over), (1, limit), (window, over)).must_ns == 2 * window * S


def test_a_gap_is_unknown_and_not_calm() -> None:
    """What a gap hides may fill the window or break it: the trigger may fire, and need not."""
    assert _fires(LATENCY, (150, 3000.0), (10, None), (140, 3000.0)) == Firing(may_ns=5 * MIN, must_ns=None)
    assert _fires(LATENCY, (150, 3000.0), (10, None), (300, 3000.0)) == Firing(may_ns=5 * MIN, must_ns=460 * S)
    assert _fires(LATENCY, (150, 3000.0), (10, None), (140, 100.0)) == _NEVER


def test_silence_alone_does_not_fire_where_the_condition_must_have_been_seen() -> None:
    """A window with a second certainly above the limit at either end of its half may fire; one of silence, or with one such second, may not."""
    half = 150 * S
    for seconds, seen in ((149, True), (148, False)):
        readings = _steps((60, 100.0), (1, 3000.0), (seconds - 1, None), (1, 3000.0), (160, None))
        fired = firing(readings, 2000.0, 5 * MIN, half)
        assert fired == Firing(may_ns=360 * S if seen else None, must_ns=None, unseen=not seen)
    assert firing(_steps((60, 100.0), (400, None)), 2000.0, 5 * MIN, half) == replace(_NEVER, unseen=True)
    assert firing(_steps((60, 100.0), (400, None)), 2000.0, 5 * MIN) == Firing(may_ns=360 * S, must_ns=None)
    assert firing(_steps((400, 100.0)), 2000.0, 5 * MIN, half) == _NEVER


def test_what_was_seen_before_a_calm_time_is_no_part_of_a_later_silence() -> None:
    """Three minutes above the limit, one calm one, six of silence: each stretch counts for itself."""
    readings = _steps((180, 3000.0), (60, 100.0), (360, None))
    assert firing(readings, 2000.0, 5 * MIN, 150 * S) == replace(_NEVER, unseen=True)


def test_what_was_not_read_between_two_readings_is_a_gap_too() -> None:
    """It is one whether a reading says so or none was made."""
    there = _steps((150, 3000.0), (10, None), (300, 3000.0))
    absent = [one for one in there if one.low > 0]
    assert firing(absent, 2000.0, 5 * MIN) == firing(there, 2000.0, 5 * MIN)
    assert not firing(absent, 2000.0, 5 * MIN).known


def test_a_value_that_is_not_a_number_is_unknown_and_an_endless_wait_is_above_any_limit() -> None:
    """0 errors of 0 requests say nothing; a request without an answer does."""
    assert _fires(ERRORS, (180, float("nan"))) == Firing(may_ns=3 * MIN, must_ns=None)
    assert _fires(LATENCY, (300, float("inf"))).must_ns == 5 * MIN


def test_the_window_is_divided_by_the_time_scale_once_and_the_limit_never() -> None:
    """At scale 60 five minutes are 5 s, and 2000 ms stay 2000 ms."""
    assert LATENCY.window_ns(60) == 5 * S
    assert firing(_steps((4, 2001.0), (60, 1999.0)), LATENCY.limit, LATENCY.window_ns(60)) == _NEVER
    assert firing(_steps((5, 2001.0)), LATENCY.limit, LATENCY.window_ns(60)).must_ns == 5 * S
    assert replace(LATENCY, window=Quantity.parse("5 s")).window_ns(60) == 5 * S


def test_a_gauge_that_is_not_read_any_more_is_unknown_after_two_intervals() -> None:
    """Its last value is no value for ever."""
    points = [(0, 0.9), (15 * S, 0.9), (120 * S, 0.9)]
    assert [(one.start_ns // S, one.end_ns // S) for one in gauge(points, 15 * S)] == [(0, 15), (15, 45), (120, 135)]
    assert firing(gauge(points, 15 * S), 0.8, 60 * S) == Firing(may_ns=60 * S, must_ns=None)


def test_the_longest_stretch_above_the_limit_is_known_between_two_bounds() -> None:
    """Certainly so long, and at most so long."""
    assert longest_above(_steps((240, 3000.0), (60, 100.0)), 2000.0) == (4 * MIN, 4 * MIN)
    assert longest_above(_steps((100, 3000.0), (20, None), (120, 3000.0)), 2000.0) == (2 * MIN, 4 * MIN)


def _request(done_s: float, ms: float, *, release: str | None = "new", error: str | None = None) -> dict[str, object]:
    done_ns = round(done_s * S)
    start_ns = done_ns - round(ms * 1e6)
    return {
        "intended_ns": start_ns,
        "sent_ns": start_ns,
        "done_ns": done_ns,
        "status": 0 if release is None else 500 if error else 200,
        "release": release,
        "error": error,
    }


def _served(*rows: dict[str, object]) -> tuple[Table, Table]:
    table = Table.of(SAMPLES, rows)  # type: ignore[arg-type]  # plain rows
    nameless = table.words["release"].missing
    return table.where(~nameless), table.where(nameless)


def test_slices_are_a_twentieth_of_the_window() -> None:
    """Of 5 min they are 15 s; what is left at the end is no slice."""
    found = slices(0, 5 * MIN + 14 * S, 5 * MIN)
    assert len(found) == 20
    assert found[-1] == (285 * S, 300 * S)


def test_a_slice_has_the_p95_and_the_error_rate_of_what_ended_in_it() -> None:
    """One of 20 slow requests is not the p95, two are; a slice without a request is unknown."""
    rows = [_request(i * 0.05, 10.0 if i > 1 else 900.0, error="status" if i == 5 else None) for i in range(20)]
    own, nameless = _served(*rows)
    spans = [(-S, S), (S, 2 * S)]
    times, rates = response_times(own, nameless, spans), error_rates(own, nameless, spans)
    assert times[0].low == times[0].high == pytest.approx(900.0)
    assert (rates[0].low, rates[0].high) == (0.05, 0.05)
    assert times[1].high == rates[1].high == float("inf")
    assert times[1].low == rates[1].low == -float("inf")


def test_failures_that_name_no_release_may_be_those_of_the_new_one() -> None:
    """They raise the upper bound only."""
    own, nameless = _served(*(_request(0.5, 10.0) for _ in range(9)), _request(0.5, 10.0, release=None, error="reset"))
    (rate,), (time,) = (of(own, nameless, [(0, S)]) for of in (error_rates, response_times))
    assert (rate.low, rate.high) == (0.0, 0.1)
    assert time.low == pytest.approx(10.0)
    assert time.high == float("inf")


_values = st.lists(st.one_of(st.none(), st.integers(0, 4).map(float)), min_size=1, max_size=30)
_windows = st.integers(1, 8).map(lambda seconds: seconds * S)


def _by_second(values: list[float | None]) -> list[SignalReading]:
    return _steps(*((1, value) for value in values))


def _no_later(one: int | None, other: int | None) -> bool:
    return other is None or (one is not None and one <= other)


@given(_values, _windows)
def test_what_must_have_fired_may_have(values: list[float | None], window_ns: int) -> None:
    """And without a gap the two are one."""
    fired = firing(_by_second(values), 2.0, window_ns)
    assert _no_later(fired.may_ns, fired.must_ns)
    assert None in values or fired.known


@given(_values, _windows, st.data())
def test_worse_readings_never_fire_later(values: list[float | None], window_ns: int, data: st.DataObject) -> None:
    """Nor does a lower limit, nor a shorter window."""
    raised = [None if one is None else one + data.draw(st.integers(0, 2)) for one in values]
    better = firing(_by_second(values), 2.0, window_ns)
    for worse in (
        firing(_by_second(raised), 2.0, window_ns),
        firing(_by_second(values), 1.0, window_ns),
        firing(_by_second(values), 2.0, max(window_ns - S, S)),
    ):
        assert _no_later(worse.may_ns, better.may_ns)
        assert _no_later(worse.must_ns, better.must_ns)


@given(_values, _windows, st.integers(-(10**6), 10**12))
def test_a_later_series_fires_later_by_as_much(values: list[float | None], window_ns: int, shift_ns: int) -> None:
    """The clock's zero does not matter."""
    here = _by_second(values)
    there = [replace(one, start_ns=one.start_ns + shift_ns, end_ns=one.end_ns + shift_ns) for one in here]
    fired, later = firing(here, 2.0, window_ns), firing(there, 2.0, window_ns)
    assert [None if at is None else at + shift_ns for at in (fired.may_ns, fired.must_ns)] == [
        later.may_ns,
        later.must_ns,
    ]


@given(_values, _windows, st.integers(1, S - 1))
def test_a_reading_in_two_parts_is_the_same_reading(values: list[float | None], window_ns: int, cut_ns: int) -> None:
    """How often it is read does not matter, as long as what is read is the same."""
    here = _by_second(values)
    apart = [
        part
        for one in here
        for part in (replace(one, end_ns=one.start_ns + cut_ns), replace(one, start_ns=one.start_ns + cut_ns))
    ]
    assert firing(apart, 2.0, window_ns) == firing(here, 2.0, window_ns)


@given(_values, _windows, st.data())
def test_less_known_is_less_decided(values: list[float | None], window_ns: int, data: st.DataObject) -> None:
    """A reading that is lost never makes what is open known, nor moves a moment past the truth."""
    at = data.draw(st.integers(0, len(values) - 1))
    known = firing(_by_second(values), 2.0, window_ns)
    less = firing(_by_second([*values[:at], None, *values[at + 1 :]]), 2.0, window_ns)
    assert _no_later(less.may_ns, known.may_ns)
    assert _no_later(known.must_ns, less.must_ns)


def test_a_trigger_that_can_say_nothing_is_refused(subtests: pytest.Subtests) -> None:
    """Swapped, in the wrong unit, or out of reach: it names the key, and how to write it."""
    for trigger, key, what in [
        (
            replace(LATENCY, above=Quantity.parse("5 min"), window=Quantity.parse("2000 ms")),
            "above",
            "the limit and the window are swapped",
        ),
        (
            replace(ERRORS, above=Quantity.parse("3 min"), window=Quantity.parse("5 %")),
            "above",
            "3 min is a time: the limit and the window are swapped",
        ),
        (replace(ERRORS, above=Quantity.parse("3 min")), "above", "3 min is a time: the error rate is a ratio"),
        (replace(LATENCY, above=Quantity.parse("5 %")), "above", "5 % is a ratio: the response time p95 is a time"),
        (replace(LATENCY, above=Quantity.parse("2000 s")), "above", "or a unit is wrong"),
        (replace(MEMORY, above=Quantity.parse("100 %")), "above", "no reading can be above 100 %"),
        (replace(MEMORY, window=Quantity.parse("80 %")), "for", "80 % is not a time above 0"),
        (replace(MEMORY, window=Quantity.parse("0 s")), "for", "0 s is not a time above 0"),
        (replace(ERRORS, above=Quantity.parse("-1 %")), "above", "never below 0"),
    ]:
        with subtests.test(what):
            found = misfit(trigger)
            assert found is not None
            assert (found.key, what in found.what, bool(found.hint)) == (key, True, True)


def test_the_triggers_of_the_documents_are_sound() -> None:
    """Those of document 002, and a report."""
    assert [misfit(one) for one in (LATENCY, ERRORS, MEMORY, Trigger(name="users", signal=Signal.REPORT))] == [None] * 4
