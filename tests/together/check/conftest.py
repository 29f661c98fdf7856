"""Backends to be checked: real HTTP services, one of which may be told to refuse."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.targets import Target, load_target
from tests.builders.addresses import NET

if TYPE_CHECKING:
    from tests.together.conftest import PocketCluster


class Backend(ThreadingHTTPServer):
    """Answers every path with `status` at its address, port 8080.

    Attributes:
        status: of the next answers; 0 hangs up without one.
        body: of all answers.
        callers: addresses and ports that requests came from.
        routes: answers of their own, by path: status, headers and body.
        times: how many more answers have that status before 200 comes back; -1: all.
    """

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def __init__(self, address: str) -> None:
        super().__init__((address, 8080), _Handler)
        self.status = 200
        self.times = -1
        self.paths: list[str] = []
        self.body = b"{}"
        self.callers: set[tuple[str, int]] = set()
        self.routes: dict[str, tuple[int, dict[str, str], bytes]] = {}

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no news."""


class _Handler(BaseHTTPRequestHandler):
    server: Backend

    def do_GET(self) -> None:
        backend = self.server
        backend.paths.append(self.path)
        backend.callers.add(self.client_address)
        status = backend.status if backend.times else 200
        backend.times -= 1 if backend.times > 0 else 0
        status, headers, body = backend.routes.get(self.path, (status, {}, backend.body))
        if status:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Quiet."""


@pytest.fixture
def backends() -> Iterator[list[Backend]]:
    """Two backends, at the first two addresses of this process."""
    servers = [Backend(f"{NET}1"), Backend(f"{NET}2")]
    threads = [threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.05}) for one in servers]
    for thread in threads:
        thread.start()
    yield servers
    for server, thread in zip(servers, threads, strict=True):
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def target(cluster: PocketCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Target:
    """A target of two regions in one pocket cluster, with the state directory of the test."""
    monkeypatch.setenv("READINESS_STATE", str(tmp_path / "state"))
    file = tmp_path / "target.yaml"
    file.write_text(
        "name: pocket\n"
        "environment: sandbox\n"
        f"entry: http://{NET}1:8080\n"
        "regions:\n"
        f"  north: {{entry: 'http://{NET}1:8080', namespace: north}}\n"
        f"  south: {{entry: 'http://{NET}2:8080', namespace: south}}\n"
        "primary_region: north\n"
        f"kubernetes: {{context: pocket, namespace: north, kubeconfig: {cluster.kubeconfig}}}\n"
        "probes: {services: {api-gateway: /health, user-service: /users/listener-1, track-service: {path: /tracks/1}}}\n"
        "callers: {accepted: {app: frontend}, refused: {app: stranger}}\n"
        "release: {version: 1.0.0, images: true, path: /version}\n"
        "disposable: true\n",
        encoding="utf-8",
    )
    return load_target(file)
