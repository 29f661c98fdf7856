"""Duplicates: every acknowledged write is present exactly once, of the ledger and of journeys.

For the ledger only duplicate rows count here; missing rows belong to `loss`. For journeys both count, as no other figure reads
their writes back: created items that are missing or differ, and counters that grew by less or by more than was acknowledged.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from harness.judgement.accounts import AccountResult
from harness.judgement.excuses import account_in
from harness.judgement.figures.journey_writes import journey_accounts, may_be_excused
from harness.judgement.figures.loss import BACK, ledger_receipt
from harness.judgement.figures.spec import Basis, Need, Spec
from harness.judgement.measures import Case, Figures, because, measure, settled
from harness.model import (
    Figure,
    Measure,
    Outcome,
    Phase,
    ReasonKind,
    Receipt,
)
from harness.model.harm import Harm

_READ: Final = "find out why what journeys wrote was not read back, then run again"


def copies(case: Case) -> Iterable[Measure]:
    """One measure of the ledger, and one of each account of the journeys."""
    yield _ledger(case)
    for result in journey_accounts(case.plan, case.evidence):
        yield _account(case, result)


def _ledger(case: Case) -> Measure:
    account = account_in(case.plan, case.evidence)
    twice, n = len(account.twice), len(account.acknowledged)
    receipts = {"watch": ledger_receipt(case.evidence, account)}
    outcome = Outcome.FAIL if twice else Outcome.PASS
    some = f": {', '.join(account.twice.names(3))}{'…' if twice > 3 else ''}" if twice else ""
    summary = f"{twice} of {n} acknowledged writes of the ledger are there twice, expected none{some}"
    outcome, reason = settled(outcome, because(outcome, summary), receipts)
    if outcome is Outcome.PASS and not n:
        outcome = Outcome.INCONCLUSIVE
        reason = because(outcome, summary, "let the ledger write, then run again", kind=ReasonKind.NO_RECORD)
    return measure(
        case,
        "writes lost, doubled or changed",
        outcome,
        reason,
        scope={"of": "ledger"},
        figures=Figures(
            value=float(twice),
            scaled_limit=0.0,
            n=n,
            method="rows of each acknowledged write in the last read of each source; exact",
            receipts=receipts,
            files=case.evidence.ledger.files,
        ),
    )


def _account(case: Case, result: AccountResult) -> Measure:
    bad = {"lost": result.lost, "counted twice": result.twice, "with other values": result.wrong}
    total, outcome = sum(bad.values()), Outcome.INCONCLUSIVE
    counts = ", ".join(f"{n} {text}" for text, n in bad.items() if n) or "all there once"
    summary = f"{result.name}: of {result.judged} acknowledged writes that were read back {counts}"
    excusable = not result.twice and not result.wrong and may_be_excused(case)
    if total and excusable:
        summary += ", which a disaster may have taken: the target declares no quorum"
        reason = because(
            outcome, summary, "declare the durability of the target, then run again", kind=ReasonKind.NO_MEANS
        )
    elif not total and (result.unread or not result.judged):
        summary += f", but {result.unread} items could not be read" if result.unread else ", but none was read back"
        reason = because(outcome, summary, _READ, kind=ReasonKind.NO_RECORD)
    else:
        outcome = Outcome.FAIL if total else Outcome.PASS
        reason = because(outcome, summary)
    return measure(
        case,
        "writes lost, doubled or changed",
        outcome,
        reason,
        scope={"of": result.name},
        figures=Figures(
            value=float(total),
            scaled_limit=0.0,
            n=result.judged,
            method="what journeys wrote against what was read back after the load; exact",
            receipts=_unread(result) if total else {},
            files=("load/",),
        ),
    )


def _unread(result: AccountResult) -> dict[str, Receipt]:
    """What a number of bad writes lacks where items were not read: it is then the least that there are."""
    why = f"{result.unread} items of {result.name} could not be read back"
    return {"watch": Receipt(ok=False, why=why, hint=_READ)} if result.unread else {}


def _files(_case: Case) -> Iterable[str]:
    yield from ("watch/ledger-", "history/watch.", "load/")


SPEC: Final = Spec(
    figure=Figure.COPIES,
    judge=copies,
    limit=None,
    unit="",
    basis=Basis.TRAFFIC,
    phases=frozenset({Phase.STEADY, Phase.RUN}),
    evidence=_files,
    judges=frozenset({Harm.WRITES_TWICE, Harm.JOURNEYS_LOST, Harm.JOURNEYS_TWICE, Harm.JOURNEYS_WRONG}),
    needs=lambda _objective: (
        Need(key="ledger", why="copies are found by a write ledger"),
        BACK,
    ),
)
