"""Evidence of a healthy run of which a part was edited, so that records of one thing differ: it is no GO. `benchmarks/edits.py` draws more of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest

from harness.judgement.judging import decided
from harness.model import DecisionOutcome, Evidence, Observation, Outcome, Plan, Restore, Steady, Table
from tests.builders.core_plan import core_plan
from tests.builders.core_run import core_evidence
from tests.honesty.edits import both, changed, due, without_window, word
from tests.honesty.forgeries import KINDS, forged, places, with_counts, with_rows
from tests.honesty.worsenings import improvements


@dataclass(frozen=True, kw_only=True, slots=True)
class Edited:
    """An edit of a healthy run.

    Attributes:
        id: what was edited.
        edit: the evidence, edited.
        row: a requirement that is undecided by it.
        why: what its reason says.
    """

    id: str
    edit: Callable[[Evidence], Evidence]
    row: str
    why: str


def without(place: str, at: Callable[[Table], np.ndarray]) -> Callable[[Evidence], Evidence]:
    """The run without these rows of a table."""
    return lambda run: with_rows(run, place, lambda rows: rows.where(~at(rows)))


def every(n: int) -> Callable[[Table], np.ndarray]:
    """One row in so many."""
    return lambda rows: np.arange(len(rows)) % n == 0


def twice(place: str, at: Callable[[Table], np.ndarray]) -> Callable[[Evidence], Evidence]:
    """The run with these rows of a table there twice."""
    return lambda run: with_rows(run, place, lambda rows: Table.merged(rows.schema, [rows, rows.where(at(rows))]))


EDGES = "requests or journeys of the window were not recorded"
CASES = (
    Edited(
        id="a tenth of what journeys wrote is not recorded",
        edit=without("journey-writes", every(10)),
        row="ND-RISK-DATALOSS",
        why="951 of 9504 acknowledged requests of create-track are missing in the writes of tracks",
    ),
    Edited(
        id="no play that journeys made is recorded",
        edit=without("journey-writes", word("item", "plays")),
        row="ND-RISK-DATALOSS",
        why="no write of plays was recorded",
    ),
    Edited(
        id="an acknowledged write of a journey is recorded as unknown",
        edit=lambda run: with_rows(
            run,
            "journey-writes",
            lambda rows: changed(rows, both(word("item", "tracks"), due(50, 50.1, "made_ns")), outcome="unknown"),
        ),
        row="IP-BP-IDEMPOTENT",
        why="writes of tracks differ from their request in outcome or time",
    ),
    Edited(
        id="the first second of requests under the loss of a region is gone, with what journeys wrote in it",
        edit=lambda run: without("journey-writes", due(260, 261, "made_ns"))(
            without("samples", due(260, 261, "intended_ns"))(run)
        ),
        row="DA-GEO-LOSS-PRIMARY",
        why=EDGES,
    ),
    Edited(
        id="the last second of requests before the loss of a region is gone",
        edit=without("samples", due(259, 260, "intended_ns")),
        row="ND-KPI-ERRORS",
        why=EDGES,
    ),
    Edited(
        id="the window after the faults is gone",
        edit=lambda run: without_window(run, "everyday/after-faults"),
        row="ND-KPI-UPTIME",
        why="80 s from the end of window experiment:region-loss/fault to the end of the load belong to no window",
    ),
    Edited(
        id="the time between two faults is gone",
        edit=lambda run: without_window(run, "experiment:pod-loss/after"),
        row="ND-KPI-UPTIME",
        why="6 s between the windows experiment:pod-loss/fault and experiment:node-loss/fault belong to no window",
    ),
    Edited(
        id="each health probe of the entry is there twice",
        edit=twice("probes", both(word("subject", "entry"), word("kind", "health"))),
        row="ND-KPI-UPTIME",
        why="rows of probes are recorded twice",
    ),
    Edited(
        id="one health probe of the entry in thirty is not recorded",
        edit=without("probes", both(word("subject", "entry"), word("kind", "health"), every(30))),
        row="ND-KPI-UPTIME",
        why="probes were recorded, expected the",
    ),
    Edited(
        id="reads right after a write are of other writes",
        edit=lambda run: with_rows(run, "ledger-reads", lambda rows: changed(rows, every(10), id=rows.ints["id"] + 1)),
        row="IP-Q-CONSISTENCY",
        why="reads repeat an earlier read, or have no write that was acknowledged before them",
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_what_contradicts_another_record_is_no_go(case: Edited) -> None:
    """The row is undecided, and says which record lacks what."""
    judged = decided(core_plan(), case.edit(with_counts(core_evidence())))
    (row,) = [verdict for verdict in judged.verdicts if verdict.requirement == case.row]
    assert judged.decision.outcome is DecisionOutcome.INCONCLUSIVE
    assert row.outcome is Outcome.INCONCLUSIVE
    reasons = [one.because.text for claim in row.claims for each in claim.measures for one in each]
    assert any(case.why in reason for reason in reasons), reasons


def of_one_row() -> Plan:
    """The plan of a profile of one row, on errors."""
    plan = core_plan()
    return replace(
        plan,
        claims=tuple(claim for claim in plan.claims if claim.requirement == "ND-KPI-ERRORS"),
        requirements=tuple(row for row in plan.requirements if row.id == "ND-KPI-ERRORS"),
    )


def test_records_that_differ_keep_a_release_from_go_where_no_row_asks_for_them() -> None:
    """The writes of the ledger are gone, by which harm would show."""
    plan, run = of_one_row(), with_counts(core_evidence())
    assert decided(plan, run).decision.outcome is DecisionOutcome.GO
    found = decided(plan, without("ledger-writes", every(1))(run)).decision
    assert found.outcome is DecisionOutcome.INCONCLUSIVE
    assert "the watcher 'ledger': 0 probes were recorded, expected the 12001 that it counted" in found.reasons


def acted(run: Evidence) -> Evidence:
    """The run, whose history says that it began its acts, and how steady the target was, as that of each run of a target does."""
    line = Observation(
        source="run", seq=0, clock="boot", mono_ns=-1, wall="", kind="act.started", subject="everyday", fields={}
    )
    steady = (replace(line, kind="steady", subject=moment, fields={"ok": True}) for moment in ("start", "end"))
    run = with_counts(run)
    return replace(run, steady_start=Steady(ok=True, at_ns=0), observations=(line, *steady, *run.observations))


def without_line(run: Evidence, kind: str, subject: str) -> Evidence:
    """The run whose history lacks these lines."""
    return replace(run, observations=tuple(o for o in run.observations if (o.kind, o.subject) != (kind, subject)))


def _restored(run: Evidence, found: Restore) -> Evidence:
    """The run, with another restore of its first experiment."""
    name, (attempt, *rest) = next(iter(run.experiments.items()))
    return replace(run, experiments={**run.experiments, name: (replace(attempt, restore=found), *rest)})


def _replaced_meanwhile(run: Evidence) -> Evidence:
    before, after = run.release_reads
    return replace(run, release_reads=(before, replace(after, workloads={"a": ("sha256:another",)})))


@pytest.mark.parametrize(
    ("bad", "lacking", "why"),
    [
        (
            _replaced_meanwhile,
            lambda run: replace(run, release_reads=()),
            "the release was read neither before nor after the load",
        ),
        (
            lambda run: replace(run, steady_end=Steady(ok=False, at_ns=0, why="3 of 100 reads failed")),
            lambda run: without_line(replace(run, steady_end=None), "steady", "end"),
            "it was not recorded whether the target was steady at the end of the load",
        ),
        (
            lambda run: replace(run, steady_start=Steady(ok=False, at_ns=0, why="3 of 100 reads failed")),
            lambda run: without_line(replace(run, steady_start=None), "steady", "start"),
            "it was not recorded whether the target was steady at the start of the load",
        ),
        (
            lambda run: _restored(run, Restore(ok=False, at_ns=None, why="a pod is missing")),
            lambda run: _restored(run, Restore(ok=None, at_ns=None, why="")),
            "its fault was sent, and it was not recorded whether the target was restored afterwards",
        ),
    ],
)
def test_what_each_run_records_is_no_go_where_it_is_gone(
    bad: Callable[[Evidence], Evidence], lacking: Callable[[Evidence], Evidence], why: str
) -> None:
    """A record that keeps a release from GO, and the same run without that record."""
    plan, run = of_one_row(), acted(core_evidence())
    assert decided(plan, run).decision.outcome is DecisionOutcome.GO
    before, after = decided(plan, bad(run)), decided(plan, lacking(bad(run)))
    assert before.decision.outcome is DecisionOutcome.INCONCLUSIVE
    assert improvements(plan, before, after, removed=True) == []
    assert after.decision.outcome is DecisionOutcome.INCONCLUSIVE
    assert any(why in reason for reason in (*after.decision.reasons, *(one.because.text for one in after.verdicts)))


def test_of_two_traffics_each_has_a_line_that_says_whether_the_target_was_steady() -> None:
    """One of the two that say it of the end is gone: it may have been the bad one."""
    plan, run = of_one_row(), acted(core_evidence())
    (last,) = (window for name, window in run.windows.items() if name == "everyday/after-faults")
    second = replace(last, name="second/fault-free", traffic="second")
    found = decided(plan, replace(run, windows={**run.windows, second.name: second})).decision.reasons
    for moment in ("start", "end"):
        why = f"it was not recorded for 1 of 2 traffics whether the target was steady at the {moment} of the load"
        assert why in found


def _ready_throughout(run: Evidence) -> Evidence:
    return replace(run, nodes=tuple(replace(node, ready=True) for node in run.nodes))


def _one_node_away_from_the_start(run: Evidence) -> Evidence:
    first, *rest = run.nodes
    return replace(run, nodes=(replace(first, ready=False), *rest, replace(first, what="ready", ready=False)))


def _led_by_another(run: Evidence) -> Evidence:
    *rest, last = run.leaders
    return replace(run, leaders=(*rest[:-1], replace(rest[-1], after="postgres-ap-southeast-1-0"), last))


def _blind_once(run: Evidence) -> Evidence:
    """The watch of pods counted a time without data, whose line is gone."""
    closed = Observation(
        source="watch",
        seq=0,
        clock="boot",
        mono_ns=0,
        wall="",
        kind="watch.closed",
        subject="pods",
        fields={"blind": 1},
    )
    return replace(run, observations=(*run.observations, closed))


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        (_ready_throughout, "lines of nodes contradict"),
        (_one_node_away_from_the_start, "lines of nodes contradict"),
        (_led_by_another, "changes of the primary contradict"),
        (lambda run: replace(run, leaders=run.leaders[1:]), "changes of the primary contradict"),
        (
            lambda run: replace(run, ledger=replace(run.ledger, final_reads=run.ledger.final_reads[1:])),
            "1 reads of the ledger have rows, and their lines are missing",
        ),
        (_blind_once, "the watcher 'pods' counted 1 gaps without data, and 0 of them were recorded"),
    ],
)
def test_a_line_that_does_not_follow_from_the_one_before_is_no_go(
    edit: Callable[[Evidence], Evidence], why: str
) -> None:
    """A node that is ready twice, a primary that took over from another one than led: the watch records changes, whatever the rows ask."""
    found = decided(of_one_row(), edit(with_counts(core_evidence()))).decision
    assert found.outcome is not DecisionOutcome.GO
    assert any(why in reason for reason in found.reasons), found.reasons


@pytest.mark.parametrize("kind", KINDS)
def test_an_edit_reaches_every_table_and_history(kind: str) -> None:
    """Each place is edited by some draw of each kind; a run stays readable."""
    run = core_evidence()
    for place in places(run):
        drawn = [forged(run, kind, place, np.random.default_rng(seed)) for seed in range(12)]
        assert any(one.size for one in drawn), place
