"""A/A: what the watchers saw without a fault is judged by the same rule and the same code as what they saw under one.

A fault is charged only with the difference. Where reads or writes were not steady by rule 8 without any fault, nobody can tell
what a fault did to them: their recovery is INCONCLUSIVE. (A lost write needs no comparison: it is a loss whenever it was lost.)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

from harness.judgement.measures import six
from harness.judgement.receipts.watch import looks_of
from harness.judgement.recovery import BLIND_SECOND_NS, SECOND, Looks, longest_gap_ns, outages
from harness.model import Evidence, Experiment, FailedLooks, Receipt

NONE: Final = "none"
"""The fault domain of a null run."""


def null_run_receipt(evidence: Evidence, traffic: str | None, operation: str) -> Receipt:
    """Whether reads or writes were steady by rule 8 without a fault: in the fault-free windows, and in the null run where there is one.

    Unknown where a second of it was not watched.
    """
    looks = looks_of(evidence, operation)
    spans = list(_windows(evidence, traffic))
    if not spans:
        return Receipt(ok=False, why="there is no fault-free window to compare with")
    for start_ns, end_ns in (*spans, *_null_runs(evidence)):
        seen = looks.between(start_ns, end_ns)
        if not len(seen):
            return Receipt(ok=None, why=f"no {operation} were watched without a fault")
        if (gap_ns := longest_gap_ns(seen, start_ns, end_ns)) > BLIND_SECOND_NS:
            why = f"without a fault nobody looked at {operation} for {gap_ns / SECOND:.3g} s"
            return Receipt(ok=None, why=why)
        if found := outages(seen, end_ns):
            return Receipt(ok=False, why=f"without any fault {operation} were already out {len(found)} times")
    return Receipt(ok=True, why=f"{operation} were steady without a fault")


def failed_looks(evidence: Evidence, attempt: Experiment, operation: str) -> FailedLooks:
    """The share of looks that failed without a fault and under this one, and the difference, which alone is the fault's."""
    looks = looks_of(evidence, operation)
    quiet = [looks.between(*span) for span in (*_windows(evidence, None), *_null_runs(evidence))]
    since_ns = attempt.observed_from_ns if attempt.fault.sent_ns is None else attempt.fault.sent_ns
    before, under = _share(quiet), _share([looks.between(since_ns, attempt.observed_until_ns)])
    return FailedLooks(
        operation=operation,
        null_run=six(before),
        under_fault=six(under),
        difference=None if before is None or under is None else six(under - before),
    )


def _share(seen: list[Looks]) -> float | None:
    ok = np.concatenate([np.zeros(0, dtype=np.bool_), *(looks.ok for looks in seen)])
    return float(np.mean(~ok)) if len(ok) else None


def _windows(evidence: Evidence, traffic: str | None) -> Iterable[tuple[int, int]]:
    for window in evidence.fault_free(traffic):
        yield window.span


def _null_runs(evidence: Evidence) -> Iterable[tuple[int, int]]:
    for attempts in evidence.experiments.values():
        for attempt in attempts:
            if attempt.domain == NONE and attempt.ran:
                yield attempt.observed_from_ns, attempt.observed_until_ns
