"""Tables of the source documents: their rows name requirements by id or by a pattern of ids."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fnmatch import translate
from typing import TYPE_CHECKING

from harness.errors import ConfigurationError
from harness.model import DocumentTable, DocumentTableRow, Form
from harness.nearest import hint_with_nearest

if TYPE_CHECKING:
    from harness.catalogue.files import TableEntry
    from harness.catalogue.values import SourceLocation
    from harness.model import Requirement


def tabled(entry: TableEntry, place: SourceLocation, known: Mapping[str, Requirement]) -> DocumentTable:
    """The table with the measured requirements of each row.

    Raises:
        ConfigurationError: a row names no measured requirement; with file, line and key.
    """
    rows = tuple(
        DocumentTableRow(
            title=row.title,
            said=row.said,
            requirements=tuple(dict.fromkeys(_named(row.requirements, (*place.keys, "rows", number), place, known))),
        )
        for number, row in enumerate(entry.rows)
    )
    return DocumentTable(title=entry.title, source=entry.source, rows=rows)


def _named(
    patterns: tuple[str, ...], keys: tuple[str | int, ...], place: SourceLocation, known: Mapping[str, Requirement]
) -> Iterator[str]:
    for index, pattern in enumerate(patterns):
        matches = re.compile(translate(pattern)).match
        named = [pattern] if pattern in known else [id_ for id_ in known if matches(id_)]
        found = [id_ for id_ in named if known[id_].form is Form.MEASURED]
        if not found:
            raise ConfigurationError(
                f"no measured requirement is named {pattern!r}",
                where=place.file.where((*keys, "requirements", index)),
                hint=hint_with_nearest(pattern, known),
            )
        yield from found
