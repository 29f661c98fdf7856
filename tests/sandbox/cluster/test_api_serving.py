"""Serving: starting, stopping, files."""

from __future__ import annotations

import asyncio
import signal
import ssl
import stat
from typing import TYPE_CHECKING

import pytest

from harness import clock
from harness.errors import SandboxError
from readiness_sandbox.cluster import kubeconfig, serving
from readiness_sandbox.cluster.api import build_app
from readiness_sandbox.cluster.serving import listen, serve
from readiness_sandbox.cluster.store import Store
from readiness_sandbox.cluster.tls import Authority
from tests.sandbox.cluster.conftest import LeastMachinery

if TYPE_CHECKING:
    from pathlib import Path

WATCH = b"GET /api/v1/pods?watch=1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\n\r\n"


def test_a_stop_ends_open_watches_and_idle_connections_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No signal handler is taken, and neither a watch nor an idle TLS client holds the server up until its grace is over."""
    monkeypatch.setattr(serving, "SHUTDOWN_GRACE_S", 100)
    authority = Authority()
    authority.issue("api", addresses=["127.0.0.1"]).write(tmp_path / "cert", tmp_path / "key")
    trust = ssl.create_default_context(cadata=authority.certificate.decode())
    store = Store()
    app = build_app(store, LeastMachinery(store), "t")

    async def run() -> tuple[bytes, float]:
        stop, ready, sock = asyncio.Event(), asyncio.Event(), listen("127.0.0.1")
        port = sock.getsockname()[1]
        before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
        server = asyncio.create_task(
            serve(app, sock, certificate=tmp_path / "cert", key=tmp_path / "key", stop=stop, ready=ready)
        )
        await ready.wait()
        assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
        _, idle = await asyncio.open_connection("127.0.0.1", port, ssl=trust)
        reader, watcher = await asyncio.open_connection("127.0.0.1", port, ssl=trust)
        watcher.write(WATCH)
        head = await reader.readuntil(b"\r\n\r\n")
        begun = clock.now_s()
        stop.set()
        await server
        took = clock.now_s() - begun
        for writer in (idle, watcher):
            writer.transport.abort()
        await clock.asleep(0)
        return head, took

    head, took = asyncio.run(run())
    assert head.startswith(b"HTTP/1.1 200")
    assert took < 50


def test_a_taken_address_is_refused_with_its_name() -> None:
    """The message says which, and how to fix it."""
    with listen("127.0.0.1") as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SandboxError, match=f"127.0.0.1:{port}"):
            listen("127.0.0.1", port)


def test_files_with_secrets_are_private_even_when_they_replace_open_ones(tmp_path: Path) -> None:
    """Key and kubeconfig are 0600 from the first byte on."""
    path = tmp_path / "kubeconfig"
    path.write_text("old")
    path.chmod(0o644)
    kubeconfig.write(
        path, server="https://127.0.0.1:1", authority=b"pem", token="t", context="mine", namespace="us-east-1"
    )
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "current-context: mine" in path.read_text()
