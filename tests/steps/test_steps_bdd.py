"""The templates as pytest-bdd steps, in a pytest of their own."""

from __future__ import annotations

import subprocess
from pathlib import Path

from harness.steps import TEMPLATES
from tests.builders.preloaded import command

CONFTEST = """\
import pytest

pytest_plugins = ["harness.steps.bdd"]


class Results:
    def take(self, sentence):
        print(f"took: {sentence}")


@pytest.fixture
def claim_results():
    return Results()
"""


def run(tmp_path: Path, feature: str) -> subprocess.CompletedProcess[str]:
    """Collect and run a feature in a suite that knows nothing of the harness but the steps."""
    (tmp_path / "conftest.py").write_text(CONFTEST, encoding="utf-8")
    (tmp_path / "a.feature").write_text(feature, encoding="utf-8")
    (tmp_path / "test_a.py").write_text(
        "from pytest_bdd import scenarios\n\nscenarios('a.feature')\n", encoding="utf-8"
    )
    options = ("-q", "-s", "-p", "no:cacheprovider", "-p", "no:harness.pytest_plugin")
    return command("pytest", *options, str(tmp_path), cwd=tmp_path)


def test_every_template_is_a_step(tmp_path: Path) -> None:
    """Each example under its keyword; every Then hands its sentence over."""
    lines = [f"    {template.keyword.value.title()} {template.example}" for template in TEMPLATES]
    ran = run(tmp_path, "\n".join(("Feature: all", "  Scenario: every sentence", *lines, "")))
    assert ran.returncode == 0, ran.stdout
    taken = [line.removeprefix("took: ") for line in ran.stdout.splitlines() if line.startswith("took: ")]
    assert taken == [template.example for template in TEMPLATES if template.keyword.value == "then"]


def test_an_unknown_sentence_is_no_step(tmp_path: Path) -> None:
    """There is no catch-all."""
    ran = run(tmp_path, "Feature: none\n  Scenario: none\n    Then all is well\n")
    assert ran.returncode == 1
    assert "StepDefinitionNotFoundError" in ran.stdout
