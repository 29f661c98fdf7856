"""Hung and unready containers: time until a hung container is restarted, and until an unready pod gets no more requests."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from harness.judgement.figures.recovery.phases import of_each_attempt
from harness.judgement.figures.spec import Need, until_spec
from harness.judgement.measures import HINTS, Case
from harness.judgement.receipts.faults.attempts import known_until_ns
from harness.judgement.receipts.faults.fault import fault_receipt
from harness.judgement.receipts.faults.hits import proven_hits
from harness.judgement.receipts.faults.restore import restore_receipt
from harness.judgement.receipts.machine import doubted, slept, starvation
from harness.judgement.receipts.watch import earliest_s, pods_receipt, watch_receipt
from harness.judgement.shapes.until import Effect, until
from harness.judgement.sightings import ENOUGH
from harness.model import (
    Experiment,
    Figure,
    Hit,
    Measure,
    Outcome,
    Receipt,
    Table,
)
from harness.model.records.table import PORTAL
from harness.units import NS_PER_S

PER_S: Final = 5.0
"""Requests to the portal per second. If one of three pods stays published for 20 s too long, the chance that all requests miss it is 10^-17."""
_BEFORE_S: Final = 20.0
"""The pod's share of the answers is counted over at most this time before the fault, in s, and only while the pod was ready."""
_IN_DOUBT: Final = 1.5
"""A starved machine delays a probe or an endpoint update by seconds; a duration of this many times the limit is a failure all the same."""
_LONGER: Final = "let the experiment keep its fault for longer (`at_least_s` of the activity `hold`), then run again"
_NEEDS: Final = (
    Need(
        key="portal",
        why="pages of the portal are requested to find the pod that serves them",
        hint="add `portal: ADDRESS` to the target file",
    ),
    Need(key="kubernetes", why="pods are followed through the Kubernetes API"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class _HitPod:
    """A pod of the named workload that an attempt at an experiment hit, and the requests to the portal."""

    attempt: Experiment
    pod: Hit
    sent_ns: int
    until_ns: int
    requests: Table
    scope: Mapping[str, str]

    @property
    def served(self) -> Table:
        """The requests that this pod answered."""
        return self.requests.where(self.requests.words["served_pod"].equals(self.pod.name))

    def changed_ns(self, case: Case, what: str) -> int | None:
        """Time of the first change of the pod to `what` between this fault and the fault of the next attempt, in ns; None: no change."""
        times = [one.at_ns for one in case.evidence.pods if one.uid == self.pod.uid and one.what == what]
        others = (one.fault.sent_ns for one in case.evidence.experiments.get(self.attempt.name, ()))
        next_ns = min((at_ns for at_ns in others if at_ns is not None and at_ns > self.sent_ns), default=math.inf)
        return min((at_ns for at_ns in times if self.sent_ns < at_ns < next_ns), default=None)

    def ready_from_ns(self, case: Case, since_ns: int) -> int:
        """Time at which the pod last became ready before the fault, in ns.

        `since_ns` if it was ready throughout.
        """
        own = [one for one in case.evidence.pods if one.uid == self.pod.uid and one.at_ns <= self.sent_ns]
        return max([since_ns, *(one.at_ns for one in own if one.what == "ready")])

    def seconds(self, at_ns: int) -> float:
        """Seconds from the fault to a moment."""
        return (at_ns - self.sent_ns) / NS_PER_S


def _each_pod(figure: Figure, found: Callable[[Case, _HitPod], Effect]) -> Callable[[Case], Iterable[Measure]]:
    """The judge of a figure that makes one measure for each pod of the workload that an experiment hit."""

    def judge(case: Case) -> Iterable[Measure]:
        workload = case.objective.params["workload"]

        def of_one(attempt: Experiment, scope: Mapping[str, str]) -> Iterable[Measure]:
            for pod in _pods(case, attempt, workload, scope):
                yield _on_this_machine(case, pod, until(case, found(case, pod)))

        nothing = (f"the run has no record that the experiment {{experiment}} hit a pod of {workload}", HINTS["fault"])
        return of_each_attempt(
            case, figure.value, of_one, add="add an experiment of domain `container` to `experiments/`", nothing=nothing
        )

    return judge


def _pods(case: Case, attempt: Experiment, workload: str, scope: Mapping[str, str]) -> list[_HitPod]:
    fault = attempt.fault
    if fault.sent_ns is None:
        return []
    requests = case.evidence.recorded.get(PORTAL.name) or Table.empty(PORTAL)
    until_ns = fault.undone_ns or min(known_until_ns(case.evidence, attempt), attempt.observed_until_ns)
    return [
        _HitPod(
            attempt=attempt,
            pod=hit,
            sent_ns=fault.sent_ns,
            until_ns=max(until_ns, fault.sent_ns),
            requests=requests,
            scope={**scope, "pod": hit.name},
        )
        for hit in proven_hits(case.evidence, attempt)
        if hit.kind == "pod" and hit.workload == workload
    ]


def _effect(
    case: Case, pod: _HitPod, method: str, *, high: float | None, unknown: str = "", doubt: str = "", **names: object
) -> Effect:
    """The effect on one pod, with the receipts that both figures of this module need."""
    return Effect(
        high=high,
        watched=pod.seconds(pod.until_ns),
        names={"attempt": pod.attempt.name, "pod": pod.pod.name, **names},
        scope=pod.scope,
        receipts={
            "fault": fault_receipt(case.plan, case.evidence, pod.attempt),
            "watch": pods_receipt(case.evidence, (pod.sent_ns, pod.until_ns), limit_s=case.scaled.in_unit("s")),
            "portal": _portal_receipt(case, pod),
            "restore": restore_receipt(case.evidence, pod.attempt),
        },
        needs=("fault", "watch", "portal"),
        method=method,
        files=(*pod.attempt.files, "history/pods.ndjson", "watch/portal.parquet"),
        n=len(pod.requests.between("sent_ns", pod.sent_ns, pod.until_ns)),
        resolution=1 / PER_S,
        unknown=unknown,
        doubt=doubt,
        hint=_LONGER,
    )


def _on_this_machine(case: Case, pod: _HitPod, found: Measure) -> Measure:
    """The measure; INCONCLUSIVE if the machine slept meanwhile, or if the limit was missed by little while the machine was starved."""
    if found.outcome not in (Outcome.PASS, Outcome.FAIL):
        return found
    spans = [(pod.attempt.observed_from_ns, pod.attempt.observed_until_ns)]
    doubt = slept(case.evidence, spans)
    failed = found.outcome is Outcome.FAIL and found.value is not None
    if doubt is None and failed and (found.value or 0.0) < _IN_DOUBT * case.scaled.in_unit("s"):
        doubt = starvation(case.plan, case.evidence, spans)
    return doubted(found, doubt)


def _portal_receipt(case: Case, pod: _HitPod) -> Receipt:
    """Whether requests to the portal began before the fault and the pod answered some: otherwise its later silence proves nothing."""
    before = pod.sent_ns - round(_BEFORE_S * NS_PER_S)
    span = (before, pod.until_ns)
    asked = watch_receipt(case.evidence, "portal", pod.requests.ints["sent_ns"], span, limit_s=_BEFORE_S)
    if asked.ok and not len(pod.served.between("sent_ns", before, pod.sent_ns)):
        return Receipt(
            ok=None, why=f"{pod.pod.name} answered no request to the portal before the fault, expected at least one"
        )
    return asked


def _restarted(case: Case, pod: _HitPod) -> Effect:
    """Time until the container of a hung pod was restarted; unknown if the pod still answered, or was deleted before the limit."""
    at_ns, deleted_ns = pod.changed_ns(case, "restarted"), pod.changed_ns(case, "deleted")
    hung_ns = pod.attempt.fault.confirmed_ns or pod.sent_ns
    unknown, until_ns = "", pod.until_ns if at_ns is None else at_ns
    if len(pod.served.between("sent_ns", hung_ns, until_ns)):
        unknown = "still answered requests, so its container did not hang"
    elif (
        at_ns is None
        and deleted_ns is not None
        and deleted_ns < pod.sent_ns + round(case.scaled.in_unit("s") * NS_PER_S)
    ):
        unknown = "hung, and was deleted before its container could be restarted"
    method = "from the command that hangs a container to its restart, as the pod's status counts it"
    found = _effect(case, pod, method, high=None if at_ns is None or unknown else pod.seconds(at_ns), unknown=unknown)
    return found if found.high is None else replace(found, low=earliest_s(case.evidence, until_ns, pod.sent_ns))


def _last_request(case: Case, pod: _HitPod) -> Effect:
    """Time until an unready pod answered its last request; requests after the undo, or after it became ready again, do not count."""
    ready_ns, limit_ns = pod.changed_ns(case, "ready"), round(case.scaled.in_unit("s") * NS_PER_S)
    until_ns = min(pod.until_ns, ready_ns or pod.until_ns)
    served = pod.served.between("sent_ns", pod.sent_ns, until_ns).ints["sent_ns"]
    later = len(pod.requests.between("sent_ns", pod.sent_ns + limit_ns, until_ns))
    before = pod.ready_from_ns(case, pod.sent_ns - round(_BEFORE_S * NS_PER_S))
    answered, own = (rows.between("sent_ns", before, pod.sent_ns) for rows in (pod.requests, pod.served))
    expected = later * len(own) / max(len(answered), 1)
    few = (
        f"a pod still in use would have received only {expected:.3g} requests after the limit, too few for a proof"
        if expected < ENOUGH
        else ""
    )
    return _effect(
        case,
        pod,
        "from the command that makes a pod unready to the last request that it answers, of those sent to its Service",
        high=pod.seconds(int(served.max())) if len(served) else 0.0,
        doubt=few,
        later=later,
        expected=expected,
    )


_FILES: Final = ("history/pods.", "history/watch.", "watch/portal.", "history/chaos-")
RESTARTED: Final = until_spec(
    Figure.RESTARTED,
    _each_pod(Figure.RESTARTED, _restarted),
    _FILES,
    *_NEEDS,
    timed=False,
    rates={"portal": PER_S},
)
LAST_REQUEST: Final = replace(
    RESTARTED, figure=Figure.LAST_REQUEST, judge=_each_pod(Figure.LAST_REQUEST, _last_request)
)
