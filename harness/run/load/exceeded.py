"""Ends a load as soon as a threshold of `stop_when` in its size file is exceeded."""

from __future__ import annotations

from collections import deque
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from harness import clock
from harness.errors import DriverError
from harness.evidence import RowTail
from harness.judgement.figures.indicators import failed, timed
from harness.judgement.stats.statistics import quantiles_of
from harness.judgement.wording import formatted
from harness.model import SAMPLES, Sink, StopRule, Table
from harness.model.planned.schedule import FEWEST_TO_STOP
from harness.units import NS_PER_S

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from harness.model import TrafficPlan

COMPARE_S: Final = 1.0
"""Least time in s between two comparisons."""
_HINT: Final = "correct the cause of these requests, or change `stop_when` in loadtests/{traffic}.yaml, then run again"


class _Span(NamedTuple):
    """The requests that were recorded from one comparison to the next."""

    since_ns: int
    rows: Table


class ThresholdWatch:
    """The thresholds of one traffic, which count from the end of its warm-up on.

    Requests belong to the span in which their rows arrive, so that clocks of other machines do not matter.

    Args:
        plan: traffic with its thresholds.
        rows: row files of the workers.
        sink: receives `load.exceeded`.
    """

    def __init__(self, plan: TrafficPlan, rows: Sequence[Path], sink: Sink) -> None:
        self._plan = plan
        self._tails = [RowTail(path, SAMPLES) for path in rows] if plan.stop_when else []
        self._sink = sink
        self._spans: deque[_Span] = deque()
        self._begin_ns = self._seen_ns = self._count = 0

    def begin(self, at_ns: int) -> None:
        """Begin to compare: the warm-up is over."""
        self._poll()
        self._begin_ns = self._seen_ns = at_ns

    def check(self) -> None:
        """Compare the requests of the latest spans, at most once in COMPARE_S.

        Raises:
            DriverError: a threshold is exceeded.
        """
        now_ns = clock.now_ns()
        if not (self._tails and self._begin_ns) or now_ns - self._seen_ns < COMPARE_S * NS_PER_S:
            return
        self._spans.append(_Span(self._seen_ns, self._poll()))
        self._seen_ns = now_ns
        self._count += 1
        self._forget(now_ns - round(max(rule.for_s for rule in self._plan.stop_when) * NS_PER_S))
        for rule in self._plan.stop_when:
            self._compare(rule, now_ns)

    def _forget(self, from_ns: int) -> None:
        """Drop the comparisons that no span needs: those that ended before this moment."""
        while any(after.since_ns <= from_ns for _, after in [*pairwise(self._spans)][:1]):
            self._spans.popleft()

    def _compare(self, rule: StopRule, now_ns: int) -> None:
        from_ns = now_ns - round(rule.for_s * NS_PER_S)
        begins = [one.since_ns for one in self._spans if one.since_ns <= from_ns]
        if not begins:
            return  # the span has not passed yet
        rows = Table.merged(SAMPLES, [one.rows for one in self._spans if one.since_ns >= begins[-1]])
        counted = rows if rule.quantile is None else timed(rows)
        if len(counted) < FEWEST_TO_STOP or (value := _value(rule, counted)) <= rule.over:
            return
        self._sink.put(
            "load.exceeded",
            self._plan.name,
            figure=rule.figure,
            value=value,
            limit=rule.over,
            n=len(counted),
            from_ns=begins[-1],
            until_ns=now_ns,
            begin_ns=self._begin_ns,
            comparisons=self._count,
        )
        unit, seconds = rule.unit, (now_ns - begins[-1]) / NS_PER_S
        raise DriverError(
            f"`stop_when` stopped the load of {self._plan.name}: the {'' if rule.quantile is None else 'response time '}"
            f"{rule.figure} of {len(counted)} requests in {seconds:.0f} s was {formatted(value, unit)}, "
            f"expected at most {formatted(rule.over, unit)}",
            hint=_HINT.format(traffic=self._plan.name),
        )

    def _poll(self) -> Table:
        return Table.merged(SAMPLES, [tail.poll() for tail in self._tails])


def _value(rule: StopRule, rows: Table) -> float:
    """The share of failed requests, or the quantile of the times of all requests in s, failed ones until they had failed."""
    if rule.quantile is None:
        return float(np.count_nonzero(failed(rows))) / len(rows)
    return quantiles_of(rows.ints["done_ns"] - rows.ints["intended_ns"], rule.quantile)[0] / NS_PER_S
