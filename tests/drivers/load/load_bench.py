"""Load offered to a truth server, and what came of it."""

from __future__ import annotations

import ssl
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness import clock
from harness.drivers.load import Load, LoadSettings
from harness.evidence import History, RowsRead, read_history, read_rows
from harness.model import SAMPLES, Observation, TrafficPlan

LOCUSTFILES = Path(__file__).parent / "locustfiles"
_STARTS_LOAD = """
import sys
from dataclasses import replace
from pathlib import Path
from load_bench import plan_of
from harness import clock
from harness.drivers.load import Load, LoadSettings
from harness.evidence import History
run = Path(sys.argv[2])
settings = LoadSettings(plan=PLAN, entry=sys.argv[1], run_dir=run, seed=1)
load = Load(settings, History(run / "history" / "load.ndjson", "load"))
load.start()
print(*load.pids, flush=True)
clock.sleep(600)
"""


def plan_of(locustfile: str, *, per_s: float, workers: int = 1) -> TrafficPlan:
    """Traffic of the tests: one request a journey, named like its locustfile."""
    return TrafficPlan(
        name=locustfile,
        locustfile=str(LOCUSTFILES / f"{locustfile}.py"),
        journeys_per_s=per_s,
        requests_per_journey=1,
        warm_up_s=1.0,
        window_s=5.0,
        routes={"home": 1.0},
        users=1.0,
        workers=workers,
    )


def stock_plan(locustfile: str, *, users: int = 3, shaped: bool = False) -> TrafficPlan:
    """A closed model with so many users of Locust's own."""
    return replace(plan_of(locustfile, per_s=20), model="closed", users=users, stock=True, shaped=shaped)


def until(condition: Callable[[], bool], *, within_s: float = 90.0) -> None:
    """Wait until it holds; fails when it does not."""
    for _ in clock.Deadline.after(within_s).ticks(0.02):
        if condition():
            return
    raise AssertionError(f"did not come true within {within_s} s")


def rows_of(load: Load) -> list[RowsRead]:
    """What each worker wrote."""
    return [read_rows(path, SAMPLES) for path in load.rows]


def rows_after(load: Load, enough: Callable[[], bool]) -> RowsRead:
    """Wait until it is enough, stop the load, and read what its only worker wrote."""
    until(enough)
    load.stop()
    (rows,) = rows_of(load)
    return rows


def columns(rows: RowsRead, *names: str) -> list[tuple[Any, ...]]:
    """Each row as the words or numbers in these columns."""
    table = rows.table
    found = [words(rows, name) if name in table.words else table.ints[name].tolist() for name in names]
    return [*zip(*found, strict=True)]


def words(rows: RowsRead, column: str) -> list[str | None]:
    """The words of a column, row by row."""
    column_of = rows.table.words[column]
    missing = column_of.missing.tolist()
    return [None if gone else column_of.names[code] for code, gone in zip(column_of.codes, missing, strict=True)]


def locust(*arguments: str) -> subprocess.CompletedProcess[str]:
    """`locust …` as typed in a terminal, to its end."""
    return subprocess.run(
        [sys.executable, "-m", "locust", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def harness_that_starts(plan: str, entry: str, run: Path) -> subprocess.Popen[str]:
    """A process that starts the load of this expression, then says the processes of it and sleeps."""
    words = [sys.executable, "-c", _STARTS_LOAD.replace("PLAN", plan), entry, str(run)]
    return subprocess.Popen(words, cwd=Path(__file__).parent, stdout=subprocess.PIPE, text=True)


def certified(directory: Path, address: str) -> ssl.SSLContext:
    """The TLS of a server of this address: `key.pem`, and `ca.pem`, which is its own authority; it serves only who shows a certificate of it."""
    words = f"openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=x -days 1 -addext subjectAltName=IP:{address} -keyout key.pem -out ca.pem"
    subprocess.run(words.split(), check=True, capture_output=True, cwd=directory)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "ca.pem", directory / "key.pem")
    context.load_verify_locations(directory / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    return context


class Run:
    """A run directory of a test, with the loads that were started in it."""

    def __init__(self, path: Path, loads: ExitStack) -> None:
        self.path = path
        self._loads = loads
        self._history = History(path / "history" / "load.ndjson", "load")
        loads.callback(self._history.close)

    @property
    def sink(self) -> History:
        """The history `load`."""
        return self._history

    def start(
        self,
        plan: TrafficPlan,
        entry: str,
        *,
        seed: int = 7,
        drain_s: float = 5.0,
        say: Callable[[str], None] = lambda _: None,
        of: str = "",
        api: bytes = b"",
    ) -> Load:
        """Offer it, until the test stops it or ends."""
        settings = LoadSettings(plan=plan, entry=entry, run_dir=self.path, seed=seed, drain_s=drain_s, run=of, api=api)
        return self._loads.enter_context(Load(settings, self._history, say=say))

    def rows(self, plan: TrafficPlan, entry: str, enough: Callable[[], bool], **more: Any) -> RowsRead:
        """Offer it until it is enough, and read what its only worker wrote."""
        return rows_after(self.start(plan, entry, **more), enough)

    def health(self, worker: int = 1) -> list[dict[str, Any]]:
        """What that worker said of itself, each second."""
        return [dict(one.fields) for one in self.observations("load.health", f"load-health-{worker}")]

    def broken(self) -> list[dict[str, Any]]:
        """What the first worker said in seconds in which journeys broke."""
        return [one for one in self.health() if one.get("broken")]

    def observations(self, kind: str, source: str = "load") -> list[Observation]:
        """What was put on record so far."""
        if not (self.path / "history" / f"{source}.ndjson").exists():
            return []
        seen, missing = read_history(self.path / "history" / f"{source}.ndjson")
        assert missing == []
        return [observation for observation in seen if observation.kind == kind]
