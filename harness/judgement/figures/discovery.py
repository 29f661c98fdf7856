"""Service discovery: time to the first request of a new pod, and to the last of a killed one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from harness.judgement.figures.aftermath import came_back
from harness.judgement.figures.phases import also_failed
from harness.judgement.figures.spec import Basis, Spec
from harness.judgement.measures import HINTS, Case, Figures, because, inconclusive, measure, not_falsifiable, settled
from harness.judgement.receipts.attempts import counted_attempt
from harness.judgement.receipts.fault import fault_receipt
from harness.judgement.receipts.load import load_receipt
from harness.judgement.receipts.missing import NONE_PLANNED
from harness.judgement.receipts.watch import pods_receipt
from harness.judgement.sightings import ENOUGH, Sighting, sightings
from harness.model import (
    ONLY_BELOW,
    Experiment,
    Figure,
    LimitRule,
    Measure,
    Objective,
    Outcome,
    Phase,
    Quantity,
    Receipt,
)

PROVEN: Final = 0.0025
LIKELY: Final = 0.05
"""Failures increased if their p-value is below PROVEN, and are as frequent as before from LIKELY on."""
KILLED_LIMIT: Final = "killed none later than"
"""One of the objective's times: how long a killed pod may receive requests; default: the limit."""
OF: Final = "of"
"""One of the objective's params: `killed` where it speaks of these alone."""


def first_requests(case: Case) -> Iterable[Measure]:
    """One measure per new and per killed pod of each experiment, or only per killed one, and a FAIL for missing pods."""
    if not case.experiments:
        why = NONE_PLANNED
        yield inconclusive(case, "first request", why, "add one to `experiments/`")
    for name in case.experiments:
        scope = {"experiment": name, "phase": case.objective.scope.phase.value}
        attempt = counted_attempt(case.plan, case.evidence, name, case.objective.scope.traffic)
        window = None if attempt is None else case.evidence.fault_window(name, attempt.attempt)
        if attempt is not None and (gone := came_back(case, attempt, scope)):
            yield gone
        if attempt is None or window is None:
            hint = "run the experiment under traffic, then run again"
            why = attempt.why if attempt is not None and not attempt.ran else ""
            why = f"{name} was not run: {why}" if why else f"{name} left no record of its traffic"
            yield inconclusive(case, "first request", why, hint, scope=scope)
            continue
        yield from _pods(case, attempt, scope)
        yield from also_failed(case, name, scope, lambda other, own: _pods(case, other, own))


def _pods(case: Case, attempt: Experiment, scope: Mapping[str, str]) -> Iterable[Measure]:
    """The new and killed pods of one attempt; none without traffic of its own."""
    window = case.evidence.fault_window(attempt.name, attempt.attempt)
    if window is None:
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
        why = f"{attempt.name}: no {what} pod was recorded of a workload that names itself in its answers"
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
    limit = quantity.at_scale(case.plan.time_scale).in_unit("s")
    outcome, head = _compared(seen, limit)
    summary = f"{head}, expected within {quantity}"
    if outcome is Outcome.NOT_ASSESSED:
        return not_falsifiable(case, _NAMES[seen.what], summary, scope=scope)
    hint = f"let the experiment watch for {limit:g} s after the pod changed, under more traffic, then run again"
    own = because(outcome, summary, hint if outcome is Outcome.INCONCLUSIVE else "")
    outcome, reason = settled(outcome, own, receipts, tuple(receipts))
    return measure(
        case,
        _NAMES[seen.what],
        outcome,
        reason,
        scope=scope,
        limit=str(quantity),
        figures=Figures(
            value=seen.seconds,
            scaled_limit=limit,
            unit="s",
            method="the pod's name in the answers' headers, and the failures of its routes, against its Ready and its deletion",
            receipts=receipts,
            files=(*files, "history/pods.ndjson"),
        ),
    )


def _compared(seen: Sighting, limit: float) -> tuple[Outcome, str]:
    return (_new if seen.what == "new" else _killed)(seen, limit)


def _new(seen: Sighting, limit: float) -> tuple[Outcome, str]:
    """The outcome of a new pod.

    A pod without a request fails only if their absence is not chance (Poisson: at e⁻⁶ or more expected, below 0.25 %).
    """
    expected = seen.per_s * limit
    few = f", but only {expected:.2g} requests were to be expected in that time" if expected < ENOUGH else ""
    missed = Outcome.INCONCLUSIVE if few else Outcome.FAIL
    if seen.seconds is not None:
        in_time = seen.seconds < limit
        head = f"{seen.pod} gave its first answer {seen.seconds:.3g} s after it was ready"
        return (Outcome.PASS, head) if in_time else (missed, head + few)
    head = f"{seen.pod} was ready and gave no answer in the {seen.watched_s:.3g} s that were watched"
    return (missed, head + few) if seen.watched_s >= limit else (Outcome.INCONCLUSIVE, head)


def _killed(seen: Sighting, limit: float) -> tuple[Outcome, str]:
    """The outcome of a killed pod: answers with its name, or more failures on its routes than before."""
    last, later = seen.seconds or 0.0, seen.later
    watched = f"in the {seen.watched_s:.3g} s that were watched"
    if last >= limit:
        return Outcome.FAIL, f"{seen.pod} answered a request that was sent {last:.3g} s after it was killed"
    if later is None:
        return Outcome.NOT_ASSESSED, f"no answer before the fault shows which routes {seen.pod} served"
    summary = f"{later.failed} of {later.n} requests of its routes found no pod later than that"
    if later.chance < PROVEN:
        before = f"{later.failed_before} of {later.n_before} before the fault"
        return Outcome.FAIL, f"{seen.pod} was killed, and {summary}, the last after {later.last_s:.3g} s ({before})"
    head = f"{seen.pod} last answered a request sent {last:.3g} s after it was killed, {watched}, and {summary}"
    if seen.watched_s < limit:
        return Outcome.INCONCLUSIVE, head
    if later.expected < ENOUGH:
        return Outcome.INCONCLUSIVE, f"{head}, but only {later.expected:.2g} of them would have gone to it"
    return (Outcome.PASS if later.chance >= LIKELY else Outcome.INCONCLUSIVE), head


SETTLING_S: Final = 2.0
"""Time after a limit for requests that were in progress when it was reached."""


def _watched(objective: Objective, scale: float) -> tuple[float, float]:
    """How long a pod was observed, in words; `none later than 10 s` needs at least 10 s."""
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
