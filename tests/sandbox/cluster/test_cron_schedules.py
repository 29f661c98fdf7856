"""Schedules of CronJobs: what is due when, and what cannot be read."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from readiness_sandbox.cluster.cron import CronSchedule

NOON = datetime(2026, 11, 21, 12, 0, 30, tzinfo=UTC)  # a Saturday
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def latest(text: str, until: datetime = NOON, since: datetime = LONG_AGO, zone: str = "UTC") -> str:
    """The last time that was due, to the minute; empty when there was none."""
    found = CronSchedule.parse(text).latest(since, until, ZoneInfo(zone))
    return f"{found:%Y-%m-%d %H:%M}" if found else ""


def test_the_last_time_that_was_due(subtests: pytest.Subtests) -> None:
    """Fields, lists, ranges, steps, names and short forms, seen from a Saturday at noon."""
    for text, expected in [
        ("* * * * *", "2026-11-21 12:00"),
        ("3/7 * * * *", "2026-11-21 11:59"),
        ("30 9-11 * * *", "2026-11-21 11:30"),
        ("5/20 6 * * *", "2026-11-21 06:45"),
        ("0 0 * * MON-fri", "2026-11-20 00:00"),
        ("0 0 1 * *", "2026-11-01 00:00"),
        ("0 0 13 * 5", "2026-11-20 00:00"),  # both days are restricted: one of them is enough
        ("0 0 */10 * 5", "2026-09-11 00:00"),  # a star with a step restricts, and is a star: both must hold
        ("0 0 29 2 *", "2024-02-29 00:00"),
        ("0 0 31 feb ?", ""),
        ("@hourly", "2026-11-21 12:00"),
        ("@weekly", "2026-11-15 00:00"),
        ("1,2,59 23 * Jan *", "2026-01-31 23:59"),
    ]:
        with subtests.test(text):
            assert latest(text) == expected


def test_a_time_counts_from_its_minute_on_and_once() -> None:
    """Due at 12:00:00, not at 11:59:59; after it was started for 12:00 the next is 12:01."""
    on_time = datetime(2026, 11, 21, 12, tzinfo=UTC)
    assert latest("0 12 * * *", on_time) == "2026-11-21 12:00"
    assert latest("0 12 * * *", on_time - timedelta(seconds=1)) == "2026-11-20 12:00"
    assert latest("* * * * *", on_time + timedelta(seconds=59), since=on_time) == ""
    assert latest("* * * * *", on_time + timedelta(seconds=60), since=on_time) == "2026-11-21 12:01"


def test_a_zone_moves_the_times_and_skips_the_hour_that_its_clock_skips() -> None:
    """09:00 in Berlin is 08:00 UTC in winter; 02:30 on the day the clock goes forward does not exist."""
    assert latest("0 9 * * *", zone="Europe/Berlin") == "2026-11-21 08:00"
    after_the_change = datetime(2026, 3, 29, 12, tzinfo=UTC)
    assert latest("30 2 * * *", after_the_change, zone="Europe/Berlin") == "2026-03-28 01:30"


@settings(max_examples=30)
@given(
    minute=st.integers(0, 59),
    hour=st.integers(0, 23),
    step=st.integers(1, 40),
    after=st.integers(0, 3 * 365 * 86400),
)
def test_it_agrees_with_a_walk_over_all_minutes(minute: int, hour: int, step: int, after: int) -> None:
    """Of two days, minute by minute."""
    now = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=after)
    text = f"{minute}-59/{step} {hour} * * *"
    walked = (now.replace(second=0, microsecond=0) - timedelta(minutes=back) for back in range(2 * 24 * 60))
    allowed = range(minute, 60, step)
    expected = next(at for at in walked if at.hour == hour and at.minute in allowed)
    assert CronSchedule.parse(text).latest(LONG_AGO, now) == expected


def test_what_cannot_be_read(subtests: pytest.Subtests) -> None:
    """In the words of the library that Kubernetes uses."""
    for text, why in [
        ("* * * *", "expected exactly 5 fields, found 4: [* * * *]"),
        ("60 * * * *", "end of range (60) above maximum (59): 60"),
        ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
        ("5-1 * * * *", "beginning of range (5) beyond end of range (1): 5-1"),
        ("*/0 * * * *", "step of range should be a positive number: */0"),
        ("1/2/3 * * * *", "too many slashes: 1/2/3"),
        ("1-2-3 * * * *", "too many hyphens: 1-2-3"),
        ("x * * * *", 'failed to parse int from x: strconv.Atoi: parsing "x": invalid syntax'),
        ("@often", "unrecognized descriptor: @often"),
        ("TZ=UTC * * * * *", "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"),
    ]:
        with subtests.test(text):
            with pytest.raises(ValueError, match=re.escape(why)) as refused:
                CronSchedule.parse(text)
            assert str(refused.value) == why
