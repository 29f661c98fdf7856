"""What docs/generated-requests.md tells to write is read, planned, run against a shop, and judged again without it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest

from harness.cli.starter.writing import ProjectAnswers, write_project
from harness.drivers.generated.searching import MOST_SMALLER
from harness.extras import GENERATED, install
from harness.targets.openapi.schemas import CHECKED
from tests.builders.preloaded import command
from tests.drivers.generated.described_shop import DESCRIPTION, serving
from tests.page_blocks import blocks

PAGE: Final = (Path(__file__).parents[1] / "docs" / "generated-requests.md").read_text(encoding="utf-8")


def project(directory: Path, entry: str) -> Path:
    """A project as `init` writes it, with what the page says."""
    write_project(directory, ProjectAnswers(name="shop", entry=entry, health="/health", read="/orders/1"))
    target = directory / "target.yaml"
    target.write_text(target.read_text(encoding="utf-8") + blocks(PAGE, "yaml")[0], encoding="utf-8")
    (directory / "openapi.yaml").write_text(json.dumps(DESCRIPTION), encoding="utf-8")
    feature = f"Feature: the API\n\n{blocks(PAGE, 'gherkin')[0]}"
    (directory / "features" / "api.feature").write_text(feature, encoding="utf-8")
    return directory


@pytest.mark.slow
@pytest.mark.parametrize(("defect", "decided"), [("", {"PASS"}), ("5xx above int32", {"FAIL"})])
def test_the_page_decides_and_the_record_does_so_again(defect: str, decided: set[str], tmp_path: Path) -> None:
    """The sentence on answers fails for the smallest number; `judge --check` gives the same bytes when the shop is gone."""
    directory = tmp_path / "shop"
    with serving(defect) as shop:
        here = project(directory, shop.entry)
        ran = command("harness", "run", "--only", "SHOP-API", "--no-decision", cwd=here)
    verdict = json.loads((here / "reports" / "runs" / "latest" / "verdict.json").read_text(encoding="utf-8"))
    found = {one["id"]: one for one in verdict["requirements"]}
    assert {found["SHOP-API"]["verdict"]} == decided, ran.stdout + ran.stderr
    if defect:
        assert blocks(PAGE, "text")[0].partition(" (the smallest")[0] in found["SHOP-API"]["reason"]
    again = command("harness", "judge", "reports/runs/latest", "--check", cwd=here)
    assert again.returncode in {0, 1, 10}, again.stdout + again.stderr


def test_the_page_has_the_command_of_the_extra_and_the_formats() -> None:
    """As the code has them."""
    assert install(GENERATED).replace("'", '"') in PAGE
    assert f"at most {MOST_SMALLER} further requests" in PAGE
    assert {name for name in CHECKED.checkers if f"`{name}`" not in PAGE} == set()
