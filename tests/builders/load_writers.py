"""Load reports as each tool writes them, made from requests that are known one by one."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

START_NS = 1_740_000_000_000_000_000
"""In February 2025."""
MS = 1_000_000
JTL = (
    "timeStamp,elapsed,label,responseCode,responseMessage,threadName,dataType,success,failureMessage,bytes,sentBytes,"
    "grpThreads,allThreads,URL,Latency,IdleTime,Connect"
)


@dataclass(frozen=True, slots=True)
class Sent:
    """One request: when it was sent, how long it took, its route and its status; 0: no answer."""

    sent_ns: int
    took_ns: int
    route: str
    status: int = 200

    @property
    def done_ns(self) -> int:
        """When it ended."""
        return self.sent_ns + self.took_ns

    @property
    def ms(self) -> float:
        """How long it took."""
        return self.took_ns / MS

    @property
    def failed(self) -> bool:
        """Whether its status is not one that is expected."""
        return not 200 <= self.status < 400


Load = Sequence[Sent]


def lognormal(
    seed: int, n: int, *, median_ms: float, failing: float = 0.0, unanswered: float = 0.0, seconds: float = 60.0
) -> list[Sent]:
    """Requests of two routes at a steady rate, whose times are log-normal with sigma 0.3."""
    rng = np.random.default_rng(seed)
    sent = START_NS + np.arange(n) * round(seconds * 1e9 / n)
    took = np.round(median_ms * np.exp(0.3 * rng.standard_normal(n))) * MS  # whole ms, which every tool can write
    status = np.where(rng.random(n) < failing, 500, 200)
    status = np.where(rng.random(n) < unanswered, 0, status)
    routes = rng.choice(["list", "buy"], n)
    rows = zip(sent.tolist(), took.tolist(), routes.tolist(), status.tolist(), strict=True)
    return [Sent(at, round(ns), route, code) for at, ns, route, code in rows]


def rfc3339(ns: int) -> str:
    """A time as Go writes it."""
    return f"{datetime.fromtimestamp(ns // 10**9, UTC):%Y-%m-%dT%H:%M:%S}.{ns % 10**9:09d}Z"


def by_end(load: Load) -> list[Sent]:
    """The requests in the order of their ends."""
    return sorted(load, key=lambda one: one.done_ns)


def k6_points(load: Load, *, dropped: int = 0, tags: Mapping[str, str] | None = None) -> str:
    """`k6 run --out json`."""
    names = ("http_reqs", "http_req_duration", "http_req_blocked", "http_req_failed")
    kinds = {"http_reqs": "counter", "http_req_failed": "rate"}
    lines = [
        {"metric": name, "type": "Metric", "data": {"name": name, "type": kinds.get(name, "trend"), "thresholds": []}}
        for name in names
    ]
    for one in by_end(load):
        own = {
            "expected_response": str(not one.failed).lower(),
            "method": "GET",
            "name": one.route,
            "status": str(one.status),
            "scenario": "default",
            **({"error_code": str(1000 + one.status)} if one.failed else {}),
            **(tags or {}),
        }
        values = {
            "http_reqs": 1,
            "http_req_duration": one.ms,
            "http_req_blocked": 0.01,
            "http_req_failed": int(one.failed),
        }
        lines += [
            {"metric": name, "type": "Point", "data": {"time": rfc3339(one.done_ns), "value": value, "tags": own}}
            for name, value in values.items()
        ]
    if dropped:
        point = {"time": rfc3339(START_NS), "value": dropped, "tags": {}}
        lines.append({"metric": "dropped_iterations", "type": "Point", "data": point})
    return "".join(f"{json.dumps(line)}\n" for line in lines)


def k6_trend(load: Load, *more: float) -> dict[str, float]:
    """The statistics of a trend, as k6 interpolates them."""
    ms = np.array([one.ms for one in load])
    shares = {"med": 50.0, "p(90)": 90.0, "p(95)": 95.0, **{f"p({one:g})": one for one in more}}
    stated = {key: float(np.percentile(ms, share)) for key, share in shares.items()}
    return {"avg": float(ms.mean()), "min": float(ms.min()), "max": float(ms.max()), **stated}


def k6_summary(load: Load, *, export: bool = False, dropped: int = 0, percentiles: Sequence[float] = (99.0,)) -> str:
    """What `handleSummary` is given, or `--summary-export` writes."""
    bad, n = sum(one.failed for one in load), len(load)
    seconds = (load[-1].sent_ns - load[0].sent_ns) / 1e9 if load else 0.0
    trend = k6_trend(load, *percentiles) if load else {"avg": 0, "min": 0, "max": 0, "med": 0, "p(90)": 0, "p(95)": 0}
    rate = {"passes": bad, "fails": n - bad, ("value" if export else "rate"): bad / n if n else 0}
    own: dict[str, Any] = {"http_reqs": {"count": n, "rate": n / seconds if seconds else 0}, "http_req_duration": trend}
    own["http_req_failed"] = rate
    if dropped:
        own["dropped_iterations"] = {"count": dropped, "rate": 0.1}
    if export:
        own["http_req_duration"]["thresholds"] = {"p(95)<10000": False}
        return json.dumps({"root_group": {"name": "", "groups": {}, "checks": {}}, "metrics": own})
    metrics = {name: {"type": "any", "contains": "default", "values": values} for name, values in own.items()}
    state = {"isStdOutTTY": False, "testRunDurationMs": seconds * 1000}
    return json.dumps(
        {"root_group": {"name": "", "groups": [], "checks": []}, "options": {}, "state": state, "metrics": metrics}
    )


def jtl_rows(load: Load) -> list[list[str]]:
    """The cells of JMeter's default columns."""
    rows = []
    for one in by_end(load):
        code = str(one.status) if one.status else "Non HTTP response code: java.net.SocketTimeoutException"
        rows.append([
            str(one.sent_ns // MS), str(round(one.ms)), one.route, code, "OK", "users 1-1", "text",
            str(not one.failed).lower(), "", "512", "128", "1", "1", "http://127.0.0.1/x", str(round(one.ms)), "0", "0",
        ])  # fmt: skip
    return rows


def jtl_csv(load: Load, *, header: bool = True) -> str:
    """A JTL in CSV."""
    rows = [",".join(row) for row in jtl_rows(load)]
    return "".join(f"{row}\n" for row in ([JTL] if header else []) + rows)


def jtl_xml(load: Load, *, version: str = "1.2") -> str:
    """A JTL in XML."""
    rows = [
        f'<httpSample t="{row[1]}" it="0" lt="{row[1]}" ct="0" ts="{row[0]}" s="{row[7]}" lb="{row[2]}" rc="{row[3]}"'
        f' rm="OK" tn="users 1-1" dt="text" by="512" sby="128" ng="1" na="1"/>\n'
        for row in jtl_rows(load)
    ]
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<testResults version="{version}">\n{"".join(rows)}\n</testResults>\n'
    )


def gatling(load: Load, *, version: str = "3.9.5", ended: bool = True) -> str:
    """A simulation.log of 3.4 to 3.9."""
    lines = [f"RUN\tshop.Shop\tshop\t{START_NS // MS}\t \t{version}", f"USER\tshop\tSTART\t{START_NS // MS}"]
    for one in by_end(load):
        message = (
            " "
            if not one.failed
            else "status.find.in([200, 209], 304), found 500"
            if one.status
            else "i.n.c.ConnectTimeoutException: connection timed out"
        )
        end = one.sent_ns // MS + round(one.ms)
        lines.append(f"REQUEST\t\t{one.route}\t{one.sent_ns // MS}\t{end}\t{'KO' if one.failed else 'OK'}\t{message}")
    if ended:
        lines.append(f"USER\tshop\tEND\t{START_NS // MS + 60_000}")
    return "".join(f"{line}\n" for line in lines)


def vegeta_json(load: Load) -> str:
    """`vegeta encode --to json`."""
    order = {id(one): number for number, one in enumerate(load)}
    lines = [
        {
            "attack": "", "seq": order[id(one)], "code": one.status, "timestamp": rfc3339(one.sent_ns), "latency": one.took_ns,
            "bytes_out": 0, "bytes_in": 5, "error": "" if not one.failed else "500 Internal" if one.status else "context deadline exceeded",
            "body": None, "method": "GET", "url": f"http://127.0.0.1/{one.route}?a=1", "headers": None,
        }
        for one in by_end(load)
    ]  # fmt: skip
    return "".join(f"{json.dumps(line)}\n" for line in lines)


def vegeta_csv(load: Load) -> str:
    """`vegeta encode --to csv`."""
    order = {id(one): number for number, one in enumerate(load)}
    return "".join(
        f"{one.sent_ns},{one.status},{one.took_ns},0,5,{'x' if one.failed else ''},,,{order[id(one)]},GET,http://127.0.0.1/{one.route},\n"
        for one in by_end(load)
    )


def vegeta_report(load: Load) -> str:
    """`vegeta report -type=json`, with exact percentiles in place of the digest's."""
    ns, n = np.sort([one.took_ns for one in load]), len(load)
    keys = {"min": 0, "50th": 0.5, "90th": 0.9, "95th": 0.95, "99th": 0.99, "max": 1}
    stated = {key: int(ns[min(math.ceil(q * n), n) - 1 if q else 0]) if n else 0 for key, q in keys.items()}
    good = sum(not one.failed for one in load)
    ends = [one.done_ns for one in load] or [START_NS]
    duration = load[-1].sent_ns - load[0].sent_ns if load else 0
    return json.dumps({
        "latencies": {"total": int(ns.sum()), "mean": int(ns.mean()) if n else 0, **stated},
        "bytes_in": {"total": 0, "mean": 0}, "bytes_out": {"total": 0, "mean": 0},
        "earliest": rfc3339(START_NS), "latest": rfc3339(START_NS + duration), "end": rfc3339(max(ends)),
        "duration": duration, "wait": max(ends) - START_NS - duration, "requests": n, "rate": 100, "throughput": 99,
        "success": good / n if n else 0, "status_codes": dict(Counter(str(one.status) for one in load)), "errors": [],
    })  # fmt: skip


def oha(load: Load, *, cut_off: int = 0) -> str:
    """`oha --output-format json`."""
    s = np.sort([one.ms / 1000 for one in load if one.status])
    answered, unanswered = len(s), sum(not one.status for one in load)
    shares = [10, 25, 50, 75, 90, 95, 99, 99.9, 99.99]
    at = {f"p{share:g}": int(share / 100 * answered) for share in shares}
    stated = {key: float(s[i]) if i < answered else None for key, i in at.items()}
    errors = {"aborted due to deadline": cut_off, "operation timed out": unanswered}
    rate = answered / (answered + unanswered) if answered + unanswered else None
    ends = {"slowest": float(s[-1]), "fastest": float(s[0]), "average": float(s.mean())} if answered else {}
    return json.dumps({
        "summary": {"successRate": rate, "total": 60.0, **ends, "requestsPerSec": 10, "totalData": 1, "sizePerRequest": 1, "sizePerSec": 1.0},
        "latencyPercentiles": stated,
        "statusCodeDistribution": dict(Counter(str(one.status) for one in load if one.status)),
        "errorDistribution": {key: n for key, n in errors.items() if n},
    })  # fmt: skip


def wrk2(load: Load) -> str:
    """`wrk --latency` of wrk2."""
    ms, n = np.sort([one.ms for one in load if one.status]), len(load)
    timed, lines = len(ms), []
    levels = [0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.925, 0.95, 0.9625, 0.975, 0.9875, 0.99, 0.995, 0.999, 1.0]
    for level in levels if timed else []:
        value = ms[max(math.ceil(level * timed), 1) - 1]
        below = "inf" if level == 1 else f"{1 / (1 - level):.2f}"
        lines.append(f"{value:12.3f}  {level:2.6f}  {int((ms <= value).sum()):10d}  {below:>12}")
    spectrum = "\n".join(lines)
    mean, most = (float(ms.mean()), float(ms[-1])) if timed else (0.0, 0.0)
    refused, timeouts = sum(one.failed and one.status > 0 for one in load), n - timed
    return (
        "Running 1m test @ http://127.0.0.1:80/\n  2 threads and 10 connections\n"
        "  Latency Distribution (HdrHistogram - Recorded Latency)\n"
        f" 50.000%   {most:.2f}ms\n\n  Detailed Percentile spectrum:\n"
        f"       Value   Percentile   TotalCount 1/(1-Percentile)\n\n{spectrum}\n"
        f"#[Mean    = {mean:12.3f}, StdDeviation   = {1:12.3f}]\n#[Max     = {most:12.3f}, Total count    = {timed:12d}]\n"
        "#[Buckets =           27, SubBuckets     =         2048]\n"
        "----------------------------------------------------------\n"
        f"  {timed} requests in 1.00m, 1.00MB read\n"
        + (f"  Socket errors: connect 0, read 0, write 0, timeout {timeouts}\n" if timeouts else "")
        + (f"  Non-2xx or 3xx responses: {refused}\n" if refused else "")
        + f"Requests/sec: {n / 60:9.2f}\nTransfer/sec:     12.00KB\n"
    )


def _sketch(ms: Any) -> dict[str, float]:
    shares = {"p50": 50, "median": 50, "p75": 75, "p90": 90, "p95": 95, "p99": 99, "p999": 99.9}
    stated = {key: round(float(np.percentile(ms, share, method="lower")), 1) for key, share in shares.items()}
    return {
        "min": round(float(ms.min())),
        "max": round(float(ms.max())),
        "count": len(ms),
        "mean": round(float(ms.mean()), 1),
        **stated,
    }


def artillery(load: Load, *, skipped: int = 0, without: int | None = None) -> str:
    """`artillery run --output`, in periods of 10 s; `without` is the number of one that is missing."""
    ms = np.array([one.ms for one in load if one.status])
    codes = Counter(f"http.codes.{one.status}" for one in load if one.status)
    counters: dict[str, int] = {
        "vusers.created": len(load),
        "http.requests": len(load),
        "http.responses": len(ms),
        **codes,
    }
    if skipped:
        counters["vusers.skipped"] = skipped
    periods: dict[int, int] = {}
    for one in load:
        period = one.sent_ns // MS // 10_000 * 10_000
        periods[period] = periods.get(period, 0) + 1
    course = [
        {"counters": {"http.requests": n}, "rates": {}, "summaries": {}, "period": str(at)}
        for number, (at, n) in enumerate(sorted(periods.items()))
        if number != without
    ]
    own = {"http.response_time": _sketch(ms)} if len(ms) else {}
    ends = [one.done_ns // MS for one in load] or [START_NS // MS]
    whole = {
        "counters": counters,
        "rates": {},
        "firstMetricAt": START_NS // MS,
        "lastMetricAt": max(ends),
        "summaries": own,
        "histograms": own,
    }
    return json.dumps({"aggregate": whole, "intermediate": course})


def _rounded(ms: float) -> int:
    return int(round(ms, 0 if ms < 100 else -1 if ms < 1000 else -2 if ms < 10_000 else -3))


def locust_stats(load: Load) -> str:
    """Locust's `_stats.csv`."""
    shares = [50, 66, 75, 80, 90, 95, 98, 99, 99.9, 99.99, 100]
    head = "Type,Name,Request Count,Failure Count,Median Response Time,Average Response Time,Min Response Time,Max Response Time,Average Content Size,Requests/s,Failures/s"
    lines = [f"{head},{','.join(f'{share}%' for share in shares)}"]
    for name in [*sorted({one.route for one in load}), "Aggregated"]:
        own = [one for one in load if name in (one.route, "Aggregated")]
        ms, n = np.sort([_rounded(one.ms) for one in own]), len(own)
        stated = [str(ms[min(int(n * share / 100), n - 1)]) if n else "N/A" for share in shares]
        exact = [one.ms for one in own] or [0.0]
        cells = [
            "" if name == "Aggregated" else "GET", name, n, sum(one.failed for one in own), 1, sum(exact) / len(exact),
            min(exact), max(exact), 5, 10.0, 0.0, *stated,
        ]  # fmt: skip
        lines.append(",".join(map(str, cells)))
    return "".join(f"{line}\n" for line in lines)


def locust_history(load: Load, *, without: range = range(0)) -> str:
    """Locust's `_stats_history.csv`, a row for each second."""
    head = "Timestamp,User Count,Type,Name,Requests/s,Failures/s,50%,Total Request Count,Total Failure Count"
    lines, first = [head], START_NS // 10**9
    ends = sorted(one.done_ns for one in load)
    bad = sorted(one.done_ns for one in load if one.failed)
    for second in range(max(ends, default=START_NS) // 10**9 - first + 2):
        if second not in without:
            at = (first + second) * 10**9
            n, failed = int(np.searchsorted(ends, at)), int(np.searchsorted(bad, at))
            lines.append(f"{first + second},5,,Aggregated,1.0,0.0,1,{n},{failed}")
    return "".join(f"{line}\n" for line in lines)


RAW: Mapping[str, tuple[str, str, Callable[[Load], str]]] = {
    "k6 points": ("k6", "points.json", k6_points),
    "JTL in CSV": ("jmeter", "results.jtl", jtl_csv),
    "JTL without header": ("jmeter", "results.jtl", lambda load: jtl_csv(load, header=False)),
    "JTL in XML": ("jmeter", "results.xml", jtl_xml),
    "simulation.log": ("gatling", "simulation.log", gatling),
    "vegeta JSON": ("vegeta", "results.json", vegeta_json),
    "vegeta CSV": ("vegeta", "results.csv", vegeta_csv),
}
"""Formats of single requests: tool, name of the file, and what writes it."""
SUMMARIES: Mapping[str, tuple[str, str, Callable[[Load], str]]] = {
    "k6 summary": ("k6", "summary.json", k6_summary),
    "k6 export": ("k6", "export.json", lambda load: k6_summary(load, export=True)),
    "vegeta report": ("vegeta", "report.json", vegeta_report),
    "oha": ("oha", "oha.json", oha),
    "wrk2": ("wrk2", "wrk2.txt", wrk2),
    "Artillery": ("artillery", "artillery.json", artillery),
    "Locust": ("locust", "shop_stats.csv", locust_stats),
}
"""Formats of summaries."""
FORMATS = {**RAW, **SUMMARIES}
