"""How long the judge, the page and the summary take for all 758 rows, `readiness history` for 500 runs, `plan` for all profiles, and `--help`.

The run is made by the run's own writers and seal: every row of the catalogue has a scenario, one that is not derived a check with
eight facts, so that every row is judged and none merely waits. The commands run as children, as people run them; the goals are
held against CPU seconds, which other work on the machine does not lengthen. Medians over a few tries.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from harness import clock
from harness.catalogue import load_catalogue
from harness.drivers.facts import FactReading, once, record_facts
from harness.evidence import RunDirectory
from harness.evidence.seal import seal
from harness.model import (
    Claim,
    Demand,
    DemandKind,
    Figure,
    Objective,
    Op,
    Plan,
    Quantity,
    Requirement,
    Scenario,
)

PROFILES: Final = ("normaldance", "atomos", "feature-integration", "integration-platform")
FACTS: Final = 8
RUNS: Final = 500
GOAL_S: Final = {"judge": 3.0, "history": 3.0, "plan": 2.0, "--help": 0.3}
GOAL_MB: Final = 3.0
_ENVIRONMENT: Final = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
"""Modules are compiled once, as they are for people."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Spent:
    """What a command took, and what it printed."""

    cpu_s: float
    wall_s: float
    out: str


@click.command()
@click.option("--tries", default=3, show_default=True, help="How often each command is run.")
def main(tries: int) -> None:
    """Print seconds and sizes, each against its goal."""
    _spent(("plan", "--profile", "core"))  # compiles the modules
    with tempfile.TemporaryDirectory() as temporary:
        runs = Path(temporary) / "runs"
        run = runs / "20261121T000000Z-benchmark-1.0.0"
        rows = _make(run)
        _tell(f"judge, page, summary, JUnit and Allure of {len(rows)} rows", "judge", ("judge", str(run)), tries)
        size = (run / "readiness.html").stat().st_size / 1e6
        print(f"  the page: {size:.2f} MB, goal {GOAL_MB:g} MB; summary.md: {_kb(run / 'summary.md')}")
        for number in range(1, RUNS):
            directory = runs / f"20261121T{number:06}Z-benchmark-1.0.0"
            directory.mkdir()
            shutil.copy(run / "verdict.json", directory)
        print(f"  verdict.json: {_kb(run / 'verdict.json')}")
        listed = ("history", "--out", str(runs), "--last", str(RUNS))
        _tell(f"history of {RUNS} runs of {len(rows)} rows", "history", listed, tries)
        _tell("history of the latest 20 of them", "history", ("history", "--out", str(runs)), tries)
    profiles = [word for name in PROFILES for word in ("--profile", name)]
    _tell(f"plan of {len(rows)} rows", "plan", ("plan", *profiles), tries)
    _tell("--help", "--help", ("--help",), tries)


def _tell(what: str, goal: str, words: tuple[str, ...], tries: int) -> None:
    spent = [_spent(words) for _ in range(tries)]
    cpu, wall = (statistics.median(each) for each in zip(*((one.cpu_s, one.wall_s) for one in spent), strict=True))
    print(f"{what}: {cpu:.2f} CPU s, {wall:.2f} s by the clock, goal {GOAL_S[goal]:g} s")


def _spent(words: tuple[str, ...]) -> Spent:
    before, began = os.times(), clock.now_s()
    command = [sys.executable, "-m", "harness", *words]
    child = subprocess.run(command, env=_ENVIRONMENT, capture_output=True, text=True, check=False)
    after = os.times()
    if child.returncode not in (0, 1, 10):
        raise click.ClickException(f"{' '.join(words)}: {child.stderr or child.stdout}")
    cpu = after.children_user - before.children_user + after.children_system - before.children_system
    return Spent(cpu_s=cpu, wall_s=clock.now_s() - began, out=child.stdout)


def _kb(path: Path) -> str:
    return f"{path.stat().st_size / 1e3:.0f} kB"


def _make(run: Path) -> tuple[Requirement, ...]:
    """A run in which every row is judged: one in forty fails, one in thirty cannot be told."""
    rows = load_catalogue().profile(PROFILES)
    directory, plan = RunDirectory.create(run.parent, run.name), _plan(run.name, rows)
    directory.write_plan(plan)
    conductor, checks = directory.history("run"), directory.history("checks")
    told = {name: getattr(plan, name) for name in ("target", "release", "environment", "time_scale", "seed")}
    conductor.put("run.started", plan.run, **told)
    for number, demand in enumerate(plan.demand.values()):
        ok = False if number % 40 == 7 else None if number % 30 == 3 else True
        facts = [
            FactReading(
                subject=f"us-east-1/service-{each}", expected="3 ready replicas", observed="3 ready replicas", ok=True
            )
            for each in range(FACTS - 1)
        ]
        last = FactReading(
            subject="eu-west-1/service-0", expected="3 ready replicas", observed="2 ready replicas", ok=ok
        )
        record_facts(demand, lambda found=(*facts, last): once(found), checks, directory.path)  # type: ignore[misc]
    conductor.put("run.ended", run.name, ok=True)
    conductor.close()
    checks.close()
    seal(directory, plan)
    directory.end()
    return rows


def _plan(run: str, rows: tuple[Requirement, ...]) -> Plan:
    demand = {
        one.key: one
        for one in (
            Demand(kind=DemandKind.STATIC, name="declared", params={"row": row.id}) for row in rows if not row.parts
        )
    }
    return Plan(
        run=run,
        target="benchmark",
        environment="staging",
        time_scale=1,
        durability="",
        release="1.0.0",
        profile="+".join(PROFILES),
        seed=1,
        requirements=rows,
        claims=tuple(_claim(row, number) for number, row in enumerate(rows)),
        demands=tuple(demand),
        demand=demand,
        traffic={},
        experiments={},
        primary_region="",
        regions={},
        deselected=(),
        not_assessable=(),
        probe_spacing_ms={},
    )


def _claim(row: Requirement, number: int) -> Claim:
    """A scenario that says the criterion: of a derived row its parts, of any other a check."""
    figure = Figure.PARTS if row.parts else Figure.CHECK
    params = {"parts": " ".join(row.parts)} if row.parts else {"row": row.id}
    objective = Objective(
        figure=figure,
        op=Op.HOLDS,
        limit=Quantity(value=1, unit=""),
        sentence=row.criterion,
        at=f"features/{row.profile}/all.feature:{number}",
        check="" if row.parts else "declared",
        demand=DemandKind.STATIC,
        params=params,
    )
    demands = () if row.parts else (Demand(kind=DemandKind.STATIC, name="declared", params=params).key,)
    scenario = Scenario(file=f"features/{row.profile}/all.feature", line=number, name=row.title, tags=(row.id,))
    return Claim(scenario=scenario, requirement=row.id, objectives=(objective,), demands=demands)


if __name__ == "__main__":
    main()
