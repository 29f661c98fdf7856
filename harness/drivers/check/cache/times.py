"""`cache-reads`: checks how long the platform's reads of its cache took during some seconds of the traffic."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from harness import clock
from harness.drivers.check.claim import When, claim
from harness.drivers.check.monitor.prometheus import SeriesValue, prometheus_of
from harness.drivers.check.needs import MONITOR, within
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import ConfigurationError, DriverError
from harness.model import Quantity
from harness.targets import Target
from harness.targets.caches import CACHE, cache_of

_WATCHED_S: Final = 20.0
"""Time between the two readings, in s."""
_LEAST: Final = 100
"""Number of reads from which a quantile is judged."""
_PART: Final = 0.95
_END: Final = "le"


@dataclass(frozen=True, slots=True)
class ReadCounts:
    """Reads of the cache, by the upper ends of a histogram.

    Attributes:
        below: number of reads that took at most as long, by upper end in s, ascending.
        series: count of each series.
    """

    below: Mapping[float, float]
    series: Mapping[str, float]

    @property
    def total(self) -> float:
        """All reads: those below the end `+Inf`."""
        return self.below.get(float("inf"), 0.0)


@claim(
    "the response time p95 of cache reads is below <limit:duration>[ in the steady state]",
    example="the response time p95 of cache reads is below 10 ms in the steady state",
    needs=(CACHE, within("cache.reads", "the histogram of the reads is declared"), MONITOR),
    when=When.UNDER_TRAFFIC,
    seconds=_WATCHED_S + 1.0,
    again=False,
)
def cache_reads(target: Target, params: Mapping[str, str]) -> FactProbe:
    """What the histogram in `cache.reads` has counted within 20 s of the traffic: 95 % of the reads took less than the limit.

    Fewer than 100 reads, a series that came, went or counts anew, and a quantile in a bucket with the limit inside are not decided.
    """
    if not (buckets := cache_of(target).reads):
        hint = "write `cache: {reads: NAME_bucket}`, a histogram in seconds"
        raise ConfigurationError("names no histogram of the reads", where=f"{target.file}: cache.reads", hint=hint)
    limit_s = Quantity.parse(params["limit"]).base

    def probe() -> Sequence[FactReading]:
        expected = f"95 % within {1000 * limit_s:g} ms"
        try:
            before = _counted(target, buckets)
            clock.sleep(_WATCHED_S)
            observed, ok = _of(before, _counted(target, buckets), limit_s)
        except DriverError as error:
            observed, ok = error.what, None
        return [FactReading(subject="reads of the cache", expected=expected, observed=observed, ok=ok)]

    return probe


def _counted(target: Target, buckets: str) -> ReadCounts:
    """What each bucket has counted by now. Raises DriverError: Prometheus does not say it."""
    with prometheus_of(target) as prometheus:
        found = prometheus.vector(buckets)
    if not found:
        raise DriverError("Prometheus has no such series", where=buckets)
    return _added(found)


def _added(found: Sequence[SeriesValue]) -> ReadCounts:
    below, series = defaultdict[float, float](float), dict[str, float]()
    ends = defaultdict[str, set[float]](set)
    for labels, value in found:
        try:
            end_s = float(labels[_END])
        except (KeyError, ValueError):
            what = f"`cache.reads` has a series without the label `{_END}`: it is not a histogram's `_bucket`"
            raise DriverError(what, where=str(dict(labels))) from None
        below[end_s] += value
        series[_named(labels)] = value
        ends[_named({name: text for name, text in labels.items() if name != _END})].add(end_s)
    if len({frozenset(one) for one in ends.values()}) > 1:
        what = "the series of `cache.reads` have different buckets, whose counts cannot be added"
        raise DriverError(what, where=", ".join(sorted(ends)[:2]))
    return ReadCounts(dict(sorted(below.items())), series)


def _named(labels: Mapping[str, str]) -> str:
    return ",".join(f"{name}={text}" for name, text in sorted(labels.items()))


def _of(before: ReadCounts, after: ReadCounts, limit_s: float) -> tuple[str, bool | None]:
    if changed := sorted(before.series.keys() ^ after.series.keys()):
        return f"{changed[0]} came or went meanwhile", None
    if anew := sorted(name for name, value in after.series.items() if value < before.series[name]):
        return f"{anew[0]} counts anew: it was started again", None
    reads = after.total - before.total
    if reads < _LEAST:
        return f"{reads:g} reads in {_WATCHED_S:g} s, at least {_LEAST} are needed", None
    shares = {end_s: (count - before.below[end_s]) / reads for end_s, count in after.below.items()}
    enough = next(end_s for end_s, share in shares.items() if share >= _PART)
    ends = [0.0, *shares]
    over = ends[ends.index(enough) - 1]
    said = f"95 % of {reads:.0f} within {1000 * over:g} to {1000 * enough:g} ms"
    return said, True if enough <= limit_s else False if over >= limit_s else None
