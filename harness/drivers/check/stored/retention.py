"""`rows-within-retention`: the oldest row of each table, held against the time for which the target file says that its rows are kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from harness.drivers.check.claim import When, claim
from harness.drivers.check.needs import DATABASE, within
from harness.drivers.check.sql.asking import database_in, rows_of
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import ConfigurationError, HarnessError
from harness.model import Quantity
from harness.targets import Target
from harness.targets.files.reference import Reference
from harness.targets.files.retention import TableRetention
from harness.targets.files.values import schema_and_name

_TABLES: Final = (
    "SELECT CASE n.nspname WHEN 'public' THEN c.relname ELSE n.nspname || '.' || c.relname END FROM pg_class c "
    "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't' "
    "AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%' ORDER BY 1"
)
"""Tables; a partition has the rows of its table."""
_DAY_S: Final = 86400.0


@claim(
    "no row is older than its table's declared retention by more than <more:period>, and every table declares one",
    example="no row is older than its table's declared retention by more than 1 d, and every table declares one",
    needs=(DATABASE, within("database.retention", "each table says how long its rows are kept")),
    when=When.AFTER_TRAFFIC,
    seconds=3.0,
)
def rows_within_retention(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Every table of the database is in `database.retention`, and of each the rows that are kept for too long are counted on the server, by its own clock."""
    dsn, declared = database_in(target).dsn, database_in(target).retention
    if not declared:
        hint = "write `database: {retention: {TABLE: {keep: 30 d, column: NAME}}}`"
        raise ConfigurationError("does not say how long rows are kept", where=f"{target.file}: database", hint=hint)
    said = params["more"].partition(" (")
    more = Quantity.parse(said[0], scaled=not said[1]).at_scale(target.time_scale)

    def probe() -> Sequence[FactReading]:
        tables = [str(name) for (name,) in rows_of(dsn, _TABLES, utc=True)]
        facts = [fact for name in tables for fact in _of_table(dsn, name, declared.get(name), more)]
        named = sum(name in declared for name in tables)
        observed = f"{named} of {len(tables)} declare one"
        ok = named == len(tables) if tables else None
        return [*facts, FactReading(subject="tables", expected="each declares its retention", observed=observed, ok=ok)]

    return probe


def _of_table(dsn: Reference, name: str, kept: TableRetention | None, more: Quantity) -> Iterator[FactReading]:
    subject = f"table {name}"
    if kept is None:
        yield FactReading(subject=subject, expected="declares its retention", observed="it declares none", ok=False)
        return
    if kept.keep_s == "forever" or kept.column is None:
        return
    expected = f"no row older than {_said(kept.keep_s)} by more than {more}"
    try:
        ((old, oldest_s, untimed),) = _counted(dsn, name, kept.column, kept.keep_s + more.base)
    except HarnessError as error:
        yield FactReading(subject=subject, expected=expected, observed=error.what, ok=None)
        return
    if old:
        observed = f"{old} rows are older, the oldest is {_said(float(oldest_s or 0))} old"
        yield FactReading(subject=subject, expected=expected, observed=observed, ok=False)
    elif untimed:
        observed = f"{untimed} rows have no time in `{kept.column}`"
        yield FactReading(subject=subject, expected=expected, observed=observed, ok=None)
    else:
        observed = "no row" if oldest_s is None else f"the oldest row is {_said(float(oldest_s or 0))} old"
        yield FactReading(subject=subject, expected=expected, observed=observed, ok=True)


def _counted(dsn: Reference, name: str, column: str, most_s: float) -> Sequence[tuple[int, float | None, int]]:
    """Rows that are too old, the age of the oldest row in s, and rows without a time. Raises HarnessError."""
    from psycopg import sql

    query = sql.SQL(
        "SELECT count(*) FILTER (WHERE age_s > %s), max(age_s), count(*) FILTER (WHERE age_s IS NULL) "
        "FROM (SELECT extract(epoch FROM clock_timestamp() - {}::timestamptz)::float8 AS age_s FROM {}) AS one"
    ).format(sql.Identifier(column), sql.Identifier(*schema_and_name(name)))
    return [(row[0], row[1], row[2]) for row in rows_of(dsn, query, (most_s,), utc=True, whole=True)]


def _said(seconds: float) -> str:
    """A time as text."""
    for unit, length in (("d", _DAY_S), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * length:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds:.3g} s"
