"""A plan for the sandbox: what it would be, without starting it."""

from __future__ import annotations

from pathlib import Path

from harness.run.project import find_project
from harness.run.settings import Settings
from harness.run.start.provision import PlannedTarget
from harness.run.statements import statement_directories, statements_of


def test_a_plan_for_the_sandbox_as_staging_reads_the_statements_that_a_run_would(tmp_path: Path) -> None:
    """The samples are there while it is planned, and afterwards are not."""
    (tmp_path / "pyproject.toml").write_text("[tool.harness]\n", encoding="utf-8")
    project = find_project(tmp_path)
    with PlannedTarget(Settings(project=project, stands_for="staging")).target((), ()) as target:
        (directory,) = statement_directories("attestations", project, target)
        said = statements_of(project, target, "1.0.0")
        assert len(said.attestations) == len(list(directory.glob("*.yaml"))) > 0
    assert not directory.exists()
