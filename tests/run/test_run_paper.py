"""A target of nothing but files is judged as a whole: plan, files, verdicts, decision, without any platform."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from harness.drivers.facts import FactReading
from harness.drivers.ingest import registry as ingest
from harness.drivers.paper import Asked
from harness.model import Act, DecisionOutcome, Demand, DemandKind, Outcome
from harness.run.acts.paper import IngestDriver, Paper
from harness.run.deciding import Decided
from harness.run.plan.outlook import around_s
from harness.run.project import feature_files, find_project
from harness.run.session import VerificationSession
from harness.run.settings import Settings
from harness.steps import read_feature
from tests.builders.asked import asked
from tests.builders.records import Records

ROOT = Path(__file__).parents[2]
UNSURE = Outcome.INCONCLUSIVE


def decided(folder: Path, spoil: Callable[[Path], None] = lambda _: None) -> Decided:
    """What comes out of the example with one thing spoilt."""
    shutil.copyfile(ROOT / "examples" / "paper.yaml", folder / "paper.yaml")
    shutil.copytree(ROOT / "examples" / "paper", folder / "paper")
    spoil(folder)
    project = find_project(ROOT)
    settings = Settings(
        project=project, target=folder / "paper.yaml", profiles=("checklist",), release="", out=folder / "runs"
    )
    session = VerificationSession(settings)
    session.check()
    is_chosen = session.selection.is_chosen
    scenarios = [one for file in feature_files(project) for one in read_feature(file, ROOT) if is_chosen(one)]
    session.compile(scenarios)
    return session.decide()


def turned(found: Decided) -> Mapping[str, Outcome]:
    """The requirements that did not pass."""
    return {v.requirement: v.outcome for v in found.judgement.verdicts if v.outcome is not Outcome.PASS}


def test_the_example_is_a_go_without_a_platform(tmp_path: Path) -> None:
    """75 rows of documents 000 and 002; the day of the samples is on the decision line, and what was used is kept."""
    found = decided(tmp_path)
    decision = found.judgement.decision
    assert (decision.outcome, turned(found)) == (DecisionOutcome.GO, {})
    assert decision.headline.startswith(
        "GO for paper (production) · profile checklist · 1.0.0 · as of 2026-11-20 · 75 passed"
    )
    assert (found.directory.path / "inputs" / "attestations" / "ND-CHG-APPROVAL.yaml").is_file()
    assert [*(found.directory.path / "watch").iterdir()] == []


def test_a_plan_of_files_has_neither_a_load_nor_reads_of_a_ledger(tmp_path: Path) -> None:
    """It takes as long as its files, and two seconds for the reports."""
    plan = decided(tmp_path).directory.read_plan()
    assert not plan.live
    assert around_s(plan) == (0.0, 2.0)
    assert around_s(replace(plan, live=True)) == (10.0, 16.0)


def test_a_directory_called_latest_costs_no_verdict(tmp_path: Path) -> None:
    """The run has ended and is judged; the directory is as it was."""
    found = decided(tmp_path, lambda folder: (folder / "runs" / "latest").mkdir(parents=True))
    assert found.judgement.decision.outcome is DecisionOutcome.GO
    assert (found.directory.path / "verdict.json").is_file()
    assert [*(tmp_path / "runs" / "latest").iterdir()] == []


def test_the_copy_of_a_terraform_plan_is_redacted(tmp_path: Path) -> None:
    """Its sensitive value is in no file of the run, which is handed on; the file beside it still has the hash of the plan that was read."""
    shutil.copytree(ROOT / "examples" / "paper" / "reports", tmp_path / "reports")
    path, run = tmp_path / "reports" / "terraform-plan.json", tmp_path / "run"
    plan = json.loads(path.read_text(encoding="utf-8"))
    plan["resource_changes"][1]["change"] |= {"after": {"password": "hunter2"}, "after_sensitive": {"password": True}}
    path.write_text(json.dumps(plan), encoding="utf-8")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    path.with_name(f"{path.name}.origin.yaml").write_text(f"sha256: {digest}\n", encoding="utf-8")
    when = 'the Terraform plan "infrastructure" of this target has been read'
    evidence = {"terraform-plan": {"infrastructure": "reports/terraform-plan.json"}}
    name, asks = asked(tmp_path, when, "no change would be made by the plan, younger than 7 d", evidence)
    demand, records = Demand(kind=DemandKind.INGEST, name=name, params=dict(asks.params)), Records()
    place = Paper(cast("Any", SimpleNamespace(demand={demand.key: demand}, release="1.0.0")), asks.target, run)
    IngestDriver().find(Act(name="a", kind="ingest", demand=demand.key, seconds=1.0), place, records)
    files = [file for file in run.rglob("*") if file.is_file()]
    assert sorted(file.name for file in files) == ["0-terraform-plan.json", "1-terraform-plan.json.origin.yaml"]
    assert [file for file in files if b"hunter2" in file.read_bytes()] == []
    [copy] = run.glob("ingested/*/0-terraform-plan.json")
    assert json.loads(copy.read_text(encoding="utf-8"))["readiness"]["sha256_of_the_plan"] == digest
    assert digest in copy.with_name("1-terraform-plan.json.origin.yaml").read_text(encoding="utf-8")


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
    ("spoil", "turns", "rows"),
    [
        (replaced("reports/junit/unit.xml", "3f2a1c9d", "aaaa1c9d"), UNSURE, ["ND-PRE-TESTS-UNIT", "ND-PRE-TESTS"]),
        (replaced("attestations/AT-OPS-EMERGENCY.yaml", "2027-02-16", "2026-11-19"), UNSURE, ["AT-OPS-EMERGENCY"]),
        (removed("attestations/AT-RISK-REGISTER.yaml"), Outcome.NOT_ASSESSED, ["AT-RISK-REGISTER"]),
        (replaced("reports/figures.csv", "user_adoption,93", "user_adoption,89"), Outcome.FAIL, ["ND-BIZ-ADOPTION"]),
        (
            removed("attestations/ND-REV-MONTHLY-ARCH.yaml"),
            Outcome.NOT_ASSESSED,
            ["ND-REV-MONTHLY-ARCH", "ND-REV-MONTHLY"],
        ),
        (replaced("records/deployments.yaml", "began: 2026-11-19", "began: 2027-11-19"), UNSURE, ["AT-NEXT-SECURITY"]),
        (
            removed("reports/sarif/security.sarif.origin.yaml"),
            UNSURE,
            ["ND-REV-MONTHLY-SECURITY", "ND-REV-MONTHLY"],
        ),
        (replaced("reports/figures.csv", "cost,2900", "cost,-2900"), UNSURE, ["ND-BIZ-COST", "ND-PH5-COST"]),
    ],
)
def test_what_is_spoilt_turns_its_row_and_what_is_made_of_it(
    tmp_path: Path, spoil: Callable[[Path], None], turns: Outcome, rows: list[str]
) -> None:
    """The decision follows: a FAIL of a row that only records decides nothing, anything else that gates is no GO."""
    assert turned(decided(tmp_path, spoil)) == dict.fromkeys(rows, turns)


@pytest.mark.parametrize(
    "error",
    [OverflowError("date value out of range"), ValueError("year 10000 is out of range"), KeyError("line-rate")],
)
def test_what_cannot_be_computed_costs_its_row_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """An engine that a number or time of one report makes fail: every other row is judged."""
    figures = ingest.ENGINES["figure-limit"]

    def fail(asked: Asked) -> Sequence[FactReading]:
        if asked.params["figure"] == "monthly_cost":
            raise error
        return figures.read(asked)

    monkeypatch.setattr(ingest, "ENGINES", {**ingest.ENGINES, "figure-limit": replace(figures, read=fail)})
    found = decided(tmp_path)
    assert turned(found) == {"ND-BIZ-COST": Outcome.INCONCLUSIVE, "ND-PH5-COST": Outcome.INCONCLUSIVE}
    (why,) = [v.reason for v in found.judgement.verdicts if v.requirement == "ND-BIZ-COST"]
    assert str(error) in why


def test_a_report_that_is_read_is_kept_however_large_it_is(tmp_path: Path) -> None:
    """A JUnit file may have 128 MiB; this one is filled up with spaces to over 64."""

    def fill(folder: Path) -> None:
        with (folder / "paper" / "reports" / "junit" / "links.xml").open("ab") as file:
            file.write(b" " * (1 << 26))

    found = decided(tmp_path, fill)
    assert found.judgement.decision.outcome is DecisionOutcome.GO
    kept = [path.stat().st_size for path in (found.directory.path / "ingested").glob("*/*-links.xml")]
    assert kept
    assert min(kept) > 1 << 26
