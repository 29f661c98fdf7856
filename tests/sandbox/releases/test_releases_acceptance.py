"""scripts/acceptance.py: how a run is compared with what its release.yaml expects."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness import clock
from scripts import acceptance
from scripts.acceptance import closest, deviations, healthy_runs, share_of_limit

ACCEPTED = """
import signal, sys
from scripts import acceptance
signal.signal(signal.SIGINT, signal.default_int_handler)
acceptance.RUN = (sys.executable, "-c", sys.argv[1], sys.argv[2])
acceptance.accept(["slow", "failing", "--times", "2", "--out", sys.argv[2] + "/runs"])
"""
RUN = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    with open(sys.argv[1] + "/started", "a") as file:
        file.write("one ")
    time.sleep(60)
except KeyboardInterrupt:
    time.sleep(0.5)
    open(sys.argv[1] + "/restored", "w").close()
    sys.exit(2)
"""


def measured(op: str, value: float, scaled_limit: float, /, **more: object) -> dict[str, object]:
    """One figure of verdict.json."""
    form = {"name": "p95", "unit": "ms", "limit": f"{scaled_limit:g} ms", "low": None, "high": None}
    return {**form, "op": op, "value": value, "scaled_limit": scaled_limit, **more}


@pytest.mark.parametrize(
    ("release", "ended", "failed", "inconclusive", "found"),
    [
        ("1.0.0", ("GO", 0), [], [], []),
        ("1.0.0", ("GO", 0), [], ["ND-KPI-P95"], ["inconclusive as well: ND-KPI-P95"]),
        ("1.0.0", ("", 6), [], [], ["no verdict instead of GO", "exit 6 instead of 0"]),
        ("slow", ("NO-GO", 1), ["ND-KPI-P95", "ND-RISK-PERFORMANCE"], [], []),
        (
            "slow",
            ("NO-GO", 1),
            ["AT-PERF-P95"],
            [],
            ["did not fail: ND-KPI-P95 ND-RISK-PERFORMANCE", "failed as well: AT-PERF-P95"],
        ),
        ("half-rolled", ("INCONCLUSIVE", 10), [], ["ND-KPI-P95", "DA-DR-RTO"], []),
        ("half-rolled", ("GO", 0), [], [], ["GO instead of INCONCLUSIVE", "exit 0 instead of 10"]),
        ("no-return", ("NO-GO", 1), ["ND-PH1-DISCOVERY"], ["DA-DR-RTO"], []),
    ],
)
def test_a_run_is_as_its_release_expects_or_the_difference_is_named(
    release: str, ended: tuple[str, int], failed: list[str], inconclusive: list[str], found: list[str]
) -> None:
    """Decision, exit code, the exact FAIL set, and no INCONCLUSIVE but those that may be."""
    assert list(deviations(release, *ended, {"FAIL": failed, "INCONCLUSIVE": inconclusive})) == found


def test_a_run_is_held_to_the_requirements_of_its_own_profiles() -> None:
    """`lopsided` is red in each of two profiles, and nothing of `core` sees it."""
    both = {"FAIL": ["AT-PROD-LB"], "INCONCLUSIVE": []}
    assert list(deviations("lopsided", "NO-GO", 1, both, judged=["AT-PROD-LB", "AT-PERF-P95"])) == []
    assert list(deviations("lopsided", "GO", 0, {"FAIL": [], "INCONCLUSIVE": []}, judged=["ND-KPI-P95"])) == []
    assert list(deviations("lopsided", "NO-GO", 1, both, judged=["IP-PERF-BALANCE", "AT-PROD-LB"])) == [
        "did not fail: IP-PERF-BALANCE"
    ]


@pytest.mark.parametrize(
    ("measure", "share"),
    [
        (measured("is below", 100, 200, high=150), 0.75),
        (measured("is at least", 0.9995, 0.999, unit="ratio", low=0.9992), 0.8),
        (measured("is within", 0.62, 0.6, unit="ratio", limit="60 % ± 5 points", low=0.61, high=0.63), 0.6),
        (measured("holds", 0, 0), None),
    ],
)
def test_the_share_of_its_limit_that_a_figure_takes_up(measure: dict[str, object], share: float | None) -> None:
    """By the bound on the bad side; none for a fact."""
    assert share_of_limit(measure) == (None if share is None else pytest.approx(share))


def test_the_closest_figures_come_first() -> None:
    """One line a requirement, with its worst measure."""
    requirements = [
        {"id": "A", "measures": [measured("is below", 20, 200), measured("is below", 120, 200)]},
        {"id": "B", "measures": [measured("is below", 180, 200)]},
    ]
    assert list(closest(requirements)) == [" 90.0%  B: p95 180 ms of 200 ms", " 60.0%  A: p95 120 ms of 200 ms"]


def test_the_last_healthy_runs_are_listed_with_their_closest_figures(tmp_path: Path) -> None:
    """Runs of other releases, the link `latest` and older runs are left out."""
    for number, release in enumerate(["1.0.0", "1.0.0", "1.1.0-slow", "1.0.0"]):
        requirements = [{"id": "A", "measures": [measured("is below", 100 + number, 200)]}]
        run = tmp_path / f"2026-{number}"
        run.mkdir()
        verdict = {"run_id": run.name, "release": release, "decision": "GO", "requirements": requirements}
        (run / "verdict.json").write_text(json.dumps(verdict))
    (tmp_path / "latest").symlink_to("2026-3")
    assert list(healthy_runs(tmp_path, 2)) == [
        "GO           2026-1",
        "     50.5%  A: p95 101 ms of 200 ms",
        "GO           2026-3",
        "     51.5%  A: p95 103 ms of 200 ms",
    ]


@pytest.mark.parametrize("ends", ["sys.exit(2)", "os.kill(os.getpid(), signal.SIGINT)"])
def test_a_run_that_was_interrupted_is_the_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ends: str) -> None:
    """Whether it ended in order, or by the signal: no other is begun, and the exit code is a shell's."""
    code = f"import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); {ends}"
    monkeypatch.setattr(acceptance, "RUN", (sys.executable, "-c", code))
    done = CliRunner().invoke(acceptance.accept, ["slow", "failing", "--times", "2", "--out", str(tmp_path / "runs")])
    assert done.exit_code == 130
    assert "interrupted after 0 runs" in done.output
    assert [file.name for file in tmp_path.glob("*.log")] == ["accept-slow-1.log"]


def test_ctrl_c_lets_the_run_that_is_under_way_restore_its_target(tmp_path: Path) -> None:
    """Both get the signal; the run is waited for, and no other is begun."""
    command = [sys.executable, "-c", ACCEPTED, RUN, str(tmp_path)]
    with subprocess.Popen(command, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        for _ in clock.Deadline.after(60).ticks(0.02):
            if any(file.stat().st_size for file in tmp_path.glob("started")):
                break
        os.killpg(process.pid, signal.SIGINT)
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert (tmp_path / "restored").exists()
    assert (tmp_path / "started").read_text() == "one "
