"""Requests whose names contain an id or a time: each name is a route with one or two requests, too few to judge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from harness.judgement.figures.indicators import scope_of
from harness.judgement.measures import Case, inconclusive
from harness.model import Measure, Per, ReasonKind, Window

MOST: Final = 20
"""Largest number of rare names outside the plan that are judged as routes; more rare names share one measure."""
FEW: Final = 10
"""Least number of requests of a name that decides something."""
_NAME: Final = "give requests of one kind the same `name=`, list this name under `routes` in loadtests/{traffic}.yaml, then run again"


def many_names(case: Case, name: str, windows: Sequence[Window]) -> tuple[Sequence[Window], tuple[Measure, ...]]:
    """The windows without requests of rare names, and one measure of these requests.

    All windows and no measure if there are few rare names.
    """
    if case.objective.scope.per is not Per.ROUTE or case.objective.scope.subject:
        return windows, ()
    counts = Counter[str]()
    for window in windows:
        counts.update(window.samples.words["name"].counts)
    planned = case.plan.traffic[windows[0].traffic].routes if windows[0].traffic in case.plan.traffic else {}
    few = {route for route, n in counts.items() if n < FEW and route not in planned}
    if len(few) <= MOST:
        return windows, ()
    n, one = sum(counts[route] for route in few), min(few)
    why = f"{n} requests have {len(few)} names, such as {one}, with fewer than {FEW} requests each, too few to judge the {name} of each name, expected {case.expected}"
    hint, scope = _NAME.format(traffic=windows[0].traffic), scope_of(windows[0], case.objective, "")
    found = inconclusive(case, name, why, hint, kind=ReasonKind.NO_RECORD, scope=scope)
    return [_without(window, few) for window in windows], (found,)


def _without(window: Window, routes: set[str]) -> Window:
    names = window.samples.words["name"]
    left = np.array([*(name not in routes for name in names.names), True], dtype=np.bool_)
    return replace(window, samples=window.samples.where(left[names.codes]))
