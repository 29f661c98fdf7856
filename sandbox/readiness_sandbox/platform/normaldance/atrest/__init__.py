"""What the platform stores encrypted: contacts of users in personal columns under envelope encryption, and its keys.

What needs a library of ciphers is imported only where the platform has a master key.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg
    from aiohttp import web

    from ..kit.postgres import DatabaseRouter  # noqa: TID252 - of the platform

_KEY = "ENCRYPTION_KEY"
"""The variable with the master key; without it the platform has no contacts."""
_ROUTES = (
    ("write-contact", "POST", "/contacts", "user-service"),
    ("read-contact", "GET", "/contacts/{name}", "user-service"),
    ("remove-contact", "DELETE", "/contacts/{name}", "user-service"),
)
"""Routes of the gateway: name, method, path, service."""


def gateway_routes() -> tuple[tuple[str, str, str, str], ...]:
    """The routes that the gateway forwards; none where the platform has no contacts."""
    return _ROUTES if os.environ.get("CONTACTS") == "yes" else ()


def contacts_from_env(database: DatabaseRouter) -> list[web.RouteDef]:
    """The routes of user-service; none without a master key."""
    if not (encoded := os.environ.get(_KEY, "")):
        return []
    from .contacts import Contacts
    from .defects import AtRestDefects
    from .envelope import master_key

    return Contacts(database, master_key(encoded), AtRestDefects.from_env()).routes()


def found_at_rest(connection: psycopg.Connection[Any]) -> None:
    """Create the tables of contacts, where the platform has a master key."""
    if encoded := os.environ.get(_KEY, ""):
        from .defects import AtRestDefects
        from .tables import found_contacts

        found_contacts(connection, encoded, AtRestDefects.from_env())
