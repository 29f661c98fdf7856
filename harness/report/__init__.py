"""Renders the reports of a judgement; decides nothing. Reports depend only on the files of the run."""

from __future__ import annotations

from harness.report.closing import closing_lines
from harness.report.document import render_verdict
from harness.report.reports import write_reports
from harness.report.why import render_why, why_document

__all__ = ["closing_lines", "render_verdict", "render_why", "why_document", "write_reports"]
