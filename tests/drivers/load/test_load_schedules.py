"""What is sent is what was scheduled: a rate that changes, a recorded trace, users of a closed model."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import takewhile
from pathlib import Path

import numpy as np
from load_bench import Run, plan_of, rows_of, until
from load_truth import TruthServer

from harness import clock
from harness.locust.schedule.arrivals import due_times, random_of
from harness.model import SAMPLES, RateCurve, Table
from harness.targets.files.trace import read_trace
from harness.units import NS_PER_S


def intended_s(run: Run, tables: list[Table]) -> list[int]:
    """When each request of the load was due, in ns since it began."""
    (begun,) = run.observations("load.begun")
    merged = Table.merged(SAMPLES, tables)
    return sorted((merged.ints["intended_ns"] - begun.fields["begin_ns"]).tolist())


def test_a_changing_rate_is_kept_to_the_nanosecond_by_two_workers(run: Run, server: TruthServer) -> None:
    """20/s for a second, none for half of one, then from nothing up to 80/s: as planned, whenever Locust looks."""
    points = ((0.0, 20.0), (1.0, 20.0), (1.0, 0.0), (1.5, 0.0), (3.5, 80.0))
    plan = replace(plan_of("visitor", per_s=1, workers=2), rates=points, arrivals="constant")
    load = run.start(plan, server.url)
    until(lambda: clock.now_ns() > load.begin_ns + 4 * NS_PER_S and len(server.seen) >= 145)
    load.stop()
    sent = intended_s(run, [rows.table for rows in rows_of(load)])
    dues = due_times(begin_ns=0, curve=RateCurve(points=points), arrivals="constant", random=random_of(1))
    planned = list(takewhile(lambda due: due <= sent[-1], dues))
    assert sent == planned
    assert len(sent) >= 20 + 80 + 30
    assert [plan.journeys(*span) for span in ((0, 1), (1, 1.5), (1.5, 3.5))] == [20, 0, 80]


def test_a_trace_is_sent_as_recorded_and_starts_over(run: Run, server: TruthServer, tmp_path: Path) -> None:
    """By two workers, each arrival by the journey that it names."""
    offsets = [0.1, 0.1, 0.25, 0.7, 1.3]
    names = ["reader", "writer", "reader", "reader", "writer"]
    trace = tmp_path / "trace.csv"
    trace.write_text("".join(f"{at},{name}\n" for at, name in zip(offsets, names, strict=True)), encoding="utf-8")
    recorded = read_trace(trace).arrivals
    plan = plan_of("mixed", per_s=1, workers=2)
    plan = replace(plan, arrivals="trace", trace=str(trace), trace_ns=recorded.offsets_ns)
    load = run.start(plan, server.url)
    until(lambda: clock.now_ns() > load.begin_ns + 4 * NS_PER_S and len(server.seen) >= 12)
    load.stop()
    tables = [rows.table for rows in rows_of(load)]
    sent = intended_s(run, tables)
    assert sent == [recorded.due_ns(number) for number in range(len(sent))]
    assert len(sent) == plan.journeys(0, sent[-1] / NS_PER_S + 1e-6) >= 10
    merged = Table.merged(SAMPLES, tables)
    order = np.argsort(merged.ints["intended_ns"], kind="stable")
    journeys = [merged.words["journey"].text()[at] for at in order]
    assert Counter(journeys[:10]) == {"reader": 6, "writer": 4}
    assert journeys[2:5] == ["reader", "reader", "writer"]


def test_several_classes_share_the_rate(run: Run, server: TruthServer) -> None:
    """Three readers for each writer, from one stream."""
    rows = run.rows(plan_of("mixed", per_s=100), server.url, lambda: len(server.seen) >= 300)
    counts = Counter(rows.table.words["journey"].text())
    readers = counts["reader"] / counts.total()
    assert set(counts) == {"reader", "writer"}
    assert abs(readers - 0.75) < 5 * (0.75 * 0.25 / counts.total()) ** 0.5


def test_a_closed_model_never_has_more_users_than_planned(run: Run, server: TruthServer) -> None:
    """Five users on two workers: each is on record, and nothing is ever late by its own reckoning."""
    plan = replace(plan_of("clerk", per_s=1, workers=2), model="closed", arrivals="closed", users=5, think_s=0.05)
    load = run.start(plan, server.url)
    until(lambda: len(server.seen) >= 60)
    until(lambda: [[one["users"] for one in run.health(worker)[-1:]] for worker in (1, 2)] == [[3], [2]])
    load.stop()
    assert [max(one["users"] for one in run.health(worker)) for worker in (1, 2)] == [3, 2]
    merged = Table.merged(SAMPLES, [rows.table for rows in rows_of(load)])
    assert np.all(merged.ints["intended_ns"] == merged.ints["sent_ns"])
    assert [o.fields["model"] for o in run.observations("load.begun")] == ["closed"]


def test_each_generator_says_how_it_fares(run: Run, server: TruthServer) -> None:
    """Each second: its share of a core, the longest pause for garbage, the longest lag of the loop."""
    load = run.start(plan_of("visitor", per_s=50), server.url)
    until(lambda: len(run.health()) >= 4)
    load.stop()
    assert {one.subject for one in run.observations("load.health", "load-health-1")} == {"visitor"}
    for seen in run.health()[1:]:
        assert seen["worker"] == 1
        assert 0 < seen["cpu"] < 1.2
        assert min(seen["loop_ms"], seen["gc_ms"]) >= 0
