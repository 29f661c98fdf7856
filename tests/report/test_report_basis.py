"""What a decision rests on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from report_builders import go, nothing

from harness.model import Outcome
from harness.report.view.basis import basis
from harness.words import some


def test_a_run_without_evidence_says_only_that_experiments_left_nothing() -> None:
    """No load, no writes, no events, no watchers, no release, no windows: no line of them."""
    every = some([result.name for result in go()[2].experiments])
    assert basis(nothing()[2]) == (("Faults", f"4 experiments, receipts of {every} are incomplete"),)


def test_each_line_says_the_worst_and_what_is_not_whole(subtests: pytest.Subtests) -> None:
    """A recovery that never came is the slowest, faults that nobody felt are the best result; lost writes are told by source.

    Events are told with and without a time to tell; watchers that never looked away have seen everything.
    """
    judged = go()[2]
    (first, *others), ledger, pipeline = judged.experiments, judged.ledger, judged.pipeline
    assert first.writes is not None
    assert ledger is not None
    assert pipeline is not None
    away = replace(first, writes=replace(first.writes, seconds=None, observed_s=240.0), verdict=Outcome.INCONCLUSIVE)
    unfelt = replace(first, writes=replace(first.writes, seconds=0.0))
    missing = {"database": 2, "eu-west-1": 3, "us-east-1": 0}
    torn = replace(ledger, lost=3, missing=missing, unsure=0, why="client 4 left no record")
    events = replace(pipeline, why="the record lacks 3 numbers")
    cases: list[tuple[dict[str, Any], str, str]] = [
        (
            {"experiments": (away, *others)},
            "Faults",
            "4 experiments, receipts of pod-loss are incomplete; slowest recovery: writes after pod-loss, not recovered in 240 s",
        ),
        (
            {"experiments": (unfelt,)},
            "Faults",
            "1 experiment, all receipts are complete; no experiment affected a client",
        ),
        (
            {"ledger": torn},
            "Writes",
            "9312 acknowledged, 3 lost (2 from database, 3 from eu-west-1); client 4 left no record",
        ),
        ({"ledger": replace(ledger, wrong=2, unsure=0)}, "Writes", "9312 acknowledged, 0 lost, 2 with another value"),
        (
            {"pipeline": replace(events, visible_p95_s=None)},
            "Events",
            "1771 accepted, 0 lost, 0 twice, 0 wrong, 2 of unknown outcome; the record lacks 3 numbers",
        ),
        (
            {"pipeline": replace(events, visible_p95_s=2.5)},
            "Events",
            "1771 accepted, 0 lost, 0 twice, 0 wrong, 2 of unknown outcome, visible within 2.5 s (p95); the record lacks 3 numbers",
        ),
        ({"watchers": judged.watchers[:1]}, "Watch", "1 watcher, without a gap"),
    ]
    for changes, label, said in cases:
        with subtests.test(said):
            assert dict(basis(replace(judged, **changes)))[label] == said
