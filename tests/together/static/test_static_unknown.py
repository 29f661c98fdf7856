"""What is not recognised is not left out: each engine meets one element of its kind that it does not know, and does not pass."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import pytest

from harness.drivers.static.registry import ENGINES
from harness.errors import HarnessError
from harness.steps import read
from tests.together.static.conftest import ROWS, PaperPlatform


class UnknownElement(NamedTuple):
    """A change of one file of the shipped platform; `new` with `{old}` adds something beside what is there."""

    row: str
    file: str
    old: str
    new: str


_JOB = "  ship:\n    runs-on: ubuntu-latest\n    steps: [{uses: acme/ship-it@v2}]\n"
_UNKNOWN: Mapping[str, UnknownElement] = {
    "workflow-trigger": UnknownElement(
        "DA-CI-TRIGGER", ".github/workflows/deploy.yaml", "  rollback:\n", _JOB + "{old}"
    ),
    "workflow-runs": UnknownElement("DA-CI-TEST", ".github/workflows/deploy.yaml", "  rollback:\n", _JOB + "{old}"),
    "workflow-order": UnknownElement("DA-CI-STAGED", ".github/workflows/deploy.yaml", "  rollback:\n", _JOB + "{old}"),
    "workflow-scan": UnknownElement(
        "IP-BP-SCANS-AUTO", ".github/workflows/scan.yaml", "uses: aquasecurity/", "uses: acme/"
    ),
    "pipeline-stages": UnknownElement(
        "FI-UA-DEVOPS", "registers/components.yaml", "pipeline: deploy.yaml", "pipeline: Jenkinsfile"
    ),
    "capacity-reservation": UnknownElement("DA-COST-RESERVED", "terraform/capacity.tf", "= 10", "= var.reserved"),
    "database-capacity": UnknownElement(
        "DA-AWS-DB", "terraform/database.tf", "max_capacity = 16", "max_capacity = var.most"
    ),
    "declared-names": UnknownElement("DA-AWS-NAMES", "terraform/database.tf", '"normaldance-postgres"', "var.database"),
    "subnets-private": UnknownElement(
        "DA-AWS-EKS-PRIVATE",
        "terraform/cluster.tf",
        "aws_subnet.private[*].id",
        "concat(aws_subnet.private[*].id, var.more)",
    ),
    "node-images": UnknownElement(
        "DA-IMG-NODE20", "docker/backend/Dockerfile", "FROM node:20", "ARG TAG\nFROM node:$TAG"
    ),
    "settings-declared": UnknownElement(
        "AT-ENV-CONFIG",
        "deploy/base/track-service.yaml",
        "name: settings, key: public-url",
        "name: other, key: public-url",
    ),
    "settings-differ": UnknownElement(
        "AT-STG-CONFIG",
        "deploy/base/track-service.yaml",
        "PUBLIC_URL, valueFrom: {configMapKeyRef: {name: settings",
        "OTHER, valueFrom: {configMapKeyRef: {name: other",
    ),
    "rollbacks-exist": UnknownElement(
        "AT-RBK-COVERAGE", "registers/risks.yaml", "risks:\n", "{old}  - {name: a risk of another kind}\n"
    ),
    "register": UnknownElement(
        "FI-REVIEW-STD-SECURITY",
        "registers/boundaries.yaml",
        "boundaries:\n",
        "{old}  - {name: a boundary of another kind}\n",
    ),
    "baselines-stored": UnknownElement(
        "FI-REVIEW-STD-BENCHMARKS",
        "registers/boundaries.yaml",
        "boundaries:\n",
        "{old}  - {name: a boundary of another kind}\n",
    ),
    "readme-index": UnknownElement(
        "IP-DOC-INDEX", "docs/integration/README.md", "## How", "| `GONE.md` | gone | gone |\n\n{old}"
    ),
    "readme-date": UnknownElement("IP-DOC-DATE", "docs/integration/README.md", "**Last Updated:**", "**Changed:**"),
}
_NAMES_ITS_PARTS = {"chart-parts", "chart-values", "document-sections", "readme-follows"}
"""Engines whose sentence names every part that is asked for, or a number of changes: nothing of their kind is beside it."""


def test_every_engine_meets_an_element_that_it_does_not_know() -> None:
    """A new engine is put into the table, or names all its parts."""
    assert _UNKNOWN.keys() | _NAMES_ITS_PARTS == ENGINES.keys()
    objectives = {name: read(ROWS[one.row]).objective for name, one in _UNKNOWN.items()}
    assert {name: one.check if one else "" for name, one in objectives.items()} == {name: name for name in _UNKNOWN}


@pytest.mark.parametrize("engine", _UNKNOWN)
def test_one_unknown_element_costs_the_pass(platform: PaperPlatform, engine: str) -> None:
    """The shipped files pass, and with it they do not: it is unknown, wrong, or refused, and named."""
    row, file, old, new = _UNKNOWN[engine]
    assert {fact.ok for fact in platform.row(row)} == {True}
    platform.edit(file, old, new.replace("{old}", old))
    try:
        found = {fact.ok for fact in platform.row(row)}
    except HarnessError as error:
        found = {None if error.where else True}
    assert found - {True}
