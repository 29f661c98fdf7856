"""Writes and reads tables as Parquet, limited to whole numbers, words, and pages of version 1.

Any Parquet reader can read the files. Times are stored as deltas and words as dictionaries. Writing and reading handle
one row group at a time, so that a table is in memory only once. PyArrow, which implements the complete format, is used
in tests only: it takes 170 MB.

Source: description of the format, https://parquet.apache.org/docs/file-format/.
"""

from __future__ import annotations

from harness.evidence.parquet.reading import count_rows, read_parquets
from harness.evidence.parquet.writing import ParquetWriter

__all__ = ["ParquetWriter", "count_rows", "read_parquets"]
