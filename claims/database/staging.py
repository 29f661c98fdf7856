"""`production-subset`, `values-masked`: check that staging's database is a large enough subset of production without personal data.

Both checks compare the database with a register, a YAML file written from production: `schema` (as `schema_digest` computes it),
`tables` (name → rows) and `personal` (SHA-256 of each personal value, in lower case), so that the register itself contains no name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness.drivers.check.claim import claim
from harness.drivers.check.needs import DATABASE
from harness.drivers.check.sql.asking import Row, database_in, rows_of
from harness.drivers.claim import SentenceForm
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import ConfigurationError, TargetUnreachable
from harness.model import Quantity
from harness.model.planned.need import RequiredKey
from harness.targets import Target
from harness.targets.files.reference import Reference
from harness.validation import configuration_error, matching
from harness.yamlfile import read_document

_SYSTEM: Final = (
    "table_schema NOT IN ('pg_catalog', 'information_schema') AND NOT EXISTS (SELECT 1 FROM pg_depend d "
    "JOIN pg_class c ON c.oid = d.objid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE d.deptype = 'e' "
    "AND d.classid = 'pg_class'::regclass AND n.nspname = table_schema AND c.relname = table_name)"
)
"""Condition for tables of the platform: not in the system's own schemas, and not part of an extension."""
_SCHEMA: Final = (
    "SELECT coalesce(md5(string_agg(concat_ws('.', table_schema, table_name, column_name, data_type), ',' "
    "ORDER BY table_schema, table_name, column_name)), '') FROM information_schema.columns WHERE "
)
_TEXTS: Final = (
    "SELECT * FROM (SELECT n.nspname AS table_schema, c.relname AS table_name, a.attname AS column_name, "
    "t.typname = 'bytea' AS is_bytes "
    "FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
    "JOIN pg_type g ON g.oid = a.atttypid JOIN pg_type t ON t.oid = coalesce(nullif(g.typbasetype, 0), g.oid) "
    "LEFT JOIN pg_type e ON e.oid = t.typelem AND t.typcategory = 'A' "
    "WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND a.attnum > 0 AND NOT a.attisdropped AND n.nspname NOT LIKE 'pg\\_%%' "
    "AND coalesce(e.typcategory, t.typcategory) NOT IN ('N', 'D', 'T', 'B') AND coalesce(e.typname, t.typname) <> 'uuid') AS known WHERE "
)
"""Query for every column that may contain text, also unreadable ones: not numbers, times, booleans, UUIDs or arrays of these."""
_ORDER: Final = " ORDER BY 1, 2, 3"
_FOUND: Final = (
    "SELECT count({c}), count(*) FILTER (WHERE EXISTS (SELECT 1 FROM ("
    "SELECT lower(v.text) UNION ALL "
    "SELECT m.found[1] FROM regexp_matches(lower(v.text), '[^[:space:]\"<>,;:()]+@[^[:space:]\"<>,;:()]+', 'g') AS m(found) UNION ALL "
    "SELECT regexp_split_to_table(lower(v.text), '[\"<>]+') UNION ALL "
    "SELECT regexp_split_to_table(lower(v.text), '[][\"{{}}<>,;:()=''|]+')"
    ") AS w(word) WHERE encode(sha256(convert_to(trim(w.word), 'UTF8')), 'hex') = ANY(%s))) "
    "FROM {t} LEFT JOIN LATERAL (SELECT {as_text} AS text) AS v ON true"
)
"""Query that compares hashes of complete values, of addresses in them, and of parts between separators (arrays, JSON, XML)."""
_LONGEST_LIST: Final = 100_000
_PRODUCTION: Final = RequiredKey("database.production", "the database is compared with production's")


class ProductionRegister(BaseModel):
    """The register: the state of production's database when the subset was taken."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    schema_digest: str = Field(alias="schema")
    tables: dict[str, Annotated[int, Field(ge=0)]] = Field(min_length=1)
    personal: list[Annotated[str, matching(r"[0-9a-f]{64}", "a SHA-256: 64 hexadecimal digits in small letters")]] = (
        Field(default_factory=list, max_length=_LONGEST_LIST)
    )


_TABLES: Final = SentenceForm(
    "tables-of-staging",
    "every table of staging has <rows:noun>",
    "The database against the register of production that `database.production` of the target file names.",
)


@claim(
    _TABLES,
    "at least <share:ratio> of production's rows at the same schema version",
    example="every table of staging has at least 10 % of production's rows at the same schema version",
    fixed={"at_least": "<share>"},
    needs=(DATABASE, _PRODUCTION),
)
def production_subset(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Rows and schema of the database against the register that `database.production` of the target file names."""
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
    """MD5 of all tables, columns and types outside the system's own schemas, in order: identifies the version of a schema."""
    [(digest,)] = rows_of(dsn, _SCHEMA + _SYSTEM)
    return str(digest)


def _rows(dsn: Reference, table: str, production: int, least: float) -> FactReading:
    from psycopg import sql

    there = rows_of(dsn, sql.SQL("SELECT to_regclass({}) IS NOT NULL").format(sql.Literal(table)))[0][0]
    expected = f"at least {least * production:.10g} rows, {100 * least:g} % of production's {production}"
    if not there:
        return FactReading(subject=f"table {table}", expected=expected, observed="no such table", ok=False)
    [(rows,)] = rows_of(dsn, sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(*table.split("."))))
    return FactReading(
        subject=f"table {table}", expected=expected, observed=f"{rows} rows", ok=rows >= least * production
    )


@claim(
    _TABLES,
    "0 unmasked personal values of production",
    needs=(DATABASE, _PRODUCTION),
)
def values_masked(target: Target, _params: Mapping[str, str]) -> FactProbe:
    """Every value but numbers, times, booleans and UUIDs, its parts and the addresses in it, by their digests, against the digests in the register; counted in the database.

    Bytes are searched as text; if nothing is found in them, or a column cannot be searched, the fact is unknown. The database does the
    counting: no value leaves it, and no fact contains one.
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
    import psycopg
    from psycopg import sql

    schema, table, column, is_bytes = place
    name = sql.Identifier(schema, table, column)
    text = sql.SQL("encode({c}, 'escape')" if is_bytes else "{c}::text").format(c=name)
    query = sql.SQL(_FOUND).format(c=name, t=sql.Identifier(schema, table), as_text=text)
    ok: bool | None = None
    try:
        [(values, found)] = rows_of(dsn, query, [list(personal)], raises=True)
    except (psycopg.Error, TargetUnreachable) as error:
        observed = (
            f"it cannot be searched: {error.what if isinstance(error, TargetUnreachable) else type(error).__name__}"
        )
    else:
        observed = f"{found} of {values} values contain one" if found else f"none in {values} values"
        ok = not found
        if is_bytes and values and not found:
            observed, ok = f"{observed}, which are bytes and may contain one in another form", None
    return FactReading(subject=f"{schema}.{table}.{column}", expected=f"none of {known}", observed=observed, ok=ok)


def _register(target: Target) -> ProductionRegister:
    production = database_in(target).production
    if production is None:
        raise ConfigurationError(
            "names no register of production's database",
            where=f"{target.file}: database.production",
            hint="write `production: {register: FILE}`",
        )
    document = read_document(Path(target.file).parent / production.register_file)
    try:
        return ProductionRegister.model_validate(document.data)
    except ValidationError as error:
        raise configuration_error(document, ProductionRegister, error) from error
