"""The alerts of a Prometheus, which a test changes as the watch runs: each change on record, and when nobody could know."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest

from harness import clock
from harness.drivers.watch import Rates, Watch, WatchSettings, watch_settings
from harness.evidence import RunDirectory
from harness.evidence.reading import load_evidence
from harness.judgement.summary.watchers import watcher_results
from harness.units import NS_PER_S
from tests.builders.database_servers import until
from tests.builders.http_servers import Quiet
from tests.drivers.watch.watch_bench import lines

if TYPE_CHECKING:
    from tests.drivers.watch.conftest import Service

API = "/monitoring/api/v1"
SINCE = "2026-11-20T11:54:48.60602144Z"
NO_ANSWERS = [
    (0, b""),
    (503, b"Service Unavailable"),
    (200, b""),
    (200, b"<html>"),
    (200, b"[" * 100_000),
    (200, b"null"),
    (200, b'{"status": "error", "error": "no", "data": {"alerts": []}}'),
    (200, b'{"status": "success", "data": {"alerts": [{"labels": []}]}}'),
    (200, b'{"status": "success", "data": {"alerts": [{"labels": {}, "state": "odd", "activeAt": ""}]}}'),
]
"""Status (0: none at all) and body."""


class Prometheus(ThreadingHTTPServer):
    """Answers `GET /monitoring/api/v1/alerts` and, where it has groups, `…/rules` as Prometheus does, and 404 to all else.

    With `started` it also tells that it started then, and which alerts are in its record of whatever time it is asked for.

    Attributes:
        alerts: that are pending or firing.
        instead: status and body of the next answers, where they are others; status 0 is no answer.
        asked: requests for the alerts that were answered.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.88.0.1", 0), _Handler)
        self.alerts: list[dict[str, Any]] = []
        self.groups: list[dict[str, Any]] | None = None
        self.instead: tuple[int, bytes] | None = None
        self.asked = 0
        self.started = ""
        self.record: list[dict[str, str]] = []
        self.told: list[str] = []
        self.fires_with_record = ""

    @property
    def url(self) -> str:
        """Its address, below a path as behind a gateway."""
        return f"http://{self.server_address[0]!s}:{self.server_address[1]}/monitoring"

    def put(self, name: str, state: str | None, **labels: str) -> None:
        """From now on the alert with these labels is in that state; None: it is resolved."""
        own = {"alertname": name, **labels}
        others = [alert for alert in self.alerts if alert["labels"] != own]
        told = {"labels": own, "annotations": {}, "state": state, "activeAt": SINCE, "value": "1e+00"}
        self.alerts = [*others, told] if state else others


class _Handler(Quiet, BaseHTTPRequestHandler):
    server: Prometheus
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self) -> None:
        is_ours, are_rules = self.path == f"{API}/alerts", self.path == f"{API}/rules"
        found = json.dumps({"status": "success", "data": {"alerts": self.server.alerts}}).encode()
        status, body = (self.server.instead or (200, found)) if is_ours else (404, b"404 page not found")
        if are_rules and self.server.groups is not None:
            status, body = 200, json.dumps({"status": "success", "data": {"groups": self.server.groups}}).encode()
        elif self.path == f"{API}/status/runtimeinfo" and self.server.started:
            self.server.told.append("started")
            status, body = 200, _success({"startTime": self.server.started, "goroutineCount": 40})
        elif self.path.startswith(f"{API}/query?") and self.server.started:
            self.server.told.append(unquote(self.path.rpartition("=")[2]))
            if self.server.fires_with_record:
                self.server.put(self.server.fires_with_record, "firing")
            names = {"__name__": "ALERTS", "alertstate": "firing"}
            series = [{"metric": names | one, "values": [[1763639688.606, "1"]]} for one in self.server.record]
            status, body = 200, _success({"resultType": "matrix", "result": series})
        if status:
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        else:
            self.close_connection = True
        self.server.asked += is_ours


def _success(data: object) -> bytes:
    return json.dumps({"status": "success", "data": data}).encode()


@pytest.fixture
def prometheus() -> Iterator[Prometheus]:
    """One without alerts."""
    server = Prometheus()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def settings(service: Service, prometheus: Prometheus, tmp_path: Path) -> WatchSettings:
    """A watch of an entry and of Prometheus, which is asked often so that the test need not wait."""
    file = tmp_path / "target.yaml"
    file.write_text(f"name: small\nenvironment: sandbox\nentry: {service.url}\nprometheus: {prometheus.url}\n")
    told = watch_settings(file, tmp_path / "run", clients=(1, 2))
    return told.model_copy(update={"rates": Rates(alerts=20)})


def changes(settings: WatchSettings) -> list[tuple[str, str]]:
    """Kind and subject of each change."""
    return [(line["kind"], line["subject"]) for line in lines(settings.run_directory, "alerts")]


def of_alerts(settings: WatchSettings, kind: str) -> list[dict[str, Any]]:
    """What the history of the watch tells of this watcher."""
    return [
        line for line in lines(settings.run_directory, "watch") if (line["kind"], line["subject"]) == (kind, "alerts")
    ]


def asked_again(prometheus: Prometheus) -> None:
    """Wait until what it answers now was asked for twice: once may have been under way."""
    before = prometheus.asked
    until(lambda: prometheus.asked >= before + 2)


def test_every_change_is_on_record_and_what_was_there_is_present(
    prometheus: Prometheus, settings: WatchSettings
) -> None:
    """One that was there is resolved; one is pending, fires and is resolved; its namesake of another region stays pending."""
    prometheus.put("DiskFull", "firing")
    with Watch(settings) as watch:
        until(lambda: ("alert.present", "DiskFull") in changes(settings))
        for name, state, region in [
            ("HighLatency", "pending", "east"),
            ("HighLatency", "pending", "west"),
            ("HighLatency", "firing", "east"),
            ("HighLatency", None, "east"),
        ]:
            told = len(changes(settings))
            prometheus.put(name, state, region=region)
            until(lambda told=told: len(changes(settings)) > told)  # type: ignore[misc]
        prometheus.put("DiskFull", None)
        until(lambda: changes(settings)[-1] == ("alert.resolved", "DiskFull"))
        assert watch.stop()
    found = lines(settings.run_directory, "alerts")
    assert [(line["kind"], line["labels"].get("region"), line["state"]) for line in found] == [
        ("alert.present", None, "firing"),
        ("alert.pending", "east", "pending"),
        ("alert.pending", "west", "pending"),
        ("alert.firing", "east", "firing"),
        ("alert.resolved", "east", "firing"),
        ("alert.resolved", None, "firing"),
    ]
    assert {line["active_at"] for line in found} == {SINCE}
    assert found[1]["labels"] == {"alertname": "HighLatency", "region": "east"}
    assert all(0 <= line["mono_ns"] - line["at_ns"] < 30 * NS_PER_S for line in found)
    assert all(sooner["at_ns"] <= later["at_ns"] for sooner, later in pairwise(found))
    assert "since_ns" not in found[0]  # it was there at the first answer
    assert all(0 < line["at_ns"] - line["since_ns"] < 30 * NS_PER_S for line in found[1:])
    (closed,) = of_alerts(settings, "watch.closed")
    assert closed["first_ns"] <= closed["first_answer_ns"] < found[0]["at_ns"]
    assert closed["last_answer_ns"] >= found[-1]["at_ns"]


def test_the_times_of_each_rule_are_on_record(prometheus: Prometheus, settings: WatchSettings) -> None:
    """How long its condition must hold, how long it fires at least, and how often its group is evaluated; an old Prometheus says less."""
    rule = {"name": "HighLatency", "type": "alerting", "labels": {}, "health": "ok"}
    prometheus.groups = [
        {"name": "new", "interval": 15, "rules": [{**rule, "duration": 300, "keepFiringFor": 60}]},
        {"name": "old", "rules": [rule]},
    ]
    with Watch(settings) as watch:
        until(lambda: changes(settings) == [("alert.rule", "HighLatency")] * 2)
        assert watch.stop()
    told = [(line["for_s"], line["keep_s"], line["interval_s"]) for line in lines(settings.run_directory, "alerts")]
    assert told == [(300.0, 60.0, 15.0), (0.0, 0.0, 0.0)]


def test_of_two_alerts_with_the_same_labels_the_one_that_fires_stands(
    prometheus: Prometheus, settings: WatchSettings
) -> None:
    """Two rules may make them; in whichever order they are told."""
    prometheus.put("Twice", "pending")
    pending = prometheus.alerts
    with Watch(settings):
        until(lambda: ("alert.present", "Twice") in changes(settings))
        prometheus.alerts = [{**pending[0], "state": "firing"}, *pending]
        until(lambda: ("alert.firing", "Twice") in changes(settings))
        prometheus.alerts = [*pending, {**pending[0], "state": "firing"}]
        asked_again(prometheus)
    assert changes(settings) == [("alert.present", "Twice"), ("alert.firing", "Twice")]


def test_an_answer_that_is_none_is_trouble_told_once_and_blind_time(
    prometheus: Prometheus, settings: WatchSettings
) -> None:
    """From the last answer to the next; an alert of before is not taken for resolved, one of meanwhile is seen late."""
    prometheus.put("Before", "firing")
    with Watch(settings) as watch:
        until(lambda: ("alert.present", "Before") in changes(settings))
        asked_again(prometheus)
        prometheus.put("Meanwhile", "firing")
        for answer in NO_ANSWERS:
            prometheus.instead = answer
            asked_again(prometheus)
        answered_ns = clock.now_ns()
        prometheus.instead = None
        until(lambda: ("alert.firing", "Meanwhile") in changes(settings))
        assert watch.stop()
    assert changes(settings) == [("alert.present", "Before"), ("alert.firing", "Meanwhile")]
    told = [line["why"] for line in of_alerts(settings, "watch.trouble")]
    assert [why for why in told if "probes were left out" not in why] == [
        "Prometheus returned no list of alerts: reset",
        "Prometheus returned no list of alerts: status 503",
        "Prometheus returned no list of alerts: wrong body",
    ]
    blind = [line for line in of_alerts(settings, "watch.blind") if line["until_ns"] > answered_ns]
    assert [line["from_ns"] < answered_ns < line["until_ns"] for line in blind] == [True]
    meanwhile = lines(settings.run_directory, "alerts")[-1]
    assert (meanwhile["since_ns"], meanwhile["at_ns"]) == (blind[0]["from_ns"], blind[0]["until_ns"])


@pytest.mark.parametrize(
    ("record", "restarted", "seen", "blind"),
    [
        ([], False, [], False),
        (["Meanwhile"], False, [("alert.firing", "Meanwhile"), ("alert.resolved", "Meanwhile")], False),
        (["Before"], False, [], False),
        (["Shortly"], False, [], True),
        (["Meanwhile"], True, [], True),
    ],
    ids=["nothing fired", "one fired", "one fires all the time", "one may have fired before only", "another process"],
)
def test_what_fired_while_there_was_no_answer_is_read_from_the_record_of_prometheus(
    prometheus: Prometheus,
    settings: WatchSettings,
    *,
    record: list[str],
    restarted: bool,
    seen: list[tuple[str, str]],
    blind: bool,
) -> None:
    """Where the record is complete nothing is blind; after a new start it may have begun anew."""
    prometheus.started, prometheus.groups = SINCE, []
    prometheus.put("Before", "firing")
    prometheus.put("Shortly", "firing")
    with Watch(settings) as watch:
        until(lambda: bool(prometheus.told) and len(changes(settings)) == 2)
        prometheus.put("Shortly", None)
        until(lambda: changes(settings)[-1] == ("alert.resolved", "Shortly"))
        prometheus.instead = (503, b"")
        asked_again(prometheus)
        prometheus.started = "2026-11-20T11:58:01Z" if restarted else SINCE
        prometheus.record = [{"alertname": name} for name in record]
        prometheus.instead = None
        until(lambda: prometheus.told[1:2] == ["started"])
        asked_again(prometheus)
        assert watch.stop()
    assert changes(settings)[3:] == seen
    asked = [each for each in prometheus.told if each != "started"]
    assert [bool(re.fullmatch(r'ALERTS\{alertstate="firing"\}\[\d+ms\]', each)) for each in asked] == [True] * (
        0 if restarted else 1
    )
    found = of_alerts(settings, "watch.blind")
    assert (
        bool([line for line in found if line["from_ns"] > lines(settings.run_directory, "alerts")[2]["since_ns"]])
        is blind
    )
    if seen:
        fired, resolved = lines(settings.run_directory, "alerts")[3:]
        assert (fired["at_ns"], fired["since_ns"]) == (resolved["at_ns"], resolved["since_ns"])
        assert (fired["labels"], fired["active_at"]) == ({"alertname": "Meanwhile"}, "2025-11-20T11:54:48.606000Z")


def test_an_alert_that_begins_to_fire_while_the_record_is_read_is_not_told_to_be_over(
    prometheus: Prometheus, settings: WatchSettings
) -> None:
    """It is in the record, and not in the answer before it: the alerts are asked for again, and it fired no earlier than that."""
    prometheus.started, prometheus.groups = SINCE, []
    prometheus.record, prometheus.fires_with_record = [{"alertname": "Late"}], "Late"
    with Watch(settings) as watch:
        until(lambda: bool(prometheus.told))
        prometheus.instead = (503, b"")
        asked_again(prometheus)
        before_ns = clock.now_ns()
        prometheus.instead = None
        until(lambda: bool(changes(settings)))
        asked_again(prometheus)
        assert watch.stop()
    (late,) = lines(settings.run_directory, "alerts")
    assert (late["kind"], late["subject"]) == ("alert.firing", "Late")
    assert late["since_ns"] < before_ns < late["at_ns"]
    assert [line for line in of_alerts(settings, "watch.blind") if line["until_ns"] > before_ns] == []


def test_its_receipt_stands_in_the_judgement(prometheus: Prometheus, settings: WatchSettings) -> None:
    """Never answered, then gone: looks, first, last, and blind from beginning to end; the other watchers are none the worse."""
    prometheus.instead = (503, b"")
    with Watch(settings) as watch:
        asked_again(prometheus)
        prometheus.instead = (0, b"")
        asked_again(prometheus)
        assert watch.stop()
    (started,), (closed,) = of_alerts(settings, "watch.started"), of_alerts(settings, "watch.closed")
    assert not closed.keys() & {"first_answer_ns", "last_answer_ns"}  # there was none
    assert (started["spacing_ms"], started["file"]) == (50.0, "history/alerts.ndjson")
    assert 1000 / Rates().alerts == 1000
    results = {one.name: one for one in watcher_results(load_evidence(RunDirectory(settings.run_directory)))}
    alerts = results["alerts"]
    assert (alerts.n, alerts.first_ns, alerts.last_ns) == (closed["probes"], closed["first_ns"], closed["last_ns"])
    assert alerts.n >= 4
    assert (alerts.closed, alerts.why) == (True, "")
    assert alerts.longest_gap_ms == pytest.approx(closed["longest_gap_ms"], rel=1e-5)
    assert closed["first_ns"] > started["mono_ns"] - NS_PER_S
    assert alerts.blind_s * NS_PER_S >= closed["last_ns"] - closed["first_ns"]
    assert results["entry"].closed
