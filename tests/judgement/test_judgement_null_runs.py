"""A/A: without a fault it is judged alike, and a fault is charged only with the difference."""

from __future__ import annotations

from dataclasses import replace

from judgement_builders import SPANS, down, evidence, experiment, failing, ns, plan, recovery, with_experiment

from harness.judgement import judge
from harness.judgement.receipts.faults.null_runs import failed_probes, null_run
from harness.model import LEDGER_WRITES, PROBES, FailedProbeShares, FaultWindow, Outcome, Phase, Table
from harness.model.rounding import rounded

NULL = replace(experiment("null-run", "none", 201, 215), fault=FaultWindow(experiment="null-run", domain="none"))
DATABASE = experiment("database-loss", *SPANS["database-loss"])


def test_a_null_run_is_steady_without_a_fault() -> None:
    """Reads and writes of the fault-free window, and of the null run where there is one."""
    assert null_run(plan(), evidence(), "everyday", "reads").receipt.ok
    assert null_run(plan(), evidence(), None, "writes").receipt.ok
    assert null_run(plan(), evidence(), None, "writes").receipt.why == "writes were steady without a fault"
    assert null_run(plan(), with_experiment([NULL]), "everyday", "reads").receipt.ok


def test_a_null_run_that_was_out_or_unwatched_is_none() -> None:
    """Each is said in a sentence; one that was not run says nothing."""
    base = evidence()
    shaky = replace(base, probes=down(base.probes, 30, 31))
    assert null_run(plan(), shaky, "everyday", "reads").receipt.why == "reads already failed for 1 s without a fault"
    late = with_experiment([NULL], replace(base, probes=down(base.probes, 205, 206)))
    assert null_run(plan(), late, "everyday", "reads").receipt.ok is False
    skipped = with_experiment([replace(NULL, ran=False)], late)
    assert null_run(plan(), skipped, "everyday", "reads").receipt.ok
    lone = null_run(plan(), base, "other", "reads").receipt
    assert (lone.ok, lone.why) == (False, "no fault-free window was recorded to compare with")
    blind = null_run(plan(), replace(base, probes=Table.empty(PROBES)), None, "reads").receipt
    assert (blind.ok, blind.why) == (None, "no reads were recorded without a fault")


def test_what_was_not_watched_without_a_fault_is_not_known_to_be_steady() -> None:
    """One look proves nothing; nor do looks with a second and more between them."""
    base = evidence()
    sent_ns = base.probes.ints["sent_ns"]
    one = null_run(plan(), replace(base, probes=base.probes.where(sent_ns == ns(30))), None, "reads").receipt
    assert (one.ok, one.why) == (None, "no probe of reads was recorded for 30 s without a fault")
    gap = null_run(
        plan(), replace(base, probes=base.probes.where((sent_ns < ns(30)) | (sent_ns > ns(31)))), None, "reads"
    ).receipt
    assert (gap.ok, gap.why) == (None, "no probe of reads was recorded for 1.1 s without a fault")
    assert null_run(
        plan(), replace(base, probes=base.probes.where((sent_ns < ns(30)) | (sent_ns >= ns(30.95)))), None, "reads"
    ).receipt.ok


def test_two_neighbouring_failures_in_a_run_without_a_fault_are_noise() -> None:
    """Two of 1200 probes, once: no outage, and a limit of a second can be judged."""
    base = evidence()
    run = replace(base, probes=down(base.probes, 30, 30.1))
    steady = null_run(plan(), run, None, "reads", limit_s=1.0)
    assert (steady.receipt.ok, steady.longest_s) == (True, 0.0)
    (verdict,) = judge(plan({"R": recovery("1 s", "pod-loss", operations=("reads",))}), run).verdicts
    assert verdict.outcome is Outcome.PASS


def test_three_failures_in_a_row_without_a_fault_are_as_much_an_outage_as_under_one() -> None:
    """The same rule, the same code."""
    base = evidence()
    run = replace(base, probes=down(base.probes, 30, 30.15))
    assert null_run(plan(), run, None, "reads").receipt.ok is False
    single = replace(base, probes=down(base.probes, 30, 30.05))
    assert null_run(plan(), single, None, "reads").receipt.ok
    for limit, outcome in (("1 s", Outcome.INCONCLUSIVE), ("30 s", Outcome.PASS)):
        (verdict,) = judge(plan({"R": recovery(limit, "pod-loss", operations=("reads",))}), run).verdicts
        assert verdict.outcome is outcome


def test_a_fault_is_charged_with_the_difference() -> None:
    """Half a second of sixty failed without a fault, 20 s of 39 under it."""
    base = evidence()
    run = replace(base, probes=down(base.probes, 30, 30.5))
    found = failed_probes(run, DATABASE, "reads")
    assert rounded(found) == FailedProbeShares(
        operation="reads", null_run=0.00833333, under_fault=0.512821, difference=0.504487
    )
    (result,) = (e for e in judge(plan(), run).experiments if e.name == "database-loss")
    assert result.failed_probes[0] == rounded(found)
    assert result.failed_probes[1].operation == "writes"


def test_a_null_run_beside_the_window_counts_with_it_and_an_unsent_fault_from_its_watch_on() -> None:
    """Seven of the 14 s of the null run failed, none of the 60 s of the window."""
    base = evidence()
    run = with_experiment([NULL], replace(base, probes=down(base.probes, 201, 208)))
    assert rounded(failed_probes(run, DATABASE, "reads")).null_run == 0.0945946
    assert failed_probes(run, NULL, "reads").under_fault == 0.5


def test_where_nobody_looked_there_is_no_difference() -> None:
    """Without a fault, or under it."""
    base = evidence()
    bare = replace(base, ledger=replace(base.ledger, writes=Table.empty(LEDGER_WRITES)))
    assert failed_probes(bare, DATABASE, "writes") == FailedProbeShares(
        operation="writes", null_run=None, under_fault=None, difference=None
    )
    later = replace(base, probes=base.probes.where(base.probes.ints["sent_ns"] >= ns(100)))
    found = failed_probes(later, DATABASE, "reads")
    assert (found.null_run, found.difference) == (None, None)
    assert rounded(found).under_fault == 0.512821
    early = replace(base, probes=base.probes.where(base.probes.ints["sent_ns"] < ns(100)))
    assert failed_probes(early, DATABASE, "reads").difference is None


def test_a_null_run_passes_when_it_was_steady() -> None:
    """And says what was not; errors of its load are printed, no more."""
    base = with_experiment([NULL])
    assert judge(plan(), base).experiments[-1].verdict is Outcome.PASS
    shaky = replace(base, probes=down(base.probes, 205, 206))
    assert judge(plan(), shaky).experiments[-1].reason == "reads already failed for 1 s without a fault"
    skipped = with_experiment([replace(NULL, ran=False, why="not steady")])
    assert judge(plan(), skipped).experiments[-1].reason == "the experiment was not run: not steady"
    hurt = replace(base.windows["everyday/fault-free"], samples=failing(base.windows["everyday/fault-free"].samples, 3))
    loaded = replace(
        base,
        windows={**base.windows, "experiment:null-run/fault": replace(hurt, phase=Phase.FAULT, experiment="null-run")},
    )
    assert judge(plan(), loaded).experiments[-1].errors == {"status 503": 1}
