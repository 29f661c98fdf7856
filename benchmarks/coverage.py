"""How often the judge's bounds of a run's KPIs hold the truth, by simulation.

Each row is one kind of figure on one kind of data, drawn many times with a known truth, and bounded by the judge's own functions.
`low` and `high` are one-sided at a nominal 95 %, counted over all draws: each should hold at least 93 % of the time. `few` is how
often the judge says that too few episodes were seen: its bound then takes each as bad as the worst, and rarely bears a verdict.
`low|15`, `high|15` count the other draws alone, where these are at least half. `binomial` is what exact bounds that take requests for
independent ones hold. `false PASS` is how often a platform that is exactly at its limit passes: at most 7 %. `width` is the median
distance of the bound on the bad side from the truth, as a ratio. Draws of 1 800 s without a rate are of 50 requests/s.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
from dependence import Bad, again, beats, by_connection, changing, in_runs, turns

from harness.judgement.stats.clustered import share_in_time
from harness.judgement.stats.clusters import Slots, Timeline
from harness.judgement.stats.downtime import downtime_of, uptime_by_seconds
from harness.judgement.stats.quantiles import quantile_in_time
from harness.judgement.stats.statistics import Bounds, quantile_bounds, share_bounds
from harness.units import NS_PER_S

SEED = 20_261_120
GOAL = 0.93
FALSE_PASS = 0.07
CONFIDENCE = 0.95

Floats = npt.NDArray[np.float64]
Rng = np.random.Generator
Draw = Callable[[Rng], tuple[Bounds, Bounds]]
"""The judge's bounds, and those for independent requests, of one drawn run."""


@dataclass(frozen=True, kw_only=True)
class Lengths:
    """How long episodes last: log-normal about a mean, all alike where sigma is 0."""

    mean_s: float
    sigma: float = 0.0

    def drawn(self, rng: Rng, count: int) -> Floats:
        """So many of them, in seconds."""
        return self.mean_s * np.exp(self.sigma * rng.standard_normal(count) - self.sigma**2 / 2)


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One kind of figure on one kind of data; `bad_side` is the bound that a PASS needs."""

    kind: str
    data: str
    truth: float
    draw: Draw
    bad_side: str = "high"


@dataclass(frozen=True, kw_only=True)
class Row:
    """What came out of one cell."""

    kind: str
    data: str
    few: float
    low: float
    high: float
    low_15: float
    high_15: float
    binomial_low: float
    binomial_high: float
    false_pass: float
    width: float
    goal_met: bool


def episodes(rng: Rng, seconds: float, every_s: float, lengths: Lengths) -> tuple[Floats, Floats]:
    """Start and end of episodes that begin each `every_s` on average: pauses are exponential, and none begins within another."""
    before = 120.0
    count = 20 + math.ceil(2 * (seconds + before) / every_s)
    during = lengths.drawn(rng, count)
    ends = np.cumsum(rng.exponential(every_s - lengths.mean_s, count) + during) - before
    return ends - during, ends


def covered(rng: Rng, edges: Floats, every_s: float, lengths: Lengths) -> Floats:
    """Which share of the time between the edges lies in an episode."""
    starts, ends = episodes(rng, float(edges[-1]), every_s, lengths)
    points = np.column_stack([starts, ends]).ravel()
    sums = np.column_stack([np.zeros(len(starts)), ends - starts]).ravel().cumsum()
    at = np.interp(edges, points, sums) if len(points) else np.zeros(len(edges))
    return np.clip(np.diff(at) / np.diff(edges), 0.0, 1.0)


def counted(rng: Rng, chances: Floats, rate: float, width_s: float) -> tuple[Bounds, Bounds]:
    """Poisson arrivals a slot, each bad with the slot's chance."""
    n = rng.poisson(rate * width_s, len(chances))
    bad = rng.binomial(n, chances)
    slots = Slots(width_s=width_s, n=n, bad=bad)
    return share_in_time(slots, CONFIDENCE), share_bounds(int(bad.sum()), int(n.sum()), CONFIDENCE)


def share_cells() -> Iterator[Cell]:
    """Error rates, shares over a limit, shares of regions."""

    def cell(
        kind: str, data: str, truth: float, chances: Callable[[Rng, Floats], Floats], *, seconds: float, rate: float
    ) -> Cell:
        width = max(0.05, 10 / rate)
        edges = np.arange(0.0, seconds + width / 2, width)
        return Cell(kind=kind, data=data, truth=truth, draw=lambda rng: counted(rng, chances(rng, edges), rate, width))

    def steady(share: float) -> Callable[[Rng, Floats], Floats]:
        return lambda _, edges: np.full(len(edges) - 1, share)

    def switched(every_s: float, lengths: Lengths, inside: float, outside: float) -> Callable[[Rng, Floats], Floats]:
        return lambda rng, edges: outside + (inside - outside) * covered(rng, edges, every_s, lengths)

    def swinging(tau_s: float, share: float) -> Callable[[Rng, Floats], Floats]:
        return lambda rng, edges: swing(rng, edges, tau_s, share)

    for share, seconds in ((0.0005, 120.0), (0.005, 60.0), (0.05, 60.0), (0.05, 300.0)):
        yield cell(
            "errors", f"independent {share:.2%}, {seconds:.0f} s", share, steady(share), seconds=seconds, rate=200
        )
    stalls = switched(20, Lengths(mean_s=2), 1, 0)
    for seconds in (60.0, 300.0, 1800.0):
        data = f"stalls of 2 s each 20 s, {seconds:.0f} s at 200/s"
        yield cell("over limit", data, 0.1, stalls, seconds=seconds, rate=200)
    on_top = switched(20, Lengths(mean_s=2), 1, 0.04)
    yield cell("over limit", "the same on top of 4 %, 300 s", 0.04 + 0.96 * 0.1, on_top, seconds=300, rate=200)
    for name, lengths, inside, every_s, seconds, rate in (
        ("outages of 3 s each 60 s", Lengths(mean_s=3), 1.0, 60.0, 300.0, 200.0),
        ("outages of 3 s each 60 s", Lengths(mean_s=3), 1.0, 60.0, 1800.0, 50.0),
        ("outages of 5 s at 45 % each 50 s", Lengths(mean_s=5), 0.45, 50.0, 1800.0, 50.0),
        ("outages of 1 s at 30 % each 10 s", Lengths(mean_s=1), 0.3, 10.0, 300.0, 200.0),
        ("outages of 1 s at 60 % each 10 s", Lengths(mean_s=1), 0.6, 10.0, 300.0, 200.0),
        ("bursts of 0.1 s each 5 s", Lengths(mean_s=0.1), 1.0, 5.0, 300.0, 200.0),
        ("log-normal outages, sigma 1", Lengths(mean_s=2, sigma=1), 1.0, 20.0, 1800.0, 50.0),
        ("log-normal outages, sigma 1.5", Lengths(mean_s=2, sigma=1.5), 1.0, 20.0, 1800.0, 50.0),
    ):
        truth = 0.0005 + (inside - 0.0005) * lengths.mean_s / every_s
        chances = switched(every_s, lengths, inside, 0.0005)
        yield cell("errors", f"{name}, {seconds:.0f} s", truth, chances, seconds=seconds, rate=rate)
    for tau_s, share, seconds, rate in (
        (1.0, 0.01, 300.0, 200.0),
        (5.0, 0.05, 300.0, 200.0),
        (20.0, 0.05, 1800.0, 50.0),
    ):
        data = f"load that swings (tau {tau_s:g} s), {seconds:.0f} s"
        yield cell("over limit", data, share, swinging(tau_s, share), seconds=seconds, rate=rate)
    yield cell("region share", "independent 60 %, 60 s", 0.6, steady(0.6), seconds=60, rate=100)
    for seconds in (300.0, 1800.0):
        gone = switched(60, Lengths(mean_s=3), 0.0, 0.6)
        data = f"the region gone for 3 s each 60 s, {seconds:.0f} s"
        yield cell("region share", data, 0.6 * (1 - 0.05), gone, seconds=seconds, rate=50)


def order_cells() -> Iterator[Cell]:
    """Shares whose failures hang together in ways that are no episode: in runs, after a time, by connection, at a beat, or for good."""

    def cell(data: str, truth: float, bad: Bad, *, seconds: float, rate: float) -> Cell:
        return Cell(kind="errors", data=data, truth=truth, draw=lambda rng: placed(rng, bad, seconds, rate))

    for seconds, share in ((60.0, 0.001), (60.0, 0.01), (15.0, 0.05)):
        data = f"runs of 2 to 5 failures, {share:.1%}, {seconds:.0f} s"
        yield cell(data, share, in_runs(share), seconds=seconds, rate=200)
    for after_s, share, seconds in ((1.0, 0.01, 60.0), (0.3, 0.01, 60.0), (1.0, 0.001, 300.0)):
        data = f"each fails again {after_s:g} s later, {share:.1%}, {seconds:.0f} s"
        yield cell(data, share, again(share, after_s), seconds=seconds, rate=200)
    yield cell("every 100th fails, 60 s", 0.01, turns(100), seconds=60, rate=200)
    yield cell("1 % of 200 connections of 5 s fails, 300 s", 0.01, by_connection, seconds=300, rate=100)
    for apart in (1.0, 0.5):
        every_s = apart * 60 / 20
        data = f"0.2 s at 50 % each {apart:g} batches, 60 s"
        yield cell(data, 0.5 * 0.2 / every_s, beats(every_s), seconds=60, rate=200)
    yield cell("rises from 0.5 % to 1.5 %, 60 s", 0.01, changing(0.005, 0.015, None), seconds=60, rate=200)
    for where, before, after in ((0.35, 0.002, 0.02), (0.5, 0.002, 0.02), (0.6, 0.002, 0.02), (0.5, 0.05, 0.08)):
        bad = changing(before, after, where)
        data = f"from {before:.1%} to {after:.1%} for good at {where:.0%}"
        mean = where * before + (1 - where) * after
        yield cell(f"{data}: mean", mean, bad, seconds=60, rate=200)
        yield cell(f"{data}: now", after, bad, seconds=60, rate=200)
    yield cell("from 2.0% to 0.2% for good at 50%: mean", 0.011, changing(0.02, 0.002, 0.5), seconds=60, rate=200)


def placed(rng: Rng, bad: Bad, seconds: float, rate: float) -> tuple[Bounds, Bounds]:
    """Poisson arrivals, one by one."""
    at = np.sort(rng.random(rng.poisson(seconds * rate))) * seconds
    which = bad(rng, at)
    slots = Timeline.of((at * NS_PER_S).astype(np.int64), (0, round(seconds * NS_PER_S))).slots(which)
    return share_in_time(slots, CONFIDENCE), share_bounds(int(which.sum()), len(at), CONFIDENCE)


def swing(rng: Rng, edges: Floats, tau_s: float, share: float) -> Floats:
    """Chances that swing as the exponential of an autoregressive process; sigma 0.7."""
    knots = np.arange(0.0, float(edges[-1]) + tau_s, tau_s / 5)
    keep = math.exp(-1 / 5)
    noise = rng.standard_normal(len(knots)) * math.sqrt(1 - keep**2)
    level = float(rng.standard_normal())
    levels = [level := keep * level + step for step in noise.tolist()]
    chances = share * np.exp(0.7 * np.interp(edges[:-1], knots, levels) - 0.7**2 / 2)
    return np.asarray(np.minimum(chances * share / _swing_mean(share), 1.0), dtype=np.float64)


def _swing_mean(share: float) -> float:
    """Interpolation between the knots takes some of the spread: what is left of the mean."""
    keep = math.exp(-1 / 5)
    u = np.linspace(0, 1, 101)
    variance = (1 - u) ** 2 + u**2 + 2 * u * (1 - u) * keep
    return float(share * np.exp(0.7**2 * (variance - 1) / 2).mean())


def requests(rng: Rng, seconds: float, rate: float, *, stalls: bool) -> tuple[npt.NDArray[np.int64], Floats]:
    """When requests were due, and how many ms they took: log-normal (median 30, sigma 0.7), and waiting for the end of a stall."""
    at = np.cumsum(rng.standard_exponential(round(1.5 * seconds * rate) + 50)) / rate
    at = at[: np.searchsorted(at, seconds)]
    ms = 30 * np.exp(0.7 * rng.standard_normal(len(at)))
    if stalls:
        starts, ends = episodes(rng, seconds, 20, Lengths(mean_s=2))
        last = np.searchsorted(starts, at, side="right") - 1
        if len(starts):
            ms += np.where(last >= 0, np.maximum(ends[np.maximum(last, 0)] - at, 0) * 1000, 0.0)
    return (at * NS_PER_S).astype(np.int64), ms


def quantile_cells(rng: Rng) -> Iterator[Cell]:
    """p95 and p99 of response times, held against a limit that is the truth."""
    for stalls in (False, True):
        truths = np.quantile(requests(rng, 200_000, 50, stalls=stalls)[1], [0.95, 0.99]).tolist()
        for seconds, rate in ((60.0, 200.0), (300.0, 100.0)) if stalls else ((15.0, 200.0), (60.0, 200.0)):
            for quantile, truth in zip((0.95, 0.99), truths, strict=True):
                data = f"{'stalls of 2 s each 20 s' if stalls else 'independent'}, {seconds:.0f} s at {rate:.0f}/s"
                draw = quantile_draw(seconds, rate, quantile, truth, stalls=stalls)
                yield Cell(kind=f"p{quantile * 100:g}", data=data, truth=truth, draw=draw)


def quantile_draw(seconds: float, rate: float, quantile: float, truth: float, *, stalls: bool) -> Draw:
    """Draws of a quantile."""

    def draw(rng: Rng) -> tuple[Bounds, Bounds]:
        at_ns, ms = requests(rng, seconds, rate, stalls=stalls)
        timeline = Timeline.of(at_ns, (0, round(seconds * NS_PER_S)))
        exact = quantile_bounds(np.sort(ms), quantile, CONFIDENCE)
        return quantile_in_time(ms, timeline, quantile, truth, CONFIDENCE), exact

    return draw


def uptime_cells() -> Iterator[Cell]:
    """Uptime by seconds, probed 65 times a second."""
    for name, every_s, lengths, seconds in (
        ("outages of 0.5 s each 20 s", 20.0, Lengths(mean_s=0.5), 128.0),
        ("outages of 0.5 s each 20 s", 20.0, Lengths(mean_s=0.5), 600.0),
        ("log-normal outages, sigma 1, each 10 s", 10.0, Lengths(mean_s=0.5, sigma=1), 600.0),
    ):
        truth = 1 - lengths.mean_s / every_s
        draw = uptime_draw(seconds, every_s, lengths)
        yield Cell(kind="uptime by seconds", data=f"{name}, {seconds:.0f} s", truth=truth, draw=draw, bad_side="low")
    for seconds in (128.0, 600.0):
        draw = lonely_draw(seconds, 0.0005)
        yield Cell(
            kind="uptime by seconds",
            data=f"lone failures 0.05 %, {seconds:.0f} s",
            truth=0.9995,
            draw=draw,
            bad_side="low",
        )


def uptime_draw(seconds: float, every_s: float, lengths: Lengths) -> Draw:
    """Draws of probes that fail in outages."""
    at = np.arange(0.0, seconds, 1 / 65)

    def draw(rng: Rng) -> tuple[Bounds, Bounds]:
        starts, ends = episodes(rng, seconds, every_s, lengths)
        last = np.searchsorted(starts, at, side="right") - 1
        return probed(at, (last >= 0) & (at < np.append(ends, 0.0)[last]), seconds)

    return draw


def lonely_draw(seconds: float, share: float) -> Draw:
    """Draws of probes that fail alone."""
    at = np.arange(0.0, seconds, 1 / 65)
    return lambda rng: probed(at, rng.random(len(at)) < share, seconds)


def probed(at: Floats, failed: npt.NDArray[np.bool_], seconds: float) -> tuple[Bounds, Bounds]:
    """Both bounds of probes."""
    down = downtime_of((at * NS_PER_S).astype(np.int64), failed, (0, round(seconds * NS_PER_S)))
    return uptime_by_seconds(down, CONFIDENCE), share_bounds(int((~failed).sum()), len(at), CONFIDENCE)


def row(cell: Cell, draws: int, rng: Rng) -> Row:
    """Draw and count."""
    found = [cell.draw(rng) for _ in range(draws)]
    low, high, plain_low, plain_high = (
        np.array([getattr(pair[which], side) for pair in found]) for which in (0, 1) for side in ("low", "high")
    )
    few = np.array([bool(ours.why) for ours, _ in found])
    holds, reaches = low <= cell.truth, high >= cell.truth
    enough = bool((~few).mean() >= 1 / 2)
    bad, bound = (reaches, high) if cell.bad_side == "high" else (holds, low)
    rates = [float(holds.mean()), float(reaches.mean())]
    rates += [float(side[~few].mean()) if enough else math.nan for side in (holds, reaches)]
    noise = 2 * math.sqrt(GOAL * (1 - GOAL) / draws)
    false_pass = float(1 - bad.mean())
    reach = abs(float(np.median(bound)) - cell.truth)
    base = cell.truth if cell.bad_side == "high" else 1 - cell.truth
    return Row(
        kind=cell.kind,
        data=cell.data,
        few=float(few.mean()),
        low=rates[0],
        high=rates[1],
        low_15=rates[2],
        high_15=rates[3],
        binomial_low=float((plain_low <= cell.truth).mean()),
        binomial_high=float((plain_high >= cell.truth).mean()),
        false_pass=false_pass,
        width=reach / base,
        goal_met=all(math.isnan(rate) or rate >= GOAL - noise for rate in rates) and false_pass <= FALSE_PASS + noise,
    )


def main() -> int:
    """Print the table; 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=10_000, help="draws a row (default: 10 000)")
    parser.add_argument("--quick", action="store_true", help="300 draws a row")
    parser.add_argument("--only", default="", help="rows whose kind or data hold this text")
    parser.add_argument("--json", action="store_true", help="machine readable")
    given = parser.parse_args()
    draws = 300 if given.quick else given.draws
    cells = [*share_cells(), *quantile_cells(np.random.default_rng(SEED)), *uptime_cells(), *order_cells()]
    rows = []
    if not given.json:
        print(f"seed {SEED}, {draws} draws a row; nominal 95 %, goal {GOAL:.0%}; false PASS at most {FALSE_PASS:.0%}")
        print(
            f"{'kind':18}{'data':46}{'few':>6}{'low':>7}{'high':>7}{'low|15':>8}{'high|15':>8}{'binomial':>15}{'false PASS':>11}{'width':>7}"
        )
    for number, cell in enumerate(cells):
        if given.only in f"{cell.kind} {cell.data}":
            one = row(cell, draws, np.random.default_rng([SEED, number]))
            rows.append(one)
            if not given.json:
                print(line(one), flush=True)
    if given.json:
        print(json.dumps({"seed": SEED, "draws": draws, "rows": [asdict(one) for one in rows]}, indent=1))
    return 0 if all(one.goal_met for one in rows) else 1


def line(one: Row) -> str:
    """One row for people."""
    by_15 = "".join("       -" if math.isnan(rate) else f"{rate:8.3f}" for rate in (one.low_15, one.high_15))
    plain = f"{one.binomial_low:.3f} {one.binomial_high:.3f}"
    head = f"{one.kind:18}{one.data:46}{one.few:6.2f}{one.low:7.3f}{one.high:7.3f}{by_15}{plain:>15}"
    return f"{head}{one.false_pass:11.3f}{one.width:7.2f}{'' if one.goal_met else '  MISSED'}"


if __name__ == "__main__":
    sys.exit(main())
