"""Checks that the tables required by the plan exist, whatever the manifest lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.errors import MissingEvidence
from harness.model import Missing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.evidence.run_directory import RunDirectory


def unrecorded(directory: RunDirectory) -> Iterable[Missing]:
    """The planned tables that a completed run lacks."""
    try:
        planned = directory.read_plan().records
    except MissingEvidence:
        return  # whoever judges by it gets the error
    for file in planned:
        sealed = f"{file.removesuffix('.rows')}.parquet"
        if not any((directory.path / name).is_file() for name in (file, sealed)):
            yield Missing(file=sealed, why="is missing, although the plan says that the run records it")
