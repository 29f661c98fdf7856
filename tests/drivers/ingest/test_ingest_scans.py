"""SARIF, CycloneDX and npm audits: the sentences about scans, and reports that must not be believed."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.drivers.ingest.formats.security.bill import BillOfMaterials, bill_of_materials
from harness.drivers.ingest.formats.security.npm_audit import AuditReport, audit_report
from harness.drivers.ingest.formats.security.sarif import ScanReport, scan_report
from harness.errors import DriverError, HarnessError
from tests.builders.asked import COMMIT, RELEASE, oks, seen

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
WHEN = 'the SARIF report "security" of this commit has been read'
THEN = "no finding of severity 7.0 or higher is open, younger than 7 d"
OPEN = "open findings of severity 7.0 or higher"


def result(**keys: Any) -> dict[str, Any]:
    """A finding without a severity of its own."""
    return {"ruleId": "js/xss", "message": {"text": "a text"}, **keys}


def log(*results: dict[str, Any], **run: Any) -> dict[str, Any]:
    """A scan of this commit that ended an hour ago, whose rule is of severity 7.5."""
    rule = {"id": "js/xss", "properties": {"security-severity": "7.5"}}
    return {
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": "Trivy", "rules": [rule]}},
                "invocations": [{"executionSuccessful": True, "endTimeUtc": "2026-11-21T11:00:00Z"}],
                "versionControlProvenance": [{"repositoryUri": "https://example.test/r", "revisionId": COMMIT}],
                "results": list(results),
                **run,
            }
        ],
    }


def scanned(directory: Path, document: Any, then: str = THEN, when: str = WHEN, **keys: Any) -> dict[str, bool | None]:
    """How the facts of a log come out."""
    (directory / "s.sarif").write_text(document if isinstance(document, str) else json.dumps(document))
    return oks(seen(directory, when, then, {"sarif": {"security": "s.sarif"}}, **keys))


def test_a_severe_finding_is_open(tmp_path: Path) -> None:
    """By the severity of its rule; the words name rule and file. A scan without one is of this commit, young and complete."""
    assert scanned(tmp_path, log()) == {"commit": True, "age": True, "scan": True, OPEN: True}
    place = {"physicalLocation": {"artifactLocation": {"uri": "src/a.js"}}}
    (tmp_path / "s.sarif").write_text(json.dumps(log(result(locations=[place]))))
    fact = seen(tmp_path, WHEN, THEN, {"sarif": {"security": "s.sarif"}})[OPEN]
    assert (fact.ok, fact.observed) == (False, "1: js/xss at src/a.js (7.5)")


def test_what_is_open(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """Suppressed and gone are not; under review and left to a person are."""
    cases: list[tuple[dict[str, Any], bool | None]] = [
        ({"suppressions": [{"kind": "external", "status": "accepted"}]}, True),
        ({"suppressions": [{"kind": "inSource"}]}, True),
        ({"suppressions": [{"kind": "external", "status": "underReview"}]}, False),
        ({"suppressions": [{"kind": "external", "status": "rejected"}]}, False),
        ({"suppressions": [{"kind": "external", "status": s} for s in ("accepted", "rejected")]}, False),
        ({"baselineState": "absent"}, True),
        ({"baselineState": "unchanged"}, False),
        ({"kind": "pass"}, True),
        ({"kind": "review"}, None),
        ({"properties": {"security-severity": "6.9"}}, True),
        ({"properties": {"security-severity": 9}}, False),
    ]
    for keys, ok in cases:
        with subtests.test(keys=keys):
            assert scanned(tmp_path, log(result(**keys)))[OPEN] is ok


def test_a_finding_without_a_severity_is_as_severe_as_its_level(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """Scanners write high and critical as error: a limit within what the level may mean is for a person to decide, also beside a word; 0.0 is no score."""
    unscored = {"ruleId": "js/xss", "properties": {"security-severity": "0.0"}}
    black_duck = {"properties": {"securityRisk": "CRITICAL", "severity": "CRITICAL"}}
    cases: list[tuple[str, dict[str, Any], bool | None]] = [
        ("7.0", {"level": "error"}, False),
        ("7.0", {"level": "warning"}, True),
        ("7.0", {"level": "note"}, True),
        ("7.0", {}, None),
        ("9.0", {"level": "error"}, None),
        ("8.5", {"level": "error"}, None),
        ("critical", {"level": "error"}, None),
        ("critical", {"level": "error", **black_duck}, None),
        ("9.0", {"level": "warning"}, True),
        ("5.0", {"level": "warning"}, None),
        ("7.0", {"level": "error", **unscored}, False),
        ("7.0", {"level": "note", **unscored}, True),
    ]
    for least, found, ok in cases:
        with subtests.test(least=least, found=found):
            then = f"no finding of severity {least} or higher is open, younger than 7 d"
            facts = scanned(tmp_path, log(result(**{"ruleId": "other", **found})), then)
            subject = f"open findings of severity {least} or higher"
            assert facts == {"commit": True, "age": True, "scan": True, subject: ok}


def test_a_finding_may_be_as_severe_as_its_tool_says_beside_the_level(
    tmp_path: Path, subtests: pytest.Subtests
) -> None:
    """A word or a score of CVSS raises the most that it may be; one that is not known, as Trivy's UNKNOWN, may be anything."""
    for level, own, of_rule, ok in [
        ("note", {}, {"security-severity": "0.0", "tags": ["vulnerability", "security", "UNKNOWN"]}, None),
        ("note", {}, {"security-severity": "0.0", "tags": ["vulnerability", "security", "LOW"]}, True),
        ("note", {"severity": "CRITICAL"}, {}, None),
        ("note", {"severity": "purple"}, {}, None),
        ("note", {"severity": "medium"}, {}, True),
        ("warning", {}, {"cvssv3_baseScore": 9.8, "problem.severity": "error"}, None),
        ("warning", {}, {"cvssv3_baseScore": "6.5", "cvssv3_vector": "CVSS:3.1/AV:N"}, True),
        ("warning", {"priorityScore": 520}, {"problem.severity": "warning", "precision": "high"}, True),
        ("error", {"severity": "low"}, {}, None),
        ("note", {"security-severity": "2.0", "severity": "CRITICAL"}, {}, None),
        ("warning", {"severity": ["HIGH"]}, {}, None),
        ("warning", {"problem": {"severity": "high"}}, {}, None),
        ("warning", {}, {"tags": ["severity/critical", "security"]}, None),
        ("warning", {}, {"tags": "severity:critical"}, None),
        ("warning", {}, {"tags": ["severity/s1"]}, None),
        ("warning", {}, {"tags": ["external/cwe/cwe-089", "HIGH CONFIDENCE", "security-severity"]}, True),
        ("warning", {"criticality": "critical"}, {}, None),
        ("warning", {"priority": "P0 - Critical"}, {}, None),
        ("warning", {"priority": "P0"}, {}, None),
        ("error", {"priority": "low"}, {}, False),
    ]:
        with subtests.test(own=own, of_rule=of_rule):
            tool = {"driver": {"name": "Trivy", "rules": [{"id": "js/xss", "properties": of_rule}]}}
            assert scanned(tmp_path, log(result(level=level, properties=own), tool=tool))[OPEN] is ok


def test_a_level_is_a_severity_only_where_the_tool_makes_it_from_one(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """Others write how sure they are, or one for all; what contradicts a score, as a vendor's word may, counts beside it."""
    for name, level, of_rule, ok in [
        ("osv-scanner", "warning", {}, None),
        ("Brakeman", "warning", {}, None),
        ("Checkov", "error", {}, None),
        ("govulncheck", "error", {}, None),
        ("CodeQL", "note", {}, True),
        ("a new one", "none", {}, None),
        ("a new one", "warning", {}, None),
        ("a new one", "error", {}, False),
        ("a new one", "error", {"security-severity": "5.0"}, True),
        ("a new one", "warning", {"severity": "medium"}, True),
        ("a new one", "warning", {"riskScore": 3}, None),
        ("gosec", "error", {"tags": ["security", "MEDIUM"]}, None),
        ("Checkov", "error", {"security-severity": "5.0"}, True),
        ("CodeQL", "error", {"security-severity": "6.1"}, True),
        ("CodeQL", "warning", {"security-severity": "7.8"}, False),
        ("Trivy", "error", {"security-severity": "6.5", "tags": ["vulnerability", "security", "CRITICAL"]}, None),
        ("Trivy", "error", {"security-severity": "9.8", "tags": ["vulnerability", "security", "CRITICAL"]}, False),
        ("Trivy", "note", {"security-severity": "7.5", "tags": ["vulnerability", "security", "UNKNOWN"]}, False),
        ("grype", "error", {"security-severity": "5.3"}, None),
        ("grype", "note", {}, None),
        ("Semgrep OSS", "warning", {"tags": ["security"]}, True),
        ("Snyk IaC", "error", {}, False),
        ("SnykCode", "warning", {}, True),
    ]:
        with subtests.test(name=name, level=level, of_rule=of_rule):
            tool = {"driver": {"name": name, "rules": [{"id": "js/xss", "properties": of_rule}]}}
            assert scanned(tmp_path, log(result(level=level), tool=tool))[OPEN] is ok


def test_a_severity_that_is_not_known_has_a_cure(tmp_path: Path) -> None:
    """The words say what the tool has to write."""
    (tmp_path / "s.sarif").write_text(json.dumps(log(result(level="warning"), tool=TOOL)))
    fact = seen(tmp_path, WHEN, THEN, {"sarif": {"security": "s.sarif"}})[OPEN]
    assert fact.observed.startswith("1 that a person has to decide: js/xss (0 to 10); ")
    assert fact.observed.endswith("let the tool write `security-severity`")


def test_results_within_the_log_that_are_not_read_make_the_scan_incomplete(tmp_path: Path) -> None:
    """`inlineExternalProperties` may have the results of a run; without results they have none."""
    inline = {"runGuid": "11111111-1111-1111-8888-111111111111", "results": [result(level="error")]}
    assert scanned(tmp_path, {**log(), "inlineExternalProperties": [inline]})["scan"] is None
    assert scanned(tmp_path, {**log(), "inlineExternalProperties": [{**inline, "results": []}]})["scan"] is True


TOOL = {"driver": {"name": "scanner"}}


def test_a_scan_that_looked_at_nothing_did_not_find_nothing(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """Neither a rule nor a thing that was scanned is named, or no line was measured."""
    cases: list[tuple[dict[str, Any], bool | None]] = [
        ({"tool": {"driver": {"name": "scanner"}}}, None),
        ({"tool": {"driver": {"name": "scanner", "rules": []}}, "artifacts": []}, None),
        ({"tool": {"driver": {"name": "scanner"}}, "artifacts": [{"location": {"uri": "src/a.js"}}]}, True),
        ({"tool": {"driver": {"name": "scanner"}}, "properties": {"imageName": "shop:1"}}, True),
        ({"tool": TOOL, "invocations": [{"executionSuccessful": True, "commandLine": "trivy fs ."}]}, True),
        ({"tool": TOOL, "invocations": [{"executionSuccessful": True}]}, None),
        ({"tool": TOOL, "originalUriBaseIds": {"ROOTPATH": {"uri": "file:///builds/shop/"}}}, True),
        ({"tool": TOOL, "originalUriBaseIds": {"ROOTPATH": {"uri": "file:///"}}}, None),
        ({"properties": {"metricResults": [{"ruleId": "lines", "value": 0}]}}, None),
        ({"properties": {"metricResults": [{"ruleId": "lines", "value": 812}]}}, True),
    ]
    for run, complete in cases:
        with subtests.test(run=run):
            assert scanned(tmp_path, log(**run))["scan"] is complete


def ended(**keys: Any) -> dict[str, Any]:
    """A run whose invocation ended an hour ago, with these keys."""
    return {"invocations": [{"executionSuccessful": True, "endTimeUtc": "2026-11-21T11:00:00Z", **keys}]}


def test_a_scan_that_did_not_complete_says_nothing(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """It found nothing because it did not search; a note, as CodeQL writes one for each file that it read, is not about its results."""
    notes = [{"level": level, "message": {"text": "src/a.js"}} for level in ("note", "none")]
    cases: list[tuple[str, dict[str, Any], bool | None]] = [
        ("failed", ended(executionSuccessful=False), None),
        ("not started", ended(processStartFailureMessage="no such file"), None),
        ("no results", {"results": None}, None),
        ("in another file", {"externalPropertyFileReferences": {"results": [{"location": {"uri": "r.json"}}]}}, None),
        ("an error, as of Semgrep", ended(toolExecutionNotifications=[{"level": "error"}]), None),
        ("a warning, as of Semgrep", ended(toolExecutionNotifications=[{"level": "warning"}]), None),
        ("a warning without a level", ended(toolConfigurationNotifications=[{}]), None),
        ("notes", ended(toolExecutionNotifications=notes), True),
    ]
    for name, run, complete in cases:
        with subtests.test(name):
            assert scanned(tmp_path, log(**run))["scan"] is complete


def test_the_rule_of_a_finding_is_in_its_part_of_the_tool(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """As CodeQL writes it: rules in extensions, named by index, name or guid; the rule at that index of another part is another rule."""
    harmless = {"id": "js/style", "properties": {"security-severity": "1.0"}}
    severe = {"id": "js/sqli", "properties": {"security-severity": "9.1"}}
    tool = {
        "driver": {"name": "CodeQL", "rules": [harmless]},
        "extensions": [{"name": "queries", "guid": "0001", "rules": [severe]}],
    }
    parts: list[dict[str, Any] | None] = [{"name": "queries"}, {"guid": "0001"}, {"index": 0}, None]
    for part in parts:
        with subtests.test(part=part):
            rule: dict[str, Any] = {"id": "js/sqli", "index": 0}
            if part:
                rule["toolComponent"] = part
            assert scanned(tmp_path, log({"message": {"text": "a"}, "rule": rule}, tool=tool))[OPEN] is False


def test_the_rule_of_its_own_id_counts_before_the_one_above_it(tmp_path: Path) -> None:
    """`js/xss` is milder than `js/xss/stored`, and is listed first; of those above it the nearest counts."""
    rules: list[dict[str, Any]] = [
        {"id": name, "properties": {"security-severity": severity}}
        for name, severity in (("js", "1.0"), ("js/xss", "2.0"), ("js/xss/stored", "9.1"))
    ]
    tool = {"driver": {"name": "scanner", "rules": rules}}
    for index in (-1, 0, 1, 7):
        found = result(ruleId="js/xss/stored", ruleIndex=index)
        assert scanned(tmp_path, log(found, tool=tool))[OPEN] is False, index
    rules[1]["properties"] = {"security-severity": "9.1"}
    rules.pop()
    assert scanned(tmp_path, log(result(ruleId="js/xss/stored"), tool=tool))[OPEN] is False
    assert scanned(tmp_path, log(result(ruleId="js/xss/stored", ruleIndex=0), tool=tool))[OPEN] is True


@pytest.mark.parametrize(
    ("level", "given", "found", "ok"),
    [
        ("note", [{"level": "error"}], {}, False),
        ("error", [{"level": "note"}], {}, True),
        ("error", [{"enabled": True}], {}, False),
        ("note", [{"level": "error"}, {"level": "note"}], {}, False),
        ("note", [{"level": "error"}, {"level": "note"}], {"provenance": {"invocationIndex": 1}}, True),
        ("note", [{"level": "error"}], {"level": "note"}, True),
    ],
    ids=["raised", "lowered", "no level", "one of two", "of its invocation", "of the result"],
)
def test_an_invocation_gives_a_rule_another_level(
    tmp_path: Path, level: str, given: list[dict[str, Any]], found: dict[str, Any], *, ok: bool
) -> None:
    """`ruleConfigurationOverrides` before the rule's own; that of another rule does not count."""
    rule = {"id": "js/xss", "defaultConfiguration": {"level": level}}
    tool = {"driver": {"name": "Trivy", "rules": [{"id": "js/other"}, rule]}}
    other = {"descriptor": {"id": "js/other", "index": 0}, "configuration": {"level": "error" if ok else "note"}}
    ended = {"executionSuccessful": True, "endTimeUtc": "2026-11-21T11:00:00Z"}
    invocations = [
        {**ended, "ruleConfigurationOverrides": [other, {"descriptor": {"id": "js/xss"}, "configuration": one}]}
        for one in given
    ]
    assert scanned(tmp_path, log(result(**found), tool=tool, invocations=invocations))[OPEN] is ok


def test_what_one_of_several_runs_does_not_say_is_not_known(tmp_path: Path) -> None:
    """A run without a commit or a date may be an old one, of another commit; `origin.yaml` completes both."""
    two = log()
    two["runs"] += log(versionControlProvenance=[], invocations=[{"executionSuccessful": True}])["runs"]
    facts = scanned(tmp_path, two)
    assert (facts["commit"], facts["age"]) == (None, None)
    (tmp_path / "origin.yaml").write_text(f"commit: {COMMIT}\ncreated: 2026-11-21T11:00:00Z\n")
    assert scanned(tmp_path, two) == {"commit": True, "age": True, "scan": True, OPEN: True}


def test_a_release_is_that_of_the_revision_tag(tmp_path: Path) -> None:
    """`v1.0.0` is release 1.0.0; another is no evidence."""
    when = 'the SARIF report "security" of this release has been read'
    tag = [{"repositoryUri": "https://example.test/r", "revisionTag": f"v{RELEASE}"}]
    assert scanned(tmp_path, log(versionControlProvenance=tag), when=when)["release"] is True
    tag[0]["revisionTag"] = "v0.9.0"
    assert scanned(tmp_path, log(versionControlProvenance=tag), when=when)["release"] is None


def test_a_scan_of_two_commits_contradicts_itself(tmp_path: Path) -> None:
    """One file cannot be of both; the file beside it completes what a run does not say, and overrules none."""
    other = [{"revisionId": "a" * 40}]
    two = log()
    two["runs"] += log(versionControlProvenance=other)["runs"]
    with pytest.raises(DriverError, match="contradicts itself: commit"):
        scanned(tmp_path, two)
    two = log(versionControlProvenance=other)
    two["runs"] += log(versionControlProvenance=[])["runs"]
    (tmp_path / "origin.yaml").write_text(f"commit: {COMMIT}\n")
    with pytest.raises(DriverError, match="contradicts itself: commit"):
        scanned(tmp_path, two)


def test_a_name_within_a_longer_one_of_the_register_is_not_that_name(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """Three services of which one has the names of the others in its own; one that was not scanned is unknown, not bad."""
    (tmp_path / "services.yaml").write_text("services:\n  - name: api\n  - name: api-gateway\n  - name: gateway\n")
    then = 'no finding of severity high or higher is open, every name of the register "services" was scanned'
    for listed, missing in [
        (["registry.example/api-gateway"], "api, gateway"),
        (["registry.example/api-gateway", "registry.example/api:1.4.0"], "gateway"),
        (["api-gateway and gateway", "api"], ""),
    ]:
        with subtests.test(missing):
            (tmp_path / "s.sarif").write_text(json.dumps(log(artifacts=[{"location": {"uri": uri}} for uri in listed])))
            facts = seen(tmp_path, WHEN, then, {"sarif": {"security": "s.sarif"}}, files={"registers": "."})
            fact = facts["names of the register services that were scanned"]
            assert (fact.ok, fact.observed.partition("not scanned: ")[2]) == (None if missing else True, missing)


def test_the_newest_scan_of_the_target(tmp_path: Path) -> None:
    """Of several files the newest counts; one of a month ago is no evidence."""
    when, then = 'the SARIF report "security" of this target has been read', "the newest scan is younger than 31 d"
    old = json.dumps(log()).replace("2026-11-21T11", "2026-10-01T11")
    (tmp_path / "s.sarif").write_text(old)
    (tmp_path / "t.sarif").write_text(json.dumps(log()))
    both = {"sarif": {"security": "*.sarif"}}
    assert oks(seen(tmp_path, when, then, both)) == {"target": None, "age": True, "scan": True}
    (tmp_path / "origin.yaml").write_text("target: paper\n")
    assert oks(seen(tmp_path, when, then, both)) == {"target": True, "age": True, "scan": True}
    (tmp_path / "t.sarif").unlink()
    assert oks(seen(tmp_path, when, then, both))["age"] is None


def test_what_is_no_log_is_refused_with_its_place(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """Truncated, of another version, with numbers that are none."""
    for text, what in [
        ("{", "is not JSON"),
        ('{"version": "2.1.0", "runs": [', "cut short"),
        ('{"version": "3.0.0", "runs": []}', r"is SARIF 3\.0\.0, 2\.1 is read"),
        ('{"version": "2.1.0", "runs": []}', "is not a SARIF log"),
        ('{"version": "2.1.0", "runs": [], "runs": []}', "defined twice"),
        ('{"version": NaN}', "is not a number"),
        ('{"version": 1e999}', "not a finite number"),
        ('{"a": ' * 70 + "1" + "}" * 70, "nested too deeply"),
        ("[" * 100_000, "nested too deeply|is not JSON"),
        ('"\\ud800"', "surrogates"),
        (json.dumps(log(result(properties={"security-severity": "7,5"}))), "`7,5` is not a number"),
        (json.dumps(log(result(properties={"security-severity": "NaN"}))), "`NaN` is not a number"),
        (json.dumps(log(result(properties={"security-severity": "11"}))), "not from 0 to 10"),
        (json.dumps(log(result(level="bad"))), "is not a SARIF log"),
    ]:
        with subtests.test(text):
            with pytest.raises(DriverError, match=what) as caught:
                scanned(tmp_path, text)
            assert caught.value.where.startswith(str(tmp_path / "s.sarif"))
            assert caught.value.hint


BILL = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "metadata": {"timestamp": "2026-11-21T11:00:00Z", "component": {"name": "backend", "version": RELEASE}},
    "components": [{"name": "express", "version": "4.21.0", "type": "library"}],
}
BILL_WHEN = 'the CycloneDX document "backend" of this release has been read'
BILL_THEN = "no component of scope development is listed"


def billed(directory: Path, document: Any) -> dict[str, bool | None]:
    """How the facts of a document come out."""
    (directory / "b.json").write_text(json.dumps(document))
    return oks(seen(directory, BILL_WHEN, BILL_THEN, {"cyclonedx": {"backend": "b.json"}}))


def test_an_image_of_production_dependencies(tmp_path: Path) -> None:
    """One with a development dependency, marked as npm's writer does, or excluded; and one without components, which was not scanned."""
    subject = "components of scope development"
    assert billed(tmp_path, BILL) == {"release": True, "components listed": True, subject: True}
    marked = {"name": "jest", "properties": [{"name": "cdx:npm:package:development", "value": "true"}]}
    nested = {"name": "express", "components": [{"name": "jest", "scope": "excluded"}]}
    assert billed(tmp_path, {**BILL, "components": [marked]})[subject] is False
    assert billed(tmp_path, {**BILL, "components": [nested]})[subject] is False
    assert billed(tmp_path, {**BILL, "components": []})["components listed"] is None


def test_each_writer_marks_what_developers_need(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """By a property; cdxgen by a scope, which says that of others too. A property that is not known may be such a mark, a path is none."""
    cases: list[tuple[dict[str, Any], bool | None]] = [
        ({"properties": [{"name": "cdx:composer:package:isDevRequirement", "value": "true"}]}, False),
        ({"properties": [{"name": "cdx:poetry:group", "value": "dev"}]}, False),
        ({"properties": [{"name": "cdx:poetry:group", "value": "main"}]}, True),
        ({"properties": [{"name": "cdx:poetry:group", "value": "gpu"}]}, None),
        ({"properties": [{"name": "cdx:poetry:group", "value": g} for g in ("dev", "main")]}, True),
        ({"properties": [{"name": "cdx:pipenv:category", "value": "develop"}]}, False),
        ({"properties": [{"name": "cdx:pipenv:category", "value": "default"}]}, True),
        ({"scope": "optional"}, None),
        ({"properties": [{"name": "cdx:maven:package:test", "value": "true"}]}, False),
        ({"properties": [{"name": "cdx:maven:package:test", "value": "false"}]}, True),
        ({"properties": [{"name": "cdx:maven:package:test", "value": "True"}]}, None),
        ({"properties": [{"name": "cdx:maven:component_scope", "value": "test"}]}, False),
        ({"properties": [{"name": "cdx:maven:component_scope", "value": "compile"}]}, True),
        ({"properties": [{"name": "cdx:pyproject:group", "value": "dev"}]}, False),
        ({"properties": [{"name": "gitlab:dependency_scanning:category", "value": "test"}]}, False),
        ({"properties": [{"name": "gitlab:dependency_scanning:category", "value": "production"}]}, True),
        ({"properties": [{"name": "GradleProfileName", "value": "testRuntimeClasspath"}]}, None),
        ({"properties": [{"name": "GradleProfileName", "value": "runtimeClasspath"}]}, True),
        ({"properties": [{"name": "acme:isDev", "value": "yes"}]}, None),
        ({"properties": [{"name": "acme:isDev", "value": "false"}]}, True),
        ({"properties": [{"name": "cdx:npm:package:path", "value": "node_modules/test"}]}, True),
        ({"properties": [{"name": "SrcFile", "value": "test"}]}, True),
        ({"properties": [{"name": "aquasecurity:trivy:PkgID", "value": "libc6-dev@2.36"}]}, True),
        ({"properties": [{"name": "syft:cpe23", "value": "cpe:2.3:a:test:test:1:*"}]}, True),
    ]
    for component, ok in cases:
        with subtests.test(component=component):
            document = {**BILL, "components": [{"name": "a", **component}]}
            assert billed(tmp_path, document)["components of scope development"] is ok


def test_what_is_in_the_program_itself_is_read(tmp_path: Path) -> None:
    """Components below `metadata.component`, and GitLab's category in `metadata`, which is of all that have none of their own."""
    subject, category = "components of scope development", "gitlab:dependency_scanning:category"
    inside = {"name": "backend", "version": RELEASE, "components": [{"name": "jest", "scope": "excluded"}]}
    assert billed(tmp_path, {**BILL, "metadata": {"component": inside}})[subject] is False
    of_all = {**BILL["metadata"], "properties": [{"name": category, "value": "development"}]}  # type: ignore[dict-item]
    assert billed(tmp_path, {**BILL, "metadata": of_all})[subject] is False
    own = {"name": "a", "properties": [{"name": category, "value": "production"}], "components": [{"name": "b"}]}
    assert billed(tmp_path, {**BILL, "metadata": of_all, "components": [own]})[subject] is True


def test_a_digest_is_not_a_release(tmp_path: Path) -> None:
    """Syft gives it as the version of an image; the file beside the document names the release."""
    document = json.loads(json.dumps(BILL))
    document["metadata"]["component"]["version"] = f"sha256:{'0123456789abcdef' * 4}"
    assert billed(tmp_path, document)["release"] is None
    (tmp_path / "b.json.origin.yaml").write_text("release: 1.0.0\n")
    assert set(billed(tmp_path, document).values()) == {True}


def test_a_document_of_another_version_is_refused(tmp_path: Path) -> None:
    """By name."""
    with pytest.raises(DriverError, match=r"is CycloneDX 9\.9"):
        billed(tmp_path, {**BILL, "specVersion": "9.9"})


AUDIT: dict[str, Any] = {
    "auditReportVersion": 2,
    "vulnerabilities": {"minimist": {"name": "minimist", "severity": "low"}},
    "metadata": {
        "vulnerabilities": {"info": 0, "low": 1, "moderate": 0, "high": 0, "critical": 0, "total": 1},
        "dependencies": {"prod": 10, "total": 12},
    },
}


def audited(directory: Path, document: Any) -> dict[str, bool | None]:
    """How the facts of an audit of this commit come out."""
    (directory / "a.json").write_text(document if isinstance(document, str) else json.dumps(document))
    (directory / "a.json.origin.yaml").write_text(f"commit: {COMMIT}\n")
    when = 'the npm audit "backend" of this commit has been read'
    then = "no package has a vulnerability of level moderate or higher"
    return oks(seen(directory, when, then, {"npm-audit": {"backend": "a.json"}}))


def test_an_audit(tmp_path: Path) -> None:
    """A low vulnerability is allowed, a high one is not; counts that differ are no evidence."""
    subject = "vulnerabilities of level moderate or higher"
    assert set(audited(tmp_path, AUDIT).values()) == {True}
    bad = json.loads(json.dumps(AUDIT).replace('"severity": "low"', '"severity": "high"'))
    facts = audited(tmp_path, bad)
    assert (facts[subject], facts["counts"]) == (False, None)


def test_an_audit_that_npm_could_not_make(tmp_path: Path) -> None:
    """It says nothing about the packages; nor does an empty file, which yarn 4 writes where it has nothing to say."""
    documents: list[tuple[Any, str]] = [
        ({"error": {"code": "ENOLOCK", "summary": "no lock file"}}, "npm reports an error: no lock file"),
        ({"advisories": {}, "auditReportVersion": 2}, "another version of npm"),
        ({"advisories": {}, "vulnerabilities": {}}, "another version of npm"),
        ({"advisories": {}}, "is not an npm audit"),
        ({"auditReportVersion": 3}, "another version of npm"),
        ({"auditReportVersion": 2}, "is not an npm audit"),
        ("\n", "is empty"),
    ]
    for document, what in documents:
        with pytest.raises(DriverError, match=what):
            audited(tmp_path, document)


OLDER: dict[str, Any] = {
    "actions": [],
    "advisories": {
        "1179": {
            "findings": [{"version": "0.0.8", "paths": ["mkdirp>minimist", "rc>minimist"]}],
            "id": 1179,
            "module_name": "minimist",
            "severity": "low",
            "vulnerable_versions": "<0.2.1",
        }
    },
    "muted": [],
    "metadata": {
        "vulnerabilities": {"info": 0, "low": 2, "moderate": 0, "high": 0, "critical": 0},
        "dependencies": 118,
        "devDependencies": 3,
        "optionalDependencies": 0,
        "totalDependencies": 121,
    },
}
"""As npm 6 and pnpm write it: by advisories, and a level counts every way to a package."""


def test_an_audit_of_npm_6_or_pnpm(tmp_path: Path) -> None:
    """It is judged as one of npm 7 is; the worst advisory of a package counts."""
    subject = "vulnerabilities of level moderate or higher"
    assert set(audited(tmp_path, OLDER).values()) == {True}
    report = audit_report(json.dumps(OLDER).encode(), "a.json")
    assert (report.packages, report.vulnerable) == (121, {"minimist": "low"})
    again = {**OLDER["advisories"], "1180": {"id": 1180, "module_name": "minimist", "severity": "high"}}
    counted = {**OLDER["metadata"], "vulnerabilities": {"low": 2, "high": 1}}
    facts = audited(tmp_path, {**OLDER, "advisories": again, "metadata": counted})
    assert (facts[subject], "counts" in facts) == (False, False)


def test_an_older_audit_that_contradicts_itself(tmp_path: Path) -> None:
    """A level that is counted and not listed, or listed and not counted, and advisories that are muted."""
    none_low, critical = (
        {**OLDER["metadata"], "vulnerabilities": said} for said in ({"low": 0}, {"low": 2, "critical": 1})
    )
    changes: list[dict[str, Any]] = [
        {"advisories": {}},
        {"metadata": none_low},
        {"metadata": critical},
        {"muted": [{"id": 1}]},
    ]
    for change in changes:
        assert audited(tmp_path, {**OLDER, **change})["counts"] is None, change


@settings(max_examples=150)
@given(st.binary(max_size=80) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_a_report_or_an_error(body: bytes) -> None:
    """Never another exception."""
    with contextlib.suppress(HarnessError):
        assert isinstance(scan_report(body, "f"), ScanReport)
    with contextlib.suppress(HarnessError):
        assert isinstance(bill_of_materials(body, "f"), BillOfMaterials)
    with contextlib.suppress(HarnessError):
        assert isinstance(audit_report(body, "f"), AuditReport)


@settings(max_examples=150)
@given(st.sampled_from([log(result()), BILL, AUDIT]), st.data())
def test_a_report_with_one_value_changed_is_read_or_refused(document: dict[str, Any], data: st.DataObject) -> None:
    """Any key, at any depth, with any other value."""
    changed = json.loads(json.dumps(document))
    here: Any = changed
    while isinstance(here, dict | list) and here:
        key = data.draw(st.sampled_from(sorted(here) if isinstance(here, dict) else range(len(here))))
        if not isinstance(here[key], dict | list) or not here[key] or data.draw(st.booleans()):
            here[key] = data.draw(JSON)
            break
        here = here[key]
    body = json.dumps(changed).encode()
    for read in (scan_report, bill_of_materials, audit_report):
        with contextlib.suppress(HarnessError):
            read(body, "f")
