"""The audit log as services write it: an entry beside each change of state, in the transaction of the change.

Who calls and what for is noted once per request (`by`), whence it came and its trace id by the gateway (`carried`). A statement that changes something is then
sent with its entry (`beside`). The variable AUDIT switches it on.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final

CLIENT: Final = "x-client"
"""Header in which the gateway tells services the address of the client."""
TRACE: Final = "traceparent"
ENTER: Final = "INSERT INTO audit (who, what, whence, request) SELECT {values}"


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditNote:
    """What an entry says.

    Attributes:
        who: name of the user; empty: no user was signed in.
        what: route.
        whence: address of the client. request: trace id; empty: none.
    """

    who: str
    what: str
    whence: str
    request: str

    @property
    def values(self) -> tuple[str | None, ...]:
        """In the order of the columns."""
        return self.who or None, self.what, self.whence, self.request or None


_NOTE: Final[ContextVar[AuditNote | None]] = ContextVar("audit note", default=None)


def is_on() -> bool:
    """Whether the platform has an audit log."""
    return os.environ.get("AUDIT") == "on"


def clear() -> None:
    """Forget the request before, at the begin of the next one on its connection."""
    _NOTE.set(None)


def by(headers: Mapping[str, str], what: str, who: str) -> None:
    """Note who calls, and what for; nothing where there is no audit log."""
    if is_on():
        _NOTE.set(
            AuditNote(who=who, what=what, whence=headers.get(CLIENT, ""), request=trace_id(headers.get(TRACE, "")))
        )


def trace_id(header: str) -> str:
    """The trace id of a `traceparent`; empty: it has none."""
    parts = header.split("-")
    return parts[1] if len(parts) == 4 else ""


def beside(statement: str, values: tuple[object, ...]) -> tuple[str, tuple[object, ...]]:
    """A statement that returns what it changed, with its values, and its entry where it changed something."""
    note = _NOTE.get()
    if note is None:
        return statement, values
    entry = ENTER.format(values="%s, %s, %s, %s")
    query = f"WITH done AS ({statement}), noted AS ({entry} FROM done) SELECT * FROM done"  # noqa: S608 - constants of the services
    return query, (*values, *note.values)


def named() -> tuple[str, Mapping[str, Any]]:
    """A further part of a statement whose part `done` has what was changed, and the values of it; empty without a note."""
    note = _NOTE.get()
    if note is None:
        return "", {}
    keys = ("audit_who", "audit_what", "audit_whence", "audit_request")
    entry = ENTER.format(values=", ".join(f"%({key})s::text" for key in keys))
    return f", noted AS ({entry} FROM done)", dict(zip(keys, note.values, strict=True))


def alone() -> tuple[str, tuple[object, ...]] | None:
    """The statement of an entry of its own, and its values; None without a note."""
    note = _NOTE.get()
    return None if note is None else (ENTER.format(values="%s, %s, %s, %s RETURNING what"), note.values)
