"""`production-subset`, `values-masked`: is the database of staging a large enough part of production, and without its people?

Both are compared with a register, a YAML file written from production: `schema` (the digest that `schema_digest` counts),
`tables` (name → rows) and `personal` (SHA-256 of each personal value, in lower case), so that the register itself contains no name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final

from psycopg import sql
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness.catalogue.explain import configuration_error, matching
from harness.drivers.check.sql.asking import Row, database_in, rows_of
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import ConfigurationError
from harness.model import Quantity
from harness.targets import Target
from harness.targets.reference import Reference
from harness.yamlfile import read_document

_SYSTEM: Final = sql.SQL(
    "table_schema NOT IN ('pg_catalog', 'information_schema') AND NOT EXISTS (SELECT 1 FROM pg_depend d "
    "JOIN pg_class c ON c.oid = d.objid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE d.deptype = 'e' "
    "AND d.classid = 'pg_class'::regclass AND n.nspname = table_schema AND c.relname = table_name)"
)
"""Outside the system's own schemas, and of no extension: what those bring is not the platform's."""
_SCHEMA: Final = sql.SQL(
    "SELECT coalesce(md5(string_agg(concat_ws('.', table_schema, table_name, column_name, data_type), ',' "
    "ORDER BY table_schema, table_name, column_name)), '') FROM information_schema.columns WHERE "
)
_TEXTS: Final = sql.SQL(
    "SELECT table_schema, table_name, column_name FROM information_schema.columns WHERE data_type IN "
    "('text', 'character varying', 'character', 'json', 'jsonb', 'name') AND "
)
_ORDER: Final = sql.SQL(" ORDER BY 1, 2, 3")
_LONGEST_LIST: Final = 100_000


class ProductionRegister(BaseModel):
    """What production's database was like when the subset was taken."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    schema_digest: str = Field(alias="schema")
    tables: dict[str, Annotated[int, Field(ge=0)]]
    personal: list[Annotated[str, matching(r"[0-9a-f]{64}", "a SHA-256: 64 hexadecimal digits in small letters")]] = (
        Field(default_factory=list, max_length=_LONGEST_LIST)
    )


def production_subset(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Counts the rows of every table of the register: each has `at_least` that share of production's, at the same schema."""
    register, least = _register(target), Quantity.parse(params["at_least"]).base
    dsn = database_in(target).dsn

    def probe() -> Sequence[FactReading]:
        digest = schema_digest(dsn)
        seen = [
            FactReading(
                subject="schema",
                expected=register.schema_digest,
                observed=digest or "no table",
                ok=digest == register.schema_digest,
            )
        ]
        return [*seen, *(_rows(dsn, table, rows, least) for table, rows in sorted(register.tables.items()))]

    return probe


def schema_digest(dsn: Reference) -> str:
    """MD5 of every table, column and type outside the system's own schemas, in their order: the version of a schema."""
    [(digest,)] = rows_of(dsn, _SCHEMA + _SYSTEM)
    return str(digest)


def _rows(dsn: Reference, table: str, production: int, least: float) -> FactReading:
    there = rows_of(dsn, sql.SQL("SELECT to_regclass({}) IS NOT NULL").format(sql.Literal(table)))[0][0]
    expected = f"at least {least * production:.10g} rows, {100 * least:g} % of production's {production}"
    if not there:
        return FactReading(subject=f"table {table}", expected=expected, observed="no such table", ok=False)
    [(rows,)] = rows_of(dsn, sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(*table.split("."))))
    return FactReading(
        subject=f"table {table}", expected=expected, observed=f"{rows} rows", ok=rows >= least * production
    )


def values_masked(target: Target, _params: Mapping[str, str]) -> FactProbe:
    """Compares the digest of every text value, and of every address in it, with those of production's personal values.

    Counted in the database: no value leaves it, and no fact has one.
    """
    register, dsn = _register(target), database_in(target).dsn
    production = database_in(target).production
    left_out = set(production.without) if production else set[str]()

    def probe() -> Sequence[FactReading]:
        columns = rows_of(dsn, _TEXTS + _SYSTEM + _ORDER)
        chosen = [one for one in columns if not {one[1], f"{one[0]}.{one[1]}"} & left_out]
        known = f"{len(register.personal)} personal values of production"
        if not register.personal:
            return [FactReading(subject="register", expected="at least one personal value", observed="none", ok=None)]
        return [_column(dsn, one, register.personal, known) for one in chosen]

    return probe


def _column(dsn: Reference, place: Row, personal: Sequence[str], known: str) -> FactReading:
    schema, table, column = place
    name = sql.Identifier(column)
    query = sql.SQL(
        "SELECT count(*), count(*) FILTER (WHERE encode(sha256(convert_to(lower(trim({c}::text)), 'UTF8')), 'hex') = ANY(%s) "
        "OR EXISTS (SELECT 1 FROM regexp_matches(lower({c}::text), '[^[:space:]\"<>,;:()]+@[^[:space:]\"<>,;:()]+', 'g') AS m(found) "
        "WHERE encode(sha256(convert_to(m.found[1], 'UTF8')), 'hex') = ANY(%s))) FROM {t}"
    ).format(c=name, t=sql.Identifier(schema, table))
    [(rows, found)] = rows_of(dsn, query, [list(personal), list(personal)])
    return FactReading(
        subject=f"{schema}.{table}.{column}",
        expected=f"none of {known}",
        observed=f"{found} of {rows} rows have one" if found else f"none in {rows} rows",
        ok=not found,
    )


def _register(target: Target) -> ProductionRegister:
    production = database_in(target).production
    if production is None:
        raise ConfigurationError(
            "does not say what production's database is like",
            where=f"{target.file}: database.production",
            hint="write `production: {register: FILE}`",
        )
    document = read_document(Path(target.file).parent / production.register_file)
    try:
        return ProductionRegister.model_validate(document.data)
    except ValidationError as error:
        raise configuration_error(document, ProductionRegister, error) from error
