"""The watch receipt: whether a watcher covered a span without gaps."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Final

import numpy as np

from harness.judgement.recovery import Requests
from harness.judgement.recovery.requests import GAP_NS
from harness.model import Evidence, Receipt, Table
from harness.model.observations import WatchBlind, WatchClosed
from harness.model.records.recorded import OF_CACHES
from harness.model.records.table import CACHE, Ints
from harness.units import NS_PER_S

SHARE_OF_LIMIT: Final = 0.1
"""Resolution of the watch and lag of the load may be up to this share of the limit."""
UNCLOSED: Final = "its file is incomplete: the writer did not close it"
"""The reason for a source that did not end normally, if no other reason was recorded."""
Span = tuple[int, int]
"""Start and end, half open, in nanoseconds."""
LEAST_S: Final = 5.0
"""Windows of at least this length, in s, must be covered for every subject; a shorter window may be shorter than a watcher's spacing."""
BLIND_SHARE: Final = 0.1
"""Allowed share of time without probes in a window: gaps longer than GAP_NS, which count neither as up nor as down."""


def watch_receipt(
    evidence: Evidence, watcher: str, sent_ns: Ints, span: tuple[int, int], *, limit_s: float = math.inf
) -> Receipt:
    """Whether one watcher covered a span.

    It must have closed its file, sent a probe (if the span is 250 ms or longer), and have no gap over 250 ms and over a tenth of the limit.
    """
    source = evidence.watchers.get(watcher)
    if source is None:
        return Receipt(ok=False, why=f"the watcher {watcher!r} wrote no record")
    if source.why or not source.closed:
        return Receipt(ok=False, why=f"the watcher {watcher!r}: {source.why or UNCLOSED}")
    gaps = gaps_ns(sent_ns, span)
    if len(gaps) < 2 and span[1] - span[0] > GAP_NS:  # a shorter one may lie between two probes
        return Receipt(ok=False, why=f"the watcher {watcher!r} sent no probe in that time")
    gap = int(gaps.max())
    if gap > max(GAP_NS, SHARE_OF_LIMIT * limit_s * NS_PER_S):
        return Receipt(
            ok=False,
            why=f"the watcher {watcher!r} sent no probe for {gap / NS_PER_S:.3g} s, more than a tenth of the limit",
        )
    widened = ", more than 250 ms, so the resolution is wider" if gap > GAP_NS else ""
    return Receipt(ok=True, why=f"{len(gaps) - 1} probes, longest gap {gap / 1e6:.4g} ms{widened}")


def pods_receipt(evidence: Evidence, *spans: Span, limit_s: float = 0.0) -> Receipt:
    """Whether the changes of pods were followed without a gap over 250 ms and over a tenth of the limit; see `followed`."""
    return followed(evidence, "pods", spans, longest_ns=max(GAP_NS, round(SHARE_OF_LIMIT * limit_s * NS_PER_S)))


def followed(
    evidence: Evidence,
    watcher: str,
    spans: Iterable[Span],
    *,
    longest_ns: int = GAP_NS,
    hides: Callable[[Span], bool] = lambda _: True,
    files: tuple[str, ...] = (),
) -> Receipt:
    """Whether a watcher followed changes until the run ended, and in these spans without a gap that is too long.

    A change in a gap is known only from the list read after the gap: late, or not at all if it was reversed by then.

    Args:
        evidence: evidence of the run.
        watcher: name of the watcher.
        spans: start and end of each span, in ns.
        longest_ns: maximum length of an allowed gap, in ns.
        hides: returns whether a gap may hide a change that cannot be seen afterwards.
        files: evidence files of the watcher.
    """
    source = evidence.watchers.get(watcher)
    if source is None:
        return Receipt(ok=False, why=f"the watcher {watcher!r} wrote no record", files=files)
    if source.why or not source.closed:
        return Receipt(ok=False, why=f"the watcher {watcher!r}: {source.why or 'it did not complete'}", files=files)
    if why := lines_missing(evidence, watcher):
        return Receipt(ok=False, why=why, files=files)
    if blind_s := _blind_s(evidence, watcher, spans, longest_ns, hides):
        return Receipt(ok=False, why=f"the watcher {watcher!r} received no data for {blind_s:.3g} s", files=files)
    return Receipt(ok=True, why=f"the watcher {watcher!r} watched until the run ended", files=files)


def lines_missing(evidence: Evidence, watcher: str) -> str:
    """A text that a watcher counted more gaps than were recorded; empty if it did not."""
    counted = max((closed.blind for closed in evidence.every(WatchClosed) if closed.subject == watcher), default=0)
    recorded = sum(blind.subject == watcher for blind in evidence.every(WatchBlind))
    return (
        f"the watcher {watcher!r} counted {counted} gaps without data, and {recorded} of them were recorded"
        if counted > recorded
        else ""
    )


def blind_spells(evidence: Evidence, watcher: str) -> Iterator[Span]:
    """The gaps in which a watcher received no data; gaps of nodes, which the watcher of pods also follows, are left out."""
    for blind in evidence.every(WatchBlind):
        if blind.subject == watcher and not blind.of_.endswith("/nodes"):
            yield blind.from_ns, blind.until_ns


def earliest_s(evidence: Evidence, at_ns: int, sent_ns: int) -> float | None:
    """Earliest possible time of a pod change that was read at `at_ns`, in s from the fault; None: the change was pushed at `at_ns`.

    A change that is read from the list after a gap of the watch may be as old as the gap.
    """
    gaps = (start_ns for start_ns, end_ns in blind_spells(evidence, "pods") if start_ns < at_ns <= end_ns)
    since_ns = min(gaps, default=None)
    return None if since_ns is None else max(since_ns - sent_ns, 0) / NS_PER_S


def _blind_s(
    evidence: Evidence, watcher: str, spans: Iterable[Span], longest_ns: int, hides: Callable[[Span], bool]
) -> float:
    """Length of the first gap in these spans for which a watcher received no data for longer than allowed, in s; 0: there is none."""
    stretches = list(spans)
    for from_ns, until_ns in blind_spells(evidence, watcher):
        within = any(from_ns < end_ns and until_ns > start_ns for start_ns, end_ns in stretches)
        if within and until_ns - from_ns > longest_ns and hides((from_ns, until_ns)):
            return (until_ns - from_ns) / NS_PER_S
    return 0.0


def gaps_ns(sent_ns: Ints, span: tuple[int, int]) -> Ints:
    """Times between probes in [start, end) in ns, edges included: one more than the number of probes."""
    start_ns, end_ns = span
    inside = np.sort(sent_ns[(sent_ns >= start_ns) & (sent_ns < end_ns)])
    return np.diff(np.concatenate([[start_ns], inside, [end_ns]]))


def blind_share(sent_ns: Ints, span: tuple[int, int]) -> float:
    """Share of the time in gaps of more than 250 ms between probes, which counts neither as up nor as down."""
    gaps = gaps_ns(sent_ns, span)
    return float(gaps[gaps > GAP_NS].sum() / max(span[1] - span[0], 1))


def probes_of(evidence: Evidence, operation: str) -> Requests:
    """The probes of an operation: of `reads` by the entry's prober, of `writes` by the ledger, of caches by their watcher."""
    if operation in OF_CACHES:
        return Requests.of_caches(evidence.recorded.get(CACHE.name) or Table.empty(CACHE), OF_CACHES[operation])
    return Requests.reads(evidence.probes) if operation == "reads" else Requests.writes(evidence.ledger.writes)


def watcher_of(subject: str) -> str:
    """The watcher that probes a region; without a region the watcher of the entry."""
    return "entry" if subject in ("", "entry") else "regions"


def watcher_for(operation: str) -> str:
    """The watcher of an operation."""
    return "cache" if operation in OF_CACHES else WATCHERS[operation]


WATCHERS: Final = {"reads": "entry", "writes": "ledger"}
"""The watcher of each operation at the entry."""
