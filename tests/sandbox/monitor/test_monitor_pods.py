"""The monitor's processes, as pods run them: scrape, rule, alert, notice, resolved; with the embedded Prometheus and with a real one."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from shutil import which
from typing import Any

import httpx
import pytest

from harness import clock
from harness.drivers.check.monitor.notices import test_alert as posted_alert
from harness.targets import load_target
from readiness_sandbox.platform.monitor.prometheus import real
from readiness_sandbox.settings import IMPORTS
from tests.builders.http_servers import Quiet, serving

WITHIN_S = 90.0
HOST = "127.86.1.1"
"""No other test listens there: a port that was free stays so."""
CONFIG = """
global: {scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 500ms}
rule_files: [$(CONFIG_DIR)/rules*.yaml]
alerting: {alertmanagers: [{static_configs: [{targets: ["$(ALERTMANAGER)"]}]}]}
scrape_configs:
  - job_name: shop
    static_configs: [{targets: ["$(SHOP)"], labels: {app: till}}]
    relabel_configs: [{source_labels: [app], regex: (.*)l, target_label: kind, replacement: $1-1}]
    metric_relabel_configs: [{source_labels: [__name__], regex: noise_.*, action: drop}]
    honor_timestamps: false
  - job_name: away
    static_configs: [{targets: ["127.0.0.1:9"]}]
"""
RULES = """
groups:
  - name: shop
    rules:
      - {record: shop:depth:sum, expr: sum(queue_depth)}
      - alert: QueueDeep
        expr: queue_depth > 5
        for: 1s
        labels: {severity: critical}
        annotations: {text: "{{ $labels.queue }} has {{ $value }}"}
      - {alert: Quiet, expr: absent(queue_depth), annotations: {text: nothing}}
"""
ROUTES = """
route: {receiver: on-call, group_by: [alertname], group_wait: 100ms, group_interval: 500ms}
receivers: [{name: on-call, webhook_configs: [{url: "http://$(RECEIVER)/notices"}]}]
"""


class Shop:
    """An application whose metrics the test sets."""

    def __init__(self) -> None:
        self.depth = 1.0

    @property
    def metrics(self) -> bytes:
        """Its exposition."""
        depth = f'queue_depth{{queue="a\\"b",app="own"}} {self.depth:g}'
        return f"# TYPE queue_depth gauge\n{depth}\nnoise_x 1\naged 3 1500\n".encode()


@dataclass(frozen=True, slots=True)
class Running:
    """The three, and what they watch."""

    shop: Shop
    prometheus: str
    receiver: str
    alertmanager: str

    def api(self, path: str, **parameters: Any) -> Any:
        """`data` of an answer of the API."""
        answer = httpx.get(f"{self.prometheus}/api/v1/{path}", params=parameters, trust_env=False)
        content = answer.json()
        assert (answer.status_code, content["status"]) == (200, "success"), content
        return content["data"]

    def alerts(self, name: str) -> list[dict[str, Any]]:
        """That are pending or fire under one name."""
        return [one for one in self.api("alerts")["alerts"] if one["labels"]["alertname"] == name]

    def notices(self, alert: str) -> list[dict[str, Any]]:
        """That the receiver has of one alert: others may fire while everything starts."""
        content = httpx.get(f"{self.receiver}/notices", trust_env=False).json()
        return [one["notice"] for one in content["notices"] if one["notice"]["groupLabels"] == {"alertname": alert}]


def until(condition: Callable[[], Any]) -> Any:
    """What the condition gives once it is true."""
    found: Any = None
    for _ in clock.Deadline.after(WITHIN_S).ticks(0.05):
        try:
            found = condition()
        except httpx.TransportError:
            continue
        if found:
            return found
    raise AssertionError(f"not within {WITHIN_S} s: {found}")


def ready(url: str) -> bool:
    """Whether a process says that it is."""
    return httpx.get(f"{url}/-/ready", trust_env=False).status_code == 200


@contextmanager
def served(shop: Shop) -> Iterator[str]:
    """The application's address."""

    class Handler(Quiet, BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = shop.metrics
            self.send_response(200)
            self.send_header("content-type", "text/plain; version=0.0.4")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            with suppress(BrokenPipeError):  # who asked did not wait
                self.wfile.write(body)

    with serving(Handler) as url:
        yield url.removeprefix("http://")


def free_port() -> int:
    """One that nobody has at the moment."""
    with socket.create_server((HOST, 0)) as taken:
        return int(taken.getsockname()[1])


@contextmanager
def alertmanager_of_path(program: str, home: Path, port: int, receiver: str) -> Iterator[None]:
    """A real Alertmanager with the same routes, by itself."""
    home.mkdir()
    (home / "alertmanager.yml").write_text(ROUTES.replace("$(RECEIVER)", receiver))
    words = [program, "--config.file=alertmanager.yml", "--storage.path=data", "--cluster.listen-address="]
    with subprocess.Popen([*words, f"--web.listen-address={HOST}:{port}"], cwd=home) as child:
        try:
            yield
        finally:
            child.terminate()
            assert child.wait(60) == 0


@contextmanager
def process(name: str, home: Path, port: int, *arguments: str, **variables: str) -> Iterator[None]:
    """A pod's process."""
    home.mkdir()
    environment = {"PATH": "", "PYTHONPATH": str(IMPORTS), "PORT": str(port), "POD_IP": HOST, **variables}
    command = [sys.executable, "-m", f"monitor.{name}", *arguments]
    with subprocess.Popen(command, cwd=home, env=environment) as child:
        try:
            yield
        finally:
            child.terminate()
            assert child.wait(60) in (0, -15)


@pytest.fixture(scope="module", params=["embedded", "real"])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """All three, with the embedded Prometheus and Alertmanager or those of PATH: `alertmanager`, or Debian's name of it."""
    real = which("prometheus")
    if request.param == "real" and real is None:
        pytest.skip("prometheus is not on PATH")
    base = tmp_path_factory.mktemp(request.param)
    (base / "prometheus.yml").write_text(CONFIG)
    (base / "rules.yaml").write_text(RULES)
    (base / "alertmanager.yml").write_text(ROUTES)
    path = {"PATH": str(Path(real or "").parent)} if request.param == "real" else {}
    shop = Shop()
    ports = {name: free_port() for name in ("receiver", "alertmanager", "prometheus")}
    at = {name: f"{HOST}:{port}" for name, port in ports.items()}
    with ExitStack() as stack:
        address = stack.enter_context(served(shop))
        stack.enter_context(process("receiver", base / "r", ports["receiver"]))
        notifier = request.param == "real" and (which("alertmanager") or which("prometheus-alertmanager"))
        routes = str(base / "alertmanager.yml")
        stack.enter_context(
            alertmanager_of_path(notifier, base / "a", ports["alertmanager"], at["receiver"])
            if notifier
            else process("alertmanager", base / "a", ports["alertmanager"], routes, RECEIVER=at["receiver"])
        )
        variables = {"SHOP": address, "ALERTMANAGER": at["alertmanager"], **path}
        config = str(base / "prometheus.yml")
        stack.enter_context(process("prometheus", base / "p", ports["prometheus"], config, **variables))
        urls = {name: f"http://{address}" for name, address in at.items()}
        for name in ("alertmanager", "prometheus"):
            until(partial(ready, urls[name]))
        yield Running(shop, **urls)


def test_an_alert_goes_from_the_metric_to_the_receiver_and_is_resolved(running: Running) -> None:
    """Pending first, then firing, in the notice with labels and text; then resolved, once each."""
    pending = "count_over_time(ALERTS{alertname='QueueDeep',alertstate='pending'}[10m])"

    until(lambda: running.api("query", query="queue_depth")["result"])
    assert not running.alerts("QueueDeep")
    running.shop.depth = 7.5
    until(lambda: [one["state"] for one in running.alerts("QueueDeep")] == ["firing"])
    assert running.api("query", query=pending)["result"]
    (alert,) = running.alerts("QueueDeep")
    assert alert["value"] == "7.5e+00"
    assert alert["annotations"] == {"text": 'a"b has 7.5'}
    labels = {
        "alertname": "QueueDeep", "severity": "critical", "queue": 'a"b', "app": "till", "exported_app": "own",
        "kind": "til-1", "job": "shop", "instance": alert["labels"]["instance"],
    }  # fmt: skip
    assert alert["labels"] == labels
    (first, *_) = until(lambda: running.notices("QueueDeep"))
    assert (first["version"], first["status"], first["receiver"]) == ("4", "firing", "on-call")
    assert first["commonLabels"] == labels
    (told,) = first["alerts"]
    assert (told["status"], told["endsAt"]) == ("firing", "0001-01-01T00:00:00Z")
    assert told["annotations"] == alert["annotations"]
    running.shop.depth = 1.0
    resolved = until(lambda: [one for one in running.notices("QueueDeep") if one["status"] == "resolved"])[0]
    (over,) = resolved["alerts"]
    assert (over["fingerprint"], over["startsAt"]) == (told["fingerprint"], told["startsAt"])
    assert over["endsAt"] > over["startsAt"]
    assert running.api("query", query="ALERTS{alertname='QueueDeep'}")["result"] == []


def test_the_shapes_of_the_api(running: Running) -> None:
    """Vector, scalar, matrix, series, labels, values, rules, targets."""
    running.shop.depth = 2.0
    (sample,) = until(lambda: running.api("query", query="queue_depth == 2")["result"])
    assert sample["metric"]["__name__"] == "queue_depth"
    assert sample["value"][1] == "2"
    assert isinstance(sample["value"][0], float | int)
    scalar = running.api("query", query="1 + 1", time=1700000000.5)
    assert scalar == {"resultType": "scalar", "result": [1700000000.5, "2"]}
    assert running.api("query", query="-1 / vector(0)")["result"][0]["value"][1] == "-Inf"
    assert running.api("query", query="aged")["result"][0]["value"][1] == "3"  # its own time is 1970
    assert running.api("query", query="nobody") == {"resultType": "vector", "result": []}
    assert running.api("query", query="queue_depth[1m]")["resultType"] == "matrix"
    assert running.api("query", query="nobody[1m]") == {"resultType": "matrix", "result": []}
    matrix = running.api("query_range", query="vector(time())", start=100, end=110, step="5s")
    assert matrix["result"] == [{"metric": {}, "values": [[100, "100"], [105, "105"], [110, "110"]]}]
    assert [one["__name__"] for one in running.api("series", **{"match[]": "queue_depth"})] == ["queue_depth"]
    assert {"__name__", "queue", "job"} <= {*running.api("labels")}
    assert "noise_x" not in running.api("label/__name__/values")
    assert set(running.api("label/job/values")) >= {"shop", "away"}
    targets = {one["scrapePool"]: one for one in running.api("targets", state="active")["activeTargets"]}
    assert (targets["shop"]["health"], targets["shop"]["lastError"]) == ("up", "")
    assert targets["shop"]["labels"]["kind"] == "til-1"
    assert (targets["away"]["health"], bool(targets["away"]["lastError"])) == ("down", True)
    (group,) = running.api("rules")["groups"]
    assert [rule["type"] for rule in group["rules"]] == ["recording", "alerting", "alerting"]
    deep = group["rules"][1]
    assert (deep["name"], deep["duration"], deep["health"]) == ("QueueDeep", 1, "ok")
    assert deep["labels"] == {"severity": "critical"}
    assert group["interval"] == 0.5
    assert running.api("status/buildinfo")["version"]
    assert running.api("status/runtimeinfo")["startTime"]
    assert [one["value"][1] for one in running.api("query", query="up{job='away'}")["result"]] == ["0"]


@pytest.mark.parametrize(
    ("path", "parameters", "status", "kind"),
    [
        ("query", {"query": "up{"}, 400, "bad_data"),
        ("query", {"query": "up", "time": "yesterday"}, 400, "bad_data"),
        ("query_range", {"query": "up", "start": 10, "end": 0, "step": 1}, 400, "bad_data"),
        ("query_range", {"query": "up", "start": 0, "end": 10, "step": 0}, 400, "bad_data"),
        ("query_range", {"query": "up", "start": 0, "end": 99999, "step": 1}, 400, "bad_data"),
        ("series", {}, 400, "bad_data"),
        ("query", {"query": "{job=~'.+'} * on() group_left() up"}, 422, "execution"),
    ],
)
def test_errors_have_the_envelope(
    running: Running, path: str, parameters: dict[str, Any], status: int, kind: str
) -> None:
    """Status, `errorType`, and what is wrong, also for a form."""
    for answer in (
        httpx.get(f"{running.prometheus}/api/v1/{path}", params=parameters, trust_env=False),
        httpx.post(f"{running.prometheus}/api/v1/{path}", data=parameters, trust_env=False),
    ):
        content = answer.json()
        assert (answer.status_code, content["status"], content["errorType"]) == (status, "error", kind)
        assert content["error"]


BACKWARDS = '[{"labels": {"a": "b"}, "startsAt": "2026-01-02T00:00:00Z", "endsAt": "2026-01-01T00:00:00Z"}]'


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        ("{", "application/json", 400),
        ('[{"labels": {}}]', "application/json", 400),
        ('[{"labels": {"a": ""}}]', "application/json", 400),
        ('[{"labels": {"a": 1}}]', "application/json", 400),
        ('[{"labels": {"a": "b"}, "startsAt": "noon"}]', "application/json", 400),
        (BACKWARDS, "application/json", 400),
        ('[{"labels": {"a": "b"}}]', "text/plain", 415),
        ("[]", "application/json; charset=utf-8", 200),
    ],
)
def test_alertmanager_refuses_what_is_no_alert(running: Running, body: str, kind: str, status: int) -> None:
    """And holds nothing of it."""
    url, headers = f"{running.alertmanager}/api/v2/alerts", {"content-type": kind}
    assert httpx.post(url, content=body, headers=headers, trust_env=False).status_code == status
    assert not [one for one in httpx.get(url, trust_env=False).json() if "a" in one["labels"]]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ([], {"A", "B"}),
        (['severity="low"'], {"A"}),
        (["severity=low", "alertname!=A"], set()),
        (["severity=~lo.+"], {"A"}),
        (["severity=~lo"], set()),
        (['severity!~"lo.+"'], {"B"}),
        (["severity="], {"B"}),
        (['alertname=~"A|B"'], {"A", "B"}),
    ],
)
def test_alerts_are_filtered_by_their_labels(running: Running, filters: list[str], found: set[str]) -> None:
    """As `amtool alert query` does; without an end, which it writes as the year 1, an alert fires for five minutes."""
    zero = "0001-01-01T00:00:00.000Z"
    posted = [{"labels": {"alertname": "A", "severity": "low"}, "startsAt": zero, "endsAt": zero, "annotations": {}}]
    posted += [{"labels": {"alertname": "B"}, "startsAt": zero, "endsAt": zero, "annotations": {}}]
    url = f"{running.alertmanager}/api/v2/alerts"
    assert httpx.post(url, json=posted, trust_env=False).status_code == 200
    asked = {"filter": [*filters, "alertname=~A|B"]}
    listed = httpx.get(url, params=asked, trust_env=False).json()
    assert {one["labels"]["alertname"] for one in listed} == found
    assert httpx.get(url, params={"active": "false"}, trust_env=False).json() == []
    assert httpx.get(url, params={"filter": "nothing"}, trust_env=False).status_code == 400


def test_the_receiver_refuses_what_is_no_notice(running: Running) -> None:
    """With 400."""
    assert httpx.post(f"{running.receiver}/notices", content="{}", trust_env=False).status_code == 400


def test_a_test_alert_goes_all_the_way_to_the_receiver(running: Running, tmp_path: Path) -> None:
    """Found there by its own mark; where the log is another one, it is not found, and the rules are told apart from it."""
    until(lambda: {rule["health"] for group in running.api("rules")["groups"] for rule in group["rules"]} == {"ok"})
    file = tmp_path / "target.yaml"
    for log, within, ok in (("notices", "60 s", True), ("health", "1 s", False)):
        file.write_text(
            f"name: shop\nenvironment: sandbox\nentry: http://127.0.0.1:1\nprometheus: {running.prometheus}\n"
            f"alerting: {{receiver: {running.receiver}/{log}, alertmanager: {running.alertmanager}}}\n"
        )
        *rules, arrived = posted_alert(load_target(file), {"within": within})()
        assert {(one.subject, one.ok) for one in rules} == {("QueueDeep", True), ("Quiet", True)}
        assert (arrived.subject, arrived.ok) == ("ReadinessTest", ok), arrived.observed


@pytest.mark.skipif(which("promtool") is None, reason="promtool is not on PATH (Debian: prometheus)")
def test_a_prometheus_that_cannot_follow_the_configuration_is_passed_over(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """As its own tool says; Debian's knows no discovery in Kubernetes."""
    file = tmp_path / "prometheus.yml"
    file.write_text("scrape_configs: [{job_name: a, static_configs: [{targets: ['127.0.0.1:1']}]}]")
    command = real(file, tmp_path, "127.0.0.1", 9090)
    assert command is not None
    assert command[1] == f"--config.file={file}"
    file.write_text("scrape_configs: [{job_name: a, nobodys_sd_configs: []}]")
    assert real(file, tmp_path, "127.0.0.1", 9090) is None
    assert "cannot follow the configuration, the embedded one does" in capfd.readouterr().err
