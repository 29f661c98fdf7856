"""The run as a whole: its windows, what none of them covers, journeys that met trouble, the end."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from judgement_builders import (
    down,
    every,
    evidence,
    experiment,
    failing,
    ns,
    p95,
    plan,
    samples,
    table,
    with_experiment,
    with_ints,
)

from harness.judgement.summary.overview import door_results, journey_results, unjudged, window_results
from harness.model import PROBES, Evidence, Phase, Table, Window


def _window(name: str, start: float, end: float, rows: Table, phase: Phase = Phase.STEADY) -> Window:
    return Window(
        name=name,
        phase=phase,
        traffic="everyday",
        experiment="",
        start_ns=ns(start),
        end_ns=ns(end),
        journeys_per_s=10,
        requests_per_journey=10,
        samples=rows,
    )


def _journeys(start: float, end: float, first: int) -> Table:
    """Ten requests a journey, ten journeys a second."""
    rows = samples(start, end)
    return replace(rows, ints={**rows.ints, "arrival": first + np.arange(len(rows), dtype=np.int64) // 10})


def _run(*windows: Window) -> Evidence:
    return replace(evidence(), windows={window.name: window for window in windows})


BEFORE = _window("everyday/fault-free", 0, 10, _journeys(0, 10, 1))
FAULT = _window("experiment:pod-loss/fault", 10, 14, _journeys(10, 14, 101), Phase.FAULT)
AFTER = _window("everyday/after-faults", 14, 20, _journeys(14, 20, 141))


def test_windows_are_listed_in_order_of_time_with_their_requests() -> None:
    """Seconds count from the first one's start."""
    broken = replace(FAULT, samples=failing(FAULT.samples, slice(0, 40)))
    found = window_results(_run(AFTER, broken, BEFORE))
    assert [(w.name, w.phase, w.start_s, w.end_s, w.n, w.errors) for w in found] == [
        ("everyday/fault-free", "in the steady state", 0.0, 10.0, 1000, 0),
        ("experiment:pod-loss/fault", "during the fault", 10.0, 14.0, 400, 40),
        ("everyday/after-faults", "in the steady state", 14.0, 20.0, 600, 0),
    ]


def test_windows_without_gaps_leave_nothing_unjudged() -> None:
    """Nor is anything left after the last one, where the load was stopped as it closed."""
    assert unjudged(plan(), _run(BEFORE, FAULT, replace(AFTER, stopped_ns=AFTER.end_ns))) == ()


def test_what_no_window_covers_is_listed_with_its_length() -> None:
    """A gap between two windows, and load that went on after the last one."""
    late = replace(AFTER, start_ns=ns(15), stopped_ns=ns(20.5))
    found = unjudged(plan(), _run(BEFORE, FAULT, late))
    assert [(gap.start_s, gap.end_s, gap.seconds) for gap in found] == [(14.0, 15.0, 1.0), (20.0, 20.5, 0.5)]
    assert found[0].why == "between the windows experiment:pod-loss/fault and everyday/after-faults"


def test_trouble_at_the_edges_of_a_faults_window_is_charged_to_nothing() -> None:
    """Open from 10 s to 14 s, sent at 11 s, restored at 13 s: an edge counts where a request failed or was late, or none was sent."""
    attempt = experiment("pod-loss", "pod", 10, 13)
    given = plan({"R": p95("200 ms")})

    def edges(rows: Table) -> list[tuple[float, float, str]]:
        run = with_experiment([attempt], _run(BEFORE, replace(FAULT, samples=rows), AFTER))
        return [(gap.start_s, gap.end_s, gap.why) for gap in unjudged(given, run)]

    before = (10.0, 11.0, "in window experiment:pod-loss/fault, before the fault was sent")
    after = (13.0, 14.0, "in window experiment:pod-loss/fault, after the restore")
    assert edges(FAULT.samples) == []
    assert edges(failing(FAULT.samples, slice(100, 300))) == []
    assert edges(failing(FAULT.samples, slice(99, 100))) == [before]
    assert edges(with_ints(FAULT.samples, slice(399, 400), done_ns=ns(15))) == [after]
    assert edges(FAULT.samples.between("intended_ns", ns(11), ns(13))) == [before, after]
    never = replace(attempt, restore=replace(attempt.restore, ok=False))
    run = with_experiment([never], _run(BEFORE, replace(FAULT, samples=failing(FAULT.samples, slice(0, 400))), AFTER))
    assert [gap.end_s for gap in unjudged(given, run)] == [11.0]


def test_a_journey_meets_trouble_once_however_many_of_its_requests_fail() -> None:
    """Of 160 fault-free journeys one had ten failures and one a slow answer; those under the fault do not count."""
    bad = failing(BEFORE.samples, slice(20, 30))
    slow = with_ints(bad, slice(55, 56), done_ns=ns(5))
    given = plan({"R": p95("200 ms")})
    found = list(journey_results(given, _run(replace(BEFORE, samples=slow), FAULT, AFTER)))
    assert [(j.traffic, j.n, j.troubled, j.limit_ms, j.share) for j in found] == [("everyday", 160, 2, 200.0, 0.0125)]


def test_requests_that_name_no_journey_give_no_share() -> None:
    """As of a run recorded by another load generator."""
    assert list(journey_results(plan(), _run(replace(BEFORE, samples=samples(0, 10))))) == []


def test_a_door_is_described_by_region_with_its_worst_window() -> None:
    """Two probes in succession unanswered after the faults: half of one outage a probe; those under the fault do not count."""
    due = every(0, 20, 20.0)
    kept = {"subject": "us-east-1", "kind": "health", "connection": "kept", "status": 200}
    door = table(PROBES, len(due), due_ns=due, sent_ns=due, done_ns=due + 1_000_000, **kept)
    door = down(down(door, 11.0, 13.0), 14.99, 15.09)
    run = replace(_run(BEFORE, FAULT, AFTER), probes=door)
    (found,) = door_results(replace(plan(), regions={"us-east-1": 0.6, "eu-west-1": 0.4}), run)
    assert (found.region, found.n, found.failed, found.worst) == ("us-east-1", 320, 2, "everyday/after-faults")
    assert (round(found.down_s, 6), round(found.longest_s, 6), round(found.watched_s, 6)) == (0.1, 0.1, 16.0)
    assert found.share == 1 - 2 / 320
