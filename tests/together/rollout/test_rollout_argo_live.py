"""Rollouts of Argo Rollouts' kind in a real cluster: begun, promoted, undone and aborted; another strategy; and what a `kill -9` leaves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
from kubernetes import client

from harness.drivers.rollout import (
    Changeable,
    FollowedSpec,
    ObjectStatus,
    Reversal,
    changeable,
    go_back,
    intend_back,
    take_over,
)
from harness.drivers.rollout.candidate import relabelled
from harness.errors import TargetUnreachable
from harness.model.planned.rollout import ReversedBy
from harness.targets import Target, platform_of
from harness.targets.cluster.workloads import ARGO, is_complete, replicated
from harness.targets.kubernetes import Cluster
from harness.targets.safety.intents import pending_intents
from harness.targets.undo import recover
from tests.sandbox.pocket import GENUINE, PocketCluster, running_or_genuine, server_container

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]
GROUP, VERSION = ARGO.split("/")
CANARY = {"canary": {"steps": [{"setWeight": 50}, {"pause": {}}]}}
COLOURS = {"blueGreen": {"activeService": "web", "previewService": "web-preview"}}
TOO_MUCH = {"canary": {"steps": [{"setWeight": 50}, {"setWeight": 150}]}}
KILLED = """
import json, os, signal, sys
from pathlib import Path
from harness.drivers.rollout import changeable, intend_back, take_over
from harness.drivers.rollout.candidate import relabelled
from harness.targets import load_target, platform_of
from harness.targets.kubernetes import Cluster

target = load_target(Path(sys.argv[1]))
here = changeable(Cluster.of(target), "Rollout", "default", "web")
old = here.template(here.present())
new = relabelled(old, "version", "1.1.0")
own = here.strategy(here.present())
intend_back(platform_of(target), "blue-green", here, release="1.0.0", candidate="1.1.0", template=new, strategy=own)
here.set_strategy(json.loads(sys.argv[2]))
take_over(here, new)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(scope="module")
def pocket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PocketCluster]:
    """A cluster with nothing in it but the Services of two colours."""
    with running_or_genuine(tmp_path_factory.mktemp("argo") / "sandbox") as cluster:
        for name in ("web", "web-preview"):
            spec = {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}
            cluster.core.create_namespaced_service("default", {"metadata": {"name": name}, "spec": spec})
        yield cluster
        for name in ("web", "web-preview"):
            cluster.core.delete_namespaced_service(name, "default")


@pytest.fixture
def kind() -> str:
    """What rolls out."""
    return "Rollout"


@pytest.fixture
def web(pocket: PocketCluster, target: Target) -> Iterator[Changeable]:
    """A Rollout of two replicas of release 1.0.0, which pauses at one half."""
    custom = client.CustomObjectsApi(pocket.core.api_client)
    labels = {"app": "web", "version": "1.0.0"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [server_container(image="test/web:1.0.0")]}}
    spec: dict[str, Any] = {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "web"}},
        "template": template,
        "strategy": CANARY,
    }
    body = {"apiVersion": ARGO, "kind": "Rollout", "metadata": {"name": "web"}, "spec": spec}
    custom.create_namespaced_custom_object(GROUP, VERSION, "default", "rollouts", body)
    here = changeable(Cluster.of(target), "Rollout", "default", "web")
    pocket.until(lambda: here.status().at_rest, 60)
    yield here
    custom.delete_namespaced_custom_object(GROUP, VERSION, "default", "rollouts", "web")
    pocket.until(lambda: not pocket.pods(), 60)


def _until(pocket: PocketCluster, web: Changeable, holds: Callable[[ObjectStatus], bool]) -> None:
    """Until it holds; a controller that has missed a write, as Argo's own does now and then, is woken as a run does it."""
    polls = count(1)

    def held() -> bool:
        status = web.status()
        if status.overlooked and next(polls) % 200 == 0:
            web.wake()
        return holds(status)

    pocket.until(held, 60)


def _until_back(
    pocket: PocketCluster, web: Changeable, old: dict[str, Any], was: str, *, restore: bool = False
) -> None:
    """Until it is at rest on what it was; what a controller may have missed is sent again after two seconds, not at once."""
    polls = count()

    def back() -> bool:
        again = next(polls) % 200 == 0
        return go_back(web, old, was, hasten=again, restore=restore and again)

    pocket.until(back, 90)


def _releases(pocket: PocketCluster) -> set[str]:
    return {pod.metadata.labels["version"] for pod in pocket.ready_pods("app=web")}


def test_a_canary_pauses_is_promoted_and_is_undone_from_its_history(pocket: PocketCluster, web: Changeable) -> None:
    """By the patches of `kubectl argo rollouts promote` and `undo`."""
    old, was = web.template(web.present()), web.status().current
    take_over(web, relabelled(old, "version", "1.1.0"))
    pocket.until(lambda: web.status().pause == "CanaryPauseStep", 60)
    assert (web.status().share, web.status().switched, _releases(pocket)) == (0.5, False, {"1.0.0", "1.1.0"})
    assert web.promote(web.present())
    pocket.until(lambda: web.status().at_rest and web.status().current != was, 60)
    pocket.until(lambda: _releases(pocket) == {"1.1.0"}, 60)
    web.undo()
    _until_back(pocket, web, old, was)
    pocket.until(lambda: _releases(pocket) == {"1.0.0"}, 60)


def test_a_promotion_that_is_executed_late_ends_no_other_pause(pocket: PocketCluster, web: Changeable) -> None:
    """Its answer was lost, and the object waits at the next pause of the same weight by then: the API server refuses it."""
    old, was = web.template(web.present()), web.status().current
    web.set_strategy({"canary": {"steps": [{"setWeight": 50}, {"pause": {}}, {"pause": {}}]}})
    pocket.until(lambda: web.status().at_rest, 60)
    take_over(web, relabelled(old, "version", "1.1.0"))
    pocket.until(lambda: web.status().pause == "CanaryPauseStep", 60)
    first = web.present()
    assert web.promote(first)
    _until(pocket, web, lambda status: status.step == 2 and status.pause == "CanaryPauseStep")
    with pytest.raises(TargetUnreachable, match="answered 422"):
        web.promote(first)
    assert (web.status().step, web.status().pause) == (2, "CanaryPauseStep")
    assert web.promote(web.present())
    _until(pocket, web, lambda status: status.at_rest and status.current != was)
    web.undo()
    _until_back(pocket, web, old, was)


def test_an_undo_of_others_is_told_from_the_candidate(pocket: PocketCluster, web: Changeable) -> None:
    """As `kubectl argo rollouts undo` by others while the candidate waits at one half."""
    old, was = web.template(web.present()), web.status().current
    new = relabelled(old, "version", "1.1.0")
    followed = FollowedSpec(web, old, was, new)
    take_over(web, new)
    pocket.until(lambda: followed.read().pause == "CanaryPauseStep", 60)
    going = followed.back
    web.undo()
    followed.read()
    why = "Rollout default/web: another user or controller set its spec back to test/web:1.0.0"
    assert (going, followed.back) == (None, Reversal(by=ReversedBy.PLATFORM, why=why))
    _until_back(pocket, web, old, was)


def test_a_canary_is_aborted_and_says_so(pocket: PocketCluster, web: Changeable) -> None:
    """Its spec keeps the candidate until it is set back."""
    old, was = web.template(web.present()), web.status().current
    take_over(web, relabelled(old, "version", "1.1.0"))
    pocket.until(lambda: web.status().pause == "CanaryPauseStep", 60)
    assert web.abort(web.present())
    _until(pocket, web, lambda status: status.aborted and status.phase == "Degraded")
    _until_back(pocket, web, old, was, restore=True)
    pocket.until(lambda: _releases(pocket) == {"1.0.0"}, 60)


def test_a_rollout_at_rest_takes_another_strategy_switches_and_gets_its_own_back(
    pocket: PocketCluster, web: Changeable
) -> None:
    """Canary, two colours there and back, canary: what runs is the same before and after."""
    old, was = web.template(web.present()), web.status().current
    web.set_strategy(COLOURS)
    pocket.until(lambda: web.status().at_rest, 60)
    take_over(web, relabelled(old, "version", "1.1.0"))
    pocket.until(lambda: web.status().switched and web.status().current != was, 60)
    web.undo()
    _until_back(pocket, web, old, was)
    web.set_strategy(CANARY)
    pocket.until(lambda: web.status().at_rest and web.status().current == was, 60)
    assert web.strategy(web.present()) == CANARY


def test_a_rollout_that_was_killed_ends_on_one_release_with_the_strategy_that_it_had(
    pocket: PocketCluster, web: Changeable, target: Target
) -> None:
    """Killed once the candidate was sent, with another strategy."""
    command = [sys.executable, "-c", KILLED, str(target.file), '{"blueGreen": {"activeService": "web"}}']
    killed = subprocess.run(command, check=False, timeout=120)
    assert killed.returncode == -signal.SIGKILL
    assert web.template(web.present())["metadata"]["labels"]["version"] == "1.1.0"
    recovered = recover(target)
    assert (len(recovered.undone), recovered.left) == (1, ())
    assert (web.status().at_rest, web.strategy(web.present())) == (True, CANARY)
    pocket.until(lambda: _releases(pocket) == {"1.0.0"}, 60)
    assert pending_intents(platform_of(target)) == []


def test_a_strategy_that_the_controller_refuses_is_returned_by_a_recovery(
    pocket: PocketCluster, web: Changeable, target: Target
) -> None:
    """Killed once it was set: with it the object is `InvalidSpec`, and never at rest."""
    own, platform = web.strategy(web.present()), platform_of(target)
    new = relabelled(web.template(web.present()), "version", "1.1.0")
    intend_back(platform, "o", web, release="1.0.0", candidate="1.1.0", template=new, strategy=own, lent=TOO_MUCH)
    web.set_strategy(TOO_MUCH)
    pocket.until(lambda: web.status().message.startswith("InvalidSpec: "), 60)
    recovered = recover(target)
    assert (len(recovered.undone), recovered.left) == (1, ())
    assert (web.status().at_rest, web.strategy(web.present())) == (True, CANARY)
    assert _releases(pocket) == {"1.0.0"}


def test_weights_that_fall_are_refused_by_the_sandbox_alone(pocket: PocketCluster, web: Changeable) -> None:
    """Argo Rollouts takes them: a row of the table in `docs/rollouts.md`."""
    web.set_strategy({"canary": {"steps": [{"setWeight": 50}, {"setWeight": 25}]}})
    if GENUINE in os.environ:
        _until(pocket, web, lambda status: status.at_rest)
        return
    _until(pocket, web, lambda status: "steps[1].setWeight: 25 is below 50 of an earlier step" in status.message)


def test_a_rollout_is_a_workload_that_is_scaled(pocket: PocketCluster, web: Changeable) -> None:
    """It is complete with all of its replicas, and as before once they are back."""
    cluster = web.cluster

    def rollout() -> Any:
        (one,) = replicated(cluster, "default")
        return one

    assert (rollout()["kind"], is_complete(rollout())) == ("Rollout", True)
    cluster.patch_custom(ARGO, "rollouts", "default", "web", {"spec": {"replicas": 0}})
    pocket.until(lambda: not pocket.pods("app=web"), 60)
    cluster.patch_custom(ARGO, "rollouts", "default", "web", {"spec": {"replicas": 2}})
    pocket.until(lambda: is_complete(rollout()), 60)


def test_nothing_is_left_to_undo_once_the_way_back_was_struck_off(target: Target, web: Changeable) -> None:
    """The intent names the strategy, so that whoever recovers gives it back."""
    new = relabelled(web.template(web.present()), "version", "1.1.0")
    own, platform = web.strategy(web.present()), platform_of(target)
    intent = intend_back(platform, "canary", web, release="1.0.0", candidate="1.1.0", template=new, strategy=own)
    assert intent.undo["strategy"] == CANARY
    assert len(recover(target).undone) == 1
