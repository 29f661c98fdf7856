"""The watch receipt: one watcher covered a span without gaps; which watcher covers what."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Final

import numpy as np

from harness.judgement.recovery import Requests
from harness.model import Evidence, Receipt
from harness.model.observations import WatchBlind, every
from harness.model.table import Ints
from harness.units import NS_PER_S

GAP_NS: Final = 250_000_000
"""Gaps between probes up to this are as planned; a longer one widens the resolution."""
SHARE_OF_LIMIT: Final = 0.1
"""Resolution of the watch and lag of the load may be up to this share of the limit."""
UNCLOSED: Final = "its file is incomplete: the writer did not close it"
"""What is wrong with a source that did not end in order, where nothing else was recorded."""
Span = tuple[int, int]
"""Start and end, half open, in nanoseconds."""
LEAST_S: Final = 5.0
"""A window between two faults may be shorter than a watcher's spacing: from this length on every subject of it must be covered."""
BLIND_SHARE: Final = 0.1
"""Allowed share of blind time in a window: gaps longer than GAP_NS, neither up nor down."""


def watch_receipt(
    evidence: Evidence, watcher: str, sent_ns: Ints, span: tuple[int, int], *, limit_s: float = math.inf
) -> Receipt:
    """Whether one watcher covered a span: closed, with probes unless it is shorter than 250 ms, no gap over 250 ms and limit / 10."""
    source = evidence.watchers.get(watcher)
    if source is None:
        return Receipt(ok=False, why=f"the watcher {watcher!r} left no record")
    if source.why or not source.closed:
        return Receipt(ok=False, why=f"the watcher {watcher!r}: {source.why or UNCLOSED}")
    gaps = gaps_ns(sent_ns, span)
    if len(gaps) < 2 and span[1] - span[0] > GAP_NS:  # a shorter one may lie between two probes
        return Receipt(ok=False, why=f"the watcher {watcher!r} sent no probe in that time")
    gap = int(gaps.max())
    if gap > max(GAP_NS, SHARE_OF_LIMIT * limit_s * NS_PER_S):
        return Receipt(
            ok=False, why=f"the watcher {watcher!r} was blind for {gap / NS_PER_S:.3g} s, over a tenth of the limit"
        )
    widened = ", more than 250 ms, so the resolution is wider" if gap > GAP_NS else ""
    return Receipt(ok=True, why=f"{len(gaps) - 1} probes, longest gap {gap / 1e6:.4g} ms{widened}")


def pods_receipt(evidence: Evidence, *spans: Span, limit_s: float = 0.0) -> Receipt:
    """Whether the changes of pods were followed, without a gap over 250 ms and limit / 10; see `followed`."""
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
    """Whether changes were followed until the run ended, and in these stretches without a longer gap.

    A change in a gap is known only from the list that is read after it: late, or not at all where it was undone by then.

    Args:
        evidence: of the run.
        watcher: by name.
        spans: the stretches.
        longest_ns: a gap up to this one is as planned.
        hides: whether there could have been something in a gap that is not seen afterwards.
        files: of the watcher.
    """
    source = evidence.watchers.get(watcher)
    if source is None:
        return Receipt(ok=False, why=f"the watcher {watcher!r} left no record", files=files)
    if source.why or not source.closed:
        return Receipt(ok=False, why=f"the watcher {watcher!r}: {source.why or 'it did not complete'}", files=files)
    if blind_s := _blind_s(evidence, watcher, spans, longest_ns, hides):
        return Receipt(ok=False, why=f"the watcher {watcher!r} was blind for {blind_s:.3g} s", files=files)
    return Receipt(ok=True, why=f"the watcher {watcher!r}: it watched until the run ended", files=files)


def blind_spells(evidence: Evidence, watcher: str) -> Iterator[Span]:
    """When a watcher was blind; that of pods follows nodes as well, whose gaps are left out."""
    for blind in every(WatchBlind, evidence.observations):
        if blind.subject == watcher and not blind.of_.endswith("/nodes"):
            yield blind.from_ns, blind.until_ns


def _blind_s(
    evidence: Evidence, watcher: str, spans: Iterable[Span], longest_ns: int, hides: Callable[[Span], bool]
) -> float:
    """The first time in these stretches, in seconds, for which a watcher was blind for longer than allowed; 0: never."""
    stretches = list(spans)
    for from_ns, until_ns in blind_spells(evidence, watcher):
        within = any(from_ns < end_ns and until_ns > start_ns for start_ns, end_ns in stretches)
        if within and until_ns - from_ns > longest_ns and hides((from_ns, until_ns)):
            return (until_ns - from_ns) / NS_PER_S
    return 0.0


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
