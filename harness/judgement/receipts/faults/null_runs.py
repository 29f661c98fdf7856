"""Null runs (A/A): time without a fault, judged by the same rule as time under a fault.

Only the difference counts against a fault. The longest outage without a fault widens the resolution of every recovery of the same operation. If it is
over a tenth of the limit, the effect of a fault cannot be measured, and the recovery is INCONCLUSIVE. A lost write needs no comparison.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from harness.judgement.once import once_a_run
from harness.judgement.receipts.faults.attempts import answered_until_ns, quiet_windows
from harness.judgement.receipts.watch import SHARE_OF_LIMIT, probes_of
from harness.judgement.recovery import BLIND_SECOND_NS, Promise, Requests, Usual, longest_gap_ns, served_in
from harness.model import Evidence, Experiment, FailedProbeShares, Plan, Receipt
from harness.units import NS_PER_S

NONE: Final = "none"
"""The fault domain of a null run."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NullRun:
    """Reads or writes without a fault.

    Attributes:
        receipt: whether they are a valid reference.
        longest_s: length of the longest outage, in s.
    """

    receipt: Receipt
    longest_s: float = 0.0


def usual_in(plan: Plan, evidence: Evidence, requests: Requests) -> Usual:
    """The usual behaviour of these probes, from the promises of the plan and from probes before the first fault and in the null run."""
    quiet = np.zeros(len(requests), dtype=np.bool_)
    for start_ns, end_ns in _quiet_spans(evidence, None):  # a null run lies within the window: each probe counts once
        quiet |= (requests.sent_ns >= start_ns) & (requests.sent_ns < end_ns)
    return Promise.of(plan).usual([requests.where(quiet)])


@once_a_run
def null_run(plan: Plan, evidence: Evidence, traffic: str | None, operation: str, *, limit_s: float = 0.0) -> NullRun:
    """Reads or writes before the first fault, and in the null run if one was made.

    Args:
        plan: plan of the run.
        evidence: evidence of the run.
        traffic: traffic of the fault-free window; None: all traffics.
        operation: `reads` or `writes`.
        limit_s: limit of the recovery in s; outages of up to a tenth of it are accepted.

    Returns:
        The null run; its receipt is unknown if the watch had a gap of a second or more.
    """
    requests = probes_of(evidence, operation)
    usual = usual_in(plan, evidence, requests)
    if not quiet_windows(evidence, traffic):
        return NullRun(receipt=Receipt(ok=False, why="no fault-free window was recorded to compare with"))
    longest_ns = 0
    for start_ns, end_ns in _quiet_spans(evidence, traffic):
        own = requests.between(start_ns, end_ns)
        if not len(own):
            return NullRun(receipt=Receipt(ok=None, why=f"no {operation} were recorded without a fault"))
        if (gap_ns := longest_gap_ns(own, start_ns, end_ns)) > BLIND_SECOND_NS:
            why = f"no probe of {operation} was recorded for {gap_ns / NS_PER_S:.3g} s without a fault"
            return NullRun(receipt=Receipt(ok=None, why=why))
        lengths = [(o.end_ns or end_ns) - o.start_ns for o in served_in(own, end_ns, usual).outages]
        longest_ns = max([longest_ns, *lengths])
    longest_s = longest_ns / NS_PER_S
    if longest_s > SHARE_OF_LIMIT * limit_s:
        why = f"{operation} already failed for {longest_s:.3g} s without a fault"
        return NullRun(receipt=Receipt(ok=False, why=why), longest_s=longest_s)
    out = f", the longest outage {longest_s:.3g} s" if longest_s else ""
    return NullRun(receipt=Receipt(ok=True, why=f"{operation} were steady without a fault{out}"), longest_s=longest_s)


def failed_probes(evidence: Evidence, attempt: Experiment, operation: str) -> FailedProbeShares:
    """Shares of failed probes without a fault and under the fault of this attempt, and their difference, the effect of the fault."""
    requests = probes_of(evidence, operation)
    quiet = [requests.between(*span) for span in _quiet_spans(evidence, None)]
    since_ns = attempt.observed_from_ns if attempt.fault.sent_ns is None else attempt.fault.sent_ns
    before, under = _share(quiet), _share([requests.between(since_ns, answered_until_ns(evidence, attempt))])
    return FailedProbeShares(
        operation=operation,
        null_run=before,
        under_fault=under,
        difference=None if before is None or under is None else under - before,
    )


def _share(recorded: list[Requests]) -> float | None:
    ok = np.concatenate([np.zeros(0, dtype=np.bool_), *(requests.ok for requests in recorded)])
    return float(np.mean(~ok)) if len(ok) else None


def _quiet_spans(evidence: Evidence, traffic: str | None) -> Iterable[tuple[int, int]]:
    """Each window before the first fault of its traffic, or of one traffic, and each null run."""
    yield from (window.span for window in quiet_windows(evidence, traffic))
    for attempts in evidence.experiments.values():
        for attempt in attempts:
            if attempt.domain == NONE and attempt.ran:
                yield attempt.observed_from_ns, attempt.observed_until_ns
