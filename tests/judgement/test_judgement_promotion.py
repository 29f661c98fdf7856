"""A promotion by hand leaves the chosen member, and no other, as the primary; and loses no newest row."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from judgement_builders import (
    every,
    evidence,
    experiment,
    ledger,
    measures,
    ns,
    objective,
    observation,
    plan,
    pod,
    samples,
    table,
    window,
    with_words,
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
    Observation,
    Op,
    Outcome,
    Phase,
    Table,
    fault_name,
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


def order(at: float, member: str = "pg_2", name: str = "order-promotion", status: str = "succeeded") -> Observation:
    """The activity that gives an order."""
    times = {"started_ns": ns(at), "ended_ns": ns(at + 0.1)}
    fields = {"name": name, "type": "action", "status": status, "output": member, **times}
    return observation("activity", "database-loss", at + 0.1, "chaos-database-loss", **fields)


def run(looks: Table, *, member: str = "pg_2", name: str = "order-promotion", status: str = "succeeded") -> Evidence:
    """The primary dies at 111 s, the order is given at 112 s, the nodes are uncordoned at 145 s."""
    base = evidence()
    return replace(base, replicas=looks, observations=(*base.observations, order(112.0, member, name, status)))


def judged(given: Evidence) -> list[Measure]:
    """The measures of the promotion."""
    return measures(judge(plan({"R": PROMOTED}), given))


@pytest.mark.parametrize("looks", [roles(pg_1=132), roles(pg_2=132, pg_1=135)])
def test_another_member_that_leads_is_a_failure(looks: Table) -> None:
    """Instead of the chosen one, or beside it."""
    (found,) = judged(run(looks))
    assert found.outcome is FAIL
    assert "another member was primary after the order: pg_1" in found.reason


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


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (("pg_2",), "only the role of pg_2 was read, expected the role of every member"),
        (("pg_0", "pg_2"), ""),
        (("pg_0", "pg_1", "pg_2"), ""),
    ],
)
def test_a_member_is_the_only_primary_where_the_others_were_asked(asked: tuple[str, ...], why: str) -> None:
    """Of the chosen one alone it is known that it leads, not that no other does."""
    looks = roles(pg_2=132)
    (found,) = judged(run(looks.where(np.logical_or.reduce([looks.words["member"].equals(each) for each in asked]))))
    assert found.outcome is (INCONCLUSIVE if why else PASS)
    assert why in found.reason


@pytest.mark.parametrize(
    ("error", "hit", "outcome"),
    [("timeout", "pg-0", INCONCLUSIVE), ("refused", "pg-0", PASS), ("timeout", "pg_1", PASS)],
)
def test_a_member_that_is_silent_all_the_time_may_lead(error: str, hit: str, outcome: Outcome) -> None:
    """It gave its role before the order; one that refuses connections, and the one that was hit, lead nothing."""
    looks = roles(pg_2=132)
    at_ns = looks.ints["at_ns"]
    silent = looks.words["member"].equals("pg_1") & (at_ns >= ns(112)) & (at_ns < ns(145))  # its node is back then
    given = run(with_words(looks, silent, role=None, error=error))
    (attempt,) = given.experiments["database-loss"]
    struck = replace(attempt, fault=replace(attempt.fault, hit=(replace(attempt.fault.hit[0], name=hit),)))
    (found,) = judged(replace(given, experiments={**given.experiments, "database-loss": (struck,)}))
    assert found.outcome is outcome, found.reason


@pytest.mark.parametrize("confirmed", [True, False])
def test_two_primaries_in_an_attempt_that_does_not_count_are_a_failure(*, confirmed: bool) -> None:
    """The first order made two, the second, a hundred seconds later, one; whether its fault was confirmed or not."""
    given, later = run(roles(pg_2=132, pg_1=135)), ns(100) - ns(0)
    (one,) = given.experiments["database-loss"]
    times = ("sent_ns", "confirmed_ns", "undone_ns", "gone_ns")
    moved = replace(one.fault, **{each: getattr(one.fault, each) + later for each in times})
    two = replace(experiment("database-loss", "database", 210.0, 250.0), attempt=2, fault=moved)
    good = roles(pg_2=132)
    good = replace(good, ints={**good.ints, "at_ns": good.ints["at_ns"] + later})
    first = one if confirmed else replace(one, fault=replace(one.fault, confirmed_ns=None))
    dead = replace(pod(211.5, "deleted", "pg-0", "u-pg"), workload="pg")
    under = replace(window(samples(211, 250), 211, 250, "database-loss"), name=fault_name("database-loss", 2))
    both = replace(
        given,
        windows={**given.windows, under.name: under},
        replicas=Table.merged(REPLICAS, [given.replicas, good]),
        observations=(*given.observations, order(212.0)),
        pods=(*given.pods, dead),
        experiments={**given.experiments, "database-loss": (first, two)},
    )
    found = {measure.scope.get("attempt"): measure for measure in judged(both)}
    assert {number: measure.outcome for number, measure in found.items()} == {None: PASS, "1": FAIL}
    assert "another member was primary after the order: pg_1" in found["1"].reason


@pytest.mark.parametrize(("name", "status"), [("hold", "succeeded"), ("order-promotion", "failed")])
def test_without_an_order_there_was_no_promotion_by_hand(name: str, status: str) -> None:
    """Whoever led was not told to."""
    (found,) = judged(run(roles(pg_2=132), name=name, status=status))
    assert found.outcome is INCONCLUSIVE
    assert "no order to promote a member was recorded" in found.reason


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
