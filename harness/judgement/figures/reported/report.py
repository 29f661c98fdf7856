"""The load report that a scenario has read: its requests or its summary, and the receipt that it is one of what is judged."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from harness.errors import HINT
from harness.judgement.figures.spec import Basis, Spec
from harness.judgement.figures.traffic.many_names import FEW, MOST
from harness.judgement.measures import Case, bounded, inconclusive
from harness.judgement.stats.statistics import Bounds, Floats
from harness.model import (
    NOT_DECIDED,
    REPORTED,
    Check,
    Demand,
    Figure,
    LimitRule,
    Measure,
    Per,
    Phase,
    ReasonKind,
    Receipt,
    Table,
    Words,
)
from harness.model.observations import LoadReported
from harness.model.records.table import Bools
from harness.units import NS_PER_S

ENOUGH: Final = "let the load tool send more requests, or write single requests in place of a summary, then run again"
"""The hint where a report is not enough to decide."""
AGAIN: Final = "let the load tool write the report again, complete and for this release, then run again"
_NAMES: Final = "give requests of one kind the same name in the load tool, then run again"


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportedRoute:
    """What a summary states of one route, or of all requests together; the fields are those of `routes` in `LoadReported`.

    Attributes:
        name: of the route; empty: all requests together.
        n, failed, unknown: requests, how many failed, and further ones whose outcome is unknown.
        timed: number of requests that the times are of. untimed_failures: failed ones that are not among them.
        mean_ms: mean of the timed requests; None: not stated.
        times: stated times, each between two ranks and two values.
    """

    name: str = ""
    n: int = 0
    failed: int = 0
    unknown: int = 0
    timed: int = 0
    untimed_failures: int = 0
    mean_ms: float | None = None
    times: Sequence[Mapping[str, float]] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportedLoad:
    """A load report.

    Attributes:
        said: what was recorded of it.
        requests: single requests after the warm-up; empty for a summary.
        routes: figures of a summary by route, `` for all requests together; empty where there are single requests.
        receipts: that the report is of what is judged, and complete.
        scope, files: of every measure.
    """

    said: LoadReported
    requests: Table
    routes: Mapping[str, ReportedRoute]
    receipts: Mapping[str, Receipt]
    scope: Mapping[str, str]
    files: tuple[str, ...]
    notes: str = field(default="")

    @property
    def is_summary(self) -> bool:
        """Whether there are no single requests."""
        return not self.said.rows

    @property
    def span(self) -> tuple[int, int]:
        """Begin of the first and end of the last judged request, in ns since 1970."""
        sent_ns, done_ns = self.requests.ints["sent_ns"], self.requests.ints["done_ns"]
        return (int(sent_ns.min()), int(done_ns.max()) + 1) if len(sent_ns) else (0, 0)

    @property
    def seconds(self) -> float:
        """Length of the load; NaN if a summary does not state it."""
        if self.is_summary:
            return self.said.seconds or math.nan
        start_ns, end_ns = self.span
        return (end_ns - start_ns) / NS_PER_S

    def scope_of(self, route: str) -> dict[str, str]:
        """The scope of a measure of a route, or of all together."""
        return {**self.scope, **({"route": route} if route else {})}


def reported_load(case: Case, name: str) -> ReportedLoad | Measure:
    """The load report of an objective, or the measure that says why there is none."""
    demand = next((one for one in _demands(case) if _asks(one, case)), None)
    check = None if demand is None else case.evidence.checks.get(demand.key)
    if demand is None or check is None or check.why or not check.facts:
        why = check.why if check and check.why else "the load report was not read"
        what, _, cure = why.partition(HINT)
        return inconclusive(case, name, f"{name}: {what}", cure or AGAIN)
    said = [one for one in case.evidence.every(LoadReported) if one.subject == demand.key]
    table = case.evidence.recorded.get(REPORTED.name, Table.empty(REPORTED))
    rows = table.where(table.words["report"].equals(demand.key))
    if len(said) != 1 or said[0].rows != len(rows):
        counted = said[0].rows if said else 0
        text = f"{name}: {len(rows)} requests of the load report are recorded, it had {counted}"
        return inconclusive(case, name, text, "run again", kind=ReasonKind.EVIDENCE)
    (own,) = said
    routes = {one.name: one for one in map(_route, own.routes)}
    if not own.rows and not routes.get("", ReportedRoute()).n:
        return inconclusive(case, name, f"{name}: the load report has no request, expected at least 1", AGAIN)
    judged = _warmed_up(rows, own)
    if own.rows and not len(judged):
        text = (
            f"{name}: all {own.rows} requests are of the warm-up of {own.warm_up_s:g} s, expected at least 1 after it"
        )
        return inconclusive(case, name, text, "correct `warm_up` in the target file, then run again")
    return ReportedLoad(
        said=own,
        requests=judged,
        routes=routes,
        receipts={"report": _receipt(check, own)},
        scope={"report": case.objective.params.get("report", ""), "tool": own.tool},
        files=(*check.files, *([own.file.replace(".rows", ".parquet")] if own.rows else [])),
        notes="; ".join(own.notes),
    )


def _demands(case: Case) -> Iterable[Demand]:
    return (case.plan.demand[key] for key in case.claim.demands if key in case.plan.demand)


def _asks(demand: Demand, case: Case) -> bool:
    objective = case.objective
    return (demand.kind, demand.name) == (objective.demand, objective.check) and demand.params == objective.params


def _route(fields: Mapping[str, Any]) -> ReportedRoute:
    return ReportedRoute(**{name: fields[name] for name in ReportedRoute.__slots__ if name in fields})


def _warmed_up(rows: Table, said: LoadReported) -> Table:
    return rows.where(rows.ints["sent_ns"] >= said.from_ns + round(said.warm_up_s * NS_PER_S))


def _receipt(check: Check, said: LoadReported) -> Receipt:
    """The receipt of a report: the first fact that is not as expected, or what the report is."""
    bad = next((fact for fact in check.facts if not fact.ok), None)
    if bad is not None:
        return Receipt(ok=None, why=f"{bad.subject}: {bad.observed}, expected {bad.expected}", files=check.files)
    what = f"{said.rows} single requests" if said.rows else "a summary"
    cut = f", of which the first {said.warm_up_s:g} s are left out" if said.warm_up_s else ""
    return Receipt(ok=True, why=f"{what} of {said.tool}{cut}", files=check.files)


def tables_by_route(case: Case, load: ReportedLoad, name: str) -> tuple[Mapping[str, Table], tuple[Measure, ...]]:
    """The requests by route, as the objective asks for them, and a measure about names of too few requests.

    All requests are under an empty name.
    """
    objective = case.objective
    if objective.scope.per is not Per.ROUTE:
        return {"": load.requests}, ()
    parts = load.requests.apart("name")
    if objective.scope.subject:
        return {objective.scope.subject: parts.get(objective.scope.subject, Table.empty(REPORTED))}, ()
    counts = load.requests.words["name"].counts
    few = {route for route, n in counts.items() if n < FEW}
    if len(few) <= MOST:
        return {route: parts[route] for route in counts}, ()
    n, one = sum(counts[route] for route in few), min(few)
    why = f"{n} requests have {len(few)} names, such as {one}, with fewer than {FEW} requests each, too few to judge the {name} of each name"
    found = inconclusive(case, name, f"{why}, expected {case.expected}", _NAMES, scope=load.scope)
    return {route: parts[route] for route in counts if route not in few}, (found,)


def summaries_by_route(
    case: Case, load: ReportedLoad, name: str
) -> tuple[Sequence[ReportedRoute], tuple[Measure, ...]]:
    """The figures of a summary, as the objective asks for them, and a measure about what it does not state."""
    objective, whole = case.objective, load.routes.get("", ReportedRoute())
    if objective.scope.per is not Per.ROUTE:
        return (whole,), ()
    routes = [one for key, one in load.routes.items() if key]
    if subject := objective.scope.subject:
        own = load.routes.get(subject)
        return ((own,), ()) if own else ((), (_not_stated(case, load, name, f"route {subject}"),))
    covered = sum(one.n for one in routes)
    if covered == whole.n:
        return routes, ()
    return routes, (_not_stated(case, load, name, f"every route: {covered} of {whole.n} requests have one"),)


def _not_stated(case: Case, load: ReportedLoad, name: str, what: str) -> Measure:
    text = f"{name}: the summary of {load.said.tool} states no figures of {what}, expected {case.expected}"
    return inconclusive(case, name, text, ENOUGH, scope=load.scope_of(case.objective.scope.subject))


def failed(requests: Table) -> Bools:
    """A mask of the requests that failed."""
    return np.asarray(~requests.words["error"].missing, dtype=np.bool_)


def waited_ms(requests: Table, *, at_worst: bool) -> Floats:
    """Response time of each request in ms; infinite without an answer, and `at_worst` also where the tool does not say."""
    ms = np.asarray((requests.ints["done_ns"] - requests.ints["sent_ns"]) / 1e6, dtype=np.float64)
    answered = requests.ints["answered"]
    ms[answered == 0] = math.inf
    if at_worst:
        ms[answered < 0] = math.inf
    return ms


def of_route(name: str, route: str) -> str:
    """A figure and what it is of, for people."""
    return f"{name} of {f'route {route}' if route else 'all requests together'}"


def guarded_routes(requests: Table) -> Mapping[str, Words]:
    """The route of each request, for the guards; nothing if all have one, whose guard would be the objective itself."""
    names = requests.words["name"]
    return {"route": names} if len(names.present) > 1 else {}


def undecided(found: Measure, why: str) -> Measure:
    """The measure; if only its bounds leave it undecided, with this cause in place of too few requests."""
    if not why or found.because.kind not in (ReasonKind.TOO_FEW, ReasonKind.CLUSTERED):
        return found
    text = f"{found.because.text.partition(NOT_DECIDED)[0]}{NOT_DECIDED}{why}"
    return replace(found, because=replace(found.because, text=text))


def measured(
    case: Case,
    load: ReportedLoad,
    name: str,
    route: str,
    bounds: Bounds,
    *,
    unit: str,
    of: str = "",
    detail: str = "",
    enough: int | None = None,
    unsure: bool = False,
) -> Measure:
    """The measure of bounds of a report: with its receipt, which a FAIL needs, its notes and its files.

    Args:
        case: the claim.
        load: the report.
        name: name of the figure.
        route: the route, or empty for all requests together.
        bounds: bounds of the figure.
        unit: their unit.
        of: what the figure was counted of, in brackets behind the route.
        detail: words behind the figure, before the notes of the report.
        enough: number of requests that would be enough.
        unsure: whether the bounds must not decide.
    """
    found = bounded(
        case,
        name,
        bounds,
        unit=unit,
        subject=of_route(name, route) + of,
        unsure=unsure,
        n_needed=enough,
        scope=load.scope_of(route),
        receipts=load.receipts,
        fail_needs=("report",),
        detail="; ".join(filter(None, (detail, load.notes))),
        files=load.files,
    )
    return hinted(found, load)


def reported(figure: Figure, judge: Callable[[Case], Iterable[Measure]], limit: LimitRule, unit: str = "") -> Spec:
    """The spec of a figure that is read from a load report."""
    return Spec(
        figure=figure,
        judge=judge,
        limit=limit,
        unit=unit,
        basis=Basis.REPORT,
        phases=frozenset({Phase.STEADY}),
        evidence=lambda _case: ("history/checks.", "reported/"),
    )


def hinted(found: Measure, load: ReportedLoad) -> Measure:
    """The measure; where too few requests leave it undecided, with the hint of a report in place of that of the run's own load."""
    kinds = {ReasonKind.TOO_FEW, ReasonKind.CLUSTERED, ReasonKind.NO_RECORD}
    hint = ENOUGH if found.because.kind in kinds and found.because.hint else found.because.hint
    text = found.because.text
    if load.is_summary:
        text = f"from a summary of {load.said.tool}: {text}"
    return replace(found, because=replace(found.because, hint=hint, text=text))
