"""Annotations of a GitHub job: as its runner reads them, at most as many as it shows, the others counted."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_builders import decided, go, no_go, nothing

from harness.model import DecisionOutcome, Gate, Outcome
from harness.report.github import MOST, annotation, render_annotations, render_problems
from harness.report.view.wording import clean
from tests.ci.ci_runners import Annotation, annotation_of

if TYPE_CHECKING:
    from harness.model import Evidence, Judgement, Plan

TOKENS = ("%", "%25", "%0A", "%0D", "%3A", "%2C", "::", ":", ",", "=", "\r", "\n", "::error", "##[add-mask]", " ")
TEXTS = st.lists(st.one_of(st.sampled_from(TOKENS), st.characters()), max_size=12).map("".join)


def read(run: tuple[Plan, Evidence, Judgement]) -> list[Annotation]:
    """What GitHub shows of a run."""
    given, _, judged = run
    found = [annotation_of(line) for line in render_annotations(given, judged, lambda file: file)]
    assert None not in found
    return [one for one in found if one]


@given(message=TEXTS, title=TEXTS, file=TEXTS, line=st.integers(1, 9999))
def test_whatever_a_text_has_is_what_the_runner_reads(message: str, title: str, file: str, line: int) -> None:
    """One line, of which nothing is another command; characters that no report has are left out."""
    text = annotation("error", message, title=title, file=file, line=line)
    assert len(text.splitlines()) == 1 or not {"\r", "\n"} & {*text}
    found = annotation_of(text)
    assert found is not None
    assert (found.level, found.message) == ("error", clean(message))
    expected = {"file": clean(file).strip(), "title": clean(title).strip(), "line": str(line) if file else ""}
    assert dict(found.properties) == {key: value for key, value in expected.items() if value}


def test_a_failure_comes_before_what_is_not_decided() -> None:
    """Each with title, reason and hint, at its scenario."""
    failed, undecided = read(no_go())[:2]
    assert dict(failed.properties) == {
        "file": "features/normaldance/technical-kpis.feature",
        "line": "5",
        "title": "ND-KPI-P95 FAIL",
    }
    assert failed.message.startswith("API response time: response time p95 of read-track is 268.4 ms")
    assert "\nhint: `readiness why ND-KPI-P95`" in failed.message
    assert undecided.properties["title"] == "ND-KPI-ERRORS INCONCLUSIVE"


def test_what_github_does_not_show_is_counted() -> None:
    """Of 23 requirements ten, and a warning with the number of the others."""
    *shown, last = read(nothing())
    assert [one.level for one in shown] == ["error"] * MOST
    assert last.level == "warning"
    assert (
        last.message
        == "GitHub shows 10 annotations of a step; this step has 13 more requirements: see its log and summary"
    )


def test_what_does_not_gate_is_a_warning() -> None:
    """With a decision that is not GO for another reason, the decision is the error."""
    given, evidence, judged = no_go()
    given = replace(
        given, requirements=tuple(replace(row, gate=Gate.MAJOR, environments=()) for row in given.requirements)
    )
    first, *rest = read((given, evidence, judged))
    assert (first.level, first.properties["title"]) == ("error", "Readiness NO-GO")
    assert first.message.splitlines()[0] == judged.decision.headline
    assert {one.level for one in rest} == {"warning"}
    assert rest[0].properties["title"] == "ND-KPI-P95 FAIL"


@pytest.mark.parametrize(
    ("outcome", "level"), [(DecisionOutcome.INCONCLUSIVE, "error"), (DecisionOutcome.PARTIAL, "notice")]
)
def test_a_decision_without_a_bad_requirement_is_shown_itself(outcome: DecisionOutcome, level: str) -> None:
    """As of a run whose evidence is not complete; a filtered run is no fault."""
    (one,) = read(decided(go(), outcome=outcome))
    assert (one.level, one.message) == (level, go()[2].decision.headline)


def test_a_requirement_of_several_scenarios_is_shown_at_the_one_that_failed() -> None:
    """And not at the first."""
    given, evidence, judged = no_go()
    first, second = judged.verdicts[0], judged.verdicts[1]
    passed = replace(second.claims[0], outcome=Outcome.PASS)
    verdicts = (replace(first, claims=(passed, *first.claims)), *judged.verdicts[1:])
    one = read((given, evidence, replace(judged, verdicts=verdicts)))[0]
    assert one.properties["line"] == str(first.claims[0].scenario.line)


def test_a_problem_is_shown_at_its_place_or_nowhere() -> None:
    """A file that the repository has, one that it has not, an option, and a text with neither."""
    texts = ["shop/target.yaml:4: name: wrong\n  hint: x", "/usr/lib/a.yaml:9: odd", "--only: no row: 3", "plain"]
    lines = render_problems(texts, lambda file: file if file.startswith("shop") else "")
    found = [one for line in lines if (one := annotation_of(line))]
    assert [dict(one.properties) for one in found] == [
        {"title": "Readiness", "file": "shop/target.yaml", "line": "4"},
        *[{"title": "Readiness"}] * 3,
    ]
    assert [one.message for one in found] == ["name: wrong\n  hint: x", *texts[1:]]


def test_a_go_has_none() -> None:
    """Nothing failed, nothing is open."""
    assert read(go()) == []
