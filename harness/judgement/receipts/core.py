"""Rule 6: the proofs that watch, fault and restore really were what the plan says. PASS needs those that apply.

That of the load is in `load_receipts`.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from harness.judgement.recovery import SECOND, Looks
from harness.model import Evidence, Experiment, Hit, Plan, Receipt
from harness.model.table import Ints

GAP_NS: Final = 250_000_000
"""A longest gap between looks up to this is as planned; a longer one widens the resolution."""
SHARE_OF_LIMIT: Final = 0.1
"""Resolution of the watch and lag of the load may be up to this share of the limit."""
BLIND_SHARE: Final = 0.1
"""So much of a window may be blind: longer gaps than GAP_NS, in which it was neither up nor down."""
HITTING: Final = frozenset({"pod", "node", "zone", "database", "region"})
"""Domains whose faults must be seen to hit a pod or a node."""


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


def fault_receipt(plan: Plan, experiment: Experiment) -> Receipt:
    """Whether the fault was read from the target as in, in time, hitting something, and stayed in until it was undone.

    Of a fault that is held it must be known when it was undone: what comes back later came back on heal.
    """
    fault, planned = experiment.fault, plan.experiments.get(experiment.name)
    if not experiment.ran:
        ok, why = False, f"it was not run: {experiment.why or 'nobody said why'}"
    elif not experiment.journal:
        ok, why = None, "it left no journal"
    elif fault.sent_ns is None or fault.confirmed_ns is None:
        ok, why = None, fault.why or "nobody saw on the target that the fault was in"
    elif not fault.sent_ns <= fault.confirmed_ns <= (fault.undone_ns or fault.confirmed_ns):
        ok, why = None, "that the fault was sent, in and undone is on record in another order"
    elif not fault.hit and experiment.domain in HITTING:
        ok, why = False, "the fault hit nothing"
    elif planned is not None and planned.hold_s > 0 and fault.undone_ns is None:
        ok, why = None, "nobody knows when the fault was undone"
    else:
        after = (fault.confirmed_ns - fault.sent_ns) / SECOND
        within = planned.within_s if planned else math.inf
        held = fault.undone_ns is None or fault.gone_ns is None or fault.gone_ns >= fault.undone_ns
        ok, why = after <= within and held, f"seen on the target after {after:.3g} s: {_names(fault.hit)}"
        if after > within:
            why = f"the fault was in only after {after:.3g} s, wanted within {within:g} s"
        elif not held:
            why = "the fault was out before it was undone"
    return Receipt(ok=ok, why=f"{experiment.name}: {why}", files=experiment.files)


def _names(hit: tuple[Hit, ...]) -> str:
    return ", ".join(item.name for item in hit) or "no name was kept"


def restore_receipt(experiment: Experiment) -> Receipt:
    """Whether the target was as before afterwards."""
    restore = experiment.restore
    why = restore.why or ("as before" if restore.ok else "nobody saw that the target was as before afterwards")
    return Receipt(ok=restore.ok, why=f"{experiment.name}: {why}", files=experiment.files)


def counted_attempt(plan: Plan, evidence: Evidence, name: str) -> Experiment | None:
    """The attempt that counts: the last whose fault and restore hold, else the last whose fault holds, else the last.

    It is chosen by its receipts, before any figure of it is read.
    """
    attempts = evidence.experiments.get(name, ())
    in_place = [a for a in attempts if fault_receipt(plan, a).ok]
    restored = [a for a in in_place if a.restore.ok]
    return next((group[-1] for group in (restored, in_place, attempts) if group), None)


def looks_of(evidence: Evidence, operation: str) -> Looks:
    """The looks at `reads` (the entry's prober) or `writes` (the ledger)."""
    return Looks.reads(evidence.probes) if operation == "reads" else Looks.writes(evidence.ledger.writes)


def watcher_of(subject: str) -> str:
    """Which watcher probes the entry (which is meant where nothing is named), or a region."""
    return "entry" if subject in ("", "entry") else "regions"


WATCHERS: Final = {"reads": "entry", "writes": "ledger"}
"""Which watcher looks at which operation."""
