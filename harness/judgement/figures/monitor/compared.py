"""Compares a value in the platform's metrics with the value that the traffic measured."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from harness.judgement.figures.indicators import MORE_TRAFFIC
from harness.judgement.figures.monitor.metric_courses import MetricCourse
from harness.judgement.measures import Case, inconclusive
from harness.judgement.receipts.load import load_receipt
from harness.judgement.shapes.every import Things, every_one
from harness.judgement.wording import formatted
from harness.model import NOT_DECIDED, Measure, Receipt, Table, Window
from harness.model.observations import MetricsRead

NAME: Final = "exposed metric"
_FILES: Final = ("history/metrics.ndjson",)
_NO_ERROR: Final = "no error occurred, so a platform that counts no errors would also pass"
_FEW_ERRORS: Final = "the number of errors is within the tolerance, so a platform that counts no errors would also pass"
_NO_FAILURES: Final = "see `error` of these requests in load/, correct the cause, then run again"


@dataclass(frozen=True, kw_only=True, slots=True)
class Compared:
    """One comparison of a value in the metrics with the value that the traffic measured, in one unit.

    Attributes:
        tolerance: allowed difference between the two values.
        unsure: possible error of the value in the metrics, as pods are not read at the same time and requests were in progress.
        failed: number of failed requests of which it is unknown whether the platform counted them.
        least: measured value if the platform counted none of these requests; None: `measured`.
        most: measured value if the platform counted all of these requests; None: `measured`.
        detail: addition to the measured value, in words.
        make_errors: name of an experiment of domain external that makes such errors.
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
    make_errors: str = "errors-10"
    of_errors: bool = False
    """Whether errors are compared; with fewer errors than the tolerance a platform that counts no errors would also pass."""


def routes_of(case: Case, window: Window) -> tuple[str, ...]:
    """The planned routes of the window's traffic."""
    planned = case.plan.traffic.get(window.traffic)
    return tuple(planned.routes) if planned else ()


def answered(case: Case, window: Window, course: MetricCourse) -> tuple[Table, Table]:
    """The traffic's requests and the read probes that were answered in the spans.

    No probes if the target file names no route for them.
    """
    samples, probes = course.answered(window.samples), course.answered(case.evidence.probes)
    known = bool(course.names.get("probed"))
    return samples, probes.where(probes.words["kind"].equals("read") & known)


def on_their_way(case: Case, window: Window, course: MetricCourse) -> tuple[Table, Table]:
    """The requests and read probes in progress at an end of a span: a pod may have counted them before or after it."""
    ends = [end for span in course.spans for end in span]

    def across(rows: Table) -> Table:
        sent, done = rows.ints["sent_ns"], rows.ints["done_ns"]
        return Table.merged(rows.schema, [rows.where((sent < end) & (end <= done)) for end in ends])

    own = [across(each.samples) for each in case.evidence.windows.values() if each.traffic == window.traffic]
    probes = across(case.evidence.probes)
    return Table.merged(window.samples.schema, own), probes.where(probes.words["kind"].equals("read"))


def requests(read: MetricsRead, routes: Iterable[str], *, least: int | None = None) -> float:
    """Number of answers that the metrics count on these routes.

    With `least`, only answers with a status of at least `least`.
    """
    total = 0.0
    for route in routes:
        for status, count in dict(read.requests.get(route, {})).items():
            if least is None or (str(status).isdigit() and int(status) >= least):
                total += float(count)
    return total


def measured(case: Case, window: Window, course: MetricCourse, pair: Compared) -> Measure:
    """The measure of a comparison; INCONCLUSIVE if requests of unknown outcome, or the times of the readings, could decide it."""
    low, high = (pair.measured if end is None else end for end in (pair.least, pair.most))
    nearest = max(pair.exposed - high, low - pair.exposed, 0.0)
    close = max(pair.exposed - low, high - pair.exposed) <= pair.tolerance
    scope = {"traffic": window.traffic, "phase": case.objective.scope.phase.value, "of": pair.what}
    if window.experiment:
        scope["experiment"] = window.experiment
    said, seen, allowed = (formatted(value, pair.unit) for value in (pair.exposed, pair.measured, pair.tolerance))
    summary = f"{pair.what}: the platform's metrics report {said}, and {pair.n} requests of the traffic give {seen}{pair.detail}, expected a difference of at most {allowed}"
    if not close and nearest <= pair.tolerance + pair.unsure:
        ends = " to ".join(formatted(end, pair.unit) for end in (low, high))
        doubts = {
            f"requests in progress at the ends of the window make the value in the metrics uncertain by {formatted(pair.unsure, pair.unit)}": pair.unsure,
            f"{pair.failed} requests failed, and it is unknown how many of them the platform counted, so the measured value is {ends}": pair.failed
            if high > low
            else 0,
        }
        text = f"{summary}{NOT_DECIDED}{'; '.join(doubt for doubt, there in doubts.items() if there)}"
        return inconclusive(case, NAME, text, _NO_FAILURES if high > low else MORE_TRAFFIC, scope=scope)
    if close and pair.of_errors and pair.measured <= pair.tolerance:
        why = _FEW_ERRORS if pair.measured else _NO_ERROR
        return inconclusive(case, NAME, f"{summary}{NOT_DECIDED}{why}", _make_errors(pair.make_errors), scope=scope)
    watch = f"the metrics of {len(course.pods)} pods cover {course.seconds:.3g} s"
    found = Things(
        bad=int(not close),
        n=pair.n,
        text=summary,
        value=pair.exposed if close else None,
        mixed=True,  # one bound cannot accept a value that may be too high or too low
        scaled_limit=pair.measured,
        said=f"{seen} ± {allowed}",
        unit=pair.unit if pair.unit != "/s" else "",
        scope=scope,
        receipts={
            "load": load_receipt(case.plan, window, latencies=pair.unit == "ms"),
            "watch": Receipt(ok=True, why=watch, files=_FILES),
        },
        needs=("load",),
        method="growth of every pod's counters between two readings, compared with the requests answered in the same seconds",
        files=(*_FILES, *window.files),
    )
    return every_one(case, found, NAME)


def _make_errors(experiment: str) -> str:
    return f"add a scenario that runs an experiment of domain external, such as `{experiment}`, under this traffic; the metrics are then read during that experiment too"
