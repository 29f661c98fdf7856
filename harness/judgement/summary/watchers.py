"""Watcher results: first and last probe, longest gap, time without probes.

The results of a watcher with an own table are computed from its rows, not from its receipt. The receipt is used for a watcher with neither table nor
stream, such as the watcher of alerts, which records changes only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from harness.judgement.receipts.watch import UNCLOSED
from harness.judgement.recovery.requests import GAP_NS
from harness.model import Evidence, Observation, Table, WatcherResult, WatchSource
from harness.model.observations import WatchBlind, WatchClosed, every
from harness.model.records.recorded import RecordedTable, scheduled
from harness.model.records.table import Ints
from harness.units import NS_PER_S

SPACINGS: Final = 1.5
"""A gap of this many planned spacings means a missed probe."""


def watcher_results(evidence: Evidence) -> Iterable[WatcherResult]:
    """One result for each recorded watcher; for a watcher with several subjects, one result for each subject."""
    for name, source in evidence.watchers.items():
        if declared := scheduled(name):
            subjects = _due(declared, evidence.tables[declared.schema.name])
            for subject, due_ns in sorted(subjects.items()) or [("", np.empty(0, dtype=np.int64))]:
                yield _by_rows(source, f"{name} {subject}".rstrip(), np.sort(due_ns))
        elif name in evidence.streams:
            yield _by_changes(source, sorted(evidence.streams[name]))
        else:
            yield _by_receipt(source, [o for o in evidence.observations if o.subject == name])


def _due(declared: RecordedTable, rows: Table) -> dict[str, Ints]:
    """When the probes of a watcher were due, by subject, from the table that it shares with others."""
    for column, word in declared.only.items():
        rows = rows.where(rows.words[column].equals(word))
    for column, word in declared.never.items():
        rows = rows.where(~rows.words[column].equals(word))
    if not declared.of:
        return {"": rows.ints[declared.due]}
    return {subject: own.ints[declared.due] for subject, own in rows.apart(declared.of).items()}


def _by_rows(source: WatchSource, name: str, due_ns: Ints) -> WatcherResult:
    gaps = np.diff(due_ns)
    blind = gaps[gaps > max(GAP_NS, SPACINGS * source.spacing_ms * 1e6)]
    return WatcherResult(
        name=name,
        spacing_ms=source.spacing_ms,
        n=len(due_ns),
        first_ns=int(due_ns[0]) if len(due_ns) else None,
        last_ns=int(due_ns[-1]) if len(due_ns) else None,
        longest_gap_ms=float(gaps.max()) / 1e6 if len(gaps) else None,
        blind_s=float(blind.sum()) / NS_PER_S,
        closed=source.closed,
        why=_trouble(source) or _never(len(due_ns)),
    )


def _by_changes(source: WatchSource, at_ns: list[int]) -> WatcherResult:
    return WatcherResult(
        name=source.name,
        spacing_ms=source.spacing_ms,
        n=len(at_ns),
        first_ns=at_ns[0] if at_ns else None,
        last_ns=at_ns[-1] if at_ns else None,
        closed=source.closed,
        why=_trouble(source),
    )


def _by_receipt(source: WatchSource, observations: Sequence[Observation]) -> WatcherResult:
    """The result from the watcher's own receipt and the times in which it reported that it made no probe."""
    closed = [WatchClosed(subject=source.name), *every(WatchClosed, observations)][-1]
    blind = [(stretch.from_ns, stretch.until_ns) for stretch in every(WatchBlind, observations)]
    n = closed.probes
    return WatcherResult(
        name=source.name,
        spacing_ms=source.spacing_ms,
        n=n,
        first_ns=closed.first_ns if n else None,
        last_ns=closed.last_ns if n else None,
        longest_gap_ms=closed.longest_gap_ms if n > 1 else None,
        blind_s=_covered(blind) / NS_PER_S,
        closed=source.closed,
        why=_trouble(source) or _never(n),
    )


def _covered(stretches: Iterable[tuple[int, int]]) -> int:
    """Time that the spans cover together, in ns; spans may overlap, as a process that is late may also be without answers."""
    total = reached = 0
    for from_ns, until_ns in sorted(stretches):
        total += max(until_ns - max(from_ns, reached), 0)
        reached = max(reached, until_ns)
    return total


def _trouble(source: WatchSource) -> str:
    return source.why or ("" if source.closed else UNCLOSED)


def _never(probes: int) -> str:
    return "" if probes else "the watcher sent no probe"
