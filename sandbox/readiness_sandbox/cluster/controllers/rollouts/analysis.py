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

from readiness_sandbox.cluster.controllers.rollouts.expressions import ConditionError
from readiness_sandbox.cluster.timestamps import micro_timestamp, passed_s

if TYPE_CHECKING:
    from datetime import datetime

    from readiness_sandbox.cluster.controllers.rollouts.expressions import Value
    from readiness_sandbox.cluster.controllers.rollouts.metrics import Metric
    from readiness_sandbox.cluster.store import Object

ERROR_RETRY_S: Final = 10.0
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
    """Whether the run ends: it was asked to, or one of its metrics ended badly that is no dry run."""
    return asked or any(phase_of(each).bad and not each.get("dryRun") for each in status.get("metricResults") or ())


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
    result = {**dict.fromkeys(("count", *_COUNTER.values(), "consecutiveError", "consecutiveSuccess"), 0), **old}
    result[_COUNTER[phase]] += 1
    result["consecutiveSuccess"] = result["consecutiveSuccess"] + 1 if phase is AnalysisPhase.SUCCESSFUL else 0
    if phase is AnalysisPhase.ERROR:
        result["consecutiveError"] += 1
    else:
        result["count"] += 1
        result["consecutiveError"] = 0
    result |= {
        "name": metric.name,
        "phase": result.get("phase", AnalysisPhase.RUNNING.value),
        "measurements": [*result.get("measurements", ()), measurement][-metric.kept :],
        "metadata": {"ResolvedPrometheusQuery": metric.query.query},
        **({"dryRun": True} if metric.dry_run else {}),
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
    complete = [metric for metric in metrics if phase_of(result_of(status, metric.name)).completed]
    status = {**status, **_summaries(metrics, complete, status), "phase": AnalysisPhase.RUNNING.value}
    if len(complete) < len(metrics) and not terminating(status, asked=asked):
        return status
    worst, message = AnalysisPhase.SUCCESSFUL, TERMINATED if asked else ""
    for metric in complete:
        result = result_of(status, metric.name)
        if not metric.dry_run and (worst is AnalysisPhase.SUCCESSFUL or _WORSE[phase_of(result)] > _WORSE[worst]):
            worst = phase_of(result)
            message = _told(metric, result) or message
    return {**status, "phase": worst.value, "message": message, "completedAt": micro_timestamp(now)}


def _summaries(metrics: Sequence[Metric], complete: Sequence[Metric], status: Object) -> Object:
    """How many metrics there are and how the complete ones ended, of those that decide and of the dry runs."""
    found: Object = {}
    for name, dry_run in (("runSummary", False), ("dryRunSummary", True)):
        ended = [_beyond(each, result_of(status, each.name))[0] for each in complete if each.dry_run is dry_run]
        counts = {counter: ended.count(phase) for phase, counter in _COUNTER.items()}
        found[name] = {"count": len([each for each in metrics if each.dry_run is dry_run]), **counts}
    return found


def _metric_assessed(metric: Metric, status: Object, *, ends: bool) -> Object:
    """The status with the phase of a metric that was measured."""
    result = result_of(status, metric.name)
    if not result or phase_of(result).completed:
        return status
    phase = metric_phase(metric, result, ends=ends)
    message = str(result["measurements"][-1].get("message") or "")
    if metric.dry_run and (why := _beyond(metric, result)[1]):
        message = f"Metric assessed {phase} due to {why}"
    return _with_result(status, {**result, "phase": phase.value, **({"message": message} if message else {})})


def _beyond(metric: Metric, result: Object) -> tuple[AnalysisPhase, str]:
    """(phase, why) of a limit that the counters are beyond; Successful where they are beyond none."""
    found = AnalysisPhase.SUCCESSFUL, ""
    for phase, counter, limit, named in (
        (AnalysisPhase.FAILED, "failed", metric.failure_limit, "failureLimit"),
        (AnalysisPhase.INCONCLUSIVE, "inconclusive", metric.inconclusive_limit, "inconclusiveLimit"),
        (AnalysisPhase.ERROR, "consecutiveError", metric.error_limit, "consecutiveErrorLimit"),
    ):
        if limit >= 0 and result.get(counter, 0) > limit:
            counted = "consecutiveErrors" if phase is AnalysisPhase.ERROR else counter
            found = phase, f"{counted} ({result[counter]}) > {named} ({limit})"
    return found


def metric_phase(metric: Metric, result: Object, *, ends: bool) -> AnalysisPhase:
    """The phase of a metric that was measured; `ends`: nothing more is measured."""
    phase, why = _beyond(metric, result)
    if why:
        return phase
    if metric.successes and result["consecutiveSuccess"] >= metric.successes:
        return AnalysisPhase.SUCCESSFUL
    if metric.measurements is not None and result["count"] >= metric.measurements:
        if not metric.successes:
            return AnalysisPhase.SUCCESSFUL
        return AnalysisPhase.FAILED if metric.failure_limit < 0 else AnalysisPhase.INCONCLUSIVE
    return AnalysisPhase.SUCCESSFUL if ends else AnalysisPhase.RUNNING


def _told(metric: Metric, result: Object) -> str:
    """What a run says of the metric that decided it."""
    why = _beyond(metric, result)[1]
    error = f': "Error Message: {result["message"]}"' if result.get("message") else ""
    return f'Metric "{metric.name}" assessed {phase_of(result)} due to {why}{error}' if why else ""
