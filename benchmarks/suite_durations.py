"""How long the project's own tests take, by file: `python benchmarks/suite_durations.py`, 10 to 40 minutes; `--commit` for those of a commit.

Runs the suite on four workers as `scripts/test` does, and writes `benchmarks/suite-durations.csv`: for each file its cases, their seconds
(set-up, call and clean-up), the seconds of a processor in them, and the slowest case; the first rows are the whole run, and what collecting
takes in each worker. `--from DIR` only writes the table, of what an earlier run left.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any, Final

from harness import clock

ROOT: Final = Path(__file__).parents[1]
TABLE: Final = Path(__file__).with_name("suite-durations.csv")
COLUMNS: Final = ("file", "cases", "seconds", "processor_seconds", "slowest", "slowest_seconds")


def run(place: Path, extra: list[str]) -> float:
    """Run the suite with the plugin that notes times; how long it took."""
    begun = clock.now_ns()
    environment = {**os.environ, "SUITE_TRACE": str(place), "SUITE_LINES": "no"}
    command = (
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "scripts.suite.traced",
        "-m",
        "not slow and not alone",
        "-n",
        "4",
        *extra,
    )
    subprocess.run(command, cwd=ROOT, env=environment, check=False)
    return (clock.now_ns() - begun) / 1e9


def rows(place: Path, whole_s: float) -> list[tuple[Any, ...]]:
    """The table: the whole run, collecting, then the files, the longest first."""
    lines = [json.loads(line) for file in sorted(place.glob("*.ndjson")) for line in file.read_text().splitlines()]
    tests = [line for line in lines if "id" in line]
    by_file = defaultdict[str, list[dict[str, Any]]](list)
    for test in tests:
        by_file[test["id"].partition("::")[0]].append(test)
    collecting = max((line["collecting"] for line in lines if "collecting" in line), default=0.0)
    found: list[tuple[Any, ...]] = []
    for file, listed in by_file.items():
        slowest = max(listed, key=lambda one: float(one["s"]))
        name = slowest["id"].partition("::")[2]
        took, used = (sum(float(one[key]) for one in listed) for key in ("s", "cpu"))
        found.append((file, len(listed), round(took, 1), round(used, 1), name, round(slowest["s"], 1)))
    found.sort(key=lambda row: (-row[2], row[0]))
    return [
        ("(the whole run)", len(tests), round(whole_s, 1), round(sum(row[3] for row in found), 1), "", ""),
        ("(collecting, in each worker)", len(tests), round(collecting, 1), "", "", ""),
        *found,
    ]


def main() -> None:
    """Measure, write, and print the ten longest."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--commit", action="store_true", help="only the tests of a commit; the table is printed, not written"
    )
    parser.add_argument("--from", dest="place", type=Path, help="what an earlier run left, by traced.py")
    asked = parser.parse_args()
    place = asked.place or ROOT / "build" / "suite" / f"durations-{clock.wall().strftime('%H%M%S')}"
    took = 0.0 if asked.place else run(place, ["--commit"] if asked.commit else [])
    table = rows(place, took)
    for row in table[:12]:
        print(f"{row[2]:>8} s  {row[1]:>6} cases  {row[0]}")
    if not asked.commit:
        with TABLE.open("w", encoding="utf-8", newline="") as out:
            csv.writer(out, lineterminator="\n").writerows((COLUMNS, *table))


if __name__ == "__main__":
    main()
