"""The load and chaos reports of known truth, judged by `readiness run` in a process of its own."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.builders.chaos_reports.case import ChaosCase
from tests.builders.chaos_reports.cases import write_chaos_project
from tests.builders.load_cases import LoadCase, Truth, write_project

SENTENCES: Final = ("TIME", "ERRORS")
WRONG: Final = {
    (Truth.VIOLATED, "PASS"): "false PASS",
    (Truth.BROKEN, "PASS"): "false PASS",
    (Truth.HOLDS, "FAIL"): "false FAIL",
    (Truth.BROKEN, "FAIL"): "false FAIL",
}


class Judged(NamedTuple):
    """A sentence about a case: what is true of it, what was said, and why."""

    case: LoadCase | ChaosCase
    sentence: str
    truth: Truth
    verdict: str
    reason: str

    @property
    def wrong(self) -> str:
        """What is wrong with the verdict; empty if nothing is."""
        if self.truth is Truth.BROKEN and self.case.cause and not re.search(self.case.cause, self.reason):
            return "cause not named"
        return WRONG.get((self.truth, self.verdict), "")


def judged(directory: Path, cases: tuple[LoadCase, ...]) -> list[Judged]:
    """Write the project, run it, and read the verdict of each sentence."""
    write_project(directory, cases)
    rows = _rows(directory)
    return [
        Judged(case, sentence, truth, row["verdict"], row["reason"])
        for number, case in enumerate(cases)
        for sentence, truth in zip(SENTENCES, (case.time, case.errors), strict=True)
        if (row := rows[f"LR-{number:03d}-{sentence}"])
    ]


def judged_chaos(directory: Path, cases: tuple[ChaosCase, ...]) -> list[Judged]:
    """As `judged`, of chaos reports, about each of which there is one sentence."""
    write_chaos_project(directory, cases)
    rows = _rows(directory)
    return [
        Judged(case, "CHAOS", case.truth, row["verdict"], row["reason"])
        for number, case in enumerate(cases)
        if (row := rows[f"CR-{number:03d}"])
    ]


def _rows(directory: Path) -> Mapping[str, Any]:
    """Run the project; its requirements by id."""
    command = [sys.executable, "-m", "harness", "run", "--out", str(directory / "runs")]
    subprocess.run(command, cwd=directory, capture_output=True, check=False)  # ends with the exit code of its decision
    verdict: Mapping[str, Any] = json.loads((directory / "runs" / "latest" / "verdict.json").read_text())
    return {row["id"]: row for row in verdict["requirements"]}
