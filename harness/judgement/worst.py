"""The worst requests of a figure that failed, with the trace ids that they carried, so that people find them in the traces of the target."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from heapq import nlargest
from typing import Final, Protocol

import numpy as np

from harness.judgement.measures import Case
from harness.model import Evidence, Measure, Outcome, Table, Window, WorstRequest
from harness.model.observations import OwnTraces
from harness.model.records.table import Bools, Ints
from harness.model.records.traces import TraceIds
from harness.units import NS_PER_MS, NS_PER_S

MOST: Final = 10
_MOST_DIGITS: Final = 10


class JudgedRequests(Protocol):
    """Requests of one window; `bad` are those for which a figure fails, and `requests` are None if it judges no requests."""

    @property
    def window(self) -> str: ...  # noqa: D102 - as of GuardedWindow
    @property
    def bad(self) -> Bools: ...  # noqa: D102
    @property
    def requests(self) -> Table | None: ...  # noqa: D102


def naming_worst(case: Case, found: Measure, parts: Iterable[JudgedRequests]) -> Measure:
    """The measure; a FAIL with its worst requests."""
    if found.outcome is not Outcome.FAIL:
        return found
    bad = ((part.window, part.requests.where(part.bad)) for part in parts if part.requests is not None)
    return replace(found, worst_requests=worst_requests(case, bad))


def worst_requests(case: Case, bad: Iterable[tuple[str, Table]]) -> tuple[WorstRequest, ...]:
    """The requests that took longest from their due time to their answer or failure, the longest first.

    Requests of a traffic that carries no trace ids are left out.

    Args:
        case: case of the figure.
        bad: name of each window, and its requests for which the figure failed.
    """
    evidence, plan = case.evidence, case.plan
    found: list[WorstRequest] = []
    for name, rows in bad:
        window = evidence.windows[name]
        planned = plan.traffic.get(window.traffic)
        if planned is not None and planned.traceparent:
            found += _described(plan.run, evidence, window, rows.at(_longest(rows)))
    return tuple(nlargest(MOST, found, key=lambda one: one.took_ms))


def _longest(rows: Table) -> Ints:
    """The rows that took longest; of equal ones those that were due first."""
    ints = rows.ints
    order = (ints["arrival"], ints["worker"], ints["intended_ns"], ints["intended_ns"] - ints["done_ns"])
    return np.asarray(np.lexsort(order)[:MOST], dtype=np.int64)


def _described(run: str, evidence: Evidence, window: Window, rows: Table) -> Iterator[WorstRequest]:
    begin_ns = min(one.start_ns for one in evidence.windows.values())
    own = {one.route for one in evidence.every(OwnTraces) if one.subject == window.traffic}
    names, methods, steps = (rows.words[column].text() for column in ("name", "method", "step"))
    errors = rows.words["error"].text()
    for at in range(len(rows)):
        ints = {name: int(column[at]) for name, column in rows.ints.items()}
        route = names[at] or ""
        step = _number(steps[at])
        known = step > 0 and not own & {route, route.removeprefix(f"{methods[at]} ")} and ints["arrival"] > 0
        ids = TraceIds.of(run, window.traffic, ints["worker"])
        yield WorstRequest(
            trace_id=ids.trace_id(ints["arrival"], step) if known else None,
            window=window.name,
            route=route,
            at_s=(ints["intended_ns"] - begin_ns) / NS_PER_S,
            took_ms=(ints["done_ns"] - ints["intended_ns"]) / NS_PER_MS,
            status=ints["status"],
            error=errors[at],
        )


def _number(step: str | None) -> int:
    """The place of a request in its journey; 0 if its row names none, as of Locust's own users."""
    return int(step) if step and step.isdecimal() and len(step) < _MOST_DIGITS else 0
