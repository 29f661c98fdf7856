"""Bounds of every statistic on some fixed series, to six digits and to the letter: value, bounds, method, why, claim, and the same for longer.

Where a change is meant, `python tests/judgement/test_judgement_bounds.py` writes `golden/bounds.ndjson` anew; read its diff.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from judgement_builders import S, ns

from harness.judgement.figures.kubernetes.connections import rate_bounds
from harness.judgement.figures.numbers import failures_tolerated
from harness.judgement.stats.batches import BatchedSample, Tally, batch_of, share_by_batches, unbounded
from harness.judgement.stats.clustered import share_in_time
from harness.judgement.stats.clusters import Slots, Timeline
from harness.judgement.stats.comparisons import difference_of, quantile_ratio, ratio_of, share_difference, widened
from harness.judgement.stats.downtime import downtime_of, joined, probes_needed, uptime_by_seconds
from harness.judgement.stats.effective import Clustering
from harness.judgement.stats.guards import proven_worse
from harness.judgement.stats.quantile_moments import KnownMoments, quantile_by_moments
from harness.judgement.stats.quantiles import quantile_in_time
from harness.judgement.stats.sequential import confidences
from harness.judgement.stats.shared import Ids
from harness.judgement.stats.slopes import slope_bounds
from harness.judgement.stats.statistics import Bounds, Floats, needed_within, quantile_bounds, share_bounds
from harness.model import Figure, Objective, Op, Quantity
from harness.model.records.table import Bools, Ints
from harness.model.rounding import rounded

GOLDEN: Final = Path(__file__).parent / "golden" / "bounds.ndjson"
N: Final = 6000
TURN: Final = np.arange(N)
AT: Final = TURN * (S // 100)
MINUTE: Final = (0, ns(60))
MIXED: Final = (TURN * 7919 + 11) % 6007 / 6007
"""Numbers between 0 and 1 in an order that has nothing to do with time."""


def _span(start: float, end: float) -> Bools:
    return np.asarray((ns(start) <= AT) & (ns(end) > AT))


BAD: Final[Mapping[str, Bools]] = {
    "none": np.zeros(N, dtype=np.bool_),
    "all": np.ones(N, dtype=np.bool_),
    "apart": MIXED < 0.01,
    "most": MIXED > 0.01,
    "one stall": _span(20, 20.4),
    "three stalls": _span(5, 5.3) | _span(31, 31.5) | _span(50.1, 50.2),
    "twenty stalls": np.asarray((TURN % 300 >= 100) & (TURN % 300 < 106)),
    "stalls and apart": _span(20, 20.4) | (MIXED < 0.01),
    "from the middle on": _span(30, 60) & (MIXED < 0.1),
    "better from the middle on": _span(0, 30) & (MIXED < 0.1),
    "the last quarter": _span(45, 60),
    "a slow swing": np.asarray(0.05 * (1 + np.cos(2 * np.pi * TURN / N)) > MIXED),
    "half a swing": np.asarray(0.05 * (1 + np.cos(np.pi * TURN / N)) > MIXED),
    "journeys": np.asarray(TURN // 10 % 60 == 7),
}
"""A minute of 100 requests a second, and which of them are bad."""


def slots(bad: Bools, *, journeys: bool = False) -> Slots:
    """The minute in slots; of journeys of ten, of which each fourth is unknown."""
    ids = Ids.of("journey", np.where(TURN % 4 == 3, 0, TURN // 10 + 1), TURN % 2)
    return Timeline.of(AT, MINUTE, (ids,) if journeys else ()).slots(bad)


def times(bounds: Bounds) -> Iterator[tuple[str, Bounds]]:
    """The bounds, and those of so many times as long."""
    yield "", bounds
    for more in (0.5, 4.0):
        if bounds.longer is not None:
            yield f", {more:g} times as long", bounds.longer(more)


def shares() -> Iterator[tuple[str, Bounds]]:
    """Of bad requests in time."""
    for name, bad in BAD.items():
        for claim in (False, True):
            yield f"share, {name}{', claimed' if claim else ''}", share_in_time(slots(bad), 0.95, claim=claim)
        yield f"share of journeys, {name}", share_in_time(slots(bad, journeys=True), 0.95)
    two = Timeline.joined([(AT[:3000], (0, ns(30))), (AT[3000:] + ns(10), (ns(40), ns(70)))])
    for name in ("three stalls", "the last quarter", "half a swing"):
        yield f"share of two windows, {name}", share_in_time(two.slots(BAD[name]), 0.9, claim=True)


def ms(name: str) -> Floats:
    """Response times: 20 to 40 ms, where it is bad 300 to 500."""
    return np.where(BAD[name], 300.0 + 200 * MIXED, 20.0 + 20 * MIXED)


def quantiles() -> Iterator[tuple[str, Bounds]]:
    """Of response times in time, sorted, and of which the moments are known."""
    timeline = Timeline.of(AT, MINUTE)
    for name in ("none", "apart", "three stalls", "stalls and apart", "a slow swing", "most"):
        for quantile, limit in ((0.95, 200.0), (0.5, 30.0), (0.99, 350.0)):
            found = quantile_in_time(ms(name), timeline, quantile, limit, 0.95, claim=quantile == 0.95)
            yield f"p{100 * quantile:g} of {limit:g} ms, {name}", found
    for n in (0, 3, 59, 400):
        ordered = np.sort(ms("apart")[:n])
        yield f"p95 of {n}", quantile_bounds(ordered, 0.95, 0.95)
        known = KnownMoments(n=n, total=float(ordered.sum()), squares=float((ordered**2).sum()), least=10.0, most=600.0)
        yield f"p95 of {n} by moments", quantile_by_moments(known, 0.95, 0.95)
        yield f"p50 of {n} by moments", quantile_by_moments(known, 0.5, 0.9)


def sample(values: Floats, batches: int = 40, at: Ints = AT) -> BatchedSample:
    """Values in time batches."""
    return BatchedSample(values=values, batch=batch_of(at, *MINUTE, batches), batches=batches)


def comparisons() -> Iterator[tuple[str, Bounds]]:
    """Of two samples in one window, and of figures that have bounds."""
    own, every = TURN % 10 == 3, np.ones(N, dtype=np.bool_)
    for first, second in (
        ("apart", "apart"),
        ("stalls and apart", "apart"),
        ("three stalls", "twenty stalls"),
        ("none", "all"),
    ):
        a, b = (sample(BAD[name].astype(float)[who], at=AT[who]) for name, who in ((first, own), (second, ~own)))
        tallies = (a.tally(BAD[first][own]), b.tally(BAD[second][~own]))
        yield f"difference of shares, {first}, {second}", share_difference(*tallies, 0.95)
        yield f"difference of shares at 99 %, {first}, {second}", share_difference(*tallies, 0.9, 0.99)
        one, other = sample(ms(first)[own], at=AT[own]), sample(ms(second)[~own] * 1.1, at=AT[~own])
        yield f"ratio of p90, {first}, {second}", quantile_ratio(one, other, 0.9, 0.95)
        yield f"ratio of p50 at 99 %, {first}, {second}", quantile_ratio(one, other, 0.5, 0.9, 0.99)
    few = sample(ms("apart"), batches=12)
    yield "ratio in 12 batches", quantile_ratio(few, few, 0.5, 0.95)
    yield "difference in 12 batches", share_difference(few.tally(BAD["apart"]), few.tally(BAD["apart"]), 0.95)
    none = sample(np.zeros(0), at=AT[:0])
    yield "ratio of nothing", quantile_ratio(none, sample(ms("apart")), 0.5, 0.95)
    yield "difference of nothing", share_difference(none.tally(every[:0]), none.tally(every[:0]), 0.95)
    for name in ("apart", "three stalls", "half a swing"):
        alone = quantile_bounds(np.sort(ms(name)), 0.9, 0.95)
        yield f"widened, {name}", widened(alone, sample(ms(name)), 0.9)
    yield "widened in 12 batches", widened(alone, few, 0.9)
    yield from _of_two(share_bounds(60, 6000, 0.95), share_in_time(slots(BAD["three stalls"]), 0.9))


def _of_two(first: Bounds, second: Bounds) -> Iterator[tuple[str, Bounds]]:
    nothing = unbounded(math.nan, 0, 0.95, "of nothing", "there is nothing")
    for name, a, b in (
        ("", first, second),
        (" turned", second, first),
        (" of nothing", first, nothing),
        (" of itself", first, first),
    ):
        yield f"ratio of two{name}", ratio_of(a, b)
        yield f"difference of two{name}", difference_of(a, b)
    yield "ratio of unbounded ones", ratio_of(share_bounds(0, 5, 0.95), first)
    yield "ratio to an unbounded one", ratio_of(first, replace(second, low=0.0, high=math.inf))
    yield "rescaled", second.rescaled(2.0, -1.0)


def batches() -> Iterator[tuple[str, Bounds]]:
    """Of a share that swings about its mean."""
    for name in ("apart", "most", "twenty stalls", "a slow swing", "none"):
        yield f"by 40 batches, {name}", share_by_batches(sample(ms(name)).tally(BAD[name]), 0.95)
    yield "by 12 batches", share_by_batches(sample(ms("apart"), batches=12).tally(BAD["apart"]), 0.95)
    yield "by no batches", share_by_batches(Tally(n=np.zeros(40, np.int64), bad=np.zeros(40, np.int64)), 0.95)


def uptimes() -> Iterator[tuple[str, Bounds]]:
    """Of a door, by seconds."""
    for name in ("none", "one stall", "three stalls", "twenty stalls", "apart", "all"):
        down = downtime_of(AT, BAD[name], MINUTE)
        yield f"uptime, {name}", uptime_by_seconds(down, 0.95)
    gap = (TURN < 2000) | (TURN > 2200)
    holed = downtime_of(AT[gap], BAD["three stalls"][gap], MINUTE)
    yield "uptime with a gap", uptime_by_seconds(holed, 0.95)
    yield "uptime of two windows", uptime_by_seconds(joined((holed, down)), 0.9)
    yield "uptime of nothing", uptime_by_seconds(downtime_of(AT[:0], BAD["none"][:0], (0, 0)), 0.95)


def slopes() -> Iterator[tuple[str, Bounds]]:
    """Of a figure over time."""
    at = np.arange(30, dtype=np.float64) / 10
    noise = MIXED[:30]
    series = {
        "flat": 20 + noise,
        "growing": 20 + 5 * at + noise,
        "a jump": 20 + noise + np.where(at > 1.2, 30, 0),
        "a jump and growing": 20 + 2 * at + noise + np.where(at > 2.0, 30, 0),
        "alike": 20 + np.cumsum(noise - noise.mean()),
        "exact": 3 * at,
        "two": 3 * at[:2],
        "unknown": np.where(at == 1.0, math.inf, at),
    }
    for name, values in series.items():
        slope = slope_bounds(at[: len(values)], values, 0.95)
        yield f"slope, {name}, jump at {slope.jump}, alike {slope.alike:.6g}", slope.bounds


def others() -> Iterator[tuple[str, Bounds]]:
    """Exact shares, rates, and clusters of one size."""
    for k, n in ((0, 0), (0, 50), (7, 50), (50, 50)):
        yield f"{k} of {n}", share_bounds(k, n, 0.95)
        yield f"rate {k} of {n}", rate_bounds(k, max(n, 1), 0.95)
    for degrees in (0, 2, 6):
        own = Clustering(rule="x", n=1000.0, bad=40.0, squares=300.0, next_size=20.0, few=True, degrees=degrees)
        low, high = own.at_least(0.95), own.at_most(0.95)
        found = unbounded(own.effective, 1000, 0.95, own.method, own.why)
        yield f"clusters, {degrees} degrees", replace(found, low=low, high=high)
    worse = proven_worse(slots(BAD["apart"]), slots(BAD["three stalls"]), 3)
    yield "before", worse.before
    yield "after", replace(worse.after, low=worse.least, high=worse.difference)


KINDS: Final[Mapping[str, Callable[[], Iterator[tuple[str, Bounds]]]]] = {
    each.__name__: each for each in (shares, quantiles, comparisons, batches, uptimes, slopes, others)
}


def _plain(bounds: Bounds) -> dict[str, Any]:
    return rounded({key: value for key, value in asdict(replace(bounds, longer=None)).items() if key != "longer"})


def lines(kind: str) -> list[str]:
    """As they stand in the file."""
    every = [(f"{name}{more}", _plain(each)) for name, bounds in KINDS[kind]() for more, each in times(bounds)]
    return [json.dumps({"kind": kind, "of": name, **found}, ensure_ascii=False) for name, found in every]


@pytest.mark.parametrize("kind", KINDS)
def test_bounds_are_what_they_were(kind: str) -> None:
    """Not a word and not a sixth digit else."""
    before = [line for line in GOLDEN.read_text(encoding="utf-8").splitlines() if json.loads(line)["kind"] == kind]
    assert lines(kind) == before


def test_good_and_bad_exchanged_are_the_share_turned_over(subtests: pytest.Subtests) -> None:
    """To rounding, and for as much longer as one likes."""
    for name, bad in BAD.items():
        with subtests.test(name):
            own, turned = (share_in_time(each, 0.95) for each in (slots(bad), slots(bad).mirrored()))
            for (_, mine), (_, theirs) in zip(times(own), times(turned), strict=True):
                assert [mine.value, mine.low, mine.high, mine.fail_low, mine.fail_high] == pytest.approx(
                    [1 - theirs.value, 1 - theirs.high, 1 - theirs.low, 1 - theirs.fail_high, 1 - theirs.fail_low]
                )


def test_the_numbers_of_the_plan_are_what_they_were() -> None:
    """Of a share of 1 %: what it takes, tolerates and refutes, and the chances."""
    asked = Objective(figure=Figure.ERROR_RATE, op=Op.BELOW, limit=Quantity.parse("1 %"), sentence="")
    tell = partial(failures_tolerated, 0.01, objective=asked)
    told = [
        (n.needed, n.planned, n.tolerated, n.refuting, n.chances, n.short) for n in map(tell, (0, 298, 299, 20_000))
    ]
    assert told == [
        ("299 at 0 failures", "0", "none: too few", "none: too few", "0 / 0 / 0 %", (0, 299)),
        ("299 at 0 failures", "298", "none: too few", "10 failures", "0 / 0 / 0 %", (298, 299)),
        ("299 at 0 failures", "299", "0 failures", "10 failures", "74 / 55 / 22 %", None),
        ("299 at 0 failures", "20000", "156 failures", "242 failures", "100 / 100 / 100 %", None),
    ]
    late = replace(asked, figure=Figure.RESPONSE_TIME, limit=Quantity.parse("200 ms"), quantile=0.99)
    of_p99 = failures_tolerated(0.01, 600, late)
    assert (of_p99.needed, of_p99.tolerated) == ("299 with none over the limit", "1 over the limit")
    assert of_p99.refuting == "15 over the limit"
    assert failures_tolerated(0.01, 600, asked).tolerated == "1 failure"
    assert [needed_within(0.5, margin, 0.95) for margin in (-0.1, 0.0, 1e-9, 0.05, 5.0)] == [None, None, None, 271, 1]
    assert confidences([0.0, 0.25, 0.5, 1.0, 2.0], 0.95) == pytest.approx([1.0, 0.9999114, 0.9945140, 0.9555746, 1.0])
    down = downtime_of(AT, BAD["three stalls"], MINUTE)
    assert [probes_needed(down, share, 0.95) for share in (0.0, 0.01, 0.5)] == [None, 84_152, 1684]


if __name__ == "__main__":
    GOLDEN.write_text("".join(f"{line}\n" for kind in KINDS for line in lines(kind)), encoding="utf-8")
