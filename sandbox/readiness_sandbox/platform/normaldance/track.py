"""track-service: tracks, the play counter, the write ledger, and the pipeline.

The ledger is what the platform's durability is audited by.
"""

from __future__ import annotations

import asyncio
import os
import uuid
from typing import Any

from aiohttp import web

from .caching.tracks import HEADER as CACHED
from .caching.tracks import TrackReads, tracks_from_env
from .caching.tracks import is_on as has_cache
from .defects import Defects
from .dropped import kept
from .engagement import UserCounter
from .events import Events
from .kit import queries
from .kit.app import (
    ENVELOPE,
    RequestRefused,
    Unavailable,
    answer,
    body_of,
    build,
    integer_in,
    no_dependencies,
    serve,
    text_in,
)
from .kit.features import HEADER, Features
from .kit.postgres import Connection, DatabaseRouter, Row, once, one
from .kit.settings import PodSettings
from .latent import Latent, end_if_replaced
from .library import TrackLibrary
from .shares import OneCloses
from .trust.access import Ownership, RouteAccess, access_from_env
from .trust.checking import has_provider
from .trust.defects import TrustDefects
from .trust.rules import WRITE

READ = "SELECT id, title, artist, plays FROM tracks WHERE id = %s"
CREATE = """INSERT INTO tracks (title, artist, added_by) SELECT %(title)s, %(artist)s, %(user)s
            WHERE NOT EXISTS (TABLE seen) RETURNING id, title, artist, plays"""
PLAY = """UPDATE tracks SET plays = plays + 1 WHERE id = %(id)s AND NOT EXISTS (TABLE seen)
          RETURNING id, plays"""
ENTER = """INSERT INTO ledger (client, sequence, checksum) SELECT %(client)s, %(sequence)s, %(checksum)s
           WHERE NOT EXISTS (TABLE seen) RETURNING client, sequence"""
ENTRIES = """SELECT coalesce(json_agg(json_build_array(sequence, checksum) ORDER BY sequence), '[]') AS rows
             FROM ledger WHERE client = %s"""
ENTRY = "SELECT json_build_array(json_build_array(sequence, checksum)) AS rows FROM ledger WHERE client = %s AND sequence = %s"

SIMILAR = "similar-tracks"
"""The feature that names other tracks beside a track."""


class Tracks:
    """The handlers, on one database."""

    def __init__(self, database: DatabaseRouter, defects: Defects, access: RouteAccess, cached: TrackReads) -> None:
        self.plays = UserCounter("track_plays_total", "Plays acknowledged.", defects.plays_every_s)
        self.features: Features | None = None
        self._database = database
        self._defects = defects
        self._access = access
        self._cached = cached

    async def read_track(self, request: web.Request) -> web.Response:
        """GET /tracks/{id}: from the cache, where there is one, else from the nearest copy.

        A track it does not have yet is asked of the primary.
        """
        await self._defects.delay("read-track")
        track, outcome = await self._cached.track(_id_in(request), self._stored)
        if track is None:
            raise RequestRefused(404, "no such track")
        headers = {CACHED: outcome} if outcome else {}
        if self.features is None or not self.features.on(SIMILAR):
            return answer(kept(track), headers=headers)
        similar = [track["id"] + n for n in (1, 2, 3)]
        return answer({**kept(track), "similar": similar}, headers={**headers, HEADER: SIMILAR})

    async def _stored(self, number: int) -> Row | None:
        lookup = one(READ, number)
        return await self._database.read(lookup) or await self._database.read_primary(lookup)

    async def create_track(self, request: web.Request) -> web.Response:
        """POST /tracks."""
        user = self._access.caller(request, "create-track", WRITE).name
        body = await body_of(request)
        values = {"title": text_in(body, "title"), "artist": text_in(body, "artist"), "user": user}
        return await self._written("create-track", request, CREATE, values)

    async def play_track(self, request: web.Request) -> web.Response:
        """POST /tracks/{id}/plays: counts one play."""
        self._access.caller(request, "play-track", WRITE)
        written = await self._write("play-track", request, PLAY, {"id": _id_in(request)})
        await self._cached.changed(written["id"], written["plays"])
        response = answer(kept(written), 201)
        self.plays.add()
        return response

    async def write_ledger(self, request: web.Request) -> web.Response:
        """POST /ledger: one row, acknowledged by the primary and a quorum of standbys."""
        body = await body_of(request)
        values = {
            "client": integer_in(body, "client"),
            "sequence": integer_in(body, "sequence"),
            "checksum": text_in(body, "checksum"),
        }
        return await self._written("write-ledger", request, ENTER, values)

    async def read_ledger(self, request: web.Request) -> web.Response:
        """GET /ledger?client=N: all rows of a client as the nearest copy of the database has them.

        With &sequence=S only that row: one that the copy does not have yet is asked of the primary, as a track is.
        """
        client, sequence = _number_in(request, "client"), _number_in(request, "sequence")
        if client is None or (sequence is None and "sequence" in request.query):
            wrong = "client" if client is None else "sequence"
            raise RequestRefused(422, f'"{wrong}" must be a number of at most 18 digits')
        if sequence is None:
            entries = await self._database.read(one(ENTRIES, client))
            return answer(entries or {"rows": []})
        lookup = one(ENTRY, client, sequence)
        found = await self._database.read(lookup) or await self._database.read_primary(lookup)
        return answer(found or {"rows": []})

    async def _written(self, route: str, request: web.Request, statement: str, values: dict[str, Any]) -> web.Response:
        """201 with what the write returned, the same for every request with this key."""
        return answer(kept(await self._write(route, request, statement, values)), 201)

    async def _write(self, route: str, request: web.Request, statement: str, values: dict[str, Any]) -> Row:
        """What the write returned. Raises RequestRefused: 404 when there was nothing to write to."""
        if asyncio.get_running_loop().time() < self._defects.writes_refused_until:
            raise Unavailable("the database does not take writes yet")
        await self._defects.delay(route)
        given = "" if route in self._defects.keyless_routes else request.headers.get("idempotency-key", "")
        key = f"{route}:{given or uuid.uuid4().hex}"
        undo = self._defects.forgets(route)

        async def work(connection: Connection) -> Row | None:
            if self._defects.query_s:
                await connection.execute("SELECT pg_sleep(%s)", [self._defects.query_s])
            return await once(connection, key, statement, values, undo=undo)

        written = await self._database.write(work)
        if written is None:
            raise RequestRefused(404, "no such track")
        return written


def _id_in(request: web.Request) -> int:
    return int(request.match_info["id"])


def _number_in(request: web.Request, name: str) -> int | None:
    text = request.query.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


def application(settings: PodSettings, database: DatabaseRouter, *, secret: str, defects: Defects) -> web.Application:
    """The service on `database`, trusting tokens signed with `secret`."""
    access = access_from_env(secret)
    cached = tracks_from_env()
    tracks, events = Tracks(database, defects, access, cached), Events(database, defects)
    routes = [
        web.get("/tracks/{id:[0-9]{1,18}}", tracks.read_track),
        web.post("/tracks", tracks.create_track),
        web.post("/tracks/{id:[0-9]{1,18}}/plays", tracks.play_track),
        web.post("/ledger", tracks.write_ledger),
        web.get("/ledger", tracks.read_ledger),
        web.post("/events", events.accept_event),
        web.get("/events/{id}", events.read_event),
    ]
    if has_provider() or has_cache():
        routes += TrackLibrary(database, access, Ownership(TrustDefects.from_env()), cached).routes()
    check = no_dependencies if defects.always_ready else database.ask
    app = build(settings, routes, lifespan=database.held, check=check)
    app[ENVELOPE].registry.register(tracks.plays.counter)
    app[ENVELOPE].histograms.append(queries.SECONDS)
    tracks.features = app[ENVELOPE].features
    cached.hang(app)
    app.cleanup_ctx.append(access.watched)
    app.cleanup_ctx.append(events.relayed)  # ends before the database's connections do
    app.cleanup_ctx.append(Latent(database, defects).watched)
    app.cleanup_ctx.append(OneCloses(database, settings.region, settings.pod).watched)
    return app


def main() -> None:
    """Serve as a pod."""
    settings = PodSettings.from_env("track-service")
    defects = Defects.from_env()
    end_if_replaced(DatabaseRouter.from_env(), defects)
    database = DatabaseRouter.from_env()
    serve(application(settings, database, secret=os.environ["TOKEN_SECRET"], defects=defects), settings)


if __name__ == "__main__":
    main()
