"""The hook of pre-commit: its entry finds a mistake in a project's files, and pre-commit itself runs it."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from click.testing import CliRunner

from harness.cli import readiness
from harness.drivers.chaos import providers
from tests.ci.ci_runners import ROOT, checkout_at, command_below, paper
from tests.plain.plain_project import Project

HOOKS: Final[list[dict[str, Any]]] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
(HOOK,) = HOOKS
MISTAKE: Final = "features/plain/kpi.feature:6: unknown sentence 'at least 2 tests parsed and none failed'"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project whose files are in order."""
    return paper(tmp_path / "shop", unit="pp", end="pp")


def spoil(project: Project) -> None:
    """One sentence that is not known."""
    project.edit("features/plain/kpi.feature", "2 tests passed", "2 tests parsed")


def called(words: list[object], cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command to its end, both streams as one; it finds only what is installed for it."""
    return subprocess.run(
        list(map(str, words)),
        cwd=cwd,
        env={**{key: value for key, value in os.environ.items() if key != "PYTHONPATH"}, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=900,
    )


def test_the_entry_passes_what_is_in_order_and_refuses_a_mistake(tmp_path: Path, project: Project) -> None:
    """Exit code 0, and 1 with file, line and hint; without names of files, which it finds itself."""
    words, path = shlex.split(HOOK["entry"]), f"{command_below(tmp_path)}:{os.environ['PATH']}"
    assert not HOOK["pass_filenames"]
    fine = called([*words], project.root, PATH=path)
    assert fine.returncode == 0, fine.stdout
    spoil(project)
    wrong = called([*words], project.root, PATH=path)
    assert wrong.returncode == 1
    assert MISTAKE in wrong.stdout


def test_an_extra_that_only_experiments_of_the_package_need_is_no_mistake(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hook installs the tool without extras; an experiment of the project's own that needs one is refused, with the command for it."""
    known = providers.functions_of
    without = lambda module, places=(): None if module.startswith("chaosk8s") else known(module, places)  # noqa: E731
    monkeypatch.setattr("harness.drivers.chaos.activities.functions_of", without)
    monkeypatch.chdir(project.root)
    fine = CliRunner().invoke(readiness, ["catalogue", "lint"], standalone_mode=False)
    assert (fine.return_value, fine.exception) == (0, None), fine.output
    project.edit("pyproject.toml", "loadtests =", 'experiments = ["experiments"]\nloadtests =')
    (project.root / "experiments").mkdir()
    own = (ROOT / "experiments" / "each-pod-loss.yaml").read_text(encoding="utf-8")
    (project.root / "experiments" / "our-loss.yaml").write_text(own, encoding="utf-8")
    wrong = CliRunner().invoke(readiness, ["catalogue", "lint"], standalone_mode=False)
    assert wrong.return_value == 1
    assert (
        "our-loss.yaml:38: method[0].provider.module: the module `chaosk8s.pod.actions` is not installed"
        in wrong.output
    )
    assert "hint: pip install 'readiness-harness[kubernetes]'" in wrong.output


def test_the_hook_runs_where_a_file_of_the_project_changed(subtests: pytest.Subtests) -> None:
    """As pre-commit searches."""
    for file, is_read in [
        ("pyproject.toml", True),
        ("shop/target.yaml", True),
        ("features/plain/kpi.feature", True),
        ("loadtests/browse.py", True),
        ("shop/claims/rooms.py", True),
        ("catalogue/plain.yaml", True),
        ("service.py", False),
        ("README.md", False),
    ]:
        with subtests.test(file):
            assert bool(re.search(HOOK["files"], file)) is is_read


@pytest.mark.slow
def test_pre_commit_runs_the_hook(tmp_path: Path, project: Project) -> None:
    """`pre-commit try-repo` clones a copy of this checkout, installs it, and runs the hook in a repository with the project."""
    git: list[object] = ["git", "-c", "user.name=t", "-c", "user.email=t@example.test", "-c", "init.defaultBranch=main"]
    for directory in (checkout_at(tmp_path / "tool"), project.root):
        for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "all", "--no-verify"]):
            assert called([*git, *words], directory).returncode == 0
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "own"], check=True)
    installed = called([tmp_path / "own/bin/pip", "install", "-q", "pre-commit>=4,<5"], tmp_path)
    assert installed.returncode == 0, installed.stdout
    home = str(tmp_path / "cache")
    command = [
        tmp_path / "own/bin/pre-commit",
        "try-repo",
        tmp_path / "tool",
        HOOK["id"],
        "--all-files",
        "--color=never",
    ]
    fine = called([*command], project.root, PRE_COMMIT_HOME=home)
    assert fine.returncode == 0, fine.stdout
    assert re.search(r"^readiness catalogue lint\.+Passed$", fine.stdout, re.MULTILINE)
    spoil(project)
    wrong = called([*command], project.root, PRE_COMMIT_HOME=home)
    assert wrong.returncode == 1
    assert MISTAKE in wrong.stdout
