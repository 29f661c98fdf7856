"""Every report of a run, beside its `verdict.json`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.report.allure.results import write_allure
from harness.report.html.page import render_page
from harness.report.junit import render_junit
from harness.report.summary import render_summary

if TYPE_CHECKING:
    from pathlib import Path

    from harness.model import Evidence, Judgement, Plan


def write_reports(path: Path, plan: Plan, evidence: Evidence, judgement: Judgement) -> None:
    """Write `summary.md`, `junit.xml`, `readiness.html` and `allure-results/` into the run directory.

    All of them come from the run's files alone: no clock, no environment. The same run gives the same bytes.
    """
    (path / "summary.md").write_bytes(render_summary(plan, judgement))
    (path / "junit.xml").write_bytes(render_junit(plan, evidence, judgement))
    (path / "readiness.html").write_bytes(render_page(plan, evidence, judgement))
    write_allure(path / "allure-results", plan, evidence, judgement)
