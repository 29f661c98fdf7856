"""Outages of known length between a small server and the real watch, and what rule 8 makes of them: is the truth within the resolution?

For each kind of outage one server and one watching process of a run (`python -m harness.drivers.watch`) watch each other on loopback,
at the pace of a run under a fault (50 reads a second). The server is away for each length in turn, at a random phase of the probes, with
seven seconds between; it writes down when it really was. Recovery is counted from the true beginning. A hang within the probes'
time-out of 1 s turns nobody away: it is found as a *stall* of so many ms, and the recovery reads 0 s ± at least that.

Goals: every recovery within its stated resolution; every outage of 200 ms found, its length right to 50 ms.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Self

from harness import clock
from harness.drivers.watch import Watch, watch_settings
from harness.evidence.rows import read_rows
from harness.judgement.recovery import Requests, Usual, recovery_of
from harness.model import PROBES
from harness.units import NS_PER_MS, NS_PER_S

SERVER: Final = Path(__file__).with_name("outage_server.py")
KINDS: Final = ("refused", "reset", "503", "hang", "blackhole")
LENGTHS_S: Final = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
QUICK_S: Final = (0.05, 0.2, 1.0)
CALM_S: Final = 7.0
MARGIN_NS: Final = NS_PER_S // 2
"""Looks sent shortly before the next outage may meet it: they belong to neither."""
SPACING_MS: Final = 20.0
NEVER_FAILS: Final = Usual(failed=1e-6)
"""The server fails nothing of its own accord: each failure is of an outage."""
GOAL_MS: Final = 50.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One outage, its truth and our figure.

    Attributes:
        seen: `outage`, `stall` or `nothing`.
        true_ms: how long the server was away.
        length_ms: how long the outage or stall lasted as we saw it; None: we saw none.
        recovery_ms, resolution_ms: rule 8's figure from the true beginning; None: not back.
    """

    kind: str
    true_ms: float
    seen: str
    length_ms: float | None
    recovery_ms: float | None
    resolution_ms: float

    @property
    def within(self) -> bool:
        """Whether the truth is within the resolution."""
        return self.recovery_ms is not None and abs(self.recovery_ms - self.true_ms) <= self.resolution_ms

    @property
    def error_ms(self) -> float | None:
        """Our length less the true one."""
        return None if self.length_ms is None else self.length_ms - self.true_ms


class Trial:
    """One kind of outage: its server, its watch, its truth."""

    def __init__(self, kind: str, number: int, folder: Path, lengths_s: Sequence[float], rng: random.Random) -> None:
        self.kind = kind
        self._folder = folder
        self._truth = folder / "truth.ndjson"
        folder.mkdir()
        plan, at_s = [], CALM_S
        for length_s in lengths_s:
            plan.append({"kind": kind, "at_s": at_s + rng.random(), "for_s": length_s})
            at_s += length_s + 1 + CALM_S
        self.seconds = at_s
        (folder / "plan.json").write_text(json.dumps(plan))
        self._server = subprocess.Popen(
            [sys.executable, str(SERVER), f"127.83.0.{number}", str(folder / "plan.json"), str(self._truth)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        port = self._server.stdout.readline().split()[1] if self._server.stdout else ""
        target = folder / "target.yaml"
        target.write_text(f"name: away-{kind}\nenvironment: sandbox\nentry: http://127.83.0.{number}:{port}\n")
        self._watch = Watch(watch_settings(target, folder, clients=(1,)))

    def __enter__(self) -> Self:
        self._watch.start()
        self._watch.fault_window(is_open=True)
        if self._server.stdin:
            self._server.stdin.write(f"{clock.now_ns()}\n")
            self._server.stdin.flush()
        return self

    def __exit__(self, *_: object) -> None:
        self._watch.stop()
        self._server.kill()
        self._server.communicate()

    def rows(self) -> Iterable[Row]:
        """What the judge says of what the watch saw, outage by outage."""
        rows = Requests.reads(read_rows(self._folder / "watch" / "entry.rows", PROBES).table)
        truths = [json.loads(line) for line in self._truth.read_text().splitlines()]
        ends = [*(truth["from_ns"] - MARGIN_NS for truth in truths[1:]), int(rows.sent_ns.max())]
        for truth, until_ns in zip(truths, ends, strict=True):
            seen = recovery_of(
                "reads",
                rows,
                sent_ns=truth["from_ns"],
                undone_ns=None,
                until_ns=until_ns,
                spacing_ms=SPACING_MS,
                usual=NEVER_FAILS,
            )
            spans = seen.outages or seen.stalls
            yield Row(
                kind=self.kind,
                true_ms=(truth["until_ns"] - truth["from_ns"]) / NS_PER_MS,
                seen="outage" if seen.outages else "stall" if seen.stalls else "nothing",
                length_ms=(spans[-1][1] - spans[0][0]) * 1000 if spans else None,
                recovery_ms=None if seen.seconds is None else seen.seconds * 1000,
                resolution_ms=seen.resolution_s * 1000,
            )


def measured(kinds: Sequence[str], lengths_s: Sequence[float], seed: int) -> list[Row]:
    """All kinds side by side, each against a server of its own."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        trials = [Trial(kind, n + 1, Path(folder) / kind, lengths_s, rng) for n, kind in enumerate(kinds)]
        with ExitStack() as stack:
            for trial in trials:
                stack.enter_context(trial)
            clock.sleep(max(trial.seconds for trial in trials))
        return [row for trial in trials for row in trial.rows()]


def main() -> int:
    """Measure, print, and say whether the goals are met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="three lengths only")
    parser.add_argument("--kinds", default=",".join(KINDS), help="which, with commas")
    parser.add_argument("--repeats", type=int, default=1, help="each length so often")
    parser.add_argument("--seed", type=int, default=1, help="of the phases")
    parser.add_argument("--json", action="store_true", help="the rows as JSON")
    given = parser.parse_args()
    lengths_s = (QUICK_S if given.quick else LENGTHS_S) * given.repeats
    rows = measured(given.kinds.split(","), lengths_s, given.seed)
    short = [row for row in rows if 150 < row.true_ms < 250]
    within = sum(row.within for row in rows)
    found = sum(row.error_ms is not None and abs(row.error_ms) <= GOAL_MS for row in short)
    if given.json:
        sys.stdout.write(json.dumps([{**asdict(row), "within": row.within} for row in rows], indent=1) + "\n")
    else:
        sys.stdout.write("\n".join(_table(rows)) + "\n")
        sys.stdout.write(f"seed {given.seed} · cores {os.cpu_count()} · load {os.getloadavg()[0]:.1f}\n")
        sys.stdout.write(f"within the stated resolution: {within} of {len(rows)} (goal: all)\n")
        sys.stdout.write(f"200 ms found, ± {GOAL_MS:.0f} ms: {found} of {len(short)} (goal: all)\n")
    return 0 if within == len(rows) and found == len(short) else 1


def _table(rows: Sequence[Row]) -> Iterable[str]:
    yield "| kind | truth ms | ours: seen | length ms | error ms | recovery ms | ± ms | within |"
    yield "|---|---|---|---|---|---|---|---|"
    for row in rows:
        length, error = (("-" if value is None else f"{value:.1f}") for value in (row.length_ms, row.error_ms))
        recovery = "not back" if row.recovery_ms is None else f"{row.recovery_ms:.1f}"
        yield (
            f"| {row.kind} | {row.true_ms:.1f} | {row.seen} | {length} | {error} | {recovery} | "
            f"{row.resolution_ms:.1f} | {'yes' if row.within else 'NO'} |"
        )


if __name__ == "__main__":
    sys.exit(main())
