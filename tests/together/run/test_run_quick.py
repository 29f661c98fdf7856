"""What profiles quick and core plan, and a first look at the sandbox's platform."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.builders.preloaded import command

ROOT = Path(__file__).resolve().parents[3]
ROWS = ["AT-STB-ERRORS", "IP-ROAD-AUTONOMOUS", "ND-KPI-P95", "ND-KPI-UPTIME"]
EXITS = {"GO": 0, "INCONCLUSIVE": 10}


def readiness(*words: str, state: Path) -> subprocess.CompletedProcess[str]:
    """The command in the checkout, with a state directory of its own."""
    return command("harness", *words, cwd=ROOT, environment={**os.environ, "READINESS_STATE": str(state)}, within_s=600)


def test_the_plan_is_half_a_minute_and_one_fault(tmp_path: Path) -> None:
    """One row each of latency, errors, uptime and recovery; each can be decided. What lasts as the plan says is 58 s."""
    finished = readiness("plan", "--target", "sandbox", "--profile", "quick", "--json", state=tmp_path)
    assert finished.returncode == 0, finished.stderr
    planned: dict[str, Any] = json.loads(finished.stdout)

    assert sorted(one["requirement"] for one in planned["sentences"]) == ROWS
    assert all(one["can_be_decided"] for one in planned["sentences"])
    acts = {one["name"]: one["seconds"] for one in planned["acts"]}
    assert acts == {"quick/fault-free": 40.0, "experiment:pod-loss": 15.0, "quick/after-faults": 3.0}


def test_the_plan_of_core_says_what_it_gates_in_part(tmp_path: Path) -> None:
    """Each row with the parts that the gate is on, and with what no run by this profile tries."""
    finished = readiness("plan", "--target", "sandbox", "--profile", "core", state=tmp_path)
    on, left = "loss of the primary, loss of a region", "loss of all database members"
    assert f"\nDA-DR-RTO is gated in part, on {on}; not tried: {left}\n" in finished.stdout
    assert finished.stdout.count(" is gated in part, on ") == 4
    assert "A run of this size can decide all 25 sentences" in finished.stdout


@pytest.mark.sandbox
@pytest.mark.alone
def test_a_first_look_sees_a_fault_go_in_and_out(tmp_path: Path) -> None:
    """Two pods die and are replaced; nothing of the healthy release fails. GO is what a machine with room says: no latency is asserted."""
    done = readiness("run", "--profile", "quick", "--out", str(tmp_path / "runs"), state=tmp_path / "state")
    verdict = json.loads((tmp_path / "runs" / "latest" / "verdict.json").read_text(encoding="utf-8"))
    found = {one["id"]: one["verdict"] for one in verdict["requirements"]}

    assert done.returncode == EXITS[verdict["decision"]], done.stderr
    assert sorted(found) == ROWS
    assert found["IP-ROAD-AUTONOMOUS"] == "PASS"
    (seen,) = verdict["experiments"]
    assert (seen["name"], seen["fault"]["confirmed_after_s"] is not None, seen["restore"]["ok"]) == (
        "pod-loss",
        True,
        True,
    )
