"""Contacts of users: how they are reached, encrypted before they are stored; part of user-service where the platform has the master key."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from ..kit import audit  # noqa: TID252 - of the platform
from ..kit.app import RequestRefused, answer, body_of, text_in  # noqa: TID252 - as above
from ..kit.postgres import DatabaseRouter, Row, one  # noqa: TID252 - as above
from ..trust.access import Ownership, RouteAccess  # noqa: TID252 - as above
from ..trust.rules import READ, WRITE  # noqa: TID252 - as above
from .defects import AtRestDefects
from .sealing import ColumnSeal
from .tables import PERSONAL, kept

KEEP = """INSERT INTO contacts (name, email, phone, added_by) VALUES (%s, %s, %s, %s)
          ON CONFLICT (name) DO UPDATE SET email = excluded.email, phone = excluded.phone, changed = now()
          WHERE contacts.added_by = excluded.added_by RETURNING name"""
FIND = "SELECT name, email, phone, added_by FROM contacts WHERE name = %s"
REMOVE = "DELETE FROM contacts WHERE name = %s RETURNING name"


class Contacts:
    """The handlers on one database.

    Args:
        seal: of the personal columns.
        access: who a call is of.
        ownership: whose a contact is: who added it, and administrators, may read and remove it.
    """

    def __init__(
        self,
        database: DatabaseRouter,
        seal: ColumnSeal,
        defects: AtRestDefects,
        access: RouteAccess,
        ownership: Ownership,
    ) -> None:
        self._database = database
        self._seal = seal
        self._defects = defects
        self._access = access
        self._ownership = ownership

    def routes(self) -> list[web.RouteDef]:
        """What user-service serves."""
        return [
            web.post("/contacts", self.write_contact),
            web.get("/contacts/{name}", self.read_contact),
            web.delete("/contacts/{name}", self.remove_contact),
        ]

    async def write_contact(self, request: web.Request) -> web.Response:
        """POST /contacts: 201 once it is kept."""
        caller = self._access.caller(request, "write-contact", WRITE)
        body = await body_of(request)
        name, key = text_in(body, "name"), await self._seal.key()
        values = [kept(column, text_in(body, column), key, self._defects) for column in PERSONAL]
        query, own = audit.beside(KEEP, (name, *values, caller.name))
        if await self._database.write(one(query, *own)) is None:
            raise RequestRefused(403, "it is another user's")
        return answer({"name": name}, 201)

    async def read_contact(self, request: web.Request) -> web.Response:
        """GET /contacts/{name}."""
        row = await self._own(request, "read-contact", READ)
        return answer({"name": row["name"], **{column: await self._opened(row, column) for column in PERSONAL}})

    async def remove_contact(self, request: web.Request) -> web.Response:
        """DELETE /contacts/{name}."""
        row = await self._own(request, "remove-contact", WRITE)
        query, own = audit.beside(REMOVE, (row["name"],))
        await self._database.write(one(query, *own))
        return answer({"name": row["name"]})

    async def _own(self, request: web.Request, route: str, scope: str) -> Row:
        """The contact that is asked for, where the caller may. Raises RequestRefused."""
        caller = self._access.caller(request, route, scope)
        row = await self._database.read_primary(one(FIND, request.match_info["name"]))
        if row is None:
            raise RequestRefused(404, "no such contact")
        self._ownership.demand(caller, row["added_by"], route)
        return row

    async def _opened(self, row: dict[str, Any], column: str) -> str:
        value: str = row[column]
        return value if column == self._defects.clear_column else await self._seal.opened(f"contacts.{column}", value)
