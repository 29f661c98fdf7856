"""Excused losses (rule 9): lost writes within the granted RPO before the disaster that caused the loss."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

from harness.judgement.ledger.account import AUTHORITIES, Account, Writes, account_of, found_by
from harness.judgement.once import once_a_run
from harness.model import Evidence, Experiment, Figure, FinalRead, Objective, Plan, domain_of
from harness.model.records.table import Bools
from harness.units import NS_PER_S

QUORUM: Final = "quorum"
"""The durability of a target for which no lost write is excused."""


@once_a_run
def account_in(plan: Plan, evidence: Evidence) -> Account:
    """The ledger account of a run, with the replication lag that the plan allows."""
    return account_of(evidence.ledger, lag_ns(plan))


def lag_ns(plan: Plan) -> int:
    """The loosest limit of replication lag in the plan's claims, scaled, in ns; 0 if there is none."""
    limits = [
        objective.limit.at_scale(plan.time_scale).in_unit("s")
        for claim in plan.claims
        for objective in claim.objectives
        if objective.figure is Figure.REPLICATION_LAG
    ]
    return round(max(limits, default=0.0) * NS_PER_S)


def unexcused(account: Account, plan: Plan, evidence: Evidence, objective: Objective) -> Writes:
    """The lost writes that this objective does not excuse.

    A lost write is excused if

    * it is missing in the database (or at the entry, if no database was read),
    * it was acknowledged within the objective's RPO before a disaster, and
    * the last read before the disaster found it, and no later read did.

    An RPO excuses missing writes, never writes with another value. After an incomplete read of the database, a write that would be excused if it were
    missing is undecided and not returned.
    """
    lost = account.lost
    excused = np.zeros(len(lost), dtype=np.bool_)
    if objective.older_than is not None and plan.durability != QUORUM:
        age_ns = round(objective.older_than.at_scale(plan.time_scale).in_unit("s") * NS_PER_S)
        for disaster in _sent(evidence):
            if domain_of(disaster.domain).disaster:
                own = _young(lost, disaster, age_ns) & _still_there(evidence, disaster, lost)
                excused |= own & ~_survived(evidence, disaster, lost)
    lacked = lost.among(account.gone) | lost.among(account.unread)
    return lost.where(~(excused & lacked) | lost.among(account.wrong))


def _young(lost: Writes, disaster: Experiment, age_ns: int) -> Bools:
    sent_ns, until_ns = _taken(disaster)
    return np.asarray((lost.at_ns >= sent_ns - age_ns) & (lost.at_ns <= until_ns), dtype=np.bool_)


def disasters(evidence: Evidence) -> Iterable[tuple[int, int]]:
    """Time of each disaster, and the last time at which it may have caused the loss of a write, in ns."""
    return (_taken(attempt) for attempt in _sent(evidence) if domain_of(attempt.domain).disaster)


def _taken(disaster: Experiment) -> tuple[int, int]:
    sent_ns = disaster.fault.sent_ns or 0
    return sent_ns, disaster.fault.confirmed_ns or sent_ns


def _still_there(evidence: Evidence, disaster: Experiment, lost: Writes) -> Bools:
    """A mask of the writes that no earlier fault can have lost.

    They were found by the last read before the disaster, or acknowledged after every earlier fault.
    """
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


def _survived(evidence: Evidence, disaster: Experiment, lost: Writes) -> Bools:
    """A mask of the writes that were read after the disaster: they were lost later, by another cause."""
    found = np.zeros(len(lost), dtype=np.bool_)
    for read in evidence.ledger.final_reads:
        if read.source in AUTHORITIES and read.complete and read.at_ns >= disaster.observed_until_ns:
            found |= found_by(evidence.ledger, read, lost)
    return found


def _last_read(reads: Iterable[FinalRead], before_ns: int) -> FinalRead | None:
    whole = [read for read in reads if read.source in AUTHORITIES and read.complete and read.at_ns < before_ns]
    return max(whole, key=lambda read: read.at_ns, default=None)


def _sent(evidence: Evidence) -> list[Experiment]:
    """Every attempt whose action was sent."""
    return [a for attempts in evidence.experiments.values() for a in attempts if a.fault.sent_ns is not None]
