"""Row counts and checksums of every table, computed on the server in one read-only snapshot.

The checksum of a table is made of the 64-bit hashes of its rows as text: it does not depend on their order. Settings by which a
row's text differs between servers are fixed. The rows are summed in parts by their hash: a write changes one part or two, so that
a copy of a table which was written to meanwhile can be held against what was there before and after.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from harness.drivers.check.sql.asking import CONNECT_S, rows_of
from harness.errors import DriverError, TargetUnreachable
from harness.targets.files.reference import Reference

if TYPE_CHECKING:
    import psycopg

_TEXT: Final = (
    "-c extra_float_digits=1 -c DateStyle=ISO,MDY -c IntervalStyle=postgres -c TimeZone=UTC -c bytea_output=hex "
    "-c lc_monetary=C -c xmloption=content -c search_path=pg_catalog -c row_security=off"
)
"""Settings of the session: how a row is written as text, and that a role which sees only some rows gets an error."""
_TABLES: Final = (
    "SELECT n.nspname, c.relname, c.relpersistence = 'u' OR EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass "
    "AND d.objid = c.oid AND d.deptype = 'e'), pg_stat_get_tuples_inserted(c.oid) + pg_stat_get_tuples_updated(c.oid) "
    "+ pg_stat_get_tuples_deleted(c.oid), c.relfilenode::bigint FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%' "
    "ORDER BY 1, 2"
)
"""Tables and partitions: whether a backup may leave out the rows (unlogged, or of an extension), and what changes with each write."""
_PARTS: Final = 4096
_SUMS: Final = (
    "SELECT hash & {parts}, count(*), hashtextextended(count(*) || ' ' || sum(hash), 0) "
    'FROM (SELECT hashtextextended((one.*)::text COLLATE "C", 0) AS hash FROM ONLY {table} AS one) AS hashes GROUP BY 1'
)
_SEQUENCES: Final = (
    "SELECT schemaname, sequencename, last_value * sign(increment_by)::bigint, cycle FROM pg_sequences "
    "WHERE schemaname NOT LIKE 'pg\\_%' ORDER BY 1, 2"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class TableSum:
    """A table in a snapshot.

    Attributes:
        rows, checksum: its content; None: it could not be read.
        parts: the checksum of each part that has rows.
        partial: whether a backup may leave out its rows.
        writes: what differs after a write, as far as the server's statistics show it by then.
        why: why it could not be read.
    """

    rows: int | None = None
    checksum: str = ""
    parts: Mapping[int, int] = field(default_factory=dict)
    partial: bool = False
    writes: tuple[int, int] = (0, 0)
    why: str = ""

    @property
    def content(self) -> tuple[int, str] | None:
        """Row count and checksum; None: not read."""
        return None if self.rows is None else (self.rows, self.checksum)

    def __str__(self) -> str:
        return f"not read: {self.why}" if self.rows is None else f"{self.rows} rows, checksum {self.checksum}"


@dataclass(frozen=True, kw_only=True, slots=True)
class DatabaseSums:
    """A database in a snapshot.

    Attributes:
        encoding: of the server; the hashes of texts depend on it.
        tables: every table and partition by its name with schema.
        sequences: last number of each sequence, growing, None before the first; and whether it begins anew at its end.
    """

    encoding: str
    tables: Mapping[str, TableSum]
    sequences: Mapping[str, tuple[int | None, bool]]


def sums_of(dsn: Reference, within_s: float) -> DatabaseSums:
    """Row counts and checksums of every table. The transaction is read-only and rolled back.

    Raises:
        TargetUnreachable: no connection; the message never contains the DSN.
        DriverError: the server refused to list its tables.
    """
    import psycopg

    with connected(dsn, f"-c statement_timeout={round(within_s * 1000)} {_TEXT}") as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        try:
            found = connection.execute(_TABLES).fetchall()
            tables = {f"{row[0]}.{row[1]}": _summed(connection, row) for row in found}
            sequences = {f"{row[0]}.{row[1]}": (row[2], row[3]) for row in connection.execute(_SEQUENCES).fetchall()}
            encoding = str(connection.info.parameter_status("server_encoding"))
        except psycopg.Error as error:
            raise DriverError(f"the database refused a query ({type(error).__name__})", where=str(dsn)) from error
        connection.rollback()
    return DatabaseSums(encoding=encoding, tables=tables, sequences=sequences)


def writes_of(dsn: Reference) -> dict[str, tuple[int, int]]:
    """`TableSum.writes` of every table by now.

    Raises:
        TargetUnreachable: no connection, or no answer.
        DriverError: the server refused to list its tables.
    """
    return {f"{row[0]}.{row[1]}": (row[3], row[4]) for row in rows_of(dsn, _TABLES)}


@contextmanager
def connected(dsn: Reference, options: str = "", **named: str) -> Iterator[psycopg.Connection[Any]]:
    """Context of a connection, closed at its end.

    Args:
        dsn: address of the database.
        options: options of the session.
        named: parts of the address that differ.

    Raises:
        TargetUnreachable: no connection; the message never contains the DSN.
        DriverError: the text is not a DSN.
    """
    import psycopg
    from psycopg.conninfo import make_conninfo

    try:
        address = make_conninfo(
            dsn.resolve(), connect_timeout=CONNECT_S, application_name="readiness-drill", options=options, **named
        )
    except psycopg.ProgrammingError:
        raise DriverError("this is not the address of a PostgreSQL database", where=str(dsn)) from None
    try:
        connection = psycopg.connect(address)
    except psycopg.OperationalError as error:
        raise TargetUnreachable(f"no answer from the database ({type(error).__name__})", where=str(dsn)) from error
    try:
        yield connection
    finally:
        connection.close()


def _summed(connection: psycopg.Connection[Any], row: tuple[Any, ...]) -> TableSum:
    import psycopg
    from psycopg import sql

    query = sql.SQL(_SUMS).format(parts=sql.Literal(_PARTS - 1), table=sql.Identifier(row[0], row[1]))
    partial, writes = bool(row[2]), (row[3], row[4])
    try:
        with connection.transaction():
            seen = connection.execute(query).fetchall()
    except psycopg.Error as error:
        if connection.broken:
            raise
        return TableSum(partial=partial, writes=writes, why=type(error).__name__)
    parts = {part: checksum for part, _, checksum in seen}
    rows, checksum = sum(count for _, count, _ in seen), str(sum(parts.values()) % 2**64)
    return TableSum(rows=rows, checksum=checksum, parts=parts, partial=partial, writes=writes)
