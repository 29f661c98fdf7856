"""Texts of database queries: without their values, cut to a length, and recognised by one another."""

from __future__ import annotations

import re
from typing import Final

LONGEST: Final = 1000
"""Characters of a query that are kept: two queries that differ later only are taken for one."""
_SHOWN: Final = 100
CUT: Final = "…"
_VALUE: Final = re.compile(r"\$\d+|'(?:[^']|'')*'|(?<![\w$])(?:\d+(?:\.\d+)?|(?:true|false)\b)", re.IGNORECASE)
_QUOTED: Final = re.compile(r"'(?:[^']|'')*'")
_UNSURE: Final = re.compile(
    r"(?:'(?:…'?)?|\$\d*|(?<![\w$])(?:\d[\d.]*|t(?:r(?:ue?)?)?|f(?:a(?:l(?:se?)?)?)?))$", re.IGNORECASE
)
"""What comes before a cut may be half of a value."""


def shortened(text: str) -> str:
    """The beginning of a query on one line; PostgreSQL puts `$1` for most values, the others are left out here."""
    line = " ".join(_QUOTED.sub("'…'", text).split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}{CUT}"


def brief(text: str) -> str:
    """The beginning of a query, for a sentence."""
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}{CUT}"


def without_values(text: str) -> str:
    """A query on one line with `?` for each value."""
    return " ".join(_VALUE.sub("?", text).split())


def is_query(shown: str, full: str) -> bool:
    """Whether a query as `shortened` gives it is that other one, whatever their values: by the whole text, or by the beginning of one that is cut."""
    if not shown.endswith(CUT):
        return without_values(full) == without_values(shown)
    return without_values(full).startswith(without_values(_UNSURE.sub("", shown[: -len(CUT)])))
