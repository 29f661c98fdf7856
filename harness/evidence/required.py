"""Checks that the tables required by the plan exist, whatever the manifest lists, and that what ended in a history began in it."""

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
"""Of a kind that says that something ended, the kind that says that it began: a completed run has as many of both."""


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


def unbegun(observations: Sequence[Observation]) -> Iterable[Missing]:
    """Lines of a completed run that say that something ended whose beginning is not recorded: that line is gone."""
    for ended, begun in BEGUN_BY.items():
        ends, begins = (
            Counter((o.source, o.subject) for o in observations if o.kind in kind.KINDS) for kind in (ended, begun)
        )
        for source, subject in ends - begins:
            what = f"{ended.KINDS[0]} of {subject!r} without its {begun.KINDS[0]}"
            yield Missing(file=f"history/{source}.ndjson", why=f"contains {what}: lines are missing")
