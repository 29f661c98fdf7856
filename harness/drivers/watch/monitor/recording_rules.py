"""Finds the rules that depend on a recording rule, by the metric names in expressions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

_STRING: Final = r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|`[^`]*`"
_NAME: Final = re.compile(r"(?<![\w:.])[A-Za-z_:][\w:]*", re.ASCII)
"""A complete word, including `:`, that may be a metric name or another word of PromQL."""
_QUOTED: Final = re.compile(_STRING)
_PATTERN: Final = re.compile(rf"__name__\s*=~\s*({_STRING})")


class QueriedMetrics:
    """The metrics that one expression may read.

    Words in strings count too, since `{__name__="…"}` contains a metric name.
    """

    def __init__(self, query: str) -> None:
        strings = [found[1:-1] for found in _QUOTED.findall(query)]
        self._words = frozenset((*_NAME.findall(query), *strings))
        self._patterns = tuple(found[1:-1].replace("\\\\", "\\") for found in _PATTERN.findall(query))

    def of(self, names: Iterable[str]) -> frozenset[str]:
        """The given names that the expression may read."""
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
    """The failed recording rules by each metric that they leave without data, directly or through others.

    `recorded` has the result and the queried metrics of every recording rule, and `failed` the names of the failed
    ones.
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
