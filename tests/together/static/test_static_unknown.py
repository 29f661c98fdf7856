"""What is not recognised is not left out: each engine meets one element of its kind that it does not know, and does not pass."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import pytest

from harness.drivers.static.registry import ENGINES
from harness.errors import HarnessError
from harness.steps import read
from tests.together.static.conftest import ROWS, PaperPlatform


class Unknown(NamedTuple):
    """A change of one file of the shipped platform; `new` with `{old}` adds something beside what is there."""

    row: str
    file: str
    old: str
    new: str


_JOB = "  ship:\n    runs-on: ubuntu-latest\n    steps: [{uses: acme/ship-it@v2}]\n{old}"
_BOUNDARY = "{old}  - {name: a boundary of another kind}\n"
_SUBNETS = "aws_subnet.private[*].id"
_DEPLOY, _SERVICE = ".github/workflows/deploy.yaml", "deploy/base/track-service.yaml"
_README = "docs/integration/README.md"
_UNKNOWN: Mapping[str, Unknown] = {
    "workflow-trigger": Unknown("DA-CI-TRIGGER", _DEPLOY, "  rollback:\n", _JOB),
    "workflow-runs": Unknown("DA-CI-TEST", _DEPLOY, "  rollback:\n", _JOB),
    "workflow-order": Unknown("DA-CI-STAGED", _DEPLOY, "  rollback:\n", _JOB),
    "workflow-scan": Unknown("IP-BP-SCANS-AUTO", ".github/workflows/scan.yaml", "uses: aquasecurity/", "uses: acme/"),
    "pipeline-stages": Unknown("FI-UA-DEVOPS", "registers/components.yaml", ": deploy.yaml", ": Jenkinsfile"),
    "capacity-reservation": Unknown("DA-COST-RESERVED", "terraform/capacity.tf", "= 10", "= var.reserved"),
    "database-capacity": Unknown("DA-AWS-DB", "terraform/database.tf", "max_capacity = 16", "max_capacity = var.most"),
    "declared-names": Unknown("DA-AWS-NAMES", "terraform/database.tf", '"normaldance-postgres"', "var.database"),
    "subnets-private": Unknown("DA-AWS-EKS-PRIVATE", "terraform/cluster.tf", _SUBNETS, f"concat({_SUBNETS}, var.more)"),
    "node-images": Unknown("DA-IMG-NODE20", "docker/backend/Dockerfile", "FROM node:20", "ARG TAG\nFROM node:$TAG"),
    "settings-declared": Unknown("AT-ENV-CONFIG", _SERVICE, "settings, key: public", "other, key: public"),
    "settings-differ": Unknown(
        "AT-STG-CONFIG",
        _SERVICE,
        "PUBLIC_URL, valueFrom: {configMapKeyRef: {name: settings",
        "OTHER, valueFrom: {configMapKeyRef: {name: other",
    ),
    "rollbacks-exist": Unknown(
        "AT-RBK-COVERAGE", "registers/risks.yaml", "risks:\n", "{old}  - {name: another risk}\n"
    ),
    "register": Unknown("FI-REVIEW-STD-SECURITY", "registers/boundaries.yaml", "boundaries:\n", _BOUNDARY),
    "baselines-stored": Unknown("FI-REVIEW-STD-BENCHMARKS", "registers/boundaries.yaml", "boundaries:\n", _BOUNDARY),
    "readme-index": Unknown("IP-DOC-INDEX", _README, "## How", "| `GONE.md` | gone | gone |\n\n{old}"),
    "readme-date": Unknown("IP-DOC-DATE", _README, "**Last Updated:**", "**Changed:**"),
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
