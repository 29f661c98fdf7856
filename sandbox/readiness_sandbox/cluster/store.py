"""The one place where the state of the cluster lives.

Objects, their versions, and the stream of changes.
Single-threaded: all calls come from the event loop's thread. Objects are immutable by agreement: the store hands out what
it holds, so whoever wants to change one writes a new one (`patch.py` and `{**obj, …}` do). One global integer counts the changes.
"""

from __future__ import annotations

import uuid
from bisect import bisect_right
from collections import defaultdict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from readiness_sandbox.cluster import kinds, names
from readiness_sandbox.cluster.selectors import Selector, field_values
from readiness_sandbox.cluster.statuses import (
    Object,
    StatusError,
    already_exists,
    conflict,
    ending_namespace,
    expired,
    not_found,
)
from readiness_sandbox.cluster.timestamps import now_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from readiness_sandbox.cluster.kinds import Kind

__all__ = ["Object", "StatusError", "Store", "WatchEvent", "controller_of"]

RING = 8192
SYSTEM_NAMESPACES: Final = ("default", "kube-system", "kube-node-lease")
"""Those that every cluster has from its beginning."""
Change = Literal["ADDED", "MODIFIED", "DELETED"]


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """One change. `previous` is what stood there before, None for ADDED."""

    type: Change
    kind: Kind
    object: Object
    resource_version: int
    previous: Object | None = None


class Store:
    """Objects by kind, namespace and name, with compare-and-swap and a ring of changes."""

    def __init__(self, *, ring: int = RING) -> None:
        self.kinds = kinds.ServedKinds()
        # By resource, not by row: the row of a custom resource is another one after each change of its definition.
        self._objects: defaultdict[str, dict[tuple[str, str], Object]] = defaultdict(dict)
        self._controlled: defaultdict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)
        """Keys by resource and uid of the controlling owner, "" for none: controllers ask this of every owner once a second."""
        self._ring: deque[WatchEvent] = deque(maxlen=ring)
        self._callbacks: list[Callable[[WatchEvent], None]] = []
        self._version = 0
        self.create_system_namespaces()

    def create_system_namespaces(self) -> None:
        """Make those of `SYSTEM_NAMESPACES` that are not there."""
        kind = kinds.by_name("Namespace")
        for name in SYSTEM_NAMESPACES:
            if ("", name) not in self._objects[kind.resource]:
                meta = {"name": name, "labels": {"kubernetes.io/metadata.name": name}}
                made = {"metadata": meta, "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}
                self.create(kind, made)

    @property
    def resource_version(self) -> int:
        """The number of the last change."""
        return self._version

    def subscribe(self, callback: Callable[[WatchEvent], None]) -> Callable[[], None]:
        """Call `callback` after each change, in order; it must only enqueue, never write.

        Returns how to end it.
        """
        self._callbacks.append(callback)
        return lambda: self._callbacks.remove(callback)

    def events_since(self, version: int) -> list[WatchEvent]:
        """The changes after `version`.

        Raises StatusError 410 when the ring does not reach back that far, or it is not yet.
        """
        oldest = self._ring[0].resource_version - 1 if self._ring else self._version
        if not oldest <= version <= self._version:
            raise expired(version, oldest)
        return list(self._ring)[bisect_right(self._ring, version, key=lambda event: event.resource_version) :]

    def get(self, kind: Kind, namespace: str | None, name: str) -> Object:
        """One object. Raises StatusError 404."""
        try:
            return self._objects[kind.resource][(namespace or "", name)]
        except KeyError:
            raise not_found(kind, name) from None

    def count(self, kind: Kind) -> int:
        """How many objects of a kind there are."""
        return len(self._objects[kind.resource])

    def list_at(
        self,
        version: int,
        kind: Kind,
        namespace: str | None = None,
        *,
        labels: Selector | None = None,
        fields: Selector | None = None,
    ) -> list[Object]:
        """What `list` would have found after the change `version`.

        Raises StatusError 410 when the ring does not reach back that far.
        """
        objects = dict(self._objects[kind.resource])
        for event in reversed(self.events_since(version)):
            if event.kind.resource == kind.resource:
                meta = event.object["metadata"]
                key = (meta.get("namespace") or "", meta["name"])
                if event.previous is None:
                    del objects[key]
                else:
                    objects[key] = event.previous
        return _ordered(objects, namespace, labels, fields)

    def controlled(self, kind: Kind, namespace: str, uid: str) -> list[Object]:
        """Objects of a namespace whose controlling owner has this uid, in order of name; `uid` "" means those without one."""
        keys = sorted(key for key in self._controlled[kind.resource, uid] if key[0] == namespace)
        return [self._objects[kind.resource][key] for key in keys]

    def list(
        self,
        kind: Kind,
        namespace: str | None = None,
        *,
        labels: Selector | None = None,
        fields: Selector | None = None,
    ) -> list[Object]:
        """Objects in order of namespace and name; `namespace` None means all."""
        return _ordered(self._objects[kind.resource], namespace, labels, fields)

    def create(self, kind: Kind, obj: Object, *, dry_run: bool = False) -> Object:
        """Add an object; fills name, uid, creationTimestamp, generation and resourceVersion.

        Raises:
            StatusError: 409 AlreadyExists; 404 when its namespace does not exist, 403 when that is ending.
        """
        meta = dict(obj.get("metadata") or {})
        namespace = meta.get("namespace") or ""
        there = self.get(kinds.by_name("Namespace"), None, namespace) if kind.namespaced else None
        if not meta.get("name") and meta.get("generateName"):
            meta["name"] = self._generated(kind, namespace, meta["generateName"])
        if there and "deletionTimestamp" in there["metadata"]:
            raise ending_namespace(kind, meta["name"], namespace)
        key = (namespace, meta["name"])
        if key in self._objects[kind.resource]:
            raise already_exists(kind, meta["name"])
        meta.setdefault("uid", str(uuid.uuid4()))
        meta["creationTimestamp"] = now_text()
        if kind.generation:
            meta["generation"] = 1
        made = _object(kind, obj, meta)
        if dry_run:
            return made
        return self._commit("ADDED", kind, key, made, None)

    def update(self, kind: Kind, obj: Object, *, subresource: str | None = None, dry_run: bool = False) -> Object:
        """Replace an object; a write that changes nothing neither counts nor emits.

        `subresource="status"` replaces only the status; without it the status of a kind that has the subresource stays as stored.

        Raises:
            StatusError: 404; 409 Conflict when `metadata.resourceVersion` or `metadata.uid` is given and is not the stored one.
        """
        meta = dict(obj.get("metadata") or {})
        key = (meta.get("namespace") or "", meta["name"])
        old = self.get(kind, *key)
        _require_same(kind, old["metadata"], meta)
        new = _replaced(kind, old, obj, meta, subresource)
        if new == old:
            return old
        if kind.generation and _counted(kind, new) != _counted(kind, old):
            new["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1
        if dry_run:
            return new
        return self._commit("MODIFIED", kind, key, new, old)

    def delete(self, kind: Kind, namespace: str | None, name: str, *, uid: str | None = None) -> Object:
        """Remove an object at once, whatever its finalizers or grace.

        Raises StatusError 404, or 409 when `uid` is not its own.
        """
        old = self.get(kind, namespace, name)
        require_uid(kind, old, uid)
        return self._commit("DELETED", kind, (namespace or "", name), {**old, "metadata": dict(old["metadata"])}, old)

    def _commit(self, change: Change, kind: Kind, key: tuple[str, str], obj: Object, old: Object | None) -> Object:
        self._version += 1
        obj["metadata"]["resourceVersion"] = str(self._version)
        if old is not None:
            self._controlled[kind.resource, _controlling_uid(old)].discard(key)
        if change == "DELETED":
            del self._objects[kind.resource][key]
        else:
            self._objects[kind.resource][key] = obj
            self._controlled[kind.resource, _controlling_uid(obj)].add(key)
        event = WatchEvent(change, kind, obj, self._version, old)
        self._ring.append(event)
        for callback in tuple(self._callbacks):
            callback(event)
        return obj

    def _generated(self, kind: Kind, namespace: str, prefix: str) -> str:
        while True:
            name = names.generated(prefix)
            if (namespace, name) not in self._objects[kind.resource]:
                return name


def selected(obj: Object, labels: Selector | None, fields: Selector | None) -> bool:
    """Whether both selectors take the object; an absent selector takes everything."""
    if labels and not labels.matches(obj["metadata"].get("labels")):
        return False
    if not fields:
        return True
    return fields.matches(field_values(obj, (requirement.key for requirement in fields.requirements)))


def _ordered(
    objects: Mapping[tuple[str, str], Object], namespace: str | None, labels: Selector | None, fields: Selector | None
) -> list[Object]:
    keys = sorted(objects if namespace is None else (key for key in objects if key[0] == namespace))
    return [obj for key in keys if selected(obj := objects[key], labels, fields)]


def _controlling_uid(obj: Object) -> str:
    controller = controller_of(obj)
    return str(controller.get("uid")) if controller else ""


def controller_of(obj: Object) -> Object | None:
    """The owner reference of the one controller of an object."""
    return next((each for each in obj["metadata"].get("ownerReferences") or () if each.get("controller")), None)


def require_uid(kind: Kind, obj: Object, uid: str | None) -> None:
    """Check the precondition that the object has the given uid. Raises StatusError 409 when it has another."""
    actual = obj["metadata"]["uid"]
    if uid and uid != actual:
        why = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {actual}"
        raise conflict(kind, obj["metadata"]["name"], why)


def _require_same(kind: Kind, old: Object, new: Object) -> None:
    if new.get("uid") and new["uid"] != old["uid"]:
        why = f"Precondition failed: UID in precondition: {new['uid']}, UID in object meta: {old['uid']}"
        raise conflict(kind, old["name"], why)
    if new.get("resourceVersion") and new["resourceVersion"] != old["resourceVersion"]:
        why = "the object has been modified; please apply your changes to the latest version and try again"
        raise conflict(kind, old["name"], why)


def _counted(kind: Kind, obj: Object) -> Any:
    """What `metadata.generation` counts the changes of: the spec.

    Of a custom resource all that is neither metadata nor a subresource.
    """
    if kind.custom is None:
        return obj.get("spec")
    left_out = ("metadata", "status") if kind.has_status else ("metadata",)
    return {key: value for key, value in obj.items() if key not in left_out}


def _replaced(kind: Kind, old: Object, obj: Object, meta: Object, subresource: str | None) -> Object:
    if subresource == "status":
        new = {**old, "metadata": dict(old["metadata"])}
        source = obj
    else:
        kept = ("uid", "creationTimestamp", "generation", "resourceVersion")
        meta |= {key: old["metadata"][key] for key in kept if key in old["metadata"]}
        new = _object(kind, obj, meta)
        if not kind.has_status:
            return new
        source = old
    if "status" in source:
        new["status"] = _without_zeros(kind, source["status"])
    else:
        new.pop("status", None)
    return new


def _without_zeros(kind: Kind, status: Any) -> Any:
    if not kind.counts or not isinstance(status, dict):
        return status
    return {name: value for name, value in status.items() if value != 0 or name not in kind.counts}


def _object(kind: Kind, obj: Object, meta: Object) -> Object:
    return {**obj, "kind": kind.kind, "apiVersion": kind.api_version, "metadata": meta}
