"""Sentences about other tools' reports: each literal reads as one engine with its parameters."""

from __future__ import annotations

import pytest

from harness.drivers.ingest.registry import CLAIMS, ENGINES
from harness.errors import UsageError
from harness.model import DemandKind
from harness.steps.grammar import read
from harness.steps.templates import templates_of
from harness.steps.templates.reports import REPORTS

READ = {
    'the JUnit report "unit" of this commit has been read': ("junit", "unit", "commit"),
    'the SARIF report "scan" of this release has been read': ("sarif", "scan", "release"),
    'the CycloneDX document "backend" of this release has been read': ("cyclonedx", "backend", "release"),
    'the npm audit "backend" of this commit has been read': ("npm-audit", "backend", "commit"),
    'the Terraform plan "main" of this target has been read': ("terraform-plan", "main", "target"),
    'the workflow run "pipeline" of this commit has been read': ("workflow-run", "pipeline", "commit"),
    'the verdict "staging" of this release has been read': ("verdict", "staging", "release"),
    'the record "tasks" of this release has been read': ("records", "tasks", "release"),
    'the figures "business" of this target have been read': ("figures", "business", "target"),
    'the load report "checkout" of this commit has been read': ("load", "checkout", "commit"),
    'the chaos report "pod-loss" of this commit has been read': ("chaos", "pod-loss", "commit"),
    'the run history "runs" of this target has been read': ("history", "runs", "target"),
    'the Prometheus query "up" has been asked': ("prometheus", "up", ""),
}


def asks(engine: str, /, **params: str) -> tuple[str, dict[str, str]]:
    """An engine with its parameters."""
    return engine, params


SAY = {
    "at least 1 test passed and none failed": asks("tests-passed", at_least="1", failures="failed"),
    "at least 25 tests passed and none failed or was skipped, younger than 7 d": asks(
        "tests-passed", at_least="25", failures="failed or was skipped", age="7 d"
    ),
    "at least 1 test passed and none failed in 3 browser engines": asks(
        "tests-passed", at_least="1", failures="failed", browsers="3"
    ),
    'at least 1 test passed and none failed, with the property "changed" of at least 2': asks(
        "tests-passed", at_least="1", failures="failed", property="changed", amount="2"
    ),
    'at least 1 test for every name of the register "workflows" passed in staging and none failed': asks(
        "tests-passed", at_least="1", failures="failed", register="workflows", environment="staging"
    ),
    'at least 1 test passed and none failed before the deployment to staging of the record "deployments" began': asks(
        "tests-passed", at_least="1", failures="failed", to="staging", record="deployments"
    ),
    "no finding of severity 7.0 or higher is open, younger than 1 d": asks("findings-open", severity="7.0", age="1 d"),
    'no finding of severity high or higher is open, every name of the register "interfaces" was scanned': asks(
        "findings-open", severity="high", register="interfaces"
    ),
    "the newest scan is younger than 31 d": asks("report-age", age="31 d"),
    "no package has a vulnerability of level moderate or higher": asks("packages-vulnerable", level="moderate"),
    "no component of scope development is listed": asks("components-shipped"),
    "no change would be made by the plan, younger than 7 d": asks("plan-unchanged", age="7 d"),
    "every job concluded with success": asks("jobs-succeeded"),
    'every job concluded with success in the last run of every name of the register "components"': asks(
        "jobs-succeeded", register="components"
    ),
    'the figure "satisfaction" is at least 4.0 of 5, from at least 30 answers': asks(
        "figure-limit", figure="satisfaction", bound="at least 4.0 of 5", answers="30"
    ),
    'the figure "user_adoption" is at least 90 %, measured within 30 d of the release': asks(
        "figure-limit", figure="user_adoption", bound="at least 90 %", within="30 d"
    ),
    'the figure "cost" is at most its baseline, younger than 90 d': asks(
        "figure-limit", figure="cost", bound="at most its baseline", age="90 d"
    ),
    'the figure "cost" is at least 25 % below its baseline': asks(
        "figure-limit", figure="cost", bound="at least 25 % below its baseline"
    ),
    "at least 99.9 % of the last 30 d was available": asks("was-available", share="99.9 %", window="30 d"),
    "the decision of the run in staging is GO, younger than 7 d": asks("decided-go", environment="staging", age="7 d"),
    'the decision of the run in staging by the profile "core" is GO': asks(
        "decided-go", environment="staging", profile="core"
    ),
    'at least 2 runs measured the "error rate", the newest younger than 7 d': asks(
        "runs-measured", at_least="2", figure="error rate", age="7 d"
    ),
    "a disaster experiment passed, younger than 90 d": asks("drill-passed", age="90 d"),
    'the steps "1, 2, 3 and 4" were finished in this order': asks("steps-in-order", steps="1, 2, 3 and 4"),
    "the load report is complete, younger than 7 d": asks("load-report", age="7 d"),
    "at least 1 reported fault went in, came out and none of its probes failed, younger than 7 d": asks(
        "faults-survived", at_least="1", age="7 d"
    ),
    "at least 2 reported faults went in, came out and none of their probes failed": asks(
        "faults-survived", at_least="2"
    ),
    "at least 1 reported analysis run ended and none of its metrics failed": asks("analyses-passed", at_least="1"),
    "every merge was approved by another than its author": asks("merges-approved"),
    "no finding of severity critical or higher is open and the newest audit is younger than 90 d": asks(
        "newest-audit", severity="critical", age="90 d"
    ),
}


def test_a_when_sentence_names_a_report(subtests: pytest.Subtests) -> None:
    """Its format, its name, and what it must be of."""
    for sentence, report in READ.items():
        with subtests.test(sentence):
            found = read(sentence).report
            assert (found["format"], found["report"], found["of"]) == report


def test_a_then_sentence_asks_one_engine(subtests: pytest.Subtests) -> None:
    """What is left out of a sentence is not among the parameters; ages are never scaled."""
    for sentence, asks in SAY.items():
        with subtests.test(sentence):
            objective = read(sentence).objective
            assert objective is not None
            assert (objective.demand, objective.check, dict(objective.params)) == (DemandKind.INGEST, *asks)
            assert not any(length.scaled for length in objective.times.values())


def test_every_sentence_and_every_engine_is_among_them() -> None:
    """None without a literal."""
    assert {read(sentence).template.name for sentence in READ} == {one.name for one in REPORTS}
    assert {read(sentence).template.name for sentence in SAY} == {one.name for one in templates_of(CLAIMS)}
    assert {engine for engine, _params in SAY.values()} == {*ENGINES}


def test_other_values_are_refused(subtests: pytest.Subtests) -> None:
    """In words that name the nearest sentence."""
    for sentence in [
        "no finding of severity 11.5 or higher is open",
        'the figure "cost" is about its baseline',
        "at least 100 % below of the last 30 d was available",
        "the decision of the run in test is GO",
    ]:
        with subtests.test(sentence):
            with pytest.raises(UsageError) as caught:
                read(sentence)
            assert caught.value.hint
