"""What `readiness` says where the project's target is the sandbox."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli import readiness
from tests.plain.plain_project import Project


def test_a_plan_does_not_need_the_manifests_that_its_checks_read(project: Project) -> None:
    """The sandbox writes them when it starts: until then they are under `undeclared`, and the rest is planned."""
    project.edit("pyproject.toml", '"target.yaml"', '"sandbox"')
    finished = project.do("plan", "--profile", "feature-integration", "--json")
    assert finished.code == 0, finished.said
    unknown = [one for one in json.loads(finished.out)["undeclared"] if "deploy/sandbox" in one]
    assert unknown, finished.out
    assert all("cannot be read: No such file or directory" in one for one in unknown)


@pytest.mark.parametrize("command", ["run", "plan"])
def test_an_unknown_release_of_the_sandbox_is_refused(project: Project, command: str) -> None:
    """Exit code 4, and the releases that there are; no sandbox is started."""
    project.edit("pyproject.toml", '"target.yaml"', '"sandbox"')
    finished = project.do(command, "--release", "slwo")
    text = f"{finished.out}{finished.said}"
    assert finished.code == 4, text
    assert "there is no release 'slwo'\n  hint: did you mean" in text or "use one of 1.0.0, failing" in text
    assert "Traceback" not in text


def test_a_program_that_does_not_run_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A PostgreSQL that is there but ends with an error is named, with what it said, and there is no sandbox."""
    broken = tmp_path / "postgres"
    broken.write_text("#!/bin/sh\necho 'GLIBC_2.38 not found' >&2\nexit 1\n", encoding="utf-8")
    broken.chmod(0o755)
    monkeypatch.setenv("PG_BIN", str(tmp_path))

    done = CliRunner().invoke(readiness, ["doctor", "--json"], standalone_mode=False)

    postgres = next(finding for finding in json.loads(done.output) if finding["part"] == "postgres")
    assert (postgres["ok"], postgres["says"], done.return_value) == (False, "GLIBC_2.38 not found", 1)
    shown = CliRunner().invoke(readiness, ["doctor"], standalone_mode=False).output
    assert "\nmissing postgres      GLIBC_2.38 not found" in shown


def test_this_machine_has_a_sandbox() -> None:
    """These tests run where `readiness-sandbox` is installed."""
    assert CliRunner().invoke(readiness, ["doctor"], standalone_mode=False).return_value == 0


def test_the_sandbox_is_a_command_by_its_entry_point() -> None:
    """`readiness --help` lists it, and its own commands are there."""
    shown = CliRunner().invoke(readiness, ["--help"], standalone_mode=False).output
    assert "\n  sandbox " in shown
    own = CliRunner().invoke(readiness, ["sandbox", "--help"], standalone_mode=False).output
    assert [
        word for word in ("up", "down", "status", "deploy", "logs", "describe", "env") if f"\n  {word} " not in own
    ] == []
