"""What a run has put in place is taken away again, also where the API server is silent for a moment."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from kubernetes.client import ApiClient, Configuration

from harness.chaos.session import ChaosSession
from harness.drivers.check.flags.switching import switched
from harness.drivers.check.ports import _place_service
from harness.drivers.scale.scaled import Scaled
from harness.drivers.scale.stress import stressed
from harness.errors import DriverError, TargetUnreachable
from harness.targets import Target, load_target, platform_of
from harness.targets.cluster.patience import SILENT_S
from harness.targets.kubernetes import Cluster
from harness.targets.probe_pods import place_pod
from harness.targets.safety.intents import pending_intents
from harness.targets.undo import PendingUndos, undoable
from tests.fake_clock import FakeClock

FLAGS = {"flags": {"new": {"state": "ENABLED", "variants": {"on": True, "off": False}, "defaultVariant": "off"}}}
BODY = {"metadata": {"namespace": "shop", "name": "one"}}
ANSWERS = {
    "get_namespaced_custom_object": {"status": {"conditions": [{"type": "AllInjected", "status": "True"}]}},
    "read_namespaced_config_map": {"metadata": {"resourceVersion": "1"}, "data": {"flags.json": json.dumps(FLAGS)}},
}


class SilentCluster(Cluster):
    """A cluster whose API server does as asked, but for the next `silent` requests.

    Attributes:
        done: the calls that it has answered.
    """

    def __init__(self) -> None:
        super().__init__(ApiClient(Configuration(host="https://127.96.0.7:1")))
        self.silent = 0
        self.done: list[str] = []

    def _answer(self, method: Callable[..., Any], /, *_args: Any, **_kwargs: Any) -> tuple[int, bytes]:
        if self.silent:
            self.silent -= 1
            return 503, b""
        self.done.append(method.__name__)
        return 200, json.dumps(ANSWERS.get(method.__name__, {})).encode()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    """A clock that only moves in a sleep."""
    return FakeClock.installed(monkeypatch)


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: FakeClock) -> Target:
    """A target with a flag, and an undo log of its own."""
    del clock
    monkeypatch.setenv("READINESS_STATE", str(tmp_path / "state"))
    file = tmp_path / "target.yaml"
    flags = "{config_map: {namespace: shop, name: flags, key: flags.json}, ofrep: http://127.96.0.7:2}"
    file.write_text(f"name: stage\nenvironment: staging\nentry: https://a.test\nflags: {flags}\n")
    return load_target(file)


def stress(target: Target, cluster: Cluster) -> AbstractContextManager[None]:
    """Load on the pods of a service."""
    here = Scaled(cluster=cluster, namespace="shop", name="web", requests={}, labels={"app": "web"})
    return stressed(here, {}, target, platform_of(target), needs_s=1.0)


@contextmanager
def flag(target: Target, _cluster: Cluster) -> Iterator[None]:
    """A flag that may be switched."""
    with switched(target, "new", "flag-off"):
        yield


@contextmanager
def pods(target: Target, cluster: Cluster, number: int = 1) -> Iterator[None]:
    """One pod, or several, for a while."""
    with PendingUndos(target, "check pending-pod-runs") as undos:
        for each in range(number):
            place_pod(undos, cluster, {"metadata": {"namespace": "shop", "name": f"pod-{each}"}})
        yield


@contextmanager
def service(target: Target, cluster: Cluster) -> Iterator[None]:
    """A Service for a while."""
    with PendingUndos(target, "check network-ports") as undos:
        _place_service(undos, cluster, BODY)
        yield


@pytest.mark.parametrize(
    ("place", "call"),
    [
        (stress, "delete_namespaced_custom_object"),
        (flag, "read_namespaced_config_map"),
        (pods, "delete_namespaced_pod"),
        (service, "delete_namespaced_service"),
    ],
)
def test_an_undo_is_sent_again_while_the_api_server_is_silent(
    target: Target,
    monkeypatch: pytest.MonkeyPatch,
    place: Callable[[Target, Cluster], AbstractContextManager[None]],
    call: str,
) -> None:
    """Two answers of 503: the third request does it, and the entry is struck off."""
    cluster = SilentCluster()
    monkeypatch.setattr(Cluster, "of", lambda _target: cluster)
    with place(target, cluster):
        cluster.silent = 2
        cluster.done.clear()
        assert len(pending_intents(platform_of(target))) == 1
    assert (cluster.done, cluster.silent) == ([call], 0)
    assert pending_intents(platform_of(target)) == []


def test_what_is_in_place_together_shares_one_time(target: Target, clock: FakeClock) -> None:
    """Thirty pods of a check, and an API server that stays silent: 20 s, in which each is tried; they are in the undo log for the end of the run."""
    cluster, began_s = SilentCluster(), clock.monotonic()
    with pytest.raises(TargetUnreachable, match="503"), pods(target, cluster, 30):
        cluster.silent = 999
    assert clock.monotonic() - began_s == pytest.approx(SILENT_S, abs=1.0)
    assert len(pending_intents(platform_of(target))) == 30
    assert 999 - cluster.silent >= 30


tried: list[str] = []


def _thaw(_cluster: object, _target: Target, *, node: str, fails: int) -> None:
    tried.append(node)
    if fails < 0:
        raise DriverError(f"{node} is broken")
    if tried.count(node) <= fails:
        raise TargetUnreachable(f"{node} did not answer")


@undoable("thaw-in-turn", undo=_thaw)
def _freeze() -> None:
    """Nothing."""


def session_with(target: Target, **fails: int) -> ChaosSession:
    """A session that has intended to freeze these nodes; of each, how often its undo fails."""
    tried.clear()
    session = ChaosSession(target=target, platform=platform_of(target), experiment="frost")
    for node, number in fails.items():
        session.intend(_freeze, f"freeze {node}", node=node, fails=number)
    return session


def test_an_undo_of_an_experiment_that_fails_keeps_no_other_from_its_turn(target: Target) -> None:
    """The newest is broken for good, the next is silent twice: the error comes after the last."""
    session = session_with(target, first=0, second=2, last=-1)
    with pytest.raises(DriverError, match="last is broken"):
        session.undo(_freeze)
    assert tried == ["last", "second", "second", "second", "first"]
    assert [intent.undo["node"] for intent in pending_intents(session.platform)] == ["last"]


def test_the_undos_of_an_experiment_share_one_time(target: Target, clock: FakeClock) -> None:
    """An API server that stays silent is waited for once; each is tried at least once."""
    session, began_s = session_with(target, first=999, second=999, last=999), clock.monotonic()
    with pytest.raises(TargetUnreachable, match="last did not answer"):
        session.undo(_freeze)
    assert clock.monotonic() - began_s == pytest.approx(SILENT_S, abs=1.0)
    assert [tried.count(node) for node in ("second", "first")] == [1, 1]
    assert len(pending_intents(session.platform)) == 3


def test_stress_ends_itself_after_what_is_needed_of_it(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten seconds to begin, six minutes at a level, and a minute more: not before the level was held, and not much later."""
    cluster, bodies = SilentCluster(), list[Any]()
    monkeypatch.setattr(Cluster, "of", lambda _target: cluster)
    monkeypatch.setattr(cluster, "create_custom", lambda *args: bodies.append(args[-1]))
    here = Scaled(cluster=cluster, namespace="shop", name="web", requests={}, labels={"app": "web"})
    with stressed(here, {}, target, platform_of(target), needs_s=361.5):
        assert bodies[0]["spec"]["duration"] == "432s"
