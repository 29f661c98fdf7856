"""The platform's own repository as a sandbox has it, and every row that is decided from it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest
import yaml

from harness.clock import wall
from harness.drivers.facts import FactReading
from harness.drivers.paper import Asked
from harness.drivers.static.registry import ENGINES
from harness.steps import read
from harness.targets import load_target
from readiness_sandbox.platform import render, repository
from readiness_sandbox.platform.credentials import Credentials
from readiness_sandbox.releases import load_release

ROWS: Mapping[str, str] = {
    "DA-IMG-NODE20": "every image of a Node.js service starts from node:20 and reports version 20",
    "DA-HELM": "the chart renders and contains Chart.yaml, values.yaml, the 9 named templates and the 2 named subcharts",
    "DA-HELM-VALUES": "the chart renders with each of values-staging.yaml and values-production.yaml",
    "DA-AWS-EKS-PRIVATE": "every subnet of the cluster is private: 0 routes to an internet gateway",
    "DA-AWS-DB": "the database cluster is declared with a minimum of 2 and a maximum of 16 capacity units",
    "DA-AWS-NAMES": 'the database cluster is declared with name "normaldance-postgres", engine "aurora-postgresql" and database "normaldance", the Kubernetes cluster with name "normaldance-prod"',
    "DA-CI-TRIGGER": "the workflow deploys on a push to main and on nothing else",
    "DA-CI-TEST": "the workflow runs npm ci, test:all and build on Node.js 20 and the deploy job needs them",
    "DA-CI-SECURITY": "the workflow runs a security scan and npm audit --audit-level=moderate and the deploy job needs them",
    "DA-CI-STAGED": "the workflow runs staging, then test:e2e, then production in its deploy job, and stops at the first failure",
    "DA-COST-RESERVED": "the capacity reservation covers 10 instances of m5.large on Linux in us-east-1a",
    "AT-ENV-CONFIG": "the settings of every workload in every environment are declared there and none names another one",
    "AT-STG-CONFIG": "the settings of staging and production differ in the declared keys only",
    "AT-RBK-COVERAGE": "every trigger and every listed risk names a rollback procedure that exists",
    "AT-DEL-ROLLBACK": "every rollback procedure names its command, its owner and its time limit",
    "FI-UA-DEVOPS": "every component's pipeline file has the stages build, test, scan, deploy and roll back",
    "FI-REVIEW-STD-SECURITY": "every boundary names its authentication, its encryption and its data class",
    "FI-REVIEW-STD-BENCHMARKS": "every boundary has a declared limit and a stored baseline run younger than 90 d",
    "FI-REVIEW-PROC-TESTING": "every boundary in the register names at least one scenario that exists",
    "IP-DOC-README": "the README is changed by every change of a file in its directory, over the last 100 changes",
    "IP-DOC-INDEX": "the README lists every file of its directory and no other",
    "IP-DOC-DATE": "the README has the date of its own newest change",
    "IP-DOC-REPORT": "the data layer report contains its 7 named sections, none of them empty",
    "IP-DOC-ROADMAP": "the integration roadmap contains its 7 named sections, none of them empty",
    "IP-MGR-PATTERN": "every integration's configuration names one of the five patterns",
    "IP-MGR-SECURITY": "every integration's configuration names its authentication method and its scopes",
    "IP-MGR-ERRORS": "every integration's configuration names its timeout, its retries and its fallback",
    "IP-MGR-TESTING": "every integration names at least one contract test that ran in the last pipeline",
    "IP-BP-SCANS-AUTO": "the workflow runs the vulnerability scan on every push and stops on its findings",
}
"""The rows of engine `static`, by their sentence."""

HELM = """#!/bin/sh
# The least that a chart needs of helm: it fails where a file is not there, and prints a manifest.
for word; do case "$word" in *.yaml) [ -f "$word" ] || { echo "Error: open $word" >&2; exit 1; };; esac; done
[ -f "$3/Chart.yaml" ] || { echo "Error: Chart.yaml file is missing" >&2; exit 1; }
printf 'apiVersion: v1\\nkind: ConfigMap\\nmetadata: {name: a}\\n'
"""


@dataclass(kw_only=True)
class PaperPlatform:
    """A copy of the platform's files that a test may spoil."""

    root: Path
    target: Path
    kept: list[Path] = field(default_factory=list)

    def write(self, path: str, text: str) -> Path:
        """A file of the repository, anew."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def edit(self, path: str, old: str, new: str) -> None:
        """The first `old` of a file is `new` now; it must be there."""
        file = self.root / path
        text = file.read_text("utf-8")
        assert old in text, f"{path} has no {old!r}"
        file.write_text(text.replace(old, new, 1), encoding="utf-8")

    def name(self, **files: object) -> None:
        """Keys of `files:` of the target file, anew; None takes one away."""
        content = yaml.safe_load(self.target.read_text())
        content["files"] = {key: value for key, value in {**content["files"], **files}.items() if value is not None}
        self.target.write_text(yaml.safe_dump(content))

    def find(self, sentence: str, today: datetime | None = None) -> Sequence[FactReading]:
        """The facts of a sentence."""
        objective = read(sentence).objective
        assert objective is not None
        target = load_target(self.target)

        def keep(path: Path, _copy: bytes | None = None, /) -> str:
            self.kept.append(path)
            return str(path)

        asked = Asked(
            target=target, params=objective.params, release="1.0.0", commit="", today=today or wall(), keep=keep
        )
        return ENGINES[objective.check](asked)

    def row(self, requirement: str) -> Sequence[FactReading]:
        """The facts of a row."""
        return self.find(ROWS[requirement])


def bad(facts: Sequence[FactReading]) -> list[tuple[str, bool | None]]:
    """What is not as expected: subject and whether it is False or unknown."""
    return [(one.subject, one.ok) for one in facts if one.ok is not True]


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository of release 1.0.0, made once."""
    root = tmp_path_factory.mktemp("platform") / "repository"
    release = load_release("1.0.0")
    repository.write(root, release, render.render(release, Credentials.generate()))
    return root


@pytest.fixture
def platform(pristine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PaperPlatform:
    """A copy of it, its target file, and a `helm` on PATH."""
    root = tmp_path / "repository"
    shutil.copytree(pristine, root)
    helm = tmp_path / "bin" / "helm"
    helm.parent.mkdir()
    helm.write_text(HELM)
    helm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{helm.parent}:/usr/bin:/bin")
    target = tmp_path / "target.yaml"
    content = {"name": "paper", "environment": "staging", "files": repository.files_block(root)}
    target.write_text(yaml.safe_dump({**content, "evidence": repository.evidence_block(root)}))
    return PaperPlatform(root=root, target=target)
