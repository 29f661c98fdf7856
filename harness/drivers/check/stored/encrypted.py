"""`cipher-of-values`: checks that every encrypted value in the database names the cipher that the sentence names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from harness.drivers.check.claim import claim
from harness.drivers.check.needs import DATABASE, within
from harness.drivers.check.sql.asking import stream_of
from harness.drivers.check.stored.ciphers import HEAD, EncryptedValue, ValueReader, is_cipher
from harness.drivers.check.stored.columns import StoredColumn, classes_of, columns_in, encryption_of
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import DriverError
from harness.model.planned.need import RequiredKey
from harness.targets import Target
from harness.targets.files.reference import Reference

MOST_VALUES: Final = 1_000_000
"""Maximum number of values of a column that are read."""
_TEXT: Final = "S"
_READ: Final = frozenset({"bytea", "json", "jsonb"})
"""Types beside texts that may hold encrypted values."""
_PLAIN: Final = frozenset("NDTBIEGRVZ")
"""Categories of types that hold none: numbers, times, addresses and the like (PostgreSQL, `pg_type`)."""
_OWN_FORM: Final = frozenset(
    {
        "uuid",
        "tsvector",
        "tsquery",
        "macaddr",
        "macaddr8",
        "pg_lsn",
        "pg_snapshot",
        "txid_snapshot",
        "xid",
        "xid8",
        "cid",
    }
    | {"tid", "geometry", "geography", "vector", "halfvec", "sparsevec", "cube"}
)
"""Types of no such category that hold none either, since each of their values has a form of its own."""


@claim(
    "no encrypted value in any table names another cipher than <cipher:name>",
    example="no encrypted value in any table names another cipher than AES-256",
    needs=(
        DATABASE,
        RequiredKey("encryption", "encrypted values are recognised"),
        within("encryption.columns", "the values of personal and financial columns must be encrypted"),
    ),
    seconds=5.0,
)
def cipher_of_values(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Every value of every column that may hold text, in arrays and domains too, is recognised by how it begins: JWE, OpenPGP, Fernet, and `encryption.formats`.

    A column of another type that may hold text is unknown. So is a value of a personal or financial column in no known format, and one
    whose format names no cipher. Of a column with more than a million values that many are read, and the result is unknown.
    """
    encryption, dsn = encryption_of(target)
    classes, reader = classes_of(target, encryption), ValueReader(encryption.formats)

    def probe() -> Sequence[FactReading]:
        seen: list[FactReading] = []
        total = 0
        for column in columns_in(dsn):
            kind = classes.get(column.of, {}).get(column.name, "none")
            if kind == "none" and not _may_hold(column):
                if column.category not in _PLAIN and column.held not in _OWN_FORM:
                    seen.append(_unknown(str(column), f"values of the type {column.type} are not read"))
                continue
            try:
                found = _counted(dsn, column, reader)
            except DriverError as error:
                seen.append(_unknown(str(column), error.what))
                continue
            total += sum(n for one, n in found.items() if one is not None)
            seen += _facts(column, kind, found, params["cipher"])
        summary = FactReading(
            subject="encrypted values",
            expected="at least one",
            observed=f"{total} in the columns of all tables",
            ok=True if total else None,
        )
        return [*seen, summary]

    return probe


def _may_hold(column: StoredColumn) -> bool:
    return column.category == _TEXT or column.held in _READ


def _counted(dsn: Reference, column: StoredColumn, reader: ValueReader) -> Counter[EncryptedValue | None]:
    """How many values of a column are in which format, with what cipher; None: in no known format. Keys are left out."""
    from psycopg import sql

    head = {
        "bytea": "substring(held FROM 1 FOR {0})",
        "json": "left(CASE json_typeof(held) WHEN 'string' THEN held #>> '{{}}' ELSE held::text END, {0})",
        "jsonb": "left(CASE jsonb_typeof(held) WHEN 'string' THEN held #>> '{{}}' ELSE held::text END, {0})",
    }.get(column.held, "left(held::text, {0})")
    each = "unnest({1})" if column.many else "{1}"
    query = sql.SQL(
        f"SELECT {head} FROM (SELECT {each} AS held FROM {{2}}) v WHERE held IS NOT NULL LIMIT {{3}}"  # noqa: S608 - no text of others
    ).format(
        sql.Literal(HEAD),
        sql.Identifier(column.name),
        sql.Identifier(column.schema, column.table),
        sql.Literal(MOST_VALUES + 1),
    )
    found: Counter[EncryptedValue | None] = Counter()
    for (value,) in stream_of(dsn, query):
        if value:
            one = reader.read(value)
            found[EncryptedValue(one.format, one.cipher) if one is not None else None] += 1
    return found


def _facts(
    column: StoredColumn, kind: str, found: Counter[EncryptedValue | None], cipher: str
) -> Iterator[FactReading]:
    """Facts of one column: other ciphers, what is in no known format, and what was read."""
    there = sum(found.values())
    for one, n in found.items():
        if one is not None and one.cipher and not is_cipher(one.cipher, cipher):
            observed = f"{n} of {there} values name {one.cipher} ({one.format})"
            yield FactReading(subject=f"{column}: {one.cipher}", expected=cipher, observed=observed, ok=False)
        elif one is not None and not one.cipher:
            yield _unknown(str(column), f"{n} of {there} values are {one.format}, which names no cipher")
    if there > MOST_VALUES:
        yield _unknown(f"{column}: all values", f"{MOST_VALUES} were read, and there are more")
    if kind == "none":
        return
    if left := found[None]:
        hint = "declare their format in `encryption.formats`, or they are in clear"
        yield _unknown(f"{column}: values in no known format", f"{left} of {there}: {hint}")
    good = sum(n for one, n in found.items() if one is not None and is_cipher(one.cipher, cipher))
    yield FactReading(
        subject=str(column),
        expected=f"each value encrypted with {cipher}",
        observed=f"{good} of {there} values" if there else "no value",
        ok=True if there and good == there else None,
    )


def _unknown(subject: str, observed: str) -> FactReading:
    return FactReading(subject=subject, expected="a known cipher", observed=observed, ok=None)
