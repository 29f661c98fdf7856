"""Listeners in place of backends: as their pods are labelled, and no controller's; and what the calls of them show."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

import pytest

from harness.drivers.check.calling import CallerPod
from harness.drivers.check.ports import _Backend, _backends, _place_service, _service, _Tried, network_ports
from harness.drivers.facts import settled
from harness.targets import platform_of
from harness.targets.places import Clusters
from harness.targets.safety.intents import pending_intents
from harness.targets.undo import PendingUndos, recover
from tests.fake_clock import FakeClock
from tests.together.objects import service

if TYPE_CHECKING:
    from harness.model import Fact
    from harness.targets import Target
    from harness.targets.kubernetes import Cluster
    from tests.together.conftest import PocketCluster


class Answers:
    """A cluster whose one service selects pods of a Rollout, or of a Deployment."""

    def __init__(self, label: str = "pod-template-hash", **port: Any) -> None:
        self._label = label
        self._port = {"port": 8080, **port}

    def services(self, namespace: str) -> list[dict[str, Any]]:
        """One on 8080, and one on another port."""
        del namespace
        return [
            {"metadata": {"name": "tracks"}, "spec": {"selector": {"app": "tracks"}, "ports": [self._port]}},
            {"metadata": {"name": "store"}, "spec": {"selector": {"app": "store"}, "ports": [{"port": 5432}]}},
        ]

    def pods(self, namespace: str, label_selector: str) -> list[dict[str, Any]]:
        """One pod."""
        assert (namespace, label_selector) == ("eu", "app=tracks")
        container = {
            "ports": [
                {"name": "http", "containerPort": 8080},
                {"name": "https", "containerPort": 8443},
                {"containerPort": 9},
            ]
        }
        labels = {"app": "tracks", "tier": "backend", self._label: "5f6d"}
        return [{"metadata": {"labels": labels}, "spec": {"containers": [{}, container]}}]


class Log:
    """The log of a caller, which has one more round each time that it is read; the last one goes on."""

    url = "https://pocket"

    def __init__(self, *rounds: dict[str, str]) -> None:
        self._rounds = rounds
        self._read = 0

    def pod_log(self, namespace: str, name: str) -> str:
        """The rounds so far, and a line that is not written out yet."""
        assert (namespace, name) == ("eu", "caller")
        self._read += 1
        done = [self._rounds[min(n, len(self._rounds) - 1)] for n in range(self._read)]
        return "".join(f"{json.dumps([n, came])}\n" for n, came in enumerate(done, 1)) + "[9, {"


def test_a_listener_is_no_pod_of_a_replica_set() -> None:
    """With the label of its hash the ReplicaSet would delete it, or another pod, as one too many."""
    for label in ("pod-template-hash", "rollouts-pod-template-hash"):
        [backend] = _backends(cast("Cluster", Answers(label)), "eu", 8080)
        assert (backend.name, backend.labels) == ("tracks", {"app": "tracks", "tier": "backend"})


@pytest.mark.parametrize(
    ("leads", "behind", "others"),
    [
        ({}, 8080, [8081, 9090, 15672]),
        ({"targetPort": 8443}, 8443, [8081, 9090, 15672]),
        ({"targetPort": "https"}, 8443, [8081, 9090, 15672]),
        ({"targetPort": 9090}, 9090, [8081, 15672]),
    ],
)
def test_a_listener_listens_where_the_service_leads_to(leads: dict[str, Any], behind: int, others: list[int]) -> None:
    """A policy names the port of the pods: where a Service leads its 8080 to 8443, none lets a caller reach a listener on 8080."""
    [backend] = _backends(cast("Cluster", Answers(**leads)), "eu", 8080)
    ports = _service("eu", backend, 8080)["spec"]["ports"]
    assert [(one["port"], one["targetPort"]) for one in ports] == [
        (8080, behind),
        *((other, other) for other in others),
    ]


def came(main: str, *, other: str = "refused", last: str = "refused") -> dict[str, str]:
    """A round of calls of one listener: of its port, and of the others."""
    return {"l:8080": main, "l:8081": other, "l:9090": other, "l:15672": last}


def tried(*rounds: dict[str, str]) -> dict[str, Fact]:
    """What a check finds in a log with these rounds, by port."""
    backend = _Backend(name="tracks", labels={"app": "tracks"}, listener="l", behind=8080)
    caller = CallerPod(cluster=cast("Cluster", Log(*rounds)), namespace="eu", name="caller")
    place = _Tried(place="eu", caller=caller, label="frontend", port=8080, backends=[backend])
    return {fact.subject.removeprefix("eu: frontend to tracks on TCP "): fact for fact in settled(place.probe)}


def test_a_port_is_refused_where_the_listener_is_reached_in_the_same_round(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its image is pulled for twelve rounds; a connection that is closed at once is refused by what forwards it."""
    FakeClock.installed(monkeypatch)
    found = tried(*[came("refused")] * 12, came("accepted"), came("accepted", last="closed"))
    assert {port: (fact.ok, fact.observed) for port, fact in found.items()} == {
        "8080": (True, "accepted"),
        "8081": (True, "refused"),
        "9090": (True, "refused"),
        "15672": (True, "refused"),
    }


def test_a_listener_that_is_never_reached_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each port refuses, for nothing listens there."""
    FakeClock.installed(monkeypatch)
    found = tried(came("refused"))
    assert {fact.ok for fact in found.values()} == {None}
    assert found["8081"].observed == "refused, while port 8080 was not reached"


def test_a_port_that_accepted_once_does_not_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a round before the others, and in none after it; one without an answer in time is not known."""
    FakeClock.installed(monkeypatch)
    found = tried(came("accepted", last="accepted"), *[came("accepted", other="no answer")] * 9)
    assert {port: fact.ok for port, fact in found.items()} == {"8080": True, "8081": None, "9090": None, "15672": False}


def test_a_region_without_the_port_and_a_backend_without_a_pod_are_not_passed_over(
    cluster: PocketCluster, target: Target
) -> None:
    """Nothing can be shown of them."""
    cluster.create("Service", service("tracks"))
    with network_ports(target, {"port": "8080"}) as probe:
        assert [(one.subject, one.observed, one.ok) for one in probe()] == [
            ("north: tracks on TCP 8080", "it has no pod", None),
            ("south: TCP 8080", "none", None),
        ]


def test_the_service_of_a_listener_is_deleted_in_the_cluster_where_it_was_made(
    cluster: PocketCluster, target: Target
) -> None:
    """Its undo names the API server of its region, which recovery finds again."""
    del cluster
    here, platform = Clusters(target).of("south"), platform_of(target)
    body = _service("south", _Backend(name="tracks", labels={}, listener="readiness-listener-1", behind=8080), 8080)
    with PendingUndos(target, "check network-ports") as undos:
        _place_service(undos, here, body)
        (intent,) = pending_intents(platform)
        assert (intent.undo["do"], intent.undo["api_server"]) == ("delete-service", here.url)
        assert [one["metadata"]["name"] for one in here.services("south")] == ["readiness-listener-1"]
        assert len(recover(target, platform).undone) == 1
        assert here.services("south") == []
    assert pending_intents(platform) == []
