"""`junit.xml`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given as examples
from hypothesis import strategies as st
from report_builders import decided, first_verdict, go, no_go, nothing
from report_plan import TITLES

from harness.judgement.measures import because
from harness.model import DecisionOutcome, DecisionReason, Evidence, Outcome, Reason, ReasonKind
from harness.report.junit import render_junit, shares_of
from harness.report.view.moments import Moments
from tests.builders.scenarios import scenario

if TYPE_CHECKING:
    from harness.model import Judgement, Plan

_ENDS = ("failure", "error", "skipped")


def _root(run: tuple[Plan, Evidence, Judgement]) -> ET.Element:
    return ET.fromstring(render_junit(*run))  # noqa: S314 - our own document


def _cases(run: tuple[Plan, Evidence, Judgement]) -> dict[str, ET.Element]:
    """By requirement, and the decision by its name."""
    cases = list(_root(run).iter("testcase"))
    found = {_told(case).get("requirement", str(case.get("name"))): case for case in cases}
    assert len(found) == len(cases)
    return found


def _ms(element: ET.Element) -> int:
    return round(float(str(element.get("time"))) * 1000)


def _told(case: ET.Element) -> dict[str, str]:
    """The lines of its output; of a name that is there twice, the last."""
    lines = (case.findtext("system-out") or "").splitlines()
    return {name: text for name, _, text in (line.partition(": ") for line in lines)}


def test_one_case_a_requirement_with_its_verdict_figure_and_limit() -> None:
    """Grouped by document and section, named by id and title."""
    cases = _cases(no_go())
    assert cases.keys() == TITLES.keys()
    told = _told(cases["ND-KPI-P95"])
    assert told.pop("scenario").startswith("features/normaldance/technical-kpis.feature:")
    assert told == {
        "verdict": "FAIL",
        "requirement": "ND-KPI-P95",
        "gate": "critical",
        "gates here": "yes",
        "figure": "response time p95 read-track",
        "value": "268.4 ms",
        "limit": "below 200 ms",
        "bounds": "260.3 to 276.5 ms",
        "n": "3204 / 59",
        "evidence": "128.000 s",
    }
    assert (cases["ND-KPI-P95"].get("classname"), cases["ND-KPI-P95"].get("name")) == (
        "000 integration strategy: KPIs",
        "ND-KPI-P95 API response time",
    )


def test_a_suite_is_a_feature_file() -> None:
    """By which readers know the file of its cases, which are in the order of the catalogue, as the suites are."""
    root = _root(no_go())
    first = root[0]
    assert first.get("name") == first.get("file") == "features/normaldance/technical-kpis.feature"
    order = [_told(case)["requirement"] for case in first.iter("testcase")]
    assert order == [requirement for requirement in TITLES if requirement in order]
    assert [str(suite.get("name")) for suite in root] == list(dict.fromkeys(str(suite.get("name")) for suite in root))
    assert all(
        _told(case)["scenario"].startswith(f"{suite.get('file')}:") for suite in root for case in suite.iter("testcase")
    )


def test_a_requirement_of_two_scenarios_is_one_case() -> None:
    """Both are named, its time is that of both, and its reason is the worse one."""
    first, second = no_go()[2].verdicts[:2]
    both = (*first.claims, replace(second.claims[0], requirement=first.requirement))
    run = first_verdict(no_go(), claims=both)
    lines = (_cases(run)["ND-KPI-P95"].findtext("system-out") or "").splitlines()
    assert len([line for line in lines if line.startswith("scenario: ")]) == 2
    assert _root(run).get("tests") == str(len(TITLES))


def test_what_was_waived_passes_and_says_who_accepts_it() -> None:
    """Its verdict is not hidden."""
    why = replace(no_go()[2].verdicts[0].because, text="release manager accepts the bound 300 ms")
    case = _cases(first_verdict(no_go(), outcome=Outcome.WAIVED, because=why))["ND-KPI-P95"]
    assert {element.tag for element in case} == {"system-out"}
    assert _told(case)["verdict"] == "WAIVED"
    assert _told(case)["waived"].startswith("release manager accepts the bound 300 ms")


def test_fail_is_a_failure_inconclusive_an_error_and_not_assessed_is_skipped() -> None:
    """Each says so in its type; nothing of it is green, and INCONCLUSIVE is never skipped."""
    root = _root(no_go())
    ends = {tag: [(one.get("type"), str(one.get("message"))[:30]) for one in root.iter(tag)] for tag in _ENDS}
    assert ends == {
        "failure": [("fail", "response time p95 of read-trac")],
        "error": [("inconclusive", "error rate of all routes toget")],
        "skipped": [("not assessed", "it could not fail here: the ne")],
    }
    assert {k: root.get(k) for k in ("tests", "failures", "errors")} == {"tests": "23", "failures": "1", "errors": "1"}
    assert sum(int(str(suite.get("skipped"))) for suite in root) == 1


@pytest.mark.parametrize(
    ("outcome", "kind", "ends"),
    [
        (DecisionOutcome.GO, ReasonKind.EVIDENCE, []),
        (DecisionOutcome.INCONCLUSIVE, ReasonKind.EVIDENCE, ["error"]),
        (DecisionOutcome.PARTIAL, ReasonKind.HARM, ["error"]),
        (DecisionOutcome.PARTIAL, ReasonKind.FILTERED, ["skipped"]),
    ],
)
def test_a_report_is_green_for_a_go_alone(outcome: DecisionOutcome, kind: ReasonKind, ends: list[str]) -> None:
    """All requirements passed, and something else keeps the release from GO: a last case has it."""
    reason = DecisionReason(because=Reason(kind=kind, text="watch/entry.parquet is gone"))
    run = decided(go(), outcome=outcome, headline="no decision", because=(reason,))
    last = [case for name, case in _cases(run).items() if name not in TITLES]
    assert [(case.get("name"), case[0].tag, case[0].get("message")) for case in last] == [
        ("Readiness verdict", end, "no decision") for end in ends
    ]
    assert [case[0].text for case in last] == ["watch/entry.parquet is gone"] * len(ends)
    counts = {"tests": len(TITLES) + len(ends), "errors": ends.count("error")}
    assert {name: _root(run).get(name) for name in counts} == {name: str(count) for name, count in counts.items()}


def test_a_failure_carries_every_figure_and_what_to_do_next() -> None:
    """All routes, the bad one and the good ones, and where the scenario is."""
    text = next(_root(no_go()).iter("failure")).text or ""
    assert "hint: `readiness why ND-KPI-P95`" in text
    assert [line.partition(":")[0] for line in text.splitlines()[2:-1]] == ["PASS", "PASS", "FAIL", "PASS"]
    assert text.splitlines()[-1].startswith("at features/normaldance/technical-kpis.feature:")


def test_every_suite_carries_the_decision() -> None:
    """For tools that read properties, of one suite or of all."""
    for suite in _root(go()):
        properties = {str(p.get("name")): str(p.get("value")) for p in suite.findall("properties/property")}
        assert (properties["decision"], properties["release"], properties["target"]) == ("GO", "1.0.0", "sandbox")
        assert suite.get("timestamp") == "2026-03-01T14:05:09+00:00"


def test_times_add_up_to_the_run() -> None:
    """Cases to their suite, suites to the whole, and the whole to the run, to a millisecond; what was gathered at once is shared."""
    root = _root(go())
    for suite in root:
        assert _ms(suite) == sum(_ms(case) for case in suite.iter("testcase"))
    moments = Moments.of(go()[1])
    assert moments.seconds is not None
    assert _ms(root) == sum(_ms(suite) for suite in root) == round(moments.seconds * 1000)
    kpis = {_ms(_cases(go())[name]) for name in ("ND-KPI-P95", "ND-KPI-ERRORS")}
    assert max(kpis) - min(kpis) <= 1
    assert _told(_cases(go())["ND-KPI-P95"])["evidence"] == "128.000 s"
    assert _told(_cases(go())["DA-DR-FAILOVER"])["evidence"] == "54.000 s"


@examples(data=st.data())
def test_shares_are_of_the_run_and_of_nothing_else(data: st.DataObject) -> None:
    """None is negative; together they are the run; who is alone in half of it has that half."""
    start = data.draw(st.integers(0, 10**12))
    length = data.draw(st.integers(0, 10**12))
    moment = st.integers(start - 10**9, start + length + 10**9)
    span = st.one_of(st.none(), st.tuples(moment, moment).map(lambda two: (min(two), max(two))))
    spans = data.draw(st.lists(span, min_size=1, max_size=8))
    found = shares_of((start, start + length), spans)
    assert min(found) >= 0
    assert sum(found) == round(length / 10**6)


def test_a_moment_is_shared_by_those_whose_evidence_was_gathered_then() -> None:
    """A run of 100 s: one has its first half alone, two share the second, and one without evidence has nothing; what is before and after is of all."""
    second = 10**9
    spans = [(0, 50 * second), (50 * second, 100 * second), (50 * second, 100 * second), None]
    assert shares_of((0, 100 * second), spans) == [50_000, 25_000, 25_000, 0]
    apart = [(10 * second, 20 * second), (20 * second, 40 * second), None]
    assert shares_of((0, 100 * second), apart) == [45_000, 55_000, 0]
    assert shares_of((0, 100 * second), [None, None]) == [50_000, 50_000]
    assert shares_of((None, None), [None, (0, second)]) == [0, 0]


def test_a_requirement_that_no_scenario_claims_is_not_lost() -> None:
    """It is a skipped case in a suite of its own, without a file."""
    why = because(Outcome.NOT_ASSESSED, "no scenario claims it")
    root = _root(first_verdict(go(), outcome=Outcome.NOT_ASSESSED, because=why, claims=()))
    (suite,) = (suite for suite in root if suite.get("file") is None)
    assert (suite.get("name"), suite.get("tests"), suite.get("skipped")) == ("without a scenario", "1", "1")
    assert suite[-1].get("name") == "ND-KPI-P95 API response time"


def test_arbitrary_text_gives_valid_xml() -> None:
    """Control characters and lone surrogates are stripped, markup is escaped."""
    hostile = "]]></failure>\x00\x0b\x1b[31m\ud800 ä & <b>"
    why = because(Outcome.FAIL, hostile, hostile)
    claim = replace(no_go()[2].verdicts[0].claims[0], because=why, scenario=scenario(hostile, file=hostile))
    given, evidence, judged = first_verdict(no_go(), because=why, claims=(claim,))
    failure = next(_root((replace(given, release=hostile), evidence, judged)).iter("failure"))
    assert failure.get("message") == "]]></failure>[31m ä & <b>"


def test_without_evidence_and_twice_the_same_bytes() -> None:
    """Nothing is measured, everything is there; no clock."""
    root = _root(nothing())
    assert (root.get("errors"), root.get("time")) == (
        "24",
        "0.000",
    )  # and the decision, which has the cause that all share
    assert all(suite.get("timestamp") is None for suite in root)
    assert render_junit(*no_go()) == render_junit(*no_go())


def test_a_cause_that_several_requirements_have_is_told_once() -> None:
    """Its whole text and hint are in the case of the decision; each of them names it, and tells what else was found of it."""
    given, evidence, judged = no_go()
    why = Reason(kind=ReasonKind.NO_MEANS, text="`prometheus` is missing for ND-KPI-P95", hint="add it")
    other = replace(why, text=why.text.replace("ND-KPI-P95", judged.verdicts[1].requirement))
    open_ = [
        replace(v, outcome=Outcome.INCONCLUSIVE, because=b) for v, b in zip(judged.verdicts, (why, other), strict=False)
    ]
    run = given, evidence, replace(judged, verdicts=(*open_, *judged.verdicts[2:]))
    cases = list(_root(run).iter("testcase"))
    message = "cause 1 (no-means) of 2 requirements: see the test case `Readiness verdict`"
    ids = list(TITLES)[:2]
    assert {str(one.get("message")) for name in ids for one in _cases(run)[name].iter("error")} == {message}
    assert all("prometheus" not in ET.tostring(case, encoding="unicode") for case in cases[:-1])
    assert cases[-1].get("name") == "Readiness verdict"
    told = f"cause 1 (no-means), 2 requirements ({', '.join(ids)}): `prometheus` is missing for ID; hint: add it"
    assert (cases[-1].findtext("system-out") or "").splitlines()[0] == told


def test_a_shared_cause_of_a_go_is_no_error() -> None:
    """Rows that gate nothing here wait for one thing: the report stays green, and the text is in the case of the decision."""
    given, evidence, judged = go()
    why = Reason(kind=ReasonKind.PART, text="waits for the part bus", hint="with it: …")
    open_ = [replace(v, outcome=Outcome.NOT_ASSESSED, because=why) for v in judged.verdicts[:2]]
    run = given, evidence, replace(judged, verdicts=(*open_, *judged.verdicts[2:]))
    assert {k: _root(run).get(k) for k in ("failures", "errors")} == {"failures": "0", "errors": "0"}
    assert "waits for the part bus" in (_cases(run)["Readiness verdict"].findtext("system-out") or "")
