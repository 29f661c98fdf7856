"""vegeta's results, as `vegeta encode --to json` or `--to csv` writes them, and the summary of `vegeta report -type=json`.

Source: `lib/results.go` and `lib/metrics.go` of github.com/tsenart/vegeta v12: latencies are in ns from the moment of sending,
the columns of CSV are time (ns since 1970), status, latency, bytes out, bytes in, error, body, attack, number, method, address,
headers. A request failed where its status is not 200 to 399 or it has an error; status 0 is a request without an answer. Each
attack numbers its requests from 0. Percentiles of a summary are estimates of a t-digest of compression 100.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

from harness.drivers.ingest.formats.plain import shown
from harness.drivers.ingest.load.fields import (
    Rfc3339,
    count_at,
    counts_of,
    csv_rows,
    number_at,
    object_at,
    require_width,
    whole,
)
from harness.drivers.ingest.load.protocol import (
    ALL,
    ANSWERED,
    UNANSWERED,
    LoadFormat,
    LoadRemarks,
    LoadSample,
    LoadSummary,
    RouteSummary,
    stated,
)
from harness.drivers.ingest.load.stream import ReportStream
from harness.errors import DriverError
from harness.units import NS_PER_MS, NS_PER_S

_COLUMNS: Final = 12
_BODY: Final = 7
"""Number of the column of the body, which alone may be longer than the bytes by which a format is recognised."""
_COMPRESSION: Final = 100
_HINT: Final = "write it again with `vegeta encode --to json`, `--to csv` or `vegeta report -type=json`, version 12"
_QUANTILES: Final = {"min": 0.0, "50th": 0.5, "90th": 0.9, "95th": 0.95, "99th": 0.99, "max": 1.0}
_NS_DIGITS: Final = 19


class _Attacks:
    """The numbers of the requests of each attack: from 0, each once."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, int, int]] = {}

    def add(self, attack: str, number: int) -> None:
        count, total, most = self._seen.get(attack, (0, 0, -1))
        self._seen[attack] = count + 1, total + number, max(most, number)

    def doubts(self) -> Iterator[str]:
        for attack, (count, total, most) in self._seen.items():
            if (count, total) != (most + 1, most * (most + 1) // 2):
                name = f" of the attack {shown(attack)}" if attack else ""
                yield f"{count} results{name} have numbers up to {most}: some are missing, or are there twice"


def json_results(source: ReportStream, remarks: LoadRemarks) -> Iterator[LoadSample]:
    """The requests of lines of JSON."""
    clock, attacks = Rfc3339(), _Attacks()
    for text in source.lines():
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as cause:
            raise source.refuse("is not a line of JSON", _HINT) from cause
        if not isinstance(value, dict):
            raise source.refuse("is not a result of vegeta", _HINT)
        where = source.at()
        attacks.add(str(value.get("attack", "")), count_at(value, "seq", where))
        sent_ns = clock.ns(value.get("timestamp"), source, "timestamp")
        code, took_ns = count_at(value, "code", where), count_at(value, "latency", where)
        method, url, error = (str(value.get(key) or "") for key in ("method", "url", "error"))
        yield _result(source.line, (sent_ns, took_ns), code, f"{method} {url}", error)
    remarks.doubts += attacks.doubts()


def csv_results(source: ReportStream, remarks: LoadRemarks) -> Iterator[LoadSample]:
    """The requests of rows of CSV, which have no header."""
    attacks = _Attacks()
    for row in csv_rows(source):
        require_width(row, _COLUMNS, source)
        if len(row[0]) != _NS_DIGITS:
            raise source.refuse(f"the time is `{shown(row[0])}`, expected nanoseconds since 1970", _HINT)
        sent_ns, code, took_ns, number = (whole(row[i], source, f"column {i + 1}") for i in (0, 1, 2, 8))
        attacks.add(row[7], number)
        yield _result(source.line, (sent_ns, took_ns), code, f"{row[9]} {row[10]}", row[5])
    remarks.doubts += attacks.doubts()


def _result(line: int, times: tuple[int, int], code: int, request: str, error: str) -> LoadSample:
    """A result by when it was sent and how long it took, in ns; a route is its method and its address without a query."""
    sent_ns, took_ns = times
    failed = bool(error) or not 200 <= code < 400
    kind = "" if not failed else f"status {code}" if code else shown(error) or "no answer"
    answered = ANSWERED if code else UNANSWERED
    return LoadSample(line, sent_ns, sent_ns + took_ns, request.partition("?")[0].strip(), kind, answered)


def summary(source: ReportStream, remarks: LoadRemarks) -> LoadSummary:
    """The figures of all requests together; vegeta states none of a route."""
    value, where = source.json(), source.where
    if not isinstance(value, dict):
        raise DriverError("is not a summary of vegeta", where=where, hint=_HINT)
    n, codes = count_at(value, "requests", where), counts_of(object_at(value, "status_codes", where), where)
    good = sum(count for code, count in codes.items() if code[:1] in ("2", "3"))
    success = number_at(value, "success", where)
    if sum(codes.values()) != n or (n and abs(success - good / n) > 1e-6):
        what = f"contradicts itself: {n} requests, {sum(codes.values())} status codes, a success of {success:g}"
        raise DriverError(what, where=where, hint=_HINT)
    latencies = object_at(value, "latencies", where)
    times = (
        {q: number_at(latencies, key, f"{where}: latencies") / NS_PER_MS for key, q in _QUANTILES.items()} if n else {}
    )
    if (ordered := [times[q] for q in sorted(times)]) != sorted(ordered):
        raise DriverError("a higher percentile is below a lower one", where=f"{where}: latencies", hint=_HINT)
    end, seconds = Rfc3339().ns(value.get("end"), source, "end"), _seconds(value, where)
    remarks.ended_s = end / NS_PER_S if n else None
    whole_load = RouteSummary(
        name=ALL,
        n=n,
        failed=n - good,
        timed=n,
        times=tuple(stated(times, n, _ranks)),
        mean_ms=number_at(latencies, "mean", f"{where}: latencies") / NS_PER_MS if n else None,
    )
    return LoadSummary(routes=(whole_load,), seconds=seconds)


def _seconds(value: Mapping[str, Any], where: str) -> float:
    return (number_at(value, "duration", where) + number_at(value, "wait", where)) / NS_PER_S


def _ranks(quantile: float, n: int) -> tuple[float, float]:
    """Twice the share of one centroid on either side: pi / compression * sqrt(q (1 - q)).

    Source: T. Dunning and O. Ertl, "Computing extremely accurate quantiles using t-digests" (2019), scale function k1.
    """
    reach = 2 + 2 * math.pi / _COMPRESSION * math.sqrt(quantile * (1 - quantile)) * n
    return math.floor(quantile * n - reach), math.ceil(quantile * n + reach)


def _is_json(head: bytes) -> bool:
    line = head.partition(b"\n")[0]
    return line.startswith(b"{") and b'"attack"' in line and b'"latency"' in line


def _is_csv(head: bytes) -> bool:
    line, end, _ = head.partition(b"\n")
    cells = line.split(b",")
    return (
        len(cells) >= (_COLUMNS if end else _BODY) and len(cells[0]) >= 10 and all(cell.isdigit() for cell in cells[:5])
    )


def _is_summary(head: bytes) -> bool:
    return head.lstrip().startswith(b"{") and b'"latencies"' in head and b'"bytes_in"' in head


VEGETA_JSON: Final = LoadFormat(
    tool="vegeta", what="vegeta's results in JSON", recognises=_is_json, samples=json_results
)
VEGETA_CSV: Final = LoadFormat(tool="vegeta", what="vegeta's results in CSV", recognises=_is_csv, samples=csv_results)
VEGETA_REPORT: Final = LoadFormat(
    tool="vegeta", what="vegeta's report in JSON", recognises=_is_summary, summary=summary
)
