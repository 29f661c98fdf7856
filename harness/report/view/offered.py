"""The load as texts: planned traffic, sent requests, and health of the generators."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.model import Phase
from harness.model.judged.overview import LEAST_REQUESTS, LEAST_S
from harness.report.view.wording import NOTHING, duration, figure
from harness.words import counted, some

if TYPE_CHECKING:
    from harness.model import Judgement, TrafficPlan, TrafficResult, Worker

OPEN = "open"


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerLine:
    """One load generator in one window, as texts; `clock` is the shift of its rows, `ended` how it ended."""

    window: str
    worker: int
    rows: str
    cpu: str
    gc: str
    loop: str
    clock: str
    ended: str


@dataclass(frozen=True, kw_only=True, slots=True)
class TrafficView:
    """One traffic as texts: facts about its plan, its windows by route, and its generators."""

    name: str
    facts: tuple[tuple[str, str], ...]
    windows: tuple[TrafficResult, ...]
    workers: tuple[WorkerLine, ...]


def traffic_views(plans: Mapping[str, TrafficPlan], results: Sequence[TrafficResult]) -> Iterable[TrafficView]:
    """Each traffic by name, in the order of the judgement."""
    for name in dict.fromkeys(result.name for result in results):
        own = tuple(result for result in results if result.name == name)
        planned = plans.get(name)
        yield TrafficView(
            name=name,
            facts=() if planned is None else tuple(_facts(planned, own)),
            windows=own,
            workers=tuple(_worker(window_of(result), worker) for result in own for worker in result.workers),
        )


def window_of(result: TrafficResult) -> str:
    """Short name of a window: `fault-free`, `after-faults`, `experiment:pod-loss/fault`."""
    return result.window.removeprefix(f"{result.name}/")


def lag_of(result: TrafficResult) -> str:
    """The p99 of the send lag of the generator, and its limit: `0.61 of 20 ms`."""
    if result.lag_ms_p99 is None or result.lag_limit_ms is None:
        return figure(result.lag_ms_p99, "ms")
    return f"{figure(result.lag_ms_p99)} of {figure(result.lag_limit_ms, 'ms')}"


def _facts(plan: TrafficPlan, results: Sequence[TrafficResult]) -> Iterable[tuple[str, str]]:
    """Labels and texts on how the traffic was offered."""
    opened = plan.model == OPEN
    counts = "the due time of a request" if opened else "the send time of a request"
    waits = "arrivals do not wait for answers" if opened else "each user waits for an answer before the next request"
    yield "Model", f"{plan.model}: {waits}; response times count from {counts}"
    if opened:
        yield "Arrivals", _arrivals(plan)
        yield "Users at once", f"about {plan.users:.4g}"
    else:
        think = f", {figure(plan.think_s, 's')} between two journeys" if plan.think_s else ""
        yield "Users", f"{plan.users:.4g}{think}"
    yield "Warm-up", _warm_up(plan, results)
    yield "Fault-free window", f"{duration(plan.window_s)}, closed before the load is stopped"
    remote = f", {plan.remote_workers} on other machines" if plan.remote_workers else ""
    yield "Generators", f"{plan.workers} on this machine{remote}"


def _arrivals(plan: TrafficPlan) -> str:
    each = f"of {counted(plan.requests_per_journey, 'request')} each"
    if plan.rates:
        rates = [rate for _, rate in plan.rates]
        return f"{plan.arrivals.capitalize()}, between {min(rates):.4g} and {max(rates):.4g} journeys/s {each}"
    recorded = f" of {plan.trace}" if plan.trace else ""
    return f"{plan.arrivals.capitalize()}{recorded}, {plan.journeys_per_s:.4g} journeys/s {each}"


def _warm_up(plan: TrafficPlan, results: Sequence[TrafficResult]) -> str:
    cut = next((r.warm_up_s for r in results if not r.experiment and r.warm_up_s is not None), None)
    seen = "" if cut is None else f", {figure(cut, 's')} measured"
    return f"{figure(plan.warm_up_s, 's')} planned{seen}, equal for every route and release"


def _worker(window: str, worker: Worker) -> WorkerLine:
    shifted = worker.offset_ns or worker.residual_ns
    residual = f"{worker.offset_ns / 1e6:+.3g} ms ± {worker.residual_ns / 1e6:.2g} ms" if shifted else "the run's own"
    return WorkerLine(
        window=window,
        worker=worker.id,
        rows=str(worker.rows),
        cpu=NOTHING if worker.cpu is None else f"{figure(worker.cpu, 'ratio')} of a core",
        gc=figure(worker.gc_ms, "ms"),
        loop=figure(worker.loop_ms, "ms"),
        clock=residual,
        ended=(f"died {worker.died}" if worker.died else worker.why)
        or ("normally" if worker.closed else "not normally"),
    )


def silent_guards(judgement: Judgement) -> str:
    """A sentence about windows, and routes in a window, with too few requests for a separate judgement; may be empty."""
    free = {window.name: window for window in judgement.windows if window.phase != Phase.FAULT}
    short = [
        f"{one.name} (n {one.n}, {figure(one.end_s - one.start_s, 's')})"
        for one in free.values()
        if one.n < LEAST_REQUESTS or one.end_s - one.start_s < LEAST_S
    ]
    told = {text.partition(" (")[0] for text in short}
    few = [
        f"{one.route} in {one.window} (n {one.n})"
        for one in judgement.traffic
        if one.route and one.window in free and one.window not in told and one.n < LEAST_REQUESTS
    ]
    if not (short or few) or len(free) < 2:
        return ""
    return (
        f"Too small to be judged separately (less than {LEAST_REQUESTS} requests or {LEAST_S:g} s): "
        f"{some([*short, *few], between='; ')}. Their requests count in the figures of all windows together"
    )
