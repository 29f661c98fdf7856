"""A layer that was switched off by variables of pods: it is on again when no pod of the other template is left."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from harness.drivers.check.layers.switches import switched_off
from harness.errors import DriverError
from harness.targets import Target
from harness.targets.files.attacks import Switch
from tests.builders.http_servers import serving
from tests.drivers.check.check_builders import Answers, cluster_at, shop_of
from tests.fake_clock import FakeClock

KINDS = {"Deployment": "deployments", "DaemonSet": "daemonsets", "ConfigMap": "configmaps"}
CHECKED = {"name": "gateway", "env": [{"name": "CHECKS", "value": "yes"}]}
REPLACED = {"updatedReplicas": 1, "replicas": 2, "readyReplicas": 1}
DONE = {"updatedReplicas": 1, "replicas": 1, "readyReplicas": 1}
NODES_REPLACED = {"desiredNumberScheduled": 3, "updatedNumberScheduled": 2, "numberReady": 3}
UNSEEN = {"observedGeneration": 0}
NODES_DONE = {"desiredNumberScheduled": 3, "updatedNumberScheduled": 3, "numberReady": 3}


class OneWorkload:
    """A workload of an API server; its controller goes on with each read after it was put back.

    Attributes:
        env: its variables after each change. read: number of reads since the last change.
    """

    def __init__(self, kind: str, statuses: list[dict[str, int]]) -> None:
        self.kind, self.statuses = kind, statuses
        self.container: dict[str, Any] = CHECKED
        self.env: list[Any] = []
        self.read = 0

    def seen(self) -> dict[str, Any]:
        """The object now."""
        status = self.statuses[min(self.read, len(self.statuses) - 1)]
        self.read += 1
        spec = {"replicas": 1, "template": {"spec": {"containers": [self.container]}}}
        meta = {"name": "gateway", "namespace": "shop", "generation": 1}
        own = {"apiVersion": "apps/v1", "kind": self.kind, "metadata": meta}
        return {**own, "spec": spec, "status": {"observedGeneration": 1, **status}}

    def change(self, patch: dict[str, Any]) -> None:
        """A merge patch of its containers."""
        (self.container,) = patch["spec"]["template"]["spec"]["containers"]
        self.env.append(self.container["env"])
        self.read = 0


@contextmanager
def platform(workload: OneWorkload, directory: Path) -> Iterator[Target]:
    """A target whose API server has this workload alone."""

    class Handler(Answers, BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kinds = [{"kind": kind, "name": name, "namespaced": True} for kind, name in KINDS.items()]
            self.say(200, {"resources": kinds} if self.path == "/apis/apps/v1" else workload.seen())

        def do_PATCH(self) -> None:
            workload.change(json.loads(self.sent()))
            self.say(200, workload.seen())

    with serving(Handler) as url:
        yield shop_of(directory, entry=url, disposable=True, kubernetes=cluster_at(directory, url))


def off_and_on(workload: OneWorkload, directory: Path) -> None:
    """Switch off by a variable, and on again."""
    variables = {"CHECKS": "no"}
    switch = Switch.model_validate(
        {"object": {"version": "apps/v1", "kind": workload.kind, "name": "gateway", "variables": variables}}
    )
    with platform(workload, directory) as target, switched_off(target, [switch], "the gateway's check", "layers"):
        assert workload.env == [[{"name": "CHECKS", "value": "no"}]]


@pytest.mark.parametrize(
    ("kind", "statuses"),
    [
        ("Deployment", [REPLACED, REPLACED, REPLACED, REPLACED, DONE]),
        ("Deployment", [{**DONE, **UNSEEN}] * 4 + [DONE]),
        ("DaemonSet", [NODES_REPLACED, NODES_REPLACED, NODES_REPLACED, NODES_REPLACED, NODES_DONE]),
        ("DaemonSet", [{**NODES_DONE, **UNSEEN}] * 4 + [NODES_DONE]),
    ],
)
def test_a_layer_is_on_again_when_its_last_old_pod_is_gone(
    kind: str, statuses: list[dict[str, int]], tmp_path: Path
) -> None:
    """What is read next, as the images of pods, is of one template."""
    workload = OneWorkload(kind, statuses)
    off_and_on(workload, tmp_path)
    assert workload.env[-1] == CHECKED["env"]
    assert workload.read >= len(statuses)


@pytest.mark.parametrize(("kind", "status"), [("Deployment", REPLACED), ("DaemonSet", NODES_REPLACED)])
def test_a_workload_that_keeps_an_old_pod_is_an_error(
    kind: str, status: dict[str, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a minute and a half; it was put back before."""
    FakeClock.installed(monkeypatch)
    workload = OneWorkload(kind, [status])
    with pytest.raises(DriverError, match="only ready pods of its template 90 s after"):
        off_and_on(workload, tmp_path)
    assert workload.env[-1] == CHECKED["env"]


def test_an_object_without_pods_is_not_waited_for(tmp_path: Path) -> None:
    """No controller counts pods of its template."""
    workload = OneWorkload("ConfigMap", [{}])
    off_and_on(workload, tmp_path)
    assert workload.env[-1] == CHECKED["env"]
