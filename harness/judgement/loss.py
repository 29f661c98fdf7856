"""Rule 9: writes that were acknowledged and are not there at the end, by set arithmetic on one ledger a run.

Source: the set checker of Jepsen (attempted, acknowledged, final read).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from harness.judgement.measures import MEND, Case, Figures, inconclusive, measure, not_falsifiable, unmet
from harness.judgement.receipts import counted_attempt, fault_receipt, restore_receipt
from harness.judgement.recovery import SECOND
from harness.model import Evidence, Experiment, Figure, FinalRead, Ledger, Measure, Outcome, Plan, Receipt, Table

Write = tuple[int, int]
"""Client and sequence number."""

DISASTERS = frozenset({"database", "region"})
"""Fault domains in which the youngest writes may be excused; pod, node and network faults excuse nothing."""
QUORUM = "quorum"
"""A target that declares this durability is excused none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """The ledger after the last final read.

    Attributes:
        acknowledged: when each acknowledged write was, by write.
        lost: those of them that are gone, or whose checksum is wrong.
        unsure: writes of unknown outcome that are not there, with when they were given up: neither lost nor kept.
        recovered: how many of unknown outcome are there.
        trouble: what keeps the ledger from being whole; empty when nothing does.
    """

    acknowledged: Mapping[Write, int]
    lost: Mapping[Write, int]
    unsure: Mapping[Write, int]
    recovered: int
    trouble: str


def account_of(ledger: Ledger) -> Account:
    """Balance the ledger: acknowledged less found, where the last final read decides.

    A write is lost when it was acknowledged before a complete read began that does not hold it, or when it was read back wrong.
    """
    acknowledged = _writes(ledger.writes, "ok")
    unknown = _writes(ledger.writes, "unknown")
    last = max(ledger.final_reads, key=lambda read: read.round, default=None)
    rows = ledger.final.where(ledger.final.ints["round"] == (last.round if last else 0))
    intact = rows.words["state"].equals("ok")
    wrong = _keys(rows.where(~intact))
    found = _keys(rows.where(intact)) - wrong
    whole = last is not None and last.complete and last.rows == len(rows)
    read_ns = last.at_ns if last else 0
    return Account(
        acknowledged=acknowledged,
        lost={w: at for w, at in acknowledged.items() if w in wrong or (whole and at < read_ns and w not in found)},
        unsure={write: at for write, at in unknown.items() if write not in found},
        recovered=len(unknown.keys() & found),
        trouble=next(iter(_troubles(ledger.writes, last, rows, acknowledged)), ""),
    )


def _writes(writes: Table, outcome: str) -> dict[Write, int]:
    rows = writes.where(writes.words["outcome"].equals(outcome)).ints
    keys = zip(rows["client"].tolist(), rows["sequence"].tolist(), strict=True)
    return dict(zip(keys, rows["done_ns"].tolist(), strict=True))


def _keys(rows: Table) -> set[Write]:
    return set(zip(rows.ints["client"].tolist(), rows.ints["sequence"].tolist(), strict=True))


def _troubles(writes: Table, last: FinalRead | None, rows: Table, acknowledged: Mapping[Write, int]) -> Iterable[str]:
    if not len(writes):
        yield "no write is on record"
    elif last is None:
        yield "nobody read the ledger back from the database"
    else:
        yield from _read_troubles(writes, last, rows, acknowledged)


def _read_troubles(writes: Table, last: FinalRead, rows: Table, acknowledged: Mapping[Write, int]) -> Iterable[str]:
    if not last.complete:
        yield f"the last read of the ledger did not come to its end: {last.why or 'nobody said why'}"
    if last.rows != len(rows):
        yield f"the last read found {last.rows} rows, {len(rows)} are on record"
    if unread := sum(at >= last.at_ns for at in acknowledged.values()):
        yield f"{unread} writes were acknowledged after the last read of the ledger began"
    if gaps := _gaps(writes):
        yield f"the record of writes lacks {gaps} numbers"
    if strays := len(_keys(rows) - _keys(writes)):
        yield f"the last read found {strays} rows that the record of writes does not know"


def _gaps(writes: Table) -> int:
    """Sequence numbers that a client skipped on record: it counts 0, 1, 2… without a gap."""
    clients, sequences = writes.ints["client"], writes.ints["sequence"]
    return sum(
        int(own.max()) + 1 - len(own)
        for own in (np.unique(sequences[clients == client]) for client in np.unique(clients).tolist())
    )


def disasters(evidence: Evidence) -> list[tuple[int, int]]:
    """When each disaster struck: (action sent, fault confirmed), of every attempt."""
    return [
        (attempt.fault.sent_ns, attempt.fault.confirmed_ns or attempt.fault.sent_ns)
        for attempts in evidence.experiments.values()
        for attempt in attempts
        if attempt.domain in DISASTERS and attempt.fault.sent_ns is not None
    ]


def recovery_point_ns(plan: Plan) -> int:
    """How long before a disaster a write may have been acknowledged to be excused: the longest RPO of the plan, scaled; 0: none."""
    if plan.durability == QUORUM:
        return 0
    ages = [
        objective.older_than.scaled(plan.time_scale).in_unit("s")
        for claim in plan.claims
        for objective in claim.objectives
        if objective.figure is Figure.LOST_WRITES and objective.older_than is not None
    ]
    return round(max(ages, default=0.0) * SECOND)


def unexcused(account: Account, plan: Plan, evidence: Evidence) -> dict[Write, int]:
    """The lost writes that nothing excuses: not acknowledged within the RPO before a disaster."""
    age, struck = recovery_point_ns(plan), disasters(evidence)
    return {
        write: at
        for write, at in account.lost.items()
        if not (age and any(sent - age <= at <= confirmed for sent, confirmed in struck))
    }


def losses(case: Case) -> Iterable[Measure]:
    """One measure an experiment that the sentence speaks of; a lost write fails each of them, whenever it was lost."""
    name, account = "lost writes", account_of(case.evidence.ledger)
    lost = unexcused(account, case.plan, case.evidence)
    scope = case.objective.scope
    if not case.experiments:
        if scope.domains:
            why = "no experiment that the sentence speaks of was planned"
            yield inconclusive(case, name, why, "add one to `experiments/`")
            return
        yield _loss(case, account, lost, None)
    for experiment in case.experiments:
        attempt = counted_attempt(case.plan, case.evidence, experiment)
        if attempt is None and not lost:
            fix = "run without a filter on experiments, then judge again"
            yield inconclusive(case, name, f"{experiment} left no record", fix, scope={"experiment": experiment})
            continue
        yield _loss(case, account, lost, attempt)


def _loss(case: Case, account: Account, lost: Mapping[Write, int], attempt: Experiment | None) -> Measure:
    scope = {"experiment": attempt.name, "phase": case.objective.scope.phase.value} if attempt else {}
    receipts = {"watch": _watch(case.evidence, account)}
    around = account.acknowledged
    if attempt:
        receipts |= {"fault": fault_receipt(case.plan, attempt), "restore": restore_receipt(attempt)}
        around = acknowledged_in(account.acknowledged, attempt)
    outcome = Outcome.FAIL if lost else Outcome.PASS
    reason, fix = _said(account, lost), ""
    if receipt := unmet(outcome, receipts):
        outcome, reason, fix = Outcome.INCONCLUSIVE, f"{reason}, but {receipts[receipt].why}", MEND[receipt]
    elif not lost and not around:
        outcome, reason = Outcome.INCONCLUSIVE, f"{reason}, but none was acknowledged around the fault"
        fix = "let the ledger write during the experiment, then run again"
    elif not lost and attempt and _untested(case, account, attempt):
        why = f"no write was acknowledged more than {case.objective.older_than} (scaled) before {attempt.name}"
        return not_falsifiable(case, "lost writes", why, scope=scope)
    return measure(
        case,
        "lost writes",
        outcome,
        reason,
        scope=scope,
        fix=fix,
        figures=Figures(
            value=len(lost),
            scaled_limit=0.0,
            n=len(around),
            method="set arithmetic: acknowledged and not there at the end",
            receipts=receipts,
            files=(*case.evidence.ledger.files, *(attempt.files if attempt else ())),
        ),
    )


def acknowledged_in(writes: Mapping[Write, int], attempt: Experiment) -> dict[Write, int]:
    """The writes that came to their end while an attempt was observed."""
    return {w: at for w, at in writes.items() if attempt.observed_from_ns <= at < attempt.observed_until_ns}


def _untested(case: Case, account: Account, attempt: Experiment) -> bool:
    """Whether nothing was old enough to be missed, so that the sentence could not have failed."""
    older, sent_ns = case.objective.older_than, attempt.fault.sent_ns
    if older is None or case.plan.durability == QUORUM or sent_ns is None:
        return False
    oldest_ns = sent_ns - round(older.scaled(case.plan.time_scale).in_unit("s") * SECOND)
    return all(at >= oldest_ns for at in account.acknowledged.values())


def _watch(evidence: Evidence, account: Account) -> Receipt:
    source = evidence.watchers.get("ledger")
    if source is None:
        return Receipt(ok=False, why="the watcher 'ledger' left no record")
    if source.why or not source.closed:
        return Receipt(ok=False, why=f"the watcher 'ledger': {source.why or 'its file has no end'}")
    why = account.trouble or f"{len(account.acknowledged)} acknowledged writes were read back"
    return Receipt(ok=not account.trouble, why=why, files=evidence.ledger.files)


def _said(account: Account, lost: Mapping[Write, int]) -> str:
    n = len(account.acknowledged)
    aside = f"{len(account.unsure)} of unknown outcome are not there, {account.recovered} are"
    excused = len(account.lost) - len(lost)
    if excused:
        aside = f"{excused} acknowledged within the RPO before a disaster are excused, {aside}"
    if not lost:
        return f"none of {n} acknowledged writes is lost ({aside})"
    some = ", ".join(f"client {client} number {number}" for client, number in sorted(lost)[:3])
    return (
        f"{len(lost)} of {n} acknowledged writes are lost, wanted none: {some}{'…' if len(lost) > 3 else ''} ({aside})"
    )
