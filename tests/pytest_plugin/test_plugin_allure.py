"""`pytest features --alluredir X`: what allure-pytest writes is what the run wrote, whoever selects, distributes or breaks off its tests."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.judgement.measures import because
from harness.model import NotAssessable, Outcome, ReasonKind
from harness.run.deciding import decide_recorded, write_verdict
from harness.units import NS_PER_S
from tests.builders.core_plan import core_plan
from tests.builders.core_run import core_evidence
from tests.builders.preloaded import ROOT, command
from tests.builders.recorder import sealed
from tests.plain.plain_project import Finished, Project
from tests.plain.scenes import WITH_ALLURE, Stage

FEATURE = "features/plain/kpi.feature"
DECISION = "harness#readiness"
ATTACHES = """
import allure
import pytest
from pytest_bdd import given, then

@pytest.fixture
def door():
    yield "open"
    allure.attach("42", "the door's log")

@given("the shop is open")
def shop(door):
    allure.attach("ring", "the bell")
    print("a bell rings")

@pytest.fixture
def lock():
    yield
    raise OSError("the lock is broken")

@given("the shop was locked")
def locked(lock):
    pass

@then("the shop gives up")
def gives_up():
    pytest.fail("no more")
"""


def _replay(project: Project, run: Path, *arguments: str, **environment: str) -> Finished:
    return project.do(
        FEATURE, "--evidence", str(run), "--alluredir", "allure", *arguments, module="pytest", **environment
    )


def _contents(directory: Path) -> Counter[bytes]:
    """Every file of a directory, without its name: allure-pytest makes names of results at random."""
    return Counter(file.read_bytes() for file in directory.iterdir())


def _results(project: Project) -> dict[str, dict[str, Any]]:
    """By full name; one of each."""
    files = list((project.root / "allure").glob("*-result.json"))
    read = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    found = {result["fullName"]: result for result in read}
    assert len(found) == len(files)
    return found


def _statuses(project: Project) -> dict[str, str]:
    """By requirement, and of the decision and tests of the project's own by full name."""
    found = {}
    for name, result in _results(project).items():
        labels = {one["name"]: one["value"] for one in result["labels"]}
        found[labels.get("requirement", name)] = result["status"]
    return found


@pytest.mark.parametrize("scene", ["go", "slow", "too short", "only"])
@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_a_replay_writes_what_the_run_wrote(
    scenes: Stage, project: Project, scene: str, workers: tuple[str, ...]
) -> None:
    """Byte by byte, every file and none beside: statuses, details, labels, links, parameters, steps, times, ids, attachments and the decision."""
    finished = _replay(project, scenes[scene].run, *workers)
    assert "Traceback" not in finished.said
    assert _contents(project.root / "allure") == _contents(scenes[scene].run / "allure-results")


def test_what_no_test_of_the_session_is_comes_too(tmp_path: Path) -> None:
    """An earlier attempt at an experiment, and a requirement whose scenario lacks a means, which is not a scenario of the run."""
    plan, evidence = core_plan(), core_evidence()
    name = "pod-loss"
    (only,) = evidence.experiments[name]
    began = only.observed_from_ns - NS_PER_S
    sent = replace(
        only.fault, sent_ns=began + 1, confirmed_ns=None, undone_ns=began + 2, gone_ns=None, held=None, hit=()
    )
    earlier = replace(only, observed_from_ns=began, observed_until_ns=only.observed_from_ns, fault=sent)
    tried = {**evidence.experiments, name: (earlier, replace(only, attempt=2))}
    lack = because(Outcome.NOT_ASSESSED, "the target names no database", "name one", kind=ReasonKind.NO_MEANS)
    lacks = plan.claims[0].requirement
    lacking = replace(
        plan,
        claims=tuple(claim for claim in plan.claims if claim.requirement != lacks),
        not_assessable=(NotAssessable(requirement=lacks, because=lack),),
    )
    run = sealed(tmp_path, lacking, replace(evidence, experiments=tried)).path
    write_verdict(decide_recorded(run))
    words = ("features", "--evidence", str(run), "--alluredir", str(tmp_path / "allure"))
    done = command("pytest", *words, "-W", "ignore::pytest.PytestAssertRewriteWarning", cwd=ROOT)
    assert done.returncode == 10, done.stdout + done.stderr
    written = _contents(tmp_path / "allure")
    assert written == _contents(run / "allure-results")
    assert b"".join(written).count(b"attempt 1 at pod-loss: ") == 3


def test_a_live_session_writes_what_its_run_wrote(scenes: Stage) -> None:
    """`pytest features --alluredir allure-results`, as the documentation has it, of a slow release."""
    slow = scenes["slow"]
    directory = slow.project.root / WITH_ALLURE[-1]
    assert _contents(directory) == _contents(slow.run / "allure-results")
    assert b'"status": "failed"' in b"".join(_contents(directory))
    page = (ROOT / "docs" / "allure-report.md").read_text(encoding="utf-8")
    assert f"\npytest {' '.join(WITH_ALLURE)} " in page


def test_a_part_of_a_run_has_no_decision(scenes: Stage, project: Project) -> None:
    """The PASS of one scenario of a NO-GO is no green report: the decision is PARTIAL, broken, without the documents of the run."""
    _replay(project, scenes["slow"].run, "-m", "PL-UPTIME")
    assert _statuses(project) == {"PL-UPTIME": "passed", DECISION: "broken"}
    decision = _results(project)[DECISION]
    assert decision["name"] == "Readiness verdict: PARTIAL"
    assert decision["statusDetails"]["message"].startswith("PARTIAL for ")
    assert " · 1 of 3 scenarios · no decision" in decision["statusDetails"]["message"]
    assert [step["name"].split()[0] for step in decision["steps"]] == ["PL-UPTIME"]
    assert "attachments" not in decision
    assert b"decision = PARTIAL" in (project.root / "allure/environment.properties").read_bytes()


def test_allure_pytest_selects_by_the_labels_of_the_catalogue(scenes: Stage, project: Project) -> None:
    """Two are critical; one has this story."""
    story = next(
        label["value"]
        for file in (scenes["go"].run / "allure-results").glob("*-result.json")
        for label in json.loads(file.read_bytes())["labels"]
        if label["name"] == "story" and label["value"].startswith("PL-UPTIME")
    )
    critical = _replay(project, scenes["go"].run, "--allure-severities", "critical")
    assert "2 passed, 1 deselected" in critical.out
    assert "1 passed, 2 deselected" in _replay(project, scenes["go"].run, "--allure-stories", story).out


def test_a_scenario_that_was_edited_since_is_skipped_and_leaves_no_decision(scenes: Stage, project: Project) -> None:
    """Its sentences are steps that were not judged; the GO of the run is not shown."""
    project.edit(FEATURE, "at least 99 % in the steady state", "at least 99 %")
    _replay(project, scenes["go"].run)
    assert _statuses(project) == {"PL-P95": "passed", "PL-ERRORS": "passed", "PL-UPTIME": "skipped", DECISION: "broken"}
    (edited,) = (result for result in _results(project).values() if result["status"] == "skipped")
    assert edited["statusDetails"]["message"].startswith("the recorded run judged other sentences")
    assert [(step["name"], step["status"]) for step in edited["steps"]] == [
        ('When "browse" traffic has run', "broken"),
        ("Then the uptime of the entry is at least 99 %", "skipped"),
    ]


def test_a_scenario_that_was_written_since_leaves_no_decision(scenes: Stage, project: Project) -> None:
    """All of the run passed, and one more has no verdict: the GO of the run is not shown."""
    kpi = (project.root / FEATURE).read_text(encoding="utf-8")
    project.append(FEATURE, "\n  @PL-UPTIME" + kpi.rpartition("@PL-UPTIME")[2].replace("The entry", "Our entry"))
    _replay(project, scenes["go"].run)
    decision = _results(project)[DECISION]
    assert decision["status"] == "broken"
    assert " · 3 of 3 scenarios, and of 1 that it does not have · no decision" in decision["statusDetails"]["message"]
    assert Counter(result["status"] for result in _results(project).values()) == {
        "passed": 3,
        "skipped": 1,
        "broken": 1,
    }


def test_a_session_that_stops_early_decides_nothing_of_the_rest(scenes: Stage, project: Project) -> None:
    """`-x` of a replay stops at the first FAIL: what was not told is not there, and the decision is PARTIAL."""
    _replay(project, scenes["slow"].run, "-x")
    assert _statuses(project) == {"PL-P95": "failed", DECISION: "broken"}


def test_a_scenario_that_a_tag_skips_keeps_the_worse_of_both(scenes: Stage, project: Project) -> None:
    """A FAIL is not hidden by `@skip`, and a PASS is not shown for a scenario that was skipped."""
    for tag in ("@PL-P95", "@PL-UPTIME"):
        project.edit(FEATURE, tag, f"{tag} @skip")
    _replay(project, scenes["slow"].run)
    told = _statuses(project)
    assert (told["PL-P95"], told["PL-UPTIME"]) == ("failed", "skipped")


def test_what_the_projects_own_steps_add_is_kept(scenes: Stage, project: Project) -> None:
    """Attachments and captured output stay, of fixtures too; a failure of an own step is a failure, with its reason and the verdict."""
    (project.root / "conftest.py").write_text(ATTACHES, encoding="utf-8")
    project.edit(FEATURE, '200 ms\n    When "browse"', '200 ms\n    Given the shop is open\n    When "browse"')
    project.edit(FEATURE, "99 % in the steady state\n", "99 % in the steady state\n    And the shop gives up\n")
    project.edit(
        FEATURE, 'requests fail\n    When "browse"', 'requests fail\n    Given the shop was locked\n    When "browse"'
    )
    _replay(project, scenes["go"].run)
    p95, uptime, errors = (
        next(result for result in _results(project).values() if result["name"].startswith(name))
        for name in ("PL-P95", "PL-UPTIME", "PL-ERRORS")
    )
    assert [one["name"] for one in p95["attachments"]] == ["the bell", "stdout"]
    assert p95["status"] == "passed"
    assert uptime["status"] == "failed"
    assert uptime["statusDetails"]["message"].startswith("Failed: no more")
    assert "this is not a verdict; the verdict of the run is passed: " in uptime["statusDetails"]["message"]
    assert errors["status"] == "broken"
    assert errors["statusDetails"]["message"].startswith("OSError: the lock is broken")
    containers = [json.loads(file.read_bytes()) for file in (project.root / "allure").glob("*-container.json")]
    assert sorted(one["befores"][0]["name"] for one in containers) == ["door", "lock"]
    (fixtures,) = (one for one in containers if one["befores"][0]["name"] == "door")
    assert fixtures["children"] == [p95["uuid"]]
    attached = [one["name"] for stage in fixtures["afters"] for one in stage.get("attachments", ())]
    assert attached == ["the door's log"]


def test_tests_of_the_projects_own_stay_as_allure_pytest_writes_them(scenes: Stage, project: Project) -> None:
    """With their fixtures."""
    own = "import pytest\n\n@pytest.fixture\ndef shop():\n    return 1\n\ndef test_own(shop):\n    assert shop == 2\n"
    (project.root / "features/test_own.py").write_text(own, encoding="utf-8")
    project.do("features", "--evidence", scenes["go"].run, "--alluredir", "allure", module="pytest")
    assert _statuses(project)["features.test_own#test_own"] == "failed"
    (fixtures,) = (project.root / "allure").glob("*-container.json")
    assert [one["name"] for one in json.loads(fixtures.read_bytes())["befores"]] == ["shop"]


def test_a_worker_that_dies_takes_no_result_of_others_with_it(scenes: Stage, project: Project) -> None:
    """Another one is started by xdist with `--clean-alluredir`, too; the scenario whose worker died is missing, so that nothing is decided."""
    steps = 'import os\nfrom pytest_bdd import given\n\n@given("the power fails")\ndef power():\n    os._exit(3)\n'
    (project.root / "conftest.py").write_text(steps, encoding="utf-8")
    project.edit(
        FEATURE, 'requests fail\n    When "browse"', 'requests fail\n    Given the power fails\n    When "browse"'
    )
    finished = _replay(project, scenes["go"].run, "-n", "1", "--clean-alluredir")
    assert finished.code == 1, finished.said
    assert _statuses(project) == {"PL-P95": "passed", "PL-UPTIME": "passed", DECISION: "broken"}


def test_results_of_earlier_sessions_are_told_of_and_cleaned_on_demand(scenes: Stage, project: Project) -> None:
    """allure-pytest leaves them in the directory; Allure would show an old GO beside a new NO-GO."""
    said = "allure has 4 Allure results of earlier sessions"
    assert said not in _replay(project, scenes["go"].run).out
    again = _replay(project, scenes["slow"].run)
    assert said in again.out
    assert "hint: add --clean-alluredir" in again.out
    assert said not in _replay(project, scenes["slow"].run, "--clean-alluredir").out
    assert _contents(project.root / "allure") == _contents(scenes["slow"].run / "allure-results")


def test_a_refused_run_is_no_empty_report(project: Project) -> None:
    """The target does not answer: one result, broken, that says why, and the same at the top."""
    finished = project.do("features", "--alluredir", "allure", module="pytest")
    assert "refused; nothing was run" in finished.out
    (result,) = _results(project).values()
    assert (result["name"], result["status"]) == ("Readiness verdict: no decision", "broken")
    assert "no answer from http://127.97.0.1:9" in result["statusDetails"]["message"]
    (top,) = (project.root / "allure").glob("*-globals.json")
    assert "no answer from http://127.97.0.1:9" in json.loads(top.read_bytes())["errors"][0]["message"]


def test_damaged_evidence_is_no_empty_report(scenes: Stage, project: Project, tmp_path: Path) -> None:
    """Nothing can be judged: the same."""
    run = tmp_path / "run"
    run.mkdir()
    (run / "plan.json").write_text("{", encoding="utf-8")
    finished = _replay(project, run)
    assert finished.code == 10, finished.said
    (result,) = _results(project).values()
    assert (result["name"], result["status"]) == ("Readiness verdict: no decision", "broken")
    assert "plan.json" in result["statusDetails"]["message"]


def test_without_allure_pytest_the_option_is_unknown_and_all_else_works(scenes: Stage, project: Project) -> None:
    """`-p no:allure_pytest`, as where the extra is not installed."""
    refused = _replay(project, scenes["go"].run, "-p", "no:allure_pytest")
    assert refused.code == 4
    assert "unrecognized arguments: --alluredir" in refused.err
    finished = project.do(FEATURE, "--evidence", scenes["go"].run, "-p", "no:allure_pytest", module="pytest")
    assert finished.code == 0, finished.said


def test_another_plugin_for_the_option_is_refused(scenes: Stage, project: Project) -> None:
    """allure-pytest-bdd would write results of its own, in which a scenario without a verdict is broken."""
    option = 'def pytest_addoption(parser):\n    parser.addoption("--alluredir", dest="allure_report_dir")\n'
    (project.root / "conftest.py").write_text(option, encoding="utf-8")
    finished = _replay(project, scenes["go"].run, "-p", "no:allure_pytest")
    assert finished.code == 4, finished.said
    assert "hint: pip uninstall allure-pytest-bdd, and pip install allure-pytest" in finished.err
