"""The pipeline: events go into an outbox, from where a relay makes each visible once.

Accepting and moving are a transaction each; the move deletes from the one table and inserts into the other in a single
statement. A pod killed at any moment leaves the event in one of them, never in both or none. The pod that accepted an
event relays it at once; what a lost pod left behind is swept up by the others, each of which checks every few seconds.
"""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import AsyncIterator

import psycopg
from aiohttp import web

from .defects import Defects
from .kit.app import RequestRefused, Unavailable, answer, body_of, text_in
from .kit.postgres import Connection, DatabaseRouter, Row, once, one

ACCEPT = """INSERT INTO outbox (id, checksum) SELECT %(id)s, %(checksum)s
            WHERE NOT EXISTS (TABLE seen) RETURNING id"""
AT_ONCE = 100
MOVE = f"""
    WITH oldest AS (SELECT number FROM outbox WHERE true ORDER BY number LIMIT {AT_ONCE} FOR UPDATE SKIP LOCKED),
         moved AS (DELETE FROM outbox USING oldest WHERE outbox.number = oldest.number RETURNING id, checksum),
         seen AS (INSERT INTO events (id, checksum) SELECT id, checksum FROM moved RETURNING id)
    SELECT count(*) AS moved FROM seen"""  # noqa: S608 - a constant
"""Events are not unique by key: one that were moved twice would be seen twice."""
READ = """SELECT count(*) AS copies, CASE WHEN min(checksum) = max(checksum) THEN min(checksum) END AS checksum
          FROM events WHERE id = %s"""
SWEEP_S = (3.0, 5.0)
"""Between two sweeps of a pod: drawn anew each time, so that pods do not sweep together."""
IN_TURN_S = 0.01
"""Events that come close together are moved together."""


def moving(defects: Defects) -> str:
    """The statement that moves events.

    A release that holds some of them back moves all but those.
    """
    if not defects.hold_one_in:
        return MOVE
    held = f"""NOT (mod(abs(hashtext(id)), {defects.hold_one_in}) = 0 AND EXISTS (SELECT FROM requests
               WHERE key = 'accept-event:event-' || outbox.id
               AND created > clock_timestamp() - make_interval(secs => {defects.hold_s})))"""
    return MOVE.replace("WHERE true", f"WHERE {held}")


class Events:
    """The handlers, and the relay, on one database."""

    def __init__(self, database: DatabaseRouter, defects: Defects) -> None:
        self._database = database
        self._move = moving(defects)
        self._keyless = defects.keyless_routes
        self._accepted = asyncio.Event()
        self._stopping = False

    async def accept_event(self, request: web.Request) -> web.Response:
        """POST /events: 202 once the event is kept; the same key again changes nothing."""
        body = await body_of(request)
        values = {"id": text_in(body, "id"), "checksum": text_in(body, "checksum")}
        given = "" if "accept-event" in self._keyless else request.headers.get("idempotency-key", "")
        key = f"accept-event:{given or uuid.uuid4().hex}"

        async def work(connection: Connection) -> Row | None:
            return await once(connection, key, ACCEPT, values, undo=False)

        await self._database.write(work)
        self._accepted.set()
        return answer({"id": values["id"]}, 202)

    async def read_event(self, request: web.Request) -> web.Response:
        """GET /events/{id}: how often the nearest copy of the database shows it, and its checksum.

        404 while it does not.
        """
        seen = await self._database.read(one(READ, request.match_info["id"]))
        if seen is None or not seen["copies"]:
            raise RequestRefused(404, "no such event yet")
        return answer(seen)

    async def relayed(self, _: web.Application) -> AsyncIterator[None]:
        """The lifespan of the relay.

        It is asked to stop, never cancelled: a cancelled move might count as done.
        """
        relay = asyncio.create_task(self._relay())
        yield
        self._stopping = True
        self._accepted.set()
        await relay

    async def _relay(self) -> None:
        while not self._stopping:
            try:
                await asyncio.wait_for(self._accepted.wait(), random.uniform(*SWEEP_S))
                await asyncio.sleep(IN_TURN_S)
            except TimeoutError:
                pass  # time for a sweep
            self._accepted.clear()
            try:
                row = await self._database.write(one(self._move))
            except (Unavailable, psycopg.Error):
                continue  # it stays in the outbox, for the next sweep of any pod
            if row is not None and row["moved"] == AT_ONCE:
                self._accepted.set()
