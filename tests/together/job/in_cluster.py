"""A service in a cluster, a project that judges it from within, and the end of a Job's pod."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from kubernetes import client

from tests.plain.plain_project import HERE, Project

if TYPE_CHECKING:
    from tests.sandbox.pocket import PocketCluster

_CHECKOUT: Final = Path(__file__).parents[3]
PYTHONPATH: Final = os.pathsep.join([str(_CHECKOUT), str(_CHECKOUT / "sandbox")])
"""What an image of the harness would have installed."""


def deployment() -> dict[str, Any]:
    """Two pods of the service."""
    command = ["python", str(HERE / "service.py"), "--host", "$(POD_IP)", "--port", "8080"]
    container = {
        "name": "plain",
        "image": "test/plain:1",
        "command": command,
        "env": [{"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
        "readinessProbe": {"httpGet": {"path": "/health", "port": 8080}, "periodSeconds": 1},
    }
    template = {"metadata": {"labels": {"app": "plain"}}, "spec": {"containers": [container]}}
    selector = {"matchLabels": {"app": "plain"}}
    return {"metadata": {"name": "plain"}, "spec": {"replicas": 2, "selector": selector, "template": template}}


def project_of(cluster: PocketCluster, root: Path) -> Project:
    """The project in the image of a Job, whose target is that service; its file names no context."""
    address = cluster.core.read_namespaced_service("plain", "default").spec.cluster_ip
    made = Project.copy(root, f"http://{address}:8080", traffic="{rate: 20/s, for: 25 s}")
    made.edit("target.yaml", f"name: {made.name}", "name: plain")
    made.append("target.yaml", "kubernetes: {namespace: default}\n")
    return made


def printed_roles(project: Project) -> str:
    """What `plan --roles` prints outside of the cluster."""
    printed = project.do("plan", "--roles", KUBERNETES_SERVICE_HOST="")
    assert printed.code == 0, printed.said
    return printed.out


def kill_pod(name: str) -> None:
    """`kill -9` of every process of a pod, which its variable HOSTNAME tells."""
    mark = f"HOSTNAME={name}".encode()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended meanwhile
            if mark in (process / "environ").read_bytes().split(b"\0"):
                os.kill(int(process.name), signal.SIGKILL)


def ended(cluster: PocketCluster, name: str, seconds: float = 120.0) -> tuple[int, str]:
    """The exit code of a Job's pod and its log, once it has ended."""

    def phase() -> str:
        return next((pod.status.phase for pod in cluster.pods(f"job-name={name}")), "")

    cluster.until(lambda: phase() in ("Succeeded", "Failed"), seconds)
    (pod,) = cluster.pods(f"job-name={name}")
    return pod.status.container_statuses[0].state.terminated.exit_code, said(cluster, name)


def said(cluster: PocketCluster, name: str) -> str:
    """The log of a Job's pod; empty until it has started."""
    for pod in cluster.pods(f"job-name={name}"):
        try:
            return str(cluster.core.read_namespaced_pod_log(pod.metadata.name, "default"))
        except client.ApiException as error:
            if error.status != 400:
                raise
    return ""
