"""Whether a migration that did not complete has left anything in: by the tables in which its tool keeps what is applied, else by every table.

A way back takes back the newest migration that is applied. Where nothing went in, that is one of the release that is live.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from harness.drivers.check.sql.tables import InUse, Rows, rows_of_tables, tables_of
from harness.targets.changes import MigrationSettings
from harness.targets.reference import Reference


@dataclass(frozen=True, kw_only=True, slots=True)
class AppliedBefore:
    """What was applied before a migration, as the undo log keeps it.

    Attributes:
        versions: tables in which the migration tool keeps what is applied; empty: every table is compared.
        growing, passing: what requests change meanwhile: of these tables only the columns are compared.
        marks: of each table its columns and the checksum of its rows; None: nothing tells it.
    """

    versions: Sequence[str] = ()
    growing: Mapping[str, Sequence[str]] = field(default_factory=dict)
    passing: Sequence[str] = ()
    marks: Mapping[str, str] | None = None

    @classmethod
    def read(cls, dsn: Reference, settings: MigrationSettings) -> AppliedBefore:
        """What is applied now; not known where tables are left out, as those of the tool may be, and `versions` names none."""
        asked = cls(versions=settings.versions, growing=settings.growing, passing=settings.passing)
        if settings.without and not settings.versions:
            return asked
        return replace(asked, marks=asked.now(dsn))

    def now(self, dsn: Reference) -> dict[str, str] | None:
        """The marks as they are now; None where a table of the tool is not there, or one has too many rows to be read."""
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
        """Whether it is known that nothing has gone in since."""
        return self.marks is not None and self.now(dsn) == self.marks


def _mark(rows: Rows) -> str:
    columns = ", ".join(f"{name} {of_type}" for name, of_type in rows.table.columns.items())
    in_use = rows.table.open or rows.table.passing
    return columns if in_use else f"{columns}: {rows.count} rows, checksum {rows.checksum()}"
