"""Which attempts at an experiment count, chosen by their receipts before any figure of them is read."""

from __future__ import annotations

from harness.judgement.receipts.fault import fault_receipt
from harness.model import Evidence, Experiment, Plan


def counted_attempt(plan: Plan, evidence: Evidence, name: str) -> Experiment | None:
    """The attempt that counts: the last whose fault and restore hold, else the last whose fault holds, else the last.

    It is chosen by its receipts, before any figure of it is read.
    """
    attempts = evidence.experiments.get(name, ())
    in_place = [a for a in attempts if fault_receipt(plan, a).ok]
    restored = [a for a in in_place if a.restore.ok]
    return next((group[-1] for group in (restored, in_place, attempts) if group), None)
