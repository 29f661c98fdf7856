"""Exposed metrics: the platform's own metrics of the fault-free window, compared with measurements of the traffic.

The metrics of each pod are cumulative. They were read at the beginning and at the end of the window. The growth between these readings is
compared with the requests that were answered in the same seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np

from harness.judgement.figures.files import load_files
from harness.judgement.figures.indicators import failed, steady_window
from harness.judgement.figures.monitor.buckets import buckets_of, quantile_of
from harness.judgement.figures.monitor.compared import NAME, Compared, answered, measured, requests, routes_of
from harness.judgement.figures.monitor.exposed_errors import (
    error_rate,
    errors_at,
    errors_by_route,
    pods_of,
    services_of,
)
from harness.judgement.figures.monitor.metric_courses import (
    MetricCourse,
    UnknownMetric,
    metric_course,
    window_of_errors,
)
from harness.judgement.figures.spec import Basis, Need, Spec, in_words
from harness.judgement.measures import Case, inconclusive
from harness.judgement.routes import are_of
from harness.judgement.stats.statistics import Floats
from harness.judgement.wording import formatted
from harness.model import Figure, Measure, Objective, Phase, Quantity, Window
from harness.model.observations import MetricsRead

QUANTILES: Final = (0.5, 0.95, 0.99)
_STRAY: Final = 0.01
"""Largest share of answers that need not report their duration, such as answers that the entry itself gives."""
_ROUNDED_MS: Final = 0.1
"""Allowed excess in ms of the duration that an answer reports over the time that its user waited: two clocks, and rounded values."""
_STATUS: Final = "let the request counter of the platform carry the status of every answer on every route"
_BY_ROUTE: Final = "errors by route"
_OF_ERRORS: Final = frozenset({"error rate", _BY_ROUTE})
_Pairs = Callable[[Case, Window, MetricCourse], Iterable[Compared | UnknownMetric]]
_AGAIN: Final = "make sure that the metrics of every pod can be read during the complete window, then run again"


def exposures(case: Case) -> Iterable[Measure]:
    """One measure per comparison; the receipt `watch` names the time for which metrics were read."""
    window, what = steady_window(case, NAME), case.objective.params["what"]
    if isinstance(window, Measure):
        yield window
        return
    yield from _compared(case, window_of_errors(case, window) if what in _OF_ERRORS else window, _PAIRS[what])
    if what == _BY_ROUTE:
        yield from _at_services(case, window)


def _at_services(case: Case, window: Window) -> Iterable[Measure]:
    try:
        services = services_of(case, window)
    except UnknownMetric as unknown:
        yield inconclusive(case, NAME, str(unknown), unknown.hint, scope={"of": "errors at every service"})
        return
    for service in services:
        own = window_of_errors(case, window, pods_of(case, service))
        yield from _compared(case, own, partial(errors_at, service))


def _compared(case: Case, window: Window, pairs: _Pairs) -> Iterable[Measure]:
    try:
        course = metric_course(case, window)
        for pair in pairs(case, window, course):
            if isinstance(pair, UnknownMetric):
                yield inconclusive(case, NAME, str(pair), pair.hint or _STATUS, scope={"of": pair.of})
            else:
                yield measured(case, window, course, pair)
    except UnknownMetric as unknown:
        yield inconclusive(case, NAME, str(unknown), _AGAIN, scope={"of": case.objective.params["what"]})


def _rate(case: Case, window: Window, course: MetricCourse) -> Iterable[Compared]:
    samples, probes = answered(case, window, course)
    routes = routes_of(case, window)

    def counted(read: MetricsRead) -> float:
        return requests(read, routes)

    sent = (len(samples) + len(probes)) / course.seconds
    tolerance = case.objective.limit.in_unit("ratio") * sent
    yield Compared(
        what="requests per second",
        exposed=course.at_entry.grown(counted) / course.seconds,
        measured=sent,
        tolerance=tolerance,
        unit="/s",
        n=len(samples),
        unsure=course.at_entry.unsure(counted) / course.seconds,
    )


def _engagement(case: Case, window: Window, course: MetricCourse) -> Iterable[Compared]:
    names = course.names
    if not names.get("actions"):
        raise UnknownMetric("the target file names no counters of user actions (`metrics.per_user`)")
    samples, _ = answered(case, window, course)
    bad = failed(samples)

    def counted(name: str) -> tuple[float, float]:
        def count(read: MetricsRead) -> float:
            return float(read.counters.get(name, 0.0))

        return course.grown(count), course.unsure(count)

    (users, off_users), (actions, off_actions) = counted(names["users"]), counted(names["actions"])
    own = [are_of(samples, names[key]) for key in ("user_route", "action_route")]
    asked, acted = (int((rows & ~bad).sum()) for rows in own)
    no_user, no_action = (int((rows & bad).sum()) for rows in own)
    if not asked:
        raise UnknownMetric(f"no request of the traffic on {names['user_route']} was answered")
    exposed = actions / users if users else 0.0
    measured = acted / asked
    yield Compared(
        what="plays per user",
        exposed=exposed,
        measured=measured,
        tolerance=case.objective.limit.in_unit("ratio") * measured,
        unit="",
        n=asked,
        failed=no_user + no_action,
        least=acted / (asked + no_user),
        most=(acted + no_action) / asked,
        unsure=exposed * (off_users / users + off_actions / actions) if users and actions else 0.0,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Took:
    """Durations of answers in ms, the routes whose metrics are compared with them, and how the durations were measured."""

    ms: Floats
    routes: tuple[str, ...]
    detail: str = ""


def _took(case: Case, window: Window, course: MetricCourse) -> _Took:
    """The durations that answers report, if the target's answers report any; else the times from sending to answer, with the network.

    The metrics include probe requests, whose answers report no duration. In the first case the route of the probes is left out.
    """
    samples, probes = answered(case, window, course)
    routes = routes_of(case, window)
    if not samples.ints["served_us"].any():
        parts = [(rows.ints["done_ns"] - rows.ints["sent_ns"]) / 1e6 for rows in (samples, probes) if len(rows)]
        if not parts:
            raise UnknownMetric("no request of the traffic was answered in the window")
        return _Took(ms=np.concatenate(parts), routes=routes)
    own = tuple(route for route in routes if route != course.names.get("probed")) or routes
    samples = samples.where(np.logical_or.reduce([are_of(samples, route) for route in own]))
    said = samples.ints["served_us"] / 1e3
    waited = (samples.ints["done_ns"] - samples.ints["sent_ns"]) / 1e6
    if (silent := int((said == 0).sum())) > _STRAY * len(said):
        raise UnknownMetric(f"{silent} of {len(said)} answers do not report their duration")
    if (longer := int((said > waited + _ROUNDED_MS).sum())) > _STRAY * len(said):
        raise UnknownMetric(f"{longer} of {len(said)} answers report a longer duration than their user waited")
    detail = f" (as the answers report it; users waited {formatted(float(np.quantile(waited, 0.5)), 'ms')} at p50)"
    return _Took(ms=said[said > 0], routes=own, detail=detail)


def _quantiles(case: Case, window: Window, course: MetricCourse) -> Iterable[Compared]:
    took = _took(case, window, course)
    ends, counts = buckets_of(course, took.routes)
    share = Quantity.parse(case.objective.params["share"]).in_unit("ratio")
    for quantile in QUANTILES:
        measured = float(np.quantile(took.ms, quantile))
        yield Compared(
            what=f"p{100 * quantile:g}",
            exposed=quantile_of(ends, counts, quantile) * 1000,
            measured=measured,
            tolerance=max(share * measured, case.objective.limit.in_unit("ms")),
            unit="ms",
            n=len(took.ms),
            detail=took.detail,
        )


def _performance(case: Case, window: Window, course: MetricCourse) -> Iterable[Compared]:
    """The requests per second and the p95, each compared with the value of the traffic."""
    share = case.objective.limit.in_unit("ratio")
    yield from _rate(case, window, course)
    took = _took(case, window, course)
    measured = float(np.quantile(took.ms, QUANTILES[1]))
    exposed = quantile_of(*buckets_of(course, took.routes), QUANTILES[1]) * 1000
    yield Compared(
        what="p95",
        exposed=exposed,
        measured=measured,
        tolerance=share * measured,
        unit="ms",
        n=len(took.ms),
        detail=took.detail,
    )


_PAIRS: Final[Mapping[str, _Pairs]] = {
    "quantiles": _quantiles,
    "error rate": error_rate,
    "requests per second": _rate,
    "plays per user": _engagement,
    "performance": _performance,
    _BY_ROUTE: errors_by_route,
}


def _by_time(_case: Case, found: Measure) -> Sequence[tuple[int, int]] | None:
    """No moment for errors that an experiment made: pods were read before and after all of them, so lateness does not change their number."""
    return () if found.scope.get("experiment") else None


def _in_words(objective: Objective) -> str:
    return in_words(objective, f"within {objective.limit} of the value that the traffic measured")


_NEEDS: Final = (
    Need(
        key="metrics",
        why="the metrics of the services are read",
        hint="add `metrics: {entry: WORKLOAD}` to the target file",
    ),
    Need(
        key="routes",
        why="errors of a service are counted on the routes that use it",
        hint="add `routes: {ROUTE: [SERVICE]}` to the target file",
    ),
)

SPEC: Final = Spec(
    figure=Figure.EXPOSED,
    judge=exposures,
    limit=None,
    timed=True,
    moments=_by_time,
    unit="",
    basis=Basis.TRAFFIC,
    phases=frozenset({Phase.STEADY}),
    evidence=lambda case: ("history/metrics.", *load_files(case)),
    needs=lambda objective: _NEEDS if objective.params.get("what") == _BY_ROUTE else _NEEDS[:1],
    words=_in_words,
)
