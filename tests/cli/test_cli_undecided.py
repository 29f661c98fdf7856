"""Exit code 0 means that a GO was decided: what only shows something, or comes from the caller's environment, never gives it."""

from __future__ import annotations

import pytest

from tests.plain.plain_project import Project


@pytest.mark.parametrize("option", ["--collect-only", "--setup-plan", "--setup-only", "--fixtures", "--help"])
def test_an_option_that_only_shows_something_is_wrong_use(project: Project, option: str) -> None:
    """After `--`: exit code 4, a sentence with a hint, and no run."""
    finished = project.do("run", "--", option)
    assert finished.code == 4, finished.said
    assert "nothing was run or judged" in finished.said or "no scenario was judged" in finished.said
    assert "hint: leave out " in finished.said
    assert not project.run_directories()


@pytest.mark.parametrize(
    ("name", "value"),
    [("PYTEST_ADDOPTS", "--bogus"), ("PYTEST_PLUGINS", "no_such_plugin"), ("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")],
)
def test_settings_of_pytest_in_the_environment_do_not_reach_a_session(project: Project, name: str, value: str) -> None:
    """They would end it; here it goes on as if they were not there, and says so."""
    finished = project.do("plan", **{name: value})
    assert finished.code == 0, finished.said
    assert f"the environment variable {name} is ignored\nhint: put arguments for pytest after `--`" in finished.err


def test_collect_only_in_the_environment_does_not_reach_a_run(project: Project) -> None:
    """It was a way to exit code 0 without a run; now the filter after `--` alone decides what is selected."""
    finished = project.do("run", "--", "-k", "nothing_like_it", PYTEST_ADDOPTS="--collect-only")
    assert finished.code == 5, finished.said
    assert "PYTEST_ADDOPTS is ignored" in finished.err


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [(["--collect-only"], {}), (["--setup-plan"], {}), ([], {"PYTEST_ADDOPTS": "--collect-only"})],
)
def test_a_replay_that_judges_nothing_is_no_pass(
    project: Project, arguments: list[str], environment: dict[str, str]
) -> None:
    """Plain pytest, by an argument or by the environment."""
    run = project.root / "run"
    run.mkdir()
    finished = project.do("features", "--evidence", run, *arguments, module="pytest", **environment)
    assert finished.code == 4, finished.said
    assert " only lists them\n  hint: leave out " in finished.said
