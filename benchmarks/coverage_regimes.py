"""What the judge says of platforms at their limit whose trouble comes in regimes, by simulation.

To be read beside `coverage_limits.py`, whose table and goals these are: levels that a platform jumps between (Markov-modulated), bursts with
Pareto sizes, outages of half a window, users whose journeys break off, retry storms, accounts that fail; in windows of 60, 130 and 188 s. They were written before the rule of
thirds, and variants of that rule were compared on them: they are no independent test of it.

The goals are held against `of any` and FAIL. `shown` counts only windows with at least a fifth of either level; this second way to count was
added after results were seen, and has no goal. What is between the two are windows that lie in one level nearly from begin to end, and
look like those of a platform which has no other.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import click
import numpy as np
from coverage_table import (
    RATE,
    WINDOW_S,
    Bools,
    Cell,
    DrawResult,
    Floats,
    Rng,
    Sizes,
    arrivals,
    bursts,
    judged,
    print_table,
)

from harness.judgement.stats.shared import Ids

HIGH = 1.8
"""The upper level, in limits; the lower one is what makes the mean the limit."""

LONG = 0.1
"""A level that is kept for a longer part of the window than this is known to be taken for how the platform always is."""

SHOWN = 0.2
"""Part of a window that shows a level; chosen after results were seen."""


@dataclass(frozen=True, kw_only=True)
class Levels:
    """A share that is `high` for a part of the time and `low` for the rest, and jumps between them at random.

    Attributes:
        low, high: shares.
        part: of the time that is high.
        stay: how long it stays low or high on average, in windows; the shorter of both.
    """

    low: float
    high: float
    part: float
    stay: float

    def chances(self, rng: Rng, at: Floats, seconds: float) -> tuple[Floats, bool]:
        """The share at each request, and whether either level has at least a fifth of them."""
        shorter = min(self.part, 1 - self.part)
        stays = {True: self.stay * self.part / shorter, False: self.stay * (1 - self.part) / shorter}
        high, ends = bool(rng.random() < self.part), []
        end, highs = 0.0, []
        while end < seconds:
            end += float(rng.exponential(stays[high])) * seconds
            ends.append(end)
            highs.append(high)
            high = not high
        which = np.array(highs)[np.searchsorted(ends, at, side="right")]
        return np.where(which, self.high, self.low), bool(SHOWN <= which.mean() <= 1 - SHOWN)


def level_cells() -> Iterator[Cell]:
    """Two levels with the limit as their mean: 0.2 and 1.8 times as often, or rarely much worse."""
    for limit in (0.001, 0.01, 0.05):
        for stay in (1.0, 1 / 3, 1 / 10, 1 / 40):
            levels = Levels(low=(2 - HIGH) * limit, high=HIGH * limit, part=0.5, stay=stay)
            data = f"{limit:.1%}: 0.2 and 1.8 times, for {stay:.3g} windows each"
            yield Cell(kind="levels", data=data, draw=_of_levels(levels, limit, 188.0), known=stay > LONG)
    for limit, seconds in ((0.001, 60.0), (0.001, 130.0), (0.01, 60.0), (0.05, 60.0)):
        levels = Levels(low=(2 - HIGH) * limit, high=HIGH * limit, part=0.5, stay=1 / 3)
        data = f"{limit:.1%}: the same, for 0.333 windows of {seconds:.0f} s"
        yield Cell(kind="levels", data=data, draw=_of_levels(levels, limit, seconds), known=True)
    for limit, stay in ((0.001, 0.3), (0.01, 0.3), (0.01, 0.05), (0.05, 0.3), (0.001, 0.1), (0.01, 0.1), (0.05, 0.1)):
        levels = Levels(low=limit / 2, high=5.5 * limit, part=0.1, stay=stay)
        data = f"{limit:.1%}: half, and 5.5 times for {stay:g} windows"
        yield Cell(kind="levels", data=data, draw=_of_levels(levels, limit, 188.0), known=True)


def _of_levels(levels: Levels, limit: float, seconds: float) -> Callable[[Rng], DrawResult]:
    def draw(rng: Rng) -> DrawResult:
        at = arrivals(rng, seconds)
        chances, both = levels.chances(rng, at, seconds)
        return judged(at, rng.random(len(at)) < chances, limit, seconds, levels=both)

    return draw


def pareto(alpha: float) -> Sizes:
    """Sizes with a mean of 1 whose variance, at 2 and less, is infinite."""
    return lambda rng, count: (alpha - 1) / alpha * (1 + rng.pareto(alpha, count))


def tail_cells() -> Iterator[Cell]:
    """Bursts with Pareto sizes; outages that last for about half of the window."""
    for alpha in (1.5, 1.2):
        for each in (1.3, 2.6, 6.4, 13.0, 40.0):
            drawn = bursts(each, pareto(alpha), 0.01)
            yield Cell(kind="Pareto", data=f"{each:g} bursts a window, alpha {alpha:g}", draw=_of_share(drawn, 0.01))
    for each, usual, limit in ((6.4, 0.01, 0.05), (13.0, 0.01, 0.05), (13.0, 0.0, 0.001)):
        drawn = bursts(each, pareto(1.5), limit, usual=usual)
        data = f"{each:g} bursts a window on top of {usual:.0%}, limit {limit:.1%}"
        yield Cell(kind="Pareto", data=data, draw=_of_share(drawn, limit))
    for high, limit in ((1.0, 0.05), (0.3, 0.05), (0.05, 0.01)):
        levels = Levels(low=0.0005, high=high, part=(limit - 0.0005) / (high - 0.0005), stay=0.5)
        data = f"half a window at {high:.0%}, mean {limit:.0%}"
        yield Cell(kind="outages", data=data, draw=_of_levels(levels, limit, 188.0), known=True)


def _of_share(drawn: Callable[[Rng], tuple[Floats, Bools]], limit: float) -> Callable[[Rng], DrawResult]:
    return lambda rng: judged(*drawn(rng), limit)


def user_cells() -> Iterator[Cell]:
    """Journeys of unequal length that fail from one step on to their end."""
    for share, seconds in ((0.001, 188.0), (0.01, 188.0), (0.01, 60.0), (0.05, 60.0)):
        data = f"{share:.1%}: from a step on to the end, 1 to 40 steps, {seconds:.0f} s"
        yield Cell(kind="journeys", data=data, draw=_of_users(share, seconds))


def _of_users(share: float, seconds: float, mean: float = 6.0) -> Callable[[Rng], DrawResult]:
    before = 60.0

    def draw(rng: Rng) -> DrawResult:
        count = rng.poisson(RATE * (seconds + before) / mean)
        steps = np.minimum(rng.geometric(1 / mean, count), 40)
        breaks = np.where(rng.random(count) < 2 * share, np.ceil(rng.random(count) * steps), steps + 1)
        own = np.repeat(np.arange(count), steps)
        step = np.arange(len(own)) - np.repeat(np.cumsum(steps) - steps, steps) + 1
        at = rng.uniform(-before, seconds, count)[own] + step * rng.uniform(0.5, 1.5, len(own))
        inside = (at >= 0) & (at < seconds)
        ids = Ids.of("journey", own[inside] + 1, np.zeros(int(inside.sum()), dtype=np.int64))
        return judged(at[inside], (step >= breaks[own])[inside], _TRUE * share, seconds, ids=(ids,))

    return draw


def _share_of_the_rest(mean: float = 6.0, most: int = 40) -> float:
    """Failed requests over all, where every second journey breaks at a step that is drawn evenly: half of (steps + 1) / 2 over steps."""
    steps = np.arange(1, most + 1)
    chances = (1 - 1 / mean) ** (steps - 1) / mean
    chances[-1] += (1 - 1 / mean) ** most
    return float((chances * (steps + 1) / 2).sum() / (chances * steps).sum()) * 2


_TRUE = _share_of_the_rest()


def storm_cells() -> Iterator[Cell]:
    """Failures that bring about failures (Hawkes): each is sent again a second later, on average, and most fail again."""
    for share, clusters in ((0.001, 6.7), (0.01, 6.7), (0.01, 20.0), (0.05, 6.7)):
        data = f"{clusters:g} a window, {share:.1%}"
        yield Cell(kind="retry storms", data=data, draw=_of_storm(share, clusters), known=clusters < 15)


def _of_storm(share: float, clusters: float, after_s: float = 1.0) -> Callable[[Rng], DrawResult]:
    again = 1 - clusters / (share * RATE * WINDOW_S)

    def draw(rng: Rng) -> DrawResult:
        at, before = arrivals(rng), WINDOW_S
        born = rng.uniform(-before, WINDOW_S, rng.poisson(clusters * (WINDOW_S + before) / WINDOW_S))
        all_of_them = [born]
        while len(born):
            born = np.repeat(born, rng.poisson(again, len(born)))
            born += rng.exponential(after_s, len(born))
            all_of_them.append(born := born[born < WINDOW_S])
        times = np.sort(np.concatenate(all_of_them))
        bad = np.zeros(len(at), dtype=np.bool_)
        for index in np.searchsorted(at, times[times >= 0]).tolist():
            free = np.flatnonzero(~bad[index:])
            if len(free):
                bad[index + free[0]] = True
        return judged(at, bad, share)

    return draw


def account_cells() -> Iterator[Cell]:
    """Accounts that fail all the time, or in half of their requests; known, or unknown as of journeys that sign nobody in."""
    for share, count, part, known in (
        (0.01, 100, 1.0, True),
        (0.05, 100, 1.0, True),
        (0.01, 100, 0.5, True),
        (0.01, 1000, 1.0, True),
        (0.01, 100, 1.0, False),
        (0.05, 100, 1.0, False),
    ):
        data = f"{share:.0%} of {count} fail{'' if part == 1 else ' half'}{'' if known else ', unknown'}"
        yield Cell(kind="accounts", data=data, draw=_of_accounts(share, count, part, known=known), known=not known)


def _of_accounts(share: float, count: int, part: float, *, known: bool) -> Callable[[Rng], DrawResult]:
    def draw(rng: Rng) -> DrawResult:
        at = arrivals(rng)
        own = rng.integers(count, size=len(at))
        bad = (rng.random(count) < share / part)[own] & (rng.random(len(at)) < part)
        ids = (Ids.of("account", own + 1, np.zeros_like(own)),) if known else ()
        return judged(at, bad, share, ids=ids)

    return draw


@click.command()
@click.option("--draws", default=2_000, show_default=True, help="How often each row is drawn.")
@click.option("--quick", is_flag=True, help="300 draws: for a glance.")
@click.option("--seed", default=11, show_default=True, help="Of the generator.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@click.option("--only", default="", help="Only rows whose kind or data contain this text.")
def main(*, draws: int, quick: bool, seed: int, as_json: bool, only: str) -> None:
    """Print the table; exits with 1 when a goal is not met that is not known to be missed."""
    cells = [*level_cells(), *tail_cells(), *user_cells(), *storm_cells(), *account_cells()]
    sys.exit(print_table(cells, draws=300 if quick else draws, seed=seed, as_json=as_json, only=only))


if __name__ == "__main__":
    main()
