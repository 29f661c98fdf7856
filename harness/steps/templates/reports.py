"""Which report a scenario reads; its Then sentences are on the functions of `harness.drivers.ingest` and are about that report."""

from __future__ import annotations

from typing import Final

from harness.drivers.ingest.reports import FORMATS
from harness.steps.meaning import Keyword
from harness.steps.objectives import reported
from harness.steps.template import Template
from harness.targets.files.paper import DECLARED

_READ: Final = {
    "junit": ("JUnit XML as pytest, Surefire, Jest and Go write it.", "unit", "commit"),
    "sarif": ("What scanners found, as SARIF 2.1.", "security", "commit"),
    "cyclonedx": ("What an image is made of, as CycloneDX JSON.", "backend", "release"),
    "npm-audit": ("`npm audit --json` of npm 6 or newer, or `pnpm audit --json`.", "backend", "commit"),
    "terraform-plan": ("`terraform show -json` of a plan.", "infrastructure", "target"),
    "workflow-run": ("Jobs of a GitHub workflow run as JSON.", "pipeline", "commit"),
    "verdict": ("`verdict.json` of an earlier run, with its manifest.", "staging", "release"),
    "records": ("What people or pipelines write down, as YAML or JSON.", "tasks", "release"),
    **{key: (one.about, one.report, one.of) for key, one in DECLARED.items()},
}
"""By format: what it is, a name and what it is of in the example."""

REPORTS: Final = (
    *(
        Template(
            name=f"read-{key}",
            keyword=Keyword.WHEN,
            text=f'the {FORMATS[key]} "<report:name>" of this <of:provenance> has been read',
            about=f"{about} Which files that is, the target file says below `evidence.{key}`.",
            example=f'the {FORMATS[key]} "{name}" of this {of} has been read',
            mean=reported(key),
        )
        for key, (about, name, of) in _READ.items()
    ),
    Template(
        name="read-figures",
        keyword=Keyword.WHEN,
        text='the figures "<report:name>" of this <of:provenance> have been read',
        about="Figures that other people measure, as CSV or JSON with units and dates. Which files: `evidence.figures`.",
        example='the figures "business" of this release have been read',
        mean=reported("figures"),
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
        name="read-history",
        keyword=Keyword.WHEN,
        text='the run history "<report:name>" of this <of:provenance> has been read',
        about="The run directories in a directory: `evidence.history`. Runs of another target are passed over.",
        example='the run history "runs" of this target has been read',
        mean=reported("history"),
    ),
)
