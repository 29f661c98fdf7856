"""A report of another kind is refused with what it is, and with the command that writes the right one."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from harness.drivers.ingest.formats.security.bill import bill_of_materials
from harness.drivers.ingest.formats.security.npm_audit import audit_report
from harness.drivers.ingest.formats.security.sarif import scan_report
from harness.drivers.ingest.formats.terraform import infrastructure_plan
from harness.drivers.ingest.formats.workflow import pipeline_run
from harness.errors import DriverError

TRIVY = json.dumps({"SchemaVersion": 2, "Results": [{"Target": "shop", "Vulnerabilities": []}]})
YARN = '{"type":"auditAdvisory","data":{}}\n{"type":"auditSummary","data":{"vulnerabilities":{"high":1}}}\n'
BERRY = '{"value":"lodash","children":{"ID":1}}\n{"value":"left-pad","children":{"ID":2}}\n'
BUN = json.dumps({"left-pad": [{"id": 7, "severity": "high", "vulnerable_versions": "<2.0.0"}]})
PAGE = json.dumps({"total_count": 31, "jobs": [{"name": f"test {n}", "status": "completed"} for n in range(600)]})
LOG = '{"@level":"info","@message":"Terraform 1.9","type":"version"}\n{"@level":"info","@message":"Plan"}\n'
GITLAB = json.dumps(
    [{"id": 1, "name": "test", "stage": "test", "status": "success", "finished_at": "2026-11-21T11:00:00Z"}]
)
RUNS = [{"name": "CI", "headSha": "3f2a1c9", "status": "completed", "conclusion": "success"}]
Reader = Callable[[bytes, str], object]


def test_the_hint_names_what_it_is_and_what_to_run(subtests: pytest.Subtests) -> None:
    """`write it again with its tool` writes the same file again."""
    for reader, text, what, command in [
        (scan_report, TRIVY, "Trivy's own JSON", "--format sarif"),
        (scan_report, '{"matches": [], "descriptor": {"name": "grype"}}', "Grype's own JSON", "-o sarif"),
        (scan_report, '{"config": {}}\n{"finding": {}}\n', "govulncheck's own JSON", "-format sarif"),
        (scan_report, '{"bomFormat": "CycloneDX", "components": []}', "a CycloneDX document", "a cyclonedx report"),
        (bill_of_materials, '<?xml version="1.0"?>\n<bom xmlns="…"/>', "a bill in XML", "--output-format JSON"),
        (bill_of_materials, '{"spdxVersion": "SPDX-2.3"}', "an SPDX bill", "cyclonedx-json"),
        (audit_report, YARN, "the stream of `yarn audit --json`", "npm audit --json"),
        (audit_report, YARN.splitlines()[1], "the stream of `yarn audit --json`", "trivy fs --format sarif"),
        (audit_report, BERRY, "the stream of `yarn npm audit --json`", "npm audit --json"),
        (audit_report, BERRY.splitlines()[0], "the stream of `yarn npm audit --json`", "npm audit --json"),
        (audit_report, BUN, "the JSON of `bun audit --json`", "npm audit --json"),
        (pipeline_run, PAGE + PAGE, "several pages of jobs", "gh run view RUN --json"),
        (pipeline_run, f"{PAGE}\n{PAGE}\n", "several pages of jobs", "gh run view RUN --json"),
        (pipeline_run, f"[{PAGE}, {PAGE}]", "a list of pages of jobs", "gh run view RUN --json"),
        (pipeline_run, GITLAB, "the list of jobs of a pipeline in GitLab", "glab api --paginate"),
        (pipeline_run, json.dumps(RUNS), "a list of runs without their jobs", "gh run view RUN --json"),
        (
            pipeline_run,
            json.dumps({"workflow_runs": RUNS}),
            "a list of runs without their jobs",
            "gh run view RUN --json",
        ),
        (infrastructure_plan, LOG, "the log of `terraform plan -json`", "terraform show -json plan"),
        (infrastructure_plan, "PK\x03\x04…", "the plan file of Terraform itself", "terraform show -json plan"),
    ]:
        with subtests.test(what=what, text=text):
            with pytest.raises(DriverError) as refused:
                reader(text.encode(), "report")
            assert refused.value.hint.startswith(f"it is {what}")
            assert command in refused.value.hint
            assert "instance of" not in str(refused.value)


@pytest.mark.parametrize(
    ("reader", "document"),
    [
        (
            scan_report,
            {
                "version": "2.1.0",
                "runs": [{"tool": {"driver": {"name": "s"}}, "results": [{"message": {}, "suppressions": None}]}],
            },
        ),
        (audit_report, {"auditReportVersion": 2, "vulnerabilities": {"a": {"name": "a", "severity": "none"}}}),
        (bill_of_materials, {"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{"name": ""}]}),
    ],
    ids=["SARIF", "npm audit", "CycloneDX"],
)
def test_what_is_of_the_kind_that_was_asked_for_is_not_to_be_named_as_such(reader: Reader, document: object) -> None:
    """Something else in it is wrong: the place says it."""
    with pytest.raises(DriverError) as refused:
        reader(json.dumps(document).encode(), "report")
    assert "name it as" not in refused.value.hint
    assert refused.value.where != "report"


@pytest.mark.parametrize("text", ["{", "[1, 2]", '{"type": "other"}', "name,value\n", '{"a": 1}{"b": 2}', "{" * 5000])
def test_what_is_not_known_is_called_nothing(text: str) -> None:
    """A guess would lead away from the mistake."""
    with pytest.raises(DriverError) as refused:
        scan_report(text.encode(), "report")
    assert refused.value.hint
    assert "it is" not in refused.value.hint.partition(":")[0]
