"""Reads the tables of a run directory; problems are reported with the name of the file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import MissingEvidence
from harness.evidence.clocks import Shift, load_shifts
from harness.evidence.parquet import count_rows, read_parquets
from harness.evidence.rows import read_rows
from harness.evidence.soundness import Known, unsound
from harness.model import SAMPLES, Missing, Schema, Table
from harness.model.records.recorded import RECORDED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.evidence.run_directory import RunDirectory


@dataclass(frozen=True, kw_only=True, slots=True)
class Tables:
    """Reads tables from Parquet, or from row files if the run is not sealed.

    Attributes:
        directory: directory of the run.
        spoilt: files that are missing, truncated, edited or not listed in the manifest; they are not read.
        missing: list to which problems in other files are added.
    """

    directory: RunDirectory
    spoilt: set[str]
    missing: list[Missing]

    def recorded(self) -> dict[str, Table]:
        """The recorded tables by name; a table without a record is empty."""
        found: dict[str, list[Table]] = {}
        for table in RECORDED:
            found.setdefault(table.schema.name, []).append(self._recorded(table.files, table.schema))
        return {name: Table.merged(parts[0].schema, parts) for name, parts in found.items()}

    def one(self, rows: str, schema: Schema) -> tuple[Table, str]:
        """The rows of one row file (from Parquet if the run is sealed), and the name of the file that contains them."""
        sealed = f"{rows.removesuffix('.rows')}.parquet"
        if self._has(sealed):
            return self._parquet({sealed: None}, schema), sealed
        return (self._rows(rows, schema, None) if self._has(rows) else Table.empty(schema)), rows

    def _recorded(self, files: str, schema: Schema) -> Table:
        """The rows of these files, from Parquet where they are sealed."""
        there = [self.directory.relative(path) for path in sorted(self.directory.path.glob(f"{files}.*"))]
        sealed = [file for file in there if file.endswith(".parquet") and file not in self.spoilt]
        tables = [self._parquet(dict.fromkeys(sealed), schema)] if sealed else []
        for file in there:
            whole = f"{file.removesuffix('.rows')}.parquet"
            if file.endswith(".rows") and file not in self.spoilt and whole not in sealed:
                tables.append(self._rows(file, schema, None))
        return Table.merged(schema, tables)

    def samples(self, files: Mapping[str, Known], traffic: str) -> Table:
        """The samples of one window, from one file per worker.

        For a worker whose rows are not sealed all its rows are included.
        """
        tables = [self._parquet({file: known for file, known in files.items() if self._has(file)}, SAMPLES)]
        for file, known in files.items():
            rows = f"load/{traffic}/{Path(file).with_suffix('.rows').name}"
            if file not in self.spoilt and not self._has(file) and self._has(rows):
                shift = load_shifts(self.directory).get((traffic, known.worker))
                tables.append(self._rows(rows, SAMPLES, replace(known, span=None), shift))
        return Table.merged(SAMPLES, tables)

    def expect(self, rows: int, files: Sequence[str]) -> None:
        """Report sealed files that are missing, or that together have fewer rows than at the end of the run.

        If there are more rows, none is read. Files that cannot be read are reported elsewhere.
        """
        paths = {file: self.directory.file(file) for file in files if file not in self.spoilt}
        if away := next((file for file, path in paths.items() if path is None), ""):
            why = f"the history counts the rows of {away}, which is not a valid name of a file inside the run"
            self.missing.append(Missing(file="history/seal.ndjson", why=why))
            return
        if gone := [file for file, path in paths.items() if path and not path.is_file()]:
            self.missing.extend(
                Missing(file=file, why=f"the file is missing; it had {rows} rows at the end of the run")
                for file in gone
            )
            return
        try:
            found = sum(count_rows(path) for path in paths.values() if path)
        except MissingEvidence:
            return
        if found != rows and self.spoilt.isdisjoint(files):
            beside = f" (together with {len(files) - 1} other files)" if files[1:] else ""
            self.missing.append(
                Missing(file=files[0], why=f"the file has {found} rows{beside}, at the end of the run it had {rows}")
            )
        if found > rows:
            self.spoilt.update(files)

    def why_spoilt(self, file: str) -> str:
        """The reason why a file cannot be read; empty if it can be read."""
        return "" if self._has(file) else f"{file} is missing or was changed"

    def _has(self, file: str) -> bool:
        return file not in self.spoilt and self.directory.has(file)

    def _parquet(self, files: Mapping[str, Known | None], schema: Schema) -> Table:
        """The files that can be read."""
        try:
            table, ends = read_parquets([self.directory.path / file for file in files], schema)
        except MissingEvidence as error:
            bad = self.directory.relative(Path(error.where))
            self.missing.append(Missing(file=bad, why=error.what))
            return self._parquet({file: known for file, known in files.items() if file != bad}, schema)
        for (file, known), (start, end) in zip(files.items(), pairwise([0, *ends]), strict=True):
            self._check_sound(file, table.cut(start, end), known)
        return table

    def _rows(self, file: str, schema: Schema, known: Known | None, shift: Shift | None = None) -> Table:
        try:
            table = read_rows(self.directory.path / file, schema).table
        except MissingEvidence as error:
            self.missing.append(Missing(file=file, why=error.what))
            return Table.empty(schema)
        table = shift.aligned(table) if shift else table
        self._check_sound(file, table, known)
        return table

    def _check_sound(self, file: str, table: Table, known: Known | None) -> None:
        if why := unsound(table, known):
            self.missing.append(Missing(file=file, why=why))
