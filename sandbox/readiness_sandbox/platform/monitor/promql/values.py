"""What PromQL computes with: label sets, samples, vectors, ranges; and its two errors."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

Labels: TypeAlias = tuple[tuple[str, str], ...]
"""Name and value of each label, sorted by name, none empty.

The metric's name is the label `__name__`.
"""
NAME: Final = "__name__"
_STALE_BITS: Final = b"\x7f\xf0\x00\x00\x00\x00\x00\x02"
STALE: Final[float] = struct.unpack(">d", _STALE_BITS)[0]
"""The NaN by which a scrape says that a series has ended."""


class PromqlError(Exception):
    """The expression cannot be read, or is not one that is evaluated here: `bad_data`."""


class QueryError(Exception):
    """The expression cannot be evaluated on these samples: `execution`."""


class Sample(NamedTuple):
    """One element of an instant vector."""

    labels: Labels
    value: float


@dataclass(frozen=True, slots=True)
class Range:
    """One element of a range vector, within (`start_s`, `end_s`]: stale markers are left out.

    Attributes:
        labels: of the series.
        times_s: when each sample was taken.
        values: of the samples.
        start_s: the range begins after it.
        end_s: last moment of the range.
    """

    labels: Labels
    times_s: Sequence[float]
    values: Sequence[float]
    start_s: float
    end_s: float


Vector: TypeAlias = list[Sample]
Value: TypeAlias = float | str | Vector | list[Range]


def is_stale(value: float) -> bool:
    """Whether a value is the marker, not any other NaN."""
    return math.isnan(value) and struct.pack(">d", value) == _STALE_BITS


def labels_of(mapping: Mapping[str, str] | Iterable[tuple[str, str]]) -> Labels:
    """A label set; an empty value is no label."""
    pairs = mapping.items() if isinstance(mapping, Mapping) else mapping
    return tuple(sorted(pair for pair in pairs if pair[1]))


def unnamed(labels: Labels) -> Labels:
    """Without the name of the metric."""
    if labels and labels[0][0] == NAME:  # as nearly always: before all names in small letters
        return labels[1:]
    return tuple(pair for pair in labels if pair[0] != NAME)


def text_of(labels: Labels) -> str:
    """As Prometheus writes it: `up{job="pods"}`."""
    name = dict(labels).get(NAME, "")
    inside = ", ".join(f'{key}="{_escaped(value)}"' for key, value in unnamed(labels))
    return f"{name}{{{inside}}}" if inside or not name else name


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
