"""Pods that are asked during a rollout: their release, and how often they were asked for their health."""

from __future__ import annotations

from contextlib import closing

import pytest

from harness.drivers.check.workloads.pod_reads import PodReader, answers_on_health
from harness.targets import Target
from harness.targets.files.outside import Metrics
from tests.builders.addresses import NET
from tests.together.check.conftest import Backend
from tests.together.check.test_check_live import pod
from tests.together.conftest import PocketCluster

NAMES = Metrics(entry="api")
TEXT = """# TYPE http_requests_total counter
http_requests_total{route="health",status="200"} 7.0
http_requests_total{route="health",status="503"} 2.0
http_requests_total{route="read",status="200"} 99.0
http_requests_created{route="health",status="200"} 1.7e9
"""


def test_answers_on_health_are_counted_whatever_their_status() -> None:
    """Who answers 503 was asked; a pod without the route says nothing."""
    assert answers_on_health(TEXT, NAMES) == 9.0
    assert answers_on_health(TEXT.replace("health", "other"), NAMES) is None
    with pytest.raises(ValueError, match=r"could not convert|Invalid|many|float"):
        answers_on_health('http_requests_total{route="health"} many\n', NAMES)


def test_a_pod_is_read_again_on_the_same_connection(
    cluster: PocketCluster, target: Target, backends: list[Backend], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection to each pod in each of many readings would take the processors from what is measured."""
    monkeypatch.setattr(backends[0].RequestHandlerClass, "protocol_version", "HTTP/1.1")
    cluster.create("Pod", pod("a", "north", f"{NET}1"))
    backends[0].body = TEXT.encode()
    with closing(PodReader(target.model_copy(update={"metrics": NAMES}))) as reader:
        assert [[one.health for one in reader.read()] for _ in range(3)] == [[9.0]] * 3
    assert (len(backends[0].paths), len(backends[0].callers)) == (3, 1)


def test_every_pod_of_a_workload_is_asked(cluster: PocketCluster, target: Target, backends: list[Backend]) -> None:
    """Those on their way out too; one that gives no answer says why, and is none the less there."""
    leaving = pod("b", "south", f"{NET}2")
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    for one in (pod("a", "north", f"{NET}1"), leaving, pod("c", "south", f"{NET}9")):
        cluster.create("Pod", one)
    for backend in backends:
        backend.body = TEXT.encode()
    with closing(PodReader(target.model_copy(update={"metrics": NAMES}))) as reader:
        found = {one.pod: one for one in reader.read()}
    assert {name: (one.namespace, one.health, bool(one.why)) for name, one in found.items()} == {
        "a": ("north", 9.0, False),
        "b": ("south", 9.0, False),
        "c": ("south", None, True),
    }
    assert all(one.asked_ns <= one.at_ns for one in found.values())
