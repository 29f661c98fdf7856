"""oha's summary, as `oha --output-format json` (before 1.9 `--json`) writes it.

Source: `schema.json`, `src/printer.rs` and `src/result_data.rs` of github.com/hatoo/oha: times are in s, of requests that had an
answer. `statusCodeDistribution` counts the answers, `errorDistribution` the requests without one; `successRate` calls every
answer a success. A request failed where its status is 400 or more, or it had no answer. Requests that oha itself cut off at
its end (`aborted due to deadline`) have an unknown outcome. A percentile is the request of rank floor(q n) + 1.
"""

from __future__ import annotations

import math
import re
from typing import Final

from harness.drivers.ingest.load.fields import counts_of, number_at, object_at
from harness.drivers.ingest.load.protocol import ALL, LoadFormat, LoadRemarks, LoadSummary, RouteSummary, stated
from harness.drivers.ingest.load.stream import ReportStream
from harness.errors import DriverError

_DEADLINE: Final = "aborted due to deadline"
_PERCENTILE: Final = re.compile(r"p([0-9]{1,2}(?:\.[0-9]{1,4})?)")
_HINT: Final = "write it again with `oha --output-format json` (or `--json`), and let oha end by itself"
_MS: Final = 1000.0
_CLIENT_ERROR: Final = 400


def summary(source: ReportStream, remarks: LoadRemarks) -> LoadSummary:
    """The figures of all requests together; oha states none of a route."""
    value, where = source.json(), source.where
    codes = counts_of(object_at(value, "statusCodeDistribution", where), f"{where}: statusCodeDistribution")
    errors = counts_of(object_at(value, "errorDistribution", where), f"{where}: errorDistribution")
    cut_off, head = errors.pop(_DEADLINE, 0), object_at(value, "summary", where)
    answered, unanswered = sum(codes.values()), sum(errors.values())
    if answered + unanswered:
        rate = number_at(head, "successRate", f"{where}: summary")
        if abs(rate - answered / (answered + unanswered)) > 1e-6:
            what = f"contradicts itself: {answered} answers, {unanswered} errors, a success rate of {rate:g}"
            raise DriverError(what, where=where, hint=_HINT)
    if cut_off:
        remarks.notes.append(f"{cut_off} requests were cut off by oha at its end")
    whole = RouteSummary(
        name=ALL,
        n=answered + unanswered + cut_off,
        failed=unanswered + sum(n for code, n in codes.items() if not code.isdecimal() or int(code) >= _CLIENT_ERROR),
        unknown=cut_off,
        untimed_failures=unanswered,
        timed=answered,
        times=tuple(stated(_times(value, answered, where), answered, _ranks)),
        mean_ms=number_at(head, "average", f"{where}: summary") * _MS if answered else None,
    )
    return LoadSummary(routes=(whole,), seconds=number_at(head, "total", f"{where}: summary"))


def _times(value: object, answered: int, where: str) -> dict[float, float]:
    """Quantile → ms; of a few requests oha writes `null` for the highest percentiles."""
    if not answered:
        return {}
    head, percentiles = object_at(value, "summary", where), object_at(value, "latencyPercentiles", where)
    ends = {0.0: "fastest", 1.0: "slowest"}
    times = {quantile: number_at(head, key, f"{where}: summary") * _MS for quantile, key in ends.items()}
    for key, seconds in percentiles.items():
        found = _PERCENTILE.fullmatch(key)
        if found is None:
            raise DriverError(f"`{key}` is not a percentile", where=f"{where}: latencyPercentiles", hint=_HINT)
        if seconds is not None:
            times[float(found[1]) / 100] = number_at(percentiles, key, f"{where}: latencyPercentiles") * _MS
    ordered = [times[quantile] for quantile in sorted(times)]
    if ordered != sorted(ordered):
        raise DriverError("a higher percentile is below a lower one", where=where, hint=_HINT)
    return times


def _ranks(quantile: float, n: int) -> tuple[float, float]:
    rank = math.floor(round(quantile * n, 9))
    return rank, rank + 1  # oha multiplies floating numbers, which may round down


def _recognises(head: bytes) -> bool:
    return head.lstrip().startswith(b"{") and b'"successRate"' in head and b'"sizePerRequest"' in head


OHA: Final = LoadFormat(tool="oha", what="oha's JSON", recognises=_recognises, summary=summary)
