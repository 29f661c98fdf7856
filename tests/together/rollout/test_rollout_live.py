"""Deployments and Services of a real cluster, changed and taken back over the official client; and what a `kill -9` leaves."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from harness.drivers.rollout import Changeable, FollowedSpec, Reversal, changeable, go_back, take_over
from harness.drivers.rollout.candidate import relabelled
from harness.errors import DriverError
from harness.model.planned.rollout import ReversedBy
from harness.targets import Target, platform_of
from harness.targets.kubernetes import Cluster
from harness.targets.safety.intents import pending_intents, strike_intent
from harness.targets.undo import recover
from tests.sandbox.pocket import PocketCluster, running_or_genuine, server_container

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]
KILLED = """
import os, signal, sys
from pathlib import Path
from harness.drivers.rollout import changeable, intend_back, take_over
from harness.drivers.rollout.candidate import relabelled
from harness.targets import load_target, platform_of
from harness.targets.kubernetes import Cluster

target = load_target(Path(sys.argv[1]))
here = changeable(Cluster.of(target), "Deployment", "default", "web")
old = here.template(here.present())
new = relabelled(old, "version", "1.1.0")
intend_back(platform_of(target), "rolling", here, release="1.0.0", candidate="1.1.0", template=new)
take_over(here, new)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(scope="module")
def pocket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PocketCluster]:
    """A cluster with nothing in it."""
    with running_or_genuine(tmp_path_factory.mktemp("rollouts") / "sandbox") as cluster:
        yield cluster


def _deployed(pocket: PocketCluster, release: str, name: str = "web", **spec: Any) -> None:
    labels = {"app": "web", "version": release}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [server_container(image=f"test/web:{release}")]}}
    selector = {"matchLabels": {"app": "web"} if name == "web" else labels}
    body = {"metadata": {"name": name}, "spec": {"replicas": 2, "selector": selector, "template": template, **spec}}
    pocket.apps.create_namespaced_deployment("default", body)
    pocket.until(lambda: len(pocket.ready_pods(f"app=web,version={release}")) == 2)


@pytest.fixture
def web(pocket: PocketCluster, target: Target) -> Iterator[Changeable]:
    """A Deployment of two replicas of release 1.0.0."""
    _deployed(pocket, "1.0.0")
    here = changeable(Cluster.of(target), "Deployment", "default", "web")
    pocket.until(lambda: here.status().at_rest)
    yield here
    pocket.apps.delete_collection_namespaced_deployment("default")
    pocket.until(lambda: not pocket.pods())


def _releases(pocket: PocketCluster) -> set[str]:
    return {pod.metadata.labels["version"] for pod in pocket.ready_pods("app=web")}


def test_a_deployment_takes_over_and_is_undone_from_its_own_history(pocket: PocketCluster, web: Changeable) -> None:
    """As `kubectl rollout status` and `undo` do; the way back raises the revision."""
    old, was = web.template(web.present()), web.status().current
    take_over(web, relabelled(old, "version", "1.1.0"))
    pocket.until(lambda: web.status().at_rest and web.status().current != was)
    assert _releases(pocket) == {"1.1.0"}
    web.undo()
    pocket.until(lambda: go_back(web, old, was, hasten=False, restore=False))
    pocket.until(lambda: _releases(pocket) == {"1.0.0"})
    assert int(web.status().current) > int(was)


def test_an_undo_of_others_is_told_from_the_candidate(pocket: PocketCluster, web: Changeable) -> None:
    """As `kubectl rollout undo` by others while the candidate takes over."""
    old = web.template(web.present())
    new = relabelled(old, "version", "1.1.0")
    followed = FollowedSpec(web, old, web.status().current, new)
    take_over(web, new)
    pocket.until(lambda: followed.read().at_rest and _releases(pocket) == {"1.1.0"})
    going = followed.back
    web.undo()
    followed.read()
    why = "Deployment default/web: another user or controller set its spec back to test/web:1.0.0"
    assert (going, followed.back) == (None, Reversal(by=ReversedBy.PLATFORM, why=why))


def test_without_a_history_there_is_no_way_back_by_hand(pocket: PocketCluster, web: Changeable) -> None:
    """`revisionHistoryLimit: 0`; what the undo log has brings it back all the same."""
    pocket.apps.patch_namespaced_deployment("web", "default", {"spec": {"revisionHistoryLimit": 0}})
    old, was = web.template(web.present()), web.status().current
    take_over(web, relabelled(old, "version", "1.1.0"))
    pocket.until(lambda: web.status().at_rest and _releases(pocket) == {"1.1.0"})
    pocket.until(lambda: len(pocket.apps.list_namespaced_replica_set("default").items) == 1)
    with pytest.raises(DriverError, match="no rollout history found for Deployment default/web"):
        web.undo()
    pocket.until(lambda: go_back(web, old, was, hasten=False, restore=True))
    pocket.until(lambda: _releases(pocket) == {"1.0.0"})


def test_a_rollout_that_was_killed_ends_on_one_release_which_recover_names(
    pocket: PocketCluster, web: Changeable, target: Target
) -> None:
    """The way back was on disk before anything was changed; a second recovery has nothing to do."""
    killed = subprocess.run([sys.executable, "-c", KILLED, str(target.file)], check=False, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    assert web.template(web.present())["metadata"]["labels"]["version"] == "1.1.0"
    recovered = recover(target)
    assert (len(recovered.undone), recovered.left) == (1, ())
    assert "take-back Deployment default web 1.0.0" in recovered.undone[0]
    assert web.status().at_rest
    pocket.until(lambda: _releases(pocket) == {"1.0.0"})
    assert pending_intents(platform_of(target)) == []
    assert recover(target).undone == ()


def test_what_others_rolled_out_since_is_not_taken_back(pocket: PocketCluster, target: Target, web: Changeable) -> None:
    """An image of neither release stays, and so does the entry of the undo log, which says why."""
    subprocess.run([sys.executable, "-c", KILLED, str(target.file)], check=False, timeout=60)
    theirs = relabelled(web.template(web.present()), "version", "2.0.0")
    web.replace(theirs)
    recovered = recover(target, within_s=0)
    assert [one.why for one in recovered.left] == [
        "Deployment default/web has test/web:2.0.0, of neither release: another user or controller changed it"
    ]
    assert web.template(web.present()) == theirs
    (intent,) = pending_intents(platform_of(target))
    strike_intent(intent)


def test_a_service_is_switched_to_the_other_colour_and_back(pocket: PocketCluster, target: Target) -> None:
    """Complete when exactly the ready pods of that colour are its endpoints."""
    _deployed(pocket, "1.0.0", "web-blue")
    _deployed(pocket, "1.1.0", "web-green")
    selector = {"app": "web", "version": "1.0.0"}
    spec = {"selector": selector, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}
    pocket.core.create_namespaced_service("default", {"metadata": {"name": "web"}, "spec": spec})
    here = changeable(Cluster.of(target), "Service", "default", "web")
    pocket.until(lambda: here.status().at_rest)
    take_over(here, relabelled(selector, "version", "1.1.0"))
    pocket.until(lambda: here.status().switched and here.status().current == "app=web,version=1.1.0")
    here.undo()
    pocket.until(lambda: go_back(here, selector, "app=web,version=1.0.0", hasten=False, restore=False))
    pocket.core.delete_namespaced_service("web", "default")
    pocket.apps.delete_collection_namespaced_deployment("default")
    pocket.until(lambda: not pocket.pods())
