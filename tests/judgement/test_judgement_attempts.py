"""One experiment under two traffics: each attempt is judged, and the one under the sentence's own traffic can pass it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import test_judgement_alert_errors as errors
import test_judgement_alerts as alerts
import test_judgement_containers as containers
import test_judgement_coupling as coupling
import test_judgement_equal_copies as copies
import test_judgement_promotion as promotion
import test_judgement_returned_share as returned
import test_judgement_slow_queries as queries
from judgement_builders import evidence, ledger, measures, objective, plan, pod

from harness.judgement import judge
from harness.judgement.receipts.faults.attempts import counted_attempt, harmful_attempts
from harness.model import Evidence, Figure, Hit, Op, Outcome, Phase, Restore, fault_name
from tests.builders import statement_reads
from tests.builders.recorder import ns

FAIL, PASS = Outcome.FAIL, Outcome.PASS


def twice(*, confirmed: bool = True) -> Evidence:
    """A pod is killed under the everyday traffic, its successor is there after 29 s; under peak traffic that one is killed, and replaced in 3 s."""
    run = evidence()
    (attempt,) = run.experiments["pod-loss"]
    first = replace(attempt, observed_until_ns=ns(105), restore=Restore(ok=True, at_ns=ns(105)))
    hit = Hit(kind="pod", name="track-new", namespace="us-east-1", uid="u-new", region="us-east-1", workload="track")
    fault = replace(first.fault, sent_ns=ns(111), confirmed_ns=ns(112), hit=(hit,))
    restored = Restore(ok=True, at_ns=ns(150))
    second = replace(
        first, attempt=2, observed_from_ns=ns(110), observed_until_ns=ns(150), restore=restored, fault=fault
    )
    if not confirmed:
        first = replace(first, fault=replace(first.fault, confirmed_ns=None))
    pods = (
        pod(1, "ready", "track-old", "u-old"),
        pod(71.5, "deleted", "track-old", "u-old"),
        pod(100, "ready", "track-new", "u-new"),
        pod(111.5, "deleted", "track-new", "u-new"),
        pod(114, "ready", "track-3", "u-3"),
    )
    window = run.windows[fault_name("pod-loss", 1)]
    peak = replace(window, name=fault_name("pod-loss", 2), traffic="peak", start_ns=ns(110), end_ns=ns(150))
    windows = {**run.windows, peak.name: peak}
    return replace(run, pods=pods, windows=windows, experiments={"pod-loss": (first, second)})


@pytest.mark.parametrize(("traffic", "number"), [("everyday", 1), ("peak", 2), ("another", 2), (None, 2)])
def test_the_attempt_that_counts_is_one_under_the_traffic(traffic: str | None, number: int) -> None:
    """Of an unknown traffic, and of none, the last one; the other can only fail a sentence."""
    counted = counted_attempt(plan({}), twice(), "pod-loss", traffic)
    assert counted is not None
    assert counted.attempt == number
    assert [other.attempt for other in harmful_attempts(plan({}), twice(), "pod-loss", traffic)] == [3 - number]


@pytest.mark.parametrize("traffic", ["everyday", "peak", None])
def test_an_attempt_that_fails_is_not_hidden_by_the_next_one(traffic: str | None) -> None:
    """29 s of 10 s allowed, whichever of both counts."""
    asked = objective(Figure.REPLACED, Op.BELOW, "10 s", experiments=("pod-loss",), phase=Phase.FAULT, traffic=traffic)
    found = measures(judge(plan({"R": asked}), twice()))
    assert {(one.scope["pod"], one.outcome) for one in found if one.outcome is FAIL} == {("track-old", FAIL)}


def test_an_attempt_that_was_not_confirmed_fails_nothing() -> None:
    """Whether the fault was in is unknown."""
    asked = objective(Figure.REPLACED, Op.BELOW, "10 s", experiments=("pod-loss",), phase=Phase.FAULT, traffic=None)
    found = measures(judge(plan({"R": asked}), twice(confirmed=False)))
    assert [one.outcome for one in found] == [PASS]


def again(run: Evidence, name: str) -> Evidence:
    """The run in which a second attempt counts, at the same time and with the same end as the first."""
    (attempt,) = run.experiments[name]
    windows = dict(run.windows)
    if (own := windows.get(fault_name(name, 1))) is not None:
        windows[fault_name(name, 2)] = replace(own, name=fault_name(name, 2))
    both = (attempt, replace(attempt, attempt=2))
    return replace(run, windows=windows, experiments={**run.experiments, name: both})


def loses(number: int) -> Evidence:
    """A run whose ledger lost one acknowledged write."""
    return replace(promotion.wrote(), ledger=ledger(evidence().ledger.writes, lost=(number,)))


UNTOLD = alerts.run(alerts.alert("firing", alerts.SENT + 2), alerts.alert("resolved", alerts.RESTORED + 20))
MANY_TOLD = alerts.run(*(alerts.notice(turn, alerts.SENT + 3 + turn, alerts.SENT + 2) for turn in range(9)))
QUERIES = replace(
    queries.quiet(),
    observations=(
        *queries.quiet().observations,
        queries.rule(),
        *statement_reads.reads(160, {statement_reads.PLAY: statement_reads.slow(queries.SLOW, 140)}),
    ),
)
BACK_LATE = copies.run(copies.copy("pg-0"), copies.copy("pg-1"), copies.copy("pg-2", back=copies.HEALED + 70))


def test_every_figure_of_a_fault_judges_each_attempt_that_was_sent(subtests: pytest.Subtests) -> None:
    """Two of them failed, and both are on record, whichever counts."""
    for asked, run, name in [
        (promotion.PROMOTED, promotion.run(promotion.roles(pg_2=132, pg_1=135)), "database-loss"),
        (promotion.NEWEST, loses(3315), "database-loss"),
        (containers.HUNG, containers.run("hung", containers.served(containers.SENT)), "hung"),
        (containers.UNREADY, containers.run("unready", containers.served(122)), "unready"),
        (returned.SENTENCE, returned.run(320), "region-loss"),
        (copies.EQUAL, BACK_LATE, "network-partition"),
        (coupling.SENTENCE, coupling.gone("sign-in"), "pod-loss"),
        (errors.fires(errors.MANY), errors.run(), errors.MANY),
        (errors.TEXT, errors.run(*errors.FIRED, errors.notice("it is high")), errors.MANY),
        (alerts.RESOLVED, UNTOLD, "database-loss"),
        (alerts.DELIVERED, UNTOLD, "database-loss"),
        (alerts.GROUPED, MANY_TOLD, "database-loss"),
        (queries.NAMED, QUERIES, "database-loss"),
    ]:
        with subtests.test(asked.figure.value, name=name):
            planned = plan({"R": asked}, route_needs=coupling.NEEDS)
            once, twice_ = (
                [m for m in measures(judge(planned, each)) if m.outcome is FAIL and m.scope.get("experiment") == name]
                for each in (run, again(run, name))
            )
            assert once
            assert not any("attempt" in one.scope for one in once)
            assert len(twice_) == 2 * len(once)
            assert {one.scope.get("attempt") for one in twice_} == {None, "1"}
