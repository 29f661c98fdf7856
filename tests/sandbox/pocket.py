"""What the tests of the machinery share: a whole cluster without platform, and containers for it."""

from __future__ import annotations

import json
import os
import shutil
import ssl
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import yaml
from kubernetes import client, config

from harness import clock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SERVER = """
import http.server, os, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/healthz" and os.path.exists("sick"):
            self.send_error(503)
        else:
            self.send_response(200); self.end_headers(); self.wfile.write(os.environ["HOSTNAME"].encode())
    def do_POST(self):
        self.send_response(200); self.end_headers()
        open("sick", "w") if self.path == "/sick" else os.path.exists("sick") and os.remove("sick")
    def log_message(self, *_):
        pass
print("serving", os.environ["HOSTNAME"], flush=True)
http.server.ThreadingHTTPServer((os.environ["POD_IP"], 8080), Handler).serve_forever()
"""


GENUINE = "GENUINE_KUBECONFIG"
"""Names the kubeconfig of a genuine cluster, as `scripts/genuine run` does."""
needs_kubectl = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not on PATH")


def run_kubectl(
    directory: Path, *arguments: str, stdin: str | None = None, check: bool = True, seconds: float = 120
) -> str:
    """What kubectl prints with the kubeconfig of that directory; its standard error too when it is not expected to succeed."""
    env = {**os.environ, "KUBECONFIG": str(directory / "kubeconfig"), "KUBECACHEDIR": str(directory / "cache")}
    done = subprocess.run(
        ["kubectl", *arguments], env=env, input=stdin, capture_output=True, text=True, timeout=seconds, check=False
    )
    if check:
        assert done.returncode == 0, done.stderr
        return done.stdout
    return done.stdout + done.stderr


@dataclass(frozen=True)
class PocketCluster:
    """A running cluster: its directory, the pid of its supervisor, and the official clients."""

    directory: Path
    pid: int
    core: Any
    apps: Any
    networking: Any

    @property
    def kubeconfig(self) -> Path:
        """What clients need."""
        return self.directory / "kubeconfig"

    @property
    def context(self) -> str:
        """Of the kubeconfig."""
        return str(yaml.safe_load(self.kubeconfig.read_text())["current-context"])

    def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        """What kubectl prints; its standard error too when it is not expected to succeed."""
        return run_kubectl(self.directory, *arguments, stdin=stdin, check=check)

    def get(self, path: str) -> str:
        """What the API server answers at a path, as text."""
        of = self.core.api_client.configuration
        headers = {"authorization": next(iter(of.api_key.values())), "accept": "text/plain;version=0.0.4"}
        trust = ssl.create_default_context(cafile=of.ssl_ca_cert)
        answer = httpx.get(f"{of.host}{path}", headers=headers, verify=trust, trust_env=False)
        assert answer.status_code == 200, answer.text
        return answer.text

    def until(self, holds: Callable[[], bool], seconds: float = 60.0) -> float:
        """Seconds until it held; fails the test when that is never within `seconds`."""
        began = clock.now_s()
        for _ in clock.Deadline.after(seconds).ticks(0.01):
            if holds():
                return clock.now_s() - began
        pytest.fail(f"did not hold within {seconds} s; {self.glance()}")

    def glance(self) -> list[tuple[str, str, bool]]:
        """Name, phase and readiness of all pods in `default`."""
        return [(pod.metadata.name, pod.status.phase, ready(pod)) for pod in self.pods()]

    @contextmanager
    def cordoned(self) -> Iterator[None]:
        """No pod is placed on a node meanwhile: what is not there yet does not come, however long the test takes."""
        self._cordon(on=True)
        try:
            yield
        finally:
            self._cordon(on=False)

    def _cordon(self, *, on: bool) -> None:
        for node in self.core.list_node().items:
            self.core.patch_node(node.metadata.name, {"spec": {"unschedulable": on}})

    def pods(self, selector: str = "") -> list[Any]:
        """The pods in `default`."""
        return list(self.core.list_namespaced_pod("default", label_selector=selector).items)

    def ready_pods(self, selector: str = "") -> list[Any]:
        """Those of them that are Ready."""
        return [pod for pod in self.pods(selector) if ready(pod)]


def ready(pod: Any) -> bool:
    """Whether a pod of the official client is Ready and not ending."""
    conditions = {each.type: each.status for each in pod.status.conditions or ()}
    return conditions.get("Ready") == "True" and pod.metadata.deletion_timestamp is None


def server_container(**more: Any) -> dict[str, Any]:
    """A container that serves its pod's name; POST /sick makes its readiness fail, POST /well fixes it."""
    return {
        "name": "web",
        "image": "test/web:1",
        "command": ["python", "-c", SERVER],
        "ports": [{"name": "http", "containerPort": 8080}],
        "env": [{"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
        "readinessProbe": {
            "httpGet": {"path": "/healthz", "port": "http"},
            "periodSeconds": 1,
            "failureThreshold": 1,
            "timeoutSeconds": 20,
        },
        **more,
    }


@contextmanager
def running(directory: Path, *options: str) -> Iterator[PocketCluster]:
    """A cluster in that directory, held by this process."""
    argv = [sys.executable, "-m", "readiness_sandbox", str(directory), "--hold", *options]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        news = json.loads(child.stdout.readline())
        assert "ready" in news, news
        with _connected(directory, child.pid) as cluster:
            yield cluster
        assert child.stdin is not None
        child.stdin.close()
        child.wait(60)


@contextmanager
def running_or_genuine(directory: Path) -> Iterator[PocketCluster]:
    """The genuine cluster where there is one, else one of the sandbox's in that directory: what a test says holds on both."""
    if GENUINE not in os.environ:
        with running(directory) as cluster:
            yield cluster
        return
    directory.mkdir()
    shutil.copy(os.environ[GENUINE], directory / "kubeconfig")
    with _connected(directory, os.getpid()) as cluster:
        yield cluster


@contextmanager
def _connected(directory: Path, pid: int) -> Iterator[PocketCluster]:
    api: Any = config.new_client_from_config(str(directory / "kubeconfig"), persist_config=False)  # type: ignore[no-untyped-call]
    yield PocketCluster(directory, pid, client.CoreV1Api(api), client.AppsV1Api(api), client.NetworkingV1Api(api))
    api.close()
