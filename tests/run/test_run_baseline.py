"""A run against an earlier one: what is said without a baseline, with one, and with one that is none."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.plain.plain_project import Project, service
from tests.plain.scenes import Stage

ROW = """      - id: PL-FASTER
        title: faster than before
        criterion: the response time p95 of browse traffic is at least 40 % lower than in the baseline run
        kinds: [L]
        gate: major
        falsified_by: 30 % faster only
"""
SCENARIO = """
  @PL-FASTER
  Scenario: Two fifths faster than before
    When "browse" traffic has run
    Then the response time p95 of browse traffic is at least 40 % lower than in the baseline run
"""


def with_row(project: Project) -> Project:
    """The project with a requirement about its baseline."""
    project.append("catalogue/plain.yaml", ROW)
    project.append("features/plain/kpi.feature", SCENARIO)
    return project


@pytest.mark.slow
def test_a_run_is_held_against_the_one_before(tmp_path: Path) -> None:
    """The first run has no baseline: not assessed. The second is much faster, and bears it out from its own files alone."""
    with service("--slow-ms", 150) as entry:
        project = with_row(Project.copy(tmp_path / "project", entry))
        first = project.do("run")
    assert first.code == 10, first.said
    assert first.outcomes()["PL-FASTER"] == "NOT_ASSESSED", first.said
    assert first.reasons()["PL-FASTER"] == "no baseline run was given"
    with service() as faster:
        project.edit("target.yaml", entry, faster)
        second = project.do("run", "--baseline", first.run)
    assert second.outcomes()["PL-FASTER"] == "PASS", second.said
    reason = second.reasons()["PL-FASTER"]
    assert f"in the baseline {first.run.name} with release 1.0.0" in reason
    assert (second.run / "baseline" / "load" / "browse" / "samples-1.parquet").exists()
    manifest = json.loads((second.run / "manifest.json").read_bytes())
    assert "baseline/plan.json" in manifest["files"]

    shutil.rmtree(first.run)
    assert project.do("judge", second.run, "--check").code == 0
    replayed = project.do("features", "--evidence", second.run, "-k", "fifths", module="pytest")
    assert replayed.code == 0, replayed.said


def refused(project: Project, *arguments: object) -> str:
    """What the command says that will not begin; exit code 4."""
    finished = project.do(*arguments)
    assert finished.code == 4, finished.said
    return finished.said


def test_a_baseline_of_another_target_is_refused(scenes: Stage, project: Project) -> None:
    """Before anything runs, by `plan` and by `run`."""
    theirs = scenes["go"].run
    name = scenes["go"].project.name
    expected = f"the run cannot be a baseline for this one: target: {project.name} in this run, {name} in the baseline"
    for command in ("plan", "run"):
        assert expected in refused(with_row(project) if command == "plan" else project, command, "--baseline", theirs)
    assert not project.run_directories()


def test_the_plan_tells_the_baseline(scenes: Stage, project: Project) -> None:
    """Its run, its release, and what it is for."""
    project.edit("target.yaml", project.name, scenes["go"].project.name)
    without = project.do("plan", "--baseline", scenes["go"].run)
    assert without.code == 0, without.said
    assert "release 1.0.0: not used, since no selected scenario compares with a baseline" in without.out
    planned = with_row(project).do("plan", "--baseline", scenes["go"].run)
    assert f"the baseline is {scenes['go'].run.name}, release 1.0.0: for browse traffic" in planned.out
    assert "will not be assessed: PL-FASTER: no baseline run was given" in project.do("plan").out


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        ("load/browse/samples-1.parquet", "load/browse/samples-1.parquet: the file is missing"),
        ("manifest.json", "manifest.json: the file is missing, so the run did not complete"),
    ],
)
def test_a_baseline_that_is_not_whole_is_refused(
    scenes: Stage, project: Project, tmp_path: Path, spoil: str, why: str
) -> None:
    """With the first file that is amiss."""
    copy = Path(shutil.copytree(scenes["go"].run, tmp_path / "copy"))
    (copy / spoil).unlink()
    project.edit("target.yaml", project.name, scenes["go"].project.name)
    assert f"the run cannot be a baseline: {why}" in refused(with_row(project), "plan", "--baseline", copy)


def test_a_baseline_must_be_a_run_and_a_replay_has_its_own(scenes: Stage, project: Project) -> None:
    """No directory; and one beside --evidence."""
    assert "the run does not exist" in refused(project, "plan", "--baseline", "nowhere")
    run = scenes["go"].run
    said = project.do("features", "--evidence", run, "--baseline", run, module="pytest")
    assert said.code == 4
    assert "a stored run has its own baseline, so `--evidence` cannot be combined with `--baseline`" in said.said


DRIFT = """
  @PL-DRIFT
  Scenario: It does not slow down
    When "browse" traffic has run
    Then the response time {} of every route grows by less than 5 ms an hour
"""


@pytest.mark.parametrize(
    ("quantile", "needs", "bears"),
    [("p50", "120 for its time batches", "a slope"), ("p95", "1200 for its time batches", "none: too few")],
)
def test_the_plan_tells_what_a_slope_takes(project: Project, quantile: str, needs: str, bears: str) -> None:
    """240 requests of a route make twenty medians, and not twenty p95."""
    row = ROW.replace("PL-FASTER", "PL-DRIFT").replace(
        "the response time p95 of browse traffic is at least 40 % lower than in the baseline run",
        f"the response time {quantile} of every route grows by less than 5 ms an hour",
    )
    project.append("catalogue/plain.yaml", row)
    project.append("features/plain/kpi.feature", DRIFT.format(quantile))
    lines = project.do("plan", COLUMNS="200").out.splitlines()
    (line,) = [line for line in lines if "PL-DRIFT" in line and "240 on the least used route" in line]
    assert needs in line
    assert bears in line
