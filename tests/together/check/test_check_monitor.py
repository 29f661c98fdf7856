"""What Prometheus is asked about pods, rules and dashboards; it answers by the API of the embedded one, over a real socket."""

from __future__ import annotations

import asyncio
import json
import math
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from aiohttp import web

from claims.monitor import schedule
from claims.monitor.panels import SUCCESS_METRICS, metric_panels
from claims.monitor.restarts import SERIES, restart_counts
from claims.monitor.schedule import _key, _on_schedule, _spacings, scrape_schedule
from harness import clock
from harness.drivers.check.monitor import targets
from harness.drivers.check.monitor.by_service import ByService, by_service
from harness.drivers.check.monitor.containers.memory import MemoryReader
from harness.drivers.check.monitor.containers.resources import pod_resources
from harness.drivers.check.monitor.containers.usage import (
    _age,
    _below,
    _by_pod,
    _changes,
    _lacking,
    _quantile,
    _readable,
    service_memory,
    store_disk,
)
from harness.drivers.check.monitor.containers.usage import _young as _pod_young
from harness.drivers.check.monitor.exposed import Freshness
from harness.drivers.check.monitor.kept import SeriesReader
from harness.drivers.check.monitor.pages import page_timings
from harness.drivers.check.monitor.prometheus import AlertRule, PrometheusClient, prometheus_of
from harness.drivers.check.monitor.rules import alert_rules, alert_rules_of_regions, evaluates, of_name
from harness.drivers.check.monitor.series import (
    _ages,
    _panels,
    _young,
    dashboard_data,
    drawn,
)
from harness.drivers.check.monitor.targets import (
    ScrapedPod,
    _up,
    pods_scraped,
)
from harness.drivers.check.monitor.users import active_users
from harness.drivers.check.registry import kind_of
from harness.drivers.check.sql import queries
from harness.drivers.check.sql.queries import _by_text as _by_query
from harness.drivers.check.sql.queries import _exposed, _of_query
from harness.drivers.check.sql.statements import StatementsRead
from harness.drivers.check.workloads import young
from harness.drivers.check.workloads.young import is_new
from harness.drivers.facts import FactProbe
from harness.errors import ConfigurationError, DriverError
from harness.steps import TEMPLATES
from harness.targets import Target, load_target
from harness.targets.files.cache import CacheSettings
from harness.targets.files.outside import Metrics
from harness.targets.files.parts import Kubernetes, Region
from readiness_sandbox.cluster import kinds
from readiness_sandbox.platform.monitor.api import Monitored, application
from readiness_sandbox.platform.monitor.promql.values import labels_of
from readiness_sandbox.platform.monitor.rules.alerting import Group
from readiness_sandbox.platform.monitor.rules.rulefiles import read_groups
from readiness_sandbox.platform.monitor.scrape.scraping import Scraper
from readiness_sandbox.platform.monitor.storage import Storage
from tests.builders.addresses import NET
from tests.together import objects
from tests.together.check.conftest import Backend
from tests.together.conftest import PocketCluster

FRESH = Freshness(15.0)
RULES = """
groups:
  - name: shop
    rules:
      - {alert: Slow, expr: up == 0, labels: {severity: critical}}
      - {alert: Loud, expr: up == 0, labels: {severity: warning}}
      - {alert: Twice, expr: "up * on () group_left () up"}
"""


@pytest.fixture
def storage() -> Storage:
    """Twelve scrapes a second apart of one pod, and a series that has been silent for two minutes."""
    found, now_s = Storage(), clock.wall().timestamp()
    for back in range(12, 0, -1):
        for pod in "ab":
            found.add(labels_of({"__name__": "up", "pod": pod, "namespace": "north", "app": "till"}), now_s - back, 1.0)
    found.add(labels_of({"__name__": "old", "namespace": "north", "app": "till"}), now_s - 120, 1.0)
    return found


@pytest.fixture
def target(storage: Storage, tmp_path: Path) -> Iterator[Target]:
    """A target whose Prometheus has these samples and rules."""
    (tmp_path / "rules.yaml").write_text(RULES)
    groups = tuple(Group(group, storage) for group in read_groups([tmp_path / "rules.yaml"], 1.0))
    for group in groups:
        group.evaluate(clock.wall().timestamp())
    app = application(Monitored(storage=storage, groups=groups, scraper=Scraper((), storage, lambda _: [])))
    started, ended, ports = threading.Event(), threading.Event(), list[int]()

    async def serve() -> None:
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        assert site._server is not None
        ports.append(site._server.sockets[0].getsockname()[1])  # type: ignore[attr-defined]
        started.set()
        await asyncio.to_thread(ended.wait)
        await runner.cleanup()

    server = threading.Thread(target=asyncio.run, args=(serve(),))
    server.start()
    assert started.wait(60)
    file = tmp_path / "target.yaml"
    entry = "entry: http://127.0.0.1:1"
    file.write_text(f"name: shop\nenvironment: sandbox\n{entry}\nprometheus: http://127.0.0.1:{ports[0]}\n")
    yield load_target(file)
    ended.set()
    server.join()


@pytest.fixture
def in_cluster(cluster: PocketCluster, target: Target) -> Target:
    """The target, whose pods are in the namespace south of a cluster."""
    kubernetes = Kubernetes(context="pocket", namespace="south", kubeconfig=str(cluster.kubeconfig))
    return target.model_copy(update={"kubernetes": kubernetes})


def running(cluster: PocketCluster, name: str, app: str = "", *, status: Any = None, **spec: Any) -> None:
    """A pod of the south with the container `main`; its app has its name, or another."""
    body = objects.pod(name, app or name, "south", **{"containers": [{"name": "main", "image": "a:1"}], **spec})
    cluster.create("Pod", {**body, "status": {"podIP": "127.9.0.1", **(status or {})}})


@pytest.fixture
def prometheus(target: Target) -> Iterator[PrometheusClient]:
    """Its Prometheus."""
    with prometheus_of(target) as found:
        yield found


def test_the_rules_of_every_region_are_loaded_and_evaluate(target: Target) -> None:
    """Those that are named, and any other that fails, in each region's own Prometheus; a region without one is not known."""
    regions = {"north": Region(prometheus=target.prometheus), "south": Region()}
    facts = alert_rules_of_regions(
        target.model_copy(update={"regions": regions}), {"first": "Slow", "second": "Gone"}
    )()
    assert [(one.subject, one.ok) for one in facts] == [
        ("north/Slow", True),
        ("north/Gone", False),
        ("north/Twice", False),
        ("south/prometheus", None),
    ]
    assert facts[2].observed.startswith("err: found duplicate series for the match group")


def test_rules_carry_a_severity(target: Target) -> None:
    """Another one is not the same."""
    facts = alert_rules(target, {"first": "Slow", "second": "Loud", "severity": "critical"})()
    assert [(one.subject, one.observed, one.ok) for one in facts] == [
        ("Slow", "severity critical", True),
        ("Loud", "severity warning", False),
    ]


def test_scrapes_have_a_spacing(prometheus: PrometheusClient) -> None:
    """The mean of the last ones; outside of the tolerance, fewer than two, and two targets for one pod are wrong."""
    spacings = _spacings(prometheus, 12.5)
    labels = {"pod": "a", "namespace": "north", "app": "till"}
    assert spacings[_key(labels)] == pytest.approx(1.0)
    pod = ScrapedPod(port=8080, health="up", error="", labels=labels)

    def ok(targets: list[ScrapedPod], every_s: float, tolerance_s: float) -> bool | None:
        spacing = spacings[_key(labels)] if targets else None
        return _on_schedule("a", len(targets), spacing, "", (every_s, tolerance_s)).ok

    assert [ok([pod], 1.0, 0.2), ok([pod], 1.3, 0.2), ok([], 1.0, 0.2), ok([pod, pod], 1.0, 0.2)] == [
        True,
        False,
        False,
        False,
    ]
    said = [_on_schedule("z", targets, None, "", (1.0, 0.2)).observed for targets in (0, 1)]
    assert said == ["no target", "fewer than two scrapes"]


def test_a_pod_is_up_where_every_scrape_of_it_is() -> None:
    """No target is not up."""
    pod = beside_a_proxy()
    up, down = scraped_at(8080), scraped_at(8080, "down", "refused")
    every = [_up("a", pod, targets) for targets in ([up], [up, down], [])]
    assert [one.observed for one in every] == ["up", "down: refused", "no target"]
    assert [one.ok for one in every] == [True, False, False]


def scraped_at(port: int, health: str = "up", error: str = "") -> ScrapedPod:
    """A target at that port of a pod."""
    return ScrapedPod(port=port, health=health, error=error, labels={})


def beside_a_proxy(annotations: Mapping[str, str] | None = None, *, declared: bool = True) -> dict[str, Any]:
    """A pod of a workload at 8080, with a proxy that has metrics at 15090."""
    own = {"name": "till", "ports": [{"name": "http", "containerPort": 8080}] if declared else []}
    proxy = {"name": "proxy", "ports": [{"name": "metrics", "containerPort": 15090}]}
    return {"metadata": {"name": "a", "annotations": annotations}, "spec": {"containers": [own, proxy]}}


@pytest.mark.parametrize(
    ("annotations", "ports", "ok"),
    [
        (None, (8080, 15090), True),
        (None, (15090,), None),
        ({"prometheus.io/port": "8080"}, (15090,), False),
        ({"prometheus.io/port": "15090"}, (15090,), True),
        ({"prometheus.io/port": "9100"}, (8080,), False),
        ({"kubectl.kubernetes.io/default-container": "proxy"}, (8080,), None),
        ({"kubectl.kubernetes.io/default-container": "till"}, (8080,), True),
    ],
)
def test_a_pod_whose_sidecar_alone_is_scraped_is_not_scraped(
    annotations: Mapping[str, str] | None, ports: tuple[int, ...], *, ok: bool | None
) -> None:
    """Its port is that of the annotation, else one of its own container; another may be an exporter's beside it."""
    assert _up("a", beside_a_proxy(annotations), [scraped_at(port) for port in ports]).ok is ok


def test_a_port_that_is_not_its_own_is_named() -> None:
    """With what says that it is; a failed scrape of the sidecar is not the workload's, and one without ports has any."""
    why = "no target: 15090 is scraped, its own is 8080; hint: if the scraped port has its metrics, name that port in the annotation `prometheus.io/port`"
    assert _up("a", beside_a_proxy(), [scraped_at(15090)]).observed == why
    assert _up("a", beside_a_proxy(), [scraped_at(8080), scraped_at(15090, "down")]).ok is True
    assert _up("a", beside_a_proxy(declared=False), [scraped_at(15090)]).ok is True


def test_series_have_an_age(prometheus: PrometheusClient) -> None:
    """Of each service; what is not exposed has none."""
    till, other = ("north", "till"), ("north", "other")
    young, old = _ages(prometheus, "up", []), _ages(prometheus, "old", [])
    assert (_young(till, "x", young, FRESH).ok, _young(till, "x", old, FRESH).ok) == (True, False)
    assert (_young(other, "x", young, FRESH).observed, _young(other, "x", young, FRESH).ok) == ("not exposed", False)


def scraped_pods(storage: Storage, name: str, pods: Mapping[str, Mapping[str, str]], ago_s: float) -> None:
    """Series `name` of pods, with the labels that each has beside its namespace."""
    for labels in pods.values():
        series = {"__name__": name, "namespace": "south", "service": "till", "job": "till", **labels}
        storage.add(labels_of(series), clock.wall().timestamp() - ago_s, 1.0)


PODS: list[dict[str, Any]] = [
    {"metadata": {"name": f"{workload}-{number}", "namespace": "south", "labels": {"app.kubernetes.io/name": workload}}}
    for workload in ("till", "cart")
    for number in range(2)
]


def test_series_of_a_service_monitor_are_found_by_their_pods(storage: Storage, prometheus: PrometheusClient) -> None:
    """They have no label `app`; the youngest of its pods counts, and what no pod exposes is not exposed."""
    began_s = clock.now_s()
    scraped_pods(storage, "asked", {"a": {"pod": "till-0"}}, 3.0)
    scraped_pods(storage, "asked", {"b": {"pod": "till-1"}}, 30.0)
    ages = _ages(prometheus, "asked", PODS)
    assert [_young(("south", name), "x", ages, FRESH).ok for name in ("till", "cart")] == [True, False]
    assert 2.9 < ages.values["south", "till"] < 3.1 + clock.now_s() - began_s


def test_series_of_no_pod_and_no_service_decide_nothing(storage: Storage, prometheus: PrometheusClient) -> None:
    """As of a job that scrapes a Service by its name: they may be anybody's, and the cure is a label."""
    scraped_pods(storage, "asked", {"a": {}}, 3.0)
    fact = _young(("south", "till"), "x", _ages(prometheus, "asked", PODS), FRESH)
    assert fact.ok is None
    assert "neither the label `app` nor `pod`; hint:" in fact.observed
    assert _young(("north", "till"), "x", _ages(prometheus, "asked", PODS), FRESH).ok is False, "another namespace's"


def test_quantiles_of_series_without_a_service_are_those_of_its_slowest_pod(
    storage: Storage, prometheus: PrometheusClient
) -> None:
    """A pod without requests has none, and keeps no other from having one; rates add up."""
    now_s = clock.wall().timestamp()
    for back in range(10, -1, -1):
        for pod, seconds, requests in (("till-0", 0.1, 2.0), ("till-1", 1.0, 3.0), ("cart-0", 0.1, 0.0)):
            for end in (0.1, 1.0, math.inf):
                count = requests * (10 - back) if end >= seconds else 0.0
                labels = {
                    "__name__": "took_bucket",
                    "namespace": "south",
                    "pod": pod,
                    "le": f"{end:g}".replace("inf", "+Inf"),
                }
                storage.add(labels_of(labels), now_s - back, count)
    p50 = by_service(prometheus, partial(_quantile, 0.5, "took_bucket[10s]"), PODS, max)
    assert p50.values["south", "till"] == pytest.approx(0.55, abs=0.01)
    assert math.isnan(p50.values["south", "cart"])
    rate = by_service(prometheus, lambda by: f'sum by ({by}) (rate(took_bucket{{le="+Inf"}}[10s]))', PODS, sum)
    assert rate.values["south", "till"] == pytest.approx(5.0, rel=0.2)


def test_a_panel_has_data_of_young_samples(prometheus: PrometheusClient) -> None:
    """Not of old ones, not a NaN, and not where its query is refused."""
    queries = {"up": True, "old": False, "nobody": False, "0 / vector(0)": False, "up{": False}
    panels = [{"title": query, "targets": [{"expr": query}]} for query in queries]
    board: dict[str, Any] = {
        "metadata": {"name": "boards"},
        "data": {"a.json": json.dumps({"title": "A", "panels": panels})},
    }
    found = [drawn(prometheus, panel, 60.0) for panel in _panels(board)]
    assert {panel.query: one.ok for panel, one in zip(_panels(board), found, strict=True)} == queries
    assert (found[0].subject, found[2].observed) == ("A, up, query 1", "no data")
    assert "parse error" in found[-1].observed


def test_what_grafana_fills_in_or_asks_elsewhere_is_not_asked_of_prometheus(prometheus: PrometheusClient) -> None:
    """It is unknown and says what asks it; `$1` is a group, a hidden query and another panel's data are no query."""
    relabelled = 'label_replace(up, "x", "$1", "pod", "(.*)")'
    loki = {"type": "loki", "uid": "logs"}
    panels: list[dict[str, Any]] = [
        {"title": "Rate", "targets": [{"expr": "rate(up[$__rate_interval])"}, {"expr": 'up{namespace="$namespace"}'}]},
        {"title": "Logs", "datasource": loki, "targets": [{"expr": '{app="till"} |= "error"'}]},
        {"title": "Rows", "datasource": {"type": "postgres"}, "targets": [{"rawSql": "SELECT 1"}]},
        {"title": "Shared", "libraryPanel": {"uid": "lib"}},
        {"title": "Copy", "datasource": {"uid": "-- Dashboard --"}, "targets": [{"panelId": 1}]},
        {"title": "Group", "targets": [{"expr": relabelled}, {"expr": "none", "hide": True}]},
        {"title": "Empty", "datasource": {"type": "prometheus"}, "targets": [{"expr": ""}]},
    ]
    board = {"metadata": {"name": "b"}, "data": {"a.json": json.dumps({"title": "A", "panels": panels})}}
    facts = [drawn(prometheus, one, 60.0) for one in _panels(board)]
    assert [(one.subject, one.ok) for one in facts] == [
        ("A, Rate, query 1", None),
        ("A, Rate, query 2", None),
        ("A, Logs, query 1", None),
        ("A, Rows, query 1", None),
        ("A, Shared", None),
        ("A, Group, query 1", True),
        ("A, Empty, query 1", False),
    ]
    hint = "hint: name Grafana under `grafana` in the target file, and use the sentence on its panels"
    assert facts[0].observed == f"Grafana fills in `__rate_interval`; {hint}"
    assert facts[2].observed == f"its data source is loki; {hint}"


@pytest.mark.parametrize("text", ["[]", "5", "null", '"a"', "{", "[" * 100_000])
def test_what_is_no_dashboard_is_an_error_with_its_name(text: str) -> None:
    """A ConfigMap with the label of dashboards costs the check, and not the run."""
    with pytest.raises(DriverError) as raised:
        list(_panels({"metadata": {"name": "boards"}, "data": {"a.json": text}}))
    assert raised.value.where == "boards/a.json"


def test_panels_of_another_shape_are_passed_over() -> None:
    """What is no list of objects asks for nothing."""
    board = {"title": "A", "panels": [{"title": "B", "targets": 5}, 7, {"panels": "c", "targets": [1, {"expr": "up"}]}]}
    found = list(_panels({"metadata": {"name": "boards"}, "data": {"a.json": json.dumps(board)}}))
    assert [one.query for one in found] == ["up"]


def test_a_prometheus_that_is_away_is_an_error_with_its_address(tmp_path: Path) -> None:
    """And a target without one is a mistake of its file."""
    file = tmp_path / "target.yaml"
    file.write_text("name: shop\nenvironment: sandbox\nentry: http://127.0.0.1:1\nprometheus: http://127.0.0.1:9\n")
    with prometheus_of(load_target(file)) as away, pytest.raises(DriverError, match="Prometheus gave no answer"):
        away.vector("up")
    file.write_text("name: shop\nenvironment: sandbox\nentry: http://127.0.0.1:1\n")
    with pytest.raises(ConfigurationError, match="names no Prometheus"), prometheus_of(load_target(file)):
        raise AssertionError


def test_an_answer_of_another_shape_is_an_error_with_its_address(subtests: pytest.Subtests) -> None:
    """As of something that is not Prometheus: what is missing, where, and what was expected."""
    cases: list[tuple[object, str]] = [
        (None, "`data`: Input should be a valid dictionary or instance of Vector"),
        ({"result": []}, "`data.resultType`: Field required"),
        ({"resultType": "streams", "result": []}, "`data.resultType`: Input should be 'vector' or 'scalar'"),
        ({"resultType": "vector", "result": [{"metric": {}}]}, "value`: Field required"),
        (
            {"resultType": "vector", "result": [{"metric": {}, "value": [1, "much"]}]},
            "value.1`: Input should be a valid number",
        ),
        ({"resultType": "scalar", "result": []}, "no result of a scalar"),
        ({"resultType": "vector", "result": [1, "2"]}, "no result of a vector"),
        ([], "`data`: Input should be a valid dictionary"),
    ]
    for data, why in cases:
        with subtests.test(data=data):
            answer = httpx.Response(200, json={"status": "success", "data": data})
            with httpx.Client(transport=httpx.MockTransport(lambda _request, answer=answer: answer)) as client:
                prometheus = PrometheusClient(client, "http://shop:9090")
                with pytest.raises(DriverError) as error:
                    prometheus.vector("up")
            assert why in error.value.what
            assert error.value.where == "http://shop:9090/api/v1/query"
            assert "of the target file" in error.value.hint


def test_every_question_expects_its_own_shape() -> None:
    """Targets, rules and samples; a scalar is a vector of one, and NaN and infinity are values."""

    def asked(data: object) -> PrometheusClient:
        answer = httpx.Response(200, json={"status": "success", "data": data})
        return PrometheusClient(httpx.Client(transport=httpx.MockTransport(lambda _request: answer)), "http://shop")

    questions: list[tuple[Callable[[PrometheusClient], object], str]] = [
        (lambda one: one.targets(), "`data.activeTargets`: Field required, expected the active targets"),
        (lambda one: one.alert_rules(), "`data.groups`: Field required"),
        (lambda one: one.samples("up[1m]"), "`data.resultType`: Field required"),
    ]
    for question, why in questions:
        with pytest.raises(DriverError, match=re.escape(why)):
            question(asked({}))
    assert asked({"resultType": "scalar", "result": [1, "+Inf"]}).vector("x") == [({}, math.inf)]
    (one,) = asked({"resultType": "vector", "result": [{"metric": {"a": "b"}, "value": [1.5, "NaN"]}]}).vector("x")
    assert (one.labels, math.isnan(one.value)) == ({"a": "b"}, True)


def test_dashboards_are_found_in_every_namespace(cluster: PocketCluster, target: Target, tmp_path: Path) -> None:
    """By Grafana's label; a ConfigMap without it is none. Panels of a closed row are in it; those of schema version 2 are not known."""
    up = {"title": "Up", "targets": [{"expr": "up"}]}
    boards: dict[str, dict[str, Any]] = {
        "old": {"rows": [{"panels": [up]}]},
        "shop": {"panels": [{"type": "row", "title": "More", "panels": [up]}]},
        "tiles": {"elements": {}},
    }
    data = {f"{name}.json": json.dumps({"title": name, **board}) for name, board in boards.items()}
    for name, labels in (("boards", {"grafana_dashboard": "1"}), ("settings", {})):
        meta = {"name": name, "namespace": "south", "labels": labels}
        cluster.create("ConfigMap", {"metadata": meta, "data": data})
    kubernetes = Kubernetes(context="pocket", kubeconfig=str(cluster.kubeconfig))
    facts = dashboard_data(target.model_copy(update={"kubernetes": kubernetes}), {"age": "60 s"})()
    assert [(one.subject, one.observed.partition(":")[0], one.ok) for one in facts] == [
        ("old, Up, query 1", "2 series", True),
        ("shop, Up, query 1", "2 series", True),
        ("tiles", "its panels are not read", None),
    ]


def test_usage_is_young_or_frozen_or_not_exposed(storage: Storage, prometheus: PrometheusClient) -> None:
    """Of each pod; a CPU time that stays the same is not young."""
    now_s = clock.wall().timestamp()
    for back in range(12, 0, -1):
        for pod, value in (("runs", 100.0 - back), ("frozen", 7.0)):
            labels = {"__name__": "cpu", "pod": pod, "namespace": "north", "container": "x"}
            storage.add(labels_of(labels), now_s - back, value)
    storage.add(labels_of({"__name__": "cpu", "pod": "late", "namespace": "north"}), now_s - 60, 1.0)
    ages, rose = _by_pod(prometheus, _age("cpu")), _by_pod(prometheus, _changes("cpu", 30.0))

    def reading(pod: str, what: str = "CPU usage") -> tuple[bool | None, str]:
        obj = {"metadata": {"namespace": "north", "name": pod}}
        found = _pod_young(obj, what, Freshness(30.0, younger=True), [ages], rose if what == "CPU usage" else None)
        return found.ok, found.observed.partition(" ")[2]

    assert reading("runs") == (True, "s old")
    assert reading("frozen") == (False, "for 30 s")
    assert reading("frozen", "memory usage") == (True, "s old")
    assert reading("late") == (False, "s old")
    assert reading("none") == (False, "exposed")


def test_of_every_database_and_ipfs_pod_nothing_is_known_where_there_is_none() -> None:
    """A claim of every pod of a kind, over no pod of it."""
    database, ipfs = ({"metadata": {"name": name, "labels": {"app": name}}} for name in ("postgres", "ipfs-node"))
    lacking = {
        tuple(given): [(one.ok, one.observed) for one in _lacking(pods, "bytes read and written")]
        for given, pods in {"di": [database, ipfs], "d": [database], "": []}.items()
    }
    none_of_ipfs = (None, "there is no pod of IPFS")
    assert list(lacking.values()) == [[], [none_of_ipfs], [(None, "there is no pod of database"), none_of_ipfs]]


def test_bytes_read_and_written_are_those_of_database_and_ipfs_pods(
    cluster: PocketCluster, target: Target, storage: Storage, tmp_path: Path
) -> None:
    """On a platform that has both: a pod of IPFS whose bytes are not exposed fails, and no other pod is asked."""
    (tmp_path / "dsn").write_text("postgresql://postgres@127.0.0.1/x")
    context = f"kubernetes: {{context: pocket, namespace: south, kubeconfig: {cluster.kubeconfig}}}\n"
    database = f"database: {{dsn: {{file: {tmp_path / 'dsn'}}}, leader: {{namespace: south, endpoints: leader}}}}\n"
    regions = "regions: {north: {namespace: north}}\n"
    target.file.write_text(f"{target.file.read_text()}{context}{database}{regions}parts: [monitor, content]\n")
    stores = load_target(target.file)
    for namespace, name in (("south", "postgres"), ("north", "ipfs"), ("north", "till")):
        body = objects.pod(f"{name}-0", name, namespace, containers=[{"name": "main", "image": "a:1"}])
        body["metadata"]["ownerReferences"] = objects.controlled("StatefulSet", name)
        cluster.create("Pod", {**body, "status": {"podIP": "127.9.0.1"}})
    labels, now_s = {"namespace": "south", "pod": "postgres-0", "container": "main"}, clock.wall().timestamp()
    for what in ("reads", "writes"):
        storage.add(labels_of({"__name__": f"container_fs_{what}_bytes_total", **labels}), now_s - 1, 1.0)
    fresh = {"age": "30 s", "bound": "younger than"}
    later = clock.wall() + timedelta(minutes=5)

    def read() -> dict[str, bool | None]:
        return {one.subject.partition(":")[0]: one.ok for one in store_disk(stores, fresh)()}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(young, "clock", SimpleNamespace(wall=lambda: later))
        assert read() == {"south/postgres-0": True, "north/ipfs-0": False}
        for what in ("reads", "writes"):
            of_ipfs = {**labels, "__name__": f"container_fs_{what}_bytes_total", "namespace": "north", "pod": "ipfs-0"}
            storage.add(labels_of(of_ipfs), now_s - 1, 1.0)
        assert read() == {"south/postgres-0": True, "north/ipfs-0": True}


def test_a_platform_without_content_names_what_it_lacks(target: Target) -> None:
    """The sentence on database and IPFS pods is then not assessed."""
    kind = kind_of("store-disk")
    with_pods = target.model_copy(update={"kubernetes": Kubernetes(context="a", namespace="b")})
    for parts, lacking in (((), ["part `content`"]), (("monitor",), ["part `content`"]), (("content",), [])):
        assert [one.lacks for one in kind.missing(with_pods.model_copy(update={"parts": parts}), {})] == lacking


def test_a_pod_that_has_just_been_made_is_not_asked_for_its_usage() -> None:
    """It may have been read once only, and one reading is the same for any time."""
    made = clock.wall() - timedelta(seconds=29)
    young, old = (
        {"metadata": {"name": "a", "creationTimestamp": at.isoformat()}} for at in (made, made - timedelta(seconds=2))
    )
    assert (is_new(young, 30.0), is_new(old, 30.0), is_new({"metadata": {"name": "a"}}, 30.0)) == (
        True,
        False,
        False,
    )


def test_memory_is_below_a_limit_or_unknown() -> None:
    """Exactly at it is not below."""
    pod = {"metadata": {"namespace": "north", "name": "till-0"}}
    found = [
        _below("till-0", pod, used, 300.0) for used in ({("north", "till-0"): 299e6}, {("north", "till-0"): 300e6}, {})
    ]
    assert [(one.ok, one.observed) for one in found] == [(True, "299 MB"), (False, "300 MB"), (None, "not exposed")]


def test_a_sample_of_the_age_is_at_most_that_old_and_not_younger() -> None:
    """The sentence says which of the two it must be."""
    fresh = [Freshness.of({"age": "15 s", "bound": bound}) for bound in ("at most", "younger than")]
    assert [(str(one), one.met(15.0), one.met(14.9)) for one in fresh] == [
        ("at most 15 s old", True, True),
        ("under 15 s old", False, True),
    ]


def test_quantiles_are_readable_where_they_are_numbers() -> None:
    """A service without requests has none; an old one is old."""
    service = ("north", "till")
    values = {"p50": 0.2, "p95": float("nan"), "age": 16.0}
    found = list(_readable(service, {what: ByService({service: value}) for what, value in values.items()}, FRESH))
    assert [(one.ok, one.observed) for one in found] == [(True, "0.2"), (False, "not exposed"), (False, "16.0 s old")]
    unlabelled = {"p50": ByService({}, frozenset({"north"})), "age": ByService({}, frozenset({"south"}))}
    assert [one.ok for one in _readable(service, unlabelled, FRESH)] == [None, False]


def test_exposed_restarts_are_those_of_the_api(cluster: PocketCluster, in_cluster: Target, storage: Storage) -> None:
    """Of every container; a count of 0 that is always 0 proves nothing, and one that does not rise is another count."""

    def restarted(name: str, count: int, exposed: float | None) -> None:
        running(cluster, name, status={"containerStatuses": [{"name": "main", "restartCount": count}]})
        if exposed is not None:
            labels = {"__name__": SERIES, "namespace": "south", "pod": name, "container": "main"}
            storage.add(labels_of(labels), clock.wall().timestamp(), exposed)

    def read() -> list[tuple[str, bool | None, str]]:
        return [(one.subject.rpartition("south/")[2], one.ok, one.observed) for one in restart_counts(in_cluster, {})()]

    restarted("calm", 0, 0.0)
    assert read() == [("calm/main", True, "0"), ("containers that were started again", None, "0")]
    gone = {"__name__": SERIES, "pod": "gone", "container": "main"}
    storage.add(labels_of({**gone, "namespace": "elsewhere"}), clock.wall().timestamp() - 600, 1.0)
    assert read()[-1] == ("containers that were started again", None, "0"), "another team's"
    storage.add(labels_of({**gone, "namespace": "south"}), clock.wall().timestamp() - 600, 1.0)
    assert read() == [("calm/main", True, "0"), ("containers that were started again", True, "1")]
    restarted("again", 2, 2.0)
    restarted("frozen", 1, 0.0)
    restarted("silent", 1, None)
    assert sorted(read()) == [
        ("again/main", True, "2"),
        ("calm/main", True, "0"),
        ("containers that were started again", True, "3"),
        ("frozen/main", False, "0"),
        ("silent/main", False, "not exposed"),
    ]


@pytest.fixture
def added(cluster: PocketCluster, in_cluster: Target, storage: Storage, monkeypatch: pytest.MonkeyPatch) -> Target:
    """A target with two pods of one workload, of which Prometheus knows the first; both are made now."""
    for number, name in enumerate(("known", "added"), 1):
        resources = {"limits": {"memory": "100M", "cpu": "1"}}
        body = objects.pod(name, "till", "south", containers=[{"name": "main", "image": "a:1", "resources": resources}])
        body["metadata"]["annotations"] = {"prometheus.io/scrape": "true"}
        status = {"podIP": f"127.9.0.{number}", "containerStatuses": [{"name": "main", "restartCount": 0}]}
        cluster.create("Pod", {**body, "status": status})
    labels, now_s = {"namespace": "south", "pod": "known", "container": "main"}, clock.wall().timestamp()
    for back in range(12, 0, -1):
        for series in ("up", SERIES, "container_memory_working_set_bytes", "container_cpu_usage_seconds_total"):
            storage.add(labels_of({"__name__": series, **labels}), now_s - back, 0.0)
    up = ScrapedPod(port=8080, health="up", error="", labels=labels)
    for module in (targets, schedule):
        monkeypatch.setattr(module, "scraped_pods", lambda _: {"127.9.0.1": [up]})
    return in_cluster


def test_a_pod_behind_an_annotated_service_is_scraped_as_one_with_the_annotation(
    added: Target, cluster: PocketCluster
) -> None:
    """Without either it must not be a target; a Service that nothing is behind is not known to be scraped."""

    def read() -> dict[str, bool | None]:
        return {one.subject: one.ok for one in scrape_schedule(added, {"every": "1 s", "tolerance": "0.2 s"})()}

    with_it = {"prometheus.io/scrape": "true"}
    pod = cluster.do(lambda store: store.get(kinds.by_name("Pod"), "south", "known"))
    bare = {**pod, "metadata": {**pod["metadata"], "annotations": {}}}
    cluster.do(lambda store: store.update(kinds.by_name("Pod"), bare))
    assert read() == {"south/known": False}
    for name, selector in (("till", {"app": "till"}), ("bare", {"app": "none"}), ("headless", None)):
        meta = {"name": name, "namespace": "south", "annotations": with_it}
        spec = {"ports": [{"port": 80}], **({"selector": selector} if selector else {})}
        cluster.create("Service", {"metadata": meta, "spec": spec})
    assert read() == {"south/known": True, "Service south/bare": None, "Service south/headless": None}


@pytest.mark.parametrize(
    ("check", "params"),
    [
        (pods_scraped, {}),
        (scrape_schedule, {"every": "1 s", "tolerance": "0.2 s"}),
        (pod_resources, {"share": "80 %"}),
        (service_memory, {"most": "500"}),
        (restart_counts, {}),
    ],
)
def test_a_pod_that_was_added_a_moment_ago_convicts_no_platform(
    added: Target,
    monkeypatch: pytest.MonkeyPatch,
    check: Callable[[Target, dict[str, str]], FactProbe],
    params: dict[str, str],
) -> None:
    """It is left out until two minutes have passed: then Prometheus should know it."""

    def read() -> set[str]:
        return {name for one in check(added, params)() for name in ("known", "added") if f"/{name}" in one.subject}

    assert read() == {"known"}
    later = clock.wall() + timedelta(minutes=2)
    monkeypatch.setattr(young, "clock", SimpleNamespace(wall=lambda: later))
    assert read() == {"known", "added"}


def test_what_a_container_uses_is_below_a_share_of_its_limits(
    cluster: PocketCluster, in_cluster: Target, storage: Storage
) -> None:
    """Exactly at it is not below; without a limit, or where nothing is exposed, it is unknown."""
    now_s = clock.wall().timestamp()

    def used(name: str, megabytes: float | None, cores: float, limits: dict[str, str]) -> None:
        running(cluster, name, containers=[{"name": "main", "image": "a:1", "resources": {"limits": limits}}])
        labels = {"namespace": "south", "pod": name, "container": "main"}
        for back in range(60, 0, -1) if megabytes is not None else ():
            memory = {"__name__": "container_memory_working_set_bytes", **labels}
            cpu = {"__name__": "container_cpu_usage_seconds_total", **labels}
            storage.add(labels_of(memory), now_s - back, (megabytes or 0.0) * 1e6)
            storage.add(labels_of(cpu), now_s - back, cores * (60 - back))

    used("well", 79.9, 0.39, {"memory": "100M", "cpu": "500m"})
    used("full", 80.0, 0.45, {"memory": "100M", "cpu": "500m"})
    used("free", 10.0, 0.1, {})
    used("zero", 10.0, 0.1, {"memory": "0", "cpu": "0"})
    used("dark", None, 0.0, {"memory": "100M", "cpu": "1"})
    sidecar = {"name": "beside", "image": "a:1", "restartPolicy": "Always", "resources": {"limits": {"memory": "100M"}}}
    running(cluster, "side", initContainers=[sidecar])
    memory = {"__name__": "container_memory_working_set_bytes", "pod": "side", "container": "beside"}
    storage.add(labels_of({**memory, "namespace": "south"}), now_s - 1, 99e6)
    facts = {one.subject: (one.ok, one.observed) for one in pod_resources(in_cluster, {"share": "80 %"})()}
    assert facts["south/well/main: memory"] == (True, "79.9 % of 100M")
    assert facts["south/well/main: cpu"][0] is True
    assert facts["south/full/main: memory"] == (False, "80 % of 100M")
    assert facts["south/full/main: cpu"][0] is False
    assert facts["south/side/beside: memory"] == (False, "99 % of 100M")
    assert facts["south/free/main: memory"] == (None, "no limit is stated")
    assert facts["south/zero/main: cpu"] == facts["south/zero/main: memory"] == (None, "no limit is stated")
    assert facts["south/dark/main: cpu"] == (None, "usage is not exposed")
    scaled = pod_resources(in_cluster.model_copy(update={"cpu_scale": 10.0}), {"share": "80 %"})()
    assert {one.subject: one.ok for one in scaled}["south/full/main: cpu"] is True


def test_one_number_says_how_many_users_are_active(target: Target, storage: Storage) -> None:
    """No series and a number that is none are no answer; several are a mistake of the query."""
    now_s = clock.wall().timestamp()
    for pod, users in (("a", 7.0), ("b", math.nan)):
        storage.add(labels_of({"__name__": "active_users", "pod": pod}), now_s - 1, users)
    assert active_users(target, "max(active_users)") == 7.0
    assert active_users(target, "nobody") is None
    assert active_users(target, 'active_users{pod="b"}') is None
    with pytest.raises(DriverError, match="`active_users` gives 2 numbers"):
        active_users(target, "active_users")


def test_the_memory_of_each_container_is_read_sample_by_sample(
    cluster: PocketCluster, in_cluster: Target, storage: Storage
) -> None:
    """Those since the last reading and a few before; of a pod that is not exposed there are none, of one that is gone its last ones."""
    now_s = clock.wall().timestamp()
    for app in ("seen", "dark"):
        sidecar = {"name": "side", "image": "a:1", "restartPolicy": "Always"}
        running(cluster, f"{app}-0", app, initContainers=[sidecar])
    labels = {"namespace": "south", "pod": "seen-0", "container": "main", "__name__": "container_memory_rss"}
    for back in range(9, 0, -1):
        storage.add(labels_of(labels), now_s - back, 1e6 * (10 - back))
    reader = MemoryReader(in_cluster)
    found = {one.container: one for one in reader.read()}
    assert {"south/seen-0/side", "south/dark-0/side"} <= found.keys()
    seen = found["south/seen-0/main"]
    assert (seen.workload, list(seen.bytes_)[-1]) == ("seen", 9e6)
    assert list(seen.taken_s)[-1] == pytest.approx(now_s - 1, abs=0.01)
    assert -6 < min(seen.at_s) <= max(seen.at_s) < 0
    assert list(found["south/dark-0/main"].bytes_) == []
    storage.add(labels_of(labels), clock.wall().timestamp(), 11e6)
    (again,) = [one for one in reader.read() if one.container == "south/seen-0/main"]
    assert list(again.bytes_)[-1] == 11e6
    storage.add(labels_of(labels), clock.wall().timestamp(), 12e6)
    cluster.do(lambda store: store.delete(kinds.by_name("Pod"), "south", "seen-0"))
    (last,) = [one for one in reader.read() if one.container.startswith("south/seen-0/")]
    assert (last.container, list(last.bytes_)[-1]) == ("south/seen-0/main", 12e6)


def test_a_page_is_timed_where_a_timing_was_added_lately(target: Target, storage: Storage) -> None:
    """A count that stays the same is old, however young its sample; a page without a series is not exposed."""
    now_s = clock.wall().timestamp()
    pages = (200, {"content-type": "text/html"}, b'<a href="/old">o</a> <a href="/new">n</a>')
    for back in (90, 65, *range(30, 0, -1)):
        for page, count in (("/", max(30 - back, 0)), ("/old", 7)):
            labels = {"__name__": "page_load_seconds_count", "page": page}
            storage.add(labels_of(labels), now_s - back, float(count))
    with serving({"/": pages, "/old": pages, "/new": pages}) as website:
        metrics = Metrics(entry="gate")
        named = target.model_copy(update={"website": website, "metrics": metrics})
        facts = [(one.subject, one.ok, one.observed) for one in page_timings(named, {"age": "60 s"})()]
        labels = {"__name__": "page_load_seconds_count", "page": "/new"}
        storage.add(labels_of(labels), now_s, 1.0)
        first = {one.subject: one.ok for one in page_timings(named, {"age": "60 s"})()}
    assert [(subject, ok) for subject, ok, _ in facts] == [("/", True), ("/old", False), ("/new", False)]
    assert [observed for *_, observed in facts[1:]] == ["none of 7 timings", "not exposed"]
    assert first["/new"] is True


def test_none_of_the_sixteen_success_metrics_may_lack_a_panel(cluster: PocketCluster, in_cluster: Target) -> None:
    """Panels of nine of document 002's metrics, named in whatever case, are not enough: the other seven fail, until each has its own."""
    shown = ["Response time", "Throughput", "Availability", "Database performance", "User workflows"]
    shown += ["Integration health", "Memory usage", "Error rate", "Authentication success"]
    others = ["feature completeness", "data accuracy", "recovery time", "data consistency"]
    others += ["data protection", "access control", "audit compliance"]

    def facts_with(name: str, titles: list[str]) -> dict[str, tuple[bool | None, str]]:
        board = {"title": "M", "panels": [{"title": title, "targets": [{"expr": "up"}]} for title in titles]}
        meta = {"name": name, "namespace": "south", "labels": {"grafana_dashboard": "1"}}
        data = {"m.json": json.dumps(board)}
        cluster.create("ConfigMap", {"metadata": meta, "data": data})
        return {one.subject: (one.ok, one.observed) for one in metric_panels(in_cluster, {"age": "60 s"})()}

    nine = {f"M, {title}, query 1": (True, "2 series") for title in shown}
    assert facts_with("nine", shown) == {**nine, **dict.fromkeys(others, (False, "no dashboard has one"))}
    assert facts_with("seven", others) == {**nine, **{f"M, {title}, query 1": (True, "2 series") for title in others}}


def test_the_sentence_of_the_success_metrics_names_each_of_them() -> None:
    """Whoever writes the panels reads their titles there."""
    (about,) = [one.about for every in TEMPLATES for one in every.each if one.name == "metric-panels"]
    assert [metric for metric in SUCCESS_METRICS if metric not in about] == []


@contextmanager
def serving(routes: dict[str, tuple[int, dict[str, str], bytes]]) -> Iterator[str]:
    """The address of a server with these answers."""
    server = Backend(f"{NET}9")
    server.routes = routes
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://{NET}9:8080/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_query_is_recognised_by_its_text_whatever_its_values() -> None:
    """Also where the database's text is cut; one that no service counts, without a p95, or old, is named."""
    select, old, cut = (
        "SELECT ? AS answer",
        "SELECT name FROM users WHERE name = ?",
        "WITH seen AS (SELECT ? FROM requests) SELECT x",
    )
    found = {
        "count": {select: 12.0, old: 3.0, cut: 4.0, "UPDATE plays": 1.0},
        "p95": {select: 0.002, old: 0.001, cut: 0.004, "UPDATE plays": math.nan},
        "age": {select: 1.0, old: 61.0, cut: 2.0, "UPDATE plays": 0.0},
    }

    def read(text: str) -> tuple[bool | None, str]:
        fact = _exposed(text, found, Freshness(60.0))
        return fact.ok, fact.observed

    assert read("SELECT $1 AS answer") == (True, "12 times, p95 2 ms, 1.0 s old")
    assert read("SELECT  'x' AS answer")[0] is True
    assert read("SELECT name FROM users WHERE name = $1") == (False, "3 times, p95 1 ms, 61.0 s old")
    assert read("WITH seen AS (SELECT $4 FROM requests) SEL…") == (True, "4 times, p95 4 ms, 2.0 s old")
    assert read("UPDATE plays") == (False, "no p95")
    assert read("DELETE FROM plays") == (False, "no count and no p95 and no age")


def test_a_query_of_a_process_that_is_gone_passes_while_it_is_not_run(
    storage: Storage, prometheus: PrometheusClient, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is quiet for the age of samples; one that is run again meanwhile fails, and so does one that was never exposed."""
    calls = {"SELECT gone": 7, "SELECT again": 5, "SELECT never": 3}

    def statements(_target: Target) -> list[StatementsRead]:
        found = [{"text": text, "calls": n} for text, n in calls.items()]
        return [StatementsRead(member="a", at_ns=0, statements=found)]

    monkeypatch.setattr(queries, "read_statements", statements)
    monkeypatch.setattr(queries, "prometheus_of", lambda _target: nullcontext(prometheus))
    monkeypatch.setattr(
        queries, "metrics_of", lambda _target: Metrics(entry="api", query_seconds="took", query="query")
    )
    long_ago = clock.wall().timestamp() - 700
    for text in ("SELECT gone", "SELECT again"):
        storage.add(labels_of({"__name__": "took_count", "query": text}), long_ago, 4.0)
    slept: list[float] = []

    def again(seconds: float) -> None:
        slept.append(seconds)
        calls["SELECT again"] += 1

    monkeypatch.setattr(clock, "sleep", again)
    look = queries.store_queries(target, {"age": "60 s"})
    expected = {"SELECT gone": True, "SELECT again": False, "SELECT never": False}
    assert [{one.subject: one.ok for one in look()} for _ in range(2)] == [expected] * 2
    assert slept == [60.0]
    caches = CacheSettings.model_validate({"servers": {"north": {"at": f"redis://{NET}9:6379"}}})
    *_, cache = queries.store_queries(target.model_copy(update={"cache": caches}), {"age": "60 s"})()
    assert (cache.subject, cache.ok) == (f"cache north {NET}9:6379", None)


def test_queries_in_the_metrics_go_by_their_label(prometheus: PrometheusClient, storage: Storage) -> None:
    """Two texts that differ in their values are one query."""
    for text in ("SELECT $1", "SELECT $2"):
        storage.add(labels_of({"__name__": "queries", "query": text}), clock.wall().timestamp(), 2.0)
    assert _by_query(prometheus, "queries", "query") == {"SELECT ?": 2.0}


def test_a_constant_that_the_database_counts_as_a_value_is_one() -> None:
    """It shows `WHERE true LIMIT 100` as `WHERE $1 LIMIT $2`; a column whose name begins so is none."""
    sent = (
        "WITH oldest AS (SELECT number FROM outbox WHERE true ORDER BY number LIMIT 200 FOR UPDATE SKIP LOCKED), moved"
    )
    seen = "WITH oldest AS (SELECT number FROM outbox WHERE $1 ORDER BY number LIMIT $2 FOR UPDATE SKIP LOCKED)…"
    assert _of_query(seen, {sent: 7.0}) == 7.0


def test_samples_of_metrics_are_read_on_from_the_last_reading(storage: Storage, target: Target) -> None:
    """First, last and the longest time without one, those of all pods of a workload together; what no scrape made is left out."""
    began_ns, now_s = clock.now_ns(), clock.wall().timestamp()
    storage.add(labels_of({"__name__": "own", "namespace": "us-east-1", "app": "till"}), now_s - 1.0, 1.0)
    for name, ago in (("till:up:rate", 2.0), ("ALERTS", 2.0), ("lone_bucket", 2.0), ("gappy", 9.0), ("gappy", 1.0)):
        storage.add(labels_of({"__name__": name, "namespace": "north", "app": "till"}), now_s - ago, 1.0)
    reader = SeriesReader(target.model_copy(update={"kubernetes": Kubernetes(context="x", namespace="north")}))
    (place, found), *_ = reader.read().items()
    assert (place, sorted(found)) == (("north", "till"), ["gappy", "up"])
    assert found["gappy"].gap_ns == pytest.approx(8e9, rel=0.01)
    assert found["gappy"].gap_from_ns == found["gappy"].first_ns
    assert found["up"].gap_ns == pytest.approx(1e9, rel=0.01)
    assert -1.1e9 < found["up"].last_ns - began_ns < clock.now_ns() - began_ns - 0.9e9
    assert set(reader.read()["north", "till"]) <= {"gappy", "up"}
    other = SeriesReader(target.model_copy(update={"kubernetes": Kubernetes(context="x", namespace="us-east-1")}))
    assert {place: sorted(of) for place, of in other.read().items()} == {("us-east-1", "till"): ["own"]}


def test_samples_of_a_service_monitor_are_read_where_no_series_has_the_label_app(
    storage: Storage, target: Target
) -> None:
    """By the service or the job that scrapes them; what the kubelet says of a pod is no metric of it."""
    now_s = clock.wall().timestamp()
    for name, labels in {
        "own": {"pod": "till-0", "service": "till", "job": "metrics"},
        "other": {"pod": "cart-0", "job": "south/cart"},
        "container_cpu_usage_seconds_total": {"pod": "till-0", "job": "kubelet"},
    }.items():
        storage.add(labels_of({"__name__": name, "namespace": "south", **labels}), now_s - 1.0, 1.0)
    reader = SeriesReader(target.model_copy(update={"kubernetes": Kubernetes(context="x", namespace="south")}))
    assert {place: sorted(of) for place, of in reader.read().items()} == {
        ("south", "till"): ["own"],
        ("south", "cart"): ["other"],
    }


def test_of_two_rules_of_one_name_each_is_named_with_its_severity() -> None:
    """The second one fails, and is not passed over."""
    rules = [
        AlertRule(name="Slow", health="ok", labels={"severity": "warning"}),
        AlertRule(name="Slow", health="err", labels={"severity": "critical"}),
        AlertRule(name="Loud", health="ok", labels={"severity": "critical"}),
    ]
    assert [(one.subject, one.ok) for one in (evaluates(rule, rules) for rule in rules)] == [
        ("Slow, severity warning", True),
        ("Slow, severity critical", False),
        ("Loud", True),
    ]


def test_one_of_the_rules_of_a_name_has_the_severity() -> None:
    """One that warns at a lower limit, and one that calls a person."""
    rules = [AlertRule(name="Slow", health="ok", labels={"severity": level}) for level in ("warning", "critical")]
    (critical,), (page,) = of_name("Slow", rules, "critical"), of_name("Slow", rules, "page")
    assert (critical.ok, critical.observed) == (True, "severity critical and warning")
    assert (page.ok, page.observed) == (False, "severity critical and warning")
