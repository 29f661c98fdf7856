"""Writes Markdown that is also readable as plain text: padded tables, no HTML, escaped text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from harness.report.view.wording import clean

_SPECIAL: Final = re.compile(r"([\\|*\[]|<(?=[A-Za-z/!?]))")


def plain(text: str) -> str:
    """A text on one line with escaped markup; code between backticks stays code."""
    return _SPECIAL.sub(r"\\\1", " ".join(clean(text).split()))


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table with padded columns; the markup of cells is escaped."""
    cells = [[plain(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(head, *cells, strict=True)]
    lines = [head, ["-" * width for width in widths], *cells]
    return "\n".join(
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))} |" for line in lines
    )


def bullets(lines: Iterable[str]) -> str:
    """A Markdown list with one line per item."""
    return "\n".join(f"- {line}" for line in lines)
