"""Metrics of pods: what can be told from an exposition, and what cannot."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram, Summary, generate_latest

from claims.monitor.exposed import exposed_metrics
from harness import clock
from harness.drivers.check.exposition import Exposition, read_exposition, scrape
from harness.targets.files.outside import Metrics
from tests.builders.addresses import NET
from tests.together.check.test_check_live import pod

if TYPE_CHECKING:
    from harness.targets import Target
    from tests.together.check.conftest import Backend
    from tests.together.conftest import PocketCluster

NAMES = Metrics(entry="api")


def exposition(*, buckets: bool = True, status: bool = True, count: bool = True) -> bytes:
    """What a service would expose: 20 answers of one route, two of them 503."""
    registry = CollectorRegistry()
    if buckets:
        seconds = Histogram("http_request_seconds", "s", ("route",), registry=registry, buckets=(0.01, 0.1))
    else:
        seconds = Summary("http_request_seconds", "s", ("route",), registry=registry)  # type: ignore[assignment]
    labels = ("route", "status") if status else ("route",)
    requests = Counter("http_requests_total", "n", labels, registry=registry) if count else None
    plays = Counter("plays_total", "n", registry=registry)
    for number in range(20):
        seconds.labels("read").observe(0.005 if number < 15 else 0.05)
        if requests is not None:
            requests.labels(*(("read", 503 if number < 2 else 200) if status else ("read",))).inc()
        plays.inc(3)
    return generate_latest(registry)


def read(text: bytes | str) -> Exposition:
    """The exposition of a pod of the entry."""
    plain = text if isinstance(text, str) else text.decode()
    return read_exposition(plain, NAMES, pod="a", workload="api", region="north", at_ns=1)


def test_buckets_answers_and_counters_are_read() -> None:
    """Cumulative, as Prometheus has them; what a counter was created at is none."""
    found = read(exposition())
    assert found.buckets == {"read": {0.01: 15.0, 0.1: 20.0, float("inf"): 20.0}}
    assert found.requests == {"read": {"200": 18.0, "503": 2.0}}
    assert found.counters == {"http_requests_total": 20.0, "plays_total": 60.0}
    assert not found.why


@pytest.mark.parametrize("text", ["http_requests_total{route=", "a b c d\n"])
def test_what_is_no_exposition_says_so(text: str) -> None:
    """And nothing is told from it."""
    found = read(text)
    assert found.why.startswith("its metrics cannot be read: ")
    assert not found.requests


@given(st.text(max_size=200))
def test_reading_never_raises(text: str) -> None:
    """Whatever a pod says."""
    assert isinstance(read(text), Exposition)


def told(target: Target) -> dict[str, bool | None]:
    """The facts of every pod."""
    return {one.subject.removeprefix("north/"): one.ok for one in exposed_metrics(target, {})()}


WHOLE = {"a p50": True, "a p95": True, "a p99": True, "a error rate": True, "a requests per second": True}


@pytest.fixture
def watched(cluster: PocketCluster, target: Target) -> Target:
    """A target with one pod, whose metrics have names."""
    cluster.create("Pod", pod("a", "north", f"{NET}1"))
    return target.model_copy(update={"metrics": NAMES})


@pytest.mark.parametrize(
    ("lacks", "bad"),
    [
        ({"buckets": False}, ["a p50", "a p95", "a p99"]),
        ({"status": False}, ["a error rate"]),
        ({"count": False}, ["a error rate", "a requests per second"]),
    ],
)
def test_what_a_service_does_not_expose_is_named(
    watched: Target, backends: list[Backend], lacks: dict[str, bool], bad: list[str]
) -> None:
    """A sum and a count are no quantile; a counter without a status knows no errors."""
    backends[0].body = exposition(**lacks)
    assert told(watched) == {**WHOLE, **dict.fromkeys(bad, False)}


def test_a_quantile_that_a_service_reckons_itself_counts(watched: Target, backends: list[Backend]) -> None:
    """A summary with p50 and p99, and no p95."""
    quantiles = 'http_request_seconds{route="read",quantile="0.5"} 0.005\nhttp_request_seconds{route="read",quantile="0.99"} 0.05\n'
    other = exposition(buckets=False).decode()
    lines = [line for line in other.splitlines() if "http_request_seconds" not in line]
    text = "# TYPE http_request_seconds summary\n" + quantiles + "\n".join(lines) + "\n"
    backends[0].body = text.encode()
    assert told(watched) == {**WHOLE, "a p95": False}


def test_a_pod_without_metrics_is_a_failure(watched: Target, backends: list[Backend], tmp_path: Path) -> None:
    """404 on the path."""
    backends[0].status = 404
    assert tmp_path.is_dir()
    assert told(watched) == {"a": False}


def test_a_pod_that_is_still_starting_is_not_read(
    watched: Target, backends: list[Backend], cluster: PocketCluster
) -> None:
    """It answers nothing yet, and has served nothing: no figure waits for it."""
    starting = pod("b", "north", "127.9.1.77")
    meta = {**starting["metadata"], "creationTimestamp": clock.wall().isoformat()}
    status = {**starting["status"], "conditions": [{"type": "Ready", "status": "False"}]}
    cluster.create("Pod", {**starting, "metadata": meta, "status": status})
    assert [(one.pod, one.workload, one.region) for one in scrape(watched)] == [("a", "api", "north")]
