"""The watch receipt: one watcher covered a span without gaps; which watcher covers what."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from harness.judgement.recovery import SECOND, Requests
from harness.model import Evidence, Receipt
from harness.model.table import Ints

GAP_NS: Final = 250_000_000
"""Gaps between probes up to this are as planned; a longer one widens the resolution."""
SHARE_OF_LIMIT: Final = 0.1
"""Resolution of the watch and lag of the load may be up to this share of the limit."""
BLIND_SHARE: Final = 0.1
"""Allowed share of blind time in a window: gaps longer than GAP_NS, neither up nor down."""


def watch_receipt(
    evidence: Evidence, watcher: str, sent_ns: Ints, span: tuple[int, int], *, limit_s: float = math.inf
) -> Receipt:
    """Whether one watcher covered a span: closed, with probes, no gap over 250 ms and limit / 10."""
    source = evidence.watchers.get(watcher)
    if source is None:
        return Receipt(ok=False, why=f"the watcher {watcher!r} left no record")
    if source.why or not source.closed:
        return Receipt(ok=False, why=f"the watcher {watcher!r}: {source.why or 'its file has no end'}")
    gaps = gaps_ns(sent_ns, span)
    if len(gaps) < 2:
        return Receipt(ok=False, why=f"the watcher {watcher!r} sent no probe in that time")
    gap = int(gaps.max())
    if gap > max(GAP_NS, SHARE_OF_LIMIT * limit_s * SECOND):
        return Receipt(
            ok=False, why=f"the watcher {watcher!r} was blind for {gap / SECOND:.3g} s, over a tenth of the limit"
        )
    widened = ", more than 250 ms, so the resolution is wider" if gap > GAP_NS else ""
    return Receipt(ok=True, why=f"{len(gaps) - 1} probes, longest gap {gap / 1e6:.4g} ms{widened}")


def pods_receipt(evidence: Evidence) -> Receipt:
    """Whether the changes of pods were followed until the run ended."""
    source = evidence.watchers.get("pods")
    if source is None:
        return Receipt(ok=False, why="the watcher 'pods' left no record")
    why = source.why or ("it watched until the run ended" if source.closed else "it did not complete")
    return Receipt(ok=source.closed and not source.why, why=f"the watcher 'pods': {why}")


def gaps_ns(sent_ns: Ints, span: tuple[int, int]) -> Ints:
    """Times between probes in [start, end) in ns, edges included: one more than there are probes."""
    start_ns, end_ns = span
    inside = np.sort(sent_ns[(sent_ns >= start_ns) & (sent_ns < end_ns)])
    return np.diff(np.concatenate([[start_ns], inside, [end_ns]]))


def blind_share(sent_ns: Ints, span: tuple[int, int]) -> float:
    """Share of blind time: gaps of more than 250 ms between probes, neither up nor down."""
    gaps = gaps_ns(sent_ns, span)
    return float(gaps[gaps > GAP_NS].sum() / max(span[1] - span[0], 1))


def probes_of(evidence: Evidence, operation: str) -> Requests:
    """The probes of `reads` (the entry's prober) or `writes` (the ledger)."""
    return Requests.reads(evidence.probes) if operation == "reads" else Requests.writes(evidence.ledger.writes)


def watcher_of(subject: str) -> str:
    """The watcher that probes a region, or the entry if nothing is named."""
    return "entry" if subject in ("", "entry") else "regions"


WATCHERS: Final = {"reads": "entry", "writes": "ledger"}
"""The watcher of each operation."""
