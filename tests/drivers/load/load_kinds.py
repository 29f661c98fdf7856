"""Stock locustfiles of public kinds, each with a fixed number of requests, offered by Locust itself and by the harness."""

from __future__ import annotations

import csv
import math
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

from load_bench import LOCUSTFILES, Run, rows_of, stock_plan, until
from load_truth import Reply, Seen, TruthServer, truth_server

from harness import clock
from harness.drivers.load.locustfile import check_locustfile
from harness.judgement.figures.indicators import timed, waited_ms
from harness.judgement.stats.statistics import quantiles_of
from harness.model import SAMPLES, Table, TrafficPlan

KINDS: Final = tuple(sorted(path for path in (LOCUSTFILES / "kinds").glob("*.py") if not path.stem.endswith("_tasks")))
VARIABLES: Final = {"LOCUST_TENANT": "blue", "SHOP_FLAVOUR": "sweet", "SHOP_PAGES": "4"}
"""What the caller sets for `variables.py`; all the others do without."""
QUANTILES: Final = (0.5, 0.95, 0.99)
_TAGS: Final = ("smoke",), ("slow",)
_QUIET_S: Final = 1.5
"""Seconds without a request, after which all users have done what they had to."""
_LONGEST_S: Final = 60.0

_Counts = Counter[tuple[str, str]]
"""Requests by method and name."""


class Counted(NamedTuple):
    """Requests and failures of one load, and the requests that its server saw, by method and path."""

    requests: _Counts
    failures: _Counts
    served: _Counts


class Differential(NamedTuple):
    """One file, as Locust counted it and as the harness recorded it; times in ms by method and name.

    Attributes:
        file: the locustfile.
        locust, ours: requests and failures.
        quantiles: those of the judge, for each of `QUANTILES`.
        ranks: the same, counted by hand in the raw rows.
    """

    file: Path
    locust: Counted
    ours: Counted
    quantiles: dict[tuple[str, str], tuple[float, ...]]
    ranks: dict[tuple[str, str], tuple[float, ...]]

    @property
    def differences(self) -> list[str]:
        """What is not equal, in words; a load of which nothing was counted compares nothing."""
        return (
            ([] if self.locust.requests.total() else ["Locust counted no request"])
            + [
                f"{what} of {' '.join(key)}: {mine[key]}, of Locust {theirs[key]}"
                for what, mine, theirs in zip(
                    ("requests", "failures", "served requests"), self.ours, self.locust, strict=True
                )
                for key in sorted({*mine, *theirs})
                if mine[key] != theirs[key]
            ]
            + [
                f"quantiles of {' '.join(key)}: {found}, in the rows {self.ranks[key]}"
                for key, found in self.quantiles.items()
                if found != self.ranks[key]
            ]
        )


def shop(seen: Seen) -> Reply:
    """What all the files meet: a word at the end of a path says how it is answered."""
    streamed = Reply(body=b"one\ntwo\nthree\nfour\n", pause_s=0.05)
    replies = {
        "broken": Reply(status=500),
        "missing": Reply(status=404),
        "html": Reply(body=b"<html>"),
        "moved": Reply(status=302, headers={"location": "/there"}),
        "close": Reply(how="close"),
        "slow": Reply(after_s=1.0, body=b"{}"),
        "ask": streamed,
        "order": Reply(status=201, body=b'{"ok": true}'),
    }
    usual = streamed if seen.path.startswith("/streams/") else Reply(body=b'{"ok": true, "path": "here"}')
    return replies.get(seen.path.partition("?")[0].rpartition("/")[2], usual)


def compared(file: Path, directory: Path, address: str) -> Differential:
    """Offer one file's load by Locust, then by the harness, to a server at this address."""
    with truth_server(address) as server:
        server.behave = shop
        locust = by_locust(file, directory, server)
        before = len(server.seen)
        rows = by_us(file, directory, server)
        served = _served(server.seen[before:])
    return Differential(
        file=file,
        locust=locust,
        ours=_counted(rows, served),
        quantiles=_by_route(rows, lambda ms: tuple(quantiles_of(ms, *QUANTILES))),
        ranks=_by_route(
            rows, lambda ms: tuple(sorted(ms.tolist())[max(math.ceil(q * len(ms)), 1) - 1] for q in QUANTILES)
        ),
    )


def plan_of_kind(file: Path) -> TrafficPlan:
    """Its users, at once, and its tags."""
    users = 1 if file.stem in {"weighted", "quits"} else 4
    tags, exclude_tags = _TAGS if file.stem == "tagged" else ((), ())
    planned = replace(stock_plan("kinds", users=users), locustfile=str(file), tags=tags, exclude_tags=exclude_tags)
    return replace(planned, shaped=check_locustfile(file).shaped)


def by_locust(file: Path, directory: Path, server: TruthServer) -> Counted:
    """The CSV that `locust --headless` writes."""
    plan = plan_of_kind(file)
    prefix = directory / "locust"
    command = [
        *(sys.executable, "-m", "locust", "-f", str(file), "--host", server.url, "--headless", "--only-summary"),
        *("-u", f"{plan.users:g}", "-r", f"{plan.users:g}", "--csv", str(prefix), "--loglevel", "CRITICAL"),
        *(("--tags", *plan.tags) if plan.tags else ()),
        *(("--exclude-tags", *plan.exclude_tags) if plan.exclude_tags else ()),
    ]
    with (directory / "locust.log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            until(lambda: _size(Path(f"{prefix}_stats_history.csv")) > 0 or process.poll() is not None)
            _wait(lambda: len(server.seen), process.poll, least_s=1.2)
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
    with Path(f"{prefix}_stats.csv").open(encoding="utf-8", newline="") as file_of_figures:
        lines = [line for line in csv.DictReader(file_of_figures) if line["Name"] != "Aggregated"]
    requests, failures = (
        +Counter({(line["Type"], line["Name"]): int(line[column]) for line in lines})
        for column in ("Request Count", "Failure Count")
    )
    return Counted(requests, failures, _served(server.seen))


def by_us(file: Path, directory: Path, server: TruthServer) -> Table:
    """The rows of the load as a run offers it."""
    with ExitStack() as loads:
        load = Run(directory / "run", loads).start(plan_of_kind(file), server.url)
        seen = len(server.seen)
        _wait(
            lambda: (len(server.seen) - seen, sum(map(_size, load.rows))),
            lambda: None if load.alive() else 1,
            least_s=1.2,
        )
        load.stop()
        rows = rows_of(load)
    assert all(one.closed for one in rows), f"{file.name}: a row file has no end"
    return Table.merged(SAMPLES, [one.table for one in rows])


def _wait(counts: Callable[[], object], ended: Callable[[], int | None], *, least_s: float) -> None:
    """Wait until nothing has changed for `_QUIET_S`, after `least_s`, or the load has ended by itself."""
    last, since_s, began_s = counts(), clock.now_s(), clock.now_s()
    for _ in clock.Deadline.after(_LONGEST_S).ticks(0.05):
        if (now := counts()) != last:
            last, since_s = now, clock.now_s()
        if ended() is not None:
            return
        if clock.now_s() - since_s > _QUIET_S and clock.now_s() - began_s > least_s + _QUIET_S:
            return
    raise AssertionError(f"the load did not become quiet within {_LONGEST_S:g} s")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _keys(table: Table) -> list[tuple[str, str]]:
    methods, names = (table.words[column].text() for column in ("method", "name"))
    return [(str(method), str(name)) for method, name in zip(methods, names, strict=True)]


def _counted(table: Table, served: _Counts) -> Counted:
    failed = ~table.words["error"].missing
    return Counted(Counter(_keys(table)), Counter(_keys(table.where(failed))), served)


def _served(seen: Sequence[Seen]) -> _Counts:
    return Counter((one.method, one.path) for one in seen)


def _by_route(table: Table, figure: Callable[..., tuple[float, ...]]) -> dict[tuple[str, str], tuple[float, ...]]:
    own = timed(table)
    keys = _keys(own)
    ms = waited_ms(own)
    return {key: figure(ms[[index for index, other in enumerate(keys) if other == key]]) for key in dict.fromkeys(keys)}
