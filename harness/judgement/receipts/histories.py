"""Whether the histories of nodes and of primaries are chains: the watch records a line where something changed, and nothing else.

A node is there first, and each later line of it says the opposite of the one before. A change of the primary begins with the member that the last
one ended with, and the first with none. A line that breaks its chain was not recorded so, or another one is missing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from harness.model import Evidence


def broken_chains(evidence: Evidence) -> Iterable[str]:
    """How many lines do not follow from the one before: of nodes, and of primaries."""
    if n := _nodes(evidence):
        yield f"{n} of {len(evidence.nodes)} lines of nodes do not follow from the line before (history/pods.ndjson)"
    if n := _leaders(evidence):
        yield f"{n} of {len(evidence.leaders)} changes of the primary do not follow from the one before (history/pods.ndjson)"


def _nodes(evidence: Evidence) -> int:
    """A name that nodes of several clusters have is left out: its lines are mixed."""
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
