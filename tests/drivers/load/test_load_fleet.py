"""More than one worker: Locust's own processes, and workers at another address with another clock."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from load_bench import LOCUSTFILES, Run, harness_that_starts, locust, plan_of, rows_of, until
from load_truth import TruthServer

from harness.evidence import read_rows
from harness.evidence.clocks import shifts_of
from harness.model import SAMPLES, Table, TrafficPlan
from harness.units import NS_PER_MS, NS_PER_S
from tests.full_disk import room_for

MASTER = "127.87.0.1"
ELSEWHERE = "127.87.0.2"


def free_port(address: str) -> int:
    """A port where nobody listens."""
    with socket.create_server((address, 0)) as listener:
        return int(listener.getsockname()[1])


def spread_plan(workers: int, remote: int, per_s: float = 80) -> TrafficPlan:
    """Traffic of workers here and elsewhere."""
    bind = f"{MASTER}:{free_port(MASTER)}"
    return replace(plan_of("elsewhere", per_s=per_s, workers=workers), remote_workers=remote, remote_bind=bind)


@contextmanager
def worker_elsewhere(plan: TrafficPlan, source: str = ELSEWHERE) -> Iterator[subprocess.Popen[bytes]]:
    """`locust --worker` on another address, as the harness tells a person to start it."""
    host, _, port = plan.remote_bind.rpartition(":")
    command = ["-f", str(LOCUSTFILES / "elsewhere.py"), "--worker", "--master-host", f"{source}:0;{host}"]
    environment = {key: value for key, value in os.environ.items() if key != "READINESS_RUN"}
    process = subprocess.Popen(
        [sys.executable, "-m", "locust", *command, "--master-port", port],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(timeout=20)


def test_locusts_own_processes_record_to_a_file_each(server: TruthServer, tmp_path: Path) -> None:
    """`locust --processes 2 --samples P`: two files, whole, and together what the server saw."""
    arguments = ["-f", str(LOCUSTFILES / "visitor.py"), "-H", server.url, "--headless", "--only-summary"]
    done = locust(*arguments, "--processes", "2", "--rate", "60", "-t", "4s", "--samples", str(tmp_path / "s"))
    assert done.returncode == 0, done.stderr
    one, two = (read_rows(tmp_path / f"s-{worker}.rows", SAMPLES) for worker in (1, 2))
    assert (one.closed, two.closed) == (True, True)
    assert len(one.table) + len(two.table) == len(server.seen) > 60
    assert (set(one.table.ints["worker"].tolist()), set(two.table.ints["worker"].tolist())) == ({1}, {2})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["s-1.rows", "s-2.rows"]


def test_workers_at_another_address_with_another_clock_are_one_load(run: Run, server: TruthServer) -> None:
    """One worker here, one at 127.87.0.2 whose clock is 5 s behind: the union is what the server saw, when it saw it."""
    plan, said = spread_plan(workers=1, remote=1), list[str]()
    with worker_elsewhere(plan):
        load = run.start(plan, server.url, say=said.append)
        until(lambda: len(server.seen) >= 240 and len(run.health(2)) >= 2)
        load.stop()
    here, there = rows_of(load)
    assert (here.closed, there.closed) == (True, True)
    assert len(Table.merged(SAMPLES, [here.table, there.table])) == len(server.seen)
    assert min(len(here.table), len(there.table)) > 60

    aligned = run.observations("clock.aligned", "load-clock-2")
    assert {o.fields["worker"] for o in aligned} == {2}
    assert all(abs(o.fields["offset_ns"] - 5 * NS_PER_S) <= o.fields["residual_ns"] for o in aligned), (
        "the planted offset"
    )
    assert min(o.fields["residual_ns"] for o in aligned) < 20 * NS_PER_MS  # more where the machine was late
    shifted = shifts_of(aligned)["elsewhere", 2].aligned(there.table)
    seen = np.array([seen.at_ns for seen in server.seen])
    residual = max(o.fields["residual_ns"] for o in aligned)
    for sent, done in zip(shifted.ints["sent_ns"], shifted.ints["done_ns"], strict=True):
        assert np.any((seen >= sent - residual) & (seen <= done + residual))
    assert abs(int(shifted.ints["intended_ns"].min()) - load.begin_ns) < NS_PER_S
    assert len(run.health(2)) >= 2
    assert not [one for worker in (1, 2) for one in run.health(worker) if one.get("broken")]
    beside = [path.name for path in load.rows[0].parent.glob("journeys-*.rows")]
    assert beside == ["journeys-1.rows"], "what is written elsewhere is not accounted for"
    assert said[0].startswith("waiting for 1 load workers on other machines; start each of them with: locust -f ")
    assert said[-1] == "2 of 2 load workers are ready"


@pytest.mark.slow
def test_a_worker_elsewhere_that_is_killed_leaves_a_file_without_end(
    run: Run, server: TruthServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGKILL: what it had sent is kept, nothing stays on its disk, the load is not alive, the other file is whole."""
    plan = spread_plan(workers=1, remote=1)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    with worker_elsewhere(plan) as process:
        load = run.start(plan, server.url)
        until(lambda: load.rows[1].stat().st_size > 2000)
        process.kill()
        process.wait()
        until(lambda: not load.alive(), within_s=30)
        load.stop()
    here, there = rows_of(load)
    assert (here.closed, there.closed) == (True, False)
    assert len(there.table) > 10
    assert len(server.seen) - len(here.table) - len(there.table) < 30, "a quarter of a second, at 40 a second"
    assert any("worker 2 was lost" in problem for problem in load.problems)
    assert list((tmp_path / "temporary").glob("readiness-*")) == []


def test_no_worker_elsewhere_outlives_a_killed_harness(tmp_path: Path, server: TruthServer) -> None:
    """SIGKILL the process that started the master: it ends, and with it all that joined it."""
    plan = spread_plan(workers=0, remote=1)
    spread = f'remote_workers=1, remote_bind="{plan.remote_bind}"'
    with worker_elsewhere(plan) as worker:
        harness = harness_that_starts(
            f'replace(plan_of("elsewhere", per_s=20, workers=0), {spread})', server.url, tmp_path
        )
        assert harness.stdout is not None
        with harness, harness.stdout as said:
            assert said.readline()
            until(lambda: len(server.seen) >= 10)
            harness.kill()
        until(lambda: worker.poll() is not None, within_s=60.0)


def test_a_master_that_finds_no_room_for_rows_ends_and_says_so(run: Run, server: TruthServer) -> None:
    """A full disk: what was half written is not followed by anything."""
    plan = spread_plan(workers=0, remote=1)
    with worker_elsewhere(plan):
        with room_for(12_000):
            load = run.start(plan, server.url)
        until(lambda: not load.alive())
        load.stop()
    (problem,) = load.problems
    assert problem.endswith(
        "the load generator cannot continue: the rows of worker 1 cannot be written: File too large"
    )
    (rows,) = rows_of(load)
    assert (rows.closed, load.rows[0].stat().st_size) == (False, 12_000)


def test_no_two_writes_of_locusts_own_processes_have_one_key(server: TruthServer) -> None:
    """Both came from one locustfile that was loaded once, and number their journeys alike."""
    arguments = ["-f", str(LOCUSTFILES / "buyer.py"), "-H", server.url, "--headless", "--only-summary"]
    locust(*arguments, "--processes", "2", "--rate", "60", "-t", "4s")
    keys = [seen.headers["idempotency-key"] for seen in server.seen]
    assert len(set(keys)) == len(keys) > 60


def test_a_number_is_given_once(server: TruthServer, tmp_path: Path) -> None:
    """A second worker 1 of the same samples is refused, and does not touch the file of the first."""
    (tmp_path / "s-1.rows").write_bytes(b"the first's")
    arguments = ["-f", str(LOCUSTFILES / "visitor.py"), "-H", server.url, "--headless", "-t", "1s"]
    done = locust(*arguments, "--samples", str(tmp_path / "s"))
    assert done.returncode != 0
    assert "s-1.rows already exists: another worker has number 1" in done.stderr
    assert (tmp_path / "s-1.rows").read_bytes() == b"the first's"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--rates", "0:10,5:-1"], "argument --rates: 5:-1 is not a rate at a time"),
        (["--rates", "0:nan"], "argument --rates: 0:nan is not a rate at a time"),
        (["--rates", "10"], "argument --rates: `10` is not a list of SECONDS:RATE, write it like `0:10,60:10,60:30`"),
        (["--rate", "-3"], "argument --rate: `-3` is not a number of journeys per second, write it like `25`"),
        (["--drain", "soon"], "argument --drain: `soon` is not a number of seconds, write it like `2.5`"),
        (["--worker-id", "0"], "argument --worker-id: `0` is not a whole number of at least 1"),
        (["--trace", "none.csv"], "argument --trace: none.csv: the trace cannot be read"),
        (["--rate", "3", "--rates", "0:1"], "argument --rates: not allowed with argument --rate"),
        (["--model", "closed"], "expected users of model closed, the locustfile has users of model open"),
        (["--worker-id", "3", "--load-workers", "2"], "`--worker-id` is 3, expected at most 2"),
        (["-H", "shop.test"], "`shop.test` is not an HTTP address: write it like `-H https://staging.example.test`"),
        (["--samples", "nowhere/s"], "nowhere/s-1.rows: the row file cannot be written: No such file or directory"),
    ],
)
def test_wrong_options_are_refused_in_words(arguments: list[str], said: str) -> None:
    """By hand, before anything is sent."""
    command = ["-f", str(LOCUSTFILES / "visitor.py"), "-H", "http://127.87.0.3:9", "--headless", "-t", "1s"]
    done = locust(*command, *arguments)
    assert done.returncode != 0
    assert said in done.stderr
    assert "Traceback" not in done.stderr
