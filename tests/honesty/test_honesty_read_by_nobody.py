"""What is recorded, and what users' requests and health probes need not show, is read by a rule that keeps a release from GO."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from harness.judgement import judge
from harness.model import LEDGER_FINAL, DecisionOutcome, Evidence, Outcome, Table
from harness.model.harm import Harm
from tests.builders.core_course import ns, table
from tests.builders.core_plan import core_plan
from tests.builders.core_run import core_evidence
from tests.honesty.edits import both, counted, due, not_there, word

Edit = Callable[[Evidence], Evidence]


@dataclass(frozen=True, kw_only=True, slots=True)
class Unread:
    """An edit of a healthy run by which its GO would be wrong.

    Attributes:
        id: what was edited.
        edit: the evidence, edited.
        decision: of the release.
        harm: the harm that is on the decision line.
        rows: what some requirements come to.
    """

    id: str
    edit: Edit
    decision: DecisionOutcome = DecisionOutcome.INCONCLUSIVE
    harm: frozenset[Harm] = frozenset()
    rows: Mapping[str, Outcome] = field(default_factory=dict)


def absent_for_minutes(run: Evidence) -> Evidence:
    """Five hundred acknowledged writes were in no read of the database but the last."""
    books = run.ledger
    early = books.writes.ints["id"][due(20, 60, "intended_ns")(books.writes)][:500]
    last = max(read.round for read in books.final_reads)
    gone = both(word("place", "database"), lambda rows: np.isin(rows.ints["id"], early) & (rows.ints["round"] < last))
    return replace(run, ledger=counted(replace(books, final=books.final.where(~gone(books.final)))))


def refused_and_there(run: Evidence) -> Evidence:
    """Every write that was refused under the faults is in every read at the end."""
    books = run.ledger
    refused = books.writes.where(books.writes.words["outcome"].equals("refused"))
    there = [
        table(
            LEDGER_FINAL,
            len(refused),
            by=1,
            id=refused.ints["id"],
            round=read.round,
            seen_ns=read.at_ns,
            place=read.source,
            state="found",
        )
        for read in books.final_reads
        if read.after == "end"
    ]
    assert len(refused) > 500
    return replace(run, ledger=counted(replace(books, final=Table.merged(LEDGER_FINAL, [books.final, *there]))))


LOSS = {"ND-RISK-DATALOSS": Outcome.INCONCLUSIVE, "DA-DR-RPO": Outcome.INCONCLUSIVE}
CASES = (
    Unread(id="500 acknowledged writes are in the last read of the database alone", edit=absent_for_minutes, rows=LOSS),
    Unread(
        id="what was refused is there",
        edit=refused_and_there,
        decision=DecisionOutcome.NO_GO,
        rows={"IP-BP-IDEMPOTENT": Outcome.FAIL, "ND-RISK-DATALOSS": Outcome.PASS},
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_what_nobody_read_keeps_a_release_from_go(case: Unread) -> None:
    """The decision, the harm on its line, and what the rows say."""
    judged = judge(core_plan(), case.edit(core_evidence()))
    outcomes = {verdict.requirement: verdict.outcome for verdict in judged.verdicts}
    assert judged.decision.outcome is case.decision
    assert frozenset(one.harm for one in judged.unjudged_harm) == case.harm
    assert {row: outcomes[row] for row in case.rows} == case.rows


def test_a_write_that_an_earlier_read_lacks_is_named_in_words() -> None:
    """How many, which read contradicts which, and the first of them."""
    judged = judge(core_plan(), absent_for_minutes(core_evidence()))
    (reason,) = {v.because.text for v in judged.verdicts if v.requirement == "ND-RISK-DATALOSS"}
    assert "500 of them were absent from an earlier complete read of the database" in reason


def test_a_write_that_was_acknowledged_after_an_earlier_read_began_is_not_absent_from_it() -> None:
    """Nor is one that is lost, which the last read decides."""
    assert judge(core_plan(), core_evidence()).decision.outcome is DecisionOutcome.GO
    lost = not_there(core_evidence(), due(20, 21, "intended_ns"))
    judged = judge(core_plan(), lost)
    assert {v.outcome for v in judged.verdicts if v.requirement in LOSS} == {Outcome.FAIL}
    assert ns(0) < lost.ledger.final_reads[0].at_ns
