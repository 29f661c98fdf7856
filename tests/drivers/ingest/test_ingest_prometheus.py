"""Prometheus range queries over HTTP: a real server that answers fully, in part, wrongly, late, or not at all."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.drivers.facts import FactReading
from harness.drivers.ingest import availability
from harness.drivers.ingest.formats.samples import range_answer
from harness.errors import ConfigurationError, DriverError, HarnessError, TargetUnreachable
from tests.builders.asked import TODAY, seen
from tests.builders.http_servers import Quiet, serving

WHEN = 'the Prometheus query "availability" has been asked'
THEN = "at least 99.9 % of the last 30 d was available"
Answer = Callable[[int, int, int], tuple[int, bytes]]
"""Start, end and step of a request → status and body."""


class Prometheus:
    """What a server with `/api/v1/query_range` answers, as each test sets it, and what it was asked."""

    def __init__(self) -> None:
        self.url = ""
        self.answer: Answer = points(lambda _at: 1.0)
        self.asked: list[dict[str, str]] = []
        self.hold = threading.Event()
        self.hold.set()


def points(value: Callable[[int], float | None], **more: Any) -> Answer:
    """Answers with a value for each step; None leaves the point out."""

    def answer(start: int, end: int, step: int) -> tuple[int, bytes]:
        values = [
            [at, str(found).replace("nan", "NaN")]
            for at in range(start, end + 1, step)
            if (found := value(at)) is not None
        ]
        data = {"resultType": "matrix", "result": [{"metric": {}, "values": values}] if values else []}
        return 200, json.dumps({"status": "success", "data": data, **more}).encode()

    return answer


def matrix(series: list[dict[str, Any]]) -> bytes:
    """An answer with these series."""
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": series}}).encode()


@pytest.fixture
def prometheus() -> Iterator[Prometheus]:
    """A server for one test."""
    server = Prometheus()

    class Handler(Quiet, BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = {key: value[0] for key, value in parse_qs(urlsplit(self.path).query).items()}
            server.asked.append(query)
            server.hold.wait(30)
            status, body = server.answer(int(query["start"]), int(query["end"]), int(query["step"]))
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

    with serving(Handler) as server.url:
        yield server
        server.hold.set()


def share(directory: Path, server: Prometheus, step: str = "1 h") -> list[FactReading]:
    """The facts of the sentence."""
    query = {"query": 'avg(up{job="gateway"})', "step": step, "url": server.url}
    return list(seen(directory, WHEN, THEN, {"prometheus": {"availability": query}}).values())


def test_a_month_is_720_points_of_an_hour(tmp_path: Path, prometheus: Prometheus) -> None:
    """The last of them is now. One hour of an outage is more than 0.1 %; a count of pods is not a share."""
    down = int(TODAY.timestamp()) - 7200
    for answer, ok, observed in [
        (points(lambda _at: 1.0), True, "100 % of 720 points"),
        (points(lambda at: 0.0 if at == down else 1.0), False, "99.861 % of 720 points"),
        (points(lambda _at: 3.0), None, "the query gives 3, and a share is from 0 to 1"),
    ]:
        prometheus.answer = answer
        (fact,) = share(tmp_path, prometheus)
        assert (fact.ok, fact.observed) == (ok, observed)
        query = prometheus.asked.pop()
        assert prometheus.asked == []
        assert int(query["end"]) == int(TODAY.timestamp())
        assert int(query["end"]) - int(query["start"]) == 719 * 3600


def test_a_long_answer_is_asked_for_in_parts(tmp_path: Path, prometheus: Prometheus) -> None:
    """43 200 points of a minute are five requests, and no point is asked for twice."""
    (fact,) = share(tmp_path, prometheus, "1 min")
    assert (fact.ok, fact.observed, len(prometheus.asked)) == (True, "100 % of 43200 points", 5)


def test_points_that_are_missing_are_neither_up_nor_down(tmp_path: Path, prometheus: Prometheus) -> None:
    """One missing hour leaves it open; with two hours down besides it is a failure either way."""
    last = int(TODAY.timestamp())
    prometheus.answer = points(lambda at: None if at == last else 1.0)
    (fact,) = share(tmp_path, prometheus)
    assert (fact.ok, fact.observed) == (None, "99.861 % to 100 %, 1 of 720 points are missing")
    prometheus.answer = points(lambda at: None if at == last else 0.0 if at >= last - 7200 else 1.0)
    assert share(tmp_path, prometheus)[0].ok is False
    prometheus.answer = points(lambda _at: None)
    assert share(tmp_path, prometheus)[0].ok is None
    prometheus.answer = points(lambda at: float("nan") if at == last else 1.0)
    assert share(tmp_path, prometheus)[0].ok is None


def test_a_warning_makes_an_answer_no_evidence(tmp_path: Path, prometheus: Prometheus) -> None:
    """As where one of its stores did not answer."""
    prometheus.answer = points(lambda _at: 1.0, warnings=["store eu-1 did not answer"])
    facts = share(tmp_path, prometheus)
    assert [fact.ok for fact in facts] == [True, None]
    assert "store eu-1 did not answer" in facts[1].observed


@pytest.mark.parametrize(
    ("status", "body", "what"),
    [
        (400, b'{"status": "error", "errorType": "bad_data", "error": "parse error"}', "bad_data: parse error"),
        (503, b"<html>busy</html>", "answers with status 503"),
        (200, b"<html>sign in</html>", "is not JSON"),
        (200, b'{"status": "success", "data": {"resultType": "vector", "result": []}}', "is not an answer"),
        (200, matrix([{"metric": {"a": "1"}, "values": []}, {"metric": {"a": "2"}, "values": []}]), "gives 2 series"),
        (200, matrix([])[:60], "is not JSON"),
        (200, matrix([{"metric": {}, "values": [[1, "1,0"]]}]), "`1,0` is not a number"),
    ],
)
def test_what_is_no_answer(tmp_path: Path, prometheus: Prometheus, status: int, body: bytes, what: str) -> None:
    """Errors, sign-in pages, truncated answers: in words, with the address."""
    prometheus.answer = lambda _start, _end, _step: (status, body)
    with pytest.raises(DriverError, match=what) as caught:
        share(tmp_path, prometheus)
    assert caught.value.where.startswith(f"{prometheus.url}/api/v1/query_range")
    assert caught.value.hint


def test_a_server_that_does_not_answer_in_time(
    tmp_path: Path, prometheus: Prometheus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is waited for as long as the limit says, and no longer."""
    monkeypatch.setattr(availability, "ANSWER_S", 0.2)
    prometheus.hold.clear()
    with pytest.raises(TargetUnreachable, match=r"no answer within 0\.2 s"):
        share(tmp_path, prometheus)


def test_a_server_that_is_not_there(tmp_path: Path, prometheus: Prometheus) -> None:
    """The address is named."""
    prometheus.url = "http://127.0.0.1:9"
    with pytest.raises(TargetUnreachable, match="no answer") as caught:
        share(tmp_path, prometheus)
    assert prometheus.url in caught.value.where


def test_a_query_without_an_address(tmp_path: Path) -> None:
    """Neither its own nor the target's."""
    with pytest.raises(ConfigurationError, match="has no address"):
        seen(tmp_path, WHEN, THEN, {"prometheus": {"availability": {"query": "up"}}})


def test_saved_answers_say_the_same(tmp_path: Path) -> None:
    """A point counts for the step that it lies in; what was saved earlier leaves the end of the window open. Of two answers the lower one counts.

    One region was out for an hour; the file of the other comes later in the alphabet.
    """
    end = int(TODAY.timestamp())
    for first_s, last_s, ok, observed in [
        (719 * 3600 + 60, 60, True, "100 % of 720 points"),
        (719 * 3600, 86400, None, "96.667 % to 100 %, 24 of 720 points are missing"),
    ]:
        (tmp_path / "a.json").write_bytes(points(lambda _at: 1.0)(end - first_s, end - last_s, 3600)[1])
        fact = saved(tmp_path, "a.json")
        assert (fact.ok, fact.observed) == (ok, observed)
    outage = points(lambda at: float(at != end - 7200))(end - 719 * 3600, end, 3600)[1]
    (tmp_path / "a.json").write_bytes(outage)
    (tmp_path / "b.json").write_bytes(points(lambda _at: 1.0)(end - 719 * 3600, end, 3600)[1])
    assert saved(tmp_path, "*.json").ok is False


def saved(directory: Path, answers: str) -> FactReading:
    """The fact of the sentence by these files."""
    query = {"query": "up", "step": "1 h", "answers": answers}
    (fact,) = seen(directory, WHEN, THEN, {"prometheus": {"availability": query}}).values()
    return fact


@settings(max_examples=150)
@given(st.binary(max_size=100) | st.lists(st.tuples(st.integers() | st.floats(), st.text(max_size=5)), max_size=3).map(
    lambda values: json.dumps(
        {"status": "success", "data": {"resultType": "matrix", "result": [{"metric": {}, "values": values}]}}
    ).encode()
))  # fmt: skip
def test_any_bytes_are_an_answer_or_an_error(body: bytes) -> None:
    """Never another exception."""
    with contextlib.suppress(HarnessError):
        range_answer(body, "f")
