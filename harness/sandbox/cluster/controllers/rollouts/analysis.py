"""An AnalysisRun as a pure state machine.

It decides which metrics are due, what a measurement means, and the phase of the run.

    due(metrics, status, now)          ─▶ metrics to measure now
    recorded(status, metric, measured) ─▶ status with that measurement
    assessed(metrics, status, now)     ─▶ status with phases of metrics and run

Limits trip with `>`: failureLimit 2 accepts two failed measurements. Intervals count from the end of the last measurement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from harness.sandbox.cluster.controllers.rollouts.expressions import ConditionError
from harness.sandbox.cluster.timestamps import micro_timestamp, passed_s

if TYPE_CHECKING:
    from datetime import datetime

    from harness.sandbox.cluster.controllers.rollouts.expressions import Value
    from harness.sandbox.cluster.controllers.rollouts.metrics import Metric
    from harness.sandbox.cluster.store import Object

ERROR_RETRY_S: Final = 10.0
KEPT: Final = 10
"""Measurements that are kept of a metric; the counters count all."""
TERMINATED: Final = "Run Terminated"


class AnalysisPhase(StrEnum):
    """Phase of a measurement, a metric or a run; the order decides between metrics."""

    SUCCESSFUL = "Successful"
    RUNNING = "Running"
    PENDING = "Pending"
    INCONCLUSIVE = "Inconclusive"
    ERROR = "Error"
    FAILED = "Failed"

    @property
    def completed(self) -> bool:
        """Whether nothing more is measured."""
        return self not in (AnalysisPhase.RUNNING, AnalysisPhase.PENDING)

    @property
    def bad(self) -> bool:
        """Whether it ends the other metrics of its run."""
        return self in (AnalysisPhase.INCONCLUSIVE, AnalysisPhase.ERROR, AnalysisPhase.FAILED)


_WORSE: Final = {phase: rank for rank, phase in enumerate(AnalysisPhase)}
_COUNTER: Final = {
    AnalysisPhase.SUCCESSFUL: "successful",
    AnalysisPhase.FAILED: "failed",
    AnalysisPhase.INCONCLUSIVE: "inconclusive",
    AnalysisPhase.ERROR: "error",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """What a measurement gave: a value (`text` is how it is written), or an error."""

    started: datetime
    finished: datetime
    value: Value = None
    text: str = ""
    error: str = ""


def verdict(metric: Metric, value: Value) -> tuple[AnalysisPhase, str]:
    """(phase, message) of a measured value.

    Neither condition: Successful. Success alone: its opposite is Failed. Failure alone: its opposite is Successful. Both: failure first,
    and Inconclusive where neither is true.
    """
    try:
        if metric.failure is not None and metric.failure.holds(value):
            return AnalysisPhase.FAILED, ""
        if metric.success is None or metric.success.holds(value):
            return AnalysisPhase.SUCCESSFUL, ""
    except ConditionError as error:
        return AnalysisPhase.ERROR, str(error)
    return (AnalysisPhase.FAILED if metric.failure is None else AnalysisPhase.INCONCLUSIVE), ""


def result_of(status: Object, name: str) -> Object:
    """The result of a metric so far; an empty one when there is none."""
    return next((each for each in status.get("metricResults") or () if each["name"] == name), {})


def phase_of(status: Object) -> AnalysisPhase:
    """The phase of a run or a metric; Pending when none is written."""
    return AnalysisPhase(status.get("phase") or "Pending")


def terminating(status: Object, *, asked: bool) -> bool:
    """Whether the run ends: it was asked to, or one of its metrics ended badly."""
    return asked or any(phase_of(each).bad for each in status.get("metricResults") or ())


def due(metrics: Sequence[Metric], status: Object, now: datetime, *, asked: bool = False) -> list[Metric]:
    """The metrics to measure now; none of a run that is complete or ends."""
    if phase_of(status).completed or terminating(status, asked=asked):
        return []
    return [metric for metric in metrics if _is_due(metric, status, now)]


def _is_due(metric: Metric, status: Object, now: datetime) -> bool:
    result = result_of(status, metric.name)
    if result and phase_of(result).completed:
        return False
    measurements = result.get("measurements") or []
    if not measurements:
        started = status.get("startedAt")
        return not metric.initial_delay_s or (started is not None and passed_s(started, now) >= metric.initial_delay_s)
    if metric.measurements is not None and result["count"] >= metric.measurements:
        return False
    last = measurements[-1]
    wait_s = ERROR_RETRY_S if metric.interval_s is None or _failed_to_measure(last) else metric.interval_s
    return passed_s(last["finishedAt"], now) >= wait_s


def _failed_to_measure(measurement: Object) -> bool:
    return bool(measurement["phase"] == AnalysisPhase.ERROR)


def recorded(status: Object, metric: Metric, measured: Measured) -> Object:
    """The status with that measurement counted."""
    phase, message = (AnalysisPhase.ERROR, measured.error) if measured.error else verdict(metric, measured.value)
    measurement = {
        "phase": phase.value,
        "value": measured.text,
        "startedAt": micro_timestamp(measured.started),
        "finishedAt": micro_timestamp(measured.finished),
        **({"message": message} if message else {}),
    }
    old = result_of(status, metric.name)
    result = {"count": 0, "successful": 0, "failed": 0, "inconclusive": 0, "error": 0, "consecutiveError": 0, **old}
    result[_COUNTER[phase]] += 1
    if phase is AnalysisPhase.ERROR:
        result["consecutiveError"] += 1
    else:
        result["count"] += 1
        result["consecutiveError"] = 0
    result |= {
        "name": metric.name,
        "phase": result.get("phase", AnalysisPhase.RUNNING.value),
        "measurements": [*result.get("measurements", ()), measurement][-KEPT:],
        "metadata": {"ResolvedPrometheusQuery": metric.query.query},
    }
    return _with_result(status, result)


def _with_result(status: Object, result: Object) -> Object:
    others = list(status.get("metricResults") or ())
    names = [each["name"] for each in others]
    if result["name"] in names:
        others[names.index(result["name"])] = result
    else:
        others.append(result)
    return {**status, "metricResults": others}


def assessed(metrics: Sequence[Metric], status: Object, now: datetime, *, asked: bool = False) -> Object:
    """The status as the measurements so far make it; one that is complete stays as it is."""
    if phase_of(status).completed:
        return status
    status = {**status, "startedAt": status.get("startedAt") or micro_timestamp(now)}
    for _ in range(2):  # a metric that ends badly ends the others, in the same turn
        ends = terminating(status, asked=asked)
        for metric in metrics:
            status = _metric_assessed(metric, status, ends=ends)
    results = [result_of(status, metric.name) for metric in metrics]
    phases = [phase_of(each) for each in results]
    counted = {name: sum(each.get(name, 0) for each in results) for name in ("count", *_COUNTER.values())}
    status = {**status, "runSummary": counted, "phase": AnalysisPhase.RUNNING.value}
    if not all(phase.completed for phase in phases):
        return status
    worst = max(phases, key=_WORSE.__getitem__)
    messages = [str(each.get("message") or "") for each, phase in zip(results, phases, strict=True) if phase is worst]
    message = messages[0] if worst.bad else TERMINATED if asked else ""
    return {**status, "phase": worst.value, "message": message, "completedAt": micro_timestamp(now)}


def _metric_assessed(metric: Metric, status: Object, *, ends: bool) -> Object:
    result = result_of(status, metric.name)
    if result and phase_of(result).completed:
        return status
    phase, message = _metric_phase(metric, result, ends=ends)
    if not result and not phase.completed:
        return status
    new = {"name": metric.name, **result, "phase": phase.value, **({"message": message} if message else {})}
    return _with_result(status, new)


def _metric_phase(metric: Metric, result: Object, *, ends: bool) -> tuple[AnalysisPhase, str]:
    for phase, counter, limit, named in (
        (AnalysisPhase.FAILED, "failed", metric.failure_limit, "failureLimit"),
        (AnalysisPhase.INCONCLUSIVE, "inconclusive", metric.inconclusive_limit, "inconclusiveLimit"),
        (AnalysisPhase.ERROR, "consecutiveError", metric.error_limit, "consecutiveErrorLimit"),
    ):
        if limit >= 0 and result.get(counter, 0) > limit:
            counted = "consecutiveErrors" if phase is AnalysisPhase.ERROR else counter
            why = f"{counted} ({result[counter]}) > {named} ({limit})"
            return phase, f'Metric "{metric.name}" assessed {phase} due to {why}'
    if not result.get("measurements"):
        return (AnalysisPhase.SUCCESSFUL, "") if ends else (AnalysisPhase.PENDING, "")
    if metric.measurements is not None and result["count"] >= metric.measurements:
        return AnalysisPhase.SUCCESSFUL, ""
    return (AnalysisPhase.SUCCESSFUL, "") if ends else (AnalysisPhase.RUNNING, "")
