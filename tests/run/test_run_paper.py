"""A target of nothing but files is judged as a whole: plan, files, verdicts, decision, without any platform."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from harness.model import DecisionOutcome, Outcome
from harness.pytest_plugin.session import PluginSession
from harness.run.deciding import Decided
from harness.run.project import feature_files, find_project
from harness.run.settings import Settings
from harness.steps import read_feature

ROOT = Path(__file__).parents[2]


def decided(folder: Path, spoil: Callable[[Path], None] = lambda _: None) -> Decided:
    """What comes out of the example with one thing spoilt."""
    shutil.copyfile(ROOT / "examples" / "paper.yaml", folder / "paper.yaml")
    shutil.copytree(ROOT / "examples" / "paper", folder / "paper")
    spoil(folder)
    project = find_project(ROOT)
    settings = Settings(
        project=project, target=folder / "paper.yaml", profiles=("checklist",), release="", out=folder / "runs"
    )
    session = PluginSession(settings)
    session.check()
    scenarios = [one for file in feature_files(project) for one in read_feature(file, ROOT) if session.chosen(one)]
    session.compile(scenarios)
    return session.decide()


def turned(found: Decided) -> Mapping[str, Outcome]:
    """The requirements that did not pass."""
    return {v.requirement: v.outcome for v in found.judgement.verdicts if v.outcome is not Outcome.PASS}


def test_the_example_is_a_go_without_a_platform(tmp_path: Path) -> None:
    """71 rows of documents 000 and 002; the day of the samples is on the decision line, and what was used is kept."""
    found = decided(tmp_path)
    decision = found.judgement.decision
    assert (decision.outcome, turned(found)) == (DecisionOutcome.GO, {})
    assert decision.headline.startswith("GO for production · profile checklist · 1.0.0 · as of 2026-11-20 · 71 passed")
    assert (found.directory.path / "inputs" / "attestations" / "ND-CHG-APPROVAL.yaml").is_file()
    assert [*(found.directory.path / "watch").iterdir()] == []


def test_a_directory_called_latest_costs_no_verdict(tmp_path: Path) -> None:
    """The run has ended and is judged; the directory is as it was."""
    found = decided(tmp_path, lambda folder: (folder / "runs" / "latest").mkdir(parents=True))
    assert found.judgement.decision.outcome is DecisionOutcome.GO
    assert (found.directory.path / "verdict.json").is_file()
    assert [*(tmp_path / "runs" / "latest").iterdir()] == []


def replaced(file: str, old: str, new: str) -> Callable[[Path], None]:
    """One text of a file is another."""

    def spoil(folder: Path) -> None:
        path = folder / "paper" / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    return spoil


def removed(file: str) -> Callable[[Path], None]:
    """The file is gone."""
    return lambda folder: (folder / "paper" / file).unlink()


@pytest.mark.parametrize(
    ("spoil", "turns"),
    [
        (
            replaced("reports/junit/unit.xml", "3f2a1c9d", "aaaa1c9d"),
            {"ND-PRE-TESTS-UNIT": Outcome.INCONCLUSIVE, "ND-PRE-TESTS": Outcome.INCONCLUSIVE},
        ),
        (
            replaced("attestations/AT-OPS-EMERGENCY.yaml", "2027-02-16", "2026-11-19"),
            {"AT-OPS-EMERGENCY": Outcome.INCONCLUSIVE},
        ),
        (
            replaced("attestations/AT-OPS-EMERGENCY.yaml", "release: 1.0.0", "release: 0.9.0"),
            {"AT-OPS-EMERGENCY": Outcome.INCONCLUSIVE},
        ),
        (removed("attestations/AT-RISK-REGISTER.yaml"), {"AT-RISK-REGISTER": Outcome.NOT_ASSESSED}),
        (
            replaced("reports/figures.csv", "user_adoption,93", "user_adoption,89"),
            {"ND-BIZ-ADOPTION": Outcome.FAIL},
        ),
        (
            removed("attestations/ND-REV-MONTHLY-ARCH.yaml"),
            {"ND-REV-MONTHLY-ARCH": Outcome.NOT_ASSESSED, "ND-REV-MONTHLY": Outcome.NOT_ASSESSED},
        ),
    ],
)
def test_what_is_spoilt_turns_its_row_and_what_is_made_of_it(
    tmp_path: Path, spoil: Callable[[Path], None], turns: Mapping[str, Outcome]
) -> None:
    """The decision follows: a FAIL of a row that only records decides nothing, anything else that gates is no GO."""
    assert turned(decided(tmp_path, spoil)) == turns
