"""`readiness plan`: what would be done, with seconds and numbers; nothing is touched."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.table import Table

from harness.drivers.watch import Rates
from harness.judgement.figures import Offered, spec_of
from harness.model import Act, DemandKind, Per, Phase, Plan
from harness.run.acts.driver import Library
from harness.run.baseline import check_baseline
from harness.run.live import sizes_of
from harness.run.planning import Compiled, make_plan
from harness.run.sandbox import described_sandbox
from harness.targets import load_target

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from harness.model import ExperimentPlan, Objective, Requirement
    from harness.run.settings import Settings

START_S: Final = 20.0
REST_S: Final = 10.0
"""What a run needs beside its demands on an idle machine of two cores."""

_WIDTH: Final = 110
"""Columns that the tables take at least: a number that wraps cannot be searched for."""


def show_plan(
    settings: Settings,
    compiled: Compiled,
    *,
    requirements: Sequence[Requirement],
    experiments: Mapping[str, ExperimentPlan],
) -> None:
    """Print the acts in order, how much evidence each sentence takes, and what cannot be assessed."""
    target = load_target(settings.target) if settings.target else described_sandbox(settings.release)
    library = Library(traffic=sizes_of(settings, target, compiled), experiments=experiments)
    plan = make_plan(
        "plan", settings=settings, target=target, requirements=requirements, compiled=compiled, library=library
    )
    console = Console(highlight=False, soft_wrap=True)
    console.width = max(console.width, _WIDTH)
    scale = f" · time scale {plan.time_scale:g}" if plan.time_scale != 1 else ""
    console.print(f"{plan.release} on {plan.target} ({plan.environment}) · profile {plan.profile}{scale}", markup=False)
    if settings.baseline is not None:
        console.print(check_baseline(settings.baseline, plan), markup=False)
    for line in _acts(plan):
        console.print(line, markup=False)
    console.print(_evidence(plan))
    for item in plan.not_assessable:
        console.print(f"not assessable: {item.requirement}: {item.why} ({item.hint})", markup=False)
    if plan.deselected:
        console.print(f"{len(plan.deselected)} scenarios are left out: this run would not decide", markup=False)


def _acts(plan: Plan) -> Iterator[str]:
    """The acts in order: seconds, name, phase, what they touch and follow; what they do is below."""
    yield "Acts, in this order"
    yield f"{START_S:6.0f} s  start: target {plan.target}, watchers, load"
    for act in plan.acts:
        touches = f"touches {', '.join(act.touches)}" if act.touches else ""
        after = f"after {', '.join(act.after)}" if act.after else ""
        words = [act.name, act.phase.name.lower(), touches, after, f"beside {act.beside}" if act.beside else ""]
        yield f"{act.seconds:6.0f} s  {' · '.join(filter(None, words))}"
        if what := _what(plan, act):
            yield f"          {what}"
    yield f"{REST_S:6.0f} s  rest: last reads of the ledger, seal, judge, reports"
    total = START_S + REST_S + sum(act.seconds for act in plan.acts)
    yield f"{total:6.0f} s  all, when nothing is repeated and every recovery succeeds"


def _what(plan: Plan, act: Act) -> str:
    """What an act does, in a few words."""
    demand = plan.demand[act.demand]
    if demand.kind == DemandKind.TRAFFIC:
        traffic = plan.traffic[demand.name]
        if act.after:
            return f"{traffic.requests_per_s:g} requests/s for at least {traffic.after_s:g} s after the last fault"
        return (
            f"{traffic.requests_per_s:g} requests/s: {traffic.warm_up_s:g} s warm-up, "
            f"{traffic.window_s:g} s fault-free, {traffic.requests} requests"
        )
    if demand.kind == DemandKind.EXPERIMENT:
        experiment = plan.experiments[demand.name]
        breaks = act.phase is Phase.FAULT
        return (
            f"fault of domain {experiment.domain}, observed for at most {experiment.observe_s:g} s"
            if breaks
            else "no fault"
        )
    return "" if demand.key == act.name else demand.key


def _evidence(plan: Plan) -> Table:
    table = Table(
        "requirement",
        "needs",
        "samples planned",
        "tolerated",
        "PASS at 1/10, 1/5, 1/2",
        title="How much evidence it takes",
        title_justify="left",
    )
    for claim in plan.claims:
        for objective in claim.objectives:
            row = _sizes(plan, objective)
            if row is not None:
                table.add_row(claim.requirement, *row)
    return table


def _sizes(plan: Plan, objective: Objective) -> tuple[str, str, str, str] | None:
    """How many are needed without a failure, how many are sent, how many failures those tolerate; None where numbers do not decide."""
    traffic = plan.traffic.get(objective.scope.traffic or "")
    if traffic is None:
        return None
    by_route = objective.scope.per is Per.ROUTE
    share = min(traffic.routes.values()) if by_route and traffic.routes else 1.0
    offered = Offered(
        requests=math.floor(traffic.requests * share),
        probes=round(traffic.window_s * Rates().health_in_window),
        journeys=math.floor(traffic.journeys_per_s * traffic.window_s),
        by_route=by_route,
    )
    numbers = spec_of(objective.figure).numbers(objective, offered)
    return None if numbers is None else (numbers.needed, numbers.planned, numbers.tolerated, numbers.chances)
