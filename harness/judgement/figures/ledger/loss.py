"""Lost writes (rule 9): acknowledged writes that are missing at the end, from the run's ledger (`account`).

A write is lost if it is missing from the database (from the entry, if the target names no database), if it is missing from a region whose
replica had time to catch up, or if it was read with another value. If a write is present at the end, but missing in an earlier complete
read, the two reads contradict each other, and the objective is undecided. A write that was refused, or whose outcome is unknown, also fails
the objective if it is present with another value. So does an acknowledged write of a journey that is missing. Duplicate rows and refused
writes that are present do not count here: `copies` judges them, and the reason reports their number.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final

from harness.judgement.figures.ledger.journey_writes import lost_of_users, unaccounted_writes
from harness.judgement.figures.spec import Basis, Lack, Need, Offered, Spec, in_words
from harness.judgement.ledger.account import Account, Writes
from harness.judgement.ledger.excuses import QUORUM, account_in, disasters, may_excuse, unexcused
from harness.judgement.measures import Case, inconclusive
from harness.judgement.receipts.faults.attempts import counted_attempt
from harness.judgement.receipts.faults.fault import fault_receipt
from harness.judgement.receipts.faults.restore import restore_receipt
from harness.judgement.receipts.records.accounted import HINT
from harness.judgement.receipts.records.missing import NONE_PLANNED, UNFILTERED
from harness.judgement.receipts.watch import UNCLOSED, probes_of
from harness.judgement.recovery import BLIND_SECOND_NS, longest_gap_ns
from harness.judgement.shapes.every import Gap, Things, every_one
from harness.model import (
    Evidence,
    Experiment,
    Figure,
    LedgerResult,
    Measure,
    Objective,
    Phase,
    Plan,
    Receipt,
    Table,
)
from harness.model.judged.harm import Harm
from harness.units import NS_PER_S

BACK: Final = Need(
    key="reads_back",
    why="writes are read back from the database or through the entry",
    hint="add `database:` to the target file, or `read: true` to its `ledger:`",
    lacks="`database` and no `ledger: {read: true}`",
)
"""Needs of every figure of the ledger."""

_MEMBER: Final = "compare the earlier reads in watch/ledger-*.parquet, correct the database member that lacked these writes, then run again"
_WRITE: Final = "let the ledger write during the experiment, then run again"
MORE_S: Final = 10.0
"""Extra length of a window that is lengthened for an RPO, in s: the first writes must be older than the RPO when the fault comes."""


def losses(case: Case) -> Iterable[Measure]:
    """One measure per experiment of the objective.

    A write that is lost or has another value fails each of them.
    """
    name, account = "lost writes", account_in(case.plan, case.evidence)
    lost = unexcused(account, case.plan, case.evidence, case.objective)
    scope, harmed = case.objective.scope, len(lost) or len(account.changed) or lost_of_users(case)[0]
    if not case.experiments:
        if scope.domains and not harmed:
            why = NONE_PLANNED
            yield inconclusive(case, name, why, "add an experiment to `experiments/`")
            return
        yield _loss(case, account, lost, None)
    for experiment in case.experiments:
        attempt = counted_attempt(case.plan, case.evidence, experiment, case.objective.scope.traffic)
        if attempt is None and not harmed:
            yield inconclusive(
                case,
                name,
                f"the run has no record of the experiment {experiment}",
                UNFILTERED,
                scope={"experiment": experiment},
            )
            continue
        yield _loss(case, account, lost, attempt)


def _loss(case: Case, account: Account, lost: Writes, attempt: Experiment | None) -> Measure:
    scope = {"experiment": attempt.name, "phase": case.objective.scope.phase.value} if attempt else {}
    receipts = {"watch": ledger_receipt(case.evidence, account, attempt)}
    around = account.acknowledged
    if attempt:
        receipts |= {
            "fault": fault_receipt(case.plan, case.evidence, attempt),
            "restore": restore_receipt(case.evidence, attempt),
        }
        around = account.acknowledged.during(attempt)
    of_users, text = lost_of_users(case)
    harmed = len(lost) + len(account.changed) + of_users
    untested = attempt is not None and _untested(case, account, attempt)
    found = Things(
        bad=harmed,
        value=harmed,
        n=len(around),
        text="; ".join(filter(None, [_summary(account, lost), text])),
        scope=scope,
        receipts=receipts,
        gaps=(
            Gap(_absent(account) if len(account.absent) else "", _MEMBER),
            Gap(unaccounted_writes(case), HINT),
        ),
        none=Gap("no write was acknowledged around the fault", _WRITE),
        short=f"no write was acknowledged more than {case.objective.older_than} (scaled) before {attempt.name}, so no loss could count"
        if attempt and untested
        else "",
        method="number of acknowledged writes that at the end are missing or have another value",
        files=(*case.evidence.ledger.files, *(attempt.files if attempt else ())),
    )
    return every_one(case, found, "lost writes")


def _untested(case: Case, account: Account, attempt: Experiment) -> bool:
    """Whether no write was old enough to count as lost, so that the objective could not fail."""
    older, sent_ns = case.objective.older_than, attempt.fault.sent_ns
    if older is None or not may_excuse(case.plan, attempt) or sent_ns is None:
        return False
    oldest_ns = sent_ns - round(older.at_scale(case.plan.time_scale).in_unit("s") * NS_PER_S)
    return not bool((account.acknowledged.at_ns < oldest_ns).any())


def ledger_receipt(evidence: Evidence, account: Account, attempt: Experiment | None = None) -> Receipt:
    """Whether the ledger is complete and was written during the fault, so that a loss can be measured."""
    source = evidence.watchers.get("ledger")
    if source is None:
        return Receipt(ok=False, why="the watcher 'ledger' wrote no record")
    if source.why or not source.closed:
        return Receipt(ok=False, why=f"the watcher 'ledger': {source.why or UNCLOSED}")
    if attempt is not None and not account.trouble:
        since_ns, until_ns = attempt.fault.sent_ns or attempt.observed_from_ns, attempt.observed_until_ns
        gap_ns = longest_gap_ns(probes_of(evidence, "writes"), since_ns, max(since_ns, until_ns))
        if gap_ns > BLIND_SECOND_NS:
            why = f"{attempt.name}: no write was sent for {gap_ns / NS_PER_S:.3g} s during the fault"
            return Receipt(ok=False, why=why, files=evidence.ledger.files)
    why = (
        account.trouble
        or f"{len(account.acknowledged)} acknowledged writes were read back: {', '.join(account.missing)}"
    )
    silent = ", ".join(account.unanswered)
    hint = f"make sure that the complete ledger can be read from {silent}, then run again" if silent else ""
    return Receipt(ok=not account.trouble, why=why, files=evidence.ledger.files, hint=hint)


def _summary(account: Account, lost: Writes) -> str:
    n, changed = len(account.acknowledged), account.changed
    asides = [f"{count} {text}" for count, text in _asides(account, lost) if count]
    asides.append(f"{len(account.unsure)} writes of unknown outcome are absent, {len(account.recovered)} are present")
    aside = ", ".join(asides)
    found = f"none of {n} acknowledged writes is lost"
    if len(lost):
        found = f"{len(lost)} of {n} acknowledged writes are lost, expected none: {_named(lost)}"
    if len(changed):
        found += f"; {len(changed)} writes without an acknowledgement are present with another value, expected none: {_named(changed)}"
    return f"{found} ({aside})"


def _absent(account: Account) -> str:
    """The writes that are present at the end and were absent from an earlier read, in words."""
    return (
        f"{len(account.absent)} of these writes were absent from an earlier complete read of the {account.authority} that began after they were "
        f"acknowledged, expected in every read: {_named(account.absent)}"
    )


def _named(writes: Writes) -> str:
    """The names of the first three writes."""
    return ", ".join(writes.names(3)) + ("…" if len(writes) > 3 else "")


def _asides(account: Account, lost: Writes) -> Iterable[tuple[int, str]]:
    """Counts that the reason reports beside the losses."""
    excused = "are excused" if account.searched else "are missing in a region, and not every region was searched"
    yield len(account.lost) - len(lost), f"writes acknowledged within the RPO before a disaster {excused}"
    yield len(account.wrong), "have another value"
    for source, missing in account.missing.items():
        if source != account.authority:
            yield len(missing), f"missing in {source}"
    yield len(account.twice), "are present twice"
    yield len(account.unexpected), "were refused and are present"


def ledger_result(plan: Plan, evidence: Evidence) -> LedgerResult | None:
    """Summary of the run's ledger; None if no write was recorded."""
    if not len(evidence.ledger.writes):
        return None
    account = account_in(plan, evidence)
    checked, stale = read_back(evidence.ledger.reads)
    return LedgerResult(
        attempted=account.attempted,
        acknowledged=len(account.acknowledged),
        lost=account.counted(account.lost),
        wrong=account.counted(account.wrong),
        missing={source: len(missing) for source, missing in account.missing.items()},
        recovered=account.counted(account.recovered),
        unsure=account.left(account.unsure),
        unexpected=account.counted(account.unexpected),
        twice=account.counted(account.twice),
        reads=checked,
        stale=stale if checked else None,
        why=account.trouble,
    )


def read_back(reads: Table) -> tuple[int, int]:
    """Number of answered reads right after an acknowledgement, and number of these that did not find the write with its value."""
    unknown, found = (reads.words["state"].equals(word) for word in ("unknown", "found"))
    return int((~unknown).sum()), int((~unknown & ~found).sum())


def _lacks(objective: Objective, offered: Offered) -> Iterable[Lack]:
    """Too little time of writes before the fault: only a write that was older than the RPO when the fault was sent counts as lost."""
    if objective.older_than is None or offered.durability == QUORUM:
        return
    older_s = objective.older_than.at_scale(offered.time_scale).in_unit("s")
    if offered.before_fault_s <= older_s:
        what = f"more than {older_s:g} s of writes before the fault (planned: about {offered.before_fault_s:g} s)"
        window_s = math.ceil(offered.window_s + older_s - offered.before_fault_s) + MORE_S if offered.window_s else 0.0
        yield Lack(what=what, window_s=window_s)


def _moments(case: Case, _found: Measure) -> Sequence[tuple[int, int]]:
    """For each disaster, the time in which a lost write may be excused; empty if there is none."""
    older = case.objective.older_than
    if older is None or not len(account_in(case.plan, case.evidence).lost):
        return ()
    age_ns = round(older.at_scale(case.plan.time_scale).in_unit("s") * NS_PER_S)
    return [(first - age_ns, last) for first, last in disasters(case.plan, case.evidence)]


def _in_words(objective: Objective) -> str:
    excused = f" older than {objective.older_than}" if objective.older_than else ""
    return in_words(objective, f"no acknowledged write{excused} is lost")


SPEC: Final = Spec(
    figure=Figure.LOST_WRITES,
    judge=losses,
    limit=None,
    unit="",
    basis=Basis.EXPERIMENT,
    phases=frozenset({Phase.FAULT}),
    evidence=lambda _case: ("watch/ledger-", "history/watch.", "history/pods."),
    judges=frozenset({Harm.WRITES_LOST, Harm.WRITES_WRONG, Harm.WRITES_ABSENT}),
    needs=lambda _objective: (
        Need(key="ledger", why="loss is found through the write ledger"),
        BACK,
    ),
    lacks=_lacks,
    words=_in_words,
    clocked=True,
    moments=_moments,
)
