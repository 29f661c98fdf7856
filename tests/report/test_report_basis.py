"""What a decision rests on."""

from __future__ import annotations

from dataclasses import replace

import pytest
from report_builders import go, nothing

from harness.model import ExperimentResult, Outcome
from harness.report.view.basis import basis
from harness.words import some


def _line(label: str, **changes: object) -> str:
    _, _, judged = go()
    return dict(basis(replace(judged, **changes)))[label]  # type: ignore[arg-type]


def _experiments() -> tuple[ExperimentResult, ...]:
    return go()[2].experiments


def test_a_run_without_evidence_says_only_that_experiments_left_nothing() -> None:
    """No load, no writes, no events, no watchers, no release, no windows: no line of them."""
    every = some([result.name for result in _experiments()])
    assert basis(nothing()[2]) == (("Faults", f"4 experiments, receipts of {every} are incomplete"),)


def test_a_recovery_that_never_came_is_the_slowest() -> None:
    """Whatever the others took."""
    first, *others = _experiments()
    assert first.writes is not None
    away = replace(first, writes=replace(first.writes, seconds=None, observed_s=240.0), verdict=Outcome.INCONCLUSIVE)
    assert _line("Faults", experiments=(away, *others)) == (
        "4 experiments, receipts of pod-loss are incomplete; slowest recovery: writes after pod-loss, not recovered in 240 s"
    )


def test_faults_that_nobody_felt_are_the_best_result() -> None:
    """And are said to be."""
    first = _experiments()[0]
    assert first.writes is not None
    unfelt = replace(first, writes=replace(first.writes, seconds=0.0))
    assert (
        _line("Faults", experiments=(unfelt,))
        == "1 experiment, all receipts are complete; no experiment affected a client"
    )


def test_lost_writes_are_told_with_where_they_are_lacking() -> None:
    """By source, and what keeps the ledger from being whole."""
    ledger = go()[2].ledger
    assert ledger is not None
    torn = replace(
        ledger, lost=3, missing={"database": 2, "eu-west-1": 3, "us-east-1": 0}, unsure=0, why="client 4 left no record"
    )
    assert (
        _line("Writes", ledger=torn)
        == "9312 acknowledged, 3 lost (2 from database, 3 from eu-west-1); client 4 left no record"
    )
    changed = replace(ledger, wrong=2, unsure=0)
    assert _line("Writes", ledger=changed) == "9312 acknowledged, 0 lost, 2 with another value"


@pytest.mark.parametrize(
    ("p95", "said"),
    [
        (None, "0 wrong, 2 of unknown outcome; the record lacks 3 numbers"),
        (2.5, "0 wrong, 2 of unknown outcome, visible within 2.5 s (p95); the record lacks 3 numbers"),
    ],
)
def test_a_record_of_events_that_is_not_whole_says_so(p95: float | None, said: str) -> None:
    """With and without a time to tell."""
    pipeline = go()[2].pipeline
    assert pipeline is not None
    assert _line("Events", pipeline=replace(pipeline, visible_p95_s=p95, why="the record lacks 3 numbers")).endswith(
        said
    )


def test_watchers_that_never_looked_away_are_said_to_have_seen_everything() -> None:
    """No blind time, no trouble."""
    entry = go()[2].watchers[0]
    assert _line("Watch", watchers=(entry,)) == "1 watcher, without a gap"
