"""How long `readiness judge RUN` takes, and how much memory, for runs of 100 000, 1 and 10 million samples.

Each run is made by the run's own writers and seal; the samples are repeated from a thousand rows with fresh times, for ten
million calls would take longer than what is measured. The judge runs as a child, as people run it: hashes, Parquet,
judgement, verdict, every report. What the same takes for two thousand samples (Python, imports, page) is the start-up and is
shown apart; the goals are for the rest. Medians over a few tries. The goals are held against CPU seconds, which other work on
the machine does not lengthen; on an idle one the command takes no longer by the clock, for it waits for nothing.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
import numpy as np

from harness import clock
from harness.evidence import RowWriter, RunDirectory
from harness.evidence.rows import row_dtype
from harness.model import (
    PROBES,
    SAMPLES,
    Claim,
    EvidenceKind,
    Figure,
    Gate,
    Objective,
    Op,
    Per,
    Plan,
    Quantity,
    Requirement,
    Scenario,
    Scope,
    TrafficPlan,
)
from harness.units import NS_PER_S

if TYPE_CHECKING:
    from collections.abc import Iterable

BEGAN_NS: Final = 1_000 * NS_PER_S
WINDOW_S: Final = 600
ROUTES: Final = tuple(f"route-{number}" for number in range(10))
REGIONS: Final = {"us-east-1": 0.6, "eu-west-1": 0.3, "ap-southeast-1": 0.1}
REPEATED: Final = 1_000
PER_JOURNEY: Final = 5
PER_CONNECTION: Final = 2_000
"""Requests until the connections of a worker, LANES of them, are new ones."""
LANES: Final = 20
CHUNK: Final = 200_000
GOAL_S: Final = {1_000_000: 1.5, 10_000_000: 10.0}
GOAL_MIB: Final = 2048
GOAL_RATIO: Final = 1.3
"""Seconds a sample for ten times as many samples, against before."""

SEAL: Final = """
import sys; from pathlib import Path; from harness.evidence import RunDirectory; from harness.evidence.seal import seal
directory = RunDirectory(Path(sys.argv[1])); seal(directory, directory.read_plan())
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Took:
    """What a child process took."""

    seconds: float
    cpu_s: float
    peak_mib: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Size:
    """What a run of so many samples took to be judged, and to be sealed before that."""

    samples: int
    judge: Took
    seal: Took


@click.command()
@click.option("--quick", is_flag=True, help="Without the 10 million.")
@click.option("--tries", default=3, show_default=True, help="How often each run is judged.")
@click.option("--workers", default=2, show_default=True, help="Load workers, each with a file of its own.")
@click.option("--json", "as_json", is_flag=True, help="The figures as JSON.")
def main(*, quick: bool, tries: int, workers: int, as_json: bool) -> None:
    """Print seconds and peak memory by number of samples; exit code 1 when a goal is missed."""
    with tempfile.TemporaryDirectory(prefix="judge-speed-") as scratch:
        start_up, *sizes = (
            _measured(Path(scratch) / str(n), n, tries, workers)
            for n in (2 * REPEATED, 100_000, 1_000_000, 10_000_000)[: 3 if quick else 4]
        )
    spent = {size.samples: size.judge.cpu_s - start_up.judge.cpu_s for size in sizes}
    *_, small, large = spent
    ratio = spent[large] / large / (spent[small] / small)
    met = ratio <= GOAL_RATIO and all(size.judge.peak_mib <= GOAL_MIB for size in sizes)
    met = met and all(spent[n] <= goal for n, goal in GOAL_S.items() if n in spent)
    if as_json:
        found = {"start_up": asdict(start_up), "sizes": [asdict(size) for size in sizes], "ratio": ratio, "met": met}
        print(json.dumps(found))
    else:
        print("\n".join(_table(start_up, sizes, spent)))
        print(f"seconds a sample, {large:,} against {small:,}: {ratio:.2f} x, goal {GOAL_RATIO:g} (1 is linear)")
    sys.exit(0 if met else 1)


def _table(start_up: Size, sizes: list[Size], spent: dict[int, float]) -> Iterable[str]:
    """One line a size."""
    yield f"start-up {start_up.judge.cpu_s:.2f} CPU s, {start_up.judge.seconds:.2f} s, {start_up.judge.peak_mib:.0f} MiB"
    yield "     samples  judge CPU s  goal  by clock  peak MiB  goal  seal CPU s  seal MiB"
    for size in sizes:
        goal = f"{GOAL_S[size.samples]:.1f}" if size.samples in GOAL_S else ""
        yield (
            f"{size.samples:>12,} {spent[size.samples]:>12.2f} {goal:>5} {size.judge.seconds - start_up.judge.seconds:>9.2f}"
            f" {size.judge.peak_mib:>9.0f} {GOAL_MIB:>5} {size.seal.cpu_s:>11.2f} {size.seal.peak_mib:>9.0f}"
        )


def _measured(run: Path, n: int, tries: int, workers: int) -> Size:
    _record(run, n, workers)
    sealed = _took([sys.executable, "-c", SEAL, str(run)])
    judged = [_took([sys.executable, "-m", "harness", "judge", str(run)]) for _ in range(tries)]
    shutil.rmtree(run)
    judge = Took(
        seconds=statistics.median(took.seconds for took in judged),
        cpu_s=statistics.median(took.cpu_s for took in judged),
        peak_mib=max(took.peak_mib for took in judged),
    )
    return Size(samples=n, judge=judge, seal=sealed)


def _took(command: list[str]) -> Took:
    began = clock.now_s()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        said = process.stdout.read() if process.stdout else ""
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if command[1] != "-c" and not any(line.startswith("GO for ") for line in said.splitlines()):
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}:\n{said}")
    return Took(seconds=clock.now_s() - began, cpu_s=used.ru_utime + used.ru_stime, peak_mib=used.ru_maxrss / 1024)


def _record(run: Path, n: int, workers: int) -> None:
    """A run that has ended and is not sealed yet."""
    directory, plan = RunDirectory.create(run.parent, run.name), _plan(n, workers)
    directory.write_plan(plan)
    end_ns = BEGAN_NS + WINDOW_S * NS_PER_S
    traffic = plan.traffic["everyday"]
    sizes = {"journeys_per_s": traffic.journeys_per_s, "requests_per_journey": traffic.requests_per_journey}
    conductor, load, watch = (directory.history(source) for source in ("run", "load", "watch"))
    told = {name: getattr(plan, name) for name in ("target", "release", "environment", "time_scale", "seed")}
    conductor.put("run.started", plan.run, **told)
    conductor.put(
        "window.opened",
        "everyday/fault-free",
        traffic="everyday",
        phase="in the steady state",
        start_ns=BEGAN_NS,
        **sizes,
    )
    (directory.path / "load" / "everyday").mkdir()
    for worker in range(1, workers + 1):
        rows = directory.path / "load" / "everyday" / f"samples-{worker}.rows"
        load.put("worker.started", "everyday", worker=worker, pid=0, rows=directory.relative(rows))
        _write_samples(rows, n // workers, worker)
        for at_ns in range(BEGAN_NS, end_ns, NS_PER_S):
            fares = {"at_ns": at_ns, "cpu": 0.2, "gc_ms": 1.0, "loop_ms": 2.0}
            load.put("load.health", "everyday", worker=worker, **fares)
    watch.put("watch.started", "entry", spacing_ms=50.0, file="watch/entry.rows")
    probes = RowWriter(directory.path / "watch" / "entry.rows", PROBES)
    for number, due_ns in enumerate(range(BEGAN_NS, end_ns, NS_PER_S // 20)):
        words = ("entry", "health" if number % 2 else "read", "kept", "gateway-1", None)
        probes.put((due_ns, due_ns, due_ns + 2_000_000, 200), words)
    probes.close()
    watch.put("watch.closed", "entry", spacing_ms=50.0, file="watch/entry.rows")
    conductor.put("window.closed", "everyday/fault-free", end_ns=end_ns)
    conductor.put("run.ended", run.name, ok=True)
    directory.end()


def _write_samples(path: Path, n: int, worker: int) -> None:
    """A thousand rows by the writer, which define every word; then the same rows with fresh times, and the end record."""
    writer, dtype = RowWriter(path, SAMPLES), row_dtype(SAMPLES)
    for again in range(2):
        if again:
            writer.flush()
        defined = path.stat().st_size
        for index in range(REPEATED):
            failed = index == REPEATED - 1
            route, region = ROUTES[index % len(ROUTES)], _region(index)
            words = (
                "browse",
                str(1 + index % PER_JOURNEY),
                route,
                "GET",
                "eu",
                region,
                f"{region}-pod-{index % 6}",
                "1.0.0",
            )
            at_ns = BEGAN_NS + index
            journey, status = 1 + index // PER_JOURNEY, 0 if failed else 200
            ints = (at_ns, at_ns + 50_000, at_ns + 20_000_000, status, 700, worker, journey, 1, 0, 0)
            writer.put(ints, (*words, "timeout" if failed else None))
    writer.flush()
    rows = np.frombuffer(path.read_bytes()[defined:], dtype=dtype)
    with path.open("r+b") as file:
        file.truncate(defined)
        file.seek(defined)
        for at in range(REPEATED, n, CHUNK):
            file.write(_fresh(rows, range(at, min(at + CHUNK, n)), n, worker))
        file.write(struct.pack("<cQ", b"E", n))


def _fresh(rows: np.ndarray[tuple[int], np.dtype[np.void]], which: range, n: int, worker: int) -> bytes:
    """Rows over and over, due evenly over the window, sent a little late, answered after log-normal times around 20 ms."""
    random = np.random.default_rng((worker, which.start))
    made = np.resize(rows, len(which))
    made["intended_ns"] = BEGAN_NS + np.arange(which.start, which.stop) * (WINDOW_S * NS_PER_S // n)
    made["sent_ns"] = made["intended_ns"] + random.integers(20_000, 400_000, len(which))
    made["arrival"] = 1 + np.arange(which.start, which.stop) // PER_JOURNEY
    made["connection"] = (
        1 + np.arange(which.start, which.stop) // PER_CONNECTION * LANES + random.integers(0, LANES, len(which))
    )
    made["done_ns"] = made["sent_ns"] + (20e6 * random.lognormal(0, 0.4, len(which))).astype(np.int64)
    return made.tobytes()


def _region(index: int) -> str:
    """Six in ten in the first region, three in the second, one in the third."""
    first, second, third = REGIONS
    return first if index % 10 < 6 else second if index % 10 < 9 else third


def _plan(n: int, workers: int) -> Plan:
    """One traffic, and the sentences that a release is judged by under it."""
    everyday, per_route = Scope(traffic="everyday"), Scope(traffic="everyday", per=Per.ROUTE)
    share = Scope(traffic="everyday", subject="us-east-1", per=Per.REGION)
    sentences = {
        "P95": _objective(Figure.RESPONSE_TIME, Op.BELOW, "200 ms", per_route, quantile=0.95),
        "P50": _objective(Figure.RESPONSE_TIME, Op.BELOW, "100 ms", everyday, quantile=0.5),
        "ERRORS": _objective(Figure.ERROR_RATE, Op.BELOW, "1 %", everyday),
        "ROUTES": _objective(Figure.ERROR_RATE, Op.BELOW, "10 %", per_route),
        "SHARE": _objective(Figure.REGION_SHARE, Op.WITHIN, "60 %", share, tolerance=Quantity.parse("5 points")),
        "UPTIME": _objective(Figure.UPTIME, Op.AT_LEAST, "99 %", Scope(traffic="everyday", subject="entry")),
    }
    traffic = TrafficPlan(
        name="everyday",
        locustfile="everyday.py",
        journeys_per_s=n / PER_JOURNEY / WINDOW_S,
        requests_per_journey=PER_JOURNEY,
        warm_up_s=0,
        window_s=WINDOW_S,
        routes=dict.fromkeys(ROUTES, 1 / len(ROUTES)),
        users=100,
        workers=workers,
    )
    return Plan(
        run=f"speed-{n}",
        target="benchmark",
        environment="sandbox",
        time_scale=1,
        durability="",
        release="1.0.0",
        profile="core",
        seed=1,
        requirements=tuple(_requirement(name) for name in sentences),
        claims=tuple(
            Claim(
                scenario=Scenario(file="a.feature", line=1, name=name),
                requirement=name,
                objectives=(objective,),
                demands=(),
            )
            for name, objective in sentences.items()
        ),
        demands=(),
        demand={},
        traffic={"everyday": traffic},
        experiments={},
        primary_region="us-east-1",
        regions=REGIONS,
        deselected=(),
        not_assessable=(),
        probe_spacing_ms={"reads": 50.0},
    )


def _objective(
    figure: Figure,
    op: Op,
    limit: str,
    scope: Scope,
    *,
    quantile: float | None = None,
    tolerance: Quantity | None = None,
) -> Objective:
    return Objective(
        figure=figure,
        op=op,
        limit=Quantity.parse(limit),
        scope=scope,
        quantile=quantile,
        tolerance=tolerance,
        sentence=f"the {figure} {op} {limit}",
        at="a.feature:1",
    )


def _requirement(name: str) -> Requirement:
    return Requirement(
        id=name,
        profile="core",
        title=name,
        criterion="",
        kinds=(EvidenceKind.LOAD,),
        gate=Gate.CRITICAL,
        environments=("sandbox",),
        source="",
    )


if __name__ == "__main__":
    main()
