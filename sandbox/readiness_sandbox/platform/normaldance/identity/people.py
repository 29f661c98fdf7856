"""Sign-up, change of the password, the end of an account, and administration: roles, and who is disabled."""

from __future__ import annotations

import re
from typing import Any, Final

from aiohttp import web

from ..atrest import PersonalColumns
from ..kit.app import RequestRefused, answer, body_of, text_in
from ..kit.passwords import hashed, matches
from ..kit.postgres import Connection, DatabaseRouter, Row
from ..trust.access import Ownership, RouteAccess
from ..trust.record import AccessEvent, AccessRecord
from ..trust.rules import ADMIN, READ, ROLES
from .passwords import objection
from .store import account_of, end_sessions, in_transaction

NAME: Final = re.compile(r"[a-z][a-z0-9-]{2,39}")
FIRST_ROLES: Final = ["viewer"]
PAGE: Final = 100
SIGN_UP: Final = """INSERT INTO users (name, password) SELECT %(name)s, %(password)s
                     WHERE NOT EXISTS (SELECT FROM gone_accounts WHERE name = %(name)s) ON CONFLICT DO NOTHING RETURNING name"""
AGAIN: Final = "SELECT password, joined > now() - interval '10 s' AS lately FROM users WHERE name = %s"
USERS: Final = "SELECT name, roles, disabled FROM accounts WHERE name > %s ORDER BY name LIMIT %s"
SET_ROLES: Final = "UPDATE accounts SET roles = %s, changed = now() WHERE name = %s RETURNING name, roles, disabled"
SET_DISABLED: Final = (
    "UPDATE accounts SET disabled = %s, changed = now() WHERE name = %s RETURNING name, roles, disabled"
)


class People:
    """The endpoints of one pod.

    Args:
        access: who a call is of.
        ownership: whose an account is.
        columns: how personal columns are stored.
    """

    def __init__(
        self,
        database: DatabaseRouter,
        access: RouteAccess,
        ownership: Ownership,
        record: AccessRecord,
        columns: PersonalColumns,
    ) -> None:
        self._database = database
        self._access = access
        self._ownership = ownership
        self._record = record
        self._columns = columns

    async def sign_up(self, request: web.Request) -> web.Response:
        """POST /users: 201; 409 where the name is taken, 422 for a password against the rules."""
        body = await body_of(request)
        name, password = text_in(body, "user"), text_in(body, "password")
        if not NAME.fullmatch(name):
            raise RequestRefused(422, "a name has 3 to 40 small letters, digits and `-`, and begins with a letter")
        self._demand(password, name, "sign-up")
        said = (name, _optional(body, "display") or name)
        email = await self._columns.sealed("profiles.email", _optional(body, "email"))

        async def work(connection: Connection) -> bool:
            row = await (await connection.execute(SIGN_UP, {"name": name, "password": hashed(password)})).fetchone()
            if row is None:
                there = await (await connection.execute(AGAIN, [name])).fetchone()
                return there is not None and there["lately"] and matches(password, there["password"])
            await connection.execute("INSERT INTO accounts (name, roles) VALUES (%s, %s)", [name, FIRST_ROLES])
            await connection.execute("INSERT INTO profiles (name, display, email) VALUES (%s, %s, %s)", [*said, email])
            return True

        if not await in_transaction(self._database, work):
            raise RequestRefused(409, "the name is taken")
        self._record.note(AccessEvent(event="sign-up", outcome="done", status=201, actor=name, about=name))
        return answer({"name": name, "roles": FIRST_ROLES}, 201)

    async def change_password(self, request: web.Request) -> web.Response:
        """POST /password with `password` and `new`: 204, and all other sessions of the user end, unless it is the same password."""
        caller = self._access.caller(request, "change-password", READ)
        body = await body_of(request)
        new = text_in(body, "new")
        if await account_of(self._database, caller.name, text_in(body, "password")) is None:
            raise self._against("change-password", 400, caller.name, "the password is another one")
        self._demand(new, caller.name, "change-password")
        if new == body["password"]:
            self._done("change-password", caller.name, caller.name)
            return web.Response(status=204)

        async def work(connection: Connection) -> None:
            await connection.execute("UPDATE users SET password = %s WHERE name = %s", [hashed(new), caller.name])
            await end_sessions(connection, caller.name, but=caller.session)

        await in_transaction(self._database, work)
        self._done("change-password", caller.name, caller.name)
        return web.Response(status=204)

    async def delete_user(self, request: web.Request) -> web.Response:
        """DELETE /users/{name}: 204."""
        caller, name = self._access.caller(request, "delete-user", ADMIN), request.match_info["name"]

        async def work(connection: Connection) -> Row | None:
            await end_sessions(connection, name)
            row = await (
                await connection.execute("DELETE FROM users WHERE name = %s RETURNING name", [name])
            ).fetchone()
            if row is not None:
                await connection.execute(
                    "INSERT INTO gone_accounts (name) VALUES (%s) ON CONFLICT (name) DO UPDATE SET at = now()", [name]
                )
            return row

        self._there(await in_transaction(self._database, work))
        self._done("delete-user", caller.name, name)
        return web.Response(status=204)

    async def users(self, request: web.Request) -> web.Response:
        """GET /admin/users?after=NAME: the next hundred, by name."""
        self._access.caller(request, "list-users", ADMIN)

        async def work(connection: Connection) -> list[Row]:
            return await (await connection.execute(USERS, [request.query.get("after", ""), PAGE])).fetchall()

        return answer({"users": await self._database.read(work)})

    async def set_roles(self, request: web.Request) -> web.Response:
        """PUT /admin/users/{name}/roles with `roles`: 200 with the user."""
        caller, name = self._access.caller(request, "set-roles", ADMIN), request.match_info["name"]
        roles = (await body_of(request)).get("roles")
        if not isinstance(roles, list) or not all(isinstance(role, str) and role in ROLES for role in roles):
            raise RequestRefused(422, f'"roles" must be a list of {", ".join(ROLES)}')
        return await self._changed("set-roles", caller.name, name, SET_ROLES, sorted(set(roles)))

    async def set_disabled(self, request: web.Request) -> web.Response:
        """PUT /admin/users/{name}/disabled with `disabled`: 200 with the user, all of whose sessions end where it is true."""
        caller, name = self._access.caller(request, "set-disabled", ADMIN), request.match_info["name"]
        disabled = (await body_of(request)).get("disabled")
        if not isinstance(disabled, bool):
            raise RequestRefused(422, '"disabled" must be true or false')
        return await self._changed("set-disabled", caller.name, name, SET_DISABLED, disabled)

    async def _changed(self, event: str, actor: str, name: str, statement: str, value: object) -> web.Response:
        async def work(connection: Connection) -> Row | None:
            row = await (await connection.execute(statement.encode(), [value, name])).fetchone()
            if value is True:
                await end_sessions(connection, name)
            return row

        row = self._there(await in_transaction(self._database, work))
        self._done(event, actor, name)
        return answer(row)

    def _demand(self, password: str, name: str, event: str) -> None:
        if why := objection(password, name):
            raise self._against(event, 422, name, why)

    def _against(self, event: str, status: int, actor: str, why: str) -> RequestRefused:
        self._record.note(AccessEvent(event=event, outcome="refused", status=status, actor=actor, reason=why))
        return RequestRefused(status, why)

    def _done(self, event: str, actor: str, about: str) -> None:
        self._record.note(AccessEvent(event=event, outcome="done", status=200, actor=actor, about=about))

    @staticmethod
    def _there(row: Row | None) -> Row:
        if row is None:
            raise RequestRefused(404, "no such user")
        return row


def _optional(body: dict[str, Any], name: str) -> str:
    return text_in(body, name) if name in body else ""
