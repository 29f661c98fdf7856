"""Holds an export against records: which of them it has, and what it has beside them. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from harness.drivers.check.export.records import PersonRecord

_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d.*)?")
_DECIMAL: Final = re.compile(r"-?(\d+\.?\d*|\.\d+)")
Leaves = frozenset[str]
"""The values of an object as comparable texts."""


def leaves(value: Any) -> Leaves:
    """All values of a JSON value, however deep; nulls are left out."""
    return frozenset(_leaves(value))


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for one in value.values():
            yield from _leaves(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _leaves(one)
    elif value is not None:
        yield comparable(value)


def comparable(value: Any) -> str:
    """A value as a text that is equal for equal values: numbers without trailing zeros, times in whole seconds of UTC.

    Exports cut fractions of seconds, and give times without a zone one.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | Decimal):
        return _number(str(value))
    text = str(value)
    if _TIME.fullmatch(text):
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            return text
        utc = at if at.tzinfo else at.replace(tzinfo=UTC)
        return f"at {math.floor(utc.timestamp())}"
    return _number(text) if _DECIMAL.fullmatch(text) else text


def _number(text: str) -> str:
    exact = f"{Decimal(text):f}"
    return exact.rstrip("0").rstrip(".") if "." in exact else exact


def values_of(record: PersonRecord, without: Sequence[str]) -> Leaves:
    """What an object must have to be the record: its values but those that name the person, and those that are left out."""
    left_out = {*record.naming, *without}
    return leaves({column: value for column, value in record.values.items() if column not in left_out})


def paired(wants: Sequence[Leaves], objects: Sequence[Leaves]) -> dict[int, int]:
    """The greatest number of records that have an object each, and each another one: place of the record → place of the object."""
    possible = [[at for at, one in enumerate(objects) if want <= one] for want in wants]
    owner, mine, full = dict[int, int](), dict[int, int](), set[int]()
    for record in sorted(range(len(wants)), key=lambda one: len(possible[one])):
        came: dict[int, int] = {}  # object → record that may have it
        free = _free(record, possible, owner, came, full)
        if free is None:
            full |= came.keys()  # no later record finds another one for those that have these
        while free is not None:  # each record on the way moves to the object that was found for it
            one = came[free]
            owner[free] = one
            mine[one], free = free, mine.get(one)
    return mine


def _free(
    record: int, possible: Sequence[Sequence[int]], owner: Mapping[int, int], came: dict[int, int], full: set[int]
) -> int | None:
    """An object for which every record on the way to it can move on; None: there is none."""
    waiting = [record]
    for one in waiting:
        for at in possible[one]:
            if at in came or at in full:
                continue
            came[at] = one
            if at not in owner:
                return at
            waiting.append(owner[at])
    return None


def objects_at(export: Any, key: str) -> list[Any] | None:
    """The objects at a key of the export: a list of them, or one; None: there is nothing at the key.

    Of the export itself, at the empty key, lists are left out: they hold records of tables.
    """
    if not key and isinstance(export, Mapping):
        return [{name: value for name, value in export.items() if not isinstance(value, list)}]
    found = export
    for part in key.split(".") if key else ():
        found = found.get(part) if isinstance(found, Mapping) else None
    if found is None:
        return None
    return list(found) if isinstance(found, list) else [found]


def leftover(objects: Sequence[Any], used: Iterable[int]) -> list[Any]:
    """The objects that no record took."""
    taken = set(used)
    return [one for at, one in enumerate(objects) if at not in taken]
