"""The rows by document and section, in catalogue order, with counts by outcome."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.report.view.wording import MARKS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from harness.model import Outcome, Plan
    from harness.report.view.digest import Row


@dataclass(frozen=True, kw_only=True, slots=True)
class SectionRows:
    """The rows of one section, worst first.

    Attributes:
        document: name of the document.
        name: name of the section; empty if the source names none.
        rows: the rows.
    """

    document: str
    name: str
    rows: tuple[Row, ...]

    @property
    def counts(self) -> Mapping[Outcome, int]:
        """Number of rows by outcome, worst first; outcomes without rows are left out."""
        return counts_of(self.rows)


@dataclass(frozen=True, kw_only=True, slots=True)
class DocumentRows:
    """The sections of one document."""

    name: str
    sections: tuple[SectionRows, ...]

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows of all its sections."""
        return tuple(row for section in self.sections for row in section.rows)

    @property
    def counts(self) -> Mapping[Outcome, int]:
        """Number of rows by outcome, worst first; outcomes without rows are left out."""
        return counts_of(self.rows)


def counts_of(rows: Iterable[Row]) -> dict[Outcome, int]:
    """Number of rows by outcome, worst first; outcomes without rows are left out."""
    found = Counter(row.outcome for row in rows)
    return {outcome: found[outcome] for outcome in MARKS if found[outcome]}


def documents(plan: Plan, every: Sequence[Row]) -> tuple[DocumentRows, ...]:
    """The rows grouped by document and section, in catalogue order; within a section the order of `every` is kept."""
    sections: dict[str, dict[str, list[Row]]] = {}
    for requirement in plan.requirements:
        sections.setdefault(requirement.document, {}).setdefault(requirement.section, [])
    for row in every:
        sections[row.requirement.document][row.requirement.section].append(row)
    return tuple(
        DocumentRows(
            name=document,
            sections=tuple(
                SectionRows(document=document, name=name, rows=tuple(rows)) for name, rows in parts.items() if rows
            ),
        )
        for document, parts in sections.items()
        if any(parts.values())
    )
