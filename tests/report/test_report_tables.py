"""Tables of the source documents: what a document says beside what the run decided, in the summary, on the page and on the terminal."""

from __future__ import annotations

from dataclasses import replace

from report_builders import no_go

from harness.model import DocumentTable, DocumentTableRow, Judgement, Plan
from harness.report.closing import closing_lines
from harness.report.html.page import render_page
from harness.report.summary import render_summary

SAID = DocumentTableRow(
    title="speed", said="6 of 25 (24 %)", requirements=("ND-KPI-P95", "ND-KPI-ERRORS", "AT-SEC-JWT", "AT-SEC-RBAC")
)
UNSAID = DocumentTableRow(title="traffic", requirements=("ND-KPI-ERRORS",))
SOURCE = "002 plan: Readiness"


def tabled(*rows: DocumentTableRow) -> tuple[Plan, Judgement]:
    """A run with one failed row, and a table of these rows."""
    plan, _, judgement = no_go()
    return replace(plan, tables=(DocumentTable(title="Readiness by category", source=SOURCE, rows=rows),)), judgement


def test_a_row_has_the_documents_figure_and_the_rows_that_passed() -> None:
    """Of all its requirements: one failed, and one that the run has not is no pass."""
    plan, judgement = tabled(SAID, UNSAID)
    passed = sum(one.outcome.value == "PASS" for one in judgement.verdicts if one.requirement in SAID.requirements)
    text = render_summary(plan, no_go()[1], judgement).decode()
    table = text[text.index("## Readiness by category") :].splitlines()[2:6]
    assert [cell.strip() for cell in table[0].strip("|").split("|")] == [
        "of",
        "in the document",
        "passed here",
        "verdicts",
    ]
    cells = [cell.strip() for cell in table[2].strip("|").split("|")]
    assert cells[:3] == ["speed", "6 of 25 (24 %)", f"{passed} of 4 ({passed / 4:.0%})"]
    assert cells[3].startswith("1 FAIL")
    assert cells[3].endswith("2 not in this run")


def test_a_table_of_which_the_document_says_nothing_has_no_such_column() -> None:
    """On the terminal as well."""
    plan, judgement = tabled(UNSAID)
    assert "in the document" not in render_summary(plan, no_go()[1], judgement).decode()
    lines = closing_lines(plan, judgement)
    at = lines.index("  Readiness by category")
    assert lines[at + 1] == "    traffic  0 of 1 (0%)  1 INCONCLUSIVE"


def test_the_page_has_the_table_with_its_source() -> None:
    """And no section where there is none."""
    plan, judgement = tabled(SAID)
    page = render_page(plan, no_go()[1], judgement).decode()
    assert '<h2 id="tables">Tables of the documents</h2>' in page
    assert "6 of 25 (24 %)" in page
    assert SOURCE in page
    assert 'id="tables"' not in render_page(replace(plan, tables=()), no_go()[1], judgement).decode()
