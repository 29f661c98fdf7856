"""The routes of a traffic: a route is a name, or a method and a name if requests of several methods share that name.

`GET /cart` and `POST /cart` are two routes, as in Locust's own statistics: together, a slow route with few requests would be hidden by the other. A name
that is used with one method is not changed, unless the plan uses method and name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from harness.model import NULL, Evidence, Per, Plan, Table, Window, Words
from harness.model.records.table import PIECE, Bools, codes_type

_Pairs = set[tuple[str, str]]
"""A name, and a method of requests that have it."""
_NONE: Final = frozenset[str]()


def apart_by_method(plan: Plan, evidence: Evidence) -> Evidence:
    """The evidence, with requests renamed to method and name if several methods share their name.

    The same names are changed in all windows of a traffic, and in the baseline.
    """
    baseline = evidence.baseline
    windows = [*evidence.windows.values(), *(baseline.windows.values() if baseline else ())]
    called = _called(plan)
    apart: dict[str, frozenset[str]] = {}
    for traffic in {window.traffic for window in windows}:
        own = (_pairs(window.samples) for window in windows if window.traffic == traffic)
        apart[traffic] = _of_several(set[tuple[str, str]]().union(*own), called)
    if not any(apart.values()):
        return evidence
    if baseline is not None:
        evidence = replace(evidence, baseline=replace(baseline, windows=_renamed(baseline.windows, apart)))
    return replace(evidence, windows=_renamed(evidence.windows, apart))


def by_method(samples: Table) -> Table:
    """The samples, with requests renamed to method and name if several methods share their name."""
    return _with_methods(samples, _of_several(_pairs(samples), _NONE))


def routes_called(name: str, samples: Table) -> tuple[str, ...]:
    """The routes for a name in a plan or a sentence: the route of that name, or one route for each of its methods."""
    present = samples.once(_present)
    if name in present:
        return (name,)
    methods = (f"{method} {name}" for method in sorted(samples.words["method"].names))
    return tuple(route for route in methods if route in present) or (name,)


def _present(samples: Table) -> frozenset[str]:
    return frozenset(samples.words["name"].present)


def are_of(samples: Table, name: str) -> Bools:
    """A mask of the requests that belong to a route name of the plan."""
    names = samples.words["name"]
    return np.asarray(np.logical_or.reduce([names.equals(route) for route in routes_called(name, samples)]))


def _called(plan: Plan) -> frozenset[str]:
    """The names of routes in the sizes of the traffics and in the sentences."""
    scopes = (objective.scope for claim in plan.claims for objective in claim.objectives)
    asked = (scope.subject for scope in scopes if scope.per is Per.ROUTE and scope.subject)
    return frozenset([*asked, *(route for traffic in plan.traffic.values() for route in traffic.routes)])


def _pairs(samples: Table) -> _Pairs:
    """Each name with each method of its requests; requests without a method are left out."""
    names, methods = samples.words["name"], samples.words["method"]
    wide, found = len(methods.names), set[int]()
    for start in range(0, len(samples), PIECE):
        name = names.codes[start : start + PIECE].astype(np.int64)
        method = methods.codes[start : start + PIECE]
        known = (name != NULL) & (method != NULL)
        found.update(np.flatnonzero(np.bincount(name[known] * wide + method[known])).tolist())
    return {(names.names[pair // wide], methods.names[pair % wide]) for pair in found}


def _of_several(pairs: _Pairs, called: frozenset[str]) -> frozenset[str]:
    """The names that several methods share, or that the plan calls by method and name; and existing names that equal such a method and name."""
    methods: dict[str, set[str]] = {}
    for name, method in pairs:
        methods.setdefault(name, set()).add(method)
    several = {name for name, own in methods.items() if len(own) > 1 or f"{next(iter(own))} {name}" in called}
    made = {f"{method} {name}" for name in several for method in methods[name]}
    return frozenset(several | (made & methods.keys()))


def _renamed(windows: Mapping[str, Window], apart: Mapping[str, frozenset[str]]) -> dict[str, Window]:
    return {
        key: replace(window, samples=_with_methods(window.samples, apart.get(window.traffic, _NONE)))
        for key, window in windows.items()
    }


def _with_methods(samples: Table, apart: frozenset[str]) -> Table:
    """The samples, with requests of the names in `apart` renamed to method and name."""
    names, methods = samples.words["name"], samples.words["method"]
    chosen = np.array([*(name in apart for name in names.names), False], dtype=np.bool_)
    rows = np.flatnonzero(chosen[names.codes] & ~methods.missing)
    if not len(rows):
        return samples
    wide = len(methods.names)
    pairs = names.codes[rows].astype(np.int64) * wide + methods.codes[rows]
    present = np.flatnonzero(np.bincount(pairs))
    known = {name: code for code, name in enumerate(names.names)}
    codes = np.zeros(int(present[-1]) + 1, dtype=np.int64)
    for pair in present.tolist():
        route = f"{methods.names[pair % wide]} {names.names[pair // wide]}"
        codes[pair] = known.setdefault(route, len(known))
    made = names.codes.astype(codes_type(len(known)))
    made[rows] = codes[pairs]
    return replace(samples, words={**samples.words, "name": Words(codes=made, names=tuple(known))})
