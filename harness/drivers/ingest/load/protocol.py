"""What a reader of a load report gives: single requests, or the figures of a summary."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from harness.drivers.ingest.load.stream import ReportStream
from harness.units import NS_PER_MS

ANSWERED: Final = 1
UNANSWERED: Final = 0
UNKNOWN: Final = -1
"""Of a request: it had an answer, it had none, or the tool does not say. A request without an answer counts as over any limit."""
ALL: Final = ""
"""Name of the figures of all requests together."""


class LoadSample(NamedTuple):
    """One request.

    Attributes:
        line: of the file.
        sent_ns, done_ns: since 1970.
        name: route, as the tool names it.
        error: kind of failure; empty if the request did not fail.
        answered: ANSWERED, UNANSWERED or UNKNOWN.
    """

    line: int
    sent_ns: int
    done_ns: int
    name: str
    error: str
    answered: int


@dataclass(frozen=True, kw_only=True, slots=True)
class StatedTime:
    """A response time that a tool states of all timed requests: X_(first) <= high_ms and X_(last) >= low_ms, in ascending order.

    Attributes:
        quantile: that the tool states; 0: the least, 1: the greatest.
        ms: as stated, in ms.
        first, last: ranks, from 1, between which the stated value is.
        low_ms, high_ms: interval of the value, as far as the tool rounds or estimates it.
    """

    quantile: float
    ms: float
    first: int
    last: int
    low_ms: float
    high_ms: float


@dataclass(frozen=True, kw_only=True, slots=True)
class RouteSummary:
    """Figures of one route, or of all requests together.

    Attributes:
        name: of the route; `ALL`: all requests together.
        n: number of requests. failed: how many failed. unknown: further ones whose outcome is unknown.
        timed: number of requests that the times are of.
        untimed_failures: failed requests that are not among the timed ones.
        times: what is stated.
        mean_ms: mean of the timed requests; None: not stated.
    """

    name: str
    n: int
    failed: int
    timed: int
    unknown: int = 0
    untimed_failures: int = 0
    times: tuple[StatedTime, ...] = ()
    mean_ms: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadSummary:
    """A summary.

    Attributes:
        routes: figures of all requests together, then of each route that the tool names.
        seconds: length of the load; None: not stated.
        beside: whether it is a course of counts that belongs to another summary, and no summary of its own.
    """

    routes: tuple[RouteSummary, ...]
    seconds: float | None = None
    beside: bool = False


@dataclass(kw_only=True, slots=True)
class LoadRemarks:
    """What a reader finds beside the requests, added to while it reads.

    Attributes:
        dropped: requests or iterations that the tool left out because it could not keep its rate.
        doubts: what makes the report unusable, though each line can be read, as a count that differs.
        notes: what people should know.
        origin: `release`, `commit`, `environment` and `target`, where the report names them, with each value.
        ended_s: end of the load, in s since 1970; None: the report has no date.
        longest_gap_s: longest time without a request that the report itself shows, in s.
    """

    dropped: int = 0
    doubts: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    origin: dict[str, set[str]] = field(default_factory=dict)
    ended_s: float | None = None
    longest_gap_s: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadFormat:
    """One format; it has `samples` or `summary`.

    Attributes:
        tool: key `tool` of the target file.
        what: format in words, as `a JTL in CSV`.
        recognises: whether a file begins like one, by its first bytes.
        samples: the requests of a file. summary: the figures of a file. Both raise DriverError, with file, line or key,
            for what the tool does not write.
    """

    tool: str
    what: str
    recognises: Callable[[bytes], bool]
    samples: Callable[[ReportStream, LoadRemarks], Iterator[LoadSample]] | None = None
    summary: Callable[[ReportStream, LoadRemarks], LoadSummary] | None = None


def stated(
    values: Mapping[float, float], n: int, ranks: Callable[[float, int], tuple[float, float]]
) -> Sequence[StatedTime]:
    """Stated times whose values are exact.

    Args:
        values: quantile → ms.
        n: number of timed requests.
        ranks: quantile and `n` → least and greatest rank that the tool takes for it.
    """
    return [
        StatedTime(quantile=q, ms=ms, first=first, last=last, low_ms=ms, high_ms=ms)
        for q, ms, first, last in _ranked(values, n, ranks)
    ]


def _ranked(
    values: Mapping[float, float], n: int, ranks: Callable[[float, int], tuple[float, float]]
) -> Iterator[tuple[float, float, int, int]]:
    for quantile, ms in sorted(values.items()):
        first, last = (n, n) if quantile >= 1 else (1, 1) if quantile <= 0 else ranks(quantile, n)
        yield quantile, ms, max(int(first), 0), min(int(-(-last // 1)), n)


def route_fields(route: RouteSummary) -> dict[str, Any]:
    """The figures as an object of an observation."""
    times = [{name: getattr(one, name) for name in one.__slots__} for one in route.times]
    rest = {name: getattr(route, name) for name in route.__slots__ if name != "times"}
    return {**rest, "times": times}


def ms_to_ns(ms: float) -> int:
    """Milliseconds in whole nanoseconds."""
    return round(ms * NS_PER_MS)
