"""What other tools report: tests, scans, pipelines, figures, earlier runs, records.

Each Then is about the report of its scenario's When.
"""

from __future__ import annotations

from typing import Final

from harness.steps.meaning import Keyword
from harness.steps.objectives import ingest, reported
from harness.steps.template import Template

_OF: Final = '"<report:name>" of this <of:provenance> has been read'
_YOUNGER: Final = "[, younger than <age:duration>]"

_READ: Final = {
    "junit": ("JUnit report", "JUnit XML as pytest, Surefire, Jest and Go write it.", "unit", "commit"),
    "sarif": ("SARIF report", "What scanners found, as SARIF 2.1.", "security", "commit"),
    "cyclonedx": ("CycloneDX document", "What an image is made of, as CycloneDX JSON.", "backend", "release"),
    "npm-audit": ("npm audit", "`npm audit --json` of npm 6 or newer, or `pnpm audit --json`.", "backend", "commit"),
    "terraform-plan": ("Terraform plan", "`terraform show -json` of a plan.", "infrastructure", "target"),
    "workflow-run": ("workflow run", "Jobs of a GitHub workflow run as JSON.", "pipeline", "commit"),
    "cobertura": ("Cobertura report", "Lines that tests ran, as Cobertura XML.", "unit", "commit"),
    "verdict": ("verdict", "`verdict.json` of an earlier run, with its manifest.", "staging", "release"),
    "records": ("record", "What people or pipelines write down, as YAML or JSON.", "tasks", "release"),
}
"""By format: what sentences call it, what it is, a name and what it is of in the example."""

_WHEN: Final = tuple(
    Template(
        name=f"read-{key}",
        keyword=Keyword.WHEN,
        text=f"the {called} {_OF}",
        about=f"{about} Which files that is, the target file says below `evidence.{key}`.",
        example=f'the {called} "{name}" of this {of} has been read',
        mean=reported(key),
    )
    for key, (called, about, name, of) in _READ.items()
)

_THEN_TESTS: Final = (
    Template(
        name="tests-passed",
        keyword=Keyword.THEN,
        text=(
            "at least <least:count> test[s] passed and none <failures>[ in <browsers:count> browser engines]"
            '[, with the property "<property:name>" of at least <amount:count>]' + _YOUNGER
        ),
        about="Test cases of all files of the JUnit report; each counts once, and what a suite declares must agree with its cases.",
        example="at least 25 tests passed and none failed or was skipped",
        mean=ingest(
            "tests-passed",
            at_least="<least>",
            failures="<failures>",
            browsers="<browsers>",
            property="<property>",
            amount="<amount>",
            younger="<age>",
        ),
    ),
    Template(
        name="tests-cover",
        keyword=Keyword.THEN,
        text='every name of the register "<register:name>" has a test that passed[ in <environment>], and none failed'
        + _YOUNGER,
        about="Each name that `files.registers` lists is, word by word, in the name of a test that passed.",
        example='every name of the register "workflows" has a test that passed in staging, and none failed',
        mean=ingest("tests-cover", register="<register>", environment="<environment>", younger="<age>"),
    ),
    Template(
        name="tests-before-deployment",
        keyword=Keyword.THEN,
        text=(
            "at least <least:count> test[s] passed and none failed before the deployment to <to:environment> "
            'of the record "<record:name>" began'
        ),
        about="The suite's own time is before that of the first deployment of this commit in the record.",
        example='at least 1 test passed and none failed before the deployment to staging of the record "deployments" began',
        mean=ingest("tests-before-deployment", at_least="<least>", to="<to>", record="<record>"),
    ),
    Template(
        name="lines-covered",
        keyword=Keyword.THEN,
        text="at least <share:ratio> of the lines are covered" + _YOUNGER,
        about="Lines with a hit over all lines of all classes of the Cobertura report.",
        example="at least 80 % of the lines are covered",
        mean=ingest("lines-covered", share="<share>", younger="<age>"),
    ),
)

_THEN_SCANS: Final = (
    Template(
        name="findings-open",
        keyword=Keyword.THEN,
        text=(
            "no finding of severity <severity> or higher is open"
            '[, every name of the register "<register:name>" was scanned]' + _YOUNGER
        ),
        about="Findings of the SARIF report that are not suppressed, by `security-severity`, else by level; every scan completed.",
        example="no finding of severity 7.0 or higher is open, younger than 7 d",
        mean=ingest("findings-open", severity="<severity>", register="<register>", younger="<age>"),
    ),
    Template(
        name="report-age",
        keyword=Keyword.THEN,
        text="the newest scan is younger than <age:duration>",
        about="When the newest scan of the SARIF report ended; it completed.",
        example="the newest scan is younger than 31 d",
        mean=ingest("report-age", younger="<age>"),
    ),
    Template(
        name="packages-vulnerable",
        keyword=Keyword.THEN,
        text="no package has a vulnerability of level <level> or higher" + _YOUNGER,
        about="Packages of the npm audit.",
        example="no package has a vulnerability of level moderate or higher",
        mean=ingest("packages-vulnerable", level="<level>", younger="<age>"),
    ),
    Template(
        name="components-shipped",
        keyword=Keyword.THEN,
        text="no component of scope development is listed" + _YOUNGER,
        about="Components of the CycloneDX document that its writer marks as for development, or as excluded from what runs.",
        example="no component of scope development is listed",
        mean=ingest("components-shipped", younger="<age>"),
    ),
)

_THEN_PIPELINES: Final = (
    Template(
        name="plan-unchanged",
        keyword=Keyword.THEN,
        text="the plan would make 0 changes" + _YOUNGER,
        about="Resources and outputs that the Terraform plan would create, update or delete.",
        example="the plan would make 0 changes, younger than 7 d",
        mean=ingest("plan-unchanged", younger="<age>"),
    ),
    Template(
        name="jobs-succeeded",
        keyword=Keyword.THEN,
        text='every job concluded with success[ in the last run of every name of the register "<register:name>"]'
        + _YOUNGER,
        about="Jobs of the workflow run; with a register, of the last run of the workflow of each name.",
        example="every job concluded with success",
        mean=ingest("jobs-succeeded", register="<register>", younger="<age>"),
    ),
)

_THEN_FIGURES: Final = (
    Template(
        name="read-figures",
        keyword=Keyword.WHEN,
        text='the figures "<report:name>" of this <of:provenance> have been read',
        about="Figures that other people measure, as CSV or JSON with units and dates. Which files: `evidence.figures`.",
        example='the figures "business" of this release have been read',
        mean=reported("figures"),
    ),
    Template(
        name="figure-limit",
        keyword=Keyword.THEN,
        text=(
            'the figure "<figure:name>" is <relation> <limit:amount>[, measured within <within:duration> of the release]'
            "[, from at least <answers:count> answers]" + _YOUNGER
        ),
        about="A figure in the unit of the sentence; one in another unit is not compared.",
        example='the figure "user_adoption" is at least 90 %, measured within 30 d of the release',
        mean=ingest(
            "figure-limit",
            figure="<figure>",
            relation="<relation>",
            limit="<limit>",
            within="<within>",
            answers="<answers>",
            younger="<age>",
        ),
    ),
    Template(
        name="figure-reference",
        keyword=Keyword.THEN,
        text='the figure "<figure:name>" is <relation> its <reference>' + _YOUNGER,
        about="A figure against the baseline or the target that its file gives beside it.",
        example='the figure "time_to_market_days" is at most its baseline, younger than 90 d',
        mean=ingest(
            "figure-reference", figure="<figure>", relation="<relation>", reference="<reference>", younger="<age>"
        ),
    ),
    Template(
        name="figure-saving",
        keyword=Keyword.THEN,
        text='the figure "<figure:name>" is at least <share:ratio> below its baseline' + _YOUNGER,
        about="How much lower a figure is than the baseline that its file gives beside it.",
        example='the figure "monthly_cost" is at least 25 % below its baseline',
        mean=ingest("figure-saving", figure="<figure>", share="<share>", younger="<age>"),
    ),
    Template(
        name="asked-prometheus",
        keyword=Keyword.WHEN,
        text='the Prometheus query "<report:name>" has been asked',
        about="A range query over HTTP: `evidence.prometheus`. Its value is the share that was available, from 0 to 1.",
        example='the Prometheus query "availability" has been asked',
        mean=reported("prometheus"),
    ),
    Template(
        name="was-available",
        keyword=Keyword.THEN,
        text="at least <share:ratio> of the last <window:duration> was available",
        about="The mean over every step of the window. A point that is missing was neither up nor down: both are tried.",
        example="at least 99.9 % of the last 30 d was available",
        mean=ingest("was-available", share="<share>", window="<window>"),
    ),
)

_THEN_RUNS: Final = (
    Template(
        name="decided-go",
        keyword=Keyword.THEN,
        text='the decision of the run in <environment>[ by the profile "<profile:name>"] is GO' + _YOUNGER,
        about="The newest `verdict.json` of that environment and profile, by default the one of the requirement's own file; its age is that of the manifest's seal.",
        example="the decision of the run in staging is GO, younger than 7 d",
        mean=ingest("decided-go", environment="<environment>", profile="<profile>", younger="<age>"),
    ),
    Template(
        name="read-history",
        keyword=Keyword.WHEN,
        text='the run history "<report:name>" of this <of:provenance> has been read',
        about="The run directories in a directory: `evidence.history`. Runs of another target are passed over.",
        example='the run history "runs" of this target has been read',
        mean=reported("history"),
    ),
    Template(
        name="runs-measured",
        keyword=Keyword.THEN,
        text='at least <least:count> run[s] measured the "<figure:name>", the newest younger than <age:duration>',
        about="Runs of this target in which a measure of that name has a value.",
        example='at least 2 runs measured the "error rate", the newest younger than 7 d',
        mean=ingest("runs-measured", at_least="<least>", figure="<figure>", younger="<age>"),
    ),
    Template(
        name="drill-passed",
        keyword=Keyword.THEN,
        text="a disaster experiment passed, younger than <age:duration>",
        about="An experiment of domain database or region on this target: its receipts are complete, and all that was judged of it passed.",
        example="a disaster experiment passed, younger than 90 d",
        mean=ingest("drill-passed", younger="<age>"),
    ),
)

_THEN_RECORDS: Final = (
    Template(
        name="steps-in-order",
        keyword=Keyword.THEN,
        text='the steps "<steps:name>" were finished in this order',
        about="Steps of the record by name, the last after `and`. A step that names a proof has the date of that file.",
        example='the steps "1, 2, 3 and 4" were finished in this order',
        mean=ingest("steps-in-order", steps="<steps>"),
    ),
    Template(
        name="merges-approved",
        keyword=Keyword.THEN,
        text="every merge was approved by another than its author" + _YOUNGER,
        about="Merges of the record.",
        example="every merge was approved by another than its author",
        mean=ingest("merges-approved", younger="<age>"),
    ),
    Template(
        name="newest-audit",
        keyword=Keyword.THEN,
        text="the newest audit is younger than <age:duration> and no finding of severity <severity> or higher is open",
        about="Audits of the record, and the findings of all of them that are still open.",
        example="the newest audit is younger than 90 d and no finding of severity critical or higher is open",
        mean=ingest("newest-audit", severity="<severity>", younger="<age>"),
    ),
)

REPORTS: Final = (
    *_WHEN,
    *_THEN_TESTS,
    *_THEN_SCANS,
    *_THEN_PIPELINES,
    *_THEN_FIGURES,
    *_THEN_RUNS,
    *_THEN_RECORDS,
)
