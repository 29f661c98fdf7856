"""Checks that all tables of the plan exist, and that each recorded end has a recorded begin."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from harness.errors import MissingEvidence
from harness.model import Missing
from harness.model.observations import (
    ExperimentEnded,
    ExperimentStarted,
    WatchClosed,
    WatchStarted,
    WindowClosed,
    WindowOpened,
    WorkerEnded,
    WorkerStarted,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from harness.evidence.run_directory import RunDirectory
    from harness.model import Observation
    from harness.model.observations import Recorded

BEGUN_BY: Final[Mapping[type[Recorded], type[Recorded]]] = {
    WatchClosed: WatchStarted,
    WindowClosed: WindowOpened,
    WorkerEnded: WorkerStarted,
    ExperimentEnded: ExperimentStarted,
}
"""The kind of a begin by the kind of its end; a completed run has equal numbers of both."""


def unrecorded(directory: RunDirectory) -> Iterable[Missing]:
    """The planned tables that are missing in a completed run."""
    try:
        planned = directory.read_plan().records
    except MissingEvidence:
        return  # whoever judges by it gets the error
    for file in planned:
        sealed = f"{file.removesuffix('.rows')}.parquet"
        if not any((directory.path / name).is_file() for name in (file, sealed)):
            yield Missing(file=sealed, why="the file is missing; the plan says that the run records it")


def unbegun(observations: Sequence[Observation]) -> Iterable[Missing]:
    """The recorded ends of a completed run without a recorded begin, whose line is therefore missing."""
    for ended, begun in BEGUN_BY.items():
        ends, begins = (
            Counter((o.source, o.subject) for o in observations if o.kind in kind.KINDS) for kind in (ended, begun)
        )
        for source, subject in ends - begins:
            what = f"{ended.KINDS[0]} of {subject!r} without its {begun.KINDS[0]}"
            yield Missing(file=f"history/{source}.ndjson", why=f"the history contains {what}, so lines are missing")
