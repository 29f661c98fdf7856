"""Texts of database queries: without their values, cut to a length, and recognised by one another."""

from __future__ import annotations

import re
from typing import Final

LONGEST: Final = 1000
"""Characters of a query that are kept: two queries that differ later only are taken for one."""
_SHOWN: Final = 100
CUT: Final = "…"
_TEXT: Final = r"""(?<![\w$])E'(?:[^'\\]|\\.|'')*'|(?:(?<![\w$])(?:[BX]|U&))?'(?:[^']|'')*'|(?<![\w$])\$(?P<tag>(?:[a-z_]\w*)?)\$.*?\$(?P=tag)\$"""
_NUMBER: Final = r"(?<![\w$])(?:0[xob][\da-f_]+|(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:e[+-]?\d+)?)"
_WORD: Final = r"(?<![\w$])(?:true|false)\b|(?<!\bis )(?<!\bnot )(?<!\bset )(?<![\w$])null\b|(?<=\blimit )all\b|(?<=\bextract\()\w+(?=\s|$)|(?<=, )nfk?[cd](?=\))"
"""Words that PostgreSQL counts as values: `extract(epoch FROM at)` is there as `extract($1 FROM at)`, `normalize(name, NFC)` with `$1` for the form."""
_VALUE: Final = re.compile(rf"(?:-\s*)?(?:\$\d+|{_TEXT}|{_NUMBER}|{_WORD})", re.IGNORECASE | re.DOTALL)
"""With a minus before it: of `= -5` and `- 5` PostgreSQL has the first one as `= $1`, so that signs tell nothing."""
_QUOTED: Final = re.compile(_TEXT, re.IGNORECASE | re.DOTALL)
_UNSURE: Final = re.compile(
    r"(?:-\s*)?(?:(?:(?<![\w$])(?:[EBX]|U&))?'(?:…'?)?|\$\w*|(?<![\w$])(?:(?:\d|\.)[\w.]*|\.|t(?:r(?:ue?)?)?|f(?:a(?:l(?:se?)?)?)?|n(?:u(?:ll?)?)?"
    r"|[EBX]|U&?|(?<=\blimit )al?))?$",
    re.IGNORECASE,
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
    return _VALUE.sub("?", " ".join(text.split()))


def is_query(shown: str, full: str) -> bool:
    """Whether a query as `shortened` gives it is that other one, whatever their values: by the whole text, or by the beginning of one that is cut."""
    if not shown.endswith(CUT):
        return without_values(full) == without_values(shown)
    return without_values(full).startswith(without_values(_UNSURE.sub("", shown[: -len(CUT)])))
