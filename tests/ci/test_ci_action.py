"""The GitHub Action: its shell steps are run as a runner runs them, against the plain service."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.ci.ci_runners import ROOT, SHA, Annotation, Job, checkout_at, command_below, paper
from tests.plain.plain_project import Project, service
from tests.plain.scenes import SHORT

INSTALL: Final = "install the tool"
SETUP: Final = "actions/setup-python@a26af69be951a213d495a4c3e4e4022e16d87065"
UPLOAD: Final = "actions/upload-artifact@ea165f8d65b6e75b540449e92b4886f43607fa02"
ACTION: Final[dict[str, Any]] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
STEPS: Final[list[dict[str, Any]]] = ACTION["runs"]["steps"]


@pytest.fixture
def entry() -> Iterator[str]:
    """The plain service."""
    with service() as address:
        yield address


def job_of(directory: Path, *, installed: bool = True, **reports: str) -> Job:
    """A job whose repository has a project in the directory `shop`, which judges JUnit reports."""
    (directory / "temporary").mkdir()
    paper(directory / "repository" / "shop", **reports)
    return started(directory, installed=installed)


def live_job(directory: Path, entry: str, *, traffic: str = "", installed: bool = True) -> Job:
    """A job whose repository has the plain project in the directory `shop`."""
    (directory / "temporary").mkdir()
    Project.copy(directory / "repository" / "shop", entry, traffic=traffic)
    return started(directory, installed=installed)


def started(directory: Path, *, installed: bool) -> Job:
    """A job with this repository; the command of this checkout is installed there, or nothing."""
    if installed:
        command_below(directory / "temporary" / "readiness")
    state = {"READINESS_STATE": str(directory / "state")}
    return Job(workspace=directory / "repository", temporary=directory / "temporary", environment=state)


def _stand_in(directory: Path, line: str) -> None:
    """A line of shell in the place of the command of a job."""
    there = directory / "temporary" / "readiness" / "bin" / "readiness"
    there.parent.mkdir(parents=True)
    there.write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
    there.chmod(0o755)


def hold_against_the_run(job: Job, outputs: dict[str, str], decision: str, code: int) -> list[Annotation]:
    """Exit code, outputs, page and artifact are those of the run; returns its annotations, each at its scenario."""
    runs, run = job.workspace / "shop" / "reports" / "runs", Path(outputs["run"])
    assert job.code == code, job.log
    assert outputs == {
        "decision": decision,
        "exit-code": str(code),
        "run": str(run),
        "verdict": str(run / "verdict.json"),
    }
    assert (run.parent, run.name.endswith(f"-{SHA}")) == (runs, True)
    assert job.summary == (run / "summary.md").read_text(encoding="utf-8")
    assert list(job.used) == [SETUP, UPLOAD]
    assert job.used[UPLOAD] == {"name": "readiness", "path": f"{runs}/2*", "if-no-files-found": "ignore"}
    rows = json.loads((run / "verdict.json").read_bytes())["requirements"]
    bad = {f"{row['id']} {row['verdict']}" for row in rows if row["verdict"] in ("FAIL", "INCONCLUSIVE")}
    annotations = job.annotations
    assert {one.properties["title"] for one in annotations} == bad
    lines = (job.workspace / "shop/features/plain/kpi.feature").read_text(encoding="utf-8").splitlines()
    for one in annotations:
        at = int(one.properties["line"]) - 1
        assert (one.level, one.properties["file"]) == ("error", "shop/features/plain/kpi.feature")
        assert lines[at].startswith("  Scenario:")
        assert f"@{one.properties['title'].split()[0]}" in lines[at - 1]
    return annotations


def test_a_go_has_no_annotation(tmp_path: Path) -> None:
    """Exit code 0; its page says what was judged."""
    job = job_of(tmp_path, unit="pp", end="pp")
    assert hold_against_the_run(job, job.use(ROOT, skip=(INSTALL,), project="shop"), "GO", 0) == []
    assert job.summary.startswith("# GO for shop (staging)")


def test_a_failure_and_what_is_not_decided_are_shown_at_their_scenarios(tmp_path: Path) -> None:
    """A test that failed, and a report that is not there: NO-GO, exit code 1."""
    job = job_of(tmp_path, unit="pf")
    failed, undecided = hold_against_the_run(job, job.use(ROOT, skip=(INSTALL,), project="shop"), "NO-GO", 1)
    assert failed.message.startswith("unit tests: tests that passed: 1, expected at least 2")
    assert "\nhint: " in failed.message
    assert "no file matches `end.xml`" in undecided.message


@pytest.mark.slow
def test_a_run_against_a_service_that_is_too_short_is_inconclusive(tmp_path: Path, entry: str) -> None:
    """The probes of four seconds prove no uptime of 99 %: exit code 10."""
    job = live_job(tmp_path, entry, traffic=SHORT)
    assert hold_against_the_run(job, job.use(ROOT, skip=(INSTALL,), project="shop"), "INCONCLUSIVE", 10)


def test_a_mistake_in_a_file_is_shown_at_its_line(tmp_path: Path) -> None:
    """Exit code 4, no decision; what a run leaves would still be uploaded."""
    job = job_of(tmp_path)
    target = job.workspace / "shop" / "target.yaml"
    target.write_text(target.read_text(encoding="utf-8").replace("environment: staging", "environment: stage"))
    outputs = job.use(ROOT, skip=(INSTALL,), project="shop")
    assert job.code == 4
    assert outputs == {"decision": "", "exit-code": "4", "run": "", "verdict": ""}
    (one,) = job.annotations
    assert one.properties["file"] == "shop/target.yaml"
    assert one.properties["line"] == "2"
    assert one.message.startswith("environment: `stage` is not one of sandbox, staging, production")
    assert UPLOAD in job.used


def test_a_line_of_the_log_is_no_decision(tmp_path: Path) -> None:
    """As of a page that the target sends, or of a file that a stranger changed."""
    job = job_of(tmp_path, installed=False)
    _stand_in(tmp_path, "echo ::set-output name=decision::GO; exit 4")
    outputs = job.use(ROOT, skip=(INSTALL,), project="shop")
    assert (job.code, outputs["decision"]) == (4, "")


def test_text_of_a_file_begins_no_line_of_the_log(tmp_path: Path) -> None:
    """A key of several lines, of which one is a command of the runner."""
    job = job_of(tmp_path)
    forged = '"x\\n::stop-commands::x": 1\n'
    (job.workspace / "shop" / "target.yaml").write_text(f"name: shop\n{forged}", encoding="utf-8")
    job.use(ROOT, skip=(INSTALL,), project="shop")
    assert "target.yaml:2: x ::stop-commands::x: unknown key" in job.log
    assert [line for line in job.log.splitlines() if line.startswith("::") and not line.startswith("::error ")] == []


def test_sentences_that_are_not_known_are_shown_at_their_lines(tmp_path: Path) -> None:
    """As collection refuses it."""
    job = job_of(tmp_path)
    feature = job.workspace / "shop" / "features" / "plain" / "kpi.feature"
    feature.write_text(feature.read_text(encoding="utf-8").replace("2 tests passed", "2 tests parsed"))
    job.use(ROOT, skip=(INSTALL,), project="shop")
    assert job.code == 4, job.log
    places = [(one.properties["file"], one.properties["line"]) for one in job.annotations]
    assert places == [("shop/features/plain/kpi.feature", "6"), ("shop/features/plain/kpi.feature", "11")]
    assert all(one.message.startswith("unknown sentence 'at least 2 tests parsed") for one in job.annotations)


def test_every_input_reaches_the_command(tmp_path: Path) -> None:
    """Several profiles and patterns one a line; nothing of an input is read as shell, or as another option."""
    job = job_of(tmp_path, installed=False)
    hostile = "$(touch injected)`touch injected`; touch injected"
    _stand_in(tmp_path, 'printf "<%s>\\n" "$@"; exit 7')
    given = {
        "target": hostile,
        "profile": "plain\nother\n",
        "release": "--help",
        "baseline": "x",
        "only": "PL-*\nA",
        "out": "o\nrun=/etc",
        "args": "--seed=3\n--as\nstaging",
    }
    outputs = job.use(ROOT, skip=(INSTALL,), project="shop", **given)
    expected = [
        *("run", f"--target={hostile}", "--profile=plain", "--profile=other", "--release=--help", "--baseline=x"),
        *("--only=PL-*", "--only=A", "--out=o", "--out=run=/etc", "--seed=3", "--as", "staging"),
    ]
    assert job.log.splitlines() == [f"<{word}>" for word in expected]
    assert (job.code, outputs["exit-code"], outputs["run"]) == (7, "7", "")
    assert list(job.workspace.rglob("injected")) == []


def test_extras_that_are_no_names_are_refused(tmp_path: Path) -> None:
    """Before anything is installed, in words."""
    job = job_of(tmp_path)
    job.use(ROOT, project="shop", extras="kubernetes] evil\n::warning::x")
    assert job.code == 4
    (one,) = job.annotations
    assert 'the input extras is "kubernetes? evil???warning??x", expected names with commas' in one.message
    assert [name for name in job.used if name != SETUP] == []


def test_inputs_reach_scripts_as_variables_only() -> None:
    """An expression within `run` would be code; and each input is used."""
    scripts = [step["run"] for step in STEPS if "run" in step]
    assert len(scripts) == 2
    assert [script for script in scripts if "${{" in script] == []
    used = set(re.findall(r"inputs\.([\w-]+)", yaml.safe_dump(STEPS)))
    assert used == {*ACTION["inputs"]}


def test_what_the_action_uses_is_pinned_by_commit() -> None:
    """A tag can be moved."""
    used = [step["uses"] for step in STEPS if "uses" in step]
    assert used == [SETUP, UPLOAD]
    assert [one for one in used if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", one)] == []


def test_every_input_and_output_is_described() -> None:
    """The page of the action shows nothing else."""
    described = [*ACTION["inputs"].values(), *ACTION["outputs"].values()]
    assert [one for one in described if not one["description"].endswith((".", "]"))] == []


@pytest.mark.slow
def test_the_action_installs_itself_and_decides(tmp_path: Path, entry: str) -> None:
    """All steps, with an extra and a file of requirements; the copy is what a runner checks out."""
    action = checkout_at(tmp_path / "action")
    job = live_job(tmp_path, entry, installed=False)
    (job.workspace / "shop" / "requirements.txt").write_text("iniconfig\n", encoding="utf-8")
    outputs = job.use(action, project="shop", extras="dns", requirements="requirements.txt")
    assert (job.code, outputs["decision"]) == (0, "GO"), job.log
    assert job.annotations == []
    assert job.summary.startswith("# GO")
    installed = {path.name for path in (tmp_path / "temporary" / "readiness").glob("lib/python3*/site-packages/*")}
    assert {"harness", "dns", "iniconfig"} <= installed
