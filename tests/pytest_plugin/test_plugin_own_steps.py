"""Steps that a project defines for pytest-bdd in a `conftest.py` stand beside the harness's in one feature."""

from __future__ import annotations

import pytest

from tests.plain.plain_project import Finished, Project
from tests.plain.scenes import Stage

FEATURE = "features/plain/kpi.feature"
STEPS = """\
import pytest
from pytest_bdd import given, parsers, then

@given("the shop is open", target_fixture="door")
def door():
    return {"status": 200}

@then(parsers.parse("the door says {status:d}"))
def says(door, status):
    assert door["status"] == status

@then("the shop gives up")
def gives_up():
    pytest.fail("no more")
"""
OWN = """
  Scenario: The door is open
    Given the shop is open
    Then the door says 200
"""


@pytest.fixture
def mixed(project: Project) -> Project:
    """The plain project with steps of its own in its first scenario."""
    (project.root / "conftest.py").write_text(STEPS, encoding="utf-8")
    project.edit(
        FEATURE,
        'answered within 200 ms\n    When "browse" traffic has run\n',
        'answered within 200 ms\n    Given the shop is open\n    When "browse" traffic has run\n',
    )
    project.edit(
        FEATURE, "below 200 ms in the steady state\n", "below 200 ms in the steady state\n    And the door says 200\n"
    )
    return project


def _replay(project: Project, scenes: Stage) -> Finished:
    return project.do(FEATURE, "--evidence", str(scenes["go"].run), module="pytest")


def test_a_verdict_is_told_with_own_steps_around_it(mixed: Project, scenes: Stage) -> None:
    """Three claims and a scenario that claims nothing; the outcome is that of the run, which had none of these steps."""
    mixed.append(FEATURE, OWN)
    finished = _replay(mixed, scenes)
    assert finished.code == scenes["go"].code, finished.said
    assert "collected 4 items" in finished.out
    assert "own tests or steps failed" not in finished.out
    assert "3 scenarios · no decision" in finished.out


def test_an_own_step_that_fails_is_the_projects_failure_and_no_verdict(mixed: Project, scenes: Stage) -> None:
    """Exit code 1, by name, also where the step calls pytest.fail."""
    mixed.edit(FEATURE, "And the door says 200", "And the shop gives up")
    finished = _replay(mixed, scenes)
    assert finished.code == 1, finished.said
    assert "1 of the project's own tests or steps failed, no verdict: features/plain/kpi.feature::" in finished.out
    assert "no more" in finished.out


def test_a_step_that_neither_reads_is_refused(mixed: Project) -> None:
    """With its line, before anything runs."""
    mixed.edit(FEATURE, "And the door says 200", "And the door says two hundred")
    finished = mixed.do("catalogue", "lint")
    assert finished.code == 1, finished.said
    assert "kpi.feature:8: no step reads 'the door says two hundred'" in finished.said


def test_the_plan_and_the_lint_know_own_steps(mixed: Project) -> None:
    """The command reads the conftest.py as pytest does; the scenario's claim is as before."""
    mixed.append(FEATURE, OWN)
    assert mixed.do("catalogue", "lint").code == 0
    planned = mixed.do("plan")
    assert planned.code == 0, planned.said
    assert "PL-P95" in planned.out


def test_own_steps_alone_cannot_claim_a_requirement(mixed: Project) -> None:
    """A tag with an id, and nothing that the harness could judge."""
    mixed.append(FEATURE, OWN.replace("  Scenario:", "  @PL-P95\n  Scenario:"))
    finished = mixed.do("catalogue", "lint")
    assert finished.code == 1, finished.said
    assert "the scenario claims nothing" in finished.said


def test_a_conftest_that_cannot_be_imported_is_named(mixed: Project) -> None:
    """With what it raised, no traceback."""
    (mixed.root / "conftest.py").write_text("import nothing_like_it\n", encoding="utf-8")
    finished = mixed.do("catalogue", "lint")
    assert finished.code == 1, finished.said
    assert "conftest.py: cannot be imported: ModuleNotFoundError: No module named 'nothing_like_it'" in finished.said
    assert "Traceback" not in finished.said
