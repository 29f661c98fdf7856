"""What is served below an object: status, finalize, scale, log, eviction, and the proxy to kubelets. `exec` is a WebSocket: `executing`."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from starlette.responses import Response, StreamingResponse

from harness import clock
from readiness_sandbox.cluster import admission, deletion, eviction, views
from readiness_sandbox.cluster.bodies import require_bounded
from readiness_sandbox.cluster.metrics.exposition import CONTENT_TYPE
from readiness_sandbox.cluster.patch import patched
from readiness_sandbox.cluster.resources import answer, delete_options
from readiness_sandbox.cluster.scale import scale_of, with_replicas
from readiness_sandbox.cluster.statuses import Object, StatusError, bad_request, method_not_allowed
from readiness_sandbox.cluster.store import require_uid
from readiness_sandbox.cluster.timestamps import moment

if TYPE_CHECKING:
    from datetime import datetime

    from readiness_sandbox.cluster.calls import Call
    from readiness_sandbox.cluster.hooks import Hooks, Meters
    from readiness_sandbox.cluster.store import Store


class Subresources:
    """Subresources on a store and the machinery."""

    def __init__(self, store: Store, hooks: Hooks, meters: Meters) -> None:
        self._store = store
        self._hooks = hooks
        self._meters = meters

    async def handle(self, call: Call) -> Response:
        """Answer one call on a subresource. Raises StatusError."""
        target = call.target
        stored = views.stored(target.kind)
        obj = views.shown(target.kind, self._store.get(stored, target.namespace, target.name))
        match target.subresource, call.request.method:
            case "status" | "scale" as shape, "GET":
                return answer(obj if shape == "status" else scale_of(target.kind, obj))
            case "status", "PUT" | "PATCH":
                new = views.unshown(
                    target.kind, admission.with_status(target.kind, obj, _written(call, obj), call.on_unknown)
                )
                written = self._store.update(stored, new, subresource="status", dry_run=call.dry_run)
                return answer(views.shown(target.kind, written))
            case "finalize", "PUT":
                return await self._finalize(call, obj)
            case "scale", "PUT" | "PATCH":
                return await self._scale(call, obj)
            case "log" | "proxy", "GET":
                return self._text(call, obj)
            case "exec", "GET" | "POST":
                raise bad_request("Upgrade request required")
            case "eviction", "POST":
                return await self._evict(call, obj)
        raise method_not_allowed()

    async def _finalize(self, call: Call, namespace: Object) -> Response:
        """Write the finalizers of a Namespace's spec; one that is ending goes with the last of them, whatever it still holds."""
        kind = call.target.kind
        new = admission.finalized(kind, namespace, _written(call, namespace), call.on_unknown)
        written = self._store.update(kind, new, dry_run=call.dry_run)
        if not call.dry_run and deletion.finish(self._store, kind, written):
            await self._hooks.settle()
        return answer(written)

    async def _scale(self, call: Call, obj: Object) -> Response:
        kind = call.target.kind
        scale = _written(call, scale_of(kind, obj))
        spec, given = scale.get("spec") or {}, scale.get("metadata") or {}
        if not isinstance(spec, dict) or not isinstance(given, dict):
            raise bad_request("Scale: spec and metadata must be JSON objects")
        meta = {**obj["metadata"], "resourceVersion": given.get("resourceVersion", "")}
        new = with_replicas(kind, {**obj, "metadata": meta}, spec.get("replicas", 0))
        written = self._store.update(views.stored(kind), admission.changed(kind, obj, new), dry_run=call.dry_run)
        if not call.dry_run:
            await self._hooks.settle()
        return answer(scale_of(kind, written))

    def _text(self, call: Call, obj: Object) -> Response:
        if call.target.subresource == "log":
            return self._log(call, obj)
        return Response(self._meters.exposition(call.target.name, call.target.below), media_type=CONTENT_TYPE)

    def _log(self, call: Call, pod: Object) -> Response:
        stream = self._hooks.logs(
            pod["metadata"]["namespace"],
            pod["metadata"]["name"],
            container=container_of(pod, call.text("container")),
            follow=call.flag("follow"),
            tail_lines=call.number("tailLines"),
            since=_since(call),
            previous=call.flag("previous"),
            timestamps=call.flag("timestamps"),
            limit_bytes=call.number("limitBytes"),
        )
        return StreamingResponse(stream, media_type="text/plain")

    async def _evict(self, call: Call, pod: Object) -> Response:
        body = call.json()
        options = delete_options(call, (body.get("deleteOptions") if isinstance(body, dict) else None) or {})
        require_uid(call.target.kind, pod, options["preconditions"].get("uid"))
        eviction.admit(self._store, pod, dry_run=options["dryRun"])
        if not options["dryRun"]:
            meta = pod["metadata"]
            await self._hooks.delete_pod(meta["namespace"], meta["name"], options["gracePeriodSeconds"])
            await self._hooks.settle()
        return answer({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}, 201)


def _written(call: Call, old: Object) -> Object:
    """What a PUT or PATCH makes of `old`. Raises StatusError 400 when that is no object."""
    new: Any = call.json() if call.request.method == "PUT" else patched(old, *call.patch())
    if not isinstance(new, dict):
        raise bad_request("the body must be a JSON object")
    require_bounded(new)
    return new


def container_of(pod: Object, name: str) -> str:
    """The container that a request means; an empty name selects the only one. Raises StatusError 400."""
    names = [each["name"] for each in (*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"])]
    pod_name = pod["metadata"]["name"]
    if not name:
        if len(pod["spec"]["containers"]) > 1:
            raise bad_request(f"a container name must be specified for pod {pod_name}, choose one of: {names}")
        return str(pod["spec"]["containers"][0]["name"])
    if name not in names:
        raise bad_request(f"container {name} is not valid for pod {pod_name}")
    return name


def _since(call: Call) -> datetime | None:
    """From when on a log is asked for. Raises StatusError 400, and 422 where two ways to say it are used."""
    text, seconds = call.text("sinceTime"), call.number("sinceSeconds")
    if not text:
        return None if seconds is None else clock.wall() - timedelta(seconds=seconds)
    if seconds is not None:
        why = "<nil>: Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified"
        raise StatusError(422, "Invalid", f'PodLogOptions "{call.target.name}" is invalid: {why}')
    try:
        return moment(text)
    except ValueError:
        raise bad_request(f"sinceTime: parsing time {text[:40]!r}: it is not written as in RFC 3339") from None
