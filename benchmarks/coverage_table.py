"""The table of a simulation: kinds of platforms, how each is drawn and judged, how often it passed and failed, and the goals.

`coverage_limits.py` and `coverage_regimes.py` fill it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from harness.judgement.stats.clustered import share_in_time
from harness.judgement.stats.clusters import Timeline
from harness.judgement.stats.shared import Ids
from harness.judgement.stats.statistics import share_at_most
from harness.units import NS_PER_S

CONFIDENCE = 0.95
PASS_GOAL = 0.07
FAIL_GOAL = 0.005
HEALTHY_GOAL = 0.95
WINDOW_S = 188.0
RATE = 110.0

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Rng = np.random.Generator
Sizes = Callable[[Rng, int], Floats]


@dataclass(frozen=True, kw_only=True)
class DrawResult:
    """The verdict on one draw of a share that must be below its limit.

    Attributes:
        passed, failed: the verdict.
        naive: whether bounds for independent requests let it pass.
        any_bad: whether anything was bad.
        levels: of a platform with two levels, whether the window has a good part of each.
    """

    passed: bool
    failed: bool
    naive: bool
    any_bad: bool
    levels: bool = True


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One kind of platform; at its limit, or healthy.

    Attributes:
        kind, data: what it is. draw: draws one window of it.
        healthy: it is not at its limit. passes: it must pass in HEALTHY_GOAL of the windows.
        known: it misses the goal, and the docs say so.
    """

    kind: str
    data: str
    draw: Callable[[Rng], DrawResult]
    healthy: bool = False
    passes: bool = False
    known: bool = False


@dataclass(frozen=True, kw_only=True)
class Row:
    """What came out of one cell."""

    kind: str
    data: str
    healthy: bool
    passed: float
    passed_of_any: float
    passed_of_shown: float
    failed: float
    failed_of_shown: float
    naive: float
    goal_met: bool
    known: bool


def judged(
    at: Floats, bad: Bools, limit: float, seconds: float = WINDOW_S, ids: tuple[Ids, ...] = (), *, levels: bool = True
) -> DrawResult:
    """The share of failures, judged against the limit."""
    timeline = Timeline.of((at * NS_PER_S).astype(np.int64), (0, round(seconds * NS_PER_S)), ids)
    bounds = share_in_time(timeline.slots(bad), CONFIDENCE, claim=True)
    return DrawResult(
        passed=bounds.high < limit,
        failed=bounds.fail_low >= limit,
        naive=share_at_most(int(bad.sum()), len(bad), CONFIDENCE) < limit,
        any_bad=bool(bad.any()),
        levels=levels,
    )


def arrivals(rng: Rng, seconds: float = WINDOW_S, rate: float = RATE) -> Floats:
    """Poisson arrivals."""
    return np.sort(rng.uniform(0, seconds, rng.poisson(seconds * rate)))


def log_normal(sigma: float) -> Sizes:
    """Sizes with a mean of 1."""
    return lambda rng, count: np.exp(sigma * rng.standard_normal(count) - sigma**2 / 2)


SIZES: dict[str, Sizes] = {
    "log-normal, sigma 1": log_normal(1.0),
    "log-normal, sigma 1.5": log_normal(1.5),
    "exponential": lambda rng, count: rng.exponential(1.0, count),
    "one in five nine times as long": lambda rng, count: np.where(rng.random(count) < 0.2, 9.0, 1.0) / 2.6,
}


def bursts(per_window: float, sizes: Sizes, share: float, usual: float = 0.0) -> Callable[[Rng], tuple[Floats, Bools]]:
    """So many bursts a window, in which all is bad, on top of a usual share."""
    mean_s = (share - usual) / (1 - usual) * WINDOW_S / per_window
    before = 20 * mean_s

    def drawn(rng: Rng) -> tuple[Floats, Bools]:
        count = rng.poisson(per_window * (WINDOW_S + before) / WINDOW_S)
        starts, lengths = rng.uniform(-before, WINDOW_S, count), mean_s * sizes(rng, count)
        at = arrivals(rng)
        bad = rng.random(len(at)) < usual
        for start, length in zip(starts, lengths, strict=True):
            bad[np.searchsorted(at, start) : np.searchsorted(at, start + length)] = True
        return at, bad

    return drawn


def row(cell: Cell, draws: int, rng: Rng) -> Row:
    """Draw and count."""
    found = [cell.draw(rng) for _ in range(draws)]
    some = [one for one in found if one.any_bad]
    shown = [one for one in some if one.levels]
    passed, failed = _share(some, "passed"), _share(found, "failed")
    noise = [2 * math.sqrt(goal * (1 - goal) / draws) for goal in (PASS_GOAL, FAIL_GOAL, HEALTHY_GOAL)]
    met = failed <= FAIL_GOAL + noise[1]
    if cell.passes:
        met &= _share(found, "passed") >= HEALTHY_GOAL - noise[2]
    elif not cell.healthy:
        met &= passed <= PASS_GOAL + noise[0]
    return Row(
        kind=cell.kind,
        data=cell.data,
        healthy=cell.healthy,
        passed=_share(found, "passed"),
        passed_of_any=passed,
        passed_of_shown=_share(shown, "passed"),
        failed=failed,
        failed_of_shown=_share(shown, "failed"),
        naive=_share(found, "naive"),
        goal_met=met,
        known=cell.known,
    )


def _share(found: list[DrawResult], word: str) -> float:
    """How often; of nothing 0."""
    return sum(bool(getattr(one, word)) for one in found) / max(len(found), 1)


def print_table(cells: list[Cell], *, draws: int, seed: int, as_json: bool, only: str) -> int:
    """Draw the rows that contain the text and print them; 1 when a goal is not met that is not known to be missed."""
    rows = []
    if not as_json:
        print(
            f"seed {seed}, {draws} draws a row; goals: at most {PASS_GOAL:.0%} PASS `of any` at a limit, at least {HEALTHY_GOAL:.0%} of core's healthy release; {FAIL_GOAL:.1%} FAIL"
        )
        print(f"{'kind':18}{'data':58}{'PASS':>7}{'of any':>8}{'shown':>8}{'FAIL':>8}{'shown':>8}{'naive':>8}")
    for number, cell in enumerate(cells):
        if only in f"{cell.kind} {cell.data}":
            rows.append(one := row(cell, draws, np.random.default_rng([seed, number])))
            if not as_json:
                word = "" if one.goal_met else "  known" if one.known else "  MISSED"
                passed = f"{one.passed:7.3f}{one.passed_of_any:8.3f}{one.passed_of_shown:8.3f}"
                failed = f"{one.failed:8.4f}{one.failed_of_shown:8.4f}"
                print(f"{one.kind:18}{one.data:58}{passed}{failed}{one.naive:8.3f}{word}", flush=True)
    if as_json:
        print(json.dumps({"seed": seed, "draws": draws, "rows": [asdict(one) for one in rows]}, indent=1))
    return 0 if all(one.goal_met or one.known for one in rows) else 1
