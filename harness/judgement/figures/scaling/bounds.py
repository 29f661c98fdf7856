"""Minimum and maximum of the replicas of services: the observed numbers, and the bounds of the autoscaler."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from harness.judgement.figures.scaling.record import (
    AGAIN,
    FILES,
    autoscalers_receipt,
    held_levels,
    scaling_spec,
)
from harness.judgement.measures import Case, inconclusive
from harness.judgement.receipts.watch import Span, pods_receipt
from harness.judgement.shapes.amount import Amount, amount
from harness.model import Evidence, Figure, LimitRule, Measure, Op, Phase, PodChange, ReasonKind
from harness.model.observations import AutoscalerSeen
from harness.model.planned.scaling import SPIKE

_PODS: Final = "history/pods.ndjson"
BETWEEN: Final = ", "
"""Separator between the services that a sentence names."""


def fewest(case: Case) -> Iterable[Measure]:
    """One measure per autoscaler, and one per service without an autoscaler, for which only ready pods count."""
    autoscalers = _chosen(case)
    if not autoscalers:
        yield _none(case)
    needed, spans = int(case.objective.params["ready"]), _fault_free(case.evidence)
    for subject, said in sorted(autoscalers.items()):
        least, workload = min(one.least for one in said), said[-1].target
        namespace = subject.rpartition("/")[0]
        ready = _fewest_ready(case.evidence, namespace, workload, spans)
        text, lacking = f"{subject} keeps at least {least}", ""
        if ready is None:
            lacking = f"the run has no fault-free window, or no record of a pod of {namespace}/{workload}"
        else:
            text += f" replicas; {workload} had at least {ready} ready pods while no fault was active"
        yield _counted(
            case,
            text,
            (least, least),
            {"autoscaler": subject},
            pods=spans,
            value=min(least, least if ready is None else ready),
            expected=f"{case.objective.limit}, and {needed} ready",
            broken=ready is not None and ready < needed,
            doubt=lacking,
        )
    if autoscalers and not case.objective.scope.subject:
        yield from _ready_without(case, _scaled(autoscalers), needed, spans)


def _scaled(autoscalers: Mapping[str, Sequence[AutoscalerSeen]]) -> frozenset[tuple[str, str]]:
    """Namespace and name of each workload with an autoscaler."""
    return frozenset((subject.rpartition("/")[0], one.target) for subject, said in autoscalers.items() for one in said)


def _ready_without(
    case: Case, scaled: frozenset[tuple[str, str]], needed: int, spans: Sequence[Span]
) -> Iterable[Measure]:
    """Measures of services without an autoscaler: services that a route uses, and services with pods in the same namespaces before any fault."""
    declared = {service for needs in case.plan.route_needs.values() for service in needs}
    homes, begun_ns = {namespace for namespace, _ in scaled}, min((start_ns for start_ns, _ in spans), default=0)
    there = {
        (one.namespace, one.workload)
        for one in case.evidence.pods_before(begun_ns + 1)
        if one.workload and one.is_ready
    }
    followed = {each for each in there if each[0] in homes or each[1] in declared} - scaled
    for namespace, workload in sorted(followed if spans else ()):
        ready = _fewest_ready(case.evidence, namespace, workload, spans) or 0
        text = f"{namespace}/{workload} has no autoscaler and had at least {ready} ready pods while no fault was active"
        own = {"workload": f"{namespace}/{workload}"}
        yield _counted(case, text, (ready, ready), own, pods=spans, limit=needed, expected=str(needed))
    known = {workload for _, workload in scaled | followed}
    for service in sorted(declared - known):
        why = f"no ready pod of {service} was recorded at the beginning of the first window without a fault"
        yield inconclusive(case, case.objective.figure.value, why, AGAIN, scope={"workload": service})


def most(case: Case) -> Iterable[Measure]:
    """One measure per autoscaler: the larger of the most replicas in the run and the maximum of the autoscaler."""
    autoscalers = _chosen(case)
    if not autoscalers:
        yield _none(case)
    yield from _not_autoscaled(case, autoscalers)
    if case.objective.check == SPIKE and isinstance(why := held_levels(case), str):
        yield inconclusive(case, case.objective.figure.value, why, AGAIN)
    for subject, said in sorted(autoscalers.items()):
        declared, there = max(one.most for one in said), max(max(one.current, one.desired) for one in said)
        text = f"{said[-1].target} had at most {there} replicas in the run, and its autoscaler allows {declared}"
        greatest = max(declared, there)
        yield _counted(case, text, (greatest, greatest), {"autoscaler": subject}, op=Op.AT_MOST)
    yield from _most_without(case, _scaled(autoscalers))


def _most_without(case: Case, scaled: frozenset[tuple[str, str]]) -> Iterable[Measure]:
    """Measures of scaled services in namespaces without a recorded autoscaler, by their pods, which are more than the replicas during a replacement.

    If no such pod is recorded, and pods were not followed throughout, it is unknown whether there was one.
    """
    services = {workload for _, workload in scaled}
    ready = {(one.namespace, one.workload) for one in case.evidence.pods if one.is_ready and one.workload in services}
    known = pods_receipt(case.evidence, *(window.span for window in case.evidence.windows.values()))
    if services and not ready - scaled and not known.ok:
        why = f"it is unknown whether {' and '.join(sorted(services))} had pods in another namespace: {known.why}"
        yield inconclusive(case, case.objective.figure.value, why, AGAIN)
    for namespace, workload in sorted(ready - scaled):
        subject, there = f"{namespace}/{workload}", _most_ready(case.evidence, namespace, workload)
        at_ns = [one.at_ns for one in case.evidence.pods]
        text = f"{subject} has no recorded autoscaler and had at most {there} ready pods"
        pods = [(min(at_ns), max(at_ns))]  # during a replacement there are more pods than replicas
        yield _counted(case, text, (0, there), {"workload": subject}, pods=pods, op=Op.AT_MOST, value=there)


def _most_ready(evidence: Evidence, namespace: str, workload: str) -> int:
    """The most pods that were ready at any moment."""
    ready, most_ready = set[str](), 0
    for one in sorted(evidence.pods, key=_when):
        if (one.namespace, one.workload) == (namespace, workload):
            ready = ready | {one.uid} if one.is_ready else ready - {one.uid}
            most_ready = max(most_ready, len(ready))
    return most_ready


def _not_autoscaled(case: Case, autoscalers: Mapping[str, Sequence[AutoscalerSeen]]) -> Iterable[Measure]:
    """One INCONCLUSIVE measure per service that the sentence names and for which no autoscaler was recorded."""
    named = case.objective.scope.subject
    if not autoscalers or any(subject.rpartition("/")[2] == named for subject in autoscalers):
        return
    there = {one.target for said in autoscalers.values() for one in said}
    for service in filter(None, named.split(BETWEEN)):
        if service not in there:
            why = f"the run has no record of an autoscaler of {service}"
            yield inconclusive(case, case.objective.figure.value, why, AGAIN, scope={"workload": service})


def _chosen(case: Case) -> Mapping[str, list[AutoscalerSeen]]:
    """The reports of each chosen autoscaler: the autoscaler that the sentence names, the autoscalers of the named services, or all."""
    named, found = case.objective.scope.subject, dict[str, list[AutoscalerSeen]]()
    for one in case.evidence.every(AutoscalerSeen):
        name = one.subject.rpartition("/")[2]
        if named in ("", name) or one.target in named.split(BETWEEN):
            found.setdefault(one.subject, []).append(one)
    return found


def _fault_free(evidence: Evidence) -> list[Span]:
    """The fault-free windows; in a run without traffic, the time from the first list of pods on, as nothing was broken."""
    if evidence.windows or not evidence.pods:
        return [(w.start_ns, w.end_ns) for w in evidence.windows.values() if w.fault_free]
    at_ns = [one.at_ns for one in evidence.pods]
    begun_ns = max((one.at_ns for one in evidence.pods if one.what == "present"), default=min(at_ns))
    return [(begun_ns, max(at_ns) + 1)]


def _fewest_ready(evidence: Evidence, namespace: str, workload: str, spans: Sequence[Span]) -> int | None:
    """The fewest pods that were ready at any moment of these spans; None if there is no span or no pod."""
    mine = sorted((o for o in evidence.pods if (o.namespace, o.workload) == (namespace, workload)), key=_when)
    if not mine or not spans:
        return None
    fewest_ready: int | None = None
    for start_ns, end_ns in spans:
        ready = {one.uid for one in mine if one.at_ns <= start_ns and _is_last(mine, one, start_ns) and one.is_ready}
        counts = [len(ready)]
        for one in mine:
            if start_ns < one.at_ns < end_ns:
                ready = ready | {one.uid} if one.is_ready else ready - {one.uid}
                counts.append(len(ready))
        fewest_ready = min([*counts, *([] if fewest_ready is None else [fewest_ready])])
    return fewest_ready


def _when(one: PodChange) -> int:
    return one.at_ns


def _is_last(changes: Iterable[PodChange], one: PodChange, until_ns: int) -> bool:
    return not any(o.uid == one.uid and one.at_ns < o.at_ns <= until_ns for o in changes)


def _none(case: Case) -> Measure:
    why = "the run has no record of the autoscaler in the sentence"
    return inconclusive(case, case.objective.figure.value, why, AGAIN)


def _counted(
    case: Case,
    text: str,
    between: tuple[int, int],
    scope: Mapping[str, str],
    *,
    pods: Sequence[Span] = (),
    op: Op = Op.AT_LEAST,
    value: float | None = None,
    limit: float | None = None,
    expected: str = "",
    broken: bool = False,
    doubt: str = "",
) -> Measure:
    """The measure of a number of replicas or pods; `pods` are spans in which the ready pods count too."""
    receipts, most = {"watch": autoscalers_receipt(case.evidence)}, case.objective.limit.value
    if pods and receipts["watch"].ok:
        receipts = {"watch": pods_receipt(case.evidence, *pods)}
    found = Amount(
        low=float(between[0]),
        high=float(between[1]),
        value=None if value is None else float(value),
        text=text,
        expected=expected or f"at most {most:g}",
        limit=most if limit is None else float(limit),
        op=op,
        scope=scope,
        receipts=receipts,
        needs=("watch",),
        method="the replicas that each autoscaler reports, and the ready pods, followed as they change",
        files=FILES if op is Op.AT_MOST and not pods else (*FILES[:1], _PODS),
        n=1,
        broken=broken,
        doubt=doubt,
        hint=AGAIN,
        kind=ReasonKind.NO_RECORD,
    )
    return amount(case, found)


_COUNT: Final = frozenset({Op.AT_LEAST})
FEWEST: Final = scaling_spec(
    Figure.FEWEST_REPLICAS, fewest, limit=LimitRule(dimension="count", ops=_COUNT), phase=Phase.STEADY, timed=True
)
MOST: Final = scaling_spec(Figure.MOST_REPLICAS, most, limit=None)
