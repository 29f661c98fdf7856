"""Load reports of known truth: healthy ones, ones beyond a limit, and ones that are broken; each with the cause that must be named."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import yaml

from tests.builders import load_writers as w

COMMIT = "3f2a1c9d0b7e4a55c1d2e3f405162738495a6b7c"
LIMIT_MS, QUANTILE, MOST_ERRORS = 200, 95, "1 %"
TIME = f"the reported response time p{QUANTILE} is below {LIMIT_MS} ms"
ERRORS = f"the reported error rate is below {MOST_ERRORS}"
N = 2000


class Truth(StrEnum):
    """What is true of a sentence."""

    HOLDS = "holds"
    VIOLATED = "violated"
    BROKEN = "broken"


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadCase:
    """One report.

    Attributes:
        kind: format. what: what is the matter with it. tool: as declared. files: by name.
        time, errors: what is true of the two sentences.
        cause: words that the reason must have; empty: any.
        keys: further keys of the target file.
        origin: what the file beside says in place of the usual.
    """

    kind: str
    what: str
    tool: str
    files: Mapping[str, bytes]
    time: Truth = Truth.BROKEN
    errors: Truth = Truth.BROKEN
    cause: str = ""
    keys: Mapping[str, Any] = field(default_factory=dict)
    origin: Mapping[str, str] = field(default_factory=dict)


def every_case() -> tuple[LoadCase, ...]:
    """Every case, in a fixed order."""
    return (
        *_sound(),
        *_broken_everywhere(),
        *_broken_raw(),
        *_broken_twice(),
        *_broken_means(),
        *_broken_summaries(),
        *_broken_tables(),
        *_broken_files(),
        *_packed_files(),
    )


def _case(kind: str, what: str, load: w.Load, **more: Any) -> LoadCase:
    tool, name, write = w.FORMATS[kind]
    return LoadCase(kind=kind, what=what, tool=tool, files={name: write(load).encode()}, **more)


def _text(kind: str, what: str, text: str, **more: Any) -> LoadCase:
    tool, name, _ = w.FORMATS[kind]
    return LoadCase(kind=kind, what=what, tool=tool, files={name: text.encode()}, **more)


def _sound() -> Iterator[LoadCase]:
    """Healthy ones, ones beyond a limit, ones near it, and ones of too few requests."""
    holds, violated = Truth.HOLDS, Truth.VIOLATED
    for seed, kind in enumerate(w.FORMATS):
        made: list[tuple[str, dict[str, float], Truth, Truth]] = [
            ("healthy", {"median_ms": 50}, holds, holds),
            ("healthy, some fail", {"median_ms": 40, "failing": 0.002}, holds, holds),
            ("healthy, some without answer", {"median_ms": 60, "unanswered": 0.001}, holds, holds),
            ("slow", {"median_ms": 250}, violated, holds),
            ("failing", {"median_ms": 50, "failing": 0.05}, holds, violated),
            ("without answers", {"median_ms": 50, "unanswered": 0.15}, violated, violated),
            ("just too slow", {"median_ms": 125, "n": 1500}, violated, holds),
            ("hardly quick enough", {"median_ms": 118, "n": 1500}, holds, holds),
            ("too few", {"median_ms": 50, "n": 15}, holds, holds),
        ]
        for number, (what, size, time, errors) in enumerate(made):
            load = w.lognormal(100 * seed + number, round(size.pop("n", N)), median_ms=size.pop("median_ms"), **size)
            yield _case(kind, what, load, time=time, errors=errors)


_COMMAS = {
    "k6 points": ('"value": 5', '"value": 5,'),
    "JTL in CSV": (",list,", ",5,list,"),
    "JTL without header": (",list,", ",5,list,"),
    "JTL in XML": ('t="4', 't="4,'),
    "simulation.log": ("\tlist\t1", "\tlist\t1,"),
    "vegeta JSON": ('"latency": ', '"latency": 0,'),
    "vegeta CSV": (",200,", ",200,5,"),
    "k6 summary": ('"p(95)": ', '"p(95)": 0,'),
    "k6 export": ('"p(95)": ', '"p(95)": 0,'),
    "vegeta report": ('"95th": ', '"95th": 0,'),
    "oha": ('"p95": ', '"p95": 0,'),
    "wrk2": ("#[Max     =      ", "#[Max     =    1,"),
    "Artillery": ('"p95": ', '"p95": 0,'),
    "Locust": (",0,1,", ',0,"1,5",'),
}
"""What a decimal comma looks like in each format."""
_NUMBERS = {
    "k6 points": ('"value": 5', '"value": -5'),
    "JTL in CSV": ("0,4", "0,-4"),
    "JTL without header": ("0,4", "0,-4"),
    "JTL in XML": ('t="4', 't="-4'),
    "simulation.log": ("\tlist\t1", "\tlist\tNaN"),
    "vegeta JSON": ('"latency": ', '"latency": -'),
    "vegeta CSV": (",200,", ",200,-"),
    "k6 summary": ('"avg": ', '"avg": NaN, "was": '),
    "k6 export": ('"avg": ', '"avg": -'),
    "vegeta report": ('"mean": ', '"mean": -'),
    "oha": ('"average": ', '"average": -'),
    "wrk2": ("#[Mean    =     ", "#[Mean    =  NaN"),
    "Artillery": ('"p95": ', '"p95": -'),
    "Locust": ("GET,list,", "GET,list,-"),
}
"""A number below 0, or none."""
_ZERO = {"k6 summary", "k6 export", "vegeta report", "oha", "wrk2", "Artillery", "Locust"}


def _broken_everywhere() -> Iterator[LoadCase]:
    """Cut in the middle, without a request, with a decimal comma, with a number below 0 or none."""
    load = w.lognormal(7, 300, median_ms=50)
    for kind, (tool, name, write) in w.FORMATS.items():
        whole = write(load).encode()
        cut = whole[: len(whole) * 3 // 5 + 7].rstrip(b"\n")
        yield LoadCase(
            kind=kind,
            what="cut in the middle",
            tool=tool,
            files={name: cut},
            cause="cut short|columns|not a line of JSON",
        )
        cause = "no request|is empty|requests: 0"
        yield _case(kind, "zero requests", [], cause=cause)
        for what, changes in (("decimal comma", _COMMAS), ("negative or NaN", _NUMBERS)):
            before, after = changes[kind]
            spoilt = whole.decode().replace(before, after, 1)
            assert spoilt.encode() != whole, (kind, what)
            yield _text(
                kind,
                what,
                spoilt,
                cause="number|columns|not a line of JSON|not JSON|milliseconds|like no format|expected one",
            )


def _broken_raw() -> Iterator[LoadCase]:
    """Gaps, times that run back, dropped iterations, missing columns, other units."""
    load = w.lognormal(8, N, median_ms=50)
    first, later = load[: N // 3], load[N * 2 // 3 :]
    for kind in w.RAW:
        gapped = [*first, *later]
        yield _case(kind, "a gap of 20 s", gapped, cause="longest time without a request: 2")
    for kind in ("JTL in CSV", "simulation.log", "k6 points"):
        text = w.FORMATS[kind][2](load)
        again = text.partition("\n")[2] if kind != "k6 points" else text
        yield _text(kind, "the same load twice in one file", text + again, cause="times run back|there twice")
    rows = w.vegeta_csv(load).splitlines(keepends=True)
    yield _text("vegeta CSV", "every tenth row missing", "".join(rows[::10]), cause="some are missing")
    yield _text("vegeta CSV", "rows there twice", "".join([*rows, *rows[:50]]), cause="there twice|times run back")
    points = w.k6_points(load).splitlines(keepends=True)
    failed = [line for line in points if "http_reqs" not in line or "Metric" in line]
    yield _text("k6 points", "points of a metric missing", "".join(failed), cause="expected one of each")
    yield _text("k6 points", "dropped iterations", w.k6_points(load, dropped=40), cause="dropped iterations: 40")
    yield _text(
        "k6 points", "without the tag status", w.k6_points(load).replace('"status"', '"state"'), cause="tag `status`"
    )
    yield _text(
        "k6 points",
        "of another commit by its tags",
        w.k6_points(load, tags={"commit": "a" * 40}),
        cause="contradicts itself: commit",
    )
    header = w.jtl_csv(load)
    yield _text(
        "JTL in CSV",
        "without the column success",
        header.replace(",success,", ",done,"),
        cause="lacks the column `success`",
    )
    yield _text(
        "JTL in CSV", "times in s", header.replace("\n1740000", "\n1740"), cause="expected milliseconds since 1970"
    )
    yield _text(
        "JTL in CSV",
        "times as dates",
        header.replace("\n17400000", "\n2026/11/20 10:0"),
        cause="expected milliseconds since 1970",
    )
    yield _text("JTL in XML", "version 1.1", w.jtl_xml(load, version="1.1"), cause="of version 1.1")
    yield _text(
        "JTL in XML",
        "with an entity",
        w.jtl_xml(load).replace("<testResults", '<!DOCTYPE x [<!ENTITY a "b">]><testResults', 1),
        cause="document type|entity",
    )
    log = w.gatling(load)
    yield _text("simulation.log", "version 3.11", w.gatling(load, version="3.11.0"), cause="of version 3.11.0")
    yield _text("simulation.log", "of users that did not end", w.gatling(load, ended=False), cause="0 ended")
    yield _text(
        "simulation.log",
        "times in s",
        log.replace("\t1740000000", "\t1740000"),
        cause="expected milliseconds since 1970",
    )
    yield _text(
        "vegeta CSV",
        "nine columns",
        "".join(f"{','.join(row.split(',')[:9])}\n" for row in rows),
        cause="begins like no format|columns",
    )
    yield _text("vegeta CSV", "times in us", "".join(row[:16] + row[19:] for row in rows), cause="expected nanoseconds")


def _broken_twice() -> Iterator[LoadCase]:
    """Requests that are there twice, are of two runs, or were not sent; one of two files without any."""
    load, names = w.lognormal(11, 500, median_ms=50, seconds=9), ("a.jtl", "b.jtl")
    jtl, early = w.jtl_csv(load).encode(), w.jtl_csv(load[:200]).encode()
    for what, first, second in (("early", early, jtl), ("late", jtl, early)):
        files = dict(zip(names, (first, second), strict=True))
        cause = "requests are there twice"
        yield LoadCase(kind="JTL in CSV", what=f"with an {what} copy", tool="jmeter", files=files, cause=cause)
    files = dict(zip(names, (w.jtl_csv([]).encode(), jtl), strict=True))
    yield LoadCase(
        kind="JTL in CSV", what="one of no request", tool="jmeter", files=files, cause="a.jtl: has no request"
    )
    twice = w.jtl_csv(load, header=False) * 2
    yield _text("JTL without header", "a short load twice", twice, cause="requests are there twice")
    later = w.k6_points([replace(one, sent_ns=one.sent_ns + 10 * 10**9) for one in load])
    yield _text(
        "k6 points", "two runs in one file", w.k6_points(load) + later, cause="declares the metric http_reqs 2 times"
    )
    crashed = "".join(f"ERROR\tFailed to build request\t{one.sent_ns // w.MS}\n" for one in load[:40])
    yield _text(
        "simulation.log", "requests that were not built", w.gatling(load) + crashed, cause="dropped iterations: 40"
    )


def _broken_means() -> Iterator[LoadCase]:
    """Means beyond all times, and one summary twice."""
    load = w.lognormal(12, N, median_ms=50)
    for kind in ("k6 summary", "k6 export", "vegeta report"):
        value = json.loads(w.FORMATS[kind][2](load))
        own = value["latencies"] if kind == "vegeta report" else value["metrics"]["http_req_duration"]
        own.get("values", own)["mean" if kind == "vegeta report" else "avg"] = 1e12
        yield _text(kind, "a mean beyond all times", json.dumps(value), cause="the mean is 1e.*, the times are from")
    one = w.k6_summary(load)
    files = {"a.json": one.encode(), "b.json": json.dumps(json.loads(one), indent=2).encode()}
    yield LoadCase(kind="k6 summary", what="twice", tool="k6", files=files, cause="state the same figures|not averaged")
    yield _text(
        "wrk2",
        "with decimal commas",
        w.wrk2(load).replace(".", ","),
        cause="recorded latency|expected one: it is cut short, edited",
    )


def _broken_summaries() -> Iterator[LoadCase]:
    """What a summary does not state, contradictions, other versions."""
    load = w.lognormal(9, N, median_ms=50)
    holds = Truth.HOLDS
    for kind, export in (("k6 summary", False), ("k6 export", True)):
        text = w.k6_summary(load, export=export, dropped=12)
        yield _text(kind, "dropped iterations", text, cause="dropped iterations: 12")
        absent = w.k6_summary(load, export=export).replace('"p(95)"', '"p(96)"')
        yield _text(kind, "p95 not stated", absent, errors=holds, cause="p95 of all requests together is not stated")
        swapped = w.k6_summary(load, export=export).replace('"passes": 0', '"passes": 900')
        yield _text(kind, "counts that differ", swapped, cause="contradicts itself")
    for kind in ("k6 summary", "vegeta report"):
        tool, _, write = w.FORMATS[kind]
        halves = {f"{number}.json": write(w.lognormal(number, N, median_ms=50)).encode() for number in (1, 2)}
        cause = "percentiles are not averaged"
        yield LoadCase(kind=kind, what="two files", tool=tool, files=halves, errors=holds, cause=cause)
    yield _text(
        "k6 summary",
        "machine-readable",
        json.dumps({"version": "1.0.0", "root_group": {}, "results": {"metrics": []}}),
        cause="machine-readable summary",
    )
    yield _text(
        "oha",
        "success that differs",
        w.oha(load).replace('"successRate": 1.0', '"successRate": 0.5'),
        cause="contradicts itself",
    )
    yield _text(
        "vegeta report",
        "success that differs",
        w.vegeta_report(load).replace('"success": 1.0', '"success": 0.9'),
        cause="contradicts itself",
    )
    yield _text(
        "wrk2",
        "of wrk",
        w.wrk2(load).replace("(HdrHistogram - Recorded Latency)", ""),
        cause="no recorded latency distribution",
    )
    yield _text("wrk2", "two runs", w.wrk2(load) * 2, cause="expected one")
    yield _case("oha", "a warm-up of a summary", load, keys={"warm_up": "10 s"}, cause="warm-up")


def _broken_tables() -> Iterator[LoadCase]:
    """The same of Artillery's periods and of Locust's tables."""
    load = w.lognormal(9, N, median_ms=50)
    yield _text(
        "Artillery",
        "version 1",
        json.dumps({"aggregate": {"latency": {"p95": 1}, "codes": {"200": 9}}, "intermediate": []}),
        cause="Artillery 1",
    )
    yield _text("Artillery", "skipped users", w.artillery(load, skipped=5), cause="dropped iterations: 5")
    yield _text(
        "Artillery",
        "a period is missing",
        w.artillery(load, without=2),
        cause="a period is missing|longest time without",
    )
    yield _text(
        "Locust",
        "without Failure Count",
        w.locust_stats(load).replace("Failure Count", "Failed"),
        cause="lacks the column",
    )
    yield _text(
        "Locust",
        "routes that do not add up",
        w.locust_stats(load).replace(f"Aggregated,{N}", f"Aggregated,{N - 1}"),
        cause="contradicts itself",
    )
    both = {"a_stats.csv": w.locust_stats(load), "a_stats_history.csv": w.locust_history(load, without=range(20, 40))}
    files = {name: text.encode() for name, text in both.items()}
    yield LoadCase(
        kind="Locust",
        what="seconds are missing",
        tool="locust",
        files=files,
        cause="longest time without a request: 20",
    )
    more = {"a_stats.csv": w.locust_stats(load[:50]), "a_stats_history.csv": w.locust_history(load)}
    files = {name: text.encode() for name, text in more.items()}
    yield LoadCase(kind="Locust", what="stats of another run", tool="locust", files=files, cause="the course counts")


def _broken_files() -> Iterator[LoadCase]:
    """Copies, files of another tool, commit or time."""
    load = w.lognormal(10, N, median_ms=50)
    points, jtl = w.k6_points(load).encode(), w.jtl_csv(load).encode()
    yield LoadCase(
        kind="JTL in CSV",
        what="the same file twice",
        tool="jmeter",
        files={"a.jtl": jtl, "b.jtl": jtl},
        cause="same contents as",
    )
    yield LoadCase(
        kind="JTL in CSV", what="declared as Locust's", tool="locust", files={"a.jtl": jtl}, cause="is a JTL in CSV"
    )
    yield LoadCase(
        kind="oha",
        what="declared as vegeta's",
        tool="vegeta",
        files={"a.json": w.oha(load).encode()},
        cause="is oha's JSON",
    )
    yield LoadCase(
        kind="JTL in CSV", what="of no tool", tool="jmeter", files={"a.jtl": b"hello\n"}, cause="begins like no format"
    )
    yield LoadCase(
        kind="JTL in CSV",
        what="in UTF-16",
        tool="jmeter",
        files={"a.jtl": jtl.decode().encode("utf-16")},
        cause="begins like no format|UTF-8",
    )
    yield _case("oha", "of another commit", load, origin={"commit": "b" * 40}, cause="is of commit")
    yield _case("wrk2", "of no commit", load, origin={"commit": ""}, cause="does not say of which commit")
    yield _case("k6 summary", "of tomorrow", load, origin={"created": "2199-01-01T00:00:00Z"}, cause="in the future")
    mixed = {"a.json": points, "b.json": w.k6_summary(load).encode()}
    yield LoadCase(
        kind="k6 points",
        what="single requests and a summary",
        tool="k6",
        files=mixed,
        cause="another file of the report is not",
    )


def _packed_files() -> Iterator[LoadCase]:
    """Files of gzip: sound, twice, cut, spoilt, bombs."""
    points = w.k6_points(w.lognormal(10, N, median_ms=50)).encode()
    yield LoadCase(
        kind="k6 points",
        what="packed and not",
        tool="k6",
        files={"a.json": points, "a.json.gz": gzip.compress(points, mtime=0)},
        cause="same contents as",
    )
    yield LoadCase(
        kind="k6 points",
        what="packed",
        tool="k6",
        files={"a.gz": gzip.compress(points, mtime=0)},
        time=Truth.HOLDS,
        errors=Truth.HOLDS,
    )
    yield LoadCase(
        kind="k6 points",
        what="packed and cut",
        tool="k6",
        files={"a.gz": gzip.compress(points, mtime=0)[:-500]},
        cause="cut short or spoilt",
    )
    spoilt = bytearray(gzip.compress(points, mtime=0))
    spoilt[len(spoilt) // 2] ^= 255
    yield LoadCase(
        kind="k6 points",
        what="packed and spoilt",
        tool="k6",
        files={"a.gz": bytes(spoilt)},
        cause="cut short or spoilt|not a line of JSON|not UTF-8",
    )
    yield LoadCase(
        kind="k6 points",
        what="a gzip bomb",
        tool="k6",
        files={"a.gz": bomb(points[: points.index(b"\n") + 1])},
        cause="times its size",
    )


def bomb(line: bytes) -> bytes:
    """A gzip file of a hundred kilobytes that unpacks to a hundred megabytes of one line, again and again."""
    packer, packed = zlib.compressobj(9, zlib.DEFLATED, 31), bytearray()
    piece = line * ((1 << 20) // len(line))
    for _ in range(100):
        packed += packer.compress(piece)
    return bytes(packed + packer.flush())


def write_project(directory: Path, cases: tuple[LoadCase, ...]) -> None:
    """A project with a requirement for each sentence about each case; `readiness run` in it judges them."""
    evidence, rows, scenarios = {}, [], []
    for number, case in enumerate(cases):
        folder = directory / "reports" / f"{number:03d}"
        folder.mkdir(parents=True)
        for name, body in case.files.items():
            (folder / name).write_bytes(body)
        origin = {"commit": COMMIT, "created": "2025-02-20T00:00:00Z", **case.origin}
        if (
            not case.origin
            and case.tool in ("k6", "jmeter", "gatling", "vegeta", "artillery")
            and case.kind not in ("k6 summary", "k6 export")
        ):
            del origin["created"]  # the report has its own date
        (folder / "origin.yaml").write_text(yaml.safe_dump({key: value for key, value in origin.items() if value}))
        evidence[f"c{number:03d}"] = {
            "tool": case.tool,
            "files": [f"reports/{number:03d}/{name}" for name in case.files],
            **case.keys,
        }
        for row, sentence in ((f"LR-{number:03d}-TIME", TIME), (f"LR-{number:03d}-ERRORS", ERRORS)):
            rows.append(
                {
                    "id": row,
                    "title": f"{case.kind}, {case.what}",
                    "criterion": sentence,
                    "kinds": ["I"],
                    "gate": "critical",
                    "falsified_by": "another report",
                }
            )
            scenarios.append(
                f'  @{row}\n  Scenario: {case.kind}, {case.what}: {row}\n    When the load report "c{number:03d}" of this commit has been read\n    Then {sentence}\n'
            )
    target = {
        "name": "shop",
        "environment": "staging",
        "release": {"version": "1.0.0", "commit": COMMIT},
        "evidence": {"load": evidence},
    }
    (directory / "target.yaml").write_text(yaml.safe_dump(target))
    (directory / "features").mkdir()
    (directory / "features" / "reports.feature").write_text("Feature: Load reports\n\n" + "\n".join(scenarios))
    catalogue = {
        "profile": "reports",
        "title": "Load reports",
        "sections": [{"source": "this project", "requirements": rows}],
    }
    (directory / "reports.yaml").write_text(yaml.safe_dump(catalogue, width=1000))
    (directory / "pyproject.toml").write_text(
        '[tool.harness]\ntarget = "target.yaml"\nprofiles = ["reports"]\ncatalogue = ["reports.yaml"]\nfeatures = ["features"]\n'
    )
