"""Every acknowledged write is there once: rows of the ledger, and what the users' own journeys wrote.

The ledger shows rows that are there twice; that one is gone is `loss`. Of what journeys wrote both are charged here, for nothing else
reads it back: created items that are absent or differ, and counters that grew by less or by more than was acknowledged.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from harness.judgement.accounts import AccountResult, account_results
from harness.judgement.excuses import QUORUM, account_in
from harness.judgement.figures.loss import ledger_receipt
from harness.judgement.figures.spec import Basis, Need, Spec
from harness.judgement.measures import HINTS, Case, Figures, measure, unmet
from harness.model import (
    JOURNEY_READS,
    JOURNEY_WRITES,
    Evidence,
    Figure,
    Measure,
    Outcome,
    Phase,
    Plan,
    Table,
    domain_of,
)

_READ: Final = "find out why what journeys wrote was not read back, then run again"


def copies(case: Case) -> Iterable[Measure]:
    """One measure of the ledger, and one of each thing that journeys write."""
    yield _ledger(case)
    for result in journey_accounts(case.plan, case.evidence):
        yield _account(case, result)


def journey_accounts(plan: Plan, evidence: Evidence) -> tuple[AccountResult, ...]:
    """What became of what journeys wrote, by the accounts that the traffic of the plan declares."""
    writes, reads = (_table(evidence, schema.name, Table.empty(schema)) for schema in (JOURNEY_WRITES, JOURNEY_READS))
    accounts = [account for traffic in plan.traffic.values() for account in traffic.accounts]
    return account_results(accounts, writes, reads)


def _table(evidence: Evidence, name: str, empty: Table) -> Table:
    return evidence.tables.get(name, empty)


def _ledger(case: Case) -> Measure:
    account = account_in(case.plan, case.evidence)
    twice, n = len(account.twice), len(account.acknowledged)
    receipts = {"watch": ledger_receipt(case.evidence, account)}
    outcome = Outcome.FAIL if twice else Outcome.PASS
    some = f": {', '.join(account.twice.names(3))}{'…' if twice > 3 else ''}" if twice else ""
    reason, hint = f"{twice} of {n} acknowledged writes of the ledger are there twice, expected none{some}", ""
    if receipt := unmet(outcome, receipts):
        outcome, reason, hint = Outcome.INCONCLUSIVE, f"{reason}, but {receipts[receipt].why}", HINTS[receipt]
    elif not n:
        outcome, hint = Outcome.INCONCLUSIVE, "let the ledger write, then run again"
    return measure(
        case,
        "writes lost, doubled or changed",
        outcome,
        reason,
        scope={"of": "ledger"},
        hint=hint,
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
    total, hint = sum(bad.values()), ""
    told = ", ".join(f"{n} {text}" for text, n in bad.items() if n) or "all there once"
    reason = f"{result.name}: of {result.judged} acknowledged writes that were read back {told}"
    excusable = not result.twice and not result.wrong and _may_be_excused(case)
    if total and not excusable:
        outcome = Outcome.FAIL
    elif total:
        outcome, hint = Outcome.INCONCLUSIVE, "declare the durability of the target, then run again"
        reason += ", which a disaster may have taken: the target declares no quorum"
    elif not result.judged or result.unread:
        outcome, hint = Outcome.INCONCLUSIVE, _READ
        reason += f", but {result.unread} items could not be read" if result.unread else ", but none was read back"
    else:
        outcome = Outcome.PASS
    return measure(
        case,
        "writes lost, doubled or changed",
        outcome,
        reason,
        scope={"of": result.name},
        hint=hint,
        figures=Figures(
            value=float(total),
            scaled_limit=0.0,
            n=result.judged,
            method="what journeys wrote against what was read back after the load; exact",
            files=("load/",),
        ),
    )


def _may_be_excused(case: Case) -> bool:
    """Whether a disaster struck a target that promises no quorum: what is gone may be within its recovery point."""
    struck = any(
        domain_of(attempt.domain).disaster and attempt.fault.sent_ns is not None
        for attempts in case.evidence.experiments.values()
        for attempt in attempts
    )
    return struck and case.plan.durability != QUORUM


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
    needs=lambda _objective: (
        Need(key="ledger", why="copies are found by a write ledger"),
        Need(key="database", why="the ledger is read straight from the database"),
    ),
)
