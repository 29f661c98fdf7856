"""`junit.xml`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from report_builders import go, no_go, nothing
from report_plan import TITLES

from harness.judgement.measures import because
from harness.model import DecisionOutcome, DecisionReason, Evidence, Outcome, Reason, ReasonKind, Verdict
from harness.report.junit import render_junit
from tests.builders.scenarios import scenario

if TYPE_CHECKING:
    from harness.model import Judgement, Plan


def _suite(run: tuple[Plan, Evidence, Judgement]) -> ET.Element:
    root = ET.fromstring(render_junit(*run))  # noqa: S314 - our own document
    suite = root.find("testsuite")
    assert suite is not None
    return suite


def _properties(element: ET.Element) -> dict[str, str]:
    return {str(p.get("name")): str(p.get("value")) for p in element.findall("properties/property")}


def test_one_case_a_requirement_with_its_verdict_figure_and_limit() -> None:
    """In the order of the catalogue; grouped by document and section, named by id and title."""
    cases = _suite(no_go()).findall("testcase")
    assert [_properties(case)["requirement"] for case in cases] == list(TITLES)
    told = _properties(cases[0])
    assert told.pop("scenario").startswith("features/normaldance/technical-kpis.feature:")
    assert told == {
        "verdict": "FAIL",
        "requirement": "ND-KPI-P95",
        "gate": "critical",
        "gates_here": "yes",
        "figure": "response time p95 read-track",
        "value": "268.4 ms",
        "limit": "below 200 ms",
        "bounds": "260.3 to 276.5 ms",
        "n": "3204 / 59",
    }
    assert (cases[0].get("classname"), cases[0].get("name")) == (
        "000 integration strategy: KPIs",
        "ND-KPI-P95 API response time",
    )


def test_a_requirement_of_two_scenarios_is_one_case() -> None:
    """Both are named, its time is that of both, and its reason is the worse one."""
    given, evidence, judged = no_go()
    first, second = judged.verdicts[0], judged.verdicts[1]
    both = replace(first, claims=(*first.claims, replace(second.claims[0], requirement=first.requirement)))
    suite = _suite((given, evidence, replace(judged, verdicts=(both, *judged.verdicts[1:]))))
    case = suite.findall("testcase")[0]
    assert len([p for p in case.findall("properties/property") if p.get("name") == "scenario"]) == 2
    assert suite.get("tests") == str(len(TITLES))


def test_what_was_waived_passes_and_says_who_accepts_it() -> None:
    """Its verdict is not hidden."""
    given, evidence, judged = no_go()
    why = replace(judged.verdicts[0].because, text="release manager accepts the bound 300 ms")
    waived = replace(judged.verdicts[0], outcome=Outcome.WAIVED, because=why)
    case = _suite((given, evidence, replace(judged, verdicts=(waived, *judged.verdicts[1:])))).findall("testcase")[0]
    assert case.find("failure") is None
    assert _properties(case)["verdict"] == "WAIVED"
    assert case.findtext("system-out") == "release manager accepts the bound 300 ms"


def test_fail_and_inconclusive_are_failures_and_not_assessed_is_skipped() -> None:
    """INCONCLUSIVE says so in its type; nothing of it is green."""
    suite = _suite(no_go())
    failures = {str(f.get("type")): str(f.get("message")) for f in suite.iter("failure")}
    assert set(failures) == {"fail", "inconclusive"}
    assert failures["fail"].startswith("response time p95 of read-track is 268.4 ms")
    assert [str(s.get("message"))[:19] for s in suite.iter("skipped")] == ["it could not fail h"]
    assert {k: suite.get(k) for k in ("tests", "failures", "errors", "skipped")} == {
        "tests": "23",
        "failures": "2",
        "errors": "0",
        "skipped": "1",
    }


@pytest.mark.parametrize(
    ("outcome", "kind", "ends"),
    [
        (DecisionOutcome.GO, ReasonKind.EVIDENCE, []),
        (DecisionOutcome.INCONCLUSIVE, ReasonKind.EVIDENCE, ["error"]),
        (DecisionOutcome.PARTIAL, ReasonKind.HARM, ["error"]),
        (DecisionOutcome.PARTIAL, ReasonKind.FILTERED, ["skipped"]),
    ],
)
def test_a_suite_is_green_for_a_go_alone(outcome: DecisionOutcome, kind: ReasonKind, ends: list[str]) -> None:
    """All requirements passed, and something else keeps the release from GO: a last case has it."""
    given, evidence, judged = go()
    reason = DecisionReason(because=Reason(kind=kind, text="watch/entry.parquet is gone"))
    decision = replace(judged.decision, outcome=outcome, headline="no decision", because=(reason,))
    suite = _suite((given, evidence, replace(judged, decision=decision)))
    last = suite.findall("testcase")[len(TITLES) :]
    assert [(case.get("name"), case[0].tag, case[0].get("message")) for case in last] == [
        ("Readiness verdict", end, "no decision") for end in ends
    ]
    told = {"error": "watch/entry.parquet is gone", "skipped": None}
    assert [case[0].text for case in last] == [told[end] for end in ends]
    counts = {"tests": len(TITLES) + len(ends), "errors": ends.count("error"), "skipped": ends.count("skipped")}
    assert {name: suite.get(name) for name in counts} == {name: str(count) for name, count in counts.items()}


def test_a_failure_carries_every_figure_and_what_to_do_next() -> None:
    """All routes, the bad one and the good ones."""
    text = next(_suite(no_go()).iter("failure")).text or ""
    assert "hint: `readiness why ND-KPI-P95`" in text
    assert [line.partition(":")[0] for line in text.splitlines()[2:]] == ["PASS", "PASS", "FAIL", "PASS"]


def test_the_suite_carries_the_decision() -> None:
    """For tools that read properties."""
    assert _properties(_suite(go()))["decision"] == "GO"
    assert _suite(go()).get("timestamp") == "2026-03-01T14:05:09+00:00"


def test_times_are_those_of_the_evidence() -> None:
    """A KPI's case took as long as its traffic."""
    times = {c.get("name"): c.get("time") for c in _suite(go()).findall("testcase")}
    assert tuple(
        times[name]
        for name in ("ND-KPI-P95 API response time", "DA-DR-FAILOVER automated failover", "ND-KPI-ERRORS error rate")
    ) == (
        "128.000",
        "54.000",
        "128.000",
    )


def test_a_requirement_that_no_scenario_claims_is_not_lost() -> None:
    """It is a skipped case of its own."""
    given, evidence, judged = go()
    unclaimed = Verdict(
        requirement="ND-KPI-P95",
        outcome=Outcome.NOT_ASSESSED,
        because=because(Outcome.NOT_ASSESSED, "no scenario claims it"),
        claims=(),
    )
    suite = _suite((given, evidence, replace(judged, verdicts=(unclaimed, *judged.verdicts[1:]))))
    assert (suite.findall("testcase")[0].get("name"), suite.get("tests"), suite.get("skipped")) == (
        "ND-KPI-P95 API response time",
        "23",
        "1",
    )


def test_arbitrary_text_gives_valid_xml() -> None:
    """Control characters and lone surrogates are stripped, markup is escaped."""
    given, evidence, judged = no_go()
    hostile = "]]></failure>\x00\x0b\x1b[31m\ud800 ä & <b>"
    first = judged.verdicts[0]
    why = because(Outcome.FAIL, hostile, hostile)
    claim = replace(first.claims[0], because=why, scenario=scenario(hostile, file=hostile))
    judged = replace(judged, verdicts=(replace(first, because=why, claims=(claim,)), *judged.verdicts[1:]))
    failure = next(_suite((replace(given, release=hostile), evidence, judged)).iter("failure"))
    assert failure.get("message") == "]]></failure>[31m ä & <b>"


def test_without_evidence_and_twice_the_same_bytes() -> None:
    """Nothing is measured, everything is there; no clock."""
    assert _suite(nothing()).get("failures") == "23"
    assert _suite(nothing()).get("timestamp") is None
    assert render_junit(*no_go()) == render_junit(*no_go())


def test_a_cause_that_several_requirements_have_is_told_once() -> None:
    """Its whole text and hint are in the case of the decision; each of them names it, and tells what else was found of it."""
    given, evidence, judged = no_go()
    why = Reason(kind=ReasonKind.NO_MEANS, text="`prometheus` is missing for ND-KPI-P95", hint="add it")
    other = replace(why, text=why.text.replace("ND-KPI-P95", judged.verdicts[1].requirement))
    open_ = [
        replace(v, outcome=Outcome.INCONCLUSIVE, because=b) for v, b in zip(judged.verdicts, (why, other), strict=False)
    ]
    suite = _suite((given, evidence, replace(judged, verdicts=(*open_, *judged.verdicts[2:]))))
    cases = suite.findall("testcase")
    message = "cause 1 (no-means) of 2 requirements: see the test case `Readiness verdict`"
    assert [f.get("message") for f in suite.iter("failure")][:2] == [message, message]
    assert all("prometheus" not in ET.tostring(case, encoding="unicode") for case in cases[:-1])
    assert cases[-1].get("name") == "Readiness verdict"
    ids = ", ".join(list(TITLES)[:2])
    told = f"cause 1 (no-means), 2 requirements ({ids}): `prometheus` is missing for ID; hint: add it"
    assert (cases[-1].findtext("system-out") or "").splitlines()[0] == told


def test_a_shared_cause_of_a_go_is_no_error() -> None:
    """Rows that gate nothing here wait for one thing: the suite stays green, and the text is in the case of the decision."""
    given, evidence, judged = go()
    why = Reason(kind=ReasonKind.PART, text="waits for the part bus", hint="with it: …")
    open_ = [replace(v, outcome=Outcome.NOT_ASSESSED, because=why) for v in judged.verdicts[:2]]
    suite = _suite((given, evidence, replace(judged, verdicts=(*open_, *judged.verdicts[2:]))))
    assert {k: suite.get(k) for k in ("failures", "errors")} == {"failures": "0", "errors": "0"}
    assert "waits for the part bus" in (suite.findall("testcase")[-1].findtext("system-out") or "")
