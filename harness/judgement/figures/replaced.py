"""Replaced pods: how soon each killed pod has a ready one in its place, and by no hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from harness.judgement.figures.aftermath import manual_steps
from harness.judgement.figures.phases import also_failed
from harness.judgement.figures.spec import Basis, Spec, until_the_limit
from harness.judgement.measures import HINTS, Case, Figures, because, inconclusive, measure, settled
from harness.judgement.receipts.attempts import counted_attempt, known_until_ns
from harness.judgement.receipts.fault import fault_receipt
from harness.judgement.receipts.missing import NONE_PLANNED
from harness.judgement.receipts.watch import pods_receipt
from harness.judgement.shapes.until import within
from harness.judgement.sightings import killed_pods, new_pods
from harness.model import (
    ONLY_BELOW,
    Experiment,
    Figure,
    LimitRule,
    Measure,
    Outcome,
    Phase,
    PodChange,
    Receipt,
)
from harness.units import NS_PER_S

FIGURE: Final = Figure.REPLACED


def replacements(case: Case) -> Iterable[Measure]:
    """One measure per killed pod of each experiment, and one of the manual steps."""
    if not case.experiments:
        why = NONE_PLANNED
        yield inconclusive(case, FIGURE.value, why, "add one to `experiments/`")
    for name in case.experiments:
        scope = {"experiment": name, "phase": case.objective.scope.phase.value}
        attempt = counted_attempt(case.plan, case.evidence, name, case.objective.scope.traffic)
        if attempt is None:
            yield inconclusive(case, FIGURE.value, f"{name} left no record", HINTS["fault"], scope=scope)
            continue
        yield from _of(case, attempt, scope)
        yield from also_failed(case, name, scope, lambda other, own: _of(case, other, own))
        if "manual_steps" in case.objective.params:
            yield manual_steps(case, attempt, scope)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Watched:
    """What every killed pod of one attempt is judged with: the fault's time, how long was watched, and the receipts."""

    attempt: Experiment
    sent_ns: int
    watched_s: float
    scope: Mapping[str, str]
    receipts: Mapping[str, Receipt]


def _of(case: Case, attempt: Experiment, scope: Mapping[str, str]) -> Iterable[Measure]:
    sent_ns = attempt.fault.sent_ns or attempt.observed_from_ns
    until_ns = max(known_until_ns(case.evidence, attempt), sent_ns)
    receipts = {
        "fault": fault_receipt(case.plan, case.evidence, attempt),
        "watch": pods_receipt(case.evidence, (sent_ns, until_ns), limit_s=case.scaled.in_unit("s")),
    }
    own = (sent_ns, max(attempt.observed_until_ns, sent_ns))
    killed, new = list(killed_pods(case.evidence, attempt, own)), list(new_pods(case.evidence, attempt, own))
    if not killed:
        why = f"{attempt.name}: no killed pod was recorded"
        yield inconclusive(case, FIGURE.value, why, HINTS["fault"], scope=scope)
    watched_s = (until_ns - sent_ns) / NS_PER_S
    watched = _Watched(attempt=attempt, sent_ns=sent_ns, watched_s=watched_s, scope=scope, receipts=receipts)
    for pod, successor in _paired(killed, new):
        yield _judged(case, pod, successor, watched)


def _paired(killed: Sequence[PodChange], new: Sequence[PodChange]) -> Iterable[tuple[PodChange, PodChange | None]]:
    """Each killed pod with the next new pod of its workload that became ready; None where there are fewer of them."""
    left = sorted(new, key=lambda change: change.at_ns)
    for pod in sorted(killed, key=lambda change: change.at_ns):
        home = (pod.namespace, pod.workload)
        successor = next((one for one in left if (one.namespace, one.workload) == home), None)
        if successor is not None:
            left.remove(successor)
        yield pod, successor


def _judged(case: Case, pod: PodChange, successor: PodChange | None, watched: _Watched) -> Measure:
    """From the fault sent to the successor's Ready; one that was not seen fails where it was watched for as long as the limit."""
    limit, receipts = case.scaled.in_unit("s"), watched.receipts
    seconds = None if successor is None else max(successor.at_ns - watched.sent_ns, 0) / NS_PER_S
    if successor is not None and seconds is not None:
        head = f"{pod.name} was killed, and {successor.name} was ready {seconds:.3g} s after the fault was sent"
    else:
        head = f"{pod.name} was killed, and no pod took its place in the {watched.watched_s:.3g} s that were watched"
    outcome = within(limit, low=None, high=seconds, watched=watched.watched_s)
    hint = "let the experiment watch for longer, then run again" if outcome is Outcome.INCONCLUSIVE else ""
    own = because(outcome, f"{head}, expected within {case.objective.limit}", hint)
    outcome, reason = settled(outcome, own, receipts, tuple(receipts))
    return measure(
        case,
        FIGURE.value,
        outcome,
        reason,
        scope={**watched.scope, "pod": pod.name},
        figures=Figures(
            value=seconds,
            scaled_limit=limit,
            unit="s",
            method="the deletion of each killed pod and the Ready of its workload's new pods, in order of time",
            receipts=receipts,
            files=(*watched.attempt.files, "history/pods.ndjson"),
        ),
    )


SPEC: Final = Spec(
    figure=FIGURE,
    judge=replacements,
    timed=True,
    limit=LimitRule(dimension="time", ops=ONLY_BELOW),
    unit="s",
    basis=Basis.EXPERIMENT,
    phases=frozenset({Phase.FAULT}),
    evidence=lambda _case: ("history/pods.", "history/watch."),
    watched=until_the_limit,
)
