"""A control on each node: the server of the services, with nothing to do."""

from __future__ import annotations

import asyncio
from collections import Counter

from aiohttp.test_utils import TestClient, TestServer

from readiness_sandbox.platform import control, render
from readiness_sandbox.platform.normaldance.kit.app import build
from readiness_sandbox.platform.normaldance.kit.settings import PodSettings
from readiness_sandbox.releases import load_release


def test_each_node_has_one_that_runs_there_alone() -> None:
    """A namespace, and for each node a Service and a Deployment that is pinned to it."""
    made = control.objects(["a", "b"])
    assert Counter(each["kind"] for each in made) == {"Namespace": 1, "Service": 2, "Deployment": 2}
    pods = [each["spec"]["template"]["spec"] for each in made if each["kind"] == "Deployment"]
    assert [pod["nodeSelector"] for pod in pods] == [{"kubernetes.io/hostname": "a"}, {"kubernetes.io/hostname": "b"}]


def test_no_release_has_a_control_in_its_objects() -> None:
    """It is the sandbox's own: what a release changes leaves it alone, and no claim on the platform's objects counts it."""
    objects = render.without_credentials(load_release("1.0.0"))
    assert control.NAMESPACE not in {each["metadata"].get("namespace") for each in objects}


def test_it_answers_with_the_server_of_the_services() -> None:
    """Its health, and nothing else."""
    settings = PodSettings.from_env("control")

    async def asked() -> list[int]:
        async with TestClient(TestServer(build(settings, ()))) as client:
            return [(await client.get(path)).status for path in ("/health", "/tracks/1")]

    assert asyncio.run(asked()) == [200, 404]
