"""The load of a closed model is what its users send: as many of them as planned, at the rate that their pauses and journeys make."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from judgement_builders import every, evidence, measures, ns, objective, p95, plan, samples, window

from harness.evidence import RowWriter, RunDirectory
from harness.evidence.reading import load_evidence
from harness.judgement import judge
from harness.judgement.receipts.closed_load import weakest
from harness.judgement.receipts.load import load_receipt
from harness.model import (
    SAMPLES,
    Figure,
    Measure,
    Op,
    Outcome,
    Per,
    Phase,
    Plan,
    Receipt,
    Window,
    Words,
    Worker,
)

USERS, THINK_S, JOURNEY_S = 20, 0.2, 0.02
PER_S = USERS / (THINK_S + JOURNEY_S)
"""Requests per second of so many users with one request a journey."""
SECONDS = 60


def planned() -> Plan:
    """A closed model of 91 requests per second."""
    made = plan()
    everyday = made.traffic["everyday"]
    closed = replace(
        everyday, model="closed", users=USERS, think_s=THINK_S, journeys_per_s=PER_S, requests_per_journey=1
    )
    return replace(made, traffic={**made.traffic, "everyday": closed})


def offered(per_s: float, *, latency_ms: float = 20.0, users: int = USERS, silent: int = 0) -> Window:
    """What the users sent in a minute."""
    rows = samples(0, SECONDS, per_s=per_s)
    rows = replace(rows, words={**rows.words, "step": Words.of([None] * len(rows))})
    took_ns = np.full(len(rows), round(latency_ms * 1e6))
    ints = {**rows.ints, "sent_ns": rows.ints["intended_ns"], "done_ns": rows.ints["intended_ns"] + took_ns}
    worker = Worker(id=0, rows=len(rows), closed=True, cpu=0.2, gc_ms=1, loop_ms=2, users=users, silent=silent)
    return replace(window(replace(rows, ints=ints), 0, SECONDS), workers=(worker,))


def receipt(load: Window, *, latencies: bool = True) -> Receipt:
    """Of what was offered."""
    return load_receipt(planned(), load, latencies=latencies)


def test_users_who_pause_for_longer_than_the_size_says_are_less_load() -> None:
    """Twenty users who wait 4 s are a twentieth of the load that the size plans, and no matter of the machine."""
    found = receipt(offered(5.0))
    assert not found.ok
    assert found.why == (
        "5 requests/s were sent, expected 90.91: users paused 3.98 s after a journey, and `think` is 0.2 s"
    )
    assert found.hint == (
        "set `think: 4 s` and the number of users for this rate in loadtests/everyday.yaml, or shorten the pauses of the locustfile, "
        "then run again"
    )


def test_users_who_block_each_other_are_told_so() -> None:
    """A client that gevent cannot switch: the pause is no think time of the file, and another `think` cures nothing."""
    load = offered(USERS / (THINK_S + 1.0))
    blocked = replace(load, workers=tuple(replace(worker, loop_ms=1080.0) for worker in load.workers))
    found = receipt(blocked, latencies=False)
    assert found.why == (
        "16.67 requests/s were sent, expected 90.91: the event loop of worker 0 was blocked for 1080 ms, "
        "which delayed the users' requests"
    )
    assert "grpc.experimental.gevent.init_gevent()" in found.hint


def test_users_who_wait_for_slow_answers_are_less_load() -> None:
    """The cause is the platform, or an estimate of the journey."""
    found = receipt(offered(USERS / (THINK_S + 0.9), latency_ms=900))
    assert found.ok is None
    assert "journeys waited 0.9 s for their answers, and `journey` is 0.02 s" in found.why
    assert "more workers" not in found.hint


def test_journeys_that_send_fewer_requests_are_less_load() -> None:
    """As many began as planned: the size says too many requests of each."""
    there = offered(PER_S)
    words = {**there.samples.words, "step": Words.of(["1"] * len(there.samples))}
    load = replace(there, samples=replace(there.samples, words=words))
    made = planned()
    twice = replace(made.traffic["everyday"], requests_per_journey=2)
    found = load_receipt(replace(made, traffic={**made.traffic, "everyday": twice}), load, latencies=True)
    assert found.why == "90.92 requests/s were sent, expected 181.8"
    assert found.hint.startswith("set `requests_per_journey` in loadtests/everyday.yaml")


def drifting(load: Window) -> Measure:
    """Whether the median grows by less than 20 ms an hour, of a run whose answers grew slower."""
    rows = load.samples
    slower = np.linspace(0, 3e9, len(rows)).astype(np.int64)
    rows = replace(rows, ints={**rows.ints, "done_ns": rows.ints["done_ns"] + slower})
    drift = objective(Figure.DRIFT, Op.BELOW, "20 ms", quantile=0.5, per=Per.ALL)
    made = replace(planned(), claims=plan({"R": drift}).claims, requirements=plan({"R": drift}).requirements)
    run = replace(evidence(), windows={load.name: replace(load, samples=rows)})
    return measures(judge(made, run))[0]


def test_a_failure_of_the_target_stays_one_where_it_slowed_its_users() -> None:
    """A slow target gets less load: that voids what passes, and nothing that fails."""
    assert drifting(offered(USERS / (THINK_S + 1.5), latency_ms=20)).outcome is Outcome.FAIL
    assert drifting(offered(5.0)).outcome is Outcome.INCONCLUSIVE


def test_the_weakest_of_several_receipts_is_the_first_that_is_not_ok() -> None:
    """Else the first that is unknown, else the first."""
    receipts = [Receipt(ok=ok, why="") for ok in (True, None, False)]
    assert [weakest(receipts), weakest(receipts[:2]), weakest(receipts[:1])] == [2, 1, 0]


def test_what_is_slow_under_a_fault_is_no_lack_of_load() -> None:
    """The rate is held against the plan where no fault is in."""
    under = replace(offered(5.0), phase=Phase.FAULT, name="experiment:pod-loss/fault", experiment="pod-loss")
    assert receipt(under).ok


def test_users_who_never_send_are_no_load() -> None:
    """One in twenty, whatever the others send."""
    found = receipt(offered(PER_S, silent=1))
    assert (found.ok, found.why) == (False, "1 of 20 users never sent a request")
    assert found.hint == "correct the cause that load/everyday/locust.log in the run directory shows, then run again"


def test_users_who_are_missing_are_told_with_what_they_raised() -> None:
    """Two who found no account as they began, before the window: the log would be read for nothing."""
    raised = (
        "2 journeys ended with an error in the locustfile, the first with IndexError: pop from empty list; correct it"
    )
    load = offered(PER_S, users=USERS - 2)
    found = receipt(replace(load, workers=tuple(replace(worker, hint=raised) for worker in load.workers)))
    assert (found.ok, found.why, found.hint) == (False, "18 users ran, expected 20", raised)


def test_users_who_left_by_themselves_are_told_what_to_write() -> None:
    """Of a stock locustfile whose log says nothing: `StopUser` is no error."""
    plan = planned()
    stock = replace(plan, traffic={"everyday": replace(plan.traffic["everyday"], stock=True)})
    found = load_receipt(stock, offered(PER_S, users=USERS - 2), latencies=True)
    assert (found.ok, found.why) == (False, "18 users ran, expected 20")
    assert found.hint.startswith("let each user go on until the load is stopped (one that ends by `StopUser` or")
    assert "load/everyday/locust.log" in found.hint


@given(think_s=st.floats(0.0, 10.0), latency_ms=st.floats(1.0, 3000.0), idle=st.integers(0, USERS - 1))
@settings(max_examples=30)
def test_the_load_is_there_exactly_if_its_rate_is(think_s: float, latency_ms: float, idle: int) -> None:
    """Whoever pauses, waits or never comes: below four fifths of the plan, but for chance, there is no receipt."""
    per_s = (USERS - idle) / (think_s + latency_ms / 1000)
    load = offered(per_s, latency_ms=latency_ms)
    expected = PER_S * SECONDS
    missing = 0 < len(load.samples) < 0.8 * expected - 4 * expected**0.5
    assert ("requests/s were sent, expected 90.91" in receipt(load).why) == missing


def test_requests_that_are_slow_in_the_warm_up_are_in_no_figure(tmp_path: Path) -> None:
    """900 ms each until the window opens, 20 ms from then on: read back, its p95 and its load are those of the window alone."""
    directory = RunDirectory.create(tmp_path, "run-1")
    run, load = directory.history("run"), directory.history("load")
    (directory.path / "load" / "everyday").mkdir()
    load.put("worker.started", "everyday", worker=0, pid=1, rows="load/everyday/samples-0.rows")
    load.put("load.begun", "everyday", begin_ns=ns(10), model="closed")
    writer = RowWriter(directory.path / "load" / "everyday" / "samples-0.rows", SAMPLES)
    for due_ns in every(10, 80, PER_S).tolist():
        done_ns = due_ns + (900_000_000 if due_ns < ns(20) else 20_000_000)
        row = (due_ns, due_ns, done_ns, 200, 10, 0, 0, 0, 0, 0, 0)
        writer.put(row, ("reader", None, "cold", "GET", None, None, None, None, None))
    writer.close()
    sizes = {"journeys_per_s": PER_S, "requests_per_journey": 1}
    run.put("window.opened", "everyday/fault-free", traffic="everyday", phase=Phase.STEADY, start_ns=ns(20), **sizes)
    run.put("window.closed", "everyday/fault-free", end_ns=ns(80))
    run.close()
    load.close()
    read = load_evidence(directory).windows["everyday/fault-free"]
    there = replace(read, workers=offered(PER_S).workers)
    made, asked = planned(), plan({"R": p95()})
    traffic = {"everyday": replace(made.traffic["everyday"], routes={"cold": 1.0})}
    made = replace(made, claims=asked.claims, requirements=asked.requirements, traffic=traffic)
    (found,) = measures(judge(made, replace(evidence(), windows={read.name: there})))
    assert (found.scope["route"], found.outcome, found.value) == ("cold", Outcome.PASS, 20.0)
    assert found.receipts["load"].ok
