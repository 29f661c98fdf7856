"""`allure-results`, held to the shape that Allure's own library writes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from time import process_time
from typing import TYPE_CHECKING, Any

import attr
from allure_commons import model2
from report_builders import decided, first_verdict, go, no_go, nothing, repeated
from report_plan import TITLES, S

from harness.judgement.measures import because
from harness.model import DecisionOutcome, Evidence, Outcome, ReasonKind, Waiver
from harness.report import write_reports
from harness.report.allure.writing import render_allure
from harness.report.junit import render_junit
from harness.report.summary import render_summary

if TYPE_CHECKING:
    from pathlib import Path

    from harness.model import Judgement, Plan

Json = dict[str, Any]


def write(path: Path, plan: Plan, evidence: Evidence, judgement: Judgement) -> None:
    """The files of the format, in a directory."""
    path.mkdir(exist_ok=True)
    for name, body in render_allure(plan, evidence, judgement).items():
        (path / name).write_bytes(body)


def _results(path: Path, run: tuple[Plan, Evidence, Judgement]) -> dict[str, Json]:
    """By full name."""
    write(path, *run)
    read = (json.loads(file.read_text(encoding="utf-8")) for file in path.glob("*-result.json"))
    return {result["fullName"]: result for result in read}


def _labels(result: Json) -> dict[str, str]:
    return {label["name"]: label["value"] for label in result["labels"]}


def _steps(item: Json) -> Iterator[Json]:
    for step in item.get("steps", []):
        yield step
        yield from _steps(step)


def _names(cls: type) -> set[str]:
    return {field.name for field in attr.fields(cls)}


def test_results_have_the_shape_of_allure(tmp_path: Path) -> None:
    """One a scenario and one for the decision; no key that its model does not know; ids unique."""
    results = list(_results(tmp_path / "r", no_go()).values())
    assert len(results) == len(TITLES) + 1
    for result in results:
        assert set(result) <= _names(model2.TestResult)
        assert {key for label in result["labels"] for key in label} <= _names(model2.Label)
        assert set(result["statusDetails"]) <= _names(model2.StatusDetails)
        assert {key for step in _steps(result) for key in step} <= _names(model2.TestStepResult)
        assert {key for item in result.get("attachments", []) for key in item} <= _names(model2.Attachment)
    assert (
        len({result["testCaseId"] for result in results}) == len({result["uuid"] for result in results}) == len(results)
    )


def test_verdicts_become_statuses(tmp_path: Path) -> None:
    """INCONCLUSIVE is broken: a skipped one would vanish from every rate."""
    expected = {
        "features/normaldance/technical-kpis.feature: API response time": "failed",
        "features/normaldance/technical-kpis.feature: error rate": "broken",
        "features/normaldance/network-and-secrets.feature: backend allows only its callers": "skipped",
        "features/normaldance/disaster-recovery.feature: automated failover": "passed",
        "harness#readiness": "failed",
    }
    results = _results(tmp_path / "r", no_go())
    assert {name: results[name]["status"] for name in expected} == expected


def test_a_then_step_has_the_status_of_its_measures_and_shows_them(tmp_path: Path) -> None:
    """Three routes are well, one is not."""
    when, then = _results(tmp_path / "r", no_go())["features/normaldance/technical-kpis.feature: API response time"][
        "steps"
    ]
    assert (when["name"], when["status"]) == ('When "everyday" traffic has run', "passed")
    assert (then["name"], then["status"]) == (
        "Then the response time p95 of every route is below 200 ms in the steady state",
        "failed",
    )
    assert [step["status"] for step in then["steps"]] == ["passed", "passed", "failed", "passed"]
    assert then["steps"][2]["name"] == "response time p95 of read-track: 268.4 ms, expected below 200 ms"


def test_a_when_step_whose_experiment_left_no_record_is_broken(tmp_path: Path) -> None:
    """And its Then step is no pass."""
    steps = _results(tmp_path / "r", nothing())["features/normaldance/disaster-recovery.feature: automated failover"][
        "steps"
    ]
    assert [step["status"] for step in steps] == ["broken", "broken"]


def test_labels_say_where_it_belongs_and_how_much_it_weighs(tmp_path: Path) -> None:
    """Document, section and row as epic, feature and story; suite of its file; severity from the gate; and the verdict itself."""
    labels = _labels(_results(tmp_path / "r", no_go())["features/normaldance/technical-kpis.feature: error rate"])
    expected = {
        "requirement": "ND-KPI-ERRORS",
        "parentSuite": "normaldance",
        "suite": "technical-kpis",
        "epic": "000 integration strategy",
        "feature": "KPIs",
        "story": "ND-KPI-ERRORS error rate",
        "severity": "critical",
        "gate": "critical",
        "verdict": "inconclusive",
    }
    assert {key: labels[key] for key in expected} == expected


def test_the_message_is_the_reason_and_what_to_do_next(tmp_path: Path) -> None:
    """The description holds the figures as a table; parameters hold what was asked for, never a measured value."""
    result = _results(tmp_path / "r", no_go())["features/normaldance/technical-kpis.feature: API response time"]
    reason, _, hint = result["statusDetails"]["message"].partition("\n\nhint: ")
    assert reason.startswith("response time p95 of read-track is 268.4 ms")
    assert hint.startswith("`readiness why ND-KPI-P95`")
    assert "| FAIL    | response time p95 | read-track   | 268.4 ms |" in result["description"]
    assert result["parameters"] == [{"name": "traffic", "value": "everyday"}]


def test_ids_survive_an_edit_above_the_scenario_and_another_run(tmp_path: Path) -> None:
    """The line is no part of them; the run is no part of a test's history."""
    given, evidence, judged = go()
    first = judged.verdicts[0]
    moved = replace(first.claims[0], scenario=replace(first.claims[0].scenario, line=99))
    later = replace(judged, verdicts=(replace(first, claims=(moved,)), *judged.verdicts[1:]))
    name = "features/normaldance/technical-kpis.feature: API response time"
    before = _results(tmp_path / "a", (given, evidence, judged))[name]
    after = _results(tmp_path / "b", (replace(given, run="another"), evidence, later))[name]
    assert before["testCaseId"] == after["testCaseId"] == before["historyId"]
    assert before["uuid"] != after["uuid"]


def test_times_come_from_the_evidence(tmp_path: Path) -> None:
    """The traffic was there from 30 to 158 s of a run that began at 14:05:09 UTC; without a record there are no times."""
    result = _results(tmp_path / "r", go())["features/normaldance/technical-kpis.feature: API response time"]
    began = 1772373909000
    assert (result["start"] - began, result["stop"] - began) == (30_000, 158_000)
    assert "start" not in _results(tmp_path / "r", nothing())["harness#readiness"]


def test_the_decision_carries_the_documents_and_stands_first(tmp_path: Path) -> None:
    """A test of its own, an error at the top unless it is GO, and files that are really there; first by name and by time."""
    results = _results(tmp_path / "r", no_go())
    result = results.pop("harness#readiness")
    assert result["start"] < min(other["start"] for other in results.values())
    assert _labels(result)["epic"] == "00 Readiness" < min(_labels(other)["epic"] for other in results.values())
    assert result["name"] == "Readiness verdict: NO-GO"
    assert _labels(result)["parentSuite"] == "00 Readiness"
    assert [item["name"] for item in result["attachments"]] == ["verdict.json", "summary.md"]
    assert all((tmp_path / "r" / item["source"]).stat().st_size for item in result["attachments"])
    top = json.loads(next((tmp_path / "r").glob("*-globals.json")).read_text(encoding="utf-8"))
    assert top["errors"][0]["message"].startswith("Readiness NO-GO: NO-GO for sandbox")
    assert set(top["errors"][0]) <= _names(model2.GlobalError)
    assert set(top["attachments"][0]) <= _names(model2.GlobalAttachment)


def test_a_go_is_no_error(tmp_path: Path) -> None:
    """And a partial run is broken, not passed."""
    assert _results(tmp_path / "r", go())["harness#readiness"]["status"] == "passed"
    assert json.loads(next((tmp_path / "r").glob("*-globals.json")).read_text(encoding="utf-8")).keys() == {
        "attachments"
    }
    partial = decided(go(), outcome=DecisionOutcome.PARTIAL)
    assert _results(tmp_path / "r", partial)["harness#readiness"]["status"] == "broken"


def test_environment_executor_and_categories_are_there(tmp_path: Path) -> None:
    """What was judged, by whom, and what the statuses mean."""
    given, evidence, judged = no_go()
    write(tmp_path / "r", replace(given, release="a\\b\nc"), evidence, judged)
    lines = (tmp_path / "r/environment.properties").read_text(encoding="utf-8").splitlines()
    assert lines[:4] == ["decision = NO-GO", "release = a\\\\b c", "target = sandbox", "environment = sandbox"]
    assert json.loads((tmp_path / "r/executor.json").read_text(encoding="utf-8"))["buildName"] == given.run
    categories = json.loads((tmp_path / "r/categories.json").read_text(encoding="utf-8"))
    assert [item["matchedStatuses"] for item in categories] == [["failed"], ["broken"], ["skipped"]]


def test_a_requirement_that_no_scenario_claims_is_not_lost(tmp_path: Path) -> None:
    """It is a result of its own."""
    why = because(Outcome.NOT_ASSESSED, "no scenario claims it", "write one")
    unclaimed = first_verdict(go(), outcome=Outcome.NOT_ASSESSED, because=why, claims=())
    result = _results(tmp_path / "r", unclaimed)["requirement ND-KPI-P95"]
    assert (result["status"], result["statusDetails"]["message"]) == (
        "skipped",
        "no scenario claims it\n\nhint: write one",
    )


def test_a_requirement_of_which_a_scenario_lacks_the_means_is_not_shown_as_passed(tmp_path: Path) -> None:
    """The scenario that is left passed; the requirement is a skipped result beside it."""
    why = because(Outcome.NOT_ASSESSED, "the target names no database", "name one")
    results = _results(tmp_path / "r", first_verdict(go(), outcome=Outcome.NOT_ASSESSED, because=why))
    own = [result for result in results.values() if _labels(result).get("requirement") == "ND-KPI-P95"]
    assert sorted(result["status"] for result in own) == ["passed", "skipped"]
    assert results["requirement ND-KPI-P95"]["statusDetails"]["message"].startswith("the target names no database")
    assert _labels(results["requirement ND-KPI-P95"])["suite"] == "partly not assessed here"


def test_all_reports_of_a_run_are_written_and_written_alike(tmp_path: Path) -> None:
    """Twice the same bytes, by hostile names too."""
    given, evidence, judged = no_go()
    given = replace(given, release="\ud800<b>")
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write_reports(tmp_path / name, given, evidence, judged)
    one, two = (
        {p.relative_to(tmp_path / n).as_posix(): p.read_bytes() for p in (tmp_path / n).rglob("*") if p.is_file()}
        for n in ("a", "b")
    )
    assert {"summary.md", "junit.xml", "readiness.html", "allure-results/executor.json"} <= set(one)
    assert one == two


def _of(results: dict[str, Json], requirement: str) -> Json:
    return next(result for result in results.values() if _labels(result).get("requirement") == requirement)


def test_the_owner_and_a_gate_that_does_not_apply_here_are_told(tmp_path: Path) -> None:
    """What is for the record here weighs less, and says so."""
    given, evidence, judged = go()
    first = replace(given.requirements[0], owner="platform team", environments=("staging",))
    given = replace(given, requirements=(first, *given.requirements[1:]))
    labels = _labels(_of(_results(tmp_path / "r", (given, evidence, judged)), "ND-KPI-P95"))
    assert (labels["owner"], labels["gate"]) == ("platform team", "critical, does not gate in sandbox")


def test_a_requirement_without_a_verdict_is_reported_all_the_same(tmp_path: Path) -> None:
    """Planned = reported: the judge lost one, and it is broken, in Allure and in every other report."""
    given, evidence, judged = go()
    lost = (given, evidence, replace(judged, verdicts=judged.verdicts[1:]))
    results = _results(tmp_path / "r", lost)
    assert {_labels(r).get("requirement") for r in results.values()} == {*TITLES, None}
    assert results["requirement ND-KPI-P95"]["status"] == "broken"
    assert results["requirement ND-KPI-P95"]["statusDetails"]["message"].startswith("the judge gave no verdict")
    assert b"the judge gave no verdict" in render_junit(*lost)
    assert b"| INCONCLUSIVE | ND-KPI-P95 " in render_summary(*lost)


def _waived() -> tuple[Plan, Evidence, Judgement]:
    """The slow release, accepted by name and until a day."""
    given, _, judged = no_go()
    waiver = Waiver(
        waives="ND-KPI-P95",
        by="release manager",
        reason="one region is slow until its new machines are there",
        link="https://tracker.example.test/7",
        date="2026-02-27",
        expires="2026-03-31",
        release="slow",
        file="waivers/ND-KPI-P95.yaml",
        bound="300 ms",
    )
    why = judged.verdicts[0].because
    accepted = replace(why, kind=ReasonKind.WAIVED, text="release manager accepts the bound 300 ms")
    _, evidence, waived = first_verdict(no_go(), outcome=Outcome.WAIVED, because=accepted, waiver=waiver)
    return replace(given, waivers=(waiver,)), evidence, waived


def test_what_was_waived_is_marked_and_is_no_failure(tmp_path: Path) -> None:
    """Passed with a mark, a tag, the words of who accepts it, and where that was agreed; its failed figures are shown."""
    result = _of(_results(tmp_path / "r", _waived()), "ND-KPI-P95")
    assert (result["status"], result["name"]) == ("passed", "ND-KPI-P95 API response time (WAIVED)")
    assert result["statusDetails"]["message"].startswith("release manager accepts the bound 300 ms")
    assert {"name": "tag", "value": "WAIVED"} in result["labels"]
    assert {"type": "link", "name": "waiver by release manager", "url": "https://tracker.example.test/7"} in result[
        "links"
    ]
    assert result["steps"][-1]["status"] == "failed"


def test_no_result_is_hidden_from_rates(tmp_path: Path) -> None:
    """Allure leaves `unknown`, `muted` and `known` out of its counts: no result and no step has one of them."""
    for number, run in enumerate((go(), no_go(), nothing(), _waived())):
        for result in _results(tmp_path / str(number), run).values():
            for item in (result, *_steps(result)):
                assert item["status"] in ("passed", "failed", "broken", "skipped")
                assert not {"known", "muted"} & set(item.get("statusDetails", {}))


def _tried_twice() -> tuple[Plan, Evidence, Judgement]:
    """The death of the primary was sent twice: the first time it did not go in."""
    given, evidence, judged = go()
    name = "database-primary-loss"
    (only,) = evidence.experiments[name]
    earlier = replace(only, observed_from_ns=only.observed_from_ns - 30 * S, observed_until_ns=only.observed_from_ns)
    tried = replace(evidence, experiments={**evidence.experiments, name: (earlier, replace(only, attempt=2))})
    (result,) = (one for one in judged.experiments if one.name == name)
    why = "the fault did not go in"
    results = (
        replace(result, verdict=Outcome.INCONCLUSIVE, reason=why),
        replace(result, attempt=2),
        *(one for one in judged.experiments if one.name != name),
    )
    return given, tried, replace(judged, experiments=results)


def test_an_earlier_attempt_is_a_retry_and_the_last_one_counts(tmp_path: Path) -> None:
    """Allure shows the one that began last: the attempts have one test case, and the verdict begins with the last attempt."""
    write(tmp_path / "r", *_tried_twice())
    every = [json.loads(file.read_text(encoding="utf-8")) for file in (tmp_path / "r").glob("*-result.json")]
    attempts = sorted((r for r in every if _labels(r).get("requirement") == "DA-DR-FAILOVER"), key=lambda r: r["start"])
    assert [r["status"] for r in attempts] == ["broken", "passed"]
    assert attempts[0]["statusDetails"]["message"] == "attempt 1 at database-primary-loss: the fault did not go in"
    assert len({(r["testCaseId"], json.dumps(r["parameters"])) for r in attempts}) == 1
    assert len({r["uuid"] for r in every}) == len(every)


def test_without_times_there_are_no_retries(tmp_path: Path) -> None:
    """Allure puts a result without a time before all others: an attempt that failed would hide the verdict, or be hidden."""
    given, evidence, judged = _tried_twice()
    untimed = replace(evidence, observations=())
    write(tmp_path / "r", given, untimed, judged)
    assert len(list((tmp_path / "r").glob("*-result.json"))) == len(TITLES) + 1


def test_every_figure_with_a_limit_is_a_metric_of_its_own(tmp_path: Path) -> None:
    """Allure averages the samples of a key: each is used once. A ratio is in percent; what is better is told."""
    write(tmp_path / "r", *no_go())
    found = json.loads(next((tmp_path / "r").glob("*-perf.json")).read_text(encoding="utf-8"))
    by_key = {metric["key"]: metric for metric in found}
    assert len(by_key) == len(found)
    late = by_key["ND-KPI-P95 response time p95 read-track"]
    assert (late["value"], late["unit"], late["better"]) == (268.4, "ms", "lower")
    uptime = next(metric for key, metric in by_key.items() if key.startswith("ND-KPI-UPTIME"))
    assert (uptime["unit"], uptime["better"]) == ("%", "higher")
    assert 99 < uptime["value"] <= 100


def test_evidence_is_linked_from_the_report_to_the_files_of_the_run(tmp_path: Path) -> None:
    """The row in the page, then the files; relative, and never out of the run's directory."""
    (claim,) = no_go()[2].verdicts[0].claims
    measured = claim.measures[0]
    strange = replace(measured[0], files=("load/a (b).parquet", "/etc/passwd", "../../secret"))
    run = first_verdict(no_go(), claims=(replace(claim, measures=((strange, *measured[1:]),)),))
    links = _of(_results(tmp_path / "r", run), "ND-KPI-P95")["links"]
    found = {link["name"]: link["url"] for link in links}
    assert found["ND-KPI-P95 in the page"] == "../readiness.html#ND-KPI-P95"
    assert found["load/a (b).parquet"] == "../load/a%20%28b%29.parquet"
    assert not [url for url in found.values() if "passwd" in url or "secret" in url]


def test_a_thousand_scenarios_take_five_seconds_at_most(tmp_path: Path) -> None:
    """As many rows as four catalogues and more: all of them written, in the time of a breath."""
    given, evidence, judged = repeated(no_go(), 1000)
    began = process_time()  # of this process alone: what else the machine does is no matter
    write(tmp_path / "r", given, evidence, judged)
    took_s = process_time() - began
    assert len(list((tmp_path / "r").glob("*-result.json"))) == 1001
    assert took_s < 5
