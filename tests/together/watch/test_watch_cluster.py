"""Pods, nodes and the lock's holder, followed on a real API server."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from harness import clock
from harness.drivers.watch import Watch, WatchSettings, watch_settings
from harness.drivers.watch.attendance import Attendance
from harness.drivers.watch.cluster.streams import api_http, follow
from harness.targets import load_target
from harness.units import NS_PER_S
from readiness_sandbox.cluster import kinds
from readiness_sandbox.cluster.store import Store

if TYPE_CHECKING:
    from harness.targets.kubernetes import Object
    from tests.drivers.watch.conftest import Service
    from tests.together.conftest import PocketCluster

CONDITIONS = {True: [{"type": "Ready", "status": "True"}], False: [{"type": "Ready", "status": "False"}]}


def pod(name: str, namespace: str, *, ready: bool, node: str = "") -> dict[str, Any]:
    """A pod."""
    spec: dict[str, Any] = {"containers": [{"name": "c", "image": "c:1"}], **({"nodeName": node} if node else {})}
    metadata = {"name": name, "namespace": namespace, "labels": {"app": "api"}}
    return {"metadata": metadata, "spec": spec, "status": {"phase": "Running", "conditions": CONDITIONS[ready]}}


def node(name: str, region: str, *, ready: bool) -> dict[str, Any]:
    """A node."""
    metadata = {"name": name, "labels": {"topology.kubernetes.io/region": region}}
    return {"metadata": metadata, "status": {"conditions": CONDITIONS[ready]}}


def endpoints(leader: str | None) -> dict[str, Any]:
    """The lock, as Patroni keeps it."""
    annotations = {"annotations": {"leader": leader}} if leader else {}
    return {"metadata": {"name": "main", "namespace": "database", **annotations}}


@pytest.fixture
def settings(cluster: PocketCluster, target_file: Path, tmp_path: Path) -> WatchSettings:
    """A watch of two regions and a database in one cluster."""
    cluster.create("Namespace", {"metadata": {"name": "database"}})
    text = target_file.read_text().replace("}\n  south", ", namespace: north}\n  south")
    target_file.write_text(
        text.replace("'}\nprobes", "', namespace: south}\nprobes")
        + f"kubernetes: {{context: pocket, namespace: north, kubeconfig: {cluster.kubeconfig}}}\n"
        + "database: {dsn: {env: PATH}, leader: {namespace: database, endpoints: main}}\n"
    )
    return watch_settings(target_file, tmp_path / "run", clients=(1, 2))


def seen(settings: WatchSettings) -> list[tuple[str, str, Any]]:
    """Kind, subject and region (or old and new holder) of each line of the history."""
    file = settings.run_directory / "history" / "pods.ndjson"
    lines = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    return [
        (
            line["kind"],
            line["subject"],
            line["fields"].get("region", f"{line['fields'].get('from')}>{line['fields'].get('to')}"),
        )
        for line in lines
    ]


def until(condition: Callable[[], bool]) -> None:
    """Wait until the condition holds."""
    assert any(condition() for _ in clock.Deadline.after(45).ticks(0.05))


def test_what_changes_is_recorded_and_what_was_there_is_present(
    cluster: PocketCluster, settings: WatchSettings
) -> None:
    """A pod that was there, one that comes, becomes ready, unready and goes; a node that fails; a new holder of the lock."""
    cluster.create("Node", node("east-1", "east", ready=True))
    cluster.create("Pod", pod("old", "north", ready=True))
    for namespace in ("south", "database"):
        cluster.create("Pod", pod(f"old-{namespace}", namespace, ready=True, node="east-1"))
    lock = cluster.create("Endpoints", endpoints("pg-0"))
    begun = {"old", "old-south", "old-database", "database/main"}
    with Watch(settings):
        until(lambda: begun <= {subject for _, subject, _ in seen(settings)})
        new = cluster.create("Pod", pod("new", "south", ready=False))
        stateful = cluster.create("Pod", pod("pg-0", "database", ready=True, node="east-1"))
        pods, nodes, lease = (kinds.by_name(kind) for kind in ("Pod", "Node", "Endpoints"))
        for ready in (True, False):
            metadata = {key: value for key, value in new["metadata"].items() if key != "resourceVersion"}
            changed = {**new, "metadata": metadata, "status": {"phase": "Running", "conditions": CONDITIONS[ready]}}
            cluster.do(partial(Store.update, kind=pods, obj=changed, subresource="status"))
        cluster.do(lambda store: store.delete(pods, "south", "new"))
        cluster.do(lambda store: store.delete(pods, "database", stateful["metadata"]["name"]))
        failed = node("east-1", "east", ready=False)
        cluster.do(lambda store: store.update(nodes, failed, subresource="status"))
        for leader in ("pg-1", None):
            moved = {**lock, "metadata": {**endpoints(leader)["metadata"]}}
            cluster.do(partial(Store.update, kind=lease, obj=moved))
        until(lambda: ("leader.changed", "database/main", "pg-1>") in seen(settings))
        until(lambda: ("node.unready", "east-1", "east") in seen(settings))
        until(lambda: {("pod.deleted", "new"), ("pod.deleted", "pg-0")} <= {line[:2] for line in seen(settings)})
    lines = seen(settings)
    assert [line for line in lines if line[1] == "east-1"] == [
        ("node.present", "east-1", "east"),
        ("node.unready", "east-1", "east"),
    ]
    assert [line for line in lines if line[1] == "new"] == [
        ("pod.ready", "new", "south"),
        ("pod.unready", "new", "south"),
        ("pod.deleted", "new", "south"),
    ]
    assert [line for line in lines if line[1] == "pg-0"] == [
        ("pod.ready", "pg-0", "east"),
        ("pod.deleted", "pg-0", "east"),
    ]
    assert [line[2] for line in lines if line[0] == "leader.changed"] == [">pg-0", "pg-0>pg-1", "pg-1>"]


def test_a_pod_whose_grace_period_runs_is_unready_and_then_deleted(
    cluster: PocketCluster, settings: WatchSettings
) -> None:
    """Its condition says Ready until its processes have ended; no Service sends it a request by then."""
    old = cluster.create("Pod", pod("old", "north", ready=True))
    with Watch(settings):
        until(lambda: ("pod.present", "old", "north") in seen(settings))
        ends = {"deletionTimestamp": "2026-01-01T00:00:15Z", "deletionGracePeriodSeconds": 15}
        pods, ending = kinds.by_name("Pod"), {**old, "metadata": {**old["metadata"], **ends}}
        ended = cluster.do(partial(Store.update, kind=pods, obj=ending))
        until(lambda: ("pod.unready", "old", "north") in seen(settings))
        labelled = {**ended, "metadata": {**ended["metadata"], "labels": {"app": "api", "seen": "twice"}}}
        cluster.do(partial(Store.update, kind=pods, obj=labelled))
        cluster.do(lambda store: store.delete(pods, "north", "old"))
        until(lambda: ("pod.deleted", "old", "north") in seen(settings))
    kept = [line[0] for line in seen(settings) if line[1] == "old"]
    assert kept == ["pod.present", "pod.unready", "pod.deleted"]


def test_a_pod_of_a_job_is_never_ready_so_its_end_is_no_loss(cluster: PocketCluster, settings: WatchSettings) -> None:
    """Such as that of a second run, which is refused, or of the night's backup; it may have the labels of a Deployment."""
    job = pod("backup-1", "north", ready=True)
    job["metadata"]["ownerReferences"] = [{"apiVersion": "batch/v1", "kind": "Job", "name": "backup", "uid": "1"}]
    made = cluster.create("Pod", job)
    with Watch(settings):
        until(lambda: ("pod.present", "backup-1", "north") in seen(settings))
        over = {**made, "status": {"phase": "Succeeded", "conditions": CONDITIONS[False]}}
        cluster.do(partial(Store.update, kind=kinds.by_name("Pod"), obj=over, subresource="status"))
        until(lambda: ("pod.deleted", "backup-1", "north") in seen(settings))
    file = settings.run_directory / "history" / "pods.ndjson"
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [line["fields"].get("ready") for line in lines if line["subject"] == "backup-1"] == [False, None]


class Listener:
    """Takes what a stream tells."""

    def __init__(self) -> None:
        self.troubles: list[str] = []

    def listed(self, objects: Sequence[Object]) -> None:
        """Never: the server has no list."""
        raise AssertionError(objects)

    def changed(self, event: str, obj: Object) -> None:
        """Never: there is nothing to watch."""
        raise AssertionError(event, obj)

    def trouble(self, why: str) -> None:
        """Why it is blind."""
        self.troubles.append(why)


def test_a_server_that_answers_no_list_ends_no_watch_which_is_blind_until_its_end(service: Service) -> None:
    """Somebody else answers at the address; from the first answer to the end of the watch nothing was seen."""
    blind: list[float] = []
    listener, attendance = Listener(), Attendance(lambda since, until: blind.append((until - since) / NS_PER_S))

    async def watching() -> None:
        async with httpx.AsyncClient(base_url=service.url) as client:
            task = asyncio.create_task(follow(client, "/api/v1/nodes", listener, attendance))
            while not listener.troubles:
                await asyncio.wait({task}, timeout=0.01)
            await asyncio.wait({task}, timeout=0.6)
            task.cancel()
            await asyncio.wait({task})

    began_s = clock.now_s()
    asyncio.run(watching())
    assert listener.troubles[0] == "/api/v1/nodes: the API server answered with something other than a list"
    (seconds,) = blind
    assert 0.5 < seconds < clock.now_s() - began_s


class ListTaker(Listener):
    """Takes lists too."""

    def __init__(self) -> None:
        super().__init__()
        self.lists: list[Sequence[Object]] = []

    def listed(self, objects: Sequence[Object]) -> None:
        """A list that is complete."""
        self.lists.append(objects)


def test_a_watch_that_expired_begins_with_a_new_list() -> None:
    """410 as an event or as a status; bookmarks carry the version on, and lists are read page by page."""
    requests: list[httpx.QueryParams] = []
    expired = {"type": "ERROR", "object": {"kind": "Status", "code": 410, "message": "too old resource version"}}
    bookmark = {"type": "BOOKMARK", "object": {"kind": "Node", "metadata": {"resourceVersion": "9"}}}

    def answer(request: httpx.Request) -> httpx.Response:
        query = request.url.params
        requests.append(query)
        if "watch" not in query:
            meta = {"resourceVersion": "5"} | ({} if "continue" in query else {"continue": "next"})
            name = "b" if "continue" in query else "a"
            return httpx.Response(200, json={"metadata": meta, "items": [{"metadata": {"name": name}}]})
        turn = sum("watch" in one for one in requests)
        if turn == 1:
            return httpx.Response(200, text=json.dumps(bookmark) + "\n")
        if turn == 2:
            return httpx.Response(200, text=json.dumps(expired) + "\n")
        return httpx.Response(410, json={"kind": "Status", "code": 410, "message": "gone"})

    listener, attendance = ListTaker(), Attendance(lambda _since, _until: None)

    async def watching() -> None:
        async with httpx.AsyncClient(base_url="http://api.test", transport=httpx.MockTransport(answer)) as client:
            task = asyncio.create_task(follow(client, "/api/v1/nodes", listener, attendance))
            while len(listener.troubles) < 2:
                await asyncio.wait({task}, timeout=0.01)
            task.cancel()
            await asyncio.wait({task})

    asyncio.run(watching())
    assert listener.troubles[:2] == [
        "/api/v1/nodes: the watch ended: too old resource version",
        "/api/v1/nodes: the API server answered 410 gone",
    ]
    watches = [one for one in requests if "watch" in one]
    assert [one["resourceVersion"] for one in watches[:3]] == ["5", "9", "5"]
    assert all(one["allowWatchBookmarks"] == "true" for one in watches)
    assert [obj["metadata"]["name"] for obj in listener.lists[0]] == ["a", "b"]


def test_each_request_of_a_stream_has_the_token_of_now_and_the_name_of_the_certificate(tmp_path: Path) -> None:
    """Both as the kubeconfig says; the token is renewed in a thread, so that no probe waits for a program or a file."""
    (tmp_path / "token").write_text("first")
    config = {
        "clusters": [{"name": "a", "cluster": {"server": "https://10.0.0.1", "tls-server-name": "api.shop.test"}}],
        "users": [{"name": "u", "user": {"tokenFile": "token"}}],
        "contexts": [{"name": "a", "context": {"cluster": "a", "user": "u"}}],
    }
    (tmp_path / "kubeconfig").write_text(json.dumps(config))
    (tmp_path / "target.yaml").write_text(
        "name: a\nenvironment: staging\nentry: https://a.test\n"
        f"kubernetes: {{kubeconfig: {tmp_path}/kubeconfig, context: a}}\n"
    )
    client = api_http(load_target(tmp_path / "target.yaml"), "a")
    configuration, threads = client.auth._configuration, set[int]()  # type: ignore[union-attr]
    renew = configuration.refresh_api_key_hook

    def renewed(held: object) -> None:
        threads.add(threading.get_ident())
        renew(held)

    configuration.refresh_api_key_hook = renewed

    async def sent() -> tuple[str, object]:
        request = httpx.Request("GET", "https://10.0.0.1/api/v1/nodes")
        prepared = await anext(client.auth.async_auth_flow(request))  # type: ignore[union-attr]
        return prepared.headers["authorization"], prepared.extensions["sni_hostname"]

    assert asyncio.run(sent()) == ("Bearer first", "api.shop.test")
    (tmp_path / "token").write_text("second")
    assert asyncio.run(sent()) == ("Bearer second", "api.shop.test")
    assert threading.get_ident() not in threads
    asyncio.run(client.aclose())
