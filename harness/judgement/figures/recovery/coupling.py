"""Coupling: while a service is unavailable, the routes that do not use it keep working. The experiments stop one service after another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Final

import numpy as np

from harness.judgement.figures.fault_free import GuardedWindow, all_files, ids_of, slots_of
from harness.judgement.figures.files import load_files
from harness.judgement.figures.indicators import failed
from harness.judgement.figures.recovery.phases import of_each_attempt, windows_in
from harness.judgement.figures.spec import Basis, Need, Spec
from harness.judgement.measures import HINTS, Case, bounded, inconclusive
from harness.judgement.receipts.faults.attempts import counted_attempt, never_asked
from harness.judgement.receipts.faults.fault import fault_receipt
from harness.judgement.receipts.faults.hits import proven_hits, whole_service_receipt
from harness.judgement.receipts.faults.restore import restore_receipt
from harness.judgement.receipts.load import joined_load_receipt
from harness.judgement.recovery.users import ROUTE
from harness.judgement.routes import are_of
from harness.judgement.stats.clustered import share_in_time
from harness.judgement.stats.statistics import Bounds, needed, share_bounds
from harness.judgement.worst import naming_worst
from harness.model import ONLY_BELOW, Experiment, Figure, LimitRule, Measure, Phase, Window
from harness.units import NS_PER_S

_NAME: Final = Figure.COUPLING.value
_FIFTHS: Final = 5
_HELD: Final = (
    "let the experiment keep its fault for a time (activity `hold`) and then undo it, or name `gone_by`, then run again"
)
_OF_ITS_OWN: Final = "request this route in a journey that does not end when an earlier request fails, then run again"


def couplings(case: Case) -> Iterable[Measure]:
    """One measure per experiment, and one per service that a route uses and that no experiment stopped."""
    nothing = ("the run has no record that {experiment} stopped a service that a route uses", HINTS["fault"])
    yield from of_each_attempt(case, _NAME, partial(_of, case), add="", nothing=nothing)
    services = {service for needs in case.plan.route_needs.values() for service in needs}
    for service in sorted(services - _taken(case)):
        why = f"no experiment stopped {service}, so it is unknown which routes work without it"
        hint = f"add an experiment of domain `service` that stops {service}"
        yield inconclusive(case, _NAME, why, hint, scope={"of": service})


def _taken(case: Case) -> set[str]:
    """The services that the counted attempts stopped under the traffic."""
    traffic = case.objective.scope.traffic
    counted = (counted_attempt(case.plan, case.evidence, name, traffic) for name in case.experiments)
    under = [one for one in counted if one and windows_in(case.evidence, Phase.FAULT, traffic, one)]
    return {service for attempt in under for service in _gone(case, attempt)}


def _gone(case: Case, attempt: Experiment) -> set[str]:
    """The services that an attempt stopped and that a route uses."""
    services = {service for needs in case.plan.route_needs.values() for service in needs}
    return {hit.workload for hit in proven_hits(case.evidence, attempt) if hit.kind == "pod"} & services


def _of(case: Case, attempt: Experiment, scope: Mapping[str, str]) -> Iterable[Measure]:
    """The measures of one attempt; no measure if it had no traffic, or stopped no service that a route uses."""
    windows = windows_in(case.evidence, Phase.FAULT, case.objective.scope.traffic, attempt)
    if windows and (gone := _gone(case, attempt)):
        scope = {"traffic": windows[0].traffic, **scope}
        yield _without(case, attempt, windows, gone, scope)
        yield from _unasked(case, attempt, gone, scope)


def _free(case: Case, traffic: str, gone: set[str]) -> list[str]:
    """The routes of a traffic that use none of the stopped services."""
    planned, known = case.plan.traffic.get(traffic), case.plan.route_needs
    return [route for route in planned.routes if route in known and gone.isdisjoint(known[route])] if planned else []


def _unasked(case: Case, attempt: Experiment, gone: set[str], scope: Mapping[str, str]) -> Iterable[Measure]:
    """One measure per route that was not requested while the service was stopped, so that nothing shows that it works without the service.

    Only the second half of the fault is counted. A journey that ends at its first failure sends no more requests, but journeys in progress at the
    beginning of the fault continue for a while. If the end of the fault was not recorded, one measure reports that, as no route is shown to work.
    """
    routes, fault = _free(case, scope["traffic"], gone), attempt.fault
    begin_ns, until_ns = fault.confirmed_ns, fault.undone_ns or fault.gone_ns
    if begin_ns is None or until_ns is None:
        why = f"{attempt.name}: the time for which {', '.join(sorted(gone))} was stopped was not recorded"
        yield inconclusive(case, _NAME, why, _HELD, scope=scope)
        return
    half = ((begin_ns + until_ns) // 2, until_ns)
    for route, expected in never_asked(case.plan, case.evidence, scope["traffic"], half):
        if route in routes:
            seconds = (half[1] - half[0]) / NS_PER_S
            why = (
                f"{attempt.name}: {ROUTE}{route} was not requested in the last {seconds:.4g} s of the fault, "
                f"expected about {expected:.0f} requests"
            )
            yield inconclusive(case, _NAME, why, _OF_ITS_OWN, scope={**scope, "group": f"{ROUTE}{route}"})


def _without(
    case: Case, attempt: Experiment, windows: Sequence[Window], gone: set[str], scope: Mapping[str, str]
) -> Measure:
    names, routes = ", ".join(sorted(gone)), _free(case, windows[0].traffic, gone)
    if not routes:
        why = f"every route of the target file uses {names}, expected one that does not"
        return inconclusive(
            case, _NAME, why, "declare the services of each route under `routes` in the target file", scope=scope
        )
    parts = [_part(window, routes) for window in windows]
    bad, n = sum(int(part.bad.sum()) for part in parts), sum(len(part.bad) for part in parts)
    bounds = share_in_time(slots_of(parts), case.objective.confidence, claim=True)
    bounds = _throughout(bounds, parts, attempt)
    limit = case.objective.limit.in_unit("ratio")
    fault = fault_receipt(case.plan, case.evidence, attempt)
    whole = [whole_service_receipt(case.evidence, attempt, service) for service in sorted(gone)]
    receipts = {
        "fault": next((one for one in whole if fault.ok and not one.ok), fault),
        "restore": restore_receipt(case.evidence, attempt),
        "load": joined_load_receipt(case.plan, windows, latencies=False),
    }
    found = bounded(
        case,
        _NAME,
        bounds,
        unit="ratio",
        subject=f"error rate of {', '.join(routes)} while {names} is stopped ({bad} of {n} requests)",
        n_needed=needed(bad, limit, case.objective.confidence),
        scope=scope,
        receipts=receipts,
        fail_needs=("fault",),
        files=all_files(windows),
    )
    return naming_worst(case, found, parts)


def _throughout(bounds: Bounds, parts: Sequence[GuardedWindow], attempt: Experiment) -> Bounds:
    """The bounds, with higher lower bounds if requests failed throughout the time in which the service was stopped.

    Failures that last as long as the fault are one cluster, to which bounds for independent clusters do not apply. But the harness chose the time
    of the fault, so each fifth of it is a separate trial, and the overall share of failures is at least the share of the best fifth.
    """
    confirmed_ns, undone_ns = attempt.fault.confirmed_ns, attempt.fault.undone_ns
    n = sum(len(part.bad) for part in parts)
    if confirmed_ns is None or undone_ns is None or not n:
        return bounds
    edges = np.linspace(confirmed_ns, undone_ns, _FIFTHS + 1)
    at_ns = np.concatenate([part.at_ns for part in parts])
    bad = np.concatenate([part.bad for part in parts])
    inside = [(at_ns >= start) & (at_ns < end) for start, end in pairwise(edges)]
    fifths = [share_bounds(int(bad[own].sum()), int(own.sum()), bounds.confidence) for own in inside]
    held = sum(int(own.sum()) for own in inside) / n
    return replace(
        bounds,
        low=max(bounds.low, held * min(one.low for one in fifths)),
        fail_low=max(bounds.fail_low, held * min(one.fail_low for one in fifths)),
    )


def _part(window: Window, routes: Sequence[str]) -> GuardedWindow:
    """The requests of these routes; failed requests are bad."""
    samples = window.samples.where(np.logical_or.reduce([are_of(window.samples, route) for route in routes]))
    return GuardedWindow(
        window=window.name,
        span=window.span,
        at_ns=samples.ints["intended_ns"],
        bad=failed(samples),
        ids=ids_of(samples),
        requests=samples,
    )


SPEC: Final = Spec(
    figure=Figure.COUPLING,
    judge=couplings,
    limit=LimitRule(dimension="ratio", ops=ONLY_BELOW),
    timed=True,
    unit="ratio",
    basis=Basis.TRAFFIC,
    phases=frozenset({Phase.FAULT}),
    evidence=load_files,
    needs=lambda _objective: (
        Need(
            key="routes",
            why="the services of each route are declared in the target file",
            hint="add `routes: {ROUTE: [SERVICE]}` to the target file",
        ),
    ),
)
