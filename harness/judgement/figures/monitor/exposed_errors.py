"""Exposed errors: the errors in the platform's metrics, at the entry and at every service, compared with the errors that the traffic measured.

An answer with an error names the pod that gave it, so the errors of a service are the errors of its pods. Each place is compared in the
window with the most errors of that place.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from harness.judgement.figures.indicators import failed
from harness.judgement.figures.monitor.compared import Compared, answered, on_their_way, requests, routes_of
from harness.judgement.figures.monitor.metric_courses import MetricCourse, UnknownMetric
from harness.judgement.measures import Case
from harness.judgement.recovery import SERVER_ERROR
from harness.judgement.routes import are_of
from harness.model import Table, Window
from harness.model.observations import ActivityDone, MetricsRead
from harness.model.records.recorded import SERVICE
from harness.model.records.table import Bools

_EDGES: Final = 1.0
"""Allowed difference of a count, in requests: a request at an end of the window may be counted before or after it."""
_FEW: Final = 0.1
"""Largest ratio of failures of unknown origin to known errors with which a comparison is decided."""
_SERVICES: Final = "add `routes: {ROUTE: [SERVICE]}` with every route of the traffic to the target file, then run again"
_ROUTES: Final = "let every service count its requests with the route names of the traffic and with the status of every answer, as labels"


def _read_by(case: Case, window: Window, *, least: int = 0) -> int:
    """Number of reads that the window's experiment itself made, on the route of the probes; with `least`, only answers with at least that status."""
    done = [one for one in case.evidence.every(ActivityDone) if window.experiment == one.subject]
    return sum(n for one in done for status, n in one.answers.items() if int(status) >= least)


def _counted(course: MetricCourse, route: str) -> float:
    """Number of errors that these pods counted on a route."""
    return course.grown(lambda read: requests(read, [route], least=SERVER_ERROR))


def _untold(course: MetricCourse, route: str) -> str:
    """Why errors on a route may be missing in these counters; empty if each answer on the route is counted with its status.

    A counter that has the other answers of the route by status has its errors too.
    """
    counted = course.grown(lambda read: requests(read, [route]))
    if not counted:
        return f"the metrics counted no answer on {route} in the window, so they may not count errors either"
    without = counted - course.grown(lambda read: requests(read, [route], least=0))
    return (
        f"{without:.0f} of {counted:.0f} answers on {route} were counted without their status" if without >= 0.5 else ""
    )


def error_rate(case: Case, window: Window, course: MetricCourse) -> Iterable[Compared]:
    """The share of answers with status 500 or above at the entry.

    Requests without an answer may be counted or not, and so may those that were answered while the pods were read.
    """
    samples, probes = answered(case, window, course)
    routes = routes_of(case, window)
    n = course.at_entry.grown(lambda read: requests(read, routes))
    bad = course.at_entry.grown(lambda read: requests(read, routes, least=SERVER_ERROR))
    missed = int(failed(samples).sum()) + int((~probes.words["error"].missing).sum())
    missed += _read_by(case, window, least=SERVER_ERROR)
    sent = len(samples) + len(probes) + _read_by(case, window)
    unheard = sum(int((~rows.words["error"].missing & (rows.ints["status"] == 0)).sum()) for rows in (samples, probes))
    if not n or not len(samples):
        raise UnknownMetric("the metrics counted no request in the window")
    asked = [route for route in routes if are_of(samples, route).any()]
    if untold := next(filter(None, (_untold(course.at_entry, route) for route in asked)), ""):
        raise UnknownMetric(untold)
    yield Compared(
        what="error rate",
        exposed=bad / min(max(n, sent), n + course.at_entry.uncovered(lambda read: requests(read, routes))),
        measured=missed / sent,
        failed=unheard,
        least=(missed - unheard) / sent,
        tolerance=case.objective.limit.in_unit("ratio"),
        unit="ratio",
        n=len(samples),
        unsure=sum(_errors(rows) for rows in on_their_way(case, window, course)) / sent,
        of_errors=True,
    )


def errors_by_route(case: Case, window: Window, course: MetricCourse) -> Iterable[Compared | UnknownMetric]:
    """Answers with status 500 or above at the entry, for each route.

    A request at an end of the span may be counted before or after it.
    A route whose answers are not counted by status has no errors to compare. Probes and the experiment itself also read one of the routes.
    """
    for route in routes_of(case, window):
        if untold := _untold(course.at_entry, route):
            yield UnknownMetric(untold, of=f"errors of {route}")
            continue
        asked, probed = _asked(case, window, course, route, ""), route == course.names.get("probed")
        met = sum(int((rows.ints["status"] >= SERVER_ERROR).sum()) for rows in asked)
        yield _against(
            _counted(course.at_entry, route),
            met=met + _read_by(case, window, least=SERVER_ERROR) * probed,
            unheard=sum(int((rows.ints["status"] == 0).sum()) for rows in asked),
            what=f"errors of {route}",
            n=sum(map(len, asked)),
            unsure=_on_route(case, window, course, route),
        )


def services_of(case: Case, window: Window) -> tuple[str, ...]:
    """The services that the traffic's routes use, by the target file.

    Raises UnknownMetric if the file does not name them for a route.
    """
    reads, routes = list(case.evidence.every(MetricsRead)), routes_of(case, window)
    if untold := [route for route in routes if not any(route in read.routes for read in reads)]:
        raise UnknownMetric(f"the target file does not name the services that {', '.join(untold)} uses", hint=_SERVICES)
    named = {str(service) for read in reads for route in routes for service in read.routes.get(route, ())}
    return tuple(sorted(named - {read.workload for read in reads if read.entry}))


def pods_of(case: Case, service: str) -> frozenset[str]:
    """The pods of a service whose metrics were read."""
    return frozenset(read.subject for read in case.evidence.every(MetricsRead) if read.workload == service)


def errors_at(service: str, case: Case, window: Window, course: MetricCourse) -> Iterable[Compared | UnknownMetric]:
    """Answers with status 500 or above by the pods of a service, for each route.

    If an answer names no pod of the service, it is unknown whether the service counted the request. If the service counted more errors than
    there are answers with its name, the gateway may have repeated a failed attempt, which is unknown too.
    """
    own = course.of(service)
    if not own.pods:
        raise UnknownMetric(f"the metrics of {service} were not read")
    read = next(iter(own.pods.values()))[0]
    for route in (route for route in routes_of(case, window) if service in read.routes.get(route, ())):
        what = f"errors of {route} at {service}"
        if untold := _untold(own, route):
            yield UnknownMetric(untold, of=what, hint=_ROUTES)
            continue
        asked = _asked(case, window, course, route, service if read.probed else "")
        named = [rows.words["served_pod"].among(own.pods) for rows in asked]
        met = sum(_errors(rows, mask) for rows, mask in zip(asked, named, strict=True))
        unheard = sum(_errors(rows, ~mask) for rows, mask in zip(asked, named, strict=True))
        unheard += _read_by(case, window, least=SERVER_ERROR) * (route == course.names.get("probed"))
        counted = _counted(own, route)
        again = max(counted - met - unheard, 0.0)
        yield _against(
            counted,
            met=met,
            unheard=unheard,
            what=what,
            n=int(sum(mask.sum() for mask in named)),
            again=again if again > _EDGES else 0.0,
            unsure=_on_route(case, window, own, route),
            make_errors="locked-tables",
        )


def _against(
    counted: float,
    *,
    met: int,
    unheard: int,
    what: str,
    n: int,
    unsure: float,
    again: float = 0.0,
    make_errors: str = "errors-10",
) -> Compared:
    """Compares counted errors with measured errors and with failures of unknown origin.

    A few failures of unknown origin may be among the counted errors; many leave the comparison undecided. `again` is the number of errors
    counted in addition, and `unsure` the number of requests that may be counted before or after an end of the window.
    """
    few, most = unheard <= _FEW * met, met + unheard
    detail = f" ({unheard} more failed requests may have been counted)" if few and unheard else ""
    detail += f" ({again:.0f} more may be attempts that the gateway repeated)" if again else ""
    return Compared(
        what=what,
        exposed=counted,
        measured=float(min(max(counted, met), most) if few and not again else met),
        failed=0 if few else unheard,
        most=most + again if again or not few else None,
        tolerance=_EDGES,
        unit="",
        n=n,
        unsure=unsure,
        detail=detail,
        of_errors=True,
        make_errors=make_errors,
    )


def _asked(case: Case, window: Window, course: MetricCourse, route: str, probed: str) -> tuple[Table, Table]:
    """The requests of the traffic on a route, and the probes on it: probes through the entry and probes of the service `probed`."""
    samples, reads = answered(case, window, course)
    probes = course.answered(case.evidence.probes)
    own = probes.where(probes.words["kind"].equals(SERVICE) & probes.words["subject"].equals(probed))
    both = Table.merged(probes.schema, [reads, own] if route == course.names.get("probed") else [])
    return samples.where(are_of(samples, route)), both


def _on_route(case: Case, window: Window, course: MetricCourse, route: str) -> float:
    """Number of requests with an error on a route that were in progress at an end of a span."""
    samples, probes = on_their_way(case, window, course)
    probed = route == course.names.get("probed")
    return _errors(samples.where(are_of(samples, route))) + (_errors(probes) if probed else 0)


def _errors(rows: Table, mask: Bools | None = None) -> int:
    """Number of rows, or of rows in the mask, that are errors or have no answer."""
    status = rows.ints["status"]
    bad = (status >= SERVER_ERROR) | (status == 0)
    return int((bad if mask is None else bad & mask).sum())
