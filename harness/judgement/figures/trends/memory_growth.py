"""Growth of resident memory: the memory that each container of a service would gain by the end of a soak.

Memory is observed in the window before the first fault or, for a new release, from the switch to the rollback.

A soak of 8 h is divided by the target's time scale, and is then still longer than the observed window. So the slope of the window is
extrapolated, at most sixfold, and the figure names the factor. Memory that a process fills only once, such as caches and the pools of its
allocator, is warm-up: the first quarter of the window is left out, and a jump counts as growth only if it is larger than the limit.

A leak per request is detected only above a size that depends on the number of requests in the soak, which is smaller on a scaled target. The
figure names this size if the answers name the pod that served them.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np

from harness.judgement.figures.files import load_files
from harness.judgement.figures.indicators import steady_window
from harness.judgement.figures.recovery.phases import in_phase
from harness.judgement.figures.spec import Basis, Lack, Need, Offered, Spec
from harness.judgement.measures import Case, bounded, inconclusive
from harness.judgement.receipts.load import load_receipt
from harness.judgement.stats.slopes import slope_bounds
from harness.judgement.stats.statistics import Floats
from harness.judgement.wording import formatted
from harness.model import (
    ONLY_BELOW,
    Figure,
    LimitRule,
    Measure,
    Objective,
    Phase,
    ReasonKind,
    Receipt,
    Window,
)
from harness.model.observations import MemoryRead
from harness.model.rounding import plain
from harness.units import NS_PER_S

NAME: Final = Figure.MEMORY_GROWTH.value
SOAK: Final = "soak"
"""Key among the objective's times: the length of the soak."""
_WARM_UP: Final = 0.25
"""Share of the window that is left out as warm-up."""
_FARTHEST: Final = 6.0
"""A slope is extrapolated to at most this many times the observed time."""
_BATCHES: Final = 96
"""Number of time batches, enough to detect a small slope if the values hardly vary."""
_LONGEST_GAP: Final = 0.1
"""Longest time without a sample, as a share of the observed time."""
_FILES: Final = ("history/memory.ndjson",)
_MB: Final = 1e6
_AGAIN: Final = "make sure that Prometheus answers queries during the complete window, then run again"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Observed:
    """The judged part of the window.

    Attributes:
        window: window before the first fault, or after the switch.
        span: judged part of the window, in ns.
        soak_s: length of the soak at the target's time scale, in s.
        words: the soak and the observed time, in words.
    """

    window: Window
    span: tuple[int, int]
    soak_s: float
    words: str

    @property
    def seconds(self) -> float:
        return (self.span[1] - self.span[0]) / NS_PER_S


@dataclass(frozen=True, kw_only=True, slots=True)
class _ContainerCourse:
    """The samples of one container in the observed part, in order of time."""

    name: str
    workload: str
    at_s: Floats
    bytes_: Floats


def memory_growth(case: Case) -> Iterable[Measure]:
    """One measure per container of a service."""
    if case.objective.scope.phase is Phase.SWITCHED:
        yield from in_phase(case, NAME, partial(_after_switch, case))
        return
    window = steady_window(case, NAME)
    if isinstance(window, Measure):
        yield window
        return
    planned = case.plan.traffic.get(window.traffic)
    observed = _observed(case, window, min(window.seconds, planned.window_s if planned else math.inf))
    reads = [read for read in case.evidence.every(MemoryRead) if read.traffic == window.traffic]
    yield from _by_container(case, observed, reads, {})
    yield from _unread(case, window, reads)


def _after_switch(case: Case, windows: Sequence[Window], receipts: Mapping[str, Receipt]) -> Iterable[Measure]:
    """Measures of the time in which all users were on the candidate, of containers that existed throughout; each workload needs at least one."""
    rollout = case.objective.scope.rollout
    reads = [read for read in case.evidence.every(MemoryRead) if rollout and read.rollout == rollout]
    for window in windows:
        observed = _observed(case, window, window.seconds)
        stayed = _there(case, window)
        mine = [read for read in reads if read.why or _pod_of(read.subject) in stayed]
        yield from _by_container(case, observed, mine, receipts)
        unjudged = {_workload_of(read) for read in reads if not read.why} - {_workload_of(read) for read in mine}
        for workload in sorted(unjudged):
            why = f"no pod of {workload} existed throughout the time from the switch to the rollback"
            yield inconclusive(case, NAME, why, _AGAIN, scope={"traffic": window.traffic, "of": workload})
        yield from _unread(case, window, reads)


def _unread(case: Case, window: Window, reads: Sequence[MemoryRead]) -> Iterable[Measure]:
    """One measure per workload whose memory was read in one namespace, but not in another with a pod that was ready throughout."""
    told = {(read.subject.partition("/")[0], read.workload) for read in reads if not read.why}
    workloads, stayed = {workload for _, workload in told}, _there(case, window)
    ready = {
        (pod.namespace, pod.workload)
        for pod in case.evidence.pods_before(window.end_ns)
        if pod.is_ready and pod.workload in workloads and f"{pod.namespace}/{pod.name}" in stayed
    }
    for namespace, workload in sorted(ready - told):
        why = f"the resident memory of {namespace}/{workload} was not read"
        scope = {"traffic": window.traffic, "of": f"{namespace}/{workload}"}
        yield inconclusive(case, NAME, why, _AGAIN, scope=scope)


def _there(case: Case, window: Window) -> frozenset[str]:
    """The pods, as `NAMESPACE/NAME`, that existed throughout a window."""
    before, after = (case.evidence.pods_before(ns) for ns in (window.start_ns + 1, window.end_ns))
    return frozenset(f"{pod.namespace}/{pod.name}" for pod in after) & {f"{pod.namespace}/{pod.name}" for pod in before}


def _pod_of(container: str) -> str:
    return container.rpartition("/")[0]


def _workload_of(read: MemoryRead) -> str:
    return f"{read.subject.partition('/')[0]}/{read.workload}"


def _by_container(
    case: Case, observed: _Observed | Measure, reads: Sequence[MemoryRead], receipts: Mapping[str, Receipt]
) -> Iterable[Measure]:
    if isinstance(observed, Measure):
        yield observed
        return
    failed = next((read.why for read in reads if read.why), "")
    told = [read for read in reads if not read.why]
    if not told:
        yield inconclusive(case, NAME, failed or "Prometheus was not queried for the memory of any container", _AGAIN)
        return
    for course in _courses(told, observed):
        yield _grown(case, observed, course, failed, receipts)


def _observed(case: Case, window: Window, seconds: float) -> _Observed | Measure:
    said = case.objective.times[SOAK]
    soak_s = said.at_scale(case.plan.time_scale).base
    warm_s = _WARM_UP * seconds
    span = (window.start_ns + round(warm_s * NS_PER_S), window.start_ns + round(seconds * NS_PER_S))
    if (needed_s := soak_s / _FARTHEST / (1 - _WARM_UP)) > seconds:
        of = "the window after the switch" if case.objective.scope.phase is Phase.SWITCHED else "the fault-free window"
        why = f"{of} lasted {plain(seconds, 4)} s, expected at least {math.ceil(needed_s)} s for a soak of {plain(soak_s, 4)} s"
        hint = f"let the traffic run for at least {math.ceil(needed_s)} s in {of}, then run again"
        return inconclusive(case, NAME, why, hint, kind=ReasonKind.TOO_FEW)
    scaled = f" ({plain(soak_s, 4)} s at scale {case.plan.time_scale:g})" if soak_s != said.base else ""
    times = soak_s / (seconds - warm_s)
    far = f", extrapolated {times:.3g} times" if times > 1 else ""
    words = f"for a soak of {said}{scaled}, observed for {seconds - warm_s:.4g} s after {warm_s:.3g} s of warm-up{far}"
    return _Observed(window=window, span=span, soak_s=soak_s, words=words)


def _courses(reads: Sequence[MemoryRead], observed: _Observed) -> Iterable[_ContainerCourse]:
    """The memory of each container over time; a sample that was read twice counts once."""
    samples: dict[str, dict[float, tuple[float, float]]] = defaultdict(dict)
    workloads: dict[str, str] = {}
    start_ns, end_ns = observed.span
    for read in reads:
        workloads.setdefault(read.subject, read.workload)
        for at_s, taken_s, value in zip(read.at_s, read.taken_s, read.bytes_, strict=False):
            when_ns = read.when_ns + round(at_s * NS_PER_S)
            if start_ns <= when_ns < end_ns:
                samples[read.subject].setdefault(taken_s, ((when_ns - start_ns) / NS_PER_S, value))
    for name in sorted(workloads):
        rows = sorted(samples[name].values())
        times, values = (np.array([row[i] for row in rows], dtype=np.float64) for i in (0, 1))
        yield _ContainerCourse(name=name, workload=workloads[name], at_s=times, bytes_=values)


def _grown(
    case: Case, observed: _Observed, course: _ContainerCourse, failed: str, receipts: Mapping[str, Receipt]
) -> Measure:
    scope = {
        "traffic": observed.window.traffic,
        "phase": case.objective.scope.phase.value,
        "of": course.name,
    }
    if why := _lacking(case, observed, course):
        why = f"{course.name}: {why}{f' ({failed})' if failed else ''}"
        return inconclusive(case, NAME, why, _AGAIN, scope=scope)
    at_s, values = _batches(course, observed.seconds)
    slope = slope_bounds(at_s, values, case.objective.confidence).bounds
    bounds = slope.rescaled(observed.soak_s / _MB)  # from bytes per second to megabytes per soak
    risen = _risen(values) / _MB
    if risen >= case.objective.limit.in_unit("MB"):
        bounds = replace(bounds, value=risen, low=risen, high=risen, fail_low=risen, fail_high=risen)
    receipts = {
        **receipts,
        "load": load_receipt(case.plan, observed.window, latencies=False),
        "watch": Receipt(ok=True, why=f"{len(course.at_s)} samples of {plain(observed.seconds, 4)} s", files=_FILES),
    }
    return bounded(
        case,
        NAME,
        bounds,
        unit="MB",
        subject=f"the memory growth of {course.name}",
        scope=scope,
        receipts=receipts,
        fail_needs=("load",),
        detail=_detail(case, observed, course, risen),
        files=(*_FILES, *observed.window.files),
        counted="time batches",
    )


def _lacking(case: Case, observed: _Observed, course: _ContainerCourse) -> str:
    """The gap in the container's samples, in words; empty if there is none."""
    if not len(course.at_s):
        return "the resident memory of this container is not exposed"
    gap_s = float(np.diff([0.0, *course.at_s.tolist(), observed.seconds]).max())
    if gap_s > _LONGEST_GAP * observed.seconds:
        return f"the resident memory has no sample for {gap_s:.3g} s, expected at most {_LONGEST_GAP * observed.seconds:.3g} s"
    namespace, pod, _ = f"{course.name}//".split("/", 2)
    start_ns, end_ns = observed.span
    for change in case.evidence.pods:
        of_it = (change.namespace, change.name) == (namespace, pod)
        if of_it and change.what == "restarted" and start_ns <= change.at_ns < end_ns:
            return "the container was restarted in the window"
    return ""


def _batches(course: _ContainerCourse, seconds: float) -> tuple[Floats, Floats]:
    """The middle of each time batch with samples, in s, and their mean in bytes."""
    length_s = seconds / _BATCHES
    batch = np.minimum((course.at_s / length_s).astype(np.int64), _BATCHES - 1)
    present, inverse = np.unique(batch, return_inverse=True)
    means = np.bincount(inverse, course.bytes_) / np.bincount(inverse)
    return np.asarray((present + 0.5) * length_s, dtype=np.float64), np.asarray(means, dtype=np.float64)


def _risen(values: Floats) -> float:
    """The rise from the median of the first tenth of the values to the median of the last tenth."""
    few = max(len(values) // 10, 1)
    return float(np.median(values[-few:]) - np.median(values[:few]))


def _detail(case: Case, observed: _Observed, course: _ContainerCourse, risen: float) -> str:
    """The soak, the container's memory, its rise, and the smallest leak that can be detected, in words."""
    held_mb = formatted(float(np.median(course.bytes_)) / _MB, "MB")
    words = [observed.words, f"the memory of the container is {held_mb} and rose by {formatted(risen, 'MB')}"]
    pod = course.name.split("/")[1] if "/" in course.name else course.name
    samples = observed.window.samples.between("done_ns", *observed.span)
    if served := int(samples.words["served_pod"].equals(pod).sum()):
        smallest = case.objective.limit.base / (served / observed.seconds * observed.soak_s)
        words.append(f"a leak of less than {formatted(smallest / 1e3, 'kB')} per answered request cannot be detected")
    return ", ".join(words)


def _lacks(objective: Objective, offered: Offered) -> Iterable[Lack]:
    """A window that is too short to be extrapolated to the soak."""
    soak_s = objective.times[SOAK].at_scale(offered.time_scale).base
    needed_s = math.ceil(soak_s / _FARTHEST / (1 - _WARM_UP))
    if offered.window_s and offered.window_s < needed_s:
        of = (
            f"{needed_s} s after the switch"
            if objective.scope.phase is Phase.SWITCHED
            else f"a fault-free window of {needed_s} s"
        )
        what = f"{of} for a soak of {plain(soak_s, 4)} s (planned: {offered.window_s:g} s)"
        yield Lack(what=what, window_s=needed_s, grows=False)


SPEC: Final = Spec(
    figure=Figure.MEMORY_GROWTH,
    judge=memory_growth,
    limit=LimitRule(dimension="size", ops=ONLY_BELOW),
    unit="MB",
    basis=Basis.TRAFFIC,
    phases=frozenset({Phase.STEADY, Phase.SWITCHED}),
    evidence=lambda case: ("history/memory.", "history/pods.", *load_files(case)),
    needs=lambda _objective: (
        Need(key="prometheus", why="the memory of every container is read from Prometheus"),
        Need(key="kubernetes", why="the pods are found through the Kubernetes API"),
    ),
    lacks=_lacks,
    clocked=True,
)
