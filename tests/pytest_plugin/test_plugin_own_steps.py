"""Steps that a project defines for pytest-bdd in a `conftest.py` stand beside the harness's in one feature."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from harness.errors import ConfigurationError
from harness.steps.own import is_own_step
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
    assert (
        "1 of the project's own tests or steps failed, which are not verdicts: features/plain/kpi.feature::"
        in finished.out
    )
    assert "no more" in finished.out


@pytest.mark.parametrize(
    "binds", ['scenarios("kpi.feature")', '@scenario("kpi.feature", "The door is open")\ndef test_it(): pass']
)
def test_a_test_module_that_binds_a_feature_is_refused_where_it_claims(
    mixed: Project, scenes: Stage, binds: str
) -> None:
    """pytest-bdd does nothing without it; here each verdict would be asked for twice, the second time with a traceback and exit code 1."""
    mixed.append(FEATURE, OWN)
    module = (mixed.root / FEATURE).with_name("test_shop.py")
    module.write_text(f"from pytest_bdd import scenario, scenarios\n\n{binds}\n", encoding="utf-8")
    finished = mixed.do(str(Path(FEATURE).parent), "--evidence", str(scenes["go"].run), module="pytest")
    if "scenarios(" not in binds:
        assert finished.code == scenes["go"].code, finished.said
        return
    assert finished.code == 4, finished.said
    assert (
        finished.said.count("features/plain/test_shop.py: a test module binds kpi.feature, whose scenarios claim") == 1
    )
    assert "hint: delete `scenarios(…)` and `@scenario(…)`: the harness collects these features itself" in finished.said
    assert "Traceback" not in finished.said


def test_a_step_that_neither_reads_is_refused(mixed: Project) -> None:
    """With its line, before anything runs."""
    mixed.edit(FEATURE, "And the door says 200", "And the door says two hundred")
    finished = mixed.do("catalogue", "lint")
    assert finished.code == 1, finished.said
    assert "kpi.feature:8: unknown sentence 'the door says two hundred'" in finished.said


@pytest.mark.parametrize(
    ("file", "settings"),
    [
        ("pytest.ini", "[pytest]\npythonpath = lib src\naddopts = --nonsense\n"),
        ("setup.cfg", "[tool:pytest]\npythonpath = src\n"),
        ("pyproject.toml", '\n[tool.pytest.ini_options]\npythonpath = ["src"]\n'),
    ],
)
def test_steps_import_what_the_settings_of_pytest_let_them(mixed: Project, file: str, settings: str) -> None:
    """As in the project's own suite: the directories of `pythonpath`. No other setting counts."""
    (mixed.root / "src").mkdir()
    (mixed.root / "src" / "shop_client.py").write_text("STATUS = 200\n", encoding="utf-8")
    conftest = mixed.root / "conftest.py"
    conftest.write_text(f"from shop_client import STATUS\n{STEPS.replace('200', 'STATUS')}", encoding="utf-8")
    assert "No module named 'shop_client'" in mixed.do("plan").said
    with (mixed.root / file).open("a", encoding="utf-8") as opened:
        opened.write(settings)
    for command in (["plan"], ["catalogue", "lint"]):
        finished = mixed.do(*command)
        assert finished.code == 0, finished.said


@pytest.mark.parametrize("settings", ["[pytest]\npythonpath = it's\n", "pythonpath = src\n", "[pytest]\n\ud800"])
def test_settings_of_pytest_that_cannot_be_read_end_no_command(mixed: Project, settings: str) -> None:
    """A quote that is not closed, a line of no section, bytes that are no UTF-8: pytest itself reports them."""
    (mixed.root / "pytest.ini").write_bytes(settings.encode(errors="surrogatepass"))
    finished = mixed.do("catalogue", "lint")
    assert finished.code == 0, finished.said


def test_own_steps_alone_cannot_claim_a_requirement(mixed: Project) -> None:
    """A tag with an id, and nothing that the harness could judge."""
    mixed.append(FEATURE, OWN.replace("  Scenario:", "  @PL-P95\n  Scenario:"))
    finished = mixed.do("catalogue", "lint")
    assert finished.code == 1, finished.said
    assert "the scenario has no Then step" in finished.said


def test_a_conftest_that_cannot_be_imported_is_named(mixed: Project) -> None:
    """With what it raised, no traceback."""
    (mixed.root / "conftest.py").write_text("import nothing_like_it\n", encoding="utf-8")
    finished = mixed.do("catalogue", "lint")
    assert finished.code == 1, finished.said
    assert (
        "conftest.py: the file cannot be imported: ModuleNotFoundError: No module named 'nothing_like_it'"
        in finished.said
    )
    assert "Traceback" not in finished.said


@pytest.mark.parametrize(
    ("module", "named", "said"),
    [
        ("", '["nothing_like_it"]', "`nothing_like_it`, which cannot be imported: ModuleNotFoundError: No module"),
        ("import os, pwd, nothing", '"own_steps"', "`own_steps`, which cannot be imported: ModuleNotFoundError: No"),
        ("raise ValueError('no shop')", '["own_steps"]', "`own_steps`, which cannot be imported: ValueError: no shop"),
        ("def broken(:", '("own_steps",)', "`own_steps`, which cannot be imported: SyntaxError: invalid syntax"),
        ("import sys; sys.exit('shut')", '["own_steps"]', "`own_steps`, which cannot be imported: SystemExit: shut"),
        ("import pytest; pytest.importorskip('zz')", '["own_steps"]', "cannot be imported: Skipped: could not import"),
        ("", "7", "`pytest_plugins` is 7, expected names of modules"),
    ],
)
def test_a_module_that_a_conftest_names_and_that_cannot_be_imported_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, named: str, said: str
) -> None:
    """With the conftest.py, what it raised, and what to do."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "conftest.py").write_text(f"pytest_plugins = {named}\n", encoding="utf-8")
    if module:
        (tmp_path / "own_steps.py").write_text(f"{module}\n", encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        is_own_step("given", "the shop is open", tmp_path / "a.feature", tmp_path)
    assert str(caught.value).startswith(f"{tmp_path / 'conftest.py'}: `pytest_plugins` ")
    assert said in caught.value.what
    assert caught.value.hint.startswith(
        "write `pytest_plugins = [" if named == "7" else "correct the module, or name another one; `python -c 'import "
    )


def test_steps_of_a_module_that_a_conftest_names_are_own_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside a plugin that pytest brings, which it finds under another name."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["pytester", "shop_steps"]\n', encoding="utf-8")
    (tmp_path / "shop_steps.py").write_text(STEPS, encoding="utf-8")
    feature = tmp_path / "a.feature"
    assert is_own_step("given", "the shop is open", feature, tmp_path)
    assert not is_own_step("given", "the shop is shut", feature, tmp_path)
    monkeypatch.delitem(sys.modules, "shop_steps")


IN_A_PACKAGE = """\
from __future__ import annotations

from dataclasses import dataclass

from pytest_bdd import given

from .helpers import SENTENCE

@dataclass
class Door:
    status: int

@given(SENTENCE)
def door() -> Door:
    return Door(200)
"""


def test_a_conftest_in_a_package_is_imported_by_its_dotted_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As pytest does: what is imported from beside it is found. One that raises leaves no module behind."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    package = tmp_path / "shop_of_packages/plain"
    package.mkdir(parents=True)
    for folder in (package, package.parent):
        (folder / "__init__.py").touch()
    (package / "helpers.py").write_text('SENTENCE = "the shop is open"\n', encoding="utf-8")
    (package / "conftest.py").write_text("from .helpers import nothing_like_it\n", encoding="utf-8")
    feature = package / "a.feature"
    try:
        with pytest.raises(ConfigurationError, match="cannot import name 'nothing_like_it'"):
            is_own_step("given", "the shop is open", feature, tmp_path)
        assert "shop_of_packages.plain.conftest" not in sys.modules
        (package / "conftest.py").write_text(IN_A_PACKAGE, encoding="utf-8")
        assert is_own_step("given", "the shop is open", feature, tmp_path)
        assert not is_own_step("given", "the shop is shut", feature, tmp_path)
    finally:
        for name in [one for one in sys.modules if one.startswith("shop_of_packages")]:
            monkeypatch.delitem(sys.modules, name)
