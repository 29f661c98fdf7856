"""Measures of recovery, loss and events as a whole: every field is a literal, so that none changes unseen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from judgement_builders import (
    SPANS,
    down,
    evidence,
    experiment,
    ledger,
    measures,
    no_loss,
    ns,
    objective,
    plan,
    recovery,
    table,
    with_experiment,
    with_ints,
)

from harness.judgement import judge
from harness.judgement.measures import because
from harness.model import (
    PIPELINE,
    PROBES,
    Evidence,
    Figure,
    Length,
    Measure,
    Objective,
    Op,
    Outcome,
    Phase,
    Quantity,
    ReasonKind,
    Receipt,
    Table,
    WatchSource,
)

HINT = "`readiness why R` shows the evidence; fix the platform, then run again"
CHAOS = ("chaos/database-loss/journal.json",)
DATABASE = experiment("database-loss", *SPANS["database-loss"])
IN_PLACE = Receipt(ok=True, why="database-loss: the fault was confirmed on the target after 1 s: pg-0", files=CHAOS)
AS_BEFORE = Receipt(ok=True, why="database-loss: restored", files=CHAOS)
LOADED = Receipt(
    ok=True, why="1 worker recorded until the end, lag p99 0.5 ms", files=("load/everyday/samples-0.parquet",)
)


def all_of(one: Objective, run: Evidence) -> list[Measure]:
    """The measures of one objective, the load's receipt as it is in the healthy run."""
    found = measures(judge(plan({"R": one}), run))
    return [replace(m, receipts={**m.receipts, **({"load": LOADED} if "load" in m.receipts else {})}) for m in found]


def test_a_recovery_that_passed() -> None:
    """Reads after the database's loss."""
    found, *_ = all_of(recovery("4 h", "database-loss", operations=("reads",)), evidence())
    assert found == Measure(
        name="recovery of reads",
        scope={"experiment": "database-loss", "phase": "during the fault", "operation": "reads"},
        sentence="recovery is below 4 h",
        at="a.feature:3",
        value=20.503,
        unit="s",
        op="is below",
        limit="4 h",
        scaled_limit=240.0,
        times=(Length(name="limit", said="4 h", scaled=True, used_s=240.0),),
        low=20.45,
        high=20.556,
        resolution=0.053,
        method=(
            "time of the first answer in the first 5 s after the last outage in which no more requests failed or were late than "
            "before the fault, or than promised; "
            "± the longest time between two requests and the slowest answer of the second after it"
        ),
        receipts={
            "fault": IN_PLACE,
            "watch": Receipt(ok=True, why="680 probes, longest gap 50 ms"),
            "restore": AS_BEFORE,
            "load": LOADED,
        },
        outcome=Outcome.PASS,
        because=because(
            Outcome.PASS,
            "database-loss: reads recovered after 20.5 s ± 0.053 s, expected below 4 h (240 s at scale 60)",
        ),
        files=(*CHAOS, "watch/entry.parquet"),
    )


def test_a_recovery_that_failed_and_one_that_cannot_be_told() -> None:
    """Away for all of the time that was watched; a fault that nobody saw."""
    base = evidence()
    away = replace(base, probes=down(base.probes, 111.5, 159))
    one = recovery("30 s", "database-loss", operations=("reads",), traffic=None)
    failed, *_ = all_of(one, away)
    assert (failed.outcome, failed.value, failed.low, failed.high, failed.scaled_limit) == (
        Outcome.FAIL,
        None,
        34,
        None,
        30,
    )
    assert failed.reason == (
        "database-loss: reads did not recover in 34 s (670 of 680 requests failed, and no 5 s of successful requests "
        "followed while the fault was active), expected below 30 s"
    )
    assert (failed.hint, failed.resolution) == (HINT, 0.05)
    unseen = replace(DATABASE, fault=replace(DATABASE.fault, confirmed_ns=None))
    harm, *_ = all_of(one, with_experiment([unseen], away))
    assert (harm.outcome, harm.reason) == (Outcome.FAIL, failed.reason)
    untold, *_ = all_of(one, with_experiment([unseen]))
    assert untold.reason.endswith(
        ". Not decided: database-loss: no probe of the target confirmed that the fault was active"
    )
    assert untold.hint == "correct the cause that the experiment's chaos.log in the run directory shows, then run again"
    assert (untold.outcome, untold.low, untold.files) == (Outcome.INCONCLUSIVE, 20.45, failed.files)


def test_manual_steps_as_a_whole() -> None:
    """One too many; none; and none of which nothing is known."""
    one = recovery("45 s", "database-loss", operations=(), traffic=None, params={"manual_steps": "0"})
    (failed,) = all_of(one, with_experiment([replace(DATABASE, manual_steps=1)]))
    assert failed == Measure(
        name="manual steps",
        scope={"experiment": "database-loss", "phase": "during the fault"},
        sentence="recovery is below 45 s",
        at="a.feature:3",
        value=1.0,
        unit="",
        op="holds",
        limit="0",
        scaled_limit=0.0,
        times=(Length(name="limit", said="45 s", scaled=False, used_s=45.0),),
        method="number of undo steps that were left to a person",
        receipts={"fault": IN_PLACE},
        outcome=Outcome.FAIL,
        because=because(Outcome.FAIL, "database-loss: 1 manual steps were needed, expected 0", HINT),
        files=CHAOS,
    )
    (passed,) = all_of(one, evidence())
    assert passed == replace(
        failed,
        value=0.0,
        outcome=Outcome.PASS,
        because=because(Outcome.PASS, "database-loss: 0 manual steps were needed, expected 0"),
    )
    (untold,) = all_of(one, with_experiment([replace(DATABASE, journal={})]))
    assert untold == replace(
        passed,
        receipts={"fault": Receipt(ok=None, why="database-loss: the experiment wrote no journal", files=CHAOS)},
        outcome=Outcome.INCONCLUSIVE,
        because=because(
            Outcome.INCONCLUSIVE,
            "database-loss: 0 manual steps were needed, expected 0. Not decided: database-loss: the experiment wrote no journal",
            "correct the cause that the experiment's chaos.log in the run directory shows, then run again",
            kind=ReasonKind.FAULT,
        ),
    )


def test_a_loss_as_a_whole() -> None:
    """None; one; and none of which not all is known."""
    writes = evidence().ledger.writes
    pod = ("chaos/pod-loss/journal.json",)
    (passed,) = all_of(no_loss("pod-loss"), evidence())
    assert passed == Measure(
        name="lost writes",
        scope={"experiment": "pod-loss", "phase": "during the fault"},
        sentence="lost writes holds 0",
        at="a.feature:3",
        value=0.0,
        unit="",
        op="holds",
        limit="0",
        scaled_limit=0.0,
        n=900,
        method="number of acknowledged writes that at the end are missing or have another value",
        receipts={
            "watch": Receipt(
                ok=True, why="5701 acknowledged writes were read back: database", files=("watch/ledger-writes.parquet",)
            ),
            "fault": Receipt(
                ok=True, why="pod-loss: the fault was confirmed on the target after 1 s: track-old", files=pod
            ),
            "restore": Receipt(ok=True, why="pod-loss: restored", files=pod),
        },
        outcome=Outcome.PASS,
        because=because(
            Outcome.PASS,
            "none of 5701 acknowledged writes is lost (0 writes of unknown outcome are absent, 900 are present)",
        ),
        files=("watch/ledger-writes.parquet", *pod),
    )
    (failed,) = all_of(no_loss("pod-loss"), replace(evidence(), ledger=ledger(writes, lost=[601])))
    assert failed == replace(
        passed,
        value=1.0,
        outcome=Outcome.FAIL,
        because=because(
            Outcome.FAIL,
            (
                "1 of 5701 acknowledged writes are lost, expected none: client 1 number 601 "
                "(0 writes of unknown outcome are absent, 900 are present)"
            ),
            HINT,
        ),
    )
    (untold,) = all_of(no_loss("pod-loss"), replace(evidence(), ledger=ledger(writes, complete=False)))
    why = "the final ledger read did not complete (no cause recorded)"
    hint = "make sure that the complete ledger can be read from database, then run again"
    assert untold == replace(
        passed,
        receipts={
            **passed.receipts,
            "watch": Receipt(ok=False, why=why, files=("watch/ledger-writes.parquet",), hint=hint),
        },
        outcome=Outcome.INCONCLUSIVE,
        because=because(Outcome.INCONCLUSIVE, f"{passed.reason}. Not decided: {why}", hint, kind=ReasonKind.WATCH),
    )


def test_events_as_a_whole() -> None:
    """Ten events, the slowest visible after 10 ms."""
    turn = np.arange(10)
    rows = table(
        PIPELINE,
        10,
        id=turn,
        accepted_ns=ns(1) * turn,
        seen_ns=ns(1) * turn + 1_000_000 * (turn + 1),
        copies=1,
        outcome="accepted",
        state="found",
    )
    watched = {"pipeline": WatchSource(name="pipeline", spacing_ms=1000, closed=True)}
    one = objective(Figure.EVENTS, Op.BELOW, "1 s", phase=Phase.RUN)
    (passed,) = all_of(one, replace(evidence(), pipeline=rows, watchers=watched))
    assert passed == Measure(
        name="accepted events",
        scope={},
        sentence="accepted events is below 1 s",
        at="a.feature:3",
        value=0.01,
        unit="s",
        op="is below",
        limit="1 s",
        scaled_limit=1.0,
        times=(Length(name="limit", said="1 s", scaled=False, used_s=1.0),),
        n=10,
        method="the exact time from acceptance to visibility of the slowest event",
        receipts={"watch": Receipt(ok=True, why="10 events were followed", files=("watch/pipeline.parquet",))},
        outcome=Outcome.PASS,
        because=because(
            Outcome.PASS, "none of 10 accepted events failed, expected every event once and complete within 1 s"
        ),
        files=("watch/pipeline.parquet",),
    )
    (cut,) = all_of(one, replace(evidence(), pipeline=rows.where(turn != 3), watchers=watched))
    assert cut.receipts["watch"] == Receipt(
        ok=False, why="the record of events lacks 1 numbers", files=("watch/pipeline.parquet",)
    )
    (none,) = all_of(one, replace(evidence(), pipeline=rows.where(turn < 0), watchers=watched))
    assert none.reason == (
        "none of 0 accepted events failed, expected every event once and complete within 1 s. Not decided: no event was recorded"
    )


SCOPE = {"experiment": "database-loss", "phase": "during the fault", "operation": "reads"}


def untold(one: Objective, run: Evidence, **fields: Any) -> tuple[str, dict[str, str], Outcome, str, str]:
    """Name, scope, outcome, reason and hint of the first measure."""
    found = measures(judge(plan({"R": one}, **fields), run))[0]
    return found.name, dict(found.scope), found.outcome, found.reason, found.hint


def test_recoveries_that_cannot_be_told_as_a_whole() -> None:
    """Not long enough, unplanned, another region, nobody looked, never sent, no record, no experiment."""
    base = evidence()
    one = recovery("4 h", "database-loss", operations=("reads",))
    longer = replace(one, limit=Quantity.parse("5 h", scaled=True))
    not_here = "this run could not have failed the sentence: database-loss is planned with {} s of observation, expected at least {} s"
    watch_on = "lengthen the observation to at least the limit, then run again"
    name, unclear = "recovery of reads", Outcome.INCONCLUSIVE
    assert untold(longer, base) == (name, SCOPE, Outcome.NOT_ASSESSED, not_here.format(240, 300), watch_on)
    assert untold(one, base, experiments={}) == (
        name,
        SCOPE,
        Outcome.NOT_ASSESSED,
        not_here.format(0, 240),
        watch_on,
    )
    elsewhere = replace(one, params={"lost_region": "eu-west-1"})
    assert untold(elsewhere, base)[3].endswith(". Not decided: database-loss: eu-west-1 was not hit")
    blind = replace(base, probes=Table.empty(PROBES))
    quieter = "run again on a machine with nothing else to do, so that the watchers are not delayed"
    assert untold(one, blind) == (name, SCOPE, unclear, "no probe of reads was recorded", quieter)
    unsent = replace(DATABASE, fault=replace(DATABASE.fault, sent_ns=None, why="no probe"))
    chaos_log = "correct the cause that the experiment's chaos.log in the run directory shows, then run again"
    assert untold(one, with_experiment([unsent])) == (name, SCOPE, unclear, "database-loss: no probe", chaos_log)
    without = {key: value for key, value in SCOPE.items() if key != "operation"}
    assert untold(one, replace(base, experiments={})) == (
        "recovery",
        without,
        unclear,
        "the run has no record of the experiment database-loss",
        "run without the filter (`--only`, `-m`, `-k`), so that the experiment runs too",
    )
    none = "no experiment of the kinds in this sentence was planned"
    assert untold(recovery("4 h"), base) == ("recovery", {}, unclear, none, "add an experiment to `experiments/`")


def test_a_fault_that_hit_nothing_did_not_miss_the_region() -> None:
    """Its receipt says so already: that it hit another region is not known."""
    nothing = replace(DATABASE, fault=replace(DATABASE.fault, hit=()))
    one = recovery("4 h", "database-loss", operations=("reads",), params={"lost_region": "eu-west-1"})
    assert untold(one, with_experiment([nothing]))[3].endswith(
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
