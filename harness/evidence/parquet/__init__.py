"""Writes and reads tables as Parquet, the part of the format that tables need: whole numbers, words, pages of version 1.

Any reader of Parquet reads the files. Times are stored as deltas, words as dictionaries. Writing and reading go one row group at a time,
so that a table is in memory only once. PyArrow, which reads and writes all of the format, is the tests' other side and not used here:
it takes 170 MB.

Source: the format's description, https://parquet.apache.org/docs/file-format/.
"""

from __future__ import annotations

from harness.evidence.parquet.reading import count_rows, read_parquets
from harness.evidence.parquet.writing import ParquetWriter

__all__ = ["ParquetWriter", "count_rows", "read_parquets"]
