"""A promotion by hand leaves the chosen member, and no other, as the primary; and loses no newest row."""

from __future__ import annotations

from dataclasses import replace

import pytest
from judgement_builders import (
    every,
    evidence,
    ledger,
    measures,
    ns,
    objective,
    observation,
    plan,
    table,
    writes,
)

from harness.judgement import judge
from harness.model import (
    JOURNEY_READS,
    JOURNEY_WRITES,
    REPLICAS,
    AccountPlan,
    Evidence,
    Figure,
    Measure,
    Op,
    Outcome,
    Phase,
    Table,
)

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
PROMOTED = objective(Figure.PROMOTION, Op.BELOW, "45 s", experiments=("database-loss",), phase=Phase.FAULT)
NEWEST = objective(Figure.NEWEST_ROWS, Op.HOLDS, "0", experiments=("database-loss",), phase=Phase.FAULT)


def roles(**primary_from: float) -> Table:
    """Looks at three members, five a second, from 110 s to 150 s; each named one leads from its time on."""
    due = every(110, 150, 5.0)
    parts = []
    for member in ("pg_0", "pg_1", "pg_2"):
        since = primary_from.get(member, 1000.0)
        words = ["primary" if at >= ns(since) else "replica" for at in due.tolist()]
        parts.append(table(REPLICAS, len(due), at_ns=due, lag_ns=0, member=member, role=words))
    return Table.merged(REPLICAS, parts)


def run(looks: Table, *, member: str = "pg_2", name: str = "order-promotion", status: str = "succeeded") -> Evidence:
    """The primary dies at 111 s, the order is given at 112 s, the nodes are uncordoned at 145 s."""
    order = observation(
        "activity",
        "database-loss",
        112.1,
        "chaos-database-loss",
        name=name,
        type="action",
        started_ns=ns(112),
        ended_ns=ns(112.1),
        status=status,
        output=member,
    )
    base = evidence()
    return replace(base, replicas=looks, observations=(*base.observations, order))


def judged(given: Evidence) -> list[Measure]:
    """The measures of the promotion."""
    return measures(judge(plan({"R": PROMOTED}), given))


def test_the_chosen_member_leads_in_time() -> None:
    """Twenty seconds after the order."""
    (found,) = judged(run(roles(pg_2=132)))
    assert (found.outcome, found.value, found.scope["member"]) == (PASS, 20.0, "pg_2")
    assert "pg_2 was ordered to lead, and it was the only primary after 20 s, expected within 45 s" in found.reason


@pytest.mark.parametrize("looks", [roles(pg_1=132), roles(pg_2=132, pg_1=135)])
def test_another_member_that_leads_is_a_failure(looks: Table) -> None:
    """Instead of the chosen one, or beside it."""
    (found,) = judged(run(looks))
    assert found.outcome is FAIL
    assert "pg_1 led after the order" in found.reason


def test_a_member_that_was_not_seen_to_lead_fails_once_it_was_watched_for_the_limit() -> None:
    """33 s were watched: not enough for 45 s, enough for 30 s."""
    assert judged(run(roles()))[0].outcome is INCONCLUSIVE
    short = replace(PROMOTED, limit=replace(PROMOTED.limit, value=30.0))
    (found,) = measures(judge(plan({"R": short}), run(roles())))
    assert found.outcome is FAIL


def test_a_member_that_was_not_asked_proves_nothing() -> None:
    """It answered no look for two seconds, in which another may have led."""
    looks = roles(pg_2=132)
    at = looks.ints["at_ns"]
    kept = ~looks.words["member"].equals("pg_2") | (at < ns(120)) | (at > ns(122))
    assert judged(run(looks.where(kept)))[0].outcome is INCONCLUSIVE


@pytest.mark.parametrize(("name", "status"), [("hold", "succeeded"), ("order-promotion", "failed")])
def test_without_an_order_there_was_no_promotion_by_hand(name: str, status: str) -> None:
    """Whoever led was not told to."""
    (found,) = judged(run(roles(pg_2=132), name=name, status=status))
    assert found.outcome is INCONCLUSIVE
    assert "left no record of an order" in found.reason


ACCOUNT = AccountPlan(name="tracks", path="/tracks/{id}", fields=("title",))


def wrote(absent: tuple[int, ...] = (), unread: tuple[int, ...] = ()) -> Evidence:
    """One track a second was created from 100 s to 150 s, number 110 at 110.5 s, and all but some were read back."""
    ids = list(range(100, 150))
    at = [ns(number + 0.5) for number in ids]
    made = table(JOURNEY_WRITES, len(ids), id=ids, made_ns=at, accepted_ns=at, item="tracks", outcome="accepted")
    read = [number for number in ids if number not in unread]
    states = ["absent" if number in absent else "found" for number in read]
    found = table(JOURNEY_READS, len(read), id=read, seen_ns=ns(210), status=200, item="tracks", state=states)
    return replace(evidence(), recorded={JOURNEY_WRITES.name: made, JOURNEY_READS.name: found})


def newest(given: Evidence) -> dict[str, Measure]:
    """The measures of the newest rows, by what they are of."""
    base = plan({"R": NEWEST})
    traffic = {"everyday": replace(base.traffic["everyday"], accounts=(ACCOUNT,))}
    return {one.scope["of"]: one for one in measures(judge(replace(base, traffic=traffic), given))}


def test_nothing_is_lost_of_ledger_and_tables() -> None:
    """The ledger, and the table that journeys write."""
    found = newest(wrote())
    assert {name: one.outcome for name, one in found.items()} == {"ledger": PASS, "tracks": PASS}
    assert found["tracks"].reason == (
        "database-loss: 0 of 41 rows of tracks that were acknowledged around the fault are gone, expected 0"
    )


def test_the_newest_row_of_a_table_that_is_gone_fails() -> None:
    """Acknowledged half a second before the primary died."""
    found = newest(wrote(absent=(110,)))
    assert (found["tracks"].outcome, found["tracks"].value, found["ledger"].outcome) == (FAIL, 1.0, PASS)


def test_a_row_that_was_lost_long_before_was_not_lost_by_the_promotion() -> None:
    """Acknowledged ten seconds before the fault."""
    assert newest(wrote(absent=(101,)))["tracks"].outcome is PASS


def test_newest_rows_that_were_not_read_back_prove_nothing() -> None:
    """The one before the fault was not asked for."""
    assert newest(wrote(unread=(110,)))["tracks"].outcome is INCONCLUSIVE


def test_a_write_of_the_ledger_that_is_gone_fails() -> None:
    """Number 3315, acknowledged at 110.5 s."""
    given = wrote()
    base = evidence().ledger.writes
    assert len(base) == len(writes())
    found = newest(replace(given, ledger=ledger(base, lost=(3315,))))
    assert (found["ledger"].outcome, found["ledger"].value) == (FAIL, 1.0)
