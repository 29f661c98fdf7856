"""Whether the rows of a watch are those that it made: each there once, and as many as it counted when it ended.

A probe that is there twice would count for two, and too few would be enough; one that lacks may have failed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from harness.model import PROBES, Evidence, Table, WatchSource
from harness.model.evidence import ENTRY
from harness.model.observations import WatchClosed, every
from harness.model.recorded import RECORDED, SERVICE


def trusted(evidence: Evidence) -> Mapping[str, WatchSource]:
    """The watchers; one whose rows are not those that it made has a reason not to be trusted."""
    whys = miscounted(evidence)
    return {name: replace(source, why=source.why or whys.get(name, "")) for name, source in evidence.watchers.items()}


def miscounted(evidence: Evidence) -> Mapping[str, str]:
    """Of each watcher whose rows are not those that it made: how many it made, and how many are there."""
    found: dict[str, str] = {}
    counts = {closed.subject: closed.probes for closed in every(WatchClosed, evidence.observations)}
    for declared in RECORDED:
        rows, made = evidence.tables.get(declared.schema.name), counts.get(declared.watcher, 0)
        if rows is None or declared.watcher not in evidence.watchers or declared.watcher in found:
            continue
        if again := rows.once(_copies):
            found[declared.watcher] = f"{again} of {len(rows)} rows of {declared.schema.name} are recorded twice"
        elif declared.counted and made and (n := rows_of(declared.watcher, rows)) != made:
            found[declared.watcher] = f"it made {made} probes, and {n} are recorded"
    return found


def rows_of(watcher: str, rows: Table) -> int:
    """How many rows of a table a watcher has written: several watchers share that of probes."""
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
