"""Rows of another machine's clock, put on the run's; and what the history says of generators."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.evidence import RowWriter
from harness.evidence.clocks import shifts_of
from harness.evidence.histories.generators import Generators
from harness.evidence.reading import load_evidence
from harness.evidence.rows import read_rows
from harness.evidence.run_directory import RunDirectory
from harness.evidence.seal import seal
from harness.model import SAMPLES, Observation, Phase, Worker, fault_free_name
from tests.builders.plans import plan

BOOT = 10**15
"""Nanoseconds since a machine began, where a float has no digits left for single ones."""


def observed(kind: str, **fields: Any) -> Observation:
    """One line of a history about the everyday traffic."""
    return Observation(source="s", seq=0, clock="c", mono_ns=0, wall="", kind=kind, subject="everyday", fields=fields)


def ended(second: int, worker: int, code: int, why: str) -> Observation:
    """A worker ended."""
    return replace(observed("worker.ended", worker=worker, exit=code, why=why), mono_ns=second * 10**9)


def measured(at_ns: int, offset_ns: int, worker: int = 2) -> Observation:
    """A clock that was measured."""
    return observed("clock.aligned", worker=worker, at_ns=at_ns, offset_ns=offset_ns, residual_ns=5)


def rows(path: Path, times: list[int]) -> Path:
    """A row file with requests due then, sent 1 ns later and answered after 10, or never sent."""
    writer = RowWriter(path, SAMPLES)
    for at in times:
        writer.put(
            (at, at + 1, at + 10, 200, 2, 2, 0, 0, 0, 0, 0), ("j", "1", "home", "GET", None, None, None, None, None)
        )
    writer.close()
    return path


def test_a_clock_is_shifted_on_a_straight_line_between_measurements(tmp_path: Path) -> None:
    """7 ns behind at first, 17 after a thousand; before and after that as at the ends; latencies hardly change.

    Workers of one machine are not shifted, and the time of a request that was never sent stays none.
    """
    shift = shifts_of([measured(BOOT + 1000, 17), measured(BOOT, 7)])["everyday", 2]
    table = read_rows(rows(tmp_path / "r", [0, BOOT - 50, BOOT, BOOT + 500, BOOT + 1000, BOOT + 5000]), SAMPLES).table
    shifted = shift.aligned(table)
    assert (shifted.ints["intended_ns"] - table.ints["intended_ns"]).tolist() == [0, 7, 7, 12, 17, 17]
    assert np.all(shifted.ints["done_ns"][1:] - shifted.ints["intended_ns"][1:] == 10)
    assert shifted.words is table.words
    assert shifts_of([measured(BOOT, 0)]) == {}


def test_a_generator_is_described_by_its_seconds_in_the_window() -> None:
    """Twenty seconds, one of them bad: it is not what the worker was like. Seconds outside, and other workers, have no say."""
    bad = {"cpu": 1.0, "gc_ms": 90.0, "loop_ms": 99.0, "users": 1}
    good = {"cpu": 0.3, "gc_ms": 2.0, "loop_ms": 3.0, "users": 2}
    history = [observed("load.health", worker=2, at_ns=second, **good) for second in range(1, 20)]
    history += [
        observed("load.health", worker=2, at_ns=20, **bad),
        observed("load.health", worker=2, at_ns=21, **{**bad, "users": 0}),
        observed("load.health", worker=1, at_ns=3, **bad),
        measured(5, -8),
        measured(6, 3),
        observed("load.begun", begin_ns=-9, model="open"),
        observed("load.stopping", at_ns=30),
    ]
    generators = Generators.of("everyday", history)
    assert (generators.begin_ns, generators.stopped_ns) == (-9, 30)
    worker = generators.described(Worker(id=2, rows=1, closed=True), 0, 20)
    assert worker == Worker(
        id=2, rows=1, closed=True, cpu=0.3, gc_ms=2.0, loop_ms=3.0, users=1, offset_ns=-8, residual_ns=5
    )
    assert generators.described(Worker(id=3, rows=1, closed=True), 0, 20) == Worker(id=3, rows=1, closed=True)
    assert Generators.of("other", history).begin_ns is None


def test_a_generator_whose_journeys_broke_says_so() -> None:
    """Those of the window are counted, the first is quoted; what is wrong with its file as well comes after them.

    The first second after the window tells of its last; the next one is of another time.
    """
    health = {"cpu": 0.3, "gc_ms": 2.0, "loop_ms": 3.0, "users": 1}
    history = [
        observed("load.health", worker=1, at_ns=0, broken=7, broken_why="ValueError: early", **health),
        observed("load.health", worker=1, at_ns=2, broken=1, broken_why="KeyError: 'id'", **health),
        observed("load.health", worker=1, at_ns=3, **health),
        observed("load.health", worker=1, at_ns=4, broken=2, broken_why="ValueError: late", **health),
        observed(
            "load.health", worker=1, at_ns=6, broken=4, broken_why="ValueError: at the end", **{**health, "cpu": 1}
        ),
        observed("load.health", worker=1, at_ns=7, broken=9, broken_why="ValueError: too late", **health),
    ]
    generators = Generators.of("everyday", history)
    worker = generators.described(Worker(id=1, rows=1, closed=True), 1, 5)
    assert worker.why == ("7 journeys ended with an error in the locustfile, the first with KeyError: 'id'")
    assert worker.cpu == 0.3
    assert worker.hint == "correct the error in the locustfile, then run again"
    assert generators.described(Worker(id=1, rows=1, closed=True, why="no end"), 1, 5).why == f"{worker.why}; no end"
    later = generators.described(Worker(id=1, rows=1, closed=True), 8, 9)
    assert (later.why, later.hint) == (
        "",
        "23 journeys ended with an error in the locustfile, the first with ValueError: early; correct the error in the locustfile, then run again",
    )


def test_a_generator_that_died_under_load_says_when_and_how() -> None:
    """Seconds since the load began. What ended after it was told to stop did not die, whatever it said."""
    why = "it ended by itself: signal SIGKILL"
    history = [
        observed("load.begun", begin_ns=10**9, model="open"),
        ended(42, 2, -9, why),
        observed("load.stopping", at_ns=60 * 10**9),
        ended(61, 3, 1, "exit code 1"),
        ended(61, 4, 0, ""),
    ]
    workers = [Worker(id=number, rows=1, closed=number > 2) for number in (2, 3, 4)]
    dead, late, well = (Generators.of("everyday", history).described(one, 0, 50 * 10**9) for one in workers)
    assert (dead.died, late.died, well.died) == (f"at 41 s (exit -9): {why}", "", "")
    assert dead.hint == "correct the cause in load/everyday/locust.log, then run again"
    assert (late.hint, well.hint) == ("", "")


def recorded(tmp_path: Path) -> RunDirectory:
    """A window of [1000, 2000) and a worker elsewhere whose clock is 700 behind: two of its requests are due in it."""
    directory = RunDirectory.create(tmp_path, "r1")
    run, load, clocks = (directory.history(name) for name in ("run", "load", "load-clock-2"))
    (directory.path / "load" / "everyday").mkdir()
    load.put("worker.started", "everyday", worker=2, pid=1, rows="load/everyday/samples-2.rows")
    load.put("load.begun", "everyday", begin_ns=100, model="open")
    rows(directory.path / "load" / "everyday" / "samples-2.rows", [299, 300, 1299, 1300])
    clocks.put("clock.aligned", "everyday", worker=2, at_ns=300, offset_ns=700, residual_ns=5)
    sizes = {"journeys_per_s": 1.0, "requests_per_journey": 1}
    name = fault_free_name("everyday")
    run.put("window.opened", name, traffic="everyday", phase=Phase.STEADY, start_ns=1000, **sizes)
    run.put("window.closed", name, end_ns=2000)
    run.put("run.ended", "r1", ok=True)
    for history in (run, load, clocks):
        history.close()
    return directory


@pytest.mark.parametrize("sealed", [False, True], ids=["as it was left", "sealed"])
def test_windows_are_cut_on_the_runs_clock(tmp_path: Path, sealed: bool) -> None:  # noqa: FBT001
    """Whether the run came to its seal or not."""
    directory = recorded(tmp_path)
    if sealed:
        seal(directory, plan(run="r1"))
    window = load_evidence(directory).windows["everyday/fault-free"]
    assert window.samples.ints["intended_ns"].tolist() == [1000, 1999]
    assert window.samples.ints["done_ns"].tolist() == [1010, 2009]
    assert (window.begin_ns, window.workers[0].offset_ns, window.workers[0].residual_ns) == (100, 700, 5)
