"""Which rules read what a recording rule makes, also through other recording rules: by the names of metrics in their expressions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

_STRING: Final = r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|`[^`]*`"
_NAME: Final = re.compile(r"(?<![\w:.])[A-Za-z_:][\w:]*", re.ASCII)
"""A whole word, `:` included: the name of a metric, or another word of PromQL."""
_QUOTED: Final = re.compile(_STRING)
_PATTERN: Final = re.compile(rf"__name__\s*=~\s*({_STRING})")


class QueriedMetrics:
    """The metrics that one expression may read; a word in a string counts, as `{__name__="…"}` names a metric so."""

    def __init__(self, query: str) -> None:
        strings = [found[1:-1] for found in _QUOTED.findall(query)]
        self._words = frozenset((*_NAME.findall(query), *strings))
        self._patterns = tuple(found[1:-1].replace("\\\\", "\\") for found in _PATTERN.findall(query))

    def of(self, names: Iterable[str]) -> frozenset[str]:
        """Those of these names that it may read."""
        return frozenset(
            name for name in names if name in self._words or any(_matches(one, name) for one in self._patterns)
        )


def _matches(pattern: str, name: str) -> bool:
    """Whether a name is one of a pattern; one that Python does not read may be that of any name."""
    try:
        return re.fullmatch(pattern, name) is not None
    except re.error:
        return True


def origins(recorded: Iterable[tuple[str, QueriedMetrics]], failed: Iterable[str]) -> Mapping[str, frozenset[str]]:
    """By the name of each metric that is not made, or from what is not: the recording rules (of `failed`) that are to blame.

    `recorded` are all recording rules: what each makes and reads.
    """
    rules = list(recorded)
    found = {name: frozenset((name,)) for name in failed}
    grows = bool(found)
    while grows:
        grows = False
        for name, read in rules:
            before = found.get(name, frozenset())
            after = before.union(*(found[one] for one in read.of(found)))
            if after != before:
                found[name], grows = after, True
    return found
