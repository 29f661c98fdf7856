"""The shipped samples satisfy every ingested row, and a spoilt sample turns exactly the rows that rest on it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import pytest

from harness.catalogue import load_catalogue
from harness.drivers.facts import FactReading
from harness.drivers.ingest.registry import ENGINES
from harness.drivers.paper import Asked
from harness.errors import HarnessError
from harness.model import Demand, DemandKind, FactAmount, Form
from harness.steps import compile_scenario, read_feature
from harness.targets import Target, load_target
from tests.builders.asked import TODAY

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "examples"
GOOD, BAD, UNKNOWN = "PASS", "FAIL", "INCONCLUSIVE"


@cache
def demands() -> Mapping[str, Demand]:
    """The demand of every ingested row that has a scenario."""
    catalogue, found = load_catalogue(), {}
    for feature in sorted((ROOT / "features").rglob("*.feature")):
        for scenario in read_feature(feature, ROOT):
            rows = [one for one in scenario.requirements if catalogue.requirement(one).form is Form.INGESTED]
            for row in rows:
                objective = compile_scenario(scenario, catalogue, {})[0].objectives[0]
                assert objective.demand == DemandKind.INGEST
                found[row] = Demand(kind=objective.demand, name=objective.check, params=dict(objective.params))
    return found


def facts_of(target: Target, demand: Demand) -> Sequence[FactReading]:
    """What its engine finds, a year after the day of the samples."""
    asked = Asked(
        target=target,
        params=demand.params,
        release=target.release.version,
        commit=target.release.commit,
        today=target.today(TODAY.replace(year=2027)),
        keep=lambda path, _copy=None: path.name,
    )
    return ENGINES[demand.name](asked)


def verdicts(target_file: Path) -> dict[str, str]:
    """What comes out of each row."""
    target, found, errors = load_target(target_file), {}, []
    for row, demand in demands().items():
        try:
            oks = {fact.ok for fact in facts_of(target, demand)}
        except HarnessError as error:
            errors.append(error)
            oks = {None}
        found[row] = BAD if False in oks else UNKNOWN if None in oks or not oks else GOOD
    assert [str(error) for error in errors if not (error.where and error.hint)] == []
    return found


def test_the_samples_satisfy_every_row() -> None:
    """All 59, a year after their day: ages are taken at `as_of`."""
    found = verdicts(EXAMPLES / "paper.yaml")
    assert len(found) == 59
    assert {row: verdict for row, verdict in found.items() if verdict != GOOD} == {}


SPOILT = {
    "nine of ten": ("junit/functional.xml", 'tests="25"', 'tests="26"', {"AT-SUITE-FUNCTIONAL": UNKNOWN}),
    "a test that failed": (
        "junit/e2e.xml",
        "  </testsuite>",
        '<testcase name="late"><failure/></testcase></testsuite>',
        {"ND-PRE-TESTS-E2E": BAD},
    ),
    "an XML bomb": (
        "junit/links.xml",
        "<testsuites",
        '<!DOCTYPE t [<!ENTITY a "aaaaaaaaaa">]><testsuites',
        {"ND-PRE-DOCS": UNKNOWN},
    ),
    "a truncated file": ("junit/browser.xml", "</testsuites>", "", {"AT-RISK-BROWSER": UNKNOWN}),
    "from the future": (
        "junit/features.xml",
        "2026-11-18T10",
        "2027-02-18T10",
        {"AT-STG-FUNCTIONAL": UNKNOWN},
    ),
    "a workflow without a test": (
        "junit/workflows.xml",
        "test_playlist_is_shared",
        "test_playlists",
        {"AT-STG-INTEGRATION": BAD, "IP-QA-E2E": BAD},
    ),
    "a name twice": (
        "junit/stability.xml",
        "test_full_queue",
        "test_restart",
        {"AT-SUITE-STABILITY": UNKNOWN},
    ),
    "a severe finding": (
        "sarif/security.sarif",
        '"accepted"',
        '"rejected"',
        {"ND-PRE-SCAN": BAD, "IP-BP-SCANS": BAD},
    ),
    "a scan of last week": (
        "sarif/security.sarif",
        "2026-11-20T00",
        "2026-11-15T00",
        {"IP-BP-SCANS": UNKNOWN},
    ),
    "SARIF of another version": ("sarif/dynamic.sarif", '"2.1.0"', '"1.0.0"', {"IP-QA-SECURITY": UNKNOWN}),
    "a moderate vulnerability": ("npm-audit.json", '"low": 1', '"low": 0, "moderate ": 1', {"DA-CI-AUDIT": UNKNOWN}),
    "a plan with a change": ("terraform-plan.json", '"no-op"', '"update"', {"DA-AWS-TERRAFORM": BAD}),
    "a job that was skipped": ("workflow-run.json", '"success"', '"skipped"', {"DA-CI-RUN": BAD}),
    "a development dependency": (
        "backend.cdx.json",
        '"name": "pino",',
        '"name": "pino", "scope": "excluded",',
        {"DA-IMG-PRODDEPS": BAD},
    ),
    "NaN": ("figures.csv", "user_adoption,93", "user_adoption,NaN", None),
    "a phase that was late": ("figures.csv", "phase_4_end_week,11", "phase_4_end_week,13", {"ND-PHASE-4-DUE": BAD}),
    "too few users": ("figures.csv", "user_adoption,93", "user_adoption,89", {"ND-BIZ-ADOPTION": BAD}),
    "a decision that was edited": (
        "staging/20261119T093000Z/verdict.json",
        '"decision": "GO"',
        '"decision": "NO-GO"',
        {"ND-CHG-TEST": UNKNOWN, "ND-CHG-ORDER": UNKNOWN, "AT-VEC-PRODUCTION": UNKNOWN, "IP-LIFE-5": UNKNOWN},
    ),
    "an outage in the month": ("availability.json", '"0.9"', '"0"', {"AT-PERF-UPTIME": BAD}),
    "steps out of order": ("../records/tasks.yaml", "2026-11-09", "2026-11-07", {"AT-TASK-ORDER": BAD}),
    "one's own approval": ("../records/merges.yaml", "[dev-2]", "[dev-1]", {"FI-REVIEW-PROC-CODE": BAD}),
    "an audit of the spring": ("../records/audits.yaml", "2026-10-18", "2026-04-18", {"IP-BP-AUDITS": UNKNOWN}),
    "a deployment before the suite": (
        "../records/deployments.yaml",
        "2026-11-19T09:20",
        "2026-11-19T07:20",
        {"AT-NEXT-SECURITY": BAD},
    ),
    "a plan of no target": (
        "terraform-plan.json.origin.yaml",
        "target: paper",
        "release: 1.0.0",
        {"DA-AWS-TERRAFORM": UNKNOWN},
    ),
    "figures of no target": (
        "figures.csv.origin.yaml",
        "target: paper",
        "environment: production",
        dict.fromkeys(
            [
                *(f"FI-BIZ-{what}" for what in ("TTM", "COST", "VALUE", "ADOPTION", "INNOVATION")),
                *(f"FI-ROAD-{number}-DUE" for number in range(1, 5)),
                *(f"ND-PHASE-{number}-DUE" for number in range(1, 6)),
                "ND-BIZ-COST",
            ],
            UNKNOWN,
        ),
    ),
    "43 of 5": ("figures.csv", "satisfaction,4.3", "satisfaction,43", {"AT-MET-SATISFACTION": UNKNOWN}),
    "a suite at the end of the calendar": (
        "junit/security.xml",
        'time="1.90" timestamp="2026-11-19T08:35:00+00:00"',
        'time="60" timestamp="9999-12-31T23:59:59Z"',
        {"AT-SUITE-SECURITY": UNKNOWN, "AT-NEXT-SECURITY": UNKNOWN},
    ),
}


def test_a_spoilt_sample_turns_its_rows_and_no_other(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """Nothing is raised; a figures file that cannot be read turns every row that names it."""
    of_figures = {row: UNKNOWN for row, demand in demands().items() if demand.params["format"] == "figures"}
    for name, (file, old, new, turns) in SPOILT.items():
        with subtests.test(name):
            target_file = spoilt(tmp_path / name, file, (old, new))
            assert {row: verdict for row, verdict in verdicts(target_file).items() if verdict != GOOD} == (
                of_figures if turns is None else turns
            )


def spoilt(directory: Path, file: str, *edits: tuple[str, str]) -> Path:
    """The target file of a copy of the samples, of which one is edited; each text is replaced once."""
    shutil.copytree(EXAMPLES / "paper", directory / "paper")
    shutil.copyfile(EXAMPLES / "paper.yaml", directory / "paper.yaml")
    path = directory / "paper" / "reports" / file
    text = path.read_text(encoding="utf-8")
    for old, new in edits:
        assert old in text
        text = text.replace(old, new, 1)
    path.write_text(text, encoding="utf-8")
    return directory / "paper.yaml"


def test_a_run_that_decided_no_go_fails_its_rows(tmp_path: Path) -> None:
    """Decision, headline, counts and verdicts of it agree: one of its requirements failed."""
    edits = (
        ('"decision": "GO"', '"decision": "NO-GO"'),
        (
            "GO for staging · profile normaldance · 1.0.0 · 2",
            "NO-GO for staging · profile normaldance · 1.0.0 · 1 failed · 1",
        ),
        ('"PASS": 2', '"PASS": 1'),
        ('"FAIL": 0', '"FAIL": 1'),
        ('"verdict": "PASS"', '"verdict": "FAIL"'),
    )
    found = verdicts(spoilt(tmp_path, "staging/20261119T093000Z/verdict.json", *edits))
    turns = {"ND-CHG-TEST": BAD, "ND-CHG-ORDER": UNKNOWN, "AT-VEC-PRODUCTION": BAD, "IP-LIFE-5": BAD}
    assert {row: verdict for row, verdict in found.items() if verdict != GOOD} == turns


AMOUNTS: Mapping[str, tuple[str, FactAmount | None]] = {
    "a test that failed": ("tests that failed", FactAmount(value=1)),
    "a workflow without a test": (
        "names of the register workflows with a test that passed",
        FactAmount(value=0.75, unit="ratio", at_least=True),
    ),
    "a severe finding": ("open findings of severity 7.0 or higher", FactAmount(value=1)),
    "a plan with a change": ("changes that the plan would make", FactAmount(value=1)),
    "a job that was skipped": (
        "jobs that concluded with success",
        FactAmount(value=0.75, unit="ratio", at_least=True),
    ),
    "a development dependency": ("components of scope development", FactAmount(value=1)),
    "too few users": ("user_adoption", FactAmount(value=89, unit="%", at_least=True)),
    "steps out of order": ("1, then 2", None),
    "one's own approval": (
        "merges approved by another than their author",
        FactAmount(value=2 / 3, unit="ratio", at_least=True),
    ),
}


def test_what_a_waiver_has_to_bound_has_an_amount(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """Every fact that is a count or a share; an order of steps has none."""
    for name, (subject, amount) in AMOUNTS.items():
        with subtests.test(name):
            file, old, new, turns = SPOILT[name]
            target = load_target(spoilt(tmp_path / name, file, (old, new)))
            found: dict[str, FactAmount | None] = {}
            for row in turns or ():
                found |= {fact.subject: fact.amount for fact in facts_of(target, demands()[row]) if fact.ok is False}
            assert found[subject] == amount
