"""A load that `stop_when` stopped: what is proven of it stays a FAIL, and nothing of it is a PASS."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from judgement_builders import (
    STARTED,
    errors,
    failing,
    measures,
    ns,
    observation,
    p95,
    plan,
    samples,
    uptime,
    verdicts_of,
    with_ints,
    with_load,
)

from harness.judgement import judge
from harness.model import Evidence, Objective, Outcome, ReasonKind, Table
from harness.model.records.evidence import Cut
from harness.model.records.table import Ints

WHY = (
    "`stop_when` stopped everyday traffic 50 s after its warm-up: the error rate of 1000 requests in 10 s was 34 %, "
    "expected at most 20 %"
)


def stopped(rows: Table, comparisons: int = 50, traffic: str = "everyday") -> Evidence:
    """A run whose load was stopped after 60 s, with these rows in its fault-free window; the other windows are those of `evidence`."""
    exceeded = observation(
        "load.exceeded",
        traffic,
        60,
        "load",
        figure="error rate",
        value=0.34,
        limit=0.2,
        n=1000,
        from_ns=ns(50),
        until_ns=ns(60),
        begin_ns=ns(10),
        comparisons=comparisons,
    )
    base = with_load(rows)
    cut = Cut(why="`stop_when` stopped the load of everyday", act="everyday/fault-free", after_s=70)
    return replace(base, observations=(*base.observations, exceeded), cut=cut, started=STARTED)


def drawn(rows: Table, share: float) -> Ints:
    """Rows that are drawn all over the window, so many of all."""
    return np.random.default_rng(1).choice(len(rows), round(share * len(rows)), replace=False)


def spread(rows: Table, share: float) -> Table:
    """So many of all requests fail."""
    return failing(rows, drawn(rows, share))


@pytest.mark.parametrize("sentence", [errors("2 %"), p95("200 ms"), uptime()], ids=["errors", "p95", "uptime"])
def test_what_would_pass_is_inconclusive_and_says_what_stopped_the_load(sentence: Objective) -> None:
    """The shortened load proves nothing of the time that was planned."""
    wanted = plan({"R": sentence}, experiments={})
    (whole,) = verdicts_of(wanted, with_load(samples(0, 60))).verdicts
    assert whole.outcome is Outcome.PASS
    (verdict,) = verdicts_of(wanted, stopped(samples(0, 60))).verdicts
    assert verdict.outcome is Outcome.INCONCLUSIVE
    last = measures(judge(wanted, stopped(samples(0, 60))))[-1]
    assert last.because.text == f"{WHY}; so the rest of its load was not seen"
    assert last.because.kind is ReasonKind.LOAD
    assert last.because.hint.endswith("change `stop_when` in loadtests/everyday.yaml, then run again")


def test_another_traffic_that_was_stopped_takes_no_pass() -> None:
    """What was planned of this one was seen."""
    wanted = plan({"R": errors("2 %")}, experiments={})
    (verdict,) = verdicts_of(wanted, stopped(samples(0, 60), traffic="census")).verdicts
    assert verdict.outcome is Outcome.PASS


def test_a_proven_fail_stays_and_says_what_stopped_the_load() -> None:
    """A third of all failed, where 2 % may."""
    judgement = judge(plan({"R": errors("2 %")}, experiments={}), stopped(spread(samples(0, 60), 0.34)))
    (verdict,) = judgement.verdicts
    assert verdict.outcome is Outcome.FAIL
    assert WHY in verdict.because.text
    assert "the run did not complete" in judgement.decision.headline


def test_a_proven_slow_response_stays_a_fail() -> None:
    """All take 400 ms, where 95 of 100 may take 200."""
    (verdict,) = verdicts_of(
        plan({"R": p95("200 ms")}, experiments={}), stopped(samples(0, 60, latency_ms=400))
    ).verdicts
    assert verdict.outcome is Outcome.FAIL
    assert WHY in verdict.because.text


def test_a_fail_is_proven_although_it_was_looked_for_again_and_again() -> None:
    """What one look just proves is not proven after 5000: the moment of the end was chosen by the figure."""
    wanted, rows = plan({"R": errors("2 %")}, experiments={}), spread(samples(0, 60), 0.03)
    (once,) = verdicts_of(wanted, with_load(rows)).verdicts
    assert once.outcome is Outcome.FAIL
    (verdict,) = verdicts_of(wanted, stopped(rows, comparisons=5000)).verdicts
    assert verdict.outcome is Outcome.INCONCLUSIVE
    (often,) = verdicts_of(wanted, stopped(spread(samples(0, 60), 0.06), comparisons=5000)).verdicts
    assert often.outcome is Outcome.FAIL


def test_requests_that_took_longer_are_looked_for_again_and_again_too() -> None:
    """As many slow ones as one look proves, and 5000 do not."""
    wanted = plan({"R": p95("200 ms")}, experiments={})
    slow = samples(0, 60)
    at = drawn(slow, 0.065)
    slow = with_ints(slow, at, done_ns=slow.ints["intended_ns"][at] + 400_000_000)
    (once,) = verdicts_of(wanted, with_load(slow)).verdicts
    assert once.outcome is Outcome.FAIL
    (verdict,) = verdicts_of(wanted, stopped(slow, comparisons=5000)).verdicts
    assert verdict.outcome is Outcome.INCONCLUSIVE
