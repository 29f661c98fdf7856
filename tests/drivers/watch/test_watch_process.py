"""The watching process as a whole: what it writes, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from harness import clock
from harness.drivers.watch import LiveView, Watch, WatchSettings, ledger_clients, watch_settings
from harness.errors import DriverError
from harness.evidence.rows import read_rows
from harness.model import LEDGER_WRITES, PROBES, Table

if TYPE_CHECKING:
    from tests.drivers.watch.conftest import Service


@pytest.fixture
def settings(target_file: Path, tmp_path: Path) -> WatchSettings:
    """A watch of the small platform."""
    return watch_settings(target_file, tmp_path / "run", clients=ledger_clients("run-1", 7))


def reads(run: Path) -> Table:
    """The reads at the entry, as due."""
    table = read_rows(run / "watch" / "entry.rows", PROBES).table
    return table.where(table.words["kind"].equals("read")).sorted_by("due_ns")


def kinds(run: Path, source: str = "watch") -> list[tuple[str, str]]:
    """Kind and subject of each line of a history."""
    lines = (run / "history" / f"{source}.ndjson").read_text().splitlines()
    return [(line["kind"], line["subject"]) for line in map(json.loads, lines)]


def until(condition: Callable[[], bool], within_s: float = 15.0) -> None:
    """Wait until the condition holds."""
    assert any(condition() for _ in clock.Deadline.after(within_s).ticks(0.05))


def gone(pid: int, within_s: float = 5.0) -> bool:
    """Whether the process ends within the time; a zombie has ended."""
    for _ in clock.Deadline.after(within_s).ticks(0.02):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
    return False


def test_it_probes_and_writes_at_its_rates_and_closes_in_order(service: Service, settings: WatchSettings) -> None:
    """While 80 reads are due: 120 writes, 20 reads a region, and the health path as often as the window asks."""
    run = settings.run_directory
    with Watch(settings) as watch:
        until(lambda: len(reads(run)) >= 40)
        watch.health_window(is_open=True)
        until(lambda: len(reads(run)) >= 80)
        assert watch.stop()
    entry = read_rows(run / "watch" / "entry.rows", PROBES)
    regions = read_rows(run / "watch" / "regions.rows", PROBES)
    ledger = read_rows(run / "watch" / "ledger-writes.rows", LEDGER_WRITES)
    assert entry.closed
    assert regions.closed
    assert ledger.closed
    seconds = float(np.ptp(reads(run).ints["due_ns"])) / 1e9
    assert (
        np.diff(reads(run).ints["due_ns"]) % 50_000_000 == 0
    ).all()  # a busy machine leaves looks out, it moves none
    assert len(reads(run)) == pytest.approx(20 * seconds, rel=0.25)
    health = entry.table.where(entry.table.words["kind"].equals("health"))
    assert len(health) == pytest.approx(35 * seconds, rel=0.35)
    assert regions.table.words["subject"].present == ("north", "south")
    assert len(ledger.table) == pytest.approx(30 * seconds, rel=0.25)
    assert ledger.table.words["outcome"].present == ("ok",)
    found = set(zip(ledger.table.ints["client"].tolist(), ledger.table.ints["sequence"].tolist(), strict=True))
    assert found == service.written
    assert entry.table.words["error"].present == ()
    assert 0.05 < float(np.mean(entry.table.words["connection"].equals("new"))) < 0.6  # more when a kept one is in use
    assert [line for line in kinds(run) if line[0] != "watch.trouble"] == [
        *((("watch.started", name)) for name in ("entry", "regions", "ledger")),
        *((("watch.closed", name)) for name in ("entry", "regions", "ledger")),
    ]


def test_a_platform_that_hangs_costs_no_look(service: Service, settings: WatchSettings) -> None:
    """While every answer takes the whole second, looks go on at their spacing, each a timeout after 1 s."""
    run = settings.run_directory
    with Watch(settings):
        until(lambda: len(reads(run)) >= 5)
        service.mode = "hang"
        until(lambda: len(reads(run)) >= 50)
    table = reads(run)
    timeouts = table.where(table.words["error"].equals("timeout"))
    waits = (timeouts.ints["done_ns"] - timeouts.ints["sent_ns"]) / 1e9
    assert len(timeouts) >= 35
    assert waits.min() >= 0.99
    assert float(np.median(waits)) < 1.2
    assert np.diff(table.ints["due_ns"]).max() <= 250_000_000


def test_a_kill_loses_a_quarter_of_a_second_at_most(service: Service, settings: WatchSettings) -> None:
    """After SIGKILL the file holds every look but those of the last moment, and lacks its end."""
    watch = Watch(settings)
    watch.start()
    until(lambda: len(reads(settings.run_directory)) >= 20)
    os.kill(watch.pid, signal.SIGKILL)
    killed_ns = clock.now_ns()
    until(lambda: not watch.alive())
    assert not watch.stop()
    rows = read_rows(settings.run_directory / "watch" / "entry.rows", PROBES)
    assert not rows.closed
    assert killed_ns - int(rows.table.ints["done_ns"].max()) < 450_000_000
    assert ("watch.closed", "entry") not in kinds(settings.run_directory)


def test_it_dies_with_its_parent(service: Service, settings: WatchSettings) -> None:
    """A parent killed with SIGKILL takes the watch along."""
    program = (
        "import os,sys\n"
        "from harness.drivers.watch import Watch, WatchSettings\n"
        "from harness import clock\n"
        "told = WatchSettings.model_validate_json(sys.argv[1])\n"
        "watch = Watch(told.model_copy(update={'parent': os.getpid()}))\n"
        "watch.start()\n"
        "print(watch.pid, flush=True)\n"
        "clock.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, settings.model_dump_json()], stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    assert gone(pid)


def test_a_target_that_cannot_be_watched_says_why(settings: WatchSettings) -> None:
    """What the child said last stands in the error."""
    settings.target.write_text(settings.target.read_text() + "tls: {ca_file: /nowhere.pem}\n")
    with pytest.raises(DriverError, match="a certificate cannot be read"):
        Watch(settings).start()


def test_the_live_view_tells_reads_and_writes_apart(service: Service, settings: WatchSettings) -> None:
    """While the watch runs, times and successes come in the order due."""
    view = LiveView(settings.run_directory)
    view.poll()
    assert len(view.reads()[0]) == 0

    def seen(count: int) -> bool:
        view.poll()
        return min(len(view.reads()[0]), len(view.writes()[0])) >= count

    with Watch(settings):
        until(lambda: seen(20))
        service.mode = "503"
        until(lambda: seen(50))
    for times, ok in (view.reads(), view.writes()):
        assert len(times) > 20
        assert (np.diff(times) > 0).all()
        assert ok[:5].all()
        assert not ok[-5:].any()


def test_clients_of_two_runs_do_not_meet() -> None:
    """Numbers follow run and seed, and fit the table's column."""
    assert ledger_clients("a", 1) == ledger_clients("a", 1)
    assert not set(ledger_clients("a", 1)) & set(ledger_clients("b", 1))
    assert all(0 <= client < 2**31 for client in ledger_clients("a", 2))
