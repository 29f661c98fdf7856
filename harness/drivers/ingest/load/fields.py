"""Fields of load reports: counts, times and tables of comma-separated values, refused in words where they are none."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from harness.drivers.ingest.formats.plain import shown
from harness.drivers.ingest.load.stream import LONGEST_LINE, ReportStream
from harness.errors import DriverError
from harness.units import NS_PER_S

_WHOLE: Final = re.compile(r"[0-9]{1,19}")
_NUMBER: Final = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,18})?(?:[eE][-+]?[0-9]{1,2})?")
_COMMA: Final = re.compile(r"[0-9.\s]*,[0-9]+")
_RFC3339: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)")
_NUMBERS: Final = "the tool writes numbers from 0 on with a decimal point: write the report again, in the locale `C`"
_MOST: Final = 10**18
"""Largest number of a report, with fewer digits than a number of 64 bits."""
_MS_DIGITS: Final = 13
"""Digits of milliseconds since 1970, from 2001 to 2286."""


def whole(text: str, source: ReportStream, what: str) -> int:
    """A whole number from 0 on; raises DriverError for any other text."""
    if not _WHOLE.fullmatch(text):
        raise _no_number(text, source, what)
    return int(text)


def decimal(text: str, source: ReportStream, what: str) -> float:
    """A number from 0 on with a decimal point; raises DriverError for any other text, as NaN or a decimal comma."""
    if not _NUMBER.fullmatch(text):
        raise _no_number(text, source, what)
    return float(text)


def epoch_ms(text: str, source: ReportStream, what: str) -> int:
    """Milliseconds since 1970; raises DriverError for another unit or a date in words."""
    if not _WHOLE.fullmatch(text) or len(text) != _MS_DIGITS:
        hint = "let the tool write milliseconds since 1970, of 13 digits"
        raise source.refuse(f"`{what}` is `{shown(text)}`, expected milliseconds since 1970", hint)
    return int(text)


def _no_number(text: str, source: ReportStream, what: str) -> DriverError:
    comma = " (with a decimal comma)" if _COMMA.fullmatch(text) else ""
    return source.refuse(f"`{what}` is `{shown(text)}`{comma}, expected a number from 0 on", _NUMBERS)


class Rfc3339:
    """Reads times with up to nine decimals; the seconds of one time are mostly those of the one before."""

    def __init__(self) -> None:
        self._last: tuple[str, int] = ("", 0)

    def ns(self, text: object, source: ReportStream, what: str) -> int:
        """Nanoseconds since 1970; raises DriverError for any other value."""
        found = _RFC3339.fullmatch(text) if isinstance(text, str) else None
        if found is None:
            raise source.refuse(
                f"`{what}` is `{shown(repr(text))}`, expected a time like `2026-11-20T09:30:00.25Z`", _NUMBERS
            )
        key = found[1] + found[3]
        if key != self._last[0]:
            try:
                at = datetime.fromisoformat(key).astimezone(UTC)
            except (ValueError, OverflowError) as error:
                raise source.refuse(f"`{what}` is `{shown(key)}`, which is not a time", _NUMBERS) from error
            self._last = key, round(at.timestamp()) * NS_PER_S
        return self._last[1] + int((found[2] or "").ljust(9, "0"))


def number_at(value: Mapping[str, Any], key: str, where: str, *, whole_number: bool = False) -> float:
    """A number from 0 on in a JSON object; raises DriverError where it is missing or no such number."""
    found = value.get(key)
    kind = int | float if not whole_number else int
    if isinstance(found, kind) and not isinstance(found, bool) and 0 <= found < _MOST:  # NaN is in no interval
        return float(found)
    seen = "is missing" if key not in value else f"is `{shown(repr(found))}`"
    raise DriverError(f"`{key}` {seen}, expected a number from 0 on", where=where, hint=_NUMBERS)


def count_at(value: Mapping[str, Any], key: str, where: str) -> int:
    """A count in a JSON object; raises DriverError as `number_at`."""
    return int(number_at(value, key, where, whole_number=True))


def object_at(value: Any, key: str, where: str) -> Mapping[str, Any]:
    """An object in a JSON object; raises DriverError where it is missing or no object."""
    found = value.get(key) if isinstance(value, dict) else None
    if not isinstance(found, dict):
        hint = "name the file that the tool itself wrote, of a version that docs/reports.md names"
        raise DriverError(f"has no object `{key}`", where=where, hint=hint)
    return found


def counts_of(value: Mapping[str, Any], where: str) -> dict[str, int]:
    """An object of nothing but counts; raises DriverError as `count_at`."""
    return {key: count_at(value, key, where) for key in value}


def csv_rows(source: ReportStream, delimiter: str = ",") -> Iterator[Sequence[str]]:
    """The rows of a CSV file without empty ones; raises DriverError for what is no CSV."""
    csv.field_size_limit(LONGEST_LINE)  # for the process; Python's own limit is less than a body in base64
    reader = csv.reader(source.lines(), delimiter=delimiter, strict=True)
    try:
        yield from filter(None, reader)
    except csv.Error as error:
        hint = "write it again with its tool; a quoted text that does not end may be a file that is cut short"
        raise source.refuse(f"is not CSV: {error}", hint) from error


def columns_of(header: Sequence[str], needed: Sequence[str], source: ReportStream, hint: str) -> Mapping[str, int]:
    """The place of each column; raises DriverError where a needed one is missing, or one is there twice."""
    for name in header:
        if header.count(name) > 1:
            raise source.refuse(f"the column `{shown(name)}` is there twice", hint)
    if missing := [name for name in needed if name not in header]:
        raise source.refuse(f"the header lacks the column `{missing[0]}`", hint)
    return {name: index for index, name in enumerate(header)}


def require_width(row: Sequence[str], width: int, source: ReportStream) -> None:
    """Raise DriverError for a row of another number of columns than the header."""
    if len(row) != width:
        hint = "the file is cut short, has decimal commas, or two versions of the tool wrote it: write it again"
        raise source.refuse(f"has {len(row)} columns, expected {width}", hint)
