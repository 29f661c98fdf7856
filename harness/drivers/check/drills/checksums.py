"""Row counts and checksums of every table, computed on the server in one read-only snapshot.

The checksum of a table is made of the 64-bit hashes of its rows as text: it does not depend on their order, nor on that of the columns,
which a dump changes where tables inherit. Settings by which a row's text differs between servers are fixed. The rows are summed in parts by
the hash of their primary key, else of all of the row: a write changes one part, else one or two, so that a copy of a table which was written
to meanwhile can be held against what was there before and after.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from harness.drivers.check.sql.asking import CONNECT_S, TEXTS, WHOLE, rows_of, set_locally
from harness.errors import DriverError, TargetUnreachable
from harness.targets.files.reference import Reference

if TYPE_CHECKING:
    import psycopg

TEXT: Final[Mapping[str, str]] = {
    "extra_float_digits": "1",
    "DateStyle": "ISO, MDY",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "bytea_output": "hex",
    "lc_monetary": "C",
    "xmloption": "content",
    "search_path": "pg_catalog",
    **WHOLE,
}
"""Settings of a transaction: how a row is written as text, and that a role which sees only some rows gets an error."""
TABLES: Final = (
    "SELECT n.nspname, c.relname, c.relpersistence = 'u' OR EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass "
    "AND d.objid = c.oid AND d.deptype = 'e'), pg_stat_get_tuples_inserted(c.oid) + pg_stat_get_tuples_updated(c.oid) "
    "+ pg_stat_get_tuples_deleted(c.oid), c.relfilenode::bigint, ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid "
    "AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attname), ARRAY(SELECT format_type(a.atttypid, a.atttypmod) FROM pg_attribute a "
    "WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attname), ARRAY(SELECT a.attname::text FROM pg_index i "
    "JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey[0:i.indnkeyatts - 1]) WHERE i.indrelid = c.oid AND i.indisprimary ORDER BY a.attname) "
    "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%' "
    "ORDER BY 1, 2"
)
"""Tables and partitions: whether a backup may leave out the rows (unlogged, or of an extension), what changes with each write, their columns with the types, and those of the primary key."""
_PARTS: Final = 4096
_SUMS: Final = (
    "SELECT {of} & {parts}, count(*), hashtextextended(count(*) || ' ' || sum(hash), 0) FROM (SELECT hashtextextended(ROW({columns})::text "
    'COLLATE "C", 0) AS hash, hashtextextended(ROW({keys})::text COLLATE "C", 0) AS of_key FROM ONLY {table} AS one) AS hashes GROUP BY 1'
)
_SEQUENCES: Final = (
    "SELECT n.nspname, c.relname, s.seqincrement, s.seqcycle OR c.relpersistence = 'u' OR EXISTS (SELECT FROM pg_depend d "
    "WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e') FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid "
    "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relpersistence <> 't' AND n.nspname NOT LIKE 'pg\\_%' ORDER BY 1, 2"
)
"""Sequences, and whether a lower number may be right: at its end it begins anew, it is unlogged, or of an extension."""
_NEXT: Final = "SELECT last_value, is_called FROM {}"
_FILLED: Final = "SELECT EXISTS (SELECT FROM ONLY {})"


@dataclass(frozen=True, kw_only=True, slots=True)
class TableSum:
    """A table in a snapshot.

    Attributes:
        rows, checksum: its content; None: it could not be read.
        columns: each column with its type, by name.
        keys: columns by which the rows are in parts; empty: by all.
        parts: the checksum of each part that has rows.
        partial: whether a backup may leave out its rows.
        writes: what differs after a write, as far as the server's statistics show it by then.
        why: why it could not be read.
    """

    rows: int | None = None
    checksum: str = ""
    columns: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
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
class SequenceSum:
    """A sequence, as it is.

    Attributes:
        next: the number that it gives next, growing; None: it could not be read.
        anew: whether a lower one may be right: it begins anew at its end, or a backup may leave it out.
        why: why it could not be read.
    """

    next: int | None = None
    anew: bool = False
    why: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class DatabaseSums:
    """A database in a snapshot.

    Attributes:
        encoding: of the server; the hashes of texts depend on it.
        tables: every table and partition by its name with schema.
        sequences: every sequence by its name with schema.
    """

    encoding: str
    tables: Mapping[str, TableSum]
    sequences: Mapping[str, SequenceSum]


def sums_of(dsn: Reference, within_s: float, of: DatabaseSums | None = None) -> DatabaseSums:
    """Row counts and checksums of every table. The transaction is read-only and rolled back.

    Args:
        dsn: address of the database.
        within_s: time for each table, in s.
        of: sums with which they are compared: the rows are in the same parts.

    Raises:
        TargetUnreachable: no connection; the message never contains the DSN.
        DriverError: the server refused to list its tables.
    """
    import psycopg

    with connected(dsn) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        try:
            set_locally(connection, {**timeout_of(within_s), **TEXT})
            found = connection.execute(TABLES).fetchall()
            tables = {
                name: _summed(connection, row, of.tables.get(name) if of is not None else None)
                for row in found
                for name in [f"{row[0]}.{row[1]}"]
            }
            numbered = connection.execute(_SEQUENCES).fetchall()
            sequences = {f"{row[0]}.{row[1]}": _numbered(connection, row) for row in numbered}
            encoding = str(connection.info.parameter_status("server_encoding"))
        except (psycopg.Error, UnicodeDecodeError) as error:  # the latter of names in a database without an encoding
            raise DriverError(f"the database refused a query ({type(error).__name__})", where=str(dsn)) from error
        connection.rollback()
    return DatabaseSums(encoding=encoding, tables=tables, sequences=sequences)


def writes_of(dsn: Reference) -> dict[str, tuple[int, int]]:
    """`TableSum.writes` of every table by now.

    Raises:
        TargetUnreachable: no connection, or no answer.
        DriverError: the server refused to list its tables.
    """
    return {f"{row[0]}.{row[1]}": (row[3], row[4]) for row in rows_of(dsn, TABLES)}


def filled_tables(dsn: Reference, within_s: float) -> frozenset[str]:
    """The tables that have rows, without those whose rows a backup may leave out, and those that cannot be read.

    Raises:
        TargetUnreachable: no connection, or no answer.
        DriverError: the server refused to list its tables.
    """
    import psycopg
    from psycopg import sql

    found = set[str]()
    listed = rows_of(dsn, TABLES)
    with connected(dsn) as connection:
        connection.read_only = True
        for row in listed:
            try:
                with connection.transaction():
                    set_locally(connection, timeout_of(within_s))
                    seen = connection.execute(sql.SQL(_FILLED).format(sql.Identifier(row[0], row[1]))).fetchone()
            except psycopg.Error:
                continue
            if seen == (True,) and not row[2]:
                found.add(f"{row[0]}.{row[1]}")
    return frozenset(found)


def timeout_of(within_s: float) -> dict[str, str]:
    """The setting of a time for each statement."""
    return {"statement_timeout": f"{round(within_s * 1000)}"}


@contextmanager
def connected(dsn: Reference, **named: str) -> Iterator[psycopg.Connection[Any]]:
    """Context of a connection, closed at its end.

    Args:
        dsn: address of the database.
        named: parts of the address that differ.

    Raises:
        TargetUnreachable: no connection; the message never contains the DSN.
        DriverError: the text is not a DSN.
    """
    import psycopg
    from psycopg.conninfo import make_conninfo

    try:
        address = make_conninfo(
            dsn.resolve(),
            connect_timeout=CONNECT_S,
            application_name="readiness-drill",
            **{**TEXTS, **named},
        )
    except psycopg.ProgrammingError:
        raise DriverError("this is not the address of a PostgreSQL database", where=str(dsn)) from None
    try:
        connection = psycopg.connect(address, prepare_threshold=None)
    except (psycopg.OperationalError, UnicodeError) as error:  # the latter of a host that is no name
        what = " ".join(str(error).split()) or type(error).__name__
        raise TargetUnreachable(f"no answer from the database: {what}", where=str(dsn)) from error
    try:
        yield connection
    finally:
        connection.close()


def _summed(connection: psycopg.Connection[Any], row: tuple[Any, ...], of: TableSum | None) -> TableSum:
    import psycopg
    from psycopg import sql

    columns = tuple(f"{name} {kind}" for name, kind in zip(row[5], row[6], strict=True))
    keys = of.keys if of is not None and of.columns == columns else tuple(row[7])
    in_row, in_key = (sql.SQL(", ").join(sql.Identifier("one", name) for name in names) for names in (row[5], keys))
    query = sql.SQL(_SUMS).format(
        of=sql.SQL("of_key" if keys else "hash"),
        parts=sql.Literal(_PARTS - 1),
        columns=in_row,
        keys=in_key,
        table=sql.Identifier(row[0], row[1]),
    )
    partial, writes = bool(row[2]), (row[3], row[4])
    try:
        with connection.transaction():
            seen = connection.execute(query).fetchall()
    except psycopg.Error as error:
        if connection.broken:
            raise
        return TableSum(columns=columns, partial=partial, writes=writes, why=type(error).__name__)
    parts = {part: checksum for part, _, checksum in seen}
    rows, checksum = sum(count for _, count, _ in seen), str(sum(parts.values()) % 2**64)
    return TableSum(
        rows=rows, checksum=checksum, columns=columns, keys=keys, parts=parts, partial=partial, writes=writes
    )


def _numbered(connection: psycopg.Connection[Any], row: tuple[Any, ...]) -> SequenceSum:
    import psycopg
    from psycopg import sql

    try:
        with connection.transaction():
            seen = connection.execute(sql.SQL(_NEXT).format(sql.Identifier(row[0], row[1]))).fetchone()
    except psycopg.Error as error:
        if connection.broken:
            raise
        return SequenceSum(anew=row[3], why=type(error).__name__)
    last, called = seen or (0, False)
    return SequenceSum(next=(last + row[2] * called) * (1 if row[2] > 0 else -1), anew=row[3])
