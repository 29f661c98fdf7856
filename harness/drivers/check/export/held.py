"""Holds an export against records: which of them it has, and what it has beside them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from harness.drivers.check.export.records import PersonRecord

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
    """A value as a text that is equal for equal values: numbers without trailing zeros, times in UTC."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | Decimal):
        return _number(str(value))
    text = str(value)
    if len(text) > len("2026-01-01") and text[:4].isdecimal():
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            return text
        return f"{at.timestamp():.3f}" if at.tzinfo else text
    return _number(text) if text.replace(".", "", 1).lstrip("-").isdecimal() else text


def _number(text: str) -> str:
    return f"{Decimal(text).normalize():f}"


def values_of(record: PersonRecord, without: Sequence[str]) -> Leaves:
    """What an object must have to be the record: its values but those that name the person, and those that are left out."""
    left_out = {*record.naming, *without}
    return leaves({column: value for column, value in record.values.items() if column not in left_out})


def paired(wants: Sequence[Leaves], objects: Sequence[Leaves]) -> dict[int, int]:
    """The greatest number of records that have an object each, and each another one: place of the record → place of the object."""
    possible = [[at for at, one in enumerate(objects) if want <= one] for want in wants]
    owner: dict[int, int] = {}

    def placed(record: int, tried: set[int]) -> bool:
        for at in possible[record]:
            if at not in tried:
                tried.add(at)
                if at not in owner or placed(owner[at], tried):
                    owner[at] = record
                    return True
        return False

    for record in sorted(range(len(wants)), key=lambda one: len(possible[one])):
        placed(record, set())
    return {record: at for at, record in owner.items()}


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
