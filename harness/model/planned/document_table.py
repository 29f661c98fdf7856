"""Tables that a source document prints or asks for, whose rows are made of requirements."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class DocumentTableRow:
    """One row of a document's table.

    Attributes:
        title: what the row is about.
        said: what the document says of it; empty: nothing.
        requirements: ids of the requirements that are measured for it, of any profile.
    """

    title: str
    said: str = ""
    requirements: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class DocumentTable:
    """One table.

    Attributes:
        title: heading of the table.
        source: document and section.
        rows: the rows, in the document's order.
    """

    title: str
    source: str
    rows: tuple[DocumentTableRow, ...]
