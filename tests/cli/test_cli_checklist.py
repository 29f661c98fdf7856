"""The checklist of the example, decided by the command from a directory of files."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


def checklist(directory: Path) -> tuple[int, dict[str, Any], str]:
    """Exit code, `verdict.json` and what was printed, of a run on the target file in a directory."""
    argv = ["run", "--profile", "checklist", "--target", str(directory / "paper.yaml"), "--out", str(directory / "out")]
    done = subprocess.run(
        [sys.executable, "-m", "harness", *argv],
        cwd=EXAMPLES.parent,
        env={**os.environ, "READINESS_STATE": str(directory / "state")},
        capture_output=True,
        text=True,
        check=False,
    )
    (run,) = [path for path in (directory / "out").iterdir() if path.is_dir() and not path.is_symlink()]
    return done.returncode, json.loads((run / "verdict.json").read_text()), done.stdout + done.stderr


@pytest.fixture
def paper(tmp_path: Path) -> Path:
    """A copy of the example."""
    shutil.copyfile(EXAMPLES / "paper.yaml", tmp_path / "paper.yaml")
    shutil.copytree(EXAMPLES / "paper", tmp_path / "paper")
    return tmp_path


def test_the_example_is_go(paper: Path) -> None:
    """Every row passes, the decision line names the day of the ages, and what was used is kept with the run."""
    code, verdict, said = checklist(paper)
    assert (code, verdict["decision"]) == (0, "GO"), said
    assert {row["verdict"] for row in verdict["requirements"]} == {"PASS"}
    assert " · as of 2026-11-20 · " in verdict["headline"]
    kept = {path.name for path in (paper / "out").glob("*/ingested/*/*")}
    assert {"0-unit.xml", "0-figures.csv", "0-verdict.json", "1-manifest.json"} <= kept


def test_a_spoilt_report_turns_its_row_and_what_is_made_of_it(paper: Path) -> None:
    """An XML bomb: the row is INCONCLUSIVE with file, line and hint, its derived rows with it; nothing else, and no traceback."""
    report = paper / "paper" / "reports" / "junit" / "functional.xml"
    report.write_text(f'<!DOCTYPE t [<!ENTITY a "aaaaaaaaaa">]>{report.read_text().partition("?>")[2]}')
    code, verdict, said = checklist(paper)
    turned = {row["id"]: row["verdict"] for row in verdict["requirements"] if row["verdict"] != "PASS"}
    assert code == 10
    assert turned == {"AT-SUITE-FUNCTIONAL": "INCONCLUSIVE", "AT-SUITE-TOTAL": "INCONCLUSIVE"}
    (row,) = [row for row in verdict["requirements"] if row["id"] == "AT-SUITE-FUNCTIONAL"]
    assert f"{report}:1: has a document type" in row["reason"]
    assert "Traceback" not in said
