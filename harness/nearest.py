"""Suggests the nearest known word for an unknown one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Final

from harness.words import some

MOST_NAMED: Final = 12
"""Maximum number of known words that a message lists."""


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word most similar to `word`, ignoring case; None if there is none."""
    by_folded = {name.casefold(): name for name in known}
    found = difflib.get_close_matches(word.casefold(), by_folded, n=1, cutoff=0.5)
    return by_folded[found[0]] if found else None


def hint_with_nearest(word: str, known: Iterable[str]) -> str:
    """A sentence for `hint`: the nearest known word or, if none is similar, the first known words."""
    names = sorted(known)
    found = nearest(word, names)
    if found is not None:
        return f"did you mean {found!r}?"
    return f"use one of: {some(names, MOST_NAMED)}" if names else "none is defined here"
