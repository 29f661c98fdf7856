"""Reads from every database member how often each statement of the platform's services ran and how long it took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness import clock
from harness.drivers.check.sql.asking import database_in, rows_of
from harness.errors import ConfigurationError, TargetUnreachable
from harness.targets import Target
from harness.targets.files.reference import Reference
from harness.targets.queries import EXTENSION, HINT, counted, forgotten_in, statements_in


@dataclass(frozen=True, kw_only=True, slots=True)
class StatementsRead:
    """One reading of one database member.

    Attributes:
        member: its name; empty: the database of the target file's `dsn`.
        at_ns: when the answer came.
        statements: for each its `id`, `text` without values, `calls`, `total_ms`, `stddev_ms`, `least_ms`, `most_ms`, since first counted.
        forgotten: number of times that the member dropped its least used statements to make room.
        why: why nothing could be read; empty if something was.
    """

    member: str
    at_ns: int
    statements: Sequence[dict[str, Any]] = ()
    forgotten: int = 0
    why: str = ""


def read_statements(target: Target) -> list[StatementsRead]:
    """Read every member, or the database if no members are named.

    Raises:
        ConfigurationError: the target file names no database, or no database roles of the services.
    """
    database = database_in(target)
    if not database.roles:
        hint = "write `roles: [ROLE]`: the roles that the platform's services log in as"
        raise ConfigurationError("names no roles", where=f"{target.file}: database.roles", hint=hint)
    asked = {name: member.dsn for name, member in database.members.items()} or {"": database.dsn}
    return [_of_member(name, dsn, database.roles) for name, dsn in asked.items()]


def _of_member(name: str, dsn: Reference, roles: Sequence[str]) -> StatementsRead:
    import psycopg

    try:
        found = rows_of(dsn, EXTENSION, raises=True)
        if not found:
            return StatementsRead(
                member=name, at_ns=clock.now_ns(), why=f"no extension `pg_stat_statements`; hint: {HINT}"
            )
        schema = str(found[0][0])
        rows = rows_of(dsn, statements_in(schema), [list(roles)], raises=True)
        [(forgotten,)] = rows_of(dsn, forgotten_in(schema), raises=True)
    except TargetUnreachable as error:
        return StatementsRead(member=name, at_ns=clock.now_ns(), why=error.what)
    except psycopg.Error as error:
        said = " ".join(str(error).split()) or type(error).__name__
        return StatementsRead(member=name, at_ns=clock.now_ns(), why=f"{said}; hint: {HINT}")
    return StatementsRead(member=name, at_ns=clock.now_ns(), statements=counted(rows), forgotten=int(forgotten))
