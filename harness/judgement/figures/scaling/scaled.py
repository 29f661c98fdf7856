"""The autoscalers of one workload, and the replicas that they asked for at a moment."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from harness.judgement.figures.scaling.record import AGAIN
from harness.judgement.measures import Case, inconclusive
from harness.model import Measure
from harness.model.observations import AutoscalerSeen


def _autoscalers_of(case: Case) -> Mapping[str, tuple[AutoscalerSeen, ...]]:
    """By autoscaler (`NAMESPACE/NAME`) what it reported, in order of time, for autoscalers whose target is the objective's subject."""
    found = dict[str, tuple[AutoscalerSeen, ...]]()
    for one in case.evidence.every(AutoscalerSeen):
        if one.target == case.objective.scope.subject:
            found[one.subject] = (*found.get(one.subject, ()), one)
    return found


def replicas_at(said: Iterable[AutoscalerSeen], at_ns: int) -> int:
    """The replicas that an autoscaler asked for at a moment; 0 if it had reported nothing yet."""
    asked = 0
    for one in said:
        if one.when_ns > at_ns:
            break
        asked = one.desired or asked
    return asked


def of_each(case: Case, judge: Callable[[str, tuple[AutoscalerSeen, ...]], Measure]) -> Iterator[Measure]:
    """One measure per autoscaler of the workload; if none was recorded, one measure that says so."""
    autoscalers = _autoscalers_of(case)
    if not autoscalers:
        why = f"no autoscaler of {case.objective.scope.subject} was recorded"
        yield inconclusive(case, case.objective.figure.value, why, AGAIN)
    for name, said in sorted(autoscalers.items()):
        yield judge(name, said)
