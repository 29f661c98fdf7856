"""A spike of the traffic: its beginning, its end, its rate, and the response times some time after its beginning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from harness.judgement.figures.fault_free import all_files
from harness.judgement.figures.indicators import counted_ms, failed, timed
from harness.judgement.figures.scaling.record import AGAIN, FILES, autoscalers_receipt
from harness.judgement.measures import Case, bounded, held, inconclusive, not_falsifiable
from harness.judgement.receipts.load import joined_load_receipt
from harness.judgement.shapes.until import Effect
from harness.judgement.stats.clusters import Timeline
from harness.judgement.stats.quantiles import quantile_in_time
from harness.judgement.stats.statistics import needed
from harness.model import SAMPLES, Figure, Measure, Op, Outcome, Phase, Quantity, ReasonKind, Receipt, Table, Window
from harness.units import NS_PER_S

HEIGHT: Final = "height"
"""Key among the objective's params: required ratio of the spike's rate to the rate before it."""
SETTLED: Final = "settled"
"""Key among the objective's times: time after the beginning of the spike from which the response time must be below its limit."""
_AGAIN: Final = "let the traffic run until the end of its spike, then run again"
_SHED: Final = "see `error` of the requests in load/ for the cause of the failures, correct it, then run again"
_ENOUGH: Final = 1 - 1e-9
"""Share of the required rate that is enough, to allow for rounding."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrafficSpike:
    """One spike of a traffic.

    Attributes:
        traffic: name of the traffic.
        begin_ns, end_ns: beginning and end of the spike.
        until_ns: end of the record.
        before_per_s: offered requests per second before the spike.
        per_s: offered requests per second in the spike.
        windows: windows that contain the spike.
        load: whether the requests were offered as planned.
        on_time: whether the requests were also sent at their due times.
    """

    traffic: str
    begin_ns: int
    end_ns: int
    until_ns: int
    before_per_s: float
    per_s: float
    windows: tuple[Window, ...]
    load: Receipt
    on_time: Receipt

    def samples(self, from_ns: int, until_ns: int) -> Table:
        """The requests that were due in [from, until)."""
        rows = Table.merged(SAMPLES, [window.samples for window in self.windows])
        due = rows.ints["intended_ns"]
        return rows.where((due >= from_ns) & (due < until_ns))

    @property
    def words(self) -> str:
        """`a spike from 64 to 192 requests/s`."""
        return f"a spike from {self.before_per_s:g} to {self.per_s:g} requests/s"

    @property
    def files(self) -> tuple[str, ...]:
        """The files that contain its requests."""
        return all_files(self.windows)


def spike_of(case: Case, name: str) -> TrafficSpike | Measure:
    """The spike of the objective's traffic, or a measure with the reason why there is no spike to judge."""
    traffic = case.objective.scope.traffic or ""
    planned = case.plan.traffic.get(traffic)
    height = float(case.objective.params[HEIGHT])
    found = None if planned is None else planned_spike(planned.rates, height)
    if planned is None or found is None:
        why = f"the traffic {traffic} has no spike, expected one with {height:g} times the rate before it"
        return inconclusive(case, name, why, "add `shape: {spike: …}` to the file of the traffic, then run again")
    windows = case.evidence.fault_free(traffic)
    if not windows or windows[0].begin_ns is None:
        return inconclusive(case, name, f"the run has no fault-free window of {traffic}", _AGAIN)
    begin_ns, end_ns = (windows[0].begin_ns + round(at_s * NS_PER_S) for at_s in found)
    if windows[0].start_ns > begin_ns or windows[-1].end_ns < end_ns:
        return inconclusive(
            case, name, f"the fault-free windows of {traffic} do not contain the complete spike", _AGAIN
        )
    return TrafficSpike(
        traffic=traffic,
        begin_ns=begin_ns,
        end_ns=end_ns,
        until_ns=windows[-1].end_ns,
        before_per_s=planned.rates[0][1] * planned.requests_per_journey,
        per_s=max(per_s for _, per_s in planned.rates) * planned.requests_per_journey,
        windows=windows,
        load=joined_load_receipt(case.plan, windows, latencies=False),
        on_time=joined_load_receipt(case.plan, windows, latencies=True),
    )


def planned_spike(points: Sequence[tuple[float, float]], height: float) -> tuple[float, float] | None:
    """Beginning and end of the first time with a rate of `height` times the first rate, in s of the load.

    None if no such time ends.
    """
    enough = height * points[0][1] * _ENOUGH if points else 0.0
    first = next((i for i, (_, per_s) in enumerate(points) if enough and per_s >= enough), None)
    if first is None:
        return None
    end_s = next((at_s for at_s, per_s in points[first:] if per_s < enough), None)
    return None if end_s is None else (points[first][0], end_s)


def replicas_effect(
    case: Case,
    spike: TrafficSpike,
    name: str,
    *,
    high: float | None,
    watched: float,
    names: Mapping[str, object],
    hint: str = AGAIN,
    **why: str,
) -> Effect:
    """The effect of a spike on the replicas of an autoscaler.

    `why` has the fields `unknown`, `broken` and `doubt` of `Effect`.
    """
    return Effect(
        high=high,
        watched=watched,
        names={**names, "spike": spike.words},
        scope={"autoscaler": name},
        receipts={"watch": autoscalers_receipt(case.evidence, (spike.begin_ns, spike.until_ns)), "load": spike.load},
        needs=("watch", "load"),
        method=f"{spike.words}; replicas as the autoscaler reports them, followed as they change",
        files=(*FILES[:1], *spike.files),
        n=1,
        hint=hint,
        kind=ReasonKind.NO_RECORD,
        unknown=why.get("unknown", ""),
        broken=why.get("broken", ""),
        doubt=why.get("doubt", ""),
    )


def settled_time(case: Case, spike: TrafficSpike, limit: Quantity) -> Measure:
    """The measure of the response time of requests that were due between `SETTLED` after the beginning of the spike and its end."""
    quick = replace(case.objective, figure=Figure.RESPONSE_TIME, op=Op.BELOW, limit=limit)
    case = replace(case, objective=quick)
    name, after = f"response time p{case.quantile * 100:g} in the spike", case.objective.times[SETTLED]
    after_s = after.at_scale(case.plan.time_scale).in_unit("s")
    from_ns, lasted_s = spike.begin_ns + round(after_s * NS_PER_S), (spike.end_ns - spike.begin_ns) / NS_PER_S
    if from_ns >= spike.end_ns:
        return not_falsifiable(
            case,
            name,
            f"the spike lasted {lasted_s:.3g} s, expected more than the {after_s:.3g} s after which the response time is judged",
        )
    limit_ms, span = case.scaled.in_unit("ms"), (from_ns, spike.end_ns)
    scope = {"traffic": spike.traffic, "phase": Phase.STEADY.value}
    rows = timed(spike.samples(*span))
    ms, counted = counted_ms(rows, limit_ms)
    timeline = Timeline.of(rows.ints["intended_ns"][counted], span)
    bounds = quantile_in_time(ms, timeline, case.quantile, limit_ms, case.objective.confidence, claim=True)
    refused = len(rows) - len(ms)
    passes = refused > 0 and held(Op.BELOW, bounds, limit_ms) is Outcome.PASS
    if passes and not _passes_unserved(case, rows, limit_ms, span):
        share = f"{refused} of {len(rows)} requests that were due in the spike failed immediately"
        why = f"{share}, so the other requests are not representative for the {name}"
        return inconclusive(case, name, why, _SHED, kind=ReasonKind.NO_RECORD, scope=scope)
    since = f"from {after_s:.3g} s after the beginning of {spike.words} until its end after {lasted_s:.3g} s"
    return bounded(
        case,
        name,
        replace(bounds, method=f"{bounds.method}; open model, from the intended send time; {since}"),
        unit="ms",
        subject=f"{name}, {since},",
        n_needed=needed(int(np.count_nonzero(ms >= limit_ms)), 1 - case.quantile, case.objective.confidence),
        scope=scope,
        receipts={"load": spike.on_time},
        fail_needs=("load",),
        files=spike.files,
    )


def _passes_unserved(case: Case, rows: Table, limit_ms: float, span: tuple[int, int]) -> bool:
    """Whether the response time is below its limit even if each failed request counts as over it.

    No sentence limits the error rate in a spike, and a platform that refuses most of its requests answers the others quickly.
    """
    ms, _ = counted_ms(rows, limit_ms, quick_failures=True)
    ms = np.where(failed(rows), np.inf, ms)
    timeline = Timeline.of(rows.ints["intended_ns"], span)
    bounds = quantile_in_time(ms, timeline, case.quantile, limit_ms, case.objective.confidence, claim=True)
    return held(Op.BELOW, bounds, limit_ms) is Outcome.PASS
