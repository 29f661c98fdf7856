"""Locust's CSV files: `NAME_stats.csv` and the course of its counts, `NAME_stats_history.csv`.

Source: https://docs.locust.io/en/stable/retrieving-stats.html and `locust/stats.py` of Locust 2: times are in ms, of all requests that have
a time, failed ones too. Percentiles are of rounded times: below 100 ms to 1 ms, below 1 s to 10 ms, below 10 s to 100 ms, above to
1 s. A request failed where Locust counts it under `Failure Count`. The `_requests.csv` of Locust before 1.0 has the same
counts under other names, and its percentiles in another file, which is not read.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final

from harness.drivers.ingest.load.fields import columns_of, csv_rows, decimal, require_width, whole
from harness.drivers.ingest.load.protocol import ALL, LoadFormat, LoadRemarks, LoadSummary, RouteSummary, StatedTime
from harness.drivers.ingest.load.stream import ReportStream
from harness.errors import DriverError

_OLD: Final = {"# requests": "Request Count", "# failures": "Failure Count", "Method": "Type"}
"""Names of columns before Locust 1.0."""
_NEEDED: Final = ("Type", "Name", "Request Count", "Failure Count")
_TIMED: Final = ("Average Response Time", "Min Response Time", "Max Response Time")
_TOTALS: Final = frozenset({"Aggregated", "Total"})
_PERCENTILE: Final = re.compile(r"([0-9]{1,2}(?:\.[0-9]{1,6})?|100)%")
_HALF: Final = ((99.5, 0.5), (995.0, 5.0), (9950.0, 50.0), (math.inf, 500.0))
"""Stated times below the first number are rounded by at most the second, in ms."""
_HINT: Final = "write it again with `locust --headless --csv NAME`, version 2, and let Locust end by itself"


def summary(source: ReportStream, remarks: LoadRemarks) -> LoadSummary:  # noqa: ARG001 - the protocol's
    """The figures of all requests, and of each route."""
    rows = csv_rows(source)
    header = [_OLD.get(name, name) for name in next(rows, ())]
    place = columns_of(header, _NEEDED, source, _HINT)
    named, total = list[RouteSummary](), None
    for row in rows:
        require_width(row, len(header), source)
        if total is not None:
            raise source.refuse("has a row after the row of all requests: it is of two runs", _HINT)
        route = _route(row, place, source)
        if row[place["Name"]] in _TOTALS and not row[place["Type"]].strip("None"):
            total = route
        else:
            named.append(route)
    if total is None:
        raise source.refuse("has no row `Aggregated`: it is cut short", _HINT)
    counts = [(sum(one.n for one in named), total.n), (sum(one.failed for one in named), total.failed)]
    if any(parts != of for parts, of in counts):
        what = f"contradicts itself: the routes have {counts[0][0]} requests, {counts[1][0]} of them failed; `Aggregated` has {total.n} and {total.failed}"
        raise DriverError(what, where=source.where, hint=_HINT)
    return LoadSummary(routes=(_as_whole(total), *named))


def _as_whole(total: RouteSummary) -> RouteSummary:
    return RouteSummary(
        name=ALL, n=total.n, failed=total.failed, timed=total.timed, times=total.times, mean_ms=total.mean_ms
    )


def _route(row: Sequence[str], place: Mapping[str, int], source: ReportStream) -> RouteSummary:
    n, failed = (whole(row[place[key]], source, key) for key in ("Request Count", "Failure Count"))
    if failed > n:
        raise source.refuse(f"has {failed} failures of {n} requests", _HINT)
    for column, at in place.items():
        if column not in ("Type", "Name") and row[at] != "N/A":
            decimal(row[at], source, column)
    name = " ".join(filter(None, (row[place["Type"]].strip(), row[place["Name"]].strip())))
    has_times = n and all(key in place for key in _TIMED)
    mean = decimal(row[place[_TIMED[0]]], source, _TIMED[0]) if has_times else None
    times = tuple(_times(row, place, n, source)) if has_times else ()
    if any(one.low_ms > other.high_ms for one, other in pairwise(times)):
        raise source.refuse("a higher percentile is below a lower one", _HINT)
    return RouteSummary(name=name, n=n, failed=failed, timed=n, times=times, mean_ms=mean)


def _times(row: Sequence[str], place: Mapping[str, int], n: int, source: ReportStream) -> Iterator[StatedTime]:
    """The least, each percentile, the greatest; a percentile is the time of rank floor(q n) + 1."""
    least, most = (decimal(row[place[key]], source, key) for key in _TIMED[1:])
    yield StatedTime(quantile=0.0, ms=least, first=1, last=1, low_ms=least, high_ms=least)
    shares = {float(found[1]) / 100: name for name in place if (found := _PERCENTILE.fullmatch(name))}
    for quantile, name in sorted(shares.items()):
        if quantile < 1 and row[place[name]] != "N/A":
            ms = decimal(row[place[name]], source, name)
            half = next(half for below, half in _HALF if ms < below)
            rank = math.floor(round(quantile * n, 9))
            first, last = rank, min(rank + 1, n)  # Locust multiplies floating numbers, which may round down
            yield StatedTime(quantile=quantile, ms=ms, first=first, last=last, low_ms=ms - half, high_ms=ms + half)
    yield StatedTime(quantile=1.0, ms=most, first=n, last=n, low_ms=most, high_ms=most)


def course(source: ReportStream, remarks: LoadRemarks) -> LoadSummary:
    """The counts of each second: when the load ended, and whether seconds are missing."""
    rows = csv_rows(source)
    header = next(rows, ())
    needed = ("Timestamp", "Type", "Name", "Total Request Count", "Total Failure Count")
    place = columns_of(header, needed, source, _HINT)
    times, last = list[int](), (0, 0)
    for row in rows:
        require_width(row, len(header), source)
        if row[place["Name"]] not in _TOTALS:
            continue
        counts = tuple(whole(row[place[key]], source, key) for key in needed[3:])
        at_s = whole(row[place["Timestamp"]], source, "Timestamp")
        if (times and at_s < times[-1]) or counts[0] < last[0] or counts[1] < last[1]:
            raise source.refuse("has a time or a count below that of the row before: it is of two runs", _HINT)
        times.append(at_s)
        last = counts[0], counts[1]
    if not times:
        raise source.refuse("has no row of all requests", _HINT)
    remarks.ended_s = float(times[-1])
    remarks.longest_gap_s = max([remarks.longest_gap_s, *(later - earlier - 1 for earlier, later in pairwise(times))])
    counted = RouteSummary(name=ALL, n=last[0], failed=last[1], timed=0)
    return LoadSummary(routes=(counted,), seconds=float(times[-1] - times[0]) or None, beside=True)


def _is_summary(head: bytes) -> bool:
    first = head.partition(b"\n")[0]
    return (b"Request Count" in first and b"Timestamp" not in first) or b"# requests" in first


def _is_course(head: bytes) -> bool:
    return b"Timestamp" in (first := head.partition(b"\n")[0]) and b"User Count" in first


LOCUST_STATS: Final = LoadFormat(tool="locust", what="Locust's stats.csv", recognises=_is_summary, summary=summary)
LOCUST_HISTORY: Final = LoadFormat(
    tool="locust", what="Locust's stats_history.csv", recognises=_is_course, summary=course
)
