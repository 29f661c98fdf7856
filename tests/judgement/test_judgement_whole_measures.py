"""Recoveries of a fault that hit nothing, and under a generator that lagged."""

from __future__ import annotations

from dataclasses import replace

from judgement_builders import SPANS, evidence, experiment, measures, ns, plan, recovery, with_experiment, with_ints

from harness.judgement import judge
from harness.model import Outcome

DATABASE = experiment("database-loss", *SPANS["database-loss"])


def test_a_fault_that_hit_nothing_did_not_miss_the_region() -> None:
    """Its receipt says so already: that it hit another region is not known."""
    nothing = replace(DATABASE, fault=replace(DATABASE.fault, hit=()))
    one = recovery("4 h", "database-loss", operations=("reads",), params={"lost_region": "eu-west-1"})
    first, *_ = measures(judge(plan({"R": one}), with_experiment([nothing])))
    assert first.reason.endswith(
        ". Not decided: database-loss: the fault was confirmed, and no pod's uid was observed to go"
    )


def test_a_lagging_generator_does_not_spoil_a_recovery() -> None:
    """Latencies are not read here; only that the load was offered."""
    base = evidence()
    under = base.windows["experiment:database-loss/fault"]
    late = with_ints(under.samples, slice(None))
    late.ints["sent_ns"][:] += ns(0.1)
    late.ints["done_ns"][:] += ns(0.1)
    run = replace(base, windows={**base.windows, "experiment:database-loss/fault": replace(under, samples=late)})
    found, *_ = measures(judge(plan({"R": recovery("4 h", "database-loss", operations=("reads",))}), run))
    assert (found.outcome, found.receipts["load"].ok) == (Outcome.PASS, True)
