"""What one request may ask for: everything beyond is refused with a Status, and nobody else waits for it."""

from __future__ import annotations

import asyncio
import gc
import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from harness import clock
from readiness_sandbox.cluster import kinds
from readiness_sandbox.cluster.api import build_app
from readiness_sandbox.cluster.bodies import BODY_LIMIT, DEEPEST, MOST_VALUES
from readiness_sandbox.cluster.kubelet import environment, logs
from readiness_sandbox.cluster.store import Store
from tests.sandbox.cluster.conftest import LeastMachinery

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

    from starlette.applications import Starlette

MAPS = "/api/v1/namespaces/default/configmaps"
SECRETS = "/api/v1/namespaces/default/secrets"
PODS = "/api/v1/namespaces/default/pods"
SETS = "/apis/apps/v1/namespaces/default/statefulsets"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
MERGE, STRATEGIC, PATCH = (
    f"application/{kind}+json" for kind in ("merge-patch", "strategic-merge-patch", "json-patch")
)
STALL_S = 0.1


class Api:
    """The application without a network: what goes in as ASGI comes out as code and JSON."""

    def __init__(self) -> None:
        self.store = Store()
        self.app: Starlette = build_app(self.store, LeastMachinery(self.store), "t")
        self.read = 0

    async def ask(
        self, method: str, path: str, body: Any = None, *, kind: str = "application/json", **headers: str
    ) -> tuple[int, Any]:
        """Send a request; a body that is not bytes goes as JSON."""
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        pieces = [content[at : at + 65536] for at in range(0, len(content), 65536)] or [b""]
        sent: list[dict[str, Any]] = []
        path, _, query = path.partition("?")

        async def receive() -> dict[str, Any]:
            if not pieces:
                await asyncio.Event().wait()
            piece = pieces.pop(0)
            self.read += len(piece)
            return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

        async def send(message: Any) -> None:
            sent.append(message)

        head = {"authorization": "Bearer t", "content-type": kind, "content-length": str(len(content)), **headers}
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "scheme": "https",
            "server": ("127.0.0.1", 6443),
            "headers": [(name.encode(), value.encode()) for name, value in head.items() if value],
        }
        await self.app(scope, receive, send)
        text = b"".join(each.get("body", b"") for each in sent[1:])
        return sent[0]["status"], json.loads(text)


def asked(*requests: tuple[Any, ...], **headers: str) -> tuple[int, Any]:
    """The answer to the last of these requests."""

    async def run() -> tuple[int, Any]:
        api = Api()
        return [await api.ask(*request, **headers) for request in requests][-1]

    return asyncio.run(run())


def field(answer: tuple[int, Any]) -> tuple[int, str]:
    """The code of a refusal, and the first field that it names."""
    code, status = answer
    assert (status["kind"], status["status"], status["code"]) == ("Status", "Failure", code)
    return code, status["details"]["causes"][0]["field"] if "causes" in status.get("details", {}) else ""


def pod(**spec: Any) -> dict[str, Any]:
    """A pod with this in its spec."""
    container = {"name": "c", "image": "i:1", "command": ["true"]}
    return {"metadata": {"name": "p"}, "spec": {"containers": [container], **spec}}


def contained(**more: Any) -> dict[str, Any]:
    """A pod with a volume `v`, and this in its container."""
    return pod(containers=[{"name": "c", "image": "i", **more}], volumes=[{"name": "v", "emptyDir": {}}])


def volume(**source: Any) -> dict[str, Any]:
    """A pod with a volume of that source."""
    return pod(volumes=[{"name": "v", **source}])


def workload(**spec: Any) -> dict[str, Any]:
    """A Deployment, or with a `serviceName` a StatefulSet, with this in its spec."""
    labels = {"app": "a"}
    template = {"metadata": {"labels": labels}, "spec": pod()["spec"]}
    return {"metadata": {"name": "w"}, "spec": {"selector": {"matchLabels": labels}, "template": template, **spec}}


def config(**more: Any) -> dict[str, Any]:
    """A ConfigMap."""
    return {"metadata": {"name": "m"}, **more}


OUT_OF_BOUNDS = [
    (DEPLOYMENTS, workload(replicas=-1), (422, "spec.replicas")),
    (DEPLOYMENTS, workload(replicas=101), (422, "spec.replicas")),
    (DEPLOYMENTS, workload(replicas=10**30), (400, "")),
    (DEPLOYMENTS, workload(replicas=True), (400, "")),
    (MAPS, {"metadata": {"generateName": "../../x-"}}, (422, "metadata.generateName")),
    (MAPS, {"metadata": {"generateName": "A"}}, (422, "metadata.generateName")),
    (MAPS, {"metadata": {"name": "../x"}}, (422, "metadata.name")),
    (MAPS, {"metadata": {"name": "", "generateName": ""}}, (422, "metadata.name")),
    (MAPS, {"metadata": {"name": "a" * 254}}, (422, "metadata.name")),
    (MAPS, config(data={"../../x": "1"}), (422, "data[../../x]")),
    (MAPS, config(data={"..": "1"}), (422, "data[..]")),
    (MAPS, config(data={"": "1"}), (422, "data[]")),
    (MAPS, config(binaryData={"/etc/x": "MQ=="}), (422, "binaryData[/etc/x]")),
    (MAPS, config(binaryData={"a": "no base64!"}), (422, "binaryData[a]")),
    (SECRETS, config(data={"../x": "MQ=="}), (422, "data[../x]")),
    (SECRETS, config(stringData={"../x": "1"}), (422, "data[../x]")),
    (SECRETS, config(data={"a": "%"}), (422, "data[a]")),
    (
        SETS,
        workload(serviceName="w", volumeClaimTemplates=[{"metadata": {"name": "../x"}, "spec": {}}]),
        (422, "spec.volumeClaimTemplates[0].metadata.name"),
    ),
]
OUTSIDE = {"downwardAPI": {"items": [{"path": "a/../../x", "fieldRef": {"fieldPath": "m"}}]}}
PODS_OUT_OF_BOUNDS = [
    ("volumes[0].name", pod(volumes=[{"name": "../../x", "emptyDir": {}}])),
    ("volumes[0].persistentVolumeClaim.claimName", volume(persistentVolumeClaim={"claimName": "../../x"})),
    ("volumes[0].hostPath", volume(hostPath={"path": "/etc"})),
    ("volumes[0].configMap.items[0].path", volume(configMap={"name": "m", "items": [{"key": "a", "path": "../../x"}]})),
    ("volumes[0].secret.items[0].path", volume(secret={"secretName": "m", "items": [{"key": "a", "path": "/etc/x"}]})),
    ("volumes[0].projected.sources[0].downwardAPI.items[0].path", volume(projected={"sources": [OUTSIDE]})),
    (
        "containers[0].volumeMounts[0].subPath",
        contained(volumeMounts=[{"name": "v", "mountPath": "/m", "subPath": "../../x"}]),
    ),
    ("containers[0].name", contained(name="../x")),
    (
        "containers[0].readinessProbe.periodSeconds",
        contained(readinessProbe={"exec": {"command": ["true"]}, "periodSeconds": 0}),
    ),
    ("containers[0].env[0].name", contained(env=[{"name": "A=B"}])),
    ("containers[0].command[0]", contained(command=["a\0b"])),
]


def test_a_value_out_of_bounds_is_refused_with_its_field(subtests: pytest.Subtests) -> None:
    """422 with the field, or 400 for a wrong type."""
    pods = [(PODS, body, (422, f"spec.{below}")) for below, body in PODS_OUT_OF_BOUNDS]
    for path, body, expected in [*OUT_OF_BOUNDS, *pods]:
        with subtests.test(body=body):
            assert field(asked(("POST", path, body))) == expected


@pytest.mark.parametrize(
    "body", [{"spec": "x"}, {"metadata": 3}, {"spec": {"replicas": -3}}, {"spec": {"replicas": []}}]
)
def test_a_scale_out_of_bounds_is_refused(body: Any) -> None:
    """As the workload itself would be."""
    scaled = asked(("POST", DEPLOYMENTS, workload()), ("PUT", f"{DEPLOYMENTS}/w/scale", body))
    assert field(scaled)[0] in {400, 422}


def test_a_request_that_cannot_be_is_refused(subtests: pytest.Subtests) -> None:
    """A Status, never a failure of the server."""
    for method, path, body, code in [
        ("POST", MAPS, b"[" * 5_000, 400),
        ("POST", MAPS, b"[" * 100_000, 413),
        ("POST", MAPS, b'{"a":' * (DEEPEST + 1) + b"1" + b"}" * (DEEPEST + 1), 400),
        ("POST", MAPS, b"[" + b"[]," * 400_000 + b"[]]", 413),
        ("POST", MAPS, b'{"metadata": {"name": "a"}, "data": {"a": "\\ud800"}}', 400),
        ("POST", MAPS, b'{"metadata": {"name": "a"}, "data": {"a": NaN}}', 400),
        ("POST", MAPS, b"\xff\xfe\x00", 400),
        ("POST", MAPS, b"9" * 5000, 400),
        ("GET", f"{PODS}/p/log?tailLines=-1", None, 400),
        ("GET", f"{PODS}/p/log?sinceSeconds=99999999999999999", None, 400),
        ("GET", f"{MAPS}?watch=1&timeoutSeconds=-5", None, 400),
        ("GET", f"{MAPS}?labelSelector={',' * 5000}", None, 400),
        ("DELETE", f"{PODS}/p", {"preconditions": "x"}, 400),
        ("DELETE", f"{PODS}/p", {"dryRun": 3}, 400),
        ("DELETE", f"{PODS}/p", {"gracePeriodSeconds": True}, 400),
        ("DELETE", f"{PODS}/p", {"gracePeriodSeconds": 10**40}, 400),
        ("POST", f"{PODS}/p/eviction", {"deleteOptions": {"gracePeriodSeconds": "x"}}, 400),
    ]:
        with subtests.test(method=method, path=path, body=body):
            assert field(asked(("POST", PODS, pod()), (method, path, body)))[0] == code


def test_a_patch_that_cannot_be_is_refused(subtests: pytest.Subtests) -> None:
    """Also one that doubles the object with each step."""

    async def run(patch: Any, kind: str) -> tuple[int, Any]:
        api = Api()
        await api.ask("POST", PODS, pod())
        return await api.ask("PATCH", f"{PODS}/p", patch, kind=kind)

    for patch, kind, code in [
        ({"metadata": {"finalizers": [{}]}}, STRATEGIC, 400),
        ({"metadata": {"$deleteFromPrimitiveList/finalizers": 3}}, STRATEGIC, 400),
        ({"$retainKeys": [[]]}, STRATEGIC, 400),
        ({"spec": {"containers": [{"name": {}}]}}, STRATEGIC, 400),
        ([{"op": "add", "path": 3}], PATCH, 422),
        ([3], PATCH, 422),
        ([{"op": "test", "path": "/kind", "value": "Pod"}] * 501, PATCH, 413),
        (
            [
                {"op": "add", "path": "/metadata/x", "value": [1]},
                *([{"op": "copy", "from": "/metadata/x", "path": "/metadata/x/-"}] * 60),
            ],
            PATCH,
            413,
        ),
    ]:
        with subtests.test(patch=patch):
            assert field(asyncio.run(run(patch, kind)))[0] == code


@pytest.mark.parametrize("declared", ["", str(10 * BODY_LIMIT)])
def test_a_body_that_is_too_large_is_not_read_to_its_end(declared: str) -> None:
    """By its declared length it is not read at all; a chunked one no further than the limit."""

    async def run() -> tuple[int, int]:
        api = Api()
        headers = {"content-length": declared}
        code, _ = await api.ask("POST", MAPS, b" " * (10 * BODY_LIMIT), **headers)
        return code, api.read

    code, read = asyncio.run(run())
    assert code == 413
    assert read == 0 if declared else BODY_LIMIT < read < BODY_LIMIT + 100_000


def test_a_generated_name_fits_into_a_label() -> None:
    """A long prefix is cut, as a real server does."""
    code, made = asked(("POST", MAPS, {"metadata": {"generateName": f"{'a' * 40}.{'b' * 40}"}}))
    assert code == 201
    assert len(made["metadata"]["name"]) == 63


def test_a_kind_has_a_quota(monkeypatch: pytest.MonkeyPatch) -> None:
    """403, as a ResourceQuota does."""
    monkeypatch.setattr("readiness_sandbox.cluster.resources.MOST_OBJECTS", 2)
    made = [("POST", MAPS, {"metadata": {"generateName": "a-"}})] * 3
    code, status = asked(*made)
    assert (code, status["reason"]) == (403, "Forbidden")


def test_a_volume_never_leaves_its_directory(tmp_path: Path) -> None:
    """Not by its name, not by a key, and not by a link that a pod has put there."""
    root, claims, outside = tmp_path / "pods", tmp_path / "claims", tmp_path / "outside"
    for each in (root, claims, outside):
        each.mkdir()
    (root / "linked").symlink_to(outside)
    (root / "v").mkdir()
    (root / "v" / "file").symlink_to(outside / "file")
    source = {"kind": "ConfigMap", "data": {"file": "1", "../../outside/x": "2"}}

    def made(volume: dict[str, Any]) -> None:
        body = {"metadata": {}, "spec": {"volumes": [volume]}}
        environment.materialize(body, root, claims, lambda *_: source)

    for volume in (
        {"name": "../outside", "configMap": {"name": "m"}},
        {"name": "linked", "configMap": {"name": "m"}},
        {"name": "v", "configMap": {"name": "m", "items": [{"key": "file", "path": "file"}]}},
        {"name": "w", "configMap": {"name": "m"}},
        {"name": "w", "persistentVolumeClaim": {"claimName": "../outside"}},
    ):
        with pytest.raises(environment.ConfigError, match="outside of its volume"):
            made(volume)
    assert [*outside.iterdir()] == []


def test_a_long_log_is_read_in_turns_and_its_end_is_right(tmp_path: Path) -> None:
    """Tail, since and follow, on a log of many pieces."""
    path, times = tmp_path / "0.log", logs.LogTimes()
    path.write_bytes(b"".join(b"line %d\n" % i for i in range(50_000)))
    times.sample(path)

    async def read(**options: Any) -> list[bytes]:
        return [line async for line in logs.read(path, logs.LogOptions(**options), times, lambda: True)]

    assert len(asyncio.run(read())) == 50_000
    assert asyncio.run(read(tail_lines=2)) == [b"line 49998\n", b"line 49999\n"]
    assert asyncio.run(read(tail_lines=0, follow=True)) == []
    assert asyncio.run(read(limit_bytes=8)) == [b"line 0\n", b"l"]


async def longest_turn(work: Callable[[], Awaitable[Any]]) -> float:
    """The longest CPU time in seconds for which the loop served nobody else while this was done."""
    longest, last, over = 0.0, time.thread_time(), False

    async def tick() -> None:
        nonlocal longest, last
        while not over:
            now = time.thread_time()
            longest, last = max(longest, now - last), now
            await clock.asleep(0)

    gc.collect()
    gc.disable()  # a collection walks what all the tests of this process have left, for some 100 ms
    last = time.thread_time()
    try:
        ticking = asyncio.create_task(tick())
        await clock.asleep(0)
        await work()
        over = True
        await ticking
    finally:
        gc.enable()
    return longest


def crowds() -> Iterator[tuple[str, Callable[[Api], Awaitable[Any]]]]:
    """Requests that are as large as they may be."""
    many = {"metadata": {"name": "a"}, "data": {f"key-{i}": "x" for i in range(MOST_VALUES // 2)}}
    yield "a large body", lambda api: api.ask("POST", MAPS, many)
    yield "a body of brackets", lambda api: api.ask("POST", MAPS, b"[" + b"[]," * 500_000 + b"[]]")
    yield "a deep body", lambda api: api.ask("POST", MAPS, b'{"a":' * 250_000)
    env = [{"name": f"V{i}", "value": "x"} for i in range(3000)]
    container = {"name": "c", "image": "i", "env": env}
    yield "a large patch", lambda api: _patched(api, pod(containers=[container]), {"spec": {"containers": [container]}})
    yield "a long selector", lambda api: api.ask("GET", f"{MAPS}?labelSelector={'a=b,(' * 800}")
    yield "a long list", lambda api: api.ask("GET", f"{SECRETS}?limit=0")
    table = "application/json;as=Table;v=v1;g=meta.k8s.io"
    yield "a long table", lambda api: api.ask("GET", SECRETS, accept=table)
    yield "a long watch", lambda api: api.ask("GET", f"{SECRETS}?watch=1&timeoutSeconds=0")
    yield "a large collection deleted", lambda api: api.ask("DELETE", SECRETS)


async def _patched(api: Api, made: dict[str, Any], patch: dict[str, Any]) -> None:
    await api.ask("POST", PODS, made)
    await api.ask("PATCH", f"{PODS}/p", patch, kind=STRATEGIC)


@pytest.mark.parametrize(("name", "work"), [*crowds()], ids=[name for name, _ in crowds()])
def test_one_request_keeps_nobody_else_waiting(name: str, work: Callable[[Api], Awaitable[Any]]) -> None:
    """At most 100 ms of CPU before others have their turn, in a store with 5000 Secrets of 2 kB."""

    async def run() -> float:
        api = Api()
        secret = kinds.by_name("Secret")
        for i in range(5000):
            made = {"metadata": {"name": f"s-{i}", "namespace": "default"}, "data": {"a": "x" * 2000}}
            api.store.create(secret, made)

        async def work_on() -> None:
            try:
                await work(api)
            except json.JSONDecodeError:  # a watch answers lines
                return

        return await longest_turn(work_on)

    assert asyncio.run(run()) < STALL_S
