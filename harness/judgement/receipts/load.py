"""The load receipt (rule 6): the load was as planned, and the generator did not distort it.

A window has the same limits for every route, region and release. It opens when the warm-up is over, counted from the start of the schedule, and
closes before the load is stopped. A request belongs to the window of its intended time, also if it is answered after the close.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from harness.judgement.receipts.closed_load import (
    AS_RECORDED,
    BLOCKED,
    NO_TRAFFIC,
    READ_LOG,
    UNEVEN,
    Trouble,
    user_troubles,
    weakest,
)
from harness.judgement.receipts.records.rows import row_troubles
from harness.judgement.receipts.watch import SHARE_OF_LIMIT, UNCLOSED
from harness.judgement.stats.statistics import quantiles_of
from harness.model import SAMPLES, Figure, Objective, Plan, Quantity, Receipt, Table, Window, Worker, fault_free_name
from harness.model.rounding import plain
from harness.units import NS_PER_S

LAG_MS: Final = 5.0
"""Allowed p99 lag of a generator behind its schedule, whatever the limits are."""
CPU: Final = 0.9
"""Share of a core above which a process reads answers late."""
HEALTH_S: Final = 2.0
"""Windows of this length contain a health report of each generator, which sends one per second.

Users are counted in windows of any length.
"""


def lag_p99_ms(samples: Table) -> float:
    """p99 of the send lag in ms, from intended to sent; NaN without requests.

    A request that was never sent has a lag up to the end of the window.
    """
    ints = samples.ints
    late_ns = np.where(ints["sent_ns"] > 0, ints["sent_ns"], ints["done_ns"])
    late_ns -= ints["intended_ns"]
    return quantiles_of(late_ns, 0.99)[0] / 1e6


def load_receipt(plan: Plan, window: Window | None, *, latencies: bool, lag_ms: float | None = None) -> Receipt:
    """Whether the generators offered the planned load; for `latencies` also on time.

    * Every worker must have closed.
    * The number of arrivals (first requests of journeys) must equal that of the trace, or be within 1 % of the planned number; for Poisson
      arrivals within four standard deviations if that is more.
    * At a constant rate the same limits apply to all requests, except under an experiment, where a journey may end at its first failure.
    * In a closed model users are counted instead of arrivals.

    The receipt is unknown if only the target may have kept users from sending the planned requests.

    Args:
        plan: plan with the traffic.
        window: window with its requests; None: nothing was recorded.
        latencies: whether response times are judged.
        lag_ms: p99 of the lag in all windows that are judged together, where that is small; None: that of this window.
    """
    if window is None:
        return Receipt(ok=False, why="no traffic was recorded", hint=NO_TRAFFIC)
    lag = window.samples.once(lag_p99_ms) if lag_ms is None else lag_ms
    closed = _closed(plan, window)
    troubles = [
        *(Trouble(f"generator worker {one.id} died {one.died}", one.hint) for one in window.workers if one.died),
        *_worker_troubles(plan, window),
        *([*_mute_workers(plan, window), *_health_troubles(plan, window, lag)] if latencies else []),
        *_span_troubles(plan, window),
        *(user_troubles(plan, window) if closed else _rate_troubles(plan, window)),
        *window.samples.once(row_troubles),
        *broken_off(window),
    ]
    workers = "1 worker" if len(window.workers) == 1 else f"{len(window.workers)} workers"
    kept = f"{workers} recorded until the end, lag p99 {plain(lag)} ms{_residual(window)}"
    hint = troubles[0].hint.replace("{traffic}", window.traffic) if troubles else ""
    why = "; ".join(trouble.what for trouble in troubles) or kept
    ok = None if troubles and all(trouble.by_target for trouble in troubles) else not troubles
    return Receipt(ok=ok, why=why, files=window.files, hint=hint)


def joined_load_receipt(plan: Plan, windows: Sequence[Window], *, latencies: bool) -> Receipt:
    """The load receipt of all windows: the first receipt that is not ok decides; if all others are ok, the first unknown receipt.

    A window may lag if all requests of its traffic together do not: their response times are judged together. Windows under 2 s are too short for
    a receipt; only their rows are checked.
    """
    long = [w for w in windows if w is windows[0] or w.seconds >= HEALTH_S]
    lags_ms = {
        traffic: lag_ms
        for traffic in ({w.traffic for w in windows} if latencies else ())
        if (lag_ms := _joined_lag_ms(windows, traffic)) <= lag_limit_ms(plan, traffic)
    }
    short = [w for w in windows[1:] if w.seconds < HEALTH_S and len(w.samples)]
    receipts = [
        *(load_receipt(plan, w, latencies=latencies, lag_ms=lags_ms.get(w.traffic)) for w in long),
        *(
            Receipt(
                ok=not (wrong := [*w.samples.once(row_troubles), *broken_off(w)]),
                why=str(wrong[0].what if wrong else ""),
                files=w.files,
            )
            for w in short
        ),
    ]
    files = tuple(dict.fromkeys(file for receipt in receipts for file in receipt.files))
    bad = weakest(receipts)
    where = "" if receipts[bad].ok or len(windows) == 1 else f" (window {[*long, *short][bad].name})"
    return replace(receipts[bad], why=f"{receipts[bad].why}{where}", files=files)


def _joined_lag_ms(windows: Sequence[Window], traffic: str) -> float:
    """p99 of the lag of all requests of a traffic."""
    return lag_p99_ms(Table.merged(SAMPLES, [w.samples for w in windows if w.traffic == traffic]))


def broken_off(window: Window) -> Iterable[Trouble]:
    """The defect that requests of the window are not recorded, if there are such requests; see `not_recorded`."""
    if window.broken_off:
        was = f"{window.broken_off} requests or journeys of the window were not recorded"
        yield Trouble(was, AS_RECORDED)


def planned_journeys(plan: Plan, window: Window) -> float:
    """Number of journeys planned for the window: the integral of the planned rate, or the number in the trace."""
    planned = plan.traffic.get(window.traffic)
    if planned is None:
        return window.journeys_per_s * window.seconds
    begin_ns = window.start_ns if window.begin_ns is None else window.begin_ns
    return planned.journeys((window.start_ns - begin_ns) / NS_PER_S, (window.end_ns - begin_ns) / NS_PER_S)


def offered_rps(plan: Plan, window: Window) -> float:
    """Mean planned rate in the window, in requests per second."""
    planned = plan.traffic.get(window.traffic)
    each = planned.requests_per_journey if planned else window.requests_per_journey
    return planned_journeys(plan, window) * each / max(window.seconds, 1e-9)


def _closed(plan: Plan, window: Window) -> bool:
    return window.traffic in plan.traffic and plan.traffic[window.traffic].model == "closed"


def _mute_workers(plan: Plan, window: Window) -> Iterable[Trouble]:
    """Workers that closed without health figures: their own lag cannot be distinguished from the target's."""
    if _closed(plan, window) or window.seconds >= HEALTH_S:
        for worker in window.workers:
            reported = [value for value in (worker.cpu, worker.gc_ms, worker.loop_ms) if value is not None]
            if worker.closed and not worker.why and not (len(reported) == 3 and all(map(math.isfinite, reported))):
                yield Trouble(f"worker {worker.id} reported no CPU, GC or event-loop figures", READ_LOG)


def _health_troubles(plan: Plan, window: Window, lag: float) -> Iterable[Trouble]:
    """Why latencies may be the generator's and not the target's.

    The lag decides: random arrivals observe the average state of the process (Wolff, Poisson arrivals see time averages, Operations
    Research 30, 1982), so answers are read no later than requests are sent, and the lag includes pauses of any kind. Users of a closed
    model have no lag, so there the event loop's delay decides.
    """
    allowed = lag_limit_ms(plan, window.traffic)
    if _closed(plan, window):
        for worker in window.workers:
            if worker.loop_ms is not None and worker.loop_ms > allowed:
                was = f"the event loop of worker {worker.id} was blocked for {plain(worker.loop_ms)} ms"
                yield Trouble(f"{was}, expected at most {plain(allowed)} ms", BLOCKED)
    elif lag > allowed:
        causes = "; ".join(f"worker {worker.id}: {cause}" for worker in window.workers if (cause := _cause(worker)))
        suffix = f" ({causes})" if causes else ""
        yield Trouble(
            f"the load generator lagged by {plain(lag)} ms (p99), expected at most {plain(allowed)} ms{suffix}"
        )
    for worker in window.workers:
        if worker.cpu is not None and worker.cpu >= CPU:
            used = f"worker {worker.id} used {worker.cpu:.0%} of a core, expected below {CPU:.0%}"
            yield Trouble(used)
        if worker.residual_ns / 1e6 > allowed:
            known = f"the clock of worker {worker.id} is known only to within {plain(worker.residual_ns / 1e6)} ms"
            yield Trouble(known, "start the workers on a network with less delay to the master, then run again")
    sent_ns, intended_ns = window.samples.ints["sent_ns"], window.samples.ints["intended_ns"]
    if early := int(((sent_ns > 0) & (intended_ns - sent_ns > LAG_MS * 1e6)).sum()):
        was = f"{early} requests were sent over {LAG_MS:g} ms too early, so their latencies are too low"
        yield Trouble(was, AS_RECORDED)


def _cause(worker: Worker) -> str:
    if worker.cpu is None or worker.loop_ms is None or worker.gc_ms is None:
        return ""
    return f"{worker.cpu:.0%} of a core, event loop blocked for {plain(worker.loop_ms)} ms, garbage collection {plain(worker.gc_ms)} ms"


def _residual(window: Window) -> str:
    worst = max((worker.residual_ns for worker in window.workers), default=0)
    return f", clocks aligned to {plain(worst / 1e6)} ms" if worst else ""


def lag_limit_ms(plan: Plan, traffic: str) -> float:
    """The larger of 5 ms and a tenth of the tightest latency limit that this traffic is judged by."""
    limits = [
        limit.at_scale(plan.time_scale).in_unit("ms")
        for claim in plan.claims
        for objective in claim.objectives
        if (limit := _latency(objective)) is not None and objective.scope.traffic in (None, traffic)
    ]
    return max(LAG_MS, SHARE_OF_LIMIT * min(limits, default=0.0))


def _latency(objective: Objective) -> Quantity | None:
    """The limit of response times of an objective; None: the objective is about something else."""
    if objective.figure in (Figure.RESPONSE_TIME, Figure.SPIKE_TIME):
        return objective.limit if objective.limit.dimension == "time" else None
    return objective.times.get("below") if objective.figure is Figure.SPIKE_RISE else None


def _worker_troubles(plan: Plan, window: Window) -> Iterable[Trouble]:
    planned = plan.traffic[window.traffic].all_workers if window.traffic in plan.traffic else 1
    if len(window.workers) < planned:
        yield Trouble(f"only {len(window.workers)} of {planned} workers wrote a record", READ_LOG)
    if len({worker.id for worker in window.workers}) < len(window.workers):
        yield Trouble("two workers have the same number", AS_RECORDED)
    for worker in window.workers:
        if not worker.died and (worker.why or not worker.closed):
            yield Trouble(f"worker {worker.id}: {worker.why or UNCLOSED}", worker.hint or READ_LOG)
    numbers = window.samples.ints["worker"]
    strange = np.ones(len(numbers), dtype=np.bool_)
    for worker in window.workers:
        strange &= numbers != worker.id
    strangers = set(numbers[strange].tolist())
    if strangers:
        names = ", ".join(map(str, sorted(strangers)))
        yield Trouble(f"samples were recorded by workers that were not started: {names}", AS_RECORDED)


def _span_troubles(plan: Plan, window: Window) -> Iterable[Trouble]:
    """Whether the window excludes warm-up and ramp-down."""
    planned = plan.traffic.get(window.traffic)
    if planned is not None and window.begin_ns is not None and window.name == fault_free_name(window.traffic):
        warm_s = (window.start_ns - window.begin_ns) / NS_PER_S
        if warm_s < planned.warm_up_s - 0.001:
            opened = f"the window opened {warm_s:.3g} s after the load began, expected at least the warm-up of {planned.warm_up_s:g} s"
            yield Trouble(opened, AS_RECORDED)
    if window.stopped_ns is not None and window.stopped_ns < window.end_ns:
        early_s = (window.end_ns - window.stopped_ns) / NS_PER_S
        yield Trouble(f"the load stopped {early_s:.3g} s before the end of the window", READ_LOG)


def _rate_troubles(plan: Plan, window: Window) -> Iterable[Trouble]:
    """Defects in the number of requests or of journeys; if only the number of requests is wrong, the planned size may be wrong."""
    seconds = window.seconds
    planned = plan.traffic.get(window.traffic)
    each = planned.requests_per_journey if planned else window.requests_per_journey
    journeys = planned_journeys(plan, window)
    if journeys <= 0:
        yield Trouble(
            "the planned rate in this window is 0", "set a rate above 0 for this time in loadtests/{traffic}.yaml"
        )
        return
    allowed = _allowed(planned.arrivals if planned else "poisson", journeys, window)
    arrived = int(window.samples.words["step"].equals("1").sum())
    n = len(window.samples)
    flat = planned is None or not (planned.rates or planned.trace_ns)
    least = (journeys - allowed) * (1 if not window.fault_free or not flat else each)
    most = (journeys + allowed) * each if flat else math.inf
    if (beyond := max(least - n, n - most)) > 0 and beyond > _mixed(window.samples):
        sent = f"{n / seconds:.4g} requests/s were sent, expected {journeys / seconds * each:.4g}"
        yield Trouble(sent, UNEVEN if abs(arrived - journeys) <= allowed else "")
    elif abs(arrived - journeys) > allowed:
        yield Trouble(f"{arrived} journeys began, expected {journeys:.6g}")


def _mixed(samples: Table) -> float:
    """Four standard deviations of the number of requests, from the number per journey: the class of each journey is drawn at random."""
    of_worker = zip(samples.ints["worker"].tolist(), samples.ints["arrival"].tolist(), strict=True)
    each = np.array(list(Counter(of_worker).values()), dtype=np.float64)
    return 4 * math.sqrt(len(each)) * float(each.std()) if len(each) else 0.0


def _allowed(arrivals: str, journeys: float, window: Window) -> float:
    """Allowed difference between the planned and the observed journeys of the window."""
    edge = len(window.workers) if any(worker.residual_ns for worker in window.workers) else 0
    if arrivals == "trace":
        return edge  # one a worker may lie on the other side of an edge that is known no better
    poisson = 4 * math.sqrt(journeys) if arrivals == "poisson" else 0.0
    return max(0.01 * journeys, poisson, 1.0) + edge
