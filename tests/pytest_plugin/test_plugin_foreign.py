"""The plugin is installed on every machine that has the package; in suites that are not ours nothing may change."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.plain.plain_project import Project

CONFTEST = """
import pytest

def pytest_addoption(parser):
    for name in ("--target", "--release", "--profile", "--evidence", "--only", "--seed", "--keep"):
        parser.addoption(name, default="theirs")

@pytest.fixture
def target(request):
    return request.config.getoption("--target")
"""
FEATURE = """
Feature: Somebody else's

  Scenario: A cucumber is eaten
    Given there are 5 cucumbers
    When I eat 3
    Then 2 are left
"""
STEPS = """
from pytest_bdd import given, parsers, scenarios, then, when

scenarios("eating.feature")

@given("there are 5 cucumbers", target_fixture="dish")
def dish():
    return [5]

@when("I eat 3")
def eat(dish):
    dish[0] -= 3

@then("2 are left")
def left(dish, target):
    assert dish == [2] and target == "theirs"
"""


def _suite(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "conftest.py").write_text(CONFTEST, encoding="utf-8")
    (folder / "eating.feature").write_text(FEATURE, encoding="utf-8")
    (folder / "test_eating.py").write_text(STEPS, encoding="utf-8")


def _pytest(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "READINESS_"))}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=folder, env=kept, capture_output=True, text=True, check=False)


def test_a_foreign_suite_with_options_of_our_names_is_left_alone(tmp_path: Path) -> None:
    """Its own --target and its own feature file, bound by pytest-bdd as ever: one test, passed, exit code 0."""
    _suite(tmp_path / "suite")
    done = _pytest(tmp_path / "suite")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "collected 1 item" in done.stdout
    assert "1 passed" in done.stdout
    assert "readiness" not in done.stdout.partition("collected")[2]


def test_a_foreign_suite_keeps_its_exit_codes(tmp_path: Path) -> None:
    """1 for a failed test, 5 for none."""
    _suite(tmp_path / "suite")
    (tmp_path / "suite/test_wrong.py").write_text("def test_wrong():\n    assert False\n", encoding="utf-8")
    assert _pytest(tmp_path / "suite").returncode == 1
    assert _pytest(tmp_path / "suite", "-k", "nothing").returncode == 5


def test_a_foreign_suite_does_not_pay_for_us(tmp_path: Path) -> None:
    """Of the package it loads the plugin's door and what tells whose project it is: no catalogue, no judge, no numpy."""
    folder = tmp_path / "suite"
    folder.mkdir()
    (folder / "test_modules.py").write_text(
        "import sys\n\ndef test_modules():\n"
        "    ours = sorted(name for name in sys.modules if name.split('.')[0] == 'harness')\n"
        "    print(ours)\n"
        "    heavy = {'numpy', 'scipy', 'pyarrow', 'locust', 'gevent', 'kubernetes', 'pydantic'}\n"
        "    assert not heavy & set(sys.modules)\n"
        "    assert len(ours) < 10\n",
        encoding="utf-8",
    )
    done = _pytest(folder)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_project_of_ours_may_have_a_suite_of_its_own(project: Project) -> None:
    """`pytest tests` in a readiness project: its own feature files are pytest-bdd's, and nothing is started."""
    _suite(project.root / "tests")
    (project.root / "tests/conftest.py").write_text(
        "import pytest\n\n@pytest.fixture\ndef target():\n    return 'theirs'\n", encoding="utf-8"
    )
    finished = project.do("tests", module="pytest")
    assert finished.code == 0, finished.said
    assert "1 passed" in finished.out
    assert not project.run_directories()
