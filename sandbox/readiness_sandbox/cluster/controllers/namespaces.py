"""Namespaces: what each has from its beginning, and how each ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from readiness_sandbox.cluster import deletion, kinds
from readiness_sandbox.cluster.controllers.view import NAMESPACE, POD, key, live
from readiness_sandbox.cluster.statuses import StatusError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from readiness_sandbox.cluster.controllers.view import PodTerminator
    from readiness_sandbox.cluster.kinds import Kind
    from readiness_sandbox.cluster.store import Object, Store

ACCOUNT = kinds.by_name("ServiceAccount")
FIRST: Final = ("CronJob", "Job", "Deployment", "StatefulSet", "ReplicaSet", "Pod")
"""What goes first of a namespace: owners, so that their pods are not made again."""


def reconcile(store: Store, pods: PodTerminator) -> None:
    """All namespaces: each has a ServiceAccount `default`; one that ends is emptied, then it goes; the system's come back."""
    for namespace in store.list(NAMESPACE):
        name = namespace["metadata"]["name"]
        if deletion.is_ending(namespace):
            _empty(store, name, pods)
            if not any(store.list(kind, name) for kind in _namespaced(store)):
                _finalize(store, namespace)
    store.create_system_namespaces()
    for namespace in live(store, NAMESPACE):
        name = namespace["metadata"]["name"]
        if not _has_account(store, name):
            store.create(ACCOUNT, {"metadata": {"name": "default", "namespace": name}})


def _has_account(store: Store, namespace: str) -> bool:
    try:
        store.get(ACCOUNT, namespace, "default")
    except StatusError:
        return False
    return True


def _empty(store: Store, namespace: str, pods: PodTerminator) -> None:
    for kind in _namespaced(store):
        for obj in store.list(kind, namespace):
            if deletion.is_ending(obj):
                continue
            if kind is POD:
                pods.begin_delete(*key(obj), None)
            else:
                deletion.begin(store, kind, obj)


def _namespaced(store: Store) -> Iterator[Kind]:
    """The kinds of what namespaces hold, in the order in which it goes."""
    first = [kinds.by_name(name) for name in FIRST]
    yield from first
    yield from (kind for kind in store.kinds.stored if kind.namespaced and kind not in first)


def _finalize(store: Store, namespace: Object) -> None:
    """Take the finalizer of this controller from an empty namespace; those of others hold it on."""
    left = [each for each in (namespace.get("spec") or {}).get("finalizers") or () if each != "kubernetes"]
    emptied = store.update(NAMESPACE, deletion.with_finalizers(namespace, left))
    deletion.finish(store, NAMESPACE, emptied)
