"""wrk2's output with `--latency`, which is text: the spectrum of recorded times, and the counts of requests and errors.

Source: `src/wrk.c` and `src/hdr_histogram.c` of github.com/giltene/wrk2: the spectrum is in ms, each line has a value, its
percentile and how many requests took at most that long; values have three significant digits. Times are from the moment at
which a request was due, and leave out the calibration of the first 10 s. A request failed where its status is not 200 to 399
(`Non-2xx or 3xx responses`), or a socket had an error. wrk2 writes no JSON of its own; what scripts of users print is not read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from harness.drivers.ingest.load.protocol import ALL, LoadFormat, LoadRemarks, LoadSummary, RouteSummary, StatedTime
from harness.drivers.ingest.load.stream import ReportStream
from harness.errors import DriverError

_UNITS: Final = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_N: Final = r"([0-9]+(?:\.[0-9]+)?)"
_RECORDED: Final = "Latency Distribution (HdrHistogram - Recorded Latency)"
_SPECTRUM: Final = re.compile(rf"\s*{_N}\s+([01]\.[0-9]{{6,12}})\s+([0-9]{{1,15}})(?:\s+(?:{_N}|inf|Inf))?\s*")
_MEAN: Final = re.compile(rf"#\[Mean\s*=\s*{_N},\s*StdDeviation\s*=\s*{_N}\]")
_MAX: Final = re.compile(rf"#\[Max\s*=\s*{_N},\s*Total count\s*=\s*([0-9]{{1,15}})\]")
_REQUESTS: Final = re.compile(rf"\s*([0-9]{{1,15}}) requests in {_N}(us|ms|s|m|h), .*")
_SOCKETS: Final = re.compile(r"\s*Socket errors: connect ([0-9]+), read ([0-9]+), write ([0-9]+), timeout ([0-9]+)\s*")
_STATUS: Final = re.compile(r"\s*Non-2xx or 3xx responses: ([0-9]+)\s*")
_RATE: Final = re.compile(rf"Requests/sec:\s*{_N}\s*")
_EXAMPLES: Final = {
    _MEAN: "#[Mean = 52.1, StdDeviation = 15.9]",
    _MAX: "#[Max = 171, Total count = 2000]",
    _REQUESTS: "2000 requests in 60.00s, 1.2MB read",
    _RATE: "Requests/sec: 33.33",
}
_ROUNDED: Final = 1e-3
"""Of a value with three significant digits."""
_HINT: Final = "run wrk2 with `--latency`, write its whole output into a file, and let it end by itself"


def summary(source: ReportStream, remarks: LoadRemarks) -> LoadSummary:  # noqa: ARG001 - the protocol's
    """The figures of all requests together."""
    lines = source.text().splitlines()
    first = next((i for i, line in enumerate(lines) if _RECORDED in line), None)
    if first is None:
        raise DriverError("has no recorded latency distribution of wrk2", where=source.where, hint=_HINT)
    last = next((i for i in range(first, len(lines)) if lines[i].startswith("-----")), len(lines))
    mean, (most, timed) = _one(_MEAN, lines[first:last], source), _one(_MAX, lines[first:last], source)
    times = _times(lines[first:last], float(most), int(timed), source)
    n, length, unit = _one(_REQUESTS, lines, source)
    _one(_RATE, lines, source)  # the last lines: without them the output is cut short
    sockets = sum(map(int, next((found.groups() for line in lines if (found := _SOCKETS.fullmatch(line))), ())))
    refused = next((int(found[1]) for line in lines if (found := _STATUS.fullmatch(line))), 0)
    if int(timed) > int(n) or refused > int(n):
        raise DriverError(f"contradicts itself: {timed} times of {n} requests", where=source.where, hint=_HINT)
    whole = RouteSummary(
        name=ALL,
        n=int(n) + sockets,
        failed=refused + sockets,
        untimed_failures=sockets,
        timed=int(timed),
        times=tuple(times),
        mean_ms=float(mean[0]) if int(timed) else None,
    )
    return LoadSummary(routes=(whole,), seconds=float(length) * _UNITS[unit])


def _one(pattern: re.Pattern[str], lines: Sequence[str], source: ReportStream) -> tuple[str, ...]:
    """The groups of the one line of a kind; raises DriverError where there is none, or several."""
    found = [match.groups() for line in lines if (match := pattern.fullmatch(line))]
    if len(found) != 1:
        what = f"has {len(found)} lines like `{_EXAMPLES[pattern]}`, expected one: it is cut short, edited, or of several runs"
        raise DriverError(what, where=source.where, hint=_HINT)
    return found[0]


def _times(lines: Sequence[str], most: float, timed: int, source: ReportStream) -> list[StatedTime]:
    found: list[StatedTime] = []
    for line in lines:
        if (match := _SPECTRUM.fullmatch(line)) is None:
            continue
        ms, quantile, rank = float(match[1]), float(match[2]), int(match[3])
        if found and (ms < found[-1].ms or rank < found[-1].last or quantile < found[-1].quantile):
            raise DriverError("has a spectrum that does not rise", where=source.where, hint=_HINT)
        low, high = ms * (1 - _ROUNDED), ms * (1 + _ROUNDED)
        found.append(StatedTime(quantile=quantile, ms=ms, first=rank, last=rank, low_ms=low, high_ms=high))
    if not timed:
        return []
    if not found or found[-1].last != timed or abs(found[-1].ms - most) > 2 * _ROUNDED * max(most, 1.0):
        what = f"has a spectrum that does not end with {timed} requests and {most:g} ms"
        raise DriverError(what, where=source.where, hint=_HINT)
    return found


def _recognises(head: bytes) -> bool:
    return head.lstrip().startswith(b"Running ") and b" test @ " in head


WRK2: Final = LoadFormat(tool="wrk2", what="wrk2's output", recognises=_recognises, summary=summary)
