"""What is not recognised is not left out: each engine meets one element of its format that it does not know, and does not pass."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from harness.drivers.ingest.registry import ENGINES
from harness.errors import HarnessError
from tests.builders.asked import COMMIT, RELEASE, seen

_CASE = '<testcase classname="cart" name="adds" time="0.1">%s</testcase>'
_ORIGIN = f"commit: {COMMIT}\nrelease: {RELEASE}\ntarget: paper\ncreated: 2026-11-21T11:00:00Z\n"


def _junit(inside: str) -> str:
    cases = _CASE % inside + _CASE.replace("adds", "pays") % ""
    return f'<testsuite name="s" tests="2" time="1" timestamp="2026-11-21T11:00:00Z">{cases}</testsuite>'


def _sarif(**result: Any) -> str:
    found = [{"ruleId": "r", "message": {"text": "t"}, "properties": {"security-severity": "1.0"}, **result}]
    rules = [{"id": "r"}]
    run = {"tool": {"driver": {"name": "scanner", "rules": rules}}, "results": found}
    return json.dumps({"version": "2.1.0", "runs": [run]})


def _plan(**more: Any) -> str:
    change = {"address": "a.b", "change": {"actions": ["no-op"]}}
    return json.dumps({"format_version": "1.2", "planned_values": {}, "resource_changes": [change], **more})


def _jobs(**more: Any) -> str:
    job = {"name": "test", "status": "completed", "conclusion": "success", "head_sha": COMMIT}
    return json.dumps({"total_count": 1, "jobs": [{**job, **more}]})


def _bill(**more: Any) -> str:
    component = {"name": "express", "version": "4.21.0", "type": "library", **more}
    head = {"bomFormat": "CycloneDX", "specVersion": "1.6"}
    return json.dumps(
        {**head, "metadata": {"component": {"name": "shop", "version": RELEASE}}, "components": [component]}
    )


def _audit(**more: Any) -> str:
    counts = {"info": 0, "low": 0, "moderate": 0, "high": 0, "critical": 0, "total": 0}
    metadata = {"vulnerabilities": counts, "dependencies": {"total": 12}}
    return json.dumps({"auditReportVersion": 2, "vulnerabilities": more, "metadata": metadata})


_UNKNOWN: Mapping[str, tuple[str, str, str, Callable[[], str], Callable[[], str]]] = {
    "tests-passed": ("junit", "JUnit report", "at least 1 test passed and none failed", lambda: _junit(""), lambda: _junit("<mystery/>")),
    "findings-open": (
        "sarif", "SARIF report", "no finding of severity 7.0 or higher is open",
        _sarif, lambda: _sarif(properties={}, level=None),
    ),
    "plan-unchanged": ("terraform-plan", "Terraform plan", "no change would be made by the plan", _plan, lambda: _plan(novelties=[{"address": "a.c"}])),
    "jobs-succeeded": ("workflow-run", "workflow run", "every job concluded with success", _jobs, lambda: _jobs(conclusion="novel")),
    "components-shipped": ("cyclonedx", "CycloneDX document", "no component of scope development is listed", _bill, lambda: _bill(scope="novel")),
    "packages-vulnerable": (
        "npm-audit", "npm audit", "no package has a vulnerability of level moderate or higher",
        _audit, lambda: _audit(lodash={"name": "lodash", "severity": "novel"}),
    ),
}  # fmt: skip
"""Format, its name, the sentence, a report that passes, and the same with an element that is not known."""
_FIGURES = {"figure-limit", "was-available", "report-age"}
"""One figure, one series or one date that the sentence names: there is no set of them."""
_OF_LOADS = {"load-report"}
"""Of load reports: every element of every format is spoilt in `test_ingest_load_cases.py`."""
_OF_CHAOS = {"faults-survived", "analyses-passed"}
"""Of chaos reports: every word of every tool is spoilt in `test_ingest_chaos_cases.py`."""
_OF_RECORDS = {"steps-in-order", "merges-approved", "newest-audit"}
"""Of records whose unknown keys are refused."""
_OF_RUNS = {"decided-go", "runs-measured", "drill-passed"}
"""Of verdicts and runs of the harness itself, whose schema is its own."""


def test_every_engine_meets_an_element_that_it_does_not_know() -> None:
    """A new engine is put into the table, or into the group that says why it has none."""
    assert _UNKNOWN.keys() | _FIGURES | _OF_LOADS | _OF_CHAOS | _OF_RECORDS | _OF_RUNS == ENGINES.keys()


@pytest.mark.parametrize("engine", _UNKNOWN)
def test_one_unknown_element_costs_the_pass(tmp_path: Path, engine: str) -> None:
    """The report passes, and with it it does not: it is unknown, wrong, or refused with its place."""
    kind, words, then, good, odd = _UNKNOWN[engine]
    (tmp_path / "parts.yaml").write_text("- adds\n")
    (tmp_path / "origin.yaml").write_text(_ORIGIN)
    what = "target" if kind == "terraform-plan" else "commit"
    when = f'the {words} "it" of this {what} has been read'
    keys = {"files": {"registers": "."}}

    def found(text: str) -> set[bool | None]:
        (tmp_path / "report").write_text(text)
        try:
            facts = seen(tmp_path, when, then, {kind: {"it": "report"}}, **keys)
        except HarnessError as error:
            return {None if error.where else True}
        return {fact.ok for fact in facts.values()}

    assert found(good()) == {True}
    assert found(odd()) - {True}
