"""One short question to the database or to one of its members, within bounds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from harness.errors import ConfigurationError, DriverError, TargetUnreachable
from harness.targets import Target
from harness.targets.reference import Reference
from harness.targets.target import Database

CONNECT_S: Final = 3
"""For each address of a DSN."""
STATEMENT_MS: Final = 10_000

Row = tuple[Any, ...]


def database_in(target: Target) -> Database:
    """The database that the target file names.

    Raises:
        ConfigurationError: it names none.
    """
    if target.database is None:
        raise ConfigurationError(
            "names no database", where=f"{target.file}: database", hint="write `database: {dsn: {env: …}}`"
        )
    return target.database


def rows_of(
    dsn: Reference,
    query: sql.SQL | sql.Composed,
    values: Sequence[object] = (),
    *,
    plain: bool = False,
    raises: bool = False,
) -> list[Row]:
    """All rows of the answer to one question; nothing that it does is kept.

    Args:
        dsn: of the database, or of a member.
        query: a single statement.
        values: of its placeholders.
        plain: whether the session has the server's own settings, its bound for a statement included.
        raises: whether an error that the server answers with is raised as it is: a caller that expects one knows what it says.

    Raises:
        TargetUnreachable: no connection, or no answer within the bounds; the words never have the DSN in them.
        DriverError: the server answered with an error, or with no rows.
        psycopg.Error: the same, where `raises`.
    """
    bound = "" if plain else f"-c statement_timeout={STATEMENT_MS}"
    where = _address(dsn)
    try:
        with psycopg.connect(make_conninfo(where, options=bound) if bound else where) as connection:
            try:
                return connection.execute(query, values or None).fetchall()
            finally:
                connection.rollback()
    except psycopg.OperationalError as error:
        what = " ".join(str(error).split()) or type(error).__name__
        raise TargetUnreachable(f"no answer from the database: {what}", where=str(dsn)) from error
    except psycopg.Error as error:
        if raises:
            raise
        what = " ".join(str(error).split()) or type(error).__name__
        hint = "is it the right database, and may the role of the DSN read that (GRANT SELECT)? See `database` of the target file"
        raise DriverError(f"the database refused a question: {what}", where=str(dsn), hint=hint) from error


def _address(dsn: Reference) -> str:
    """The DSN with our own bounds; the words of its errors have parts of it, and are left out.

    Raises:
        DriverError: it is no DSN.
    """
    try:
        return make_conninfo(dsn.resolve(), connect_timeout=CONNECT_S, application_name="readiness-check")
    except psycopg.ProgrammingError:
        hint = "write `host=… dbname=… user=…` or `postgresql://…`"
        raise DriverError("this is not the address of a PostgreSQL database", where=str(dsn), hint=hint) from None
