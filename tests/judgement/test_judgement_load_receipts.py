"""Rule 6: the proof that the load was there."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from judgement_builders import (
    errors,
    failing,
    measures,
    ns,
    observation,
    p95,
    plan,
    samples,
    window,
    with_ints,
    with_load,
    with_words,
)

from harness.evidence.histories.generators import Generators
from harness.judgement import judge
from harness.judgement.receipts.load import joined_load_receipt, lag_limit_ms, load_receipt
from harness.model import Outcome, Per, Phase, Plan, Table, Window, Worker, fault_name
from harness.model.records.table import Words

PLAN = plan()
STEADY = window(samples(0, 60), 0, 60)
MUTE = Worker(id=0, rows=1, closed=True)
"""It never said how it fared."""


def why(load: Window | None, *, latencies: bool = True, planned: Plan = PLAN) -> str:
    """What is wrong with the load; nothing where its receipt holds."""
    receipt = load_receipt(planned, load, latencies=latencies)
    return "" if receipt.ok else receipt.why


def test_the_lag_allowed_is_a_tenth_of_the_tightest_latency_limit_and_never_under_5_ms() -> None:
    """200 ms allow 20 ms, 30 ms allow 5 ms; other figures and other traffic have no say."""
    assert lag_limit_ms(PLAN, "everyday") == 20
    assert lag_limit_ms(plan({"R": p95("30 ms"), "S": p95("200 ms")}), "everyday") == 5
    assert lag_limit_ms(plan({"R": p95("200 ms", traffic="other"), "S": errors()}), "everyday") == 5


def test_the_lag_of_windows_that_are_judged_together_is_that_of_all_their_requests() -> None:
    """3 s with a lag of 41 ms are less than a hundredth of 600 s, and more than that of 120 s."""
    late = replace(window(samples(600, 603, lag_ms=41, latency_ms=60), 600, 603), name="everyday/late")
    for seconds, ok in ((600, True), (120, False)):
        early = window(samples(0, seconds), 0, seconds)
        receipt = joined_load_receipt(PLAN, [early, late], latencies=True)
        assert receipt.ok is ok, receipt.why
    assert receipt.why.startswith("the load generator lagged by 41 ms (p99)")
    assert joined_load_receipt(PLAN, [late], latencies=False).ok


def test_a_generator_that_died_leads_and_so_does_its_hint() -> None:
    """Before what its death brought about, and before what another generator has to say; a latency is then not for want of samples."""
    died = "at 41 s (exit -9): it ended by itself: signal SIGKILL"
    broken = replace(STEADY.workers[0], why="7 journeys broke", hint="correct the locustfile")
    dead = Worker(
        id=2,
        rows=1,
        closed=False,
        why="its file is incomplete: the writer did not close it",
        died=died,
        hint="read the log",
    )
    load = replace(STEADY, workers=(broken, dead))
    receipt = load_receipt(PLAN, load, latencies=True)
    assert receipt.why.startswith(f"generator worker 2 died {died}; worker 0: 7 journeys broke")
    assert "its file is incomplete: the writer did not close it" not in receipt.why
    assert receipt.hint == "read the log"
    (verdict,) = judge(plan({"R": errors()}), with_load(samples(0, 60), workers=(dead,))).verdicts
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert f"generator worker 2 died {died}" in verdict.reason
    assert verdict.hint == "read the log"


def test_requests_that_a_journey_does_not_send_are_no_matter_of_the_machine() -> None:
    """The journeys began as planned, and each sent two requests of four: the file of the traffic is wrong, or they ended early."""
    rows = samples(0, 60)
    halved = rows.where(rows.words["step"].equals("1") | rows.words["step"].equals("2"))
    receipt = load_receipt(PLAN, window(halved, 0, 60), latencies=True)
    assert receipt.why == "50 requests/s were sent, expected 100"
    assert receipt.hint == (
        "set `requests_per_journey` in loadtests/everyday.yaml to the mean number of requests of a journey; if journeys end early, "
        "correct the failed requests that `readiness why ID` shows"
    )
    fewer = load_receipt(PLAN, window(samples(0, 50), 0, 60), latencies=True)
    assert (fewer.ok, fewer.hint) == (False, "")
    lagging = load_receipt(PLAN, replace(window(halved, 0, 60), workers=()), latencies=True)
    assert (lagging.why.startswith("only 0 of 1 workers wrote a record"), lagging.hint) == (
        True,
        "correct the cause that load/everyday/locust.log in the run directory shows, then run again",
    )


def test_a_request_that_was_never_sent_lagged_to_the_end() -> None:
    """Two in a hundred cut off before they were sent."""
    rows = with_ints(samples(0, 60), slice(0, 120), sent_ns=0, done_ns=ns(90))
    assert "the load generator lagged by" in why(window(rows, 0, 60))


def test_what_spoils_a_load(subtests: pytest.Subtests) -> None:
    """Each is said in a sentence."""
    for load, trouble in [
        (None, "no traffic was recorded"),
        (
            replace(STEADY, workers=()),
            "only 0 of 1 workers wrote a record; samples were recorded by workers that were not started: 0",
        ),
        (
            replace(STEADY, workers=(Worker(id=0, rows=1, closed=False),)),
            "worker 0: its file is incomplete: the writer did not close it",
        ),
        (replace(STEADY, workers=(Worker(id=0, rows=1, closed=True, why="killed"),)), "worker 0: killed"),
        (replace(STEADY, workers=(STEADY.workers[0],) * 2), "two workers have the same number"),
        (window(samples(0, 50), 0, 60), "83.33 requests/s were sent, expected 100"),
        (window(samples(0, 60, per_s=125), 0, 60), "125 requests/s were sent, expected 100"),
        (
            window(Table.empty(STEADY.samples.schema), 5, 5),
            "the planned rate in this window is 0; no request was sent",
        ),
        (window(with_ints(samples(0, 60), 7, done_ns=1), 0, 60), "1 requests end before they begin"),
    ]:
        with subtests.test(trouble):
            assert why(load, latencies=False) == trouble


def test_the_rate_may_differ_by_four_sigma_of_the_journeys() -> None:
    """1 500 journeys allow 10 %."""
    assert why(window(samples(0, 60, per_s=91), 0, 60)) == ""
    assert why(window(samples(0, 60, per_s=88), 0, 60)) == "88.02 requests/s were sent, expected 100"


def test_journeys_of_unequal_length_are_held_to_their_mean() -> None:
    """Every fourth journey makes 3 requests, the others 1: 1.5 on average, within what chance makes of the mix."""
    every = samples(0, 60)
    turn = np.arange(len(every)) % 6
    step = np.array(["1", "2", "3", "1", "1", "1"])[turn]
    arrival = np.cumsum(np.isin(turn, (0, 3, 4, 5)))
    rows = replace(every, ints={**every.ints, "arrival": arrival.astype(np.int64)})
    rows = replace(rows, words={**rows.words, "step": Words.of(step.tolist())})
    mixed = window(rows, 0, 60)

    def of(mean: float) -> Plan:
        return planned(arrivals="constant", journeys_per_s=100 / 1.5, requests_per_journey=mean)

    assert why(mixed, planned=of(1.5)) == ""
    assert why(mixed, planned=of(1.45)) == ""
    assert why(mixed, planned=of(1.3)) == "100 requests/s were sent, expected 86.67"
    assert why(mixed, planned=of(1.7)) == "100 requests/s were sent, expected 113.3"


def test_under_a_fault_only_the_first_request_of_a_journey_is_counted_on() -> None:
    """Journeys may end at their first failure."""
    every = samples(70, 100)
    rows = every.where(every.words["step"].equals("1"))
    assert why(window(rows, 70, 100, "pod-loss")) == ""
    assert why(window(rows, 70, 100)) == "25 requests/s were sent, expected 100"


def test_traffic_that_the_plan_does_not_know_is_held_against_its_own_record() -> None:
    """The window says what was planned."""
    assert why(replace(STEADY, traffic="spike")) == ""


def planned(**fields: Any) -> Plan:
    """The plan with other arrivals of the everyday traffic."""
    return replace(PLAN, traffic={"everyday": replace(PLAN.traffic["everyday"], **fields)})


def fared(**fields: Any) -> Window:
    """The steady window with a worker who fared so."""
    return replace(STEADY, workers=(replace(STEADY.workers[0], **{"cpu": 0.2, "gc_ms": 1, "loop_ms": 2, **fields}),))


def test_a_worker_without_time_to_spare_voids_latencies() -> None:
    """From 90 % of a core on, though no request was late."""
    assert why(fared(cpu=0.89)) == ""
    assert why(fared(cpu=0.9)) == "worker 0 used 90% of a core, expected below 90%"
    assert why(fared(cpu=0.9), latencies=False) == ""


def test_pauses_explain_a_lag_and_are_none() -> None:
    """Arrivals at any moment meet them as answers do, so the lag is what counts."""
    assert why(fared(gc_ms=60, loop_ms=90)) == ""
    lagging = replace(window(samples(0, 60, lag_ms=41, latency_ms=60), 0, 60), workers=fared(gc_ms=30).workers)
    assert why(lagging) == (
        "the load generator lagged by 41 ms (p99), expected at most 20 ms "
        "(worker 0: 20% of a core, event loop blocked for 2 ms, garbage collection 30 ms)"
    )


def test_a_clock_that_is_not_known_to_the_lag_allowed_voids_latencies() -> None:
    """Of a worker on another machine; one that is known is told."""
    assert why(fared(residual_ns=20_100_000)) == "the clock of worker 0 is known only to within 20.1 ms"
    receipt = load_receipt(PLAN, fared(residual_ns=200_000), latencies=True)
    assert receipt.why == "1 worker recorded until the end, lag p99 0.5 ms, clocks aligned to 0.2 ms"


def test_warm_up_and_ramp_down_lie_outside_the_window() -> None:
    """The warm-up is 10 s from the beginning of the schedule; the load is stopped after the window."""
    assert why(replace(STEADY, begin_ns=-ns(10), stopped_ns=ns(60))) == ""
    early = replace(STEADY, begin_ns=-ns(9))
    assert why(early) == "the window opened 9 s after the load began, expected at least the warm-up of 10 s"
    assert why(replace(early, name=fault_name("pod-loss"), phase=Phase.FAULT, experiment="pod-loss")) == ""
    assert why(replace(STEADY, stopped_ns=ns(58))) == "the load stopped 2 s before the end of the window"


def test_constant_arrivals_are_held_to_one_per_cent() -> None:
    """Where Poisson ones are allowed four standard deviations."""
    constant = planned(arrivals="constant")
    assert why(STEADY, planned=constant) == ""
    assert why(window(samples(0, 60, per_s=98), 0, 60)) == ""
    assert why(window(samples(0, 60, per_s=98), 0, 60), planned=constant) == ("98 requests/s were sent, expected 100")


def test_the_journeys_of_a_changing_rate_are_its_integral() -> None:
    """25/s in the window; from 10 s after it began nobody was to come."""
    steady = replace(STEADY, begin_ns=-ns(10))
    assert why(steady, planned=planned(rates=((0, 0), (20, 50), (20, 25)))) == ""
    assert why(steady, planned=planned(rates=((0, 25), (20, 25), (20, 0)))) == "1500 journeys began, expected 250"
    assert why(steady, planned=planned(rates=((0, 25), (20, 25), (20, 50)))) == ("1500 journeys began, expected 2750")


def test_a_trace_is_counted_to_the_last_journey() -> None:
    """A journey each 40 ms for an hour: 1 500 in a minute; one fewer is one too few."""
    offsets = tuple(range(0, 3600 * 10**9, 40_000_000))
    traced = planned(arrivals="trace", trace_ns=offsets)
    steady = replace(STEADY, begin_ns=-ns(10))
    assert why(steady, planned=traced) == ""
    first = int((STEADY.samples.words["step"].equals("1")).argmax())
    kept = STEADY.samples.where(np.arange(len(STEADY.samples)) != first)
    fewer = replace(steady, samples=kept)
    assert why(fewer, planned=traced) == "1499 journeys began, expected 1500"
    residual = replace(fewer, workers=fared(residual_ns=1).workers)
    assert why(residual, planned=traced) == "", "the edge of the window is not known so well"


def test_a_load_of_which_nothing_came_has_no_receipt_however_little_was_planned() -> None:
    """Four journeys may all fail to come by chance; then nothing is known of the target either."""
    few = plan(traffic={"everyday": replace(PLAN.traffic["everyday"], journeys_per_s=4 / 60)})
    nothing = window(samples(0, 60).cut(0, 0), 0, 60)
    assert why(nothing, planned=few) == "no request was sent"
    assert why(nothing, planned=few, latencies=False) == "no request was sent"


def test_requests_sent_before_they_were_due_void_latencies() -> None:
    """A clock that jumped: each looks quicker by as much; 5 ms are the timer's own, and an error is one all the same."""
    on_time = samples(0, 60, latency_ms=60)
    early = with_ints(on_time, slice(10, 20), sent_ns=0)
    early.ints["sent_ns"][10:20] = early.ints["intended_ns"][10:20] - 5_000_001
    assert why(window(early, 0, 60)) == "10 requests were sent over 5 ms too early, so their latencies are too low"
    assert why(window(early, 0, 60), latencies=False) == ""
    early.ints["sent_ns"][10:20] += 1
    assert why(window(early, 0, 60)) == ""


def test_samples_of_no_route_are_named() -> None:
    """They would stand in no group where each route is judged by itself."""
    nameless = with_words(failing(samples(0, 60), slice(0, 12)), slice(0, 12), name=None)
    assert why(window(nameless, 0, 60), latencies=False) == "12 requests have no name"
    (measure, *_) = measures(judge(plan({"R": errors("1 %", per=Per.ROUTE)}), with_load(nameless)))
    assert measure.outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize("kept", [{}, {"cpu": 0.2, "gc_ms": 1.0}, {"cpu": math.nan, "gc_ms": 1.0, "loop_ms": 2.0}])
def test_a_generator_that_never_said_how_it_fared_bears_no_latency(kept: dict[str, Any]) -> None:
    """It says so each second, so in a window of 2 s it has; errors are errors all the same."""
    mute = replace(STEADY, workers=(replace(MUTE, **kept),))
    assert why(mute) == "worker 0 reported no CPU, GC or event-loop figures"
    assert why(mute, latencies=False) == ""
    short = replace(window(samples(0, 1.99), 0, 1.99), workers=(replace(MUTE, **kept),))
    assert "reported no CPU" not in why(short)
    assert "reported no CPU" in why(short, planned=planned(model="closed", arrivals="closed", users=150))


def test_of_a_closed_model_the_users_are_counted() -> None:
    """A generator that stood still is not seen in their lag."""
    closed = planned(model="closed", arrivals="closed", users=150)
    slow = window(samples(0, 60), 0, 60)
    there = replace(slow, workers=fared(users=150).workers)
    assert why(there, planned=closed) == ""
    assert why(replace(slow, workers=fared(users=149).workers), planned=closed) == ("149 users ran, expected 150")
    mute = replace(slow, workers=(MUTE,))
    assert (
        why(mute, planned=closed)
        == "worker 0 reported no CPU, GC or event-loop figures; no count of the users was recorded"
    )
    strange = replace(slow, workers=fared(users=150, loop_ms=math.nan).workers)
    assert why(strange, planned=closed) == "worker 0 reported no CPU, GC or event-loop figures"
    still = replace(slow, workers=fared(users=150, loop_ms=21).workers)
    assert why(still, planned=closed) == "the event loop of worker 0 was blocked for 21 ms, expected at most 20 ms"
    assert why(still, planned=closed, latencies=False) == ""
    silent = replace(there, samples=Table.empty(slow.samples.schema))
    assert why(silent, planned=closed) == "no request was sent"


def test_users_whom_a_shape_brings_are_not_counted() -> None:
    """The process reports the shape, which the plan does not know where another module defines it."""
    closed = planned(model="closed", arrivals="closed", users=150)
    slow = window(samples(0, 60, per_s=10), 0, 60)
    assert why(replace(slow, workers=fared(users=20, shaped=True).workers), planned=closed) == ""


@pytest.mark.parametrize(
    ("code", "why", "hint", "failed"),
    [
        (
            3,
            "its locustfile ended it: `environment.runner.quit()` at loadtests/everyday.py:12; 400 of 1200 requests had failed",
            "fix what made it end, or take that line out, as the judge decides and not the load; then run again",
            slice(0, None, 3),
        ),
        (
            0,
            "its locustfile ended it: its LoadTestShape was over after 22 s, as `tick` gave None",
            "let its `tick` say users for 70 s and more (warm-up, window and what follows in loadtests/everyday.yaml), then run again",
            slice(0),
        ),
    ],
    ids=["it quit", "its shape was over"],
)
def test_a_load_that_its_locustfile_ended_decides_what_had_failed_by_then(
    code: int, why: str, hint: str, failed: slice
) -> None:
    """A third of the requests are a FAIL; all else is INCONCLUSIVE, in the words and with the hint of the driver."""
    observed = (
        observation("load.begun", "everyday", -10, "load", begin_ns=ns(-10), model="closed"),
        observation("worker.ended", "everyday", 12, "load", worker=0, exit=code, why=why, hint=hint),
    )
    worker = Generators.of("everyday", observed).described(Worker(id=0, rows=1200, closed=True), 0, ns(60))
    run = with_load(failing(samples(0, 12), failed), workers=(worker,))
    rate, times = judge(plan({"R": errors(), "S": p95()}), run).verdicts
    assert rate.outcome is (Outcome.FAIL if failed.step else Outcome.INCONCLUSIVE)
    for verdict in (times, *([] if failed.step else [rate])):
        assert verdict.outcome is Outcome.INCONCLUSIVE
        assert f"generator worker 0 died at 22 s (exit {code}): {why}; " in verdict.reason
        assert verdict.hint == hint
