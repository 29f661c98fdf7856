"""Analyses of Argo Rollouts: `AnalysisRun` of `argoproj.io/v1alpha1`.

Source: `pkg/apis/rollouts/v1alpha1/analysis_types.go` and `analysis/analysis.go` of argoproj/argo-rollouts. A metric without a
measurement is Successful there when the run is terminated, and failed measurements up to `failureLimit` leave it Successful.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from pydantic import Field

from harness.drivers.ingest.chaos.experiment import (
    ChaosExperiment,
    ChaosFile,
    ChaosFinding,
    ChaosFormat,
    found_if,
    is_from,
    newest_of,
    oldest_of,
    time_of,
    unknown_word,
)
from harness.drivers.ingest.chaos.objects import ReportedObject, objects_of
from harness.drivers.ingest.formats.plain import ReportSection, section_of, shown
from harness.words import counted, some

_ARGUMENT: Final = re.compile(r"\{\{\s*args\.([\w-]+)\s*\}\}")
_JUDGING: Final = {"job", "kayenta"}
"""Providers whose own result is good or bad."""
_KEPT: Final = 10
"""Measurements of a metric that are kept, if nothing else is asked for."""
_PHASES: Final = {"Pending", "Running", "Successful", "Failed", "Error", "Inconclusive"}


class AnalysisArgument(ReportSection):
    """A value that metrics refer to by name."""

    name: str
    value: str | None = None


class AnalysedMetric(ReportSection):
    """A metric as it was declared."""

    name: str
    count: str | int | None = None
    interval: str = ""
    enough: str | int | None = Field(default=None, alias="consecutiveSuccessLimit")
    good: str = Field(default="", alias="successCondition")
    bad: str = Field(default="", alias="failureCondition")
    provider: dict[str, Any] = Field(default_factory=dict)

    @property
    def can_fail(self) -> bool:
        """Whether a measurement may be bad: without a condition only a provider that judges by itself finds one so."""
        return bool(self.good.strip() or self.bad.strip() or self.provider.keys() & _JUDGING)


class MetricMeasurement(ReportSection):
    """One measurement."""

    phase: str = ""
    finished: str | None = Field(default=None, alias="finishedAt")


class MetricCounts(ReportSection):
    """Numbers of measurements, or of metrics; the tool leaves out those that are 0."""

    count: int = 0
    successful: int = 0
    failed: int = 0
    inconclusive: int = 0
    error: int = 0


class MetricResult(MetricCounts):
    """What was measured of one metric."""

    name: str
    phase: str = ""
    dry: bool = Field(default=False, alias="dryRun")
    measurements: list[MetricMeasurement] = Field(default_factory=list)


class ArgoSpec(ReportSection):
    """What was asked for."""

    metrics: list[AnalysedMetric]
    args: list[AnalysisArgument] | None = None
    terminate: bool = False
    dry: list[object] | None = Field(default=None, alias="dryRun")
    retention: list[object] | None = Field(default=None, alias="measurementRetention")


class ArgoStatus(ReportSection):
    """What became of it."""

    phase: str = ""
    message: str = ""
    results: list[MetricResult] = Field(default_factory=list, alias="metricResults")
    started: str | None = Field(default=None, alias="startedAt")
    completed: str | None = Field(default=None, alias="completedAt")
    summary: MetricCounts | None = Field(default=None, alias="runSummary")


class ArgoAnalysis(ReportSection):
    """An AnalysisRun."""

    spec: ArgoSpec
    status: ArgoStatus

    @property
    def real(self) -> list[MetricResult]:
        """The results that are no dry runs."""
        return [one for one in self.status.results if not one.dry]


def read_analyses(files: Sequence[ChaosFile]) -> Sequence[ChaosExperiment]:
    """Each AnalysisRun."""
    return [_analysis(one) for one in objects_of(files, "argoproj.io/v1alpha1", ("AnalysisRun",))]


def _analysis(one: ReportedObject) -> ChaosExperiment:
    found = section_of(ArgoAnalysis, one.data, one.where, kind="an AnalysisRun of Argo Rollouts")
    measured = [each.finished for result in found.status.results for each in result.measurements]
    times = [time_of(each, one.where) for each in measured if each is not None]
    first, last = oldest_of(times), newest_of(times)
    completed = time_of(found.status.completed, one.where)
    return ChaosExperiment(
        name=one.metadata.name,
        path=one.path,
        identity=one.metadata.uid or one.label,
        injected=None,
        probed=_probed(found),
        undone=None,
        ended=_ended(found, dated=is_from(completed or last, time_of(found.status.started, one.where)) is True),
        end=completed or last,
        doubts=(
            *_doubts(found),
            *(["it was measured after its end"] if completed and last and not is_from(completed, last) else []),
            *(
                ["it was measured before it began"]
                if is_from(first, time_of(found.status.started, one.where)) is False
                else []
            ),
        ),
    )


def _probed(analysis: ArgoAnalysis) -> ChaosFinding:
    if failed := [f"`{shown(one.name)}`" for one in analysis.real if one.phase == "Failed" and one.failed]:
        return ChaosFinding(ok=False, seen=f"failed: {some(failed)}")
    measured = sum(one.count for one in analysis.real)
    return found_if(
        _not_probed(analysis), f"{counted(len(analysis.real), 'metric')} passed in {counted(measured, 'measurement')}"
    )


def _not_probed(analysis: ArgoAnalysis) -> Iterator[str]:
    results = {one.name: one for one in analysis.status.results}
    values = {one.name: one.value or "" for one in analysis.spec.args or []}
    if not analysis.spec.metrics:
        yield "it has no metric"
    elif not analysis.real:
        yield "all of its metrics are dry runs" if results else "no metric was measured"
    for metric in analysis.spec.metrics:
        name, result = f"`{shown(metric.name)}`", results.get(metric.name)
        if result is None:
            yield f"{name} was not measured"
            continue
        if not metric.can_fail:
            yield f"{name} has no condition, so that every measurement is Successful"
        if result.phase != "Successful":
            yield f"{name} is {shown(result.phase) if result.phase in _PHASES else unknown_word('phase', result.phase)}"
        if not result.count or not result.measurements:
            yield f"{name} has no measurement"
        for number, what in (
            (result.failed, "failed"),
            (result.inconclusive, "inconclusive"),
            (result.error, "erroneous"),
        ):
            if number:
                yield f"{name} has {counted(number, f'{what} measurement')}, within its limit"
        yield from _too_few(metric, result, values)


def _too_few(metric: AnalysedMetric, result: MetricResult, values: Mapping[str, str]) -> Iterator[str]:
    """Whether a metric was measured less often than was asked for."""
    if _number(metric.enough, values):
        return  # it ends as soon as so many measurements in a row are good
    expected = _number(metric.count, values) if metric.count is not None else 0
    if metric.interval and expected == 0:
        yield f"`{shown(metric.name)}` has an interval and no count, so that only a termination ends it"
    elif expected is None:
        yield f"`{shown(metric.name)}` has the count `{shown(str(metric.count))}`, which is not a number"
    elif result.count < max(expected, 1):
        yield f"`{shown(metric.name)}` was measured {result.count} of {counted(max(expected, 1), 'time')}"


def _number(value: str | int | None, values: Mapping[str, str]) -> int | None:
    """A number that may be an argument; None if it is another text."""
    text = str(value if value is not None else "")
    if argument := _ARGUMENT.fullmatch(text.strip()):
        text = values.get(argument[1], "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 9 else None


def _ended(analysis: ArgoAnalysis, *, dated: bool) -> ChaosFinding:
    problems, phase = [], analysis.status.phase
    if phase not in ("Successful", "Failed"):
        problems.append(f"the phase is `{phase}`" if phase in _PHASES else unknown_word("phase", phase))
    if analysis.spec.terminate or "terminated" in analysis.status.message.lower():
        problems.append("it was terminated, which makes a metric without measurements Successful")
    if not dated:
        problems.append("it does not say when it began and ended")
    return found_if(problems, f"{phase} at {shown(analysis.status.completed or 'its last measurement')}")


def _doubts(analysis: ArgoAnalysis) -> Iterator[str]:
    """How a run contradicts itself."""
    status, declared = analysis.status, [one.name for one in analysis.spec.metrics]
    named = [one.name for one in status.results]
    for what, names in (("metric", declared), ("result", named)):
        if len({*names}) < len(names):
            yield f"it has two {what}s of one name"
    if odd := [name for name in named if name not in declared]:
        yield f"`{shown(odd[0])}` is not one of its metrics"
    for result in status.results:
        yield from _miscounted(result, _KEPT if not analysis.spec.retention else 0)
    if analysis.spec.dry and all(not one.dry for one in status.results):
        yield "`dryRun` names metrics, and none of the results is one of a dry run"
    phases = [one.phase for one in analysis.real]
    if status.phase == "Successful" and any(one != "Successful" for one in phases):
        yield "it is Successful, and one of its metrics is not"
    if status.phase == "Failed" and "Failed" not in phases:
        yield "it is Failed, and none of its metrics is"
    if (summary := status.summary) is not None:
        passed = status.phase != "Successful" or (summary.successful, summary.failed) == (len(phases), 0)
        if summary.count != len({*declared} - {one.name for one in status.results if one.dry}) or not passed:
            yield "its `runSummary` does not count its metrics"


def _miscounted(result: MetricResult, kept: int) -> Iterator[str]:
    """Whether the counts of a metric are none; `kept`: the number of measurements that are kept, 0: unknown."""
    name = f"`{shown(result.name)}`"
    if min(result.count, result.successful, result.failed, result.inconclusive, result.error) < 0:
        yield f"{name} has a negative count"
    if result.count != result.successful + result.failed + result.inconclusive:
        yield f"{name} counts {result.count} measurements, and its parts do not add up to them"
    if len(result.measurements) < min(result.count + result.error, kept):
        yield f"{name} counts {result.count} measurements, and lists {len(result.measurements)}"
    yield from _listed(result)


def _listed(result: MetricResult) -> Iterator[str]:
    """Whether the measurements, of which the last few are kept, agree with the counts."""
    name, kept = f"`{shown(result.name)}`", [one.phase for one in result.measurements]
    for phase, number in (
        ("Successful", result.successful),
        ("Failed", result.failed),
        ("Inconclusive", result.inconclusive),
        ("Error", result.error),
    ):
        if kept.count(phase) > number:
            yield f"{name} lists {kept.count(phase)} measurements that are {phase}, and counts {number}"
    if odd := [one for one in kept if one not in ("Successful", "Failed", "Inconclusive", "Error")]:
        yield f"{name} has a measurement of phase `{shown(odd[0])}`"
    if any(one.finished is None for one in result.measurements):
        yield f"{name} has a measurement without an end"


ARGO: Final = ChaosFormat(tool="argo-analysis", what="an AnalysisRun of Argo Rollouts", read=read_analyses)
