"""What docs/loss-of-all-members.md tells to write is read, and brings the experiment."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from harness.drivers.chaos import find_experiments
from harness.run.plan.absent import absent_on
from harness.targets import load_target
from tests.page_blocks import blocks

ROOT: Final = Path(__file__).parents[1]
BEFORE: Final = "name: shop\nenvironment: staging\nentry: https://shop.example.test\n"


def test_the_target_file_of_the_page_names_a_procedure(tmp_path: Path) -> None:
    """And the experiment is absent without it."""
    page = (ROOT / "docs" / "loss-of-all-members.md").read_text(encoding="utf-8")
    (text,) = blocks(page, "yaml")
    file, experiments = tmp_path / "target.yaml", find_experiments([ROOT / "experiments"]).plans
    file.write_text(BEFORE + text, encoding="utf-8")
    assert absent_on(load_target(file), experiments) == frozenset()
    kept = [line for line in text.splitlines() if "restore:" not in line]
    file.write_text(BEFORE + "\n".join(kept), encoding="utf-8")
    assert absent_on(load_target(file), experiments) == {"database-members-loss"}
