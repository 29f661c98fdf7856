"""What track-service answers beside single tracks where callers have roles, or tracks are cached: lists, changes by the owner, and the report on plays."""

from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import web

from .caching.tracks import TrackReads
from .kit import audit
from .kit.app import Handler, RequestRefused, answer, body_of, text_in
from .kit.postgres import Connection, DatabaseRouter, Row, one
from .trust.access import Ownership, RouteAccess
from .trust.rules import READ, TRACK_RULES, WRITE

MOST: Final = 50
REPORTED_S: Final = 1.0
LIST: Final = "SELECT id, title, artist, plays FROM tracks WHERE artist = %s ORDER BY id LIMIT %s"
PLAYS: Final = (
    "SELECT artist, sum(plays)::bigint AS plays FROM tracks GROUP BY artist ORDER BY plays DESC, artist LIMIT %s"
)
OWNER: Final = "SELECT added_by FROM tracks WHERE id = %s"
CHANGE: Final = "UPDATE tracks SET title = %s WHERE id = %s RETURNING id, title, artist, plays"
DELETE: Final = "DELETE FROM tracks WHERE id = %s RETURNING id"


class TrackLibrary:
    """The handlers, on one database.

    Args:
        access: who a call is of.
        ownership: whose a track is.
        cached: what is published of changes.
    """

    def __init__(self, database: DatabaseRouter, access: RouteAccess, ownership: Ownership, cached: TrackReads) -> None:
        self._database = database
        self._access = access
        self._ownership = ownership
        self._cached = cached
        self._report: tuple[float, list[Row]] = (0.0, [])

    def routes(self) -> list[web.RouteDef]:
        """Those of `trust.rules`."""
        handlers: dict[str, Handler] = {
            "list-tracks": self.list_tracks,
            "change-track": self.change_track,
            "delete-track": self.delete_track,
            "report-plays": self.report_plays,
        }
        paths = {rule: rule.path.replace("{id}", "{id:[0-9]{1,18}}") for rule in TRACK_RULES}
        return [web.route(rule.method, path, handlers[rule.name]) for rule, path in paths.items()]

    async def list_tracks(self, request: web.Request) -> web.Response:
        """GET /tracks?artist=NAME: up to 50 of them."""
        self._access.caller(request, "list-tracks", READ)
        return await self._listed("tracks", LIST, request.query.get("artist", "Artist 1"), MOST)

    async def report_plays(self, request: web.Request) -> web.Response:
        """GET /reports/plays: the 50 artists that are played most, as of REPORTED_S ago at most: it reads every track."""
        self._access.caller(request, "report-plays", READ)
        made_s, rows = self._report
        now_s = asyncio.get_running_loop().time()
        if not rows or now_s - made_s > REPORTED_S:
            rows = await self._rows(PLAYS, MOST)
            self._report = (now_s, rows)
        return answer({"artists": rows})

    async def change_track(self, request: web.Request) -> web.Response:
        """PATCH /tracks/{id} with `title`, by who added it or an administrator."""
        await self._own(request, "change-track")
        title = text_in(await body_of(request), "title")
        return answer(await self._written(CHANGE, int(request.match_info["id"]), title))

    async def delete_track(self, request: web.Request) -> web.Response:
        """DELETE /tracks/{id}, by who added it or an administrator: 204."""
        await self._own(request, "delete-track")
        await self._written(DELETE, int(request.match_info["id"]))
        return web.Response(status=204)

    async def _own(self, request: web.Request, route: str) -> None:
        """Let pass who may change the track. Raises RequestRefused."""
        caller = self._access.caller(request, route, WRITE)
        track = await self._database.read_primary(one(OWNER, int(request.match_info["id"])))
        if track is None:
            raise RequestRefused(404, "no such track")
        self._ownership.demand(caller, track["added_by"], route)

    async def _listed(self, name: str, query: str, *values: object) -> web.Response:
        return answer({name: await self._rows(query, *values)})

    async def _rows(self, query: str, *values: object) -> list[Row]:
        async def work(connection: Connection) -> list[Row]:
            return await (await connection.execute(query.encode(), values)).fetchall()

        return await self._database.read(work)

    async def _written(self, statement: str, number: int, *values: object) -> Row:
        query, own = audit.beside(statement, (*values, number))

        async def work(connection: Connection) -> Row | None:
            return await (await connection.execute(query.encode(), own)).fetchone()

        row = await self._database.write(work)
        await self._cached.changed(number)
        if row is None:
            raise RequestRefused(404, "no such track")
        return row
