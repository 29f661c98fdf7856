"""Rows of a watch that are recorded twice: a probe that is there twice would count for two, and too few would be enough."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from harness.model import Evidence, Table, WatchSource
from harness.model.recorded import RECORDED


def without_copies(evidence: Evidence) -> Mapping[str, WatchSource]:
    """The watchers, of which those have a reason not to be trusted in whose table a row is the same as another one in every column."""
    found = dict(evidence.watchers)
    for declared in RECORDED:
        rows, source = evidence.tables.get(declared.schema.name), found.get(declared.watcher)
        if source is not None and not source.why and rows is not None and (again := rows.once(_copies)):
            why = f"{again} of {len(rows)} rows of {declared.schema.name} are recorded twice"
            found[declared.watcher] = replace(source, why=why)
    return found


def _copies(rows: Table) -> int:
    """How many rows are the same as another one, times in nanoseconds among them."""
    columns = [*(words.codes for words in rows.words.values()), *rows.ints.values()]
    order = np.lexsort(columns)
    same = np.ones(max(len(rows) - 1, 0), dtype=np.bool_)
    for column in columns:
        same &= np.diff(column[order]) == 0
    return int(same.sum())
