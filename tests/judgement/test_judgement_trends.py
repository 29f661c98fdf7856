"""What is compared and what drifts, from recorded runs: releases in one window, a run and its baseline, growth over a window."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from judgement_builders import ROUTES, failing, measures, ns, objective, plan, samples, with_ints, with_load, with_words

from harness.judgement import judge
from harness.judgement.figures.trends.improvement import unlike
from harness.judgement.figures.trends.timed import Times, answered_well, counted, longest_stall_ns
from harness.model import Baseline, Evidence, Figure, Measure, Missing, Objective, Op, Outcome, Per, Plan, Table, Worker
from harness.model.records.table import Bools

PASS, FAIL, INCONCLUSIVE, NOT_ASSESSED = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.NOT_ASSESSED
TURN = np.arange(6000)
CANARY = TURN % 10 == 3
"""One request in ten, on every second route."""
SPREAD = 0.75 + 0.5 * np.random.default_rng(1).permutation(6000) / 6000
"""Three quarters to five quarters, in no order."""


def judged(one: Objective, run: Evidence) -> list[Measure]:
    """The measures of one objective."""
    return measures(judge(plan({"R": one}), run))


def only(one: Objective, run: Evidence) -> Measure:
    """The one measure of an objective."""
    (measure,) = judged(one, run)
    return measure


def rows(*, start: float = 0.0, ms: float = 20.0, canary_ms: float = 20.0, grows: float = 0.0) -> Table:
    """A minute of 6 000 requests at an even rate, spread evenly around `ms`; one in ten is release 1.1.0's."""
    table = samples(start, start + 60)
    due = table.ints["intended_ns"]
    latency = np.where(CANARY, canary_ms, ms) * SPREAD + grows * (due - ns(start)) / ns(60)
    timed = with_ints(table, slice(None), done_ns=due + np.round(latency * 1e6).astype(np.int64))
    return with_words(timed, slice(None), release=np.where(CANARY, "1.1.0", "1.0.0"))  # type: ignore[arg-type]


def unanswered(table: Table, at: Bools, *, release: str | None = None) -> Table:
    """No answer where `at` says, so that nobody knows which release failed."""
    return with_words(failing(table, at, status=0, error="timeout"), at, release=release)


# drift ---------------------------------------------------------------------------------------------------------


def drift(limit: str, **fields: object) -> Objective:
    """The response time p95 of every route grows by less than a limit an hour; a minute of the window is an hour."""
    return objective(Figure.DRIFT, Op.BELOW, limit, **{"quantile": 0.95, "per": Per.ROUTE, **fields})


def test_response_times_that_stay_do_not_drift() -> None:
    """One measure a route; each says over how long it was seen and what an hour is here."""
    found = judged(drift("10 ms"), with_load(rows()))
    assert {m.scope["route"]: m.outcome for m in found} == dict.fromkeys(ROUTES, PASS)
    first = found[0]
    assert first.name == "drift of the response time p95"
    assert first.reason.startswith("the growth of the response time p95 of create-track in an hour is ")
    assert first.reason.endswith(
        "n 25), expected below 10 ms; observed over 57.6 s, an hour is 60 s at the time scale of the target"
    )
    assert (first.unit, first.scaled_limit, first.n, first.n_needed) == ("ms", 10.0, 25, None)
    assert first.scope == {"traffic": "everyday", "phase": "in the steady state", "route": "create-track"}
    assert first.method.startswith("Theil-Sen slope of 25 time batches")
    assert first.receipts["load"].ok
    assert first.files == ("load/everyday/samples-0.parquet",)


def test_growth_over_the_limit_fails() -> None:
    """Forty milliseconds in the window, which is an hour."""
    found = judged(drift("20 ms"), with_load(rows(grows=40)))
    assert [m.outcome for m in found] == [FAIL] * 4
    assert [m.value for m in found] == pytest.approx([40] * 4, abs=4)


def test_growth_needs_a_generator_that_kept_its_schedule() -> None:
    """Neither PASS nor FAIL without the load's receipt."""
    for grows in (0.0, 40.0):
        run = with_load(rows(grows=grows), workers=(Worker(id=0, rows=6000, closed=False, why="it was killed"),))
        assert [m.outcome for m in judged(drift("20 ms"), run)] == [INCONCLUSIVE] * 4


def test_a_jump_is_told_and_does_not_fail() -> None:
    """Thirty milliseconds more from the middle on: no growth on either side."""
    table = rows()
    late = table.ints["intended_ns"] >= ns(30)
    jumped = with_ints(table, late, done_ns=table.ints["done_ns"][late] + 30_000_000)
    for m in judged(drift("10 ms"), with_load(jumped)):
        assert m.outcome is PASS
        assert m.reason.endswith(", a jump 30 s after the start of the window does not count as growth")


def test_an_hour_is_an_hour_at_scale_1() -> None:
    """Sixty times the growth of a minute, and nothing is said of a scale."""
    run = with_load(rows(grows=1))
    scaled = measures(judge(plan({"R": drift("20 ms")}), run))[0]
    (first, *_) = measures(judge(plan({"R": drift("20 ms")}, time_scale=1.0), run))
    assert (first.value or 0) == pytest.approx(60 * (scaled.value or 0), rel=1e-4)
    assert first.reason.endswith("; observed over 57.6 s. Not decided: 25 time batches are too few to decide")


@pytest.mark.parametrize(("kept", "outcome"), [(1200, PASS), (1199, INCONCLUSIVE)])
def test_drift_takes_twenty_batches_of_sixty_requests(kept: int, outcome: Outcome) -> None:
    """Three of them over the p95 on average; of 1 500 requests of a route so many are kept."""
    table = rows()
    read = np.flatnonzero(table.words["name"].equals("read-track"))
    dropped = np.zeros(len(table), dtype=np.bool_)
    dropped[read[np.linspace(0, len(read) - 1, len(read) - kept).astype(int)]] = True
    assert int(dropped.sum()) == len(read) - kept
    run = with_load(table.where(~dropped))
    found = {m.scope["route"]: m for m in judged(drift("100 ms"), run)}["read-track"]
    assert (found.outcome is INCONCLUSIVE and "time batches" in found.reason) is (outcome is INCONCLUSIVE)
    if outcome is INCONCLUSIVE:
        assert found.reason == "read-track received 1199 requests, expected about 1200 for 20 time batches"
        assert found.hint == "let the traffic run longer, then run again"


def test_at_most_sixty_batches() -> None:
    """A median needs six requests a batch: 1 500 would make 250."""
    assert [m.n for m in judged(drift("100 ms", quantile=0.5), with_load(rows()))] == [60] * 4


def test_a_route_without_samples_has_no_drift() -> None:
    """A planned route of which nothing was recorded is INCONCLUSIVE."""
    table = rows()
    found = judged(drift("100 ms"), with_load(table.where(~table.words["name"].equals("sign-in"))))
    (absent,) = [m for m in found if m.scope["route"] == "sign-in"]
    assert absent.outcome is INCONCLUSIVE
    assert absent.reason.startswith("sign-in received 0 requests, expected about 1200 for 20 time batches")


def test_batches_without_answers_have_no_quantile() -> None:
    """Nobody answered for six seconds: a matter of errors, and no growth can be told."""
    table = rows()
    due = table.ints["intended_ns"]
    found = judged(drift("100 ms"), with_load(unanswered(table, (due >= ns(30)) & (due < ns(36)))))
    assert [m.outcome for m in found] == [INCONCLUSIVE] * 4
    assert found[0].reason.startswith(
        "in 3 of 25 time batches more than 5 % of the requests of create-track had no answer"
    )


# improvement ---------------------------------------------------------------------------------------------------

LOWER = objective(Figure.IMPROVEMENT, Op.AT_LEAST, "40 %", quantile=0.95)


def baseline(table: Table, **fields: object) -> Baseline:
    """A run of a minute an age ago."""
    window = replace(
        with_load(table).windows["everyday/fault-free"],
        start_ns=ns(1000),
        end_ns=ns(1060),
        files=("baseline/load/x.parquet",),
    )
    return Baseline(plan=plan(**{"run": "run-0", "release": "0.9.0", **fields}), windows={"everyday": window})  # type: ignore[arg-type]


def against(now: Table, before: Table, **fields: object) -> Evidence:
    """A run with its baseline."""
    return replace(with_load(now), baseline=baseline(before, **fields))


SLOW = rows(start=1000, ms=100, canary_ms=100)


@pytest.mark.parametrize(
    ("ms", "outcome"), [(50.0, PASS), (58.0, PASS), (60.0, INCONCLUSIVE), (62.0, FAIL), (70.0, FAIL), (200.0, FAIL)]
)
def test_forty_percent_lower_than_the_baseline(ms: float, outcome: Outcome) -> None:
    """The bound on the bad side decides."""
    measure = only(LOWER, against(rows(ms=ms, canary_ms=ms), SLOW))
    assert measure.outcome is outcome, measure.reason
    assert measure.value == pytest.approx(1 - ms / 100)


def test_without_a_baseline_nothing_is_compared() -> None:
    """INCONCLUSIVE, with what to do."""
    measure = only(LOWER, with_load(rows()))
    assert (measure.outcome, measure.reason) == (INCONCLUSIVE, "no baseline run was given")
    assert measure.hint == "name an earlier run of the same target and traffic with `--baseline RUN`"


def test_a_baseline_of_something_else_is_no_baseline() -> None:
    """Another time scale."""
    measure = only(LOWER, against(rows(), SLOW, time_scale=1.0))
    assert measure.outcome is INCONCLUSIVE
    assert (
        measure.reason
        == "the baseline run-0 cannot be compared with this run: time scale: 60 in this run, 1.0 in the baseline"
    )


def test_a_baseline_without_the_window_is_no_baseline() -> None:
    """Its traffic was planned, and is not there."""
    run = replace(with_load(rows()), baseline=replace(baseline(SLOW), windows={}))
    assert only(LOWER, run).reason == "the baseline run-0 has no fault-free window of the traffic everyday"


def test_a_baseline_whose_generator_was_killed_bears_nothing() -> None:
    """Its receipt counts as this run's own does."""
    before = baseline(SLOW)
    window = replace(before.windows["everyday"], workers=(Worker(id=0, rows=1, closed=False),))
    run = replace(with_load(rows(ms=50, canary_ms=50)), baseline=replace(before, windows={"everyday": window}))
    measure = only(LOWER, run)
    assert measure.outcome is INCONCLUSIVE
    assert (
        "expected at least 40 %; 61.25 ms in this run, 122.5 ms in the baseline run-0 with release 0.9.0. Not decided: in the baseline worker 0: its file is incomplete: the writer did not close it"
        in measure.reason
    )
    assert measure.receipts["load"].files == ("load/everyday/samples-0.parquet", "baseline/load/x.parquet")


def test_failures_never_make_an_improvement() -> None:
    """Failures of the baseline do not slow it, quick ones of this run do not speed it up, and unanswered ones slow it."""
    now, some = rows(ms=58, canary_ms=58), TURN % 10 == 1
    slower = only(LOWER, against(now, failing(SLOW, some))).value or 0
    assert slower <= (only(LOWER, against(now, SLOW)).value or 0) + 0.01
    assert only(LOWER, against(unanswered(now, some), SLOW)).outcome is INCONCLUSIVE
    quick = with_ints(now, some, done_ns=now.ints["intended_ns"][some])
    assert (only(LOWER, against(failing(quick, some), SLOW)).value or 0) == pytest.approx(0.42, abs=0.01)


def test_a_spoilt_baseline_bears_nothing() -> None:
    """Another file of it is edited."""
    run = replace(against(rows(), SLOW), missing=(Missing(file="baseline/history/run.ndjson", why="is gone"),))
    assert only(LOWER, run).reason == "baseline/history/run.ndjson is missing or incomplete: is gone"
    run = replace(run, missing=(Missing(file="load/everyday/samples-0.parquet", why="is gone"),))
    assert only(LOWER, run).outcome is INCONCLUSIVE


@pytest.mark.parametrize("one", [drift("100 ms"), objective(Figure.MORE_ERRORS, Op.BELOW, "9 points", params={})])
def test_what_is_read_from_samples_needs_them_whole(one: Objective) -> None:
    """And is not harmed by a baseline that is not."""
    run = replace(with_load(rows()), missing=(Missing(file="load/everyday/samples-0.parquet", why="is gone"),))
    assert judged(one, run)[0].reason == "load/everyday/samples-0.parquet is missing or incomplete: is gone"
    run = replace(run, missing=(Missing(file="baseline/plan.json", why="is gone"),))
    assert "whole" not in judged(one, run)[0].reason


def other(**fields: object) -> Plan:
    """A plan whose everyday traffic is of another size."""
    given = plan()
    return replace(given, traffic={"everyday": replace(given.traffic["everyday"], **fields)})  # type: ignore[arg-type]


def test_what_makes_a_run_no_baseline(subtests: pytest.Subtests) -> None:
    """Target, scale, size, course and entry; not release, seed, profile or length."""
    cases = [
        (plan(), ""),
        (plan(run="r", release="x", seed=7, profile="other"), ""),
        (other(window_s=300.0, warm_up_s=1.0, workers=3), ""),
        (plan(target="staging"), "target: sandbox in this run, staging in the baseline"),
        (plan(environment="staging"), "environment: sandbox in this run, staging in the baseline"),
        (plan(time_scale=61), "time scale: 60 in this run, 61 in the baseline"),
        (other(journeys_per_s=26.0), "journeys a second of 'everyday' traffic: 25.0 in this run, 26.0 in the baseline"),
        (other(requests_per_journey=5), "requests a journey of 'everyday' traffic: 4 in this run, 5 in the baseline"),
        (
            other(model="closed"),
            "the load model of 'everyday' traffic: ('open', 'poisson') in this run, ('closed', 'poisson') in the baseline",
        ),
        (
            other(routes={"a": 1.0}),
            f"shares of the routes of 'everyday' traffic: {dict.fromkeys(ROUTES, 0.25)} in this run, {{'a': 1.0}} in the baseline",
        ),
        (
            other(rates=((0.0, 10.0), (60.0, 40.0))),
            "the rate over time of 'everyday' traffic: () in this run, ((0.0, 10.0), (60.0, 40.0)) in the baseline",
        ),
        (
            other(trace_ns=tuple(range(1000, 2000))),
            f"arrivals of the trace of 'everyday' traffic: () in this run, {str(tuple(range(1000, 2000)))[:200]}… in the baseline",
        ),
        (other(entry="edge"), "the entry of 'everyday' traffic: none in this run, edge in the baseline"),
        (other(users=300, think_s=1.0), ""),
        (plan(traffic={}), "the baseline has no 'everyday' traffic"),
    ]
    for number, (baseline_plan, why) in enumerate(cases):
        with subtests.test(why, number=number):
            assert unlike(plan(), baseline_plan, ["everyday"]) == why


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({}, ""),
        ({"users": 10.0}, "users of 'everyday' traffic: (20.0, 1.0) in this run, (10.0, 1.0) in the baseline"),
        ({"think_s": 2.0}, "users of 'everyday' traffic: (20.0, 1.0) in this run, (20.0, 2.0) in the baseline"),
    ],
)
def test_users_who_wait_for_answers_make_the_size_of_a_closed_model(fields: dict[str, float], why: str) -> None:
    """Half as many who pause for half as long would come to as many journeys a second, if answers took no time."""
    given = {"model": "closed", "users": 20.0, "think_s": 1.0}
    assert unlike(other(**given), other(**{**given, **fields}), ["everyday"]) == why


def test_a_run_without_the_traffic_has_no_baseline() -> None:
    """The other way round."""
    assert unlike(plan(traffic={}), plan(), ["everyday"]) == "this run has no 'everyday' traffic"
    assert unlike(plan(traffic={}), plan(), []) == ""


# releases ------------------------------------------------------------------------------------------------------


def more_errors(limit: str = "1 points", **params: str) -> Objective:
    """Errors of 1.1.0 above those of 1.0.0."""
    given = {"release": "1.1.0", "other_release": "1.0.0", **params}
    return objective(Figure.MORE_ERRORS, Op.BELOW, limit, params=given)


def slowdown(limit: str = "20 %", **params: str) -> Objective:
    """The p95 of 1.1.0 above that of 1.0.0."""
    given = {"release": "1.1.0", "other_release": "1.0.0", **params}
    return objective(Figure.SLOWDOWN, Op.BELOW, limit, quantile=0.95, params=given)


def each(n: int, of: Bools = CANARY) -> Bools:
    """Every n-th of those."""
    at = np.zeros(len(of), dtype=np.bool_)
    at[np.flatnonzero(of)[::n]] = True
    return at


@pytest.mark.parametrize(("nth", "outcome"), [(200, INCONCLUSIVE), (10, FAIL), (3, FAIL)])
def test_a_canary_that_fails_more(nth: int, outcome: Outcome) -> None:
    """Every n-th of its requests fails, of a limit of one in a hundred."""
    measure = only(more_errors(), with_load(failing(rows(), each(nth))))
    assert measure.outcome is outcome, measure.reason
    assert measure.value == pytest.approx(1 / nth)


def test_failures_that_name_no_release_are_charged_before_a_pass_only() -> None:
    """Thirty requests had no answer: not enough for a FAIL of anybody, too many for a PASS of the canary."""
    run = with_load(unanswered(rows(), each(180, ~CANARY)))
    measure = only(more_errors(), run)
    assert measure.outcome is INCONCLUSIVE
    assert measure.value == 0
    assert (measure.high or 0) > 0.04
    assert "30 failures named no release and count against 1.1.0 for a PASS" in measure.reason
    assert only(more_errors("10 points"), run).outcome is PASS


def test_an_error_counts_though_the_generator_lagged() -> None:
    """Its schedule matters to latencies only; its files matter to all."""
    table = rows()
    late = with_ints(table, slice(None), sent_ns=table.ints["intended_ns"] + 10_000_000)
    assert only(more_errors(), with_load(late)).outcome is PASS
    assert only(slowdown(), with_load(late)).outcome is INCONCLUSIVE
    killed = (Worker(id=0, rows=6000, closed=False),)
    assert only(more_errors(), with_load(rows(), workers=killed)).outcome is INCONCLUSIVE
    assert only(more_errors(), with_load(failing(rows(), each(3)), workers=killed)).outcome is FAIL
    assert only(slowdown(), with_load(rows(canary_ms=40), workers=killed)).outcome is INCONCLUSIVE


@pytest.mark.parametrize("one", [more_errors(), slowdown()])
@pytest.mark.parametrize(
    ("release", "why"),
    [
        ("1.2.0", "no answer named release 1.2.0; the answers named 1.0.0, 1.1.0"),
        (None, "no answer named release 1.1.0; the answers named no release"),
    ],
)
def test_a_release_that_did_not_serve_is_not_compared(one: Objective, release: str | None, why: str) -> None:
    """INCONCLUSIVE, with the releases that did."""
    if release is None:
        run = with_load(with_words(rows(), slice(None), release=None))
    else:
        run, one = with_load(rows()), replace(one, params={**one.params, "other_release": release})
    measure = only(one, run)
    assert (measure.outcome, measure.reason) == (INCONCLUSIVE, why)
    assert (
        measure.hint
        == "let both releases serve in the window and name themselves in the header x-release of their answers, then run again"
    )


@pytest.mark.parametrize(
    ("canary_ms", "outcome"), [(20.0, PASS), (22.0, PASS), (24.0, INCONCLUSIVE), (27.0, FAIL), (40.0, FAIL)]
)
def test_a_slower_canary(canary_ms: float, outcome: Outcome) -> None:
    """Against a limit of 20 % above 20 ms."""
    measure = only(slowdown(), with_load(rows(canary_ms=canary_ms)))
    assert measure.outcome is outcome, measure.reason
    assert measure.value == pytest.approx(canary_ms / 20 - 1, abs=0.01)


def test_a_failure_slower_than_the_limit_slows_the_canary() -> None:
    """One in ten failed after 40 ms, where the limit is at 29: left out, the canary would look as quick as the other."""
    table, some = rows(), each(10)
    late = with_ints(table, some, done_ns=table.ints["intended_ns"][some] + 40_000_000)
    assert only(slowdown(), with_load(failing(late, some))).value == pytest.approx(40 / 24.49 - 1, abs=0.01)


def test_unanswered_requests_of_nobody_slow_the_canary_before_a_pass() -> None:
    """As for its errors; failures of the stable release do not make it slower."""
    run = with_load(unanswered(rows(), each(90, ~CANARY)))
    assert only(slowdown(), run).outcome is INCONCLUSIVE
    failed = with_load(failing(rows(canary_ms=22), each(3, ~CANARY)))
    assert only(slowdown(), failed).outcome is PASS


def test_looking_often_stops_at_the_first_look_that_tells() -> None:
    """A canary that fails one in seven: the second of four looks has seen enough, with half of the requests."""
    run = with_load(failing(rows(), each(7)))
    measure = only(more_errors(analyses="4"), run)
    assert measure.outcome is FAIL
    assert measure.n == 300
    assert measure.reason.endswith("; analysis 2 of 4, which share one error budget")
    assert only(more_errors(), run).n == 600


def test_looking_often_ends_with_the_last_look() -> None:
    """Nothing is told by any: the last has all requests and nearly all of the confidence."""
    measure = only(more_errors(analyses="4"), with_load(failing(rows(), each(200))))
    assert (measure.outcome, measure.n) == (INCONCLUSIVE, 600)
    assert measure.confidence == pytest.approx(0.9736251)
    assert "analysis 4 of 4" in measure.reason
    assert only(more_errors(), with_load(failing(rows(), each(200)))).confidence == pytest.approx(0.95)


def test_a_pass_of_an_early_look_takes_more_confidence() -> None:
    """No failure in sight: half of the requests bear five points, at 99.45 %."""
    measure = only(more_errors("5 points", analyses="2"), with_load(rows()))
    assert (measure.outcome, measure.n) == (PASS, 300)
    assert measure.confidence == pytest.approx(0.9944254)


def test_a_long_stall_leaves_too_few_batches() -> None:
    """Everything failed for six seconds of sixty: INCONCLUSIVE, with what was seen."""
    table = rows()
    due = table.ints["intended_ns"]
    measure = only(more_errors(), with_load(failing(table, (due >= ns(30)) & (due < ns(36)))))
    assert measure.outcome is INCONCLUSIVE
    assert measure.reason == (
        "the longest stall is too long: the window is shorter than 20 batches of twice its length; "
        "60 of 600 requests failed, 540 of 5400 in the other release"
    )
    assert measure.hint == "let the traffic run longer, then run again"


# timed ---------------------------------------------------------------------------------------------------------


def few(*done_ms: float) -> Table:
    """A request a millisecond, each done after so long."""
    table = samples(0, len(done_ms) / 100)
    due = table.ints["intended_ns"]
    return with_ints(table, slice(None), done_ns=due + np.round(np.array(done_ms) * 1e6).astype(np.int64))


def at(n: int, *places: int) -> Bools:
    """True there."""
    return np.isin(np.arange(n), places)


@pytest.mark.parametrize(
    ("table", "good", "held"),
    [
        (few(5, 7, 9), [5, 7, 9], [5, 7, 9]),
        (failing(few(5, 7, 9), at(3, 0)), [7, 9], [7, 9]),
        (failing(few(5, 7, 9), at(3, 1)), [5, 9], [5, 7, 9]),
        (failing(few(5, 7, 9), at(3, 2)), [5, 7], [5, 7, 9]),
        (failing(few(5, 7, 9), at(3, 0), status=0), [7, 9], [math.inf, 7, 9]),
        (failing(few(5, 7, 9), at(3, 0), error="cut_off"), [7, 9], [math.inf, 7, 9]),
    ],
)
def test_which_requests_count(table: Table, good: Sequence[float], held: Sequence[float]) -> None:
    """On the good side those without failure; held against 7 ms also failures that took as long, and all without an answer."""
    assert answered_well(table).ms.tolist() == good
    assert counted(table, 7.0).ms.tolist() == held
    assert len(counted(table, 7.0).at_ns) == len(held)


def test_a_quantile_of_times() -> None:
    """Whatever their order; of nothing there is none."""
    times = Times(at_ns=np.arange(4), ms=np.array([4.0, 1.0, 3.0, 2.0]))
    assert (times.quantile(0.5), times.quantile(0.95)) == (2.0, 4.0)
    assert math.isnan(Times(at_ns=np.arange(0), ms=np.array([])).quantile(0.5))


def test_the_longest_stall() -> None:
    """A second of failures, and one of slow answers; nothing stalls where nothing is."""
    due = np.arange(0, ns(60), ns(0.01))
    struck = (due >= ns(10)) & (due < ns(11))
    span = (0, ns(60))
    assert longest_stall_ns(due, struck, span) == pytest.approx(ns(1), abs=ns(0.3))
    slow = Times(at_ns=due, ms=np.where(struck, 500.0, 20.0))
    assert slow.stall_ns(0.95, span) == pytest.approx(ns(1), abs=ns(0.3))
    assert longest_stall_ns(due, np.zeros(len(due), dtype=np.bool_), span) == 0
    assert Times(at_ns=due[:0], ms=np.array([])).stall_ns(0.95, span) == 0
    batched = slow.batched(span, 4)
    assert (batched.batches, batched.batch[[0, 1499, 1500, -1]].tolist()) == (4, [0, 0, 1, 3])
