"""Finds out whether an incomplete migration changed anything, by the tables of its migration tool or else by every table.

Migrating back reverts the newest applied migration. If nothing was applied, that would be a migration of the live release.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from harness.drivers.check.sql.tables import InUse, Rows, rows_of_tables, tables_of
from harness.targets.files.changes import MigrationSettings
from harness.targets.files.reference import Reference

_MISSING: Final = "missing"
"""Mark of a table that is not there: a tool creates its tables with the first migration."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AppliedBefore:
    """The state before a migration, as stored in the undo log.

    Attributes:
        versions: tables in which the migration tool records applied migrations; empty: every table is compared.
        growing, passing: tables that requests change meanwhile, of which only the columns are compared.
        marks: columns and checksum of the rows by table; None: not known.
    """

    versions: Sequence[str] = ()
    growing: Mapping[str, Sequence[str]] = field(default_factory=dict)
    passing: Sequence[str] = ()
    marks: Mapping[str, str] | None = None

    @classmethod
    def read(cls, dsn: Reference, settings: MigrationSettings) -> AppliedBefore:
        """The state now; unknown if tables are left out and `versions` is empty, since the tool's tables may be among them."""
        asked = cls(versions=settings.versions, growing=settings.growing, passing=settings.passing)
        if settings.without and not settings.versions:
            return asked
        return replace(asked, marks=asked.now(dsn))

    def now(self, dsn: Reference) -> dict[str, str] | None:
        """The marks as they are now; None if a table has too many rows to be read."""
        if self.versions:
            others = [table.name for table in tables_of(dsn, InUse()) if table.name not in self.versions]
            in_use = InUse(without=others)
        else:
            in_use = InUse(growing=self.growing, passing=self.passing)
        found = rows_of_tables(dsn, in_use)
        if any(rows.too_many for rows in found.values()):
            return None
        return dict.fromkeys(self.versions, _MISSING) | {name: _mark(rows) for name, rows in found.items()}

    def unchanged(self, dsn: Reference, *, completed: bool) -> bool:
        """Whether it is certain that nothing was applied since.

        Args:
            dsn: DSN of the database.
            completed: whether the migration is known to have completed: then rows of tables other than the tool's may be as
                before, and its own, if they are not there, have other names.
        """
        if self.marks is None or (completed and not self.versions) or self.now(dsn) != self.marks:
            return False
        return not (completed and _MISSING in self.marks.values())

    def missing(self, dsn: Reference) -> list[str]:
        """The tables of the migration tool that are not there."""
        there = {table.name for table in tables_of(dsn, InUse())} if self.versions else ()
        return [name for name in self.versions if name not in there]


def _mark(rows: Rows) -> str:
    columns = ", ".join(f"{name} {of_type}" for name, of_type in rows.table.columns.items())
    in_use = rows.table.open or rows.table.passing
    return columns if in_use else f"{columns}: {rows.count} rows, checksum {rows.checksum()}"
