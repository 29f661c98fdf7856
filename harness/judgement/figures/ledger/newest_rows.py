"""Newest rows: rows that were acknowledged around a fault are present after it, in the ledger and in every table of the journeys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Final

import numpy as np

from harness.judgement.figures.ledger.loss import BACK, ledger_receipt
from harness.judgement.figures.recovery.phases import of_each_attempt
from harness.judgement.figures.spec import Basis, Need, Spec
from harness.judgement.ledger.account import Writes
from harness.judgement.ledger.excuses import account_in
from harness.judgement.measures import Case
from harness.judgement.receipts.faults.attempts import answered_until_ns
from harness.judgement.receipts.faults.fault import claimed_fault_receipt
from harness.judgement.receipts.faults.restore import restore_receipt
from harness.judgement.receipts.records.missing import UNFILTERED
from harness.judgement.shapes.every import Gap, Things, every_one
from harness.model import (
    JOURNEY_READS,
    JOURNEY_WRITES,
    AccountPlan,
    Experiment,
    Figure,
    Measure,
    Phase,
    Receipt,
    Table,
)
from harness.model.planned.plan import NEWEST_S
from harness.units import NS_PER_S

_NAME: Final = "newest rows"
_WRITE: Final = "add traffic that writes during the experiment, then run again"


def newest_rows(case: Case) -> Iterable[Measure]:
    """One measure of the ledger and one per account of the journeys, for each experiment."""
    return of_each_attempt(
        case,
        _NAME,
        partial(_of, case),
        add="add an experiment that promotes a standby to `experiments/`",
        nothing=("the run has no record of a fault by the experiment {experiment}", UNFILTERED),
        unconfirmed=True,  # an acknowledged row is lost also if the fault was not confirmed
    )


def _of(case: Case, attempt: Experiment, scope: Mapping[str, str]) -> Iterable[Measure]:
    """The measures of one attempt; no measure if no fault was sent."""
    sent_ns = attempt.fault.sent_ns
    if sent_ns is None:
        return
    span = (sent_ns - round(NEWEST_S * NS_PER_S), answered_until_ns(case.evidence, attempt))
    yield _ledger(case, attempt, span, scope)
    accounts = [account for traffic in case.plan.traffic.values() for account in traffic.accounts]
    for account in accounts:
        if not account.counts:  # a counter has no rows of its own
            yield _account(case, attempt, account, span, scope)


def _ledger(case: Case, attempt: Experiment, span: tuple[int, int], scope: Mapping[str, str]) -> Measure:
    account = account_in(case.plan, case.evidence)
    here, lost = _within(account.acknowledged, span), _within(account.lost, span)
    receipt = ledger_receipt(case.evidence, account, attempt)
    files = case.evidence.ledger.files
    return _measure(case, attempt, {**scope, "of": "ledger"}, n=len(here), lost=len(lost), watch=receipt, files=files)


def _within(writes: Writes, span: tuple[int, int]) -> Writes:
    """The writes acknowledged in a span."""
    return writes.where(np.asarray((writes.at_ns >= span[0]) & (writes.at_ns < span[1]), dtype=np.bool_))


def _account(
    case: Case, attempt: Experiment, account: AccountPlan, span: tuple[int, int], scope: Mapping[str, str]
) -> Measure:
    tables = case.evidence.tables
    writes = tables.get(JOURNEY_WRITES.name, Table.empty(JOURNEY_WRITES))
    reads = tables.get(JOURNEY_READS.name, Table.empty(JOURNEY_READS))
    own = writes.where(writes.words["item"].equals(account.name) & writes.words["outcome"].equals("accepted"))
    ids = own.between("accepted_ns", *span).ints["id"]
    newest = own.between("accepted_ns", span[0], attempt.fault.sent_ns or span[0]).ints["id"]
    read = reads.where(reads.words["item"].equals(account.name))
    absent, found = (read.ints["id"][read.words["state"].equals(state)] for state in ("absent", "found"))
    answered = np.concatenate([absent, found])
    lost, judged = int(np.isin(ids, absent).sum()), int(np.isin(ids, answered).sum())
    unread = len(newest) - int(np.isin(newest, answered).sum())
    why = f"{unread} of the last {len(newest)} rows that were acknowledged before the fault were not read back"
    watch = Receipt(ok=None if unread or not len(newest) else True, why=why)
    return _measure(case, attempt, {**scope, "of": account.name}, n=judged, lost=lost, watch=watch, files=("load/",))


def _measure(
    case: Case,
    attempt: Experiment,
    scope: Mapping[str, str],
    *,
    n: int,
    lost: int,
    watch: Receipt,
    files: tuple[str, ...],
) -> Measure:
    receipts = {
        "watch": watch,
        "fault": claimed_fault_receipt(case.plan, case.evidence, attempt, case.objective),
        "restore": restore_receipt(case.evidence, attempt),
    }
    found = Things(
        bad=lost,
        n=n,
        text=f"{attempt.name}: {lost} of {n} rows of {scope['of']} that were acknowledged around the fault are lost, expected 0",
        scope=scope,
        receipts=receipts,
        none=Gap(
            f"{attempt.name}: no row of {scope['of']} was acknowledged around the fault, expected at least one",
            _WRITE,
            alone=True,
        ),
        method=f"rows acknowledged from {NEWEST_S:g} s before the fault to the restore, compared with the last read of each table",
        files=(*attempt.files, *files),
    )
    return every_one(case, found, _NAME)


SPEC: Final = Spec(
    figure=Figure.NEWEST_ROWS,
    judge=newest_rows,
    limit=None,
    unit="",
    basis=Basis.EXPERIMENT,
    phases=frozenset({Phase.FAULT}),
    evidence=lambda _case: ("watch/ledger-", "history/watch.", "load/"),
    needs=lambda _objective: (Need(key="ledger", why="loss is found through the write ledger"), BACK),
)
