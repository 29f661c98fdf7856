"""End to end: the healthy release on the sandbox, from nothing to a decision, and nothing left behind.

What a loaded machine cannot promise, latencies and so the word GO, is not asserted here; `scripts/accept` does that.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness.evidence.histories.history import read_history

pytestmark = [pytest.mark.sandbox, pytest.mark.alone]

EXITS = {"GO": 0, "NO-GO": 1, "INCONCLUSIVE": 10}
FACTS = {"ND-DEP-HEALTH", "ND-ARCH-GATEWAY", "ND-ARCH-USER", "ND-ARCH-TRACK", "ND-PH1-GATEWAY", "DA-NET-POLICY"}
WITHIN_S = 1200
ROOT = Path(__file__).resolve().parents[3]
FOLDERS = ("features", "experiments", "rollouts", "loadtests")
LENGTH = "for: at least 150 s"


@dataclass(frozen=True, kw_only=True, slots=True)
class Ran:
    """One finished run."""

    exit_code: int
    path: Path
    state: Path
    project: Path
    verdict: dict[str, Any]

    def readiness(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run another command on it."""
        command = [sys.executable, "-m", "harness", *words]
        return subprocess.run(command, cwd=self.project, capture_output=True, text=True, check=False, timeout=120)


def _project(base: Path) -> Path:
    """The checkout's features, experiments and traffic, in a fault-free window as short as their sentences allow: no KPI is asserted."""
    for name in FOLDERS:
        shutil.copytree(ROOT / name, base / name, ignore=shutil.ignore_patterns("__pycache__"))
    everyday = base / "loadtests" / "everyday.yaml"
    text = everyday.read_text(encoding="utf-8")
    assert LENGTH in text
    everyday.write_text(text.replace(LENGTH, "for: at least 10 s"), encoding="utf-8")
    folders = "".join(f'{name} = ["{name}"]\n' for name in FOLDERS)
    project = f'[tool.harness]\ntarget = "sandbox"\nprofiles = ["core"]\n{folders}'
    (base / "pyproject.toml").write_text(project, encoding="utf-8")
    return base


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """Profile core on release 1.0.0, in a state directory of its own."""
    base = tmp_path_factory.mktemp("sandbox-run")
    command = [sys.executable, "-m", "harness", "run", "--out", str(base / "runs")]
    environment = {**os.environ, "READINESS_STATE": str(base / "state")}
    project = _project(base / "project")
    done = subprocess.run(
        command, cwd=project, env=environment, capture_output=True, text=True, check=False, timeout=WITHIN_S
    )
    latest = base / "runs" / "latest"
    assert latest.exists(), done.stderr
    verdict = json.loads((latest / "verdict.json").read_text(encoding="utf-8"))
    return Ran(exit_code=done.returncode, path=latest.resolve(), state=base / "state", project=project, verdict=verdict)


def test_the_exit_code_is_that_of_the_decision(ran: Ran) -> None:
    """Every one of the 25 requirements has a verdict, and the process ends with the decision's code."""
    assert len(ran.verdict["requirements"]) == 25
    assert ran.exit_code == EXITS[ran.verdict["decision"]]


def test_the_facts_of_the_platform_hold(ran: Ran) -> None:
    """Sizes, health, gateways and policies do not depend on how fast the machine is."""
    assert {r["id"]: r["verdict"] for r in ran.verdict["requirements"] if r["id"] in FACTS} == dict.fromkeys(
        FACTS, "PASS"
    )


def test_every_fault_went_in_and_came_out(ran: Ran) -> None:
    """Pod, node, primary database and region were broken, seen to be broken, and seen to be as before."""
    seen = {
        e["name"]: (e["fault"]["sent"], e["fault"]["confirmed_after_s"] is not None, e["restore"]["ok"])
        for e in ran.verdict["experiments"]
    }

    assert {
        name: seen[name] for name in ("pod-loss", "node-loss", "database-primary-loss", "region-loss")
    } == dict.fromkeys(("pod-loss", "node-loss", "database-primary-loss", "region-loss"), (True, True, True))


def test_the_watch_looks_closely_from_before_each_fault_until_it_is_restored(ran: Ran) -> None:
    """At each region's entry, each 200 ms before the action is sent, each 500 ms again only after the target is as before."""
    told = [o for path in (ran.path / "history").glob("*.ndjson") for o in read_history(path)[0]]
    restored = {o.mono_ns: "restored" for o in told if o.kind == "restore"}
    broken = {o.subject for o in told if o.kind == "restore"}
    sent = {o.fields["at_ns"]: "sent" for o in told if o.kind == "fault.sent" and o.subject in broken}
    spacings = [o for o in told if o.kind == "watch.respaced" and o.subject == "regions"]
    moments = {o.mono_ns: f"{o.fields['spacing_ms']:g} ms" for o in spacings} | sent | restored

    assert [what for _, what in sorted(moments.items())] == ["200 ms", "sent", "restored", "500 ms"] * len(restored)
    assert restored


def test_no_acknowledged_write_is_lost(ran: Ran) -> None:
    """The database commits on a quorum, so a failover loses nothing; and there was something to lose."""
    lost = {e["name"]: e["writes_lost"] for e in ran.verdict["experiments"]}

    assert set(lost.values()) == {0}
    assert sum(e["writes_acknowledged"] for e in ran.verdict["experiments"]) > 500


def test_the_run_judges_again_to_the_same_bytes(ran: Ran) -> None:
    """`judge --check` finds the stored verdict in the evidence, and finds what was taken away."""
    assert ran.readiness("judge", str(ran.path), "--check").returncode == 0

    journal = ran.path / "chaos" / "region-loss" / "journal.json"
    kept = journal.read_bytes()
    journal.unlink()
    gone = ran.readiness("judge", str(ran.path), "--check")
    journal.write_bytes(kept)

    assert gone.returncode == 10
    assert "chaos/region-loss/journal.json: the file is missing" in gone.stderr
    assert "Traceback" not in gone.stderr


def test_nothing_is_left_behind(ran: Ran) -> None:
    """No process of the run lives, and of the sandbox's files there is none."""
    mine = str(ran.state)
    living = [path for path in Path("/proc").glob("[0-9]*/cmdline") if mine in _read(path)]

    assert living == []
    assert [path.name for path in (ran.state / "sandbox").rglob("*") if path.is_file()] == []


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
