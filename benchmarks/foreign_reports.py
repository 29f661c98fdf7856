"""Judges load reports of known truth, of every format of another load tool, by `readiness run`; prints what is true and what was said.

A PASS of what is violated or broken, a FAIL of what holds or is broken, and a broken report whose cause is not named are wrong.

Run:  python benchmarks/foreign_reports.py [--each]
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.builders.load_cases import LoadCase, Truth, every_case, write_project

SENTENCES: Final = ("TIME", "ERRORS")
WRONG: Final = {
    (Truth.VIOLATED, "PASS"): "false PASS",
    (Truth.BROKEN, "PASS"): "false PASS",
    (Truth.HOLDS, "FAIL"): "false FAIL",
    (Truth.BROKEN, "FAIL"): "false FAIL",
}


class Judged(NamedTuple):
    """A sentence about a case: what is true of it, what was said, and why."""

    case: LoadCase
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
    command = [sys.executable, "-m", "harness", "run", "--out", str(directory / "runs")]
    subprocess.run(command, cwd=directory, capture_output=True, check=False)  # ends with the exit code of its decision
    verdict: Mapping[str, Any] = json.loads((directory / "runs" / "latest" / "verdict.json").read_text())
    rows = {row["id"]: row for row in verdict["requirements"]}
    return [
        Judged(case, sentence, truth, row["verdict"], row["reason"])
        for number, case in enumerate(cases)
        for sentence, truth in zip(SENTENCES, (case.time, case.errors), strict=True)
        if (row := rows[f"LR-{number:03d}-{sentence}"])
    ]


def main() -> int:
    """Print the table, and each case that is wrong; with `--each` all of them."""
    cases = every_case()
    with tempfile.TemporaryDirectory() as directory:
        found = judged(Path(directory), cases)
    counts = Counter((one.case.kind, one.truth, one.verdict) for one in found)
    print(f"{'format':20} {'truth':10} {'PASS':>5} {'FAIL':>5} {'INCONCLUSIVE':>13}")
    for kind, truth in sorted({(kind, truth) for kind, truth, _ in counts}):
        numbers = [counts[kind, truth, verdict] for verdict in ("PASS", "FAIL", "INCONCLUSIVE")]
        print(f"{kind:20} {truth:10} {numbers[0]:5} {numbers[1]:5} {numbers[2]:13}")
    for one in found:
        if one.wrong or "--each" in sys.argv:
            print(f"{one.wrong or 'right'}: {one.case.kind}, {one.case.what}, {one.sentence}: {one.verdict}: {one.reason[:300]}")
    wrong = Counter(one.wrong for one in found)
    print(f"{len(cases)} reports, {len(found)} sentences: {', '.join(f'{wrong[what]} {what}' for what in ('false PASS', 'false FAIL', 'cause not named'))}")
    return 0 if set(wrong) == {""} else 1


if __name__ == "__main__":
    sys.exit(main())
