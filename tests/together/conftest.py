"""A real API server with TLS for drivers that talk to a cluster; its pods are processes that the fixture starts."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from readiness_sandbox.cluster import kinds, kubeconfig
from readiness_sandbox.cluster.api import build_app
from readiness_sandbox.cluster.serving import listen, serve
from readiness_sandbox.cluster.store import Store, WatchEvent
from readiness_sandbox.cluster.tls import Authority
from tests.drivers.conftest import made_members, members  # noqa: F401 - pytest's

if TYPE_CHECKING:
    from starlette.applications import Starlette


@dataclass
class Kubelet:
    """Runs each bare pod's command as a process; `environment` says what a pod with an `app` label is given."""

    store: Store
    logs_directory: Path
    environment: Callable[[str], dict[str, str]] = field(default=lambda _: {})
    written: str = "2026-01-31T12:00:00.123456789Z"
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def take(self, event: WatchEvent) -> None:
        """Start what was created."""
        pod = event.object
        command = pod.get("spec", {}).get("containers", [{}])[0].get("command") if event.kind.kind == "Pod" else None
        if event.type != "ADDED" or not command:
            return
        words = [sys.executable if word == "python" else word for word in command]
        name = pod["metadata"]["name"]
        with (self.logs_directory / name).open("wb") as log:
            env = {**os.environ, **self.environment(pod["metadata"]["labels"]["app"])}
            self.processes[name] = subprocess.Popen(words, stdout=log, stderr=subprocess.STDOUT, env=env)

    async def delete_pod(self, namespace: str, name: str, grace_seconds: int | None) -> dict[str, Any]:
        """End it at once."""
        self.end(name)
        return self.store.delete(kinds.by_name("Pod"), namespace, name)

    def end(self, name: str) -> None:
        """Kill and reap the pod's process, if it has one."""
        process = self.processes.pop(name, None)
        if process:
            process.kill()
            process.wait()

    async def logs(
        self, namespace: str, name: str, *, timestamps: bool, limit_bytes: int | None, **options: Any
    ) -> AsyncIterator[bytes]:
        """What its process has written, all of it at `written`."""
        stamp = f"{self.written} ".encode() if timestamps else b""
        yield (stamp + (self.logs_directory / name).read_bytes())[:limit_bytes]

    async def settle(self) -> None:
        """No controllers here."""


@dataclass
class PocketCluster:
    """A running API server: `do` reaches its store from the test's thread."""

    store: Store
    kubelet: Kubelet
    kubeconfig: Path
    loop: asyncio.AbstractEventLoop

    def do(self, change: Callable[[Store], Any]) -> Any:
        """Change the store in the server's loop, as the machinery does."""

        async def run() -> Any:
            return change(self.store)

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(timeout=60)

    def create(self, kind: str, obj: dict[str, Any]) -> dict[str, Any]:
        """Create an object, its status included."""

        def change(store: Store) -> dict[str, Any]:
            created = store.create(kinds.by_name(kind), obj)
            if "status" not in obj:
                return created
            return store.update(kinds.by_name(kind), {**created, "status": obj["status"]}, subresource="status")

        done: dict[str, Any] = self.do(change)
        return done


@contextmanager
def served(
    directory: Path, address: str, token: str, application: Callable[[asyncio.AbstractEventLoop], Starlette]
) -> Iterator[asyncio.AbstractEventLoop]:
    """An API server with TLS in a thread, and a kubeconfig in the directory with the context `pocket`; its loop."""
    loop, stop, ready = asyncio.new_event_loop(), asyncio.Event(), threading.Event()
    sock, authority = listen(address), Authority()
    certificate, key = directory / "api.pem", directory / "api.key"
    authority.issue("api", addresses=[address]).write(certificate, key)
    url = f"https://{address}:{sock.getsockname()[1]}"
    kubeconfig.write(
        directory / "kubeconfig", server=url, authority=authority.certificate, token=token, context="pocket"
    )
    app = application(loop)

    async def main() -> None:
        serving = asyncio.Event()
        task = asyncio.create_task(serve(app, sock, certificate=certificate, key=key, stop=stop, ready=serving))
        await serving.wait()
        ready.set()
        await task

    thread = threading.Thread(target=loop.run_until_complete, args=(main(),))
    thread.start()
    assert ready.wait(60)
    yield loop
    loop.call_soon_threadsafe(stop.set)
    thread.join(60)
    assert not thread.is_alive()
    loop.close()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[PocketCluster]:
    """An API server with the namespaces `north` and `south`, and a kubeconfig with the context `pocket`."""
    store = Store(ring=200)
    kubelet = Kubelet(store, tmp_path)
    app = build_app(store, kubelet, "a-token")
    store.subscribe(kubelet.take)
    with served(tmp_path, "127.95.2.1", "a-token", lambda _: app) as loop:
        pocket = PocketCluster(store, kubelet, tmp_path / "kubeconfig", loop)
        for name in ("north", "south"):
            pocket.create("Namespace", {"metadata": {"name": name}})
        yield pocket
        for name in list(kubelet.processes):
            kubelet.end(name)
