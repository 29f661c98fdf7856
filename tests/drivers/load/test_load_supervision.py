"""Load generators are noticed when they die, and never left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from load_bench import Run, harness_that_starts, plan_of, rows_of, until
from load_truth import TruthServer

from harness import clock
from harness.drivers.load import Load, LoadSettings
from harness.drivers.load.load import FAR_AHEAD_S
from harness.errors import DriverError
from harness.model.planned.plan import JOIN_S
from harness.units import NS_PER_S
from tests.full_disk import room_for


def lives(pid: int) -> bool:
    """Whether the process is there and no zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def test_a_killed_worker_is_noticed_and_costs_a_quarter_of_a_second(run: Run, server: TruthServer) -> None:
    """SIGKILL: its file ends no more than one flush before, in whole rows, without its end."""
    load = run.start(plan_of("visitor", per_s=100), server.url)
    until(lambda: len(server.seen) >= 150)
    assert load.alive()
    answered = [0]

    def is_flushed() -> bool:
        """Whether the file has all that was answered before: a flush is due each 0.25 s, and an answer takes a moment to it."""
        answered[0] = sum(seen.at_ns < clock.now_ns() - round(0.4 * NS_PER_S) for seen in server.seen)
        (rows,) = rows_of(load)
        return len(rows.table) >= answered[0]

    until(is_flushed)
    os.kill(load.pids[0], signal.SIGKILL)
    until(lambda: not load.alive())
    load.stop()
    (rows,) = rows_of(load)
    assert not rows.closed
    assert rows.truncated_bytes == 0
    assert len(rows.table) >= answered[0] >= 100
    (ended,) = run.observations("worker.ended")
    assert ended.subject == "visitor"
    assert ended.fields["exit"] == -signal.SIGKILL
    assert ended.fields["why"].startswith("it ended unexpectedly: signal SIGKILL")
    assert load.problems == (f"worker 1 of visitor: {ended.fields['why']}",)


def test_a_worker_that_lives_is_alive_and_ends_in_order(run: Run, server: TruthServer) -> None:
    """Start and end are on record, with pid, file and exit code; a second stop does nothing."""
    load = run.start(plan_of("visitor", per_s=20), server.url)
    until(lambda: len(server.seen) >= 5)
    assert load.alive()
    load.stop()
    load.stop()
    (started,), (ended,) = run.observations("worker.started"), run.observations("worker.ended")
    assert started.fields == {"worker": 1, "pid": load.pids[0], "rows": "load/visitor/samples-1.rows"}
    assert ended.fields == {"worker": 1, "exit": 0, "why": ""}
    assert not lives(load.pids[0])


def test_workers_that_were_spawned_send_nothing_before_the_start(tmp_path: Path, server: TruthServer) -> None:
    """They load what they need meanwhile: they are ready, and the schedule begins with `start`."""
    with ExitStack() as loads:
        run = Run(tmp_path, loads)
        load = Load(
            LoadSettings(plan=plan_of("visitor", per_s=20), entry=server.url, run_dir=tmp_path, seed=7), run.sink
        )
        loads.callback(load.stop)
        load.spawn()
        load.spawn()
        until(lambda: all(rows.exists() for rows in load.rows))
        assert len(run.observations("worker.started")) == 1
        assert run.observations("load.begun") == []
        assert server.seen == []
        load.start()
        until(lambda: len(server.seen) >= 5)
        (begun,) = run.observations("load.begun")
        assert min(seen.at_ns for seen in server.seen) >= begun.fields["begin_ns"]


def test_a_worker_that_does_not_listen_is_killed(run: Run, server: TruthServer) -> None:
    """It spins the processor and sees no signal; 5 s after the drain it is gone."""
    load = run.start(plan_of("stubborn", per_s=20), server.url, drain_s=0.1)
    until(lambda: len(server.seen) >= 1)
    before = clock.now_s()
    load.stop()
    assert clock.now_s() - before < 30  # it would spin for ever
    assert not lives(load.pids[0])
    assert load.problems == ("worker 1 of stubborn: it did not end within 5.1 s and was killed",)


def test_no_worker_outlives_a_killed_harness(tmp_path: Path, server: TruthServer) -> None:
    """SIGKILL the process that started two workers: both are gone within five seconds."""
    harness = harness_that_starts('plan_of("visitor", per_s=20, workers=2)', server.url, tmp_path)
    assert harness.stdout is not None
    with harness, harness.stdout as said:
        pids = [int(pid) for pid in said.readline().split()]
        assert len(pids) == 2
        assert all(map(lives, pids))
        harness.kill()
    until(lambda: not any(map(lives, pids)), within_s=30.0)


def test_a_worker_that_finds_no_room_for_its_rows_ends_and_says_so(run: Run, server: TruthServer) -> None:
    """A full disk: nothing is sent that nobody records, and the file has no end."""
    with room_for(16_000):
        load = run.start(plan_of("visitor", per_s=100), server.url)
    until(lambda: not load.alive())
    load.stop()
    (problem,) = load.problems
    assert "it ended unexpectedly: exit code 1; its last output: the load generator cannot continue: " in problem
    assert problem.endswith("load/visitor/samples-1.rows: the row file cannot be written: File too large")
    (rows,) = rows_of(load)
    assert (rows.closed, load.rows[0].stat().st_size) == (False, 16_000)


def test_a_locustfile_that_does_not_load_is_said_at_once(run: Run, server: TruthServer, tmp_path: Path) -> None:
    """The error names its line and the last words of the child; of one without users it has Locust's own words."""
    with pytest.raises(DriverError) as raised:
        run.start(plan_of("misspelt", per_s=20), server.url)
    assert raised.value.where.endswith("locustfiles/misspelt.py:3")
    assert "cannot import name 'Jurney'" in raised.value.what
    (tmp_path / "stock.py").write_text("from locust import HttpUser, task\n", encoding="utf-8")
    with pytest.raises(DriverError) as raised:
        run.start(replace(plan_of("visitor", per_s=20), locustfile=str(tmp_path / "stock.py")), server.url)
    assert raised.value.hint.endswith("No User class found!")


def test_workers_here_wait_as_long_as_those_elsewhere_may_take() -> None:
    """They are started first, and hear of the beginning when the last has joined."""
    code = "from harness.locust.process.worker import GO_WITHIN_S; print(GO_WITHIN_S)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    assert float(said) > JOIN_S + FAR_AHEAD_S


@pytest.mark.parametrize(
    ("parent", "words"), [("own", "17"), ("other", "no start time was written before process 1 ended")]
)
def test_a_worker_waits_for_the_begin_as_long_as_the_run_lives(parent: str, words: str, tmp_path: Path) -> None:
    """Steps before the first traffic may take longer than the workers of other machines have to join."""
    (tmp_path / "go").write_text("17", encoding="ascii")
    code = f"""if True:
        import pathlib
        from harness.locust.process import worker
        worker.GO_WITHIN_S = 0.0
        try:
            print(worker.read_go(pathlib.Path("go"), {os.getpid() if parent == "own" else 1}))
        except worker.HarnessError as error:
            print(error.what)
    """
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, cwd=tmp_path, text=True)
    assert said.stdout.strip() == words


def test_a_locustfile_that_raises_when_it_is_imported_is_named_with_its_line(
    run: Run, server: TruthServer, tmp_path: Path
) -> None:
    """By the line of the project that raised, not by the log: nobody can correct a log."""
    (tmp_path / "pyproject.toml").write_text("[tool.harness]\n", encoding="utf-8")
    visitor = (Path(__file__).parent / "locustfiles/visitor.py").read_text(encoding="utf-8")
    file = tmp_path / "own.py"
    file.write_text(f"SHARE = 1 / 0\n{visitor.partition('annotations')[2]}", encoding="utf-8")
    with pytest.raises(DriverError) as caught:
        run.start(replace(plan_of("visitor", per_s=20), locustfile=str(file)), server.url)
    assert caught.value.where == f"{file}:1"
    assert caught.value.what == "the load of visitor could not begin: ZeroDivisionError: division by zero"
    assert caught.value.hint == f"correct the locustfile; the traceback is in {run.path / 'load/visitor/locust.log'}"
