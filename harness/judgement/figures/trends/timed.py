"""Response times with their send times, in time batches, for comparisons and drift."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.judgement.figures.indicators import failed, timed, waited_ms
from harness.judgement.receipts.watch import Span
from harness.judgement.stats.batches import BatchedSample, batch_of
from harness.judgement.stats.clusters import Timeline, episodes_of
from harness.judgement.stats.statistics import Floats, quantile_of
from harness.model import Table
from harness.model.records.table import Bools, Ints
from harness.units import NS_PER_S


@dataclass(frozen=True, kw_only=True, slots=True)
class Times:
    """Response times in ms with the intended send times; infinite for a request without an answer."""

    at_ns: Ints
    ms: Floats

    def quantile(self, quantile: float) -> float:
        """The quantile of the values in ms; NaN if there are none."""
        return quantile_of(np.sort(self.ms), quantile)

    def stall_ns(self, quantile: float, span: Span) -> int:
        """Length in ns of the longest stall, in which values are above the quantile."""
        return longest_stall_ns(self.at_ns, self.ms > self.quantile(quantile), span)

    def batched(self, span: Span, batches: int) -> BatchedSample:
        """The values, divided into this number of time batches."""
        return BatchedSample(values=self.ms, batch=batch_of(self.at_ns, *span, batches), batches=batches)


def longest_stall_ns(at_ns: Ints, bad: Bools, span: Span) -> int:
    """Length of the longest episode of bad requests in ns; 0 if there was none."""
    return round(episodes_of(Timeline.of(at_ns, span).slots(bad)).longest_s * NS_PER_S)


def answered_well(samples: Table) -> Times:
    """Response times of requests without a failure, as the reference of a comparison.

    Failures must not make the reference slower.
    """
    return _times(timed(samples.where(~failed(samples))))


def counted(samples: Table, limit_ms: float) -> Times:
    """Response times of requests that count against a limit, as in `indicators.response_ms`.

    A failure never improves them.
    """
    samples = timed(samples)
    times = _times(samples)
    kept = ~failed(samples) | (times.ms >= limit_ms)
    return Times(at_ns=times.at_ns[kept], ms=times.ms[kept])


def _times(samples: Table) -> Times:
    return Times(at_ns=samples.ints["intended_ns"], ms=waited_ms(samples))
