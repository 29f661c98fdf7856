"""Schedules as cron and CronJobs write them: the longest time between two of their moments."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise
from types import MappingProxyType
from typing import Final

_DAY_MIN: Final = 1440
_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "@hourly": "0 * * * *",
        "@daily": "0 0 * * *",
        "@midnight": "0 0 * * *",
        "@weekly": "0 0 * * 0",
        "@monthly": "0 0 1 * *",
        "@yearly": "0 0 1 1 *",
        "@annually": "0 0 1 1 *",
    }
)
_MONTHS: Final = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS: Final = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_FIELDS: Final[Sequence[tuple[str, int, int, Sequence[str]]]] = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of the week", 0, 7, _DAYS),
)
_PART: Final = re.compile(r"(\*|[0-9a-z]+)(?:-([0-9a-z]+))?(?:/([0-9]+))?")
_YEARS: Final = 8
"""Years in which each day of the week and each 29 February comes."""
_FROM: Final = date(2023, 1, 1)


def longest_s(schedule: str) -> float:
    """The longest time between two moments of a schedule, in s.

    Days on which clocks are changed are not considered.

    Raises:
        ValueError: it is not a schedule of five fields that ever comes; the text says what is expected.
    """
    words = _WORDS.get(schedule.strip().lower(), schedule).lower().split()
    if len(words) != len(_FIELDS):
        raise ValueError("a schedule of five fields like `0 * * * *`, or `@hourly`")
    minutes, hours, days, months, week = (_values(word, field) for word, field in zip(words, _FIELDS, strict=True))
    week = {day % 7 for day in week}
    either = not (words[2].startswith("*") or words[4].startswith("*"))
    at = sorted(60 * hour + minute for hour in hours for minute in minutes)
    dates = [
        (day - _FROM).days
        for n in range(_YEARS * 366)
        if (day := _FROM + timedelta(days=n)).month in months
        and (
            (day.day in days or day.isoweekday() % 7 in week)
            if either
            else (day.day in days and day.isoweekday() % 7 in week)
        )
    ]
    if len(dates) < 2:
        raise ValueError("a schedule that comes more than once in eight years")
    within = max((later - one for one, later in pairwise(at)), default=0)
    between = max(later - one for one, later in pairwise(dates)) * _DAY_MIN - at[-1] + at[0]
    return 60.0 * max(within, between)


def _values(word: str, field: tuple[str, int, int, Sequence[str]]) -> set[int]:
    """The numbers that a field names."""
    name, least, most, _ = field
    found = set[int]()
    for part in word.split(","):
        matched = _PART.fullmatch(part)
        if matched is None:
            raise ValueError(f"a {name} like `*`, `{least}`, `*/5` or `1-5`, not `{part}`")
        first, last, step = matched[1], matched[2], int(matched[3] or 1)
        if first == "*":
            low, high = least, most if name != "day of the week" else 6
        else:
            low = _number(first, field)
            high = _number(last, field) if last else most if matched[3] else low
        if not (least <= low <= high <= most and step):
            raise ValueError(f"a {name} from {least} to {most}, not `{part}`")
        found |= {*range(low, high + 1, step)}
    return found


def _number(text: str, field: tuple[str, int, int, Sequence[str]]) -> int:
    name, least, most, names = field
    if text in names:
        return [*names].index(text) + least
    if not text.isdigit():
        raise ValueError(f"a {name} from {least} to {most}, not `{text}`")
    return int(text)
