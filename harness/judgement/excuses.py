"""What excuses a lost write: a recovery point that the sentence grants, before a disaster that alone can have taken it (rule 9)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

from harness.judgement.account import DATABASE, Account, Writes, account_of, found_by
from harness.judgement.recovery import SECOND
from harness.model import Evidence, Experiment, Figure, FinalRead, Objective, Plan, domain_of
from harness.model.table import Bools

QUORUM: Final = "quorum"
"""A target that declares this durability is excused none."""


def account_in(plan: Plan, evidence: Evidence) -> Account:
    """The ledger of a run; a region's copy may lag as much as the plan allows replicas to."""
    return account_of(evidence.ledger, lag_ns(plan))


def lag_ns(plan: Plan) -> int:
    """The loosest limit of replication lag that a claim of the plan states, as it is judged; 0: no claim states one."""
    limits = [
        objective.limit.scaled(plan.time_scale).in_unit("s")
        for claim in plan.claims
        for objective in claim.objectives
        if objective.figure is Figure.REPLICATION_LAG
    ]
    return round(max(limits, default=0.0) * SECOND)


def unexcused(account: Account, plan: Plan, evidence: Evidence, objective: Objective) -> Writes:
    """The lost writes that nothing excuses in this sentence.

    Excused is a write that the database lacks, that was acknowledged within the RPO of the sentence before a disaster, and that was still
    there in the last read before it. An RPO says how much may be gone after a disaster, never that what is there may be wrong.
    """
    lost = account.lost
    excused = np.zeros(len(lost), dtype=np.bool_)
    if objective.older_than is not None and plan.durability != QUORUM:
        age_ns = round(objective.older_than.scaled(plan.time_scale).in_unit("s") * SECOND)
        for disaster in _sent(evidence):
            if domain_of(disaster.domain).disaster:
                excused |= _young(lost, disaster, age_ns) & _still_there(evidence, disaster, lost)
    gone = lost.among(account.missing[DATABASE]) if DATABASE in account.missing else np.zeros_like(excused)
    return lost.where(~(excused & gone) | lost.among(account.wrong))


def _young(lost: Writes, disaster: Experiment, age_ns: int) -> Bools:
    sent_ns = disaster.fault.sent_ns or 0
    until_ns = disaster.fault.confirmed_ns or sent_ns
    return np.asarray((lost.at_ns >= sent_ns - age_ns) & (lost.at_ns <= until_ns), dtype=np.bool_)


def _still_there(evidence: Evidence, disaster: Experiment, lost: Writes) -> Bools:
    """Which of them no earlier fault can have taken: found by the last read before the disaster, or acknowledged after every earlier fault."""
    sent_ns = disaster.fault.sent_ns or 0
    earlier = [a for a in _sent(evidence) if a is not disaster and (a.fault.sent_ns or 0) < sent_ns]
    read = _last_read(evidence.ledger.final_reads, sent_ns)
    since_ns = -1 if read is None else read.at_ns
    faults = [a.observed_until_ns for a in earlier if (a.fault.sent_ns or 0) >= since_ns]
    after = lost.at_ns > max(faults, default=-1)
    if read is None:
        return np.asarray(after, dtype=np.bool_)
    found = found_by(evidence.ledger, read, lost) | (lost.at_ns >= read.at_ns)
    return np.asarray(found & after, dtype=np.bool_)


def _last_read(reads: Iterable[FinalRead], before_ns: int) -> FinalRead | None:
    whole = [read for read in reads if read.source == DATABASE and read.complete and read.at_ns < before_ns]
    return max(whole, key=lambda read: read.at_ns, default=None)


def _sent(evidence: Evidence) -> list[Experiment]:
    """Every attempt whose action was sent."""
    return [a for attempts in evidence.experiments.values() for a in attempts if a.fault.sent_ns is not None]
