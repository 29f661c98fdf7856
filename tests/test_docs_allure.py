"""What the page on the Allure report tells to type is run on a recorded run, and its pictures are there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from harness.cli import readiness
from harness.errors import ConfigurationError
from harness.report.allure.npm import find_node, npm_packages
from tests.builders.core_plan import core_plan
from tests.builders.core_run import core_evidence
from tests.builders.preloaded import ROOT, command
from tests.builders.recorder import sealed

DOCS = Path(__file__).parent.parent / "docs"
PAGE = (DOCS / "allure-report.md").read_text(encoding="utf-8")


def test_the_command_makes_the_report_of_a_recorded_run(tmp_path: Path) -> None:
    """As it is on the page, but for the name of the run."""
    node = find_node()
    if node is None:
        pytest.skip("the extra `allure` is not installed")
    try:
        npm_packages(node)
    except ConfigurationError as error:
        pytest.skip(str(error))
    run = sealed(tmp_path, core_plan(), core_evidence()).path
    lines = re.findall(r"^readiness (report RUN [^#\n]+)", PAGE, re.MULTILINE)
    assert lines
    for line in lines:
        arguments = [str(run) if word == "RUN" else word for word in shlex.split(line)]
        assert readiness.main(arguments, standalone_mode=False) == 0
    assert (run / "allure-report" / "index.html").stat().st_size > 1_000_000


def test_the_command_for_pytest_reports_a_recorded_run(tmp_path: Path) -> None:
    """As it is on the page, but for the names of the run and of the directory; the replay is as inconclusive as the run."""
    run = sealed(tmp_path, core_plan(), core_evidence()).path
    (line,) = re.findall(r"^pytest (.*--evidence RUN[^#\n]+)", PAGE, re.MULTILINE)
    stands_for = {"RUN": str(run), "allure-results": str(tmp_path / "allure-results")}
    words = [stands_for.get(word, word) for word in shlex.split(line)]
    done = command("pytest", *words, "-W", "ignore::pytest.PytestAssertRewriteWarning", cwd=ROOT)
    assert done.returncode == 10, done.stdout + done.stderr
    assert len(list((tmp_path / "allure-results").glob("*-result.json"))) == len(core_plan().claims) + 1


@pytest.mark.parametrize("page", ["allure-report.md", "reading-a-verdict.md", "../README.md"])
def test_its_pictures_are_there(page: str) -> None:
    """Each is a PNG file, made by scripts/screenshots."""
    text = (DOCS / page).read_text(encoding="utf-8")
    pictures = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text)
    assert pictures
    for picture in pictures:
        body = ((DOCS / page).parent / picture).read_bytes()
        assert body.startswith(b"\x89PNG")
