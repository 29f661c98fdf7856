"""Texts of database queries: without their values, shortened, and compared with each other."""

from __future__ import annotations

import re
from typing import Final

LONGEST: Final = 1000
"""Number of characters of a query that are kept; queries that differ only later count as equal."""
_SHOWN: Final = 100
CUT: Final = "…"
_TEXT: Final = r"""(?<![\w$])E'(?:[^'\\]|\\.|'')*'|(?:(?<![\w$])(?:[BX]|U&))?'(?:[^']|'')*'|(?<![\w$])\$(?P<tag>(?:[a-z_]\w*)?)\$.*?\$(?P=tag)\$"""
_NUMBER: Final = r"(?<![\w$])(?:0[xob][\da-f_]+|(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:e[+-]?\d+)?)"
_WORD: Final = r"(?<![\w$])(?:true|false)\b|(?<!\bis )(?<!\bnot )(?<!\bset )(?<![\w$])null\b|(?<=\blimit )all\b|(?<=\bextract\()\w+(?=\s|$)|(?<=, )nfk?[cd](?=\))"
"""Words that PostgreSQL counts as values: `extract(epoch FROM at)` becomes `extract($1 FROM at)`."""
_VALUE: Final = re.compile(rf"(?:-\s*)?(?:\$\d+|{_TEXT}|{_NUMBER}|{_WORD})", re.IGNORECASE | re.DOTALL)
"""A value with an optional minus: PostgreSQL turns `= -5` into `= $1`, so signs are ignored."""
_QUOTED: Final = re.compile(_TEXT, re.IGNORECASE | re.DOTALL)
_UNSURE: Final = re.compile(
    r"(?:-\s*)?(?:(?:(?<![\w$])(?:[EBX]|U&))?'(?:…'?)?|\$\w*|(?<![\w$])(?:(?:\d|\.)[\w.]*|\.|t(?:r(?:ue?)?)?|f(?:a(?:l(?:se?)?)?)?|n(?:u(?:ll?)?)?"
    r"|[EBX]|U&?|(?<=\blimit )al?))?$",
    re.IGNORECASE,
)
"""A text before a cut that may be half of a value."""


def shortened(text: str) -> str:
    """The beginning of a query on one line, without values; PostgreSQL has replaced most values by `$1`."""
    line = " ".join(_QUOTED.sub("'…'", text).split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}{CUT}"


def brief(text: str) -> str:
    """The beginning of a query for a message."""
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}{CUT}"


def without_values(text: str) -> str:
    """A query on one line with `?` in place of each value."""
    return _VALUE.sub("?", " ".join(text.split()))


def is_query(shown: str, full: str) -> bool:
    """Whether a shortened query is the other query, ignoring values; a cut query is compared by its beginning."""
    if not shown.endswith(CUT):
        return without_values(full) == without_values(shown)
    return without_values(full).startswith(without_values(_UNSURE.sub("", shown[: -len(CUT)])))
