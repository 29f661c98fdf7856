"""The tables of the source documents: what a document says of each row beside what this run decided."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from harness.model import Outcome
from harness.report.view.wording import MARKS

if TYPE_CHECKING:
    from harness.model import DocumentTableRow, Plan
    from harness.report.view.digest import Row

TABLE_HEADS: Final = ("of", "in the document", "passed here", "verdicts")


@dataclass(frozen=True, kw_only=True, slots=True)
class DocumentTableView:
    """A table with texts: what the row is about, what the document says, how many of its requirements passed, and the others by verdict."""

    title: str
    source: str
    rows: tuple[tuple[str, str, str, str], ...]

    @property
    def heads(self) -> Sequence[str]:
        """The columns; without the document's own where it says nothing of any row."""
        return TABLE_HEADS if self.says else (TABLE_HEADS[0], *TABLE_HEADS[2:])

    @property
    def cells(self) -> Sequence[Sequence[str]]:
        """The rows, with a cell for each column."""
        return self.rows if self.says else [(title, passed, rest) for title, _, passed, rest in self.rows]

    def named(self, cells: Sequence[str]) -> Sequence[tuple[str, str]]:
        """The cells of a row after the first, each with its column."""
        return tuple(zip(self.heads[1:], cells[1:], strict=True))

    @property
    def says(self) -> bool:
        """Whether the document says something of a row."""
        return any(said for _, said, _, _ in self.rows)


def document_tables(plan: Plan, every: Iterable[Row]) -> tuple[DocumentTableView, ...]:
    """The tables of the plan; a requirement that is not in the run's profiles counts, and is named as that."""
    outcomes = {row.requirement.id: row.outcome for row in every}
    return tuple(
        DocumentTableView(title=one.title, source=one.source, rows=tuple(_cells(row, outcomes) for row in one.rows))
        for one in plan.tables
    )


def _cells(row: DocumentTableRow, outcomes: dict[str, Outcome]) -> tuple[str, str, str, str]:
    found = [outcomes.get(id_) for id_ in row.requirements]
    passed, every = found.count(Outcome.PASS), len(found)
    counts = [(found.count(outcome), outcome.value) for outcome in MARKS]
    counts.append((found.count(None), "not in this run"))
    verdicts = ", ".join(f"{count} {word}" for count, word in counts if count)
    return row.title, row.said, f"{passed} of {every} ({passed / every:.0%})", verdicts
