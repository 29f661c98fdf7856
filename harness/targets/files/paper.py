"""Sections of a target file that name files: files of the platform, reports of other tools, statements of people."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, create_model

from harness.plugins import claims_paths
from harness.targets.files.formats import load_formats
from harness.targets.files.values import Name, TargetSection, Url, Word, quantity


def _one_or_more(value: Any) -> Any:
    """A single text is accepted as a list of one."""
    return (value,) if isinstance(value, str) else value


Paths = Annotated[
    Annotated[tuple[Word, ...], Field(min_length=1)],
    BeforeValidator(_one_or_more, json_schema_input_type=Word | Annotated[tuple[Word, ...], Field(min_length=1)]),
]
"""Paths or globs, relative to the target file; a single text is accepted as a list of one."""
Reports = Mapping[Name, Paths]
"""Reports by their name in sentences."""


class PrometheusQuery(TargetSection):
    """A range query of Prometheus; the sentence gives its window.

    Attributes:
        query: PromQL that returns one series of shares from 0 to 1.
        step_s: time between two points, in s.
        url: address of Prometheus; None: the target's `prometheus`.
        answers: files with saved answers, which are used in place of a query.
    """

    query: Word
    step_s: Annotated[float, quantity("time", "5 min")] = Field(default=300.0, alias="step")
    url: Url | None = None
    answers: Paths | None = None


class LoadReports(TargetSection):
    """What another load tool wrote of one load: the files of one run of the tool, of all its machines.

    Attributes:
        tool: tool that wrote the files; a file of another tool is refused.
        files: paths or globs; files in gzip are read too.
        warm_up_s: time from the first request on whose requests are left out, in s; only of files with single requests.
        longest_gap_s: longest time without a request under way that does not count as a gap, in s; None: 5 s, or what
            chance explains at the mean rate if that is longer.
        dropped: number of requests or iterations that the tool may have left out because it could not keep its rate.
    """

    tool: Literal["k6", "jmeter", "gatling", "vegeta", "oha", "wrk2", "artillery", "locust"]
    files: Paths
    warm_up_s: Annotated[float, quantity("time", "30 s")] = Field(default=0.0, alias="warm_up")
    longest_gap_s: Annotated[float | None, quantity("time", "30 s")] = Field(default=None, alias="longest_gap")
    dropped: Annotated[int, Field(ge=0)] = 0


class ChaosReports(TargetSection):
    """What another chaos tool wrote of its experiments.

    Attributes:
        tool: tool that wrote the files; a file of another tool is refused.
        files: paths or globs.
        nothing_to_undo: names of experiments, as the tool writes them, whose fault leaves nothing to undo, such as a killed pod.
            A probe that passed after the fault then shows that it came out.
    """

    tool: Literal["chaostoolkit", "litmus", "krkn", "chaos-mesh", "argo-analysis"]
    files: Paths
    nothing_to_undo: tuple[Word, ...] = ()


class KnownEvidence(TargetSection):
    """Reports of other tools: format → name → paths.

    Attributes:
        as_of: day at whose end ages and expiries are computed, in place of the time of the run, for a rehearsal with
            sample files. Only for a target without `entry`; the decision line names it.
        junit: reports in JUnit XML.
        sarif: reports in SARIF.
        cyclonedx: SBOMs in CycloneDX.
        npm_audit: reports of `npm audit`.
        terraform_plan: plans of Terraform as JSON.
        workflow_run: runs of GitHub workflows.
        figures: figures with units, as CSV or JSON.
        verdict: `verdict.json` of earlier runs.
        records: records of past events, as YAML or JSON.
        history: directories of runs.
        prometheus: range queries of Prometheus.
        load: reports of other load tools.
        chaos: reports of other chaos tools.
    """

    as_of: date | None = None
    junit: Reports = Field(default_factory=dict)
    sarif: Reports = Field(default_factory=dict)
    cyclonedx: Reports = Field(default_factory=dict)
    npm_audit: Reports = Field(default_factory=dict, alias="npm-audit")
    terraform_plan: Reports = Field(default_factory=dict, alias="terraform-plan")
    workflow_run: Reports = Field(default_factory=dict, alias="workflow-run")
    figures: Reports = Field(default_factory=dict)
    verdict: Reports = Field(default_factory=dict)
    records: Reports = Field(default_factory=dict)
    history: Reports = Field(default_factory=dict)
    prometheus: Mapping[Name, PrometheusQuery] = Field(default_factory=dict)
    load: Mapping[Name, LoadReports] = Field(default_factory=dict)
    chaos: Mapping[Name, ChaosReports] = Field(default_factory=dict)


DECLARED: Final = load_formats(
    claims_paths(), [field.alias or name for name, field in KnownEvidence.model_fields.items()]
)
"""The formats that YAML files in directories of claims declare, by key."""

if TYPE_CHECKING:
    EvidenceFiles = KnownEvidence
else:
    EvidenceFiles = create_model(
        "EvidenceFiles",
        __base__=KnownEvidence,
        **{
            key.replace("-", "_"): (Reports, Field(default_factory=dict, alias=key, description=form.about))
            for key, form in DECLARED.items()
        },
    )
    """Reports of other tools, with a key for each declared format."""


class PlatformFiles(TargetSection):
    """Files of the platform by kind; directories are searched at any depth.

    Attributes:
        manifests: Kubernetes manifests and kustomize directories.
        chart: Helm chart.
        terraform: Terraform files `*.tf`.
        workflows: workflows of GitHub or GitLab.
        dockerfiles: Dockerfiles.
        rules: rule files of Prometheus.
        images: configurations of built images, as `docker image inspect` prints them.
        documents: directory of the documentation, with its README.
        scenarios: feature files of the platform.
        registers: lists that people keep, such as boundaries and integrations.
        overlays: directory with the differences of an environment, by environment.
    """

    manifests: Paths | None = None
    chart: Paths | None = None
    terraform: Paths | None = None
    workflows: Paths | None = None
    dockerfiles: Paths | None = None
    images: Paths | None = None
    rules: Paths | None = None
    documents: Paths | None = None
    registers: Paths | None = None
    scenarios: Paths | None = None
    overlays: Mapping[Name, Word] = Field(default_factory=dict)
