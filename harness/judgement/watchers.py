"""What each watcher saw of the run: first and last look, longest gap, blind time. Made from the rows, not from what a watcher says of itself."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from harness.judgement.measures import six
from harness.judgement.receipts import GAP_NS
from harness.judgement.recovery import SECOND
from harness.model import Evidence, WatcherResult, WatchSource
from harness.model.table import Ints

SPACINGS = 1.5
"""A gap of so many planned spacings has lost a look."""
_UNSCHEDULED = "pods"
"""Looks when something happens, and not by a schedule: its gaps say nothing."""


def watcher_results(evidence: Evidence) -> Iterable[WatcherResult]:
    """One of each watcher on record; of those that look at several things, one a thing."""
    for name, source in evidence.watchers.items():
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
    trouble = source.why or ("" if source.closed else "its file has no end")
    if not len(due_ns) and source.name != _UNSCHEDULED:
        trouble = trouble or "it never looked"
    return WatcherResult(
        name=name,
        spacing_ms=source.spacing_ms,
        n=len(due_ns),
        first_ns=int(due_ns[0]) if len(due_ns) else None,
        last_ns=int(due_ns[-1]) if len(due_ns) else None,
        longest_gap_ms=six(float(gaps.max()) / 1e6) if len(gaps) else None,
        blind_s=six(float(blind.sum()) / SECOND) or 0.0,
        closed=source.closed,
        why=trouble,
    )
