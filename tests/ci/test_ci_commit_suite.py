"""Which tests a commit waits for."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from scripts.suite.choosing import Need, choose
from scripts.suite.records import Ran, in_turn
from tests.builders.commit_suite import ROOT, CommitSuite, nightly


def ran(seconds: Mapping[str, float], seams: Mapping[str, tuple[str, ...]] | None = None) -> dict[str, Ran]:
    """Tests that took so long."""
    there = seams or {}
    return {
        name: Ran(test=name, seconds=took, processor=took, seams=there.get(name, ())) for name, took in seconds.items()
    }


def test_a_file_is_passed_over_only_while_all_its_tests_are_left_out(tmp_path: Path) -> None:
    """A new test in it is collected with the next commit, though nothing was chosen anew."""
    suite = CommitSuite(["tests/test_x.py::test_a"], tmp_path)
    file = tmp_path / "tests" / "test_x.py"
    file.parent.mkdir()
    file.write_text("def test_a(): ...\n", encoding="utf-8")
    assert suite.pytest_ignore_collect(file) is True
    file.write_text("def test_a(): ...\n\n\nasync def test_new(): ...\n", encoding="utf-8")
    assert suite.pytest_ignore_collect(file) is None


def test_functions_and_cases_that_are_left_out_are_not_collected(tmp_path: Path) -> None:
    """Both kinds of lines, asked of pytest itself; a case and a function that are not named stay."""
    (tmp_path / "conftest.py").write_text(
        "from pathlib import Path\n"
        "from tests.builders.commit_suite import CommitSuite\n\n\n"
        "def pytest_configure(config):\n"
        "    lines = ['test_x.py::test_a', 'test_x.py::test_b[2]']\n"
        "    config.pluginmanager.register(CommitSuite(lines, Path(__file__).parent))\n",
        encoding="utf-8",
    )
    (tmp_path / "test_x.py").write_text(
        "import pytest\n\n\ndef test_a(): ...\n\n\n@pytest.mark.parametrize('n', (1, 2))\ndef test_b(n): ...\n",
        encoding="utf-8",
    )
    command = (sys.executable, "-m", "pytest", "-q", "--collect-only", "-p", "no:cacheprovider", "--rootdir", ".")
    done = subprocess.run(
        command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    assert [line for line in done.stdout.splitlines() if "::" in line] == ["test_x.py::test_b[1]"], done.stdout


def test_every_line_names_a_test_that_is_there() -> None:
    """A test that was renamed would join the commit unseen, and its line would stay for ever."""
    texts = {
        name: (ROOT / name).read_text(encoding="utf-8") for name in {line.partition("::")[0] for line in nightly()}
    }
    gone = [
        line
        for line in nightly()
        if f"def {line.partition('::')[2].partition('[')[0]}(" not in texts[line.partition("::")[0]]
    ]
    assert gone == []


@pytest.mark.parametrize(
    ("most", "within", "kept"),
    [
        (9, 99.0, {"f::bug": "always", "f::server": "server", "f::killer": "strength", "f::lines": "strength"}),
        (3, 99.0, {"f::bug": "always", "f::server": "server", "f::killer": "strength"}),
        (9, 7.0, {"f::bug": "always", "f::server": "server", "f::killer": "strength"}),
    ],
)
def test_what_must_be_there_comes_first_then_what_a_second_buys(most: int, within: float, kept: dict[str, str]) -> None:
    """A bug's test and one of each seam are kept at any price; `f::same[2]` offers only what `f::lines` does, and takes longer."""
    tests = ran(
        {"f::bug": 5.0, "f::server": 1.0, "f::killer": 0.5, "f::lines": 1.0, "f::lines[2]": 2.0},
        {"f::server": ("server",), "f::bug": ("server",)},
    )
    needs = {
        "f::killer": Need(lines=0b1, changes=frozenset({"one", "two"})),
        "f::lines": Need(lines=0b1111, changes=frozenset()),
        "f::lines[2]": Need(lines=0b1111, changes=frozenset()),
    }
    assert choose(tests, needs, {"f::bug"}, most=most, within=within).why == kept


def test_a_change_is_tried_with_a_case_of_each_function_first() -> None:
    """The quickest cases, then the others, as many as fit in the time."""
    tests = ran({"f::a[1]": 0.2, "f::a[2]": 0.1, "f::b": 0.3, "f::slow": 40.0, "g::else": 0.1})
    assert list(in_turn(["f::slow", "f::a[1]", "f::a[2]", "f::b"], tests, 30.0)) == ["f::a[2]", "f::b"]
    assert list(in_turn(["f::a[1]", "f::a[2]", "f::b"], tests, 30.0)) == ["f::a[2]", "f::b", "f::a[1]"]
