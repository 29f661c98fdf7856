"""What each watcher saw of the run: first and last look, longest gap, blind time. Made from the rows, not from what a watcher says of itself.

The alerts' watcher is the exception: it keeps what changed and no row a look, so its receipt is all there is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np

from harness.judgement.measures import six
from harness.judgement.receipts.watch import GAP_NS
from harness.judgement.recovery import SECOND
from harness.model import Evidence, Observation, WatcherResult, WatchSource
from harness.model.table import Ints

SPACINGS: Final = 1.5
"""A gap of so many planned spacings has lost a look."""
_UNSCHEDULED: Final = "pods"
"""Looks when something happens, and not by a schedule: its gaps say nothing."""
_BY_RECEIPT: Final = "alerts"


def watcher_results(evidence: Evidence) -> Iterable[WatcherResult]:
    """One of each watcher on record; of those that look at several things, one a thing."""
    for name, source in evidence.watchers.items():
        if name == _BY_RECEIPT:
            yield _told(source, [o for o in evidence.observations if o.subject == name])
            continue
        seen = _looks(evidence, name)
        for subject, due_ns in sorted(seen.items()) or [("", np.empty(0, dtype=np.int64))]:
            yield _result(source, f"{name} {subject}".rstrip(), np.sort(due_ns))


def _looks(evidence: Evidence, name: str) -> dict[str, Ints]:
    """When the looks of a watcher were due, by what it looked at."""
    match name:
        case "entry":
            reads = evidence.probes.where(evidence.probes.words["kind"].equals("read"))
            own = reads.where(reads.words["subject"].equals("entry"))
            return {"": own.ints["due_ns"]}
        case "regions":
            subjects = evidence.probes.words["subject"]
            regions = [subject for subject in subjects.present if subject != "entry"]
            return {region: evidence.probes.ints["due_ns"][subjects.equals(region)] for region in regions}
        case "replicas":
            members = evidence.replicas.words["member"]
            return {member: evidence.replicas.ints["at_ns"][members.equals(member)] for member in members.present}
        case "ledger":
            return {"": evidence.ledger.writes.ints["intended_ns"]}
        case "pipeline":
            return {"": evidence.pipeline.ints["sent_ns"]}
        case _:
            return {"": np.array([change.at_ns for change in evidence.pods if name == _UNSCHEDULED], dtype=np.int64)}


def _result(source: WatchSource, name: str, due_ns: Ints) -> WatcherResult:
    gaps = np.diff(due_ns) if source.name != _UNSCHEDULED else due_ns[:0]
    blind = gaps[gaps > max(GAP_NS, SPACINGS * source.spacing_ms * 1e6)]
    return WatcherResult(
        name=name,
        spacing_ms=source.spacing_ms,
        n=len(due_ns),
        first_ns=int(due_ns[0]) if len(due_ns) else None,
        last_ns=int(due_ns[-1]) if len(due_ns) else None,
        longest_gap_ms=six(float(gaps.max()) / 1e6) if len(gaps) else None,
        blind_s=six(float(blind.sum()) / SECOND) or 0.0,
        closed=source.closed,
        why=_trouble(source, len(due_ns)),
    )


def _told(source: WatchSource, observations: Iterable[Observation]) -> WatcherResult:
    """What the watcher says of itself: its receipt, and when it was blind."""
    receipt: Mapping[str, Any] = {}
    stretches: list[tuple[int, int]] = []
    for o in observations:
        if o.kind == "watch.closed":
            receipt = o.fields
        elif o.kind == "watch.blind":
            stretches.append((int(o.fields["from_ns"]), int(o.fields["until_ns"])))
    n = int(receipt.get("looks", 0))
    return WatcherResult(
        name=source.name,
        spacing_ms=source.spacing_ms,
        n=n,
        first_ns=int(receipt["first_ns"]) if n else None,
        last_ns=int(receipt["last_ns"]) if n else None,
        longest_gap_ms=six(float(receipt["longest_gap_ms"])) if n > 1 else None,
        blind_s=six(_covered(stretches) / SECOND) or 0.0,
        closed=source.closed,
        why=_trouble(source, n),
    )


def _covered(stretches: Iterable[tuple[int, int]]) -> int:
    """How much time lies in any of them: a process that was late may have found nobody answering, too."""
    total = reached = 0
    for from_ns, until_ns in sorted(stretches):
        total += max(until_ns - max(from_ns, reached), 0)
        reached = max(reached, until_ns)
    return total


def _trouble(source: WatchSource, looks: int) -> str:
    never = "" if looks or source.name == _UNSCHEDULED else "it never looked"
    return source.why or ("" if source.closed else "its file has no end") or never
