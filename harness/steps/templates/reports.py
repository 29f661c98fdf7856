"""Which report a scenario reads; its Then sentences are on the functions of `harness.drivers.ingest` and are about that report."""

from __future__ import annotations

from dataclasses import replace
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
    "figures": ("Figures that other people measure, as CSV or JSON with units and dates.", "business", "release"),
    "load": ("What k6, JMeter, Gatling, vegeta, oha, wrk2, Artillery or Locust wrote of a load.", "checkout", "commit"),
    "chaos": (
        "What Chaos Toolkit, Litmus, krkn, Chaos Mesh or Argo Rollouts wrote of experiments.",
        "pod-loss",
        "commit",
    ),
    "history": ("The run directories in a directory; runs of another target are passed over.", "runs", "target"),
    **{key: (one.about, one.report, one.of) for key, one in DECLARED.items()},
}
"""By format: what it is, a name and what it is of in the example."""


def _read(key: str, about: str, name: str, of: str) -> Template:
    """The sentence on reports of one format."""
    has = "have" if key == "figures" else "has"
    return Template(
        name=f"read-{key}",
        keyword=Keyword.WHEN,
        text=f'the {FORMATS[key]} "<report:name>" of this <of:provenance> {has} been read',
        about=f"{about} Which files that is, the target file says below `evidence.{key}`.",
        example=f'the {FORMATS[key]} "{name}" of this {of} {has} been read',
        mean=reported(key),
    )


_FORMATS: Final = tuple(_read(key, *said) for key, said in _READ.items())

REPORTS: Final = (
    replace(
        _FORMATS[0],
        name="read-report",
        text='the <format:noun> "<report:name>" of this <of:provenance> has been read',
        about="A report of another tool, an earlier run, or what people keep. Which files that is, the target file says below `evidence`.",
        takes={
            "format": "one of: "
            + "; ".join(f"{FORMATS[key]} (`{key}`: {about.rstrip('.')})" for key, (about, _, _) in _READ.items())
        },
        nouns=_FORMATS,
    ),
    Template(
        name="asked-prometheus",
        keyword=Keyword.WHEN,
        text='the Prometheus query "<report:name>" has been asked',
        about="A range query over HTTP: `evidence.prometheus`. Its value is the share that was available, from 0 to 1.",
        example='the Prometheus query "availability" has been asked',
        mean=reported("prometheus"),
    ),
)
