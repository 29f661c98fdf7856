"""The requests that took longest are named of each figure that failed by requests, with the trace ids that they carried."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judgement_builders import (
    claim,
    errors,
    evidence,
    failing,
    measures,
    objective,
    observation,
    p95,
    plan,
    recovery,
    samples,
    verdicts_of,
    with_ints,
    with_load,
    with_words,
)
from test_judgement_coupling import NEEDS, SENTENCE, gone
from test_judgement_machine import slowed, starved

from harness.judgement.measures import Case
from harness.judgement.worst import worst_requests
from harness.model import Evidence, Figure, Measure, Objective, Op, Outcome, Plan, Table
from harness.model.records.traces import TraceIds
from tests.builders.core_plan import core_plan
from tests.builders.core_run import core_evidence

WINDOW = "everyday/fault-free"


def numbered(rows: Table) -> Table:
    """The requests as those of journeys of four, all of worker 3, which began with the 5th."""
    return with_ints(rows, slice(None), arrival=np.arange(len(rows)) // 4 + 5, worker=3)


def traced(given: Plan, *, traceparent: bool = True) -> Plan:
    """The plan, whose traffic carries trace ids."""
    return replace(given, traffic={name: replace(one, traceparent=traceparent) for name, one in given.traffic.items()})


def numbered_windows(run: Evidence) -> Evidence:
    """The run, with the requests of each window numbered."""
    return replace(run, windows={name: replace(w, samples=numbered(w.samples)) for name, w in run.windows.items()})


def failed(given: Plan, run: Evidence) -> list[Measure]:
    """The measures that failed."""
    return [one for one in measures(verdicts_of(given, run)) if one.outcome is Outcome.FAIL]


def broken(at: Any, slow_ms: float = 0.0) -> Evidence:
    """The run in which requests of the window before the faults failed, each a little later than the one before."""
    rows = numbered(samples(0.0, 60.0))
    later = rows.ints["done_ns"] + np.arange(len(rows)) * 1000 + round(slow_ms * 1e6)
    rows = with_ints(rows, at, done_ns=later[at])
    return with_load(failing(rows, at) if not slow_ms else rows)


def test_they_are_the_ten_that_took_longest_with_the_ids_that_follow_from_the_row() -> None:
    """The last of those that failed, of the journey and at the place in it that their rows name."""
    at = np.arange(0, 5900, 7)  # later ones were on their way when the fault was sent
    (found,) = failed(traced(plan({"R": errors("1 %")})), broken(at))
    longest = sorted(at.tolist(), key=lambda row: row % 10 + row / 1000)[:-11:-1]
    ids = TraceIds.of("run-1", "everyday", 3)
    expected = [ids.trace_id(row // 4 + 5, row % 4 + 1) for row in longest]
    assert [one.trace_id for one in found.worst_requests] == expected
    first, row = found.worst_requests[0], longest[0]
    assert (first.window, first.status, first.error, first.at_s) == (WINDOW, 503, "status 503", row / 100)
    assert first.took_ms == pytest.approx(20 + row % 10 + row / 1000)
    assert first.route == ("sign-in", "read-track", "create-track", "play-track")[row % 4]


def test_a_request_that_was_served_in_time_is_not_among_them() -> None:
    """One in ten took 300 ms longer, and they are named of each route, the longest first."""
    at = np.arange(5, 6000, 10)
    found = failed(traced(plan({"R": p95("200 ms")})), broken(at, slow_ms=300))
    assert {one.scope["route"] for one in found} >= {"read-track", "play-track"}
    for one in found:
        took = [request.took_ms for request in one.worst_requests]
        assert len(took) == 10
        assert took == sorted((ms for ms in took if ms > 300), reverse=True)
        assert {request.route for request in one.worst_requests} == {one.scope["route"]}


def out(rows: Table) -> Table:
    """All requests fail from 111 s on."""
    return failing(rows, rows.ints["intended_ns"] >= 111 * 10**9)


def without_database() -> Evidence:
    """Users are out from the loss of the database on."""
    base = evidence()
    name = "experiment:database-loss/fault"
    return replace(
        base, windows={**base.windows, name: replace(base.windows[name], samples=out(base.windows[name].samples))}
    )


@pytest.mark.parametrize(
    ("asked", "run", "name"),
    [
        (errors("1 %"), lambda: broken(np.arange(0, 6000, 7)), "error rate"),
        (p95("200 ms"), lambda: broken(np.arange(0, 6000, 7), slow_ms=300), "response time p95"),
        (errors("10 %"), lambda: broken(np.array([n for n in range(3, 6000, 4) if n % 40 < 12])), "error rate"),
        (objective(Figure.TROUBLED_JOURNEYS, Op.BELOW, "1 %"), lambda: broken(np.arange(0, 6000, 7)), "journeys"),
        (recovery("30 s", "database-loss"), without_database, "recovery of users"),
        (SENTENCE, lambda: gone("sign-in"), "coupling"),
    ],
    ids=["errors", "response time", "guard", "journeys", "recovery of users", "coupling"],
)
def test_each_figure_that_fails_by_requests_names_them(
    asked: Objective, run: Callable[[], Evidence], name: str
) -> None:
    """A guard, an experiment and the users' recovery as well; each of them failed or was late."""
    given = traced(plan({"R": asked}, route_needs=NEEDS))
    found = [one for one in failed(given, numbered_windows(run())) if name in one.name or name == "coupling"]
    assert found
    for one in found:
        assert len(one.worst_requests) == 10, one.reason
        assert all(request.error or request.took_ms > 200 for request in one.worst_requests)
        assert len({request.trace_id for request in one.worst_requests}) == 10


def test_what_did_not_fail_names_none() -> None:
    """Bad requests within the limit."""
    given = traced(plan({"R": errors("20 %"), "P": p95("200 ms")}))
    assert {one.worst_requests for one in measures(verdicts_of(given, broken(np.arange(0, 6000, 7))))} == {()}


def test_a_failure_that_the_starved_machine_explains_names_none() -> None:
    """It is undecided then; without that it fails, and names them."""
    core = traced(core_plan())
    claims = tuple(one for one in core.claims if one.requirement == "ND-KPI-P95")
    core = replace(core, claims=claims, requirements=tuple(one for one in core.requirements if one.id == "ND-KPI-P95"))
    slow = slowed(core_evidence())
    assert [len(one.worst_requests) for one in failed(core, slow)] != []
    assert all(len(one.worst_requests) == 10 for one in failed(core, slow))
    undecided = measures(verdicts_of(core, starved(slow, 0.2)))
    assert Outcome.INCONCLUSIVE in {one.outcome for one in undecided}
    assert {one.worst_requests for one in undecided if one.outcome is not Outcome.FAIL} == {()}


@pytest.mark.parametrize("route", ["play-track", "GET play-track"])
def test_a_trace_id_that_the_journey_set_is_not_guessed(route: str) -> None:
    """Of its routes alone, also where the judge names them with their method."""
    run = broken(np.arange(0, 6000, 7))
    rows = with_words(run.windows[WINDOW].samples, slice(None), method="GET")
    names = rows.words["name"]
    named = tuple(route if one == "play-track" else one for one in names.names)
    rows = replace(rows, words={**rows.words, "name": replace(names, names=named)})
    said = observation("load.traced", "everyday", 1, "load-health-1", worker=1, at_ns=1, route="play-track")
    run = replace(with_load(rows, run), observations=(*run.observations, said))
    known = {
        one.route: one.trace_id is not None for one in failed(traced(plan({"R": errors("1 %")})), run)[0].worst_requests
    }
    assert known[route] is False
    assert {*known.values()} == {True, False}


@pytest.mark.parametrize("step", ["", "one", "9" * 12, None])
def test_a_row_without_its_place_in_the_journey_has_no_trace_id(step: str | None) -> None:
    """As of Locust's own users, and of a row that was edited; the figure fails all the same."""
    run = broken(np.arange(0, 6000, 7))
    rows = with_words(run.windows[WINDOW].samples, slice(None), step=step)
    (found,) = failed(traced(plan({"R": errors("1 %")})), with_load(rows, run))
    assert {one.trace_id for one in found.worst_requests} == {None}


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 5)), min_size=1, max_size=40))
def test_the_longest_ten_of_several_windows_are_named(requests: list[tuple[int, int]]) -> None:
    """However they are spread over windows."""
    base = evidence()
    names = [*base.windows][:2]
    rows = numbered(samples(0.0, 0.4))
    took = np.array([ms for ms, _ in requests], dtype=np.int64) * 10**6
    some = rows.at(np.arange(len(requests)))
    some = with_ints(some, slice(None), done_ns=some.ints["intended_ns"] + took)
    parts = [(name, some.at(np.flatnonzero([part % 2 == at for _, part in requests]))) for at, name in enumerate(names)]
    given = traced(plan({"R": errors()}))
    case = Case(plan=given, evidence=base, claim=claim("R", errors()), objective=errors())
    found = worst_requests(case, parts)
    assert [one.took_ms for one in found] == sorted((float(ms) for ms, _ in requests), reverse=True)[:10]
    assert worst_requests(case, parts[::-1]) == found or len({ms for ms, _ in requests}) < len(requests)
