"""How often the intervals of slopes, comparisons and repeated analyses hold the truth, by simulation.

Each row is one kind of interval on one kind of data, independent or clustered, drawn many times with a known truth. `low` and
`high` are one-sided at a nominal 95 %: the goal is that each holds at least 93 % of the time. Of repeated analyses the row says how often
any of them would have erred: at most 5 %, and what 10 000 draws vary by. `bounded` is how often there was an interval at all:
where episodes are too few there is none, and the judge says INCONCLUSIVE; only draws with an interval are counted.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

import click
import numpy as np
import numpy.typing as npt

from harness.judgement.stats.batches import BatchedSample, Tally
from harness.judgement.stats.clusters import Timeline
from harness.judgement.stats.comparisons import quantile_ratio, ratio_of, share_difference, widened
from harness.judgement.stats.quantiles import quantile_in_time
from harness.judgement.stats.sequential import confidences
from harness.judgement.stats.slopes import slope_bounds
from harness.judgement.stats.statistics import Bounds

NOMINAL = 0.95
GOAL = 0.93
BATCHES = 40
STEPS = 4
Floats = npt.NDArray[np.float64]
Draw = Callable[[np.random.Generator], Bounds]


@dataclass(frozen=True, kw_only=True)
class Row:
    """How often the bounds of one kind held on one kind of data."""

    kind: str
    data: str
    low: float
    high: float
    bounded: float
    goal_met: bool


def covered(kind: str, data: str, truth: float, draw: Draw, seeds: range) -> Row:
    """Draw as often as there are seeds and count."""
    low = high = bounded = 0
    for seed in seeds:
        bounds = draw(np.random.default_rng(seed))
        has = math.isfinite(bounds.low) or math.isfinite(bounds.high)
        bounded += has
        low += has and bounds.low <= truth
        high += has and bounds.high >= truth
    noise = 2 * math.sqrt(GOAL * (1 - GOAL) / max(bounded, 1))
    rates = low / max(bounded, 1), high / max(bounded, 1)
    return Row(
        kind=kind,
        data=data,
        low=rates[0],
        high=rates[1],
        bounded=bounded / len(seeds),
        goal_met=min(rates) >= GOAL - noise,
    )


# slopes --------------------------------------------------------------------------------------------------------


def alike(rng: np.random.Generator, n: int, rho: float) -> Floats:
    """Values of which each is like the one before: a first-order autoregression of unit variance."""
    values = rng.standard_normal(n)
    for at in range(1, n):
        values[at] = rho * values[at - 1] + math.sqrt(1 - rho * rho) * values[at]
    return values


def slopes(seeds: range) -> Iterator[Row]:
    """Series of one unit of growth over their length, unless said otherwise."""
    series: dict[str, tuple[float, Callable[[np.random.Generator, Floats], Floats]]] = {
        "independent, normal": (1, lambda rng, t: rng.standard_normal(len(t)) + t),
        "independent, log-normal": (1, lambda rng, t: rng.lognormal(0, 1, len(t)) + t),
        "each tenth 50 sd off": (1, lambda rng, t: rng.standard_normal(len(t)) + t + 50 * (rng.random(len(t)) < 0.1)),
        "neighbours alike by 0.3": (1, lambda rng, t: alike(rng, len(t), 0.3) + t),
        "neighbours alike by 0.6": (1, lambda rng, t: alike(rng, len(t), 0.6) + t),
        "a jump of 2 sd, no growth": (0, lambda rng, t: rng.standard_normal(len(t)) + 2 * (t >= 0.5)),
        "a jump of 6 sd at a third": (1, lambda rng, t: rng.standard_normal(len(t)) + 6 * (t >= 0.3) + t),
        "a jump of 2 sd, alike by 0.4": (1, lambda rng, t: alike(rng, len(t), 0.4) + 2 * (t >= 0.3) + t),
    }
    for n in (20, 40):
        at = np.arange(n) / n
        for name, (truth, make) in series.items():
            yield covered(
                "slope",
                f"{n} batches, {name}",
                truth,
                lambda rng, make=make, at=at: slope_bounds(at, make(rng, at), NOMINAL).bounds,  # type: ignore[misc]
                seeds,
            )


# shares --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Service:
    """Requests a batch of two releases, the share of them that fails, and how often and how badly a batch is struck.

    Attributes:
        n: requests a batch of the first and of the second.
        share: of failures without a strike.
        struck: share of batches that are struck, together or each by itself.
        harm: share of failures that a strike brings.
        shared: whether a strike hits both.
    """

    n: tuple[int, int]
    share: tuple[float, float]
    struck: float = 0.0
    harm: float = 0.0
    shared: bool = True

    @property
    def difference(self) -> float:
        """The true difference of the shares."""
        return self.share[0] - self.share[1]

    def draw(self, rng: np.random.Generator) -> tuple[Tally, Tally]:
        """A window of BATCHES batches."""
        hit = rng.random((2, BATCHES)) < self.struck
        if self.shared:
            hit[1] = hit[0]
        n = rng.poisson(np.array(self.n)[:, None], (2, BATCHES))
        share = np.minimum(np.array(self.share)[:, None] + self.harm * hit, 1.0)
        bad = rng.binomial(n, share)
        return Tally(n=n[0], bad=bad[0]), Tally(n=n[1], bad=bad[1])


SERVICES = {
    "independent, 5 % and 2 %": Service(n=(50, 450), share=(0.05, 0.02)),
    "independent, 0.2 % and 0.1 %": Service(n=(100, 900), share=(0.002, 0.001)),
    "independent, 1 % each, even": Service(n=(200, 200), share=(0.01, 0.01)),
    "shared stalls, 2 % and 1 %": Service(n=(50, 450), share=(0.02, 0.01), struck=0.6, harm=0.1),
    "shared stalls, some batches": Service(n=(200, 200), share=(0.01, 0.01), struck=0.2, harm=0.3),
    "stalls of each alone": Service(n=(100, 400), share=(0.01, 0.01), struck=0.7, harm=0.2, shared=False),
    "few stalls of each alone": Service(n=(100, 400), share=(0.001, 0.001), struck=0.1, harm=0.2, shared=False),
}


def differences(seeds: range) -> Iterator[Row]:
    """Canary less stable in one window."""
    for name, service in SERVICES.items():

        def draw(rng: np.random.Generator, *, of: Service = service) -> Bounds:
            first, second = of.draw(rng)
            return share_difference(first, second, NOMINAL)

        yield covered("difference of shares", name, service.difference, draw, seeds)


# quantiles -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Log-normal response times of two samples, the first slower by `ratio`; a strike makes all of a batch's part slow.

    Attributes:
        n: requests a batch of the first and of the second.
        ratio: true ratio of any quantile.
        sigma: of the logarithm.
        struck: share of batches in which there is a stall.
        part: share of a struck batch's requests that the stall holds up, by a factor of up to ten.
        shared: whether a stall holds up both.
    """

    n: tuple[int, int]
    ratio: float = 1.0
    sigma: float = 0.7
    struck: float = 0.0
    part: float = 0.2
    shared: bool = True

    def draw(self, rng: np.random.Generator) -> tuple[BatchedSample, BatchedSample]:
        """A window of BATCHES batches."""
        hit = rng.random((2, BATCHES)) < self.struck
        if self.shared:
            hit[1] = hit[0]
        return self._sample(rng, self.n[0], self.ratio, hit[0]), self._sample(rng, self.n[1], 1.0, hit[1])

    def _sample(self, rng: np.random.Generator, n: int, factor: float, hit: npt.NDArray[np.bool_]) -> BatchedSample:
        batch = np.repeat(np.arange(BATCHES), rng.poisson(n, BATCHES))
        values = 30 * factor * np.exp(self.sigma * rng.standard_normal(len(batch)))
        if self.struck:
            held = hit[batch] & (rng.random(len(batch)) < self.part)
            values = np.where(held, values * (1 + 9 * rng.random(len(batch))), values)
        return BatchedSample(values=values, batch=batch, batches=BATCHES)


LATENCIES = {
    "independent, small canary": Latency(n=(30, 270), ratio=1.2),
    "independent, even": Latency(n=(150, 150), ratio=0.6),
    "shared stalls": Latency(n=(50, 250), ratio=1.2, struck=0.6),
    "stalls of each alone": Latency(n=(100, 100), ratio=0.6, struck=0.6, shared=False),
    "long stalls of each alone": Latency(n=(100, 100), ratio=0.6, struck=0.7, part=0.5, shared=False),
}


def ratios(seeds: range) -> Iterator[Row]:
    """Quantiles of canary over stable in one window, and of a run over its baseline."""
    for quantile in (0.5, 0.95):
        for name, latency in LATENCIES.items():

            def paired(rng: np.random.Generator, *, of: tuple[Latency, float] = (latency, quantile)) -> Bounds:
                first, second = of[0].draw(rng)
                return quantile_ratio(first, second, of[1], NOMINAL)

            yield covered(f"ratio of p{quantile * 100:g}, one window", name, latency.ratio, paired, seeds)
            if latency.shared and latency.struck:
                continue

            def apart(rng: np.random.Generator, *, of: tuple[Latency, float] = (latency, quantile)) -> Bounds:
                first, second = (_bounds(sample, rng, of[1]) for sample in of[0].draw(rng))
                return ratio_of(first, second)

            yield covered(f"ratio of p{quantile * 100:g}, two runs", name, latency.ratio, apart, seeds)


def _bounds(sample: BatchedSample, rng: np.random.Generator, quantile: float) -> Bounds:
    """A quantile of requests that lie anywhere in their batches, a second each, by the method of every response time."""
    at_ns = np.asarray((sample.batch + rng.random(len(sample.batch))) * 1e9, dtype=np.int64)
    timeline = Timeline.of(at_ns, (0, sample.batches * 1_000_000_000))
    return widened(quantile_in_time(sample.values, timeline, quantile, math.inf, NOMINAL), sample, quantile)


# repeated analyses -----------------------------------------------------------------------------------------------


def analyses(seeds: range) -> Iterator[Row]:
    """Difference of shares analysed STEPS times while the window grows: how often any analysis errs on either side."""
    shares = [(step + 1) / STEPS for step in range(STEPS)]
    for spending in (True, False):
        sure = confidences(shares, NOMINAL) if spending else (NOMINAL,) * STEPS
        for name in ("independent, 1 % each, even", "shared stalls, 2 % and 1 %"):
            service = SERVICES[name]
            missed = [_misses(service, np.random.default_rng(seed), sure) for seed in seeds]
            low, high = (float(np.mean([side[i] for side in missed])) for i in (0, 1))
            noise = 2 * math.sqrt(0.05 * 0.95 / len(seeds))
            yield Row(
                kind=f"{STEPS} analyses, {'budget spent' if spending else 'each at 95 %, for comparison'}",
                data=name,
                low=1 - low,
                high=1 - high,
                bounded=1.0,
                goal_met=not spending or max(low, high) <= 0.05 + noise,
            )


def _misses(service: Service, rng: np.random.Generator, sure: tuple[float, ...]) -> tuple[bool, bool]:
    parts = [service.draw(rng) for _ in sure]
    low = high = False
    for step, confidence in enumerate(sure):
        both = [
            Tally(
                n=np.concatenate([part[side].n for part in parts[: step + 1]]),
                bad=np.concatenate([part[side].bad for part in parts[: step + 1]]),
            )
            for side in (0, 1)
        ]
        bounds = share_difference(both[0], both[1], confidence)
        low |= bounds.low > service.difference
        high |= bounds.high < service.difference
    return low, high


@click.command()
@click.option("--draws", default=10_000, show_default=True, help="How often each row is drawn.")
@click.option("--quick", is_flag=True, help="300 draws: for a glance.")
@click.option("--seed", default=1, show_default=True, help="Of the first draw; each further one has the next.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@click.option("--only", default="", help="Only kinds that begin so, e.g. slope.")
def main(*, draws: int, quick: bool, seed: int, as_json: bool, only: str) -> None:
    """Print a table of coverage; exits with 1 when a goal is not met."""
    seeds = range(seed, seed + (300 if quick else draws))
    parts = {"slope": slopes, "difference": differences, "ratio": ratios, "analyses": analyses}
    rows = []
    if not as_json:
        print(f"nominal {NOMINAL:.0%} one-sided, goal {GOAL:.0%}, {len(seeds)} draws a row, seed {seed}")
        print(f"{'kind':40} {'data':46} {'low':>6} {'high':>6} {'bounded':>8}  goal")
    for name, part in parts.items():
        for row in part(seeds) if name.startswith(only) else ():
            rows.append(row)
            if not as_json:
                met = "met" if row.goal_met else "MISSED"
                print(
                    f"{row.kind:40} {row.data:46} {row.low:6.1%} {row.high:6.1%} {row.bounded:8.1%}  {met}", flush=True
                )
    if as_json:
        print(json.dumps({"seed": seed, "draws": len(seeds), "rows": [asdict(row) for row in rows]}, indent=1))
    sys.exit(0 if all(row.goal_met for row in rows) else 1)


if __name__ == "__main__":
    main()
