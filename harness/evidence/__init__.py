"""Recorded evidence of a run on disk.

A run has one directory with one history file per source, row files that are converted to Parquet, and the hashes of all
files.
"""

from __future__ import annotations

from harness.evidence.histories.history import History, read_history, run_history
from harness.evidence.rows import RowsRead, RowTail, RowWriter, read_rows
from harness.evidence.run_directory import RunDirectory

__all__ = [
    "History",
    "RowTail",
    "RowWriter",
    "RowsRead",
    "RunDirectory",
    "read_history",
    "read_rows",
    "run_history",
]
