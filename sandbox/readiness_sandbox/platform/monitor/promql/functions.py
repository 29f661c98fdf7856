"""Functions of PromQL: over ranges, over each element of a vector, and of scalars.

Source: prometheus/prometheus promql/functions.go, 3.x. Ranges begin after their start, and the way of a counter back to zero is
held against the extrapolation after the test of the gap.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from operator import le
from typing import Final

from .patterns import compiled
from .values import NAME, Labels, PromqlError, QueryError, Range, Sample, Vector, labels_of, unnamed

Over = Callable[[Range], float | None]
"""Of one range; None where it has too few samples."""


def _increase(points: Range) -> float:
    """From the first value to the last, each fall of the counter taken as a new begin."""
    values = points.values
    change = values[-1] - values[0]
    if all(map(le, values, values[1:])):
        return change
    return change + sum(before for before, after in pairwise(values) if after < before)


def extrapolated(points: Range, *, counter: bool, per_second: bool) -> float | None:
    """The change over a range, extrapolated from first and last sample to the edges near them."""
    n = len(points.values)
    if n < 2:
        return None
    change = _increase(points) if counter else points.values[-1] - points.values[0]
    sampled = points.times_s[-1] - points.times_s[0]
    mean = sampled / (n - 1)
    to_start, to_end = points.times_s[0] - points.start_s, points.end_s - points.times_s[-1]
    if to_start >= 1.1 * mean:
        to_start = mean / 2
    if counter and change > 0 and points.values[0] >= 0:
        to_start = min(to_start, sampled * (points.values[0] / change))
    if to_end >= 1.1 * mean:
        to_end = mean / 2
    factor = (sampled + to_start + to_end) / sampled
    return change * (factor / (points.end_s - points.start_s) if per_second else factor)


def _instant(points: Range, *, counter: bool) -> float | None:
    if len(points.values) < 2:
        return None
    before, last = points.values[-2:]
    seconds = points.times_s[-1] - points.times_s[-2]
    if not counter:
        return last - before
    return (last if last < before else last - before) / seconds


def total(values: Sequence[float]) -> float:
    """Their sum; of infinities, and of what is too large, as Go has it instead of an error."""
    try:
        return math.fsum(values)
    except (OverflowError, ValueError):
        return sum(values)


def _mean(points: Range) -> float:
    return total(points.values) / len(points.values)


def _deviation(points: Range) -> float:
    mean = _mean(points)
    distances = [value - mean for value in points.values]
    return math.sqrt(total([each * each for each in distances]) / len(distances))


def _beyond(q: float) -> float:
    """The quantile for a rank that is not within 0 to 1."""
    return math.nan if math.isnan(q) else math.copysign(math.inf, q)


def quantile(q: float, values: Sequence[float]) -> float:
    """The quantile of the values, interpolated linearly between the nearest ranks; NaN or infinite where `q` is not within 0 to 1."""
    if not values or not 0 <= q <= 1:
        return _beyond(q) if values else math.nan
    ordered = sorted(values, key=lambda value: (not math.isnan(value), value))
    rank = q * (len(ordered) - 1)
    low = max(0, math.floor(rank))
    high = min(len(ordered) - 1, low + 1)
    weight = rank - math.floor(rank)
    return ordered[low] * (1 - weight) + ordered[high] * weight


def _number(points: Sequence[float]) -> list[float]:
    """Without NaN, which is only the result where there is nothing else."""
    return [value for value in points if not math.isnan(value)] or [math.nan]


OVER_RANGE: Final[Mapping[str, Over]] = {
    "rate": lambda points: extrapolated(points, counter=True, per_second=True),
    "increase": lambda points: extrapolated(points, counter=True, per_second=False),
    "delta": lambda points: extrapolated(points, counter=False, per_second=False),
    "irate": lambda points: _instant(points, counter=True),
    "idelta": lambda points: _instant(points, counter=False),
    "changes": lambda points: float(
        sum(a != b and not (math.isnan(a) and math.isnan(b)) for a, b in pairwise(points.values))
    ),
    "resets": lambda points: float(sum(after < before for before, after in pairwise(points.values))),
    "avg_over_time": _mean,
    "sum_over_time": lambda points: total(points.values),
    "min_over_time": lambda points: min(_number(points.values)),
    "max_over_time": lambda points: max(_number(points.values)),
    "count_over_time": lambda points: float(len(points.values)),
    "last_over_time": lambda points: points.values[-1],
    "present_over_time": lambda _: 1.0,
    "stddev_over_time": _deviation,
}
"""Functions of one range vector."""
KEEPS_NAME: Final = frozenset({"last_over_time"})


def _rounded(value: float, to: float = 1.0) -> float:
    if not math.isfinite(value) or to == 0:
        return value if math.isnan(value) or to else math.nan
    inverse = 1.0 / to
    scaled = value * inverse + 0.5
    return (math.floor(scaled) if math.isfinite(scaled) else scaled) / inverse


def _guarded(function: Callable[[float], float], at_zero: float = math.nan) -> Callable[[float], float]:
    """As Go has it: NaN below the domain, and a limit at 0, instead of an error."""

    def guarded(value: float) -> float:
        if value == 0:
            return at_zero
        if math.isnan(value) or value < 0:
            return math.nan
        return value if math.isinf(value) else function(value)

    return guarded


def _whole(function: Callable[[float], int]) -> Callable[[float], float]:
    return lambda value: float(function(value)) if math.isfinite(value) else value


def _exp(value: float) -> float:
    try:
        return math.exp(value)
    except OverflowError:
        return math.inf


def _clamp(value: float, low: float, high: float) -> float:
    return value if math.isnan(value) else max(low, min(high, value))


OF_EACH: Final[Mapping[str, Callable[..., float]]] = {
    "abs": abs,
    "ceil": _whole(math.ceil),
    "floor": _whole(math.floor),
    "round": _rounded,
    "exp": _exp,
    "sqrt": _guarded(math.sqrt, 0.0),
    "ln": _guarded(math.log, -math.inf),
    "log2": _guarded(math.log2, -math.inf),
    "log10": _guarded(math.log10, -math.inf),
    "sgn": lambda value: value if value == 0 or math.isnan(value) else math.copysign(1.0, value),
    "clamp": _clamp,
    "clamp_min": lambda value, low: _clamp(value, low, math.inf),
    "clamp_max": lambda value, high: _clamp(value, -math.inf, high),
}
"""Functions of each value of a vector, with scalars behind it."""


def histogram_quantile(q: float, vector: Vector) -> Vector:
    """The quantile of each histogram with classic buckets, linear within a bucket."""
    buckets: dict[Labels, list[tuple[float, float]]] = {}
    for labels, value in vector:
        named = dict(labels)
        try:
            end = float(named.pop("le", ""))
        except ValueError:
            continue
        named.pop(NAME, None)
        buckets.setdefault(labels_of(named), []).append((end, value))
    return [Sample(labels, _bucket_quantile(q, sorted(ends))) for labels, ends in buckets.items()]


def _bucket_quantile(q: float, ends: list[tuple[float, float]]) -> float:
    if not 0 <= q <= 1:
        return _beyond(q)
    if ends[-1][0] != math.inf:
        return math.nan
    merged: dict[float, float] = {}
    for end, count in ends:
        merged[end] = merged.get(end, 0.0) + count
    uppers, counts = list(merged), list[float]()
    for count in merged.values():  # counts never fall; a scrape between two increments may appear so
        counts.append(max(count, counts[-1]) if counts else count)
    if len(uppers) < 2 or counts[-1] == 0 or math.isnan(counts[-1]):
        return math.nan
    rank = q * counts[-1]
    at = next((index for index, count in enumerate(counts[:-1]) if count >= rank), len(counts) - 1)
    if at == len(counts) - 1 or (at == 0 and uppers[0] <= 0):
        return uppers[at - 1] if at else uppers[0]
    start, below = (uppers[at - 1], counts[at - 1]) if at else (0.0, 0.0)
    return start + (uppers[at] - start) * ((rank - below) / (counts[at] - below))


def label_replace(vector: Vector, to: str, replacement: str, source: str, pattern: str) -> Vector:
    """The vector with the label `to` made of the label `source` where that matches as a whole."""
    try:
        matching = compiled(pattern)
    except PromqlError as error:
        raise QueryError(f"invalid regular expression in label_replace(): {pattern}") from error
    replaced = []
    for labels, value in vector:
        named = dict(labels)
        if (found := matching.fullmatch(named.get(source, ""))) is not None:
            named[to] = expanded(replacement, found)
        replaced.append(Sample(labels_of(named), value))
    return replaced


def expanded(template: str, found: re.Match[str]) -> str:
    """The template with `$1`, `$name` and `${name}` expanded as Go's regexp does.

    A missing group is empty.
    """

    def group(reference: re.Match[str]) -> str:
        name = reference[1] or reference[2]
        there = name in found.re.groupindex or (name.isdigit() and int(name) <= found.re.groups)
        return (found[int(name) if name.isdigit() else name] or "") if there else ""

    return re.sub(r"\$(?:(\w+)|\{(\w+)\})", group, template)


def label_join(vector: Vector, to: str, separator: str, *sources: str) -> Vector:
    """The vector with the label `to` made of the values of others."""
    joined = []
    for labels, value in vector:
        named = dict(labels)
        joined.append(Sample(labels_of({**named, to: separator.join(named.get(each, "") for each in sources)}), value))
    return joined


def without_name(vector: Vector) -> Vector:
    """The vector without the names of its metrics.

    Raises:
        QueryError: two elements are the same without.
    """
    return unique([Sample(unnamed(labels), value) for labels, value in vector])


def unique(vector: Vector) -> Vector:
    """The vector, where no two elements have the same labels.

    Raises:
        QueryError: two have.
    """
    if len({labels for labels, _ in vector}) != len(vector):
        raise QueryError("vector cannot contain metrics with the same labelset")
    return vector
