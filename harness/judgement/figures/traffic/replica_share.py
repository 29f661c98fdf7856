"""Replica share: the number of answers of each ready pod of a workload, divided by an equal share of the answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from harness.judgement.figures.fault_free import (
    GuardedWindow,
    all_files,
    fault_free_windows,
    over_windows,
)
from harness.judgement.figures.files import load_files
from harness.judgement.figures.spec import Basis, Need, Spec
from harness.judgement.figures.traffic.balancing import balanced_tally
from harness.judgement.measures import Case, bounded, inconclusive
from harness.judgement.receipts.load import joined_load_receipt
from harness.judgement.receipts.watch import pods_receipt
from harness.judgement.stats.batches import Tally, share_by_batches
from harness.model import Evidence, Figure, LimitRule, Measure, Op, Phase, PodChange, Receipt, Table, Window

LEAST: Final = 0.5
"""Share of the fault-free time for which a pod must have been ready, as a pod that has just started has too few answers."""
SERVES: Final = 0.005
"""Least share of all answers with which a workload counts as serving; a gateway that sometimes answers for a service does not."""
FIGURE: Final = Figure.REPLICA_SHARE
NAMES_ITSELF: Final = "let every pod name itself in the header x-served-pod of its answers"

Home = tuple[str, str]
"""Namespace and name of a workload."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Answers:
    """The answers of one workload's ready pods in one window.

    Attributes:
        window: the window.
        pods: pods that were ready throughout the window.
        rows: answers of these pods.
    """

    window: Window
    pods: frozenset[str]
    rows: Table


def replica_shares(case: Case) -> Iterable[Measure]:
    """One measure per pod that was ready for half of the fault-free time, from the windows in which it was ready throughout.

    A workload is judged if it has two or more ready pods that name themselves in their answers; a pod without an answer has a share of 0. Workloads
    with two ready pods that are not judged are reported. A service that a declared route uses must be judged in some namespace.
    """
    name = FIGURE.value
    windows = fault_free_windows(case, name)
    if isinstance(windows, Measure):
        yield windows
        return
    workloads = _workloads(case.evidence, windows)
    if not workloads:
        why = "no answer named a pod of a workload with two or more ready pods"
        yield inconclusive(case, name, why, NAMES_ITSELF, scope={"traffic": windows[0].traffic})
        return
    unnamed = {home for window in windows for home in _shared(case.evidence, window)} - workloads.keys()
    needed = {service for needs in case.plan.route_needs.values() for service in needs}
    for service in sorted(needed & {home[1] for home in unnamed} - {home[1] for home in workloads}):
        why = f"less than {100 * SERVES:g} % of the answers name a pod of {service}, which has two or more ready pods"
        yield inconclusive(case, name, why, NAMES_ITSELF, scope={"traffic": windows[0].traffic, "workload": service})
    receipts = {
        "load": joined_load_receipt(case.plan, windows, latencies=False),
        "watch": pods_receipt(case.evidence, *(window.span for window in windows)),
    }
    least_s = LEAST * sum(window.seconds for window in windows)
    for home, answers in sorted(workloads.items()):
        owned = {pod: [one for one in answers if pod in one.pods] for pod in _ever_ready(case.evidence, windows, home)}
        long = {pod for pod, own in owned.items() if sum(one.window.seconds for one in own) >= least_s}
        said = _left_out(owned.keys() - long, unnamed)
        for pod in sorted(long):
            yield _share(case, home, pod, owned[pod], receipts, said=said)


def _shared(evidence: Evidence, window: Window) -> dict[Home, frozenset[str]]:
    """The workloads with two or more pods that were ready throughout a window, and these pods."""
    return {home: pods for home, pods in ready_through(evidence.pods, window.span).items() if len(pods) > 1}


def _ever_ready(evidence: Evidence, windows: Sequence[Window], home: Home) -> frozenset[str]:
    """The pods of a workload that were ready at some time of the windows."""
    of_home = [change for change in evidence.pods if _home(change) == home]
    found = {change.name for change in of_home if change.ready and any(_within(change, one) for one in windows)}
    at_begin = (ready_through(of_home, (window.start_ns, window.start_ns)).get(home, ()) for window in windows)
    return frozenset(found).union(*at_begin)


def _within(change: PodChange, window: Window) -> bool:
    return window.start_ns <= change.at_ns < window.end_ns


def _left_out(pods: Iterable[str], unnamed: Iterable[Home]) -> str:
    """The pods and workloads that are not judged, with the reasons; empty if all are judged."""
    brief, idle = ", ".join(sorted(pods)), ", ".join(sorted("/".join(home) for home in unnamed))
    said = [f"not judged: {brief} (ready for less than half of the fault-free time)"] if brief else []
    said += [f"not judged: {idle} (named in less than {100 * SERVES:g} % of the answers)"] if idle else []
    return "; ".join(said)


def _share(
    case: Case, home: Home, pod: str, answers: Sequence[_Answers], receipts: Mapping[str, Receipt], *, said: str
) -> Measure:
    objective = case.objective
    total, equal = sum(len(one.rows) for one in answers), sum(len(one.rows) / len(one.pods) for one in answers)
    tally = _tally(pod, answers)
    bounds = share_by_batches(tally, objective.confidence).rescaled(total / max(equal, 1e-9))
    served = tally.bad_total
    windows = [one.window for one in answers]
    return bounded(
        case,
        FIGURE.value,
        bounds,
        unit="",
        subject=f"the share of {home[0]}/{pod} relative to an equal share ({served} of {total} answers of {home[1]})",
        scope={"phase": objective.scope.phase.value, "workload": "/".join(home), "pod": pod},
        receipts=receipts,
        fail_needs=("watch",),
        detail="; ".join(filter(None, (over_windows(windows), said))),
        files=(*all_files(windows), "history/pods.ndjson"),
        counted="answers",
    )


def _tally(pod: str, answers: Sequence[_Answers]) -> Tally:
    return balanced_tally(
        GuardedWindow(
            window=one.window.name,
            span=one.window.span,
            at_ns=one.rows.ints["intended_ns"],
            bad=one.rows.words["served_pod"].equals(pod),
        )
        for one in answers
    )


def _workloads(evidence: Evidence, windows: Sequence[Window]) -> dict[Home, list[_Answers]]:
    """The answers of each workload that names its pods, by window; windows with fewer than two ready pods are left out."""
    named = {pod for window in windows for pod in window.samples.words["served_pod"].present}
    found: dict[Home, list[_Answers]] = {}
    for window in windows:
        for home, pods in _shared(evidence, window).items():
            if any(change.name in named for change in evidence.pods if _home(change) == home):
                rows = window.samples.where(window.samples.words["served_pod"].among(pods))
                found.setdefault(home, []).append(_Answers(window=window, pods=pods, rows=rows))
    everything = sum(len(window.samples) for window in windows)
    return {home: own for home, own in found.items() if sum(len(one.rows) for one in own) >= SERVES * everything}


def ready_through(pods: Iterable[PodChange], span: tuple[int, int]) -> dict[Home, frozenset[str]]:
    """The pods of each workload that were ready throughout a span."""
    ready: dict[str, PodChange] = {}
    for change in pods:
        if change.at_ns >= span[1]:
            continue
        if change.ready and change.at_ns <= span[0]:
            ready[change.uid] = change
        elif not change.ready:
            ready.pop(change.uid, None)
    found: dict[Home, set[str]] = {}
    for change in ready.values():
        found.setdefault(_home(change), set()).add(change.name)
    return {home: frozenset(names) for home, names in found.items() if home[1]}


def _home(change: PodChange) -> Home:
    return change.namespace, change.workload


SPEC: Final = Spec(
    figure=FIGURE,
    judge=replica_shares,
    timed=True,
    limit=LimitRule(dimension="count", ops=frozenset({Op.WITHIN})),
    unit="",
    basis=Basis.TRAFFIC,
    phases=frozenset({Phase.STEADY}),
    evidence=lambda case: (*load_files(case), "history/pods.", "history/watch."),
    needs=lambda _objective: (Need(key="kubernetes", why="the readiness of pods is read from the Kubernetes API"),),
)
