"""What the database has of identity, and the first users, clients and keys; part of its foundation where the platform has a provider.

The role `identity` of auth-service has these tables alone, and users' passwords; the role of the other services loses the passwords.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import psycopg

TABLES = """
    CREATE TABLE accounts (
        name text PRIMARY KEY REFERENCES users ON DELETE CASCADE, roles text[] NOT NULL, disabled boolean NOT NULL DEFAULT false,
        changed timestamptz NOT NULL DEFAULT '-infinity');
    COMMENT ON TABLE accounts IS 'roles of users; changed: when roles or disabled were changed last';
    CREATE TABLE gone_accounts (name text PRIMARY KEY, at timestamptz NOT NULL DEFAULT now());
    COMMENT ON TABLE gone_accounts IS 'users who were deleted: their tokens count no more, and their names are not given again';
    CREATE TABLE profiles (
        name text PRIMARY KEY REFERENCES users ON DELETE CASCADE, display text NOT NULL DEFAULT '', email text NOT NULL DEFAULT '',
        settings jsonb NOT NULL DEFAULT '{}');
    COMMENT ON TABLE profiles IS 'what users say of themselves';
    CREATE TABLE oauth_clients (
        id text PRIMARY KEY, secret text, redirects text[] NOT NULL, grants text[] NOT NULL, scopes text[] NOT NULL,
        lifetime interval NOT NULL DEFAULT '15 min', audience text NOT NULL);
    COMMENT ON TABLE oauth_clients IS 'secret: SHA-256 of it; without one a client is public';
    CREATE TABLE oauth_codes (
        code text PRIMARY KEY, client text NOT NULL REFERENCES oauth_clients, name text NOT NULL REFERENCES users ON DELETE CASCADE,
        scope text NOT NULL, redirect text NOT NULL, challenge text NOT NULL, nonce text NOT NULL, session text NOT NULL,
        expires timestamptz NOT NULL, used_by text);
    COMMENT ON TABLE oauth_codes IS 'code: SHA-256 of it; used_by: the request that got tokens for it';
    CREATE TABLE refresh_tokens (
        token text PRIMARY KEY, client text NOT NULL REFERENCES oauth_clients, name text NOT NULL REFERENCES users ON DELETE CASCADE,
        scope text NOT NULL, session text NOT NULL, expires timestamptz NOT NULL, used_by text);
    CREATE INDEX ON refresh_tokens (session);
    COMMENT ON TABLE refresh_tokens IS 'token: SHA-256 of it; used_by: the request that got the next one for it';
    CREATE TABLE revocations (id text PRIMARY KEY, expires timestamptz NOT NULL);
    COMMENT ON TABLE revocations IS 'tokens (jti) and sessions (sid) that count no more';
    CREATE TABLE browser_sessions (
        cookie text PRIMARY KEY, session text NOT NULL UNIQUE, name text NOT NULL REFERENCES users ON DELETE CASCADE, csrf text NOT NULL,
        seen timestamptz NOT NULL DEFAULT now(), ends timestamptz NOT NULL);
    COMMENT ON TABLE browser_sessions IS 'cookie, csrf: SHA-256 of them';
    CREATE TABLE api_keys (
        name text PRIMARY KEY, key text NOT NULL UNIQUE, scopes text[] NOT NULL, revoked timestamptz);
    COMMENT ON TABLE api_keys IS 'key: SHA-256 of it';
    CREATE TABLE spent (client text PRIMARY KEY, calls double precision NOT NULL, at timestamptz NOT NULL);
    COMMENT ON TABLE spent IS 'token buckets of the rate limit: calls that were left at the time of the last one';
    CREATE TABLE blocked (client text PRIMARY KEY, since timestamptz NOT NULL, until timestamptz NOT NULL);
    COMMENT ON TABLE blocked IS 'addresses of clients that attacked; since: when the alert began that blocked them, a lifted block: when it was lifted';
"""
GRANTS = """
    GRANT SELECT, INSERT, UPDATE (password), DELETE ON users TO identity;
    GRANT SELECT, INSERT, UPDATE, DELETE ON accounts, oauth_codes, refresh_tokens, revocations, browser_sessions TO identity;
    GRANT SELECT ON oauth_clients, api_keys TO identity;
    GRANT SELECT, INSERT, UPDATE ON gone_accounts, spent, blocked TO identity;
    GRANT INSERT (name, display, email), DELETE ON profiles TO identity;
    REVOKE ALL ON users FROM normaldance;
    GRANT SELECT (name, joined) ON users TO normaldance;
    GRANT SELECT, UPDATE (display, email, settings) ON profiles TO normaldance;
    GRANT SELECT ON accounts, gone_accounts, profiles, oauth_clients, oauth_codes, refresh_tokens, revocations, browser_sessions,
        api_keys, spent, blocked TO readiness;
"""
TOO_WIDE = """
    GRANT SELECT, UPDATE ON users, accounts, api_keys, browser_sessions TO normaldance;
"""
"""What a role has that is wider than its service needs (a planted defect)."""


def found_identity(
    connection: psycopg.Connection[Any], seed: str, seal: Callable[[str, str], str], *, too_wide: bool = False
) -> None:
    """Create the tables, beside those of the platform, with the first rows.

    Args:
        connection: in a transaction, to the platform's database, whose roles are there.
        seed: JSON: `users` (name → `password` hashed, `roles`), `clients`, `keys`, as the tables have them.
        seal: from a text and its column (`TABLE.COLUMN`) to what is stored.
        too_wide: the role of the services is given more than they need.
    """
    first = json.loads(seed)
    connection.execute(TABLES)
    cursor = connection.cursor()
    cursor.executemany(
        "INSERT INTO users (name, password) VALUES (%s, %s)",
        [(name, user["password"]) for name, user in first["users"].items()],
    )
    connection.execute("INSERT INTO accounts (name, roles) SELECT name, '{editor}' FROM users")
    cursor.executemany(
        "UPDATE accounts SET roles = %s WHERE name = %s",
        [(user["roles"], name) for name, user in first["users"].items()],
    )
    names = [str(name) for (name,) in connection.execute("SELECT name FROM users").fetchall()]
    cursor.executemany(
        "INSERT INTO profiles (name, display, email) VALUES (%s, %s, %s)",
        [(name, name, seal(f"{name}@example.test", "profiles.email")) for name in names],
    )
    cursor.executemany(
        "INSERT INTO oauth_clients (id, secret, redirects, grants, scopes, lifetime, audience)"
        " VALUES (%s, %s, %s, %s, %s, make_interval(secs => %s), %s)",
        [
            (name, *(each[key] for key in ("secret", "redirects", "grants", "scopes", "lifetime_s", "audience")))
            for name, each in first["clients"].items()
        ],
    )
    cursor.executemany(
        "INSERT INTO api_keys (name, key, scopes, revoked) VALUES (%s, %s, %s, CASE WHEN %s THEN now() END)",
        [(name, each["key"], each["scopes"], each["revoked"]) for name, each in first["keys"].items()],
    )
    connection.execute(GRANTS)
    if too_wide:
        connection.execute(TOO_WIDE)
