"""The watching process as a whole: what it writes, and how it ends."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from harness import clock
from harness.drivers.watch import LiveView, Rates, Watch, WatchSettings, ledger_clients
from harness.errors import DriverError
from harness.evidence.rows import read_rows
from harness.model import LEDGER_WRITES, PROBES, Table
from harness.model.records.recorded import SERVICE
from harness.model.records.table import CONTROL, PORTAL
from harness.units import NS_PER_MS
from tests.builders.database_servers import until
from tests.drivers.watch.watch_bench import lines

if TYPE_CHECKING:
    from tests.drivers.watch.conftest import Service


def reads(run: Path) -> Table:
    """The reads at the entry, as due."""
    table = read_rows(run / "watch" / "entry.rows", PROBES).table
    return table.where(table.words["kind"].equals("read")).sorted_by("due_ns")


def spacings(table: Table) -> list[int]:
    """Times between looks as due, in ms."""
    due_ns: list[int] = sorted(table.ints["due_ns"].tolist())
    return [round((later - sooner) / NS_PER_MS) for sooner, later in itertools.pairwise(due_ns)]


def gone(pid: int, within_s: float = 30.0) -> bool:
    """Whether the process ends within the time; a zombie has ended."""
    for _ in clock.Deadline.after(within_s).ticks(0.02):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
    return False


def most(table: Table, due: str = "due_ns") -> int:
    """The most frequent time between looks as due, in ms: a busy machine leaves looks out, it moves none."""
    between = (np.diff(np.sort(table.ints[due])) / NS_PER_MS).round().astype(int).tolist()
    return int(Counter(between).most_common(1)[0][0])


def watched(service: Service, settings: WatchSettings, run: Path) -> None:
    """A run of its own in which 80 reads are due, the second half of them in a window."""
    service.written.clear()
    with Watch(settings.model_copy(update={"run_directory": run})) as watch:
        until(lambda: len(reads(run)) >= 40)
        watch.health_window(is_open=True)
        until(lambda: len(reads(run)) >= 80)
        assert watch.stop()


@pytest.mark.slow
def test_it_probes_and_writes_at_its_rates_and_closes_in_order(service: Service, settings: WatchSettings) -> None:
    """While 80 reads are due: 10 writes a second, reads of each region, and the health path as often as the window asks."""
    for number in range(5):
        run = settings.run_directory.with_name(f"run-{number}")
        watched(service, settings, run)
        entry = read_rows(run / "watch" / "entry.rows", PROBES)
        if "timeout" not in entry.table.words["error"].present:  # else this process was too late to answer in a second
            break
    regions = read_rows(run / "watch" / "regions.rows", PROBES)
    ledger = read_rows(run / "watch" / "ledger-writes.rows", LEDGER_WRITES)
    assert entry.closed
    assert regions.closed
    assert ledger.closed
    assert (np.diff(reads(run).ints["due_ns"]) % 100_000_000 == 0).all()
    assert most(reads(run)) == 100
    assert most(entry.table.where(entry.table.words["kind"].equals("health"))) == 20
    assert regions.table.words["subject"].present == ("north", "south")
    assert most(ledger.table, "intended_ns") == 100
    assert ledger.table.words["outcome"].present == ("accepted",)
    found = set(zip(ledger.table.ints["by"].tolist(), ledger.table.ints["id"].tolist(), strict=True))
    assert found == service.written.keys()
    assert entry.table.words["error"].present == ()
    assert 0.05 < float(np.mean(entry.table.words["connection"].equals("new"))) < 0.6  # more when a kept one is in use
    told = [(line["kind"], line["subject"]) for line in lines(run, "watch")]
    ends, names = ("watch.started", "watch.closed"), ("entry", "regions", "ledger", "pipeline")
    assert [one for one in told if one[0] in ends] == [(kind, name) for kind in ends for name in names]


def test_while_a_fault_may_be_in_it_asks_as_often_as_the_run_says(service: Service, settings: WatchSettings) -> None:
    """Reads and those of each region, from the command to its end; then as before. Both changes are on record."""
    run = settings.run_directory

    def north() -> list[int]:
        table = read_rows(run / "watch" / "regions.rows", PROBES).table
        return spacings(table.where(table.words["subject"].equals("north") & table.words["kind"].equals("read")))

    rates = Rates(read_in_fault=25.0, ledger_in_fault=25.0, region_in_fault=10.0)
    with Watch(settings.model_copy(update={"rates": rates})) as watch:
        until(lambda: 100 in spacings(reads(run)) and 500 in north())
        watch.fault_window(is_open=True)
        until(lambda: 40 in spacings(reads(run)) and 100 in north())
        watch.fault_window(is_open=False)
        until(lambda: 100 in spacings(reads(run))[-5:] and north()[-1] >= 500)
    assert min(spacings(reads(run))[-2:]) >= 100
    assert set(spacings(reads(run))) >= {40, 100}
    assert min(north()) == 100
    told = [line for line in lines(run, "watch") if line["kind"] == "watch.respaced"]
    assert [(line["subject"], line["spacing_ms"]) for line in told] == [
        ("entry", 40.0),
        ("regions", 100.0),
        ("ledger", 40.0),
        ("entry", 100.0),
        ("regions", 500.0),
        ("ledger", 100.0),
    ]


def health(run: Path, subject: str) -> Table:
    """The probes of the health path at one door, as due."""
    name = "entry" if subject == "entry" else "regions"
    table = read_rows(run / "watch" / f"{name}.rows", PROBES).table
    expected = table.words["kind"].equals("health") & table.words["subject"].equals(subject)
    return table.where(expected).sorted_by("due_ns")


def test_events_are_sent_as_often_as_figures_need_in_a_window_only(service: Service, settings: WatchSettings) -> None:
    """Two a second from the start, five in the window, two again; each event costs the target a handful of requests."""
    often = settings.model_copy(update={"rates": Rates(pipeline=5.0)})
    with Watch(often) as watch:
        until(lambda: len(reads(settings.run_directory)) >= 3)
        watch.health_window(is_open=True)
        asked = len(service.asked)
        until(lambda: len(service.asked) > asked)
        watch.health_window(is_open=False)
    told = [one for one in lines(settings.run_directory, "watch") if one["kind"] == "watch.respaced"]
    assert [one["spacing_ms"] for one in told if one["subject"] == "pipeline"] == [500.0, 200.0, 500.0]


def test_each_regions_door_is_asked_for_its_health_in_a_window_and_under_a_fault(
    service: Service, settings: WatchSettings
) -> None:
    """Blind side 9: a region's own door that is dead shows, also while the entry is fine; once a second at any other time."""
    run = settings.run_directory
    with Watch(settings) as watch:
        until(lambda: len(health(run, "north")) >= 3)
        assert 1000 in spacings(health(run, "north"))
        assert 200 not in spacings(health(run, "north"))
        watch.health_window(is_open=True)
        until(lambda: len(health(run, "north")) >= 23)
        watch.fault_window(is_open=True)
        watch.health_window(is_open=False)
        until(lambda: len(health(run, "north")) >= 43)
        watch.fault_window(is_open=False)
        until(lambda: len(health(run, "north")) >= 46)
    assert spacings(health(run, "north")).count(200) >= 20  # a busy machine leaves some out
    assert 200 in spacings(health(run, "south"))
    assert {"/health", "/tracks/1"} <= set(service.asked)


def test_each_service_and_each_control_is_asked_at_its_own_address(
    service: Service, settings: WatchSettings, target_file: Path
) -> None:
    """In a table of their own: services whether they can do their work, controls twice a second; one that fails says how."""
    with target_file.open("a", encoding="utf-8") as file:
        file.write(f"services: {{north/a: '{service.url}/ready', south/a: '{service.url}/other/ready'}}\n")
        file.write(f"control: {{node-a: '{service.url}/healthy', node-b: '{service.url}/other/healthy'}}\n")
    often = settings.model_copy(update={"rates": settings.rates.model_copy(update={"service": 10.0})})

    def services() -> Table:
        return read_rows(settings.run_directory / "watch" / "services.rows", PROBES).table

    def controls() -> Table:
        return read_rows(settings.run_directory / "watch" / "control.rows", CONTROL).table

    with Watch(often):
        until(lambda: len(services()) >= 8 and len(controls()) >= 6)
        service.mode = "503"
        until(lambda: len(controls().words["error"].present) > 0)
    assert set(services().words["subject"].present) == {"north/a", "south/a"}
    assert set(services().words["kind"].present) == {SERVICE}
    assert {"/ready", "/other/ready", "/healthy", "/other/healthy"} <= set(service.asked)
    assert most(controls().where(controls().words["subject"].equals("node-a"))) == 500
    assert controls().words["subject"].present == ("node-a", "node-b")
    assert controls().words["error"].present == ("status 503",)


def test_the_portal_is_asked_on_a_new_connection_each_time(
    service: Service, settings: WatchSettings, target_file: Path
) -> None:
    """A Service chooses a pod for each; the answer says which, and an error page is no good answer."""
    with target_file.open("a", encoding="utf-8") as file:
        file.write(f"portal: '{service.url}/portal'\n")
    run = settings.run_directory
    often = settings.model_copy(update={"rates": settings.rates.model_copy(update={"portal": 20.0})})

    def asked() -> Table:
        return read_rows(run / "watch" / "portal.rows", PORTAL).table

    before = service.connections
    with Watch(often):
        until(lambda: len(asked()) >= 8)
        service.mode = "503"
        until(lambda: len(asked().words["error"].present) > 0)
    assert set(asked().words["served_pod"].present) == {"pod-1"}
    assert asked().words["error"].present == ("status 503",)
    assert "/portal" in service.asked
    assert service.connections - before >= 8


def test_a_read_that_the_target_file_expects_otherwise_is_wrong(
    service: Service, target_file: Path, settings: WatchSettings
) -> None:
    """Blind side 14: the service answers `200 {"id": 1}`, the target expects a title too; its health path is fine.

    All that is recorded lies under `watch/` and in two histories: the load's samples are the load's alone.
    """
    text = target_file.read_text()
    target_file.write_text(
        text.replace("read: /tracks/1", "read: {path: /tracks/1, expect: {id: 1, title: str}}"), encoding="utf-8"
    )
    run = settings.run_directory
    with Watch(settings):
        until(lambda: len(reads(run)) >= 5 and len(health(run, "north")) >= 2)
    assert reads(run).words["error"].counts == {"wrong body": len(reads(run))}
    assert health(run, "entry").words["error"].present == ()
    assert health(run, "north").words["error"].present == ()
    assert {path.name for path in run.iterdir()} == {"watch", "history"}
    assert {path.name for path in (run / "history").iterdir()} == {"watch.ndjson", "pods.ndjson"}


def test_a_watch_that_was_stopped_says_when_it_was_blind(service: Service, settings: WatchSettings) -> None:
    """SIGSTOP for over a second: each schedule's blind time is on record, and the longest gap is in the receipt."""
    run = settings.run_directory
    with Watch(settings) as watch:
        until(lambda: len(reads(run)) >= 20)
        os.kill(watch.pid, signal.SIGSTOP)
        stopped_ns = clock.now_ns()
        until(lambda: clock.now_ns() - stopped_ns > 1_200_000_000)
        os.kill(watch.pid, signal.SIGCONT)
        resumed_ns = clock.now_ns()
        until(lambda: int(reads(run).ints["due_ns"].max()) > resumed_ns + 500_000_000)
    blind = {
        line["of"]: line["until_ns"] - line["from_ns"]
        for line in lines(run, "watch")
        if line["kind"] == "watch.blind" and line["from_ns"] < resumed_ns and line["until_ns"] > stopped_ns
    }
    assert set(blind) >= {"read", "health", "north", "south", "ledger"}
    assert min(blind.values()) >= 1_200_000_000
    closed = {line["subject"]: line for line in lines(run, "watch") if line["kind"] == "watch.closed"}
    assert closed["entry"]["longest_gap_ms"] >= 1_200
    told = Counter(line["subject"] for line in lines(run, "watch") if line["kind"] == "watch.blind")
    assert {name: line["blind"] for name, line in closed.items() if line["blind"]} == told
    entry = read_rows(run / "watch" / "entry.rows", PROBES).table
    assert closed["entry"]["probes"] == len(entry)
    assert closed["entry"]["first_ns"] <= int(entry.ints["sent_ns"].min())
    assert int(entry.ints["due_ns"].max()) <= closed["entry"]["last_ns"] <= int(entry.ints["sent_ns"].max())


@pytest.mark.slow
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
    assert spacings(table).count(100) >= 0.8 * len(spacings(table))  # a stall of the machine is one of them


def test_a_kill_loses_a_quarter_of_a_second_at_most(service: Service, settings: WatchSettings) -> None:
    """After SIGKILL the file holds every look but those of the last moment, and lacks its end."""
    watch = Watch(settings)
    rows_ns: list[tuple[int, int]] = []

    def is_fresh() -> bool:
        """Whether the file holds what was answered some 300 ms ago: a flush is due each 250 ms."""
        at_ns, table = clock.now_ns(), reads(settings.run_directory)
        if len(table) >= 20:
            rows_ns.append((at_ns, int(table.ints["done_ns"].max())))
        return bool(rows_ns) and rows_ns[-1][0] - rows_ns[-1][1] < 400_000_000

    watch.start()
    until(is_fresh)
    os.kill(watch.pid, signal.SIGKILL)
    until(lambda: not watch.alive())
    assert not watch.stop()
    rows = read_rows(settings.run_directory / "watch" / "entry.rows", PROBES)
    assert not rows.closed
    assert int(rows.table.ints["done_ns"].max()) >= rows_ns[-1][1]
    assert "watch.closed" not in {line["kind"] for line in lines(settings.run_directory, "watch")}


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
        "clock.sleep(600)\n"
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
    for times, ok, _ in (view.reads(), view.writes()):
        assert len(times) > 20
        assert (np.diff(times) > 0).all()
        assert ok[:5].all()
        assert not ok[-5:].any()


def test_clients_of_two_runs_do_not_meet() -> None:
    """Numbers follow run and seed, and fit the table's column."""
    assert ledger_clients("a", 1) == ledger_clients("a", 1)
    assert not set(ledger_clients("a", 1)) & set(ledger_clients("b", 1))
    assert all(0 <= client < 2**31 for client in ledger_clients("a", 2))


class _InterruptedPath(type(Path())):  # type: ignore[misc]
    """A path whose conversion to text is interrupted by Ctrl-C."""

    def __str__(self) -> str:
        signal.raise_signal(signal.SIGINT)
        return str(super().__str__())


def test_ctrl_c_while_the_settings_are_written_stops_the_run(settings: WatchSettings) -> None:
    """As a KeyboardInterrupt, which pydantic would make an error of its own; no process is started."""
    watch = Watch(settings.model_copy(update={"target": _InterruptedPath("target.yaml")}))
    with pytest.raises(KeyboardInterrupt):
        watch.start()
    assert watch.pid == 0
