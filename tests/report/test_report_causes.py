"""Rows by document and section, rows without an answer by cause, and what decided in one sentence."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_builders import decided, first_verdict, go, no_go, nothing
from report_many import DERIVED, FAILED, LONE, UNSURE, many, requirements, waits

from harness.judgement.measures import because
from harness.model import DecisionOutcome, DecisionReason, Outcome, Reason, ReasonKind
from harness.report.closing import closing_lines
from harness.report.summary import render_summary
from harness.report.view.causes import cause_line, causes, deciding_sentence, decisive
from harness.report.view.digest import Row, rows
from harness.report.view.sections import counts_of, documents


@pytest.fixture(scope="module")
def every() -> tuple[Row, ...]:
    """The rows of all documents."""
    given, _, judged = many()
    return rows(given, judged)


def test_every_row_is_in_the_section_of_its_document_once(every: tuple[Row, ...]) -> None:
    """Five documents, all their sections, 771 rows; within a section the worst first."""
    found = documents(many()[0], every)
    assert [part.name.partition(" ")[0] for part in found] == ["000", "003", "002", "001", "004"]
    assert sum(len(part.sections) for part in found) == len({row.source for row in requirements()})
    ids = [row.requirement.id for part in found for row in part.rows]
    assert sorted(ids) == sorted(row.id for row in requirements())
    metrics = next(s for s in found[0].sections if any(row.requirement.id == FAILED for row in s.rows))
    assert metrics.rows[0].requirement.id == FAILED
    assert counts_of(metrics.rows)[Outcome.FAIL] == 1
    assert sum(found[0].counts.values()) == len(found[0].rows)


def test_a_source_without_a_section_and_a_row_without_a_source_have_a_document() -> None:
    """The source itself; the profile."""
    row = requirements()[0]
    assert (replace(row, source="our handbook").document, replace(row, source="our handbook").section) == (
        "our handbook",
        "",
    )
    assert (replace(row, source="").document, replace(row, source="").section) == (row.profile, "")


def test_rows_that_wait_for_one_thing_are_one_cause(every: tuple[Row, ...]) -> None:
    """The part that keeps most gating rows waiting first; an undecided row is a cause of its own. A derived row is counted with its part, as made of it."""
    found = causes(every)
    texts = [cause.text for cause in found]
    assert {waits(part) for part in ("monitor", "identity", "ledger", "bus")} <= set(texts)
    assert sorted(found, key=lambda cause: -cause.gating) == list(found)
    undecided = sum(len(cause.every) for cause in found)
    assert undecided == sum(row.outcome in (Outcome.NOT_ASSESSED, Outcome.INCONCLUSIVE) for row in every)
    (unsure,) = (cause for cause in found if cause.outcome is Outcome.INCONCLUSIVE)
    assert [row.requirement.id for row in unsure.rows] == [UNSURE]
    monitor = next(cause for cause in found if cause.text == waits("monitor"))
    assert [row.requirement.id for row in monitor.derived] == [DERIVED]
    assert monitor.hint == "it comes with the part `monitor`"


def test_parts_in_a_circle_end(every: tuple[Row, ...]) -> None:
    """A verdict that was forged so that a row is made of itself."""
    row = next(row for row in every if row.requirement.id == DERIVED)
    claim = row.verdict.claims[0]
    own = replace(claim.measures[0][0], scope={"part": DERIVED})
    forged = replace(row, verdict=replace(row.verdict, claims=(replace(claim, measures=((own,),)),)))
    assert [cause.rows for cause in causes([forged])] == [(forged,)]


def test_a_text_that_names_its_own_row_is_one_cause_with_others_like_it(every: tuple[Row, ...]) -> None:
    """`ID` stands in its place; alone it keeps its id."""
    row = next(row for row in every if row.requirement.id == LONE)
    (alone,) = (cause for cause in causes(every) if cause.kind is ReasonKind.UNCLAIMED)
    assert alone.hint == f"write a scenario tagged @{LONE}"
    other = replace(
        row,
        requirement=replace(row.requirement, id="FI-OTHER"),
        verdict=replace(row.verdict, because=replace(row.verdict.because, hint="write a scenario tagged @FI-OTHER")),
    )
    (two,) = causes([row, other])
    assert two.hint == "write a scenario tagged @ID"
    assert cause_line(two) == "no scenario claims it (2 requirements)"
    resting = replace(other, gating=False)
    assert cause_line(causes([row, resting])[0]) == "no scenario claims it (2 requirements, 1 of them gate here)"
    assert cause_line(causes([resting])[0]) == "no scenario claims it (1 requirement, none gates here)"


def test_one_sentence_says_what_decided(subtests: pytest.Subtests) -> None:
    """A failed row with its figure, the first of several; how many have no answer and why; what is so of the run; who waived; a filter."""
    failed = no_go()[2].decision.because[0]
    late = "response time p95 of read-track is 268.4 ms"
    of_the_run = "Nothing is decided: manifest.json: is gone"
    given, evidence, judged = nothing()
    passed = tuple(replace(verdict, outcome=Outcome.PASS) for verdict in judged.verdicts)
    for run, sentence in [
        (no_go(), f"ND-KPI-P95 failed: {late}"),
        (
            decided(no_go(), because=(failed, replace(failed, requirement="B-2"))),
            f"ND-KPI-P95 failed, and so did 1 more gating requirement: {late}",
        ),
        (go(), "All 23 gating requirements passed."),
        (
            first_verdict(go(), outcome=Outcome.WAIVED),
            "22 of 23 gating requirements passed and 1 is waived: ND-KPI-P95.",
        ),
        (
            nothing(),
            "No gating requirement failed, 23 are inconclusive. The cause: there is no fault-free window of everyday",
        ),
        ((given, evidence, replace(judged, verdicts=passed)), of_the_run),
        (decided(nothing(), outcome=DecisionOutcome.PARTIAL), of_the_run),
    ]:
        with subtests.test(sentence):
            found = deciding_sentence(run[2], rows(run[0], run[2]))
            assert found.partition(" (at least 260.3 ms")[0] == sentence


def test_the_last_lines_on_a_terminal_stay_few() -> None:
    """771 rows: headline, what decided, what did not pass, causes, a line a document."""
    given, _, judged = many()
    lines = closing_lines(given, judged)
    assert len(lines) < 20
    assert lines[0] == "NO-GO for sandbox"
    assert lines[1].startswith("  ND-KPI-P95 FAIL: response time p95 of read-track is 268.4 ms")
    assert [line.split()[0] for line in lines if line.startswith("  00")] == ["000", "003", "002", "001", "004"]
    assert any(waits("monitor") in line for line in lines)
    assert all("\n" not in line for line in lines)


def test_few_reasons_are_printed_one_by_one() -> None:
    """As they are in the decision."""
    given, _, judged = no_go()
    assert tuple(line for line in closing_lines(given, judged) if not line.startswith("    hint: ")) == (
        judged.decision.headline,
        *(f"  {reason}" for reason in judged.decision.reasons),
        "  more about one requirement: readiness why ID",
    )


def closed(*reasons: DecisionReason) -> tuple[str, ...]:
    """The last lines on a terminal, without the headline, of a decision for these reasons."""
    given, _, judged = decided(go(), because=reasons)
    return closing_lines(given, judged)[1:]


def test_a_reason_is_followed_by_what_to_do() -> None:
    """Where it has a hint; a reason of the whole run is no requirement to ask about."""
    short = Reason(kind=ReasonKind.EVIDENCE, text="manifest.json is gone", hint="take another copy of the run")
    bare = Reason(kind=ReasonKind.EVIDENCE, text="plan.json was edited")
    assert closed(DecisionReason(because=short), DecisionReason(because=bare)) == (
        "  manifest.json is gone",
        "    hint: take another copy of the run",
        "  plan.json was edited",
    )


def test_what_is_to_be_done_about_the_whole_run_is_said_once() -> None:
    """Its requirements came out as they did for the same cause; what another one needs is said beside it."""
    run = Reason(kind=ReasonKind.EVIDENCE, text="the run did not complete", hint="correct the locustfile")
    other = Reason(kind=ReasonKind.EVIDENCE, text="no report was read", hint="give one")
    reasons = (
        DecisionReason(because=run),
        DecisionReason(because=run, requirement="ND-KPI-P95", outcome=Outcome.INCONCLUSIVE),
        DecisionReason(because=other, requirement="ND-KPI-P99", outcome=Outcome.INCONCLUSIVE),
    )
    assert [line.strip() for line in closed(*reasons) if "hint" in line] == [
        "hint: correct the locustfile",
        "hint: give one",
    ]


def reason(name: str, text: str, kind: ReasonKind = ReasonKind.EVIDENCE, hint: str = "") -> DecisionReason:
    """Of an inconclusive requirement; of the whole run without a name."""
    because = Reason(kind=kind, text=text, hint=hint)
    return DecisionReason(because=because, requirement=name, outcome=Outcome.INCONCLUSIVE if name else None)


def test_one_cause_is_one_sentence_with_the_requirements_that_it_decided() -> None:
    """In the order in which they came; a reason that names its own requirement is the same for the next one."""
    found = decisive(
        [
            reason("A-1", "the ledger was not read", hint="see `readiness why A-1`"),
            reason("B-1", "too few requests"),
            reason("A-2", "the ledger was not read", hint="see `readiness why A-2`"),
        ]
    )
    assert [one.sentence for one in found] == [
        "2 requirements INCONCLUSIVE (A-1, A-2): the ledger was not read",
        "B-1 INCONCLUSIVE: too few requests",
    ]
    assert found[0].because.hint == "see `readiness why ID`"


def test_a_starved_machine_is_one_cause_whatever_it_put_in_doubt() -> None:
    """The figures differ; alone, the figure is named with it."""
    starved = [
        reason("A-1", "p95 is 300 ms, expected below 200 ms. Not decided: the machine was starved", ReasonKind.MACHINE),
        reason(
            "A-2", "error rate is 3 %, expected below 1 %. Not decided: the machine was starved", ReasonKind.MACHINE
        ),
    ]
    assert [one.sentence for one in decisive(starved)] == [
        "2 requirements INCONCLUSIVE (A-1, A-2): the machine was starved"
    ]
    assert decisive(starved[:1])[0].sentence.startswith("A-1 INCONCLUSIVE: p95 is 300 ms")


def test_what_is_so_of_the_whole_run_is_printed_once() -> None:
    """Twelve requirements that the same cause left without an answer add no line, before it or after it."""
    gone = [reason(name, "the run did not complete: the target is gone") for name in ("", *"ABCDEFGHIJKL")]
    assert [one.sentence for one in decisive(gone)] == ["the run did not complete: the target is gone"]
    assert decisive(gone[::-1])[0].sentence == decisive(gone)[0].sentence
    with_figures = [gone[0], reason("A", "the run did not complete: the target is gone; p95 is 300 ms")]
    assert [one.sentence for one in decisive(with_figures)] == ["the run did not complete: the target is gone"]


def test_many_requirements_of_one_cause_are_one_line_on_a_terminal() -> None:
    """Thirteen of them: the headline, the cause, and how to ask for more."""
    assert closed(*(reason(f"R-{n}", "the ledger was not read") for n in range(13))) == (
        "  13 requirements INCONCLUSIVE (R-0, R-1, R-2, R-3, R-4, R-5 and 7 more): the ledger was not read",
        "  more about one requirement: readiness why ID",
    )


@given(st.lists(st.tuples(st.sampled_from(["", "A", "B", "C"]), st.sampled_from(["x", "y"]))))
def test_property_no_requirement_and_no_reason_is_left_out(every: list[tuple[str, str]]) -> None:
    """Each requirement stands with its own text, and each text is there."""
    found = decisive([reason(name, text) for name, text in every])
    assert {text for _, text in every} == {one.because.text for one in found}
    assert sorted(name for name, _ in every if name) == sorted(name for one in found for name in one.requirements)


def test_more_causes_than_fit_are_counted() -> None:
    """The page has them all."""
    given, _, judged = many()
    verdicts = tuple(
        replace(v, because=because(v.outcome, f"reason {n}", "do it", kind=ReasonKind.NO_MEANS)) if not v.claims else v
        for n, v in enumerate(judged.verdicts)
    )
    lines = closing_lines(given, replace(judged, verdicts=verdicts))
    assert len(lines) < 20
    assert any(line.endswith("more reasons: see readiness.html and summary.md") for line in lines)


def test_a_line_of_a_foreign_run_moves_no_cursor() -> None:
    """Control characters and line ends of a reason are left out."""
    assert closed(reason("", "a\x1b[2J\nb"))[0] == "  a[2J b"


def test_the_summary_of_many_rows_is_short_and_fits_a_ci_page() -> None:
    """Counts by document, the rows to work on, what is missing by cause: far below the MiB that a CI page takes."""
    given, gathered, judged = many()
    text = render_summary(given, gathered, judged).decode()
    assert len(text) < 20_000
    assert text.count("\n") < 120
    assert all(f"| {name}" in text for name in {row.document for row in given.requirements})
    assert f"| FAIL         | {FAILED}" in text
    assert "| PASS    " not in text
    assert "Every other requirement is in `readiness.html`." in text
    assert "gating requirements NOT ASSESSED" in text
    assert "waits for the part `ledger`" in text
