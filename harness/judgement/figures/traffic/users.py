"""Concurrent users: the journeys in progress, for objectives `with N users at once`."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

import numpy as np
import numpy.typing as npt

from harness.judgement.measures import Case, Figures
from harness.judgement.shapes.facts import known
from harness.judgement.shapes.found import Found
from harness.model import Evidence, Measure, Op, ReasonKind, Window
from harness.units import NS_PER_S

STALE_NS: Final = 2 * NS_PER_S
"""Maximum age of a worker's count, in ns."""


def users_each_second(evidence: Evidence, window: Window) -> npt.NDArray[np.float64]:
    """Journeys in progress in each full second of the window, summed over the workers.

    Each worker reports its count once a second (`load.users`); its latest count, at most 2 s old, is used. NaN if a count is missing.
    """
    counts: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for o in evidence.observations:
        if o.kind == "load.users" and o.subject == window.traffic:
            counts[o.source].append((int(o.fields["at_ns"]), int(o.fields["users"])))
    seconds = np.arange(window.start_ns + NS_PER_S, window.end_ns + 1, NS_PER_S)
    total = np.zeros(len(seconds)) if len(counts) >= max(len(window.workers), 1) else np.full(len(seconds), np.nan)
    for rows in counts.values():
        at, users = np.array(sorted(rows)).T
        latest = np.searchsorted(at, seconds, side="right") - 1
        known = (latest >= 0) & (seconds - at[latest] <= STALE_NS)
        total += np.where(known, users[latest], np.nan)
    return total


def users_measure(case: Case, window: Window) -> Measure:
    """Whether the minimum of concurrent users reached the objective; too few users never fail the target."""
    expected = case.objective.scope.users
    each = users_each_second(case.evidence, window)
    counted = each[~np.isnan(each)]
    fewest = float(counted.min()) if len(counted) else None
    less = case.plan.traffic_scale < 1
    ok: bool | None = None
    kind = ReasonKind.NO_RECORD
    if fewest is None or len(counted) < len(each):
        text = f"journeys in progress were counted in only {len(counted)} of {len(each)} seconds of the window"
    elif fewest < expected:
        kind = ReasonKind.LOAD
        text = f"the smallest number of users at once was {fewest:g}, expected at least {expected}"
    else:
        ok = True
        text = f"the smallest number of users at once was {fewest:g} in {len(each)} s, expected at least {expected}"
    found = Found(
        method="number of journeys in progress, counted each second",
        files=(),
        scope={"traffic": window.traffic, "phase": case.objective.scope.phase.value},
        n=len(counted),
        n_needed=len(each),
        said=str(expected),
        told=Op.AT_LEAST,
        hint="run again without `--traffic-scale`" if less else "raise the rate of the traffic, then run again",
        kind=kind,
    )
    return known(case, text, found, "users at once", ok=ok, figures=Figures(value=fewest, scaled_limit=float(expected)))
