"""Columns of the database, and the class that the target file gives each: one without a class fails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import TypeAdapter, ValidationError

from harness.drivers.check.sql.asking import database_in, rows_of
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import ConfigurationError
from harness.targets import Target
from harness.targets.files.reference import Reference
from harness.targets.files.stored import CLASSES, DataClass, Encryption
from harness.yamlfile import read_document

_COLUMNS: Final = (
    "SELECT n.nspname, c.relname, a.attname, format_type(a.atttypid, NULL), format_type(t.oid, NULL), t.typcategory, t.many FROM pg_class c "
    "JOIN pg_namespace n ON n.oid = c.relnamespace "
    "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
    "JOIN LATERAL (WITH RECURSIVE held AS (SELECT oid, typtype, typbasetype, typcategory, typelem, false AS many FROM pg_type WHERE oid = a.atttypid "
    "UNION ALL SELECT p.oid, p.typtype, p.typbasetype, p.typcategory, p.typelem, h.many OR h.typtype <> 'd' FROM held h "
    "JOIN pg_type p ON p.oid = CASE WHEN h.typtype = 'd' THEN h.typbasetype WHEN h.typcategory = 'A' THEN h.typelem END) "
    "SELECT * FROM held WHERE typtype <> 'd' AND typcategory <> 'A') t ON true "
    "WHERE c.relkind IN ('r', 'p', 'm') AND NOT c.relispartition AND n.nspname NOT IN ('pg_catalog', 'information_schema') "
    "AND n.nspname NOT LIKE 'pg\\_%%' ORDER BY 1, 2, a.attnum"
)
"""Columns of tables and of materialised views; a partition has those of its table."""
Classes = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredColumn:
    """A column of the database.

    Attributes:
        schema, table, name: where it is.
        type: as PostgreSQL names it.
        held: type of each value, which of a domain is its base type and of an array that of its elements.
        category: category of that type: `S` is text.
        many: whether a row has an array of values.
    """

    schema: str
    table: str
    name: str
    type: str
    held: str
    category: str
    many: bool

    @property
    def of(self) -> str:
        """The table, with its schema unless that is `public`."""
        return self.table if self.schema == "public" else f"{self.schema}.{self.table}"

    def __str__(self) -> str:
        return f"{self.of}.{self.name}"


def encryption_of(target: Target) -> tuple[Encryption, Reference]:
    """The section `encryption`, and the DSN of the database that it is about.

    Raises:
        ConfigurationError: the target file has no such section, or no database.
    """
    if target.encryption is None:
        hint = "write `encryption: {columns: {TABLE: {COLUMN: personal}}}`"
        raise ConfigurationError(
            "does not say which columns are personal", where=f"{target.file}: encryption", hint=hint
        )
    return target.encryption, target.encryption.dsn or database_in(target).dsn


def columns_in(dsn: Reference) -> list[StoredColumn]:
    """Every column outside the system's own schemas.

    Raises:
        TargetUnreachable: the database does not answer.
    """
    return [
        StoredColumn(schema=row[0], table=row[1], name=row[2], type=row[3], held=row[4], category=row[5], many=row[6])
        for row in rows_of(dsn, _COLUMNS)
    ]


def classes_of(target: Target, encryption: Encryption) -> Classes:
    """The class of each column, by table and column.

    Raises:
        ConfigurationError: the file of the classes cannot be read, or names another class.
    """
    if not isinstance(encryption.columns, str):
        return encryption.columns
    path = target.beside(encryption.columns)
    document = read_document(path)
    try:
        return TypeAdapter(dict[str, dict[str, DataClass]]).validate_python(document.data or {})
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigurationError(
            f"`{first['input']}` is an unknown class of a column"
            if len(first["loc"]) > 1
            else "tables with their columns were expected",
            where=document.where(first["loc"]),
            hint=f"write `TABLE: {{COLUMN: CLASS}}` with one of {', '.join(CLASSES)}",
        ) from None


def columns_classified(target: Target) -> FactProbe:
    """A probe: every column of the tables and materialised views of the database is personal, financial or none of these in `encryption.columns`.

    A column that the file does not name fails; a personal or financial one that the database does not have is unknown.
    """
    encryption, dsn = encryption_of(target)
    classes = classes_of(target, encryption)

    def probe() -> Sequence[FactReading]:
        columns = columns_in(dsn)
        there = {(one.of, one.name) for one in columns}
        seen = [
            FactReading(subject=str(one), expected="a class", observed=f"none; it is {one.type}", ok=False)
            for one in columns
            if one.name not in classes.get(one.of, {})
        ]
        gone = [(t, c, kind) for t, each in classes.items() for c, kind in each.items() if (t, c) not in there]
        seen += [
            FactReading(
                subject=f"{table}.{column}",
                expected=f"a column, since it is {kind}",
                observed="no such column",
                ok=None,
            )
            for table, column, kind in gone
            if kind != "none"
        ]
        return [*seen, _summary(columns, classes, len(gone))]

    return probe


def _summary(columns: Sequence[StoredColumn], classes: Classes, gone: int) -> FactReading:
    counts = dict.fromkeys(CLASSES, 0)
    for one in columns:
        if kind := classes.get(one.of, {}).get(one.name):
            counts[kind] += 1
    named = sum(counts.values())
    words = ", ".join(f"{n} {kind}" for kind, n in counts.items() if n) or "none classified"
    return FactReading(
        subject="columns of the database",
        expected="each has a class",
        observed=f"{len(columns)} columns: {words}"
        + (f"; {gone} classes are of columns that are not there" if gone else ""),
        ok=None if not columns else named == len(columns),
    )
