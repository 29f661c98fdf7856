"""What user-service answers where callers have roles: a user's own settings and profile."""

from __future__ import annotations

from typing import Final

from aiohttp import web
from psycopg.types.json import Jsonb

from .atrest import PersonalColumns
from .kit import audit
from .kit.app import Handler, RequestRefused, answer, body_of, text_in
from .kit.postgres import DatabaseRouter, Row, one
from .trust.access import Ownership, RouteAccess
from .trust.rules import READ, USER_RULES, WRITE

EMAIL: Final = "profiles.email"
SETTINGS: Final = "SELECT name, display, email, settings FROM profiles WHERE name = %s"
CHANGE: Final = """
    UPDATE profiles SET display = coalesce(%s, display), email = coalesce(%s, email), settings = coalesce(%s, settings)
    WHERE name = %s RETURNING name, display, email, settings"""


class UserProfiles:
    """The handlers, on one database.

    Args:
        access: who a call is of.
        ownership: whose a profile is.
        columns: how personal columns are stored.
    """

    def __init__(
        self, database: DatabaseRouter, access: RouteAccess, ownership: Ownership, columns: PersonalColumns
    ) -> None:
        self._database = database
        self._access = access
        self._ownership = ownership
        self._columns = columns

    def routes(self) -> list[web.RouteDef]:
        """Those of `trust.rules`."""
        handlers: dict[str, Handler] = {"read-settings": self.read_settings, "change-user": self.change_user}
        return [web.route(rule.method, rule.path, handlers[rule.name]) for rule in USER_RULES]

    async def read_settings(self, request: web.Request) -> web.Response:
        """GET /users/{name}/settings, by the user or an administrator."""
        name = self._own(request, "read-settings", READ)
        return await self._there(await self._database.read_primary(one(SETTINGS, name)))

    async def change_user(self, request: web.Request) -> web.Response:
        """PATCH /users/{name} with any of `display`, `email`, `settings`, by the user or an administrator."""
        name = self._own(request, "change-user", WRITE)
        body = await body_of(request)
        settings = body.get("settings")
        if settings is not None and not isinstance(settings, dict):
            raise RequestRefused(422, '"settings" must be an object')
        said = [text_in(body, key) if key in body else None for key in ("display", "email")]
        if said[1] is not None:
            said[1] = await self._columns.sealed(EMAIL, said[1])
        values = (*said, None if settings is None else Jsonb(settings), name)
        query, own = audit.beside(CHANGE, values)
        return await self._there(await self._database.write(one(query, *own)))

    def _own(self, request: web.Request, route: str, scope: str) -> str:
        """The user whose profile is asked for, where the caller may. Raises RequestRefused."""
        name = request.match_info["name"]
        self._ownership.demand(self._access.caller(request, route, scope), name, route)
        return name

    async def _there(self, row: Row | None) -> web.Response:
        if row is None:
            raise RequestRefused(404, "no such user")
        return answer({**row, "email": await self._columns.opened(EMAIL, row["email"])})
