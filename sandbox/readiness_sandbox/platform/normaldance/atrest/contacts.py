"""Contacts of users: how they are reached, encrypted before they are stored; part of user-service where the platform has the master key."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from ..kit.app import RequestRefused, Unavailable, answer, body_of, text_in  # noqa: TID252 - of the platform
from ..kit.postgres import DatabaseRouter, one  # noqa: TID252 - as above
from .defects import AtRestDefects
from .envelope import SealError, SealingKey, unwrapped
from .tables import PERSONAL, kept

WRITE = """INSERT INTO contacts (name, email, phone) VALUES (%s, %s, %s)
           ON CONFLICT (name) DO UPDATE SET email = excluded.email, phone = excluded.phone, changed = now()
           RETURNING name"""
READ = "SELECT name, email, phone FROM contacts WHERE name = %s"
REMOVE = "DELETE FROM contacts WHERE name = %s RETURNING name"
DATA_KEY = "SELECT id, wrapped FROM data_keys WHERE in_use"


class Contacts:
    """The handlers on one database."""

    def __init__(self, database: DatabaseRouter, master: SealingKey, defects: AtRestDefects) -> None:
        self._database = database
        self._master = master
        self._defects = defects
        self._key: SealingKey | None = None

    def routes(self) -> list[web.RouteDef]:
        """What user-service serves."""
        return [
            web.post("/contacts", self.write_contact),
            web.get("/contacts/{name}", self.read_contact),
            web.delete("/contacts/{name}", self.remove_contact),
        ]

    async def write_contact(self, request: web.Request) -> web.Response:
        """POST /contacts: 201 once it is kept."""
        body = await body_of(request)
        name, key = text_in(body, "name"), await self._data_key()
        values = [kept(column, text_in(body, column), key, self._defects) for column in PERSONAL]
        await self._database.write(one(WRITE, name, *values))
        return answer({"name": name}, 201)

    async def read_contact(self, request: web.Request) -> web.Response:
        """GET /contacts/{name}."""
        row = await self._database.read_primary(one(READ, request.match_info["name"]))
        if row is None:
            raise RequestRefused(404, "no such contact")
        key = await self._data_key()
        return answer({"name": row["name"], **{column: self._opened(row, column, key) for column in PERSONAL}})

    async def remove_contact(self, request: web.Request) -> web.Response:
        """DELETE /contacts/{name}."""
        row = await self._database.write(one(REMOVE, request.match_info["name"]))
        if row is None:
            raise RequestRefused(404, "no such contact")
        return answer({"name": row["name"]})

    def _opened(self, row: dict[str, Any], column: str, key: SealingKey) -> str:
        value: str = row[column]
        try:
            return value if column == self._defects.clear_column else key.open(value, f"contacts.{column}")
        except SealError as error:
            raise Unavailable("a value cannot be opened") from error

    async def _data_key(self) -> SealingKey:
        """The data key in use, unwrapped once. Raises Unavailable."""
        if self._key is None:
            row = await self._database.read(one(DATA_KEY))
            if row is None:
                raise Unavailable("there is no data key")
            self._key = unwrapped(row["id"], row["wrapped"], self._master)
        return self._key
