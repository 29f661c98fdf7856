"""Pods that were lost with their node: time until as many are ready on other nodes, while the lost node has no power."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Final

from harness.judgement.figures.recovery.phases import of_each_attempt
from harness.judgement.figures.spec import Need, until_spec
from harness.judgement.measures import Case, inconclusive, not_falsifiable
from harness.judgement.receipts.faults.attempts import known_until_ns
from harness.judgement.receipts.faults.fault import claimed_fault_receipt
from harness.judgement.receipts.faults.hits import proven_hits
from harness.judgement.receipts.faults.restore import restore_receipt
from harness.judgement.receipts.watch import earliest_s, pods_receipt
from harness.judgement.shapes.until import Effect, too_short, until
from harness.model import (
    Evidence,
    Experiment,
    Figure,
    Hit,
    Measure,
    PodChange,
)
from harness.units import NS_PER_S

_NAME: Final = "pods ready again elsewhere"
METHOD: Final = (
    "as many pods of the workload ready as before the fault, none of them on the lost node, before its power came back"
)
_LONGER: Final = "let the experiment keep its fault for at least as long as the limit (`at_least_s` of the activity `hold`), then run again"
_NO_HIT: Final = "the run has no record that the experiment {experiment} hit a pod of a workload"
_ON_PODS: Final = "let the experiment cut off a node that runs pods, then run again"
Workload = tuple[str, str]
"""Namespace of a workload, and the value of its label `app`."""


def rescheduled(case: Case) -> Iterable[Measure]:
    """One measure per workload that lost a pod in each experiment."""
    add = "add an experiment that cuts off a node to `experiments/`"
    return of_each_attempt(case, _NAME, partial(_workloads, case), add=add, nothing=(_NO_HIT, _ON_PODS))


def _workloads(case: Case, attempt: Experiment, scope: Mapping[str, str]) -> Iterable[Measure]:
    lost, fault = (
        _lost(case.evidence, attempt),
        claimed_fault_receipt(case.plan, case.evidence, attempt, case.objective),
    )
    if attempt.fault.sent_ns is None or not lost:
        why = _NO_HIT.format(experiment=attempt.name) if fault.ok else fault.why
        yield inconclusive(case, _NAME, why, _ON_PODS, scope=scope)
        return
    for workload, count in sorted(lost.items()):
        own = {**scope, "workload": "/".join(workload)}
        if short := too_short(case, attempt):
            yield not_falsifiable(case, _NAME, short, scope=own)
        else:
            yield until(case, _again(case, attempt, workload, count, own), _NAME)


def _again(case: Case, attempt: Experiment, workload: Workload, lost: int, scope: Mapping[str, str]) -> Effect:
    """The effect: the time from the fault until as many pods were ready on other nodes as before it."""
    sent_ns = attempt.fault.sent_ns or 0
    until_ns = attempt.fault.undone_ns or known_until_ns(case.evidence, attempt)
    before, back_ns = _course(case.evidence, attempt, workload, until_ns)
    return Effect(
        low=None if back_ns is None else earliest_s(case.evidence, back_ns, sent_ns),
        high=None if back_ns is None else (back_ns - sent_ns) / NS_PER_S,
        watched=(until_ns - sent_ns) / NS_PER_S,
        names={"attempt": attempt.name, "workload": scope["workload"], "lost": lost, "before": before},
        scope=scope,
        receipts={
            "fault": claimed_fault_receipt(case.plan, case.evidence, attempt, case.objective),
            "watch": pods_receipt(case.evidence, (sent_ns, back_ns or until_ns), limit_s=case.scaled.in_unit("s")),
            "restore": restore_receipt(case.evidence, attempt),
        },
        needs=("watch",),
        method=METHOD,
        files=(*attempt.files, "history/pods.ndjson"),
        n=lost,
        hint=_LONGER,
    )


def _lost(evidence: Evidence, attempt: Experiment) -> Counter[Workload]:
    """The number of pods that were lost with the nodes, by workload.

    Not counted are pods of a DaemonSet, which come back only with their node, pods without the label of a workload, and pods in a namespace that is not followed.
    """
    followed = {(change.namespace, change.workload) for change in evidence.pods}
    hits = [(hit.namespace, hit.workload) for hit in proven_hits(evidence, attempt) if _may_move(hit)]
    return Counter(workload for workload in hits if workload in followed)


def _may_move(hit: Hit) -> bool:
    return hit.kind == "pod" and bool(hit.workload) and not hit.is_of_its_node


def _course(evidence: Evidence, attempt: Experiment, workload: Workload, until_ns: int) -> tuple[int, int | None]:
    """Number of ready pods of a workload before the fault, and when as many were ready without the lost pods, in ns; None: not before `until_ns`."""
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
    """Whether the last change of a pod up to a moment says that it is not ready, or gone."""
    last = [change for change in changes if change.uid == uid and change.at_ns <= at_ns]
    return bool(last) and not max(last, key=lambda change: change.at_ns).is_ready


SPEC: Final = until_spec(
    Figure.RESCHEDULED,
    rescheduled,
    ("history/pods.", "history/watch."),
    Need(key="kubernetes", why="pods are followed through the Kubernetes API"),
    awaits=frozenset({"workloads"}),
)
