"""Whether the rows of a watcher are complete: every row is unique, and their number is the number of probes that the watcher counted.

A duplicate row would count as a second probe, and a missing probe may have failed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from harness.model import PROBES, Evidence, Table, WatchSource
from harness.model.observations import WatchClosed
from harness.model.records.evidence import ENTRY
from harness.model.records.recorded import RECORDED, SERVICE


def trusted(evidence: Evidence) -> Mapping[str, WatchSource]:
    """The watchers of the run; a watcher with incomplete rows gets a reason (`why`) against its use."""
    whys = miscounted(evidence)
    return {name: replace(source, why=source.why or whys.get(name, "")) for name, source in evidence.watchers.items()}


def miscounted(evidence: Evidence) -> Mapping[str, str]:
    """Texts with sent and recorded probes, by name of each watcher whose rows are not complete."""
    found: dict[str, str] = {}
    counts = {closed.subject: closed.probes for closed in evidence.every(WatchClosed)}
    for declared in RECORDED:
        rows, made = evidence.tables.get(declared.schema.name), counts.get(declared.watcher, 0)
        if rows is None or declared.watcher not in evidence.watchers or declared.watcher in found:
            continue
        if again := rows.once(_copies):
            found[declared.watcher] = f"{again} of {len(rows)} rows of {declared.schema.name} are recorded twice"
        elif declared.counted and made and (n := rows_of(declared.watcher, rows)) != made:
            found[declared.watcher] = f"{n} probes were recorded, expected the {made} that it counted"
    return found


def rows_of(watcher: str, rows: Table) -> int:
    """Number of rows that a watcher wrote into a table; several watchers share the table of probes."""
    if rows.schema != PROBES:
        return len(rows)
    services = rows.words["kind"].equals(SERVICE)
    entry = rows.words["subject"].equals(ENTRY) & ~services
    own = {"entry": entry, "services": services}.get(watcher, ~entry & ~services)
    return int(np.count_nonzero(own))


def _copies(rows: Table) -> int:
    """How many rows are the same as another one, times in nanoseconds among them."""
    columns = [*(words.codes for words in rows.words.values()), *rows.ints.values()]
    order = np.lexsort(columns)
    same = np.ones(max(len(rows) - 1, 0), dtype=np.bool_)
    for column in columns:
        same &= np.diff(column[order]) == 0
    return int(same.sum())
