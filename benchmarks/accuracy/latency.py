"""Latency and errors against a known truth: ours, Locust's own figures, a closed loop's, and what the server really did.

For each scenario of `truth_server.py` our open model runs against a server of its own; its schedule is computed here a
second time from its seed. Where the server freezes, Locust's FastHttpUser runs beside it in its usual closed loop, at about
the same rate, against a server that behaves alike.

The truth of a request is what somebody would have waited who came when the schedule says: from then, or from the end
of the freeze it falls into, as long as the server took over it by its own record. It knows nothing of when we sent.
On a busy machine all are late; the children ask for real-time priority, which a superuser is given, and the lag of our
sending is shown: a run of the harness refuses latencies with a lag of 5 ms and more.

Goals: p50, p95 and p99 within 1 % or 2 ms, whichever is larger, and within 3 % with a freeze of 2 s each 20 s; of
every single request the kind of failure, or none, as the server dealt it.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from truth_server import SCENARIOS

from harness import clock
from harness.evidence.rows import read_rows
from harness.locust.schedule.arrivals import due_times, random_of
from harness.model import SAMPLES, RateCurve, Table
from harness.units import NS_PER_MS, NS_PER_S

SERVER: Final = Path(__file__).with_name("truth_server.py")
LOCUSTFILE: Final = Path(__file__).parents[1] / "locustfiles" / "truth.py"
ADDRESSES: Final = ("127.86.2.1", "127.86.2.2")
CORES: Final = sorted(os.sched_getaffinity(0))
QUANTILES: Final = (50, 95, 99)
IMPATIENT_S: Final = 1.0
WORD: Final = {
    "ok": "",
    "503": "status 503",
    "wrong": "wrong body",
    "reset": "reset",
    "cut": "reset",
    "hang": "timeout",
}

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """One quantile in ms by who says it (the closed loop only beside freezes), and the most that ours may be off."""

    quantile: int
    truth: float
    ours: float
    locust: float
    closed: float | None
    most: float

    @property
    def met(self) -> bool:
        """Whether ours is near enough."""
        return abs(self.ours - self.truth) <= self.most


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """What came of one scenario.

    Attributes:
        n: requests of ours. planned: whether they are those of the schedule, each to the nanosecond.
        lag_ms: p99 of how late we sent.
        errors, errors_truth: by kind. wrong: requests whose kind is not the server's.
        locust, locust_errors: requests and errors that Locust's own CSV shows of the same run.
    """

    scenario: str
    figures: tuple[Figure, ...]
    n: int
    planned: bool
    lag_ms: float
    errors: Mapping[str, int]
    errors_truth: Mapping[str, int]
    wrong: int
    locust: int
    locust_errors: int

    @property
    def met(self) -> bool:
        """Whether all goals are."""
        return self.planned and self.wrong == 0 and all(figure.met for figure in self.figures)


def run(scenario: str, *, rate: float, seconds: float, users: int, seed: int, directory: Path) -> Result:
    """Run one scenario and compare."""
    go = directory / "go"
    port = _free_port()
    urls = [f"http://{address}:{port}" for address in ADDRESSES]
    patient = "Impatient" if scenario.startswith("errors") else "Open"
    own = ("--rate", f"{rate:g}", "--seed", str(seed), "--samples", f"{directory}/samples", "--go", str(go))
    commands = [(*_locust(patient, urls[0], directory / "open"), *own)]
    ready = [directory / "samples-1.rows"]
    if SCENARIOS[scenario].freeze_every_s:
        commands.append((*_locust("Closed", urls[1], directory / "closed"), "-u", str(users), "-r", "1000"))
        ready.append(directory / "closed_stats.csv")
    addresses = ADDRESSES[: len(commands)]
    with ExitStack() as children:
        servers = [
            _child(children, CORES[-1], str(SERVER), scenario, *_server(at, port, seed, go, directory))
            for at in addresses
        ]
        loads = [_child(children, CORES[0], *command) for command in commands]
        for _ in clock.Deadline.after(30).ticks(0.05):
            if all(file.exists() for file in ready) and all(_listens(at, port) for at in addresses):
                break
        begin_ns = clock.now_ns() + NS_PER_S
        _write_at_once(go, str(begin_ns))
        clock.sleep(1.0 + seconds)
        _end(loads, signal.SIGINT)
        _end(servers, signal.SIGTERM)
    table = read_rows(directory / "samples-1.rows", SAMPLES).table
    return _compared(scenario, table, rate=rate, seed=seed, begin_ns=begin_ns, directory=directory)


def _free_port() -> int:
    with socket.create_server((ADDRESSES[0], 0)) as free:
        return int(free.getsockname()[1])


def _server(address: str, port: int, seed: int, go: Path, directory: Path) -> Sequence[str]:
    truth = directory / f"truth-{address}.csv"
    return ("--address", address, "--port", str(port), "--seed", str(seed), "--begin", str(go), "--truth", str(truth))


def _locust(user: str, url: str, table: Path) -> Sequence[str]:
    quiet = ("--headless", "--only-summary", "--loglevel", "ERROR", "--exit-code-on-error", "0")
    return ("-m", "locust", "-f", str(LOCUSTFILE), user, "-H", url, "--csv", str(table), *quiet)


def _child(children: ExitStack, core: int, *arguments: str) -> subprocess.Popen[bytes]:
    child = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    children.enter_context(child)
    children.callback(child.kill)
    os.sched_setaffinity(child.pid, {core})
    with suppress(PermissionError):
        os.sched_setscheduler(child.pid, os.SCHED_RR, os.sched_param(1))
    return child


def _end(children: Sequence[subprocess.Popen[bytes]], how: signal.Signals) -> None:
    for child in children:
        child.send_signal(how)
    for child in children:
        child.wait(timeout=20)


def _listens(address: str, port: int) -> bool:
    with socket.socket() as knocking:
        return knocking.connect_ex((address, port)) == 0


def _write_at_once(file: Path, text: str) -> None:
    file.with_suffix(".new").write_text(text, encoding="ascii")
    file.with_suffix(".new").rename(file)


def _compared(scenario: str, table: Table, *, rate: float, seed: int, begin_ns: int, directory: Path) -> Result:
    order = np.argsort(table.ints["intended_ns"], kind="stable")
    intended = table.ints["intended_ns"][order]
    ours_ms = (table.ints["done_ns"][order] - intended) / NS_PER_MS
    kinds = [table.words["error"].text()[at] or "" for at in order]
    due = _schedule(rate=rate, seed=seed, begin_ns=begin_ns, n=len(table))
    true_ms, true_kinds = _truth(directory / f"truth-{ADDRESSES[0]}.csv", due)
    locust, beside = _csv(directory / "open_stats.csv"), directory / "closed_stats.csv"
    closed = _csv(beside) if beside.exists() else {}
    share = 0.03 if SCENARIOS[scenario].freeze_every_s else 0.01
    figures = []
    for quantile in QUANTILES:
        truth, ours = (float(np.percentile(x, quantile, method="inverted_cdf")) for x in (true_ms, ours_ms))
        figure = Figure(
            quantile=quantile,
            truth=truth,
            ours=ours,
            locust=float(locust[f"{quantile}%"]),
            closed=float(closed[f"{quantile}%"]) if closed else None,
            most=max(2.0, share * truth),
        )
        figures.append(figure)
    return Result(
        scenario=scenario,
        figures=tuple(figures),
        n=len(table),
        lag_ms=float(np.percentile(table.ints["sent_ns"] - table.ints["intended_ns"], 99)) / NS_PER_MS,
        planned=bool(np.array_equal(intended, due)),
        errors=dict(Counter(filter(None, kinds))),
        errors_truth=dict(Counter(filter(None, true_kinds))),
        wrong=sum(ours != true for ours, true in zip(kinds, true_kinds, strict=True)),
        locust=int(locust["Request Count"]),
        locust_errors=int(locust["Failure Count"]),
    )


def _schedule(*, rate: float, seed: int, begin_ns: int, n: int) -> npt.NDArray[np.int64]:
    random = random_of(seed, 1, 1, "arrivals")
    times = due_times(begin_ns=begin_ns, curve=RateCurve.flat(rate), arrivals="poisson", random=random)
    return np.fromiter(islice(times, n), dtype=np.int64, count=n)


def _truth(file: Path, due: npt.NDArray[np.int64]) -> tuple[Floats, list[str]]:
    """Of each journey of the schedule its true latency in ms, and the kind of its failure, empty for none."""
    with file.open(encoding="ascii", newline="") as text:
        lines = list(csv.reader(text))
    freezes = [(int(begin), int(end)) for kind, begin, end in (line for line in lines if line[0] == "freeze") if kind]
    served = {int(line[1]): (line[2], int(line[3]), int(line[4])) for line in lines if line[0] == "request"}
    latency, kinds = np.empty(len(due)), []
    for at, due_ns in enumerate(due.tolist()):
        outcome, came_ns, answered_ns = served.get(at + 1, ("never came", 0, 0))
        start_ns = next((end for begin, end in freezes if begin <= due_ns < end), due_ns)
        took_ns = IMPATIENT_S * NS_PER_S if outcome == "hang" else answered_ns - came_ns
        latency[at] = (start_ns + took_ns - due_ns) / NS_PER_MS
        kinds.append(WORD.get(outcome, outcome))
    return latency, kinds


def _csv(file: Path) -> dict[str, str]:
    with file.open(encoding="utf-8", newline="") as text:
        return next(row for row in csv.DictReader(text) if row["Name"] == "truth")


def _said(ms: float | None) -> str:
    return "" if ms is None else f"{ms:.0f}"


def report(results: Sequence[Result], *, as_json: bool) -> int:
    """Print all figures; 0 when all goals are met."""
    met = all(result.met for result in results)
    if as_json:
        print(json.dumps({"scenarios": [asdict(result) for result in results], "met": met}, indent=2))
        return 0 if met else 1
    head = ("truth", "ours", "off", "may be", "", "Locust CSV", "closed loop")
    print(f"{'ms':14} {'':4} " + " ".join(f"{word:>11}" for word in head))
    for result in results:
        for figure in result.figures:
            off = figure.ours - figure.truth
            values: tuple[Any, ...] = (f"{figure.truth:.1f}", f"{figure.ours:.1f}", f"{off:+.2f}", f"{figure.most:.2f}")
            values += ("met" if figure.met else "MISSED", f"{figure.locust:.0f}", _said(figure.closed))
            print(f"{result.scenario:14} p{figure.quantile:<3} " + " ".join(f"{value:>11}" for value in values))
    print()
    for result in results:
        found = ", ".join(f"{kind} {n}" for kind, n in sorted(result.errors.items())) or "none"
        true = ", ".join(f"{kind} {n}" for kind, n in sorted(result.errors_truth.items())) or "none"
        said = "as planned" if result.planned else "NOT AS PLANNED"
        print(
            f"{result.scenario:14} {result.n} requests {said}, lag p99 {result.lag_ms:.1f} ms; errors {found}; truth {true}; {result.wrong} wrong"
        )
        print(f"{'':14} Locust's CSV of the same run: {result.locust} requests, {result.locust_errors} errors")
    return 0 if met else 1


def main() -> int:
    """Run the scenarios, print, and end with 0 when the goals are met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenario", nargs="*", help=f"which; default: all of {', '.join(SCENARIOS)}".replace("%", "%%"))
    parser.add_argument(
        "--seconds", type=float, default=30.0, help="length of each, twice that with freezes; default: 30"
    )
    parser.add_argument("--rate", type=float, default=200.0, help="journeys per second; default: 200")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="8 s each: shows that it works")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args()
    seconds = 8.0 if options.quick else options.seconds
    results = []
    for scenario in options.scenario or SCENARIOS:
        long = 2 if SCENARIOS[scenario].freeze_every_s else 1
        with tempfile.TemporaryDirectory() as text:
            users = 4 if scenario == "constant" else 8
            size = {"rate": options.rate, "seconds": seconds * long, "users": users, "seed": options.seed}
            results.append(run(scenario, directory=Path(text), **size))
    return report(results, as_json=options.json)


if __name__ == "__main__":
    raise SystemExit(main())
