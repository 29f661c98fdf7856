"""What the platform stores encrypted: contacts of users in personal columns under envelope encryption, and its keys.

What needs a library of ciphers is imported only where the platform has a master key.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import psycopg
    from aiohttp import web

    from ..kit.postgres import DatabaseRouter  # noqa: TID252 - of the platform
    from ..trust.access import Ownership, RouteAccess  # noqa: TID252 - as above

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


class PersonalColumns(Protocol):
    """What is stored in personal columns of other tables."""

    async def sealed(self, column: str, text: str) -> str:
        """A value of a column (`TABLE.COLUMN`) as it is stored."""

    async def opened(self, column: str, value: str) -> str:
        """The text of a stored value."""


class ClearColumns:
    """Of a platform without a master key: values are stored as they are."""

    async def sealed(self, _column: str, text: str) -> str:
        """The same text."""
        return text

    async def opened(self, _column: str, value: str) -> str:
        """The same value."""
        return value


def columns_from_env(database: DatabaseRouter) -> PersonalColumns:
    """How personal columns are stored here."""
    if not (encoded := os.environ.get(_KEY, "")):
        return ClearColumns()
    from .envelope import master_key
    from .sealing import ColumnSeal

    return ColumnSeal(database, master_key(encoded))


def contacts_from_env(database: DatabaseRouter, access: RouteAccess, ownership: Ownership) -> list[web.RouteDef]:
    """The routes of user-service; none without a master key."""
    if not (encoded := os.environ.get(_KEY, "")):
        return []
    from .contacts import Contacts
    from .defects import AtRestDefects
    from .envelope import master_key
    from .sealing import ColumnSeal

    seal = ColumnSeal(database, master_key(encoded))
    return Contacts(database, seal, AtRestDefects.from_env(), access, ownership).routes()


def found_at_rest(connection: psycopg.Connection[Any], names: Iterable[str] = ()) -> Callable[[str, str], str]:
    """Create the tables of contacts, where the platform has a master key.

    Args:
        connection: in a transaction, to the platform's database, whose roles are there.
        names: users who have a contact from the start, beside the first listeners.

    Returns:
        A function from a text and its column (`TABLE.COLUMN`) to what is stored.
    """
    if not (encoded := os.environ.get(_KEY, "")):
        return lambda text, _column: text
    from .defects import AtRestDefects
    from .tables import found_contacts

    return found_contacts(connection, encoded, AtRestDefects.from_env(), names).seal
