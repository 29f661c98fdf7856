"""`junit.xml` in the tools that read it: the schema of Jenkins' xUnit plugin and of pytest's own tests, junitparser, GitHub's actions, GitLab, ourselves."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given as examples
from hypothesis import settings
from hypothesis import strategies as st
from junitparser import Error, Failure, JUnitXml, Skipped
from report_builders import go, no_go, nothing
from report_many import many
from test_report_hostile import NAMES, named

from harness.drivers.ingest.formats.testing.junit import junit_report
from harness.report.junit import render_junit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.model import Evidence, Judgement, Plan

RUNS = [go, no_go, nothing, many]


class Element(NamedTuple):
    """What the schema lets an element have."""

    required: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    children: frozenset[str] = frozenset()


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


RESULT = Element(optional=_words("type message"))
SCHEMA = {
    "testsuites": Element(optional=_words("name time tests failures errors"), children=_words("testsuite")),
    "testsuite": Element(
        required=_words("name tests failures errors"),
        optional=_words("group time skipped timestamp hostname id package file log url"),
        children=_words("testsuite properties testcase system-out system-err"),
    ),
    "properties": Element(children=_words("property")),
    "property": Element(required=_words("name value")),
    "testcase": Element(
        required=_words("name"),
        optional=_words("time classname group"),
        children=_words("skipped error failure rerunFailure rerunError flakyFailure flakyError system-out system-err"),
    ),
    "failure": RESULT,
    "error": RESULT,
    "skipped": RESULT,
    "system-out": Element(),
}
"""What `junit-10.xsd` of jenkinsci/xunit-plugin allows, which pytest-dev/pytest validates its own reports with (`junit_family=xunit2`)."""
TIME = re.compile(r"[0-9]*(\.[0-9]{0,3})?")
"""`SUREFIRE_TIME` of the schema, without its commas."""


def _wrong(element: ET.Element) -> Iterator[str]:
    """What the schema does not allow."""
    rule = SCHEMA.get(element.tag)
    if rule is None:
        yield f"{element.tag} is unknown"
        return
    yield from (f"{element.tag} has no {name}" for name in rule.required - element.attrib.keys())
    yield from (f"{element.tag} has {name}" for name in element.attrib.keys() - rule.required - rule.optional)
    yield from (f"{element.tag} has a {child.tag}" for child in element if child.tag not in rule.children)
    if not TIME.fullmatch(element.get("time", "")):
        yield f"{element.tag} took {element.get('time')}"
    if element.tag in {"testsuites", "testsuite", "properties", "testcase"} and (element.text or "").strip():
        yield f"{element.tag} has text"
    for child in element:
        yield from _wrong(child)


def _root(body: bytes) -> ET.Element:
    return ET.fromstring(body)  # noqa: S314 - our own document


@pytest.mark.parametrize("run", RUNS)
def test_the_schema_of_jenkins_and_pytest_allows_it(run: Callable[[], tuple[Plan, Evidence, Judgement]]) -> None:
    """Every element, attribute and child; a reader that validates refuses the file otherwise."""
    assert list(_wrong(_root(render_junit(*run())))) == []


def test_the_schema_allows_names_of_every_kind(subtests: pytest.Subtests) -> None:
    """As names of requirements, files, figures and releases."""
    for name in NAMES:
        with subtests.test(ascii(name)):
            assert list(_wrong(_root(render_junit(*named(name))))) == []


@settings(max_examples=25)
@examples(name=st.text(max_size=30))
def test_junitparser_reads_every_text(name: str) -> None:
    """And finds as many cases as there are requirements."""
    plan, evidence, judged = named(name)
    read = JUnitXml.fromstring(render_junit(plan, evidence, judged))
    assert sum(len(list(suite)) for suite in read) >= len(plan.requirements)


def test_what_the_schema_forbids_is_seen() -> None:
    """The check itself: what earlier versions wrote."""
    old = (
        '<testsuites skipped="1"><testsuite name="x" tests="1" failures="0" errors="0" time="-1">'
        '<testcase name="x" file="y"><properties/></testcase></testsuite></testsuites>'
    )
    assert sorted(_wrong(ET.fromstring(old))) == [  # noqa: S314 - a literal
        "testcase has a properties",
        "testcase has file",
        "testsuite took -1",
        "testsuites has skipped",
    ]


@pytest.mark.parametrize("run", RUNS)
def test_junitparser_counts_as_the_report_says(run: Callable[[], tuple[Plan, Evidence, Judgement]]) -> None:
    """Its own counts and times of each suite, which it computes from the cases, are those in the file."""
    read = JUnitXml.fromstring(render_junit(*run()))
    told = (read.tests, read.failures, read.errors)
    suites = [(suite.tests, suite.failures, suite.errors, suite.skipped, suite.time) for suite in read]
    read.update_statistics()  # type: ignore[no-untyped-call]
    assert told == (read.tests, read.failures, read.errors)
    counted = [(suite.tests, suite.failures, suite.errors, suite.skipped, suite.time) for suite in read]
    assert counted == [pytest.approx(suite) for suite in suites]


def test_junitparser_tells_the_outcomes_apart() -> None:
    """FAIL, INCONCLUSIVE and NOT ASSESSED have a class each; what passed has no result."""
    cases = [case for suite in JUnitXml.fromstring(render_junit(*no_go())) for case in suite]
    found = Counter(type(case.result[0]) if case.result else None for case in cases)
    assert found == {Failure: 1, Error: 1, Skipped: 1, None: 20}


@pytest.mark.parametrize("run", RUNS)
def test_github_finds_the_file_and_line_of_each_failure(run: Callable[[], tuple[Plan, Evidence, Judgement]]) -> None:
    """As action-junit-report does: the file of the suite, and the last `FILE:LINE` after a blank in the text of the failure."""
    for suite in _root(render_junit(*run())):
        for case in suite.iter("testcase"):
            found = case.find("failure") if case.find("failure") is not None else case.find("error")
            file = suite.get("file")
            if found is None or file is None:
                continue
            places = re.findall(rf" [^ ]*{re.escape(file)}.*?:\d+", found.text or "")
            assert places, case.get("name")
            assert int(places[-1].rpartition(":")[2]) > 0


@pytest.mark.parametrize("run", RUNS)
def test_gitlab_keeps_every_case(run: Callable[[], tuple[Plan, Evidence, Judgement]]) -> None:
    """It knows a case by class and name, so that two of one name would be one; it shows the text of a result, not its message."""
    cases = list(_root(render_junit(*run())).iter("testcase"))
    assert len({(case.get("classname"), case.get("name")) for case in cases}) == len(cases)
    assert all(case.get("classname") and case.get("name") and case.get("time") for case in cases)
    texts = [result.text for case in cases for tag in ("failure", "error", "skipped") for result in case.iter(tag)]
    assert all(texts)


@pytest.mark.parametrize("run", RUNS)
def test_the_harness_reads_its_own_report(run: Callable[[], tuple[Plan, Evidence, Judgement]]) -> None:
    """A report that says of itself what does not agree is inconclusive there."""
    report = junit_report(render_junit(*run()), "junit.xml")
    assert (report.contradictions, report.unclear) == ((), ())
