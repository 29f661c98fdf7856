"""Compares the writes of journeys with the values that were read back.

The ledger has a path of its own, so an acknowledged write of a user may be lost although the ledger lost none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from harness.judgement.ledger.accounts import AccountResult, account_results
from harness.judgement.ledger.excuses import QUORUM, excused_spans, taken_with_every_copy
from harness.judgement.measures import Case
from harness.judgement.once import once_a_run
from harness.judgement.receipts.records.accounted import unaccounted
from harness.model import (
    JOURNEY_READS,
    JOURNEY_REPEATS,
    JOURNEY_WRITES,
    SIGN_INS,
    Evidence,
    Plan,
    Table,
    Words,
    domain_of,
)


@once_a_run
def journey_accounts(plan: Plan, evidence: Evidence) -> tuple[AccountResult, ...]:
    """The journey accounts that the plan's traffic declares, compared with the values that were read back.

    Whether a write is there that a disaster may have taken with every copy of the database decides nothing: it counts as one without an answer.
    """
    return _accounts(plan, evidence, tuple(taken_with_every_copy(plan, evidence)))


def _accounts(plan: Plan, evidence: Evidence, spans: tuple[tuple[int, int], ...]) -> tuple[AccountResult, ...]:
    """The accounts, where writes that were sent within these times are as if nothing had acknowledged them."""

    def compare() -> tuple[Plan, tuple[AccountResult, ...]]:
        schemas = (JOURNEY_WRITES, JOURNEY_READS, JOURNEY_REPEATS)
        writes, reads, repeats = (evidence.tables.get(schema.name, Table.empty(schema)) for schema in schemas)
        accounts = [account for traffic in plan.traffic.values() for account in traffic.accounts]
        return plan, account_results(accounts, _unanswered(writes, spans), reads, repeats)

    return evidence.once((_accounts, id(plan), spans), compare)[1]  # with the plan, whose address no other gets so


def _unanswered(writes: Table, spans: Iterable[tuple[int, int]]) -> Table:
    """The writes; those that were sent within these times are as if nothing had acknowledged them."""
    at_ns, outcome = writes.ints["made_ns"], writes.words["outcome"]
    taken = np.zeros(len(writes), dtype=np.bool_)
    for first, last in spans:
        taken |= (at_ns >= first) & (at_ns <= last) & outcome.equals("accepted")
    if not taken.any():
        return writes
    names = (*outcome.names, *(() if "unknown" in outcome.names else ("unknown",)))
    codes = np.where(taken, names.index("unknown"), outcome.codes).astype(outcome.codes.dtype)
    return replace(writes, words={**writes.words, "outcome": Words(codes=codes, names=names)})


def unaccounted_writes(case: Case) -> str:
    """Difference between the recorded writes of journeys and their requests.

    Empty if both agree, or if no traffic records its writes.
    """
    differs = unaccounted(case.plan, case.evidence)
    return "; ".join(why for name, why in differs.items() if name != SIGN_INS.name)


def may_be_excused(case: Case) -> bool:
    """Whether a disaster hit a target without quorum durability: the RPO may excuse the loss."""
    struck = any(
        domain_of(attempt.domain).disaster and attempt.fault.sent_ns is not None
        for attempts in case.evidence.experiments.values()
        for attempt in attempts
    )
    return struck and case.plan.durability != QUORUM


def lost_of_users(case: Case) -> tuple[int, str]:
    """Number of acknowledged journey writes that are lost or have other values, and a text about them.

    Writes that were sent within the RPO before a disaster, as the objective grants it, count as those without an answer. A counter that grew
    by more than was acknowledged is judged by `copies`.
    """
    spans = excused_spans(case.plan, case.evidence, case.objective)
    gone: Sequence[AccountResult] = [one for one in _accounts(case.plan, case.evidence, spans) if one.lost or one.wrong]
    named = ", ".join(f"{one.lost + one.wrong} of {one.judged} {one.name}" for one in gone)
    text = f"{named} that users wrote and the platform acknowledged are lost or have other values" if gone else ""
    return sum(one.lost + one.wrong for one in gone), text
