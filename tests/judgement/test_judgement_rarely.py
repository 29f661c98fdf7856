"""What the judge says where something happens that rarely does: each sentence to the letter."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from judgement_builders import down, errors, evidence, measures, objective, plan, samples, share, window

from harness.judgement import judge
from harness.judgement.decisions.waivers import _beyond
from harness.judgement.measures import because
from harness.judgement.receipts.faults.null_runs import null_run
from harness.judgement.summary.changes import figure_change
from harness.model import Figure, Measure, Op, Outcome, Phase, ReasonKind, Restore, Waiver, after_faults_name
from harness.model.judged.past import Change
from tests.builders.past import latency


def failed(**fields: Any) -> Measure:
    """A response time of 250 ms, at most 260 ms, where 200 ms are allowed."""
    given: dict[str, Any] = {
        "name": "response time p95",
        "scope": {},
        "sentence": "",
        "at": "",
        "value": 250.0,
        "high": 260.0,
        "low": 240.0,
        "unit": "ms",
        "op": "is below",
        "limit": "200 ms",
        "outcome": Outcome.FAIL,
        "because": because(Outcome.FAIL, "it is 250 ms"),
    }
    return Measure(**{**given, **fields})


@pytest.mark.parametrize(
    ("bound", "fields", "why"),
    [
        ("260 ms", {}, ""),
        ("259 ms", {}, "response time p95 is not proven within 259 ms"),
        ("240 ms", {"op": "is at least"}, ""),
        ("241 ms", {"op": "is at least"}, "response time p95 is not proven within 241 ms"),
        ("260 ms", {"high": None, "value": None}, "response time p95 has no bound"),
        ("1 %", {}, "response time p95 has another unit: "),
        (
            "260 ms",
            {"because": because(Outcome.FAIL, "the worker died", kind=ReasonKind.LOAD)},
            "response time p95 is FAIL for another reason: the worker died",
        ),
    ],
)
def test_a_bound_covers_what_is_proven_within_it(bound: str, fields: dict[str, Any], why: str) -> None:
    """By the bound on the bad side."""
    waiver = Waiver(
        waives="R",
        by="A. Person",
        reason="it is known",
        link="https://example.test/1",
        date="2026-05-01",
        expires="2026-07-01",
        release="1.0.0",
        file="waivers/R.yaml",
        bound=bound,
    )
    found = _beyond(waiver, failed(**fields), plan())
    assert found.startswith(why)
    assert bool(found) is bool(why)


def test_what_has_no_bounds_was_not_compared() -> None:
    """Not even where the other one has both."""
    bare = latency(100.0, fail_low=None, fail_high=None)
    for before, after in ((bare, latency(100.0)), (latency(100.0), bare)):
        found = figure_change("R", before, after)
        assert (found.change, found.why) == (
            Change.UNTESTED,
            "at least one run has no 99.75 % bounds for this figure",
        )
    assert "the recorded bounds" in figure_change("R", latency(100.0), latency(100.0)).why


def test_a_short_outage_without_a_fault_is_told() -> None:
    """Three reads in a row failed; a tenth of the limit is more than that, and a tenth of a shorter one is not."""
    run = replace(evidence(), probes=down(evidence().probes, 30, 30.15))
    steady = null_run(plan(), run, "everyday", "reads", limit_s=30.0).receipt
    assert (steady.ok, steady.why) == (True, "reads were steady without a fault, the longest outage 0.153 s")
    out = null_run(plan(), run, "everyday", "reads", limit_s=1.0).receipt
    assert (out.ok, out.why) == (False, "reads already failed for 0.153 s without a fault")


def test_traffic_that_ended_before_its_time_is_told() -> None:
    """A minute after the last fault was planned, half of it was there, and none at all."""
    known = plan({"R": share()})
    planned = replace(known, traffic={"everyday": replace(known.traffic["everyday"], after_s=60)})
    base, name = evidence(), after_faults_name("everyday")
    half = replace(window(samples(200, 230), 200, 230), name=name, phase=Phase.STEADY)
    for windows, seconds in ((base.windows, "0"), ({**base.windows, name: half}, "30")):
        decision = judge(planned, replace(base, windows=windows)).decision
        told = f"everyday traffic ended {seconds} s after the last fault, expected 60 s"
        assert decision.reasons[-1] == told
        assert set(decision.reasons[:-1]) <= {f"R INCONCLUSIVE: {told}"}, "nothing else"


def test_traffic_that_ended_early_as_the_target_was_not_restored_says_so() -> None:
    """The first cause is the platform's, not the run's."""
    known = plan({"R": share()})
    planned = replace(known, traffic={"everyday": replace(known.traffic["everyday"], after_s=60)})
    base = evidence()
    attempts = {
        name: tuple(replace(one, restore=Restore(ok=False, why="writes: 0 of 48")) for one in each)
        for name, each in base.experiments.items()
    }
    last = max((one for each in attempts.values() for one in each), key=lambda one: one.observed_from_ns).name
    whole = judge(planned, replace(base, experiments=attempts))
    told = f"everyday traffic ended 0 s after the last fault, expected 60 s, because the target was not restored after {last}"
    (found,) = [one for one in whole.decision.because if not one.requirement]
    assert found.because.text == told
    assert found.because.hint == "correct the cause for which the target was not restored, then run again"


def test_without_a_region_nothing_is_read_back_through_one() -> None:
    """It is said, and the reads right after a write are judged all the same."""
    asked = objective(Figure.READ_BACK, Op.HOLDS, "0", traffic=None, phase=Phase.RUN)
    first, *_ = measures(judge(plan({"R": asked}, regions={}), evidence()))
    assert first.reason == "the plan names no region, expected at least one through which the ledger is read"
    assert (
        first.hint
        == "make sure that every region is read at the end of the run, after the replicas caught up, then run again"
    )


def test_a_filtered_run_says_who_does_not_claim_the_harm() -> None:
    """Four writes are gone, and the one scenario that was chosen is about errors."""
    base = evidence()
    final = base.ledger.final.where(base.ledger.final.ints["id"] > 3)
    read = replace(base.ledger.final_reads[0], rows=len(final))
    run = replace(base, ledger=replace(base.ledger, final=final, final_reads=(read,)))
    decision = judge(plan({"R": errors()}, deselected=("a.feature:9: x",)), run).decision
    assert decision.reasons[0] == "harm that no requirement judges: 4 writes lost in this filtered run"
