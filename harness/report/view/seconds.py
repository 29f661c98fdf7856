"""Requests and probes around a fault, second by second, for the plots; decides nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from harness.model import Evidence, Table, Window
from harness.model.records.table import Bools, Ints
from harness.units import NS_PER_S

Floats = npt.NDArray[np.float64]

MOST_BINS: Final = 600
"""A longer watch is drawn in steps of more than a second."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bins:
    """Time bins of equal width around the moment 0.

    Attributes:
        zero_ns: the moment 0, at which the fault was sent.
        first: number of the first bin; negative if it begins before the moment 0.
        count: number of bins.
        width_s: width of each bin in seconds.
    """

    zero_ns: int
    first: int
    count: int
    width_s: int

    @classmethod
    def between(cls, zero_ns: int, start_ns: int, end_ns: int) -> Bins:
        """Bins that cover [start, end)."""
        seconds = max((end_ns - start_ns) / NS_PER_S, 1.0)
        width = max(1, int(np.ceil(seconds / MOST_BINS)))
        first = (start_ns - zero_ns) // (width * NS_PER_S)
        last = -((zero_ns - end_ns) // (width * NS_PER_S))
        return cls(zero_ns=zero_ns, first=first, count=max(last - first, 1), width_s=width)

    @property
    def start_s(self) -> float:
        """Start of the first bin, in seconds from the moment 0."""
        return float(self.first * self.width_s)

    @property
    def end_s(self) -> float:
        """End of the last bin, in seconds from the moment 0."""
        return float((self.first + self.count) * self.width_s)

    def of(self, at_ns: Ints) -> Ints:
        """Index of the bin of each moment; outside of 0 … count - 1 if the moment is in no bin."""
        return np.asarray((at_ns - self.zero_ns) // (self.width_s * NS_PER_S) - self.first, dtype=np.int64)

    def counts(self, at_ns: Ints) -> Floats:
        """Number of moments in each bin."""
        where = self.of(at_ns)
        inside = where[(where >= 0) & (where < self.count)]
        return np.bincount(inside, minlength=self.count).astype(np.float64)


@dataclass(frozen=True, kw_only=True, slots=True)
class TrafficSeries:
    """The requests of one window in time bins, by due time.

    Attributes:
        requests: number of requests per second.
        failed: number of failed requests per second.
        p95_ms: p95 of the time until requests were answered or given up; NaN for a bin without requests.
    """

    requests: Floats
    failed: Floats
    p95_ms: Floats


def traffic_in(window: Window | None, bins: Bins) -> TrafficSeries:
    """Requests, failures and response times of a window in time bins; empty without a window."""
    return requests_in(None if window is None else window.samples, bins)


def requests_in(samples: Table | None, bins: Bins) -> TrafficSeries:
    """Number, failures and response times of the given requests in time bins."""
    if samples is None or not len(samples):
        nothing = np.zeros(bins.count)
        return TrafficSeries(requests=nothing, failed=nothing, p95_ms=np.full(bins.count, np.nan))
    ints = samples.ints
    due = ints["intended_ns"]
    waited = ints["done_ns"] > due  # else it has no response time (`SAMPLES`)
    bad = ~samples.words["error"].missing | (ints["status"] <= 0)
    return TrafficSeries(
        requests=bins.counts(due) / bins.width_s,
        failed=bins.counts(due[bad]) / bins.width_s,
        p95_ms=_p95(bins, due[waited], (ints["done_ns"] - due)[waited] / 1e6),
    )


def _p95(bins: Bins, due: Ints, ms: Floats) -> Floats:
    """The p95 (nearest rank) of each bin."""
    where = bins.of(due)
    order = np.lexsort((ms, where))
    where, ms = where[order], ms[order]
    edges = np.searchsorted(where, np.arange(bins.count + 1))
    p95 = np.full(bins.count, np.nan)
    for index in range(bins.count):
        start, end = int(edges[index]), int(edges[index + 1])
        if end > start:
            p95[index] = ms[start + int(np.ceil(0.95 * (end - start))) - 1]
    return p95


@dataclass(frozen=True, kw_only=True, slots=True)
class ProbeSeries:
    """The watchers' probes in time bins.

    Attributes:
        seen: number of sent probes.
        failed: number of failed probes.
    """

    seen: Floats
    failed: Floats


def probes_in(evidence: Evidence, operation: str, bins: Bins) -> ProbeSeries:
    """The probes of `reads` (the entry's prober) or `writes` (the ledger) in time bins, by send time."""
    sent, bad = _reads(evidence.probes) if operation == "reads" else _writes(evidence.ledger.writes)
    return ProbeSeries(seen=bins.counts(sent), failed=bins.counts(sent[bad]))


def _reads(probes: Table) -> tuple[Ints, Bools]:
    rows = probes.where(probes.words["subject"].equals("entry") & probes.words["kind"].equals("read"))
    return rows.ints["sent_ns"], ~rows.words["error"].missing


def _writes(writes: Table) -> tuple[Ints, Bools]:
    return writes.ints["made_ns"], ~writes.words["outcome"].equals("accepted")
