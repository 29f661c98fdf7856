"""One table, one Parquet file; a run reads several at once and writes piece by piece."""

from __future__ import annotations

from pathlib import Path

from harness.evidence.parquet import ParquetWriter, read_parquets
from harness.model.records.table import Schema, Table


def write_parquet(table: Table, path: Path) -> None:
    """Write a table; the file appears whole or not at all."""
    with ParquetWriter(path, table.schema) as file:
        file.add(table)


def read_parquet(path: Path, schema: Schema) -> Table:
    """Read one file; raises MissingEvidence as `read_parquets` does."""
    return read_parquets([path], schema)[0]
