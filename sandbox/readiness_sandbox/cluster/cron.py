"""Schedules of CronJobs: the five fields of cron as github.com/robfig/cron reads them, which Kubernetes uses. Pure.

`@hourly`, `@daily`, `@weekly`, `@monthly` and `@yearly` are short for fields; `@every` is not read.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

_MONTHS: Final = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1
    )
}
_DAYS: Final = {name: number for number, name in enumerate(("sun", "mon", "tue", "wed", "thu", "fri", "sat"))}
_SHORT: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_FARTHEST_DAYS: Final = 366 * 8
"""Between two 29th of February there are up to eight years; what was not due for longer never is."""


class _Field(NamedTuple):
    """The bounds of a field, and its names."""

    low: int
    high: int
    names: dict[str, int]


_FIELDS: Final = (_Field(0, 59, {}), _Field(0, 23, {}), _Field(1, 31, {}), _Field(1, 12, _MONTHS), _Field(0, 6, _DAYS))


@dataclass(frozen=True, kw_only=True, slots=True)
class CronSchedule:
    """The minutes at which something is due: sets of what each field allows.

    Attributes:
        either_day: both days are restricted: then one of them is enough.
    """

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool

    @classmethod
    def parse(cls, text: str) -> CronSchedule:
        """Read a schedule. Raises ValueError with the words of the Go library."""
        if text.startswith(("TZ=", "CRON_TZ=")):
            raise ValueError("cannot use TZ or CRON_TZ in schedule, use timeZone field instead")
        if text.startswith("@"):
            if text not in _SHORT:
                raise ValueError(f"unrecognized descriptor: {text}")
            text = _SHORT[text]
        words = text.split()
        if len(words) != len(_FIELDS):
            raise ValueError(f"expected exactly 5 fields, found {len(words)}: [{' '.join(words)}]")
        sets = [_values(word, field) for word, field in zip(words, _FIELDS, strict=True)]
        either = not (words[2].startswith(("*", "?")) or words[4].startswith(("*", "?")))
        minutes, hours, days, months, weekdays = sets
        return cls(minutes=minutes, hours=hours, days=days, months=months, weekdays=weekdays, either_day=either)

    def latest(self, since: datetime, until: datetime, zone: tzinfo = UTC) -> datetime | None:
        """The last minute after `since` and not after `until` that was due, in UTC; None when there was none."""
        local = until.astimezone(zone)
        for back in range(_FARTHEST_DAYS):
            day = local.date() - timedelta(days=back)
            if datetime(day.year, day.month, day.day, tzinfo=zone) + timedelta(days=2) < since:
                return None
            for at in self._of_day(day, zone):
                if at <= until:
                    return at if at > since else None
        return None

    def _of_day(self, day: date, zone: tzinfo) -> Sequence[datetime]:
        """The times of a day in UTC, the last first; a time that the zone's clock skips is left out."""
        if day.month not in self.months or not self._is_day(day):
            return ()
        walls = [
            datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone)
            for hour in sorted(self.hours, reverse=True)
            for minute in sorted(self.minutes, reverse=True)
        ]
        return [at for wall in walls if (at := wall.astimezone(UTC)).astimezone(zone).hour == wall.hour]

    def _is_day(self, day: date) -> bool:
        of_month, of_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return of_month or of_week if self.either_day else of_month and of_week


def _values(word: str, field: _Field) -> frozenset[int]:
    return frozenset(value for part in word.split(",") for value in _range(part, field))


def _range(part: str, field: _Field) -> Sequence[int]:
    """`*`, `3`, `1-5`, each with `/step`; a single value with a step runs to the field's end."""
    span, *steps = part.split("/")
    if len(steps) > 1:
        raise ValueError(f"too many slashes: {part}")
    low, *highs = span.split("-")
    if len(highs) > 1:
        raise ValueError(f"too many hyphens: {part}")
    step = _number(steps[0], {}) if steps else 1
    if step < 1:
        raise ValueError(f"step of range should be a positive number: {part}")
    if low in ("*", "?"):
        return range(field.low, field.high + 1, step)
    first = _number(low, field.names)
    last = _number(highs[0], field.names) if highs else field.high if steps else first
    if first < field.low:
        raise ValueError(f"beginning of range ({first}) below minimum ({field.low}): {part}")
    if last > field.high:
        raise ValueError(f"end of range ({last}) above maximum ({field.high}): {part}")
    if first > last:
        raise ValueError(f"beginning of range ({first}) beyond end of range ({last}): {part}")
    return range(first, last + 1, step)


def _number(text: str, names: dict[str, int]) -> int:
    if (named := names.get(text.lower())) is not None:
        return named
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise ValueError(f'failed to parse int from {text}: strconv.Atoi: parsing "{text}": invalid syntax')
    return int(text)
