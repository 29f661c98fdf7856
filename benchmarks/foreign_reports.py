"""Judges load and chaos reports of known truth, of every format of another tool, by `readiness run`; prints what is true and what was said.

A PASS of what is violated or broken, a FAIL of what holds or is broken, and a broken report whose cause is not named are wrong.

Run:  python benchmarks/foreign_reports.py [--each]
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.builders.chaos_reports.cases import chaos_cases
from tests.builders.load_cases import every_case
from tests.builders.load_trial import judged, judged_chaos


def main() -> int:
    """Print the table, and each case that is wrong; with `--each` all of them."""
    loads, faults = every_case(), chaos_cases()
    with tempfile.TemporaryDirectory() as directory, tempfile.TemporaryDirectory() as other:
        found = [*judged(Path(directory), loads), *judged_chaos(Path(other), faults)]
    counts = Counter((one.case.kind, one.truth, one.verdict) for one in found)
    print(f"{'format':20} {'truth':10} {'PASS':>5} {'FAIL':>5} {'INCONCLUSIVE':>13}")
    for kind, truth in sorted({(kind, truth) for kind, truth, _ in counts}):
        numbers = [counts[kind, truth, verdict] for verdict in ("PASS", "FAIL", "INCONCLUSIVE")]
        print(f"{kind:20} {truth:10} {numbers[0]:5} {numbers[1]:5} {numbers[2]:13}")
    for one in found:
        if one.wrong or "--each" in sys.argv:
            print(
                f"{one.wrong or 'right'}: {one.case.kind}, {one.case.what}, {one.sentence}: {one.verdict}: {one.reason[:300]}"
            )
    wrong = Counter(one.wrong for one in found)
    print(
        f"{len(loads) + len(faults)} reports, {len(found)} sentences: {', '.join(f'{wrong[what]} {what}' for what in ('false PASS', 'false FAIL', 'cause not named'))}"
    )
    return 0 if set(wrong) == {""} else 1


if __name__ == "__main__":
    sys.exit(main())
