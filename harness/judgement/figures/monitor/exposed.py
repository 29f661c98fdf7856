"""Exposed metrics: the platform's own metrics of the fault-free window, compared with what the traffic measured in it.

The metrics of each pod are cumulative. They were read at the beginning and at the end of the window; what was counted between the two
readings is compared with the requests that were answered in the same seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from harness.judgement.figures.files import load_files
from harness.judgement.figures.indicators import MORE_TRAFFIC, failed, steady_window
from harness.judgement.figures.monitor.buckets import buckets_of, quantile_of
from harness.judgement.figures.monitor.metric_courses import (
    MetricCourse,
    UnknownMetric,
    metric_course,
    window_of_errors,
)
from harness.judgement.figures.spec import Basis, Need, Spec, in_words
from harness.judgement.measures import Case, inconclusive
from harness.judgement.receipts.load import load_receipt
from harness.judgement.recovery import SERVER_ERROR
from harness.judgement.routes import are_of
from harness.judgement.shapes.every import Things, every_one
from harness.judgement.stats.statistics import Floats
from harness.judgement.wording import formatted
from harness.model import Figure, Measure, Objective, Phase, Quantity, Receipt, Table, Window
from harness.model.observations import ActivityDone, MetricsRead, every

QUANTILES: Final = (0.5, 0.95, 0.99)
_NAME: Final = "exposed metric"
_STRAY: Final = 0.01
"""Largest share of answers that need not report how long they took, such as answers that the entry gives itself."""
_ROUNDED_MS: Final = 0.1
"""By how much the time that an answer reports may exceed the time that its user waited, in ms: two clocks, and rounded figures."""
_FILES: Final = ("history/metrics.ndjson",)
_STATUS: Final = "make the counter of requests carry the status of every answer on every route"
_OF_ERRORS: Final = frozenset({"error rate", "errors by route"})
_NO_ERROR: Final = "the traffic met no error, so it is unknown whether the platform counts errors"
_FEW_ERRORS: Final = (
    "the traffic met no more errors than the tolerance: a platform that counts no errors would pass as well"
)
_MAKE_ERRORS: Final = "add a scenario that runs an experiment of domain external, such as `errors-10`, under this traffic: metrics are also read during that experiment"
_NO_FAILURES: Final = "find out why these requests failed, then run again"
_AGAIN: Final = "make sure that the metrics of every pod can be read during the complete window, then run again"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Compared:
    """One comparison of a value in the metrics with the value that the traffic measured, in one unit.

    Attributes:
        tolerance: by how much the two may differ.
        unsure: by how much the value in the metrics may be wrong, since pods are not read at the same time.
        failed: how many of the requests failed so that it is unknown whether the platform counted them.
        least, most: the measured value if none of these, or all, are taken as the platform may have counted them; None: as measured.
    """

    what: str
    exposed: float
    measured: float
    tolerance: float
    unit: str
    n: int
    unsure: float = 0.0
    failed: int = 0
    least: float | None = None
    most: float | None = None
    detail: str = ""
    of_errors: bool = False
    """Whether errors are compared: if the traffic met no more errors than the tolerance, a platform that counts no errors would pass as well."""


def exposures(case: Case) -> Iterable[Measure]:
    """One measure per comparison; the receipt `watch` says for how long metrics were read."""
    window = steady_window(case, _NAME)
    if isinstance(window, Measure):
        yield window
        return
    try:
        if case.objective.params["what"] in _OF_ERRORS:
            window = window_of_errors(case, window)
        course = metric_course(case, window)
        for pair in _PAIRS[case.objective.params["what"]](case, window, course):
            if isinstance(pair, UnknownMetric):
                yield inconclusive(case, _NAME, str(pair), _STATUS, scope={"of": pair.of})
            else:
                yield _measured(case, window, course, pair)
    except UnknownMetric as unknown:
        yield inconclusive(case, _NAME, str(unknown), _AGAIN, scope={"of": case.objective.params["what"]})


def _routes(case: Case, window: Window) -> tuple[str, ...]:
    planned = case.plan.traffic.get(window.traffic)
    return tuple(planned.routes) if planned else ()


def _answered(case: Case, window: Window, course: MetricCourse) -> tuple[Table, Table]:
    """The traffic's requests and the read probes that were answered in the spans; no probes if the target file names no route for them."""
    samples, probes = course.answered(window.samples), course.answered(case.evidence.probes)
    known = bool(course.names.get("probed"))
    return samples, probes.where(probes.words["kind"].equals("read") & known)


def _read_by(case: Case, window: Window, *, least: int = 0) -> int:
    """How many reads the window's experiment made itself, on the route of the probes; with `least`, only those answered with such a status or above."""
    done = [one for one in every(ActivityDone, case.evidence.observations) if window.experiment == one.subject]
    return sum(n for one in done for status, n in one.answers.items() if int(status) >= least)


def _requests(read: MetricsRead, routes: Iterable[str], *, least: int | None = None) -> float:
    """How many answers the metrics count on these routes; with `least`, only those whose status is a number of at least `least`."""
    total = 0.0
    for route in routes:
        for status, count in dict(read.requests.get(route, {})).items():
            if least is None or (str(status).isdigit() and int(status) >= least):
                total += float(count)
    return total


def _untold(course: MetricCourse, route: str) -> str:
    """Why errors on a route could not show in the counters of the entry; empty if each answer on the route is counted with its status.

    A counter that has the other answers of the route by status would have its errors too.
    """
    counted = course.grown(lambda read: _requests(read, [route]), entry=True)
    if not counted:
        return f"no answer on {route} was counted in the window, so errors would not be counted either"
    without = counted - course.grown(lambda read: _requests(read, [route], least=0), entry=True)
    return f"{without:.0f} of {counted:.0f} answers on {route} were counted without a status" if without >= 0.5 else ""


def _rate(case: Case, window: Window, course: MetricCourse) -> Iterable[_Compared]:
    samples, probes = _answered(case, window, course)
    routes = _routes(case, window)

    def counted(read: MetricsRead) -> float:
        return _requests(read, routes)

    sent = (len(samples) + len(probes)) / course.seconds
    tolerance = case.objective.limit.in_unit("ratio") * sent
    yield _Compared(
        what="requests per second",
        exposed=course.grown(counted, entry=True) / course.seconds,
        measured=sent,
        tolerance=tolerance,
        unit="/s",
        n=len(samples),
        unsure=course.unsure(counted, entry=True) / course.seconds,
    )


def _errors(case: Case, window: Window, course: MetricCourse) -> Iterable[_Compared]:
    samples, probes = _answered(case, window, course)
    routes = _routes(case, window)
    n = course.grown(lambda read: _requests(read, routes), entry=True)
    bad = course.grown(lambda read: _requests(read, routes, least=SERVER_ERROR), entry=True)
    missed = int(failed(samples).sum()) + int((~probes.words["error"].missing).sum())
    missed += _read_by(case, window, least=SERVER_ERROR)
    sent = len(samples) + len(probes) + _read_by(case, window)
    unheard = sum(int((~rows.words["error"].missing & (rows.ints["status"] == 0)).sum()) for rows in (samples, probes))
    if not n or not len(samples):
        raise UnknownMetric("no request was counted in the window")
    asked = [route for route in routes if are_of(samples, route).any()]
    if untold := next(filter(None, (_untold(course, route) for route in asked)), ""):
        raise UnknownMetric(untold)
    yield _Compared(
        what="error rate",
        exposed=bad / n,
        measured=missed / sent,
        failed=unheard,
        least=(missed - unheard) / sent,
        tolerance=case.objective.limit.in_unit("ratio"),
        unit="ratio",
        n=len(samples),
        of_errors=True,
    )


def _engagement(case: Case, window: Window, course: MetricCourse) -> Iterable[_Compared]:
    names = course.names
    if not names.get("actions"):
        raise UnknownMetric("the target file names no counters of user actions (`metrics.per_user`)")
    samples, _ = _answered(case, window, course)
    bad = failed(samples)

    def counted(name: str) -> tuple[float, float]:
        def count(read: MetricsRead) -> float:
            return float(read.counters.get(name, 0.0))

        return course.grown(count, entry=False), course.unsure(count, entry=False)

    (users, off_users), (actions, off_actions) = counted(names["users"]), counted(names["actions"])
    own = [are_of(samples, names[key]) for key in ("user_route", "action_route")]
    asked, acted = (int((rows & ~bad).sum()) for rows in own)
    no_user, no_action = (int((rows & bad).sum()) for rows in own)
    if not asked:
        raise UnknownMetric(f"the traffic had no answered request on {names['user_route']}")
    exposed = actions / users if users else 0.0
    measured = acted / asked
    yield _Compared(
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
    """How long answers took in ms, the routes whose metrics are compared with these times, and how the times were measured."""

    ms: Floats
    routes: tuple[str, ...]
    detail: str = ""


def _took(case: Case, window: Window, course: MetricCourse) -> _Took:
    """The times that answers report themselves, if the target's answers do; else the times from sending to answer, with the network.

    The metrics include requests of probes, whose answers report no time: in the first case the route of the probes is left out.
    """
    samples, probes = _answered(case, window, course)
    routes = _routes(case, window)
    if not samples.ints["served_us"].any():
        parts = [(rows.ints["done_ns"] - rows.ints["sent_ns"]) / 1e6 for rows in (samples, probes) if len(rows)]
        if not parts:
            raise UnknownMetric("no request was answered in the window")
        return _Took(ms=np.concatenate(parts), routes=routes)
    own = tuple(route for route in routes if route != course.names.get("probed")) or routes
    samples = samples.where(np.logical_or.reduce([are_of(samples, route) for route in own]))
    said = samples.ints["served_us"] / 1e3
    waited = (samples.ints["done_ns"] - samples.ints["sent_ns"]) / 1e6
    if (silent := int((said == 0).sum())) > _STRAY * len(said):
        raise UnknownMetric(f"{silent} of {len(said)} answers do not report how long they took")
    if (longer := int((said > waited + _ROUNDED_MS).sum())) > _STRAY * len(said):
        raise UnknownMetric(f"{longer} of {len(said)} answers report a longer time than their user waited")
    detail = f", as the answers report it; their users waited {formatted(float(np.quantile(waited, 0.5)), 'ms')} at p50"
    return _Took(ms=said[said > 0], routes=own, detail=detail)


def _quantiles(case: Case, window: Window, course: MetricCourse) -> Iterable[_Compared]:
    took = _took(case, window, course)
    ends, counts = buckets_of(course, took.routes)
    share = Quantity.parse(case.objective.params["share"]).in_unit("ratio")
    for quantile in QUANTILES:
        measured = float(np.quantile(took.ms, quantile))
        yield _Compared(
            what=f"p{100 * quantile:g}",
            exposed=quantile_of(ends, counts, quantile) * 1000,
            measured=measured,
            tolerance=max(share * measured, case.objective.limit.in_unit("ms")),
            unit="ms",
            n=len(took.ms),
            detail=took.detail,
        )


def _performance(case: Case, window: Window, course: MetricCourse) -> Iterable[_Compared]:
    """The requests per second and the p95, each within the same share of the traffic's own."""
    share = case.objective.limit.in_unit("ratio")
    yield from _rate(case, window, course)
    took = _took(case, window, course)
    measured = float(np.quantile(took.ms, QUANTILES[1]))
    exposed = quantile_of(*buckets_of(course, took.routes), QUANTILES[1]) * 1000
    yield _Compared(
        what="p95",
        exposed=exposed,
        measured=measured,
        tolerance=share * measured,
        unit="ms",
        n=len(took.ms),
        detail=took.detail,
    )


def _errors_by_route(case: Case, window: Window, course: MetricCourse) -> Iterable[_Compared | UnknownMetric]:
    """Answers of 500 and above of every route, one by one; a request at either end of the span may be counted on either side.

    A route whose answers are not counted by status has no errors to compare. Probes and the experiment itself read one of them.
    """
    samples, probes = _answered(case, window, course)
    status = samples.ints["status"]
    read = int((probes.ints["status"] >= SERVER_ERROR).sum()) + _read_by(case, window, least=SERVER_ERROR)

    def counted(route: str) -> float:
        return course.grown(lambda read: _requests(read, [route], least=SERVER_ERROR), entry=True)

    for route in _routes(case, window):
        if untold := _untold(course, route):
            yield UnknownMetric(untold, of=f"errors of {route}")
            continue
        own = are_of(samples, route)
        met = float((own & (status >= SERVER_ERROR)).sum()) + read * (route == course.names.get("probed"))
        yield _Compared(
            what=f"errors of {route}",
            exposed=counted(route),
            measured=met,
            tolerance=1.0,
            unit="",
            n=int(own.sum()) + len(probes) * (route == course.names.get("probed")),
            of_errors=True,
        )


_PAIRS: Final[Mapping[str, Callable[[Case, Window, MetricCourse], Iterable[_Compared | UnknownMetric]]]] = {
    "quantiles": _quantiles,
    "error rate": _errors,
    "requests per second": _rate,
    "plays per user": _engagement,
    "performance": _performance,
    "errors by route": _errors_by_route,
}


def _measured(case: Case, window: Window, course: MetricCourse, pair: _Compared) -> Measure:
    low, high = (pair.measured if end is None else end for end in (pair.least, pair.most))
    nearest = max(pair.exposed - high, low - pair.exposed, 0.0)
    close = max(pair.exposed - low, high - pair.exposed) <= pair.tolerance
    scope = {"traffic": window.traffic, "phase": case.objective.scope.phase.value, "of": pair.what}
    said, seen, allowed = (formatted(value, pair.unit) for value in (pair.exposed, pair.measured, pair.tolerance))
    summary = f"{pair.what} in the platform's metrics is {said}, measured from {pair.n} requests it is {seen}{pair.detail}, expected a difference of at most {allowed}"
    if not close and nearest <= pair.tolerance + pair.unsure:
        ends = " to ".join(formatted(end, pair.unit) for end in (low, high))
        doubts = {
            f"since pods were not read at the same time, the value in the metrics is uncertain by {formatted(pair.unsure, pair.unit)}": pair.unsure,
            f"{pair.failed} of them failed, and as it is unknown which of these the platform counted, it is {ends}": high
            - low,
        }
        text = "; ".join([summary, *(doubt for doubt, there in doubts.items() if there)])
        return inconclusive(case, _NAME, text, _NO_FAILURES if high > low else MORE_TRAFFIC, scope=scope)
    if close and pair.of_errors and pair.measured <= pair.tolerance:
        why = _FEW_ERRORS if pair.measured else _NO_ERROR
        return inconclusive(case, _NAME, f"{summary}, but {why}", _MAKE_ERRORS, scope=scope)
    watch = f"the metrics of {len(course.pods)} pods cover {course.seconds:.3g} s"
    found = Things(
        bad=int(not close),
        n=pair.n,
        text=summary,
        value=pair.exposed if close else None,
        mixed=True,  # one bound accepts no figure that may be off on either side of what was measured
        scaled_limit=pair.measured,
        said=f"{seen} ± {allowed}",
        unit=pair.unit if pair.unit != "/s" else "",
        scope=scope,
        receipts={
            "load": load_receipt(case.plan, window, latencies=pair.unit == "ms"),
            "watch": Receipt(ok=True, why=watch, files=_FILES),
        },
        needs=("load",),
        method="what every pod counted between two readings of its metrics, compared with the requests answered in the same seconds",
        files=(*_FILES, *window.files),
    )
    return every_one(case, found, _NAME)


def _in_words(objective: Objective) -> str:
    return in_words(objective, f"within {objective.limit} of what the traffic measured")


SPEC: Final = Spec(
    figure=Figure.EXPOSED,
    judge=exposures,
    limit=None,
    timed=True,
    unit="",
    basis=Basis.TRAFFIC,
    phases=frozenset({Phase.STEADY}),
    evidence=lambda case: ("history/metrics.", *load_files(case)),
    needs=lambda _objective: (
        Need(
            key="metrics",
            why="the services' metrics are read",
            hint="add `metrics: {entry: WORKLOAD}` to the target file",
        ),
    ),
    words=_in_words,
)
