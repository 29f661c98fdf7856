"""Events: what has happened, for people and for evidence.

Equal ones are counted, the oldest go when there are too many.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable

from harness import clock
from readiness_sandbox.cluster import kinds
from readiness_sandbox.cluster.store import Object, StatusError, Store
from readiness_sandbox.cluster.timestamps import now_text

Recorder = Callable[[Object, str, str, str], None]
"""Writes an Event: its object, type (Normal or Warning), reason and message."""

EVENT = kinds.by_name("Event")
MOST = 1000


def recorder(store: Store, component: str) -> Recorder:
    """What writes Events in the name of a component."""
    written: OrderedDict[tuple[str, str, str], tuple[str, str]] = OrderedDict()

    def record(about: Object, kind: str, reason: str, message: str) -> None:
        meta = about["metadata"]
        key = (meta["uid"], reason, message)
        try:
            old = store.get(EVENT, *written[key])
            store.update(EVENT, {**old, "count": old["count"] + 1, "lastTimestamp": now_text()})
        except (KeyError, StatusError):
            name = f"{meta['name']}.{secrets.token_hex(8)}"
            where = meta.get("namespace") or "default"
            made = _event(about, kind, reason, message, component) | {"metadata": {"name": name, "namespace": where}}
            try:
                store.create(EVENT, made)
            except StatusError:
                return
            written[key] = (where, name)
        while len(written) > MOST:
            _, oldest = written.popitem(last=False)
            try:
                store.delete(EVENT, *oldest)
            except StatusError:
                continue

    return record


def _event(about: Object, kind: str, reason: str, message: str, component: str) -> Object:
    meta, now = about["metadata"], now_text()
    return {
        "involvedObject": {
            "kind": about["kind"],
            "apiVersion": about["apiVersion"],
            "name": meta["name"],
            "uid": meta["uid"],
            "resourceVersion": meta["resourceVersion"],
            **({"namespace": meta["namespace"]} if meta.get("namespace") else {}),
        },
        "type": kind,
        "reason": reason,
        "message": message,
        "count": 1,
        "firstTimestamp": now,
        "lastTimestamp": now,
        "eventTime": clock.wall_text(),
        "reportingComponent": component,
        "reportingInstance": "sandbox",
        "action": reason,
        "source": {"component": component},
    }
