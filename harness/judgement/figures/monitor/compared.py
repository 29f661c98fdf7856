"""One comparison of a value in the platform's metrics with the one that the traffic measured, and what it decides."""

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
from harness.model import Measure, Receipt, Table, Window
from harness.model.observations import MetricsRead

NAME: Final = "exposed metric"
_FILES: Final = ("history/metrics.ndjson",)
_NO_ERROR: Final = "the traffic met no error, so it is unknown whether the platform counts errors"
_FEW_ERRORS: Final = (
    "the traffic met no more errors than the tolerance: a platform that counts no errors would pass as well"
)
_NO_FAILURES: Final = "find out why these requests failed, then run again"


@dataclass(frozen=True, kw_only=True, slots=True)
class Compared:
    """One comparison of a value in the metrics with the value that the traffic measured, in one unit.

    Attributes:
        tolerance: by how much the two may differ.
        unsure: by how much the value in the metrics may be wrong, since pods are not read at the same time, and answers were on their way.
        failed: how many of the requests failed so that it is unknown whether the platform counted them.
        least, most: the measured value if none of these, or all, are taken as the platform may have counted them; None: as measured.
        detail: what else is known of the measured value. make_errors: an experiment of domain external that makes such errors.
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
    """Whether errors are compared: if the traffic met no more errors than the tolerance, a platform that counts no errors would pass as well."""


def routes_of(case: Case, window: Window) -> tuple[str, ...]:
    """The planned routes of the window's traffic."""
    planned = case.plan.traffic.get(window.traffic)
    return tuple(planned.routes) if planned else ()


def answered(case: Case, window: Window, course: MetricCourse) -> tuple[Table, Table]:
    """The traffic's requests and the read probes that were answered in the spans; no probes if the target file names no route for them."""
    samples, probes = course.answered(window.samples), course.answered(case.evidence.probes)
    known = bool(course.names.get("probed"))
    return samples, probes.where(probes.words["kind"].equals("read") & known)


def on_their_way(case: Case, window: Window, course: MetricCourse) -> tuple[Table, Table]:
    """The requests, and the read probes, that were sent before an end of a span and answered after it: a pod may have counted them on either side."""
    ends = [end for span in course.spans for end in span]

    def across(rows: Table) -> Table:
        sent, done = rows.ints["sent_ns"], rows.ints["done_ns"]
        return Table.merged(rows.schema, [rows.where((sent < end) & (end <= done)) for end in ends])

    own = [across(each.samples) for each in case.evidence.windows.values() if each.traffic == window.traffic]
    probes = across(case.evidence.probes)
    return Table.merged(window.samples.schema, own), probes.where(probes.words["kind"].equals("read"))


def requests(read: MetricsRead, routes: Iterable[str], *, least: int | None = None) -> float:
    """How many answers the metrics count on these routes; with `least`, only those whose status is a number of at least `least`."""
    total = 0.0
    for route in routes:
        for status, count in dict(read.requests.get(route, {})).items():
            if least is None or (str(status).isdigit() and int(status) >= least):
                total += float(count)
    return total


def measured(case: Case, window: Window, course: MetricCourse, pair: Compared) -> Measure:
    """The measure of a comparison: INCONCLUSIVE where requests of unknown outcome, or pods that were read at other times, could decide it."""
    low, high = (pair.measured if end is None else end for end in (pair.least, pair.most))
    nearest = max(pair.exposed - high, low - pair.exposed, 0.0)
    close = max(pair.exposed - low, high - pair.exposed) <= pair.tolerance
    scope = {"traffic": window.traffic, "phase": case.objective.scope.phase.value, "of": pair.what}
    if window.experiment:
        scope["experiment"] = window.experiment
    said, seen, allowed = (formatted(value, pair.unit) for value in (pair.exposed, pair.measured, pair.tolerance))
    summary = f"{pair.what} in the platform's metrics is {said}, measured from {pair.n} requests it is {seen}{pair.detail}, expected a difference of at most {allowed}"
    if not close and nearest <= pair.tolerance + pair.unsure:
        ends = " to ".join(formatted(end, pair.unit) for end in (low, high))
        doubts = {
            f"answers at the ends of the window may be counted on either side, so that the value in the metrics is uncertain by {formatted(pair.unsure, pair.unit)}": pair.unsure,
            f"{pair.failed} of them failed, and as it is unknown which of these the platform counted, it is {ends}": pair.failed
            if high > low
            else 0,
        }
        text = "; ".join([summary, *(doubt for doubt, there in doubts.items() if there)])
        return inconclusive(case, NAME, text, _NO_FAILURES if high > low else MORE_TRAFFIC, scope=scope)
    if close and pair.of_errors and pair.measured <= pair.tolerance:
        why = _FEW_ERRORS if pair.measured else _NO_ERROR
        return inconclusive(case, NAME, f"{summary}, but {why}", _make_errors(pair.make_errors), scope=scope)
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
    return every_one(case, found, NAME)


def _make_errors(experiment: str) -> str:
    return f"add a scenario that runs an experiment of domain external, such as `{experiment}`, under this traffic: metrics are also read during that experiment"
