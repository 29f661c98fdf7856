"""Objectives of recovery against receipts, limits and the null run."""

from __future__ import annotations

from dataclasses import replace

import pytest
from judgement_builders import (
    SPANS,
    down,
    evidence,
    experiment,
    measures,
    ns,
    plan,
    reads,
    recovery,
    with_experiment,
    with_ints,
    with_words,
)

from harness.judgement import judge
from harness.judgement.figures.recovery.recovered import recovery_in
from harness.model import (
    LEDGER_WRITES,
    PROBES,
    Cut,
    Evidence,
    FaultWindow,
    Measure,
    Objective,
    Outcome,
    Plan,
    Restore,
    Table,
    WatchSource,
)

PASS, FAIL, INCONCLUSIVE, NOT_ASSESSED = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.NOT_ASSESSED
PROBED = ("recovery of reads", "recovery of writes")
DATABASE = experiment("database-loss", *SPANS["database-loss"])


def judged(objective: Objective, run: Evidence | None = None, of: Plan | None = None) -> list[Measure]:
    """The measures of one objective."""
    return measures(judge(of or plan({"R": objective}), run or evidence()))


def reads_of(limit: str, run: Evidence | None = None, **fields: object) -> Measure:
    """The one measure of the recovery of reads after the database's loss."""
    found = judged(recovery(limit, "database-loss", **{"operations": ("reads",), **fields}), run)
    return found[0]


def test_reads_and_writes_are_judged_apart_in_each_experiment() -> None:
    """Two experiments, two operations."""
    found = [m for m in judged(recovery("4 h", "database-loss", "region-loss")) if m.name in PROBED]
    assert [(m.scope["experiment"], m.scope["operation"], m.value, m.outcome) for m in found] == [
        ("database-loss", "reads", 20.503, PASS),
        ("database-loss", "writes", 20.5383, PASS),
        ("region-loss", "reads", 10.503, PASS),
        ("region-loss", "writes", 10.5383, PASS),
    ]
    assert (
        found[0].reason
        == "database-loss: reads recovered after 20.5 s ± 0.053 s, expected below 4 h (240 s at scale 60)"
    )
    assert (found[0].scaled_limit, found[0].resolution, found[0].low, found[0].high) == (240.0, 0.053, 20.45, 20.556)
    assert set(found[0].receipts) == {"fault", "watch", "restore", "load"}


def test_experiments_of_a_domain_are_found_where_none_is_named() -> None:
    """And a kind that nobody planned is inconclusive."""
    found = judged(recovery("30 s", domains=("pod", "region"), operations=("reads",)))
    assert [m.scope["experiment"] for m in found if m.name in PROBED] == ["pod-loss", "region-loss"]
    (none,) = judged(recovery("30 s", domains=("network",)))
    assert (none.outcome, none.reason) == (INCONCLUSIVE, "no experiment of the kinds in this sentence was planned")


def test_a_limit_that_the_experiment_would_not_have_watched_is_not_falsifiable() -> None:
    """300 s against a watch of at most 240 s."""
    measure = reads_of("5 h")
    assert measure.outcome is NOT_ASSESSED
    assert (
        measure.reason
        == "this run could not have failed the sentence: database-loss is planned with 240 s of observation, expected at least 300 s"
    )
    bare = plan({"R": recovery("30 s", "database-loss")}, experiments={})
    assert {m.outcome for m in judged(recovery("30 s"), of=bare)} == {NOT_ASSESSED}


def test_what_is_not_back_fails_once_watched_for_the_limit() -> None:
    """Out for all of the 34 s that were watched: fails 30 s, tells nothing of 40 s."""
    base = evidence()
    out = replace(base, probes=down(base.probes, 111.5, 159))
    measure = reads_of("30 s", out)
    assert (measure.outcome, measure.value, measure.low, measure.high) == (FAIL, None, 34, None)
    assert measure.reason.startswith("database-loss: reads did not recover in 34 s (")
    assert reads_of("40 s", out).outcome is INCONCLUSIVE
    healed = replace(base, probes=down(base.probes, 111.5, 144.9))
    assert " and recovered only when the fault was undone" in reads_of("30 s", healed).reason


def test_a_restored_target_is_needed_for_a_pass_and_not_for_a_failure() -> None:
    """A platform that does not come back by itself fails, though nothing is as before."""
    base = evidence()
    broken = replace(DATABASE, restore=Restore(ok=False, why="one member does not stream"))
    assert reads_of("30 s", with_experiment([broken])).reason.endswith(
        ". Not decided: database-loss: one member does not stream"
    )
    out = with_experiment([broken], replace(base, probes=down(base.probes, 111.5, 159)))
    assert reads_of("30 s", out).outcome is FAIL


def test_without_a_fault_there_is_no_recovery() -> None:
    """Not confirmed: no PASS, and harm counts all the same; not sent: there is no figure."""
    unseen = replace(DATABASE, fault=replace(DATABASE.fault, confirmed_ns=None))
    base = evidence()
    assert reads_of("30 s", with_experiment([unseen])).outcome is INCONCLUSIVE
    out = with_experiment([unseen], replace(base, probes=down(base.probes, 111.5, 159)))
    assert reads_of("30 s", out).outcome is FAIL
    skipped = replace(
        DATABASE, ran=False, why="the target was not steady", fault=FaultWindow(experiment="d", domain="database")
    )
    measure = reads_of("30 s", with_experiment([skipped]))
    assert measure.reason == "database-loss: the experiment was not run: the target was not steady"
    assert measure.hint.startswith("correct the cause that the experiment's chaos.log")


def test_without_looks_there_is_no_recovery() -> None:
    """No read probe and no write on record."""
    base = evidence()
    blind = replace(base, probes=Table.empty(PROBES), ledger=replace(base.ledger, writes=Table.empty(LEDGER_WRITES)))
    found = judged(recovery("30 s", "database-loss"), blind)
    assert [m.reason for m in found if m.name in PROBED] == [
        "no probe of reads was recorded",
        "no probe of writes was recorded",
    ]
    assert found[0].hint.startswith("run again on a machine with nothing else to do")


def test_a_watcher_that_did_not_end_in_order_tells_nothing() -> None:
    """Green or red."""
    base = evidence()
    cut = {**base.watchers, "entry": WatchSource(name="entry", spacing_ms=50, closed=False)}
    assert reads_of("30 s", replace(base, watchers=cut)).outcome is INCONCLUSIVE
    out = replace(base, probes=down(base.probes, 111.5, 159), watchers=cut)
    assert reads_of("30 s", out).outcome is INCONCLUSIVE


def test_nobody_knows_of_an_outage_that_the_watch_slept_through() -> None:
    """Reads were back after 20.5 s; for 4 s of the rest of the fault nothing asked."""
    base = evidence()
    sent = base.probes.ints["sent_ns"]
    gap = replace(base, probes=base.probes.where((sent < ns(140)) | (sent >= ns(144))))
    measure = reads_of("30 s", gap)
    assert (measure.outcome, measure.value) == (INCONCLUSIVE, 20.503)
    assert measure.reason.endswith(
        "Not decided: the watcher 'entry' sent no probe for 4.05 s, more than a tenth of the limit"
    )


def test_an_outage_without_a_fault_widens_the_recovery_and_over_a_tenth_of_the_limit_it_is_inconclusive() -> None:
    """Reads were out for 1 s and for 4 s without any fault, against 30 s; writes were not."""
    base = evidence()
    shaky = replace(base, probes=down(base.probes, 30, 31))
    reads = reads_of("30 s", shaky)
    assert (reads.outcome, reads.resolution, reads.high) == (PASS, 1.003, 21.506)
    broken = replace(base, probes=down(base.probes, 30, 34))
    reads, writes = (m for m in judged(recovery("30 s", "database-loss"), broken) if m.name in PROBED)
    assert (reads.outcome, writes.outcome) == (INCONCLUSIVE, PASS)
    assert reads.reason.endswith(". Not decided: reads already failed for 4 s without a fault")
    assert reads.hint == "make the target steady without any fault, then run again"


@pytest.mark.parametrize(("region", "outcome"), [("us-east-1", PASS), ("eu-west-1", INCONCLUSIVE)])
def test_the_region_of_the_sentence_must_be_the_one_that_was_lost(region: str, outcome: Outcome) -> None:
    """The fault hit us-east-1."""
    measure = judged(recovery("50 s", "region-loss", operations=("reads",), params={"lost_region": region}))[0]
    assert measure.outcome is outcome
    assert measure.reason.endswith(f". Not decided: region-loss: {region} was not hit") is (outcome is INCONCLUSIVE)


@pytest.mark.parametrize(("steps", "outcome"), [(0, PASS), (1, FAIL)])
def test_manual_steps_are_counted(steps: int, outcome: Outcome) -> None:
    """A failover that a person had to finish is none."""
    run = with_experiment([replace(DATABASE, manual_steps=steps)])
    found = judged(recovery("45 s", "database-loss", operations=("writes",), params={"manual_steps": "0"}), run)
    assert (found[0].name, found[-1].name) == ("recovery of writes", "manual steps")
    assert (found[-1].outcome, found[-1].value) == (outcome, steps)
    assert found[-1].reason == f"database-loss: {steps} manual steps were needed, expected 0"


def test_a_repeated_attempt_counts_when_its_receipts_hold() -> None:
    """The first one was not restored; both are kept."""
    first = replace(DATABASE, restore=Restore(ok=False))
    run = with_experiment([first, replace(DATABASE, attempt=2)])
    assert reads_of("30 s", run).outcome is PASS
    (verdict,) = judge(plan({"R": recovery("30 s", "database-loss")}), run).verdicts
    assert verdict.attempts == 2


def test_a_watch_that_ended_before_the_action_has_observed_nothing() -> None:
    """Its clock says so, and nobody knows of a restore; nothing is negative."""
    early = replace(DATABASE, observed_until_ns=1, restore=Restore(ok=None))
    assert recovery_in(plan(), evidence(), early, "reads") is None


def test_an_experiment_of_a_run_that_was_killed_is_no_recovery_of_zero_seconds() -> None:
    """Its fault went in, and the record ends: the reason is that, and what to undo, not `0 of 0 requests failed`."""
    killed = replace(
        DATABASE, ran=False, why="the experiment did not complete", observed_until_ns=1, restore=Restore(ok=None)
    )
    run = with_experiment([killed])
    measure = reads_of("30 s", run)
    assert measure.reason == "database-loss: the fault was sent, and the experiment did not complete"
    assert measure.hint.startswith("restore the target with `readiness recover")
    told = next(e for e in judge(plan(), run).experiments if e.name == "database-loss")
    assert (told.reason, told.reads) == (measure.reason, None)
    cut = judge(plan(), replace(run, complete=False, cut=Cut(why="interrupted", hint="let it run until it completes")))
    hint = cut.decision.because[0].because.hint
    assert hint.startswith(
        "undo database-loss with `readiness recover --target FILE`; let it run until it completes; run again: "
    )


def test_an_experiment_that_was_not_run_lost_no_number_of_writes() -> None:
    """Nobody looked: `0 lost` would be a figure."""
    unsent = replace(DATABASE.fault, sent_ns=None, hit=())
    told = judge(plan(), with_experiment([replace(DATABASE, ran=False, why="not steady", fault=unsent)])).experiments
    one = next(e for e in told if e.name == "database-loss")
    assert (one.writes_lost, one.writes_unsure, one.writes_why) == (None, None, one.reason)
    assert one.reason == "database-loss: the experiment was not run: not steady"


def test_a_region_that_was_hit_is_seen_to_come_back_on_heal_only() -> None:
    """Out at its own door from 161.5 s to 197 s, the fault undone at 195 s; other regions are not spoken of."""
    base = evidence()
    own = with_words(reads(per_s=5), slice(None), subject="us-east-1")
    other = with_words(reads(per_s=5), slice(None), subject="eu-west-1")
    run = replace(base, probes=Table.merged(PROBES, [base.probes, down(own, 161.5, 197), other]))
    found = {e.name: e.regions for e in judge(plan(), run).experiments}
    assert set(found["region-loss"]) == {"us-east-1"}
    seen = found["region-loss"]["us-east-1"]
    assert (seen.operation, seen.seconds, seen.on_heal) == ("reads", None, False)
    assert seen.outages == ((0.6, 34.0),)
    longer = with_experiment([experiment("region-loss", "region", 160, 210)], run)
    early = replace(longer, probes=Table.merged(PROBES, [base.probes, down(own, 161.5, 206), other]))
    assert judge(plan(), early).experiments[2].regions["us-east-1"].on_heal is False
    healed = replace(longer.experiments["region-loss"][0], observed_until_ns=ns(219))
    region = judge(plan(), with_experiment([healed], early)).experiments[2].regions["us-east-1"]
    assert (region.seconds, region.on_heal, region.resolution_s) == (None, True, 0.2)


def test_a_region_that_nobody_looked_at_or_that_was_not_hit_is_not_spoken_of() -> None:
    """No probe of it, no watcher on record, no action sent, no name."""
    base = evidence()
    own = with_words(reads(per_s=5), slice(None), subject="us-east-1")
    run = replace(base, probes=Table.merged(PROBES, [base.probes, own]))
    assert set(judge(plan(), run).experiments[0].regions) == {"us-east-1"}
    assert judge(plan(), base).experiments[0].regions == {}
    assert judge(plan(), replace(run, watchers={})).experiments[0].regions == {}
    attempt = base.experiments["pod-loss"][0]
    unsent = replace(attempt, fault=replace(attempt.fault, sent_ns=None))
    assert judge(plan(), with_experiment([unsent], run)).experiments[0].regions == {}
    nameless = replace(attempt, fault=replace(attempt.fault, hit=(replace(attempt.fault.hit[0], region=""),)))
    assert judge(plan(), with_experiment([nameless], run)).experiments[0].regions == {}


def quarter(*out: tuple[float, float]) -> Evidence:
    """Reads each quarter of a second, answered at once, so that every figure is exact; away when said."""
    rows = reads(per_s=4)
    rows = with_ints(rows, slice(None))
    rows.ints["done_ns"][:] = rows.ints["sent_ns"]
    for start, end in out:
        rows = down(rows, start, end)
    return replace(evidence(), probes=rows)


@pytest.mark.parametrize(
    ("limit", "outcome"), [("3.75 s", FAIL), ("3.76 s", INCONCLUSIVE), ("4.25 s", INCONCLUSIVE), ("4.26 s", PASS)]
)
def test_at_the_edges_of_the_resolution(limit: str, outcome: Outcome) -> None:
    """4 s ± 0.25 s: 3.75 s is reached, 4.25 s is not undercut."""
    measure = reads_of(limit, quarter((112, 115)))
    assert (measure.value, measure.resolution, measure.low, measure.high) == (4, 0.25, 3.75, 4.25)
    assert measure.outcome is outcome


@pytest.mark.parametrize(
    ("spacing", "limit", "outcome"),
    [
        ({"reads": 250.0}, "34.25 s", FAIL),
        ({"reads": 250.0}, "34.26 s", INCONCLUSIVE),
        ({}, "34 s", FAIL),
        ({}, "34.01 s", INCONCLUSIVE),
    ],
)
def test_what_is_not_back_failed_when_the_limit_is_less_than_a_planned_look_away(
    spacing: dict[str, float], limit: str, outcome: Outcome
) -> None:
    """34 s were watched."""
    of = plan({"R": recovery(limit, "database-loss", operations=("reads",))}, probe_spacing_ms=spacing)
    measure = measures(judge(of, quarter((112, 159))))[0]
    assert (measure.outcome, measure.low) == (outcome, 34)


def test_no_recovery_is_shorter_than_nothing() -> None:
    """A fault that nobody felt: 0 s, from 0 s to the resolution."""
    measure = reads_of("4 h", quarter())
    assert (measure.value, measure.low, measure.high) == (0, 0, 0.25)
    assert measure.reason == (
        "database-loss: reads recovered after 0 s ± 0.25 s (no client was affected), expected below 4 h (240 s at scale 60)"
    )


def test_only_the_traffic_of_the_sentence_is_its_null_run() -> None:
    """Reads were out while other traffic ran alone."""
    base = evidence()
    other = replace(
        base.windows["everyday/fault-free"], name="rush/fault-free", traffic="rush", start_ns=ns(201), end_ns=ns(219)
    )
    run = replace(base, windows={**base.windows, "rush/fault-free": other}, probes=down(base.probes, 205, 210))
    assert reads_of("30 s", run).outcome is PASS
    assert reads_of("30 s", run, traffic=None).outcome is INCONCLUSIVE


def test_a_resolution_of_a_quarter_of_a_second_is_as_planned_and_a_wider_one_needs_a_longer_limit() -> None:
    """Exactly a tenth of the limit is enough; the receipt says what is not."""
    base = quarter((112, 115))
    sent = base.probes.ints["sent_ns"]
    gap = replace(base, probes=base.probes.where((sent < ns(112.25)) | (sent >= ns(112.75))))
    assert reads_of("7.5 s", gap).outcome is PASS
    narrow = reads_of("7.4 s", gap)
    assert narrow.receipts["watch"].ok is False
    assert (
        narrow.receipts["watch"].why == "the watcher 'entry' sent no probe for 0.75 s, more than a tenth of the limit"
    )
    assert narrow.outcome is INCONCLUSIVE
