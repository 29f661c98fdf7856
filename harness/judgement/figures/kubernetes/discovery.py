"""Service discovery: time to the first request of a new pod, and time to the last request of a killed pod."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Final

from harness.judgement.figures.recovery.aftermath import came_back
from harness.judgement.figures.recovery.phases import of_each_attempt
from harness.judgement.figures.spec import Basis, Spec
from harness.judgement.measures import HINTS, Case, inconclusive
from harness.judgement.receipts.faults.fault import fault_receipt
from harness.judgement.receipts.load import load_receipt
from harness.judgement.receipts.watch import pods_receipt
from harness.judgement.shapes.until import Effect, until
from harness.judgement.sightings import ENOUGH, Later, Sighting, sightings
from harness.model import (
    ONLY_BELOW,
    Experiment,
    Figure,
    LimitRule,
    Measure,
    Objective,
    Phase,
    Quantity,
    Receipt,
)

_NAME: Final = "first request"
_UNDER_TRAFFIC: Final = "add traffic to the scenario of the experiment, then run again"
PROVEN: Final = 0.0025
LIKELY: Final = 0.05
"""Failures increased if their p-value is below PROVEN, and are as frequent as before the fault if it is LIKELY or higher."""
KILLED_LIMIT: Final = "killed none later than"
"""Key among the objective's times: how long a killed pod may receive requests; default: the limit."""
OF: Final = "of"
"""Key among the objective's params: `killed` if the sentence is about killed pods only."""


def first_requests(case: Case) -> Iterable[Measure]:
    """One measure per new and per killed pod of each experiment, or per killed pod only, and a FAIL for missing pods."""
    nothing = ("no traffic during the experiment {experiment} was recorded", _UNDER_TRAFFIC)
    return of_each_attempt(
        case, _NAME, partial(_pods, case), add="add an experiment that kills pods to `experiments/`", nothing=nothing
    )


def _pods(case: Case, attempt: Experiment, scope: Mapping[str, str]) -> Iterable[Measure]:
    """The new and killed pods of one attempt; none without traffic of its own."""
    window = case.evidence.fault_window(attempt.name, attempt.attempt)
    if "attempt" not in scope and (gone := came_back(case, attempt, scope)):
        yield gone
    if window is None:
        why = f"no traffic during the experiment {attempt.name} was recorded"
        if attempt.why and not attempt.ran:
            why = f"the experiment {attempt.name} was not run: {attempt.why}"
        yield inconclusive(case, _NAME, why, _UNDER_TRAFFIC, scope=scope)
        return
    receipts = {
        "fault": fault_receipt(case.plan, case.evidence, attempt),
        "load": load_receipt(case.plan, window, latencies=False),
    }
    for what in case.objective.params.get(OF, "new killed").split():
        yield from _of(case, what, attempt, scope, receipts)


def _of(
    case: Case, what: str, attempt: Experiment, scope: Mapping[str, str], receipts: Mapping[str, Receipt]
) -> Iterable[Measure]:
    limit_s = _limit(case, what).at_scale(case.plan.time_scale).in_unit("s")
    sent_ns = attempt.fault.sent_ns or attempt.observed_from_ns
    own = (sent_ns, max(attempt.observed_until_ns, sent_ns))
    receipts = {**receipts, "watch": pods_receipt(case.evidence, own, limit_s=limit_s)}
    traffic = case.objective.scope.traffic
    found = list(sightings(what, case.evidence, attempt, traffic=traffic, limit_s=limit_s))
    if not found:
        why = f"{attempt.name}: no {what} pod was recorded, expected at least one of a workload whose answers name the pod"
        yield inconclusive(case, _NAMES[what], why, HINTS["fault"], scope=scope)
    for sighting in found:
        yield _judged(case, sighting, {**scope, "pod": sighting.pod}, receipts, attempt.files)


def _limit(case: Case, what: str) -> Quantity:
    own = case.objective.times.get(KILLED_LIMIT) if what == "killed" else None
    return own or case.objective.limit


_NAMES: Mapping[str, str] = {"new": "first request of a new pod", "killed": "last request of a killed pod"}


def _judged(
    case: Case, seen: Sighting, scope: Mapping[str, str], receipts: Mapping[str, Receipt], files: tuple[str, ...]
) -> Measure:
    quantity = _limit(case, seen.what)
    limit, later = quantity.at_scale(case.plan.time_scale).in_unit("s"), seen.later
    found = Effect(
        high=seen.seconds,
        watched=seen.watched_s,
        names={"pod": seen.pod},
        words=_NAMES[seen.what],
        limit_s=limit,
        expected=f"within {quantity}",
        scope=scope,
        receipts=receipts,
        needs=tuple(receipts),
        said=str(quantity),
        method="the pod's name in the headers of answers, and failures on its routes, compared with the times at which the pod became ready and was deleted",
        files=(*files, "history/pods.ndjson"),
        hint=f"let the traffic run for at least {limit:g} s after the pod changed, with more requests per second, then run again",
    )
    if seen.what == "new":  # absence is no chance at e⁻⁶ or more expected requests (Poisson: below 0.25 %)
        few = f"only {seen.per_s * limit:.2g} requests to this pod were expected in that time, too few for a proof"
        return until(case, replace(found, excuse=few if seen.per_s * limit < ENOUGH else ""), _NAMES[seen.what])
    found = replace(found, high=seen.seconds or 0.0, seen=seen.seconds is not None, ends=later is not None)
    if later is not None:
        return until(case, _by_failures(found, seen.pod, later), _NAMES[seen.what])
    why = f"no answer before the fault shows which routes {seen.pod} served"
    names, short = {**found.names, "later": why}, f"{why}, expected within {quantity}"
    return until(case, replace(found, names=names, doubt=why, short=short), _NAMES[seen.what])


def _by_failures(found: Effect, pod: str, later: Later) -> Effect:
    """The effect with the failures on the routes of a killed pod: they show whether requests were still sent to it."""
    summary = f"{later.failed} of {later.n} requests on its routes after the limit found no pod"
    broken = doubt = ""
    if later.chance < PROVEN:
        before = f"{later.failed_before} of {later.n_before} before the fault"
        broken = f"{pod} was killed, and {summary}, the last of them after {later.last_s:.3g} s ({before})"
    elif later.expected < ENOUGH:
        doubt = f"only {later.expected:.2g} of these requests would have gone to the killed pod, too few for a proof"
    elif later.chance < LIKELY:
        doubt = "more of these requests failed than before the fault, but the difference may be chance"
    return replace(found, names={**found.names, "later": summary}, broken=broken, doubt=doubt)


SETTLING_S: Final = 2.0
"""Time after a limit for requests that were in progress when the limit was reached."""


def _watched(objective: Objective, scale: float) -> tuple[float, float]:
    """How long an experiment must be watched at least, in s: for the limit, and for requests in progress when it is reached."""
    return 0.0, objective.limit.at_scale(scale).base + SETTLING_S


SPEC: Final = Spec(
    figure=Figure.FIRST_REQUEST,
    judge=first_requests,
    timed=True,
    limit=LimitRule(dimension="time", ops=ONLY_BELOW),
    unit="s",
    basis=Basis.EXPERIMENT,
    phases=frozenset({Phase.FAULT}),
    evidence=lambda _case: ("history/pods.", "history/watch.", "history/load"),
    watched=_watched,
)
