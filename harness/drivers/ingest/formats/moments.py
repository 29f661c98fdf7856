"""Times in reports, which often come without a zone: a moment, and how far from it the true one may be."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

from harness.drivers.ingest.formats.plain import shown
from harness.errors import DriverError

_ANY_ZONE: Final = timedelta(hours=14)
"""Largest error of a time without a zone, in either direction."""
_CLOCKS: Final = timedelta(minutes=5)
"""Largest difference between the clocks of two machines that is allowed for."""
_DAY: Final = timedelta(days=1)
_MAIL: Final = re.compile(r"(?:[A-Z][a-z]{2}, )?\d{1,2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} (?:GMT|UTC|[+-]\d{4})")
"""As e-mail writes it (RFC 5322), and Mocha's own reporter; TestNG 6 without the day of the week."""
_NAMED_ZONE: Final = re.compile(r"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?) ([A-Z]{3,5})")
"""As TestNG writes it: `2026-11-20T09:30:00 UTC`; other short names of zones mean more than one."""
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Moment:
    """A time of a report.

    Attributes:
        text: as written.
        first, last: UTC; the true moment is not before the one and not after the other.
    """

    text: str
    first: datetime
    last: datetime

    @classmethod
    def of(cls, value: object, where: str) -> Moment:
        """Read `2026-11-20`, `2026-11-20T09:30:00` or `2026-11-20T09:30:00Z`, as text or as YAML reads it.

        Raises:
            DriverError: it is no such time.
        """
        text = value.isoformat() if isinstance(value, date) else value if isinstance(value, str) else repr(value)
        text = text.strip()
        try:
            return cls._between(text, _read(text))
        except (ValueError, OverflowError) as error:
            hint = "write it like `2026-11-20T09:30:00Z`"
            raise DriverError(f"`{shown(text)}` is not a time", where=where, hint=hint) from error

    @classmethod
    def at_epoch(cls, seconds: float, where: str) -> Moment:
        """Seconds since 1970, as text the UTC time; raises DriverError where no calendar has that."""
        try:
            at = datetime.fromtimestamp(seconds, UTC)
            return cls._between(f"{at:%Y-%m-%dT%H:%M:%SZ}", at)
        except (ValueError, OverflowError, OSError) as error:
            raise DriverError(f"`{seconds:g}` is not a time", where=where, hint="write seconds since 1970") from error

    @classmethod
    def _between(cls, text: str, at: datetime) -> Moment:
        if _DATE.fullmatch(text):
            at = at.replace(tzinfo=UTC)
            return cls(text=text, first=at - _ANY_ZONE, last=at + _DAY + _ANY_ZONE)
        if at.tzinfo is None:
            at = at.replace(tzinfo=UTC)
            return cls(text=text, first=at - _ANY_ZONE, last=at + _ANY_ZONE)
        at = at.astimezone(UTC)
        return cls(text=text, first=at, last=at)

    def after(self, seconds: float, where: str) -> Moment:
        """The moment that many seconds later; raises DriverError if it is after the year 9999."""
        text = f"{self.text} and {seconds:g} s"
        try:
            late = timedelta(seconds=seconds)
            return Moment(text=text, first=self.first + late, last=self.last + late)
        except OverflowError as error:
            hint = "check the tool that wrote the report: no time is after the year 9999"
            raise DriverError(f"`{shown(text)}` is not a time", where=where, hint=hint) from error

    def in_future(self, today: datetime) -> bool:
        """Whether it is after `today`, the clocks' difference allowed for."""
        return self.first > today + _CLOCKS

    def younger(self, today: datetime, age: timedelta) -> bool:
        """Whether it is less than `age` old, however the missing zone is read."""
        return today - self.first < age

    def before(self, other: Moment) -> bool | None:
        """Whether it is before the other; None where the missing zones leave both possible."""
        if self.last < other.first:
            return True
        return False if self.first >= other.last else None

    def until(self, other: Moment) -> tuple[timedelta, timedelta]:
        """The least and the most time to another; two days are as far apart as the calendar says."""
        if _DATE.fullmatch(self.text) and _DATE.fullmatch(other.text):
            return (other.first - self.first,) * 2
        return other.first - self.last, other.last - self.first

    def age(self, today: datetime) -> str:
        """`2.3 d`, for people; at most so old."""
        days = max(0.0, (today - self.first).total_seconds() / 86400)
        return f"{days:.1f} d" if days >= 1 else f"{days * 24:.1f} h"


def earliest(moments: list[Moment]) -> Moment | None:
    """The oldest of these moments; None if there are none."""
    return min(moments, key=lambda moment: moment.first, default=None)


def _read(text: str) -> datetime:
    """A time as it is written, without a zone where that is not certain; raises ValueError for any other text."""
    if _MAIL.fullmatch(text):
        return parsedate_to_datetime(text)
    if named := _NAMED_ZONE.fullmatch(text):
        return datetime.fromisoformat(named[1] + ("+00:00" if named[2] in {"UTC", "GMT"} else ""))
    return datetime.fromisoformat(text)
