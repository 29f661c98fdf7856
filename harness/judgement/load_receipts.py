"""Rule 6: the proof that the load really was what the plan says."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

import numpy as np

from harness.judgement.recovery import SECOND
from harness.judgement.statistics import quantiles_of
from harness.model import Figure, Plan, Receipt, Table, Window

LAG_MS: Final = 5.0
"""A generator may lag so far behind its schedule at p99, whatever the limits are."""
SHARE_OF_LIMIT: Final = 0.1
"""Lag may be up to this share of the limit."""


def lag_p99_ms(samples: Table) -> float:
    """p99 of how late requests were sent, from intended to sent, in ms; NaN of nothing. A request never sent was late to the end."""
    sent = np.where(samples.ints["sent_ns"] > 0, samples.ints["sent_ns"], samples.ints["done_ns"])
    return quantiles_of(sent - samples.ints["intended_ns"], 0.99)[0] / 1e6


def load_receipt(plan: Plan, window: Window | None, *, latencies: bool) -> Receipt:
    """Whether the generators offered what the plan says: every worker closed, the rate kept; for `latencies` also the schedule.

    The rate may differ by the larger of 1 % and four standard deviations of the journeys' arrivals (Poisson). Under an
    experiment a journey may end at its first failure, so there only its first request is counted on.
    """
    if window is None:
        return Receipt(ok=False, why="there is no record of the traffic")
    troubles = [*_worker_troubles(plan, window), *_rate_troubles(plan, window), *_clock_troubles(window)]
    lag, allowed = lag_p99_ms(window.samples), lag_limit_ms(plan, window.traffic)
    if latencies and lag > allowed:
        troubles.insert(0, f"the generator lagged: p99 lag {lag:.3g} ms, at most {allowed:.3g} ms is allowed")
    kept = f"{len(window.workers)} workers closed, lag p99 {lag:.3g} ms"
    return Receipt(ok=not troubles, why="; ".join(troubles) or kept, files=window.files)


def lag_limit_ms(plan: Plan, traffic: str) -> float:
    """The larger of 5 ms and a tenth of the tightest latency limit that this traffic is judged by."""
    limits = [
        objective.limit.scaled(plan.time_scale).in_unit("ms")
        for claim in plan.claims
        for objective in claim.objectives
        if objective.figure is Figure.RESPONSE_TIME
        and objective.limit.dimension == "time"
        and objective.scope.traffic in (None, traffic)
    ]
    return max(LAG_MS, SHARE_OF_LIMIT * min(limits, default=0.0))


def _worker_troubles(plan: Plan, window: Window) -> Iterable[str]:
    planned = plan.traffic[window.traffic].workers if window.traffic in plan.traffic else 1
    if len(window.workers) < planned:
        yield f"{len(window.workers)} of {planned} workers left a record"
    if len({worker.id for worker in window.workers}) < len(window.workers):
        yield "two workers have one number"
    for worker in window.workers:
        if worker.why or not worker.closed:
            yield f"worker {worker.id}: {worker.why or 'its file has no end'}"
    numbers = window.samples.ints["worker"]
    strange = np.ones(len(numbers), dtype=np.bool_)
    for worker in window.workers:
        strange &= numbers != worker.id
    strangers = set(numbers[strange].tolist())
    if strangers:
        yield f"there are samples of workers that nobody started: {', '.join(map(str, sorted(strangers)))}"


def _rate_troubles(plan: Plan, window: Window) -> Iterable[str]:
    seconds = (window.end_ns - window.start_ns) / SECOND
    planned = plan.traffic.get(window.traffic)
    journeys_per_s = planned.journeys_per_s if planned else window.journeys_per_s
    each = planned.requests_per_journey if planned else window.requests_per_journey
    journeys = journeys_per_s * seconds
    if journeys <= 0:
        yield "the plan offers no traffic in this window"
        return
    tolerance = max(0.01, 4 / math.sqrt(journeys))
    least = journeys * (1 if window.experiment else each) * (1 - tolerance)
    most = journeys * each * (1 + tolerance)
    n = len(window.samples)
    if not least <= n <= most:
        yield f"{n / seconds:.4g} requests/s were sent where {journeys_per_s * each:.4g} were planned"


def _clock_troubles(window: Window) -> Iterable[str]:
    ints = window.samples.ints
    backwards = int(((ints["done_ns"] < ints["sent_ns"]) | (ints["done_ns"] < ints["intended_ns"])).sum())
    if backwards:
        yield f"{backwards} samples end before they begin"
