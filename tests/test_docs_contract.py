"""What docs/api-contract.md tells to write is read and planned, and decides a shop that is as described, and one that is not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest

from harness.cli.starter.writing import ProjectAnswers, write_project
from tests.builders.preloaded import command
from tests.drivers.generated.described_shop import DESCRIPTION, serving
from tests.page_blocks import blocks

PAGE: Final = (Path(__file__).parents[1] / "docs" / "api-contract.md").read_text(encoding="utf-8")
ROUTES: Final = "GET /health\nGET /orders/{id}\nPOST /orders\n"


def project(directory: Path, entry: str, routes: str = ROUTES) -> Path:
    """A project as `init` writes it, with what the page says."""
    write_project(directory, ProjectAnswers(name="shop", entry=entry, health="/health", read="/orders/1"))
    target = directory / "target.yaml"
    said = blocks(PAGE, "yaml")[0].replace("http://127.0.0.1:8080", entry)
    target.write_text(target.read_text(encoding="utf-8") + said, encoding="utf-8")
    for name in ("openapi.yaml", "orders.json", "accepted.json"):
        (directory / name).write_text(json.dumps(DESCRIPTION), encoding="utf-8")
    (directory / "routes.txt").write_text(routes, encoding="utf-8")
    feature = f"Feature: the API\n\n{blocks(PAGE, 'gherkin')[0]}"
    (directory / "features" / "api.feature").write_text(feature, encoding="utf-8")
    return directory


@pytest.mark.slow
def test_the_sentences_are_planned(tmp_path: Path) -> None:
    """Each of the four can be decided by a run of this project, but for the calls, whose metrics need Kubernetes."""
    planned = command("harness", "plan", "--json", cwd=project(tmp_path / "shop", "http://127.0.0.1:9"))
    assert planned.returncode == 0, planned.stderr
    decided = {one["requirement"] for one in json.loads(planned.stdout)["sentences"] if one["can_be_decided"]}
    assert {"SHOP-CONTRACT", "SHOP-ACCEPTED", "SHOP-DOCUMENTED", "SHOP-CALLS"} <= decided


@pytest.mark.slow
@pytest.mark.parametrize(
    ("defect", "routes", "outcomes"),
    [
        ("", ROUTES, {"SHOP-CONTRACT": "PASS", "SHOP-ACCEPTED": "PASS", "SHOP-DOCUMENTED": "PASS", "SHOP-CALLS": "INCONCLUSIVE"}),
        ("another media type", f"{ROUTES}DELETE /orders/{{id}}\n", {"SHOP-CONTRACT": "FAIL", "SHOP-ACCEPTED": "FAIL", "SHOP-DOCUMENTED": "FAIL", "SHOP-CALLS": "FAIL"}),
    ],
)  # fmt: skip
def test_a_shop_is_decided_as_the_page_says(tmp_path: Path, defect: str, routes: str, outcomes: dict[str, str]) -> None:
    """Under traffic of its own, without Kubernetes: a shop that is as described, and one that is not."""
    with serving(defect) as shop:
        directory = project(tmp_path / "shop", shop.entry, routes)
        command("harness", "run", "--only", "SHOP-*", "--out", "runs", cwd=directory)
    (verdict,) = directory.glob("runs/2*/verdict.json")
    found = {
        one["id"]: one["outcome"] for one in json.loads(verdict.read_text())["requirements"] if one["id"] in outcomes
    }
    assert found == outcomes
