"""Evidence of a run on disk.

A run has one directory with a history file for each source, row files that are converted to Parquet, and hashes of all files.
"""

from __future__ import annotations

from harness.evidence.baseline import keep_baseline
from harness.evidence.history import History, read_history, run_history
from harness.evidence.reading import load_evidence
from harness.evidence.rows import RowsRead, RowTail, RowWriter, read_rows
from harness.evidence.run_directory import RunDirectory
from harness.evidence.seal import seal

__all__ = [
    "History",
    "RowTail",
    "RowWriter",
    "RowsRead",
    "RunDirectory",
    "keep_baseline",
    "load_evidence",
    "read_history",
    "read_rows",
    "run_history",
    "seal",
]
