"""Pods that were lost with their node: ready again on other nodes, while the lost one is still without power."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from harness.judgement.figures.phases import also_failed
from harness.judgement.figures.spec import Basis, Need, Spec, until_the_limit
from harness.judgement.measures import Case, Figures, because, inconclusive, measure, not_falsifiable, settled
from harness.judgement.receipts.attempts import counted_attempt, known_until_ns
from harness.judgement.receipts.fault import claimed_fault_receipt
from harness.judgement.receipts.hits import proven_hits
from harness.judgement.receipts.missing import NONE_PLANNED
from harness.judgement.receipts.restore import restore_receipt
from harness.judgement.receipts.watch import pods_receipt
from harness.judgement.shapes.until import within
from harness.model import (
    ONLY_BELOW,
    Evidence,
    Experiment,
    Figure,
    Hit,
    LimitRule,
    Measure,
    Outcome,
    Phase,
    PodChange,
)
from harness.units import NS_PER_S

_NAME: Final = "pods ready again elsewhere"
METHOD: Final = (
    "as many pods of the workload ready as before the fault, none of them on the lost node, before its power came back"
)
_LONGER: Final = "let the fault be held for as long as the limit says, then run again"
Workload = tuple[str, str]
"""Namespace, and the value of the label `app`."""


def rescheduled(case: Case) -> Iterable[Measure]:
    """One measure per workload that lost a pod in each experiment."""
    name = _NAME
    if not case.experiments:
        yield inconclusive(case, name, NONE_PLANNED, "add one that cuts a node")
    for experiment in case.experiments:
        scope = {"experiment": experiment, "phase": case.objective.scope.phase.value}
        attempt = counted_attempt(case.plan, case.evidence, experiment, case.objective.scope.traffic)
        lost = _lost(case.evidence, attempt) if attempt else Counter[Workload]()
        if attempt is None or attempt.fault.sent_ns is None or not lost:
            receipt = claimed_fault_receipt(case.plan, case.evidence, attempt, case.objective) if attempt else None
            why = (
                receipt.why
                if receipt and not receipt.ok
                else f"{experiment} is not known to have hit a pod of a workload"
            )
            yield inconclusive(
                case, name, why, "run the experiment on a node that runs pods, then run again", scope=scope
            )
            continue
        yield from _workloads(case, attempt, scope)
        yield from also_failed(case, experiment, scope, lambda other, own: _workloads(case, other, own))


def _workloads(case: Case, attempt: Experiment, scope: Mapping[str, str]) -> Iterable[Measure]:
    for workload, count in sorted(_lost(case.evidence, attempt).items()):
        yield _of(case, attempt, workload, count, scope)


def _of(case: Case, attempt: Experiment, workload: Workload, lost: int, scope: Mapping[str, str]) -> Measure:
    name = _NAME
    limit = case.scaled.in_unit("s")
    planned = case.plan.experiments.get(attempt.name)
    subject = "/".join(workload)
    scope = {**scope, "workload": subject}
    if planned is None or planned.observe_s < limit:
        watched = planned.observe_s if planned else 0.0
        why = f"{attempt.name} would have watched for {watched:.4g} s, the limit is {limit:.4g} s"
        return not_falsifiable(case, name, why, scope=scope)
    sent_ns = attempt.fault.sent_ns or 0
    until_ns = attempt.fault.undone_ns or known_until_ns(case.evidence, attempt)
    before, back_ns = _course(case.evidence, attempt, workload, until_ns)
    held_s = (until_ns - sent_ns) / NS_PER_S
    seconds = None if back_ns is None else (back_ns - sent_ns) / NS_PER_S
    outcome = within(limit, low=None, high=seconds, watched=held_s)
    if seconds is None:
        found = f"not all {before} pods were ready in the {held_s:.3g} s until the power came back"
    else:
        found = f"all {before} pods were ready again after {seconds:.3g} s"
    summary = f"{attempt.name}: {subject} lost {lost} of its pods; {found}, expected {case.expected.replace('below', 'within')}"
    receipts = {
        "fault": claimed_fault_receipt(case.plan, case.evidence, attempt, case.objective),
        "watch": pods_receipt(case.evidence, (sent_ns, back_ns or until_ns), limit_s=limit),
        "restore": restore_receipt(case.evidence, attempt),
    }
    own = because(outcome, summary, _LONGER if outcome is Outcome.INCONCLUSIVE else "")
    outcome, reason = settled(outcome, own, receipts, ("watch",))
    return measure(
        case,
        name,
        outcome,
        reason,
        scope=scope,
        figures=Figures(
            value=seconds,
            scaled_limit=limit,
            n=lost,
            unit="s",
            method=METHOD,
            receipts=receipts,
            files=(*attempt.files, "history/pods.ndjson"),
        ),
    )


def _lost(evidence: Evidence, attempt: Experiment) -> Counter[Workload]:
    """Pods that went with the nodes, by workload.

    A pod of a DaemonSet comes back with its node only; one without a label of a workload belongs to none, and so does one of a namespace that is not followed.
    """
    followed = {(change.namespace, change.workload) for change in evidence.pods}
    hits = [(hit.namespace, hit.workload) for hit in proven_hits(evidence, attempt) if _may_move(hit)]
    return Counter(workload for workload in hits if workload in followed)


def _may_move(hit: Hit) -> bool:
    return hit.kind == "pod" and bool(hit.workload) and not hit.is_of_its_node


def _course(evidence: Evidence, attempt: Experiment, workload: Workload, until_ns: int) -> tuple[int, int | None]:
    """Ready pods of a workload before the fault, and when as many were ready apart from the lost ones; None: not until then."""
    sent_ns = attempt.fault.sent_ns or 0
    lost = {hit.uid for hit in attempt.fault.hit}
    own = [change for change in evidence.pods if (change.namespace, change.workload) == workload]
    ready = {change.uid for change in own if change.at_ns <= sent_ns and change.is_ready}
    ready -= {change.uid for change in own if change.at_ns <= sent_ns and _last_is_down(own, change.uid, sent_ns)}
    before, elsewhere = len(ready), ready - lost
    for change in sorted(own, key=lambda change: change.at_ns):
        if sent_ns < change.at_ns <= until_ns and change.uid not in lost:
            elsewhere = elsewhere | {change.uid} if change.is_ready else elsewhere - {change.uid}
            if len(elsewhere) >= before:
                return before, change.at_ns
    return before, None


def _last_is_down(changes: Iterable[PodChange], uid: str, at_ns: int) -> bool:
    """Whether the last that was seen of a pod up to a moment is that it is not ready, or gone."""
    last = [change for change in changes if change.uid == uid and change.at_ns <= at_ns]
    return bool(last) and not max(last, key=lambda change: change.at_ns).is_ready


SPEC: Final = Spec(
    figure=Figure.RESCHEDULED,
    judge=rescheduled,
    limit=LimitRule(dimension="time", ops=ONLY_BELOW),
    timed=True,
    unit="s",
    basis=Basis.EXPERIMENT,
    phases=frozenset({Phase.FAULT}),
    evidence=lambda _case: ("history/pods.", "history/watch."),
    needs=lambda _objective: (Need(key="kubernetes", why="pods are followed through the Kubernetes API"),),
    watched=until_the_limit,
    awaits=frozenset({"workloads"}),
)
