"""`fleet.html`: one page over all cells of a fleet, without scripts and without external files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from harness.report.fleet import cause, cell_words, fleet_headline, matrix, worst_first
from harness.report.html.page import environment
from harness.report.view.wording import clean

if TYPE_CHECKING:
    from harness.model.judged.fleet import CellResult, FleetDecision


def render_fleet_page(decision: FleetDecision, beside: str) -> bytes:
    """The page as UTF-8.

    Args:
        decision: decision over the fleet.
        beside: directory of the page; links to the pages of the runs are relative to it.
    """
    results = {result.cell.name: result for result in decision.cells}
    heads, rows = matrix(list(results))
    text = environment().get_template("fleet.html.j2").render(
        decision=decision,
        headline=fleet_headline(decision),
        what=_what(decision),
        heads=heads,
        rows=rows,
        results=results,
        bad=worst_first(decision),
        cause=cause,
        cell_words=cell_words,
        pages={name: _page(result, beside) for name, result in results.items()},
    )  # fmt: skip
    return clean(text).encode()


def _page(result: CellResult, beside: str) -> str:
    """The link to the page of the cell's run; empty without a page, or with several runs."""
    if len(result.runs) != 1:
        return ""
    page = Path(result.runs[0].path) / "readiness.html"
    return quote(os.path.relpath(page, beside)) if page.is_file() else ""


def _what(decision: FleetDecision) -> dict[str, str]:
    """Conditions of the decision in a few words each."""
    terms = decision.terms
    what = {
        "Releases": ", ".join(sorted({result.cell.release for result in decision.cells})),
        "Environment": terms.environment,
        "Runs began": f"not before {terms.not_before.text}" if terms.not_before else "",
        "Age": f"at most {terms.max_age_s / 3600:.3g} h" if terms.max_age_s is not None else "",
        "Runs ended": f"by {terms.deadline.text}" if terms.deadline else "",
        "Decided": decision.at.text,
        "Evidence": "every run was judged again"
        if decision.judged
        else "hashes were verified, verdicts were not judged again",
    }
    return {key: value for key, value in what.items() if value}
