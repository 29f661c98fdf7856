"""docs/fleet.md: its files are read as the page says, its commands run, and its table names every cause."""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml

from harness.model.judged.fleet import CellFault
from harness.run.fleet.fleet_file import load_fleet
from tests.builders.preloaded import command

PAGE = (Path(__file__).parents[1] / "docs" / "fleet.md").read_text(encoding="utf-8")
MATRIX, EXPLICIT, WORKFLOW = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


def test_the_page_is_read_in_four_minutes() -> None:
    """At most 700 words, blocks apart."""
    assert len(re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL).split()) <= 700


def test_every_cause_is_in_the_table() -> None:
    """By the word that the reports have."""
    assert [fault for fault in CellFault if f"`{fault}`" not in PAGE] == []


def test_the_files_declare_cells(tmp_path: Path) -> None:
    """Three of the matrix, two of their own."""
    for text, many in ((MATRIX, 3), (EXPLICIT, 2)):
        (tmp_path / "fleet.yaml").write_text(text, encoding="utf-8")
        assert len(load_fleet(tmp_path / "fleet.yaml").cells) == many


def test_the_commands_run(tmp_path: Path) -> None:
    """The matrix has what the workflow reads of it; without a run every cell is missing."""
    (tmp_path / "fleet.yaml").write_text(MATRIX, encoding="utf-8")
    lines = re.findall(r"^readiness (.*)$", PAGE, re.MULTILINE)
    assert [command("harness", *line.split(), cwd=tmp_path).returncode for line in lines] == [0, 10]
    assert (tmp_path / "reports" / "fleet" / "fleet.html").exists()
    (run,) = [step["run"] for step in yaml.safe_load(WORKFLOW)["jobs"]["cells"]["steps"]]
    typed = re.findall(r"\$\(readiness (.*?)\)", run)[0].split()
    cells = json.loads(command("harness", *typed, cwd=tmp_path).stdout)["include"]
    assert [key for key in re.findall(r"matrix\.(\w+) ", WORKFLOW) if key not in cells[0]] == []
