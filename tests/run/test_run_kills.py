"""Runs that are ended at random moments leave service, processes and temporary files as they were. `scripts/kills` tries many."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from harness import clock
from tests.plain.kills import left_over, misjudged, outlived, trial, unrecovered
from tests.plain.plain_project import Finished, Project


@pytest.mark.slow
@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_run_that_is_ended_at_a_random_moment_leaves_nothing_behind(tmp_path: Path, number: int) -> None:
    """Recovered and judged afterwards: never GO, never a traceback."""
    killed = trial(tmp_path / "project", seed=1, number=number)
    assert killed.faults == (), str(killed)


@pytest.mark.parametrize(
    ("code", "out"), [(0, "INCONCLUSIVE for staging"), (10, "GO for staging · profile plain"), (3, "Traceback (most")]
)
def test_a_cut_run_that_is_judged_as_no_cut_run_may_be_is_a_fault(tmp_path: Path, code: int, out: str) -> None:
    """Each alone; INCONCLUSIVE with 10 is in order."""
    project = Project(root=tmp_path, name="plain")
    assert list(misjudged(Finished(project=project, code=code, out=out, err="")))
    assert not list(misjudged(Finished(project=project, code=10, out="INCONCLUSIVE for staging", err="")))


def test_a_recovery_that_names_no_undo_is_a_fault(tmp_path: Path) -> None:
    """Neither that none is pending, nor which one."""
    project = Project(root=tmp_path, name="plain")
    said = [Finished(project=project, code=0, out=out, err="") for out in ("", "plain: no undo is pending")]
    assert [bool(list(unrecovered(one))) for one in said] == [True, False]


def test_what_is_left_behind_is_named(tmp_path: Path) -> None:
    """A temporary file, one of a child's, one that was never renamed; a process with the state directory of the run."""
    temporary, root = tmp_path / "temporary", tmp_path / "project"
    for path in (temporary, root / "state" / "scratch", root / "reports"):
        path.mkdir(parents=True)
    assert list(left_over(temporary, root)) == list(outlived(root)) == []
    for path in (temporary / "a", root / "state" / "scratch" / "chaos-b", root / "reports" / "c.partial"):
        path.touch()
    (told,) = left_over(temporary, root)
    assert all(name in told for name in ("/a", "/chaos-b", "/c.partial"))
    with subprocess.Popen(["sleep", "60"], env={**os.environ, "READINESS_STATE": str(root / "state")}) as process:
        try:
            for _ in clock.Deadline.after(10.0).ticks(0.05):  # a process that was just begun has no environment yet
                if named := list(outlived(root, within_s=0.0)):
                    break
            assert [str(process.pid) in one for one in named] == [True]
        finally:
            process.kill()
