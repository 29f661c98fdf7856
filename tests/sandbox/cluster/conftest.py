"""A real API server with TLS for the tests of this room, and a machinery that does the least that is honest."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from kubernetes import client, config

from readiness_sandbox.cluster import kinds, kubeconfig
from readiness_sandbox.cluster.api import build_app
from readiness_sandbox.cluster.controllers import namespaces
from readiness_sandbox.cluster.serving import listen, serve
from readiness_sandbox.cluster.store import Store
from readiness_sandbox.cluster.tls import Authority
from tests.sandbox.pocket import run_kubectl

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from starlette.applications import Starlette

TOKEN = "a-token-of-the-tests"


@dataclass
class LeastMachinery:
    """Deletes pods at once, logs three lines, keeps namespaces, counts how often it was asked to reconcile."""

    store: Store
    reconciled: int = 0
    more: list[Callable[[], None]] = field(default_factory=list)
    """Controllers of a module of tests."""

    def begin_delete(self, namespace: str, name: str, grace_s: int | None) -> dict[str, Any]:
        return self.store.delete(kinds.by_name("Pod"), namespace, name)

    async def delete_pod(self, namespace: str, name: str, grace_seconds: int | None) -> dict[str, Any]:
        return self.begin_delete(namespace, name, grace_seconds)

    async def logs(self, namespace: str, name: str, **options: Any) -> AsyncIterator[bytes]:
        lines = [f"{options['container']} line {i}\n".encode() for i in range(3)]
        for line in lines[-(options["tail_lines"] or 3) :]:
            yield line

    async def settle(self) -> None:
        self.reconciled += 1
        for controller in self.more * 5:
            controller()
        namespaces.reconcile(self.store, self)


@dataclass
class LeastMeters:
    """Lists what a test puts here."""

    pods: list[dict[str, Any]] = field(default_factory=list)

    def objects(self, kind: kinds.Kind, _namespace: str | None) -> list[dict[str, Any]]:
        return self.pods if kind.kind == "PodMetrics" else []

    def exposition(self, node: str, path: str) -> str:
        return f"{node} {path}\n"

    def state(self) -> str:
        return "state\n"


@dataclass
class PocketApi:
    """A running server: its store (use `call` to reach it from the test's thread), and how clients find it."""

    store: Store
    machinery: LeastMachinery
    meters: LeastMeters
    app: Starlette
    directory: Path
    url: str
    loop: asyncio.AbstractEventLoop

    @property
    def kubeconfig(self) -> Path:
        return self.directory / "kubeconfig"

    @property
    def authority(self) -> Path:
        return self.directory / "ca.pem"

    def call(self, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """Run a function in the server's loop, as the machinery does."""

        async def run() -> Any:
            return function(*arguments, **options)

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(timeout=60)

    def client(self) -> Any:
        """The official client, configured by the kubeconfig alone."""
        return config.new_client_from_config(str(self.kubeconfig), context="pocket")  # type: ignore[no-untyped-call]

    def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        """What kubectl prints; its standard error too when it is not expected to succeed."""
        return run_kubectl(self.directory, *arguments, stdin=stdin, check=check)


@pytest.fixture(scope="module")
def pocket_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PocketApi]:
    """A server of its own for each module of tests."""
    directory = tmp_path_factory.mktemp("api")
    store = Store(ring=200)
    machinery = LeastMachinery(store)
    meters = LeastMeters()
    app = build_app(store, machinery, TOKEN, meters)
    sock = listen("127.0.0.1")
    url = f"https://127.0.0.1:{sock.getsockname()[1]}"
    authority = Authority()
    authority.issue("api", addresses=["127.0.0.1"]).write(directory / "api.pem", directory / "api.key")
    (directory / "ca.pem").write_bytes(authority.certificate)
    kubeconfig.write(
        directory / "kubeconfig", server=url, authority=authority.certificate, token=TOKEN, context="pocket"
    )
    loop, stop, ready = asyncio.new_event_loop(), asyncio.Event(), threading.Event()

    async def main() -> None:
        serving = asyncio.Event()
        task = asyncio.create_task(
            serve(app, sock, certificate=directory / "api.pem", key=directory / "api.key", stop=stop, ready=serving)
        )
        await serving.wait()
        ready.set()
        await task

    thread = threading.Thread(target=loop.run_until_complete, args=(main(),))
    thread.start()
    assert ready.wait(60)
    yield PocketApi(store, machinery, meters, app, directory, url, loop)
    loop.call_soon_threadsafe(stop.set)
    thread.join(60)
    assert not thread.is_alive()
    loop.close()


@pytest.fixture(scope="module")
def http(pocket_api: PocketApi) -> Iterator[httpx.Client]:
    """A plain client, which shows headers, trusts the sandbox's authority and carries the token."""
    trust = ssl.create_default_context(cafile=str(pocket_api.authority))
    headers = {"authorization": f"Bearer {TOKEN}"}
    with httpx.Client(base_url=pocket_api.url, verify=trust, headers=headers, trust_env=False, timeout=20) as plain:
        yield plain


@pytest.fixture(scope="module")
def core(pocket_api: PocketApi) -> Any:
    """Core/v1."""
    return client.CoreV1Api(pocket_api.client())


def raw(method: Any, *args: Any, **options: Any) -> dict[str, Any]:
    """The JSON of an answer as it came."""
    answer: dict[str, Any] = json.loads(method(*args, _preload_content=False, **options).data)
    return answer


def refusal(method: Any, *args: Any, **options: Any) -> dict[str, Any]:
    """The Status of a request that is refused."""
    with pytest.raises(client.ApiException) as refused:
        method(*args, **options)
    status: dict[str, Any] = json.loads(refused.value.body or "")
    assert status["code"] == refused.value.status
    return status
