"""Load offered to a truth server, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from harness import clock
from harness.drivers.load import Load, LoadSettings
from harness.evidence import History, RowsRead, read_history, read_rows
from harness.model import SAMPLES, Observation, TrafficPlan

LOCUSTFILES = Path(__file__).parent / "locustfiles"


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


def words(rows: RowsRead, column: str) -> list[str | None]:
    """The words of a column, row by row."""
    column_of = rows.table.words[column]
    missing = column_of.missing.tolist()
    return [None if gone else column_of.names[code] for code, gone in zip(column_of.codes, missing, strict=True)]


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

    def observations(self, kind: str, source: str = "load") -> list[Observation]:
        """What was put on record so far."""
        if not (self.path / "history" / f"{source}.ndjson").exists():
            return []
        seen, missing = read_history(self.path / "history" / f"{source}.ndjson")
        assert missing == []
        return [observation for observation in seen if observation.kind == kind]
