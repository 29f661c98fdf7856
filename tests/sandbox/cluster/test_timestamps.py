"""Moments and lengths of time as API objects have them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import clock
from readiness_sandbox.cluster.durations import seconds
from readiness_sandbox.cluster.timestamps import micro_timestamp, moment, now_text, passed_s, timestamp

MOMENTS = st.datetimes(
    min_value=datetime(1970, 1, 2),  # noqa: DTZ001 - hypothesis adds the zone
    timezones=st.integers(-720, 720).map(lambda minutes: timezone(timedelta(minutes=minutes))),
    max_value=datetime(2200, 1, 1),  # noqa: DTZ001
)


def test_a_timestamp_is_utc_in_whole_seconds_or_microseconds() -> None:
    """As `metav1.Time` and `metav1.MicroTime` are written."""
    at = datetime(2026, 1, 31, 14, 0, 0, 250, tzinfo=timezone(timedelta(hours=2)))
    assert (timestamp(at), micro_timestamp(at)) == ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00.000250Z")


@given(MOMENTS)
def test_a_timestamp_is_read_as_it_was_written(at: datetime) -> None:
    """Whatever the zone; whole seconds are rounded down."""
    assert moment(micro_timestamp(at)) == at
    assert moment(timestamp(at)) == at.replace(microsecond=0)
    assert moment(timestamp(at)).tzinfo is UTC


@given(MOMENTS, st.integers(-(10**6), 10**6))
def test_passed_seconds_are_those_since_a_timestamp(at: datetime, passed: int) -> None:
    """Negative before it."""
    assert passed_s(micro_timestamp(at), at + timedelta(seconds=passed)) == passed


def test_nothing_has_passed_since_no_timestamp() -> None:
    """A status may have none."""
    assert passed_s(None, clock.wall()) == 0


def test_now_is_the_wall_clock() -> None:
    """Within the second that is cut off."""
    before = clock.wall().replace(microsecond=0)
    assert before <= moment(now_text()) <= clock.wall()


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01T00:00:00Z"])
def test_another_text_is_no_timestamp(text: str) -> None:
    """The caller decides what that means."""
    with pytest.raises(ValueError, match=r"isoformat|month must be|year"):
        moment(text)


def test_a_duration_is_read_as_go_writes_it(subtests: pytest.Subtests) -> None:
    """Units one after the other; a plain number means seconds."""
    texts = {"30s": 30, "1m30s": 90, "250ms": 0.25, "1.5h": 5400, "90": 90, 90: 90, 0.5: 0.5, "5us": 5e-6}
    for duration, expected in texts.items():
        with subtests.test(duration=duration):
            assert seconds(duration) == pytest.approx(expected)


def test_another_text_is_no_duration(subtests: pytest.Subtests) -> None:
    """Named in the error."""
    for value in ["", "1 h", "h", "-5s", "1d", True, -1, None, float("inf")]:
        with subtests.test(value=value), pytest.raises(ValueError, match="is not a duration"):
            seconds(value)


@given(st.integers(0, 99), st.integers(0, 59), st.integers(0, 59), st.integers(0, 999))
def test_a_duration_is_the_sum_of_its_parts(hours: int, minutes: int, rest: int, milliseconds: int) -> None:
    """Of any units."""
    text = f"{hours}h{minutes}m{rest}s{milliseconds}ms"
    assert seconds(text) == pytest.approx(hours * 3600 + minutes * 60 + rest + milliseconds / 1000)
