"""Harm that was measured and that no claim judges keeps a release from GO."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import pytest
from judgement_builders import claim, objective, observation, table
from test_judgement_waivers import WAIVER

from harness.errors import Exit
from harness.figures import spec_of
from harness.judgement import judge
from harness.judgement.decisions.harm import unjudged_harm
from harness.judgement.decisions.invariants import broken
from harness.judgement.decisions.quiet_harm import quiet_harm
from harness.model import (
    JOURNEY_READS,
    LEDGER_FINAL,
    PIPELINE,
    DecisionOutcome,
    Evidence,
    Figure,
    Gate,
    Judgement,
    LeaderChange,
    Ledger,
    Missing,
    NodeChange,
    Op,
    Outcome,
    Plan,
    Quantity,
    Reason,
    ReasonKind,
    Restore,
    Table,
    Verdict,
    Words,
)
from harness.model.judged.harm import Harm, UnjudgedHarm
from harness.model.records.table import Bools
from harness.run.deciding import exit_of
from tests.builders.core_plan import core_plan
from tests.builders.core_run import core_evidence
from tests.builders.recorder import ns
from tests.honesty.edits import changed, counted


def without(*figures: Figure) -> Plan:
    """Profile core without the claims of these figures, and without their requirements."""
    plan = core_plan()
    kept = tuple(claim for claim in plan.claims if not any(o.figure in figures for o in claim.objectives))
    left = {claim.requirement for claim in kept} | {item.requirement for item in plan.not_assessable}
    return replace(plan, claims=kept, requirements=tuple(r for r in plan.requirements if r.id in left))


def forgetting(count: int) -> Evidence:
    """The healthy run, whose last reads all lack the first writes."""
    run = core_evidence()
    books = run.ledger
    last = {read.round for read in books.final_reads if read.after == "end"}
    gone = [number in last for number in books.final.ints["round"].tolist()] & (books.final.ints["id"] < count)
    reads = tuple(replace(r, rows=r.rows - count) if r.round in last else r for r in books.final_reads)
    return replace(run, ledger=replace(books, final=books.final.where(~gone), final_reads=reads))


def told(judgement: Judgement) -> tuple[DecisionOutcome, tuple[str, ...]]:
    """The decision, and the harm that nobody judges."""
    return judgement.decision.outcome, tuple(map(str, judgement.unjudged_harm))


def test_a_filtered_run_over_a_loss_that_nothing_judges_never_ends_with_0() -> None:
    """All that was selected passed. With --no-decision that is 0; 34 lost writes, or a file that is gone, make it 10."""
    kept = tuple(claim for claim in core_plan().claims if claim.requirement == "ND-KPI-P95")
    plan = replace(core_plan(), claims=kept, deselected=("a.feature:9: x",), pytest_arguments=("-k", "p95"))
    healthy, harmed = judge(plan, core_evidence()), judge(plan, forgetting(34))
    assert {verdict.outcome for verdict in harmed.verdicts if verdict.claims} == {Outcome.PASS}
    assert [exit_of(one, no_decision=True) for one in (healthy, harmed)] == [Exit.GO, Exit.INCONCLUSIVE]
    assert " · harm that no requirement judges: 34 writes lost" in harmed.decision.headline
    hint = next(r.because.hint for r in harmed.decision.because if r.because.kind is ReasonKind.HARM)
    assert hint == f"run without the filter: {core_plan().command()}"
    gone = replace(core_evidence(), missing=(Missing(file="target/events.ndjson", why="is gone"),))
    assert exit_of(judge(plan, gone), no_decision=True) is Exit.INCONCLUSIVE


def test_a_row_that_does_not_gate_does_not_judge_a_loss() -> None:
    """Its FAIL stops no release, so the loss is on the decision line and keeps the release from GO."""
    plan = core_plan()
    rows = {claim.requirement for claim in plan.claims if any(o.figure == Figure.LOST_WRITES for o in claim.objectives)}
    assert rows
    for change in ({"gate": Gate.RECORD}, {"environments": ("production",)}):
        weak = tuple(replace(row, **change) if row.id in rows else row for row in plan.requirements)
        assert told(judge(replace(plan, requirements=weak), core_evidence())) == (DecisionOutcome.GO, ())
        outcome, harm = told(judge(replace(plan, requirements=weak), forgetting(34)))
        assert (outcome, harm) == (DecisionOutcome.INCONCLUSIVE, ("34 writes lost",))


def test_a_loss_that_was_measured_is_not_waived_as_undecided() -> None:
    """200 writes of journeys are lost, which a disaster may have taken: accepted is that it is not known, and 200 is known."""
    plan, run = replace(core_plan(), durability=""), core_evidence()
    rows = {claim.requirement for claim in plan.claims if any(o.figure == Figure.COPIES for o in claim.objectives)}
    plan = replace(plan, claims=tuple(claim for claim in plan.claims if claim.requirement in rows))
    states = Words.of(["absent" if i < 200 else "found" for i in range(len(run.tables[JOURNEY_READS.name]))])
    reads = replace(run.tables[JOURNEY_READS.name], words={**run.tables[JOURNEY_READS.name].words, "state": states})
    run = replace(run, recorded={**run.recorded, JOURNEY_READS.name: reads})
    undecided = tuple(replace(WAIVER, waives=row, outcome="INCONCLUSIVE") for row in sorted(rows))
    bare, waived = judge(plan, run), judge(replace(plan, waivers=undecided), run)
    found = [{v.outcome for v in one.verdicts if v.requirement in rows} for one in (bare, waived)]
    assert found == [{Outcome.INCONCLUSIVE}, {Outcome.INCONCLUSIVE}]
    assert told(bare) == (DecisionOutcome.INCONCLUSIVE, ())
    assert told(waived) == (DecisionOutcome.INCONCLUSIVE, ())


def test_a_write_without_an_answer_that_is_there_with_another_value_is_harm() -> None:
    """Two of them, and three that were acknowledged: five with another value, of which none is counted as lost beside that."""
    run = harmed(Harm.WRITES_WRONG)
    books = run.ledger
    wrong = books.final.where(books.final.words["state"].equals("wrong")).ints
    mine = np.isin(books.writes.ints["id"], wrong["id"][:2]) & (books.writes.ints["by"] == wrong["by"][0])
    assert (len(set(wrong["by"].tolist())), int(mine.sum())) == (1, 2)
    outcomes = np.array(books.writes.words["outcome"].text(), dtype=object)
    outcomes[mine] = "unknown"
    rows = replace(books.writes, words={**books.writes.words, "outcome": Words.of(outcomes.tolist())})
    found = replace(run, ledger=replace(books, writes=rows))
    assert unjudged_harm(without(Figure.LOST_WRITES), found) == (UnjudgedHarm(harm=Harm.WRITES_WRONG, count=5),)


EVENTS = table(PIPELINE, 100, id=np.arange(100), accepted_ns=ns(1), seen_ns=ns(1.1), outcome="accepted", state="found")
"""Events of a minute and more before the end of the watch."""
CLOSED = observation("watch.closed", "pipeline", 62, "watch")


def marked(rows: Table, chosen: Bools, what: int | str) -> Table:
    """The first five of the chosen rows with another state, or with a digest that is so much higher."""
    five = chosen & (np.cumsum(chosen) <= 5)
    if isinstance(what, int):
        return replace(rows, ints={**rows.ints, "digest": rows.ints["digest"] + what * five})
    states = [what if it else "found" for it in five.tolist()]
    return replace(rows, words={**rows.words, "state": Words.of(states)})


def followed(rows: Table) -> Evidence:
    """The healthy run with these events, which are followed to 62 s."""
    run = core_evidence()
    return replace(run, pipeline=rows, observations=(*run.observations, CLOSED))


def below_five(rows: Table) -> Bools:
    """The first five writes."""
    return np.asarray(rows.ints["id"] < 5, dtype=np.bool_)


def harmed_ledger(harm: Harm, books: Ledger) -> Ledger:
    """The ledger with five of this harm."""
    last = books.final.ints["round"] == max(read.round for read in books.final_reads)
    five = below_five(books.final)
    final, writes, reads = books.final, books.writes, books.reads
    match harm:
        case Harm.WRITES_LOST:
            return forgetting(5).ledger
        case Harm.WRITES_WRONG:
            final = marked(final, last, "wrong")
        case Harm.WRITES_TWICE:
            final = Table.merged(LEDGER_FINAL, [final, final.where(last & five)])
        case Harm.WRITES_ABSENT:
            return counted(replace(books, final=final.where(~(five & (final.ints["round"] == 1)))))
        case Harm.WRITES_REFUSED:
            writes = changed(writes, below_five, outcome="refused")
        case _:
            reads = marked(reads, reads.words["state"].equals("found"), "wrong")
    return replace(books, final=final, writes=writes, reads=reads)


def harmed(harm: Harm) -> Evidence:
    """The healthy run with five of this harm."""
    run = followed(EVENTS)
    books, reads = run.ledger, run.tables[JOURNEY_READS.name]
    plays, every = reads.words["item"].equals("plays"), np.ones(100, dtype=np.bool_)
    journeys: dict[Harm, tuple[Bools, int | str]] = {
        Harm.JOURNEYS_LOST: (~plays, "absent"),
        Harm.JOURNEYS_TWICE: (plays, 1),
        Harm.JOURNEYS_WRONG: (~plays, 1),
    }
    events = {Harm.EVENTS_LOST: "absent", Harm.EVENTS_TWICE: "twice", Harm.EVENTS_WRONG: "wrong"}
    if harm in events:
        return followed(marked(EVENTS, every, events[harm]))
    if harm not in journeys:
        return replace(run, ledger=harmed_ledger(harm, books))
    return replace(run, recorded={**run.recorded, JOURNEY_READS.name: marked(reads, *journeys[harm])})


def test_events_that_are_on_their_way_as_the_watch_ends_are_no_harm() -> None:
    """Of a platform that delivers within 30 s at least 99.5 %: five are accepted 5 s before the end of the watch, and absent."""
    share = objective(Figure.DELIVERED, Op.AT_LEAST, "99.5 %", times={"within": Quantity.parse("30 s")})
    core = without(Figure.EVENTS)
    plan = replace(core, claims=(*core.claims, claim("R-DELIVERED", share)))
    old = marked(EVENTS, np.ones(100, dtype=np.bool_), "absent")
    fresh = replace(old, ints={**old.ints, "accepted_ns": np.full(100, ns(57))})
    assert unjudged_harm(plan, followed(fresh)) == ()
    assert unjudged_harm(plan, followed(old)) == (UnjudgedHarm(harm=Harm.EVENTS_LOST, count=5),)


QUIET: Final = frozenset(
    {
        *(harm for harm in Harm if harm.value.endswith(("without a fault", "without a cause", "at the end"))),
        Harm.REGION_READS_OUT,
        Harm.TWO_PRIMARIES,
    }
)


def test_each_kind_of_harm_that_no_row_judges_is_counted(subtests: pytest.Subtests) -> None:
    """Five of it in a run that has none without them: these, and nothing else. Where a row judges it, it is told by that row."""
    figures = (Figure.LOST_WRITES, Figure.COPIES, Figure.READ_BACK, Figure.EVENTS)
    for harm in (one for one in Harm if one not in QUIET):
        with subtests.test(harm.value):
            run, (judging,) = harmed(harm), [figure for figure in figures if harm in spec_of(figure).judges]
            assert unjudged_harm(without(*figures), followed(EVENTS)) == ()
            assert unjudged_harm(without(*figures), run) == (UnjudgedHarm(harm=harm, count=5),)
            plan = core_plan()
            asked = replace(plan.claims[0], objectives=(replace(plan.claims[0].objectives[0], figure=judging),))
            assert unjudged_harm(replace(plan, claims=(asked,)), run) == ()


def every_tenth(run: Evidence, *, door: str = "entry", share: float = 0.25) -> Evidence:
    """The healthy run, whose reads at one door failed for this share of each ten seconds; health and users were as ever."""
    rows = run.probes
    own = rows.words["subject"].equals(door) & rows.words["kind"].equals("read")
    out = own & (rows.ints["due_ns"] % ns(10) < share * ns(10))
    error = ["timeout" if bad else word for bad, word in zip(out, rows.words["error"].text(), strict=True)]
    return replace(run, probes=replace(rows, words={**rows.words, "error": Words.of(error)}))


def written(run: Evidence, *, refused: float = 0.0, late_ms: int = 0) -> Evidence:
    """The healthy run, of whose writes a share was refused, or all were acknowledged so late."""
    rows = run.ledger.writes
    word = ["refused" if n % 100 < 100 * refused else "accepted" for n in range(len(rows))]
    ints = {**rows.ints, "accepted_ns": rows.ints["accepted_ns"] + late_ms * 1_000_000}
    return replace(
        run,
        ledger=replace(run.ledger, writes=replace(rows, ints=ints, words={**rows.words, "outcome": Words.of(word)})),
    )


def harms(run: Evidence) -> set[Harm]:
    """The kinds of harm of the time without a fault, by profile core."""
    found = (*quiet_harm(core_plan(), run), *broken(run))
    return {harm for harm, count in found if count}


@pytest.mark.parametrize("door", ["entry", "eu-west-1"])
def test_reads_that_fail_while_health_and_users_are_well_keep_a_release_from_go(door: str) -> None:
    """Dead for 2.5 s of every 10 s, at the entry or at a region's own."""
    run = every_tenth(core_evidence(), door=door)
    assert harms(run) == {Harm.READS_FAILED if door == "entry" else Harm.REGION_READS_FAILED}
    assert {one.harm for one in unjudged_harm(core_plan(), run)} == harms(run), "no figure judges it"


def test_writes_that_are_refused_or_late_without_a_fault_are_harm() -> None:
    """A quarter refused; each acknowledged after 1.9 s, where users are promised 200 ms."""
    assert harms(written(core_evidence(), refused=0.25)) == {Harm.WRITES_FAILED}
    assert harms(written(core_evidence(), late_ms=1900)) == {Harm.WRITES_LATE}


def test_a_lone_failure_proves_no_harm() -> None:
    """One of a thousand reads, of a promised 0.1 %, comes by chance."""
    rows = core_evidence().probes
    first = int(np.flatnonzero(rows.words["subject"].equals("entry") & rows.words["kind"].equals("read"))[500])
    error = ["timeout" if n == first else word for n, word in enumerate(rows.words["error"].text())]
    run = replace(core_evidence(), probes=replace(rows, words={**rows.words, "error": Words.of(error)}))
    assert harms(run) == set()


def test_two_primaries_and_a_change_without_a_fault_are_harm() -> None:
    """For three seconds of the window a second member said that it is the primary; and another one led once."""
    run = core_evidence()
    start_ns = run.windows["everyday/fault-free"].start_ns
    rows = run.replicas
    both = (rows.ints["at_ns"] >= start_ns) & (rows.ints["at_ns"] < start_ns + ns(4))
    role = ["primary" if two else word for two, word in zip(both, rows.words["role"].text(), strict=True)]
    split = replace(run, replicas=replace(rows, words={**rows.words, "role": Words.of(role)}))
    assert harms(split) == {Harm.TWO_PRIMARIES}
    change = LeaderChange(at_ns=start_ns + ns(5), subject="database/main", before="a", after="b")
    assert harms(replace(run, leaders=(*run.leaders, change))) == {Harm.PRIMARY_CHANGED}


def test_a_change_under_a_fault_of_a_run_that_ended_before_its_restore_has_a_cause() -> None:
    """Of a run that was given up while a region was lost, the change of the primary is the fault's."""
    run = core_evidence()
    (attempt,) = run.experiments["region-loss"]
    given_up = replace(attempt, observed_until_ns=attempt.observed_from_ns, restore=Restore(ok=None))
    run = replace(run, experiments={**run.experiments, "region-loss": (given_up,)})
    change = LeaderChange(at_ns=(attempt.fault.sent_ns or 0) + ns(5), subject="database/main", before="a", after="b")
    assert Harm.PRIMARY_CHANGED not in harms(replace(run, leaders=(change,)))


def test_restarts_without_a_fault_and_a_node_that_stays_away_are_harm() -> None:
    """Each container that was started again in the window; a node that was ready and is not at the end, whatever the restore said."""
    run = core_evidence()
    start_ns = run.windows["everyday/fault-free"].start_ns
    again = replace(run.pods[0], what="restarted", at_ns=start_ns + ns(5))
    assert harms(replace(run, pods=(*run.pods, again))) == {Harm.RESTARTED}
    name, region = "eu-west-1a", "eu-west-1"
    ready = NodeChange(at_ns=0, what="present", name=name, region=region, ready=True)
    away = replace(ready, at_ns=start_ns, what="unready", ready=False)
    assert harms(replace(run, nodes=(ready, away))) == {Harm.NODES_GONE, Harm.NODES_LOST}
    assert harms(replace(run, nodes=(ready, away, replace(ready, at_ns=start_ns + 1)))) == {Harm.NODES_GONE}
    early = replace(away, at_ns=start_ns - 2), replace(ready, at_ns=start_ns - 1)
    assert harms(replace(run, nodes=(ready, *early))) == set(), "before the first window nothing was judged"


def test_a_row_that_fails_for_its_own_requests_has_told_of_the_reads() -> None:
    """Where the error rate fails, reads that failed are no news; where it passes, they are."""
    run = every_tenth(core_evidence())
    (row,) = {c.requirement for c in core_plan().claims if any(o.figure is Figure.UPTIME for o in c.objectives)} - {""}
    for outcome, told_again in ((Outcome.PASS, True), (Outcome.FAIL, False)):
        verdict = Verdict(
            requirement=row, outcome=outcome, because=Reason(kind=ReasonKind.AS_EXPECTED, text=""), claims=()
        )
        assert (Harm.READS_FAILED in {one.harm for one in unjudged_harm(core_plan(), run, [verdict])}) is told_again
    rows = tuple(replace(r, gate=Gate.RECORD) if r.id == row else r for r in core_plan().requirements)
    reported = replace(core_plan(), requirements=rows)
    assert Harm.READS_FAILED in {one.harm for one in unjudged_harm(reported, run, [verdict])}, "it stops nothing"
