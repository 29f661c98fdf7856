"""How long 2 GB of files take to be searched for three markers, against reading them only.

`python benchmarks/marker_scan.py` makes files like a database's data, logs and random bytes, with one marker near the end of each.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Final

from harness import clock
from harness.clock import Deadline
from harness.drivers.check.stored.places import scan_place
from harness.drivers.check.stored.scanning import BLOCK, MarkerScan, new_marker
from harness.targets import Target
from harness.targets.files.stored import StorePlace

GOAL_S: Final = 10.0
SIZE: Final = 2_000_000_000
FILES: Final = 6
LINE: Final = b"2026-11-28T12:00:00Z INFO listener-17 GET /tracks/12 200 in 12.3 ms, trace 4bf92f3577b34da6\n"


def content(kind: int) -> bytes:
    """A megabyte of one kind: random, text, or zeros with text."""
    if kind == 0:
        return os.urandom(BLOCK)
    return (LINE * (BLOCK // len(LINE) + 1))[:BLOCK] if kind == 1 else (LINE + bytes(8000)) * (BLOCK // 8100)


def main() -> int:
    """Print the times; 1 if the goal is missed or a marker was not found."""
    markers = {name: new_marker() for name in ("personal", "financial", "none")}
    with tempfile.TemporaryDirectory() as directory:
        each = SIZE // FILES
        for number in range(FILES):
            with (Path(directory) / str(number)).open("wb") as file:
                block = content(number % 3)
                while file.tell() < each:
                    file.write(block)
                file.write(markers["none"].encode() + b"\n")
        began_s = clock.now_s()
        for path in Path(directory).iterdir():
            with path.open("rb", buffering=0) as file:
                while file.read(BLOCK):
                    pass
        read_s = clock.now_s() - began_s
        target = Target(name="bench", environment="sandbox", entry="http://127.0.0.1")
        store = StorePlace(files=(directory,))
        began_s, worked_s = clock.now_s(), clock.worked_s()
        seen = scan_place(target, store, MarkerScan(markers), Deadline.after(600.0))
        took_s, worked_s = clock.now_s() - began_s, clock.worked_s() - worked_s
    print(f"{seen.size / 1e9:.2f} GB in {took_s:.1f} s, {worked_s:.1f} s of them of the processor (goal {GOAL_S:g} s)")
    print(f"reading alone: {read_s:.1f} s; ratio {took_s / read_s:.1f}")
    print(f"control found {seen.times('none')} of {FILES} times")
    return int(took_s > GOAL_S or seen.times("none") != FILES)


if __name__ == "__main__":
    sys.exit(main())
