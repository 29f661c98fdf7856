"""KPIs of the fault-free window, and the users that they were taken with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from judgement_builders import (
    ROUTES,
    S,
    down,
    errors,
    evidence,
    failing,
    health,
    lag,
    lags,
    measures,
    ns,
    p95,
    plan,
    samples,
    share,
    uptime,
    users,
    window,
    with_ints,
    with_load,
    with_words,
)

from harness.judgement import judge
from harness.judgement.figures.indicators import response_ms
from harness.judgement.figures.traffic.users import users_each_second
from harness.model import (
    REPLICAS,
    Evidence,
    Measure,
    Objective,
    Observation,
    Outcome,
    Per,
    Phase,
    Table,
    Words,
    Worker,
)
from harness.model.records.table import Bools

PASS, FAIL, INCONCLUSIVE, NOT_ASSESSED = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.NOT_ASSESSED


def judged(objective: Objective, run: Evidence | None = None) -> list[Measure]:
    """The measures of one objective."""
    return measures(judge(plan({"R": objective}), run or evidence()))


def only(objective: Objective, run: Evidence | None = None) -> Measure:
    """The one measure of an objective."""
    (measure,) = judged(objective, run)
    return measure


def up(objective: Objective, run: Evidence | None = None) -> tuple[Measure, Measure]:
    """The two measures of uptime: of probes, of seconds."""
    of_probes, of_seconds = judged(objective, run)
    return of_probes, of_seconds


def outcomes(found: Sequence[Measure], key: str) -> dict[str, Outcome]:
    """Outcomes by a word of their scope."""
    return {m.scope[key]: m.outcome for m in found}


def route(name: str, rows: Table) -> Bools:
    """Where the rows are of one route."""
    return rows.words["name"].equals(name)


def slow(rows: Table, at: Bools, ms: float = 300.0) -> Table:
    """Requests that took that long from their intended time."""
    ints = dict(rows.ints)
    ints["done_ns"] = np.where(at, rows.ints["intended_ns"] + ns(ms / 1000), rows.ints["done_ns"])
    return replace(rows, ints=ints)


ROWS = samples(0, 60)


def test_every_route_has_its_own_figure_and_the_worst_decides() -> None:
    """One route of four over 200 ms."""
    run = with_load(slow(ROWS, route("read-track", ROWS)))
    found = judged(p95(), run)
    assert outcomes(found, "route") == {**dict.fromkeys(ROUTES, PASS), "read-track": FAIL}
    worst = next(m for m in found if m.outcome is FAIL)
    assert worst.reason == (
        "response time p95 of read-track is 300 ms (at least 300 ms with 99.75 % confidence, n 1500), expected below 200 ms; "
        "by serving region: ap-southeast-1 300 ms, eu-west-1 300 ms, us-east-1 300 ms"
    )
    assert (worst.value, worst.unit, worst.limit, worst.scaled_limit) == (300.0, "ms", "200 ms", 200.0)
    assert worst.hint == "`readiness why R` shows the evidence; fix the platform, then run again"
    (verdict,) = judge(plan({"R": p95()}), run).verdicts
    assert verdict.outcome is FAIL


def test_a_route_that_slows_in_the_second_half_of_the_window_fails() -> None:
    """50 % of a route's requests over the limit: how often that comes the window does not show, but a guard proves it of what happened."""
    late = ROWS.ints["intended_ns"] >= ns(30)
    *found, guard = judged(p95(), with_load(slow(ROWS, late & route("sign-in", ROWS))))
    assert outcomes(found, "route") == {**dict.fromkeys(ROUTES, PASS), "sign-in": INCONCLUSIVE}
    assert (guard.outcome, guard.scope["guard"]) == (FAIL, "region that served us-east-1")


def test_the_method_says_which_model_of_load_it_was_and_from_when_on_it_counts() -> None:
    """Open from the intended send time, closed from the actual one; a traffic that is not in the plan was open."""
    asked = p95(per=Per.ALL)
    assert only(asked).method == "raw samples with order-statistic bounds; open model, from the intended send time"
    planned = plan({"R": asked})
    closed = replace(planned.traffic["everyday"], model="closed")
    for traffic, words in (
        ({"everyday": closed}, "closed model, from the actual send time"),
        ({}, "open model, from the intended send time"),
    ):
        (measure,) = measures(judge(replace(planned, traffic=traffic), evidence()))
        assert measure.method.endswith(words)


def test_a_stall_of_the_machine_does_not_fail_a_healthy_platform() -> None:
    """Half a second in which 50 of 18 800 requests are slow: p95 passes, p99 cannot be told, and says what to do."""
    rows = samples(0, 188)
    at = np.arange(len(rows))
    rows = slow(rows, (at >= 6000) & (at < 6050))
    run = replace(evidence(), windows={"everyday/fault-free": window(rows, 0, 188)})
    assert only(p95(per=Per.ALL), run).outcome is PASS
    measure = only(p95(per=Per.ALL, quantile=0.99), run)
    assert measure.outcome is INCONCLUSIVE
    assert measure.reason == (
        "response time p99 of all routes together is 29 ms (at most 300 ms), expected below 200 ms. Not decided: "
        "bad samples are clustered by time (1 episode, the longest 0.7 s), and with fewer than 15 clusters the next may be 5 times as large. "
        "No number of requests at this rate would decide"
    )
    assert (
        measure.hint
        == "find the cause of the bad samples on the run's page (`readiness.html`), correct it, then run again"
    )


def test_six_failures_of_one_journey_are_one_and_six_of_six_are_six() -> None:
    """Of 18 800 requests, half a minute apart: six alone bear less than 0.1 %; a journey, connection or account that fails whole may be any."""
    rows = failing(samples(0, 188), slice(1003, 18_003, 3000))
    alone = replace(evidence(), windows={"everyday/fault-free": window(rows, 0, 188)})
    assert only(errors(), alone).outcome is PASS
    for column, rule in (("arrival", "journey"), ("connection", "connection"), ("account", "account")):
        own = np.arange(len(rows)) // 4 + 1
        own[1003:18_003:3000] = 1
        steps = np.array(rows.words["step"].text(), dtype=object)
        steps[1003:18_003:3000] = [str(5 + i) for i in range(6)]
        shared = replace(rows, ints={**rows.ints, column: own}, words={**rows.words, "step": Words.of(steps.tolist())})
        measure = only(errors(), replace(alone, windows={"everyday/fault-free": window(shared, 0, 188)}))
        assert measure.outcome is INCONCLUSIVE
        assert f"clustered by {rule} (1 with several)" in measure.reason


def test_one_outage_is_neither_a_pass_nor_a_fail_and_many_failures_are() -> None:
    """2 s of errors at once, and as many failures here and there."""
    at_once = only(errors(), with_load(failing(ROWS, slice(2000, 2200))))
    assert at_once.outcome is INCONCLUSIVE
    assert at_once.method == (
        "share, clustered by time (1 episode, the longest 2.2 s): "
        "exact binomial bounds (Clopper-Pearson) for an effective count of 1"
    )
    assert only(errors(), with_load(failing(ROWS, slice(0, None, 30)))).outcome is FAIL


def test_one_route_by_name_is_judged_alone() -> None:
    """And all routes together where the sentence says so."""
    run = with_load(slow(ROWS, route("read-track", ROWS)))
    assert only(p95(subject="sign-in"), run).outcome is PASS
    assert only(p95(per=Per.ALL), run).outcome is FAIL
    assert outcomes(judged(p95(per=Per.REGION)), "region") == {
        "home": PASS,
        "us-east-1": INCONCLUSIVE,
        "eu-west-1": INCONCLUSIVE,
        "ap-southeast-1": INCONCLUSIVE,
    }


def test_p95_of_too_few_requests_says_how_many_are_needed() -> None:
    """58 requests bear no p95, 59 do."""
    rows = samples(0, 0.58)
    short = replace(evidence(), windows={"everyday/fault-free": window(rows, 0, 0.58)})
    measure = only(p95(per=Per.ALL), short)
    assert (measure.outcome, measure.n, measure.n_needed, measure.high) == (INCONCLUSIVE, 58, 59, None)
    assert measure.reason == (
        "response time p95 of all routes together is 29 ms (at least 28 ms), expected below 200 ms. Not decided: "
        "58 requests are too few to decide, about 59 at this rate would prove PASS"
    )
    assert (
        measure.hint
        == "lengthen the load (`for` in loadtests/everyday.yaml) until about 59 requests are recorded, then run again"
    )
    bearing = replace(evidence(), windows={"everyday/fault-free": window(samples(0, 0.59), 0, 0.59)})
    assert only(p95(per=Per.ALL), bearing).outcome is PASS


def test_requests_cut_off_or_unanswered_count_as_over_the_limit() -> None:
    """They are the slowest, whatever their row says."""
    for error in ("cut_off", "refused"):
        rows = failing(ROWS, np.arange(len(ROWS)) % 10 == 0, status=0, error=error)
        measure = only(p95(per=Per.ALL), with_load(rows))
        assert (measure.outcome, measure.value) == (FAIL, None)


def test_a_failure_never_improves_a_response_time() -> None:
    """A quick 503 is left to the error rate, a slow one counts."""
    quick = failing(ROWS, slice(0, 600))
    ms, at_ns = response_ms(quick, 200)
    assert len(ms) == len(at_ns) == len(ROWS) - 600
    assert at_ns[0] == ns(6)
    late = slow(quick, np.arange(len(ROWS)) < 600)
    assert (response_ms(late, 200)[0] >= 200).sum() == 600


def test_slow_failures_among_quick_ones_prove_no_slow_route() -> None:
    """Every sign-in fails, three of them late: the route is broken, which the error rate says, and nothing is known of its response time."""
    sign_ins = np.flatnonzero(route("sign-in", ROWS))
    broken = failing(ROWS, route("sign-in", ROWS))
    few = np.isin(np.arange(len(ROWS)), sign_ins[[300, 700, 1100]])
    found = {m.scope["route"]: m for m in judged(p95(), with_load(slow(broken, few)))}["sign-in"]
    assert (found.outcome, found.value) == (INCONCLUSIVE, None)
    assert f"all {len(sign_ins)} requests of sign-in failed (status 503 {len(sign_ins)})" in found.reason
    every = {m.scope["route"]: m for m in judged(p95(), with_load(slow(broken, route("sign-in", ROWS))))}["sign-in"]
    assert every.outcome is FAIL


@pytest.mark.parametrize(("status", "refused"), [(401, True), (404, True), (429, False), (503, False)])
def test_where_each_request_of_a_route_is_refused_the_journey_is_looked_at_too(status: int, refused: bool) -> None:  # noqa: FBT001
    """A sign-in that a journey lacks is no defect of the platform: the hint of the error rate and of the response time says so."""
    mine = route("sign-in", ROWS)
    broken = failing(ROWS, mine)
    ints = {**broken.ints, "status": np.where(mine, status, broken.ints["status"])}
    run = with_load(replace(broken, ints=ints))
    rate = next(m for m in judged(errors(), run) if m.outcome is FAIL)
    times = next(m for m in judged(p95(), run) if m.scope["route"] == "sign-in")
    said = f"every request of a route was refused (sign-in {status}); correct the requests of the journey"
    assert [m.hint.startswith(said) for m in (rate, times)] == [refused, refused]
    assert all("fix the platform" in m.hint for m in (rate, times)) is not refused


def test_slow_failures_among_quick_ones_are_no_proven_part() -> None:
    """Nor do they make a guard of a region fail."""
    home = ROWS.words["served_region"].equals("us-east-1")
    few = home & np.isin(np.arange(len(ROWS)), np.flatnonzero(home)[[300, 700, 1100]])
    found = judged(p95(per=Per.ALL), with_load(slow(failing(ROWS, home), few)))
    assert FAIL not in {one.outcome for one in found}


def test_a_lagging_generator_makes_latencies_inconclusive_and_says_why() -> None:
    """Green or red: what it measured is its own lag."""
    measure = only(p95("400 ms", per=Per.ALL), with_load(samples(0, 60, lag_ms=41, latency_ms=61)))
    assert (measure.outcome, measure.value) == (INCONCLUSIVE, 70)
    lagging = with_load(samples(0, 60, lag_ms=250, latency_ms=260))
    measure = only(p95(per=Per.ALL), lagging)
    assert measure.outcome is INCONCLUSIVE
    assert measure.reason == (
        "response time p95 of all routes together is 269 ms, expected below 200 ms; by serving region: ap-southeast-1 269 ms, eu-west-1 268 ms, us-east-1 265 ms. "
        "Not decided: the load generator lagged by 250 ms (p99), expected at most 20 ms "
        "(worker 0: 20% of a core, event loop blocked for 2 ms, garbage collection 1 ms)"
    )
    assert measure.hint == "raise `workers` in loadtests/*.yaml, or run again on a machine with nothing else to do"


def test_red_from_the_send_time_too_needs_no_healthy_generator() -> None:
    """Sent late, and slow all the same."""
    assert only(p95(per=Per.ALL), with_load(samples(0, 60, lag_ms=50, latency_ms=400))).outcome is FAIL


def test_a_lagging_generator_does_not_void_errors() -> None:
    """0.5 % of answers fail."""
    rows = failing(samples(0, 60, lag_ms=250, latency_ms=260), np.arange(6000) % 200 == 0)
    measure = only(errors(), with_load(rows))
    assert measure.outcome is FAIL
    assert measure.reason == (
        "error rate of all routes together (30 of 6000 requests) is 0.5 % (at least 0.2819 % with 99.75 % confidence, n 6000), "
        "expected below 0.1 %; errors: status 503 30; "
        "by route: create-track 0 of 1500, play-track 0 of 1500, read-track 0 of 1500, sign-in 30 of 1500"
    )


def test_the_error_claim_of_a_tenth_of_a_percent_bears_two_failures_in_6000() -> None:
    """With one 4 742 are needed; with two, and at the rate of those two, 6 583."""
    assert only(errors(), with_load(failing(ROWS, [5]))).outcome is PASS
    measure = only(errors(), with_load(failing(ROWS, [5, 4006])))
    assert (measure.outcome, measure.n_needed) == (INCONCLUSIVE, 6583)
    assert "6000 requests are too few to decide, about 6600 at this rate would prove PASS" in measure.reason


def test_an_unanswered_request_without_a_kind_is_an_error_all_the_same() -> None:
    """Status 0 is no answer."""
    measure = only(errors(), with_load(with_ints(ROWS, slice(0, None, 60), status=0)))
    assert measure.outcome is FAIL
    assert "errors: no answer 100" in measure.reason


def failing_probes(*at: int | slice) -> Evidence:
    """The healthy run with time-outs of these of its health probes."""
    base = evidence()
    rows = np.flatnonzero(base.probes.words["kind"].equals("health"))
    hurt = np.concatenate([np.atleast_1d(rows[one]) for one in at])
    return replace(base, probes=with_words(base.probes, hurt, error="timeout"))


def test_uptime_is_the_share_of_probes_of_the_health_path_that_were_answered() -> None:
    """1 % of 3 901 probes fail, the last of them on its way when the fault is sent; the read probes have no say."""
    measure, _ = up(uptime(), failing_probes(slice(None, None, 100)))
    assert measure.outcome is FAIL
    assert measure.reason == (
        "uptime of entry (39 of 3900 probes failed) is 99 % (at most 99.39 % with 99.75 % confidence, n 3900), expected at least 99.9 %"
    )
    assert measure.method.startswith("share by thirds of the window")
    assert outcomes_of(up(uptime())) == (PASS, PASS)
    later = replace(evidence(), probes=down(evidence().probes, 161, 171))
    assert outcomes_of(up(uptime(), later)) == (PASS, PASS)


def outcomes_of(found: Sequence[Measure]) -> tuple[Outcome, ...]:
    """Outcomes in order."""
    return tuple(measure.outcome for measure in found)


def test_uptime_is_also_the_share_of_the_time_without_an_outage() -> None:
    """Failed probes are 15 ms each where they stand alone; half of the probes of 4.6 s are one outage of 2.3 s, too few to tell."""
    measure = up(uptime(), failing_probes(slice(None, None, 100)))[1]
    assert (measure.name, measure.outcome, measure.n) == ("uptime by seconds down", FAIL, 3900)
    assert measure.method == (
        "seconds down of seconds watched, 39 outages, the longest 0.0154 s: "
        "sum of outages plus one assumed outage of one probe spacing (Fay-Feuer)"
    )
    of_probes, of_seconds = up(uptime(), failing_probes(slice(100, 400, 2)))
    assert (of_probes.outcome, of_seconds.outcome) == (INCONCLUSIVE, INCONCLUSIVE)
    assert of_seconds.reason == (
        "uptime by seconds down of entry (2.31 s without service, 1 outage, the longest 2.31 s) is 96.15 % (between 38.24 % and 99.8 %), "
        "expected at least 99.9 %. Not decided: 1 outage, the longest 2.31 s in 60 s do not show how often outages occur. "
        "About 7000 probes at this rate would prove FAIL (upper bound with 99.75 % confidence: 99.99 %)"
    )


def test_a_blind_watcher_cannot_vouch_for_uptime() -> None:
    """Seven of sixty seconds unseen."""
    probes = health(per_s=100)
    seen = probes.where((probes.ints["sent_ns"] < ns(20)) | (probes.ints["sent_ns"] >= ns(27)))
    for measure in up(uptime(), replace(evidence(), probes=seen)):
        assert measure.outcome is INCONCLUSIVE
        assert measure.reason.endswith("Not decided: the watcher 'entry' sent no probes in 12% of the window")
    unwatched = replace(evidence(), watchers={})
    assert up(uptime(), unwatched)[0].reason.endswith("Not decided: the watcher 'entry' wrote no record")


def test_a_probe_of_no_status_was_not_answered() -> None:
    """Ten seconds of sixty without a word of why."""
    base = evidence()
    at = (base.probes.ints["sent_ns"] >= ns(20)) & (base.probes.ints["sent_ns"] < ns(30))
    judged = measures(judge(plan({"R": uptime()}), replace(base, probes=with_ints(base.probes, at, status=0))))
    assert [round(m.value or 0, 2) for m in judged] == [0.83, 0.83]


def test_uptime_of_a_region_is_that_of_its_own_probes() -> None:
    """No probe of it: no figure."""
    probes = with_words(health(), slice(None), subject="eu-west-1")
    assert outcomes_of(up(uptime(subject="eu-west-1"), replace(evidence(), probes=probes))) == (PASS, PASS)
    assert outcomes_of(up(uptime(subject="eu-west-1"))) == (INCONCLUSIVE, INCONCLUSIVE)


def test_shares_of_answers_are_within_their_tolerance() -> None:
    """60/30/10 passes; 68 % fails, 64.9 % is too close to tell."""
    assert only(share()).outcome is PASS
    assert only(share("30 %", "eu-west-1")).outcome is PASS
    assert only(share("52 %")).outcome is FAIL
    assert only(share("68 %")).outcome is FAIL
    close = only(share("55.1 %"))
    assert (close.outcome, close.n_needed) == (INCONCLUSIVE, 649901)
    edge = only(share("55 %"))
    assert (edge.outcome, edge.n_needed) == (INCONCLUSIVE, None)
    assert "no number of requests at this rate would decide" in edge.reason


def test_replication_lag_is_judged_replica_by_replica() -> None:
    """The primary has none; a look without an answer is over any limit."""
    assert outcomes(judged(lag()), "replica") == {"pg-1": PASS, "pg-2": PASS}
    base = evidence().replicas
    behind = with_ints(base, base.words["member"].equals("pg-2"), lag_ns=30 * S)
    found = judged(lag(), replace(evidence(), replicas=behind))
    assert outcomes(found, "replica") == {"pg-1": PASS, "pg-2": FAIL}
    mute = with_ints(base, base.words["member"].equals("pg-1"), lag_ns=-1)
    assert outcomes(judged(lag(), replace(evidence(), replicas=mute)), "replica") == {"pg-1": FAIL, "pg-2": PASS}
    assert only(lag(subject="pg-2")).outcome is PASS


def test_a_member_is_a_replica_when_it_is_one_in_the_window() -> None:
    """The primary of the window that follows another one after a fault has no lag to be judged; one that nobody looked at is not forgotten."""
    base = lags(0.0, 120.0)
    late = base.ints["at_ns"] > base.ints["at_ns"].min() + 70 * S
    followed = with_words(base, late & base.words["member"].equals("pg-0"), role="replica")
    assert set(outcomes(judged(lag(), replace(evidence(), replicas=followed)), "replica")) == {"pg-1", "pg-2"}
    unseen = base.where(late | ~base.words["member"].equals("pg-2"))
    found = judged(lag(), replace(evidence(), replicas=unseen))
    assert outcomes(found, "replica")["pg-2"] is INCONCLUSIVE
    assert (
        "replication lag p99 of pg-2 was not measured, expected below 10 s. Not decided: the watcher 'replicas' sent no probe in that time"
    ) in [measure.reason for measure in found]


def test_a_primary_that_is_slow_to_give_its_role_is_no_replica() -> None:
    """Three of its answers did not come: it has no lag, and the replicas pass."""
    rows = lags()
    late = rows.words["member"].equals("pg-0") & (rows.ints["at_ns"] >= ns(30)) & (rows.ints["at_ns"] < ns(30.6))
    mute = with_words(rows, late, role=None)
    assert outcomes(judged(lag(), replace(evidence(), replicas=mute)), "replica") == {"pg-1": PASS, "pg-2": PASS}


def test_a_replica_that_is_level_with_its_primary_has_no_lag() -> None:
    """0 s is a lag; below 0 is none that was seen."""
    (first, second) = judged(lag(), replace(evidence(), replicas=lags(ms=0.0)))
    assert (first.value, first.outcome, second.value) == (0.0, PASS, 0.0)


def test_a_p99_of_lag_needs_299_looks() -> None:
    """Fewer are inconclusive, none too."""
    few = only(lag(subject="pg-1"), replace(evidence(), replicas=lags(0.5, 60.1)))
    assert (few.outcome, few.n, few.n_needed) == (INCONCLUSIVE, 298, 299)
    assert only(lag(), replace(evidence(), replicas=Table.empty(REPLICAS))).reason == "no replica was observed"


@pytest.mark.parametrize("objective", [uptime(), share(), lag()])
def test_what_knows_no_other_phase_is_not_judged_under_a_fault(objective: Objective) -> None:
    """A sentence that says so is refused; an objective built by hand is NOT ASSESSED."""
    faulty = replace(objective, scope=replace(objective.scope, phase=Phase.FAULT))
    assert (only(faulty).outcome, only(faulty).reason) == (
        NOT_ASSESSED,
        "this run could not have failed the sentence: a KPI is judged in the fault-free window, expected no phase such as 'during the fault'",
    )


CROWDED = p95("1000 ms", users=101, per=Per.ALL)


def crowd(*counts: Observation) -> Measure:
    """The measure of the users, with these observations."""
    return judged(CROWDED, replace(evidence(), observations=counts))[-1]


def test_users_at_once_are_journeys_in_progress_in_each_second() -> None:
    """101 are enough, 100 in one second are not, and that is not the target's fault."""
    assert (crowd(*users(101)).outcome, crowd(*users(101)).op) == (PASS, "is at least")
    dip = (*users(150, 0, 30), *users(100, 30, 31), *users(150, 31, 61))
    assert (crowd(*dip).outcome, crowd(*dip).value) == (INCONCLUSIVE, 100)
    assert crowd(*dip).reason == "the smallest number of users at once was 100, expected at least 101"


def test_users_are_summed_over_workers() -> None:
    """Two workers with 60 each; one of them silent leaves the sum unknown."""
    load = replace(
        evidence().windows["everyday/fault-free"],
        workers=(Worker(id=0, rows=1, closed=True), Worker(id=1, rows=1, closed=True)),
    )
    both = replace(evidence(), observations=(*users(60), *users(60, worker=1)))
    assert set(users_each_second(both, load).tolist()) == {120.0}
    assert np.isnan(users_each_second(replace(evidence(), observations=users(60)), load)).all()


def test_errors_of_every_route_are_judged_one_by_one() -> None:
    """3 % of one route's inputs fail."""
    at = np.flatnonzero(ROWS.words["name"].equals("create-track"))[::33]
    found = judged(errors("1 %", per=Per.ROUTE), with_load(failing(ROWS, at)))
    assert outcomes(found, "route") == {**dict.fromkeys(ROUTES, PASS), "create-track": FAIL}
    assert "errors: status 503 46" in next(m for m in found if m.outcome is FAIL).reason


def test_the_window_of_the_sentence_is_scaled_and_must_fit() -> None:
    """10 min are 10 s at scale 60; 2 h are not there."""
    assert {m.outcome for m in judged(p95(window="10 min"))} == {PASS}
    measure = only(p95(window="2 h"))
    assert (measure.outcome, measure.reason) == (
        INCONCLUSIVE,
        "the fault-free window lasted 60 s, expected 120 s",
    )
