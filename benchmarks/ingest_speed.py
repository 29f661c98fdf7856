"""Reads a JUnit report of 100 000 test cases, each with an output, as the ingest engines do; in a process of its own, for its memory.

Run:  python benchmarks/ingest_speed.py
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

CASES: Final = 100_000
MOST_S: Final = 5.0
MOST_MB: Final = 200.0


def report(cases: int) -> bytes:
    """A report of pytest's form: one test in a hundred has failed, one in fifty was skipped."""
    inside = {
        0: '<failure message="no">trace &lt;of&gt; it</failure>',
        1: '<skipped message="later"/>',
        51: "<skipped/>",
    }
    rows = [
        f'<testcase classname="tests.unit.test_module_{n // 100}" name="test_case_{n}[a-{n % 7}]" time="0.012">'
        f"{inside.get(n % 100, '')}<system-out>line of output {n}</system-out></testcase>"
        for n in range(cases)
    ]
    head = f'<testsuites><testsuite name="pytest" tests="{cases}" failures="{cases // 100}" skipped="{cases // 50}">'
    return f"{head}{''.join(rows)}</testsuite></testsuites>".encode()


def read(path: Path) -> None:
    """Read the file and print seconds, the process's peak of memory in MB, and what was counted."""
    from harness import clock
    from harness.drivers.ingest.formats.plain import LARGEST_XML, read_report
    from harness.drivers.ingest.formats.testing.junit import junit_report

    begun = clock.now_s()
    found = junit_report(read_report(path, LARGEST_XML), str(path))
    seconds = clock.now_s() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{seconds} {peak} {len(found.cases)} {len(found.contradictions)}")


def main() -> int:
    """Make the file, read it, compare."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "junit.xml"
        path.write_bytes(report(CASES))
        size = path.stat().st_size / 1e6
        done = subprocess.run([sys.executable, __file__, str(path)], check=True, capture_output=True, text=True)
    seconds, peak, cases, contradictions = map(float, done.stdout.split())
    good = seconds <= MOST_S and peak <= MOST_MB and cases == CASES and not contradictions
    print(
        f"{cases:.0f} test cases, {size:.0f} MB: {seconds:.2f} s (at most {MOST_S:g}), {peak:.0f} MB (at most {MOST_MB:g})"
    )
    return 0 if good else 1


if __name__ == "__main__":
    if len(sys.argv) > 1:
        read(Path(sys.argv[1]))
    else:
        sys.exit(main())
