"""The pages on reports: every block is read as the page says, and its tables name every format."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.catalogue import load_catalogue
from harness.drivers.ingest.chaos_reports import formats_of_chaos
from harness.drivers.ingest.formats.figures import COLUMNS, outside_figures
from harness.drivers.ingest.formats.records import plain_record
from harness.drivers.ingest.reports import FORMATS
from harness.steps import compile_scenario, read_feature
from harness.steps.grammar import read
from harness.targets import load_target
from tests.builders.pages import pages

PAGE = pages(
    "reports",
    "reports-that-count",
    "reports-of-tests-and-scans",
    "reports-of-plans-and-figures",
    "reports-of-load",
    "records",
)
YAML = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


def block(language: str) -> str:
    """The one block of that language."""
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


def test_the_target_file_is_right_and_names_every_format(tmp_path: Path) -> None:
    """As a target of nothing but files."""
    file = tmp_path / "target.yaml"
    file.write_text(YAML[0], encoding="utf-8")
    evidence = load_target(file).evidence
    assert [name for name in FORMATS if not getattr(evidence, name.replace("-", "_"))] == []


def test_the_scenario_is_read(tmp_path: Path) -> None:
    """And says what its criterion says."""
    file = tmp_path / "pipeline.feature"
    file.write_text(block("gherkin"), encoding="utf-8")
    (scenario,) = read_feature(file, tmp_path)
    claim = compile_scenario(scenario, load_catalogue(), {})[0]
    assert claim.requirement == "ND-PRE-TESTS-UNIT"


def test_the_figures_are_read() -> None:
    """With every column there is."""
    assert block("csv").splitlines()[0].split(",") == list(COLUMNS)
    figures = outside_figures(block("csv").encode(), "figures.csv")
    assert (figures["satisfaction"].value, figures["satisfaction"].unit) == (4.3, "of 5")


@pytest.mark.parametrize(
    ("text", "kind"), list(zip(YAML[2:], ["steps", "deployments", "merges", "audits"], strict=True))
)
def test_the_records_are_read(tmp_path: Path, text: str, kind: str) -> None:
    """Each as what it is."""
    file = tmp_path / "record.yaml"
    file.write_text(text, encoding="utf-8")
    assert getattr(plain_record(file), kind)()


def test_the_file_beside_a_report_is_read(tmp_path: Path) -> None:
    """It says of which release and commit, from where and from when."""
    file = tmp_path / "origin.yaml"
    file.write_text(YAML[1], encoding="utf-8")
    found = plain_record(file).origin
    assert (found.release, found.environment) == ("1.0.0", "staging")
    assert found.made is not None


def test_the_page_on_chaos_reports_is_right(tmp_path: Path) -> None:
    """Its target file names two reports, its sentences are read, and its table has every tool."""
    page = pages("reports-of-chaos")
    (target,), (feature,) = (
        re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL) for language in ("yaml", "gherkin")
    )
    (tmp_path / "target.yaml").write_text(target, encoding="utf-8")
    (tmp_path / "chaos.feature").write_text(feature, encoding="utf-8")
    reports = load_target(tmp_path / "target.yaml").evidence.chaos
    found = [
        [read(step.text) for step in scenario.steps] for scenario in read_feature(tmp_path / "chaos.feature", tmp_path)
    ]
    assert [when.report["report"] for when, _ in found] == [*reports]
    assert [then.objective.check for _, then in found if then.objective] == ["faults-survived", "analyses-passed"]
    assert all(f"| `{tool}` |" in page for tool in formats_of_chaos())
