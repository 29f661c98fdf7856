"""Facts that checks read from the live target: few facts as values, many facts as a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from harness.model.records.table import FACTS, Table

FIRST: Final = 10
"""Maximum number of facts of a table that a text names; the table has all facts."""
_OK: Final = {"yes": True, "no": False, "unknown": None}


@dataclass(frozen=True, kw_only=True, slots=True)
class FactAmount:
    """The size of a fact that is a count or a share; a waiver of such a fact needs a bound.

    Attributes:
        value: value in `unit`.
        unit: unit of `Quantity`; with another unit only the number counts.
        at_least: whether a larger value is better.
    """

    value: float
    unit: str = ""
    at_least: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Fact:
    """One fact that a check read from the target.

    Attributes:
        subject: subject of the fact, such as `us-east-1/api-gateway`.
        expected: expected value as text.
        observed: read value as text.
        ok: whether the fact is as expected; None: it could not be read.
        attempts: number of readings; a fact is False only if every reading was.
        at_ns: time of the last reading in ns.
        amount: size of a count or a share; None: the fact has no size.
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
        rows: table with one row per fact, with the schema FACTS.
        covered: number of things with a fact.
        of: number of things to be checked.
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
        demand: key of the demand.
        facts: few facts.
        matrix: many facts as a table; `facts` is then empty.
        why: reason why the check was not done; there are then no facts.
        files: files with the record.
    """

    demand: str
    facts: tuple[Fact, ...]
    matrix: FactTable | None = None
    why: str = ""
    files: tuple[str, ...] = ()
