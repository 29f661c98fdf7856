"""The autoscalers of one workload, and the replicas that they requested at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from harness.judgement.figures.scaling.record import AGAIN
from harness.judgement.measures import Case, inconclusive
from harness.model import Measure
from harness.model.observations import AutoscalerSeen


def _autoscalers_of(case: Case) -> Mapping[str, tuple[AutoscalerSeen, ...]]:
    """The reports of each autoscaler (`NAMESPACE/NAME`) of the objective's subject, in order of time."""
    found = dict[str, tuple[AutoscalerSeen, ...]]()
    for one in case.evidence.every(AutoscalerSeen):
        if one.target == case.objective.scope.subject:
            found[one.subject] = (*found.get(one.subject, ()), one)
    return found


def replicas_at(said: Iterable[AutoscalerSeen], at_ns: int) -> int:
    """The replicas that an autoscaler requested at a time; 0 before its first report."""
    asked = 0
    for one in said:
        if one.when_ns > at_ns:
            break
        asked = one.desired or asked
    return asked


def of_each(case: Case, judge: Callable[[str, tuple[AutoscalerSeen, ...]], Measure]) -> Iterator[Measure]:
    """One measure per autoscaler of the workload.

    If no autoscaler was recorded, one measure with that reason.
    """
    autoscalers = _autoscalers_of(case)
    if not autoscalers:
        why = f"the run has no record of an autoscaler of {case.objective.scope.subject}"
        yield inconclusive(case, case.objective.figure.value, why, AGAIN)
    for name, said in sorted(autoscalers.items()):
        yield judge(name, said)
