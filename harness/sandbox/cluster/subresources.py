"""What is served below an object: status, scale, log and eviction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import StreamingResponse

from harness.sandbox.cluster import admission
from harness.sandbox.cluster.bodies import require_bounded
from harness.sandbox.cluster.patch import patched
from harness.sandbox.cluster.resources import answer, delete_options
from harness.sandbox.cluster.selectors import Selector
from harness.sandbox.cluster.statuses import Object, bad_request, method_not_allowed
from harness.sandbox.cluster.store import require_uid

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.responses import Response

    from harness.sandbox.cluster.calls import Call
    from harness.sandbox.cluster.hooks import Hooks
    from harness.sandbox.cluster.store import Store


class Subresources:
    """Subresources on a store and the machinery."""

    def __init__(self, store: Store, hooks: Hooks) -> None:
        self._store = store
        self._hooks = hooks

    async def handle(self, call: Call) -> Response:
        """Answer one call on a subresource. Raises StatusError."""
        target = call.target
        obj = self._store.get(target.kind, target.namespace, target.name)
        match target.subresource, call.request.method:
            case "status", "GET":
                return answer(obj)
            case "status", "PUT" | "PATCH":
                new = admission.with_status(target.kind, obj, _written(call, obj))
                return answer(self._store.update(target.kind, new, subresource="status", dry_run=call.dry_run))
            case "scale", "GET":
                return answer(scale_of(obj))
            case "scale", "PUT" | "PATCH":
                return self._scale(call, obj)
            case "log", "GET":
                return await self._log(call, obj)
            case "eviction", "POST":
                return await self._evict(call, obj)
        raise method_not_allowed()

    def _scale(self, call: Call, obj: Object) -> Response:
        scale = _written(call, scale_of(obj))
        spec, given = scale.get("spec") or {}, scale.get("metadata") or {}
        if not isinstance(spec, dict) or not isinstance(given, dict):
            raise bad_request("Scale: spec and metadata must be JSON objects")
        replicas = spec.get("replicas", 0)
        meta = {**obj["metadata"], "resourceVersion": given.get("resourceVersion", "")}
        new = {**obj, "metadata": meta, "spec": {**obj["spec"], "replicas": replicas}}
        kind = call.target.kind
        written = self._store.update(kind, admission.changed(kind, obj, new), dry_run=call.dry_run)
        if not call.dry_run:
            self._hooks.reconcile_now()
        return answer(scale_of(written))

    async def _log(self, call: Call, pod: Object) -> Response:
        stream = self._hooks.logs(
            pod["metadata"]["namespace"],
            pod["metadata"]["name"],
            container=_container(pod, call.text("container")),
            follow=call.flag("follow"),
            tail_lines=call.number("tailLines"),
            since_seconds=call.number("sinceSeconds"),
            previous=call.flag("previous"),
            timestamps=call.flag("timestamps"),
            limit_bytes=call.number("limitBytes"),
        )
        if not call.flag("follow"):
            stream = _after(await anext(stream, b""), stream)  # a refusal comes before the answer has begun
        return StreamingResponse(stream, media_type="text/plain")

    async def _evict(self, call: Call, pod: Object) -> Response:
        body = call.json()
        options = delete_options(call, (body.get("deleteOptions") if isinstance(body, dict) else None) or {})
        require_uid(call.target.kind, pod, options["preconditions"].get("uid"))
        if not options["dryRun"]:
            meta = pod["metadata"]
            await self._hooks.delete_pod(meta["namespace"], meta["name"], options["gracePeriodSeconds"])
            self._hooks.reconcile_now()
        return answer({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}, 201)


def scale_of(obj: Object) -> Object:
    """The `autoscaling/v1` Scale of a workload."""
    meta, status = obj["metadata"], obj.get("status") or {}
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: meta[key] for key in kept},
        "spec": {"replicas": obj["spec"]["replicas"]},
        "status": {"replicas": status.get("replicas", 0), "selector": str(Selector.of(obj["spec"]["selector"]))},
    }


def _written(call: Call, old: Object) -> Object:
    """What a PUT or PATCH makes of `old`. Raises StatusError 400 when that is no object."""
    new: Any = call.json() if call.request.method == "PUT" else patched(old, *call.patch())
    if not isinstance(new, dict):
        raise bad_request("the body must be a JSON object")
    require_bounded(new)
    return new


def _container(pod: Object, name: str) -> str:
    """The container whose log is meant; an empty name means the only one."""
    names = [each["name"] for each in (*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"])]
    pod_name = pod["metadata"]["name"]
    if not name:
        if len(pod["spec"]["containers"]) > 1:
            raise bad_request(f"a container name must be specified for pod {pod_name}, choose one of: {names}")
        return str(pod["spec"]["containers"][0]["name"])
    if name not in names:
        raise bad_request(f"container {name} is not valid for pod {pod_name}")
    return name


async def _after(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in rest:
        yield chunk
