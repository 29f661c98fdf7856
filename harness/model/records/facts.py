"""Facts that checks read from the live target, as values or, if there are many, as a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from harness.model.records.table import FACTS, Table

FIRST: Final = 10
"""Maximum number of facts of a matrix that are named; all are counted and are in the table."""
_OK: Final = {"yes": True, "no": False, "unknown": None}


@dataclass(frozen=True, kw_only=True, slots=True)
class FactAmount:
    """The size of a fact that is a count or a share; a waiver of such a fact needs a bound.

    Attributes:
        value: value in `unit`, a unit of `Quantity`; with another unit only the number.
        at_least: whether a larger value is better.
    """

    value: float
    unit: str = ""
    at_least: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Fact:
    """One thing that a check read from the target.

    Attributes:
        subject: `us-east-1/api-gateway`.
        expected, observed: texts of what was expected and what was read.
        ok: True as expected, False not as expected, None if it could not be read.
        attempts: number of readings; a fact is False only if every reading was.
        at_ns: time of the last reading.
        amount: size of a count or a share; None: it has no size.
    """

    subject: str
    expected: str
    observed: str
    ok: bool | None
    attempts: int
    at_ns: int
    amount: FactAmount | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class FactTable:
    """Many facts as a table.

    Attributes:
        rows: one row per fact, with the schema FACTS.
        covered, of: number of things to be checked that have a fact, and their total number.
    """

    rows: Table
    covered: int
    of: int

    @classmethod
    def made(cls, facts: tuple[Fact, ...], covered: int, of: int) -> FactTable:
        """The table of these facts."""
        words = {value: word for word, value in _OK.items()}
        rows: list[dict[str, int | str | None]] = [
            {
                "at_ns": fact.at_ns,
                "attempts": fact.attempts,
                "subject": fact.subject,
                "expected": fact.expected,
                "observed": fact.observed,
                "ok": words[fact.ok],
            }
            for fact in facts
        ]
        return cls(rows=Table.of(FACTS, rows), covered=covered, of=of)

    def __len__(self) -> int:
        return len(self.rows)

    def count(self, *, ok: bool | None) -> int:
        """Number of facts that are as expected (True), not (False), or could not be read (None)."""
        return sum(int(self.rows.words["ok"].equals(word).sum()) for word, value in _OK.items() if value is ok)

    def first(self, *, ok: bool | None, most: int = FIRST) -> tuple[Fact, ...]:
        """The first facts with these outcomes, in recorded order."""
        names = [word for word, value in _OK.items() if value is ok]
        where = np.logical_or.reduce([self.rows.words["ok"].equals(name) for name in names])
        part = self.rows.at(np.flatnonzero(where)[:most])
        words = {name: [word or "" for word in part.words[name].text()] for name in ("subject", "expected", "observed")}
        ints = {name: part.ints[name].tolist() for name in ("attempts", "at_ns")}
        return tuple(
            Fact(subject=subject, expected=expected, observed=observed, ok=ok, attempts=attempts, at_ns=at_ns)
            for subject, expected, observed, attempts, at_ns in zip(*words.values(), *ints.values(), strict=True)
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """The result of a check.

    Attributes:
        demand: its key.
        facts: what it read, where that is not much.
        matrix: what it read, where that is much; then there are no `facts`.
        why: what kept it from being done; then there are neither.
        files: where that is recorded.
    """

    demand: str
    facts: tuple[Fact, ...]
    matrix: FactTable | None = None
    why: str = ""
    files: tuple[str, ...] = ()
