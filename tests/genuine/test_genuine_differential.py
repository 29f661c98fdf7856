"""The sandbox's API server answers like a genuine one, or the difference is in the table of `docs/sandbox-differences.md`."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml

from readiness_sandbox.cluster import kubeconfig
from readiness_sandbox.cluster.api import build_app
from readiness_sandbox.cluster.serving import listen, serve
from readiness_sandbox.cluster.store import Store
from readiness_sandbox.cluster.tls import Authority
from tests.builders.pages import pages
from tests.genuine.asked import NAMESPACE, Asked, every_request
from tests.genuine.conftest import connected
from tests.sandbox.cluster.conftest import TOKEN, LeastMachinery

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import httpx

TABLE: Final = Path(__file__).parent / "differences.yaml"
OF_THE_MOMENT: Final = frozenset(
    {"uid", "resourceVersion", "creationTimestamp", "managedFields", "remainingItemCount", "deletionTimestamp"}
)
"""Fields that no two servers have alike."""
CONTROLLED: Final = frozenset({"status", "clusterIP", "clusterIPs"})
"""Fields that controllers and allocators of one of both have written meanwhile, or not yet."""
ELLIPSIS: Final = "…"


@pytest.fixture
def pocket(tmp_path: Path) -> Iterator[httpx.Client]:
    """The sandbox's API server."""
    store = Store()
    sock = listen("127.0.0.1")
    authority = Authority()
    authority.issue("api", addresses=["127.0.0.1"]).write(tmp_path / "api.pem", tmp_path / "api.key")
    url = f"https://127.0.0.1:{sock.getsockname()[1]}"
    kubeconfig.write(
        tmp_path / "kubeconfig", server=url, authority=authority.certificate, token=TOKEN, context="pocket"
    )
    app = build_app(store, LeastMachinery(store), TOKEN)
    loop, stop, ready = asyncio.new_event_loop(), asyncio.Event(), threading.Event()

    async def main() -> None:
        serving = asyncio.Event()
        keys = {"certificate": tmp_path / "api.pem", "key": tmp_path / "api.key"}
        task = asyncio.create_task(serve(app, sock, **keys, stop=stop, ready=serving))
        await serving.wait()
        ready.set()
        await task

    thread = threading.Thread(target=loop.run_until_complete, args=(main(),))
    thread.start()
    assert ready.wait(20)
    with connected(tmp_path / "kubeconfig") as client:
        yield client
    loop.call_soon_threadsafe(stop.set)
    thread.join(20)
    loop.close()


def answer(client: httpx.Client, one: Asked) -> tuple[int, Any]:
    """Status and content of an answer, without what is of the moment."""
    headers = {"Accept": one.accept, **({"Content-Type": one.content} if one.body is not None else {})}
    got = client.request(one.method, one.path, json=one.body, headers=headers)
    try:
        content = got.json()
    except ValueError:
        content = got.text
    warning = [got.headers["warning"]] if "warning" in got.headers else []
    return got.status_code, plain(content, dry_run="dryRun" in one.path) if not warning else [warning, plain(content)]


def plain(value: Any, *, dry_run: bool = False) -> Any:
    """A JSON value without the fields that no two servers have alike."""
    if isinstance(value, list):
        return [plain(each, dry_run=dry_run) for each in value]
    if not isinstance(value, dict):
        return value
    if value.get("kind") == "Table":
        ages = [column["name"] in {"Age", "Created At", "Cluster-IP"} for column in value["columnDefinitions"]]
        for row in value["rows"]:
            row["cells"] = [ELLIPSIS if age else cell for age, cell in zip(ages, row["cells"], strict=True)]
        for column in value["columnDefinitions"]:
            column["description"] = ELLIPSIS
    left_out = OF_THE_MOMENT if value.get("kind") == "Status" else OF_THE_MOMENT | CONTROLLED
    return {key: plain(each, dry_run=dry_run) for key, each in value.items() if key not in left_out}


def differences(here: Mapping[str, Any], there: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The requests that are not answered alike."""
    return {name: (here[name], there[name]) for name in here if here[name] != there[name]}


def known() -> dict[str, str]:
    """Requests of the table, each with its row."""
    rows = yaml.safe_load(TABLE.read_text())
    return {name: row for row, names in rows.items() for name in names}


def test_every_row_is_documented() -> None:
    """With the number of its requests; this needs no genuine server."""
    text = pages("sandbox-differences")
    rows: dict[str, list[str]] = yaml.safe_load(TABLE.read_text())
    assert [row for row, names in rows.items() if f"| {row} | {len(names)} |" not in text] == []
    asked = {one.name for one in every_request()}
    assert {name for names in rows.values() for name in names} <= asked


def test_both_servers_answer_alike(genuine: httpx.Client, pocket: httpx.Client, tmp_path: Path) -> None:
    """What is in the table must differ, and nothing else may."""
    requests = every_request()
    assert len({one.name for one in requests}) == len(requests) >= 200
    answers: list[dict[str, Any]] = []
    for client in (pocket, genuine):
        client.post("/api/v1/namespaces", json={"metadata": {"name": NAMESPACE}}).raise_for_status()
        answers.append({one.name: answer(client, one) for one in requests})
    found = differences(*answers)
    if report := os.environ.get("GENUINE_REPORT"):
        shown = {name: {"here": here, "there": there} for name, (here, there) in found.items()}
        Path(report).write_text(yaml.safe_dump(shown, allow_unicode=True, width=200))
    assert {name: both for name, both in found.items() if name not in known()} == {}
    assert sorted(set(known()) - set(found)) == []
