"""Whether the histories of nodes and of primaries are consistent: the watch records a line only when a state has changed.

* The first line of a node states that it exists; each later line states the opposite of the line before.
* A change of the primary begins with the member that the last change ended with; the first change begins with no member.
* Every final read of the ledger with rows has a line, and every gap without data that a watcher counted has a line.

If one of these rules is broken, a line was changed or is missing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np

from harness.judgement.receipts.watch import lines_missing
from harness.model import Evidence
from harness.model.observations import WatchClosed


def broken_chains(evidence: Evidence) -> Iterable[str]:
    """Texts about history lines that contradict the line before, and about lines that are missing by other records."""
    if n := _nodes(evidence):
        yield f"{n} of {len(evidence.nodes)} lines of nodes contradict the line before (history/pods.ndjson)"
    if n := _leaders(evidence):
        yield f"{n} of {len(evidence.leaders)} changes of the primary contradict the change before (history/pods.ndjson)"
    rounds = [read.round for read in evidence.ledger.final_reads]
    if n := len(np.setdiff1d(evidence.ledger.final.ints["round"], rounds)):
        yield f"{n} reads of the ledger have rows, and their lines are missing (history/run.ndjson)"
    yield from _blind(evidence)


def _blind(evidence: Evidence) -> Iterable[str]:
    """Texts about watchers that counted more times without data than are recorded."""
    for watcher in dict.fromkeys(closed.subject for closed in evidence.every(WatchClosed)):
        if why := lines_missing(evidence, watcher):
            yield f"{why} (history/watch.ndjson)"


def _nodes(evidence: Evidence) -> int:
    """Number of lines that do not follow; names that nodes of several clusters share are left out, as their lines are mixed."""
    first = Counter(node.name for node in evidence.nodes if node.what == "present")
    several = {name for name, clusters in first.items() if clusters > 1}
    ready: dict[str, bool] = {}
    found = 0
    for node in evidence.nodes:
        follows = node.name not in ready if node.what == "present" else ready.get(node.name) is (not node.ready)
        found += not follows and node.name not in several
        ready[node.name] = node.ready
    return found


def _leaders(evidence: Evidence) -> int:
    led: dict[str, str] = {}
    found = 0
    for change in evidence.leaders:
        found += change.before != led.get(change.subject, "") or change.before == change.after
        led[change.subject] = change.after
    return found
