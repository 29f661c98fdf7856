"""Every acknowledged write is there once, and read back equal in every region."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judgement_builders import (
    END,
    evidence,
    lag,
    lags,
    ledger,
    measures,
    no_loss,
    ns,
    objective,
    plan,
    table,
    with_experiment,
    with_words,
)

from harness.judgement import judge
from harness.judgement.figures.ledger.journey_writes import journey_accounts
from harness.judgement.ledger.account import account_of
from harness.judgement.ledger.excuses import unexcused
from harness.model import (
    JOURNEY_READS,
    JOURNEY_REPEATS,
    JOURNEY_WRITES,
    LEDGER_FINAL,
    LEDGER_READS,
    PIPELINE,
    AccountPlan,
    Evidence,
    Figure,
    FinalRead,
    Ledger,
    Measure,
    Op,
    Outcome,
    Plan,
    Table,
    WatchSource,
)

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
ROWS = evidence().ledger.writes
EACH_FIFTH = len(ROWS) // 5
"""As many reads as the watch makes of so many writes."""
REGIONS = ("ap-southeast-1", "eu-west-1", "us-east-1")


def through(region: str, number: int, at_s: float, lost: Sequence[int] = ()) -> tuple[Table, FinalRead]:
    """A read of the ledger through a region, which lacks some."""
    found = ledger(ROWS, lost=lost)
    rows = found.final
    own = table(
        LEDGER_FINAL,
        len(rows),
        by=rows.ints["by"],
        id=rows.ints["id"],
        round=number,
        seen_ns=ns(at_s),
        place=region,
        state="found",
    )
    return own, FinalRead(round=number, after="end", complete=True, at_ns=ns(at_s), rows=len(own), source=region)


def regional(*lost: int, at_s: float = END + 6, lacking: str = "eu-west-1", **fields: Any) -> Evidence:
    """The run whose regions were read back; one of them lacks some writes."""
    books = ledger(ROWS)
    parts = [through(r, n, at_s, lost if r == lacking else ()) for n, r in enumerate(REGIONS, start=2)]
    final = Table.merged(LEDGER_FINAL, [books.final, *(rows for rows, _ in parts)])
    reads = (*books.final_reads, *(read for _, read in parts))
    return replace(evidence(), ledger=replace(books, final=final, final_reads=reads, reads=own_reads()), **fields)


def own_reads(n: int = EACH_FIFTH, state: str = "found", after_s: float = 0.001) -> Table:
    """Reads of own writes, right after their acknowledgement."""
    at = np.arange(n)
    done = ROWS.ints["accepted_ns"][at]
    return table(
        LEDGER_READS,
        n,
        by=1,
        id=at,
        sent_ns=done + ns(after_s),
        seen_ns=done + ns(after_s) + 1_000_000,
        status=200,
        state=state,
    )


def judged(figure: Figure, run: Evidence, of: Plan | None = None, **sentences: Any) -> list[Measure]:
    """The measures of one sentence about the ledger, first in the plan."""
    sentence = objective(figure, Op.HOLDS, "0", sentence="s")
    return [m for m in measures(judge(of or plan({"R": sentence, **sentences}), run)) if m.sentence == "s"]


def test_a_row_that_is_there_twice_fails_its_own_sentence_and_no_loss_row() -> None:
    """Two of them."""
    books = ledger(ROWS)
    again = Table.merged(LEDGER_FINAL, [books.final, books.final.at(np.array([3, 4]))])
    run = replace(
        evidence(),
        ledger=replace(books, final=again, final_reads=(replace(books.final_reads[0], rows=len(again)),)),
    )
    (measure,) = judged(Figure.COPIES, run)
    assert (measure.outcome, measure.value) == (FAIL, 2)
    assert measure.reason == (
        "2 of 5701 acknowledged writes of the ledger are present twice, expected none: client 1 number 3, client 1 number 4; "
        "571 acknowledged writes were sent a second time with the same key"
    )
    assert measures(judge(plan({"R": no_loss("pod-loss")}), run))[0].outcome is PASS
    more = Table.merged(LEDGER_FINAL, [books.final, books.final.at(np.array([3, 4, 5, 6]))])
    many = replace(books, final=more, final_reads=(replace(books.final_reads[0], rows=len(more)),))
    assert (
        judged(Figure.COPIES, replace(evidence(), ledger=many))[0]
        .reason.partition(";")[0]
        .endswith("client 1 number 5…")
    )
    assert judged(Figure.COPIES, evidence())[0].outcome is PASS
    assert judged(Figure.COPIES, Evidence())[0].outcome is INCONCLUSIVE


def events(twice: int = 0, again: int = 201) -> Evidence:
    """A hundred accepted events, of which every fifth was sent once more; so many are visible twice."""
    n = np.arange(100)
    rows = table(
        PIPELINE,
        100,
        id=n,
        accepted_ns=1,
        seen_ns=2,
        copies=np.where(n < twice, 2, 1),
        again=np.where(n % 5 == 0, again, 0),
        outcome="accepted",
        state=["twice" if k < twice else "found" for k in n.tolist()],
    )
    base = evidence()
    return replace(
        base,
        pipeline=rows,
        watchers={**base.watchers, "pipeline": WatchSource(name="pipeline", spacing_ms=1000, closed=True)},
    )


@pytest.mark.parametrize(
    ("run", "outcome", "why"),
    [
        (
            events(),
            PASS,
            "0 of 100 acknowledged events are present twice, expected none; 20 acknowledged writes were sent a second time with the same key",
        ),
        (events(2), FAIL, "2 of 100 acknowledged events are present twice"),
        (
            events(again=0),
            INCONCLUSIVE,
            "Not decided: a duplicate could hardly occur; expected repetitions of at least 2 % of the acknowledged writes",
        ),
        (events(again=503), INCONCLUSIVE, "0 acknowledged writes were sent a second time with the same key"),
        (events(again=409), PASS, "20 acknowledged writes were sent a second time with the same key"),
    ],
)
def test_an_event_that_was_sent_twice_is_visible_once(run: Evidence, outcome: Outcome, why: str) -> None:
    """A platform that ignores the key of an event shows it twice; one to which none came twice has shown nothing."""
    found = {measure.scope["of"]: measure for measure in judged(Figure.COPIES, run)}
    assert found["pipeline"].outcome is outcome
    assert why in found["pipeline"].reason


def journeys(counts: Sequence[int], state: str = "found", again: int = 10) -> Evidence:
    """Two tracks were played five times each; so many plays of each were there at the end, and so many were sent twice."""
    writes = table(
        JOURNEY_WRITES,
        10,
        id=[1, 2] * 5,
        digest=[1, 1, 2, 2, 3, 3, 4, 4, 5, 5],
        made_ns=1,
        accepted_ns=2,
        item="plays",
        outcome="accepted",
    )
    ids = np.arange(len(counts)) + 1
    reads = table(JOURNEY_READS, len(counts), id=ids, digest=counts, seen_ns=3, item="plays", state=state)
    repeats = table(
        JOURNEY_REPEATS, again, first_ns=1, made_ns=2, accepted_ns=3, status=201, id=1, answered_id=1, item="plays"
    )
    tables = {"journey-writes": writes, "journey-reads": reads, "journey-repeats": repeats}
    return replace(evidence(), recorded=tables)


@pytest.mark.parametrize(
    ("run", "outcome", "why"),
    [
        (journeys([5, 5]), PASS, "plays: of 10 acknowledged writes with a read-back, all are present once"),
        (
            journeys([5, 5], again=9),
            INCONCLUSIVE,
            "9 acknowledged writes were sent a second time with the same key. Not decided: a duplicate could hardly occur",
        ),
        (journeys([5, 4]), FAIL, "1 lost"),
        (journeys([5, 6]), FAIL, "1 doubled"),
        (journeys([5]), INCONCLUSIVE, "Not decided: 1 items could not be read"),
        (journeys([0, 0], "unknown"), INCONCLUSIVE, "Not decided: 2 items could not be read"),
        (evidence(), INCONCLUSIVE, "Not decided: no item was read back"),
    ],
)
def test_what_journeys_wrote_is_there_once(run: Evidence, outcome: Outcome, why: str) -> None:
    """A release that forgets, or counts twice, what users played."""
    sentence = objective(Figure.COPIES, Op.HOLDS, "0", sentence="s")
    bare = plan({"R": sentence}, durability="quorum")
    account = AccountPlan(name="plays", path="/tracks/{id}", counts="plays")
    everyday = replace(bare.traffic["everyday"], accounts=(account,))
    _, measure = judged(Figure.COPIES, run, replace(bare, traffic={"everyday": everyday}))
    assert measure.outcome is outcome
    assert why in measure.reason
    if "lost" in why:
        lax = replace(bare, durability="", traffic={"everyday": everyday})
        assert judged(Figure.COPIES, run, lax)[1].outcome is INCONCLUSIVE


@pytest.mark.parametrize(
    ("domain", "at_s", "lost"), [("members", 110, 0), ("members", 40, 2), ("members", 140, 2), ("database", 110, 2)]
)
def test_plays_that_a_disaster_took_with_every_copy_decide_nothing(domain: str, at_s: float, lost: int) -> None:
    """The last play of each of two tracks is not counted: sent within the RPO before the disaster, before that, after it, and where copies remained."""
    base = journeys([4, 4])
    rows = base.recorded["journey-writes"]
    made = np.where(rows.ints["digest"] == 5, ns(at_s), rows.ints["made_ns"])
    reads = base.recorded["journey-reads"]
    late = {**reads.ints, "seen_ns": np.full(len(reads), ns(190))}
    moved = {
        "journey-writes": replace(rows, ints={**rows.ints, "made_ns": made}),
        "journey-reads": replace(reads, ints=late),
    }
    taken = [replace(one, domain=domain) for one in base.experiments["database-loss"]]
    run = with_experiment(taken, replace(base, recorded={**base.recorded, **moved}))
    granted = plan({"R": no_loss("database-loss", older_than="1 h")}, durability="quorum")
    account = AccountPlan(name="plays", path="/tracks/{id}", counts="plays")
    known = replace(granted, traffic={"everyday": replace(granted.traffic["everyday"], accounts=(account,))})
    (result,) = journey_accounts(known, run)
    assert (result.lost, result.twice, result.wrong) == (lost, 0, 0)


def test_a_write_that_no_account_covers_is_never_sent_twice() -> None:
    """Users create tracks by POST, and no journey accounts for them: idempotency is not known of every write."""
    run = evidence()
    windows = {
        name: replace(one, samples=with_words(one.samples, slice(None), method="POST"))
        for name, one in run.windows.items()
    }
    *_, measure = judged(Figure.COPIES, replace(run, windows=windows))
    assert (measure.outcome, measure.scope) == (INCONCLUSIVE, {"of": "other writes"})
    assert "of create-track" in measure.reason
    assert (
        "have no account and were not sent a second time with the same key. Not decided: a duplicate" in measure.reason
    )


def test_a_number_of_lost_journey_writes_is_no_bound_where_items_were_not_read() -> None:
    """One play of the first track is lost and the second track was not read: the receipt says so."""
    sentence = objective(Figure.COPIES, Op.HOLDS, "0", sentence="s")
    bare = plan({"R": sentence}, durability="quorum")
    account = AccountPlan(name="plays", path="/tracks/{id}", counts="plays")
    counted = replace(bare, traffic={"everyday": replace(bare.traffic["everyday"], accounts=(account,))})
    for counts, receipts in (([4], {"watch": False}), ([4, 5], {})):
        _, measure = judged(Figure.COPIES, journeys(counts), counted)
        assert measure.outcome is FAIL
        assert {name: receipt.ok for name, receipt in measure.receipts.items()} == receipts


def test_every_region_reads_back_what_the_database_has() -> None:
    """Three regions, and the reads right after the acknowledgement."""
    found = judged(Figure.READ_BACK, regional())
    assert [(m.scope.get("region"), m.outcome) for m in found] == [*((r, PASS) for r in REGIONS), (None, PASS)]
    lacking = judged(Figure.READ_BACK, regional(20, 21))[1]
    assert (lacking.outcome, lacking.value) == (FAIL, 2)
    assert lacking.reason == (
        "eu-west-1: the last read lacks 2 of 5701 acknowledged writes that the database has, or shows other values: client 1 number 20, client 1 number 21"
    )


def test_lag_is_lag_until_the_time_that_the_plan_allows_it_is_over() -> None:
    """The last write was acknowledged at 219.97 s; read at 221 s with a lag of 10 s allowed, and again at 235 s."""
    last = len(ROWS) - 1
    early = regional(last, at_s=221)
    assert judged(Figure.READ_BACK, early)[1].outcome is FAIL
    assert judged(Figure.READ_BACK, early, LAG=lag("10 s"))[1].outcome is INCONCLUSIVE
    (loss,) = measures(judge(plan({"R": no_loss("pod-loss"), "LAG": lag("10 s")}), early))[:1]
    assert (loss.outcome, loss.value) == (INCONCLUSIVE, 0)
    assert loss.reason.endswith(
        "1 writes are missing in eu-west-1, which was read so soon after them that its replica may lag"
    )
    late = regional(last, at_s=235)
    assert judged(Figure.READ_BACK, late, LAG=lag("10 s"))[1].outcome is FAIL


@pytest.mark.parametrize(
    ("reads", "outcome"),
    [
        (own_reads(), PASS),
        (own_reads(state="absent"), FAIL),
        (own_reads(1, "wrong"), FAIL),
        (with_words(own_reads(), slice(0, 10), state="absent"), PASS),
        (Table.merged(LEDGER_READS, [own_reads(), own_reads(1, "absent", 11)]), FAIL),
        (own_reads(0), INCONCLUSIVE),
        (own_reads(EACH_FIFTH // 3), INCONCLUSIVE),
    ],
)
def test_reads_right_after_the_acknowledgement_may_lag_and_no_more(reads: Table, outcome: Outcome) -> None:
    """Some find nothing yet: lag. Most, later ones, or another value: none. Fewer than a tenth of the writes read back decide nothing."""
    run = regional()
    run = replace(run, ledger=replace(run.ledger, reads=reads))
    assert judged(Figure.READ_BACK, run, LAG=lag("10 s"))[-1].outcome is outcome


@pytest.mark.parametrize(
    ("ms", "stale", "outcome"), [(40.0, 0.49, PASS), (40.0, 0.9, FAIL), (0.0, 0.49, FAIL), (0.0, 0.01, FAIL)]
)
def test_a_stale_read_is_lag_only_where_lag_was_measured(ms: float, stale: float, outcome: Outcome) -> None:
    """Two of three members lag by 40 ms, which explains half of the reads and not nine tenths; by none, which explains not one."""
    reads = own_reads()
    reads = with_words(reads, slice(0, round(stale * len(reads))), state="absent")
    run = regional()
    run = replace(run, ledger=replace(run.ledger, reads=reads), replicas=lags(0, END, ms))
    assert judged(Figure.READ_BACK, run, LAG=lag("10 s"))[-1].outcome is outcome


def read_before(books: Ledger, at_s: float, lacking: Sequence[int] = ()) -> Ledger:
    """The ledger with an earlier read of the database."""
    own = ROWS.where((ROWS.ints["accepted_ns"] < ns(at_s)) & ~np.isin(ROWS.ints["id"], list(lacking)))
    rows = table(
        LEDGER_FINAL,
        len(own),
        by=own.ints["by"],
        id=own.ints["id"],
        round=0,
        seen_ns=ns(at_s),
        place="database",
        state="found",
    )
    first = FinalRead(round=0, after="pod-loss", complete=True, at_ns=ns(at_s), rows=len(rows))
    return replace(
        books,
        final=Table.merged(LEDGER_FINAL, [rows, books.final]),
        final_reads=(first, *books.final_reads),
    )


def at(second: float) -> int:
    """The number of the first write that was sent then or later."""
    return int(np.searchsorted(ROWS.ints["made_ns"], ns(second)))


RPO = no_loss("database-loss", older_than="1 h")


def test_only_what_the_last_read_before_the_disaster_still_found_is_excused(subtests: pytest.Subtests) -> None:
    """The pod's loss is over at 100 s, the database's lasts from 111 to 150 s: what the first took, or was still there later, the second excuses not."""
    for name, books, lost in [
        ("no earlier read", ledger(ROWS, lost=[at(60)]), 1),
        ("found after the pod's loss", read_before(ledger(ROWS, lost=[at(60)]), 105), 0),
        ("gone after the pod's loss", read_before(ledger(ROWS, lost=[at(60)]), 105, lacking=[at(60)]), 1),
        ("sent after the pod's loss", ledger(ROWS, lost=[at(107)]), 0),
        ("sent after the earlier read", read_before(ledger(ROWS, lost=[at(107)]), 105), 0),
        ("found after the disaster", read_before(ledger(ROWS, lost=[at(100.5)]), 151), 1),
        ("missing in a copy alone", regional(at(107)).ledger, 1),
    ]:
        with subtests.test(name):
            assert len(unexcused(account_of(books), plan(), replace(evidence(), ledger=books), RPO)) == lost


@given(st.sets(st.integers(0, 3299), max_size=20))
@settings(max_examples=15)
def test_no_excuse_is_wider_than_the_sentence(lost: set[int]) -> None:
    """Without an RPO nothing is excused; with one, never more than is lost, and nothing under quorum."""
    books = ledger(ROWS, lost=sorted(lost))
    run, account = replace(evidence(), ledger=books), account_of(books)
    bare = replace(RPO, older_than=None)
    assert len(unexcused(account, plan(), run, bare)) == len(lost)
    assert len(unexcused(account, plan(durability="quorum"), run, RPO)) == len(lost)
    granted = unexcused(account, plan(), run, RPO)
    longer = unexcused(account, plan(time_scale=30), run, RPO)
    assert set(longer.sequence.tolist()) <= set(granted.sequence.tolist()) <= lost
    alone = with_experiment([replace(evidence().experiments["pod-loss"][0])], replace(run, experiments={}))
    assert len(unexcused(account, plan(), alone, RPO)) == len(lost)


def test_where_no_write_was_sent_twice_none_could_be_there_twice() -> None:
    """A run that was recorded before writes were repeated, or of a watcher that repeats none."""
    run = evidence()
    for repeated in (0, 1):
        again = np.zeros(len(run.ledger.writes), dtype=np.int64)
        again[: 40 * repeated] = 201
        writes = replace(run.ledger.writes, ints={**run.ledger.writes.ints, "again": again})
        found = judged(Figure.COPIES, replace(run, ledger=replace(run.ledger, writes=writes)))[0]
        assert found.outcome is INCONCLUSIVE
        assert (
            f"{40 * repeated} acknowledged writes were sent a second time with the same key. Not decided: a duplicate"
            in found.reason
        )
