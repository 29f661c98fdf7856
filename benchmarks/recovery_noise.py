"""How often noise is taken for the fault's, and a service that is not as before for one that is back: rule 8 on simulated probes.

Reads 25 times a second, as where a recovery of 2 s is claimed: a minute without a fault, in which each fails by itself with the share of the row, then a fault at which all fail
for so long, and after it each with another share or the same. The limit is 30 s. The record ends after the row's time; or a run watches
until the judge's rule, asked every quarter of a second from 12 s on, says that reads are back, nothing needs to be undone, and probes go on
until 60 s after the fault.

Goals: a service that is out for 5 s, and fails as before then, FAIL at most 0.5 %; one that is out for 35 s never PASS; one that promises
0.1 % and fails 5 % or more after the fault PASS at most 2 %. What is between is printed without a goal, and so is what fails less often where 0.6 %
failed before the fault (nine reads of 1 500, which make p0 1 %); it passes no more often.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from harness.judgement.figures.recovery.recovered import outcome_in
from harness.judgement.recovery import Promise, Requests, recovered_at, recovery_of
from harness.judgement.recovery.usual import Usual
from harness.model import Outcome
from harness.units import NS_PER_S

PER_S: Final = 25.0
QUIET_S: Final = 60.0
LIMIT_S: Final = 30.0
HELD_S: Final = 12.0
MOST_S: Final = 60.0
POLL_S: Final = 0.25
ANSWER_NS: Final = 3_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One kind of recovery.

    Attributes:
        out_s: how long all reads fail.
        before, after: share of reads that fail by themselves without the fault and after it.
        promised: the error rate that the plan promises; 0: none.
        hold_s: when the record ends; 0: 60 s, and a run watches until reads are back.
        goal: outcome and the largest share of it; None: no goal.
    """

    out_s: float
    before: float
    after: float
    promised: float
    hold_s: float
    goal: tuple[Outcome, float] | None = None

    def __str__(self) -> str:
        """The cells of the row before its figures."""
        hold = f"{self.hold_s:g} s" if self.hold_s else "until back"
        promised = f"{self.promised:.1%}" if self.promised else "none"
        return f"{self.out_s:g} s | {self.before:.1%} | {self.after:.1%} | {promised} | {hold}"


def rows() -> Iterable[Row]:
    """Every row, those with a goal first."""
    for share in (0.0, 0.001, 0.003, 0.01):
        for promised in (0.0, 0.001, 0.01):
            for hold_s in (30.2, 35.0, 0.0):
                goal = (Outcome.FAIL, 0.005)
                yield Row(out_s=5, before=share, after=share, promised=promised, hold_s=hold_s, goal=goal)
    for share in (0.0, 0.001, 0.01):
        for hold_s in (36.0, 45.0):
            goal = (Outcome.PASS, 0.0)
            yield Row(out_s=35, before=share, after=share, promised=0.001, hold_s=hold_s, goal=goal)
    for before in (0.0, 0.006):
        for after in (0.01, 0.02, 0.03, 0.05, 0.1):
            for hold_s in (35.0, 0.0):
                worse = (Outcome.PASS, 0.02) if after >= 0.05 and not before else None
                yield Row(out_s=5, before=before, after=after, promised=0.001, hold_s=hold_s, goal=worse)


def outcome(row: Row, rng: np.random.Generator) -> Outcome:
    """What the judge says of one such recovery."""
    quiet = _requests(rng, -QUIET_S, 0.0, 0.0, row.before)
    usual = Promise(failed=row.promised).usual([quiet])
    fault = _requests(rng, 0.0, row.hold_s or MOST_S, row.out_s, row.after)
    hold_s = row.hold_s or _held_s(fault, usual)
    until_ns = round(hold_s * NS_PER_S)
    seen = recovery_of(
        "reads",
        fault,
        sent_ns=0,
        undone_ns=None,
        until_ns=until_ns,
        known_ns=round((row.hold_s or MOST_S) * NS_PER_S),
        spacing_ms=1000 / PER_S,
        usual=usual,
    )
    return outcome_in(seen, LIMIT_S, spacing_s=1 / PER_S)


def _requests(rng: np.random.Generator, start_s: float, end_s: float, out_s: float, share: float) -> Requests:
    at_s = np.arange(start_s, end_s, 1 / PER_S) + rng.uniform(0, 1 / PER_S)
    sent = np.asarray(at_s * NS_PER_S, dtype=np.int64)
    return Requests.of(sent, sent + ANSWER_NS, (at_s >= start_s + out_s) & (rng.random(len(at_s)) >= share))


def _held_s(fault: Requests, usual: Usual) -> float:
    """How long a run would watch: until reads are back, at most for the limit and a little."""
    for until_s in np.arange(HELD_S, LIMIT_S + POLL_S, POLL_S).tolist():
        if (
            recovered_at(fault.sent_ns, fault.ok, 0, round(until_s * NS_PER_S), usual, done_ns=fault.done_ns)
            is not None
        ):
            break
    return float(until_s)


def shares(row: Row, times: int, seed: int) -> dict[Outcome, float]:
    """The share of each outcome in so many recoveries."""
    rng = np.random.default_rng(seed)
    counts = Counter(outcome(row, rng) for _ in range(times))
    return {one: counts[one] / times for one in (Outcome.PASS, Outcome.INCONCLUSIVE, Outcome.FAIL)}


def main(words: Sequence[str] | None = None) -> int:
    """Print a line for each row; 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=1000, help="recoveries a row")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(words)
    missed = 0
    sys.stdout.write(
        "| out | fail before | after | promised | hold | PASS | INCONCLUSIVE | FAIL | goal |\n|---" + "|---" * 8 + "|\n"
    )
    for row in rows():
        found = shares(row, given.times, given.seed)
        is_missed = row.goal is not None and found[row.goal[0]] > row.goal[1]
        missed += is_missed
        goal = (
            "" if row.goal is None else f"{'MISSED' if is_missed else 'met'}: {row.goal[0].value} ≤ {row.goal[1]:.1%}"
        )
        cells = " | ".join(f"{share:.2%}" for share in found.values())
        sys.stdout.write(f"| {row} | {cells} | {goal} |\n")
        sys.stdout.flush()
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
