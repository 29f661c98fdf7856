"""Readers of load reports: files that the tools themselves wrote, and properties of files that are made or spoilt."""

from __future__ import annotations

import gzip
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.drivers.ingest.load.protocol import ALL, LoadRemarks, LoadSample, LoadSummary, RouteSummary
from harness.drivers.ingest.load.stream import ReportStream
from harness.drivers.ingest.loads import _format_of, formats_of_load
from harness.errors import DriverError
from tests.builders import load_writers as w

WRITTEN = Path(__file__).parent / "load" / "written"
"""Files of loads on a loopback server whose path /sometimes fails now and then; on the port of `gone` nobody listens."""
SLOWER = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def read(path: Path, tool: str) -> tuple[list[LoadSample], LoadSummary, LoadRemarks]:
    """What the reader of the format finds: requests, or a summary."""
    source, remarks = ReportStream(path), LoadRemarks()
    kind = _format_of(source, tool)
    if kind.samples:
        return list(kind.samples(source, remarks)), LoadSummary(routes=()), remarks
    assert kind.summary
    return [], kind.summary(source, remarks), remarks


@pytest.mark.parametrize(
    ("file", "tool", "names", "errors", "answered"),
    [
        (
            "jmeter.csv", "jmeter", {"list, all": 24, "buy": 24, "gone": 24},
            {"": 46, "status 500": 2, "Non HTTP response code: org.apache.http.conn.HttpHostConnect…": 24}, {1: 48, 0: 24},
        ),
        (
            "jmeter.xml", "jmeter", {"list, all": 24, "buy": 24, "gone": 24},
            {"": 46, "status 500": 2, "Non HTTP response code: org.apache.http.conn.HttpHostConnect…": 24}, {1: 48, 0: 24},
        ),
        (
            "simulation.log", "gatling", {"list": 20, "gone": 20, "basket / buy": 20},
            {"": 37, "j.n.ConnectException: finishConnect(..) failed: Connection r…": 20, "status.find.in([200, 209], 304), found 500": 3},
            {1: 40, 0: 20},
        ),
        (
            "vegeta.json", "vegeta",
            {f"GET http://127.0.0.1:{path}": 20 for path in ("18099/list", "18099/sometimes", "1/gone")},
            {"": 39, "status 500": 1, 'Get "http://127.0.0.1:1/gone": dial tcp 0.0.0.0:0->127.0.0.1…': 20}, {1: 40, 0: 20},
        ),
        (
            "vegeta.csv", "vegeta",
            {f"GET http://127.0.0.1:{path}": 20 for path in ("18099/list", "18099/sometimes", "1/gone")},
            {"": 39, "status 500": 1, 'Get "http://127.0.0.1:1/gone": dial tcp 0.0.0.0:0->127.0.0.1…': 20}, {1: 40, 0: 20},
        ),
    ],
)  # fmt: skip
def test_requests_of_a_file_that_the_tool_wrote(
    file: str, tool: str, names: dict[str, int], errors: dict[str, int], answered: dict[int, int]
) -> None:
    """JMeter 5.5, Gatling 3.9.5 and vegeta 12.13: each request once, without transactions and groups."""
    found, _, remarks = read(WRITTEN / file, tool)
    assert Counter(one.name for one in found) == names
    assert Counter(one.error for one in found) == errors
    assert Counter(one.answered for one in found) == answered
    assert (remarks.doubts, remarks.dropped) == ([], 0)
    assert all(0 <= one.done_ns - one.sent_ns < 1_000_000_000 for one in found)


@pytest.mark.parametrize(
    ("file", "tool", "whole"),
    [
        ("vegeta-report.json", "vegeta", (60, 21, 60)),
        ("oha.json", "oha", (61, 2, 60)),
        ("oha-unanswered.json", "oha", (20, 20, 0)),
        ("wrk2.txt", "wrk2", (520, 57, 118)),
        ("artillery.json", "artillery", (72, 6, 72)),
        ("locust_stats.csv", "locust", (107, 7, 107)),
        ("locust_stats_history.csv", "locust", (107, 7, 0)),
    ],
)
def test_summary_of_a_file_that_the_tool_wrote(file: str, tool: str, whole: tuple[int, int, int]) -> None:
    """Vegeta 12.13, oha 1.16, wrk2, Artillery 2 and Locust 2.47: requests, failed ones, and those with a time."""
    _, found, remarks = read(WRITTEN / file, tool)
    own = found.routes[0]
    assert (own.n, own.failed, own.timed) == whole
    assert remarks.doubts == []


def test_routes_of_summaries_that_the_tools_wrote() -> None:
    """Artillery's plug-in and Locust name them, and they add up to all requests."""
    for file, tool in (("artillery.json", "artillery"), ("locust_stats.csv", "locust")):
        _, found, _ = read(WRITTEN / file, tool)
        whole, *routes = found.routes
        assert (sum(one.n for one in routes), sum(one.failed for one in routes)) == (whole.n, whole.failed)


def test_percentiles_of_vegetas_digest_are_within_their_ranks() -> None:
    """Of one attack the results have the exact order statistics, and the report has estimates."""
    results, _, _ = read(WRITTEN / "vegeta.json", "vegeta")
    _, found, _ = read(WRITTEN / "vegeta-report.json", "vegeta")
    ms = sorted((one.done_ns - one.sent_ns) / 1e6 for one in results)
    assert len(found.routes[0].times) == 6
    for time in found.routes[0].times:
        assert ms[max(time.first, 1) - 1] - 1e-9 <= time.ms <= ms[time.last - 1] + 1e-9


def true_of(load: w.Load) -> Counter[tuple[int, int, bool, bool]]:
    """When each request was sent, how long it took, whether it failed and was answered; in ms, as every format can say."""
    return Counter((one.sent_ns // w.MS, round(one.ms), one.failed, one.status > 0) for one in load)


requests = st.lists(
    st.builds(
        w.Sent,
        sent_ns=st.integers(0, 60_000).map(lambda ms: w.START_NS + ms * w.MS),
        took_ns=st.integers(0, 30_000).map(lambda ms: ms * w.MS),
        route=st.sampled_from(["list", "buy", "sign in"]),
        status=st.sampled_from([200, 204, 302, 404, 500, 503, 0]),
    ),
    min_size=1,
    max_size=40,
).map(lambda load: sorted(load, key=lambda one: one.sent_ns))


@SLOWER
@given(load=requests, kind=st.sampled_from(sorted(w.RAW)), packed=st.booleans())
def test_single_requests_are_read_as_they_were(load: list[w.Sent], kind: str, packed: bool) -> None:  # noqa: FBT001
    """In every format, packed or not: each request with its times, its failure and whether it was answered."""
    tool, name, write = w.RAW[kind]
    body = write(load).encode()
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / name
        path.write_bytes(gzip.compress(body) if packed else body)
        found, _, remarks = read(path, tool)
    seen = Counter(
        (one.sent_ns // w.MS, round((one.done_ns - one.sent_ns) / w.MS), bool(one.error), one.answered == 1)
        for one in found
    )
    assert seen == true_of(load)
    assert remarks.doubts == []


def agrees(one: RouteSummary, load: w.Load, *, only_answered: bool) -> None:
    """Counts are exact, and each stated time is between the order statistics that it is said to be between."""
    assert (one.n, one.failed) == (len(load), sum(sent.failed for sent in load))
    ms = sorted(sent.ms for sent in load if sent.status or not only_answered)
    assert one.timed == len(ms)
    for time in one.times:
        if time.first >= 1:
            assert ms[time.first - 1] <= time.high_ms + 1e-6
        assert ms[max(time.last, 1) - 1] >= time.low_ms - 1e-6


@SLOWER
@given(load=requests, kind=st.sampled_from(sorted(w.SUMMARIES)))
def test_a_summary_states_no_more_than_is_true(load: list[w.Sent], kind: str) -> None:
    """Of every tool: its counts, and its percentiles between the ranks that the reader gives them."""
    tool, name, write = w.SUMMARIES[kind]
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / name
        path.write_text(write(load))
        _, found, _ = read(path, tool)
    whole = next(one for one in found.routes if one.name == ALL)
    agrees(whole, load, only_answered=tool in ("oha", "wrk2", "artillery"))


SAMPLE = w.lognormal(1, 30, median_ms=50, failing=0.2, unanswered=0.1)
BODIES = {
    **{kind: (tool, write(SAMPLE).encode()) for kind, (tool, _, write) in w.FORMATS.items()},
    "Locust's course": ("locust", w.locust_history(SAMPLE).encode()),
    **{path.name: (path.stem.partition("-")[0].partition("_")[0], path.read_bytes()) for path in WRITTEN.iterdir()},
}
TOOLS = {"simulation": "gatling"}


@SLOWER
@given(data=st.data(), kind=st.sampled_from(sorted(BODIES)))
def test_spoilt_bytes_raise_nothing_but_the_declared_error(data: st.DataObject, kind: str) -> None:
    """Bytes that are changed, left out, doubled or put in: the report is read, or refused with its place and what to do."""
    tool, body = BODIES[kind]
    spoilt = bytearray(body)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(spoilt)))
        put = data.draw(
            st.one_of(st.binary(max_size=6), st.sampled_from([b",", b"-", b"NaN", b"\n", b'"', b"1e999", b"9" * 30]))
        )
        spoilt[at : at + data.draw(st.integers(0, 20))] = put
    if data.draw(st.booleans()):
        spoilt = bytearray(gzip.compress(bytes(spoilt)))[: data.draw(st.integers(1, len(spoilt) + 40))]
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "report"
        path.write_bytes(bytes(spoilt))
        refused = None
        try:
            found, summary, _ = read(path, TOOLS.get(tool, tool))
        except DriverError as error:
            refused = error
    if refused is None:
        assert all(isinstance(one.sent_ns, int) and one.answered in (1, 0, -1) for one in found)
        assert all(one.n >= 0 and one.failed >= 0 for one in summary.routes)
    else:
        assert str(path) in refused.where
        assert refused.what and refused.hint  # noqa: PT018 - a message has both


def test_every_tool_of_the_target_file_has_a_format() -> None:
    """And each format belongs to a tool that a target file may name."""
    tools = {"k6", "jmeter", "gatling", "vegeta", "oha", "wrk2", "artillery", "locust"}
    assert {one.tool for one in formats_of_load()} == tools
    assert all((one.samples is None) is not (one.summary is None) for one in formats_of_load())


def test_no_file_is_of_two_formats() -> None:
    """What one format recognises, no other does."""
    for kind, (tool, body) in BODIES.items():
        found = [one.what for one in formats_of_load() if one.recognises(body[: 1 << 16])]
        assert len(found) == 1, (kind, tool, found)
