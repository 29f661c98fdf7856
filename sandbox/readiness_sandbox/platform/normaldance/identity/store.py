"""What the provider asks of the database and writes there; secrets are kept as SHA-256, passwords as `kit.passwords` hashes them."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from ..kit.passwords import digest, matches
from ..kit.postgres import Connection, DatabaseRouter, one
from ..trust.rules import scopes_of

ACCOUNT: Final = """SELECT users.name, users.password, accounts.roles, accounts.disabled
                    FROM users JOIN accounts USING (name) WHERE name = %s"""
CLIENT: Final = """SELECT id, secret, redirects, grants, scopes, audience, extract(epoch FROM lifetime)::float8 AS lifetime_s
                   FROM oauth_clients WHERE id = %s"""
REVOKE: Final = """INSERT INTO revocations (id, expires) VALUES (%s, now() + interval '2 h')
                   ON CONFLICT (id) DO UPDATE SET expires = excluded.expires"""
END: Final = """
    WITH cookies AS (DELETE FROM browser_sessions WHERE name = %(name)s AND session <> %(but)s RETURNING session),
         refreshed AS (DELETE FROM refresh_tokens WHERE name = %(name)s AND session <> %(but)s RETURNING session)
    INSERT INTO revocations (id, expires) SELECT session, now() + interval '2 h' FROM (TABLE cookies UNION TABLE refreshed) AS ended
    ON CONFLICT (id) DO UPDATE SET expires = excluded.expires"""


@dataclass(frozen=True, kw_only=True, slots=True)
class IdentityAccount:
    """A user who has shown the password."""

    name: str
    roles: tuple[str, ...]

    @property
    def scopes(self) -> frozenset[str]:
        """Of the roles."""
        return scopes_of(self.roles)


@dataclass(frozen=True, kw_only=True, slots=True)
class OAuthClient:
    """A client. `lifetime_s` is that of its tokens, `audience` what they are for; without a secret it is public."""

    id: str
    secret: str | None
    redirects: tuple[str, ...]
    grants: frozenset[str]
    scopes: frozenset[str]
    audience: str
    lifetime_s: float

    def has_secret(self, secret: str) -> bool:
        """Whether this is its secret; a public one has none to show."""
        return self.secret is None or hmac.compare_digest(self.secret, digest(secret))


def new_secret() -> str:
    """A random secret of 32 bytes."""
    return secrets.token_urlsafe(32)


async def client_of(database: DatabaseRouter, name: str) -> OAuthClient | None:
    """The client of that name. Raises Unavailable."""
    row = await database.read(one(CLIENT, name))
    if row is None:
        return None
    sets = {key: frozenset(row[key]) for key in ("grants", "scopes")}
    return OAuthClient(**{**row, **sets, "redirects": tuple(row["redirects"])})


async def account_of(database: DatabaseRouter, name: str, password: str) -> IdentityAccount | None:
    """The user with that password who is not disabled. Raises Unavailable."""
    row = await database.read(one(ACCOUNT, name))
    if row is None or not matches(password, row["password"]) or row["disabled"]:
        return None
    return IdentityAccount(name=row["name"], roles=tuple(row["roles"]))


async def standing_account(connection: Connection, name: str) -> IdentityAccount | None:
    """The user of that name who is not disabled, as the primary has it."""
    row = await (await connection.execute(ACCOUNT, [name])).fetchone()
    return None if row is None or row["disabled"] else IdentityAccount(name=row["name"], roles=tuple(row["roles"]))


async def revoke(connection: Connection, ids: Collection[str]) -> None:
    """These tokens and sessions count no more, nor do the refresh tokens of the sessions."""
    for each in ids:
        await connection.execute(REVOKE, [each])
        await connection.execute("DELETE FROM refresh_tokens WHERE session = %s", [each])


async def end_sessions(connection: Connection, name: str, *, but: str = "") -> None:
    """All sessions of a user end, except for one."""
    await connection.execute(END, {"name": name, "but": but})


async def in_transaction(database: DatabaseRouter, work: Any) -> Any:
    """The result of `work`, done as a whole or not at all; it may be begun more than once. Raises Unavailable."""

    async def whole(connection: Connection) -> Any:
        async with connection.transaction():
            return await work(connection)

    return await database.write(whole)
