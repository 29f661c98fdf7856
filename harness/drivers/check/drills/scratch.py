"""The scratch database of a drill: it must not be there before, and must not be the one that serves."""

from __future__ import annotations

import os
import secrets
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from harness import clock
from harness.drivers.check.drills.checksums import connected
from harness.drivers.check.sql.asking import CONNECT_S
from harness.errors import DriverError, TargetUnreachable
from harness.targets import Target
from harness.targets.files.reference import Reference

_AGAIN_S: Final = 0.1
_ASKED: Final = ("postgres", "template1")
"""Databases of every server, of which one is asked whether the scratch database is there."""
_REQUEST_OF_TLS: Final = struct.pack("!II", 8, 80877103)
"""The message SSLRequest of PostgreSQL's protocol."""
_PORT: Final = "5432"
_LAST_PORT: Final = 65_535
_ELSEWHERE: Final = ("service", "hostaddr")
"""Parts of an address, or variables `PGSERVICE` and `PGHOSTADDR`, that lead to another host than `host`."""
_NO_NAME: Final = (socket.EAI_NONAME, socket.EAI_NODATA)
"""What a resolver says of a name that there is not; else it may only not know it now."""
_CLOSED: Final = 3
"""Connections closed without an answer, one after the other, that show that no server is behind a balancer."""


def refuse_scratch(serves: Reference, scratch: Reference, so: str = "nothing was run") -> None:
    """Refuse a scratch database that serves, is there already, or may be there; `so`: what follows of it.

    Raises:
        DriverError: it is refused.
        TargetUnreachable: the database that serves does not answer.
    """
    hint = "name a database in `scratch` that only the drill's `restore` makes and `remove` removes"
    if is_the_same(serves, scratch):
        raise DriverError(f"the scratch database is the one that serves: {so}", where=str(scratch), hint=hint)
    if why := _presence(scratch):
        raise DriverError(f"the scratch database {why}: {so}", where=str(scratch), hint=hint)


def is_the_same(serves: Reference, scratch: Reference) -> bool:
    """Whether both addresses reach one live database, as a lock that is taken by one is there for the other.

    The system identifier and the database's oid do not show this: a physical copy has the same.

    Raises:
        TargetUnreachable: the database that serves does not answer.
        DriverError: a database refused the lock or the query.
    """
    import psycopg

    key = secrets.randbelow(2**31)
    try:
        with connected(serves) as one:
            one.execute("SELECT pg_advisory_xact_lock(0, %s)", (key,))
            with _answering(scratch) as other:
                if other is None:
                    return False
                seen = other.execute(
                    "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database "
                    "WHERE l.locktype = 'advisory' AND l.objid::bigint = %s AND l.classid = 0 AND d.datname = current_database()",
                    (key,),
                ).fetchone()
                return seen is None or seen[0] > 0
    except psycopg.Error as error:
        raise DriverError(f"a database refused a query ({type(error).__name__})", where=str(scratch)) from error


def refuse_removal(target: Target, scratch: Reference) -> None:
    """Refuse to remove a scratch database that serves: `restore` reached the wrong server, or the copy was promoted since.

    Raises:
        DriverError: it is refused.
        TargetUnreachable: the database that serves does not answer, so it is not known.
    """
    if target.database is not None and is_the_same(target.database.dsn, scratch):
        hint = (
            "remove by hand what `restore` made, let `scratch` name nothing that serves, then run `readiness recover`"
        )
        raise DriverError(
            "the scratch database is the one that serves: it was not removed", where=str(scratch), hint=hint
        )


@contextmanager
def _answering(dsn: Reference) -> Iterator[Any]:
    """Context of a connection; None if there is no answer."""
    try:
        made = connected(dsn)
        connection = made.__enter__()
    except TargetUnreachable:
        yield None
        return
    try:
        yield connection
    finally:
        connection.close()


def _presence(scratch: Reference) -> str:
    """Why the database is there or may be there; empty: it is known that it is not there."""
    from psycopg.conninfo import conninfo_to_dict

    with _answering(scratch) as there:
        if there is not None:
            return "is there already"
    parts = conninfo_to_dict(scratch.resolve())
    host, name = str(parts.get("host") or ""), str(parts.get("dbname") or "")
    port = str(parts.get("port") or os.environ.get("PGPORT") or _PORT)
    of_others = "," in host or any(parts.get(one) or os.environ.get(f"PG{one.upper()}") for one in _ELSEWHERE)
    if not host or not name or of_others or not (port.isdecimal() and 0 < int(port) <= _LAST_PORT):
        return "is not named by one `host`, one `port` and one `dbname`"
    if not _listens(host, int(port)):
        return ""
    for asked in _ASKED:
        try:
            with connected(scratch, dbname=asked) as connection:
                row = connection.execute("SELECT count(*) FROM pg_database WHERE datname = %s", (name,)).fetchone()
                return "" if row is not None and not row[0] else "is there already, and does not answer"
        except TargetUnreachable:
            continue
    return "may be there: its server answers, but not this user"


def _listens(host: str, port: int) -> bool:
    """Whether a server may be at an address.

    That it is not is shown by a refused connection, an unknown name, or a balancer without a server behind it: it
    closes each without a byte, where a PostgreSQL server answers the request for TLS with one.
    """
    try:
        return any(_answers(host, port) for _ in range(_CLOSED))
    except (ConnectionRefusedError, FileNotFoundError):
        return False
    except socket.gaierror as error:
        return error.errno not in _NO_NAME
    except (OSError, UnicodeError):  # the latter of a host that is no name
        return True


def _answers(host: str, port: int) -> bool:
    """Whether a connection is not closed without an answer to the request for TLS. Raises OSError."""
    local = host.startswith("/")
    with (
        suppress(ConnectionResetError, BrokenPipeError),
        socket.socket(socket.AF_UNIX) if local else socket.create_connection((host, port), CONNECT_S) as one,
    ):
        one.settimeout(CONNECT_S)
        if local:
            one.connect(f"{host}/.s.PGSQL.{port}")
        one.sendall(_REQUEST_OF_TLS)
        return bool(one.recv(1))
    return False


def await_scratch(scratch: Reference, within_s: float) -> bool:
    """Wait until the database answers, and does not recover any more."""
    import psycopg

    for _ in clock.Deadline.after(within_s).ticks(_AGAIN_S):
        with _answering(scratch) as connection:
            if connection is None:
                continue
            try:
                if connection.execute("SELECT pg_is_in_recovery()").fetchone() == (False,):
                    return True
            except psycopg.Error:
                continue  # it restarts
    return False


def is_gone(scratch: Reference) -> bool:
    """Whether it is known that the database is not there."""
    return not _presence(scratch)
