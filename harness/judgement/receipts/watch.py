"""The watch receipt: one watcher covered a span without gaps; and which watcher covers what."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from harness.judgement.recovery import SECOND, Requests
from harness.model import Evidence, Receipt
from harness.model.table import Ints

GAP_NS: Final = 250_000_000
"""A longest gap between looks up to this is as planned; a longer one widens the resolution."""
SHARE_OF_LIMIT: Final = 0.1
"""Resolution of the watch and lag of the load may be up to this share of the limit."""
BLIND_SHARE: Final = 0.1
"""So much of a window may be blind: longer gaps than GAP_NS, in which it was neither up nor down."""


def watch_receipt(
    evidence: Evidence, watcher: str, sent_ns: Ints, span: tuple[int, int], *, limit_s: float = math.inf
) -> Receipt:
    """Whether one watcher watched all of a span: closed in order, with looks, no gap over 250 ms and a tenth of the limit."""
    source = evidence.watchers.get(watcher)
    if source is None:
        return Receipt(ok=False, why=f"the watcher {watcher!r} left no record")
    if source.why or not source.closed:
        return Receipt(ok=False, why=f"the watcher {watcher!r}: {source.why or 'its file has no end'}")
    gaps = gaps_ns(sent_ns, span)
    if len(gaps) < 2:
        return Receipt(ok=False, why=f"the watcher {watcher!r} did not look in that time")
    gap = int(gaps.max())
    if gap > max(GAP_NS, SHARE_OF_LIMIT * limit_s * SECOND):
        return Receipt(
            ok=False, why=f"the watcher {watcher!r} was blind for {gap / SECOND:.3g} s, over a tenth of the limit"
        )
    widened = ", more than 250 ms, so the resolution is wider" if gap > GAP_NS else ""
    return Receipt(ok=True, why=f"{len(gaps) - 1} looks, longest gap {gap / 1e6:.4g} ms{widened}")


def gaps_ns(sent_ns: Ints, span: tuple[int, int]) -> Ints:
    """The times between looks in [start, end), its edges included: one more than there were looks."""
    start_ns, end_ns = span
    inside = np.sort(sent_ns[(sent_ns >= start_ns) & (sent_ns < end_ns)])
    return np.diff(np.concatenate([[start_ns], inside, [end_ns]]))


def blind_share(sent_ns: Ints, span: tuple[int, int]) -> float:
    """Share of the time in which nobody looked for longer than 250 ms: neither up nor down."""
    gaps = gaps_ns(sent_ns, span)
    return float(gaps[gaps > GAP_NS].sum() / max(span[1] - span[0], 1))


def looks_of(evidence: Evidence, operation: str) -> Requests:
    """The looks at `reads` (the entry's prober) or `writes` (the ledger)."""
    return Requests.reads(evidence.probes) if operation == "reads" else Requests.writes(evidence.ledger.writes)


def watcher_of(subject: str) -> str:
    """Which watcher probes the entry (which is meant where nothing is named), or a region."""
    return "entry" if subject in ("", "entry") else "regions"


WATCHERS: Final = {"reads": "entry", "writes": "ledger"}
"""Which watcher looks at which operation."""
