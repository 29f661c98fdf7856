"""Excused losses (rule 9): lost writes within the granted RPO before the disaster that caused the loss."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

from harness.judgement.ledger.account import AUTHORITIES, Account, Writes, account_of, found_by
from harness.judgement.once import once_a_run
from harness.model import Evidence, Experiment, Figure, FinalRead, Objective, Plan, Quantity, domain_of
from harness.model.records.table import Bools
from harness.units import NS_PER_S

QUORUM: Final = "quorum"
"""The durability of a target for which no lost write is excused, unless every copy of the database was taken."""


def may_excuse(plan: Plan, disaster: Experiment) -> bool:
    """Whether an RPO may excuse writes that a disaster took: the target has no quorum, or every copy was taken."""
    domain = domain_of(disaster.domain)
    return domain.disaster and (plan.durability != QUORUM or domain.every_copy)


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
    * it was acknowledged within the objective's RPO before a disaster, which was not before the last write that it took, and
    * the last read before the disaster found it, and no later read did.

    Of a disaster that took every copy of the database, and that the objective does not speak of, the RPO is the one that the plan grants: what
    that disaster took says nothing about the faults of this objective.

    An RPO excuses missing writes, never writes with another value. After an incomplete read of the database, a write that would be excused if it were
    missing is undecided and not returned.
    """
    lost = account.lost
    excused = np.zeros(len(lost), dtype=np.bool_)
    for disaster in _sent(evidence):
        age_ns = _granted_ns(plan, objective, disaster)
        if age_ns is not None:
            own = _young(lost, disaster, age_ns) & _still_there(evidence, disaster, lost)
            excused |= own & ~_survived(evidence, disaster, lost)
    lacked = lost.among(account.gone) | lost.among(account.unread)
    return lost.where(~(excused & lacked) | lost.among(account.wrong))


def _granted_ns(plan: Plan, objective: Objective, disaster: Experiment) -> int | None:
    """The RPO that excuses writes which this disaster took, in ns; None if there is none."""
    if not may_excuse(plan, disaster):
        return None
    own_ns = None if objective.older_than is None else _scaled_ns(plan, objective.older_than)
    spoken_of = disaster.name in objective.scope.experiments or disaster.domain in objective.scope.domains
    return max(rpo_ns(plan), own_ns or 0) if domain_of(disaster.domain).every_copy and not spoken_of else own_ns


def excused_spans(plan: Plan, evidence: Evidence, objective: Objective) -> tuple[tuple[int, int], ...]:
    """For each disaster that excuses writes for this objective, the time of the acknowledged writes that it may take, in ns."""
    granted = ((disaster, _granted_ns(plan, objective, disaster)) for disaster in _sent(evidence))
    return tuple(
        (first - age_ns, last)
        for disaster, age_ns in granted
        if age_ns is not None
        for first, last in [_taken(disaster)]
    )


def rpo_ns(plan: Plan) -> int:
    """The loosest RPO of the plan's claims, scaled, in ns; 0 if there is none."""
    granted = [one.older_than for claim in plan.claims for one in claim.objectives if one.older_than is not None]
    return max((_scaled_ns(plan, one) for one in granted), default=0)


def _scaled_ns(plan: Plan, quantity: Quantity) -> int:
    return round(quantity.at_scale(plan.time_scale).in_unit("s") * NS_PER_S)


def taken_with_every_copy(plan: Plan, evidence: Evidence) -> Iterable[tuple[int, int]]:
    """For each disaster that took every copy of the database, the time of the acknowledged writes that the plan lets it take, in ns."""
    struck = (_taken(attempt) for attempt in _sent(evidence) if domain_of(attempt.domain).every_copy)
    return ((first - rpo_ns(plan), last) for first, last in struck)


def struck_ns(lost: Writes, disaster: Experiment) -> int:
    """When a disaster was, at the earliest, in ns: after it nothing is acknowledged, so not before the last write that it took."""
    sent_ns, until_ns = _taken(disaster)
    own = lost.at_ns[(lost.at_ns >= sent_ns) & (lost.at_ns <= until_ns)]
    return int(own.max()) if len(own) else sent_ns


def _young(lost: Writes, disaster: Experiment, age_ns: int) -> Bools:
    first_ns, (_, until_ns) = struck_ns(lost, disaster) - age_ns, _taken(disaster)
    return np.asarray((lost.at_ns >= first_ns) & (lost.at_ns <= until_ns), dtype=np.bool_)


def disasters(plan: Plan, evidence: Evidence) -> Iterable[tuple[int, int]]:
    """Time of each disaster whose losses may be excused, and the last time at which it may have caused the loss of a write, in ns."""
    return (_taken(attempt) for attempt in _sent(evidence) if may_excuse(plan, attempt))


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
