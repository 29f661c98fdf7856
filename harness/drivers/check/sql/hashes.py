"""`password-hashes`: checks that every stored password is a slow hash. Counted in the database, so that no hash leaves it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from harness.drivers.check.claim import claim
from harness.drivers.check.needs import DATABASE, within
from harness.drivers.check.sql.asking import database_in, rows_of
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import ConfigurationError
from harness.targets import Target
from harness.targets.files.values import schema_and_name

HASHES: Final[Mapping[str, str]] = {
    "argon2id": r"^(\{argon2[^{}]*\}|argon2)?\$argon2id\$v=[0-9]+\$[^$]*m=[0-9]+[^$]*\$[A-Za-z0-9+/=]+\$[A-Za-z0-9+/=]+$",
    "bcrypt": r"^(\{bcrypt\}|bcrypt(_sha256)?\$)?\$2[aby]\$[0-9]{2}\$[./A-Za-z0-9]{53}$",
    "scrypt": r"^(\{scrypt[^{}]*\}\$[0-9a-f]{5,6}\$[A-Za-z0-9+/=]{16,}\$[A-Za-z0-9+/=]{22,}|\$7\$[./A-Za-z0-9$]{40,}|\$?scrypt[$:][^ ]*[$:][^ $]{16,}[$:]?[^ ]{22,})$",
}
"""Regular expressions (PostgreSQL) by form: the modular crypt formats, and `scrypt` with parameters, salt and key; each also behind the name that Spring Security and Django put before it."""


@claim(
    "every stored password is an argon2id, scrypt or bcrypt hash",
    fixed={"forms": "argon2id scrypt bcrypt"},
    needs=(DATABASE, within("database.passwords", "the column with the passwords of users is read")),
)
def password_hashes(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Counted in the database by the format of each value; no hash leaves it."""
    from psycopg import sql

    database = database_in(target)
    forms = [form for form in HASHES if form in params["forms"].split()]
    if database.passwords is None:
        raise ConfigurationError(
            "does not name the table with the passwords of users",
            where=f"{target.file}: database.passwords",
            hint="write `passwords: {table: users, column: password}`",
        )
    table, column = database.passwords.table, database.passwords.column
    name = sql.Identifier(column)
    counted = [sql.SQL("count(*)"), sql.SQL("count({})").format(name)]
    counted += [sql.SQL("count(*) FILTER (WHERE {} ~ {})").format(name, sql.Literal(HASHES[form])) for form in forms]
    query = sql.SQL("SELECT {} FROM {}").format(sql.SQL(", ").join(counted), sql.Identifier(*schema_and_name(table)))

    def probe() -> Sequence[FactReading]:
        [(rows, there, *of_form)] = rows_of(database.dsn, query)
        good = sum(of_form)
        parts = ", ".join(f"{n} {form}" for form, n in zip(forms, of_form, strict=True) if n)
        without = f"; {rows - there} rows have no password" if rows - there else ""
        said = f"{there} passwords: {parts}" if good == there else f"{there - good} of {there} are none of these"
        return [
            FactReading(
                subject=f"{table}.{column}",
                expected=f"every one {', '.join(forms[:-1])} or {forms[-1]}",
                observed=f"{said if there else 'no password'}{without}",
                ok=good == there if there else None,
            )
        ]

    return probe
