"""The verbs, the same for every kind.

They are list, get, watch, create, update, patch, delete and deletecollection.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from starlette.responses import Response, StreamingResponse

from readiness_sandbox.cluster import admission, deletion, kinds, paging, pieces, views
from readiness_sandbox.cluster.bodies import require_bounded
from readiness_sandbox.cluster.calls import LARGEST, LONGEST_S, dry_run
from readiness_sandbox.cluster.custom.definitions import DEFINITION, rows
from readiness_sandbox.cluster.patch import patched
from readiness_sandbox.cluster.statuses import (
    Object,
    StatusError,
    bad_request,
    conflict,
    forbidden,
    method_not_allowed,
    not_acceptable,
    not_found,
    not_yet,
    success,
)
from readiness_sandbox.cluster.store import require_uid, selected
from readiness_sandbox.cluster.table import partial, table
from readiness_sandbox.cluster.watch import Filter, Watches, WatchShape

if TYPE_CHECKING:
    from readiness_sandbox.cluster.calls import Call
    from readiness_sandbox.cluster.hooks import Hooks, Meters
    from readiness_sandbox.cluster.kinds import Kind
    from readiness_sandbox.cluster.store import Store

POD, NAMESPACE, JOB = (kinds.by_name(name) for name in ("Pod", "Namespace", "Job"))

MOST_OBJECTS = 5000
"""Of a kind that clients may create: lists and selectors are walked at once."""

IMMORTAL = ("default", "kube-system")
"""Namespaces that cannot be deleted."""

WORKLOADS = ("apps", "batch", "policy")
"""Groups whose controllers follow a change before it is answered."""

Verb = Callable[["Call"], Awaitable[Response]]


def answer(obj: Object, code: int = 200) -> Response:
    """An object as a JSON response."""
    return Response(pieces.encoded(obj), code, media_type="application/json")


class Resources:
    """The verbs on a store; controllers run before an answer that depends on them."""

    def __init__(self, store: Store, hooks: Hooks, watches: Watches, meters: Meters) -> None:
        self._store = store
        self._hooks = hooks
        self._watches = watches
        self._meters = meters
        self._on_object: dict[str, tuple[str, Verb]] = {
            "GET": ("get", self._read),
            "PUT": ("update", self._replace),
            "PATCH": ("patch", self._patch),
            "DELETE": ("delete", self._delete),
        }
        self._on_collection: dict[str, tuple[str, Verb]] = {
            "GET": ("list", self._list),
            "POST": ("create", self._create),
            "DELETE": ("deletecollection", self._delete_collection),
        }

    async def handle(self, call: Call) -> Response:
        """Answer one call on a collection or an object. Raises StatusError."""
        target, method = call.target, call.request.method
        name, verb = (self._on_object if target.name else self._on_collection).get(method, ("", None))
        everywhere = target.kind.namespaced and not target.namespace
        if verb is None or name not in target.kind.verbs or (everywhere and method != "GET"):
            raise method_not_allowed()
        return await verb(call)

    def _get(self, call: Call) -> Object:
        target = call.target
        if target.kind.measured:
            return self._measured(call)
        return views.shown(target.kind, self._store.get(views.stored(target.kind), target.namespace, target.name))

    def _measured(self, call: Call) -> Object:
        target = call.target
        for obj in self._meters.objects(target.kind, target.namespace):
            if obj["metadata"]["name"] == target.name:
                return obj
        raise not_found(target.kind, target.name)

    def _found(self, call: Call) -> list[Object]:
        kind = call.target.kind
        if kind.measured:
            found = self._meters.objects(kind, call.target.namespace)
            return [obj for obj in found if selected(obj, call.labels, call.fields)]
        return self._store.list(views.stored(kind), call.target.namespace, labels=call.labels, fields=call.fields)

    def _shown(self, call: Call, obj: Object, code: int = 200) -> Response:
        if call.shape == "PartialObjectMetadataList":
            raise not_acceptable("you requested PartialObjectMetadataList, but the requested object is not a list")
        response = answer(self._shaped(call, obj), code)
        for warning in call.warnings:
            response.headers.append("Warning", f"299 - {json.dumps(warning)}")
        return response

    def _shaped(self, call: Call, obj: Object) -> Object:
        """One object in the shape that was asked for."""
        if call.shape == "Table":
            return self._table(call, [obj], {"resourceVersion": obj["metadata"].get("resourceVersion", "")})
        return partial(obj) if call.shape == "PartialObjectMetadata" else obj

    def _table(self, call: Call, objects: list[Object], metadata: Object) -> Object:
        return table(call.target.kind, objects, metadata, include=call.text("includeObject") or "Metadata")

    def _row(self, call: Call, obj: Object) -> Object:
        row: Object = self._table(call, [views.shown(call.target.kind, obj)], {})["rows"][0]
        return row

    async def _read(self, call: Call) -> Response:
        if call.flag("watch"):
            raise bad_request("watch a single object with a fieldSelector on metadata.name")
        return self._shown(call, self._get(call))

    async def _list(self, call: Call) -> Response:
        if call.flag("watch"):
            if "watch" not in call.target.kind.verbs:
                raise method_not_allowed()
            return self._watch(call)
        if call.target.kind.measured:
            return await self._listed(call, self._found(call), {"resourceVersion": str(self._store.resource_version)})
        limit, token = call.number("limit", most=LARGEST) or 0, call.text("continue")
        version = call.number("resourceVersion", most=LARGEST)
        if token and version:
            raise bad_request("specifying resource version is not allowed when using continue")
        exactly = _is_exact(call, version)
        if version and version > self._store.resource_version:
            raise not_yet(version, self._store.resource_version)
        if version == 0 and not token:
            limit = 0  # of a list that may be stale, which a genuine server has at hand
        if exactly and version:
            return await self._listed(call, *paging.page_at(self._store, _selection(call), limit, version))
        return await self._listed(call, *paging.page(self._store, _selection(call), limit, token))

    async def _listed(self, call: Call, objects: list[Object], metadata: Object) -> Response:
        """A list in the shape that was asked for."""
        kind = call.target.kind
        if call.shape == "Table":
            head = self._table(call, [], metadata)
            del head["rows"]
            return await pieces.listed(head, "rows", objects, lambda obj: self._row(call, obj))
        if call.shape == "PartialObjectMetadata":
            raise not_acceptable("you requested PartialObjectMetadata, but the requested object is a list")
        if call.shape:
            head = {"kind": call.shape, "apiVersion": "meta.k8s.io/v1", "metadata": metadata}
            return await pieces.listed(head, "items", objects, partial)
        head = {"kind": f"{kind.kind}List", "apiVersion": kind.api_version, "metadata": metadata}
        return await pieces.listed(head, "items", objects, lambda obj: views.listed(kind, obj))

    def _watch(self, call: Call) -> Response:
        kind = call.target.kind
        if call.flag("sendInitialEvents"):
            why = "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled"
            raise StatusError(
                422, "Invalid", f'ListOptions.meta.k8s.io "" is invalid: sendInitialEvents: Forbidden: {why}'
            )

        def reached() -> Object:
            version = str(self._store.resource_version)
            return {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": {"resourceVersion": version}}

        shape = WatchShape(
            shown=lambda obj: self._shaped(call, views.shown(kind, obj)),
            timeout_s=call.number("timeoutSeconds"),
            bookmark=reached if call.flag("allowWatchBookmarks") else None,
        )
        stream = self._watches.open(_selection(call), call.number("resourceVersion", most=LARGEST), shape)
        return StreamingResponse(stream, media_type="application/json")

    async def _create(self, call: Call) -> Response:
        kind = call.target.kind
        if kind.custom is not None and deletion.is_ending(self._store.get(DEFINITION, None, kind.resource)):
            raise method_not_allowed("create not allowed while custom resource definition is terminating")
        obj = admission.created(kind, call.target.namespace, call.json(), call.on_unknown)
        if self._store.count(views.stored(kind)) >= MOST_OBJECTS:
            raise forbidden(kind, obj["metadata"].get("name") or "", f"exceeded quota: {MOST_OBJECTS} {kind.plural}")
        made = self._store.create(views.stored(kind), views.unshown(kind, obj), dry_run=call.dry_run)
        await self._settle(kind, call)
        return self._shown(call, views.shown(kind, made), 201)

    async def _replace(self, call: Call) -> Response:
        body = call.json()
        return await self._change(call, self._get(call), body)

    async def _patch(self, call: Call) -> Response:
        patch, content_type = call.patch()
        old = self._get(call)
        new = patched(old, patch, content_type)
        require_bounded(new)
        return await self._change(call, old, new)

    async def _change(self, call: Call, old: Object, body: Any) -> Response:
        kind = call.target.kind
        obj = admission.changed(kind, old, body, call.on_unknown)
        new = self._store.update(views.stored(kind), views.unshown(kind, obj), dry_run=call.dry_run)
        if not call.dry_run and deletion.finish(self._store, views.stored(kind), new):
            await self._hooks.settle()
        await self._settle(kind, call)
        return self._shown(call, views.shown(kind, new))

    async def _settle(self, kind: Kind, call: Call) -> None:
        """Let the controllers follow a change of a workload or a namespace before it is answered."""
        if (kind.group in WORKLOADS or kind is NAMESPACE) and not call.dry_run:
            await self._hooks.settle()

    async def _delete(self, call: Call) -> Response:
        kind, obj, options = call.target.kind, self._get(call), delete_options(call, call.json())
        _hold_preconditions(kind, obj, options)
        if kind is NAMESPACE and call.target.name in IMMORTAL:
            raise forbidden(kind, call.target.name, "this namespace may not be deleted")
        if not options["dryRun"]:
            obj = views.shown(kind, await self._remove(kind, obj, options))
            await self._hooks.settle()
        if kind.returned or deletion.is_ending(obj):
            return self._shown(call, obj)
        return answer(success(kind, call.target.name, obj["metadata"]["uid"]))

    async def _delete_collection(self, call: Call) -> Response:
        kind, found, options = call.target.kind, self._found(call), delete_options(call, call.json())
        if not options["dryRun"]:
            await self._remove_all(kind, found, options)
            await self._hooks.settle()
        return await self._listed(call, found, {"resourceVersion": str(self._store.resource_version)})

    async def _remove(self, kind: Kind, obj: Object, options: Object) -> Object:
        namespace, name = obj["metadata"].get("namespace"), obj["metadata"]["name"]
        if kind is POD:
            return await self._hooks.delete_pod(namespace, name, options["gracePeriodSeconds"])
        if options["propagationPolicy"] == "Orphan":
            self._orphan(obj["metadata"]["uid"])
        stored = views.stored(kind)
        obj = deletion.begin(
            self._store, stored, self._store.get(stored, namespace, name), options["propagationPolicy"]
        )
        if kind is DEFINITION:  # it is marked, so that nothing is added to what goes
            await self._remove_all(custom := rows(obj)[0], self._store.list(custom), options)
        return obj

    async def _remove_all(self, kind: Kind, objects: list[Object], options: Object) -> None:
        """Remove each; one that is gone meanwhile counts as removed."""
        async for obj in pieces.in_turns(objects):
            try:
                await self._remove(kind, obj, options)
            except StatusError as error:
                if error.code != 404:
                    raise

    def _orphan(self, uid: str) -> None:
        for kind in self._store.kinds.stored:
            for obj in self._store.list(kind):
                owners = obj["metadata"].get("ownerReferences", [])
                kept = [owner for owner in owners if owner["uid"] != uid]
                if kept != owners:
                    self._store.update(kind, {**obj, "metadata": {**obj["metadata"], "ownerReferences": kept}})


def _selection(call: Call) -> Filter:
    """What a list or a watch is of."""
    kind, namespace = views.stored(call.target.kind), call.target.namespace
    return Filter(kind=kind, namespace=namespace, labels=call.labels, fields=call.fields)


def _is_exact(call: Call, version: int | None) -> bool:
    """Whether a list is asked for as it was at its version. Raises StatusError 422."""
    match call.text("resourceVersionMatch"):
        case "":
            return False
        case _ if call.text("continue"):
            why = "Forbidden: resourceVersionMatch is forbidden when continue is provided"
        case _ if version is None:
            why = "Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided"
        case "NotOlderThan":
            return False
        case "Exact" if version:
            return True
        case "Exact":
            why = 'Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"'
        case other:
            why = f'Unsupported value: "{other[:40]}": supported values: "Exact", "NotOlderThan", ""'
    raise StatusError(422, "Invalid", f'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: {why}')


def delete_options(call: Call, body: Any) -> Object:
    """DeleteOptions of body and query, complete. Raises StatusError 400.

    The default for a Job is that what it owns stays, as batch/v1 has had it from its beginning; for all other kinds that it goes.
    """
    if not isinstance(body, dict):
        raise bad_request("the body of a DELETE must be DeleteOptions")
    grace = body.get("gracePeriodSeconds")
    if grace is None:
        grace = call.number("gracePeriodSeconds")
    if grace is not None and (type(grace) is not int or not 0 <= grace <= LONGEST_S):
        raise bad_request(f"gracePeriodSeconds: {grace!r} is not a number of seconds from 0 to {LONGEST_S}")
    default = "Orphan" if call.target.kind is JOB else "Background"
    policy = body.get("propagationPolicy") or call.text("propagationPolicy") or default
    if policy not in ("Background", "Foreground", "Orphan"):
        raise bad_request(
            f"propagationPolicy: Unsupported value: {policy!r}: supported values: Background, Foreground, Orphan"
        )
    preconditions, dry = body.get("preconditions") or {}, body.get("dryRun") or []
    if not isinstance(preconditions, dict) or not all(isinstance(each, str) for each in preconditions.values()):
        raise bad_request("preconditions: Invalid value: must be an object of texts")
    if not isinstance(dry, list):
        raise bad_request("dryRun: Invalid value: must be a list")
    return {
        "gracePeriodSeconds": grace,
        "propagationPolicy": policy,
        "preconditions": preconditions,
        "dryRun": call.dry_run or dry_run(dry),
    }


def _hold_preconditions(kind: Kind, obj: Object, options: Object) -> None:
    expected, meta = options["preconditions"], obj["metadata"]
    require_uid(kind, obj, expected.get("uid"))
    if (version := expected.get("resourceVersion")) and version != meta["resourceVersion"]:
        why = f"Precondition failed: ResourceVersion in precondition: {version}, ResourceVersion in object meta: {meta['resourceVersion']}"
        raise conflict(kind, meta["name"], why)
