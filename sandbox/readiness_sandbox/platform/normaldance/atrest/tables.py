"""The tables of contacts and of data keys, part of the foundation of the database where the platform encrypts what is personal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import psycopg

from .defects import AtRestDefects
from .envelope import SealingKey, master_key, new_data_key, wrapped

FIRST = 50
"""Contacts that the platform has from its start."""
PERSONAL = ("email", "phone")
TABLES = """
    CREATE TABLE data_keys (
        id text PRIMARY KEY, wrapped text NOT NULL, in_use boolean NOT NULL, created timestamptz NOT NULL DEFAULT now());
    CREATE UNIQUE INDEX ON data_keys (in_use) WHERE in_use;
    COMMENT ON TABLE data_keys IS 'wrapped: encrypted with the master key, which the database does not have';
    CREATE TABLE contacts (
        name text PRIMARY KEY, email text NOT NULL, phone text NOT NULL, changed timestamptz NOT NULL DEFAULT now(), added_by text NOT NULL);
    COMMENT ON TABLE contacts IS 'how users are reached: email and phone are encrypted with a data key; added_by: whose contact it is';
    GRANT SELECT ON data_keys TO normaldance;
    GRANT SELECT, INSERT, UPDATE, DELETE ON contacts TO normaldance;
    GRANT SELECT ON data_keys, contacts TO readiness;
    GRANT pg_checkpoint TO readiness;
"""


def found_contacts(
    connection: psycopg.Connection[Any], master: str, defects: AtRestDefects, names: Iterable[str] = ()
) -> SealingKey:
    """Create the tables with a data key, which is returned, and the first contacts: each user's own.

    Args:
        connection: in a transaction, to the platform's database, whose roles are there.
        master: the master key in base64.
        defects: of the release.
        names: users who have a contact, beside the first listeners.
    """
    key = new_data_key(1, defects.cipher)
    connection.execute(TABLES)
    if connection.execute("SELECT FROM pg_roles WHERE rolname = 'identity'").fetchone() is not None:
        connection.execute("GRANT SELECT ON data_keys TO identity")
    connection.execute(
        "INSERT INTO data_keys (id, wrapped, in_use, created) VALUES (%s, %s, true, now() - make_interval(days => %s))",
        [key.id, wrapped(key, master_key(master)), defects.key_days],
    )
    rows = [(f"listener-{n}", f"listener-{n}@example.test", f"+1 555 01{n:02}") for n in range(1, FIRST + 1)]
    rows += [(name, f"{name}@example.test", "+1 555 0100") for name in names]
    connection.cursor().executemany(
        "INSERT INTO contacts (name, email, phone, added_by) VALUES (%s, %s, %s, %s)",
        [
            (name, kept("email", email, key, defects), kept("phone", phone, key, defects), name)
            for name, email, phone in rows
        ],
    )
    return key


def kept(column: str, text: str, key: SealingKey, defects: AtRestDefects) -> str:
    """A value of a column of contacts as it is stored."""
    return text if column == defects.clear_column else key.seal(text, f"contacts.{column}")
