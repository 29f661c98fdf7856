"""secret-store: keeps the password of the database and rotates it, by two roles that take turns.

PostgreSQL has one password a role, so a role whose password changes shuts out whoever has not read the new one yet. Two roles with the same
rights take turns: the new one is let in from the start, the old one until no session has it any more or `GRACE_S` is over.

    GET  /v1/prod/normaldance/database    the secret: db-user, db-password, rotated
    GET  /v1/normaldance/database    the same secret by its name of before, which nothing should read any more
    POST /v1/prod/normaldance/database/rotate    the other role gets a new password and is the one to use
    POST /v1/prod/normaldance/database/restore    the role before is the one to use again, with its password
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from hmac import compare_digest
from pathlib import Path

import psycopg
from aiohttp import web
from psycopg import sql

from ..kit.app import RequestRefused, Unavailable, answer, build, serve  # noqa: TID252 - of the platform
from ..kit.settings import PodSettings  # noqa: TID252 - as above

ROLES = ("normaldance_a", "normaldance_b")
GROUP = "normaldance"
GRACE_S = 35.0
"""For how long the old role is let in at most: twice the time in which the operator asks again, and some."""
LEAST_S = 5.0
AGAIN_S = 1.0


@dataclass(kw_only=True)
class RolePasswords:
    """What the store knows.

    Attributes:
        passwords: by role.
        role: the one to use. before: the one that was used before; empty: none was.
        rotated: when the password in use was made.
    """

    passwords: dict[str, str] = field(default_factory=dict, repr=False)
    role: str = ""
    before: str = ""
    rotated: str = ""


class SecretStore:
    """The store, on the database in libpq's variables, with its file."""

    def __init__(self, file: Path, token: str, age_days: int = 0) -> None:
        self._file = file
        self._token = token
        self._age = timedelta(days=age_days)
        self._state = RolePasswords()
        self._retire: asyncio.Task[None] | None = None

    async def read(self, request: web.Request) -> web.Response:
        """GET of the secret."""
        self._admit(request)
        if not self._state.role:
            raise Unavailable("the database has no password yet")
        state = self._state
        secret = {"db-user": state.role, "db-password": state.passwords[state.role], "rotated": state.rotated}
        return answer({"data": secret})

    async def rotate(self, request: web.Request) -> web.Response:
        """POST …/rotate."""
        self._admit(request)
        if not self._state.role:
            raise Unavailable("the database has no password yet")
        await self._use(next(role for role in ROLES if role != self._state.role))
        return answer({"rotated": self._state.rotated})

    async def restore(self, request: web.Request) -> web.Response:
        """POST …/restore; nothing to do where nothing was rotated."""
        self._admit(request)
        if self._state.before:
            await self._use(self._state.before, self._state.passwords[self._state.before])
            self._state.before = ""
            self._keep()
        return answer({"rotated": self._state.rotated})

    async def _use(self, role: str, password: str = "") -> None:
        """Let a role in, with a new password unless one is given, and retire the one that was used."""
        await self._stop_retiring()
        new = password or secrets.token_urlsafe(24)
        async with await psycopg.AsyncConnection.connect(autocommit=True) as connection:
            if not password:
                await _end_sessions(connection, role)
            # as the server keeps it: a statement is seen in its statistics
            verifier = connection.pgconn.encrypt_password(new.encode(), role.encode(), b"scram-sha-256").decode()
            await connection.execute(
                sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(role), sql.Literal(verifier))
            )
        old = self._state.role
        self._state = RolePasswords(
            passwords={**self._state.passwords, role: new},
            role=role,
            before=old,
            rotated=(datetime.now(UTC) - (timedelta() if old else self._age)).isoformat(),
        )
        self._keep()
        if old:
            self._retire = asyncio.create_task(self._retired(old))

    async def _retired(self, role: str) -> None:
        """Shut a role out once no session has it, at the latest when its time is over."""
        began = asyncio.get_running_loop().time()
        while True:
            await asyncio.sleep(AGAIN_S)
            passed = asyncio.get_running_loop().time() - began
            with suppress(psycopg.Error):
                async with await psycopg.AsyncConnection.connect(autocommit=True) as connection:
                    if passed >= GRACE_S or (passed >= LEAST_S and not await _sessions(connection, role)):
                        await connection.execute(sql.SQL("ALTER ROLE {} NOLOGIN").format(sql.Identifier(role)))
                        await _end_sessions(connection, role)
                        return

    async def _stop_retiring(self) -> None:
        if self._retire is not None:
            self._retire.cancel()
            await asyncio.wait([self._retire])
            self._retire = None

    def _admit(self, request: web.Request) -> None:
        if not compare_digest(request.headers.get("authorization", ""), f"Bearer {self._token}"):
            raise RequestRefused(401, "the token of the store is needed")

    def _keep(self) -> None:
        new = self._file.with_suffix(".new")
        new.touch(mode=0o600)
        new.write_text(json.dumps(asdict(self._state)))
        new.replace(self._file)

    async def founded(self, _: web.Application) -> AsyncIterator[None]:
        """The lifespan of the store: both roles are made first, with the rights of the services."""
        founding = asyncio.create_task(self._found())
        yield
        founding.cancel()
        await self._stop_retiring()

    async def _found(self) -> None:
        if self._file.exists():
            self._state = RolePasswords(**json.loads(self._file.read_text()))
            return
        while not self._state.role:
            try:
                async with await psycopg.AsyncConnection.connect(autocommit=True) as connection:
                    for role in ROLES:
                        await connection.execute(_MAKE.format(role=role, group=GROUP).encode())
                await self._use(ROLES[0])
            except psycopg.Error:
                await asyncio.sleep(AGAIN_S)

    async def known(self) -> None:
        """Raise Unavailable before there is a password."""
        if not self._state.role:
            raise Unavailable("the database has no password yet")


_MAKE = """
    DO $$ BEGIN
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN CREATE ROLE {role} NOLOGIN IN ROLE {group}; END IF;
    END $$"""


async def _sessions(connection: psycopg.AsyncConnection, role: str) -> int:
    row = await (
        await connection.execute("SELECT count(*) FROM pg_stat_activity WHERE usename = %s", [role])
    ).fetchone()
    return int(row[0]) if row else 0


async def _end_sessions(connection: psycopg.AsyncConnection, role: str) -> None:
    """End the sessions of a role on the primary and on every standby."""
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s"
    await connection.execute(end, [role])
    rows = await (await connection.execute("SELECT host(client_addr) FROM pg_stat_replication")).fetchall()
    for (host,) in rows:
        with suppress(psycopg.Error):  # one that is away has no sessions
            async with await psycopg.AsyncConnection.connect(host=host, autocommit=True) as standby:
                await standby.execute(end, [role])


def main() -> None:
    """Serve as a pod."""
    settings = PodSettings.from_env("secret-store")
    store = SecretStore(
        Path(os.environ["STATE_FILE"]), os.environ["STORE_TOKEN"], int(os.environ.get("DEFECT_PASSWORD_DAYS", "0"))
    )
    path = "/v1/prod/normaldance/database"
    routes = [
        web.get(path, store.read),
        web.get("/v1/normaldance/database", store.read),
        web.post(f"{path}/rotate", store.rotate),
        web.post(f"{path}/restore", store.restore),
    ]
    app = build(settings, routes, check=store.known)
    app.cleanup_ctx.append(store.founded)
    serve(app, settings)


if __name__ == "__main__":
    main()
