"""Finds out whether an incomplete migration changed anything, by the tables of its migration tool or else by every table.

Migrating back reverts the newest applied migration. If nothing was applied, that would be a migration of the live release.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from harness.drivers.check.sql.tables import InUse, Rows, rows_of_tables, tables_of
from harness.targets.files.changes import MigrationSettings
from harness.targets.files.reference import Reference


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
        """The state now; unknown if tables are left out and `versions` is empty, since the tool's tables may be among them.

        A table of `versions` that is not there may have another name, so it decides nothing: every table is compared.
        """
        known = () if missing_versions(dsn, settings) else settings.versions
        asked = cls(versions=known, growing=settings.growing, passing=settings.passing)
        if settings.without and not known:
            return asked
        return replace(asked, marks=asked.now(dsn))

    def now(self, dsn: Reference) -> dict[str, str] | None:
        """The marks as they are now; None if a table of the tool is missing, or a table has too many rows to be read."""
        if self.versions:
            others = [table.name for table in tables_of(dsn, InUse()) if table.name not in self.versions]
            in_use = InUse(without=others)
        else:
            in_use = InUse(growing=self.growing, passing=self.passing)
        found = rows_of_tables(dsn, in_use)
        if not {*self.versions} <= found.keys() or any(rows.too_many for rows in found.values()):
            return None
        return {name: _mark(rows) for name, rows in found.items()}

    def unchanged(self, dsn: Reference) -> bool:
        """Whether it is certain that nothing was applied since."""
        return self.marks is not None and self.now(dsn) == self.marks


def missing_versions(dsn: Reference, settings: MigrationSettings) -> list[str]:
    """The tables of the migration tool that are not there."""
    there = {table.name for table in tables_of(dsn, InUse())} if settings.versions else ()
    return [name for name in settings.versions if name not in there]


def _mark(rows: Rows) -> str:
    columns = ", ".join(f"{name} {of_type}" for name, of_type in rows.table.columns.items())
    in_use = rows.table.open or rows.table.passing
    return columns if in_use else f"{columns}: {rows.count} rows, checksum {rows.checksum()}"
