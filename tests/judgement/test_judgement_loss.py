"""Rule 9: what was acknowledged and is not there at the end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judgement_builders import (
    END,
    down,
    evidence,
    experiment,
    ledger,
    measures,
    no_loss,
    ns,
    objective,
    plan,
    table,
    with_ints,
    with_words,
    writes,
)

from harness.judgement import judge
from harness.judgement.ledger.account import account_of
from harness.model import (
    JOURNEY_READS,
    JOURNEY_WRITES,
    LEDGER_FINAL,
    LEDGER_READS,
    LEDGER_WRITES,
    AccountPlan,
    Evidence,
    Figure,
    FinalRead,
    Ledger,
    LedgerResult,
    Measure,
    Objective,
    Op,
    Outcome,
    Table,
    WatchSource,
)

PASS, FAIL, INCONCLUSIVE, NOT_ASSESSED = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.NOT_ASSESSED
ROWS = evidence().ledger.writes
RISK = no_loss("pod-loss")
RPO = no_loss("database-loss", older_than="1 h")
BOTH = {"RISK": RISK, "RPO": RPO}


def holding(books: Ledger, **fields: Any) -> Evidence:
    """The healthy run with another ledger."""
    return replace(evidence(), ledger=books, **fields)


def only(objective: Objective, run: Evidence, **fields: Any) -> Measure:
    """The one measure of an objective; the RPO row stands beside it in the plan."""
    return measures(judge(plan({"R": objective, "RPO": RPO}, **fields), run))[0]


def outcomes(books: Ledger, **fields: Any) -> dict[str, Outcome]:
    """What both loss rows say of a ledger."""
    return {v.requirement: v.outcome for v in judge(plan(BOTH, **fields), holding(books)).verdicts}


def at(second: float) -> int:
    """The number of the first write that was sent then or later."""
    return int(np.searchsorted(ROWS.ints["made_ns"], ns(second)))


def test_a_lost_write_fails_every_loss_row_whenever_it_was_lost() -> None:
    """Acknowledged at 20 s, in the fault-free window: no disaster is near."""
    assert outcomes(ledger(ROWS, lost=[at(20)])) == {"RISK": FAIL, "RPO": FAIL}
    measure = only(RISK, holding(ledger(ROWS, lost=[at(20), at(21), at(22), at(23)])))
    assert measure.reason == (
        "4 of 5701 acknowledged writes are lost, expected none: client 1 number 601, client 1 number 631, client 1 number 661… "
        "(0 writes of unknown outcome are absent, 900 are present)"
    )


def test_a_write_of_the_last_hour_before_a_disaster_is_excused_where_the_sentence_grants_it() -> None:
    """60 s at scale 60 before 111 s, acknowledged after the pod's loss was over at 100 s; a sentence without an RPO excuses nothing."""
    assert outcomes(ledger(ROWS, lost=[at(101), at(110)])) == {"RISK": FAIL, "RPO": PASS}
    assert outcomes(ledger(ROWS, lost=[at(50.5)])) == {"RISK": FAIL, "RPO": FAIL}
    assert outcomes(ledger(ROWS, lost=[at(152)]))["RPO"] is PASS  # within the hour before the region's loss
    assert outcomes(ledger(ROWS, lost=[at(172)])) == {"RISK": FAIL, "RPO": FAIL}
    excused = only(RPO, holding(ledger(ROWS, lost=[at(110)])))
    assert (
        "(1 writes acknowledged within the RPO before a disaster are excused, 0 writes of unknown outcome"
        in excused.reason
    )


def test_a_write_that_was_not_acknowledged_and_is_there_with_another_value_fails_as_a_loss_does() -> None:
    """Under the fault it was given up, or it was refused; the row that is there was never written, and no RPO grants it."""
    given_up = ledger(ROWS, wrong=[at(115)])
    assert outcomes(given_up) == {"RISK": FAIL, "RPO": FAIL}
    measure = only(RISK, holding(given_up))
    assert (measure.outcome, measure.value) == (FAIL, 1)
    assert measure.reason == (
        f"none of 5701 acknowledged writes is lost; 1 writes without an acknowledgement are present with another value, expected none: "
        f"client 1 number {at(115)} (1 have another value, 0 writes of unknown outcome are absent, 899 are present)"
    )
    refused = replace(given_up, writes=with_words(ROWS, ROWS.ints["id"] == at(115), outcome="refused"))
    assert outcomes(refused) == {"RISK": FAIL, "RPO": FAIL}
    both = only(RISK, holding(ledger(ROWS, lost=[at(20)], wrong=[at(115)])))
    assert (both.outcome, both.value) == (FAIL, 2)


def test_a_wrong_value_is_excused_by_no_disaster() -> None:
    """An RPO grants that the youngest writes are gone, and not that they say something else."""
    assert outcomes(ledger(ROWS, wrong=[at(110)])) == {"RISK": FAIL, "RPO": FAIL}
    both = only(RPO, holding(ledger(ROWS, lost=[at(109)], wrong=[at(110)])))
    assert both.reason.startswith(
        "1 of 5701 acknowledged writes are lost, expected none: client 1 number 3301 (1 writes ack"
    )


def test_nobody_knows_what_would_have_been_lost_where_nobody_wrote() -> None:
    """The ledger stood still for the three seconds in which the pod died; a loss is one all the same."""
    silent = writes().where((writes().ints["made_ns"] < ns(71)) | (writes().ints["made_ns"] >= ns(74)))
    rows = with_ints(silent, slice(None), id=0)
    rows.ints["id"][:] = np.arange(len(rows))
    measure = only(RISK, holding(ledger(rows)))
    assert (measure.outcome, measure.receipts["watch"].ok) == (INCONCLUSIVE, False)
    assert measure.receipts["watch"].why == "pod-loss: no write was sent for 3.03 s during the fault"
    assert only(RISK, holding(ledger(rows, lost=[9]))).outcome is FAIL
    assert only(RPO, holding(ledger(rows))).outcome is PASS


def test_a_disaster_that_took_every_copy_excuses_what_the_rpo_grants_under_quorum_too() -> None:
    """Rows about other faults are not failed by what it took; older writes, and without an RPO in the plan all, are lost."""
    base = evidence()
    taken = tuple(replace(one, domain="members") for one in base.experiments["database-loss"])
    struck = {"experiments": {**base.experiments, "database-loss": taken}}

    def said(objectives: dict[str, Objective], *lost: float) -> dict[str, Outcome]:
        run = holding(ledger(ROWS, lost=[at(second) for second in lost]), **struck)
        return {v.requirement: v.outcome for v in judge(plan(objectives, durability="quorum"), run).verdicts}

    assert said(BOTH, 110) == {"RISK": PASS, "RPO": PASS}
    assert said(BOTH, 50.5) == {"RISK": FAIL, "RPO": FAIL}
    assert said(BOTH, 172) == {"RISK": FAIL, "RPO": FAIL}
    assert said({"RISK": RISK}, 110) == {"RISK": FAIL}
    strict = no_loss("database-loss")
    assert said({"RPO": RPO, "STRICT": strict}, 110) == {"RPO": PASS, "STRICT": FAIL}


def test_rows_on_other_disasters_do_not_count_what_a_loss_of_every_copy_took() -> None:
    """Also one whose own RPO is shorter."""
    base = evidence()
    taken = tuple(replace(one, domain="members") for one in base.experiments["region-loss"])
    lost = ledger(ROWS, lost=[int(np.searchsorted(ROWS.ints["made_ns"], ns(150)))])
    run = replace(base, ledger=lost, experiments={**base.experiments, "region-loss": taken})
    rows = {
        "SHORT": no_loss("database-loss", older_than="10 min"),
        "ALL": no_loss("region-loss", older_than="1 h"),
        "RISK": RISK,
    }
    for durability in ("", "quorum"):
        verdicts = judge(plan(rows, durability=durability), run).verdicts
        assert {one.requirement: one.outcome for one in verdicts} == dict.fromkeys(rows, PASS)


def test_a_disaster_was_not_before_the_last_write_that_it_took() -> None:
    """The action was sent 8 s before clients got no acknowledgement any more: 17.4 s are lost, and not 9.5 s."""
    base = evidence()
    (one,) = base.experiments["database-loss"]
    slow = replace(one, fault=replace(one.fault, confirmed_ns=ns(119.5)))
    made = ROWS.ints["made_ns"]
    answered = (made >= ns(111)) & (made < ns(118.9))
    rows = with_words(with_ints(ROWS, answered, accepted_ns=made[answered] + 5_000_000), answered, outcome="accepted")
    gone = np.flatnonzero((made >= ns(101.5)) & (made < ns(118.9))).tolist()
    experiments = {**base.experiments, "database-loss": (slow,)}
    run = replace(base, ledger=ledger(rows, lost=gone), experiments=experiments)
    for rpo, outcome in (("10 min", FAIL), ("17 min", FAIL), ("18 min", PASS)):
        judgement = judge(plan({"RPO": no_loss("database-loss", older_than=rpo)}), run)
        assert [one.outcome for one in judgement.verdicts] == [outcome], rpo
        (seen,) = [one for one in judgement.experiments if one.name == "database-loss"]
        assert seen.loss_window_s == pytest.approx(17.4, abs=0.1)


@pytest.mark.parametrize(
    ("made_s", "lost", "wrong", "expected"),
    [
        (20, 5, 0, {"RISK": FAIL, "RPO": FAIL}),
        (20, 0, 5, {"RISK": FAIL, "RPO": FAIL}),
        (100, 5, 0, {"RISK": FAIL, "RPO": INCONCLUSIVE}),
        (100, 0, 0, {"RISK": INCONCLUSIVE, "RPO": INCONCLUSIVE}),
    ],
    ids=["older than the RPO", "other values", "within the RPO", "none"],
)
def test_a_write_of_a_user_is_excused_within_the_rpo_alone(
    made_s: float, lost: int, wrong: int, expected: dict[str, Outcome]
) -> None:
    """As one of the ledger, and where the sentence grants it; without the requests of these writes nothing passes here."""
    ids, at_ns = np.arange(1, 101), np.full(100, ns(made_s))
    made = table(
        JOURNEY_WRITES, 100, id=ids, by=1, made_ns=at_ns, accepted_ns=at_ns, digest=7, item="orders", outcome="accepted"
    )
    digests, states = np.full(100, 7), ["absent"] * lost + ["found"] * (100 - lost)
    digests[lost : lost + wrong] = 8
    read = table(JOURNEY_READS, 100, id=ids, digest=digests, seen_ns=ns(195), status=200, item="orders", state=states)
    run = replace(evidence(), recorded={**evidence().recorded, JOURNEY_WRITES.name: made, JOURNEY_READS.name: read})
    asked = plan(BOTH, durability="")
    orders = AccountPlan(name="orders", path="/orders/{id}", counts="")
    asked = replace(asked, traffic={"everyday": replace(asked.traffic["everyday"], accounts=(orders,))})
    assert {one.requirement: one.outcome for one in judge(asked, run).verdicts} == expected


@pytest.mark.parametrize("objectives", [BOTH, {"RISK": RISK}])
def test_quorum_or_no_rpo_excuses_nothing_while_the_fault_goes_in_either(objectives: dict[str, Objective]) -> None:
    """Acknowledged after the database's loss was sent and before it was in: an excuse of no length excuses not that one."""
    run = holding(ledger(ROWS, lost=[at(111.2)]))
    durability = "quorum" if len(objectives) > 1 else ""
    verdicts = judge(plan(objectives, durability=durability), run).verdicts
    assert {v.outcome for v in verdicts} == {FAIL}


@pytest.mark.parametrize(
    ("books", "trouble"),
    [
        (Ledger(writes=Table.empty(LEDGER_WRITES)), "no write was recorded"),
        (
            replace(ledger(ROWS), final_reads=()),
            "the ledger was read back neither from the database nor through the entry",
        ),
        (ledger(ROWS, complete=False), "the final ledger read did not complete (no cause recorded)"),
        (
            replace(ledger(ROWS), final=Table.empty(LEDGER_FINAL)),
            "0 rows of the last read were recorded, expected 6601",
        ),
        (ledger(ROWS.where(np.arange(len(ROWS)) != 9)), "1 sequence numbers are missing in the record of writes"),
        (
            replace(ledger(ROWS), writes=ROWS.where(np.arange(len(ROWS)) < 6500)),
            "the last read found 101 rows that are missing in the record of writes",
        ),
    ],
)
def test_a_ledger_that_is_not_whole_is_never_a_pass(books: Ledger, trouble: str) -> None:
    """The reason says what is missing; missing rows of a read are not called lost."""
    measure = only(RISK, holding(books))
    assert measure.outcome is INCONCLUSIVE
    assert measure.reason.endswith(f"Not decided: {trouble}")


def behind(lost: list[int], *, wrong: tuple[int, ...] = (), complete: bool = False, found: int = 10**9) -> Ledger:
    """A ledger whose last read of the database found so many writes, and whose regions were read completely: both lack some."""
    books = ledger(ROWS, lost=lost)
    through = replace(books.final_reads[0], round=2, source="eu-west-1", at_ns=ns(END + 6))
    regional = with_words(with_ints(books.final, slice(None), round=2), slice(None), place="eu-west-1")
    regional = with_words(regional, np.isin(regional.ints["id"], list(wrong)), state="wrong")
    own = books.final.where(books.final.ints["id"] < found)
    read = replace(books.final_reads[0], complete=complete, rows=len(own))
    return replace(books, final=Table.merged(LEDGER_FINAL, [own, regional]), final_reads=(read, through))


YOUNG = list(range(at(101), at(101) + 60))
"""Acknowledged within the RPO before the database's loss."""
READ_BACK = objective(Figure.READ_BACK, Op.HOLDS, "0", operations=("writes",))


def rows_of(books: Ledger) -> dict[str, Measure]:
    """The measures of the loss row that grants an RPO, and of the region that was read back."""
    found = measures(judge(plan({"RPO": RPO, "BACK": READ_BACK}, regions={"eu-west-1": 1.0}), holding(books)))
    return {one.name: one for one in found if one.name in ("lost writes", "writes not read back")}


def test_what_would_be_excused_is_undecided_while_the_database_was_not_read_completely() -> None:
    """60 writes inside the RPO are missing in the region; the database's read broke off before it came to them."""
    searched = rows_of(behind(YOUNG, complete=True))
    assert {name: one.outcome for name, one in searched.items()} == {"lost writes": PASS, "writes not read back": PASS}
    found = rows_of(behind(YOUNG, found=YOUNG[0]))
    for measure in found.values():
        assert measure.outcome is INCONCLUSIVE, measure.reason
        assert "the final ledger read did not complete" in measure.reason
    assert (
        "(60 writes acknowledged within the RPO before a disaster are missing in a region"
        in found["lost writes"].reason
    )


def test_what_no_excuse_covers_fails_though_the_database_was_not_read_completely() -> None:
    """One is older than the RPO, one has another value in the region, and the region lacks one that the database was seen to have."""
    assert rows_of(behind([*YOUNG, at(20)], found=YOUNG[0]))["lost writes"].outcome is FAIL
    changed = rows_of(behind(YOUNG, wrong=(at(100),), found=at(90)))
    assert {name: one.outcome for name, one in changed.items()} == {"lost writes": FAIL, "writes not read back": FAIL}
    books = behind(YOUNG, found=at(150))
    extra = table(LEDGER_FINAL, 1, by=1, id=YOUNG[0], round=1, seen_ns=ns(END + 5), place="database", state="found")
    read = replace(books.final_reads[0], rows=books.final_reads[0].rows + 1)
    had = replace(
        books, final=Table.merged(LEDGER_FINAL, [extra, books.final]), final_reads=(read, books.final_reads[1])
    )
    assert {name: one.outcome for name, one in rows_of(had).items()} == {
        "lost writes": FAIL,
        "writes not read back": FAIL,
    }


def test_writes_acknowledged_after_the_last_read_are_not_known() -> None:
    """The read after the last restore is not the end."""
    books = ledger(ROWS)
    early = FinalRead(round=1, after="region-loss", complete=True, at_ns=ns(END - 10), rows=len(books.final))
    measure = only(RISK, holding(replace(books, final_reads=(early,))))
    assert measure.outcome is INCONCLUSIVE
    assert measure.reason.endswith("Not decided: 301 writes were acknowledged after the start of the last ledger read")


@pytest.mark.parametrize(
    ("source", "trouble"),
    [
        ({}, "the watcher 'ledger' wrote no record"),
        (
            {"ledger": WatchSource(name="ledger", spacing_ms=33, closed=False)},
            "the watcher 'ledger': its file is incomplete: the writer did not close it",
        ),
    ],
)
def test_a_watcher_without_an_end_never_passes(source: dict[str, WatchSource], trouble: str) -> None:
    """Its record may lack what was lost."""
    measure = only(RISK, holding(ledger(ROWS), watchers=source))
    assert (measure.outcome, measure.receipts["watch"].ok) == (INCONCLUSIVE, False)
    assert measure.reason.endswith(f"Not decided: {trouble}")


def test_an_rpo_that_no_write_was_old_enough_for_is_not_falsifiable() -> None:
    """2 h are 120 s at scale 60, and the disaster struck at 111 s; with quorum any loss would have failed."""
    objective = no_loss("database-loss", older_than="2 h")
    measure = only(objective, evidence())
    assert (measure.name, measure.outcome) == ("lost writes", NOT_ASSESSED)
    assert measure.scope == {"experiment": "database-loss", "phase": "during the fault"}
    assert (
        measure.reason
        == "this run could not have failed the sentence: no write was acknowledged more than 2 h (scaled) before database-loss, so no loss could count"
    )
    assert only(objective, evidence(), durability="quorum").outcome is PASS


@pytest.mark.parametrize(("shift_ns", "outcome"), [(0, NOT_ASSESSED), (1, PASS)])
def test_one_write_older_than_the_rpo_makes_it_falsifiable(shift_ns: int, outcome: Outcome) -> None:
    """Acknowledged exactly 60 s before the action is not older; a nanosecond earlier is."""
    rows = ROWS.where(ROWS.ints["made_ns"] >= ns(51))
    first = with_ints(rows, slice(None))
    first.ints["id"][:] -= int(first.ints["id"].min())
    first.ints["accepted_ns"][0] = ns(51) - shift_ns
    assert only(no_loss("database-loss", older_than="1 h"), holding(ledger(first))).outcome is outcome


def test_experiments_without_record_are_inconclusive_and_a_loss_is_a_loss() -> None:
    """Nothing was broken, and yet a write is gone."""
    bare = replace(evidence(), experiments={})
    assert only(RISK, bare).reason == "the run has no record of the experiment pod-loss"
    assert only(RISK, replace(bare, ledger=ledger(ROWS, lost=[at(20)]))).outcome is FAIL


def test_a_sentence_without_experiment_is_about_the_whole_run() -> None:
    """And one of a domain that nobody planned is inconclusive."""
    whole = only(no_loss(), evidence())
    assert (whole.outcome, whole.n, set(whole.receipts)) == (PASS, 5701, {"watch"})
    assert (
        only(no_loss(domains=("network",)), evidence()).reason
        == "no experiment of the kinds in this sentence was planned"
    )
    assert only(no_loss(domains=("network",)), holding(ledger(ROWS, lost=[at(20)]))).outcome is FAIL
    assert [m.scope["experiment"] for m in measures(judge(plan({"R": no_loss(domains=("pod",))}), evidence()))] == [
        "pod-loss"
    ]


def test_the_page_is_told_what_each_experiment_lost() -> None:
    """The oldest acknowledged write that is gone was almost 10 s old when the database was killed; one with another value is not gone."""
    run = holding(ledger(ROWS, lost=[at(101), at(110.5), at(112), at(140)], wrong=[at(100.5)]))
    database = next(e for e in judge(plan(), run).experiments if e.name == "database-loss")
    assert (database.writes_acknowledged, database.writes_lost, database.writes_unsure) == (600, 2, 1)
    assert database.loss_window_s == pytest.approx(9.96167)
    region = next(e for e in judge(plan(), run).experiments if e.name == "region-loss")
    assert (region.writes_lost, region.loss_window_s) == (0, None)


def test_a_later_experiment_does_not_answer_for_earlier_losses() -> None:
    """Gone since before the pod experiment ended."""
    run = holding(ledger(ROWS, lost=[at(90)]))
    results = {e.name: e.loss_window_s for e in judge(plan(), run).experiments}
    assert results == {"pod-loss": 0, "database-loss": None, "region-loss": None}


def test_the_reason_says_what_is_no_loss_too() -> None:
    """One garbled, one missing in a region, one twice, two refused and there: two are losses, the rest is said."""
    rows = down(ROWS, 20, 20.09, "outcome", "refused")
    final = ledger(ROWS, wrong=[at(30)]).final
    regional = with_words(
        with_ints(ledger(ROWS, lost=[at(31)]).final, slice(None), round=2), slice(None), place="eu-west-1"
    )
    every = Table.merged(LEDGER_FINAL, [final, final.where(final.ints["id"] == at(32)), regional])
    of_database = replace(ledger(ROWS).final_reads[0], rows=len(final) + 1)
    reads = (of_database, replace(of_database, round=2, source="eu-west-1", rows=len(regional)))
    measure = only(RISK, holding(Ledger(writes=rows, final=every, final_reads=reads)))
    assert (measure.outcome, measure.value) == (FAIL, 2)
    assert measure.reason == (
        f"2 of 5699 acknowledged writes are lost, expected none: client 1 number {at(30)}, client 1 number {at(31)} "
        "(1 have another value, 1 missing in eu-west-1, 1 are present twice, 2 were refused and are present, "
        "0 writes of unknown outcome are absent, 900 are present)"
    )


def test_the_whole_runs_ledger_is_described() -> None:
    """With reads of own writes, of which one found nothing, one another value, and one was not answered."""
    reads = table(
        LEDGER_READS,
        5,
        by=1,
        id=range(5),
        seen_ns=ns(120),
        state=["found", "absent", "wrong", "unknown", "found"],
    )
    run = holding(replace(ledger(ROWS, lost=[at(20), at(112)], wrong=[at(30)]), reads=reads))
    judgement = judge(plan(), run)
    assert judgement.ledger == LedgerResult(
        attempted=6601,
        acknowledged=5701,
        lost=2,
        wrong=1,
        missing={"database": 2},
        recovered=899,
        unsure=1,
        unexpected=0,
        twice=0,
        reads=4,
        stale=2,
    )
    found = {e.name: (e.reads_checked, e.reads_stale) for e in judgement.experiments}
    assert found == {"pod-loss": (0, None), "database-loss": (4, 2), "region-loss": (0, None)}


def test_a_run_without_writes_has_no_ledger_and_a_broken_one_says_why() -> None:
    """Nothing was written; or numbers that no client gives."""
    bare = judge(plan(), holding(Ledger()))
    assert bare.ledger is None
    assert bare.verdicts[0].outcome is not FAIL
    broken = judge(plan(), holding(ledger(with_ints(ROWS, 5, id=-1))))
    why = "the judge could not compute this figure: UsageError: the ledger contains client or sequence numbers out of range"
    assert broken.ledger == LedgerResult(why=why)
    assert {v.outcome for v in broken.verdicts if v.requirement in {"R-RISK", "R-RPO"}} == {INCONCLUSIVE}


def through_entry(books: Ledger) -> Ledger:
    """The same, read through the entry in place of the database."""
    final = with_words(books.final, slice(None), place="entry")
    return replace(books, final=final, final_reads=tuple(replace(read, source="entry") for read in books.final_reads))


def test_where_no_database_is_named_the_entry_decides_what_is_lost() -> None:
    """Over HTTP a loss is as much a loss; an RPO excuses the same."""
    assert outcomes(through_entry(ledger(ROWS))) == {"RISK": PASS, "RPO": PASS}
    assert outcomes(through_entry(ledger(ROWS, lost=[at(20)]))) == {"RISK": FAIL, "RPO": FAIL}
    assert outcomes(through_entry(ledger(ROWS, lost=[at(110)]))) == {"RISK": FAIL, "RPO": PASS}
    found = judge(plan(), holding(through_entry(ledger(ROWS, lost=[at(20)])))).ledger
    assert found is not None
    assert (found.lost, found.missing, found.unsure, found.recovered) == (1, {"entry": 1}, 0, 900)


@pytest.mark.parametrize(
    "books",
    [
        replace(ledger(ROWS), final_reads=(), final=Table.empty(LEDGER_FINAL)),
        ledger(ROWS.where(ROWS.ints["made_ns"] < 0)),
    ],
)
def test_what_was_not_looked_for_is_not_verified_and_never_nought(books: Ledger) -> None:
    """No final read was recorded, or no write: neither lost nor kept, in the whole run and in each experiment."""
    judgement = judge(plan(), holding(books))
    counts = ("lost", "wrong", "recovered", "unsure", "unexpected", "twice", "stale")
    if judgement.ledger is not None:
        assert [getattr(judgement.ledger, name) for name in counts] == [None] * 7
        assert judgement.ledger.why == "the ledger was read back neither from the database nor through the entry"
    for result in judgement.experiments:
        assert (result.writes_lost, result.writes_unsure, result.writes_wrong, result.reads_stale) == (None,) * 4
        assert result.writes_why


def test_an_incomplete_read_that_found_a_wrong_value_tells_of_that_one_only() -> None:
    """What was found was found; the rest is not verified."""
    found = judge(plan(), holding(ledger(ROWS, wrong=[at(20)], complete=False))).ledger
    assert found is not None
    assert (found.lost, found.wrong, found.unsure, found.twice) == (1, 1, None, None)
    assert found.why == "the final ledger read did not complete (no cause recorded)"


def test_each_experiment_is_told_what_became_of_its_writes() -> None:
    """Around the database's loss: one garbled, one of unknown outcome gone, one refused and there, one twice."""
    rows = with_words(ROWS, at(145), outcome="refused")
    books = ledger(ROWS, lost=[at(112)], wrong=[at(140)])
    again = Table.merged(LEDGER_FINAL, [books.final, books.final.where(books.final.ints["id"] == at(141))])
    own = replace(books, writes=rows, final=again, final_reads=(replace(books.final_reads[0], rows=len(again)),))
    found = {e.name: e for e in judge(plan(), holding(own)).experiments}
    database, pod = found["database-loss"], found["pod-loss"]
    counts = ("writes_lost", "writes_wrong", "writes_unsure", "writes_recovered", "writes_twice", "writes_unexpected")
    assert [getattr(database, name) for name in counts] == [1, 1, 1, 599, 1, 1]
    assert [getattr(pod, name) for name in counts] == [0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize(("lost", "outcome"), [(111 - 60, PASS), (111 - 60 - 0.04, FAIL), (112, PASS), (112.04, FAIL)])
def test_the_excuse_begins_at_the_rpo_before_the_action_and_ends_when_the_fault_was_in(
    lost: float, outcome: Outcome
) -> None:
    """Sent at 111 s, in at 112 s, RPO 60 s: both edges are excused, one write beyond them is not."""
    rows = writes(per_s=25)
    done = replace(rows, ints={**rows.ints, "accepted_ns": rows.ints["made_ns"]})
    books = ledger(done, lost=[round(lost * 25)])
    base = holding(books)
    alone = replace(base, experiments={"database-loss": base.experiments["database-loss"]})
    assert only(RPO, alone).outcome is outcome


def test_a_disaster_whose_fault_nobody_saw_excuses_up_to_the_action() -> None:
    """Not confirmed: what was acknowledged after it was sent is no youngest write."""
    base = holding(ledger(ROWS, lost=[at(111.2)]))
    attempt = base.experiments["database-loss"][0]
    assert only(RPO, replace(base, experiments={"database-loss": (attempt,)})).outcome is PASS
    unseen = replace(attempt, fault=replace(attempt.fault, confirmed_ns=None))
    assert only(RPO, replace(base, experiments={"database-loss": (unseen,)})).outcome is FAIL


@given(st.sets(st.integers(0, 3299), max_size=40), st.sets(st.integers(0, 3299), max_size=10))
@settings(max_examples=15)
def test_planted_losses_and_wrong_values_are_found_exactly(lost: set[int], wrong: set[int]) -> None:
    """Set arithmetic, nothing else."""
    account = account_of(ledger(ROWS, lost=sorted(lost), wrong=sorted(wrong - lost)))
    assert set(account.lost.sequence.tolist()) == lost | wrong
    assert experiment("pod-loss", "pod", 70, 100).fault.hit
