"""Sends one short query to the database or to one of its members, with timeouts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, LiteralString

from harness.errors import ConfigurationError, DriverError, TargetUnreachable
from harness.targets import Target
from harness.targets.files.reference import Reference
from harness.targets.files.target import Database

if TYPE_CHECKING:
    import psycopg
    from psycopg import sql

CONNECT_S: Final = 3
"""Connection timeout in s, for each address of a DSN."""
STATEMENT_MS: Final = 10_000
_BOUND: Final = {"statement_timeout": f"{STATEMENT_MS}"}
TEXTS: Final = {"client_encoding": "utf8"}
"""Part of an address: from a database without an encoding (`SQL_ASCII`), names and texts would come as bytes."""
WHOLE: Final = {"row_security": "off"}
"""Setting with which a role that may see only some rows of a table gets an error."""

Row = tuple[Any, ...]


def database_in(target: Target) -> Database:
    """The database section of the target file.

    Raises:
        ConfigurationError: the target file names no database.
    """
    if target.database is None:
        raise ConfigurationError(
            "names no database", where=f"{target.file}: database", hint="write `database: {dsn: {env: …}}`"
        )
    return target.database


def rows_of(
    dsn: Reference,
    query: LiteralString | sql.SQL | sql.Composed,
    values: Sequence[object] = (),
    *,
    plain: bool = False,
    raises: bool = False,
    utc: bool = False,
    whole: bool = False,
) -> list[Row]:
    """All rows of the answer to one query; its transaction is rolled back.

    Args:
        dsn: DSN of the database, or of a member.
        query: a single statement.
        values: values of its placeholders.
        plain: whether the session keeps the server's own settings, including its statement timeout.
        raises: whether an error from the server is raised unchanged, for callers that expect one.
        utc: whether times without a zone are UTC, whatever the server's own zone is.
        whole: whether a role that may see only some rows of a table gets an error.

    Raises:
        TargetUnreachable: no connection, or no answer in time; the message never contains the DSN.
        DriverError: the server answered with an error, or with no rows.
        psycopg.Error: the server's error, if `raises`.
    """
    import psycopg  # here: the sentences of the checks are read where no database is asked

    own = _BOUND | ({"timezone": "UTC"} if utc else {}) | (WHOLE if whole else {})
    where = _address(dsn)
    try:
        with psycopg.connect(where, prepare_threshold=None) as connection:
            try:
                if not plain:
                    set_locally(connection, own)
                return connection.execute(query, values or None).fetchall()
            finally:
                connection.rollback()
    except (psycopg.OperationalError, UnicodeError) as error:
        what = " ".join(str(error).split()) or type(error).__name__
        raise TargetUnreachable(f"no answer from the database: {what}", where=str(dsn)) from error
    except psycopg.Error as error:
        if raises:
            raise
        what = " ".join(str(error).split()) or type(error).__name__
        hint = "check that it is the right database, and that the role of the DSN may read it (GRANT SELECT); see `database` of the target file"
        raise DriverError(f"the database refused a query: {what}", where=str(dsn), hint=hint) from error


def stream_of(dsn: Reference, query: sql.Composed, *, at_once: int = 5000) -> Iterator[Row]:
    """The rows of an answer that is too large to be held, `at_once` of them at a time; the transaction is rolled back.

    Raises:
        TargetUnreachable: no connection, or no answer in time.
        DriverError: the server answered with an error, or the role may see only some rows of a table.
    """
    import psycopg

    try:
        with psycopg.connect(_address(dsn), prepare_threshold=None) as connection:
            set_locally(connection, _BOUND | WHOLE)
            with connection.cursor(name="readiness") as cursor:
                cursor.itersize = at_once
                cursor.execute(query)
                yield from cursor
            connection.rollback()
    except (psycopg.OperationalError, UnicodeError) as error:
        what = " ".join(str(error).split()) or type(error).__name__
        raise TargetUnreachable(f"no answer from the database: {what}", where=str(dsn)) from error
    except psycopg.Error as error:
        what = " ".join(str(error).split()) or type(error).__name__
        raise DriverError(f"the database refused a query: {what}", where=str(dsn)) from error


def run_statement(dsn: Reference, statement: str) -> None:
    """Run one statement outside of a transaction, such as CHECKPOINT.

    Raises:
        TargetUnreachable: no connection, or no answer in time; the message never contains the DSN.
        DriverError: the server refused the statement.
    """
    import psycopg

    try:
        with psycopg.connect(_address(dsn), autocommit=True, prepare_threshold=None) as connection:
            connection.execute(statement.encode())
    except (psycopg.OperationalError, UnicodeError) as error:
        what = " ".join(str(error).split()) or type(error).__name__
        raise TargetUnreachable(f"no answer from the database: {what}", where=str(dsn)) from error
    except psycopg.Error as error:
        what = " ".join(str(error).split()) or type(error).__name__
        raise DriverError(f"the database refused `{statement}`: {what}", where=str(dsn)) from error


def set_locally(connection: psycopg.Connection[Any], settings: Mapping[str, str]) -> None:
    """Set settings until the end of the transaction that is open, or is opened by it.

    A pooler between may drop options of the session, and give the next transaction to another one.
    """
    from psycopg import sql

    each = [sql.SQL("set_config({}, {}, true)").format(name, value) for name, value in settings.items()]
    connection.execute(sql.SQL("SELECT {}").format(sql.SQL(", ").join(each)))


def _address(dsn: Reference) -> str:
    """The DSN with our own timeouts. The errors of the parser contain parts of the DSN and are not shown.

    Raises:
        DriverError: the text is not a DSN.
    """
    import psycopg
    from psycopg.conninfo import make_conninfo

    try:
        return make_conninfo(dsn.resolve(), connect_timeout=CONNECT_S, application_name="readiness-check", **TEXTS)
    except psycopg.ProgrammingError:
        hint = "write `host=… dbname=… user=…` or `postgresql://…`"
        raise DriverError("this is not the address of a PostgreSQL database", where=str(dsn), hint=hint) from None
