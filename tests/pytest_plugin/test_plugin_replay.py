"""`pytest features --evidence RUN`: verdicts of a stored run in pytest's own words. Starts nothing, decides nothing."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.plain.plain_project import Finished, Project
from tests.plain.scenes import Stage

FEATURE = "features/plain/kpi.feature"


def _replay(project: Project, run: Path, *arguments: str) -> Finished:
    return project.do(FEATURE, "--evidence", str(run), *arguments, module="pytest")


def test_a_replay_of_a_go_passes_and_never_says_go(scenes: Stage, project: Project) -> None:
    """Exit code 0, three passed, the run's name, "no decision", no new run, although no service answers."""
    finished = _replay(project, scenes["go"].run)
    assert finished.code == 0, finished.said
    assert f"replay of {scenes['go'].run.name} · 3 scenarios · no decision" in finished.out
    assert "3 passed" in finished.out
    assert not re.search(r"^GO\b", finished.out, re.MULTILINE)
    assert not project.run_directories()


def test_a_replay_loads_nothing_that_asks_anybody(scenes: Stage, project: Project) -> None:
    """No HTTP client, no Locust, no database driver, no Kubernetes: that is most of what a run takes to start."""
    command = [sys.executable, "-X", "importtime", "-m", "pytest", "-q", FEATURE, "--evidence", str(scenes["go"].run)]
    said = subprocess.run(command, cwd=project.root, capture_output=True, text=True, check=True, timeout=300).stderr
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in said.splitlines() if "import time:" in line}
    assert "harness" in loaded
    assert loaded.isdisjoint({"aiohttp", "gevent", "httpx", "kubernetes", "locust", "psycopg"})


def test_a_replay_fails_as_the_run_failed(scenes: Stage, project: Project) -> None:
    """Exit code 1; the failure is one message with the figure, without a traceback."""
    finished = _replay(project, scenes["slow"].run)
    assert finished.code == 1, finished.said
    assert "1 failed, 2 passed" in finished.out
    assert re.search(r"response time p95 of read-item is \d", finished.out)
    assert "Traceback" not in finished.out
    assert "def verdict" not in finished.out


def test_a_replay_is_as_inconclusive_as_the_run(scenes: Stage, project: Project) -> None:
    """Exit code 10, in a word of its own, each with its reason."""
    finished = _replay(project, scenes["too short"].run, "-v")
    assert finished.code == 10, finished.said
    assert "3 inconclusive" in finished.out
    reasons = re.findall(r"^INCONCLUSIVE \S+: .* would prove PASS", finished.out, re.MULTILINE)
    assert len(reasons) == 3, finished.out


def test_a_replay_of_some_scenarios_tells_of_those(scenes: Stage, project: Project) -> None:
    """Every id of the catalogue is a marker: -m PL-UPTIME of a NO-GO is that scenario's PASS, exit code 0, no decision."""
    finished = _replay(project, scenes["slow"].run, "-m", "PL-UPTIME")
    assert finished.code == 0, finished.said
    assert "1 scenarios · no decision" in finished.out
    assert "1 passed, 2 deselected" in finished.out


def test_a_scenario_that_a_tag_skips_is_no_pass(scenes: Stage, project: Project) -> None:
    """`@skip` on what failed: exit code 10, and the scenario is counted."""
    feature = project.root / FEATURE
    feature.write_text(feature.read_text(encoding="utf-8").replace("@PL-P95", "@PL-P95 @skip"), encoding="utf-8")
    finished = _replay(project, scenes["slow"].run)
    assert finished.code == 10, finished.said
    assert "3 scenarios · no decision" in finished.out
    assert "2 passed, 1 skipped" in finished.out


def test_what_a_filter_of_the_run_left_out_is_called_that(scenes: Stage, project: Project) -> None:
    """It was not renamed, and the command without the filter is named."""
    finished = project.do("features", "--evidence", scenes["only"].run, module="pytest")
    assert "the filter `--only PL-P95` of the recorded run left out this scenario" in finished.out
    assert "written or renamed after the run" not in finished.out


def test_a_replay_without_a_path_finds_the_scenarios_all_the_same(scenes: Stage, project: Project) -> None:
    """Another root directory is then taken by pytest; scenarios are known by their place in the project."""
    finished = project.do("--evidence", scenes["go"].run, module="pytest")
    assert finished.code == 0, finished.said
    assert "3 scenarios" in finished.out


def test_a_replay_may_be_distributed(scenes: Stage, project: Project) -> None:
    """Under xdist the exit code is that of the outcomes that the workers send: 1 of a NO-GO, 10 of an INCONCLUSIVE."""
    assert _replay(project, scenes["slow"].run, "-n", "1").code == 1
    finished = _replay(project, scenes["too short"].run, "-n", "1")
    assert finished.code == 10, finished.said
    assert "3 inconclusive" in finished.out


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("Scenario: The entry", "Scenario: Our entry", "the recorded run does not have this scenario"),
        (
            "at least 99 % in the steady state",
            "at least 99 %",
            "the recorded run judged other sentences: this scenario was edited",
        ),
    ],
)
def test_a_scenario_that_the_run_does_not_know_is_not_assessed(
    scenes: Stage, project: Project, old: str, new: str, why: str
) -> None:
    """It was renamed or edited since: no verdict is guessed for it; exit code 10."""
    project.edit(FEATURE, old, new)
    finished = _replay(project, scenes["go"].run)
    assert finished.code == 10, finished.said
    assert "1 not assessed" in finished.out
    assert why in finished.out


def test_a_replay_of_damaged_evidence_is_inconclusive(scenes: Stage, project: Project) -> None:
    """Exit code 10, the file named, no traceback."""
    run = Path(shutil.copytree(scenes["go"].run, project.root / "run"))
    (run / "load/browse/samples-1.parquet").unlink()
    finished = _replay(project, run)
    assert finished.code == 10, finished.said
    assert "load/browse/samples-1.parquet" in finished.said
    assert "Traceback" not in finished.said


def test_a_broken_experiment_that_no_scenario_uses_stops_no_replay(scenes: Stage, project: Project) -> None:
    """It is named in one message; the verdicts are those of the run."""
    project.edit("pyproject.toml", "loadtests =", 'experiments = ["experiments"]\nloadtests =')
    (project.root / "experiments").mkdir()
    (project.root / "experiments/other.yaml").write_text("title: mine\nmethod: [\n", encoding="utf-8")
    finished = _replay(project, scenes["go"].run)
    assert (finished.code, "3 passed" in finished.out) == (0, True), finished.said
    assert finished.said.count("other.yaml:3: the text is not plain YAML") == 1
    assert "Traceback" not in finished.said


def test_a_failed_test_of_the_projects_own_is_told_from_a_run_without_a_verdict(
    scenes: Stage, project: Project
) -> None:
    """INCONCLUSIVE scenarios and a failed unit test: exit code 1, and the summary says whose it is."""
    (project.root / "features/test_own.py").write_text("def test_own():\n    assert False\n", encoding="utf-8")
    finished = project.do("features", "--evidence", scenes["too short"].run, module="pytest")
    assert finished.code == 1, finished.said
    assert (
        "1 of the project's own tests or steps failed, which are not verdicts: features/test_own.py::test_own (exit code 1)"
        in finished.out
    )


def test_a_replay_of_nothing_is_refused(project: Project) -> None:
    """Exit code 4 before anything is collected."""
    finished = _replay(project, Path("/nowhere"))
    assert finished.code == 4
    hint = "list the runs with `readiness history`, or start a run with `readiness run`"
    assert finished.err == f"ERROR: /nowhere: the run does not exist\n  hint: {hint}\n\n"
