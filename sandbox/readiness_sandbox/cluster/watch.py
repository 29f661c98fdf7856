"""Watches: the store's changes as JSON lines, filtered for one client.

A stream ends only on `timeoutSeconds`, on 410, on the client's leaving or on shutdown: chaosk8s and Patroni take any other end as
a reason to start over. A client that asks for bookmarks gets one at `timeoutSeconds`, with the version from which it can go on, however
long nothing has changed; others break on them, and on blank lines.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from harness import clock
from readiness_sandbox.cluster.pieces import encoded, in_turns
from readiness_sandbox.cluster.statuses import Object, StatusError
from readiness_sandbox.cluster.store import WatchEvent, selected

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from readiness_sandbox.cluster.kinds import Kind
    from readiness_sandbox.cluster.selectors import Selector
    from readiness_sandbox.cluster.store import Store

Change = tuple[str, Object]
Queue = asyncio.Queue[WatchEvent | None]
"""None ends the watch."""
AT_ONCE = 1 << 18
"""Bytes that are written before others have their turn."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Filter:
    """Which changes a client wants to see; `kind` is the stored one."""

    kind: Kind
    namespace: str | None
    labels: Selector
    fields: Selector

    def seen(self, event: WatchEvent) -> Change | None:
        """The change as the client sees it.

        An object that leaves the selection is DELETED, one that enters it ADDED.
        """
        if event.kind.resource != self.kind.resource:
            return None
        now = event.type != "DELETED" and self._takes(event.object)
        before = event.previous is not None and self._takes(event.previous)
        if now:
            return ("MODIFIED" if before else "ADDED"), event.object
        return ("DELETED", event.object) if before else None

    def _takes(self, obj: Object) -> bool:
        if self.namespace is not None and obj["metadata"].get("namespace") != self.namespace:
            return False
        return selected(obj, self.labels, self.fields)


@dataclass(frozen=True, kw_only=True, slots=True)
class WatchShape:
    """The options of a watch.

    They are each object's representation, seconds until the end (None: never), and the object of the bookmark at the end (None: it is not asked for).
    """

    shown: Callable[[Object], Object]
    timeout_s: float | None
    bookmark: Callable[[], Object] | None = None


class Watches:
    """All open watches of a server, so that a shutdown can end them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        # Weak, because a client may leave before its stream was ever read: then nothing else would remove the queue.
        self._queues: WeakKeyDictionary[Queue, str] = WeakKeyDictionary()
        """Each with the resource that its client watches: others do not wake it."""
        self._closed = False
        store.subscribe(self._spread)

    def close(self) -> None:
        """End every watch, and each later one after its first events."""
        self._closed = True
        for queue in self._queues:
            queue.put_nowait(None)

    def open(self, selection: Filter, version: int | None, shape: WatchShape) -> AsyncIterator[bytes]:
        """Start a watch now; iterate to read it.

        `version` None or 0 begins with ADDED for all that exists.
        """
        queue: Queue = asyncio.Queue()
        try:
            first = self._first(selection, version)
        except StatusError as error:
            queue.put_nowait(None)
            return _lines(
                [("ERROR", error.status)], queue, selection, WatchShape(shown=lambda obj: obj, timeout_s=None)
            )
        if self._closed:
            queue.put_nowait(None)
        self._queues[queue] = selection.kind.resource
        return _lines(first, queue, selection, shape)

    def _first(self, selection: Filter, version: int | None) -> list[Change]:
        if version:
            return [seen for event in self._store.events_since(version) if (seen := selection.seen(event))]
        found = self._store.list(selection.kind, selection.namespace, labels=selection.labels, fields=selection.fields)
        return [("ADDED", obj) for obj in found]

    def _spread(self, event: WatchEvent) -> None:
        for queue, resource in self._queues.items():
            if resource == event.kind.resource:
                queue.put_nowait(event)


async def _lines(first: list[Change], queue: Queue, selection: Filter, shape: WatchShape) -> AsyncIterator[bytes]:
    deadline = None if shape.timeout_s is None else clock.Deadline.after(shape.timeout_s)
    changes: list[Change] = first
    while True:
        async for piece in _pieces(changes, shape):
            yield piece
        events = await _next(queue, deadline)
        changes = [seen for event in events if event and (seen := selection.seen(event))]
        if not events and shape.bookmark is not None and queue.empty():
            yield encoded({"type": "BOOKMARK", "object": shape.bookmark()}) + b"\n"
        if not events or events[-1] is None:
            return


async def _pieces(changes: list[Change], shape: WatchShape) -> AsyncIterator[bytes]:
    """The lines of these changes, some at a time.

    Those of many large objects do not block others.
    """
    lines, size = [], 0
    async for change, obj in in_turns(changes):
        line = encoded({"type": change, "object": shape.shown(obj)}) + b"\n"
        lines.append(line)
        size += len(line)
        if size > AT_ONCE:
            yield b"".join(lines)
            lines, size = [], 0
            await clock.asleep(0)
    if lines:
        yield b"".join(lines)


async def _next(queue: Queue, deadline: clock.Deadline | None) -> list[WatchEvent | None]:
    """All that has come, at least one; nothing once the deadline is over."""
    try:
        events = [await asyncio.wait_for(queue.get(), deadline.left_s if deadline else None)]
    except TimeoutError:
        return []
    while not queue.empty():
        events.append(queue.get_nowait())
    return events
