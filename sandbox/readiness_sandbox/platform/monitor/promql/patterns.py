"""Regular expressions of RE2, as Prometheus takes them, in Python's engine."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from typing import Final

from .values import PromqlError

_POSIX: Final[Mapping[str, str]] = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "blank": r"\t ",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": r"!-/:-@\[-`{-~",
    "space": r"\s",
    "upper": "A-Z",
    "word": r"\w",
    "xdigit": "0-9A-Fa-f",
}
"""Names of classes, and what they are within brackets."""
_ESCAPE_OR_CLASS: Final = re.compile(r"\\.|\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\]", re.DOTALL)
_NAMED: Final = re.compile(r"\[:(\^?\w+):\]")


def compiled(text: str) -> re.Pattern[str]:
    """The expression; whoever uses it matches whole texts.

    Raises:
        PromqlError: it cannot be read, or Python's engine reads it otherwise than RE2.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error", FutureWarning)  # of brackets within brackets, which other engines read as sets
        try:
            return re.compile(_ESCAPE_OR_CLASS.sub(_translated, text), re.ASCII | re.DOTALL)
        except (re.error, FutureWarning, KeyError, OverflowError, RecursionError) as error:
            raise PromqlError(f'the regular expression "{text}" is not read by this evaluator: {error}') from None


def _translated(found: re.Match[str]) -> str:
    part = found[0]
    if part == r"\z":
        return r"\Z"
    return _NAMED.sub(lambda name: _POSIX[name[1]], part) if part[0] == "[" else part
