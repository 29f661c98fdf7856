"""Every acknowledged write is read back equal in every region: at the end through each region, and right after the acknowledgement.

A region is held against the database: what the database lacks is lost, and charged there (`loss`). A copy may lag as long as the plan
allows replicas to. Reads right after an acknowledgement may find nothing for as long; they fail where another value is read, where the
lag is over, or where more than half of all of them find nothing: that is not lag, but a copy that is not read from.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

from harness.judgement.account import DATABASE, Account, Writes
from harness.judgement.excuses import account_in, lag_ns
from harness.judgement.figures.loss import ledger_receipt
from harness.judgement.figures.spec import Basis, Need, Spec
from harness.judgement.measures import HINTS, Case, Figures, inconclusive, measure, unmet
from harness.judgement.recovery import SECOND
from harness.model import LEDGER_READS, Figure, Measure, Outcome, Phase, Receipt, Table
from harness.model.table import Bools

HALF: Final = 0.5
"""More stale reads than this are no lag."""
_AGAIN: Final = "let every region be read when all copies had the time to catch up, then run again"


def read_backs(case: Case) -> Iterable[Measure]:
    """One measure a region, and one of the reads right after an acknowledgement."""
    account = account_in(case.plan, case.evidence)
    regions = sorted({*case.plan.regions, *(source for source in account.missing if source != DATABASE)})
    if not regions:
        yield inconclusive(case, "writes not read back", "the plan names no region to read through", _AGAIN)
    for region in regions:
        yield _region(case, account, region)
    yield _right_after(case)


def _region(case: Case, account: Account, region: str) -> Measure:
    scope = {"region": region}
    if region not in account.missing:
        why = f"{region}: the ledger was not read back through it"
        return inconclusive(case, "writes not read back", why, _AGAIN, scope=scope)
    missing = account.missing[region]
    gone = account.missing.get(DATABASE, missing.where(np.zeros(len(missing), dtype=np.bool_)))
    other = missing.where(~missing.among(gone))
    lagging = account.lagging.get(region)
    receipts = {"watch": ledger_receipt(case.evidence, account)}
    outcome = Outcome.FAIL if len(other) else Outcome.PASS
    reason, hint = _told(region, other, len(account.acknowledged)), ""
    if outcome is Outcome.PASS and lagging is not None and len(lagging):
        outcome, hint = Outcome.INCONCLUSIVE, _AGAIN
        reason += f", but {len(lagging)} that it lacked were too young to be called missing"
    elif receipt := unmet(outcome, receipts):
        outcome, reason, hint = Outcome.INCONCLUSIVE, f"{reason}, but {receipts[receipt].why}", HINTS[receipt]
    elif not len(account.acknowledged):
        outcome, hint = Outcome.INCONCLUSIVE, "let the ledger write, then run again"
    return measure(
        case,
        "writes not read back",
        outcome,
        reason,
        scope=scope,
        hint=hint,
        figures=Figures(
            value=float(len(other)),
            scaled_limit=0.0,
            n=len(account.acknowledged),
            method="acknowledged writes that the database has and the last read through the region has not, or with another value; exact",
            receipts=receipts,
            files=case.evidence.ledger.files,
        ),
    )


def _told(region: str, other: Writes, n: int) -> str:
    if not len(other):
        return f"{region}: all of {n} acknowledged writes are read back as the database has them"
    some = ", ".join(other.names(3)) + ("…" if len(other) > 3 else "")
    return f"{region}: {len(other)} of {n} acknowledged writes are not read back as the database has them: {some}"


def _right_after(case: Case) -> Measure:
    reads = case.evidence.tables.get(LEDGER_READS.name, Table.empty(LEDGER_READS))
    absent, wrong, found = (reads.words["outcome"].equals(word) for word in ("absent", "wrong", "found"))
    n, stale = int((absent | wrong | found).sum()), int(absent.sum())
    late = absent & (_age_ns(case, reads) > lag_ns(case.plan))
    bad, most = int((wrong | late).sum()), stale > HALF * n
    watch = case.evidence.watchers.get("ledger")
    receipt = Receipt(
        ok=watch is not None and watch.closed and not watch.why, why="the watcher 'ledger' did not complete"
    )
    outcome = Outcome.FAIL if bad or most else Outcome.PASS
    reason, hint = (
        f"right after the acknowledgement {stale} of {n} reads found nothing, {int(wrong.sum())} another value",
        "",
    )
    if int(late.sum()):
        reason += (
            f", {int(late.sum())} of them later than the lag that a replica may have ({lag_ns(case.plan) / SECOND:g} s)"
        )
    if unmet(outcome, {"watch": receipt}):
        outcome, reason, hint = Outcome.INCONCLUSIVE, f"{reason}, but {receipt.why}", HINTS["watch"]
    elif not n:
        outcome, hint = Outcome.INCONCLUSIVE, "let the ledger read its own writes, then run again"
    return measure(
        case,
        "writes not read back at once",
        outcome,
        reason,
        hint=hint,
        figures=Figures(
            value=float(stale + int(wrong.sum())),
            n=n,
            method="reads of an own write right after its acknowledgement; exact",
            receipts={"watch": receipt},
            files=case.evidence.ledger.files,
        ),
    )


def _age_ns(case: Case, reads: Table) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """How long before each read its write was acknowledged; 0 where that was not recorded."""
    writes = case.evidence.ledger.writes
    keys = (writes.ints["client"] << 40) | writes.ints["sequence"]
    order = np.argsort(keys, kind="stable")
    wanted = (reads.ints["client"] << 40) | reads.ints["sequence"]
    at = np.minimum(np.searchsorted(keys[order], wanted), max(len(keys) - 1, 0))
    known: Bools = keys[order][at] == wanted if len(keys) else np.zeros(len(wanted), dtype=np.bool_)
    age = np.zeros(len(wanted), dtype=np.int64)
    age[known] = reads.ints["sent_ns"][known] - writes.ints["done_ns"][order][at[known]]
    return age


def _files(_case: Case) -> Iterable[str]:
    yield from ("watch/ledger-", "history/watch.")


SPEC: Final = Spec(
    figure=Figure.READ_BACK,
    judge=read_backs,
    limit=None,
    unit="",
    basis=Basis.TRAFFIC,
    phases=frozenset({Phase.STEADY, Phase.RUN}),
    evidence=_files,
    needs=lambda _objective: (
        Need(key="ledger", why="what is read back is what a write ledger wrote"),
        Need(key="database", why="the ledger is read straight from the database"),
    ),
)
