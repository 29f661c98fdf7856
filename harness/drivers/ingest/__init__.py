"""Other tools' reports as evidence: what each sentence about a report finds in it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from harness.drivers.ingest.availability import was_available
from harness.drivers.ingest.business import figure_limit, figure_reference, figure_saving
from harness.drivers.ingest.kept import merges_approved, newest_audit, steps_in_order
from harness.drivers.ingest.pipelines import jobs_succeeded, plan_unchanged
from harness.drivers.ingest.runs import decided_go, drill_passed, runs_measured
from harness.drivers.ingest.scans import components_shipped, findings_open, packages_vulnerable, report_age
from harness.drivers.ingest.suites import lines_covered, tests_before_deployment, tests_cover, tests_passed
from harness.drivers.paper import Engine

__all__ = ["ENGINES"]

ENGINES: Final[Mapping[str, Engine]] = MappingProxyType(
    {
        "tests-passed": tests_passed,
        "tests-cover": tests_cover,
        "tests-before-deployment": tests_before_deployment,
        "lines-covered": lines_covered,
        "findings-open": findings_open,
        "report-age": report_age,
        "packages-vulnerable": packages_vulnerable,
        "components-shipped": components_shipped,
        "plan-unchanged": plan_unchanged,
        "jobs-succeeded": jobs_succeeded,
        "figure-limit": figure_limit,
        "figure-reference": figure_reference,
        "figure-saving": figure_saving,
        "was-available": was_available,
        "decided-go": decided_go,
        "runs-measured": runs_measured,
        "drill-passed": drill_passed,
        "steps-in-order": steps_in_order,
        "merges-approved": merges_approved,
        "newest-audit": newest_audit,
    }
)
"""Every engine by the name that its sentence gives it."""
