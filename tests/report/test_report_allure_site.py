"""Allure's own report, made of our results by the package of the lock file. Node comes with the extra `allure`, the package from npm's registry, once."""

from __future__ import annotations

import json
import os
import re
import subprocess
from base64 import b64decode
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from report_builders import go, no_go, nothing, repeated

from harness.cli.run import _allure_report
from harness.errors import ConfigurationError, HarnessError
from harness.evidence import RunDirectory
from harness.model import DecisionOutcome, Outcome
from harness.report import write_reports
from harness.report.allure import npm
from harness.report.allure.npm import SOURCES, cache_directory, find_node, npm_packages
from harness.report.allure.site import HISTORY, earlier_points, write_site
from harness.run.deciding import Decided

if TYPE_CHECKING:
    from harness.model import Evidence, Judgement, Plan

Run = tuple["Plan", "Evidence", "Judgement"]


@pytest.fixture(scope="module")
def _packages() -> None:
    """Where they cannot be had, what needs them is skipped, in words."""
    node = find_node()
    if node is None:
        pytest.skip("the extra `allure` is not installed")
    try:
        npm_packages(node)
    except ConfigurationError as error:
        pytest.skip(str(error))


needs_packages = pytest.mark.usefixtures("_packages")


def named(run: Run, name: str, *, days: int = 0) -> Run:
    """The run under another name, so many days later."""
    plan, evidence, judged = run
    observations = tuple(
        replace(one, wall=(datetime.fromisoformat(one.wall) + timedelta(days=days)).isoformat())
        for one in evidence.observations
    )
    return replace(plan, run=name), replace(evidence, observations=observations), judged


def made(runs: Path, run: Run, *, code: int = 0) -> Path:
    """Its directory, with every report."""
    path = runs / run[0].run
    path.mkdir(parents=True, exist_ok=True)
    write_reports(path, *run)
    write_site(path, *run, exit_code=code)
    return path


def _history(path: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((path / "allure-report" / HISTORY).read_text(encoding="utf-8"))
    return told


def _widget(path: Path, name: str) -> Any:
    """Data of the page, by the name of its file."""
    page = (path / "allure-report" / "index.html").read_text(encoding="utf-8")
    (body,) = re.findall(rf'd\("widgets/{name}\.json","([^"]*)"', page)
    return json.loads(b64decode(body))


def _script(path: Path) -> str:
    page = (path / "allure-report" / "index.html").read_text(encoding="utf-8")
    (code,) = re.findall(r'src="data:text/javascript;base64,([^"]+)"', page)
    return b64decode(code).decode()


@pytest.fixture(scope="module")
def of_a_no_go(_packages: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a NO-GO with its report, which takes a second of a processor and is only looked at."""
    return made(tmp_path_factory.mktemp("no-go"), no_go(), code=1)


@pytest.fixture(scope="module")
def of_a_go(_packages: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same of a GO."""
    return made(tmp_path_factory.mktemp("go"), go())


def test_the_report_is_one_file_that_asks_nobody_for_anything(of_a_no_go: Path) -> None:
    """The package's page calls an analytics service on every view, and cannot be told not to: it is taken out. What is left loads from `data:` only."""
    page = (of_a_no_go / "allure-report" / "index.html").read_text(encoding="utf-8")
    assert "googletagmanager" not in page
    assert "dataLayer" not in page
    assert all(
        source.startswith("data:") for source in re.findall(r"<(?:script|link)[^>]+(?:src|href)=\"([^\"]*)", page)
    )
    assert "NO-GO for sandbox" in page


def test_links_to_the_evidence_can_be_followed(of_a_go: Path) -> None:
    """The package shows an address without a scheme as text: its rule is widened by those that begin with `../`, and by no other."""
    assert _script(of_a_go).count('.startsWith("../")?') >= 1


def test_every_result_is_in_the_report_with_its_status(of_a_no_go: Path) -> None:
    """INCONCLUSIVE is broken and counts against the rate; NOT ASSESSED is skipped; the decision is one more."""
    told = json.loads((of_a_no_go / "allure-report" / "summary.json").read_text(encoding="utf-8"))
    counted = {"total": 24, "failed": 2, "broken": 1, "skipped": 1, "passed": 20}
    assert {key: told["stats"][key] for key in counted} == counted
    assert told["name"].startswith("NO-GO for sandbox")
    assert _widget(of_a_no_go, "globals")["exitCode"] == {
        "original": 1
    }  # the decision's, whatever Allure would make of it


@needs_packages
def test_what_was_there_before_is_gone_and_a_second_one_is_the_same_run(tmp_path: Path) -> None:
    """The package leaves an old page where it is, and counts every call as a run."""
    path = made(tmp_path, go())
    (path / "allure-report" / "stale.html").write_text("GO", encoding="utf-8")
    first = _history(path)
    write_site(path, *go(), exit_code=0)
    assert sorted(file.name for file in (path / "allure-report").iterdir()) == [
        HISTORY,
        "index.html",
        "summary.json",
        "test-results.json",
    ]
    assert _history(path)["point"]["testResults"].keys() == first["point"]["testResults"].keys()
    assert not list(path.glob(".allure-*"))


@needs_packages
def test_a_later_run_shows_the_earlier_ones_and_never_a_later_one(tmp_path: Path) -> None:
    """By the time at which a run ended, whenever its report was made; the one of another target is no history of it."""
    second = made(tmp_path, named(go(), "run-2", days=1))
    other = named(go(), "run-1b")
    made(tmp_path, (replace(other[0], target="elsewhere"), *other[1:]))
    first = made(tmp_path, named(no_go(), "run-1"))
    end_ms = _history(second)["point"]["timestamp"]
    assert [p["uuid"] for p in earlier_points(second, "sandbox", before_ms=end_ms)] == [
        _history(first)["point"]["uuid"]
    ]
    assert earlier_points(first, "sandbox", before_ms=_history(first)["point"]["timestamp"]) == []
    write_site(second, *named(go(), "run-2", days=1), exit_code=0)
    page = (second / "allure-report" / "index.html").read_text(encoding="utf-8")
    uuid = _history(first)["point"]["uuid"]
    assert f"history/{uuid}.json" in page


@needs_packages
def test_a_foreign_directory_beside_the_run_is_no_history(tmp_path: Path) -> None:
    """Neither text nor another form nor a pipe nor a link keeps a report from being made."""
    strange = {
        "text": "no JSON",
        "list": "[]",
        "half": '{"target": "sandbox", "run": "x", "point": {"timestamp": 1, "uuid": "u", "knownTestCaseIds": [], "testResults": {"a": 1}}}',
        "deep": "[" * 100_000,
        "bytes": "\udcff",
    }
    for name, text in strange.items():
        (tmp_path / name / "allure-report").mkdir(parents=True)
        (tmp_path / name / "allure-report" / HISTORY).write_bytes(text.encode("utf-8", "surrogateescape"))
    (tmp_path / "pipe" / "allure-report").mkdir(parents=True)
    os.mkfifo(tmp_path / "pipe" / "allure-report" / HISTORY)
    (tmp_path / "linked" / "allure-report").mkdir(parents=True)
    (tmp_path / "linked" / "allure-report" / HISTORY).symlink_to(tmp_path / "half" / "allure-report" / HISTORY)
    path = made(tmp_path, go())
    assert earlier_points(path, "sandbox", before_ms=2**60) == []


@needs_packages
def test_a_result_that_cannot_be_read_is_an_error_and_the_old_report_stays(tmp_path: Path) -> None:
    """The package mentions it on the terminal, and makes a report without it: a lost row."""
    path = made(tmp_path, go())
    before = (path / "allure-report" / "index.html").read_bytes()
    next((path / "allure-results").glob("*-result.json")).write_text("{", encoding="utf-8")
    with pytest.raises(HarnessError, match="the Allure report could not be made"):
        write_site(path, *go(), exit_code=0)
    assert (path / "allure-report" / "index.html").read_bytes() == before


@needs_packages
def test_the_page_says_the_decision_in_the_words_of_the_harness(tmp_path: Path) -> None:
    """A run of 23 requirements, all of them undecided: not `Failed`, `broken` and a rate, but inconclusive; the decision is not one test more."""
    path = made(tmp_path, nothing(), code=10)
    (decision,) = _widget(path, "quality-gate")["default"]
    assert (decision["rule"], decision["success"]) == ("INCONCLUSIVE", False)
    assert decision["message"].startswith("INCONCLUSIVE for sandbox\nmanifest.json: is gone")
    assert decision["testResultsTree"]["root"]["groups"]
    assert {key: _widget(path, "statistic")[key] for key in ("total", "broken")} == {"total": 23, "broken": 23}
    assert [(one["status"], one["count"]) for one in _widget(path, "pie_chart")["slices"]] == [("broken", 23)]
    script = _script(path)
    assert '"failed":"failed","broken":"inconclusive","skipped":"not assessed"' in script
    assert '?"passed":1===' in script
    assert re.search(r"`\$\{\w\.passed\?\?0\}/\$\{\w\.total\}`", script)
    assert "Success rate: {{rate}}" not in script.partition('"successRate":{')[2]
    assert not {"currentStatus", "successRateDistribution"} & {
        chart["type"] for chart in _widget(path, "charts")["general"].values()
    }


@needs_packages
def test_what_was_not_assessed_prevents_a_go(tmp_path: Path) -> None:
    """It is listed at the decision, though Allure takes `skipped` for harmless."""
    plan, evidence, judged = go()
    first, *others = judged.verdicts
    claims = tuple(replace(claim, outcome=Outcome.NOT_ASSESSED) for claim in first.claims)
    lacking = replace(first, outcome=Outcome.NOT_ASSESSED, claims=claims)
    decision = replace(judged.decision, outcome=DecisionOutcome.INCONCLUSIVE)
    judged = replace(judged, verdicts=(lacking, *others), decision=decision)
    (shown,) = _widget(made(tmp_path, (plan, evidence, judged), code=10), "quality-gate")["default"]
    assert (shown["rule"], shown["success"]) == ("INCONCLUSIVE", False)
    assert [one["status"] for one in shown["testResultsTree"]["leavesById"].values()] == ["skipped"]


def test_a_go_is_a_decision_too(of_a_go: Path) -> None:
    """Green, with nothing that prevents it; all 23 passed."""
    (decision,) = _widget(of_a_go, "quality-gate")["default"]
    assert (decision["rule"], decision["success"], "testResultsTree" in decision) == ("GO", True, False)
    assert {key: _widget(of_a_go, "statistic")[key] for key in ("total", "passed", "new")} == {
        "total": 23,
        "passed": 23,
        "new": 23,
    }


def test_the_timeline_has_every_result_that_took_time(of_a_no_go: Path) -> None:
    """In a row of its own, where no failure lies behind a pass."""
    shown = _widget(of_a_no_go, "timeline")
    assert {one["host"] for one in shown} == {"sandbox"}
    assert len({one["thread"] for one in shown}) == len(shown) >= 16
    assert {"thread": "ND-KPI-P95", "status": "failed"}.items() <= next(
        one for one in shown if one["status"] == "failed"
    ).items()


@needs_packages
@pytest.mark.slow
def test_a_thousand_scenarios_are_a_report_in_seconds(tmp_path: Path) -> None:
    """One file that a browser still opens; where it takes long, a report of fewer profiles is the way."""
    path = made(tmp_path, repeated(no_go(), 1000))
    assert (path / "allure-report" / "index.html").stat().st_size < 40_000_000


def test_no_results_are_no_report(tmp_path: Path) -> None:
    """The package makes an empty, green one."""
    if find_node() is None:
        pytest.skip("the extra `allure` is not installed")
    with pytest.raises(ConfigurationError, match="the run has no Allure results"):
        write_site(tmp_path, *go(), exit_code=0)


def test_without_the_extra_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Node that is on PATH by chance is not used: an old one fails in other ways."""
    monkeypatch.setattr(npm, "find_spec", lambda _: None)
    with pytest.raises(ConfigurationError, match=r"needs Node.js") as error:
        write_site(tmp_path, *go(), exit_code=0)
    assert error.value.hint == "pip install 'readiness-harness[allure]'"


def test_without_a_network_it_says_so_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A registry at which nobody listens, and an empty cache."""
    node = find_node()
    if node is None:
        pytest.skip("the extra `allure` is not installed")
    monkeypatch.setenv("READINESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
    with pytest.raises(ConfigurationError, match="the npm packages of allure could not be installed") as error:
        npm_packages(node)
    assert "READINESS_CACHE" in error.value.hint
    assert list((tmp_path / "cache").iterdir()) == []


def test_what_goes_wrong_with_it_changes_no_decision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """At the end of a run it is words on the terminal: the run's exit code is made before, and by nobody else."""
    if find_node() is None:
        pytest.skip("the extra `allure` is not installed")
    plan, evidence, judged = go()
    decided = Decided(directory=RunDirectory(tmp_path), plan=plan, evidence=evidence, judgement=judged)
    _allure_report(decided, 0)
    assert "no Allure report: " in capsys.readouterr().err
    monkeypatch.setattr(npm, "find_spec", lambda _: None)
    _allure_report(decided, 0)
    assert capsys.readouterr() == ("", "")


def test_the_lock_file_names_no_registry_and_has_every_hash() -> None:
    """Packages come from where npm is set up to look, and are what they were when they were locked."""
    lock = json.loads((SOURCES / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert all("resolved" not in entry and entry["integrity"].startswith("sha512-") for entry in packages.values())
    assert packages["node_modules/allure"]["version"] == lock["packages"][""]["dependencies"]["allure"]
    manifest = json.loads((SOURCES / "package.json").read_text(encoding="utf-8"))
    assert manifest["dependencies"] == lock["packages"][""]["dependencies"]


def test_the_cache_is_where_it_is_looked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Named, else below the user's cache."""
    monkeypatch.setenv("READINESS_CACHE", str(tmp_path))
    assert cache_directory() == tmp_path
    monkeypatch.delenv("READINESS_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_directory() == tmp_path / "readiness"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_directory() == tmp_path / ".cache" / "readiness"


@needs_packages
@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        (r"googletagmanager\.com[^>]*", r"analytics\.example[^>]*", "analytics of Allure's page could not be removed"),
        ('\'"failed":"failed","broken"', '\'"failed":"failing","broken"', "a place in the page's script was not found"),
        ('data("pie_chart").test', 'data("pie").test', "the counts of the page were not found"),
    ],
)
def test_the_program_fails_where_the_page_is_another_one(tmp_path: Path, old: str, new: str, what: str) -> None:
    """A version of the package that is written in another way must not slip through: the same checks, on a copy that does."""
    node = find_node()
    assert node is not None
    program = (SOURCES / "generate.mjs").read_text(encoding="utf-8")
    blunt = program.replace(old, new)
    assert blunt != program
    (tmp_path / "generate.mjs").write_text(blunt, encoding="utf-8")
    path = tmp_path / "run"
    path.mkdir()
    write_reports(path, *go())
    results = path / "allure-results"
    options = {
        "packages": str(npm_packages(node)),
        "results": str(results),
        "output": str(tmp_path / "out"),
        "history": str(tmp_path / "history.jsonl"),
        "name": "x",
        "exitCode": 0,
        "categories": [],
        "expected": len(list(results.glob("*-result.json"))),
        "decision": {"fullName": "harness#readiness", "word": "GO", "go": True, "reasons": "x"},
    }
    (tmp_path / "options.json").write_text(json.dumps(options), encoding="utf-8")
    done = subprocess.run(
        [node.node, tmp_path / "generate.mjs", tmp_path / "options.json"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert what in done.stderr
