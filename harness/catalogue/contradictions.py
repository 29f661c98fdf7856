"""Contradictions of the documents: two statements, their expected relation, and the rules that compare them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from harness.errors import UsageError
from harness.model import Quantity

Value = str | float | tuple[str, ...]
"""`24 h`, `2025-10-24`, `StatefulSet`; a number that counts something; a list of names."""

_BUDGET_S: Final = 30 * 86400
"""Period of an availability: a month of 30 days."""


class Relation(StrEnum):
    """The expected relation between the left and the right value; it is not met if the values cannot be compared."""

    EQUAL = "equal"
    AT_MOST = "at most"
    AT_LEAST = "at least"
    BELOW = "below"
    AT_MOST_HALF = "at most half of"
    WITHIN_BUDGET = "within budget"
    """The left is a length or a share of failures; the right is an availability, which allows some of them in 30 days."""
    CONTAINS = "contains"
    """The left list contains everything in the right list."""
    DISJOINT = "disjoint"


_WORDS: Final[Mapping[Relation, str]] = {
    Relation.EQUAL: "equal to",
    Relation.AT_MOST: "at most",
    Relation.AT_LEAST: "at least",
    Relation.BELOW: "below",
    Relation.AT_MOST_HALF: "at most half of",
    Relation.WITHIN_BUDGET: "within the budget of",
    Relation.CONTAINS: "contained in",
    Relation.DISJOINT: "different from",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class StatedValue:
    """One value in a document.

    Attributes:
        what: what the value describes.
        value: value in the document, in the catalogue's notation.
        document: number of the document, such as `003`.
        section: heading above the value.
        quotes: verbatim quotes, some of them shortened.
        reckoned: how the value follows from the quotes, if they do not contain it.
        inferred: assumption that the value is based on, and that no document states.
    """

    what: str
    value: Value
    document: str
    section: str
    quotes: tuple[str, ...]
    reckoned: str = ""
    inferred: str = ""

    def __str__(self) -> str:
        grounds = "".join(f"; {word}: {text}" for word, text in self._grounds if text)
        return f"{self.what}: {shown(self.value)} ({self.document}, {self.section}{grounds})"

    @property
    def _grounds(self) -> tuple[tuple[str, str], ...]:
        return ("reckoned", self.reckoned), ("inferred", self.inferred)


@dataclass(frozen=True, kw_only=True, slots=True)
class Contradiction:
    """Two statements of the source documents between which a relation does not hold.

    Attributes:
        id: number of the contradiction.
        finding: description of the contradiction.
        left: first value.
        relation: relation in which `left` should be to `right`.
        right: second value.
        at: place of the entry, as `file:line`.
    """

    id: int
    finding: str
    left: StatedValue
    relation: Relation
    right: StatedValue
    at: str = ""

    @property
    def documents(self) -> tuple[str, ...]:
        """Numbers of the documents that the contradiction is about."""
        return tuple(sorted({self.left.document, self.right.document}))

    @property
    def stands(self) -> bool:
        """Whether the documents still contradict each other, because the relation is not met."""
        return not holds(self.left.value, self.relation, self.right.value)

    @property
    def comparison(self) -> str:
        """The comparison in words: `24 h is not equal to 1 h`; without `not` if the relation is met."""
        left, right = shown(self.left.value), shown(self.right.value)
        if self.relation is Relation.CONTAINS:
            left, right = right, left
        return f"{left} is {'not ' if self.stands else ''}{_WORDS[self.relation]} {right}"


def holds(left: Value, relation: Relation, right: Value) -> bool:
    """Whether `left` is in this relation to `right`; False if they cannot be compared."""
    return _RULES[relation](left, right)


def shown(value: Value) -> str:
    """A value as text: `24 h`, `3`, `frontend, backend`, `none`."""
    if isinstance(value, tuple):
        return ", ".join(value) or "none"
    return f"{value:g}" if isinstance(value, int | float) else value


_Scalar = tuple[str, float | str]
"""A dimension (`time`, `ratio`, `rate`, `count`, `size`, `date`, `text`), and the value in its base unit."""
_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?) ?(kB|MB|GB)")
_BYTES: Final = {"kB": 1e3, "MB": 1e6, "GB": 1e9}


def _scalar(value: Value) -> _Scalar:
    if isinstance(value, int | float):
        return "count", float(value)
    if isinstance(value, tuple):
        return "list", shown(value)
    if size := _SIZE.fullmatch(value):
        return "size", float(size[1]) * _BYTES[size[2]]
    try:
        quantity = Quantity.parse(value)
    except UsageError:
        pass
    else:
        return quantity.dimension, quantity.base
    try:
        return "date", float(date.fromisoformat(value).toordinal())
    except ValueError:
        return "text", " ".join(value.casefold().split())


def _set(value: Value) -> frozenset[_Scalar]:
    return frozenset(_scalar(item) for item in value) if isinstance(value, tuple) else frozenset({_scalar(value)})


def _numbers(left: Value, right: Value) -> tuple[float, float] | None:
    """Both values in the base unit of their common dimension; None if there is none, or it has no order."""
    (dimension, first), (other, second) = _scalar(left), _scalar(right)
    alike = dimension == other and isinstance(first, float) and isinstance(second, float)
    return (float(first), float(second)) if alike else None


def _ordered(compare: Callable[[float, float], bool]) -> Callable[[Value, Value], bool]:
    def rule(left: Value, right: Value) -> bool:
        numbers = _numbers(left, right)
        return numbers is not None and compare(*numbers)

    return rule


def _within_budget(left: Value, right: Value) -> bool:
    """A share of failures, or a length of time without service, within what the availability `right` leaves."""
    (dimension, lost), (other, available) = _scalar(left), _scalar(right)
    if other != "ratio":
        return False
    left_over = round(1 - float(available), 12)
    budget = {"ratio": left_over, "time": left_over * _BUDGET_S}.get(dimension)
    return budget is not None and float(lost) <= budget


_RULES: Final[Mapping[Relation, Callable[[Value, Value], bool]]] = {
    Relation.EQUAL: lambda left, right: _set(left) == _set(right),
    Relation.AT_MOST: _ordered(lambda left, right: left <= right),
    Relation.AT_LEAST: _ordered(lambda left, right: left >= right),
    Relation.BELOW: _ordered(lambda left, right: left < right),
    Relation.AT_MOST_HALF: _ordered(lambda left, right: left <= right / 2),
    Relation.WITHIN_BUDGET: _within_budget,
    Relation.CONTAINS: lambda left, right: _set(left) >= _set(right),
    Relation.DISJOINT: lambda left, right: _set(left).isdisjoint(_set(right)),
}
