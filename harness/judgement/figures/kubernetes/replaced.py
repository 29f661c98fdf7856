"""Replaced pods: time until a new pod is ready in the place of each killed pod, without manual steps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Final

from harness.judgement.figures.recovery.aftermath import manual_steps
from harness.judgement.figures.recovery.phases import of_each_attempt
from harness.judgement.figures.spec import until_spec
from harness.judgement.measures import HINTS, Case, inconclusive
from harness.judgement.receipts.faults.attempts import known_until_ns
from harness.judgement.receipts.faults.fault import fault_receipt
from harness.judgement.receipts.watch import earliest_s, pods_receipt
from harness.judgement.shapes.until import Effect, until
from harness.judgement.sightings import killed_pods, new_pods
from harness.model import Experiment, Figure, Measure, PodChange
from harness.units import NS_PER_S

FIGURE: Final = Figure.REPLACED


def replacements(case: Case) -> Iterable[Measure]:
    """One measure per killed pod of each experiment, and one of the manual steps."""
    nothing = ("the run has no record of the experiment {experiment}", HINTS["fault"])
    return of_each_attempt(
        case,
        FIGURE.value,
        partial(_of, case),
        add="add an experiment that kills pods to `experiments/`",
        nothing=nothing,
    )


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
    for pod, successor in _paired(killed, new):
        found = Effect(
            low=None if successor is None else earliest_s(case.evidence, successor.at_ns, sent_ns),
            high=None if successor is None else max(successor.at_ns - sent_ns, 0) / NS_PER_S,
            watched=(until_ns - sent_ns) / NS_PER_S,
            names={"pod": pod.name, "successor": successor.name if successor else ""},
            scope={**scope, "pod": pod.name},
            receipts=receipts,
            needs=tuple(receipts),
            method="the deletion of each killed pod and the moments when new pods of its workload became ready, in order of time",
            files=(*attempt.files, "history/pods.ndjson"),
            hint="let the experiment keep its fault for longer (`at_least_s` of the activity `hold`), then run again",
        )
        yield until(case, found)
    if "manual_steps" in case.objective.params and "attempt" not in scope:
        yield manual_steps(case, attempt, scope)


def _paired(killed: Sequence[PodChange], new: Sequence[PodChange]) -> Iterable[tuple[PodChange, PodChange | None]]:
    """Each killed pod with the next new pod of its workload that became ready; None for a killed pod without a new one."""
    left = sorted(new, key=lambda change: change.at_ns)
    for pod in sorted(killed, key=lambda change: change.at_ns):
        home = (pod.namespace, pod.workload)
        successor = next((one for one in left if (one.namespace, one.workload) == home), None)
        if successor is not None:
            left.remove(successor)
        yield pod, successor


SPEC: Final = until_spec(FIGURE, replacements, ("history/pods.", "history/watch."))
