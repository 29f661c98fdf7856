"""The text exposition format: a line to a series and a number.

Nothing but its number differs from the same line of the scrape before, so that who reads keeps the rest of each line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from ..promql.values import NAME, Labels, labels_of

_LABEL: Final = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(?:,|$)')
_ESCAPED: Final = re.compile(r"\\(.)")
_METRIC: Final = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")


class ExpositionError(Exception):
    """A line is not in the format."""


def lines(text: str) -> Iterator[tuple[str, float, float | None]]:
    """Series as it is written, value, and the sample's own time in seconds where it has one.

    Raises:
        ExpositionError: with the line.
    """
    for line in text.split("\n"):
        if not line or line[0] == "#" or line.isspace():
            continue
        series, brace, rest = line.rpartition("}")
        if not brace:
            series, _, rest = line.partition(" ")
        numbers = rest.split()
        try:
            value, own = float(numbers[0]), float(numbers[1]) / 1000 if len(numbers) > 1 else None
        except (IndexError, ValueError):
            raise ExpositionError(f"invalid line: {line[:120]!r}") from None
        yield series + brace, value, own


def values_again(text: str, heads: Sequence[str]) -> list[float] | None:
    """The values of a scrape with the series of the one before in the same order; None: it has others, or samples with a time of their own.

    Args:
        text: of this scrape.
        heads: `head` of each series of the scrape before.
    """
    found = [line for line in text.split("\n") if line and line[0] != "#"]
    if len(found) != len(heads):
        return None
    try:
        values = [
            float(line[len(begins) :]) for line, begins in zip(found, heads, strict=True) if line.startswith(begins)
        ]
    except ValueError:
        return None
    return values if len(values) == len(heads) else None


def head(series: str) -> str:
    """What a line of a series begins with, up to its value."""
    return series if series.endswith("}") else f"{series} "


def labels_in(series: str) -> Labels:
    """The labels of a series as it is written, its name among them.

    Raises:
        ExpositionError: it is not in the format.
    """
    name, _, inside = series.rstrip("}").partition("{")
    if not _METRIC.fullmatch(name.strip()):
        raise ExpositionError(f"invalid metric name: {series[:120]!r}")
    found, at = {NAME: name.strip()}, 0
    while inside[at:].strip():
        label = _LABEL.match(inside, at)
        if label is None:
            raise ExpositionError(f"invalid labels: {series[:120]!r}")
        found[label[1]] = _ESCAPED.sub(lambda each: "\n" if each[1] == "n" else each[1], label[2])
        at = label.end()
    return labels_of(found)
